"""The forward sweep: the statements of the function, and what they save for the backward sweep."""

import math
import operator

from numba.core import ir

from quasinewton._autodiff.adjoint import runtime, stack
from quasinewton._autodiff.adjoint.access import deposit
from quasinewton._autodiff.adjoint.backward import BAR
from quasinewton._autodiff.adjoint.basics import is_basic, is_expression
from quasinewton._autodiff.adjoint.broadcasting import keep
from quasinewton._autodiff.adjoint.chain import number, quotient
from quasinewton._autodiff.adjoint.elementwise import Item, joint_shape, spread_leaves
from quasinewton._autodiff.adjoint.emit import LOC
from quasinewton._autodiff.adjoint.values import SHADOW


class Forward:
    """The forward sweep, emitted into the blocks that already hold the backward sweep.

    Parameters
    ----------
    backward : Backward
    stack_argument : int
        Index of the argument that holds the address of the stack.
    """

    def __init__(self, backward, stack_argument):
        self.backward, self.emit, self.program = backward, backward.emit, backward.program
        self.activity, self.groups, self.types = backward.activity, backward.groups, backward.types
        self.stack_argument = stack_argument
        backward.shadowed.add(self.activity.point)
        self.find_early()
        for label in self.program.body:
            self.block(label)
        for p, s in self.program.edges:
            self.edge(p, s)
        self.turn()
        first = self.emit.blocks[self.program.entry].body
        at = sum(isinstance(s, ir.Assign) and isinstance(s.value, ir.Arg) for s in first)
        first[at:at] = self.emit.prologue

    # ---- shadows

    def find_early(self):
        """Find the arrays whose shadows the forward sweep makes.

        These are arrays assigned in loops or branches, and arrays that a phi chooses.
        """
        shadowed, self.early = self.backward.shadowed, set()
        todo = list(shadowed)
        while todo:
            name = todo.pop()
            if name in self.program.definitions:
                label, s = self.program.definitions[name]
                if is_expression(s.value, "phi"):
                    self.early.add(name)
                    for _, v in self.program.incoming(s):
                        own = self.owner(v.name)
                        self.early.add(own)
                        if own not in shadowed:
                            shadowed.add(own)
                            todo.append(own)
                elif self.program.around[label] or label not in self.program.dominators[self.program.exit]:
                    self.early.add(name)

    def owner(self, name):
        """Return the array that owns the shadow of an array."""
        source = self.backward.source_of_shadow(name)
        return name if source is None else self.owner(source)

    def shadow(self, name):
        """Return the shadow of an array in the forward sweep."""
        source = self.backward.source_of_shadow(name)
        if source is None:
            return self.emit.named(name + SHADOW)
        s, base = self.program.definitions[name][1], self.shadow(source)
        return self.backward.view(s.value, base, lambda v: v) if self.activity.role_at(s) == "view" else base

    def make_shadow(self, name):
        """Emit the shadow of an array: zeros of its shape."""
        zeros = self.emit.call(runtime.ZEROS[self.types[name].ndim], self.emit.named(name))
        self.emit.set(name + SHADOW, zeros)

    # ---- blocks

    def block(self, label):
        """Emit a block."""
        emit, program = self.emit, self.program
        emit.start(label)
        if label == program.entry:
            self.begin()
        self.push(label)
        for k, s in enumerate(program.body[label]):
            if not (isinstance(s, ir.Assign) and isinstance(s.value, ir.Arg)):
                self.statement(s)
        end = program.ends[label]
        go = lambda target: program.edges.get((label, target), target)
        if isinstance(end, ir.Branch):
            emit.append(ir.Branch(end.cond, go(end.truebr), go(end.falsebr), end.loc))
        elif isinstance(end, ir.Jump):
            emit.jump(go(end.target))
        elif isinstance(end, ir.Return):
            emit.jump(self.backward.turn)
        else:
            emit.append(end)

    def begin(self):
        """Emit the reading of the arguments, the copy of x, and the initial top of the stack.

        Tags and counts are set to 0. Other values that are pushed before they are first assigned
        are 0, because Numba initialises its variables with zeros.
        """
        emit, point = self.emit, self.activity.point
        entry = self.program.body[self.program.entry]
        arguments = [s for s in entry if isinstance(s, ir.Assign) and isinstance(s.value, ir.Arg)]
        copied = self.activity.root(point) in self.activity.stores
        for s in arguments:
            target = emit.named("$given") if copied and s.target.name == point else s.target
            emit.append(ir.Assign(s.value, target, s.loc))
        if all(s.target.name != point for s in arguments):
            emit.append(ir.Assign(ir.Arg("x", 0, LOC), emit.named(point), LOC))
        emit.append(ir.Assign(ir.Arg("stack", self.stack_argument, LOC), emit.named("$stack"), LOC))
        if copied:
            emit.set(point, emit.call(runtime.copied, emit.named("$given")))
        emit.set("$top", 0)
        for name in self.backward.saved:
            if name.startswith(("$from", "$trips")):
                emit.set(name, 0)
        if point in self.early:
            self.make_shadow(point)

    def push(self, place):
        """Emit the push of the values that are about to be overwritten."""
        names = self.backward.slots.get(place)
        if names:
            emit = self.emit
            values = emit.tuple([emit.named(name) for name in names])
            emit.set("$top", emit.call(stack.push, emit.named("$stack"), emit.named("$top"), values))

    def edge(self, p, s):
        """Emit the block on an edge: phis, all at once, then trip counts and tags."""
        emit, program, backward = self.emit, self.program, self.backward
        emit.start(program.edges[p, s])
        self.push((p, s))
        assigned = {}
        for phi in program.phis[s]:
            for q, v in program.incoming(phi):
                if q == p:
                    assigned[phi.target.name] = v
                    if phi.target.name in backward.shadowed:
                        assigned[phi.target.name + SHADOW] = self.shadow(v.name)
        if {v.name for v in assigned.values()} & set(assigned):
            for name, v in assigned.items():
                assigned[name] = emit.fresh("phi")
                emit.set(assigned[name], v)
        for name, v in assigned.items():
            emit.set(name, v)
        if s in program.loops and not backward.is_counted(s):
            trips = backward.trips(s)
            inside = p in program.loops[s].body
            emit.set(trips, emit.binop(operator.add, emit.named(trips), 1) if inside else 0)
        if p in backward.tagged.get(s, ()):
            emit.set(backward.tag(s), backward.tagged[s].index(p))
        emit.jump(s)

    def turn(self):
        """Emit the start of the backward sweep, and the end of the function."""
        emit, backward = self.emit, self.backward
        emit.start(backward.turn)
        if any(stack.references(self.types.get(name.removesuffix(SHADOW))) for name in backward.saved):
            emit.do(stack.forget, emit.named("$stack"))
        result = self.program.result.name
        for name in sorted(backward.bars):
            emit.set(name + BAR, 0.0)
        if self.activity.active(result):
            emit.set(result + BAR, 1.0)
        for name in sorted(backward.shadowed - self.early):
            self.make_shadow(name)
        for name in sorted(backward.lasting):
            emit.set(name + SHADOW, self.shadow(name))
        emit.jump(backward.back[self.program.exit])
        emit.start(backward.done)
        value, gradient = emit.call(number, self.program.result), emit.named(self.activity.point + SHADOW)
        emit.do(runtime.undefine, gradient, emit.call(math.isnan, value))
        pair = emit.tuple([value, gradient])
        emit.append(ir.Return(emit.assign(ir.Expr.cast(pair, LOC)), LOC))

    # ---- statements

    def statement(self, s):
        """Emit a statement."""
        name = s.target.name if isinstance(s, ir.Assign) else None
        if name in self.groups.fused or self.is_method_of_fused(s):
            return
        self.keep(s)
        kind = self.groups.kinds.get(id(s))
        if kind is not None and id(s) not in self.groups.original:
            self.loop(s, kind)
        else:
            self.emit.append(s)
        if name in self.backward.shadowed and name in self.early:
            self.make_shadow(name)

    def is_method_of_fused(self, s):
        """Return True if a statement looks up a method of an array that is never stored."""
        return is_expression(getattr(s, "value", None), "getattr") and s.value.value.name in self.groups.fused

    def keep(self, s):
        """Push what a store or in-place operation overwrites, if the backward sweep restores it."""
        emit, role = self.emit, self.activity.role_at(s)
        if role not in ("store", "inplace"):
            return
        target = s.value.lhs if role == "inplace" else s.target
        if self.activity.root(target.name) not in self.backward.undone:
            return
        top, rank = emit.named("$top"), self.types[target.name].ndim
        if role == "store" and is_basic(self.activity.index_type(s)):
            index = lambda v: v
            if self.backward.is_item(s):
                variable = s.index if isinstance(s, ir.SetItem) else s.index_var
                old = emit.tuple([emit.getitem(target, s.index if variable is None else variable)])
                emit.set("$top", emit.call(stack.push, emit.named("$stack"), top, old))
                return
            rank = self.backward.rank_of_store(s)
            target = self.backward.view_of_store(s, target, index)
        emit.set("$top", emit.call(stack.KEPT[rank], emit.named("$stack"), top, target))

    def loop(self, s, kind):
        """Emit an elementwise statement, or the sum of one, as a loop."""
        emit, node = self.emit, self.groups.node_of(s.target.name)
        inner = node.children[0] if kind in ("sum", "mean") else node
        leaves = self.groups.leaves(inner)
        arrays = {n: v for n, v in leaves.items() if self.program.is_array(n)}
        ranks = {n: self.types[n].ndim for n in arrays}
        rank = self.groups.rank(s, kind, self.program.operation(s.value)[1])
        shape = joint_shape(emit, arrays, ranks, rank)
        spread = spread_leaves(emit, arrays, ranks, shape) if len(arrays) > 1 else arrays
        at = lambda index: Item(self.groups, emit, spread, emit.named, index)
        if kind == "inplace":
            target = node.children[0]
            body = lambda index: emit.do(deposit(rank), target, at(index).value(node), *index)
        elif kind == "array":
            target = emit.call(runtime.EMPTY[rank], *shape)
            body = lambda index: emit.do(deposit(rank), target, at(index).value(node), *index)
        else:
            target = emit.fresh("sum")
            emit.set(target, 0.0)
            body = lambda index: emit.set(target, emit.binop(operator.add, target, at(index).value(inner)))
        emit.nest(shape, body)
        if len(arrays) > 1:
            for variable in arrays.values():
                emit.do(keep, variable)
        if kind == "mean":
            size = shape[0]
            for extent in shape[1:]:
                size = emit.binop(operator.mul, size, extent)
            target = emit.call(quotient, target, size)
        emit.set(s.target, target)
