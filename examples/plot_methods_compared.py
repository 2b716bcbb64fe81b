"""Which method needs the fewest evaluations?
==========================================

Performance profiles of four methods on the collection of Moré, Garbow and Hillstrom.

A profile (Dolan & Moré, 2002) shows, for every τ, the share of problems that a method solves with
at most τ times the evaluations of the best one. Left: how often a method is the best. Right: how
many problems it solves at all. Values and gradients are counted alike, a Hessian or a product with
it as one gradient: Newton's method needs the fewest, but a Hessian costs more than that where it is
large, and an iteration costs O(n³).
"""

import matplotlib.pyplot as plt
import numpy as np

from quasinewton import minimize, plot, problems

METHODS = "newton", "newton-cg", "bfgs", "lbfgs"
NAMES = (
    "rosenbrock freudenstein_roth beale helical_valley bard gaussian box powell_singular wood "
    "kowalik_osborne biggs extended_rosenbrock trigonometric broyden_tridiagonal"
).split()


def cost(problem, method):
    """Return the evaluations of a run, or NaN if it does not end at a known minimum.

    The functions are called uncompiled, as these runs are short and compiling takes longer.
    """
    derivatives = {"jac": problem.jac.py_func}
    if method in ("newton", "newton-cg"):
        derivatives["hess"] = problem.hess.py_func
    run = minimize(problem.fun.py_func, problem.x0, method=method, gtol=1e-6, **derivatives)
    known = [f for f in (problem.fmin, *problem.local_minima) if f is not None]
    if not (run.success and np.isclose(run.fun, known, rtol=1e-5, atol=1e-5).any()):
        return np.nan
    return run.nfev + run.njev + run.get("nhev", 0)


factories = [getattr(problems, name) for name in NAMES]
costs = {method: [cost(factory(), method) for factory in factories] for method in METHODS}
for method, row in costs.items():
    solved = np.isfinite(row).sum()
    print(f"{method:10} solves {solved} of {len(row)}, median cost {np.nanmedian(row):.0f}")
assert all(np.isfinite(row).mean() > 0.7 for row in costs.values())

ax = plot.performance_profile(costs)
ax.set_title("Evaluations, relative to the best method")
plt.show()
