"""Machine addresses of compiled functions: obtaining them, caching code with them, calls.

Code that calls by address does not depend on the called function, so it is compiled once for all
functions.
"""

import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np import arrayobj

from quasinewton._numba_ext import interpreted
from quasinewton._numba_ext.arrays import viewer
from quasinewton._numba_ext.uncompiled import in_python, makes_in_python


def linked(context, builder, dispatcher, signature):
    """Declare a compiled dispatcher in the module being lowered, and link the two.

    Parameters
    ----------
    context, builder
        As in Numba's lowering.
    dispatcher : numba dispatcher
    signature : numba signature

    Returns
    -------
    llvmlite function
    """
    result = dispatcher.get_compile_result(signature)
    context.active_code_library.add_linking_library(result.library)
    return context.declare_function(builder.module, result.fndesc)


def called(context, builder, dispatcher, signature, values):
    """Emit the call of a compiled dispatcher; an exception is passed on.

    Parameters
    ----------
    context, builder, dispatcher, signature
        See `linked`.
    values : list of llvmlite values

    Returns
    -------
    llvmlite value
    """
    return passing_exceptions(context, builder, linked(context, builder, dispatcher, signature), signature, values)


def passing_exceptions(context, builder, function, signature, values):
    """Emit the call of an LLVM function; an exception is passed on. For the others see `called`."""
    status, result = context.call_conv.call_function(builder, function, signature.return_type, signature.args, values)
    with cgutils.if_unlikely(builder, status.is_error):
        context.call_conv.return_status_propagate(builder, status)
    return result


@in_python(interpreted.address_of)
def address_of(dispatcher, signature):
    """Return the machine address of a dispatcher for `signature`, compiling it if necessary.

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
    """Make the intrinsic that gives compiled code the address of a compiled dispatcher.

    Parameters
    ----------
    dispatcher : numba dispatcher
    kind : numba signature

    Returns
    -------
    intrinsic
        address() -> int: a link-time constant, so that the calling code can be cached. Code with a
        dispatcher as an argument cannot be cached, since its address belongs to this process.
    """

    @intrinsic
    def address(typingctx):
        def codegen(context, builder, signature, args):
            function = linked(context, builder, dispatcher, kind)
            return builder.ptrtoint(function, context.get_value_type(types.intp))

        return types.intp(), codegen

    return address


def enter(context, builder, address, signature, values):
    """Generate the call of the compiled function at an address; exceptions pass through."""
    prototype = context.call_conv.get_function_type(signature.return_type, signature.args)
    function = builder.inttoptr(address, prototype.as_pointer())
    return passing_exceptions(context, builder, function, signature, values)


# Names of the exceptions in `interpreted.UNDEFINED` that compiled code raises by itself.
NAMES = np.frombuffer(b"ZeroDivisionError", np.uint8), np.frombuffer(b"LinAlgError", np.uint8)
bytes_at = viewer(types.Array(types.uint8, 1, "C"))


def is_undefined(address, size):
    """Return True if `size` bytes at an address, a pickled exception, contain one of NAMES."""
    text = bytes_at(address, size)
    for name in NAMES:
        for i in range(size - name.size + 1):
            j = 0
            while j < name.size and text[i + j] == name[j]:
                j += 1
            if j == name.size:
                return True
    return False


def enter_leniently(context, builder, address, signature, values, lenient, gradient):
    """Generate the call of the compiled function at an address, with NaN for some exceptions.

    If `lenient` is true, an exception in `interpreted.UNDEFINED` makes f and the first component of
    the gradient NaN; others pass through.

    By default Numba's compiled code raises ZeroDivisionError where NumPy's arithmetic gives
    infinity. For an exception raised by compiled code, Numba's calling convention passes on the
    pickled class, arguments and location.
    """
    convention, intp = context.call_conv, context.get_value_type(types.intp)
    prototype = convention.get_function_type(signature.return_type, signature.args)
    function = builder.inttoptr(address, prototype.as_pointer())
    status, result = convention.call_function(builder, function, signature.return_type, signature.args, values)
    f = cgutils.alloca_once_value(builder, result)
    with cgutils.if_unlikely(builder, status.is_error):
        undefined = cgutils.alloca_once_value(builder, cgutils.false_bit)
        with builder.if_then(builder.and_(lenient, status.is_user_exc)):
            raised = builder.load(status.excinfoptr)
            text = builder.ptrtoint(builder.extract_value(raised, 0), intp)
            size = builder.sext(builder.extract_value(raised, 1), intp)
            found = context.compile_internal(
                builder, is_undefined, types.boolean(types.intp, types.intp), (text, size)
            )
            builder.store(found, undefined)
        with builder.if_else(builder.load(undefined)) as (forgiven, other):
            with forgiven:
                nan = context.get_constant(types.float64, float("nan"))
                builder.store(nan, f)
                builder.store(nan, gradient)
            with other:
                convention.return_status_propagate(builder, status)
    return builder.load(f)


@makes_in_python(interpreted.objective_caller)
def objective_caller(kind, compiled):
    """Make the intrinsics that call an objective at an address.

    Parameters
    ----------
    kind : numba signature
        f(x, n, g, h, what, data), with pointers to float64 for x, g and h.
    compiled : callable
        compiled() -> a compiled function with the arguments of `attempt`, by which functions of
        Python enter compiled objectives.

    Returns
    -------
    (intrinsic, intrinsic)
        call(address, x, g, h, what, data) -> f, NaN if the value was not requested. x and g are
        contiguous float64 vectors, h is a contiguous float64 array of any rank; arrays that are not
        requested may have length 0. An exception raised by the objective passes through.
        attempt(address, x, g, h, what, data, lenient) -> f behaves in this way, too, but if
        `lenient` is true, an exception of compiled code that is in `interpreted.UNDEFINED` makes f
        and the first component of g NaN.
    """

    def lower(context, builder, signature, args, lenient=None):
        address, *arrays, what, data = args
        x, g, h = (
            arrayobj.make_array(array)(context, builder, value)
            for array, value in zip(signature.args[1:4], arrays, strict=True)
        )
        n = cgutils.unpack_tuple(builder, x.shape)[0]
        values = x.data, n, g.data, h.data, what, data
        if lenient is None:
            return enter(context, builder, address, kind, values)
        return enter_leniently(context, builder, address, kind, values, lenient, g.data)

    @intrinsic
    def call(typingctx, address, x, g, h, what, data):
        signature = kind.return_type(types.intp, x, g, h, types.intp, types.intp)

        return signature, lower

    @intrinsic
    def attempt(typingctx, address, x, g, h, what, data, lenient):
        signature = kind.return_type(types.intp, x, g, h, types.intp, types.intp, types.boolean)

        def codegen(context, builder, signature, args):
            return lower(context, builder, signature, args[:-1], args[-1])

        return signature, codegen

    return call, attempt
