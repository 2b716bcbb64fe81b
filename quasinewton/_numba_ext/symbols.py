"""C functions that compiled code calls by name, so that the calling code can be cached.

An address differs between processes; a name is resolved when a cached function is loaded.
"""

import ctypes
import sys

import llvmlite.binding
from numba import types

from quasinewton._numba_ext import interpreted
from quasinewton._numba_ext.uncompiled import makes_in_python

# The module that defines each name, which must be imported before code read from disk can use it.
NAMED_BY = {}


def name_symbol(name, address):
    """Register a machine address under the name by which compiled code refers to it."""
    llvmlite.binding.add_symbol(name, address)
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    NAMED_BY[name] = frame.f_globals.get("__name__") if frame else None


@makes_in_python(interpreted.c_function)
def c_function(name, address, signature):
    """Make a C function callable from compiled code by name.

    Parameters
    ----------
    name : str
        Name of the symbol, unique in the process.
    address : int or ctypes function
    signature : numba signature

    Returns
    -------
    numba.types.ExternalFunction
    """
    if not isinstance(address, int):
        address = ctypes.cast(address, ctypes.c_void_p).value
    name_symbol(name, address)
    return types.ExternalFunction(name, signature)
