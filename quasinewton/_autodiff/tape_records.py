"""Code that writes the record of one number to the tape, with equal parents merged."""

from llvmlite import ir
from numba.core import cgutils, types

from quasinewton._autodiff.tape import BIT, BLOCK, CAPACITY, END, HALF, WORD, grow, width
from quasinewton._numba_ext.addresses import linked


def push(context, builder, base, places, partials, tape, add):
    """Emit the record of a number; return its place, or 0 if the tape is 0.

    Parameters
    ----------
    context, builder
        Target context and IR builder of Numba's lowering.
    base : numba type
        Type of `partials`.
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
        The partial derivatives, whether each is kept, how many are kept before it, and how many are
        kept in all.

    Notes
    -----
    Both parents of x[i] x[i] are x[i]. Such pairs are merged where LLVM proves the places equal. It
    does so after inlining, and nothing is left of the test at run time.
    """
    partials, kept = list(partials), [ir.Constant(BIT, 1)] * len(places)
    for k in range(1, len(places)):
        found = ir.Constant(BIT, 0)
        for j in range(k):
            # The order matters: with another one LLVM's code is a third slower.
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
    """Return an i1 that holds only where LLVM proves x = y during optimisation."""
    equal = builder.icmp_signed("==", x, y)
    prototype = ir.FunctionType(BIT, [BIT])
    return builder.and_(
        builder.call(cgutils.get_or_insert_function(builder.module, prototype, "llvm.is.constant.i1"), [equal]), equal
    )
