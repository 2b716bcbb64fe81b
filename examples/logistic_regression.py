"""Logistic regression by maximum likelihood
=========================================

Benign and malignant tumours.

The data, 569 tumours with 30 measurements of each, are scikit-learn's copy of the Wisconsin breast
cancer set (Street, Wolberg & Mangasarian, 1993). With z = X w + b, labels t = ±1 and a ridge that
makes the minimum unique, the negative log-likelihood is

    f(w, b) = Σ log(1 + exp(−t z)) + ½ ridge ‖w‖²

The data are passed through `args`, so other data compile nothing again. scikit-learn's own fit is
the check.
"""

import argparse

import numpy as np
from numba import njit
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from quasinewton import minimize


@njit
def negative_log_likelihood(x, X, t, ridge):
    """Return f and its gradient; x holds w and then b."""
    # Loops instead of array expressions: Numba compiles them in a tenth of the time, and they run
    # as fast.
    n = x.size - 1
    f, g = 0.0, np.zeros(n + 1)
    for i in range(t.size):
        margin = t[i] * (np.dot(X[i], x[:n]) + x[n])
        e = np.exp(-abs(margin))  # This never overflows.
        f += np.log1p(e) + max(-margin, 0.0)
        slope = -t[i] * (e if margin > 0.0 else 1.0) / (1.0 + e)
        for j in range(n):
            g[j] += slope * X[i, j]
        g[n] += slope
    for j in range(n):
        f += 0.5 * ridge * x[j] ** 2
        g[j] += ridge * x[j]
    return f, g


@njit
def hessian(x, X, t, ridge):
    """Return ∂²f/∂x²."""
    n = x.size - 1
    H, row = np.zeros((n + 1, n + 1)), np.ones(n + 1)
    for k in range(t.size):
        for j in range(n):
            row[j] = X[k, j]
        e = np.exp(-abs(np.dot(row, x)))
        for i in range(n + 1):
            for j in range(n + 1):
                H[i, j] += e / (1.0 + e) ** 2 * row[i] * row[j]
    for j in range(n):
        H[j, j] += ridge
    return H


def main(plot=None):
    X, target = load_breast_cancer(return_X_y=True)
    X, t = (X - X.mean(axis=0)) / X.std(axis=0), np.where(target == 1, 1.0, -1.0)
    args = X, t, 1.0
    start = np.zeros(X.shape[1] + 1)
    options = {"gtol": 1e-6, "history": True}

    lbfgs = minimize(negative_log_likelihood, start, args, method="lbfgs", jac=True, options=options)
    newton = minimize(negative_log_likelihood, start, args, method="newton", jac=True, hess=hessian, options=options)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(X, t)
    expected = np.append(theirs.coef_, theirs.intercept_)
    print(f"{'':14}{'f':>12}{'iterations':>12}{'evaluations':>13}{'‖g‖_∞':>10}{'to scikit-learn':>18}")
    for name, res in ("L-BFGS", lbfgs), ("Newton", newton):
        distance = np.abs(res.x - expected).max()
        print(f"{name:14}{res.fun:12.6f}{res.nit:12d}{res.nfev:13d}{np.abs(res.jac).max():10.1e}{distance:18.1e}")
        assert res.success, res.message
        assert distance < 1e-5
    print(f"{np.mean(np.sign(X @ newton.x[:-1] + newton.x[-1]) == t):.1%} of the tumours are classified correctly.")

    if plot:
        import matplotlib.pyplot as plt

        for name, res in ("L-BFGS", lbfgs), ("Newton", newton):
            plt.semilogy(res.history.nfev, res.history.g_norm, ".-", label=name)
        plt.gca().set(xlabel="evaluations of f", ylabel=r"$\|g\|_\infty$")
        plt.legend()
        plt.savefig(plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", metavar="FILE", help="save the course of ‖g‖_∞ as a picture (needs matplotlib)")
    main(parser.parse_args().plot)
