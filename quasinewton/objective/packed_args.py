"""The user's `args` as one block of memory, so that the solver's loop need not know their types.

A tuple is stored as Numba lays it out, except that its arrays and strings are borrowed: they carry
no reference to count, and live as long as the door that packed them holds the tuple. A changed
value in `args` therefore changes memory, never a type, and nothing is compiled again.
"""

import numpy as np
from numba import types

from quasinewton.numba_ext.jit import kernel
from quasinewton.numba_ext.tuples import size_of, store


def is_plain(kind):
    """Return True if a Numba type can be packed: numbers, arrays of them, text, and tuples of what
    can be packed.

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
def pack(args):
    """Store a tuple in a block of memory.

    Parameters
    ----------
    args : tuple
        Numbers, arrays of any dtype and rank, text, tuples of these. Arrays and text are borrowed,
        not copied.

    Returns
    -------
    ndarray, uint8, shape (bytes,)
        Valid as long as `args` is held.
    """
    block = np.empty(size_of(args), np.uint8)
    store(args, block)
    return block
