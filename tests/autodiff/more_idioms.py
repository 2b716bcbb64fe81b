"""More objectives as people write them.

Each function holds several idioms, since each takes a second to compile.
"""

import math
from collections import namedtuple

import numpy as np
from numba import njit

from quasinewton import special

RNG = np.random.default_rng(11)
D = RNG.standard_normal(6)
A = RNG.standard_normal((6, 6))
S = A @ A.T + 6.0 * np.eye(6)
T = np.linspace(0.1, 2.0, 8)
OBSERVED = RNG.standard_normal(8)
MASK = np.array([True, False, True, True, False, True])
COUNTS = np.array([3, 0, 2, 5, 1, 1])
Model = namedtuple("Model", "t y scale")
Rates = namedtuple("Rates", "up down")
State = namedtuple("State", "rates weights")
MORE = []
trapezoid = np.trapezoid if hasattr(np, "trapezoid") else np.trapz


def idiom(*args):
    """Return a decorator that adds a function of x and `args` to the list."""

    def add(function):
        MORE.append((function.__name__, njit(function), args))
        return function

    return add


@idiom(D)
def stacking(x, d):
    a, b = x[:3], x[3:] ** 2
    s = np.sum(np.stack((a, b)) ** 3) + np.sum(np.stack((a, b), axis=1)[:, 0] ** 2) + np.sum(np.vstack((a, b)) ** 2)
    s += np.sum(np.hstack((a, d)) ** 2) + np.sum(np.column_stack((x, d))[0]) + np.sum(np.concatenate((d, a)) ** 2)
    return s + np.sum(np.repeat(x, 2) ** 2) + np.sum(np.roll(x, 1) * np.flip(x))


@idiom()
def joining(x):
    M = x.reshape((2, 3))
    s = np.sum(np.append(x, x[0]) ** 2) + np.sum(np.append(x[:2], 2.0) ** 2) + np.sum(np.delete(x, 2) ** 2)
    return s + np.sum(np.concatenate((M, M**2), axis=1)[0] ** 2) + np.sum(np.split(x, 2)[1]) * np.sum(M.T.ravel() * x)


@idiom(T)
def order(x, t):
    y = x.copy()
    y.sort()
    s = y[0] * y[2] ** 2 + np.median(x) ** 2 + np.median(x[:5]) + np.percentile(x, 30.0) + np.ptp(x)
    s += np.sum(np.quantile(x, np.array([0.1, 1.0])) ** 2) + x[np.argsort(x)[2]]
    return s * x[np.searchsorted(t, x[0])] + x[np.searchsorted(t, 0.5, side="right")]


@idiom(T, D)
def interpolation(x, t, d):
    grid = np.arange(6.0)
    s = np.sum(np.interp(4.0 * t, grid, x) ** 2) + np.sum(np.interp(x, grid, d)) + np.interp(x[0], x + grid, d)
    return s + np.sum(np.exp(np.linspace(x[0], x[1], 7)))


@idiom(T)
def integrals(x, t):
    y = np.exp(-x[0] * t) * x[1]
    return trapezoid(y, t) + trapezoid(y * y, dx=0.5) + trapezoid(x**2) * trapezoid(x, x * x)


@idiom(D)
def convolutions(x, d):
    s = np.sum(np.convolve(x, d[:3]) ** 2) + np.sum(np.convolve(d, x[:4], mode="same") ** 2)
    return s + np.sum(np.convolve(x, x[:2], mode="valid") ** 2) + np.sum(np.correlate(x, d[:3]) ** 2)


@idiom()
def norms(x):
    y = x - 0.6
    s = np.linalg.norm(y, 1) + np.linalg.norm(y, 2) + np.linalg.norm(y, 3) ** 2 + np.linalg.norm(x[:2] - x[2:4])
    return s + np.linalg.norm(y, np.inf) + np.linalg.norm(y, -np.inf) + np.linalg.norm(x.reshape((2, 3)))


