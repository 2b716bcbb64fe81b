"""The tape of the reverse mode: records of numbers, behind each other in one block of memory.

The record of a number with K parents, in words of 8 bytes: the adjoint, K partial derivatives, and
then, as 32-bit integers counted back from the end, K and the places of the parents. The place of a
number is where its adjoint is. Place 0 is that of constants, whose adjoint is nobody's; then come
the variables, adjoints only.

Two other records end with a word that holds a number m, and one that holds two 32-bit integers, of
which the last has the highest bit set:

- of m numbers made by one array statement (`ARRAY` + K): m adjoints, and K columns of m partial derivatives and the m
  places of the parents, padded to words;
- of one number with m parents, whose adjoints follow each other (`RANGE` or, with one partial derivative for all,
  `EQUAL`; beside it the place of the first parent): the adjoint, and the partial derivatives.

The header, 64-bit integers: the end of the last record, the capacity, the address of the block, the
largest capacity, and whether that was exceeded. Numbers carry the address of the header, so a tape
belongs to one gradient, and to one thread. A full block is reallocated; places stay.
"""

import functools
import operator

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from quasinewton.numba_ext.addresses import linked
from quasinewton.numba_ext.jit import fragment, shared

END, CAPACITY, BLOCK, LIMIT, EXCEEDED = range(5)
LEAST = 1 << 17  # words of a new block; pages that nobody writes to cost nothing
ARRAY, RANGE, EQUAL = 1 << 31, 3 << 30, (3 << 30) + 1
WORD, HALF, BIT = ir.IntType(64), ir.IntType(32), ir.IntType(1)
PLACE = np.uint32(0)


@intrinsic
def reallocate(typingctx, address, size):
    """realloc(3), with addresses as integers."""

    def codegen(context, builder, signature, args):
        prototype = ir.FunctionType(cgutils.voidptr_t, [cgutils.voidptr_t, WORD])
        function = cgutils.get_or_insert_function(builder.module, prototype, "realloc")
        block = builder.call(function, [builder.inttoptr(args[0], cgutils.voidptr_t), args[1]])
        return builder.ptrtoint(block, WORD)

    return types.int64(types.int64, types.int64), codegen


@intrinsic
def release(typingctx, address):
    """free(3)."""

    def codegen(context, builder, signature, args):
        prototype = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t])
        function = cgutils.get_or_insert_function(builder.module, prototype, "free")
        builder.call(function, [builder.inttoptr(args[0], cgutils.voidptr_t)])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic
def peek(typingctx, address, like):
    """The number at an address, of the type of `like`."""

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
    """Number i of those that follow each other from an address, of the type of `like`: as of an
    array, for LLVM.
    """

    def codegen(context, builder, signature, args):
        pointer = builder.inttoptr(args[0], context.get_data_type(like).as_pointer())
        return context.unpack_value(builder, like, builder.gep(pointer, [args[1]]))

    return like(types.int64, types.int64, like), codegen


@intrinsic
def put(typingctx, address, i, value):
    """Write number i of those."""

    def codegen(context, builder, signature, args):
        pointer = builder.inttoptr(args[0], context.get_data_type(value).as_pointer())
        context.pack_value(builder, value, args[2], builder.gep(pointer, [args[1]]))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, value), codegen


@intrinsic
def null(typingctx, like):
    """0 of the type of `like`."""
    return like(like), lambda context, builder, signature, args: context.get_constant_null(like)


@intrinsic
def product(typingctx, adjoint, partial):
    """Adjoint times partial derivative, where 0 ∞ = 0.

    The branch of a `np.where` that is not taken may have infinite derivatives, and no effect; a
    number that does not vary, such as √(x − x)², may have an infinite effect, and no derivative.
    """

    def codegen(context, builder, signature, args):
        function = context.typing_context.resolve_value_type(operator.mul)
        chosen = function.get_call_type(context.typing_context, signature.args, {})
        value = context.get_function(function, chosen)(builder, args)
        none = builder.or_(*(vanishes(builder, arg) for arg in args))
        return builder.select(none, context.get_constant_null(adjoint), value)

    return adjoint(adjoint, partial), codegen


NONE, FINITE, WILD = range(3)  # what an adjoint may be: 0 throughout, finite, or neither


@intrinsic
def nature(typingctx, adjoint):
    """Whether an adjoint is NONE, FINITE or WILD: only with the last does a product have to be
    `product`.
    """

    def codegen(context, builder, signature, args):
        constant = lambda value: ir.Constant(WORD, value)
        kind = builder.select(is_finite(builder, args[0]), constant(FINITE), constant(WILD))
        return builder.select(vanishes(builder, args[0]), constant(NONE), kind)

    return types.int64(adjoint), codegen


def is_finite(builder, value):
    """An i1: whether a float, vector, or aggregate of these is finite throughout."""
    return vanishes(builder, value, lambda part: builder.fsub(part, part))


def vanishes(builder, value, measure=lambda part: part):
    """An i1: whether a float, vector, or aggregate of these is 0 throughout."""
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
    """Words of memory that a number of the type of `like` takes."""

    def codegen(context, builder, signature, args):
        return ir.Constant(WORD, width(context, like))

    return types.int64(like), codegen


def width(context, kind):
    """The same for a Numba type."""
    return context.get_abi_sizeof(context.get_data_type(kind)) // 8


