"""Banded systems and discretised boundary-value problems: MGH (28)-(31)."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.problem import Problem, dimension, mgh
from quasinewton.problems.sums import partially_separable


@kernel
def tridiagonal_square(i, x, r, left, middle, right, curvature):
    """Return the element r² of a residual in x_{i−1}, x_i, x_{i+1}.

    The residual is curved in x_i only; x₀ = x_{n+1} = 0.
    """
    before, after = max(i - 1, 0), min(i + 1, x.size - 1)
    if i == 0:
        left = 0.0
    if i == x.size - 1:
        right = 0.0
    a, b, c = 2.0 * left, 2.0 * middle, 2.0 * right
    second = a * left, a * middle, b * middle + 2.0 * r * curvature, a * right, b * right, c * right
    return (before, i, after), r * r, (a * r, b * r, c * r), second


@kernel
def neighbours(i, x):
    """Return x_{i−1} and x_{i+1}, with x₀ = x_{n+1} = 0."""
    before = x[i - 1] if i > 0 else 0.0
    after = x[i + 1] if i < x.size - 1 else 0.0
    return before, after


def grid_start(n):
    """Return t_i(t_i − 1), t_i = i/(n + 1), the start of MGH (28) and (29)."""
    t = np.arange(1.0, n + 1.0) / (n + 1.0)
    return t * (t - 1.0)


@kernel
def boundary_value_element(i, x):
    """r_i = 2x_i − x_{i−1} − x_{i+1} + h²(x_i + t_i + 1)³/2, t_i = ih, h = 1/(n + 1); MGH (28)."""
    h = 1.0 / (x.size + 1.0)
    before, after = neighbours(i, x)
    u = x[i] + (i + 1) * h + 1.0
    r = 2.0 * x[i] - before - after + 0.5 * h * h * u ** 3
    return tridiagonal_square(i, x, r, -1.0, 2.0 + 1.5 * h * h * u * u, -1.0, 3.0 * h * h * u)


def discrete_boundary_value(n=10):
    """Return the discretised boundary-value problem u″ = (u + t + 1)³/2.

    Its condition number is of order n⁴.
    """
    n = dimension(n)
    return Problem("Discrete boundary value", *partially_separable(boundary_value_element), start=grid_start(n),
                   source=mgh(28), fmin=0.0)


@kernel
def broyden_tridiagonal_element(i, x):
    """r_i = (3 − 2x_i)x_i − x_{i−1} − 2x_{i+1} + 1; MGH (30)."""
    before, after = neighbours(i, x)
    r = (3.0 - 2.0 * x[i]) * x[i] - before - 2.0 * after + 1.0
    return tridiagonal_square(i, x, r, -1.0, 3.0 - 4.0 * x[i], -2.0, -4.0)


def broyden_tridiagonal(n=10):
    """Return Broyden's tridiagonal system."""
    n = dimension(n)
    return Problem("Broyden tridiagonal", *partially_separable(broyden_tridiagonal_element), start=np.full(n, -1.0),
                   source=mgh(30), fmin=0.0)


@kernel
def green(i, j, h):
    """(h/2) G_ij, G_ij = min(t_i, t_j)(1 − max(t_i, t_j)).

    G is the inverse of −d²/dt² with zero values at both ends.
    """
    return 0.5 * h * (min(i, j) + 1) * h * (1.0 - (max(i, j) + 1) * h)


@kernel
def apply_green(v):
    """Overwrite v by (h/2) G v, in O(n) by two running sums."""
    h = 1.0 / (v.size + 1.0)
    below, above = 0.0, 0.0  # The sums are Σ_{j≤i} t_j v_j and Σ_{j>i} (1 − t_j) v_j.
    for j in range(v.size):
        above += (1.0 - (j + 1) * h) * v[j]
    for i in range(v.size):
        t = (i + 1) * h
        below += t * v[i]
        above -= (1.0 - t) * v[i]
        v[i] = 0.5 * h * ((1.0 - t) * below + t * above)


@kernel
def next_residual(i, x, below, above):
    """Return r_i of MGH (29) and the two running sums after it.

    r_i = x_i + (h/2) Σ_j G_ij (x_j + t_j + 1)³.
    """
    h = 1.0 / (x.size + 1.0)
    t = (i + 1) * h
    u3 = (x[i] + t + 1.0) ** 3
    below += t * u3
    above -= (1.0 - t) * u3
    return x[i] + 0.5 * h * ((1.0 - t) * below + t * above), below, above


