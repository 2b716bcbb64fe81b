"""Adjoints of products that are no matrix products: convolution, Kronecker and cross product.

Each function adds to `bar`, the adjoints of an operand, the contribution of `g`, the adjoint of the
result. They are compiled once and cached on disk.
"""

from quasinewton._numba_ext.jit import shared

FULL, SAME, VALID = range(3)  # which part of a convolution NumPy returns


@shared
def first_item(m, n, mode):
    """Return which item of the full convolution of m and n items is the first one returned."""
    less = min(m, n)
    return 0 if mode == FULL else less - 1 if mode == VALID else (less - 1) // 2


@shared
def first_of_correlation(m, n, mode):
    """Return which item of the full correlation of m and n items is the first one returned.

    NumPy exchanges the vectors if the first one is shorter, and reverses the result.
    """
    return first_item(m, n, mode) if m >= n or mode != SAME else m // 2


@shared
def add_convolved(bar, g, other, mode):
    """Add the contribution of the convolution with the vector `other` to either operand."""
    n, m, first = bar.shape[0], other.shape[0], first_item(bar.shape[0], other.shape[0], mode)
    for i in range(n):
        s = 0.0 * g[0]
        for j in range(max(0, first - i), min(m, g.shape[0] + first - i)):
            s += g[i + j - first] * other[j]
        bar[i] += s


@shared
def add_left_of_correlation(bar, g, v, mode):
    """Add the contribution of the correlation with the vector v to its first operand."""
    n, m, first = bar.shape[0], v.shape[0], first_of_correlation(bar.shape[0], v.shape[0], mode)
    for i in range(n):
        s = 0.0 * g[0]
        for j in range(max(0, first - i), min(m, g.shape[0] + first - i)):
            s += g[i + j - first] * v[m - 1 - j]
        bar[i] += s


@shared
def add_right_of_correlation(bar, g, a, mode):
    """Add the contribution of the correlation of the vector `a` with the second operand to that."""
    n, m, first = bar.shape[0], a.shape[0], first_of_correlation(a.shape[0], bar.shape[0], mode)
    for i in range(n):
        s = 0.0 * g[0]
        for j in range(max(0, first - i), min(m, g.shape[0] + first - i)):
            s += g[i + j - first] * a[j]
        bar[n - 1 - i] += s


@shared
def add_left_of_kron(bar, g, b):
    """Add the contribution of the Kronecker product of two vectors to the first."""
    for i in range(bar.shape[0]):
        for j in range(b.shape[0]):
            bar[i] += g[i * b.shape[0] + j] * b[j]


@shared
def add_right_of_kron(bar, g, a):
    """Add the contribution of the Kronecker product of two vectors to the second."""
    for i in range(a.shape[0]):
        for j in range(bar.shape[0]):
            bar[j] += g[i * bar.shape[0] + j] * a[i]


@shared
def add_left_of_blocks(bar, g, b):
    """Add the contribution of the Kronecker product of two matrices to the first."""
    p, q = b.shape
    for i in range(bar.shape[0] * p):
        for j in range(bar.shape[1] * q):
            bar[i // p, j // q] += g[i, j] * b[i % p, j % q]


@shared
def add_right_of_blocks(bar, g, a):
    """Add the contribution of the Kronecker product of two matrices to the second."""
    p, q = bar.shape
    for i in range(a.shape[0] * p):
        for j in range(a.shape[1] * q):
            bar[i % p, j % q] += g[i, j] * a[i // p, j // q]


KRON = {1: (add_left_of_kron, add_right_of_kron), 2: (add_left_of_blocks, add_right_of_blocks)}


@shared
def add_left_of_cross(bar, g, b):
    """Add the contribution of the cross product a × b of vectors of three: ā += b × ȳ."""
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        bar[i] += b[j] * g[k] - b[k] * g[j]


@shared
def add_right_of_cross(bar, g, a):
    """Add the contribution of the cross product a × b of vectors of three: b̄ += ȳ × a."""
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        bar[i] += g[j] * a[k] - g[k] * a[j]
