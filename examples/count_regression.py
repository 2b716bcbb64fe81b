"""Poisson regression with standard errors
=======================================

Does a man's waist tell how many sit-ups he can do?

The data are scikit-learn's copy of Linnerud's set: weight, waist and pulse of twenty men in a
fitness club, and what they managed in three exercises. Counts k with mean exp(z), z = X b, have the
negative log-likelihood

    f(b) = Σ exp(z) − k z        (+ log k!, which does not depend on b)

Its Hessian at the minimum, Fisher's information, is the inverse of the covariance of the estimates.
Newton's method returns it as `hess`, here from differences of the gradient; this model has it in
closed form, too: Xᵀ diag(exp z) X. BFGS ends with an estimate of the inverse, `hess_inv`, made of
the steps it happened to take: often close, as here, but with no guarantee. scikit-learn's own fit
checks the estimates, the closed form their errors.
"""

import numpy as np
from numba import njit
from sklearn.datasets import load_linnerud
from sklearn.linear_model import PoissonRegressor

from quasinewton import minimize


@njit
def negative_log_likelihood(b, X, k):
    """Return f(b)."""
    f = 0.0
    for i in range(k.size):
        z = np.dot(X[i], b)
        f += np.exp(z) - k[i] * z
    return f


@njit
def gradient(b, X, k):
    """Return ∂f/∂b."""
    g = np.zeros(b.size)
    for i in range(k.size):
        residual = np.exp(np.dot(X[i], b)) - k[i]
        for j in range(b.size):
            g[j] += residual * X[i, j]
    return g


def main():
    data = load_linnerud()
    k = np.ascontiguousarray(data.data[:, data.feature_names.index("Situps")])
    bodies = (data.target - data.target.mean(axis=0)) / data.target.std(axis=0)
    X = np.column_stack([np.ones(k.size), bodies])
    start = np.array([np.log(k.mean()), 0.0, 0.0, 0.0])  # At the start all men have the same mean.

    newton = minimize(negative_log_likelihood, start, (X, k), "newton", gradient, hess="3-point", gtol=1e-7)
    bfgs = minimize(negative_log_likelihood, start, (X, k), "bfgs", gradient, gtol=1e-7)
    # A gradient is not required: the result says how it was obtained.
    differences = minimize(negative_log_likelihood, start, (X, k), "bfgs", "3-point", gtol=1e-5)
    assert newton.success and bfgs.success and differences.success
    assert (bfgs.jac_mode, differences.jac_mode) == ("exact", "3-point")

    theirs = PoissonRegressor(alpha=0.0, solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(bodies, k)
    expected = np.append(theirs.intercept_, theirs.coef_)
    for res in newton, bfgs, differences:
        assert np.abs(res.x - expected).max() < 1e-6, res.x - expected

    mean = np.exp(X @ newton.x)
    information = X.T @ (mean[:, None] * X)
    errors = np.sqrt(np.diag(np.linalg.inv(newton.hess)))
    assert np.allclose(errors, np.sqrt(np.diag(np.linalg.inv(information))), rtol=1e-6)
    # Real counts scatter more than Poisson's, here several times: errors that allow for it are
    # wider by the square root.
    dispersion = np.sum((k - mean) ** 2 / mean) / (k.size - newton.x.size)

    print(f"{'':10}{'estimate':>10}{'error':>10}{'allowing for scatter':>24}{'error from BFGS':>18}")
    rows = zip(["all men", *data.target_names], newton.x, errors, np.sqrt(np.diag(bfgs.hess_inv)))
    for name, estimate, error, rough in rows:
        print(f"{name:10}{estimate:10.4f}{error:10.4f}{error * np.sqrt(dispersion):24.4f}{rough:18.4f}")
    print(f"A standard deviation more of waist multiplies the sit-ups by {np.exp(newton.x[2]):.2f}.")


if __name__ == "__main__":
    main()
