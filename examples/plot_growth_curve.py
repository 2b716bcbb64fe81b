"""A growth curve, and how well its parameters are known
=====================================================

Maximum likelihood, standard errors and profiles of a nonlinear fit.

The data are fifteen measurements of onions that grow: data set Rat43 of the U.S. National Institute
of Standards and Technology (https://www.itl.nist.gov/div898/strd/nls/data/ratkowsky3.shtml, public
domain; D. A. Ratkowsky, Nonlinear Regression Modeling, Dekker 1983, pp. 62 and 88), which comes
with certified estimates. The model is

    y = b₁ / (1 + exp(b₂ − b₃ t))^(1/b₄)

"""

import matplotlib.pyplot as plt
import numpy as np
from numba import njit

from quasinewton import minimize, plot

WEIGHT = np.array([16.08, 33.83, 65.80, 97.20, 191.55, 326.20, 386.87, 520.53,
                   590.03, 651.92, 724.93, 699.56, 689.96, 637.56, 717.41])
TIME = np.arange(1.0, 16.0)
START = [700.0, 5.0, 0.75, 1.3]  # NIST's second start
CERTIFIED = [699.64151270, 5.2771253025, 0.75962938329, 1.2792483859]

# %%
# The objective is compiled; its gradient and its Hessian are derived from it, exactly. Divided by
# the variance of the measurements, half the sum of squares is the negative log-likelihood.


@njit
def misfit(b, t, y, variance):
    f = 0.0
    for i in range(t.size):
        model = b[0] / (1.0 + np.exp(b[1] - b[2] * t[i])) ** (1.0 / b[3])
        f += 0.5 * (y[i] - model) ** 2 / variance
    return f


first = minimize(misfit, START, args=(TIME, WEIGHT, 1.0), method="newton")
variance = 2.0 * first.fun / (TIME.size - len(START))
fit = minimize(misfit, first.x, args=(TIME, WEIGHT, variance), method="newton", gtol=1e-8)
errors = np.sqrt(np.diag(np.linalg.inv(fit.hess)))
for name, value, error, certified in zip("b₁ b₂ b₃ b₄".split(), fit.x, errors, CERTIFIED):
    print(f"{name} = {value:10.5f} ± {error:8.5f}   certified {certified:10.5f}")
assert fit.success and np.allclose(fit.x, CERTIFIED, rtol=1e-5)

# %%
# The band is ± 2 standard deviations of the curve, from the covariance of the estimates.

fine = np.linspace(0.5, 15.5, 200)


def curve(b):
    return b[0] / (1.0 + np.exp(b[1] - b[2] * fine)) ** (1.0 / b[3])


steps = np.diag(1e-4 * errors)
slopes = np.array([(curve(fit.x + h) - curve(fit.x - h)) / (2.0 * h.sum()) for h in steps])
band = 2.0 * np.sqrt(np.einsum("ik,ij,jk->k", slopes, np.linalg.inv(fit.hess), slopes))

middle, blue = curve(fit.x), plot.COLOURS[0]
fig, ax = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
ax.fill_between(fine, middle - band, middle + band, color=blue, alpha=0.2, linewidth=0)
ax.plot(fine, middle, color=blue, label="fit, ± 2 standard deviations")
ax.plot(TIME, WEIGHT, "o", color=plot.COLOURS[1], label="onions (NIST Rat43)")
ax.set(xlabel="time", ylabel="dry weight")
ax.legend(loc="lower right")

# %%
# Can the standard errors be trusted? A profile is the least f for a fixed value of one parameter.
# Where it follows the parabola of the curvature, as that of b₁ does, yes. Those of b₃ and b₄ rise
# faster on the left and more slowly on the right: their intervals are not symmetric.

fig, axes = plt.subplots(2, 2, figsize=(7.2, 5.6), layout="constrained")
names = ["b₁", "b₂", "b₃", "b₄"]
args = TIME, WEIGHT, variance
plot.profiles(misfit, fit, args, names, width=1.5, points=9, ax=axes.flat)
plt.show()
