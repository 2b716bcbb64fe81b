"""Basins of attraction
====================

Forty thousand minimisations in one call: which minimum does a start lead to?

Himmelblau's function has four minima, all with f = 0. Every pixel is the start of a run of BFGS;
its colour is the minimum found. `minimize_batch` runs them on all cores, without the interpreter.
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from numba import njit

from quasinewton import minimize_batch, plot


@njit
def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11.0) ** 2 + (x[0] + x[1] ** 2 - 7.0) ** 2


SIDE = 200
line = np.linspace(-6.0, 6.0, SIDE)
starts = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
result = minimize_batch(himmelblau, starts, method="bfgs")
print(result.message)

MINIMA = np.array([
    [3.0, 2.0], [-2.805118, 3.131312], [-3.779310, -3.283186], [3.584428, -1.848126],
])
distance = np.linalg.norm(result.x[:, None] - MINIMA, axis=2)
which = distance.argmin(axis=1)
assert result.success.mean() > 0.999 and np.median(distance.min(axis=1)) < 1e-5

# %%
# The colours are those of the minima, marked by circles; the more iterations, the darker.

palette = np.array([to_rgb(colour) for colour in plot.COLOURS[:4]])
light = np.clip(1.0 - 0.05 * (result.nit - 5), 0.35, 1.0)
picture = (palette[which] * light[:, None]).reshape(SIDE, SIDE, 3)
fig, ax = plt.subplots(figsize=(5.6, 5.4), layout="constrained")
ax.imshow(picture, origin="lower", extent=(-6, 6, -6, 6))
ax.plot(*MINIMA.T, "o", color="white", markeredgecolor="black", markersize=9)
ax.set(xlabel="$x_1$", ylabel="$x_2$", title="The minimum that each start leads to")

# %%
# With ten iterations at most, some runs do not arrive. How they ended, and after how many:

hurried = minimize_batch(himmelblau, starts, method="bfgs", maxiter=10)
print(hurried.message)
plot.batch(hurried)
plt.show()
