"""Roles of statements: one word for each, by its operation and its types."""

import builtins
import operator

import numpy as np
from numba.core import ir, types

from quasinewton._autodiff.adjoint.array_rules import rule_of
from quasinewton._autodiff.adjoint.basics import is_basic, is_expression, is_number
from quasinewton._autodiff.adjoint.functions import (
    COPIES,
    CREATORS,
    DROPPED_ATTRIBUTES,
    DROPS,
    EXTREMES,
    ORDERED,
    VIEWS,
    WINDOWS,
    hashable,
    is_elementary,
)
from quasinewton._autodiff.adjoint.gathers import gather_of

F64 = types.float64
INPLACE = {operator.add, operator.sub, operator.mul, operator.truediv}


class Roles:
    """The roles of the statements of a program; part of `activity.Activity`."""

    def index_type(self, s):
        """Return the type of the index of an item, a view or a store."""
        e = s.value if isinstance(s, ir.Assign) else s
        index = e.index_var if is_expression(e, "static_getitem") or isinstance(e, ir.StaticSetItem) else e.index
        if index is None:
            return types.int64 if isinstance(e.index, int) else None
        return self.types[index.name]

    def role(self, s):
        """Return the role of a statement, None if it is unknown."""
        if not isinstance(s, ir.Assign):
            return "store"
        e, kind = s.value, self.types[s.target.name]
        if isinstance(e, ir.Arg):
            return "argument"
        if not isinstance(e, ir.Expr):
            return "copy of a name" if isinstance(e, ir.Var) else "constant"
        if e.op in ("phi", "cast"):
            return "phi" if e.op == "phi" else "copy of a name"
        if e.op in ("build_tuple", "exhaust_iter") or self.program.named_items(e) is not None:
            return "tuple"
        if e.op in ("getiter", "iternext", "pair_second", "pair_first"):
            return "control"
        if e.op == "build_list":
            return "list"
        if e.op == "getattr":
            return self.role_of_attribute(e, kind)
        if e.op in ("getitem", "static_getitem"):
            return self.role_of_item(s, kind)
        if e.op == "inplace_binop" and isinstance(kind, types.Array):
            return "inplace" if e.immutable_fn in INPLACE and kind.dtype == F64 else None
        return self.role_of_operation(s, kind)

    def role_of_attribute(self, e, kind):
        owner = self.types.get(e.value.name)
        if isinstance(owner, types.Array):
            if e.attr == "T":
                return "view"
            return "drop" if e.attr in DROPPED_ATTRIBUTES or isinstance(kind, types.BoundFunction) else None
        return "constant" if isinstance(owner, (types.Module, types.DType, types.NumberClass)) else None

    def role_of_item(self, s, kind):
        owner = self.types[s.value.value.name]
        if not isinstance(owner, types.Array):
            if isinstance(owner, types.BaseTuple) and is_expression(s.value, "static_getitem"):
                rule = rule_of(self.program, s)
                return "rule" if rule is not None else None
            return None
        index = self.index_type(s)
        if index is not None and is_basic(index):
            return "view" if isinstance(kind, types.Array) else "load"
        if isinstance(index, types.Array) and index.ndim == owner.ndim == 1 and isinstance(index.dtype, types.Boolean):
            return "mask"
        return "gather" if gather_of(self.program, s.value, index, owner) is not None else None

    def role_of_operation(self, s, kind):
        e = s.value
        function, operands = self.program.operation(e)
        if not hashable(function):
            return None
        if is_expression(e, "call") and (e.vararg or e.varkwarg):
            return None
        kinds = [self.types[v.name] for v in operands]
        keywords = e.kws if is_expression(e, "call") else ()
        if function in DROPS:
            return "drop"
        if function in CREATORS:
            return "creator"
        plain = all(is_number(k) or isinstance(k, types.Array) for k in kinds) and not keywords
        if isinstance(kind, types.Array):
            if function in VIEWS and isinstance(kinds[0], types.Array):
                return self.role_of_reshaping(function, kinds[0], keywords)
            if function in COPIES or function in ORDERED:
                return "copy" if len(operands) == 1 and isinstance(kinds[0], types.Array) else None
            if function == "astype" and len(operands) == 2 and getattr(kinds[0], "dtype", None) == kind.dtype == F64:
                return "copy"
            wide = plain and 1 <= kind.ndim <= 3 and all(k.ndim >= 1 for k in kinds if isinstance(k, types.Array))
            if wide and (is_elementary(function) or (function is np.where and len(kinds) == 3)):
                return "elementwise"
        elif isinstance(kind, types.Number) and all(map(is_number, kinds)) and not keywords:
            if is_elementary(function) or function in EXTREMES or function in (builtins.float, np.float64):
                return "elementary"
            if function is np.where and len(kinds) == 3:
                return "elementary"
        return "rule" if rule_of(self.program, s) is not None else None

    def role_of_reshaping(self, function, owner, keywords):
        if function in WINDOWS:
            # The shadow of an array in C order has the same strides; that of another need not.
            ordered = [name for name, _ in keywords] == WINDOWS[function][len(WINDOWS[function]) - len(keywords) :]
            return "view" if ordered and isinstance(owner, types.Array) and owner.layout == "C" else None
        if keywords or not isinstance(owner, types.Array):
            return None
        if function in ("ravel", np.ravel):
            return "view" if owner.layout == "C" else "copy"
        return "view"

    def role_at(self, s):
        """Return the role of a statement."""
        return self.roles[id(s)]
