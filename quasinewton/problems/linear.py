"""Linear least squares with m = 2n residuals, of full rank and of rank one: MGH (32)-(34)."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.problem import Problem, dimension, mgh


@kernel
def full_rank_value(x):
    """r_i = x_i − (2/m) Σ x_j − 1 for i ≤ n, −(2/m) Σ x_j − 1 beyond; MGH (32)."""
    c = 0.0
    for j in range(x.size):
        c += x[j]
    c = c / x.size + 1.0
    f = x.size * c * c
    for i in range(x.size):
        f += (x[i] - c) ** 2
    return f


@kernel
def full_rank_gradient(x):
    """g = 2 (x + e): the columns of J are orthonormal."""
    g = np.empty(x.size)
    for j in range(x.size):
        g[j] = 2.0 * (x[j] + 1.0)
    return g


@kernel
def full_rank_hessian(x):
    """H = 2 I."""
    H = np.zeros((x.size, x.size))
    for j in range(x.size):
        H[j, j] = 2.0
    return H


def linear_full_rank(n=10):
    """Return the linear function of full rank, f* = m − n with m = 2n.

    One Newton step solves it.
    """
    n = dimension(n)
    return Problem("Linear, full rank", full_rank_value, full_rank_gradient, full_rank_hessian, start=np.ones(n),
                   source=mgh(32), fmin=float(n), minimiser=np.full(n, -1.0))


@kernel
def weighted_sum(x, ends):
    """Return Σ j x_j, leaving out `ends` variables at either end."""
    s = 0.0
    for j in range(ends, x.size - ends):
        s += (j + 1) * x[j]
    return s


@kernel
def rank_one_sum(x, ends):
    """f = 2·ends + Σ (iS − 1)², i = 1 … m − 2·ends, S = Σ j x_j.

    This is MGH (33) for ends = 0, and (34) for ends = 1.
    """
    s = weighted_sum(x, ends)
    f = 2.0 * ends
    for i in range(1, 2 * x.size - 2 * ends + 1):
        f += (i * s - 1.0) ** 2
    return f


@kernel
def rank_one_slopes(x, ends):
    """g_j = 2j Σ i(iS − 1) between the ends, 0 at them."""
    g = np.zeros(x.size)
    s = weighted_sum(x, ends)
    c = 0.0
    for i in range(1, 2 * x.size - 2 * ends + 1):
        c += 2.0 * i * (i * s - 1.0)
    for j in range(ends, x.size - ends):
        g[j] = (j + 1) * c
    return g


@kernel
def rank_one_curvatures(x, ends):
    """H_jk = 2jk Σ i² between the ends, 0 at them."""
    H = np.zeros((x.size, x.size))
    m = 2.0 * x.size - 2.0 * ends
    c = m * (m + 1.0) * (2.0 * m + 1.0) / 3.0
    for j in range(ends, x.size - ends):
        for k in range(ends, x.size - ends):
            H[j, k] = (j + 1) * (k + 1) * c
    return H


@kernel
def rank_one_value(x):
    """r_i = i Σ j x_j − 1; MGH (33)."""
    return rank_one_sum(x, 0)


@kernel
def rank_one_gradient(x):
    """Gradient of MGH (33)."""
    return rank_one_slopes(x, 0)


@kernel
def rank_one_hessian(x):
    """Hessian of MGH (33)."""
    return rank_one_curvatures(x, 0)


@kernel
def rank_one_zeros_value(x):
    """r_i = (i − 1) Σ_{1<j<n} j x_j − 1 for 1 < i < m, r₁ = r_m = −1; MGH (34)."""
    return rank_one_sum(x, 1)


@kernel
def rank_one_zeros_gradient(x):
    """Gradient of MGH (34)."""
    return rank_one_slopes(x, 1)


@kernel
def rank_one_zeros_hessian(x):
    """Hessian of MGH (34)."""
    return rank_one_curvatures(x, 1)


def on_plane(n, ends, s):
    """Return the shortest x with Σ j x_j = s.

    The first and last `ends` variables are left out.
    """
    j = np.arange(1.0, n + 1.0)
    j[:ends] = 0.0
    j[n - ends:] = 0.0
    return s * j / (j @ j)


def linear_rank_1(n=10):
    """Return the linear function of rank one, m = 2n.

    Its minima fill the plane Σ j x_j = 3/(2m + 1).
    """
    n = dimension(n)
    m = 2 * n
    return Problem("Linear, rank 1", rank_one_value, rank_one_gradient, rank_one_hessian, start=np.ones(n),
                   source=mgh(33), fmin=m * (m - 1) / (2 * (2 * m + 1)), minimiser=on_plane(n, 0, 3 / (2 * m + 1)))


def linear_rank_1_zeros(n=10):
    """Return the linear function of rank one with zero columns and rows, m = 2n; n ≥ 3."""
    n = dimension(n, least=3)
    m = 2 * n
    return Problem("Linear, rank 1 with zero columns and rows", rank_one_zeros_value, rank_one_zeros_gradient,
                   rank_one_zeros_hessian, start=np.ones(n), source=mgh(34),
                   fmin=(m * m + 3 * m - 6) / (2 * (2 * m - 3)), minimiser=on_plane(n, 1, 3 / (2 * m - 3)))
