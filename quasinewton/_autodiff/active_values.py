"""Operations on active numbers in compiled code, for the array rules and `derivative_functions`."""

import numpy as np
from numba.core import types
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic, overload, register_jitable

from quasinewton._autodiff.active_types import (
    Dual,
    Var,
    is_active,
    is_active_array,
    leaf_of,
    weighted_sum,
)
from quasinewton._autodiff.members import Members
from quasinewton._autodiff.tape import poke, put, reserve, reserve_range, words
from quasinewton._numba_ext.jit import fragment, shared
from quasinewton._numba_ext.user_code import RULE


def dtype_of(kind):
    """Make the intrinsic that gives compiled code a Numba type as a dtype."""

    @intrinsic
    def dtype(typingctx):
        return types.DType(kind)(), lambda context, builder, signature, args: context.get_dummy_value()

    return dtype


@intrinsic
def dtype_like(typingctx, like):
    """Return the type of a number, as a dtype."""
    return types.DType(like)(like), lambda context, builder, signature, args: context.get_dummy_value()


@shared
def zeros_of(shape, like):
    """Zeros of the type of a number."""
    return np.zeros(shape, dtype_like(like))


@shared
def empty_of(shape, like):
    """Return an array of the type of a number that is not filled."""
    return np.empty(shape, dtype_like(like))


def zero_of(kind):
    """Make the intrinsic that returns 0 of a type."""

    @intrinsic
    def zero(typingctx):
        return kind(), lambda context, builder, signature, args: context.get_constant_null(kind)

    return zero


@intrinsic
def value(typingctx, x):
    """Return the value of a number, without its derivative."""
    if not is_active(x):
        return x(x), lambda context, builder, signature, args: args[0]
    return x.base(x), lambda context, builder, signature, args: Members(context, builder, x, args[0]).value


@intrinsic
def leaf(typingctx, x):
    """Return a number as an array can store it: an expression is recorded, all else is unchanged.
    """
    kind = getattr(x, "leaf", x)

    def codegen(context, builder, signature, args):
        if kind == x:
            return impl_ret_borrowed(context, builder, x, args[0])
        return context.cast(builder, args[0], x, kind)

    return kind(x), codegen


@intrinsic
def revalued(typingctx, x, y):
    """Return a number with the derivative of x and the value y."""

    def codegen(context, builder, signature, args):
        members = Members(context, builder, x, args[0])
        members.value = context.cast(builder, args[1], y, x.base)
        return members._getvalue()

    return x(x, y), codegen


@intrinsic
def constant(typingctx, like, y):
    """Return an active number without derivative, of the type of a number or an array's items."""
    kind = leaf_of(like)
    return kind(like, y), lambda context, builder, signature, args: context.cast(builder, args[1], y, kind)


@intrinsic
def add_lanes(typingctx, s, w, x):
    """Return the Dual s plus w times the derivatives of x; the value stays that of s."""

    def codegen(context, builder, signature, args):
        total, lanes = Members(context, builder, s, args[0]), Members(context, builder, x, args[2]).lanes
        weight = context.cast(builder, args[1], w, types.float64)
        total.lanes = weighted_sum(builder, [(weight, lanes)], total.lanes)
        return total._getvalue()

    return s(s, w, x), codegen


@intrinsic
def place(typingctx, x):
    """Return the place of a Var on its tape."""
    return types.int64(x), lambda context, builder, signature, args: Members(context, builder, x, args[0]).place


@intrinsic
def tape(typingctx, x):
    """Return the address of a Var's tape; 0 for a constant."""
    return types.int64(x), lambda context, builder, signature, args: Members(context, builder, x, args[0]).tape


@intrinsic
def on_tape(typingctx, y, place, tape):
    """Return the Var of a value, a place and the address of a tape."""
    kind = Var(y)

    def codegen(context, builder, signature, args):
        members = Members(context, builder, kind)
        members.value, members.place, members.tape = args
        return members._getvalue()

    return kind(y, types.int64, types.int64), codegen


@intrinsic
def zero_value(typingctx, a):
    """Return zero of the type of the values of an array."""
    kind = a.dtype.base
    return kind(a), lambda context, builder, signature, args: context.get_constant_null(kind)


@intrinsic
def converted(typingctx, y, like):
    """Return a number converted to the type of another."""
    return like(y, like), lambda context, builder, signature, args: context.cast(builder, args[0], y, like)


def at(w, i):
    """Item i of a vector; a number itself, which stands for all items."""


@overload(at, jit_options=RULE)
def _at(w, i):
    return (lambda w, i: w[i]) if isinstance(w, types.Array) else (lambda w, i: w)


def add_all(s, w, x):
    """Return the Dual s plus the weighted derivatives of all items of x; s itself if x is passive.
    """


@overload(add_all, jit_options=RULE)
def _add_all(s, w, x):
    if not is_active_array(x):
        return lambda s, w, x: s

    def add(s, w, x):
        for i in range(x.size):
            s = add_lanes(s, at(w, i), x[i])
        return s

    return add


@shared
def tape_of(x):
    """Return the address of the tape of an array of Vars, all on one tape; 0 if all are constants.
    """
    for item in x.flat:
        if tape(item) != 0:
            return tape(item)
    return 0


@shared
def range_of(x, size):
    """Return the first place of Vars at consecutive places, `size` words each; 0 for others."""
    apart = 0
    for i in range(x.size):
        apart |= place(x[i]) - place(x[0]) - i * size
    return place(x[0]) if apart == 0 else 0


