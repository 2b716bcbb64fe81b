"""The backward sweep: every block has an adjoint block, which takes its statements in reverse."""

import builtins
import operator

import numpy as np
from numba.core import ir, types

from quasinewton._autodiff.adjoint import runtime, stack
from quasinewton._autodiff.adjoint.access import deposit, fetch, increase
from quasinewton._autodiff.adjoint.array_rules import adjoint_of_rule
from quasinewton._autodiff.adjoint.basics import is_expression, refuse
from quasinewton._autodiff.adjoint.broadcasting import fold, keep
from quasinewton._autodiff.adjoint.chain import chain, guarded, ordinary, quotient, total
from quasinewton._autodiff.adjoint.control import Control
from quasinewton._autodiff.adjoint.elementwise import (
    TRANSCENDENTAL,
    Item,
    Node,
    joint_shape,
    spread_leaves,
)
from quasinewton._autodiff.adjoint.functions import EXTREMES
from quasinewton._autodiff.adjoint.gathers import gather_of
from quasinewton._autodiff.adjoint.steepness import PLAIN, is_steep, steep_names
from quasinewton._autodiff.adjoint.stores import Stores
from quasinewton._autodiff.adjoint.values import Values

BAR = ".bar"
NOTHING_BACKWARD = {"argument", "creator", "drop", "view", "constant", "control", "tuple", "list", "phi"}


