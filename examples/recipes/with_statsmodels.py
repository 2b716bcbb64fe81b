"""Two ways into statsmodels, for maximum-likelihood models: `min_method=` and `extra_fit_funcs=`.

The first hands `minimize` over as a method of scipy.optimize.minimize, with the score and the
Hessian of the model. The second is a fit function of one's own, here with bounds, which statsmodels
passes on to the methods alone that it knows. The answers are compared with those of statsmodels'
Newton method and of L-BFGS-B.
"""

import numpy as np
import statsmodels.api as sm

from quasinewton import minimize

data = sm.datasets.spector.load_pandas()  # did a new way of teaching economics improve the grades?
model = sm.Probit(data.endog, sm.add_constant(data.exog))


def newton(fun, x0, **keywords):
    return minimize(fun, x0, method="newton", **keywords)


free = model.fit(method="minimize", min_method=newton, gtol=1e-8, disp=False)
theirs = model.fit(method="newton", disp=False)
print("free:", dict(free.params.round(5)), f"log-likelihood {free.llf:.6f}")
assert free.mle_retvals["converged"] and np.allclose(free.params, theirs.params, atol=1e-5)
assert free.llf >= theirs.llf - 1e-9 and np.allclose(free.bse, theirs.bse, rtol=1e-4)


def fit_within_bounds(f, score, start, fargs, kwargs, disp, maxiter, callback, retall, full_output, hess):
    bounds = kwargs["bounds"]
    res = minimize(f, start, fargs, "newton", jac=score, hess=hess, bounds=bounds, callback=callback, gtol=1e-8)
    found = {"fopt": res.fun, "iterations": res.nit, "fcalls": res.nfev, "warnflag": int(res.status)}
    return res.x, found | {"converged": res.success}


bounds = [(None, None), (0.0, 1.0), (None, None), (None, None)]  # GPA, the second, counts at most 1
ours = model.fit(method="bounded", extra_fit_funcs={"bounded": fit_within_bounds}, bounds=bounds, disp=False)
theirs = model.fit(method="minimize", min_method="L-BFGS-B", bounds=bounds, disp=False)
print("within bounds:", dict(ours.params.round(5)), f"log-likelihood {ours.llf:.6f}, of L-BFGS-B {theirs.llf:.6f}")
assert ours.mle_retvals["converged"] and ours.params["GPA"] == 1.0 and ours.llf >= theirs.llf - 1e-9
assert np.allclose(ours.params, theirs.params, atol=0.05)
