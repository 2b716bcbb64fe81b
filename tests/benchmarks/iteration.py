"""Time of an iteration outside the objective: dense BFGS and large L-BFGS, against SciPy.

Run as ``python tests/benchmarks/iteration.py``. The objective's own time is measured alone and subtracted, per
evaluation, from both sides.
"""

from measure import heading, seconds, table  # first: it sets the BLAS threads

import time

import numpy as np
import scipy.optimize
from numba import njit

import quasinewton


@njit
def quartic(x, scales):
    """Σ scales_i x_i²/2 + x_i⁴/4 with its gradient: separable, so that the method is what costs."""
    f, g = 0.0, np.empty(x.size)
    for i in range(x.size):
        square = x[i] * x[i]
        f += 0.5 * scales[i] * square + 0.25 * square * square
        g[i] = scales[i] * x[i] + square * x[i]
    return f, g


def per_iteration(solve, scales, repeats):
    """Least time of an iteration outside the objective, over `repeats` solves."""
    x = np.ones(scales.size)
    inside = seconds(lambda: quartic(x, scales), budget=0.2)
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        res = solve()
        times.append((time.perf_counter() - begun - res.nfev * inside) / res.nit)
    return min(times)


def rows():
    """BFGS at n = 100 and 1000, L-BFGS at n = 2·10⁶ with m = 10."""
    for n, method, theirs, iterations, repeats in (
        (100, "bfgs", "BFGS", 60, 9),
        (1000, "bfgs", "BFGS", 20, 5),
        (2_000_000, "lbfgs", "L-BFGS-B", 30, 3),
    ):
        scales, x0 = np.geomspace(1.0, 1e4, n), np.ones(n)
        common = {"gtol": 1e-300, "maxiter": iterations}

        def ours(x0=x0, scales=scales, method=method, common=common):
            return quasinewton.minimize(quartic, x0, (scales,), jac=True, method=method, options=common)

        def other(x0=x0, scales=scales, theirs=theirs, common=common):
            limits = common | ({"ftol": 0.0} if theirs == "L-BFGS-B" else {})
            return scipy.optimize.minimize(quartic, x0, (scales,), jac=True, method=theirs, options=limits)

        ours()
        a, b = per_iteration(ours, scales, repeats), per_iteration(other, scales, repeats)
        yield f"{theirs}, n = {n}", f"{a * 1e3:.4f}", f"{b * 1e3:.3f}", f"{b / a:.1f}×"


if __name__ == "__main__":
    print(heading(), end="\n\n")
    print(table(("per iteration outside the objective", "ours, ms", "SciPy, ms", "ratio"), rows()))
