"""Ordinary likelihood fits as NumPy functions without a gradient.

The values of f lie between 30 and 2000; some problems have bounds, some are badly scaled.
"""

import numpy as np
from scipy.special import gammaln, xlogy


def normal(rng):
    d = rng.normal(5.0, 2.0, 400)
    return lambda p: float(np.sum(0.5 * ((d - p[0]) / np.exp(p[1])) ** 2 + p[1] + 0.919)), [d.mean() + 1.0, 0.0], None


def poisson(rng):
    X = np.c_[np.ones(300), rng.normal(size=(300, 4))]
    y = rng.poisson(np.exp(X @ [1.0, 0.3, -0.2, 0.1, 0.4]))
    return lambda b: float(np.sum(np.exp(X @ b) - y * (X @ b) + gammaln(y + 1))), np.zeros(5), None


def logistic(rng):
    """Return a logistic regression whose columns have scales 1 to 100."""
    X = rng.normal(size=(1000, 5)) * [1, 1, 1, 10, 100]
    y = 1.0 * (rng.random(1000) < 1 / (1 + np.exp(-X @ [0.5, -1, 0.2, 0.05, 0.01])))
    return lambda b: float(np.sum(np.logaddexp(0, X @ b) - y * (X @ b))), np.zeros(5), None


def histogram(rng):
    """Return the fit of a signal's strength over a background with Poisson-constrained bins."""
    bins = 6
    signal, background = rng.uniform(1, 10, bins), rng.uniform(50, 200, bins)
    n, tau = rng.poisson(signal + background), np.full(bins, 100.0)

    def nll(p):
        expected, scale = p[0] * signal + p[1:] * background, tau * p[1:]
        main = expected - xlogy(n, expected) + gammaln(n + 1)
        return float(2 * np.sum(main + scale - xlogy(tau, scale) + gammaln(tau + 1)))

    return nll, np.ones(bins + 1), [(0, 10), *[(1e-10, 10)] * bins]


def gamma(rng):
    d = rng.gamma(3.0, 2.0, 500)

    def nll(p):
        k = np.exp(p[0])
        return float(-np.sum((k - 1) * np.log(d) - d / np.exp(p[1]) - k * p[1] - gammaln(k)))

    return nll, [0.0, 0.0], None


def weibull(rng):
    """Return a fit to times of order 1000, some of them censored."""
    times = rng.weibull(1.5, 300) * 1000
    seen, t = times < 1500, np.minimum(times, 1500)

    def nll(p):
        k, z = np.exp(p[0]), np.log(t) - p[1]
        return float(-np.sum(seen * (p[0] - p[1] + (k - 1) * z) - np.exp(k * z)))

    return nll, [0.0, 6.0], None


def autoregression(rng):
    """Return the fit of an autoregression around a level of 1000."""
    z, e = np.zeros(300), rng.normal(size=300)
    for i in range(1, 300):
        z[i] = 0.7 * z[i - 1] + e[i]
    z += 1000.0

    def nll(p):
        r = z[1:] - p[0] - np.tanh(p[1]) * (z[:-1] - p[0])
        return float(np.sum(0.5 * (r / np.exp(p[2])) ** 2 + p[2]))

    return nll, [990.0, 0.0, 0.0], None


def negative_binomial(rng):
    X = np.c_[np.ones(200), rng.normal(size=(200, 2))]
    mean = np.exp(X @ [2, 0.5, -0.3])
    y = rng.negative_binomial(4, 4 / (4 + mean))

    def nll(p):
        m, k = np.exp(X @ p[:3]), np.exp(p[3])
        terms = gammaln(y + k) - gammaln(k) - gammaln(y + 1) + k * np.log(k / (k + m)) + y * np.log(m / (k + m))
        return float(-np.sum(terms))

    return nll, np.zeros(4), None


def decay(rng):
    t = np.linspace(0, 10, 60)
    y = 100 * np.exp(-t / 3) + 5 + rng.normal(size=60)
    bounds = [(0, 1000), (0.1, 50), (-100, 100)]
    return lambda p: float(0.5 * np.sum((y - p[0] * np.exp(-t / p[1]) - p[2]) ** 2)), [50.0, 1.0, 0.0], bounds


FITS = [normal, poisson, logistic, histogram, gamma, weibull, autoregression, negative_binomial, decay]
