"""Softmax regression on handwritten digits
========================================

Mini-batches with Adam, full batch with L-BFGS.

The data are scikit-learn's copy of the test half of the UCI set (E. Alpaydin & C. Kaynak, 1998):
1797 images of 8 × 8 pixels, three in four for the fit. With scores Z = X W + b, the loss of a batch
of samples with digits t is

    f(W, b) = mean(log Σ exp(z) − z[t]) + ½ ridge ‖W‖²

One compiled function serves both `minimize_stochastic` and `minimize`. Adam, at a rate that falls
along a cosine, classifies after forty passes over the data as well as L-BFGS at the minimum. Times
are those of a second run, with nothing left to compile.
"""

import argparse
import time

import numpy as np
from numba import njit
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from quasinewton import minimize, minimize_stochastic, schedules


@njit
def loss(x, g, X, t, ridge):
    """Return the mean loss of a batch and write its gradient.

    x holds W, a row per pixel, and then b.
    """
    pixels, z, f = X.shape[1], np.empty(10), 0.0
    W, slope = x.reshape(pixels + 1, 10), g.reshape(pixels + 1, 10)
    for i in range(x.size):
        decay = ridge if i < 10 * pixels else 0.0
        f += 0.5 * decay * x[i] ** 2
        g[i] = decay * x[i]
    for k in range(t.size):
        z[:] = W[pixels]
        for i in range(pixels):
            for c in range(10):
                z[c] += X[k, i] * W[i, c]
        top, total = z.max(), 0.0
        f += (top - z[t[k]]) / t.size
        for c in range(10):
            z[c] = np.exp(z[c] - top)
            total += z[c]
        f += np.log(total) / t.size
        for c in range(10):
            z[c] = (z[c] / total - (c == t[k])) / t.size
            slope[pixels, c] += z[c]
        for i in range(pixels):
            for c in range(10):
                slope[i, c] += X[k, i] * z[c]
    return f


def accuracy(x, X, t):
    return np.mean((X @ x[:-10].reshape(-1, 10) + x[-10:]).argmax(axis=1) == t)


def main(plot=None):
    X, t = load_digits(return_X_y=True)
    X, X_test, t, t_test = train_test_split(X / 16.0, t, random_state=0)
    start, ridge, options = np.zeros(650), 1e-3, {"gtol": 1e-4, "history": True}
    settings = {"lr": 0.02, "schedule": schedules.cosine(), "batch_size": 32, "epochs": 40, "rng": 0}
    for _ in range(2):
        begun = time.perf_counter()
        full = minimize(loss, start, (X, t, ridge), "lbfgs", "inplace", options=options)
        between = time.perf_counter()
        adam = minimize_stochastic(loss, start, (X, t), "adam", jac="inplace", args=(ridge,), **settings)
        ended = time.perf_counter()
    assert full.success and adam.success, (full.message, adam.message)

    print(f"{'':16}{'passes':>8}{'seconds':>10}{'f':>10}{'right, fit':>12}{'right, test':>13}")
    rows = ("L-BFGS", full, full.nfev, between - begun), ("Adam, batches", adam, adam.nepochs, ended - between)
    for name, res, passes, seconds in rows:
        fit, test = accuracy(res.x, X, t), accuracy(res.x, X_test, t_test)
        print(f"{name:16}{passes:8}{seconds:10.3f}{res.fun:10.4f}{fit:12.1%}{test:13.1%}")
    assert abs(accuracy(full.x, X_test, t_test) - accuracy(adam.x, X_test, t_test)) < 0.02, "as good as each other"
    assert full.fun < adam.fun < 1.05 * full.fun and test > 0.94

    if plot:
        import matplotlib.pyplot as plt

        plt.loglog(full.history.nfev, full.history.f, ".-", label="L-BFGS")
        plt.loglog(np.arange(40) + 1, adam.history.loss, ".-", label="Adam, batches of 32")
        plt.gca().set(xlabel="passes over the data", ylabel="f")
        plt.legend()
        plt.savefig(plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plot", metavar="FILE", help="save the course of f as a picture (needs matplotlib)")
    main(parser.parse_args().plot)