@shared
def new_tape(size, limit):
    """A tape that begins with `size` words of adjoints, zero.

    Parameters
    ----------
    size : int
    limit : int
        Words that the tape may grow to.

    Returns
    -------
    int
        The address of the header; `end_tape` ends the tape.
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
    """Make room for `needed` more words; beyond the limit begin again at 0, and remember that this
    tape is void.
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
    """Make sure that `size` words can be written from the end of a tape.

    Returns
    -------
    int
        The place of the first; 0 if there is no such room, or no tape, where nothing must be
        written.
    """
    if tape == 0:
        return 0
    if peek(tape + 8 * END, 0) + size > peek(tape + 8 * CAPACITY, 0):
        grow(tape, size)
    return 0 if peek(tape + 8 * EXCEEDED, 0) else peek(tape + 8 * END, 0)


@fragment
def reserve(tape, count, like):
    """Begin a record of `count` parents, to be filled by `poke`, with adjoints of the type of
    `like`.

    Returns
    -------
    (int, int, int)
        Its place, and the addresses of its first partial derivative (then upwards) and first parent
        (downwards).
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
    """Begin a record of `count` parents from the place `first` on, with `weights` partial
    derivatives: `count` or 1.

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


def push(context, builder, base, places, partials, tape, add):
    """Generate the record of a number; return its place, 0 where the tape is 0.

    Parameters
    ----------
    context, builder
        Of Numba's lowering.
    base : numba type
        Of `partials`.
    places, partials : list of llvmlite values
    tape : llvmlite value
        Address of the header.
    add : callable
        Adds two partials.

    Returns
    -------
    llvmlite value
    """
    constant = lambda value: ir.Constant(WORD, value)
    partials, kept, position, count = merged(builder, places, partials, add)
    size = width(context, base)
    total = builder.add(
        builder.mul(builder.add(count, constant(1)), constant(size)),
        builder.lshr(builder.add(count, constant(2)), constant(1)),
    )
    before = builder.basic_block
    with builder.if_then(builder.icmp_signed("!=", tape, constant(0)), likely=True):
        header = builder.inttoptr(tape, WORD.as_pointer())
        field = lambda index: builder.gep(header, [constant(index)])
        room = builder.sub(builder.load(field(CAPACITY)), builder.load(field(END)))
        with builder.if_then(builder.icmp_signed(">", total, room), likely=False):
            signature = types.void(types.int64, types.int64)
            function = linked(context, builder, grow, signature)
            context.call_conv.call_function(builder, function, types.void, signature.args, [tape, total])
        place = builder.load(field(END))
        block = builder.inttoptr(builder.load(field(BLOCK)), WORD.as_pointer())
        end = builder.add(place, total)
        builder.store(end, field(END))
        target = context.get_data_type(base).as_pointer()
        zero = context.get_constant_null(base)
        context.pack_value(builder, base, zero, builder.bitcast(builder.gep(block, [place]), target))
        halves = builder.bitcast(builder.gep(block, [end]), HALF.as_pointer())
        for keep, index, parent, partial in zip(kept, position, places, partials, strict=True):
            with builder.if_then(keep):
                offset = builder.add(place, builder.mul(builder.add(index, constant(1)), constant(size)))
                context.pack_value(builder, base, partial, builder.bitcast(builder.gep(block, [offset]), target))
                at = builder.gep(halves, [builder.sub(constant(-2), index)])
                builder.store(builder.trunc(parent, HALF), at)
        builder.store(builder.trunc(count, HALF), builder.gep(halves, [constant(-1)]))
        pushed = builder.basic_block
    result = builder.phi(WORD)
    result.add_incoming(constant(0), before)
    result.add_incoming(place, pushed)
    return result


def merged(builder, places, partials, add):
    """Merge the pairs (place, partial derivative) of equal places.

    Returns
    -------
    (list, list, list, llvmlite value)
        The partial derivatives, whether each is kept, how many are kept before it, and how many in
        all.

    Notes
    -----
    x[i] x[i] has x[i] for both its parents. Such pairs are merged where LLVM proves the places
    equal, which it does after inlining, with nothing left of the test at run time.
    """
    partials, kept = list(partials), [ir.Constant(BIT, 1)] * len(places)
    for k in range(1, len(places)):
        found = ir.Constant(BIT, 0)
        for j in range(k):
            # In this order: from another one LLVM makes code that is a third slower.
            same = builder.and_(proven_equal(builder, places[j], places[k]), kept[j])
            same = builder.and_(same, builder.not_(found))
            partials[j] = builder.select(same, add(partials[j], partials[k]), partials[j])
            found = builder.or_(found, same)
        kept[k] = builder.not_(found)
    position, count = [], ir.Constant(WORD, 0)
    for keep in kept:
        position.append(count)
        count = builder.add(count, builder.zext(keep, WORD))
    return partials, kept, position, count


def proven_equal(builder, x, y):
    """An i1 that holds only where LLVM proves x = y while it optimises."""
    equal = builder.icmp_signed("==", x, y)
    prototype = ir.FunctionType(BIT, [BIT])
    return builder.and_(
        builder.call(cgutils.get_or_insert_function(builder.module, prototype, "llvm.is.constant.i1"), [equal]), equal
    )
