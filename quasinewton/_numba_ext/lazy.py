"""Kernels that are compiled or loaded on their first call, not together with their callers.

This is for kernels that few runs need, so that other runs do not wait for them, and for kernels
with many callers, so that these do not compile them again. Compiled code reads the address at a
symbol of a fixed name, so it can be cached.
"""

import functools

from numba.core import cgutils, types
from numba.extending import intrinsic

from quasinewton._numba_ext import interpreted
from quasinewton._numba_ext.operation_tables import Family, perform
from quasinewton._numba_ext.symbols import name_symbol
from quasinewton._numba_ext.uncompiled import makes_in_python

SYMBOL = "quasinewton_late_"
CALLS = {}  # what `late` has made, by name of the kernel, to compile all ahead of use


@makes_in_python(interpreted.late)
def late(dispatcher, signature):
    """Make the function by which compiled code enters a kernel that is compiled separately.

    Parameters
    ----------
    dispatcher : numba dispatcher
        A kernel made of a module-level function.
    signature : numba signature
        Array types must be contiguous.

    Returns
    -------
    intrinsic
        call(arguments) for a tuple of arguments. An exception passes through. If the kernel cannot
        be compiled, or Ctrl-C arrives during compilation, the reason is printed and RuntimeError is
        raised.
    """
    name = f"{SYMBOL}{dispatcher.py_func.__module__}.{dispatcher.py_func.__qualname__}"
    table = Family(name, [dispatcher], lambda number, kind: signature, lambda kind: ()).table(name)
    name_symbol(name, table.address)

    @intrinsic
    def call(typingctx, arguments):
        def codegen(context, builder, outer, values):
            word = context.get_value_type(types.intp)
            if name in builder.module.globals:
                place = builder.module.globals[name]
            else:
                place = cgutils.add_global_variable(builder.module, word, name)
            address = builder.ptrtoint(place, word)
            return perform(context, builder, address, 0, signature, arguments, values[0])

        return signature.return_type(arguments), codegen

    call.load, call.is_loaded = functools.partial(table.compile, 0), functools.partial(table.is_loaded, 0)
    CALLS[name] = call
    return call
