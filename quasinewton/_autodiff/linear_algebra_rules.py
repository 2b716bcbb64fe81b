"""Rules of products and linear algebra. Values are Numba's own, computed by BLAS and LAPACK.

Source: Giles, Collected matrix derivative results for forward and reverse mode algorithmic
differentiation, 2008.
"""

import operator

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from quasinewton._autodiff.active_types import Dual, leaf_of
from quasinewton._autodiff.active_values import (
    combine,
    empty,
    leaf,
    revalued,
    scaled,
    value,
    values,
)
from quasinewton._autodiff.kinks import sign_at_kinks
from quasinewton._autodiff.lane_products import PRODUCTS, product_of_vectors
from quasinewton._autodiff.reduction_rules import array_sum
from quasinewton._autodiff.routing import is_absent, rule


@rule(np.dot, operator.matmul, method="dot")
def dot(a, b):
    if not (isinstance(a, types.Array) and isinstance(b, types.Array)):
        return lambda a, b: a * b
    if (a.ndim, b.ndim) == (1, 1):
        if isinstance(leaf_of(a) or leaf_of(b), Dual):
            return lambda a, b: product_of_vectors(a, b)

        def inner(a, b):
            u, v = values(a), values(b)
            return combine(dot(u, v), v, a, u, b)

        return inner
    if isinstance(leaf_of(a) or leaf_of(b), Dual):
        product = PRODUCTS.get((a.ndim, b.ndim))
        return product and (lambda a, b: product(a, b))
    if (a.ndim, b.ndim) == (2, 1):

        def by_rows(a, b):
            u, v = values(a), values(b)
            y, out = dot(u, v), empty(a.shape[0], (a, b))
            for i in range(out.size):
                out[i] = combine(y[i], v, a[i], u[i], b)
            return out

        return by_rows
    if (a.ndim, b.ndim) == (1, 2):

        def by_columns(a, b):
            u, v = values(a), values(b)
            y, out = dot(u, v), empty(b.shape[1], (a, b))
            for j in range(out.size):
                out[j] = combine(y[j], v[:, j], a, u, b[:, j])
            return out

        return by_columns
    if (a.ndim, b.ndim) == (2, 2):

        def by_items(a, b):
            u, v = values(a), values(b)
            y, out = dot(u, v), empty((a.shape[0], b.shape[1]), (a, b))
            for i in range(out.shape[0]):
                for j in range(out.shape[1]):
                    out[i, j] = combine(y[i, j], v[:, j], a[i], u[i], b[:, j])
            return out

        return by_items
    return None


@rule(np.vdot)
def vdot(a, b):
    return lambda a, b: dot(a.flatten(), b.flatten())


@rule(np.outer)
def outer(a, b):
    return lambda a, b: a.flatten().reshape((-1, 1)) * b.flatten().reshape((1, -1))


