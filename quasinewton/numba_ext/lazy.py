"""Kernels that are compiled, or loaded from the cache, when they are first entered, and not with
their callers.

For what few runs need, and for what many callers share: whoever does not need it does not wait for
it, and who calls it is not compiled with it. Compiled code reads the address at a symbol of a fixed
name, so that it can be cached.
"""

from numba.core import cgutils, types
from numba.extending import intrinsic

from quasinewton.numba_ext.operations import Family, perform
from quasinewton.numba_ext.symbols import name_symbol

SYMBOL = "quasinewton_late_"


def late(dispatcher, signature):
    """Make the function by which compiled code enters a kernel that is not compiled with it.

    Parameters
    ----------
    dispatcher : numba dispatcher
        A kernel, of a module-level function.
    signature : numba signature
        Arrays are to be contiguous.

    Returns
    -------
    intrinsic
        call(arguments) for a tuple of them. An exception passes through; where the kernel cannot be
        had, or Ctrl-C comes while it is compiled, RuntimeError is raised, and the reason printed.
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

    call.load = lambda: table.compile(0)
    return call
