"""Ways through a valley
=====================

The iterates of four methods on Rosenbrock's function, and how fast f and the gradient fall.

The valley is bent and a hundred times steeper across than along. Gradient descent zigzags and makes
little way; BFGS and L-BFGS learn the curvature from their steps; Newton's method knows it.
"""

import matplotlib.pyplot as plt
import numpy as np
from numba import njit

from quasinewton import minimize, plot


@njit
def rosenbrock(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


# The gradient and the Hessian are derived from the compiled function.
options = {"gtol": 1e-8, "maxiter": 60, "history": True, "return_all": True}
runs = {
    method: minimize(rosenbrock, [-1.2, 1.0], method=method, options=options)
    for method in ("gradient-descent", "lbfgs", "bfgs", "newton")
}
for method, run in runs.items():
    counts = f"{run.nit:3d} iterations, {run.nfev:3d} evaluations"
    print(f"{method:16} {counts}, f = {run.fun:.1e}: {run.status.name}")
assert all(np.allclose(runs[method].x, 1.0) for method in ("lbfgs", "bfgs", "newton"))

# %%
# Each path on the contours of f, which are equally spaced in log(1 + f).

fig, axes = plt.subplots(2, 2, figsize=(9.0, 6.4), layout="constrained")
for ax, (method, run) in zip(axes.flat, runs.items()):
    plot.path(rosenbrock, run, limits=((-1.6, 1.4), (-0.5, 1.6)), ax=ax)
    ax.set_title(f"{method}: {run.nit} iterations")
    ax.label_outer()

# %%
# The course of the runs, counted in evaluations: near the minimum Newton's method doubles the
# number of correct digits with every iteration.

f_axes, g_axes = plot.convergence(runs, f_min=0.0)
f_axes.figure.suptitle("Convergence")
plt.show()
