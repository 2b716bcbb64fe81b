"""Value and gradient by reverse mode and products with the Hessian, in units of f.

They are called in compiled code, as the package's loops call them; a call from Python takes a
microsecond more, mostly to make the arrays that it returns. Also the time to compile them, and the
time of value and gradient called from Python, where JAX is installed beside that of its jitted
`value_and_grad`. Run as ``python tests/benchmarks/adjoint.py``.
Compile times are processor seconds of one function each, beyond f's own, in one process, with a
warm cache of the package: run it twice.
"""

import math
import time

import numpy as np
from autodiff import (
    garch,
    lennard_jones,
    logistic_vectors,
    register_first,
    repeated,
    rosenbrock_loops,
    rosenbrock_vectors,
)
from measure import heading, seconds, table  # This import must come first: it sets the BLAS threads.
from numba import njit, typeof

from quasinewton import hvp, value_and_grad
from quasinewton._autodiff.adjoint import why_refused
from quasinewton._autodiff.adjoint.calls import VECTOR


def net(p, X, y):
    """Return the mean squared error of a network with one hidden layer of 8."""
    W, b, w = p[:80].reshape(10, 8), p[80:88], p[88:96]
    return np.mean((np.tanh(X @ W + b) @ w + p[96] - y) ** 2)


def softmax_regression(p, X, Y):
    """Return the negative log-likelihood of classes; the rows of Y are indicators."""
    Z = X @ p.reshape(X.shape[1], Y.shape[1])
    return np.sum(np.log(np.sum(np.exp(Z), axis=1))) - np.sum(Y * Z)


def gaussian_process(p, t, y):
    """Return the negative log-likelihood of a Gaussian process with a squared exponential kernel.
    """
    K = np.empty((t.size, t.size))
    for i in range(t.size):
        for j in range(t.size):
            K[i, j] = p[0] * math.exp(-0.5 * ((t[i] - t[j]) / p[1]) ** 2)
        K[i, i] += p[2]
    L = np.linalg.cholesky(K)
    z = np.linalg.solve(L, y)
    return 0.5 * z @ z + np.sum(np.log(np.diag(L)))


def kalman(p, y):
    """Return the negative log-likelihood of a local level with an autoregressive state."""
    a, q, r = math.tanh(p[0]), math.exp(p[1]), math.exp(p[2])
    m, P, f = p[3], 1.0, 0.0
    for t in range(y.size):
        m = a * m
        P = a * a * P + q
        S, v = P + r, y[t] - m
        m += P / S * v
        P = (1.0 - P / S) * P
        f += 0.5 * (math.log(S) + v * v / S)
    return f


@njit
def rate(x, y, p):
    """Return the right-hand side of the Lotka-Volterra equations."""
    return p[0] * x - p[1] * x * y, p[2] * x * y - p[3] * y


def ode(p, data, steps, dt):
    """Return the sum of squared errors of a solution by the midpoint rule."""
    x, y, f = p[4], p[5], 0.0
    for k in range(data.shape[0]):
        for _ in range(steps):
            u, v = rate(x, y, p)
            u, v = rate(x + 0.5 * dt * u, y + 0.5 * dt * v, p)
            x, y = x + dt * u, y + dt * v
        f += (x - data[k, 0]) ** 2 + (y - data[k, 1]) ** 2
    return f


def in_jax():
    """Return {function: its counterpart in JAX}, empty where JAX is not installed."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return {}
    jax.config.update("jax_enable_x64", True)

    def network(p, X, y):
        W, b, w = p[:80].reshape(10, 8), p[80:88], p[88:96]
        return jnp.mean((jnp.tanh(X @ W + b) @ w + p[96] - y) ** 2)

    def classes(p, X, Y):
        Z = X @ p.reshape(X.shape[1], Y.shape[1])
        return jnp.sum(jnp.log(jnp.sum(jnp.exp(Z), axis=1))) - jnp.sum(Y * Z)

    def logistic(w, X, y):
        z = X @ w
        return jnp.sum(jnp.log1p(jnp.exp(z)) - y * z)

    def process(p, t, y):
        K = p[0] * jnp.exp(-0.5 * ((t[:, None] - t[None, :]) / p[1]) ** 2) + p[2] * jnp.eye(t.size)
        L = jnp.linalg.cholesky(K)
        z = jax.scipy.linalg.solve_triangular(L, y, lower=True)
        return 0.5 * z @ z + jnp.sum(jnp.log(jnp.diag(L)))

    def rosenbrock(x):
        return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    written = {net: network, softmax_regression: classes, logistic_vectors: logistic, gaussian_process: process}
    written[rosenbrock_vectors] = rosenbrock
    return {function: jax.jit(jax.value_and_grad(other)) for function, other in written.items()}


def seconds_of_jax(call, x, args, gradient):
    """Return the time of JAX's value and gradient, whose gradient must be ours."""
    import jax

    given = [jax.numpy.asarray(each) for each in (x, *args)]
    np.testing.assert_allclose(np.asarray(call(*given)[1]), gradient, rtol=1e-6, atol=1e-8)
    return seconds(lambda: jax.block_until_ready(call(*given)))


