"""Active numbers (numbers that carry derivatives) as Numba types; arrays are plain `types.Array`.

`Dual` is forward mode: a value and its derivatives in K directions at once, in one vector register
where they fit. `Var` is reverse mode: a value and its place (the index of its adjoint) on a tape.
`Lin` is a reverse-mode expression still in registers: a value and K pairs (place, partial
derivative). It is recorded, which makes it a Var, only where Numba's typing casts it to one: at an
array store, at a variable that a loop carries, or beyond `LONGEST` pairs. So a whole statement is
one record.

Plain numbers convert to these types and never back, so code that would lose a derivative does not
compile.

Source of the statement-level record: Hogan, Fast reverse-mode automatic differentiation using
expression templates in C++, ACM TOMS 40 (2014), art. 26.
"""

import functools
import operator

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.datamodel import models, register_default
from numba.core.imputils import lower_cast
from numba.core.typeconv import Conversion

from quasinewton._autodiff.members import Members
from quasinewton._autodiff.tape_records import push

F64 = types.float64
INDEX = ir.IntType(64)
DOUBLE = ir.DoubleType()
REAL = types.Float, types.Integer, types.Boolean
LONGEST = 16  # pairs; longer reverse-mode expressions are recorded in parts
LARGEST_POWER = 8  # largest integer power that is written as products, which are a few then
# LLVM flags for arithmetic on derivatives, not values: fused multiply-add is allowed, and common
# factors of partial derivatives may be taken out.
REASSOCIATED = "reassoc", "contract", "nsz"


def power_by_products(u, n, multiply):
    """Return u to an integer power n > 0, with products in the order of Numba's own power.

    Parameters
    ----------
    u : any
        What `multiply` takes.
    n : int
    multiply : callable
        multiply(u, v) -> the product.
    """
    result = None
    while n:
        if n & 1:
            result = u if result is None else multiply(result, u)
        n >>= 1
        if n:
            u = multiply(u, u)
    return result


class Active(types.Type):
    """A number with a derivative.

    Attributes
    ----------
    base : numba type
        The type of the value and of partial derivatives: float64, or a Dual if the tape itself is
        differentiated.
    """

    @property
    def leaf(self):
        """The type of this number in an array."""
        return self

    def can_convert_from(self, typingctx, other):
        if isinstance(other, REAL) or other == self.base or isinstance(other, Lin) and other.leaf == self:
            return Conversion.safe
        return None

    def unify(self, typingctx, other):
        if isinstance(other, REAL) or isinstance(other, Active) and other.leaf == self.leaf:
            return self.leaf
        return None


class Dual(Active):
    """A value and its derivatives in `lanes` directions.

    Attributes
    ----------
    sided : bool
        True for second derivatives: at a kink the number takes the side that its derivatives point
        to; see `kinks`.
    """

    def __init__(self, lanes, sided=False):
        self.lanes, self.sided = lanes, sided
        self.base = F64
        super().__init__(f"Dual({lanes}, sided)" if sided else f"Dual({lanes})")


class Var(Active):
    """A value on a tape.

    A constant has place 0 and tape 0, so that zeroed memory is an array of zeros.
    """

    def __init__(self, base=F64):
        self.base = base
        super().__init__(f"Var({base})")


class Lin(Active):
    """An expression not yet on the tape."""

    def __init__(self, base, terms):
        self.base = base
        self.terms = terms
        super().__init__(f"Lin({base}, {terms})")

    @property
    def leaf(self):
        return Var(self.base)


class Lanes(types.Type):
    """The derivatives of a Dual."""

    def __init__(self, count):
        self.count = count
        super().__init__(f"Lanes({count})")


