"""Packing of the user's `args` into one block of memory, so that loops are independent of types.

A tuple is stored in Numba's layout, except that its arrays and strings are borrowed: they carry no
reference count, and are valid as long as the entry point that packed them holds the tuple. Changing
a value in `args` therefore changes memory and no type, and nothing is recompiled.
"""

from typing import Any

import numpy as np
from numba import types

from quasinewton._numba_ext.jit import kernel
from quasinewton._numba_ext.tuples import size_of, store


def is_plain(kind: Any) -> bool:
    """Return True if values of a Numba type can be packed.

    These are numbers, arrays of numbers, text, None, and tuples of such types.

    Parameters
    ----------
    kind : numba type

    Returns
    -------
    bool
    """
    if isinstance(kind, types.BaseTuple):
        return all(is_plain(item) for item in kind)
    if isinstance(kind, types.Array):
        return isinstance(kind.dtype, (types.Number, types.Boolean, types.Record, types.NPDatetime, types.NPTimedelta))
    return isinstance(kind, (types.Number, types.Boolean, types.NoneType, types.UnicodeType))


@kernel
def pack(args: tuple) -> np.ndarray:
    """Store a tuple in a new block of memory.

    Parameters
    ----------
    args : tuple
        Numbers, arrays of any dtype and rank, text, and tuples of these. Arrays and text are
        borrowed, not copied.

    Returns
    -------
    ndarray, uint8, shape (bytes,)
        Valid as long as `args` is held.
    """
    block = np.empty(size_of(args), np.uint8)
    store(args, block)
    return block
