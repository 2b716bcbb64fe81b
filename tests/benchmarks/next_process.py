"""Processor time of the first `minimize` of an objective, in a first process and in the next one.

Run as ``python tests/benchmarks/next_process.py [CHECKOUT]``: with the path of another checkout, it
is measured instead. The caches are filled beforehand, by functions that differ in a constant, and
with them the bytecode of modules, which an installed package has. "f" is the first call of the
function itself in a process of its own. Importing is not counted.
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
def chain(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

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
import {module} as objectives

rng = np.random.default_rng(0)
X, target, returns = rng.normal(size=(200, 20)), rng.normal(size=200), rng.normal(size=500)
given = dict(
    rosen=(np.full(2, -1.0), ()),
    logit=(np.zeros(20), (X, (target > 0.0) * 1.0)),
    net=(0.1 * rng.normal(size=97), (np.ascontiguousarray(X[:, :10]), target)),
    chain=(np.full(100, -1.0), ()),
    garch=(np.array([0.0, 0.0, -2.0, -1.0, 1.0]), (returns,)),
)
fun = getattr(objectives, {name!r})
x0, args = given[{name!r}]
begun = time.process_time()
if {method!r}:
    quasinewton.minimize(fun, x0, args, method={method!r}, options=dict(maxiter=2))
else:
    fun(x0, *args)
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


def run(script, cache, checkout):
    """Return the seconds that a script prints, in a new process."""
    environment = os.environ | {"NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(checkout)}
    environment |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}
    output = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return float(output.stdout or 0.0)


def rows(cache, checkout, decorator, repeats=2):
    """Yield rows: objective and method, seconds of f, of the first process, and of the next one.

    The first process is repeated with functions that differ in a constant.
    """
    with tempfile.TemporaryDirectory() as folder:
        for k in range(repeats + 1):
            text = OBJECTIVES.replace("{decorator}", decorator).replace("0.5", f"0.{5 + k}")
            text = text.replace("100.0", f"10{k}.0").replace("1e-3", f"{1 + k}e-3")
            (Path(folder) / f"objectives{k}.py").write_text(text)
        for name in ("rosen", "logit", "net", "chain", "garch"):
            for method in ("lbfgs", "newton"):
                timed = lambda k, method=method, name=name: run(
                    SCRIPT.format(folder=folder, name=name, method=method, module=f"objectives{k}"), cache, checkout
                )
                timed(0)
                first = min(timed(k) for k in range(1, repeats + 1))
                then = min(timed(1) for _ in range(repeats))
                own = min(timed(k, "") for k in range(1, repeats + 1))
                yield name, method, f"{own:.2f}", f"{first:.2f}", f"{then:.3f}"


if __name__ == "__main__":
    print(heading(), end="\n\n")
    with tempfile.TemporaryDirectory() as cache:
        checkout = Path(sys.argv[1] if sys.argv[1:] else Path(__file__).parents[2]).resolve()
        run(WARM, cache, checkout)
        for decorator in ("@njit", "@njit(cache=True)"):
            print(decorator, end="\n\n")
            header = "objective", "method", "f, s", "first process, s", "next process, s"
            print(table(header, rows(cache, checkout, decorator)), flush=True)
