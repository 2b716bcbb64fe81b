"""Steps of a given rate
=====================

First-order methods in a ravine, and the effect of a learning-rate schedule under noise.

They make no search: the rate is yours. In a ravine plain descent zigzags; momentum averages the
zigzag out, and Adam scales every variable by the size of its gradients. Under noise a constant rate
leaves f at a level that only a falling rate gets below.
"""

import matplotlib.pyplot as plt
import numpy as np
from numba import njit

from quasinewton import SGD, Adam, Momentum, RMSprop, minimize, plot, schedules


@njit
def ravine(x, noise, calls):
    """Return a quadratic, twenty times steeper across than along, and its noisy gradient."""
    g = np.array([x[0], 20.0 * x[1]])
    g += noise[calls[0]]
    calls[0] += 1  # Arrays in args may be written to: every call gets other noise.
    return 0.5 * x[0] ** 2 + 10.0 * x[1] ** 2, g


def run(method, noise, steps, **options):
    args = noise, np.zeros(1, dtype=np.int64)
    options |= {"maxiter": steps, "gtol": -1.0}
    return minimize(ravine, [-8.0, 1.5], args, method, jac=True, options=options)


METHODS = {
    "SGD": SGD(lr=0.09),
    "Momentum": Momentum(lr=0.02),
    "RMSprop": RMSprop(lr=0.1),
    "Adam": Adam(lr=0.4),
}
silent = np.zeros((2000, 2))
paths = {
    name: run(method, silent, 60, return_all=True) for name, method in METHODS.items()
}
for name, path in paths.items():
    print(f"{name:10} f = {path.fun:.1e} after {path.nit} steps")
assert all(path.fun < 0.5 * 40.0 for path in paths.values())

fig, ax = plt.subplots(figsize=(8.0, 3.6), layout="constrained")
plot.path(lambda x: x[0] ** 2 + 20.0 * x[1] ** 2, paths, limits=((-9, 2.5), (-2.2, 2.2)), ax=ax)
ax.set_title("Sixty steps in a ravine")

# %%
# With noise in the gradient, at a constant rate and at one that falls to zero along a cosine.

noise = np.random.default_rng(0).normal(size=(2000, 2))
courses = {
    "constant rate": run(SGD(lr=0.05), noise, 1500, history=True),
    "cosine": run(SGD(lr=0.05), noise, 1500, history=True, schedule=schedules.cosine()),
}
assert courses["cosine"].fun < 0.1 * courses["constant rate"].history.f[-500:].mean()
fig, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
for (name, course), colour in zip(courses.items(), plot.COLOURS):
    f = course.history.f
    ax.loglog(1 + np.arange(f.size), f, color=colour, label=name, linewidth=0.8)
ax.set(xlabel="step", ylabel="f", title="Noise dies with the rate")
ax.legend()
plt.show()
