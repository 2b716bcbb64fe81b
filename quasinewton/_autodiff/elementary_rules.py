"""The rules of differentiation: partial derivatives of elementary functions, for both modes.

The value is always computed by Numba's implementation of the function that the user called, so
that it has the same bits.
"""

import builtins
import math
import operator

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from quasinewton import special
from quasinewton._autodiff.active_types import (
    F64,
    LARGEST_POWER,
    Dual,
    Lin,
    Var,
    chain,
    faded,
    is_active,
    splat,
)
from quasinewton._autodiff.kinks import (
    MAXIMUM,
    MINIMUM,
    compared,
    larger,
    side,
    smaller,
)
from quasinewton._autodiff.tape import vanishes
from quasinewton.special.error_function_ratios import hazard, moment_ratio


def call(function, *terms):
    """Return a function of terms: Numba's if all are plain numbers, otherwise the rule."""
    if any(is_active(term.kind) for term in terms):
        return differentiate(function, terms)
    context, builder = terms[0].context, terms[0].builder
    typing = context.typing_context
    kind = typing.resolve_value_type(function)
    chosen = kind.get_call_type(typing, tuple(term.kind for term in terms), {})
    values = [term.cast(kind).value for term, kind in zip(terms, chosen.args, strict=True)]
    return terms[0].of(chosen.return_type, context.get_function(kind, chosen)(builder, values))


def differentiate(function, terms):
    """Return a function of terms, some of which have derivatives, by the chain rule."""
    primals = [term.primal for term in terms]
    y = call(function, *primals)
    y = y if is_active(y.kind) else y.cast(F64)
    operands = primals if function in POWERS else [real(term) for term in primals]
    pairs = []
    for k, (partial, term) in enumerate(zip(PARTIALS[function], terms, strict=True)):
        if is_active(term.kind):
            d = partial(y, *operands)
            if k == FADING.get(function):
                d, term = fading(d, term)
            pairs.append((d, term))
    exponent = terms[-1].kind
    finite = function not in STEEP or isinstance(exponent, types.IntegerLiteral) and exponent.literal_value >= 0
    return chain(y, pairs if finite else [steep(*pair) for pair in pairs])


def fading(d, x):
    """Return the pair (d, x) rearranged so that `chain` forms d dx with 0 where d is 0.

    See `active_types.faded`.
    """
    if isinstance(x.kind, Lin):
        partials = [careful(d, x.of(d.kind, partial)).value for partial in unpacked(x, "partials")]
        members = x.members
        members.partials = cgutils.pack_array(x.builder, partials)
        return d.constant(1.0), x.of(x.kind, members._getvalue())
    return d, faded(d, x) if isinstance(x.kind, Dual) else x


def unpacked(x, member):
    """Return the parts of a member of an active number, as llvmlite values."""
    return cgutils.unpack_tuple(x.builder, getattr(x.members, member))


def steep(d, x):
    """Return the pair (d, x) rearranged so that `chain` forms d dx with 0 ∞ = 0.

    A number that does not vary has no derivative, however steep the function is. So √u of a
    constant u = 0 has derivative 0, and so has √(u²) at u = 0, where 0 is the middle of the slopes;
    the argument that max(u, v) does not choose has none either, however steep it is.
    """
    if d.kind != F64 or isinstance(x.kind, Var):  # for numbers on the tape the backward sweep does this
        return d, x
    builder, members = x.builder, x.members
    if isinstance(x.kind, Dual):
        vectors = cgutils.unpack_tuple(builder, members.lanes)
        members.lanes = cgutils.pack_array(builder, [scaled(builder, d, vector) for vector in vectors])
    else:
        partials = [x.of(x.kind.base, partial) for partial in cgutils.unpack_tuple(builder, members.partials)]
        members.partials = cgutils.pack_array(builder, [careful(d, partial).value for partial in partials])
    return d.constant(1.0), x.of(x.kind, members._getvalue())