@register_default(Lanes)
class LanesModel(models.PrimitiveModel):
    """Memory model of `Lanes`: vectors of a width that processors have.

    Loads assume no more than the alignment of a double, since memory guarantees no more.
    """

    def __init__(self, manager, kind):
        width = next(width for width in (8, 4, kind.count) if kind.count % width == 0)
        vector = ir.VectorType(DOUBLE, width) if width > 1 else DOUBLE
        super().__init__(manager, kind, ir.ArrayType(vector, kind.count // width))

    def load_from_data_pointer(self, builder, pointer, align=None):
        return builder.load(pointer, align=8)


@register_default(Dual)
class DualModel(models.StructModel):
    """Memory model of `Dual`, packed so that an item is no larger than its numbers."""

    def __init__(self, manager, kind):
        super().__init__(manager, kind, [("value", F64), ("lanes", Lanes(kind.lanes))])

    def get_data_type(self):
        return ir.LiteralStructType([model.get_data_type() for model in self._models], packed=True)


@register_default(Var)
class VarModel(models.StructModel):
    """Memory model of `Var`: value, place, address of the tape."""

    def __init__(self, manager, kind):
        super().__init__(manager, kind, [("value", kind.base), ("place", types.int64), ("tape", types.int64)])


@register_default(Lin)
class LinModel(models.StructModel):
    """Memory model of `Lin`: value, places and partial derivatives, address of the tape."""

    def __init__(self, manager, kind):
        places, partials = types.UniTuple(types.int64, kind.terms), types.UniTuple(kind.base, kind.terms)
        members = [("value", kind.base), ("places", places), ("partials", partials), ("tape", types.int64)]
        super().__init__(manager, kind, members)


def is_active(kind):
    """Return True if a type is a number with a derivative."""
    return isinstance(kind, Active)


def is_active_array(kind):
    """Return True if a type is an array of active numbers."""
    return isinstance(kind, types.Array) and is_active(kind.dtype)


def leaf_of(kind):
    """Return the type that the active number in a type has in an array; None if there is none.

    Looks into arrays, lists and tuples.
    """
    while isinstance(kind, (types.Array, types.List, types.UniTuple)):
        kind = kind.dtype
    if isinstance(kind, types.BaseTuple):
        return next(filter(None, map(leaf_of, kind)), None)
    return kind.leaf if is_active(kind) else None


class Term:
    """A number under compilation, on which arithmetic emits instructions.

    Parameters
    ----------
    context, builder
        Target context and IR builder of Numba's lowering.
    kind : numba type
    value : llvmlite value

    Attributes
    ----------
    whole : Term
        The active number whose primal this one is; the number itself if there is none.
    """

    def __init__(self, context, builder, kind, value):
        self.context, self.builder, self.kind, self.value = context, builder, kind, value
        self.whole = self

    def of(self, kind, value):
        """Return another number in the same function under compilation."""
        return Term(self.context, self.builder, kind, value)

    def cast(self, kind):
        """Return this number converted to another type."""
        if kind == self.kind:
            return self
        return self.of(kind, self.context.cast(self.builder, self.value, self.kind, kind))

    def constant(self, value):
        """Return a float without derivative, independent of the type of this number.

        A zero derivative would cost, because LLVM does not drop products with zeros.
        """
        return self.of(F64, self.context.get_constant(F64, value))

    @property
    def members(self):
        return Members(self.context, self.builder, self.kind, self.value)

    @property
    def primal(self):
        """The value without its derivative; a plain number unchanged."""
        if not is_active(self.kind):
            return self
        value = self.of(self.kind.base, self.members.value)
        value.whole = self
        return value

    @property
    def plain(self):
        """The value without derivatives of any order."""
        term = self
        while is_active(term.kind):
            term = term.primal
        return term

    def arithmetic(self, other, instruction, partials):
        """Emit an instruction on two floats, or its rule on numbers with derivatives."""
        if not isinstance(other, Term):
            other = self.constant(float(other))
        if self.kind == other.kind == F64:
            return self.of(F64, getattr(self.builder, instruction)(self.value, other.value, flags=REASSOCIATED))
        u, v = self.primal, other.primal
        y = u.arithmetic(v, instruction, partials)
        du, dv = partials(y, u, v)
        return chain(y, [(d, x) for d, x in ((du, self), (dv, other)) if is_active(x.kind)])

    def __add__(self, other):
        return self.arithmetic(other, "fadd", lambda y, u, v: (u.constant(1.0), v.constant(1.0)))

    def __sub__(self, other):
        return self.arithmetic(other, "fsub", lambda y, u, v: (u.constant(1.0), v.constant(-1.0)))

    def __mul__(self, other):
        return self.arithmetic(other, "fmul", lambda y, u, v: (v, u))

    def __truediv__(self, other):
        if isinstance(other, Term) and isinstance(other.kind, Dual):
            other = faded(other.constant(1.0).over(other.primal), other)
        return self.arithmetic(other, "fdiv", lambda y, u, v: (1.0 / v, (-y).over(v)))

    def over(self, other):
        """Return this number times the reciprocal of another, which several quotients can share.

        The flags of other products would let LLVM make each of them a division of its own.
        """
        if not self.kind == other.kind == F64:
            return self * (1.0 / other)
        reciprocal = self.builder.fdiv(self.constant(1.0).value, other.value)
        return self.of(F64, self.builder.fmul(self.value, reciprocal))

    def power(self, n):
        """Return this number to an integer power n > 0."""
        return power_by_products(self, n, operator.mul)

    def __rsub__(self, other):
        return self.constant(other) - self

    def __rtruediv__(self, other):
        return self.constant(other) / self

    def __neg__(self):
        return self.constant(-1.0) * self

    __radd__, __rmul__ = __add__, __mul__

    def where(self, condition, other):
        """Return this number where an i1 holds, otherwise `other`."""
        return self.of(self.kind, self.builder.select(condition, self.value, other.cast(self.kind).value))


def chain_type(kinds):
    """Return the type of a function of active numbers, and which of them must be recorded first.

    Parameters
    ----------
    kinds : list of Active

    Returns
    -------
    (Active, list of bool)
    """
    if isinstance(kinds[0], Dual):
        return kinds[0], [False] * len(kinds)
    terms = [kind.terms if isinstance(kind, Lin) else 1 for kind in kinds]
    recorded = [False] * len(kinds)
    while sum(terms) > LONGEST:
        longest = terms.index(max(terms))
        recorded[longest], terms[longest] = True, 1
    return Lin(kinds[0].base, sum(terms)), recorded


def chain(y, pairs):
    """Return the number of value y and derivative Σ d dx over the pairs (d, x).

    Parameters
    ----------
    y : Term
    pairs : list of (Term, Term)
        Partial derivatives d, which have the type of y, and numbers x.

    Returns
    -------
    Term
    """
    context, builder = y.context, y.builder
    kind, recorded = chain_type([x.kind for _, x in pairs])
    result = Members(context, builder, kind)
    result.value = y.value
    if isinstance(kind, Dual):
        result.lanes = weighted_sum(builder, [(d.value, x.members.lanes) for d, x in pairs])
        return y.of(kind, result._getvalue())
    places, partials, tape = [], [], ir.Constant(INDEX, 0)
    for (d, x), record in zip(pairs, recorded, strict=True):
        x = x.cast(x.kind.leaf) if record else x
        members = x.members
        tape = builder.or_(tape, members.tape)
        if isinstance(x.kind, Var):
            places.append(members.place)
            partials.append(d.cast(y.kind).value)
            continue
        places += cgutils.unpack_tuple(builder, members.places)
        partials += [(d * y.of(y.kind, w)).value for w in cgutils.unpack_tuple(builder, members.partials)]
    result.places, result.partials = cgutils.pack_array(builder, places), cgutils.pack_array(builder, partials)
    result.tape = tape
    return y.of(kind, result._getvalue())


def faded(d, x):
    """Return a Dual x without its derivatives where the float d, by which they are weighted, is 0.

    Where exp u overflows its derivatives are infinite or NaN, and 1/(1 + exp u), which is 0, has
    the derivative 0 all the same.
    """
    builder, members = x.builder, x.members
    none = builder.fcmp_ordered("==", d.value, ir.Constant(DOUBLE, 0.0))
    vectors = cgutils.unpack_tuple(builder, members.lanes)
    kept = [builder.select(none, ir.Constant(vector.type, None), vector) for vector in vectors]
    members.lanes = cgutils.pack_array(builder, kept)
    return x.of(x.kind, members._getvalue())


def weighted_sum(builder, pairs, total=None):
    """Return Σ d e over pairs of a number d and lanes e, added to `total` if given."""
    columns = [] if total is None else [cgutils.unpack_tuple(builder, total)]
    for d, lanes in pairs:
        vectors = cgutils.unpack_tuple(builder, lanes)
        if isinstance(d, ir.Constant) and d.constant == 1.0:
            columns.append(vectors)
            continue
        weight = splat(builder, d, vectors[0].type)
        columns.append([builder.fmul(vector, weight, flags=REASSOCIATED) for vector in vectors])
    add = lambda x, y: builder.fadd(x, y, flags=REASSOCIATED)
    return cgutils.pack_array(builder, [functools.reduce(add, column) for column in zip(*columns, strict=True)])


def splat(builder, value, kind):
    """Return a vector of one repeated value; the number itself if the type is a scalar."""
    if kind == DOUBLE:
        return value
    if isinstance(value, ir.Constant):
        return ir.Constant(kind, [value] * kind.count)
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), value, INDEX(0))
    return builder.shuffle_vector(single, single, ir.Constant(ir.VectorType(ir.IntType(32), kind.count), None))


@lower_cast(types.Number, Active)
@lower_cast(types.Boolean, Active)
@lower_cast(Dual, Var)
def _constant(context, builder, source, target, value):
    result = Members(context, builder, target, context.get_constant_null(target))
    result.value = context.cast(builder, value, source, target.base)
    return result._getvalue()


@lower_cast(Lin, Var)
def _record(context, builder, source, target, value):
    members = Members(context, builder, source, value)
    add = lambda x, y: (Term(context, builder, source.base, x) + Term(context, builder, source.base, y)).value
    places, partials = (cgutils.unpack_tuple(builder, t) for t in (members.places, members.partials))
    result = Members(context, builder, target)
    result.value, result.tape = members.value, members.tape
    result.place = push(context, builder, source.base, places, partials, members.tape, add)
    return result._getvalue()
