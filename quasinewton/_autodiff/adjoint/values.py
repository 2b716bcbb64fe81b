"""Values in the backward sweep: which still exist, which are recomputed, which are saved.

Names assigned outside loops still hold their values, and so do names assigned in a loop, for what
comes after the loop. Other values are recomputed where that is cheap and the memory from which they
are read has not changed. Otherwise the name is saved: its old value is pushed wherever it is
assigned, and popped where the assignment is undone. Arrays are saved by reference. If the numbers
in an array are needed and a store may follow, its class is undone: stores push what they overwrite,
and the backward sweep restores it. So names and memory pass through their states backwards, and
every value available at a place of the forward sweep is available at the same place of the backward
sweep.
"""

import operator

import numpy as np
from numba.core import ir, types

from quasinewton._autodiff.adjoint.basics import is_expression, is_number, refuse
from quasinewton._autodiff.adjoint.chain import quotient
from quasinewton._autodiff.adjoint.elementwise import is_small_power
from quasinewton._autodiff.adjoint.emit import LOC
from quasinewton._autodiff.adjoint.functions import CHEAP, INTEGER_ARITHMETIC, hashable

SHADOW = ".adjoint"
UNSAVED = types.Function, types.Dispatcher, types.Module, types.BoundFunction, types.NumberClass, types.DType


