"""Hyperparameters of a Gaussian process in scikit-learn, which takes a callable as `optimizer`.

It is given the negative log marginal likelihood with its gradient, a start and bounds, and restarts
it from random points. The answer is compared with that of scikit-learn's own "fmin_l_bfgs_b".
"""

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from quasinewton import minimize


def by_bfgs(objective, theta, bounds):
    """Return the logarithms of the hyperparameters and the negative log marginal likelihood."""
    res = minimize(objective, theta, jac=True, method="bfgs", bounds=bounds, gtol=1e-6)
    return res.x, res.fun


rng = np.random.default_rng(2)
X = np.sort(rng.uniform(0.0, 10.0, (60, 1)), axis=0)
y = np.sin(X[:, 0]) + 0.1 * rng.normal(size=60)
kernel = ConstantKernel(1.0) * RBF(1.0) + WhiteKernel(0.1)

ours = GaussianProcessRegressor(kernel, optimizer=by_bfgs, n_restarts_optimizer=2, random_state=0).fit(X, y)
theirs = GaussianProcessRegressor(kernel, n_restarts_optimizer=2, random_state=0).fit(X, y)
likelihoods = ours.log_marginal_likelihood_value_, theirs.log_marginal_likelihood_value_
print(ours.kernel_)
print("log marginal likelihood %.6f, of fmin_l_bfgs_b %.6f" % likelihoods)
assert likelihoods[0] >= likelihoods[1] - 1e-6
assert np.allclose(ours.kernel_.theta, theirs.kernel_.theta, atol=1e-2)
