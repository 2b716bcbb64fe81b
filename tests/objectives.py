"""Objectives that many tests share: each is compiled once per process."""

import numpy as np
from numba import njit


@njit
def rosenbrock(x):
    """Return Rosenbrock's chained function, Σ 100 (x_{i+1} − x_i²)² + (1 − x_i)²."""
    f = 0.0
    for i in range(x.size - 1):
        a, b = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        f += 100.0 * a * a + b * b
    return f


@njit
def rosenbrock_inplace(x, g):
    """Write the gradient of `rosenbrock` to g, and return its value."""
    g[:] = 0.0
    f = 0.0
    for i in range(x.size - 1):
        a, b = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        f += 100.0 * a * a + b * b
        g[i] -= 400.0 * a * x[i] + 2.0 * b
        g[i + 1] += 200.0 * a
    return f


@njit
def rosenbrock_joint(x):
    """Return value and gradient of `rosenbrock`."""
    g = np.empty(x.size)
    f = rosenbrock_inplace(x, g)
    return f, g


@njit
def rosenbrock_gradient(x):
    """Return the gradient of `rosenbrock`."""
    g = np.empty(x.size)
    rosenbrock_inplace(x, g)
    return g


@njit
def rosenbrock_hessian(x):
    """Return the Hessian of `rosenbrock`."""
    n = x.size
    h = np.zeros((n, n))
    for i in range(n - 1):
        h[i, i] += 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0
        h[i, i + 1] = h[i + 1, i] = -400.0 * x[i]
        h[i + 1, i + 1] += 200.0
    return h


@njit
def quadratic(x, A, b):
    """Return x·A x/2 − b·x."""
    f = 0.0
    for i in range(x.size):
        row = 0.0
        for j in range(x.size):
            row += A[i, j] * x[j]
        f += (0.5 * row - b[i]) * x[i]
    return f


@njit
def quadratic_gradient(x, A, b):
    """Return A x − b."""
    g = np.empty(x.size)
    for i in range(x.size):
        g[i] = -b[i]
        for j in range(x.size):
            g[i] += A[i, j] * x[j]
    return g


@njit
def quadratic_hessian(x, A, b):
    """Return A."""
    return A.copy()


def spd(rng, n, condition=100.0):
    """Return a random symmetric positive definite matrix of order n and the given condition number.
    """
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    A = Q @ np.diag(np.geomspace(1.0, condition, n)) @ Q.T
    return 0.5 * (A + A.T)


class Counted:
    """Wrap a function, count its calls and keep the points where it was called."""

    def __init__(self, function):
        self.function, self.points = function, []

    def __call__(self, x, *args):
        self.points.append(np.array(x))
        return self.function(x, *args)

    @property
    def calls(self):
        return len(self.points)


def saddle_in_units(exponent):
    """Return ½a² − ½b² + ¼b⁴ + ab²/10 in units of 10ᵉ and 10⁻ᵉ: f, gradient, Hessian and a start.

    From the start a run meets the saddle at 0; at the two minima f = SADDLE_LEAST.
    """
    units = np.array([10.0**exponent, 10.0**-exponent])

    def fun(x):
        a, b = x * units
        return 0.5 * a * a - 0.5 * b * b + 0.25 * b**4 + 0.1 * a * b * b

    def jac(x):
        a, b = x * units
        return units * np.array([a + 0.1 * b * b, -b + b**3 + 0.2 * a * b])

    def hess(x):
        a, b = x * units
        return np.outer(units, units) * np.array([[1.0, 0.2 * b], [0.2 * b, -1.0 + 3.0 * b * b + 0.2 * a]])

    return fun, jac, hess, [1.0 / units[0], 0.0]


SADDLE_LEAST = -0.2551020408163