@idiom(A)
def products(x, A):
    M = x[:4].reshape((2, 2))
    s = np.sum(np.kron(M, A[:2]) ** 2) + np.kron(x, x)[7] + np.sum(np.cross(x[:3], x[3:]) ** 2)
    s += np.sum(np.triu(np.outer(x, x), 1)) + np.sum(np.tril(np.outer(x, x), -1) ** 2) + np.trace(M @ M.T @ M)
    return s + A.dot(x).dot(x) + np.sum(np.diag(A @ np.diag(x)) ** 2) + np.sum((x[:2] @ M) ** 2)


@idiom(S)
def systems(x, S):
    M = np.linalg.solve(S, np.outer(x, x)) + np.linalg.inv(S * x[0])
    return np.sum(M**2) + np.sum(np.exp(M - 1.0)) + np.linalg.solve(S, x)[0] ** 2


@idiom(D, MASK)
def conditions(x, d, mask):
    s = np.sum(np.where(d.reshape((6, 1)) > 0.0, x, x[0] * d)) + np.sum(np.where(mask, x**2, -x))
    s += np.sum(np.select([x > 1.0, x > 0.5], [x**2, x**3], 0.5)) + np.sum(np.where(x[0] > 0.0, x, x**2))
    s += np.sum(x.clip(0.2, 0.8) ** 2) + np.sum(np.clip(x, a_max=0.8, a_min=0.4))
    s += np.sum(np.clip(x, np.abs(d) / 5, 0.9))
    return s + np.sum(mask * x) + x[3] * (x[1] > 0.5) + np.count_nonzero(x > 0.6) * x[0] + np.sum(np.nan_to_num(x) ** 2)


@idiom(D)
def averages(x, d):
    y, C = x.copy(), x.reshape((1, 2, 3))
    y[1] = np.nan
    s = np.average(x) + np.average(x, weights=np.abs(d)) + np.average(d, weights=x) + np.nansum(y**2) * np.nanmean(y)
    s += np.sum(np.sum(C, axis=0) ** 2) + np.sum(np.sum(C, axis=-1) ** 3) + np.sum(C.sum(axis=1) ** 2)
    return s + np.var(x.reshape((2, 3))) + x.reshape((2, 3)).T.std() + np.max(C[0]) * np.amin(C[0])


@idiom(MASK)
def masks_and_indices(x, mask):
    p, k = 1.0 / (1.0 + np.exp(-x)), np.array([0, 4, 4])
    y, m = np.ones(6), x > 0.6
    y[m] = x[m] * 2.0
    y[y > 1.5] = 1.5
    s = -np.sum(np.log(p[mask])) - np.sum(np.log(1.0 - p[~mask])) + np.sum(y**2)
    return s + np.sum(x[k] ** 3) + np.sum(np.take(x, k)) + np.sum(x[np.nonzero(m)[0]]) + np.sum(np.extract(m, x) ** 2)


@idiom()
def kinds_of_loops(x):
    M, s = x.reshape((2, 3)), 0.0
    for i, j in np.ndindex(2, 3):
        s += M[i, j] ** 2 * (i + j)
    for (i, j), v in np.ndenumerate(M):
        s += v * v * (i - j)
    for v in M.flat:
        s += v**3
    for i, row in enumerate(M):
        s += (i + 1) * np.sum(row**2) + row[0] * row[-1]
    for i, (a, b) in enumerate(zip(x[:-1], x[1:])):
        s += i * a * b
    for i in range(5, -1, -1):
        s = s * 0.5 + x[i]
    return s + np.sum((x[:, None] - x[None, :]) ** 2 * 0.5)


@idiom()
def control(x):
    if x.size != 6:
        raise ValueError("six")
    if x[0] > 10.0:
        return 1e10
    y, n = 1.0, 0
    while True:
        step = (y * y - x[0]) / (2.0 * y)
        y -= step
        n += 1
        if abs(step) < 1e-14 or n > 50:
            break
    try:
        y += math.log(x[1])
    except Exception:
        y = 0.0
    for v in x:
        if v < 0.0 or not 0.0 < v < 9.0:
            return np.inf
    q, r = divmod(x[3], 0.5)
    return y * x[1] + q * x[0] + r * x[1] + n * x[2] // 0.7


@njit
def with_default(u, power=2, scale=1.5):
    return scale * u**power


