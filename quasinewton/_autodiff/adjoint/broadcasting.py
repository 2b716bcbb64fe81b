"""Arrays in loops over their broadcast shape: copies where an extent is 1, otherwise themselves.

Almost always an array has the shape of the loop. Then it is used without a new reference to its
memory, and nothing is called.
"""

import functools

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from quasinewton._autodiff.adjoint.access import made
from quasinewton._autodiff.members import Members
from quasinewton._numba_ext.addresses import called


@intrinsic
def joint(typingctx, m, n):
    """Return the extent that two extents broadcast to."""

    def codegen(context, builder, signature, args):
        m, n = args
        one = lambda extent: builder.icmp_signed("==", extent, extent.type(1))
        first = builder.or_(builder.icmp_signed("==", m, n), one(n))
        with builder.if_then(builder.not_(builder.or_(first, one(m))), likely=False):
            context.call_conv.return_user_exc(builder, ValueError, ("unable to broadcast argument",))
        return builder.select(first, m, n)

    return types.intp(types.intp, types.intp), codegen


def spreading(typingctx, function, a, *extents):
    """Return the signature of `spread` and its code."""
    chosen = function.get_call_type(typingctx, (a, *extents), {})

    def codegen(context, builder, signature, args):
        array = Members(context, builder, a, args[1])
        shape = [builder.extract_value(array.shape, axis) for axis in range(a.ndim)]
        others = [builder.icmp_signed("!=", m, n) for m, n in zip(shape, args[2:], strict=True)]
        array.meminfo = ir.Constant(array.meminfo.type, None)
        itself = context.cast(builder, array._getvalue(), a, chosen.return_type)
        before = builder.basic_block
        with builder.if_then(functools.reduce(builder.or_, others), likely=False):
            copy = called(context, builder, function.dispatcher, chosen, args[1:])
            after = builder.basic_block
        result = builder.phi(itself.type)
        result.add_incoming(itself, before)
        result.add_incoming(copy, after)
        return result

    return chosen.return_type(function, a, *extents), codegen


@functools.cache
def spread(rank):
    """Make the intrinsic (function, array, extents) -> array of these extents.

    The result is the array itself if it has these extents, and else what the function returns for
    the array and the extents. It holds no reference to the memory of the array, which must be used
    after it, if only by `keep`.
    """
    forms = {
        1: lambda typingctx, f, a, m: spreading(typingctx, f, a, m),
        2: lambda typingctx, f, a, m, n: spreading(typingctx, f, a, m, n),
        3: lambda typingctx, f, a, m, n, p: spreading(typingctx, f, a, m, n, p),
    }
    return made(f"spread{rank}", forms[rank])


@intrinsic
def fold(typingctx, function, bar, other):
    """Call a function of the adjoints of an array and of the broadcast array, unless they are one.
    """
    chosen = function.get_call_type(typingctx, (bar, other), {})

    def codegen(context, builder, signature, args):
        start, end = (Members(context, builder, kind, value).data for kind, value in zip((bar, other), args[1:]))
        with builder.if_then(builder.icmp_unsigned("!=", start, end), likely=False):
            called(context, builder, function.dispatcher, chosen, args[1:])
        return context.get_dummy_value()

    return types.void(function, bar, other), codegen


@intrinsic
def keep(typingctx, a):
    """Use an array, so that its memory exists until then."""
    return types.void(a), lambda context, builder, signature, args: context.get_dummy_value()