class Values:
    """Values of the forward sweep in the backward sweep; part of `backward.Backward`.

    Attributes
    ----------
    saved : dict
        Name: places (labels of blocks, or edges) where its old value is pushed.
    slots : dict
        Place: names that are pushed there, in order.
    undone : set
        Classes of arrays whose stores are undone.
    lasting : set
        Names of views whose shadows are made once, where the way back begins.
    here, at : the block, and the position in it, whose adjoint is being emitted.
    memo : dict
        Name: variable of its value, for values already found in this block.
    """

    def places(self, name):
        """Return the places where a name is assigned: labels of blocks, or edges."""
        if name in self.tag_places:
            return self.tag_places[name]
        label, s = self.program.definitions[name.removesuffix(SHADOW)]
        if is_expression(s.value, "phi"):
            return [(p, label) for p, _ in self.program.incoming(s)]
        return [label]

    def save(self, name):
        """Have the old value of a name pushed wherever it is overwritten."""
        if name in self.saved:
            return
        kind = self.types.get(name.removesuffix(SHADOW))
        if isinstance(kind, UNSAVED):
            refuse(f"{name} of type {kind}, which a loop chooses")
        if kind is not None and not self.can_push(kind):
            refuse(f"a loop that assigns {kind}")
        self.saved[name] = self.places(name)
        for place in self.saved[name]:
            self.slots.setdefault(place, []).append(name)

    def can_push(self, kind):
        """Return True if values of a type can be pushed."""
        if isinstance(kind, types.BaseTuple):
            return all(map(self.can_push, kind))
        return is_number(kind) or isinstance(kind, (types.Array, types.SliceType, types.NoneType))

    def value(self, name):
        """Return the variable of a name's value as it was at this place of the forward sweep."""
        if name not in self.memo:
            self.memo[name] = self.found(name)
        return self.memo[name]

    def around_place(self, place):
        """Return the heads of the loops around a place."""
        if not isinstance(place, tuple):
            return self.program.around[place]
        return self.program.around[place[0]] & self.program.around[place[1]]

    def found(self, name):
        """Find or recompute the value of a name, or save it."""
        now = self.emit.named(name)
        if name in self.program.trip_counters:
            if self.program.trip_counters[name] not in self.program.around[self.here]:
                refuse("an index of an iteration, behind its loop")
            return now
        here = self.program.around[self.here]
        around = [self.around_place(place) for place in self.places(name)]
        if not any(around) or self.is_constant(name) or not any(loops & here for loops in around):
            return now
        label, s = self.program.definitions[name]
        if not is_expression(s.value, "phi") and self.program.around[label] <= here:
            again = self.again(label, s)
            if again is not None:
                return again
        self.save(name)
        return now

    def is_constant(self, name):
        """Return True if a name has the same value in every trip of a loop."""
        value = self.program.definitions[name][1].value
        if isinstance(value, (ir.Const, ir.Global, ir.FreeVar)):
            return True
        if is_expression(value, "getattr", "build_tuple"):
            return all(self.is_constant(v.name) for v in value.list_vars() if v.name in self.program.definitions)
        if is_expression(value, "call"):
            function, operands = self.program.operation(value)
            return function is slice and all(self.is_constant(v.name) for v in operands)
        return False

    def again(self, label, s):
        """Emit the recomputation of a value; return None if it is not to be recomputed."""
        e, is_array = s.value, self.program.is_array(s.target.name)
        if isinstance(e, ir.Var):
            return self.value(e.name) if self.types[e.name] == self.types[s.target.name] else None
        if not isinstance(e, ir.Expr):
            return None
        if e.op == "pair_first":
            return self.index_of_range(s)
        if e.op in ("getitem", "static_getitem"):
            return self.item_again(label, s, e)
        if e.op == "getattr":
            tuple_of_arguments = isinstance(self.types[e.value.name], types.BaseTuple)
            if not (tuple_of_arguments or (self.program.is_array(e.value.name) and (e.attr == "T" or not is_array))):
                return None
            return self.emit.attribute(self.value(e.value.name), e.attr)
        if e.op == "build_tuple":
            return self.emit.tuple([self.value(v.name) for v in e.items])
        if is_array:
            if self.activity.role_at(s) == "view":
                return self.view(e, self.value(self.program.operation(e)[1][0].name))
            return None
        return self.number_again(s, e)

    def item_again(self, label, s, e):
        """Emit an item or view again if the memory is unchanged, otherwise return None."""
        owner = e.value.name
        if not self.program.is_array(owner):
            if e.op == "static_getitem" and isinstance(self.types[owner], types.BaseTuple):
                return self.emit.item(self.value(owner), e.index)
            return None
        role = self.activity.role_at(s)
        if role == "load":
            k = self.position(label, s)
            if self.activity.stored_after(owner, label, k):
                if label != self.here or self.activity.stored_between(owner, label, k, self.at):
                    return None
                self.undo(owner)
        elif role != "view":
            return None
        return self.view(e, self.value(owner))

    def number_again(self, s, e):
        """Emit the recomputation of a number if it is cheap, otherwise return None."""
        function, operands = self.program.operation(e)
        if not hashable(function) or isinstance(function, (str, np.ufunc)) or (e.op == "call" and e.kws):
            return None
        if not all(is_number(self.types[v.name]) for v in operands):
            return None
        kind = self.types[s.target.name]
        integer = isinstance(kind, (types.Integer, types.Boolean)) and function in INTEGER_ARITHMETIC
        if function is operator.pow:
            exponent = self.program.constant(operands[1])
            if is_small_power(exponent):
                return self.emit.power(self.operand(operands[0]), exponent)
            integer |= type(exponent) is int and exponent == 0
        if function not in CHEAP and not integer:
            return None
        values = [self.operand(v) for v in operands]
        if function is operator.truediv:
            return self.emit.call(quotient, *values)
        if is_expression(e, "binop", "inplace_binop"):
            return self.emit.binop(function, *values)
        if e.op == "unary":
            return self.emit.unary(function, *values)
        return self.emit.call(function, *values)

    def operand(self, v):
        """Return the value of an operand, as a constant if it is one."""
        constant = self.program.constant(v)
        return self.emit.var(constant) if constant is not None else self.value(v.name)

    def position(self, label, s):
        """Return the position of a statement in its block."""
        return next(k for k, t in enumerate(self.program.body[label]) if t is s)

    def index_of_range(self, s):
        """Emit the index of a loop over a range, computed from the trip counter."""
        for head, known in self.ranges.items():
            if known is not None and known[3] == s.target.name:
                if head not in self.program.around[self.here]:
                    return None
                start, _, step, _ = known
                i = self.emit.named(self.trips(head))
                if step is not None:
                    i = self.emit.binop(operator.mul, i, self.operand(step))
                return i if start is None else self.emit.binop(operator.add, self.operand(start), i)
        return None

    # ---- arrays

    def array(self, name):
        """Return an array whose numbers the backward sweep reads, undoing later stores."""
        if self.activity.stored_after(name, self.here, self.at):
            self.undo(name)
        return self.value(name)

    def undo(self, name):
        """Have the stores into the class of an array undone."""
        self.undone.add(self.activity.root(name))

    def view(self, e, base, operand=None):
        """Emit the item or view that an expression makes, of an array or of its shadow."""
        operand = operand or self.operand
        if e.op == "getattr":
            return self.emit.attribute(base, e.attr)
        if e.op == "getitem":
            return self.emit.getitem(base, operand(e.index))
        if e.op == "static_getitem":
            if e.index_var is None:
                return self.emit.assign(ir.Expr.static_getitem(base, e.index, None, LOC))
            if isinstance(e.index, slice):
                return self.emit.assign(ir.Expr.static_getitem(base, e.index, operand(e.index_var), LOC))
            return self.emit.getitem(base, operand(e.index_var))
        function, operands = self.program.operation(e)
        rest = [operand(v) for v in operands[1:]]
        if isinstance(function, str):
            return self.emit.assign(ir.Expr.call(self.emit.attribute(base, function), rest, (), LOC))
        return self.emit.call(function, base, *rest)

    def shadow(self, name):
        """Return the array of adjoints of an array."""
        key = name + SHADOW
        if key not in self.memo:
            self.memo[key] = self.find_shadow(name)
        return self.memo[key]

    def find_shadow(self, name):
        """Find the shadow of an array: its own, or the same view of another array's shadow."""
        source = self.source_of_shadow(name)
        if source is not None:
            s = self.program.definitions[name][1]
            if self.program.around[self.here] and self.activity.role_at(s) == "view" and self.lasts(name):
                self.shadow(source)
                self.lasting.add(name)
                return self.emit.named(name + SHADOW)
            base = self.shadow(source)
            return self.view(s.value, base) if self.activity.role_at(s) == "view" else base
        self.shadowed.add(name)
        here = self.program.around[self.here]
        if any(self.around_place(place) & here for place in self.places(name)):
            self.save(name + SHADOW)
        return self.emit.named(name + SHADOW)

    def lasts(self, name):
        """Return True if an array, and those of which it is a view, stay the same on the way back.

        The shadow of such a view is made once, because a reshaping in a loop may take longer than
        the loop's own work.
        """
        if name == self.activity.point:
            return True
        label = self.program.definitions[name][0]
        if self.program.around[label] or label not in self.program.dominators[self.program.exit]:
            return False
        source = self.source_of_shadow(name)
        return source is None or self.lasts(source)

    def source_of_shadow(self, name):
        """Return the array of which an array is a view or alias, None if it has its own shadow."""
        if name == self.activity.point:
            return None
        s = self.program.definitions[name][1]
        role = self.activity.role_at(s)
        if role == "inplace":
            return s.value.lhs.name
        if role == "copy of a name":
            return (s.value.value if isinstance(s.value, ir.Expr) else s.value).name
        if role == "view":
            if s.value.op in ("getattr", "getitem", "static_getitem"):
                return s.value.value.name
            return self.program.operation(s.value)[1][0].name
        return None
