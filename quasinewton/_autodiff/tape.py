"""The tape of reverse mode: records of numbers, one after another in one block of memory.

The record of a number with K parents, in words of 8 bytes, holds the adjoint, K partial
derivatives, and then, as 32-bit integers counted back from the end, K and the places of the
parents. The place of a number is the index of the word that holds its adjoint. Place 0 belongs to
all constants, whose adjoint is never read; then come the variables, for which only adjoints are
stored.

Two other kinds of record end with a word that holds a number m and a word that holds two 32-bit
integers, of which the last has the highest bit set:

- of m numbers made by one array statement (`ARRAY` + K): m adjoints, and K columns, each of m
  partial derivatives and the m places of the parents, padded to words;
- of one number with m parents at consecutive places (`RANGE` or, with one partial derivative for
  all, `EQUAL`; beside it the place of the first parent): the adjoint, and the partial derivatives.

The header holds five 64-bit integers: the end of the last record, the capacity, the address of the
block, the largest capacity, and whether that was exceeded. Numbers carry the address of the header,
so a tape belongs to one gradient and one thread. A full block is reallocated; places remain valid.
"""

import functools
import operator

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from quasinewton._numba_ext.jit import fragment, shared

END, CAPACITY, BLOCK, LIMIT, EXCEEDED = range(5)
LEAST = 1 << 17  # words; the smallest new block. Pages that are never written cost nothing
ARRAY, RANGE, EQUAL = 1 << 31, 3 << 30, (3 << 30) + 1
WORD, HALF, BIT = ir.IntType(64), ir.IntType(32), ir.IntType(1)
PLACE = np.uint32(0)  # a number of the type in which records hold places


@intrinsic
def reallocate(typingctx, address, size):
    """Call realloc(3), with addresses as integers."""

    def codegen(context, builder, signature, args):
        prototype = ir.FunctionType(cgutils.voidptr_t, [cgutils.voidptr_t, WORD])
        function = cgutils.get_or_insert_function(builder.module, prototype, "realloc")
        block = builder.call(function, [builder.inttoptr(args[0], cgutils.voidptr_t), args[1]])
        return builder.ptrtoint(block, WORD)

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def release(typingctx, address):
    """Call free(3) on an address."""

    def codegen(context, builder, signature, args):
        prototype = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t])
        function = cgutils.get_or_insert_function(builder.module, prototype, "free")
        builder.call(function, [builder.inttoptr(args[0], cgutils.voidptr_t)])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic
def peek(typingctx, address, like):
    """Return the number at an address, of the type of `like`."""

    def codegen(context, builder, signature, args):
        pointer = builder.inttoptr(args[0], context.get_data_type(like).as_pointer())
        return context.unpack_value(builder, like, pointer)

    return like(types.int64, like), codegen


@intrinsic
def poke(typingctx, address, value):
    """Write a number to an address."""

    def codegen(context, builder, signature, args):
        pointer = builder.inttoptr(args[0], context.get_data_type(value).as_pointer())
        context.pack_value(builder, value, args[1], pointer)
        return context.get_dummy_value()

    return types.void(types.int64, value), codegen


@intrinsic
def item(typingctx, address, i, like):
    """Number i of an array of numbers of the type of `like` at an address.

    It is addressed as an item of an array, so that LLVM can vectorise loops.
    """

    def codegen(context, builder, signature, args):
        pointer = builder.inttoptr(args[0], context.get_data_type(like).as_pointer())
        return context.unpack_value(builder, like, builder.gep(pointer, [args[1]]))

    return like(types.int64, types.int64, like), codegen


