"""Array statements in reverse mode: one record for all numbers of an array expression.

Numba fuses an array expression into one loop. Here that loop writes places and partial derivatives
to columns of the tape. Memory is reserved once, and the backward sweep adds whole columns, as
vector code where the places of the parents are consecutive.
"""

from llvmlite import ir
from numba.core import cgutils, types
from numba.core import ir as numba_ir
from numba.core.imputils import impl_ret_new_ref
from numba.core.registry import cpu_target
from numba.np import npyimpl

from quasinewton._autodiff.active_types import LONGEST, Term, Var, is_active_array
from quasinewton._autodiff.active_values import tape_of
from quasinewton._autodiff.members import Members
from quasinewton._autodiff.tape import ARRAY, BLOCK, END, HALF, WORD, room, width
from quasinewton._autodiff.tape_records import merged

STATEMENT = "quasinewton_arrayexpr"  # operation that replaces Numba's "arrayexpr" in code compiled for Vars


def actives(expression, typemap):
    """Return the number of occurrences of active arrays in an array expression."""
    return sum(is_active_array(typemap[v.name]) for v in expression.list_vars())


def is_statement(expression, typemap):
    """Return True if an expression is an array statement of reverse mode that is one record.

    It must have at most `LONGEST` active operands, so that no part of it is recorded by itself.
    """
    if not (isinstance(expression, numba_ir.Expr) and expression.op == "arrayexpr"):
        return False
    return isinstance(expression.ty.dtype, Var) and actives(expression, typemap) <= LONGEST


def integer(value):
    return ir.Constant(WORD, value)


def called(context, builder, function, kinds, values):
    """Emit the call of a function as compiled code would; return the type and value of the result.
    """
    typing = context.typing_context
    kind = typing.resolve_value_type(function)
    chosen = kind.get_call_type(typing, kinds, {})
    values = [context.cast(builder, v, k, c) for v, k, c in zip(values, kinds, chosen.args, strict=True)]
    return chosen.return_type, context.get_function(kind, chosen)(builder, values)


def evaluated(context, builder, expression, items):
    """Emit the scalar function of an array expression.

    Parameters
    ----------
    context, builder
        Target context and IR builder of Numba's lowering.
    expression : tuple, ir.Var or ir.Const
        An expression as Numba's rewriting leaves it: (function, operands).
    items : dict
        Name of a variable: (type, llvmlite value) of its current item.

    Returns
    -------
    (numba type, llvmlite value)
    """
    if isinstance(expression, numba_ir.Var):
        return items[expression.name]
    if isinstance(expression, numba_ir.Const):
        kind = context.typing_context.resolve_value_type_prefer_literal(expression.value)
        return kind, context.get_constant_generic(builder, kind, expression.value)
    function, operands = expression
    kinds, values = zip(*(evaluated(context, builder, operand, items) for operand in operands), strict=True)
    return called(context, builder, function, kinds, values)


