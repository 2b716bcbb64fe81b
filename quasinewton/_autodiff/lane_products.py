"""Products of arrays of Duals: values and derivatives apart, each by BLAS.

An array of Duals lies in memory as floats, with one more axis on which every value is followed by
its derivatives. So derivatives of a product of matrices are a product of matrices of floats, with
one column, or row, per direction. The values are computed as those of floats are, with the same
bits.

Letters: K is the number of directions, `y` the values of a product and `d` its derivatives.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, overload
from numba.np import arrayobj

from quasinewton._autodiff.active_types import is_active_array
from quasinewton._autodiff.active_values import (
    add_all,
    add_lanes,
    combine,
    empty,
    values,
)
from quasinewton._numba_ext.jit import shared
from quasinewton._numba_ext.user_code import RULE

SMALL = 512  # multiplications; derivatives of smaller products are loops, which BLAS cannot beat


@intrinsic
def numbers(typingctx, a):
    """Return a view of an array of Duals as floats, with one more axis of length 1 + K."""
    kind = types.Array(types.float64, a.ndim + 1, "C" if a.layout == "C" else "A")
    length = 1 + a.dtype.lanes

    def codegen(context, builder, signature, args):
        source = arrayobj.make_array(a)(context, builder, args[0])
        word = context.get_value_type(types.intp)
        view = arrayobj.make_array(kind)(context, builder)
        arrayobj.populate_array(
            view,
            data=builder.bitcast(source.data, context.get_data_type(types.float64).as_pointer()),
            shape=[*cgutils.unpack_tuple(builder, source.shape), ir.Constant(word, length)],
            strides=[*cgutils.unpack_tuple(builder, source.strides), ir.Constant(word, 8)],
            itemsize=ir.Constant(word, 8),
            meminfo=source.meminfo,
            parent=source.parent,
        )
        return impl_ret_borrowed(context, builder, kind, view._getvalue())

    return kind(a), codegen


# ---- derivatives as matrices of floats, and back


@shared
def lanes_of_vector(a):
    """Return the derivatives of a vector of n Duals, of shape (n, K)."""
    given = numbers(a)
    out = np.empty((a.shape[0], given.shape[1] - 1))
    for i in range(out.shape[0]):
        for k in range(given.shape[1] - 1):
            out[i, k] = given[i, k + 1]
    return out


@shared
def lanes_first(a):
    """Return the derivatives of a vector of n Duals, of shape (K, n)."""
    given = numbers(a)
    out = np.empty((given.shape[1] - 1, a.shape[0]))
    for i in range(a.shape[0]):
        for k in range(given.shape[1] - 1):
            out[k, i] = given[i, k + 1]
    return out


@shared
def lanes_in_columns(a):
    """Return the derivatives of a matrix of m × n Duals, of shape (m, n K)."""
    given = numbers(a)
    out = np.empty((a.shape[0], a.shape[1], given.shape[2] - 1))
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for k in range(given.shape[2] - 1):
                out[i, j, k] = given[i, j, k + 1]
    return out.reshape((a.shape[0], -1)) if a.size else np.empty((a.shape[0], 0))


@shared
def lanes_in_rows(a):
    """Return the derivatives of a matrix of m × n Duals, of shape (m K, n)."""
    given = numbers(a)
    out = np.empty((a.shape[0], given.shape[2] - 1, a.shape[1]))
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            for k in range(given.shape[2] - 1):
                out[i, k, j] = given[i, j, k + 1]
    return out.reshape((-1, a.shape[1])) if a.size else np.empty((0, a.shape[1]))


@shared
def add_columns(out, d):
    """Add derivatives of shape (n, K) to a vector of n Duals."""
    target = numbers(out)
    for i in range(out.shape[0]):
        for k in range(target.shape[1] - 1):
            target[i, k + 1] += d[i, k]


@shared
def add_rows(out, d):
    """Add derivatives of shape (K, n) to a vector of n Duals."""
    target = numbers(out)
    for i in range(out.shape[0]):
        for k in range(target.shape[1] - 1):
            target[i, k + 1] += d[k, i]


@shared
def add_in_columns(out, d):
    """Add derivatives of shape (m, n K) to a matrix of m × n Duals."""
    target = numbers(out)
    for i in range(out.shape[0]):
        at = 0
        for j in range(out.shape[1]):
            for k in range(target.shape[2] - 1):
                target[i, j, k + 1] += d[i, at]
                at += 1


@shared
def add_in_rows(out, d):
    """Add derivatives of shape (m K, n) to a matrix of m × n Duals."""
    target = numbers(out)
    for i in range(out.shape[0]):
        for k in range(target.shape[2] - 1):
            row = i * (target.shape[2] - 1) + k
            for j in range(out.shape[1]):
                target[i, j, k + 1] += d[row, j]


@shared
def vector_of(y, like):
    """Return a vector of Duals with the values y and no derivatives, of the type of `like`."""
    out = empty(y.shape[0], like)
    for i in range(y.shape[0]):
        out[i] = y[i]
    return out


@shared
def matrix_of(y, like):
    """Return a matrix of Duals with the values y and no derivatives, of the type of `like`."""
    out = empty((y.shape[0], y.shape[1]), like)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            out[i, j] = y[i, j]
    return out


def contiguous(a):
    """Return an array as BLAS takes it: itself, or a copy if it is not contiguous."""


@overload(contiguous, jit_options=RULE)
def _contiguous(a):
    return (lambda a: a) if a.layout in "CF" else (lambda a: a.copy())


# ---- contributions of the operands


def add_of_left(out, u, a, v):
    """Add to a product the derivatives that come from its left operand `a`, of values u.

    `v` are the values of the right operand. Nothing is added if `a` has no derivatives.
    """


def add_of_right(out, u, b, v):
    """Add to a product the derivatives that come from its right operand `b`, of values v.

    `u` are the values of the left operand. Nothing is added if `b` has no derivatives.
    """


@overload(add_of_left, jit_options=RULE)
def _add_of_left(out, u, a, v):
    if not is_active_array(a):
        return lambda out, u, a, v: None
    if a.ndim == 1:
        if a.dtype.lanes == 1:
            return lambda out, u, a, v: add_rows(out, np.dot(lanes_first(a)[0], contiguous(v)).reshape((1, -1)))
        return lambda out, u, a, v: add_rows(out, np.dot(lanes_first(a), contiguous(v)))
    if v.ndim == 2:
        return lambda out, u, a, v: add_in_rows(out, np.dot(lanes_in_rows(a), contiguous(v)))

    def add_inner_products(out, u, a, v):
        for i in range(out.shape[0]):
            out[i] = add_all(out[i], v, a[i])

    if a.dtype.lanes > 1:
        return add_inner_products
    return lambda out, u, a, v: add_columns(out, np.dot(lanes_in_rows(a), contiguous(v)).reshape((-1, 1)))


@overload(add_of_right, jit_options=RULE)
def _add_of_right(out, u, b, v):
    if not is_active_array(b):
        return lambda out, u, b, v: None
    if b.ndim == 1:
        if b.dtype.lanes == 1:
            return lambda out, u, b, v: add_columns(out, np.dot(contiguous(u), lanes_first(b)[0]).reshape((-1, 1)))
        return lambda out, u, b, v: add_columns(out, np.dot(contiguous(u), lanes_of_vector(b)))
    if u.ndim == 2:
        return lambda out, u, b, v: add_in_columns(out, np.dot(contiguous(u), lanes_in_columns(b)))

    def add_weighted_rows(out, u, b, v):
        for i in range(b.shape[0]):
            for j in range(b.shape[1]):
                out[j] = add_lanes(out[j], u[i], b[i, j])

    return add_weighted_rows


# ---- contributions to small products, in loops, which need no memory


def add_of_small_left(out, u, a, v):
    """Add what `add_of_left` adds."""


def add_of_small_right(out, u, b, v):
    """Add what `add_of_right` adds."""


@overload(add_of_small_left, jit_options=RULE)
def _add_of_small_left(out, u, a, v):
    if not is_active_array(a):
        return lambda out, u, a, v: None
    if a.ndim == 1:

        def add_to_vector(out, u, a, v):
            for i in range(v.shape[0]):
                for j in range(v.shape[1]):
                    out[j] = add_lanes(out[j], v[i, j], a[i])

        return add_to_vector
    if v.ndim == 1:

        def add_inner_products(out, u, a, v):
            for i in range(out.shape[0]):
                out[i] = add_all(out[i], v, a[i])

        return add_inner_products

    def add_to_matrix(out, u, a, v):
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                item = out[i, j]
                for k in range(v.shape[0]):
                    item = add_lanes(item, v[k, j], a[i, k])
                out[i, j] = item

    return add_to_matrix


@overload(add_of_small_right, jit_options=RULE)
def _add_of_small_right(out, u, b, v):
    if not is_active_array(b):
        return lambda out, u, b, v: None
    if b.ndim == 1:

        def add_to_vector(out, u, b, v):
            for i in range(out.shape[0]):
                out[i] = add_all(out[i], u[i], b)

        return add_to_vector
    if u.ndim == 1:

        def add_weighted_rows(out, u, b, v):
            for i in range(b.shape[0]):
                for j in range(b.shape[1]):
                    out[j] = add_lanes(out[j], u[i], b[i, j])

        return add_weighted_rows

    def add_to_matrix(out, u, b, v):
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                item = out[i, j]
                for k in range(b.shape[0]):
                    item = add_lanes(item, u[i, k], b[k, j])
                out[i, j] = item

    return add_to_matrix


# ---- products


@shared
def add_derivatives(out, u, a, b, v):
    """Add to a product of a and b, whose values are u and v, the derivatives."""
    if out.size * v.shape[0] <= SMALL:
        add_of_small_left(out, u, a, v)
        add_of_small_right(out, u, b, v)
    else:
        add_of_left(out, u, a, v)
        add_of_right(out, u, b, v)


@shared
def matrix_by_vector(a, b):
    """Return the product of a matrix and a vector, of which at least one is of Duals."""
    u, v = values(a), values(b)
    out = vector_of(np.dot(contiguous(u), contiguous(v)), (a, b))
    add_derivatives(out, u, a, b, v)
    return out


@shared
def vector_by_matrix(a, b):
    """Return the product of a vector and a matrix, of which at least one is of Duals."""
    u, v = values(a), values(b)
    out = vector_of(np.dot(contiguous(u), contiguous(v)), (a, b))
    add_derivatives(out, u, a, b, v)
    return out


@shared
def matrix_by_matrix(a, b):
    """Return the product of two matrices, of which at least one is of Duals."""
    u, v = values(a), values(b)
    out = matrix_of(np.dot(contiguous(u), contiguous(v)), (a, b))
    add_derivatives(out, u, a, b, v)
    return out


@shared
def product_of_vectors(a, b):
    """Return the inner product of two vectors."""
    u, v = values(a), values(b)
    return combine(np.dot(u, v), v, a, u, b)


PRODUCTS = {(2, 1): matrix_by_vector, (1, 2): vector_by_matrix, (2, 2): matrix_by_matrix}
