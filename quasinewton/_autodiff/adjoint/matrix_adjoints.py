"""Adjoints of linear algebra, compiled once and cached on disk.

Each function adds to `bar`, the adjoints of an operand, the contribution of `g`, the adjoint of the
result. Letters are those of Giles, Collected matrix derivative results for forward and reverse mode
algorithmic differentiation, 2008.
"""

import numpy as np
from numba.core import types
from numba.extending import overload

from quasinewton._autodiff.adjoint.runtime import add_matrix
from quasinewton._autodiff.kinks import sign_at_kinks
from quasinewton._numba_ext.jit import shared
from quasinewton._numba_ext.user_code import RULE

LOWER, UPPER, FULL = 1, 2, 0  # which triangle of a matrix has items that are not 0


@shared
def add_norm(bar, g, a, y):
    """Add the contribution of the Euclidean norm y of a vector; at 0, the middle of the slopes, 0.
    """
    if y > 0.0:
        for i in range(a.shape[0]):
            bar[i] += g * (a[i] * (1.0 / y))


@shared
def add_norm_of_matrix(bar, g, a, y):
    """Add the contribution of the Frobenius norm y of a matrix."""
    if y > 0.0:
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                bar[i, j] += g * (a[i, j] * (1.0 / y))


NORM = {1: add_norm, 2: add_norm_of_matrix}


@shared
def add_norm_of_order(bar, g, a, y, order):
    """Add the contribution of the norm y of a vector, of any order."""
    n = a.shape[0]
    if np.isinf(order):
        count = 0
        for i in range(n):
            count += abs(a[i]) == y
        for i in range(n):
            if abs(a[i]) == y:
                bar[i] += g * (sign_at_kinks(a[i]) / count)
    elif order == 1.0:
        for i in range(n):
            bar[i] += g * sign_at_kinks(a[i])
    elif y > 0.0 and order != 0.0:
        for i in range(n):
            bar[i] += g * (np.sign(a[i]) * (abs(a[i]) / y) ** (order - 1.0))


@shared
def add_left_of_outer(bar, g, b):
    """Add the contribution of the outer product of vectors to the first."""
    for i in range(bar.shape[0]):
        s = 0.0
        for j in range(b.shape[0]):
            s += g[i, j] * b[j]
        bar[i] += s


@shared
def add_right_of_outer(bar, g, a):
    """Add the contribution of the outer product of vectors to the second."""
    for i in range(a.shape[0]):
        for j in range(bar.shape[0]):
            bar[j] += a[i] * g[i, j]


@shared
def add_trace(bar, g):
    """Add the contribution of the trace of a matrix."""
    for i in range(min(bar.shape[0], bar.shape[1])):
        bar[i, i] += g


@shared
def add_diagonal(bar, g):
    """Add the contribution of the diagonal of a matrix, extracted as a vector."""
    for i in range(g.shape[0]):
        bar[i, i] += g[i]


@shared
def add_from_diagonal(bar, g):
    """Add the contribution of a diagonal matrix, made from a vector."""
    for i in range(bar.shape[0]):
        bar[i] += g[i, i]


@shared
def add_lower_triangle(bar, g, k):
    """Add the contribution of the lower triangle of a matrix, up to diagonal k."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            if j - i <= k:
                bar[i, j] += g[i, j]


@shared
def add_upper_triangle(bar, g, k):
    """Add the contribution of the upper triangle of a matrix, from diagonal k."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            if j - i >= k:
                bar[i, j] += g[i, j]


@shared
def add_inverse(bar, g, y):
    """Add the contribution of the inverse Y: Ā −= Yᵀ Ȳ Yᵀ."""
    add_matrix(bar, -np.dot(y.T, np.dot(g, y.T)))


@shared
def add_determinant(bar, g, a, y):
    """Add the contribution of the determinant y: Ā += ȳ y A⁻ᵀ."""
    add_matrix(bar, g * y * np.linalg.inv(a).T)


@shared
def add_log_determinant(bar, g, a):
    """Add the contribution of the logarithm of the absolute determinant: Ā += ȳ A⁻ᵀ."""
    add_matrix(bar, g * np.linalg.inv(a).T)


