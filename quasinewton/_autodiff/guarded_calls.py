"""Calls of the user's function on active variables, and how its results are read.

A call releases what it was given if the function raises.
"""

import inspect

from numba.core import types
from numba.extending import intrinsic, overload

from quasinewton._autodiff.active_types import Active, is_active
from quasinewton._autodiff.active_values import leaf
from quasinewton._autodiff.seeding import write_lanes
from quasinewton._autodiff.tape import end_tape
from quasinewton._numba_ext.addresses import linked
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.user_code import RULE
from quasinewton._validation import NOT_SCALAR


def derivatives(y, out, first):
    """Write the derivatives of a result into `out` from index `first` on, as many as fit."""


@overload(derivatives, jit_options=RULE)
def _derivatives(y, out, first):
    if is_active(y):
        return lambda y, out, first: write_lanes(y, out, first)

    def zero(y, out, first):
        for k in range(first, out.size):
            out[k] = 0.0

    return zero


def scalar(y):
    """Return the number in a scalar or in an array of size 1; otherwise raise ValueError."""


@overload(scalar, jit_options=RULE)
def _scalar(y):
    if not isinstance(y, types.Array):
        return lambda y: leaf(y)

    def unpack(y):
        if y.size != 1:
            raise ValueError(NOT_SCALAR)
        return leaf(y.flat[0])

    return unpack


def vector(y):
    """Return the numbers of a result, as a sequence."""


@overload(vector, jit_options=RULE)
def _vector(y):
    if isinstance(y, types.Array):
        return lambda y: y.flatten()
    if isinstance(y, (types.UniTuple, types.List)):
        return lambda y: [leaf(item) for item in y]
    return lambda y: [leaf(y)]


def guarded(function, kind):
    """Make the intrinsic call(held, point, args) that frees memory if the function raises.

    An exception leaves compiled code without decrementing reference counts. So the vector `point`,
    which is no longer used then, and `held`, a tape given by its address or an array, are released
    here.

    Parameters
    ----------
    function : Twin
    kind : Active
        Type of the variables.

    Returns
    -------
    intrinsic
        Its result has type `kind`; a plain number becomes a constant.
    """

    @fragment
    def unpacked(point, args):
        return scalar(function(point, *args))

    parameters = inspect.signature(function.py_func).parameters.values()
    plain = all(each.kind == each.POSITIONAL_OR_KEYWORD and each.default is each.empty for each in parameters)

    def resolved(typing, callee, *kinds):
        return typing.resolve_value_type(callee).get_call_type(typing, kinds, {})

    @intrinsic
    def call(typingctx, held, point, args):
        callee, chosen = function, None
        if plain and len(args) + 1 == len(parameters):
            chosen = resolved(typingctx, function, point, *args)
        if chosen is None or not isinstance(chosen.return_type, (types.Number, types.Boolean, Active)):
            callee, chosen = unpacked, resolved(typingctx, unpacked, point, args)

        def codegen(context, builder, signature, values):
            unpack = lambda k: builder.extract_value(values[2], k)
            given = [unpack(k) for k in range(len(args))] if callee is function else values[2:]
            entry = linked(context, builder, callee, chosen)
            invoke = context.call_conv.call_function
            status, y = invoke(builder, entry, chosen.return_type, chosen.args, [values[1], *given])
            with builder.if_then(status.is_error, likely=False):
                if isinstance(held, types.Array):
                    context.nrt.decref(builder, held, values[0])
                else:
                    end = linked(context, builder, end_tape, types.void(types.int64))
                    invoke(builder, end, types.void, [types.int64], [values[0]])
                context.nrt.decref(builder, point, values[1])
                context.call_conv.return_status_propagate(builder, status)
            return context.cast(builder, y, chosen.return_type, kind)

        return kind(held, point, args), codegen

    return call
