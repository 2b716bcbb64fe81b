"""Basic predicates on types and statements, and the refusal, shared by the transformation."""

from numba.core import ir, types

from quasinewton._autodiff.errors import Refused

COPIES = {"cast", "exhaust_iter"}
REMOVABLE = {"build_tuple", "static_getitem", "phi", "getattr", *COPIES}
SLICES = types.Integer, types.IntegerLiteral, types.SliceType, types.NoneType, types.EllipsisType


def refuse(what, loc=None):
    """Raise `Refused` for an operation that has no adjoint."""
    raise Refused(f"no adjoint of {what}" + (f" in line {loc.line}" if loc is not None else ""))


def is_basic(kind):
    """Return True if an index of this type makes views, or reads single items."""
    if isinstance(kind, types.BaseTuple):
        return all(map(is_basic, kind))
    return isinstance(kind, SLICES)


def is_number(kind):
    """Return True if a type is that of a plain number or truth value."""
    return isinstance(kind, (types.Number, types.Boolean, types.IntegerLiteral, types.BooleanLiteral))


def is_expression(value, *operations):
    """Return True if a right-hand side is an expression of one of these operations."""
    return isinstance(value, ir.Expr) and value.op in operations
