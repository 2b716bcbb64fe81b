"""C functions that compiled code calls by a name, so that code which calls them can be cached.

An address differs from process to process; a name is resolved when a cached function is loaded.
"""

import ctypes
import sys

import llvmlite.binding
from numba import types

NAMED_BY = {}  # the module that gives a name, so that code read from disk can have it imported


def name_symbol(name, address):
    """Give a machine address the name by which compiled code finds it."""
    llvmlite.binding.add_symbol(name, address)
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    NAMED_BY[name] = frame.f_globals.get("__name__") if frame else None


def c_function(name, address, signature):
    """Make a C function callable from compiled code by name.

    Parameters
    ----------
    name : str
        Of the symbol; unique in the process.
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
