"""Rules of logsumexp and softmax, of vectors and of matrices along an axis.

With y = log Σ exp a_i, ∂y/∂a_i is exp(a_i − y). With s the softmax of a, ∂s_i/∂a_j is
s_i (δ_ij − s_j).
"""

import numpy as np
import scipy.special

from quasinewton._autodiff.adjoint.array_rules import F64, given, rank, rule
from quasinewton._numba_ext.jit import fragment, shared
from quasinewton.special import reductions


@fragment
def add_shares(bar, g, a, y):
    """Add the contribution of y, the logsumexp of a vector.

    Where y is infinite, the items that equal it share evenly.
    """
    if not np.isinf(y):
        for i in range(a.shape[0]):
            bar[i] += g * np.exp(a[i] - y)
        return
    count = 0
    for i in range(a.shape[0]):
        count += a[i] == y
    for i in range(a.shape[0]):
        if a[i] == y:
            bar[i] += g / count


@shared
def add_logsumexp(bar, g, a, y):
    """Add the contribution of y, the logsumexp of a vector."""
    add_shares(bar, g, a, y)


@shared
def add_logsumexp_of_rows(bar, g, a, y):
    """Add the contribution of y, the logsumexp of every row of a matrix."""
    for i in range(a.shape[0]):
        add_shares(bar[i], g[i], a[i], y[i])


@shared
def add_logsumexp_of_columns(bar, g, a, y):
    """Add the contribution of y, the logsumexp of every column of a matrix."""
    for j in range(a.shape[1]):
        add_shares(bar[:, j], g[j], a[:, j], y[j])


@fragment
def add_from_softmax(bar, g, y):
    """Add the contribution of y, the softmax of a vector."""
    mean = 0.0
    for i in range(y.shape[0]):
        mean = mean + g[i] * y[i]
    for i in range(y.shape[0]):
        bar[i] += y[i] * (g[i] - mean)


@shared
def add_softmax(bar, g, y):
    """Add the contribution of y, the softmax of a vector."""
    add_from_softmax(bar, g, y)


@shared
def add_softmax_of_rows(bar, g, y):
    """Add the contribution of y, the softmax of every row of a matrix."""
    for i in range(y.shape[0]):
        add_from_softmax(bar[i], g[i], y[i])


@shared
def add_softmax_of_columns(bar, g, y):
    """Add the contribution of y, the softmax of every column of a matrix."""
    for j in range(y.shape[1]):
        add_from_softmax(bar[:, j], g[:, j], y[:, j])


LOGSUMEXP = add_logsumexp, add_logsumexp_of_columns, add_logsumexp_of_rows
SOFTMAX = add_softmax, add_softmax_of_columns, add_softmax_of_rows


def along(program, a, axis, adjoints):
    """Return the adjoint for a vector, or for a matrix along an axis; None if there is none.

    `adjoints` are those of vectors, and of matrices along axis 0 and along axis 1.
    """
    r = rank(program, a)
    if r not in (1, 2) or program.types[a.name].dtype != F64:
        return None
    if not given(program, axis):
        return adjoints[0] if r == 1 else None
    k = program.constant(axis)
    if type(k) is not int or not -r <= k < r:
        return None
    return adjoints[0] if r == 1 else adjoints[1 + k % r]


@rule(reductions.logsumexp, scipy.special.logsumexp)
def logsumexp(program, s, a, axis):
    adjoint = along(program, a, axis, LOGSUMEXP)
    return adjoint and (lambda b, g: b.add(a, adjoint, g, lambda: b.value(a), lambda: b.result))


@rule(reductions.softmax, scipy.special.softmax)
def softmax(program, s, x, axis):
    adjoint = along(program, x, axis, SOFTMAX)
    return adjoint and (lambda b, g: b.add(x, adjoint, g, lambda: b.result))
