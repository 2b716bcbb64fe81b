"""Intrinsics for arrays without reference counts: views, records at addresses, byte copies.

They read and write the struct in which Numba keeps an array (data, shape, strides, owner). They
count no references, so the caller must hold the owner of the memory.
"""

from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np import arrayobj

from quasinewton._numba_ext import interpreted
from quasinewton._numba_ext.uncompiled import in_python, makes_in_python


@makes_in_python(interpreted.viewer)
def viewer(kind):
    """Make the intrinsic that views borrowed memory as an array, without counting references.

    Parameters
    ----------
    kind : numba array type
        Rank 1 or 2; every length is the n that is passed to the intrinsic.

    Returns
    -------
    intrinsic
        view(pointer, n) -> array; the pointer may be an integer address.
    """

    @intrinsic
    def view(typingctx, pointer, n):
        def codegen(context, builder, signature, args):
            array = arrayobj.make_array(kind)(context, builder)
            pointer, n = args
            if isinstance(signature.args[0], types.Integer):
                data = builder.inttoptr(pointer, array.data.type)
            else:
                data = builder.bitcast(pointer, array.data.type)
            size = context.get_constant(types.intp, kind.dtype.bitwidth // 8)
            strides = [builder.mul(size, n), size][2 - kind.ndim :]
            shape = [n] * kind.ndim
            arrayobj.populate_array(array, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None)
            return array._getvalue()

        return kind(pointer, types.intp), codegen

    return view


@in_python(interpreted.part)
@intrinsic
def part(typingctx, a, first, size):
    """Return `size` components of a C-contiguous array as a vector, from number `first`.

    The array may have any rank; components are numbered in memory order.

    This replaces a slice without its bounds check and reference count, which take ten times as long
    to compile. The caller must hold the array.
    """
    kind = types.Array(a.dtype, 1, "C")

    def codegen(context, builder, signature, values):
        array = context.make_array(a)(context, builder, values[0])
        item = context.get_constant(types.intp, a.dtype.bitwidth // 8)
        view = context.make_array(kind)(context, builder)
        data = builder.gep(array.data, [values[1]])
        arrayobj.populate_array(view, data=data, shape=[values[2]], strides=[item], itemsize=item, meminfo=None)
        return view._getvalue()

    return kind(a, types.intp, types.intp), codegen


@in_python(interpreted.address_of_data)
@intrinsic
def address_of_data(typingctx, array):
    """Return the integer address of an array's data."""

    def codegen(context, builder, signature, args):
        data = context.make_array(array)(context, builder, args[0]).data
        return builder.ptrtoint(data, context.get_value_type(types.intp))

    return types.intp(array), codegen


@in_python(interpreted.hold)
@intrinsic
def hold(typingctx, value):
    """Use a value, so that it lives at least until this call."""

    def codegen(context, builder, signature, args):
        return context.get_dummy_value()

    return types.void(value), codegen


@makes_in_python(interpreted.record_viewer)
def record_viewer(kind):
    """Make the intrinsic that views a record at an address.

    Parameters
    ----------
    kind : numba record type

    Returns
    -------
    intrinsic
        record_at(address) -> record
    """

    @intrinsic
    def record_at(typingctx, address):
        def codegen(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(kind))

        return kind(types.intp), codegen

    return record_at


@in_python(interpreted.copy_bytes)
@intrinsic
def copy_bytes(typingctx, target, source, size):
    """Copy `size` bytes between two addresses whose ranges do not overlap."""

    def codegen(context, builder, signature, values):
        pointer = context.get_value_type(types.voidptr)
        target, source = (builder.inttoptr(value, pointer) for value in values[:2])
        cgutils.raw_memcpy(builder, target, source, values[2], 1)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.intp), codegen


@in_python(interpreted.fetch_add)
@intrinsic
def fetch_add(typingctx, array, index, value):
    """Add to an element of an int64 array atomically and return its previous value.

    All threads see these additions in one order (sequentially consistent).
    """

    def codegen(context, builder, signature, values):
        array, index, value = values
        data = context.make_array(signature.args[0])(context, builder, array).data
        return builder.atomic_rmw("add", builder.gep(data, [index]), value, "seq_cst")

    return types.int64(array, types.intp, types.int64), codegen
