"""Kinks: one rule for |u|, max(u, v) and their relatives where u = 0 or u = v.

A function with kinks may be smooth where they meet: log(1 + exp(−|z|)) + max(z, 0) = log(1 +
exp(z)). So the value chosen as the derivative at a kink must be right for such sums.

First derivatives take the middle of the two slopes: 0 of |u| at 0, half each of max(u, u). That is
the derivative (f′(x; d) − f′(x; −d))/2, which is linear in f, so sums in which kinks cancel have
the right one, in whichever form they are written: max(−z, 0), (|z| − z)/2, −min(z, 0).

Second derivatives contain squares of slopes, φ(|z|)″ = φ″ s² with s = ±1, so the middle slope is
wrong for them. They are forward mode through reverse mode, and each number carries its derivatives
in some directions: at a kink it takes the side to which the first nonzero one points (a
lexicographic derivative). The same side is taken throughout. So a smooth function has its true
second derivatives, and any other has those of one side. If all of these derivatives are 0, the kink
is not left in these directions, and the middle is taken.

Source: Nesterov, Lexicographic differentiation of nonsmooth functions, Math. Program. B 104 (2005);
Khan & Barton, A vector forward mode of automatic differentiation for generalized derivative
evaluation, Optim. Methods Softw. 30 (2015).
"""


import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic, overload

from quasinewton._autodiff.active_types import DOUBLE, F64, INDEX, Dual, Term, is_active
from quasinewton._numba_ext.user_code import RULE


def larger(a, b):
    """Python's max of two numbers, as a function that can be differentiated in compiled code."""
    raise NotImplementedError


def smaller(a, b):
    """Python's min of two numbers, as a function that can be differentiated in compiled code."""
    raise NotImplementedError


@overload(larger, strict=False, jit_options=RULE)
def _larger(a, b):
    return lambda a, b: max(a, b)


@overload(smaller, strict=False, jit_options=RULE)
def _smaller(a, b):
    return lambda a, b: min(a, b)


def lanes_of(term):
    """Return the derivatives that decide the side of a kink, as llvmlite values; perhaps none."""
    while is_active(term.kind) and not isinstance(term.kind, Dual):
        term = term.primal
    whole = term if isinstance(term.kind, Dual) else term.whole
    if not (isinstance(whole.kind, Dual) and whole.kind.sided):
        return []
    lanes = []
    for vector in cgutils.unpack_tuple(term.builder, whole.members.lanes):
        if vector.type == DOUBLE:
            lanes.append(vector)
        else:
            lanes += [term.builder.extract_element(vector, INDEX(k)) for k in range(vector.type.count)]
    return lanes


def direction(u, v, tie):
    """Return the sign of the first nonzero derivative of u − v where the i1 `tie` holds; 0 if none.

    Parameters
    ----------
    u : Term
    v : Term or None
        None for a v of 0.
    tie : llvmlite value

    Returns
    -------
    Term
    """
    builder, zero = u.builder, ir.Constant(DOUBLE, 0.0)
    before, after = lanes_of(u), [] if v is None else lanes_of(v)
    count = max(len(before), len(after))
    if count == 0:
        return u.constant(0.0)
    entry = builder.basic_block
    with builder.if_then(tie, likely=False):
        sign = zero
        for k in reversed(range(count)):
            a, b = before[k] if before else zero, after[k] if after else zero
            sign = builder.select(builder.fcmp_ordered(">", a, b), ir.Constant(DOUBLE, 1.0), sign)
            sign = builder.select(builder.fcmp_ordered("<", a, b), ir.Constant(DOUBLE, -1.0), sign)
        chosen = builder.basic_block
    result = builder.phi(DOUBLE)
    result.add_incoming(zero, entry)
    result.add_incoming(sign, chosen)
    return u.of(F64, result)


def compared(comparison, u, v):
    """Return an i1: the result of comparing the values of two numbers, false for NaN."""
    return u.builder.fcmp_ordered(comparison, u.plain.cast(F64).value, v.plain.cast(F64).value)


def side(u):
    """Return the slope of |u|: the sign of u; at 0, the side to which u goes, or 0 if none."""
    plain = u.plain.cast(F64)
    tie = compared("==", u, u.constant(0.0))
    return direction(u, None, tie).where(tie, u.of(F64, sign_of(plain)))


def sign_of(plain):
    """Return the sign of a plain float, −1, 0, 1 or NaN, as an llvmlite value."""
    context = plain.context
    kind = context.typing_context.resolve_value_type(np.sign)
    chosen = kind.get_call_type(context.typing_context, (F64,), {})
    return context.get_function(kind, chosen)(plain.builder, [plain.value])


def share_of_first(order):
    """Make the partial derivative by u of max(u, v) (order 1) or min(u, v) (order −1).

    It is 1 or 0; where u and v tie, one half, or 1 or 0 by the side to which u − v goes.
    """

    def share(y, u, v):
        tie = compared("==", u, v)
        half = 0.5 + (0.5 * order) * direction(u, v, tie)
        return half.where(tie, u.of(F64, u.builder.uitofp(compared("==", y, u), DOUBLE)))

    return share


def extreme(order):
    """Return the partial derivatives of max(u, v) (order 1) or min(u, v) (order −1)."""
    first = share_of_first(order)
    return first, lambda y, u, v: 1.0 - first(y, u, v)


MAXIMUM, MINIMUM = extreme(1.0), extreme(-1.0)


@intrinsic
def sign_at_kinks(typingctx, u):
    """Return the slope of |u| as by `side`, in compiled code."""

    def codegen(context, builder, signature, args):
        return side(Term(context, builder, u, args[0])).value

    return F64(u), codegen


@intrinsic
def ahead(typingctx, u, v):
    """1.0 where u > v, −1.0 where u < v; where they tie, the direction of u − v, or 0.0 if none."""

    def codegen(context, builder, signature, args):
        a, b = (Term(context, builder, kind, value) for kind, value in zip((u, v), args, strict=True))
        constant = lambda value: ir.Constant(DOUBLE, value)
        less = builder.select(compared("<", a, b), constant(-1.0), constant(0.0))
        sign = builder.select(compared(">", a, b), constant(1.0), less)
        tie = compared("==", a, b)
        return direction(a, b, tie).where(tie, a.of(F64, sign)).value

    return F64(u, v), codegen
