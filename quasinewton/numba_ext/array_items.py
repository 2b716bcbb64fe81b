"""Lowering of reads and stores of single array items to few instructions.

Numba keeps the structure that describes an array in memory, and reads it member by member for every
item: some 35 instructions, of which LLVM leaves three. Here they are ten from the start, so that
less is written, parsed and optimised. The address, and so the number, is that of Numba's own code.
"""

from llvmlite import ir
from numba.core import types
from numba.core.lowering import Lower
from numba.core.typing.templates import Signature

# Places of members in the structure of an array, in Numba's `ArrayModel`.
DATA, SHAPE, STRIDES = 4, 5, 6
WORD = ir.IntType(64)
BYTE = ir.IntType(8)


def indices_of(kind, index):
    """Return the types of the indices by which one item is addressed, None if Numba must do it.

    Parameters
    ----------
    kind, index : numba types
        Of an array and of what stands in the brackets.
    """
    if not isinstance(kind, types.Array) or not kind.aligned or kind.ndim > 2:
        return None
    if not isinstance(kind.dtype, types.Float) and not hasattr(kind.dtype, "lanes"):
        return None
    kinds = list(index) if isinstance(index, types.BaseTuple) else [index]
    plain = all(isinstance(each, types.Integer) for each in kinds) and len(kinds) == kind.ndim
    return kinds if plain else None


def address(context, builder, kind, array, kinds, indices):
    """Return the address of an item; negative indices count from the end.

    Parameters
    ----------
    context, builder
        Target context and IR builder of Numba's lowering.
    kind : numba array type
    array : llvmlite value
    kinds, indices : lists
        Types and values of the indices.
    """
    data = builder.extract_value(array, DATA)
    shape = [builder.extract_value(array, [SHAPE, axis]) for axis in range(kind.ndim)]
    counted = []
    for each, index, extent in zip(kinds, indices, shape, strict=True):
        index = context.cast(builder, index, each, types.intp)
        if each.signed and not (isinstance(index, ir.Constant) and index.constant >= 0):
            negative = builder.icmp_signed("<", index, WORD(0))
            index = builder.select(negative, builder.add(index, extent), index)
        counted.append(index)
    if kind.layout == "A":
        at = builder.ptrtoint(data, WORD)
        for axis, index in enumerate(counted):
            at = builder.add(at, builder.mul(index, builder.extract_value(array, [STRIDES, axis])))
        return builder.inttoptr(at, data.type)
    if kind.ndim == 1:
        return builder.gep(data, counted)
    first, second = counted if kind.layout == "C" else counted[::-1]
    extent = shape[1] if kind.layout == "C" else shape[0]
    return builder.gep(data, [builder.add(builder.mul(first, extent), second)])


class LowerItems(Lower):
    """Numba's lowering, with short code for single items of arrays."""

    def item(self, array, index, kinds):
        """Return the type of an array, and the address of an item; None if Numba must do it."""
        kind, written = self.typeof(array.name), self.typeof(index.name)
        found = None if self.context.enable_boundscheck else indices_of(kind, written)
        if found is None or not isinstance(kinds, Signature) or isinstance(kinds.args[0], types.Optional):
            return kind, None
        value = self.loadvar(index.name)
        if isinstance(written, types.BaseTuple):
            values = [self.builder.extract_value(value, k) for k in range(len(found))]
        else:
            values = [value]
        return kind, address(self.context, self.builder, kind, self.loadvar(array.name), found, values)

    def lower_getitem(self, resty, expr, value, index, signature):
        """Lower the read of an item."""
        kind, at = self.item(value, index, signature)
        if at is None:
            return super().lower_getitem(resty, expr, value, index, signature)
        item = self.context.unpack_value(self.builder, kind.dtype, at)
        return self.context.cast(self.builder, item, kind.dtype, resty)

    def lower_setitem(self, target_var, index_var, value_var, signature):
        """Lower the store of an item."""
        source = self.typeof(value_var.name)
        kind, at = (None, None)
        if not isinstance(source, (types.Array, types.BaseTuple)):
            kind, at = self.item(target_var, index_var, signature)
        if at is None:
            return super().lower_setitem(target_var, index_var, value_var, signature)
        value = self.context.cast(self.builder, self.loadvar(value_var.name), source, signature.args[2])
        item = self.context.cast(self.builder, value, signature.args[2], kind.dtype)
        self.context.pack_value(self.builder, kind.dtype, item, at)
        return None
