"""Newton's method in lmfit, for a fit whose parameters have bounds and constraints between them.

`Minimizer.scalar_minimize` takes a callable as its method, as SciPy does. lmfit maps the bounds of
its parameters to free variables, evaluates the expressions, and makes the report; the sum of
squares is minimised here. The answer is compared with that of lmfit's own Levenberg-Marquardt.
"""

import lmfit
import numpy as np

from quasinewton import minimize

rng = np.random.default_rng(3)
t = np.linspace(0.0, 10.0, 200)
signal = 3.0 * np.exp(-0.4 * t) * np.cos(2.0 * t) + 0.5 + 0.05 * rng.normal(size=t.size)


def residual(params, t, data):
    v = params.valuesdict()
    return (v["a"] * np.exp(-v["rate"] * t) * np.cos(v["omega"] * t) + v["offset"] - data) / 0.05


def newton(fun, x0, **keywords):
    """Newton's method, whose name the report shows."""
    return minimize(fun, x0, method="newton", **keywords)


params = lmfit.Parameters()
params.add("a", value=2.0, min=0.0)
params.add("rate", value=0.3, min=0.0, max=2.0)
params.add("omega", value=1.9)
params.add("offset", value=0.0)
params.add("half_life", expr="log(2) / rate")

fitter = lmfit.Minimizer(residual, params, fcn_args=(t, signal))
ours, theirs = fitter.scalar_minimize(method=newton), fitter.minimize(method="leastsq")
for name in params:
    print(f"{name:10s} {ours.params[name].value:9.5f}   leastsq: {theirs.params[name].value:9.5f}")
    assert abs(ours.params[name].value - theirs.params[name].value) < 1e-3
assert ours.success and ours.chisqr <= theirs.chisqr * (1.0 + 1e-6)
