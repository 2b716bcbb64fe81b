"""The adjoints of linear algebra, compiled once and cached on disk.

Each adds to `bar`, the adjoints of an operand, what the adjoint `g` of the result contributes.
Letters are those of Giles, Collected matrix derivative results for forward and reverse mode
algorithmic differentiation, 2008.
"""

import numpy as np

from quasinewton.autodiff.adjoint.runtime import add_matrix
from quasinewton.autodiff.kinks import sign_at_kinks
from quasinewton.numba_ext.jit import shared


@shared
def add_norm(bar, g, a, y):
    """Of the Euclidean norm y of a vector; 0, the middle of the slopes, where it is 0."""
    if y > 0.0:
        for i in range(a.shape[0]):
            bar[i] += g * (a[i] * (1.0 / y))


@shared
def add_norm_of_matrix(bar, g, a, y):
    """Of the Frobenius norm y of a matrix."""
    if y > 0.0:
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                bar[i, j] += g * (a[i, j] * (1.0 / y))


NORM = {1: add_norm, 2: add_norm_of_matrix}


@shared
def add_norm_of_order(bar, g, a, y, order):
    """Of the norm y of any order of a vector."""
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
    """Of the outer product of vectors, for the first."""
    for i in range(bar.shape[0]):
        s = 0.0
        for j in range(b.shape[0]):
            s += g[i, j] * b[j]
        bar[i] += s


@shared
def add_right_of_outer(bar, g, a):
    """Of the outer product of vectors, for the second."""
    for i in range(a.shape[0]):
        for j in range(bar.shape[0]):
            bar[j] += a[i] * g[i, j]


@shared
def add_trace(bar, g):
    """Of the trace."""
    for i in range(min(bar.shape[0], bar.shape[1])):
        bar[i, i] += g


@shared
def add_diagonal(bar, g):
    """Of the diagonal of a matrix, as a vector."""
    for i in range(g.shape[0]):
        bar[i, i] += g[i]


@shared
def add_from_diagonal(bar, g):
    """Of a diagonal matrix, made of a vector."""
    for i in range(bar.shape[0]):
        bar[i] += g[i, i]


@shared
def add_lower_triangle(bar, g, k):
    """Of the lower triangle of a matrix, up to diagonal k."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            if j - i <= k:
                bar[i, j] += g[i, j]


@shared
def add_upper_triangle(bar, g, k):
    """Of the upper triangle of a matrix, from diagonal k."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            if j - i >= k:
                bar[i, j] += g[i, j]


@shared
def add_inverse(bar, g, y):
    """Of the inverse Y: Ā −= Yᵀ Ȳ Yᵀ."""
    add_matrix(bar, -np.dot(y.T, np.dot(g, y.T)))


@shared
def add_determinant(bar, g, a, y):
    """Of the determinant y: Ā += ȳ y A⁻ᵀ."""
    add_matrix(bar, g * y * np.linalg.inv(a).T)


@shared
def add_log_determinant(bar, g, a):
    """Of the logarithm of the absolute determinant: Ā += ȳ A⁻ᵀ."""
    add_matrix(bar, g * np.linalg.inv(a).T)


@shared
def add_right_hand_side(bar, g, a):
    """Of the solution of A x = b, for b: b̄ += A⁻ᵀ x̄."""
    y = np.linalg.solve(a.T.copy(), g.copy())
    for i in range(bar.shape[0]):
        bar[i] += y[i]


@shared
def add_matrix_of_system(bar, g, a, x):
    """Of the solution of A x = b, for A: Ā −= A⁻ᵀ x̄ xᵀ."""
    y = np.linalg.solve(a.T.copy(), g.copy())
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] -= y[i] * x[j]


@shared
def add_right_hand_sides(bar, g, a):
    """Of the solution of A X = B, for B."""
    add_matrix(bar, np.linalg.solve(a.T.copy(), g.copy()))


@shared
def add_matrix_of_systems(bar, g, a, x):
    """Of the solution of A X = B, for A."""
    add_matrix(bar, -np.dot(np.linalg.solve(a.T.copy(), g.copy()), x.T.copy()))


@shared
def add_cholesky(bar, g, y):
    """Of the Cholesky factor L of the lower triangle of A: Ā += L⁻ᵀ Φ(Lᵀ L̄) L⁻¹, where Φ halves
    the diagonal.

    The sum is symmetrised; what is above the diagonal is added below it, since LAPACK does not read
    it. Source: Murray, Differentiation of the Cholesky decomposition, 2016, eq. 10.
    """
    n = y.shape[0]
    p = np.dot(y.T.copy(), g.copy())
    for i in range(n):
        p[i, i] *= 0.5
        for j in range(i + 1, n):
            p[i, j] = 0.0
    inverse = np.linalg.inv(y.copy())
    s = np.dot(inverse.T.copy(), np.dot(p, inverse))
    for i in range(n):
        bar[i, i] += s[i, i]
        for j in range(i):
            bar[i, j] += s[i, j] + s[j, i]


@shared
def add_eigenvalues(bar, g, v):
    """Of the eigenvalues of a symmetric matrix with eigenvectors V: Ā += V diag(w̄) Vᵀ, in the
    lower triangle.

    LAPACK reads that alone. Of equal eigenvalues there is no derivative of each, but of symmetric
    functions there is.
    """
    n = v.shape[0]
    for i in range(n):
        for j in range(i + 1):
            s = 0.0
            for k in range(n):
                s += g[k] * v[i, k] * v[j, k]
            bar[i, j] += s if i == j else 2.0 * s
