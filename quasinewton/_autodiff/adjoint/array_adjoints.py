"""Adjoints of sums and products of arrays, compiled once and cached on disk.

Each function adds to `bar`, the adjoints of an operand, the contribution of `g`, the adjoint of the
result, which is a number or an array.
"""

import numpy as np

from quasinewton._autodiff.lane_products import SMALL
from quasinewton._numba_ext.jit import shared


@shared
def add_number_to_vector(bar, g):
    """Add the contribution of the sum of all items of a vector."""
    for i in range(bar.shape[0]):
        bar[i] += g


@shared
def add_number_to_matrix(bar, g):
    """Add the contribution of the sum of all items of a matrix."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += g


@shared
def add_number_to_cube(bar, g):
    """Add the contribution of the sum of all items of an array of three axes."""
    for i in range(bar.shape[0]):
        add_number_to_matrix(bar[i], g)


ADD_NUMBER = {1: add_number_to_vector, 2: add_number_to_matrix, 3: add_number_to_cube}


@shared
def add_mean_to_vector(bar, g):
    """Add the contribution of the mean of all items of a vector."""
    add_number_to_vector(bar, g / bar.size)


@shared
def add_mean_to_matrix(bar, g):
    """Add the contribution of the mean of all items of a matrix."""
    add_number_to_matrix(bar, g / bar.size)


@shared
def add_mean_to_cube(bar, g):
    """Add the contribution of the mean of all items of an array of three axes."""
    add_number_to_cube(bar, g / bar.size)


ADD_MEAN = {1: add_mean_to_vector, 2: add_mean_to_matrix, 3: add_mean_to_cube}


@shared
def add_column_sums(bar, g):
    """Add the contribution of the sums of a matrix along axis 0."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += g[j]


@shared
def add_row_sums(bar, g):
    """Add the contribution of the sums of a matrix along axis 1."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += g[i]


@shared
def add_sums_0(bar, g):
    """Add the contribution of the sums of an array of three axes along axis 0."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            for k in range(bar.shape[2]):
                bar[i, j, k] += g[j, k]


@shared
def add_sums_1(bar, g):
    """Add the contribution of the sums of an array of three axes along axis 1."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            for k in range(bar.shape[2]):
                bar[i, j, k] += g[i, k]


@shared
def add_sums_2(bar, g):
    """Add the contribution of the sums of an array of three axes along axis 2."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            for k in range(bar.shape[2]):
                bar[i, j, k] += g[i, j]


ADD_SUM = {2: (add_column_sums, add_row_sums), 3: (add_sums_0, add_sums_1, add_sums_2)}


# ---- products
#
# Products of up to SMALL multiplications are added in loops, which need no memory; larger ones are
# made by BLAS, and then added.


@shared
def add_scaled(bar, g, other):
    """Add the contribution of the inner product with the vector `other`."""
    for i in range(bar.shape[0]):
        bar[i] += g * other[i]


@shared
def add_left_of_matrix_vector(bar, g, v):
    """Add the contribution of A v to the adjoints of A."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += g[i] * v[j]


@shared
def add_right_of_matrix_vector(bar, g, a):
    """Add the contribution of A v to the adjoints of v."""
    if a.size <= SMALL:
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                bar[j] += g[i] * a[i, j]
        return
    y = np.dot(g, a)
    for i in range(bar.shape[0]):
        bar[i] += y[i]


@shared
def add_left_of_vector_matrix(bar, g, a):
    """Add the contribution of v A to the adjoints of v."""
    if a.size <= SMALL:
        for i in range(a.shape[0]):
            s = bar[i]
            for j in range(a.shape[1]):
                s += a[i, j] * g[j]
            bar[i] = s
        return
    y = np.dot(a, g)
    for i in range(bar.shape[0]):
        bar[i] += y[i]


@shared
def add_right_of_vector_matrix(bar, g, v):
    """Add the contribution of v A to the adjoints of A."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += v[i] * g[j]


@shared
def add_left_of_matrices(bar, g, b):
    """Add the contribution of A B to the adjoints of A."""
    if bar.size * b.shape[1] <= SMALL:
        for i in range(bar.shape[0]):
            for j in range(bar.shape[1]):
                s = bar[i, j]
                for k in range(b.shape[1]):
                    s += g[i, k] * b[j, k]
                bar[i, j] = s
        return
    y = np.dot(g, b.T)
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += y[i, j]


@shared
def add_right_of_matrices(bar, g, a):
    """Add the contribution of A B to the adjoints of B."""
    if bar.size * a.shape[0] <= SMALL:
        for i in range(bar.shape[0]):
            for j in range(bar.shape[1]):
                s = bar[i, j]
                for k in range(a.shape[0]):
                    s += a[k, i] * g[k, j]
                bar[i, j] = s
        return
    y = np.dot(a.T, g)
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += y[i, j]


DOT = {
    (1, 1): (add_scaled, add_scaled),
    (2, 1): (add_left_of_matrix_vector, add_right_of_matrix_vector),
    (1, 2): (add_left_of_vector_matrix, add_right_of_vector_matrix),
    (2, 2): (add_left_of_matrices, add_right_of_matrices),
}