def weights(w, x):
    """Return the number of weights: one per item of a vector, or one for all."""


@overload(weights, jit_options=RULE)
def _weights(w, x):
    return (lambda w, x: x.size) if isinstance(w, types.Array) else (lambda w, x: 1)


@fragment
def fill(partial, parent, w, x, like):
    """Write the items of x and their weights into a record; return where the next ones go.

    Weights are converted to the type of `like`.
    """
    for i in range(x.size):
        poke(partial, converted(at(w, i), like))
        poke(parent, np.uint32(place(x[i])))
        partial += 8 * words(like)
        parent -= 4
    return partial, parent


@shared
def record(y, w, x):
    """Return the Var of value y and derivative Σ w_i dx_i."""
    return record_known(y, w, x, tape_of(x), range_of(x, words(y)))


@fragment
def record_known(y, w, x, recorded, first):
    """Return the Var of value y and derivative Σ w_i dx_i, for a known tape and place of x."""
    if recorded == 0:
        return on_tape(y, 0, 0)
    if first:
        count = weights(w, x)
        here, partial = reserve_range(recorded, first, x.size, count, y)
        if partial:
            for i in range(count):
                put(partial, i, converted(at(w, i), y))
    else:
        here, partial, parent = reserve(recorded, x.size, y)
        if partial:
            fill(partial, parent, w, x, y)
    return on_tape(y, here, recorded)


@shared
def record_both(y, w, x, v, z):
    """Return the Var of value y and derivative Σ w_i dx_i + Σ v_i dz_i."""
    recorded = tape_of(x) | tape_of(z)
    if recorded == 0:
        return on_tape(y, 0, 0)
    here, partial, parent = reserve(recorded, x.size + z.size, y)
    if partial:
        partial, parent = fill(partial, parent, w, x, y)
        fill(partial, parent, v, z, y)
    return on_tape(y, here, recorded)


@shared
def total(a):
    """Return the sum of a vector of Vars; the values are added in order."""
    s = zero_value(a)
    apart, start, size = 0, place(a[0]) if a.size else 0, words(s)
    for i in range(a.size):
        # This check costs nothing, because the sum waits for every addition anyway.
        apart |= place(a[i]) - start - i * size
        s = s + value(a[i])
    return record_known(s, 1.0, a, tape_of(a), start if apart == 0 else 0)


@shared
def total_lanes(a):
    """Return the sum of a vector of Duals."""
    s = constant(a, 0.0)
    for i in range(a.size):
        s = s + a[i]
    return s


def combine(y, w, x, v, z):
    """Return the active number of value y and derivative Σ w_i dx_i + Σ v_i dz_i, as one record.

    Parameters
    ----------
    y : number
    w, v : number or vector
        Weights.
    x, z : vector, active or passive
        A passive one contributes nothing. At least one is active.
    """


@overload(combine, jit_options=RULE)
def _combine(y, w, x, v, z):
    kind = leaf_of(x) or leaf_of(z)
    if isinstance(kind, Dual):

        def combine_lanes(y, w, x, v, z):
            return add_all(add_all(constant((x, z), y), w, x), v, z)

        return combine_lanes

    if is_active_array(x) and is_active_array(z):
        return lambda y, w, x, v, z: record_both(y, w, x, v, z)
    if is_active_array(x):
        return lambda y, w, x, v, z: record(y, w, x)
    return lambda y, w, x, v, z: record(y, v, z)


def values(a):
    """Return the values of an array as an array of the same layout; a passive array itself."""


@overload(values, jit_options=RULE)
def _values(a):
    if not is_active_array(a):
        return lambda a: a
    dtype = dtype_of(a.dtype.base)
    if a.layout == "F" and a.ndim > 1:

        def transposed(a):
            return values(a.T).T

        return transposed

    if a.ndim == 1:

        def copy_vector(a):
            out = np.empty(a.size, dtype())
            for i in range(a.size):
                out[i] = value(a[i])
            return out

        return copy_vector

    def copy(a):
        out = np.empty(a.shape, dtype())
        flat = out.ravel()
        for i, item in enumerate(a.flat):
            flat[i] = value(item)
        return out

    return copy


def empty(shape, like):
    """Return an unfilled array of the active type of `like`, a value, an array, or a tuple.

    Of a tuple, the first active item counts.
    """


@overload(empty, jit_options=RULE)
def _empty(shape, like):
    dtype = dtype_of(leaf_of(like))
    return lambda shape, like: np.empty(shape, dtype())


@register_jitable
def scaled(w, s, shift):
    """Return the vector (w − shift) s; an array expression cannot mix active numbers and arrays."""
    out = w.copy()
    for i in range(w.size):
        out[i] = (w[i] - shift) * s
    return out


@fragment
def boxed(x):
    """Return an array of size 1 that holds an active number."""
    out = empty(1, x)
    out[0] = x
    return out


def operand(x):
    """An operand of an array expression: an active number as an array of size 1, all else as it is.
    """


@overload(operand, jit_options=RULE)
def _operand(x):
    return (lambda x: boxed(x)) if is_active(x) else (lambda x: x)


def row(items, *rows):
    """A list as it can be stored beside others: of active numbers if one of those is."""


@overload(row, jit_options=RULE)
def _row(items, *rows):
    kind = leaf_of(types.Tuple(rows[0] if isinstance(rows[0], tuple) else rows))
    if kind is None or is_active(items.dtype):
        return lambda items, *rows: items
    zero = zero_of(kind)
    return lambda items, *rows: [constant(zero(), item) for item in items]
