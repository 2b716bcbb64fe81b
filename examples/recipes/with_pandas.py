"""A table of pandas: columns as arguments of a compiled function, and one fit for each group.

The fits of all groups are one batch, on all cores. The answers are compared with NumPy's least
squares.
"""

import numpy as np
import pandas as pd
from numba import njit

from quasinewton import minimize, minimize_batch

rng = np.random.default_rng(6)
table = pd.DataFrame({"site": np.repeat(list("ABCDE"), 40), "depth": np.tile(np.linspace(0.0, 3.0, 40), 5)})
table["light"] = np.exp(-table["depth"] * table["site"].map(dict(zip("ABCDE", [0.3, 0.5, 0.7, 0.9, 1.1], strict=True))))
table["light"] *= np.exp(0.02 * rng.normal(size=len(table)))


@njit
def misfit(p, depth, light):
    """Return the sum of squares of log(light) about log(p0) − p1 depth."""
    r = np.log(light) - p[0] + p[1] * depth
    return np.sum(r * r)


# One fit: a column of a table is as good as an array.
res = minimize(misfit, [0.0, 0.0], (table["depth"], table["light"]), "bfgs")
assert res.success and res.jac_mode == "forward"

# One fit for each site: the groups as rows.
wide = table.pivot(index="site", columns="depth", values="light")
fits = minimize_batch(misfit, np.zeros((len(wide), 2)), (wide.columns,), (wide,), method="bfgs", gtol=1e-8)
found = pd.DataFrame(fits.x, index=wide.index, columns=["log_surface", "attenuation"])
found["success"] = fits.success
print(found.round(4))

assert found["success"].all()
for site, group in table.groupby("site"):
    slope, offset = np.polyfit(group["depth"], np.log(group["light"]), 1)
    assert np.allclose(found.loc[site, ["log_surface", "attenuation"]].astype(float), [offset, -slope])