@kernel
def sums_before_first(x):
    """Return the running sums that `next_residual` begins with."""
    h = 1.0 / (x.size + 1.0)
    above = 0.0
    for j in range(x.size):
        above += (1.0 - (j + 1) * h) * (x[j] + (j + 1) * h + 1.0) ** 3
    return 0.0, above


@kernel
def integral_equation_value(x):
    """f = Σ r_i²."""
    f = 0.0
    below, above = sums_before_first(x)
    for i in range(x.size):
        r, below, above = next_residual(i, x, below, above)
        f += r * r
    return f


@kernel
def integral_equation_gradient(x):
    """g = 2(r + D (h/2)G r), D = diag(3(x_j + t_j + 1)²), since G is symmetric."""
    h = 1.0 / (x.size + 1.0)
    g = np.empty(x.size)
    below, above = sums_before_first(x)
    for i in range(x.size):
        g[i], below, above = next_residual(i, x, below, above)
    apply_green(g)
    below, above = sums_before_first(x)
    for j in range(x.size):
        r, below, above = next_residual(j, x, below, above)
        g[j] = 2.0 * (r + 3.0 * (x[j] + (j + 1) * h + 1.0) ** 2 * g[j])
    return g


@kernel
def integral_equation_hessian(x):
    """H = 2(JᵀJ + diag(6(x_j + t_j + 1) Σ_i r_i (h/2)G_ij)), J = I + (h/2)G D."""
    n = x.size
    h = 1.0 / (n + 1.0)
    H = np.zeros((n, n))
    below, above = sums_before_first(x)
    for i in range(n):
        r, below, above = next_residual(i, x, below, above)
        for j in range(n):
            u = x[j] + (j + 1) * h + 1.0
            slope = 3.0 * u * u * green(i, j, h) + (1.0 if i == j else 0.0)
            for k in range(n):
                v = x[k] + (k + 1) * h + 1.0
                H[j, k] += 2.0 * slope * (3.0 * v * v * green(i, k, h) + (1.0 if i == k else 0.0))
            H[j, j] += 12.0 * u * r * green(i, j, h)
    return H


def discrete_integral_equation(n=10):
    """Return the discretised integral equation, which is well conditioned.

    Its solution is that of MGH (28).
    """
    n = dimension(n)
    return Problem("Discrete integral equation", integral_equation_value, integral_equation_gradient,
                   integral_equation_hessian, start=grid_start(n), source=mgh(29), fmin=0.0)


@kernel
def broyden_banded_residual(i, x):
    """r_i = x_i(2 + 5x_i²) + 1 − Σ x_j(1 + x_j), over i − 5 ≤ j ≤ i + 1, j ≠ i; MGH (31)."""
    r = x[i] * (2.0 + 5.0 * x[i] * x[i]) + 1.0
    for j in range(max(0, i - 5), min(x.size, i + 2)):
        if j != i:
            r -= x[j] * (1.0 + x[j])
    return r


@kernel
def broyden_banded_slope(i, j, x):
    """Return ∂r_i/∂x_j within the band."""
    return 2.0 + 15.0 * x[i] * x[i] if j == i else -1.0 - 2.0 * x[j]


@kernel
def broyden_banded_value(x):
    """f = Σ r_i²."""
    f = 0.0
    for i in range(x.size):
        f += broyden_banded_residual(i, x) ** 2
    return f


@kernel
def broyden_banded_gradient(x):
    """g = 2 Jᵀr."""
    g = np.zeros(x.size)
    for i in range(x.size):
        r = broyden_banded_residual(i, x)
        for j in range(max(0, i - 5), min(x.size, i + 2)):
            g[j] += 2.0 * r * broyden_banded_slope(i, j, x)
    return g


@kernel
def broyden_banded_hessian(x):
    """H = 2(JᵀJ + Σ r_i ∇²r_i): each ∇²r_i is diagonal."""
    H = np.zeros((x.size, x.size))
    for i in range(x.size):
        r = broyden_banded_residual(i, x)
        first, end = max(0, i - 5), min(x.size, i + 2)
        for j in range(first, end):
            slope = broyden_banded_slope(i, j, x)
            for k in range(first, end):
                H[j, k] += 2.0 * slope * broyden_banded_slope(i, k, x)
            H[j, j] += 2.0 * r * (30.0 * x[i] if j == i else -2.0)
    return H


def broyden_banded(n=10):
    """Return Broyden's banded system."""
    n = dimension(n)
    return Problem("Broyden banded", broyden_banded_value, broyden_banded_gradient, broyden_banded_hessian,
                   start=np.full(n, -1.0), source=mgh(31), fmin=0.0)
