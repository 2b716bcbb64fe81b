"""Tuples of numbers, arrays and text in memory: stored, read back, copied, and laid out.

A tuple in memory borrows its arrays and strings: they carry no reference count, and are valid as
long as their owner is held.
"""

from numba.core import cgutils, types
from numba.extending import intrinsic

from quasinewton._numba_ext import interpreted
from quasinewton._numba_ext.uncompiled import in_python

CACHE_LINE = 64  # bytes; alignment of the arrays that `placed_at` lays out, relative to the first
APART = 512  # bytes; least distance between the beginnings of two arrays; see `linalg.CLEARANCE`


def without_owners(context, builder, kind, value):
    """Return a value with the owner of every array and string erased."""
    if isinstance(kind, types.BaseTuple):
        for index, item in enumerate(kind):
            borrowed = without_owners(context, builder, item, builder.extract_value(value, index))
            value = builder.insert_value(value, borrowed, index)
        return value
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()
    if isinstance(kind, types.UnicodeType):
        text = cgutils.create_struct_proxy(kind)(context, builder, value)
        text.meminfo = cgutils.get_null_value(text.meminfo.type)
        text.parent = cgutils.get_null_value(text.parent.type)
        return text._getvalue()
    return value


@in_python(interpreted.borrow)
@intrinsic
def borrow(typingctx, args):
    """Return a tuple with borrowed arrays, valid as long as the caller holds their owner."""

    def codegen(context, builder, signature, values):
        return without_owners(context, builder, args, values[0])

    return args(args), codegen


@intrinsic
def size_of(typingctx, args):
    """Return the number of bytes that `store` writes for this tuple."""

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
        builder.store(without_owners(context, builder, args, value), place, align=1)
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


def _arrays(context, builder, kind, value):
    """Yield the arrays in a value of tuples and arrays, as Numba's structs."""
    if isinstance(kind, types.BaseTuple):
        for index, item in enumerate(kind):
            yield from _arrays(context, builder, item, builder.extract_value(value, index))
    elif isinstance(kind, types.Array):
        yield context.make_array(kind)(context, builder, value)


@in_python(interpreted.overwrite)
@intrinsic
def overwrite(typingctx, state, source):
    """Copy every array of `source` to the one of equal shape in `state`, which is overwritten."""

    def codegen(context, builder, signature, values):
        pairs = zip(*(_arrays(context, builder, state, value) for value in values), strict=True)
        for to, origin in pairs:
            cgutils.raw_memcpy(builder, to.data, origin.data, origin.nitems, origin.itemsize)
        return context.get_dummy_value()

    return types.void(state, source), codegen


def _placed(context, builder, kind, value, address, offset):
    """Return a value with its arrays moved to address + offset, and the offset behind them."""
    if isinstance(kind, types.BaseTuple):
        for index, item in enumerate(kind):
            part = builder.extract_value(value, index)
            part, offset = _placed(context, builder, item, part, address, offset)
            value = builder.insert_value(value, part, index)
        return value, offset
    if not isinstance(kind, types.Array):
        return value, offset
    array = context.make_array(kind)(context, builder, value)
    array.data = builder.inttoptr(builder.add(address, offset), array.data.type)
    apart, last, mask = (context.get_constant(types.intp, number) for number in (APART, CACHE_LINE - 1, -CACHE_LINE))
    size = builder.and_(builder.add(builder.mul(array.nitems, array.itemsize), last), mask)
    size = builder.select(builder.icmp_signed(">", size, apart), size, apart)
    return array._getvalue(), builder.add(offset, size)


@in_python(interpreted.placer(CACHE_LINE, APART)[0])
@intrinsic
def placed_at(typingctx, blank, address):
    """Return a state with the shapes of `blank` whose arrays lie in sequence from an address."""

    def codegen(context, builder, signature, values):
        zero = context.get_constant(types.intp, 0)
        return _placed(context, builder, blank, values[0], values[1], zero)[0]

    return blank(blank, types.intp), codegen


@in_python(interpreted.placer(CACHE_LINE, APART)[1])
@intrinsic
def placed_size(typingctx, blank):
    """Return the number of bytes of a state that `placed_at` lays out."""

    def codegen(context, builder, signature, values):
        zero = context.get_constant(types.intp, 0)
        return _placed(context, builder, blank, values[0], zero, zero)[1]

    return types.intp(blank), codegen
