"""Time of small problems, against SciPy.

Whole calls are timed with a compiled objective, the overhead with a Python one. Run as ``python
tests/benchmarks/overhead.py``.
"""

import numpy as np
import scipy.optimize
from measure import heading, seconds, table  # This import must come first: it sets the BLAS threads.
from numba import njit

import quasinewton

SCIPY = {"lbfgs": "L-BFGS-B", "bfgs": "BFGS"}


@njit
def rosenbrock(x):
    """Return Rosenbrock's chained function and its gradient."""
    f, g = 0.0, np.zeros(x.size)
    for i in range(x.size - 1):
        a, b = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        f += 100.0 * a * a + b * b
        g[i] += -400.0 * x[i] * a - 2.0 * b
        g[i + 1] += 200.0 * a
    return f, g


def plane(x):
    """Return Rosenbrock's function of two variables and its gradient, in Python."""
    a, b = x[1] - x[0] * x[0], 1.0 - x[0]
    return 100.0 * a * a + b * b, np.array([-400.0 * x[0] * a - 2.0 * b, 200.0 * a])


def value(x):
    """Return the value of `plane` alone."""
    a, b = x[1] - x[0] * x[0], 1.0 - x[0]
    return 100.0 * a * a + b * b


def gradient(x):
    """Return the gradient of `plane` alone."""
    a, b = x[1] - x[0] * x[0], 1.0 - x[0]
    return np.array([-400.0 * x[0] * a - 2.0 * b, 200.0 * a])


def start(n):
    """Return the standard start."""
    return np.tile([-1.2, 1.0], n // 2)


def options(method):
    """Return SciPy's options that end a run by the gradient test alone."""
    return {"gtol": 1e-8} if method == "bfgs" else {"gtol": 1e-8, "ftol": 0.0}


def compiled_rows():
    """Yield rows: whole calls with the same compiled objective."""
    for n in (2, 10):
        for method in SCIPY:

            def ours(n=n, method=method):
                return quasinewton.minimize(rosenbrock, start(n), jac=True, method=method, gtol=1e-8)

            def theirs(n=n, method=method):
                return scipy.optimize.minimize(
                    rosenbrock, start(n), jac=True, method=SCIPY[method], options=options(method)
                )

            a, b = seconds(ours), seconds(theirs)
            yield f"n = {n}, {SCIPY[method]}", f"{a * 1e6:.0f}", f"{b * 1e6:.0f}", f"{b / a:.1f}×"


def python_rows():
    """Yield rows: time outside a Python objective, per evaluation."""
    for method in SCIPY:
        for form, fun, jac, alone in (
            ("jac=True", plane, True, lambda: plane(X0)),
            ("fun, jac", value, gradient, lambda: (value(X0), gradient(X0))),
        ):

            def ours(fun=fun, jac=jac, method=method):
                return quasinewton.minimize(fun, X0, jac=jac, method=method, gtol=1e-8)

            def theirs(fun=fun, jac=jac, method=method):
                return scipy.optimize.minimize(fun, X0, jac=jac, method=SCIPY[method], options=options(method))

            inside = seconds(alone)
            a = seconds(ours) / ours().nfev - inside
            b = seconds(theirs) / theirs().nfev - inside
            yield f"{form}, {SCIPY[method]}", f"{a * 1e6:.2f}", f"{b * 1e6:.2f}", f"{b / a:.1f}×"


X0 = start(2)

if __name__ == "__main__":
    print(heading(), end="\n\n")
    print(table(("compiled objective, whole call", "ours, µs", "SciPy, µs", "ratio"), compiled_rows()), end="\n\n")
    print(table(("Python objective, outside it per evaluation", "ours, µs", "SciPy, µs", "ratio"), python_rows()))