def triangle_of(a):
    """Return LOWER or UPPER if all other items of a square matrix of floats are 0, else FULL."""


@overload(triangle_of, jit_options=RULE)
def _triangle_of(a):
    if not isinstance(a.dtype, types.Float):
        return lambda a: FULL  # an item that is 0 may have a derivative

    def search(a):
        lower = upper = True
        for i in range(a.shape[0]):
            for j in range(i):
                upper = upper and a[i, j] == 0.0
                lower = lower and a[j, i] == 0.0
            if not (lower or upper):
                return FULL
        return LOWER if lower else UPPER

    return search


@shared
def transposed_solution(a, g):
    """Return A⁻ᵀ g for a vector g, by substitution if A is triangular."""
    n, triangle = a.shape[0], triangle_of(a)
    if triangle == FULL:
        return np.linalg.solve(a.T.copy(), g.copy())
    y = g.copy()
    for k in range(n):
        i = n - 1 - k if triangle == LOWER else k
        y[i] /= a[i, i]
        first, last = (0, i) if triangle == LOWER else (i + 1, n)
        for j in range(first, last):
            y[j] -= a[i, j] * y[i]
    return y


@shared
def add_right_hand_side(bar, g, a):
    """Add the contribution of the solution of A x = b to b: b̄ += A⁻ᵀ x̄."""
    y = transposed_solution(a, g)
    for i in range(bar.shape[0]):
        bar[i] += y[i]


@shared
def add_matrix_of_system(bar, g, a, x):
    """Add the contribution of the solution of A x = b to A: Ā −= A⁻ᵀ x̄ xᵀ."""
    y = transposed_solution(a, g)
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] -= y[i] * x[j]


@shared
def add_right_hand_sides(bar, g, a):
    """Add the contribution of the solution of A X = B to B: B̄ += A⁻ᵀ X̄."""
    add_matrix(bar, np.linalg.solve(a.T.copy(), g.copy()))


@shared
def add_matrix_of_systems(bar, g, a, x):
    """Add the contribution of the solution of A X = B to A: Ā −= A⁻ᵀ X̄ Xᵀ."""
    add_matrix(bar, -np.dot(np.linalg.solve(a.T.copy(), g.copy()), x.T.copy()))


@shared
def inverse_of_lower(a):
    """Return the inverse of a lower triangular matrix, row by row by substitution."""
    n = a.shape[0]
    v = np.zeros((n, n))
    for i in range(n):
        for k in range(i):
            for j in range(k + 1):
                v[i, j] -= a[i, k] * v[k, j]
        for j in range(i):
            v[i, j] /= a[i, i]
        v[i, i] = 1.0 / a[i, i]
    return v


@shared
def add_cholesky(bar, g, y):
    """Add the contribution of the Cholesky factor L of A: Ā += L⁻ᵀ Φ(Lᵀ L̄) L⁻¹.

    Φ halves the diagonal and sets the part above it to zero. The sum is symmetrised; parts above
    the diagonal are added below it, since LAPACK reads only the lower triangle of A.

    Source: Murray, Differentiation of the Cholesky decomposition, 2016, eq. 10.
    """
    n = y.shape[0]
    p = np.dot(y.T.copy(), g.copy())
    for i in range(n):
        p[i, i] *= 0.5
        for j in range(i + 1, n):
            p[i, j] = 0.0
    inverse = inverse_of_lower(y)
    s = np.dot(inverse.T.copy(), np.dot(p, inverse))
    for i in range(n):
        bar[i, i] += s[i, i]
        for j in range(i):
            bar[i, j] += s[i, j] + s[j, i]


@shared
def add_eigenvalues(bar, g, v):
    """Add the contribution of eigenvalues w with eigenvectors V: Ā += V diag(w̄) Vᵀ.

    The matrix is symmetric, and LAPACK reads only its lower triangle, to which all is added. Equal
    eigenvalues have no derivatives of their own, but symmetric functions of them do.
    """
    n = v.shape[0]
    for i in range(n):
        for j in range(i + 1):
            s = 0.0
            for k in range(n):
                s += g[k] * v[i, k] * v[j, k]
            bar[i, j] += s if i == j else 2.0 * s