def scaled(builder, d, w):
    """d w for a number or vector w, with 0 where either is 0."""
    weight = d.value if w.type == d.value.type else splat(builder, d.value, w.type)
    zero = ir.Constant(w.type, None)
    varies = builder.and_(builder.fcmp_unordered("!=", w, zero), builder.fcmp_unordered("!=", weight, zero))
    return builder.select(varies, builder.fmul(weight, w), zero)


def careful(d, w):
    """d w for two terms, with 0 where either vanishes."""
    product = d * w
    none = d.builder.or_(vanishes(d.builder, d.value), vanishes(d.builder, w.value))
    return product.of(product.kind, d.builder.select(none, ir.Constant(product.value.type, None), product.value))


def real(term):
    """Return a term as a float; unchanged if it carries derivatives."""
    return term if is_active(term.kind) else term.cast(F64)


def nonzero(u):
    """Return an i1 that is true if u is not 0."""
    return call(operator.ne, u.plain, u.plain.constant(0.0)).value


def share(u, y):
    """u/y, or 0 if y = 0: the middle of the slopes of the norm at its kink."""
    quotient = u / y
    return quotient.where(nonzero(y), quotient.constant(0.0))


def power_base(y, u, v):
    """v u^(v−1), or 0 if v = 0, for any u."""
    if isinstance(v.kind, types.IntegerLiteral):
        n = v.kind.literal_value
        if 0 <= n <= LARGEST_POWER:
            return u.power(n - 1) * float(n) if n > 1 else u.constant(float(n))
        less = types.literal(n - 1)
        return call(operator.pow, u, v.of(less, v.context.get_constant_generic(v.builder, less, n - 1))) * float(n)
    if isinstance(v.kind, types.Integer):
        less = v.of(v.kind, v.builder.sub(v.value, v.value.type(1)))
    else:
        less = v = real(v)
        less = v - 1.0
    slope = call(operator.pow, u, less) * real(v)
    return slope.where(nonzero(v), slope.constant(0.0))


def power_exponent(y, u, v):
    """u^v log u, or 0 if u = 0."""
    u = real(u)
    slope = y * call(np.log, u)
    return slope.where(nonzero(u), slope.constant(0.0))


def ratio(u, v):
    """u/v, or 0 if both are 0: the derivative of u log v by v."""
    quotient, some = u / v, u.builder.or_(nonzero(u), nonzero(v))
    return quotient.where(some, quotient.constant(0.0))


def share_of_exponential(function):
    """Make the partial derivative by u of log(exp u + exp v), or by v with u and v exchanged.

    It is exp(u − y); where y is infinite, 1 if u alone is y, and one half if both operands are.
    """

    def share(y, u, v):
        slope = call(function, u - y)
        same = compared("==", u, v)
        limit = u.constant(0.5).where(same, u.constant(1.0).where(compared("==", u, y), u.constant(0.0)))
        infinite = call(np.isinf, y.plain).value
        return limit.cast(slope.kind).where(infinite, slope)

    return share, lambda y, u, v: share(y, v, u)


def of_order(function, below, above, scaling):
    """Return the partial derivatives of a scaled Bessel function, with the order fixed.

    They are combinations of the functions of order n ± 1 and the derivative of the scaling.
    """

    def partial(y, n, u):
        less, more = call(function, n - 1.0, u), call(function, n + 1.0, u)
        return below * less + above * more + scaling(u) * y

    return None, partial


one = lambda y, u, *v: u.constant(1.0)

