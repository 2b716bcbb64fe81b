"""Machine addresses of compiled functions: how to take one, keep it in code that is cached, and call it.

An address hides which function stands behind it, so that code which calls by address is compiled once for all.
"""

from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np import arrayobj


def linked(context, builder, dispatcher, signature):
    """Declare a dispatcher, compiled for a signature, in the module that Numba is making, which is linked with it.

    Parameters
    ----------
    context, builder
        Of Numba's lowering.
    dispatcher : numba dispatcher
    signature : numba signature

    Returns
    -------
    llvmlite function
    """
    result = dispatcher.get_compile_result(signature)
    context.active_code_library.add_linking_library(result.library)
    return context.declare_function(builder.module, result.fndesc)


def address_of(dispatcher, signature):
    """Machine address of a dispatcher for `signature`, compiled if it is not yet.

    Parameters
    ----------
    dispatcher : numba dispatcher
        Must be kept alive as long as the address is used.
    signature : numba signature

    Returns
    -------
    int
    """
    result = dispatcher.get_compile_result(signature)
    return result.library.get_pointer_to_function(result.fndesc.llvm_func_name)


def address_constant(dispatcher, kind):
    """Make the intrinsic that gives compiled code the address of a dispatcher compiled for a signature.

    Parameters
    ----------
    dispatcher : numba dispatcher
    kind : numba signature

    Returns
    -------
    intrinsic
        address() -> int: a link-time constant, so the code that uses it can be cached. (A dispatcher passed as an
        argument could not: it is an address of this process.)
    """

    @intrinsic
    def address(typingctx):
        def codegen(context, builder, signature, args):
            function = linked(context, builder, dispatcher, kind)
            return builder.ptrtoint(function, context.get_value_type(types.intp))

        return types.intp(), codegen

    return address


def enter(context, builder, address, signature, values):
    """Generate the call, in Numba's convention, of a compiled function at an address; exceptions pass through."""
    convention = context.call_conv
    prototype = convention.get_function_type(signature.return_type, signature.args)
    function = builder.inttoptr(address, prototype.as_pointer())
    status, result = convention.call_function(builder, function, signature.return_type, signature.args, values)
    with cgutils.if_unlikely(builder, status.is_error):
        convention.return_status_propagate(builder, status)
    return result


def objective_caller(kind):
    """Make the intrinsic that calls an objective at an address.

    Parameters
    ----------
    kind : numba signature
        f(x, n, g, h, what, data), with pointers to float64 for x, g and h.

    Returns
    -------
    intrinsic
        call(address, x, g, h, what, data) -> f, NaN when the value was not asked for. x and g are contiguous float64
        vectors, h is a contiguous float64 array of any rank; arrays that are not asked for may have length 0. An
        exception raised by the objective passes through.
    """

    @intrinsic
    def call(typingctx, address, x, g, h, what, data):
        signature = kind.return_type(types.intp, x, g, h, types.intp, types.intp)

        def codegen(context, builder, signature, args):
            address, *arrays, what, data = args
            x, g, h = (
                arrayobj.make_array(array)(context, builder, value)
                for array, value in zip(signature.args[1:4], arrays, strict=True)
            )
            n = cgutils.unpack_tuple(builder, x.shape)[0]
            return enter(context, builder, address, kind, (x.data, n, g.data, h.data, what, data))

        return signature, codegen

    return call
