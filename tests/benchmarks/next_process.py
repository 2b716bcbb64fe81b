"""Processor time of the first `minimize` of an objective, in a first process and in the next one.

Run as ``python tests/benchmarks/next_process.py``. The cache of the package is filled beforehand,
by another objective. Every figure is the least of several processes; importing is not counted.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import heading, table

OBJECTIVES = '''
import math
import numpy as np
from numba import njit

{decorator}
def rosen(x):
    f = 0.0
    for i in range(x.size - 1):
        a, b = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        f += 100.0 * a * a + b * b
    return f

{decorator}
def logit(w, X, y):
    z = X @ w
    return np.sum(np.log1p(np.exp(z)) - y * z) + 0.5 * np.dot(w, w)

{decorator}
def net(p, X, y):
    hidden = np.tanh(X @ p[:80].reshape(10, 8) + p[80:88])
    return np.mean((hidden @ p[88:96] + p[96] - y) ** 2) + 1e-3 * np.sum(p * p)

{decorator}
def garch(p, returns):
    mean, phi, omega = p[0], p[1], math.exp(p[2])
    alpha, beta = 0.5 / (1.0 + math.exp(-p[3])), 0.5 / (1.0 + math.exp(-p[4]))
    h, e, f = omega / (1.0 - alpha - beta), returns[0] - mean, 0.0
    for t in range(1, returns.size):
        h = omega + alpha * e * e + beta * h
        e = returns[t] - mean - phi * (returns[t - 1] - mean)
        f += 0.5 * (math.log(h) + e * e / h)
    return f
'''
SCRIPT = """
import sys, time
sys.path.insert(0, {folder!r})
import numpy as np
import quasinewton
import objectives

rng = np.random.default_rng(0)
X, target, returns = rng.normal(size=(200, 20)), rng.normal(size=200), rng.normal(size=500)
given = dict(
    rosen=(np.full(2, -1.0), ()),
    logit=(np.zeros(20), (X, (target > 0.0) * 1.0)),
    net=(0.1 * rng.normal(size=97), (np.ascontiguousarray(X[:, :10]), target)),
    garch=(np.array([0.0, 0.0, -2.0, -1.0, 1.0]), (returns,)),
)
fun = getattr(objectives, {name!r})
x0, args = given[{name!r}]
begun = time.process_time()
res = quasinewton.minimize(fun, x0, args, method={method!r}, options=dict(maxiter=2))
print(time.process_time() - begun)
"""
WARM = """
import numpy as np
from quasinewton import minimize
def sphere(x):
    return x @ x
for method in "lbfgs", "newton":
    minimize(sphere, np.ones(2), jac=lambda x: 2.0 * x, hess=lambda x: 2.0 * np.eye(2), method=method)
"""


def run(script, cache):
    """Return the seconds that a script prints, in a new process."""
    environment = os.environ | {"NUMBA_CACHE_DIR": cache}
    output = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return float(output.stdout or 0.0)


def rows(cache, decorator, repeats=3):
    """Yield rows: objective and method, seconds in the first process, seconds in the next one."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "objectives.py").write_text(OBJECTIVES.replace("{decorator}", decorator))
        for name in ("rosen", "logit", "net", "garch"):
            for method in ("lbfgs", "newton"):
                script = SCRIPT.format(folder=folder, name=name, method=method)
                first = run(script, cache)
                then = min(run(script, cache) for _ in range(repeats))
                yield name, method, f"{first:.2f}", f"{then:.3f}"


if __name__ == "__main__":
    print(heading(), end="\n\n")
    with tempfile.TemporaryDirectory() as cache:
        run(WARM, cache)
        for decorator in ("@njit", "@njit(cache=True)"):
            print(decorator, end="\n\n")
            print(table(("objective", "method", "first process, s", "next process, s"), rows(cache, decorator)))