UNARY = {
    np.negative: lambda y, u: u.constant(-1.0),
    np.positive: one,
    np.absolute: lambda y, u: side(u),
    np.square: lambda y, u: u + u,
    np.reciprocal: lambda y, u: -(y * y),
    np.sqrt: lambda y, u: y.constant(0.5).over(y),
    np.cbrt: lambda y, u: 1.0 / (3.0 * (y * y)),
    np.exp: lambda y, u: y,
    np.exp2: lambda y, u: math.log(2.0) * y,
    np.expm1: lambda y, u: call(np.exp, u),
    np.log: lambda y, u: 1.0 / u,
    np.log2: lambda y, u: (1.0 / math.log(2.0)) / u,
    np.log10: lambda y, u: (1.0 / math.log(10.0)) / u,
    np.log1p: lambda y, u: 1.0 / (1.0 + u),
    np.sin: lambda y, u: call(np.cos, u),
    np.cos: lambda y, u: -call(np.sin, u),
    np.tan: lambda y, u: 1.0 + y * y,
    np.arcsin: lambda y, u: 1.0 / call(np.sqrt, (1.0 - u) * (1.0 + u)),
    np.arccos: lambda y, u: -1.0 / call(np.sqrt, (1.0 - u) * (1.0 + u)),
    np.arctan: lambda y, u: 1.0 / (1.0 + u * u),
    np.sinh: lambda y, u: call(np.cosh, u),
    np.cosh: lambda y, u: call(np.sinh, u),
    np.tanh: lambda y, u: (1.0 - y) * (1.0 + y),
    np.arcsinh: lambda y, u: 1.0 / call(np.sqrt, 1.0 + u * u),
    np.arccosh: lambda y, u: 1.0 / call(np.sqrt, (u - 1.0) * (u + 1.0)),
    np.arctanh: lambda y, u: 1.0 / ((1.0 - u) * (1.0 + u)),
    np.deg2rad: lambda y, u: u.constant(math.pi / 180.0),
    np.rad2deg: lambda y, u: u.constant(180.0 / math.pi),
    math.erf: lambda y, u: (2.0 / math.sqrt(math.pi)) * call(np.exp, -(u * u)),
    math.erfc: lambda y, u: (-2.0 / math.sqrt(math.pi)) * call(np.exp, -(u * u)),
    math.gamma: lambda y, u: y * call(special.digamma, u),
    math.lgamma: lambda y, u: call(special.digamma, u),
    special.digamma: lambda y, u: call(special.polygamma, u.constant(1.0), u),
    special.erfcx: lambda y, u: -2.0 * (call(moment_ratio, u.constant(1.0), u) * y),
    special.ndtr: lambda y, u: (1.0 / math.sqrt(2.0 * math.pi)) * call(np.exp, -0.5 * (u * u)),
    special.log_ndtr: lambda y, u: call(hazard, u),
    hazard: lambda y, u: -math.sqrt(2.0) * careful(y, call(moment_ratio, u.constant(1.0), -math.sqrt(0.5) * u)),
    special.expit: lambda y, u: y * call(special.expit, -u),
    special.logit: lambda y, u: 1.0 / (u * (1.0 - u)),
    special.log_expit: lambda y, u: call(special.expit, -u),
}
BINARY = {
    operator.add: (one, one),
    operator.sub: (one, lambda y, u, v: v.constant(-1.0)),
    operator.mul: (lambda y, u, v: v, lambda y, u, v: u),
    operator.truediv: (lambda y, u, v: 1.0 / v, lambda y, u, v: (-y).over(v)),
    operator.pow: (power_base, power_exponent),
    operator.mod: (one, lambda y, u, v: -call(np.floor, (u / v).plain)),
    math.fmod: (one, lambda y, u, v: -call(np.trunc, (u / v).plain)),
    math.atan2: (lambda y, u, v: v / (u * u + v * v), lambda y, u, v: -u / (u * u + v * v)),
    math.hypot: (lambda y, u, v: share(u, y), lambda y, u, v: share(v, y)),
    math.copysign: (
        lambda y, u, v: call(math.copysign, u.constant(1.0), v.plain) * side(u),
        lambda y, u, v: v.constant(0.0),
    ),
    np.maximum: MAXIMUM,
    np.minimum: MINIMUM,
    special.polygamma: (None, lambda y, n, u: call(special.polygamma, n + 1.0, u)),
    moment_ratio: (None, lambda y, n, u: -2.0 * (y * (call(moment_ratio, n + 1.0, u) - y))),
    special.betaln: (
        lambda y, u, v: call(special.digamma, u) - call(special.digamma, u + v),
        lambda y, u, v: call(special.digamma, v) - call(special.digamma, u + v),
    ),
    special.xlogy: (lambda y, u, v: call(np.log, v), lambda y, u, v: ratio(u, v)),
    special.xlog1py: (lambda y, u, v: call(np.log1p, v), lambda y, u, v: ratio(u, 1.0 + v)),
    special.ive: of_order(special.ive, 0.5, 0.5, lambda u: -side(u)),
    special.kve: of_order(special.kve, -0.5, -0.5, lambda u: u.constant(1.0)),
    np.logaddexp: share_of_exponential(np.exp),
    np.logaddexp2: share_of_exponential(np.exp2),
}
SAME = {  # function: other names of it
    math.erf: (special.erf,),
    math.erfc: (special.erfc,),
    math.lgamma: (special.gammaln,),
    np.negative: (operator.neg,),
    np.positive: (operator.pos,),
    np.absolute: (builtins.abs, np.fabs, math.fabs),
    np.deg2rad: (np.radians, math.radians),
    np.rad2deg: (np.degrees, math.degrees),
    np.arcsin: (math.asin,),
    np.arccos: (math.acos,),
    np.arctan: (math.atan,),
    np.arcsinh: (math.asinh,),
    np.arccosh: (math.acosh,),
    np.arctanh: (math.atanh,),
    operator.add: (np.add,),
    operator.sub: (np.subtract,),
    operator.mul: (np.multiply,),
    operator.truediv: (np.divide,),
    operator.pow: (np.power, math.pow, np.float_power),
    operator.mod: (np.remainder,),
    math.fmod: (np.fmod,),
    math.atan2: (np.arctan2,),
    math.hypot: (np.hypot,),
    math.copysign: (np.copysign,),
    np.maximum: (np.fmax, larger),
    np.minimum: (np.fmin, smaller),
}
for name in "sqrt exp exp2 expm1 log log2 log10 log1p sin cos tan sinh cosh tanh".split():
    if hasattr(math, name):
        SAME[getattr(np, name)] = (getattr(math, name),)
