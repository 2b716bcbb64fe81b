"""Small array functions that the generated code calls, compiled once and cached on disk.

Keys of tables are numbers of axes, which are constants in generated code. `bar` holds the adjoints
of an operand, which are added to; `g` is the adjoint of a result.
"""

import numpy as np

from quasinewton._numba_ext.jit import apart, shared


@shared
def trips(start, stop, step):
    """Return the number of trips of a loop over a range."""
    if step > 0:
        return max(0, (stop - start + step - 1) // step)
    return max(0, (start - stop - step - 1) // -step)


@shared
def copied(x):
    """Return a copy of a vector."""
    out = np.empty(x.size)
    for i in range(x.size):
        out[i] = x[i]
    return out


@shared
def empty_vector(m):
    """Return an unfilled vector."""
    return np.empty(m)


@shared
def empty_matrix(m, n):
    """Return an unfilled matrix."""
    return np.empty((m, n))


@shared
def empty_cube(m, n, p):
    """Return an unfilled array of three axes."""
    return np.empty((m, n, p))


@shared
def zeros_like_vector(a):
    """Return zeros of the shape of a vector."""
    return np.zeros(a.size)


@shared
def zeros_like(a):
    """Return zeros of the shape of an array, in C order."""
    return np.zeros(a.shape)


@shared
def as_float(x):
    """Return a number as a float."""
    return float(x)


@shared
def eigenvectors(a):
    """Return the eigenvectors of a symmetric matrix, as columns."""
    return np.linalg.eigh(a)[1].copy()


@apart
def undefine(gradient, invalid):
    """Fill a gradient with NaN if the value is invalid."""
    if invalid:
        for i in range(gradient.shape[0]):
            gradient[i] = np.nan


@shared
def expect_size(a, n):
    """Raise the ValueError of unpacking if a vector does not have n items."""
    if a.shape[0] != n:
        raise ValueError("wrong number of items to unpack")


EMPTY = {1: empty_vector, 2: empty_matrix, 3: empty_cube}
ZEROS = {1: zeros_like_vector, 2: zeros_like, 3: zeros_like}


# ---- broadcasting
#
# `adjoint.broadcasting` calls these functions where extents differ. Those named `spread` return an
# array of the right shape itself, so that the type of their result is one for this array, too.


@apart
def spread_vector(a, m):
    """Return a vector broadcast to m items; the vector itself if it has m."""
    if a.shape[0] == m:
        return a
    out = np.empty(m, a.dtype)
    for i in range(m):
        out[i] = a[0]
    return out


@apart
def spread_matrix(a, m, n):
    """Return a matrix broadcast to a shape; the matrix itself if it has that shape."""
    if a.shape[0] == m and a.shape[1] == n:
        return a
    out = np.empty((m, n), a.dtype)
    for i in range(m):
        for j in range(n):
            out[i, j] = a[i if a.shape[0] > 1 else 0, j if a.shape[1] > 1 else 0]
    return out


@apart
def spread_cube(a, m, n, p):
    """Return an array of three axes broadcast to a shape; the array itself if it has that shape."""
    if a.shape[0] == m and a.shape[1] == n and a.shape[2] == p:
        return a
    out = np.empty((m, n, p), a.dtype)
    for i in range(m):
        for j in range(n):
            for k in range(p):
                out[i, j, k] = a[
                    i if a.shape[0] > 1 else 0, j if a.shape[1] > 1 else 0, k if a.shape[2] > 1 else 0
                ]
    return out


@apart
def spread_vector_shadow(bar, m):
    """Return where the adjoints of a vector broadcast to m items are added.

    It is the vector of adjoints itself if it has m items, or new zeros for `fold_vector`.
    """
    return bar if bar.shape[0] == m else np.zeros(m)


@apart
def spread_matrix_shadow(bar, m, n):
    """Return where the adjoints of a matrix broadcast to a shape are added.

    It is the matrix of adjoints itself if it has that shape, or new zeros for `fold_matrix`.
    """
    return bar if bar.shape[0] == m and bar.shape[1] == n else np.zeros((m, n))


@apart
def spread_cube_shadow(bar, m, n, p):
    """Return where the adjoints of an array of three axes broadcast to a shape are added.

    It is the array of adjoints itself if it has that shape, or new zeros for `fold_cube`.
    """
    return bar if bar.shape[0] == m and bar.shape[1] == n and bar.shape[2] == p else np.zeros((m, n, p))


@apart
def fold_vector(bar, spread):
    """Add the adjoints of a vector of one item that was broadcast to those of the vector."""
    for i in range(spread.shape[0]):
        bar[0] += spread[i]


@apart
def fold_matrix(bar, spread):
    """Add the adjoints of a broadcast matrix to those of the matrix."""
    for i in range(spread.shape[0]):
        for j in range(spread.shape[1]):
            bar[i if bar.shape[0] > 1 else 0, j if bar.shape[1] > 1 else 0] += spread[i, j]


@apart
def fold_cube(bar, spread):
    """Add the adjoints of a broadcast array of three axes to those of the array."""
    for i in range(spread.shape[0]):
        for j in range(spread.shape[1]):
            for k in range(spread.shape[2]):
                at = i if bar.shape[0] > 1 else 0, j if bar.shape[1] > 1 else 0, k if bar.shape[2] > 1 else 0
                bar[at] += spread[i, j, k]


SPREAD = {1: spread_vector, 2: spread_matrix, 3: spread_cube}
SPREAD_SHADOW = {1: spread_vector_shadow, 2: spread_matrix_shadow, 3: spread_cube_shadow}
FOLD = {1: fold_vector, 2: fold_matrix, 3: fold_cube}


# ---- copies and stores


@shared
def add_vector(bar, g):
    """Add a vector of adjoints to another."""
    for i in range(bar.shape[0]):
        bar[i] += g[i]


@shared
def add_matrix(bar, g):
    """Add a matrix of adjoints to another."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += g[i, j]


@shared
def add_cube(bar, g):
    """Add adjoints of an array of three axes to others."""
    for i in range(bar.shape[0]):
        add_matrix(bar[i], g[i])


@shared
def add_flat_matrix(bar, g):
    """Add the adjoints of the items of a matrix, in C order, to those of the matrix."""
    k = 0
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += g[k]
            k += 1


@shared
def add_flat_cube(bar, g):
    """Add the adjoints of the items of an array of three axes, in C order, to those of the array.
    """
    size = bar.shape[1] * bar.shape[2]
    for i in range(bar.shape[0]):
        add_flat_matrix(bar[i], g[i * size : (i + 1) * size])


# By the numbers of axes of an array and its copy, which may be flat.
ADD = {(1, 1): add_vector, (2, 2): add_matrix, (3, 3): add_cube, (2, 1): add_flat_matrix, (3, 1): add_flat_cube}


@shared
def take_sum_of_vector(part):
    """Return the sum of a vector of adjoints, and set them to zero.

    It is the adjoint of a number that was stored in all items.
    """
    s = 0.0
    for i in range(part.shape[0]):
        s += part[i]
        part[i] = 0.0
    return s


@shared
def take_sum_of_matrix(part):
    """Return the sum of a matrix of adjoints, and set them to zero."""
    s = 0.0
    for i in range(part.shape[0]):
        for j in range(part.shape[1]):
            s += part[i, j]
            part[i, j] = 0.0
    return s


@shared
def take_sum_of_cube(part):
    """Return the sum of adjoints of three axes, and set them to zero."""
    s = 0.0
    for i in range(part.shape[0]):
        s += take_sum_of_matrix(part[i])
    return s


TAKE_SUM = {1: take_sum_of_vector, 2: take_sum_of_matrix, 3: take_sum_of_cube}


@shared
def move_vector(part, bar):
    """Move the adjoints of the place where a vector was stored to those of the vector.

    Both may lie in the same memory.
    """
    g = part.copy()
    for i in range(part.shape[0]):
        part[i] = 0.0
    for i in range(part.shape[0]):
        bar[i if bar.shape[0] > 1 else 0] += g[i]


@shared
def move_matrix(part, bar):
    """Move the adjoints of the place where a matrix was stored to those of the matrix.

    Both may lie in the same memory.
    """
    g = part.copy()
    for i in range(part.shape[0]):
        for j in range(part.shape[1]):
            part[i, j] = 0.0
    for i in range(part.shape[0]):
        for j in range(part.shape[1]):
            bar[i if bar.shape[0] > 1 else 0, j if bar.shape[1] > 1 else 0] += g[i, j]


@shared
def move_rows(part, bar):
    """Move the adjoints of a matrix to those of a vector that was stored in every row.

    Both may lie in the same memory.
    """
    g = part.copy()
    for i in range(part.shape[0]):
        for j in range(part.shape[1]):
            part[i, j] = 0.0
    for i in range(part.shape[0]):
        for j in range(part.shape[1]):
            bar[j if bar.shape[0] > 1 else 0] += g[i, j]


MOVE = {(1, 1): move_vector, (2, 2): move_matrix, (2, 1): move_rows}


@shared
def take_masked_sum(bar, mask):
    """Return the sum of the adjoints where a mask holds, and set them to zero."""
    s = 0.0
    for i in range(mask.shape[0]):
        if mask[i]:
            s += bar[i]
            bar[i] = 0.0
    return s


@shared
def move_masked(part, mask, bar):
    """Move the adjoints of the places where a vector was stored by a mask to those of the vector.

    Both may lie in the same memory.
    """
    g = part.copy()
    for i in range(mask.shape[0]):
        if mask[i]:
            part[i] = 0.0
    k = 0
    for i in range(mask.shape[0]):
        if mask[i]:
            bar[k if bar.shape[0] > 1 else 0] += g[i]
            k += 1


@shared
def add_gathered(bar, g, index):
    """Add the adjoints of items that were read by an array of indices."""
    for i in range(index.shape[0]):
        bar[index[i]] += g[i]


@shared
def add_masked(bar, g, mask):
    """Add the adjoints of items that were read by a mask."""
    k = 0
    for i in range(mask.shape[0]):
        if mask[i]:
            bar[i] += g[k]
            k += 1
