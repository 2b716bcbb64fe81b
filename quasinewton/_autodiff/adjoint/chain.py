"""The chain rule backwards, as intrinsics: adjoint times partial derivative."""

import functools

from numba.core import types
from numba.extending import intrinsic

from quasinewton._autodiff.active_types import F64, Term, leaf_of
from quasinewton._autodiff.elementary_rules import PARTIALS, POWERS, careful, real


def result_type(kinds):
    """Return the type of a result of numbers of these types: the active one among them, or float64.
    """
    return next(filter(None, map(leaf_of, kinds)), F64)


def ordinary(g, d):
    """The product of two terms."""
    return g * d


def guarded(g, d):
    """The product of two terms, with 0 ∞ = 0, by a branch that is hardly ever taken.

    It costs less than the choice that `careful` computes every time, but loops with it are not made
    vector code.
    """
    product = g * d
    if product.kind != F64:
        return careful(g, d)
    builder, value = g.builder, product.value
    before = builder.block
    with builder.if_then(builder.fcmp_unordered("uno", value, value), likely=False):
        none = careful(g, d).value
        undefined = builder.block
    chosen = builder.phi(value.type)
    chosen.add_incoming(value, before)
    chosen.add_incoming(none, undefined)
    return product.of(F64, chosen)


def emitted(context, builder, function, k, product, kinds, values):
    """Emit adjoint times partial derivative by operand k.

    The values are those of the adjoint, the result y and the operands.
    """
    g, y, *operands = [Term(context, builder, kind, value) for kind, value in zip(kinds, values, strict=True)]
    y = real(y)
    operands = operands if function in POWERS else [real(term) for term in operands]
    d = real(PARTIALS[function][k](y, *operands))
    kind = result_type(kinds)
    return product(real(g), d).cast(kind).value


@functools.cache
def chain(function, k, arity, product=careful):
    """Make the intrinsic (adjoint, y, u) or (adjoint, y, u, v) -> adjoint times ∂y/∂operand k.

    Parameters
    ----------
    function : callable
        A key of `elementary_rules.PARTIALS`.
    k : int
    arity : {1, 2}
    product : callable
        `ordinary`, or one with 0 ∞ = 0: `careful`, for loops that may become vector code, or
        `guarded`.

    Returns
    -------
    intrinsic
    """
    if arity == 1:

        @intrinsic
        def one(typingctx, g, y, u):
            codegen = lambda c, b, signature, args: emitted(c, b, function, k, product, signature.args, args)
            return result_type((g, y, u))(g, y, u), codegen

        return one

    @intrinsic(prefer_literal=True)
    def two(typingctx, g, y, u, v):
        codegen = lambda c, b, signature, args: emitted(c, b, function, k, product, signature.args, args)
        return result_type((g, y, u, v))(g, y, u, v), codegen

    return two


@intrinsic
def choose(typingctx, condition, a, b):
    """Return a if the condition holds, else b; both are computed."""
    kind = typingctx.unify_types(a, b)
    if kind is None or not isinstance(condition, types.Boolean):
        return None

    def codegen(context, builder, signature, args):
        u, v = (context.cast(builder, x, t, kind) for x, t in zip(args[1:], signature.args[1:], strict=True))
        return builder.select(args[0], u, v)

    return kind(condition, a, b), codegen


@intrinsic
def quotient(typingctx, a, b):
    """Return a / b by IEEE division, without an exception under any error model of the function."""
    kind = result_type((a, b))

    def codegen(context, builder, signature, args):
        u, v = (real(Term(context, builder, t, x)) for t, x in zip(signature.args, args, strict=True))
        if u.kind == v.kind == F64:
            return builder.fdiv(u.value, v.value)
        return (u / v).cast(kind).value

    return kind(a, b), codegen


@intrinsic
def total(typingctx, s, g):
    """Return s + g, as terms of a sum that may be reordered."""
    kind = result_type((s, g))

    def codegen(context, builder, signature, args):
        u, v = (real(Term(context, builder, t, x)) for t, x in zip(signature.args, args, strict=True))
        return (u + v).cast(kind).value

    return kind(s, g), codegen


@intrinsic
def number(typingctx, x):
    """Return a number as a float; an active number unchanged."""
    kind = result_type((x,))
    return kind(x), lambda context, builder, signature, args: context.cast(builder, args[0], x, kind)