@intrinsic
def put(typingctx, address, i, value):
    """Write number i of an array of numbers at an address."""

    def codegen(context, builder, signature, args):
        pointer = builder.inttoptr(args[0], context.get_data_type(value).as_pointer())
        context.pack_value(builder, value, args[2], builder.gep(pointer, [args[1]]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, value), codegen


@intrinsic
def null(typingctx, like):
    """Return zero of the type of `like`."""
    return like(like), lambda context, builder, signature, args: context.get_constant_null(like)


@intrinsic
def product(typingctx, adjoint, partial):
    """Adjoint times partial derivative, with 0 ∞ = 0.

    The branch of a `np.where` that is not taken may have infinite derivatives but has no effect. A
    number that does not vary, such as √(x − x)², may have an infinite effect but has no derivative.
    """

    def codegen(context, builder, signature, args):
        function = context.typing_context.resolve_value_type(operator.mul)
        chosen = function.get_call_type(context.typing_context, signature.args, {})
        value = context.get_function(function, chosen)(builder, args)
        none = builder.or_(*(vanishes(builder, arg) for arg in args))
        return builder.select(none, context.get_constant_null(adjoint), value)

    return adjoint(adjoint, partial), codegen


NONE, FINITE, WILD = range(3)  # natures of an adjoint: 0 throughout, finite, or neither


@intrinsic
def nature(typingctx, adjoint):
    """Return NONE, FINITE or WILD for an adjoint; only WILD ones need `product`."""

    def codegen(context, builder, signature, args):
        constant = lambda value: ir.Constant(WORD, value)
        kind = builder.select(is_finite(builder, args[0]), constant(FINITE), constant(WILD))
        return builder.select(vanishes(builder, args[0]), constant(NONE), kind)

    return types.int64(adjoint), codegen


def is_finite(builder, value):
    """Return an i1 that is true if a float, vector or aggregate of these is finite throughout."""
    return vanishes(builder, value, lambda part: builder.fsub(part, part))


def vanishes(builder, value, measure=lambda part: part):
    """Return an i1 that is true if a float, vector or aggregate of these is 0 throughout.

    `measure` is applied to each part first.
    """
    kind = value.type
    if isinstance(kind, (ir.ArrayType, ir.LiteralStructType)):
        count = len(kind.elements) if isinstance(kind, ir.LiteralStructType) else kind.count
        items = [vanishes(builder, builder.extract_value(value, k), measure) for k in range(count)]
        return functools.reduce(builder.and_, items)
    zero = builder.fcmp_ordered("==", measure(value), ir.Constant(kind, None))
    if isinstance(kind, ir.VectorType):
        bits = ir.IntType(kind.count)
        return builder.icmp_unsigned("==", builder.bitcast(zero, bits), ir.Constant(bits, -1))
    return zero


@intrinsic
def words(typingctx, like):
    """Return the number of words of memory that a number of the type of `like` takes."""

    def codegen(context, builder, signature, args):
        return ir.Constant(WORD, width(context, like))

    return types.int64(like), codegen


def width(context, kind):
    """Return the number of words of memory that a number of a Numba type takes."""
    return context.get_abi_sizeof(context.get_data_type(kind)) // 8


@shared
def new_tape(size, limit):
    """Make a tape that begins with `size` words of adjoints, all zero.

    Parameters
    ----------
    size : int
    limit : int
        Words to which the tape may grow.

    Returns
    -------
    int
        The address of the header; `end_tape` frees the tape.
    """
    capacity = max(LEAST, 64 * size)
    tape, block = reallocate(0, 40), reallocate(0, 8 * capacity)
    if tape == 0 or block == 0:
        release(tape)
        release(block)
        raise MemoryError("no memory for the tape of reverse mode")
    poke(tape + 8 * END, size)
    poke(tape + 8 * CAPACITY, capacity)
    poke(tape + 8 * BLOCK, block)
    poke(tape + 8 * LIMIT, limit)
    poke(tape + 8 * EXCEEDED, 0)
    for k in range(size):
        put(block, k, 0.0)
    return tape


@shared
def end_tape(tape):
    """Free a tape."""
    release(peek(tape + 8 * BLOCK, 0))
    release(tape)


@shared
def grow(tape, needed):
    """Make room for `needed` more words.

    Beyond the limit the tape is marked as exceeded and records start again at place 0.
    """
    end = peek(tape + 8 * END, 0)
    capacity = min(2 * (end + needed), peek(tape + 8 * LIMIT, 0))
    block = peek(tape + 8 * BLOCK, 0)
    moved = reallocate(block, 8 * capacity) if end + needed <= capacity else 0
    if moved == 0:
        poke(tape + 8 * EXCEEDED, 1)
        poke(tape + 8 * END, 0)
        return
    poke(tape + 8 * CAPACITY, capacity)
    poke(tape + 8 * BLOCK, moved)


@shared
def room(tape, size):
    """Make sure that `size` words can be written at the end of a tape.

    Returns
    -------
    int
        The place of the first word. It is 0 if there is no room or no tape; nothing must be written
        then.
    """
    if tape == 0:
        return 0
    if peek(tape + 8 * END, 0) + size > peek(tape + 8 * CAPACITY, 0):
        grow(tape, size)
    return 0 if peek(tape + 8 * EXCEEDED, 0) else peek(tape + 8 * END, 0)


@fragment
def reserve(tape, count, like):
    """Begin a record of `count` parents, to be filled by `poke`, with adjoints like `like`.

    Returns
    -------
    (int, int, int)
        Its place, the address of its first partial derivative (the others follow upwards), and the
        address of its first parent (the others follow downwards).
    """
    size = words(like) * (count + 1) + (count + 2) // 2
    place = room(tape, size)
    if place == 0:
        return 0, 0, 0
    block = peek(tape + 8 * BLOCK, 0)
    end = place + size
    poke(tape + 8 * END, end)
    poke(block + 8 * place, null(like))
    poke(block + 8 * end - 4, np.uint32(count))
    return place, block + 8 * (place + words(like)), block + 8 * end - 8


@fragment
def reserve_range(tape, first, count, weights, like):
    """Begin a record of `count` parents at consecutive places from `first` on.

    It has `weights` partial derivatives, `count` or 1.

    Returns
    -------
    (int, int)
        Its place, and the address of its first partial derivative; 0, 0 if nothing must be written.
    """
    size = words(like) * (weights + 1) + 2
    place = room(tape, size)
    if place == 0:
        return 0, 0
    block = peek(tape + 8 * BLOCK, 0)
    end = place + size
    poke(tape + 8 * END, end)
    poke(block + 8 * place, null(like))
    poke(block + 8 * end - 16, count)
    poke(block + 8 * end - 8, np.uint32(first))
    poke(block + 8 * end - 4, np.uint32(RANGE if weights == count else EQUAL))
    return place, block + 8 * (place + words(like))
