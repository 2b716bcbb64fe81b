"""The user's `args` as one block of memory, so that the solver's loop need not know their types.

A tuple is stored as Numba lays it out, except that its arrays are borrowed: they carry no reference to count, and
live as long as the door that packed them holds the tuple. A changed value in `args` therefore changes memory, never
a type, and nothing is compiled again.
"""

import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic

from quasinewton.numba_ext.jit import kernel


def is_plain(kind):
    """Whether a Numba type can be packed: numbers, arrays of them, and tuples of what can be packed.

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
    return isinstance(kind, (types.Number, types.Boolean, types.NoneType))


def _borrow(context, builder, kind, value):
    """The same value with every array's owner erased."""
    if isinstance(kind, types.BaseTuple):
        for index, item in enumerate(kind):
            borrowed = _borrow(context, builder, item, builder.extract_value(value, index))
            value = builder.insert_value(value, borrowed, index)
        return value
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()
    return value


@intrinsic
def borrow(typingctx, args):
    """The same tuple with arrays that count no references: for as long as somebody else holds the owner's."""

    def codegen(context, builder, signature, values):
        return _borrow(context, builder, args, values[0])

    return args(args), codegen


@intrinsic
def size_of(typingctx, args):
    """Bytes that `store` writes for this tuple."""

    def codegen(context, builder, signature, values):
        return context.get_constant(types.intp, context.get_abi_sizeof(context.get_value_type(args)))

    return types.intp(args), codegen


@intrinsic
def store(typingctx, args, block):
    """Write the tuple to the memory of the uint8 array `block`."""

    def codegen(context, builder, signature, values):
        value, array = values
        data = context.make_array(signature.args[1])(context, builder, array).data
        place = builder.bitcast(data, context.get_value_type(args).as_pointer())
        builder.store(_borrow(context, builder, args, value), place, align=1)
        return context.get_dummy_value()

    return types.void(args, block), codegen


def loader(kind):
    """Make the intrinsic that reads a tuple of type `kind` back from its address.

    Parameters
    ----------
    kind : numba tuple type

    Returns
    -------
    intrinsic
        load(address) -> tuple
    """

    @intrinsic
    def load(typingctx, address):
        def codegen(context, builder, signature, values):
            if not len(kind):
                return context.make_tuple(builder, kind, ())
            place = builder.inttoptr(values[0], context.get_value_type(kind).as_pointer())
            return builder.load(place, align=1)

        return kind(address), codegen

    return load


@kernel
def pack(args):
    """Store a tuple in a block of memory.

    Parameters
    ----------
    args : tuple
        Numbers, arrays of any dtype and rank, tuples of these. Its arrays are borrowed, not copied.

    Returns
    -------
    ndarray, uint8, shape (bytes,)
        Valid as long as `args` is held.
    """
    block = np.empty(size_of(args), np.uint8)
    store(args, block)
    return block
