"""Time of derivatives in units of the function's own, inside compiled code.

Run as ``python tests/benchmarks/autodiff.py``.
"""

import math
import time

import numpy as np
from measure import heading, table  # This import must come first: it sets the BLAS threads.
from numba import njit

from quasinewton import hvp
from quasinewton._autodiff import derivative


def logistic_vectors(w, X, y):
    """Return the negative log-likelihood of a logistic regression, in array expressions."""
    z = X @ w
    return np.sum(np.log1p(np.exp(z)) - y * z)


def logistic_loops(w, X, y):
    """Return the negative log-likelihood of a logistic regression, in loops."""
    f = 0.0
    for i in range(X.shape[0]):
        z = 0.0
        for j in range(X.shape[1]):
            z += X[i, j] * w[j]
        f += math.log1p(math.exp(z)) - y[i] * z
    return f


def lennard_jones(x):
    """Return the energy of a cluster of atoms, by a double loop over pairs."""
    f = 0.0
    for i in range(x.size // 3):
        for j in range(i):
            dx, dy, dz = x[3 * i] - x[3 * j], x[3 * i + 1] - x[3 * j + 1], x[3 * i + 2] - x[3 * j + 2]
            r = math.sqrt(dx * dx + dy * dy + dz * dz)
            sixth = (1.0 / r) ** 6
            f += 4.0 * (sixth * sixth - sixth)
    return f


def garch(p, returns):
    """Return the negative log-likelihood of a GARCH(1,1) model, a recursion over scalars.

    The mean is autoregressive.
    """
    mean, phi, omega = p[0], p[1], math.exp(p[2])
    alpha, beta = 0.5 / (1.0 + math.exp(-p[3])), 0.5 / (1.0 + math.exp(-p[4]))
    h = omega / (1.0 - alpha - beta)
    e = returns[0] - mean
    f = 0.0
    for t in range(1, returns.size):
        h = omega + alpha * e * e + beta * h
        e = returns[t] - mean - phi * (returns[t - 1] - mean)
        f += 0.5 * (math.log(h) + e * e / h)
    return f


def garch_buffers(p, returns):
    """Return the negative log-likelihood of `garch`, with the recursion in work arrays."""
    mean, phi, omega = p[0], p[1], math.exp(p[2])
    alpha, beta = 0.5 / (1.0 + math.exp(-p[3])), 0.5 / (1.0 + math.exp(-p[4]))
    h, e = np.zeros(returns.size), np.zeros(returns.size)
    h[0], e[0] = omega / (1.0 - alpha - beta), returns[0] - mean
    f = 0.0
    for t in range(1, returns.size):
        h[t] = omega + alpha * e[t - 1] * e[t - 1] + beta * h[t - 1]
        e[t] = returns[t] - mean - phi * (returns[t - 1] - mean)
        f += 0.5 * (math.log(h[t]) + e[t] * e[t] / h[t])
    return f


def rosenbrock_vectors(x):
    """Return Rosenbrock's chained function, in array expressions."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def rosenbrock_loops(x):
    """Return Rosenbrock's chained function, in a loop."""
    f = 0.0
    for i in range(x.size - 1):
        a, b = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        f += 100.0 * a * a + b * b
    return f


def problems():
    """Yield functions, points and arguments."""
    rng = np.random.default_rng(0)
    data = rng.standard_normal((1000, 20)), (rng.random(1000) < 0.5).astype(float)
    w, p = 0.1 * rng.standard_normal(20), np.array([0.01, 0.1, -1.0, -1.0, 0.5])
    atoms = 1.1 * np.stack(np.meshgrid(*[np.arange(3.0)] * 3), -1).reshape(-1, 3)[:20]
    yield logistic_vectors, w, data
    yield logistic_loops, w, data
    yield lennard_jones, (atoms + 0.05 * rng.standard_normal(atoms.shape)).ravel(), ()
    returns = rng.standard_normal(2000)
    yield garch, p, (returns,)
    yield garch_buffers, p, (returns,)
    for n in 10, 100, 1000, 10000:
        yield rosenbrock_vectors, rng.standard_normal(n), ()
        yield rosenbrock_loops, rng.standard_normal(n), ()


def repeated(function, *arguments):
    """Return the least time of a call from compiled code."""

    @njit
    def values(times, *arguments):
        total = 0.0
        for _ in range(times):
            total += first(function(*arguments))
        return total

    values(1, *arguments)
    once = min(_elapsed(values, 1, *arguments) for _ in range(3))
    times = max(1, int(0.001 / max(once, 1e-7)))  # Short runs: other processes leave some of them undisturbed.
    return min(_elapsed(values, times, *arguments) for _ in range(200)) / times


def _elapsed(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def first(result):
    """Return a number from a result: itself, or an item of an array or of the second of a pair."""


def register_first():
    from numba.core import types
    from numba.extending import overload

    @overload(first)
    def _first(result):
        if isinstance(result, types.BaseTuple):
            return lambda result: result[1][0]
        return (lambda result: result[0]) if isinstance(result, types.Array) else (lambda result: result)


def main():
    """Print the table."""
    register_first()
    rows = []
    for function, x, args in problems():
        f = njit(function)
        base, cells = repeated(f, x, *args), []
        for mode in "forward", "reverse":
            if mode == "forward" and x.size > 60:
                cells += [""]
                continue
            g = derivative(f, "value_and_grad", mode, x.size)[0]
            cells += [f"{repeated(g, x, *args) / base:.1f}"]
        product = hvp(f)
        cells += [f"{repeated(product, x, np.ones(x.size), *args) / base:.1f}"]
        rows.append([function.__name__.replace("_", " "), x.size, f"{1e6 * base:.2f}", *cells])
    print(heading() + "\n")
    print(table(["function", "n", "f, µs", "forward / f", "reverse / f", "Hessian-vector / f"], rows))


if __name__ == "__main__":
    main()