@rule(np.kron)
def kron(a, b):
    if (a.ndim, b.ndim) == (1, 1):
        return lambda a, b: outer(a, b).flatten()
    if (a.ndim, b.ndim) != (2, 2):
        return None

    def blocks(a, b):
        (m, n), (p, q) = a.shape, b.shape
        out = empty((m * p, n * q), (a, b))
        for i in range(m * p):
            for j in range(n * q):
                out[i, j] = a[i // p, j // q] * b[i % p, j % q]
        return out

    return blocks


@rule(np.cross)
def cross(a, b):
    if (a.ndim, b.ndim) != (1, 1):
        return None

    def impl(a, b):
        if a.size != 3 or b.size != 3:
            raise ValueError("np.cross of differentiated vectors needs two of length 3")
        out = empty(3, (a, b))
        for i in range(3):
            j, k = (i + 1) % 3, (i + 2) % 3
            out[i] = a[j] * b[k] - a[k] * b[j]
        return out

    return impl


@rule(np.triu)
def triu(m, k=0):
    return None if m.ndim != 2 else lambda m, k=0: triangle(m, k, m.shape[1])


@rule(np.tril)
def tril(m, k=0):
    return None if m.ndim != 2 else lambda m, k=0: triangle(m, -m.shape[0], k)


@register_jitable
def triangle(m, first, last):
    """Return a copy of a matrix with zeros on all diagonals except `first` to `last`."""
    out = m.copy()
    for i in range(m.shape[0]):
        for j in range(m.shape[1]):
            if not first <= j - i <= last:
                out[i, j] = 0.0
    return out


@rule(np.linalg.norm)
def norm(a, ord=None):
    if is_absent(ord):

        def euclidean(a, ord=None):
            y = norm(values(a))
            # The norm has a kink at 0, where the middle of its slopes is 0.
            slope = 1.0 / y if y > 0.0 else 0.0 * y
            return combine(y, scaled(values(a).flatten(), slope, 0.0), a.flatten(), 0.0, 0.0)

        return euclidean
    if a.ndim > 1:
        return None

    def of_order(a, ord=None):
        v = values(a)
        y, w = norm(v, ord), 0.0 * v
        if np.isinf(ord):
            count = 0
            for i in range(v.size):
                count += abs(v[i]) == y
            for i in range(v.size):
                if abs(v[i]) == y:
                    w[i] = sign_at_kinks(a[i]) / count
        elif ord == 1:
            for i in range(v.size):
                w[i] = sign_at_kinks(a[i])
        elif y > 0.0 and ord != 0:
            for i in range(v.size):
                w[i] = np.sign(v[i]) * (abs(v[i]) / y) ** (ord - 1.0)
        return combine(y, w, a, 0.0, 0.0)

    return of_order


@rule(np.trace)
def trace(a):
    return lambda a: array_sum(np.diag(a))


@rule(np.linalg.inv)
def inv(a):
    def impl(a):
        y = inv(values(a))
        return solution(a, np.eye(a.shape[0]), y, y)

    return impl


@rule(np.linalg.solve)
def solve(a, b):
    if b.ndim == 2:
        return lambda a, b: solution(a, b, solve(values(a), values(b)), inv(values(a)))

    def single(a, b):
        x = solve(values(a), values(b))
        return solution(a, b.copy().reshape((-1, 1)), x.reshape((-1, 1)), inv(values(a)))[:, 0].copy()

    return single


@register_jitable
def solution(a, b, x, y):
    """Return the solution of A X = B from its values x and the inverse y of the values of A.

    dX = A⁻¹ (dB − dA X), where the bracket is recorded first.
    """
    residual, out = empty(x.shape[0], (a, b)), empty((x.shape[1], x.shape[0]), (a, b))
    for j in range(x.shape[1]):
        for i in range(x.shape[0]):
            residual[i] = combine(0.0 * x[i, j], 1.0, b[i, j : j + 1], -x[:, j], a[i])
        for i in range(x.shape[0]):
            out[j, i] = combine(x[i, j], y[i], residual, 0.0, 0.0)
    return out.T  # in F order, as LAPACK's result, so that sums over it add in the same order


@rule(np.linalg.det)
def det(a):
    def impl(a):
        y = det(values(a))
        return combine(y, scaled(inv(values(a)).T.flatten(), y, 0.0), a.flatten(), 0.0, 0.0)

    return impl


@rule(np.linalg.slogdet)
def slogdet(a):
    def impl(a):
        sign, y = slogdet(values(a))
        return value(sign), combine(y, inv(values(a)).T.flatten(), a.flatten(), 0.0, 0.0)

    return impl


@rule(np.linalg.cholesky)
def cholesky(a):
    def impl(a):
        y, n = cholesky(values(a)), a.shape[0]
        out = np.zeros_like(a)
        for i in range(n):
            for j in range(i + 1):
                s = leaf(a[i, j])
                for k in range(j):
                    s = s - out[i, k] * out[j, k]
                out[i, j] = revalued(leaf(np.sqrt(s) if i == j else s / out[j, j]), y[i, j])
        return out

    return impl
