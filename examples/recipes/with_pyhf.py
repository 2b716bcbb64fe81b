"""Fits of pyhf, the statistical models of particle physics, by an optimizer of its own.

pyhf's optimizers minimise twice the negative log-likelihood between bounds, with some parameters
fixed: signal strength 0 for the background, say. With "do_stitch" it leaves the fixed ones out. The
backend "jax" gives exact gradients; NumPy's has none, and differences are used. The answers are
compared with pyhf's own optimizer, SciPy's SLSQP.
"""

import numpy as np
import pyhf
from pyhf.optimize.mixins import OptimizerMixin

from quasinewton import minimize


class QuasinewtonOptimizer(OptimizerMixin):
    """Further keywords of a fit, such as method="bfgs", are those of `minimize`."""

    name = "quasinewton"

    def _get_minimizer(self, *args, **keywords):
        return minimize

    def _minimize(self, minimizer, func, x0, do_grad=False, bounds=None, fixed_vals=None, options=None):
        box, start = np.array(bounds, dtype=float), np.array(x0, dtype=float)
        options = {"maxiter": self.maxiter, **(options or {})}
        for i, value in fixed_vals or []:
            box[i] = start[i] = value  # between equal bounds a parameter is fixed
        return minimizer(func, start, jac=True if do_grad else None, bounds=box, **options)


model = pyhf.simplemodels.uncorrelated_background(signal=[12.0, 11.0], bkg=[50.0, 52.0], bkg_uncertainty=[3.0, 7.0])
data = [51.0, 68.0, *model.config.auxdata]

fits, limits = {}, {}
for name, optimizer in (("quasinewton", QuasinewtonOptimizer()), ("scipy", pyhf.optimize.scipy_optimizer())):
    pyhf.set_backend("numpy", optimizer)
    best, least = pyhf.infer.mle.fit(data, model, return_fitted_val=True)
    background = pyhf.infer.mle.fixed_poi_fit(0.0, data, model)
    fits[name] = np.concatenate([best, background, [float(least)]])
    limits[name] = float(pyhf.infer.hypotest(1.0, data, model, test_stat="qtilde"))
    print(f"{name:12s} signal strength {best[0]:.4f}, -2 log L = {least:.6f}, CLs = {limits[name]:.5f}")
assert np.allclose(fits["quasinewton"], fits["scipy"], atol=2e-3)
assert abs(limits["quasinewton"] - limits["scipy"]) < 1e-4
assert fits["quasinewton"][-1] <= fits["scipy"][-1] + 1e-6

pyhf.set_backend("jax", QuasinewtonOptimizer())
exact = pyhf.infer.mle.fit(data, model, method="bfgs", gtol=1e-8)
assert np.allclose(exact, fits["quasinewton"][: len(exact)], atol=1e-4)
