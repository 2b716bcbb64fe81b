"""Loops entered from compiled code that lets go of their state when the objective raises.

Numba's exceptions leave a function without counting references down: what its variables hold is
never freed. Where a door inside compiled code allocates a state and enters a loop with it, the
state is released on that way out.
"""

from numba.core import cgutils
from numba.extending import intrinsic

from quasinewton.numba_ext.addresses import linked


def releasing(loop, *trailing):
    """Make the intrinsic that enters a loop and, if an exception comes out of it, releases the
    loop's last argument.

    Parameters
    ----------
    loop : numba dispatcher
        Called with the arguments of the intrinsic.
    *trailing : numba types
        Of integers that are 0, which the loop takes after them.

    Returns
    -------
    intrinsic
        The last of its arguments is a tuple of arrays that the caller will not use any more after
        an exception.
    """

    def enter(typingctx, kinds):
        called = compiled(loop, (*kinds, *trailing))

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


def compiled(loop, kinds):
    """The signature of a loop that is compiled for these types of arguments."""
    loop.compile(kinds)
    return loop.overloads[kinds].signature