@njit
def apply(g, u):
    return g(u) * 2.0


@njit
def square(u):
    return u * u


@njit
def inner(u):
    return 0.7 * u * u


@njit
def outer(u):
    return inner(u) + inner(u + 1.0)


@njit
def fibonacci(u, n):
    return fibonacci(u, n - 1) * 0.5 + fibonacci(u, n - 2) * u if n > 1 else 1.0 * u


@idiom()
def helpers(x):
    g = lambda u: u * math.sin(u)
    s = with_default(x[0]) + with_default(x[1], 3) + with_default(u=x[2], scale=2.0) + outer(x[3])
    return s + apply(square, x[0]) + g(x[4]) + fibonacci(x[5], 4)


@idiom(Model(T, OBSERVED, 2.0), (T, COUNTS), "square", None)
def kinds_of_arguments(x, model, data, loss, weights):
    t, k = data
    r = x[0] * np.exp(-x[1] * model.t) - model.y
    s = np.sum(r**2) / model.scale if loss == "square" else np.sum(np.abs(r))
    for i in range(k.size):
        s += math.exp(x[i]) - k[i] * x[i] + math.lgamma(k[i] + 1.0)
    return s + np.sum(k * np.log(x) + (1 - k) * np.log1p(x)) + x[2] * t[k[0]] if weights is None else 0.0


@idiom(D)
def stores(x, d):
    M, h = np.zeros((3, 4)), np.zeros(8)
    M[0, :3] = x[:3]
    M[1:, 0] = x[4:]
    M[2] = x[0] * 2.0
    M[:, 3] += 1.0
    M[0, 1] *= x[2]
    M[1, 0] -= 2.0 * x[1]
    h[1:7] = d
    view = h[2:5]
    view[:] = x[:3]
    view[0] += 1.0
    row = M[0].copy()
    M[0] = M[1]
    M[1] = row
    h[7:].fill(x[1])
    return np.sum(M**2) + np.sum(h[1:] * h[:-1]) + np.sum(M[0] * np.arange(4.0)) + np.full((2, 3), x[0])[0] @ x[:3]


@idiom()
def lists_and_slices(x):
    values, out, rows = [x[0], x[1], x[2]], [], [[x[0], x[1]], [x[2], x[3] * 2.0]]
    first, before = values[:2], sum(values[:2])
    values[0] = x[3]
    second, after = values[:2], sum(values[:2])
    first.append(x[4])
    for row in rows:
        for v in row:
            if v > 0.6:
                out.append(v * v)
    parts = [x[:3] * 2.0, x[3:] * 3.0]
    return before / after + sum(first) * sum(second) + sum(out) / len(out) + np.sum(parts[0] * parts[1])


@idiom(T)
def euler(x, t):
    y = np.array([1.0, 0.5])
    for k in range(t.size - 1):
        y = y + (t[k + 1] - t[k]) * np.array([x[0] * y[0] - x[1] * y[0] * y[1], x[3] * y[0] * y[1] - x[2] * y[1]])
    return y[0] ** 2 + y[1] + np.sum(np.array([x[0], y[1]], dtype=np.float64) ** 2) + np.sum(x.astype(np.float64))


@idiom(OBSERVED)
def kalman(x, y):
    m, P, s = 0.0, 1.0, 0.0
    for v in y:
        P = P * x[0] ** 2 + x[1]
        f, e = P + x[2], v - m
        s += 0.5 * (math.log(f) + e * e / f)
        K = P / f
        m, P = x[0] * (m + K * e), P * (1.0 - K)
    return s


@idiom(np.array([[0.0, 1.0], [2.0, 0.5], [1.0, 3.0]]))
def hidden_markov(x, log_b):
    a = np.zeros(2)
    a[0] = -np.inf
    for t in range(3):
        b = np.empty_like(a)
        for j in range(2):
            b[j] = np.logaddexp(a[0] + x[j], a[1] + x[j + 2]) + log_b[t, j]
        a = b
    return np.logaddexp(a[0], a[1])


