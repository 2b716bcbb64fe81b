"""Adaptive learning rates
=======================

Where they help, and where they fail.

Samples come one at a time.

- Rare features. Of sixty, twenty are in most samples and forty in one of two hundred. Each method
  has the best of seventeen learning rates; what counts is the error of the rare weights after one
  pass over two thousand samples.
- An even slope. Length of the last hundred of two thousand steps, divided by that of the first
  hundred: 1 is a steady pace.
- AMSGrad's example (S. J. Reddi, S. Kale & S. Kumar, ICLR 2018, section 3): slopes C, −1, −1, C,
  −1, −1, …, downhill to the left on average. Adam with β₁ = 0, β₂ = 1/(1 + C²) forgets each C in
  the next two steps and goes right. The paper's walls at ±1 are left out, so that both methods
  drift on.

Arrays in `args` may be written to: `calls` counts, and so every call of an objective gets the next
sample.
"""

import numpy as np
from numba import njit

from quasinewton import SGD, AdaDelta, AdaGrad, Adam, AMSGrad, Momentum, RMSprop, minimize, schedules

RATES = 10.0 ** np.arange(-3.0, 1.1, 0.25)


@njit
def regression(x, A, b, calls):
    """Return ½(a·x − b)² of the next sample, and its gradient."""
    a = A[calls[0] % b.size]
    residual = np.dot(a, x) - b[calls[0] % b.size]
    calls[0] += 1
    return 0.5 * residual**2, residual * a


@njit
def slopes(x, C, calls):
    """Return the value and the slope of the next linear function."""
    slope = C if calls[0] % 3 == 0 else -1.0
    calls[0] += 1
    return slope * x[0], np.array([slope])


def run(fun, x0, args, method, **options):
    """Make 2000 steps, whatever the size of the gradient."""
    options = {"maxiter": 2000, "gtol": -1.0} | options
    return minimize(fun, x0, (*args, np.zeros(1, dtype=int)), method, jac=True, options=options)


def rare_features(rng):
    """Return the root mean square error of the rare weights, for each method at its best rate."""
    often = np.repeat([0.8, 0.005], [20, 40])
    A = (rng.random((2000, 60)) < often) * rng.choice([-1.0, 1.0], (2000, 60))
    w = rng.choice([-1.0, 1.0], 60)
    b = A @ w + 0.1 * rng.standard_normal(2000)
    errors = {}
    for kind in SGD, Momentum, AdaGrad, RMSprop, Adam:
        runs = [run(regression, np.zeros(60), (A, b), kind(lr=lr)) for lr in RATES]
        errors[kind] = min(np.sqrt(np.mean((res.x - w)[20:] ** 2)) for res in runs if np.isfinite(res.x).all())
    return errors


def pace(method):
    """Return the length of the last hundred steps, relative to that of the first hundred.

    The slope is even.
    """
    x = np.array(run(slopes, [0.0], (-1.0,), method, return_all=True).allvecs)[:, 0]
    return (x[-1] - x[-101]) / (x[100] - x[0])


def drift(kind, C):
    """Return where 2000 steps lead at a learning rate that falls as 1/√t."""
    method = kind(lr=0.1, betas=(0.0, 1.0 / (1.0 + C**2)))
    return run(slopes, [0.0], (C,), method, schedule=schedules.inverse_sqrt()).x[0]


def main():
    errors = [rare_features(np.random.default_rng(seed)) for seed in range(3)]
    print("Error of the rare weights, each 1 or −1, in three draws of the data:")
    for kind in errors[0]:
        print(f"    {kind.__name__:10}" + "".join(f"{error[kind]:8.3f}" for error in errors))
    for error in errors:
        assert error[AdaGrad] < 0.5 * min(error[SGD], error[Momentum]), "AdaGrad wins on rare features,"
        assert error[Adam] < 0.75 * min(error[SGD], error[Momentum]), "and Adam has adopted that"

    paces = {type(method).__name__: pace(method) for method in (AdaGrad(), RMSprop(alpha=0.9), AdaDelta())}
    print("Pace on an even slope: " + ", ".join(f"{name} {value:.2f}" for name, value in paces.items()))
    assert paces["AdaGrad"] < 0.2 and paces["RMSprop"] > 0.8 and paces["AdaDelta"] > 1.0, "AdaGrad comes to a halt"

    for C in 5.0, 10.0, 20.0:
        wrong, right = drift(Adam, C), drift(AMSGrad, C)
        print(f"Slopes {C:g}, −1, −1: Adam is at {wrong:.2f}, AMSGrad at {right:.2f}")
        assert wrong > 1.0 and right < -1.0


if __name__ == "__main__":
    main()
