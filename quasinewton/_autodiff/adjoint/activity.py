"""Activity analysis: the role of every statement, aliases of arrays, and what depends on x.

A statement that reads an active number (one that depends on x) must have a rule, or be known to
drop derivatives correctly, or make or copy a tuple that is split later. All others are refused.
"""

from numba.core import ir, types

from quasinewton._autodiff.adjoint.array_rules import rule_of
from quasinewton._autodiff.adjoint.basics import (
    is_basic,
    is_expression,
    is_number,
    refuse,
)
from quasinewton._autodiff.adjoint.functions import (
    ORDERED,
    hashable,
    is_elementary,
    is_fixed,
)
from quasinewton._autodiff.adjoint.gathers import can_scatter
from quasinewton._autodiff.adjoint.roles import F64, Roles


def may_hold_arrays(kind):
    """Return True if a value of this type may be, or refer to, the memory of an array."""
    plain = (types.Number, types.Boolean, types.NoneType, types.Function, types.Dispatcher, types.StringLiteral)
    plain += (types.UnicodeType, types.Module, types.DType, types.SliceType, types.NumberClass, types.RangeType)
    plain += (types.RangeIteratorType, types.IntegerLiteral, types.BooleanLiteral, types.EllipsisType)
    if isinstance(kind, types.BaseTuple):
        return any(map(may_hold_arrays, kind))
    return not isinstance(kind, plain)