@idiom(S, D)
def normal_likelihood(x, S, d):
    C = x[0] * S + np.diag(np.exp(x))
    z = np.linalg.solve(np.linalg.cholesky(C), d - x)
    return 0.5 * z @ z + 0.5 * np.linalg.slogdet(C)[1]


@idiom(T)
def gaussian_process(x, t):
    K = np.empty((t.size, t.size))
    for i in range(t.size):
        for j in range(t.size):
            K[i, j] = x[0] * math.exp(-0.5 * ((t[i] - t[j]) / x[1]) ** 2)
        K[i, i] += 1e-2
    return np.linalg.slogdet(K)[1]


@idiom(OBSERVED)
def mixture(x, y):
    w, s = 1.0 / (1.0 + math.exp(-x[4])), 0.0
    for v in y:
        a = math.exp(-0.5 * ((v - x[0]) / x[1]) ** 2) / x[1]
        s -= math.log(w * a + (1.0 - w) * math.exp(-0.5 * ((v - x[2]) / x[3]) ** 2) / x[3])
    return s


@idiom(D)
def losses(x, d):
    r, e = np.abs(x - d), np.exp(x - np.max(x))
    huber = np.sum(np.where(r < 0.5, 0.5 * r**2, 0.5 * (r - 0.25)))
    hinge = np.sum(np.maximum(0.0, 1.0 - d * x)) + max(0.0, x[0] - 0.1) ** 2 + min(x[1], x[2])
    return huber + hinge - np.log(e / e.sum())[2] + np.mean(np.log1p(np.exp(-x)))


@idiom()
def discretised(x):
    u = np.zeros((4, 5))
    u[1:-1, 1:-1] = x.reshape((2, 3))
    y = np.concatenate((np.zeros(1), x, np.zeros(1)))
    residual = 4 * u[1:-1, 1:-1] - u[:-2, 1:-1] - u[2:, 1:-1] - u[1:-1, :-2] - u[1:-1, 2:]
    return np.sum(residual**2) + 0.5 * np.sum((y[1:] - y[:-1]) ** 2) + np.sum(np.diff(x, 2) ** 2) - 0.1 * np.sum(y)


@idiom()
def undecided(x):
    """Return a value whose terms have infinite derivatives that must not enter the gradient.

    Either f does not depend on the term, or its argument does not vary.
    """
    h, z = np.zeros(3), np.maximum(x - 0.6, 0.0)
    h[1] = x[0]
    distance = 0.0
    for i in range(3):
        for j in range(3):
            distance += np.sqrt((x[i] - x[j]) ** 2 + (x[i + 3] - x[j + 3]) ** 2)
    return np.sum(np.sqrt(h)) + np.sum(np.where(z > 0.0, z * np.log(z), 0.0)) + distance + np.sum(np.exp(np.log(h)))


@idiom()
def models_and_weights(x):
    """Return a value by named tuples in each other, a matrix display, and numbers in place."""
    w = np.exp(x)
    w /= w.sum()
    state = State(Rates(x[0], down=2.0 * x[1]), w)
    up, down = state.rates
    step = np.array([[1.0, up], [0.0, 1.0]])
    w[1:] *= x[4]
    return np.sum(step @ x[:2]) + state.rates[1] * down + np.max(np.outer(x, w)[1:, ::2]) + state.weights[1]


@idiom()
def log_probabilities(x):
    a = x.reshape((2, 3))
    s = special.logsumexp(3.0 * x) - special.softmax(x) @ x + np.sum(special.logsumexp(a, axis=0) ** 2)
    s += np.sum(special.logsumexp(a, axis=1) ** 2) + np.sum(special.softmax(a, axis=1) ** 2)
    return s + np.sum(special.softmax(a, axis=0) ** 2) + np.min(a.T)


@idiom()
def tuples_of_tuples(x):
    turn = np.array(((1.0, 0.0), (x[0], 1.0)))
    h = np.sin(x)
    h -= x[1]
    h /= 1.0 + h @ h
    return np.sum(turn @ x[2:4]) + np.sum(h * x)


@idiom()
def limits_that_vary(x):
    return np.sum(np.clip(x, x[1] - 0.1, x[3] + 0.2) ** 2)
