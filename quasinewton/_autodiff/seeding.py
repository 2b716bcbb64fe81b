"""Seeding: variables become active numbers, and derivatives are read off the result."""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from quasinewton._autodiff.active_types import DOUBLE, F64, INDEX, Lanes, Var
from quasinewton._autodiff.active_values import add_lanes, dtype_like, on_tape, place
from quasinewton._autodiff.members import Members
from quasinewton._autodiff.reverse_sweep import sweep
from quasinewton._autodiff.tape import (
    BLOCK,
    EXCEEDED,
    end_tape,
    item,
    null,
    peek,
    poke,
    words,
)
from quasinewton._numba_ext.jit import apart, shared

EXCEEDING = "the tape of reverse mode needs more than 4 GB; use jac='forward', jac='3-point' or a gradient of your own"


@intrinsic
def seed(typingctx, x, k, like):
    """Return the Dual of value x with derivative 1 in direction k, 0 in all others.

    All derivatives are 0 if there is no direction k.
    """

    def codegen(context, builder, signature, args):
        members = Members(context, builder, like)
        members.value = args[0]
        numbers = cgutils.alloca_once_value(builder, context.get_constant_null(Lanes(like.lanes)))
        start = builder.bitcast(numbers, DOUBLE.as_pointer())
        for lane in range(like.lanes):
            hot = builder.icmp_signed("==", args[1], INDEX(lane))
            one = builder.select(hot, ir.Constant(DOUBLE, 1.0), ir.Constant(DOUBLE, 0.0))
            builder.store(one, builder.gep(start, [INDEX(lane)]))
        members.lanes = builder.load(numbers)
        return members._getvalue()

    return like(F64, types.int64, like), codegen


@intrinsic
def lane(typingctx, x, k):
    """Return the derivative of a Dual in direction k."""

    def codegen(context, builder, signature, args):
        lanes = Members(context, builder, x, args[0]).lanes
        numbers = cgutils.alloca_once_value(builder, lanes)
        return builder.load(builder.gep(builder.bitcast(numbers, DOUBLE.as_pointer()), [args[1]]))

    return F64(x, types.int64), codegen


@intrinsic
def variable_like(typingctx, like):
    """Return the type of the Vars whose base is the type of a number, as a dtype."""
    return types.DType(Var(like))(like), lambda context, builder, signature, args: context.get_dummy_value()


@shared
def unfilled(n):
    """Return an unfilled vector of n floats."""
    return np.empty(n)


@shared
def unfilled_matrix(n):
    """Return an unfilled matrix of n × n floats."""
    return np.empty((n, n))


@shared
def unsown(n, like):
    """Return an unfilled vector of n Duals."""
    return np.empty(n, dtype_like(like))


@apart
def sow(point, x, first):
    """Write the variables x as Duals whose directions are those from index `first` on; return them.
    """
    for i in range(x.size):
        point[i] = seed(float(x[i]), i - first, point[i])
    return point


@shared
def write_lanes(y, out, first):
    """Write the derivatives of a Dual into `out` from index `first` on, as many as fit."""
    for k in range(min(words(y) - 1, out.size - first)):
        out[first + k] = lane(y, k)


@apart
def write_columns(g, out, first):
    """Write the derivatives of a vector of Duals into columns of `out` from number `first` on."""
    for i in range(g.size):
        write_lanes(g[i], out[i], first)


@shared
def variables(x, tape):
    """Return the variables x as Vars on a tape of floats."""
    point = np.empty(x.size, variable_like(0.0))
    for i in range(x.size):
        point[i] = on_tape(float(x[i]), i + 1, tape)
    return point


@shared
def directed(x, v, tape, like):
    """Return the variables x as Vars on a tape of Duals, with the direction v."""
    point = np.empty(x.size, variable_like(like))
    for i in range(x.size):
        number = add_lanes(seed(float(x[i]), -1, like), float(v[i]), seed(0.0, 0, like))
        point[i] = on_tape(number, (i + 1) * words(like), tape)
    return point


@shared
def direction(x, v, like):
    """Return the variables x as Duals with one direction, v."""
    point = np.empty(x.size, dtype_like(like))
    for i in range(x.size):
        point[i] = add_lanes(seed(float(x[i]), -1, like), float(v[i]), seed(0.0, 0, like))
    return point


@shared
def first_lanes(g):
    """Return the derivatives of a vector of Duals in the first direction."""
    out = np.empty(g.size)
    for i in range(g.size):
        out[i] = lane(g[i], 0)
    return out


@shared
def seeded(x, first, tape, like):
    """Return the variables x on a tape of Duals whose directions are the variables from `first`."""
    point = np.empty(x.size, variable_like(like))
    for i in range(x.size):
        point[i] = on_tape(seed(float(x[i]), i - first, like), (i + 1) * words(like), tape)
    return point


@shared
def adjoints(y, tape, n, one):
    """Sweep the tape back from the Var y of n variables; return the address of the first adjoint.

    If the tape overflowed, it is freed and MemoryError raised.
    """
    if peek(tape + 8 * EXCEEDED, 0):
        end_tape(tape)
        raise MemoryError(EXCEEDING)
    block, size = peek(tape + 8 * BLOCK, 0), words(one)
    poke(block + 8 * place(y), one)
    sweep(tape, (n + 1) * size, null(one))
    return block + 8 * size


@shared
def gradient(y, tape, n):
    """Return the gradient of the Var y of n variables; the tape is freed."""
    found, g = adjoints(y, tape, n, 1.0), np.empty(n)
    for i in range(n):
        g[i] = item(found, i, 0.0)
    end_tape(tape)
    return g


@shared
def product(y, tape, n, like):
    """Return the derivatives of the Var y's gradient along the Duals; the tape is freed."""
    found, out = adjoints(y, tape, n, seed(1.0, -1, like)), np.empty(n)
    for i in range(n):
        out[i] = lane(item(found, i, like), 0)
    end_tape(tape)
    return out


@shared
def columns(y, tape, out, first, like):
    """Write columns of the Hessian of the Var y, from column `first` on; the tape is freed."""
    found = adjoints(y, tape, out.shape[0], seed(1.0, -1, like))
    for i in range(out.shape[0]):
        write_lanes(item(found, i, like), out[i], first)
    end_tape(tape)
