"""Quadratics within bounds, from the CUTE collection: convex, degenerate and indefinite ones."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.blocks import CUTE
from quasinewton.problems.problem import Problem, dimension
from quasinewton.problems.sums import partially_separable


@kernel
def bqp1var_element(i, x):
    """φ = x + x²."""
    return (i,), x[i] + x[i] * x[i], (1.0 + 2.0 * x[i],), (2.0,)


def bqp1var():
    """Return f = x + x² of one variable on [0, 0.5]."""
    return Problem("BQP1VAR", *partially_separable(bqp1var_element), start=(0.25,), source=f"{CUTE}: BQP1VAR",
                   fmin=0.0, minimiser=(0.0,), low=0.0, high=0.5)


@kernel
def simbqp_element(i, x):
    """φ = x₂ + (x₂ − x₁)² + (2x₁ + x₂)²."""
    a, b = x[1] - x[0], 2.0 * x[0] + x[1]
    return (0, 1), x[1] + a * a + b * b, (4.0 * b - 2.0 * a, 1.0 + 2.0 * (a + b)), (10.0, 2.0, 4.0)


def simbqp():
    """Return f = x₂ + (x₂ − x₁)² + (2x₁ + x₂)², 0 ≤ x₂ ≤ 0.5, x₁ free; starts outside."""
    return Problem("SIMBQP", *partially_separable(simbqp_element, stride=2), start=(10.0, 1.0),
                   source=f"{CUTE}: SIMBQP", fmin=0.0, minimiser=(0.0, 0.0), low=(-np.inf, 0.0), high=(np.inf, 0.5))


@kernel
def oslbqp_element(i, x):
    """φ = x_i²/2 + c_i x_i, c = (1, 0, 0, 0, 2, 0, 0, −1)."""
    c = (1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, -1.0)[i]
    return (i,), x[i] * (0.5 * x[i] + c), (x[i] + c,), (1.0,)


def oslbqp():
    """Return the quadratic of the OSL manual, with bounds on both sides and on one.

    Five active bounds have multipliers of 0.
    """
    inf = np.inf
    return Problem("OSLBQP", *partially_separable(oslbqp_element), start=np.full(8, 0.5), source=f"{CUTE}: OSLBQP",
                   fmin=6.25, minimiser=(2.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 1.0),
                   low=(2.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0), high=(inf, 4.1, inf, inf, 4.0, inf, inf, 4.3))


@kernel
def biggsb1_element(i, x):
    """φ_i = (x_{i+1} − x_i)², and (x₁ − 1)², (1 − x_n)² at the ends."""
    if i == x.size - 1:
        d = x[i] - 1.0
        return (i, i), d * d, (0.0, 2.0 * d), (0.0, 0.0, 2.0)
    d = x[i + 1] - x[i]
    e = x[i] - 1.0 if i == 0 else 0.0
    h = 4.0 if i == 0 else 2.0
    return (i, i + 1), d * d + e * e, (2.0 * (e - d), 2.0 * d), (h, -2.0, 2.0)


def biggsb1(n=100):
    """Return f = (x₁ − 1)² + Σ (x_{i+1} − x_i)² + (1 − x_n)², 0 ≤ x_i ≤ 0.9, x_n free.

    All multipliers but those at the ends are 0.
    """
    n = dimension(n, least=2)
    high, minimiser = np.full(n, 0.9), np.full(n, 0.9)
    low = np.zeros(n)
    low[-1], high[-1], minimiser[-1] = -np.inf, np.inf, 0.95
    return Problem("BIGGSB1", *partially_separable(biggsb1_element), start=np.zeros(n), source=f"{CUTE}: BIGGSB1",
                   fmin=0.015, minimiser=minimiser, low=low, high=high)


@kernel
def bqp_element(i, x, share):
    """φ = ±(i/2)(x_i + x_j + x_k)², j = 1 + (2i − 1 mod n), k = 1 + (3i − 1 mod n).

    The sign is + for i ≤ n share.
    """
    j, k = (2 * i + 1) % x.size, (3 * i + 2) % x.size
    w = i + 1.0
    if w > share * x.size:
        w = -w
    t = x[i] + x[j] + x[k]
    return (i, j, k), 0.5 * w * t * t, (w * t, w * t, w * t), (w, w, w, w, w, w)


@kernel
def cvxbqp1_element(i, x):
    """Term of CVXBQP1: all signs are positive."""
    return bqp_element(i, x, 1.0)


@kernel
def ncvxbqp1_element(i, x):
    """Term of NCVXBQP1: a quarter of the signs is positive."""
    return bqp_element(i, x, 0.25)


@kernel
def ncvxbqp2_element(i, x):
    """Term of NCVXBQP2: half of the signs are positive."""
    return bqp_element(i, x, 0.5)


@kernel
def ncvxbqp3_element(i, x):
    """Term of NCVXBQP3: three quarters of the signs are positive."""
    return bqp_element(i, x, 0.75)


def bqp(name, element, n, **known):
    """Return a member of the family of `bqp_element`, on [0.1, 10]ⁿ."""
    return Problem(name, *partially_separable(element), start=np.full(n, 0.5), source=f"{CUTE}: {name}",
                   low=0.1, high=10.0, **known)


def cvxbqp1(n=100):
    """Return Σ (i/2)(x_i + x_j + x_k)², convex, with all variables on their lower bounds."""
    n = dimension(n)
    return bqp("CVXBQP1", cvxbqp1_element, n, fmin=0.0225 * n * (n + 1), minimiser=np.full(n, 0.1))


def ncvxbqp1(n=100):
    """Return Σ ±(i/2)(x_i + x_j + x_k)² with three quarters of the terms negative.

    Nearly all variables end on bounds; there are many minima.
    """
    return bqp("NCVXBQP1", ncvxbqp1_element, dimension(n, least=4), fmin={100: -1995577.65}.get(n))


def ncvxbqp2(n=100):
    """Return Σ ±(i/2)(x_i + x_j + x_k)² with half of the terms negative; many minima."""
    return bqp("NCVXBQP2", ncvxbqp2_element, dimension(n, least=4), fmin={100: -1333045.53}.get(n))


def ncvxbqp3(n=100):
    """Return Σ ±(i/2)(x_i + x_j + x_k)² with a quarter of the terms negative; many minima."""
    return bqp("NCVXBQP3", ncvxbqp3_element, dimension(n, least=4), fmin={100: -670848.717347561}.get(n))


@kernel
def pentdi_element(i, x):
    """φ = 6x_i² − 4x_i x_{i+1} + x_i x_{i+2} + c_i x_i, without the products where i > n − 2."""
    half = x.size // 2
    c = 0.0
    if i == 0 or i == half - 1:
        c = -3.0
    elif i == half:
        c = 4.0
    elif i == 1 or i == half - 2 or i >= half + 2:
        c = 1.0
    u = x[i]
    if i >= x.size - 2:
        return (i, i, i), u * (6.0 * u + c), (12.0 * u + c, 0.0, 0.0), (12.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    v, w = x[i + 1], x[i + 2]
    return (i, i + 1, i + 2), u * (6.0 * u - 4.0 * v + w + c), (12.0 * u - 4.0 * v + w + c, -4.0 * u, u), (
        12.0, -4.0, 0.0, 1.0, 0.0, 0.0)


def pentdi(n=100):
    """Return a convex quadratic with a pentadiagonal matrix, x ≥ 0; n even, n ≥ 8.

    Two variables are positive at the minimum.
    """
    n = dimension(n, least=8, multiple=2)
    minimiser = np.zeros(n)
    minimiser[[0, n // 2 - 1]] = 0.25
    return Problem("PENTDI", *partially_separable(pentdi_element), start=np.ones(n),
                   source=f"Lin & Pang (1987), SIAM J. Control Optim. 25, 383-411; {CUTE}: PENTDI",
                   fmin=-0.75, minimiser=minimiser, low=0.0, high=np.inf)


@kernel
def qudlin_element(i, x):
    """φ = −10i x_i, and x_i x_{i+1} for i ≤ n/2."""
    c = -10.0 * (i + 1)
    if i >= x.size // 2:
        return (i, i), c * x[i], (0.0, c), (0.0, 0.0, 0.0)
    return (i, i + 1), x[i] * (c + x[i + 1]), (c + x[i + 1], x[i]), (0.0, 1.0, 0.0)


def qudlin(n=100):
    """Return f = Σ −10i x_i + Σ_{i ≤ n/2} x_i x_{i+1} on [0, 10]ⁿ.

    It is indefinite, with all variables on their upper bounds at the minimum.
    """
    n = dimension(n, least=2)
    fmin = -50.0 * n * (n + 1) + 100.0 * (n // 2)
    return Problem("QUDLIN", *partially_separable(qudlin_element), start=np.zeros(n), source=f"{CUTE}: QUDLIN",
                   fmin=fmin, minimiser=np.full(n, 10.0), low=0.0, high=10.0)


@kernel
def chenhark_element(i, x):
    """φ = (x_{i−1} − 2x_i + x_{i+1})²/2 + b_i x_i, x₀ = x_{n+1} = 0; x₁²/2 and x_n²/2 are added.

    Here b = −(DᵀD)p + q, D the second differences, p = 1 for i ≤ n/2, q = 1 for i > n/2 + n/5, else
    0.
    """
    n = x.size
    free, last = n // 2, n // 2 + n // 5
    b = 0.0 if i < last else 1.0
    for k, weight in ((i - 2, -1.0), (i - 1, 4.0), (i, -6.0), (i + 1, 4.0), (i + 2, -1.0)):
        if 0 <= k < free:
            b += weight
    left, l = (i - 1, 1.0) if i > 0 else (i, 0.0)
    right, r = (i + 1, 1.0) if i < n - 1 else (i, 0.0)
    e = 2.0 - l - r  # An end adds x² / 2.
    u = x[i]
    d = l * x[left] + r * x[right] - 2.0 * u
    return (i, left, right), 0.5 * (d * d + e * u * u) + b * u, (e * u - 2.0 * d + b, l * d, r * d), (
        4.0 + e, -2.0 * l, l, -2.0 * r, l * r, r)


def chenhark(n=100):
    """Return a bilaplacian, x ≥ 0; n a multiple of 10.

    The minimiser is 1 on a half of the variables, and has multipliers of 0 on a fifth.
    """
    n = dimension(n, least=10, multiple=10)
    return Problem("CHENHARK", *partially_separable(chenhark_element), start=np.full(n, 0.5),
                   source=f"Chen & Harker (1993), SIAM J. Matrix Anal. Appl. 14, 1168-1190; {CUTE}: CHENHARK",
                   fmin=-2.0, minimiser=np.where(np.arange(n) < n // 2, 1.0, 0.0), low=0.0, high=np.inf)


@kernel
def harkerp2_value(x):
    """f = 2 Σ t_j² − t₁² − Σ (x_j²/2 + x_j), t_j = x_j + … + x_n."""
    f, t = 0.0, 0.0
    for j in range(x.size - 1, -1, -1):
        t += x[j]
        f += 2.0 * t * t - x[j] * (0.5 * x[j] + 1.0)
    return f - t * t


@kernel
def harkerp2_gradient(x):
    """g_j = 4(t₁ + … + t_j) − 2t₁ − x_j − 1."""
    g = np.empty(x.size)
    t = 0.0
    for j in range(x.size):
        t += x[j]
    total = -2.0 * t
    for j in range(x.size):
        total += 4.0 * t
        g[j] = total - x[j] - 1.0
        t -= x[j]
    return g


@kernel
def harkerp2_hessian(x):
    """H_jk = 4 min(j, k) − 2 − δ_jk."""
    H = np.empty((x.size, x.size))
    for j in range(x.size):
        for k in range(x.size):
            H[j, k] = 4.0 * (min(j, k) + 1) - 2.0
        H[j, j] -= 1.0
    return H


def harkerp2(n=50):
    """Return a dense convex quadratic of condition number n², x ≥ 0.

    One variable is positive at the minimum.
    """
    n = dimension(n)
    minimiser = np.zeros(n)
    minimiser[0] = 1.0
    return Problem("HARKERP2", harkerp2_value, harkerp2_gradient, harkerp2_hessian, start=np.arange(1.0, n + 1.0),
                   source=f"Harker & Pang (1990), Lectures in Applied Mathematics 26, 265-284; {CUTE}: HARKERP2",
                   fmin=-0.5, minimiser=minimiser, low=0.0, high=np.inf)
