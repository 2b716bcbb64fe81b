"""Systems of polynomials in which all variables are coupled: MGH (27), (35)."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.problem import Problem, dimension, mgh


@kernel
def product_without(x, j, k):
    """Π x_i over i ≠ j, k, multiplied out, since dividing by x_j would fail at 0."""
    product = 1.0
    for i in range(x.size):
        if i != j and i != k:
            product *= x[i]
    return product


@kernel
def brown_almost_linear_value(x):
    """f = Σ_{i<n} (x_i + Σ x_j − (n + 1))² + (Π x_j − 1)²; MGH (27)."""
    s = -(x.size + 1.0)
    for j in range(x.size):
        s += x[j]
    f = (product_without(x, -1, -1) - 1.0) ** 2
    for i in range(x.size - 1):
        f += (x[i] + s) ** 2
    return f


@kernel
def brown_almost_linear_gradient(x):
    """g_j = 2(Σ_{i<n} r_i + [j<n] r_j + r_n Π_{i≠j} x_i)."""
    n = x.size
    g = np.empty(n)
    s = -(n + 1.0)
    for j in range(n):
        s += x[j]
    r_sum = 0.0
    for i in range(n - 1):
        r_sum += x[i] + s
    r_last = product_without(x, -1, -1) - 1.0
    for j in range(n):
        g[j] = 2.0 * (r_sum + r_last * product_without(x, j, j))
        if j < n - 1:
            g[j] += 2.0 * (x[j] + s)
    return g


@kernel
def brown_almost_linear_hessian(x):
    """H_jk = 2(n − 1 + [j<n] + [k<n] + δ_jk[j<n] + Π_{i≠j} Π_{i≠k} + r_n Π_{i≠j,k}).

    The last term exists for j ≠ k only.
    """
    n = x.size
    H = np.empty((n, n))
    r_last = product_without(x, -1, -1) - 1.0
    for j in range(n):
        P = product_without(x, j, j)
        for k in range(j + 1):
            h = n - 1.0 + P * product_without(x, k, k)
            if j < n - 1:
                h += 2.0
            elif k < n - 1:
                h += 1.0
            if j != k:
                h += r_last * product_without(x, j, k)
            elif j < n - 1:
                h += 1.0
            H[j, k] = 2.0 * h
            H[k, j] = 2.0 * h
    return H


def brown_almost_linear(n=10):
    """Return Brown's almost linear system of n − 1 planes and a product.

    f = 1 at (0, …, 0, n + 1) is a local minimum.
    """
    n = dimension(n, least=2)
    return Problem("Brown almost linear", brown_almost_linear_value, brown_almost_linear_gradient,
                   brown_almost_linear_hessian, start=np.full(n, 0.5), source=mgh(27), fmin=0.0,
                   minimiser=np.ones(n), local_minima=(1.0,))


@kernel
def chebyshev(i, x):
    """Return T_i(2x − 1), its slope and its curvature in x, by the three-term recurrence."""
    y = 2.0 * x - 1.0
    T, T_before = y, 1.0
    dT, dT_before = 2.0, 0.0
    d2T, d2T_before = 0.0, 0.0
    for _ in range(1, i):
        d2T, d2T_before = 8.0 * dT + 2.0 * y * d2T - d2T_before, d2T
        dT, dT_before = 4.0 * T + 2.0 * y * dT - dT_before, dT
        T, T_before = 2.0 * y * T - T_before, T
    return T, dT, d2T


@kernel
def chebyquad_residual(i, x):
    """r_i = (1/n) Σ_j T_i(x_j) − ∫₀¹ T_i; MGH (35).

    The integral is 0 for odd i and −1/(i² − 1) for even i.
    """
    total = 0.0
    for j in range(x.size):
        total += chebyshev(i, x[j])[0]
    integral = 0.0 if i % 2 else -1.0 / (i * i - 1.0)
    return total / x.size - integral


@kernel
def chebyquad_value(x):
    """f = Σ r_i², i = 1 … n."""
    f = 0.0
    for i in range(1, x.size + 1):
        f += chebyquad_residual(i, x) ** 2
    return f


@kernel
def chebyquad_gradient(x):
    """g_j = (2/n) Σ r_i T_i′(x_j)."""
    g = np.zeros(x.size)
    for i in range(1, x.size + 1):
        r = chebyquad_residual(i, x)
        for j in range(x.size):
            g[j] += 2.0 / x.size * r * chebyshev(i, x[j])[1]
    return g


@kernel
def chebyquad_hessian(x):
    """H_jk = (2/n²) Σ T_i′(x_j)T_i′(x_k) + δ_jk (2/n) Σ r_i T_i″(x_j)."""
    n = x.size
    H = np.zeros((n, n))
    for i in range(1, n + 1):
        r = chebyquad_residual(i, x)
        for j in range(n):
            _, slope, curvature = chebyshev(i, x[j])
            for k in range(n):
                H[j, k] += 2.0 / (n * n) * (slope * chebyshev(i, x[k])[1])
            H[j, j] += 2.0 / n * r * curvature
    return H


def chebyquad(n=8):
    """Return Chebyquad, the nodes of Chebyshev quadrature on [0, 1].

    Real nodes (f = 0) exist for n ≤ 7 and n = 9.
    """
    n = dimension(n)
    fmin = {**dict.fromkeys((1, 2, 3, 4, 5, 6, 7, 9), 0.0), 8: 3.51687372567793e-3,
            10: 4.77271369637535e-3}
    local_minima = {10: (6.50395480088230e-3,)}
    return Problem("Chebyquad", chebyquad_value, chebyquad_gradient, chebyquad_hessian,
                   start=np.arange(1.0, n + 1.0) / (n + 1.0), source=mgh(35), fmin=fmin.get(n),
                   local_minima=local_minima.get(n, ()))
