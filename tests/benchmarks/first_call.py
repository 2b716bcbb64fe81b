"""Processor time of the first `minimize` of a process, while Numba compiles.

Run as ``python tests/benchmarks/first_call.py [CHECKOUT] [--only WORD ...]``: with the path of
another checkout the table compares with it, case by case, side by side. A case is a process with an
empty cache; then one in which nothing begins in Python, so that everything is compiled; and then
some with the cache that this has filled. The import and the compilation of the user's own functions
are not counted.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import measure

HERE = Path(__file__).resolve().parents[2]
BYTECODE = tempfile.TemporaryDirectory()
SCRIPT = """
import time
import numpy as np
from numba import njit
begun = time.process_time()
import quasinewton
imported = time.process_time() - begun

def fun(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2

def jac(x):
    a, b = x[1] - x[0] * x[0], 1.0 - x[0]
    return np.array([-400.0 * x[0] * a - 2.0 * b, 200.0 * a])

def hess(x):
    return np.array([[1200.0 * x[0] ** 2 - 400.0 * x[1] + 2.0, -400.0 * x[0]], [-400.0 * x[0], 200.0]])

def squares(x, A, b):
    r = A @ x - b
    return r @ r / b.size, 2.0 * (r @ A) / b.size

A = np.random.default_rng(0).normal(size=(1000, 3))
b = A @ np.array([1.0, -2.0, 0.5])
if {compiled}:
    fun, jac, hess, squares = njit(fun), njit(jac), njit(hess), njit(squares)
    for function in fun, jac, hess:
        function(np.zeros(2))
    squares(np.zeros(3), A, b)

def stochastic(method):
    return quasinewton.minimize_stochastic(squares, np.zeros(3), (A, b), method, jac=True, rng=1, lr=0.01, epochs=30)

def solve(method, **options):
    second = dict(hess=hess) if method in ("newton", "newton-cg") else dict()
    return quasinewton.minimize(fun, [-1.2, 1.0], jac=jac, method=method, **second, **options)

{before}
begun = time.process_time()
{call}
print(imported, time.process_time() - begun)
"""
BOUNDS = "bounds=[(-2.0, 2.0)] * 2"
PLAIN = ("lbfgs", "bfgs", "newton", "newton-cg", "gradient-descent")
CASES = {  # whether users' functions are compiled; what runs before; what is measured
    **{f"{method}, Python objective": (False, "", f"solve({method!r})") for method in PLAIN},
    **{f"{method}, compiled": (True, "", f"solve({method!r})") for method in ("lbfgs", "bfgs", "newton")},
    **{
        f"{method} with bounds": (False, "", f"solve({method!r}, {BOUNDS})")
        for method in ("lbfgs", "bfgs", "newton", "newton-cg")
    },
    **{method: (False, "", f"solve({method!r}, maxiter=9)") for method in ("adam", "sgd")},
    **{
        f"mini-batches, {'compiled' if compiled else 'Python objective'}": (compiled, "", "stochastic('adam')")
        for compiled in (False, True)
    },
    "mini-batches, sgd after adam": (True, "stochastic('adam')", "stochastic('sgd')"),
    "bfgs after lbfgs": (False, "solve('lbfgs')", "solve('bfgs')"),
    "newton after lbfgs": (False, "solve('lbfgs')", "solve('newton')"),
    "adam after sgd": (False, "solve('sgd', maxiter=9)", "solve('adam', maxiter=9)"),
    "lbfgs, another search": (False, "solve('lbfgs')", "solve('lbfgs', line_search='strong-wolfe')"),
}


def seconds(case, checkout, cache, **variables):
    """Return processor seconds of the import and of the call, in a new process."""
    compiled, before, call = CASES[case]
    script = SCRIPT.format(compiled=compiled, before=before, call=call)
    environment = os.environ | {"NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1"}
    # An installed package has its bytecode.
    environment |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": BYTECODE.name} | variables
    # In the folder of the cache, since Python finds modules in the current one before all others.
    command = [sys.executable, "-c", script]
    run = subprocess.run(command, cwd=cache, env=environment, capture_output=True, text=True, check=True)
    return tuple(map(float, run.stdout.split()))


def measured(case, checkout, warm=3):
    """Return seconds of four kinds.

    With an empty cache, with everything compiled at once, the least with a full cache, and the
    least of an import.
    """
    with tempfile.TemporaryDirectory() as cache:
        seconds(case, checkout, cache)  # makes the bytecode
    with tempfile.TemporaryDirectory() as cache:
        _, cold = seconds(case, checkout, cache, QUASINEWTON_PYTHON_FIRST="1")
    with tempfile.TemporaryDirectory() as cache:
        _, compiled = seconds(case, checkout, cache, QUASINEWTON_PYTHON_FIRST="0")
        full = [seconds(case, checkout, cache, QUASINEWTON_PYTHON_FIRST="1") for _ in range(warm)]
    return cold, compiled, min(call for _, call in full), min(imported for imported, _ in full)


def rows(cases, other):
    """Yield a row per case: seconds here and, with another checkout, seconds there and the ratio.
    """
    for case in cases:
        here = measured(case, HERE)
        cells = [f"{here[0]:.2f}", f"{here[1]:.2f}", f"{here[2]:.3f}", f"{here[3]:.2f}"]
        if other:
            there = measured(case, other)
            cells += [f"{there[0]:.2f}", f"{there[2]:.3f}", f"{there[3]:.2f}", f"{there[0] / here[0]:.1f}×"]
        yield case, *cells


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", nargs="?", type=Path)
    parser.add_argument("--only", nargs="*", default=[""])
    arguments = parser.parse_args()
    header = ["first call", "empty cache, s", "compiled at once, s", "full cache, s", "import, s"]
    if arguments.checkout:
        header += ["there: empty, s", "full, s", "import, s", "ratio"]
    chosen = [case for case in CASES if any(word in case for word in arguments.only)]
    print(measure.heading(), end="\n\n")
    print(measure.table(header, rows(chosen, arguments.checkout)))