def lower(lowerer, expression):
    """Emit the loop of an array statement, and its record."""
    context, builder = lowerer.context, lowerer.builder
    names = sorted({v.name for v in expression.list_vars()})
    kinds, values = [lowerer.typeof(name) for name in names], [lowerer.loadvar(name) for name in names]
    result = expression.ty if isinstance(expression.ty, types.Array) else expression.ty(*kinds).return_type
    inputs = [npyimpl._prepare_argument(context, builder, v, kind) for v, kind in zip(values, kinds, strict=True)]
    output = npyimpl._build_array(context, builder, result, kinds, inputs)

    base = result.dtype.base
    size, half = integer(width(context, base)), integer(1)
    m = integer(1)
    for extent in output.shape:
        m = builder.mul(m, extent)
    adjoints = builder.mul(m, size)  # words of all adjoints of the record
    column = builder.add(adjoints, builder.lshr(builder.add(m, integer(1)), half))
    tape = integer(0)
    for kind, value in zip(kinds, values, strict=True):
        if is_active_array(kind):
            tape = builder.or_(tape, called(context, builder, tape_of, (kind,), (value,))[1])
    most = builder.mul(column, integer(actives(expression, lowerer.fndesc.typemap)))
    needed = builder.add(builder.add(adjoints, most), integer(2))
    place = called(context, builder, room, (types.int64, types.int64), (tape, needed))[1]
    recorded = builder.icmp_signed("!=", place, integer(0))
    tape = builder.select(recorded, tape, integer(0))
    header = builder.inttoptr(tape, WORD.as_pointer())
    record = cgutils.alloca_once_value(builder, builder.inttoptr(tape, WORD.as_pointer()))
    with builder.if_then(recorded):
        block = builder.inttoptr(builder.load(builder.gep(header, [integer(BLOCK)])), WORD.as_pointer())
        begin = builder.gep(block, [place])
        cgutils.memset(builder, begin, builder.mul(adjoints, integer(8)), 0)
        builder.store(begin, record)
    begin, apart = builder.load(record), builder.select(recorded, size, integer(0))
    target = context.get_data_type(base).as_pointer()
    done, columns = cgutils.alloca_once_value(builder, integer(0)), cgutils.alloca_once_value(builder, integer(0))

    layouts = [each.layout for each in inputs if isinstance(each, npyimpl._ArrayHelper)]
    order = "F" if layouts.count("F") > layouts.count("C") else "C"  # Numba's choice of loop order
    with cgutils.loop_nest(builder, output.shape, intp=WORD, order=order) as position:
        items = {}
        for name, kind, each in zip(names, kinds, inputs, strict=True):
            items[name] = getattr(kind, "dtype", kind), each.load_data(indices(builder, each, position))
        with npyimpl.force_error_model(context, "numpy"):
            kind, value = evaluated(context, builder, expression.expr, items)
        i = builder.load(done)
        builder.store(builder.add(i, integer(1)), done)
        members, number = Members(context, builder, kind, value), Members(context, builder, result.dtype)
        number.value, number.tape = members.value, tape
        number.place = builder.add(place, builder.mul(i, apart))
        output.store_data(position, number._getvalue())
        with builder.if_then(recorded, likely=True):
            places, partials = (cgutils.unpack_tuple(builder, t) for t in (members.places, members.partials))
            partials, kept, before, count = merged(builder, places, partials, adder(context, builder, base))
            builder.store(count, columns)
            for keep, number, parent, partial in zip(kept, before, places, partials, strict=True):
                with builder.if_then(keep):
                    at = builder.gep(begin, [builder.add(adjoints, builder.mul(number, column))])
                    mine = builder.gep(builder.bitcast(at, target), [i])
                    context.pack_value(builder, base, partial, mine)
                    halves = builder.bitcast(builder.gep(at, [adjoints]), HALF.as_pointer())
                    builder.store(builder.trunc(parent, HALF), builder.gep(halves, [i]))

    with builder.if_then(recorded):
        count = builder.load(columns)
        length = builder.add(builder.add(adjoints, builder.mul(count, column)), integer(2))
        builder.store(builder.add(place, length), builder.gep(header, [integer(END)]))
        end = builder.gep(begin, [length])
        builder.store(m, builder.gep(end, [integer(-2)]))
        kind = builder.trunc(builder.add(count, integer(ARRAY)), HALF)
        builder.store(kind, builder.gep(builder.bitcast(end, HALF.as_pointer()), [integer(-1)]))
    return impl_ret_new_ref(context, builder, result, output.return_val)


def indices(builder, argument, position):
    """Return the indices of an argument at a position of the loop: 0 along an axis of extent 1.

    Such an axis is broadcast.
    """
    extents = getattr(argument, "shape", ())
    own = zip(position[len(position) - len(extents) :], extents, strict=True)
    return [builder.select(builder.icmp_signed("==", extent, integer(1)), integer(0), index) for index, extent in own]


def adder(context, builder, base):
    """Make the function that adds two partial derivatives."""
    term = lambda value: Term(context, builder, base, value)
    return lambda x, y: (term(x) + term(y)).value


cpu_target.target_context.special_ops[STATEMENT] = lower
