"""Every method under every line search, on Rosenbrock's valley in ten dimensions
==============================================================================

    f(x) = Σ 100 (x[i+1] − x[i]²)² + (1 − x[i])²

One objective, compiled once, serves them all: value and gradient are written together, the gradient
in place. Each entry of the table is iterations / evaluations until ‖g‖_∞ <= 1e-6, or the name of
the status that ended the run.
"""

import numpy as np
from numba import njit

from quasinewton import BFGS, LBFGS, GradientDescent, Newton, minimize
from quasinewton._line_searches import BY_NAME


@njit
def rosenbrock(x, g):
    """Return f and write its gradient to g, which arrives with no useful contents."""
    f = 0.0
    g[:] = 0.0
    for i in range(x.size - 1):
        bend, distance = x[i + 1] - x[i] ** 2, 1.0 - x[i]
        f += 100.0 * bend**2 + distance**2
        g[i] -= 400.0 * x[i] * bend + 2.0 * distance
        g[i + 1] += 200.0 * bend
    return f


@njit
def hessian(x):
    """Return ∂²f/∂x², tridiagonal."""
    H = np.zeros((x.size, x.size))
    for i in range(x.size - 1):
        H[i, i] += 1200.0 * x[i] ** 2 - 400.0 * x[i + 1] + 2.0
        H[i + 1, i + 1] += 200.0
        H[i, i + 1] = H[i + 1, i] = -400.0 * x[i]
    return H


# A method is a name or, to choose its settings, an object.
METHODS = {
    "Newton": Newton(),
    "BFGS": BFGS(),
    "L-BFGS, 3 pairs": LBFGS(memory=3),
    "L-BFGS": LBFGS(),
    "gradient descent": GradientDescent(),
}


def main(n=10):
    start = np.tile([-1.2, 1.0], n // 2)
    results = {}
    print(f"{'':18}" + "".join(f"{name:>16}" for name in BY_NAME))
    for name, method in METHODS.items():
        hess = hessian if type(method) is Newton else None
        line = f"{name:18}"
        for search in BY_NAME:
            options = {"gtol": 1e-6, "line_search": search, "maxiter": 50_000, "maxfun": 500_000}
            res = results[name, search] = minimize(rosenbrock, start, (), method, "inplace", hess, options=options)
            line += f"{f'{res.nit} / {res.nfev}' if res.success else res.status.name:>16}"
        print(line)

    for (name, search), res in results.items():
        # A fixed step of 1 is Newton's own; for gradient descent it is far too long.
        if search != "fixed":
            assert res.success, (name, search, res.message)
            # Nearly all runs reach (1, ..., 1); f has one more minimum, near (−1, 1, ..., 1).
            assert np.abs(np.abs(res.x) - 1.0).max() < 0.02, (name, search)
    for search in set(BY_NAME) - {"fixed"}:
        newton, lbfgs, descent = (results[name, search].nfev for name in ("Newton", "L-BFGS", "gradient descent"))
        assert newton < lbfgs < descent, "what a method knows of the curvature is worth evaluations"


if __name__ == "__main__":
    main()
