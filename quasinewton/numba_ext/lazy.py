"""Kernels that are compiled, or loaded from the cache, when they are first entered, and not with their callers.

For what few runs need, however short: whoever does not need it does not wait for it either. Compiled code asks for the
address by way of a C function of a fixed name, so that it can be cached, and enters the kernel there.
"""

import ctypes
import functools
import zlib

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from quasinewton.numba_ext.addresses import address_of, enter
from quasinewton.numba_ext.symbols import name_symbol

SYMBOL = "quasinewton_late"
KERNELS = {}  # dispatcher and signature, by number


@functools.cache
def entry(number):
    """Machine address of a kernel, compiled if it has to be."""
    dispatcher, signature = KERNELS[number]
    dispatcher.compile(signature.args)
    return address_of(dispatcher, signature)


@ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.POINTER(ctypes.c_ssize_t))
def _entry(number, address):
    """Write the same to address[0], for compiled code."""
    # Not returned: where an exception strikes, ctypes reports it, and what it returns is anything.
    address[0] = entry(number)


name_symbol(SYMBOL, ctypes.cast(_entry, ctypes.c_void_p).value)


def late(dispatcher, signature):
    """Make the function by which compiled code enters a kernel that is not compiled with it.

    Parameters
    ----------
    dispatcher : numba dispatcher
        A kernel.
    signature : numba signature
        Arrays are to be contiguous.

    Returns
    -------
    intrinsic
        call(arguments) for a tuple of them. An exception passes through; where the kernel cannot be had, or Ctrl-C
        comes while it is compiled, RuntimeError is raised, and the reason printed.
    """
    # Callers are cached: the number is that of the kernel, whatever else is imported, and in whichever order.
    function = dispatcher.py_func
    number = zlib.crc32(f"{function.__module__}.{function.__qualname__}{signature}".encode())
    if KERNELS.setdefault(number, (dispatcher, signature)) != (dispatcher, signature):
        raise ValueError(f"two late kernels have the number of {function.__qualname__}")

    @intrinsic
    def call(typingctx, arguments):
        def codegen(context, builder, outer, values):
            word = context.get_value_type(types.intp)
            prototype = ir.FunctionType(ir.VoidType(), [word, word.as_pointer()])
            place = cgutils.alloca_once_value(builder, word(0))
            builder.call(cgutils.get_or_insert_function(builder.module, prototype, SYMBOL), [word(number), place])
            address = builder.load(place)
            with cgutils.if_unlikely(builder, cgutils.is_null(builder, address)):
                reason = ("a kernel was not compiled; the reason has been printed",)
                context.call_conv.return_user_exc(builder, RuntimeError, reason)
            items = cgutils.unpack_tuple(builder, values[0], len(arguments))
            cast = (context.cast(builder, *item) for item in zip(items, arguments, signature.args, strict=True))
            return enter(context, builder, address, signature, list(cast))

        return signature.return_type(arguments), codegen

    call.load = functools.partial(entry, number)
    return call
