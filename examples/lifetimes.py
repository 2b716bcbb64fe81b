"""Fluorescence lifetimes of 100 000 pixels
========================================

As many maximum-likelihood fits in one call.

In every pixel of an image photons are counted after a flash, in bins of time t. Their expected
number is

    m(t) = A exp(−t/τ) + B,        parameters x = (log A, log τ, log B),

and the counts y are Poisson's, with the negative log-likelihood f(x) = Σ m(t) − y(t) log m(t). The
image is simulated, so that the answer is known: τ is longer in a disc. Each fit starts from a rough
estimate from its own pixel.

Run with a number to fit as many pixels: ``python lifetimes.py 1000``.
"""

import sys
import time

import numpy as np
from numba import njit

from quasinewton import minimize, minimize_batch


@njit
def negative_log_likelihood(x, g, t, y):
    """Return f(x), and write its gradient to g."""
    A, tau, B = np.exp(x[0]), np.exp(x[1]), np.exp(x[2])
    f, g[:] = 0.0, 0.0
    for i in range(t.size):
        decay = A * np.exp(-t[i] / tau)
        mean = decay + B
        f += mean - y[i] * np.log(mean)
        residual = 1.0 - y[i] / mean
        g[0] += residual * decay
        g[1] += residual * decay * t[i] / tau
        g[2] += residual * B
    return f


def image(pixels, t, rng):
    """Return true parameters, shape (pixels, 3), and counts, shape (pixels, t.size)."""
    side = np.sqrt(pixels)
    row, column = np.divmod(np.arange(pixels), int(side))
    disc = np.hypot(row - side / 2, column - side / 2) < side / 4
    tau = np.where(disc, 3.0, 1.5)
    A, B = rng.uniform(80.0, 160.0, pixels), np.full(pixels, 4.0)
    mean = A[:, None] * np.exp(-t / tau[:, None]) + B[:, None]
    return np.log(np.column_stack([A, tau, B])), rng.poisson(mean).astype(np.float64)


def at_a_glance(t, y):
    """Return starts from rough estimates.

    The background is from the last bins, the height from the first, τ from the mean time.
    """
    B = y[:, -4:].mean(axis=1) + 0.5
    light = np.maximum(y - B[:, None], 0.0)
    tau = light @ t / light.sum(axis=1)
    return np.log(np.column_stack([y[:, 0] + 1.0, tau, B]))


def main(pixels=100_000):
    rng = np.random.default_rng(0)
    t = np.linspace(0.0, 12.0, 32)
    truth, y = image(pixels, t, rng)
    starts = at_a_glance(t, y)

    task = dict(args=(t,), method="bfgs", jac="inplace", gtol=1e-4)
    minimize_batch(negative_log_likelihood, starts[:1], batch_args=y[:1], **task)  # This call compiles.
    begin = time.perf_counter()
    res = minimize_batch(negative_log_likelihood, starts, batch_args=y, **task)
    seconds = time.perf_counter() - begin
    print(res.message)
    print(f"{pixels / seconds:,.0f} fits a second, {res.nfev.mean():.1f} evaluations each")

    assert res.success.mean() > 0.999
    # A row is what `minimize` finds for this pixel alone, to the last bit.
    alone = minimize(negative_log_likelihood, starts[7], args=(t, y[7]), method="bfgs", jac="inplace", gtol=1e-4)
    assert np.array_equal(res.x[7], alone.x) and res.fun[7] == alone.fun

    for lifetime in (1.5, 3.0):
        here = np.isclose(truth[:, 1], np.log(lifetime)) & res.success
        tau = np.exp(res.x[here, 1])
        print(f"true lifetime {lifetime}: {tau.mean():.3f} ± {tau.std():.3f} in {tau.size} pixels")
        assert abs(np.median(tau) / lifetime - 1.0) < 0.01


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