def problems():
    """Yield functions, points and arguments."""
    rng = np.random.default_rng(0)
    data = rng.standard_normal((200, 10)), rng.standard_normal(200)
    yield net, 0.3 * rng.standard_normal(97), data
    yield (
        softmax_regression,
        0.1 * rng.standard_normal(100),
        (rng.standard_normal((400, 20)), np.eye(5)[rng.integers(0, 5, 400)]),
    )
    yield (
        logistic_vectors,
        0.1 * rng.standard_normal(200),
        (rng.standard_normal((1000, 200)), (rng.random(1000) < 0.5) * 1.0),
    )
    yield gaussian_process, np.array([1.0, 0.5, 0.1]), (np.linspace(0.0, 3.0, 60), rng.standard_normal(60))
    returns = rng.standard_normal(2000)
    yield garch, np.array([0.01, 0.1, -1.0, -1.0, 0.5]), (returns,)
    yield kalman, np.array([0.5, 0.1, -0.3, 0.2]), (returns,)
    yield ode, np.array([1.0, 0.1, 0.075, 1.5, 10.0, 5.0]), (8.0 + rng.standard_normal((20, 2)), 50, 0.01)
    for n in 10, 100, 10000:
        yield rosenbrock_loops, rng.standard_normal(n), ()
        yield rosenbrock_vectors, rng.standard_normal(n), ()
    atoms = 1.1 * np.stack(np.meshgrid(*[np.arange(3.0)] * 3), -1).reshape(-1, 3)[:20]
    yield lennard_jones, (atoms + 0.05 * rng.standard_normal(atoms.shape)).ravel(), ()


def measured(f, x, args, other):
    """Return the cells of a row; `other` is the function of JAX, None if there is none."""
    start = time.process_time()
    f(x, *args)
    own = time.process_time() - start
    slopes, product, v = value_and_grad(f, "reverse"), hvp(f), np.cos(np.arange(x.size))
    compiled = []
    for call in (lambda: slopes(x, *args), lambda: product(x, v, *args)):
        start = time.process_time()
        call()
        compiled.append(time.process_time() - start)
    base = repeated(f, x, *args)
    ratios = [repeated(slopes, x, *args) / base, repeated(product, x, v, *args) / base]
    refused = why_refused(f, (VECTOR, *map(typeof, args)))
    way = "tape" if refused else "adjoint"
    called = f"{seconds(lambda: slopes(x, *args)) * 1e6:.1f}"
    jax = "" if other is None else f"{seconds_of_jax(other, x, args, slopes(x, *args)[1]) * 1e6:.1f}"
    times = [f"{t:.2f}" for t in (own, *compiled)]
    return [f"{base * 1e6:.2f}", way, *(f"{r:.1f}" for r in ratios), called, jax, *times]


def main():
    """Print the table."""
    header = [
        "function",
        "n",
        "f, µs",
        "by",
        "gradient / f",
        "product / f",
        "gradient from Python, µs",
        "JAX, µs",
        "compile f, s",
        "gradient, s",
        "product, s",
    ]
    register_first()
    rows, others = [], in_jax()
    for function, x, args in problems():
        cells = measured(njit(function), x, args, others.get(function))
        rows.append([function.__name__.replace("_", " "), x.size, *cells])
        print(rows[-1], flush=True)
    print(table(header, rows))
    print(heading())


if __name__ == "__main__":
    main()