PARTIALS = {function: (partial,) for function, partial in UNARY.items()} | BINARY
PARTIALS |= {other: PARTIALS[function] for function, others in SAME.items() for other in others}
STEEP = {  # functions that may have infinite derivatives at finite values
    function
    for known in (np.sqrt, np.cbrt, np.log, np.log2, np.log10, np.log1p, np.arcsin, np.arccos, np.arccosh, np.arctanh)
    for function in (known, *SAME.get(known, ()))
}
STEEP |= {np.logaddexp, np.logaddexp2, math.atan2, np.arctan2}
# Functions with limits at infinity: the operand that may overflow although the result is finite.
FADING = {np.reciprocal: 0, np.exp: 0, np.exp2: 0, np.expm1: 0, np.tanh: 0, np.arctan: 0, math.erf: 0, math.erfc: 0}
FADING |= {special.erfcx: 0, special.ndtr: 0, special.log_ndtr: 0, hazard: 0, special.expit: 0, special.log_expit: 0}
FADING |= {operator.truediv: 1}
FADING |= {other: FADING[function] for function, others in SAME.items() if function in FADING for other in others}
EXTREMES = {np.maximum, np.minimum, *SAME[np.maximum], *SAME[np.minimum]}
STEEP |= {special.xlogy, special.xlog1py, special.logit}
STEEP |= EXTREMES  # the argument that is not chosen may have an infinite derivative
SCALAR = {larger, smaller}  # functions of numbers that have no form for arrays
POWERS = {function for function, partials in PARTIALS.items() if partials[0] is power_base}
STEEP |= POWERS

SPECIAL = {getattr(special, name).__module__ for name in special.__all__} | {hazard.__module__}

# Number of arguments: functions that are constant between jumps. They take the values and have no
# derivative.
STEPS = {
    1: (np.sign, np.floor, np.ceil, np.trunc, np.rint, np.isnan, np.isinf, np.isfinite, np.signbit, np.logical_not)
    + (bool, math.floor, math.ceil, math.trunc, math.isnan, math.isinf, math.isfinite),
    2: (operator.floordiv, operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
    + (np.floor_divide, np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal),
}
