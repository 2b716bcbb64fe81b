"""Calls of the interpreter from compiled code, with the GIL held only during the call."""

from numba.core import cgutils, types
from numba.extending import intrinsic

from quasinewton._numba_ext import interpreted
from quasinewton._numba_ext.uncompiled import in_python


@in_python(interpreted.call_python)
@intrinsic
def call_python(typingctx, function, what, x, g, h):
    """Call the Python object at address `function` with four integers and return its float.

    A Python exception stays set in the interpreter while the compiled frames unwind, and so reaches
    the user unchanged, with its traceback.
    """
    signature = types.float64(types.intp, types.intp, x, g, h)

    def codegen(context, builder, signature, args):
        api = context.get_python_api(builder)
        intp = context.get_value_type(types.intp)
        function, what, *pointers = args
        gil = api.gil_ensure()
        numbers = [what] + [builder.ptrtoint(pointer, intp) for pointer in pointers]
        numbers = [api.long_from_ssize_t(number) for number in numbers]
        result = api.call_function_objargs(builder.inttoptr(function, api.pyobj), numbers)
        for number in numbers:
            api.decref(number)
        failed = cgutils.is_null(builder, result)
        f = cgutils.alloca_once(builder, context.get_value_type(types.float64))
        with builder.if_then(builder.not_(failed)):
            builder.store(api.float_as_double(result), f)
            api.decref(result)
        api.gil_release(gil)
        with cgutils.if_unlikely(builder, failed):
            context.call_conv.return_exc(builder)
        return builder.load(f)

    return signature, codegen