class Activity(Roles):
    """Roles, aliases and activity of a program.

    Attributes
    ----------
    roles : dict
        Identity of a statement: its role, in one word.
    stores : dict
        Class of arrays that may share memory: [(label, position)] of statements that may write
        there.
    point : str
        Name of x.
    """

    def __init__(self, program):
        self.program, self.types = program, program.types
        self.parent, self.alive = {}, set()
        self.find_arguments()
        self.find_controls()
        self.roles = {id(s): self.role(s) for _, s in program.statements()}
        self.find_aliases()
        self.drop_stores_in_place()
        self.find_stores()
        self.spread()
        self.check_arguments()

    def find_arguments(self):
        """Find x and the other arguments."""
        self.arguments, self.point = set(), None
        for s in self.program.body[self.program.entry]:
            if isinstance(s, ir.Assign) and isinstance(s.value, ir.Arg):
                self.arguments.add(s.target.name)
                if s.value.index == 0:
                    self.point = s.target.name
        if self.point is None:
            self.point = "$x"  # x is never read
            self.types[self.point] = types.Array(F64, 1, "C")
        self.arguments.discard(self.point)

    def find_controls(self):
        """Find the iterators over arrays that only decide when their loops end."""
        self.controls = set()
        for label in self.program.iterated.values():
            for s in self.program.body[label]:
                if is_expression(getattr(s, "value", None), "iternext"):
                    self.controls.add(s.target.name)
                    self.add_controls(s.value.value)
                elif is_expression(getattr(s, "value", None), "pair_second"):
                    self.controls.add(s.target.name)
        uses = {name: [] for name in self.controls}
        for _, s in self.program.statements():
            for v in self.program.operands(s):
                if v.name in uses:
                    uses[v.name].append(s)
        for found in uses.values():
            if any(not isinstance(s, ir.Assign) or s.target.name not in self.controls for s in found):
                refuse("an iterator that is used for more than a loop")

    def add_controls(self, variable):
        """Add an iterator, and the iterators from which it is made, to the controls."""
        if self.program.is_array(variable.name) or variable.name not in self.program.definitions:
            return
        self.controls.add(variable.name)
        for v in self.program.operation(self.program.definitions[variable.name][1].value)[1]:
            self.add_controls(v)
        for v in self.program.operands(self.program.definitions[variable.name][1]):
            if is_expression(self.program.definitions[variable.name][1].value, "getiter"):
                self.add_controls(v)

    # ---- memory

    def root(self, name):
        """Return the class of arrays with which an array may share memory, as one of its names."""
        while name in self.parent:
            name = self.parent[name]
        return name

    def unite(self, a, b):
        """Merge the classes of two names."""
        a, b = self.root(a), self.root(b)
        if a != b:
            self.parent[a] = b

    def find_aliases(self):
        """Unite names that may share memory: all but those known to own new memory."""
        fresh = {"creator", "copy", "elementwise", "mask", "gather", "rule", "load", "drop", "elementary", "constant"}
        for _, s in self.program.statements():
            if not isinstance(s, ir.Assign) or not may_hold_arrays(self.types[s.target.name]):
                continue
            role = self.role_at(s)
            apart = s.target.name in self.program.tuples or s.target.name in self.controls
            perhaps = role == "copy" and self.is_perhaps_itself(s)
            if (role in fresh and not perhaps) or role == "argument" or apart:
                continue
            if role == "inplace":
                self.unite(s.target.name, s.value.lhs.name)
                continue
            operands = self.program.operation(s.value)[1] or self.program.operands(s)
            for v in operands:
                if may_hold_arrays(self.types.get(v.name)):
                    self.unite(s.target.name, v.name)

    def is_perhaps_itself(self, s):
        """Return True if a copy may be the array itself."""
        function, _ = self.program.operation(s.value)
        return hashable(function) and function in ORDERED

    def drop_stores_in_place(self):
        """Drop the store that ends ``a[i:j] += b``, which writes a changed view to its own place.
        """
        for label, body in self.program.body.items():
            self.program.body[label] = [s for s in body if not self.is_store_in_place(s)]

    def is_store_in_place(self, s):
        """Return True if a statement stores a view where it already is."""
        if isinstance(s, ir.Assign) or not self.program.is_array(s.value.name):
            return False
        changed = self.program.origin(s.value)
        if not is_expression(changed, "inplace_binop") or not self.program.is_array(s.value.name):
            return False
        view = self.program.origin(changed.lhs)
        if isinstance(s, ir.StaticSetItem):
            same = is_expression(view, "static_getitem") and repr(view.index) == repr(s.index)
        else:
            same = is_expression(view, "getitem") and view.index.name == s.index.name
        return same and view.value.name == s.target.name and self.is_basic_view(view, s)

    def is_basic_view(self, view, s):
        """Return True if what is stored in place is a view, not a copy."""
        kind = self.index_type(s)
        return kind is not None and is_basic(kind)

    def find_stores(self):
        """Find the statements that may write to each class.

        A function without a role may write to any array that it receives.
        """
        self.stores = {}
        for label, body in self.program.body.items():
            for k, s in enumerate(body):
                role = self.role_at(s)
                if isinstance(s, ir.Assign) and s.target.name in self.controls:
                    continue
                if role == "store" or role == "inplace":
                    self.stores.setdefault(self.root(s.target.name), []).append((label, k))
                elif role is None and is_expression(s.value, "call"):
                    for v in self.reached(self.program.operation(s.value)[1] + list(s.value.list_vars())):
                        if may_hold_arrays(self.types.get(v.name)):
                            self.stores.setdefault(self.root(v.name), []).append((label, k))
                elif role is None and is_expression(s.value, "inplace_binop"):
                    self.stores.setdefault(self.root(s.value.lhs.name), []).append((label, k))

    def reached(self, variables):
        """Yield the variables, and the items of those that are tuples."""
        for v in variables:
            yield v
            yield from self.reached(self.program.tuples.get(v.name, ()))

    # ---- activity

    def active(self, name):
        """Return True if a name may depend on x."""
        return self.root(name) in self.alive

    def spread(self):
        """Find all names that depend on x."""
        self.alive.add(self.root(self.point))
        before = -1
        while before < len(self.alive):
            before = len(self.alive)
            for label, s in self.program.statements():
                self.spread_over(label, s)
        # Check every statement once more, because a class may have become active after its
        # statements were checked.
        for label, s in self.program.statements():
            self.spread_over(label, s)

    def spread_over(self, label, s):
        """Mark what a statement assigns as active if it reads active values; refuse missing rules.
        """
        if not isinstance(s, ir.Assign):
            if self.active(s.value.name):
                self.check_store(s)
                self.alive.add(self.root(s.target.name))
            elif self.active(s.target.name):
                self.check_store(s)
            return
        if s.target.name in self.controls:
            return
        role = self.role_at(s)
        if role == "argument":
            return
        operands = [*self.program.operands(s), *self.program.operation(s.value)[1]]
        if not any(self.active(v.name) for v in operands):
            return
        kind = self.types[s.target.name]
        if role in ("drop", "constant"):
            return
        if role == "creator":
            if any(self.active(v.name) and is_number(self.types[v.name]) for v in operands):
                self.spread_creator(s)
            return
        if role == "list" or (s.target.name in self.program.tuples and isinstance(kind, types.BaseTuple)):
            self.alive.add(self.root(s.target.name))
            return
        real = kind == F64 or (isinstance(kind, types.Array) and kind.dtype == F64)
        tuple_of_rule = role == "rule" and isinstance(kind, types.BaseTuple)
        if role is None or role in ("tuple", "control") or not (real or tuple_of_rule):
            refuse(describe(self.program, s, kind), s.loc)
        if role in ("elementary", "elementwise"):
            self.check_fixed(s)
        self.alive.add(self.root(s.target.name))

    def check_fixed(self, s):
        """Refuse a function whose order depends on x."""
        function, operands = self.program.operation(s.value)
        if is_elementary(function):
            for k, v in enumerate(operands):
                if self.active(v.name) and is_fixed(function, k):
                    refuse(f"{function.__name__} of an order that depends on x", s.loc)

    def spread_creator(self, s):
        """Mark an array as active if it is filled with an active number."""
        rule = rule_of(self.program, s)
        if rule is None:
            refuse(describe(self.program, s, self.types[s.target.name]), s.loc)
        self.roles[id(s)] = "rule"
        self.alive.add(self.root(s.target.name))

    def check_store(self, s):
        """Refuse a store that would lose a derivative."""
        kind = self.types[s.target.name]
        if not (isinstance(kind, types.Array) and kind.dtype == F64):
            refuse(f"a store into {kind}", s.loc)
        index = self.index_type(s)
        value = self.types[s.value.name]
        if index is not None and is_basic(index):
            if not (is_number(value) or (isinstance(value, types.Array) and 1 <= value.ndim)):
                refuse(f"a store of {value}", s.loc)
            return
        masked = isinstance(index, types.Array) and isinstance(index.dtype, types.Boolean)
        if can_scatter(index, kind, value) and (is_number(value) or isinstance(value, types.Array)):
            return
        if not (masked and index.ndim == 1 and kind.ndim == 1 and (is_number(value) or value.ndim == 1)):
            refuse(f"a store at {index}", s.loc)

    def check_arguments(self):
        """Refuse stores into arrays of the caller.

        Stores into x are allowed, since the transformation copies x first.
        """
        for name in self.arguments:
            if may_hold_arrays(self.types[name]) and self.root(name) in self.stores:
                refuse("a store into an array that the caller passed")
        for _, s in self.program.statements():
            if not isinstance(s, ir.Assign) or not self.active(s.target.name):
                continue
            if self.role_at(s) == "copy" and self.is_perhaps_itself(s) and self.root(s.target.name) in self.stores:
                refuse("a store into an array that may be a copy or another array itself", s.loc)
            if isinstance(s.value, ir.Arg) and s.target.name != self.point:
                refuse("a store into an array that the caller passed")
            if self.program.is_array(s.target.name) and self.role_at(s) in (None, "constant", "tuple", "control"):
                refuse("a store into an array of unknown origin", s.loc)

    def stored_after(self, name, label, k):
        """Return True if the memory of an array may be written after statement k of a block."""
        stores = self.stores.get(self.root(name), ())
        return any(s in self.program.reach[label] or (s == label and j > k) for s, j in stores)

    def stored_between(self, name, label, first, last):
        """Return True if the memory of an array may be written between two statements of a block.
        """
        return any(s == label and first < j < last for s, j in self.stores.get(self.root(name), ()))


def describe(program, s, kind):
    """Return the words that describe a statement in a refusal."""
    function, operands = program.operation(s.value)
    if function is not None:
        name = function if isinstance(function, str) else getattr(function, "__name__", str(function))
        return f"{name} of {', '.join(str(program.types.get(v.name)) for v in operands)}"
    return f"{getattr(s.value, 'op', s.value)} of type {kind}"