class Backward(Values, Control, Stores):
    """The backward sweep of a program.

    It is emitted repeatedly until the sets of what must be saved and undone no longer grow; the
    last emission counts.

    Attributes
    ----------
    emit : Emitter
    back : dict
        Label of a block or edge: label of its adjoint block.
    turn, done : labels of where the backward sweep begins and ends
    bars : set
        Names of numbers with a variable for their adjoint.
    """

    def __init__(self, program, activity, groups, make_emitter):
        self.program, self.activity, self.groups, self.types = program, activity, groups, program.types
        self.saved, self.slots, self.undone, self.shadowed, self.bars = {}, {}, set(), set(), set()
        self.lasting = set()
        self.find_control()
        self.steep = steep_names(program, activity)
        while True:
            before = len(self.saved), len(self.undone), len(self.bars), len(self.shadowed)
            self.emit = make_emitter()
            self.sweep()
            if before == (len(self.saved), len(self.undone), len(self.bars), len(self.shadowed)):
                break

    def sweep(self):
        """Emit the whole sweep."""
        emit, program = self.emit, self.program
        self.turn, self.done = emit.label(), emit.label()
        self.back = {label: emit.label() for label in program.body if label in program.live}
        self.back |= {edge: emit.label() for edge in program.edges}
        self.here, self.at, self.memo, self.open = program.exit, 0, {}, {}
        self.save_control()
        for label in self.back:
            if isinstance(label, tuple):
                self.edge(*label)
            else:
                self.block(label)

    def begin(self, place, here, at):
        """Begin the adjoint block of a place."""
        self.emit.start(self.back[place])
        self.here, self.at, self.memo, self.open = here, at, {}, {}

    def block(self, label):
        """Emit the adjoint block of a block."""
        body = self.program.body[label]
        self.begin(label, label, len(body))
        for k in range(len(body) - 1, -1, -1):
            self.at = k
            self.statement(body[k])
        self.at = -1
        condition = self.ask_condition(label)
        self.flush()
        self.pop(label)
        self.go_back(label, condition)

    def edge(self, p, s):
        """Emit the adjoint block of an edge: the adjoints of its phis, all at once."""
        self.begin((p, s), p, len(self.program.body[p]))
        taken = []
        for phi in self.program.phis[s]:
            name = phi.target.name
            if self.activity.active(name) and not isinstance(self.types[name], (types.Array, types.BaseTuple)):
                source = next((v for q, v in self.program.incoming(phi) if q == p), None)
                taken.append((source, self.take(name)))
        for source, g in taken:
            if source is not None:
                self.give(source.name, g)
        self.flush()
        for head in self.program.around[p] - self.program.around[s]:
            if self.is_counted(head):
                self.here, self.at = head, -1
                self.emit.set(self.trips(head), self.number_of_trips(head))
        self.pop((p, s))
        self.emit.jump(self.back[p])

    def pop(self, place):
        """Emit the pop of all that was pushed at a place."""
        names = self.slots.get(place)
        if names:
            emit = self.emit
            like = emit.tuple([emit.named(name) for name in names])
            emit.set("$top", emit.call(stack.below, emit.named("$top"), like))
            values = emit.call(stack.popped, emit.named("$top"), like)
            for k, name in enumerate(names):
                emit.set(name, emit.item(values, k))

    # ---- adjoints of numbers

    def is_local(self, name):
        """Return True if the adjoint of a number is used in one adjoint block only.

        It then needs no variable.
        """
        places = self.places_of_use.get(name, set())
        where, s = self.program.definitions[name]
        return places <= {where} and not is_expression(s.value, "phi")

    @property
    def places_of_use(self):
        """Labels of blocks and, for phis, edges where every name is read."""
        if not hasattr(self, "_uses"):
            self._uses = {}
            for label, s in self.program.statements():
                if is_expression(getattr(s, "value", None), "phi"):
                    for p, v in self.program.incoming(s):
                        self._uses.setdefault(v.name, set()).add((p, label))
                    continue
                for v in self.program.contents(self.program.operands(s)):
                    self._uses.setdefault(v.name, set()).add(label)
        return self._uses

    def bar(self, name):
        """Return the adjoint of a number so far, None if it is zero."""
        if name not in self.open:
            self.open[name] = None
            if not self.is_local(name):
                self.bars.add(name)
                self.open[name] = self.emit.fresh("bar")
                self.emit.set(self.open[name], self.emit.named(name + BAR))
        return self.open[name]

    def give(self, name, g):
        """Add to the adjoint of a number."""
        if g is None or not self.activity.active(name):
            return
        before = self.bar(name)
        self.open[name] = g if before is None else self.emit.binop(operator.add, before, g)

    def take(self, name):
        """Return the adjoint of a number and set it to zero, as its assignment requires."""
        g = self.bar(name)
        self.open[name] = None
        return g

    def flush(self):
        """Assign the variables of the adjoints that this block has changed."""
        for name, g in self.open.items():
            if not self.is_local(name):
                self.emit.set(name + BAR, 0.0 if g is None else g)
        self.open = {}

    # ---- statements

    def statement(self, s):
        """Emit the adjoint of a statement."""
        if not isinstance(s, ir.Assign):
            return self.store(s)
        name, role = s.target.name, self.activity.role_at(s)
        if role == "inplace":
            return self.inplace(s)
        if name in self.groups.fused or not self.activity.active(name):
            return None
        if role in NOTHING_BACKWARD or role is None:
            if role is None:
                refuse(f"{s.value}", s.loc)
            return None
        if id(s) in self.groups.kinds:
            return self.loop(s, self.groups.kinds[id(s)])
        if role == "copy of a name":
            source = s.value.value if isinstance(s.value, ir.Expr) else s.value
            return None if self.program.is_array(name) else self.give(source.name, self.take(name))
        if role == "load":
            return self.load(s)
        if role == "elementary":
            return self.elementary(s)
        if role == "copy":
            source = self.program.operation(s.value)[1][0].name
            if self.activity.active(source):
                ranks = self.types[source].ndim, self.types[name].ndim
                if ranks not in runtime.ADD:
                    refuse(f"a copy of {self.types[source]}", s.loc)
                self.emit.do(runtime.ADD[ranks], self.shadow(source), self.shadow(name))
            return None
        if role in ("gather", "mask"):
            return self.gather(s, role)
        if role == "rule":
            return adjoint_of_rule(self, s)
        refuse(f"{role}: {s.value}", s.loc)

    def load(self, s):
        """Emit the adjoint of the load of one item."""
        g = self.take(s.target.name)
        if g is not None:
            emit, own = self.emit, self.shadow(s.value.value.name)
            index = emit.var(self.index(s.value))
            emit.append(ir.SetItem(own, index, emit.binop(operator.add, emit.getitem(own, index), g), s.loc))

    def gather(self, s, role):
        """Emit the adjoint of items read by a mask or an array of indices."""
        owner = s.value.value.name
        if not self.activity.active(owner):
            return
        if role == "mask":
            index = s.value.index if s.value.op == "getitem" else s.value.index_var
            function, others = runtime.add_masked, []
        else:
            function, index, others = gather_of(
                self.program, s.value, self.activity.index_type(s), self.types[owner]
            )
        others = [self.operand(v) for v in others]
        self.emit.do(function, self.shadow(owner), self.shadow(s.target.name), self.array(index.name), *others)

    def index(self, e):
        """Return the index of an item, a view or a store."""
        variable = e.index if isinstance(e, ir.SetItem) or getattr(e, "op", None) == "getitem" else e.index_var
        if variable is None:
            if not isinstance(e.index, int):
                refuse("an index that is no variable", e.loc)
            return e.index
        return self.operand(variable)

    def elementary(self, s):
        """Emit the adjoint of an elementary function of numbers."""
        function, operands = self.program.operation(s.value)
        g = self.take(s.target.name)
        if g is None:
            return
        if function in (builtins.float, np.float64):
            self.give(operands[0].name, g)
            return
        if function in EXTREMES and len(operands) != 2:
            return self.extreme(function, operands, g)
        node = Node(function, operands, s.target.name)
        wanted = [k for k, operand in enumerate(operands) if self.activity.active(operand.name)]
        known = {}
        if any(node in self.groups.read_by(node, k) for k in wanted):
            known[s.target.name] = self.value(s.target.name)
        item = Item(self.groups, self.emit, {}, self.value, [], known)
        plain = function in PLAIN or (function is operator.pow and not is_steep(self.program, s.value))
        product = ordinary if plain and self.activity.root(s.target.name) not in self.steep else guarded
        for k in wanted:
            self.give(operands[k].name, item.part(node, k, g, product))

    def extreme(self, function, operands, g):
        """Emit the adjoint of `max` or `min` of more than two numbers, taken two at a time."""
        emit, rule = self.emit, EXTREMES[function]
        values = [self.operand(v) for v in operands]
        best = [values[0]]
        for value in values[1:]:
            best.append(emit.call(function, best[-1], value))
        for k in range(len(values) - 1, 0, -1):
            given = best[k], best[k - 1], values[k]
            self.give(operands[k].name, emit.call(chain(rule, 1, 2), g, *given))
            g = emit.call(chain(rule, 0, 2), g, *given)
        self.give(operands[0].name, g)

    # ---- loops

    def inplace(self, s):
        """Emit the adjoint of an in-place operation."""
        target = s.value.lhs.name
        if self.activity.root(target) in self.undone:
            self.put_back(s)
        if not self.activity.active(s.target.name):
            return
        node = self.groups.node_of(s.target.name)
        if any(self.activity.root(leaf) == self.activity.root(target) for leaf in self.groups.leaves(node.children[1])):
            refuse("a change of an array in place by itself", s.loc)
        if target in self.groups.wanted(node):
            self.undo(target)
        self.loop(s, "inplace")

    def loop(self, s, kind):
        """Emit the adjoint of an elementwise statement, or of the sum of one, as one loop."""
        emit, name = self.emit, s.target.name
        node = self.groups.node_of(name)
        inner = node.children[0] if kind in ("sum", "mean") else node
        leaves = self.groups.leaves(inner)
        names = [n for n in leaves if self.program.is_array(n)]
        ranks = {n: self.types[n].ndim for n in names}
        rank = self.groups.rank(s, kind, self.program.operation(s.value)[1])
        if kind in ("sum", "mean"):
            whole = self.take(name)
            if whole is None:
                return
        known = self.known_result(s, kind, node)
        wanted = self.groups.wanted(inner, known)
        arrays = {n: self.array(n) if n in wanted else self.value(n) if not self.has_shadow(n) else None for n in names}
        shadows = {n: self.shadow(n) for n in names if self.activity.active(n)}
        shape, spread, spread_shadows = self.loop_arrays(kind, name, arrays, shadows, ranks, rank)
        if kind == "mean":
            for extent in shape:
                whole = emit.call(quotient, whole, extent)
        numbers = {n: self.value(n) for n in leaves if n not in ranks and n in wanted and self.is_variable(leaves[n])}
        sums = {n: emit.fresh("total") for n in leaves if n not in ranks and self.activity.active(n)}
        for each in sums.values():
            emit.set(each, 0.0)
        own = self.shadow(name) if kind in ("array", "inplace") else None

        def body(index, names):
            given = {}
            if known:
                given[name] = emit.call(fetch(rank), known[name], *index)
            item = Item(self.groups, emit, spread, numbers.__getitem__, index, given)
            parts = {}  # of the adjoints of the leaves, by name

            def sink(leaf, g):
                before = parts.get(leaf.name)
                parts[leaf.name] = g if before is None else emit.call(total, before, g)

            item.propagate(inner, whole if own is None else emit.call(fetch(rank), own, *index), sink, names)
            for n, g in parts.items():
                if n in sums:
                    emit.set(sums[n], emit.call(total, sums[n], g))
                    continue
                at = item.at(n)
                overwritten = kind == "inplace" and n == node.children[0].name
                emit.do((deposit if overwritten else increase)(len(at)), spread_shadows[n], g, *at)

        active = [n for n in leaves if n in shadows or n in sums]
        for names in [set(active)] if kind == "inplace" else self.groups.passes(inner, active):
            emit.nest(shape, lambda index, names=names: body(index, names))
        for n, variable in spread_shadows.items():
            if variable is not shadows[n]:
                emit.do(fold, runtime.FOLD[ranks[n]], shadows[n], variable)
        for n, variable in spread.items():
            if variable is not arrays[n]:
                emit.do(keep, arrays[n])
        for n, each in sums.items():
            self.give(n, each)

    def is_variable(self, leaf):
        """Return True if a leaf that is a number is not a constant."""
        return self.program.constant(leaf) is None

    def has_shadow(self, name):
        """Return True if an array has a shadow, which has the same shape."""
        return self.activity.active(name)

    def known_result(self, s, kind, node):
        """Return the stored result of a loop, by name, if reading it is cheaper than computing it.
        """
        name = s.target.name
        if kind != "array" or node.function not in TRANSCENDENTAL:
            return {}
        if self.activity.stores.get(self.activity.root(name)):
            return {}
        return {name: self.value(name)}

    def loop_arrays(self, kind, name, arrays, shadows, ranks, rank):
        """Return the extents of a loop, the arrays it reads, and the shadows to which it adds."""
        emit = self.emit
        shapes = {n: arrays[n] if arrays[n] is not None else shadows[n] for n in arrays}
        if kind in ("array", "inplace"):
            own = self.shadow(name)
            shape = [emit.extent(own, d) for d in range(rank)]
        else:
            shape = joint_shape(emit, shapes, ranks, rank)
        if kind == "inplace" or len(arrays) > 1 or (arrays and max(ranks.values()) < rank):
            read = {n: variable for n, variable in arrays.items() if variable is not None}
            spread = spread_leaves(emit, read, ranks, shape)
            return shape, spread, spread_leaves(emit, shadows, ranks, shape, runtime.SPREAD_SHADOW)
        return shape, arrays, shadows
