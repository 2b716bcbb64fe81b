"""Rules of functions of whole arrays: which calls they cover, and the adjoints that they emit.

A rule is called with the program, the statement and the operands of a call, None for those that are
not given. It returns None if it does not cover the call, otherwise a function (operands as
`Operands`, adjoint of the result) that emits the adjoint.

Source: Giles, Collected matrix derivative results for forward and reverse mode algorithmic
differentiation, 2008.
"""

import builtins
import operator

import numpy as np
from numba.core import types

from quasinewton._autodiff.adjoint import array_adjoints as adjoints
from quasinewton._autodiff.adjoint.basics import is_expression, is_number
from quasinewton._autodiff.adjoint.functions import hashable

F64 = types.float64
RULES = {}  # function, or name of a method: (rule, names of its operands)
ITEMS = {}  # function that returns a tuple: rule of one item, called with its index


def rule(*functions):
    """Make the decorator that registers the rule of functions and, by name, of methods of arrays.

    The operands of the rule have the names that NumPy gives them.
    """

    def add(make):
        names = make.__code__.co_varnames[2 : make.__code__.co_argcount]
        for function in functions:
            RULES[function] = make, names
        return make

    return add


def item_rule(function):
    """Make the decorator that registers the rule of the items of the tuple that a function returns.
    """

    def add(make):
        ITEMS[function] = make
        return make

    return add


def arguments(program, value, names):
    """Return the operands of a call in the order of names, None for those that are not given.

    Return None if the call does not fit the names.
    """
    _, operands = program.operation(value)
    keywords = [name for name, _ in value.kws] if is_expression(value, "call") else []
    positional = operands[: len(operands) - len(keywords)]
    given = dict(zip(names, positional, strict=False))
    for name, v in zip(keywords, operands[len(positional) :], strict=True):
        if name in given or name not in names:
            return None
        given[name] = v
    return [given.get(name) for name in names] if len(positional) <= len(names) else None


def rule_of(program, s):
    """Return the rule of a statement, None if it has none."""
    value = s.value
    if is_expression(value, "static_getitem"):
        made = program.origin(value.value)
        function, operands = program.operation(made) if is_expression(made, "call") else (None, [])
        if hashable(function) and function in ITEMS and isinstance(value.index, int) and not made.kws:
            return ITEMS[function](program, s, value.index, *operands)
        return None
    function, _ = program.operation(value)
    if is_expression(value, "call") and (value.vararg or value.varkwarg):
        return None
    if is_expression(value, "inplace_binop") or not hashable(function):
        return None
    if function in ITEMS:
        return lambda backward, g: None  # the items of the tuple have rules
    if function not in RULES:
        return None
    make, names = RULES[function]
    given = arguments(program, value, names)
    return None if given is None else make(program, s, *given)


def adjoint_of_rule(backward, s):
    """Emit the adjoint of a statement that has a rule."""
    name, kind = s.target.name, backward.types[s.target.name]
    if isinstance(kind, types.BaseTuple):
        return
    emit_rule = rule_of(backward.program, s)
    g = backward.shadow(name) if isinstance(kind, types.Array) else backward.take(name)
    if g is not None:
        emit_rule(Operands(backward, name), g)


class Operands:
    """The operands of a call in the backward sweep, as rules use them."""

    def __init__(self, backward, name):
        self.backward, self.emit, self.name = backward, backward.emit, name

    def active(self, v):
        """Return True if an operand depends on x."""
        return v is not None and self.backward.activity.active(v.name)

    def value(self, v):
        """Return the value of an operand."""
        if self.backward.program.is_array(v.name):
            return self.backward.array(v.name)
        return self.backward.operand(v)

    def shape(self, v):
        """Return a variable that has the shape of an operand."""
        return self.backward.shadow(v.name) if self.active(v) else self.backward.value(v.name)

    def sum(self, first, second):
        """Emit the sum of two indices."""
        return self.emit.binop(operator.add, first, second)

    @property
    def result(self):
        """The value of the result."""
        is_array = self.backward.program.is_array(self.name)
        return self.backward.array(self.name) if is_array else self.backward.value(self.name)

    def add(self, v, function, *given):
        """Add function(shadow, …) to the adjoint of an array, or function(…) to that of a number.

        Callables in `given` are called first, and only if the operand is active: they return values
        that need not exist otherwise.
        """
        if self.active(v):
            given = [each() if callable(each) else each for each in given]
            if self.backward.program.is_array(v.name):
                self.emit.do(function, self.backward.shadow(v.name), *given)
            else:
                self.backward.give(v.name, self.emit.call(function, *given))


def rank(program, v):
    """Return the number of axes of an operand, 0 for a number, −1 for anything else or None."""
    if v is None:
        return -1
    kind = program.types[v.name]
    return kind.ndim if isinstance(kind, types.Array) else 0 if is_number(kind) else -1


def given(program, v):
    """Return True if an optional operand is given."""
    return v is not None and not isinstance(program.types[v.name], (types.NoneType, types.Omitted))


def summed(program, s):
    """Return "sum" or "mean" if a statement is that of all items of an array, otherwise None.

    Such a statement may become a loop.
    """
    function, operands = program.operation(s.value)
    name = {np.sum: "sum", "sum": "sum", np.mean: "mean", "mean": "mean"}.get(function if hashable(function) else None)
    if name is None or len(operands) != 1 or not 1 <= rank(program, operands[0]) <= 3:
        return None
    return name if program.types[operands[0].name].dtype == F64 and program.types[s.target.name] == F64 else None


# ---- sums


@rule(np.sum, "sum")
def sum_(program, s, a, axis):
    r = rank(program, a)
    if not given(program, axis):
        return (lambda b, g: b.add(a, adjoints.ADD_NUMBER[r], g)) if 1 <= r <= 3 else None
    along = program.constant(axis)
    if not isinstance(along, int) or isinstance(along, bool) or not 2 <= r <= 3 or not -r <= along < r:
        return None
    function = adjoints.ADD_SUM[r][along % r]
    return lambda b, g: b.add(a, function, g)


@rule(builtins.sum)
def sum_of_items(program, s, a):
    return (lambda b, g: b.add(a, adjoints.ADD_NUMBER[1], g)) if rank(program, a) == 1 else None


@rule(np.mean, "mean")
def mean(program, s, a, axis):
    r = rank(program, a)
    if given(program, axis) or not 1 <= r <= 3:
        return None
    return lambda b, g: b.add(a, adjoints.ADD_MEAN[r], g)


# ---- products


@rule(np.dot, operator.matmul, "dot")
def dot(program, s, a, b):
    ranks = rank(program, a), rank(program, b)
    if ranks not in adjoints.DOT:
        return None
    left, right = adjoints.DOT[ranks]

    def emit(o, g):
        o.add(a, left, g, lambda: o.value(b))
        o.add(b, right, g, lambda: o.value(a))

    return emit


@rule(np.vdot)
def vdot(program, s, a, b):
    return dot(program, s, a, b) if (rank(program, a), rank(program, b)) == (1, 1) else None


from quasinewton._autodiff.adjoint import (  # noqa: F401  (these fill the table)
    library,
    product_rules,
    special_library,
)
