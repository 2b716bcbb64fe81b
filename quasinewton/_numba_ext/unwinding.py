"""Loops entered from compiled code that release their state if the objective raises.

A Numba exception leaves a function without decrementing reference counts, so arrays in its
variables are never freed. Where a function inside compiled code allocates a state and enters a loop
with it, the state is released when an exception passes.
"""

from numba.core import cgutils
from numba.extending import intrinsic

from quasinewton._numba_ext.addresses import linked


def releasing(loop, *trailing):
    """Make the intrinsic that enters a loop and releases its state if an exception passes.

    The state is the last argument of the intrinsic.

    Parameters
    ----------
    loop : numba dispatcher
        Called with the arguments of the intrinsic.
    *trailing : numba types
        Types of integer arguments that the loop takes after those of the intrinsic; they are 0.

    Returns
    -------
    intrinsic
        Its last argument is a tuple of arrays that the caller must not use after an exception.
    """

    def enter(typingctx, kinds):
        called = compiled_signature(loop, (*kinds, *trailing))

        def codegen(context, builder, signature, values):
            function = linked(context, builder, loop, called)
            zeros = [context.get_constant(kind, 0) for kind in trailing]
            status, value = context.call_conv.call_function(
                builder, function, called.return_type, called.args, [*values, *zeros]
            )
            with cgutils.if_unlikely(builder, status.is_error):
                context.nrt.decref(builder, signature.args[-1], values[-1])
                context.call_conv.return_status_propagate(builder, status)
            return value

        return called.return_type(*kinds), codegen

    if trailing:

        @intrinsic
        def entered(typingctx, objective, method, search, state):
            return enter(typingctx, (objective, method, search, state))

    else:

        @intrinsic
        def entered(typingctx, objective, search, state):
            return enter(typingctx, (objective, search, state))

    return entered


def compiled_signature(loop, kinds):
    """Compile a loop for these argument types and return its signature."""
    loop.compile(kinds)
    return loop.overloads[kinds].signature
