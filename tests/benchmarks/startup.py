"""Time of a first call in a new process, with a cold and a warm cache.

Run as ``python tests/benchmarks/startup.py``. Every figure is the least of several processes.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import heading, table

HERE = Path(__file__).resolve().parents[2]

SCRIPT = """
import time
begun = time.perf_counter()
import numpy as np
from numba import njit
import quasinewton
imported = time.perf_counter()

@njit
def f(x):
    g = np.empty(2)
    a, b = x[1] - x[0] * x[0], 1.0 - x[0]
    g[0] = -400.0 * x[0] * a - 2.0 * b
    g[1] = 200.0 * a
    return 100.0 * a * a + b * b, g

{before}
compiled = time.perf_counter()
quasinewton.minimize(f, [-1.2, 1.0], jac=True, method="{method}")
ended = time.perf_counter()
print(imported - begun, compiled - imported, ended - compiled)
"""
COMPILE = "f(np.array([-1.2, 1.0]))"


def run(method, cache, before="", **variables):
    """Return seconds of import, compiling the objective, and `minimize`, in a new process."""
    script = SCRIPT.format(method=method, before=before)
    path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"NUMBA_CACHE_DIR": cache, "PYTHONPATH": path} | variables
    command = [sys.executable, "-c", script]
    output = subprocess.run(command, cwd=cache, env=environment, capture_output=True, text=True, check=True)
    return [float(word) for word in output.stdout.split()]


def rows(repeats=5):
    """Yield rows: cold cache, warm cache, and warm with the user's function compiled before.

    The last is the share of this package.
    """
    for method in ("lbfgs", "bfgs", "newton", "newton-cg"):
        cold = []
        for _ in range(2):
            with tempfile.TemporaryDirectory() as cache:
                cold.append(run(method, cache, QUASINEWTON_PYTHON_FIRST="1"))
                run(method, cache)  # compile what the first run left to Python
                warm = [run(method, cache) for _ in range(repeats)]
                share = [run(method, cache, COMPILE) for _ in range(repeats)]
        first, second, third = min(map(sum, cold)), min(row[2] for row in warm), min(row[2] for row in share)
        yield method, f"{first:.2f}", f"{second:.2f}", f"{third:.2f}"


if __name__ == "__main__":
    print(heading(), end="\n\n")
    header = ("method", "cold cache, import included, s", "warm cache, minimize, s", "of which ours, s")
    print(table(header, rows()))
