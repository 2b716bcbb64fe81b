"""The stack of the backward sweep: values that loops overwrite are pushed, and popped in reverse.

Values of any type lie one after another in one block of memory, each padded to whole words of 8
bytes. An array is pushed by reference, and its reference count is incremented. The header is in the
frame of the caller: the address of the block, the address of its end, the largest size in bytes of
the block and of the arrays that are pushed from now on, and the place of the last reference.
References are a list: each is followed by the place of the one before, from the start of the block,
so that all can be given up if the function raises. The top of the stack is a variable of the
function that pushes.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from quasinewton._autodiff.tape import peek, poke, reallocate
from quasinewton._numba_ext.addresses import linked
from quasinewton._numba_ext.jit import shared

WORD = ir.IntType(64)
BLOCK, END, LIMIT, REFERENCES = range(4)
WORDS = 4
LEAST = 1 << 12  # bytes; the smallest new block
EXCEEDING = "the stack of reverse mode needs more than 4 GB; use jac='forward', jac='3-point' or a gradient of your own"


@shared
def grow(stack, top, needed):
    """Make room for `needed` more bytes; return the top in the block, which may have moved.

    Parameters
    ----------
    stack : int
        Address of the header.
    top : int
        Address of the top; 0 if nothing was ever pushed.
    needed : int
        Bytes.

    Returns
    -------
    int
        Address of the top in the new block.

    Raises
    ------
    MemoryError
        Beyond the limit, or if there is no memory; the stack is then unchanged.
    """
    block = peek(stack + 8 * BLOCK, 0)
    used = top - block if block != 0 else 0
    limit = peek(stack + 8 * LIMIT, 0)
    if used + needed > limit:
        raise MemoryError(EXCEEDING)
    size = min(max(2 * (used + needed), LEAST), limit)
    moved = reallocate(block, size)
    if moved == 0:
        raise MemoryError("no memory for the stack of reverse mode")
    poke(stack + 8 * BLOCK, moved)
    poke(stack + 8 * END, moved + size)
    return moved + used


@shared
def charge(stack, size):
    """Lower the limit of a stack by the bytes of an array that is pushed by reference.

    Parameters
    ----------
    stack : int
        Address of the header.
    size : int
        Bytes.

    Raises
    ------
    MemoryError
        If the limit is exceeded.
    """
    left = peek(stack + 8 * LIMIT, 0) - size
    if left < 0:
        raise MemoryError(EXCEEDING)
    poke(stack + 8 * LIMIT, left)
    return left


def charge_arrays(context, builder, stack, kinds, values):
    """Emit a call of `charge` for the arrays among values; an exception is passed on."""
    for kind, value in zip(kinds, values, strict=True):
        if isinstance(kind, types.Array):
            array = context.make_array(kind)(context, builder, value)
            size = builder.mul(array.nitems, array.itemsize)
            signature = types.int64(types.int64, types.int64)
            function = linked(context, builder, charge, signature)
            invoke = context.call_conv.call_function
            status, _ = invoke(builder, function, types.int64, signature.args, [stack, size])
            with builder.if_then(status.is_error, likely=False):
                context.call_conv.return_status_propagate(builder, status)


def width(context, kind):
    """Return the bytes that a value takes on the stack, a multiple of 8."""
    return -(-context.get_abi_sizeof(context.get_data_type(kind)) // 8) * 8


def references(kind):
    """Return the number of references that a value of a type holds."""
    if isinstance(kind, types.BaseTuple):
        return sum(map(references, kind))
    return int(isinstance(kind, types.Array))


def entry(context, kind):
    """Return the bytes that a value and the list of its references take on the stack."""
    return width(context, kind) + 16 * references(kind)


def word_at(builder, address, number=0):
    """Return a pointer to a word of memory, counted from an address."""
    return builder.gep(builder.inttoptr(address, WORD.as_pointer()), [WORD(number)])


def list_references(context, builder, kind, value, stack, address):
    """Increment the references of a value, and list them from an address on."""
    for k, (_, reference) in enumerate(context.nrt.get_meminfos(builder, kind, value)):
        at = builder.add(address, WORD(16 * k))
        builder.store(builder.ptrtoint(reference, WORD), word_at(builder, at))
        builder.store(builder.load(word_at(builder, stack, REFERENCES)), word_at(builder, at, 1))
        place = builder.sub(at, builder.load(word_at(builder, stack, BLOCK)))
        builder.store(place, word_at(builder, stack, REFERENCES))
    context.nrt.incref(builder, kind, value)


def release(context, builder, stack):
    """Emit the release of all references on a stack whose function has raised."""
    block = builder.load(word_at(builder, stack, BLOCK))
    last = cgutils.alloca_once_value(builder, builder.load(word_at(builder, stack, REFERENCES)))
    test, body, after = (builder.append_basic_block(name) for name in ("references", "reference", "released"))
    builder.branch(test)
    builder.position_at_end(test)
    builder.cbranch(builder.icmp_unsigned("!=", builder.load(last), WORD(0)), body, after)
    builder.position_at_end(body)
    at = builder.add(block, builder.load(last))
    reference = builder.inttoptr(builder.load(word_at(builder, at)), cgutils.voidptr_t)
    decrement = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t]), "NRT_decref"
    )
    builder.call(decrement, [reference])
    builder.store(builder.load(word_at(builder, at, 1)), last)
    builder.branch(test)
    builder.position_at_end(after)


@intrinsic
def forget(typingctx, stack):
    """Empty the list of references, since the backward sweep takes them back one by one."""

    def codegen(context, builder, signature, args):
        builder.store(WORD(0), word_at(builder, args[0], REFERENCES))
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic
def push(typingctx, stack, top, values):
    """Push the items of a tuple; return the new top."""

    def codegen(context, builder, signature, args):
        kinds = list(signature.args[2])
        total = ir.Constant(WORD, sum(entry(context, kind) for kind in kinds))
        charge_arrays(context, builder, args[0], kinds, cgutils.unpack_tuple(builder, args[2]))
        header = builder.inttoptr(args[0], WORD.as_pointer())
        end = builder.load(builder.gep(header, [ir.Constant(WORD, END)]))
        before = builder.basic_block
        needed = builder.add(args[1], total)
        with builder.if_then(builder.icmp_unsigned(">", needed, end), likely=False):
            kind = types.int64(types.int64, types.int64, types.int64)
            function = linked(context, builder, grow, kind)
            given = [args[0], args[1], total]
            status, moved = context.call_conv.call_function(builder, function, types.int64, kind.args, given)
            with builder.if_then(status.is_error, likely=False):
                context.call_conv.return_status_propagate(builder, status)
            grown = builder.basic_block
        top = builder.phi(WORD)
        top.add_incoming(args[1], before)
        top.add_incoming(moved, grown)
        offset = 0
        for k, kind in enumerate(kinds):
            value = builder.extract_value(args[2], k)
            place = builder.inttoptr(builder.add(top, ir.Constant(WORD, offset)), cgutils.voidptr_t)
            target = builder.bitcast(place, context.get_data_type(kind).as_pointer())
            context.pack_value(builder, kind, value, target)
            after = builder.add(top, ir.Constant(WORD, offset + width(context, kind)))
            list_references(context, builder, kind, value, args[0], after)
            offset += entry(context, kind)
        return builder.add(top, total)

    return types.int64(types.int64, types.int64, values), codegen


@intrinsic
def below(typingctx, top, like):
    """Return the top of the stack below values of the types of a tuple."""

    def codegen(context, builder, signature, args):
        total = sum(entry(context, kind) for kind in signature.args[1])
        return builder.sub(args[0], ir.Constant(WORD, total))

    return types.int64(types.int64, like), codegen


@intrinsic
def popped(typingctx, top, like):
    """Return the tuple of values above a top, of the types of `like`.

    The references to arrays pass to the tuple.
    """

    def codegen(context, builder, signature, args):
        offset, values = 0, []
        for kind in signature.args[1]:
            place = builder.inttoptr(builder.add(args[0], ir.Constant(WORD, offset)), cgutils.voidptr_t)
            source = builder.bitcast(place, context.get_data_type(kind).as_pointer())
            values.append(context.unpack_value(builder, kind, source))
            offset += entry(context, kind)
        return context.make_tuple(builder, like, values)

    return like(types.int64, like), codegen


@intrinsic
def room(typingctx, stack, top, needed):
    """Make sure that `needed` bytes can be written from the top on; return the top.

    The block may move, and the top with it.
    """

    def codegen(context, builder, signature, args):
        header = builder.inttoptr(args[0], WORD.as_pointer())
        end = builder.load(builder.gep(header, [ir.Constant(WORD, END)]))
        before = builder.basic_block
        with builder.if_then(builder.icmp_unsigned(">", builder.add(args[1], args[2]), end), likely=False):
            function = linked(context, builder, grow, signature)
            status, moved = context.call_conv.call_function(builder, function, types.int64, signature.args, args)
            with builder.if_then(status.is_error, likely=False):
                context.call_conv.return_status_propagate(builder, status)
            grown = builder.basic_block
        top = builder.phi(WORD)
        top.add_incoming(args[1], before)
        top.add_incoming(moved, grown)
        return top

    return types.int64(types.int64, types.int64, types.int64), codegen


# ---- what stores overwrite


@intrinsic
def item_bytes(typingctx, a):
    """Return the bytes that an item of an array takes on the stack."""

    def codegen(context, builder, signature, args):
        return WORD(width(context, signature.args[0].dtype))

    return types.int64(a), codegen


@shared
def keep_vector(stack, top, a):
    """Push the items of a vector; return the new top."""
    top = room(stack, top, item_bytes(a) * a.shape[0])
    for i in range(a.shape[0]):
        poke(top, a[i])
        top += item_bytes(a)
    return top


@shared
def keep_matrix(stack, top, a):
    """Push the items of a matrix; return the new top."""
    top = room(stack, top, item_bytes(a) * a.shape[0] * a.shape[1])
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            poke(top, a[i, j])
            top += item_bytes(a)
    return top


@shared
def keep_cube(stack, top, a):
    """Push the items of an array of three axes; return the new top."""
    for i in range(a.shape[0]):
        top = keep_matrix(stack, top, a[i])
    return top


@shared
def restore_vector(top, a):
    """Pop the items of a vector into their places; return the new top."""
    top -= item_bytes(a) * a.shape[0]
    at = top
    for i in range(a.shape[0]):
        a[i] = peek(at, a[i])
        at += item_bytes(a)
    return top


@shared
def restore_matrix(top, a):
    """Pop the items of a matrix into their places; return the new top."""
    top -= item_bytes(a) * a.shape[0] * a.shape[1]
    at = top
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            a[i, j] = peek(at, a[i, j])
            at += item_bytes(a)
    return top


@shared
def restore_cube(top, a):
    """Pop the items of an array of three axes into their places; return the new top."""
    for i in range(a.shape[0] - 1, -1, -1):
        top = restore_matrix(top, a[i])
    return top


KEPT = {1: keep_vector, 2: keep_matrix, 3: keep_cube}
RESTORED = {1: restore_vector, 2: restore_matrix, 3: restore_cube}
