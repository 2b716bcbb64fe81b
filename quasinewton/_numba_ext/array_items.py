"""Lowering of items of arrays, read or stored, and of slices of vectors, to few instructions.

Numba keeps the structure that describes an array in memory, and reads it member by member for every
item: some 35 instructions, of which LLVM leaves three. Here they are ten from the start, so that
less is written, parsed and optimised. The address, and so the number, is that of Numba's own code.
"""

from llvmlite import ir
from numba.core import types
from numba.core.lowering import Lower
from numba.core.typing.templates import Signature

# Places of members in the structure of an array, in Numba's `ArrayModel`.
ITEMS, DATA, SHAPE, STRIDES = 2, 4, 5, 6
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
    counted = []
    for axis, (each, index) in enumerate(zip(kinds, indices, strict=True)):
        index = context.cast(builder, index, each, types.intp)
        if each.signed and not (isinstance(index, ir.Constant) and index.constant >= 0):
            negative = builder.icmp_signed("<", index, WORD(0))
            extent = builder.extract_value(array, [SHAPE, axis])
            index = builder.select(negative, builder.add(index, extent), index)
        counted.append(index)
    return address_of_counted(builder, kind, array, counted)


def address_of_counted(builder, kind, array, indices):
    """Return the address of an item whose indices are not negative.

    Parameters
    ----------
    builder, kind, array
        See `address`.
    indices : list of llvmlite values
    """
    data = builder.extract_value(array, DATA)
    if kind.layout == "A":
        at = builder.ptrtoint(data, WORD)
        for axis, index in enumerate(indices):
            at = builder.add(at, builder.mul(index, builder.extract_value(array, [STRIDES, axis])))
        return builder.inttoptr(at, data.type)
    axes = range(kind.ndim) if kind.layout == "C" else range(kind.ndim - 1, -1, -1)
    at = indices[axes[0]]
    for axis in axes[1:]:
        at = builder.add(builder.mul(at, builder.extract_value(array, [SHAPE, axis])), indices[axis])
    return builder.gep(data, [at])


def clamped(builder, given, size):
    """Return a bound of a slice as a number from 0 to the extent of the axis.

    Parameters
    ----------
    builder : llvmlite IR builder
    given, size : llvmlite values
        The bound, a constant of LLVM if it is known; the extent.
    """
    known = given.constant if isinstance(given, ir.Constant) else None
    if known == 0:
        return given
    if known is None:
        given = builder.select(builder.icmp_signed("<", given, WORD(0)), builder.add(given, size), given)
    elif known < 0:
        given = builder.add(size, given)
    if known is None or known < 0:
        given = builder.select(builder.icmp_signed("<", given, WORD(0)), WORD(0), given)
    if known is None or known > 0:
        given = builder.select(builder.icmp_signed(">", given, size), size, given)
    return given


def slice_of(builder, kind, array, start, stop):
    """Return a vector from one item on and up to another, without a new reference to its memory.

    Parameters
    ----------
    builder, kind, array
        See `address`.
    start, stop : llvmlite values
        See `clamped`; the latter None for the end.
    """
    size = builder.extract_value(array, [SHAPE, 0])
    first = clamped(builder, start, size)
    extent = builder.sub(size if stop is None else clamped(builder, stop, size), first)
    extent = builder.select(builder.icmp_signed("<", extent, WORD(0)), WORD(0), extent)
    array = builder.insert_value(array, address_of_counted(builder, kind, array, [first]), DATA)
    array = builder.insert_value(array, extent, ITEMS)
    return builder.insert_value(array, extent, [SHAPE, 0])


class LowerItems(Lower):
    """Numba's lowering, with short code for single items of arrays and slices of vectors."""

    def is_counted(self, name):
        """Return True if a variable holds references to memory, which are counted."""
        return self.context.data_model_manager[self.typeof(name)].contains_nrt_meminfo()

    def storevar(self, value, name, argidx=None):
        """Store a value into a variable; references that it held before are given up."""
        ordinary = argidx is not None or name in self._singly_assigned_vars or self._disable_sroa_like_opt
        if ordinary or self.is_counted(name):
            super().storevar(value, name, argidx)
            return
        self._alloca_var(name, self.typeof(name))
        self.builder.store(value, self.getvar(name))

    def delvar(self, name):
        """Give up the references of a variable; numbers have none, and stay as they are."""
        if self._disable_sroa_like_opt or self.is_counted(name):
            super().delvar(name)
            return
        if name not in self._blk_local_varmap:  # deleted where it is not assigned
            self._singly_assigned_vars.discard(name)
            self._alloca_var(name, self.typeof(name))

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
        if at is None and self.is_slice(kind, self.typeof(index.name), resty):
            return self.slice(kind, expr, value, index, resty)
        if at is None:
            return super().lower_getitem(resty, expr, value, index, signature)
        item = self.context.unpack_value(self.builder, kind.dtype, at)
        return self.context.cast(self.builder, item, kind.dtype, resty)

    def is_slice(self, kind, index, result):
        """Return True if a vector is read by an index that is a slice without a step."""
        vectors = isinstance(kind, types.Array) and isinstance(result, types.Array) and kind.ndim == 1
        return vectors and isinstance(index, types.SliceType) and not index.has_step

    def slice(self, kind, expr, value, index, result):
        """Lower the read of a slice of a vector."""
        builder, array = self.builder, self.loadvar(value.name)
        given = expr.index if expr.op == "static_getitem" and isinstance(expr.index, slice) else None
        if given is not None and all(each is None or type(each) is int for each in (given.start, given.stop)):
            start, stop = WORD(given.start or 0), None if given.stop is None else WORD(given.stop)
        else:
            bounds = self.loadvar(index.name)
            start, stop = builder.extract_value(bounds, 0), builder.extract_value(bounds, 1)
        view = slice_of(builder, kind, array, start, stop)
        self.context.nrt.incref(builder, kind, view)
        return self.context.cast(builder, view, kind, result)

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
