"""The code of a function as the transformation reads it: blocks, edges, loops, and names that are assigned once.

Numba's typed code in single-assignment form is taken apart: phis, statements and the end of every block; all returns are
joined in one exit block; iteration over arrays, `enumerate` and `zip` becomes indexing; tuples made in the function are
replaced by their items, and copies by what they are copies of.
"""

import types as python

import numpy as np
from numba.core import ir, types
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.ir_utils import replace_vars_stmt

from quasinewton.autodiff.adjoint import runtime
from quasinewton.autodiff.adjoint.emit import LOC
from quasinewton.autodiff.errors import Refused

COPIES = {"cast", "exhaust_iter"}
REMOVABLE = {"build_tuple", "static_getitem", "phi", "getattr", *COPIES}
SLICES = types.Integer, types.IntegerLiteral, types.SliceType, types.NoneType, types.EllipsisType


def refuse(what, loc=None):
    """Raise the refusal of an operation that has no adjoint."""
    raise Refused(f"no adjoint of {what}" + (f" in line {loc.line}" if loc is not None else ""))


def is_number(kind):
    """Return True if a type is that of a plain number or truth value."""
    return isinstance(kind, (types.Number, types.Boolean, types.IntegerLiteral, types.BooleanLiteral))


def is_expression(value, *operations):
    """Return True if a right-hand side is an expression of one of these operations."""
    return isinstance(value, ir.Expr) and value.op in operations


class Program:
    """The code of a function, read.

    Parameters
    ----------
    code : Numba IR, typed, without `del`
    typemap : dict
        Types by name.

    Attributes
    ----------
    phis, body, ends : dict
        By label of a block: its phi assignments, its other statements, the statement that ends it.
    types : dict
        Type of every name.
    edges : dict
        (block, next block): label of the block on that edge, where phis are assigned.
    definitions : dict
        Name: (label, statement), for phis too.
    loops, around, succ, pred, dominators, reach, live
        Loops by the label of their head; the heads of the loops around a block; neighbours; dominators; blocks that can
        be reached; blocks from which the exit can be reached.
    iterated : dict
        Head of a loop over arrays: the block that asks the iterator for more.
    """

    def __init__(self, code, typemap):
        self.types = {name: types.unliteral(kind) if is_number(kind) else kind for name, kind in typemap.items()}
        self.scope = next(iter(code.blocks.values())).scope
        self.last_label, self.count = max(code.blocks) + 1000, 0
        self.entry = min(code.blocks)
        self.read_blocks(code.blocks)
        self.read_graph()
        self.define()
        self.iterated, self.trip_counters = {}, {}
        for head in self.loops:
            self.index_iteration(head)
        self.unpack_arrays()
        self.define()
        self.split_tuples()
        self.propagate_copies()
        self.drop_unused()
        self.check_order()
        self.edges = {
            (p, s): self.label()
            for p in self.body
            for s in self.succ[p]
            if s in self.live and (len(self.pred[s]) > 1 or self.phis[s] or self.around[p] - self.around[s])
        }

    def label(self):
        """Return the label of a new block."""
        self.last_label += 1
        return self.last_label

    def fresh(self, name, kind):
        """Return a new variable of a type."""
        self.count += 1
        variable = ir.Var(self.scope, f"${name}.read{self.count}", LOC)
        self.types[variable.name] = kind
        return variable

    # ---- blocks and graph

    def read_blocks(self, blocks):
        """Take blocks apart, and join all returns."""
        self.phis, self.body, self.ends, returns = {}, {}, {}, []
        self.exit = self.label()
        for label, block in blocks.items():
            body, end = [s for s in block.body[:-1] if not isinstance(s, ir.Del)], block.body[-1]
            for s in body:
                known = isinstance(s, (ir.Assign, ir.SetItem, ir.StaticSetItem))
                if not known:
                    refuse(f"{type(s).__name__}", s.loc)
            self.phis[label] = [s for s in body if is_expression(s.value, "phi")]
            self.body[label] = [s for s in body if not is_expression(s.value, "phi")]
            if isinstance(end, ir.Return):
                returns.append((label, end.value))
                end = ir.Jump(self.exit, LOC)
            elif not isinstance(end, (ir.Jump, ir.Branch, ir.Raise, ir.StaticRaise, ir.DynamicRaise)):
                refuse(type(end).__name__, end.loc)
            self.ends[label] = end
        if not returns:
            refuse("a function that never returns")
        for _, value in returns:
            if not is_number(self.types[value.name]) or isinstance(self.types[value.name], types.Complex):
                refuse(f"a result of type {self.types[value.name]}")
        self.result = self.fresh("result", types.float64)
        joined = ir.Expr.phi(LOC)
        joined.incoming_blocks, joined.incoming_values = [p for p, _ in returns], [v for _, v in returns]
        self.phis[self.exit], self.body[self.exit] = [ir.Assign(joined, self.result, LOC)], []
        self.ends[self.exit] = ir.Return(self.result, LOC)

    def read_graph(self):
        """Find neighbours, loops, dominators, and what reaches what."""
        blocks = {}
        for label in self.body:
            blocks[label] = ir.Block(self.scope, LOC)
            blocks[label].body = [self.ends[label]]
        graph = compute_cfg_from_blocks(blocks)
        for dead in graph.dead_nodes():
            for table in (self.phis, self.body, self.ends):
                table.pop(dead, None)
        self.loops = dict(graph.loops())
        self.around = {label: {h for h, loop in self.loops.items() if label in loop.body} for label in self.body}
        targets = lambda end: list(dict.fromkeys(end.get_targets())) if isinstance(end, (ir.Jump, ir.Branch)) else []
        self.succ = {label: targets(end) for label, end in self.ends.items()}
        self.pred = {label: [p for p in self.body if label in self.succ[p]] for label in self.body}
        self.dominators = graph.dominators()
        self.reach = {label: self.reachable(label) for label in self.body}
        self.live = {label for label in self.body if self.exit in self.reach[label] or label == self.exit}

    def reachable(self, label):
        """Return the blocks that can follow a block."""
        seen, todo = set(), list(self.succ[label])
        while todo:
            n = todo.pop()
            if n not in seen:
                seen.add(n)
                todo += self.succ[n]
        return seen

    def statements(self):
        """Yield (label, statement) of all assignments and stores, phis included."""
        for label in self.body:
            for s in [*self.phis[label], *self.body[label]]:
                yield label, s

    def incoming(self, phi):
        """Return (previous block, variable) of a phi assignment; what is undefined on an edge is left out."""
        pairs = zip(phi.value.incoming_blocks, phi.value.incoming_values, strict=True)
        return list({p: (p, v) for p, v in pairs if isinstance(v, ir.Var)}.values())

    def operands(self, s):
        """Return the variables that a statement reads."""
        if isinstance(s, ir.Assign):
            if is_expression(s.value, "phi"):
                return [v for _, v in self.incoming(s)]
            return s.value.list_vars() if isinstance(s.value, ir.Expr) else [s.value] if isinstance(s.value, ir.Var) else []
        return s.list_vars() if hasattr(s, "list_vars") else []

    def define(self):
        """Find the one definition of every name."""
        self.definitions = {}
        for label, s in self.statements():
            if isinstance(s, ir.Assign):
                if s.target.name in self.definitions:
                    refuse(f"two assignments of {s.target.name}", s.loc)
                self.definitions[s.target.name] = label, s

    # ---- what a variable is

    def origin(self, variable):
        """Return the right-hand side behind copies: an expression, a constant, a phi; None where there is none."""
        while variable.name in self.definitions:
            value = self.definitions[variable.name][1].value
            if is_expression(value, *COPIES):
                value = value.value
            if not isinstance(value, ir.Var):
                return value
            variable = value
        return None

    def constant(self, variable):
        """Return the number that a variable is, None if it is not a constant."""
        value = self.origin(variable)
        if isinstance(value, (ir.Const, ir.Global, ir.FreeVar)) and isinstance(value.value, (bool, int, float)):
            return value.value
        if is_expression(value, "unary"):
            inner = self.constant(value.value)
            return None if inner is None else value.fn(inner)
        return None

    def function(self, variable):
        """Return (Python function, None) for what a variable holds, or (name, array) for a method of an array."""
        value = self.origin(variable)
        if isinstance(value, (ir.Global, ir.FreeVar)):
            return value.value, None
        if is_expression(value, "getattr"):
            if isinstance(self.types.get(value.value.name), types.Array):
                return value.attr, value.value
            owner, _ = self.function(value.value)
            if isinstance(owner, python.ModuleType):
                return getattr(owner, value.attr, None), None
        return None, None

    def operation(self, value):
        """Return (function or name of a method, operands in order) of an expression; (None, []) if it applies none."""
        if is_expression(value, "binop"):
            return value.fn, [value.lhs, value.rhs]
        if is_expression(value, "inplace_binop"):
            return value.immutable_fn, [value.lhs, value.rhs]
        if is_expression(value, "unary"):
            return value.fn, [value.value]
        if is_expression(value, "call"):
            function, owner = self.function(value.func)
            named = [v for _, v in value.kws]
            return function, [*([] if owner is None else [owner]), *value.args, *named]
        return None, []

    def is_array(self, name):
        """Return True if a name is that of an array."""
        return isinstance(self.types.get(name), types.Array)

    def contents(self, variables):
        """Yield variables, and what is in those that are tuples or lists made in the function."""
        for v in variables:
            yield v
            made = self.tuples.get(v.name)
            if made is None:
                value = self.origin(v)
                made = value.items if is_expression(value, "build_list") else ()
            yield from self.contents(made)

    # ---- iteration

    def decider(self, head):
        """Return the block of a loop that asks its iterator for more, the head or one that it goes straight to."""
        label = head
        while not any(is_expression(getattr(s, "value", None), "iternext") for s in self.body[label]):
            end = self.ends[label]
            if not isinstance(end, ir.Jump) or self.pred[end.target] != [label]:
                return head
            label = end.target
        return label

    def index_iteration(self, head):
        """Replace what an iteration over arrays yields by what the number of the trip indexes.

        The iterator is left to decide when the loop ends.
        """
        label = self.decider(head)
        steps = [s for s in self.body[label] if is_expression(getattr(s, "value", None), "iternext")]
        if len(steps) != 1:
            return
        container = self.origin(steps[0].value.value)
        container = container.value if is_expression(container, "getiter") else None
        firsts = [s for s in self.body[label] if is_expression(getattr(s, "value", None), "pair_first")]
        if container is None or len(firsts) != 1 or not self.is_indexable(container):
            return
        end = self.ends[label]
        if not isinstance(end, ir.Branch) or self.pred[end.truebr] != [label]:
            return
        counter = ir.Var(self.scope, f"$trips{head}", LOC)
        self.types[counter.name], self.trip_counters[counter.name] = types.int64, head
        target = firsts[0].target
        made = []
        self.yielded(container, counter, target, made)
        self.body[label] = [s for s in self.body[label] if s is not firsts[0]]
        self.body[end.truebr][:0] = made
        self.iterated[head] = label

    def is_indexable(self, container):
        """Return True if an iteration over this is one over arrays, perhaps by `enumerate` or `zip`."""
        if self.is_array(container.name):
            return True
        made = self.origin(container)
        if not is_expression(made, "call"):
            return False
        function, operands = self.operation(made)
        if function is enumerate:
            return not made.kws and len(operands) == 1 and self.is_indexable(operands[0])
        return function is zip and not made.kws and all(map(self.is_indexable, operands))

    def yielded(self, container, counter, target, made):
        """Append to `made` the assignment of what a container yields in a trip."""
        kind = self.types[target.name]
        if self.is_array(container.name):
            made.append(ir.Assign(ir.Expr.getitem(container, counter, LOC), target, LOC))
            return
        function, operands = self.operation(self.origin(container))
        items = []
        if function is enumerate:
            items.append(counter)
        for operand, item in zip(operands, list(kind)[len(items) :], strict=True):
            items.append(self.fresh("item", item))
            self.yielded(operand, counter, items[-1], made)
        made.append(ir.Assign(ir.Expr.build_tuple(items, LOC), target, LOC))

    # ---- tuples and copies

    def unpack_arrays(self):
        """Replace the unpacking of a vector into names by its items; a wrong number of them raises as before."""
        for label, body in self.body.items():
            made = []
            for s in body:
                made.append(s)
                if is_expression(getattr(s, "value", None), "exhaust_iter") and self.is_array(s.value.value.name):
                    if self.types[s.value.value.name].ndim != 1:
                        continue
                    made.pop()
                    made += self.unpacked(s)
            self.body[label] = made

    def unpacked(self, s):
        """Return the statements that unpack a vector."""
        kinds, source = list(self.types[s.target.name]), s.value.value
        names = [self.fresh(name, types.int64) for name in ("check", "function", "count")]
        check, function, count = names
        made = [
            ir.Assign(ir.Global("expect_size", runtime.expect_size, LOC), function, LOC),
            ir.Assign(ir.Const(len(kinds), LOC), count, LOC),
            ir.Assign(ir.Expr.call(function, [source, count], (), LOC), check, LOC),
        ]
        items = []
        for k, kind in enumerate(kinds):
            index, item = self.fresh("index", types.int64), self.fresh("item", kind)
            made.append(ir.Assign(ir.Const(k, LOC), index, LOC))
            made.append(ir.Assign(ir.Expr.getitem(source, index, LOC), item, LOC))
            items.append(item)
        made.append(ir.Assign(ir.Expr.build_tuple(items, LOC), s.target, s.loc))
        return made

    def split_tuples(self):
        """Replace items of tuples that the function makes, or chooses among, by what they are."""
        made = {}
        for name, (_, s) in self.definitions.items():
            if isinstance(self.types.get(name), (types.Tuple, types.UniTuple)):
                if isinstance(s.value, ir.Var) or is_expression(s.value, "build_tuple", "phi", *COPIES):
                    made[name] = s
        while True:
            kept = {name: s for name, s in made.items() if self.tuple_sources(s) <= set(made)}
            if len(kept) == len(made):
                break
            made = kept
        items = {}
        for name, s in made.items():
            if is_expression(s.value, "build_tuple"):
                items[name] = list(s.value.items)
            elif is_expression(s.value, "phi"):
                items[name] = [self.fresh("item", kind) for kind in self.types[name]]
        for name in made:
            self.tuple_items(name, made, items)
        for name, s in made.items():
            if is_expression(s.value, "phi"):
                self.split_phi(s, items)
        for body in self.body.values():
            for k, s in enumerate(body):
                if is_expression(getattr(s, "value", None), "static_getitem"):
                    owner, index = s.value.value.name, s.value.index
                    if owner in items and isinstance(index, int):
                        body[k] = ir.Assign(items[owner][index], s.target, s.loc)
        self.tuples = items
        self.define()

    def tuple_sources(self, s):
        """Return the names of the tuples that a tuple is a copy of."""
        if is_expression(s.value, "build_tuple"):
            return set()
        if is_expression(s.value, "phi") and len(self.incoming(s)) < len(set(s.value.incoming_blocks)):
            return {None}
        return {v.name for v in self.operands(s)}

    def tuple_items(self, name, made, items):
        """Return the items of a tuple."""
        if name not in items:
            items[name] = self.tuple_items(self.operands(made[name])[0].name, made, items)
        return items[name]

    def split_phi(self, s, items):
        """Add a phi for every item of a tuple."""
        label = self.definitions[s.target.name][0]
        for k, item in enumerate(items[s.target.name]):
            phi = ir.Expr.phi(LOC)
            pairs = self.incoming(s)
            phi.incoming_blocks = [p for p, _ in pairs]
            phi.incoming_values = [items[v.name][k] for _, v in pairs]
            self.phis[label].append(ir.Assign(phi, item, LOC))

    def propagate_copies(self):
        """Replace names of copies by what they are copies of."""
        copies = {}
        for name, (_, s) in self.definitions.items():
            source = s.value.value if is_expression(s.value, *COPIES) else s.value
            if isinstance(source, ir.Var) and self.types.get(source.name) == self.types[name]:
                copies[name] = source
        for name in copies:
            while copies[name].name in copies:
                copies[name] = copies[copies[name].name]
        for label in self.body:
            for s in self.phis[label]:
                values = s.value.incoming_values
                s.value.incoming_values = [copies.get(v.name, v) if isinstance(v, ir.Var) else v for v in values]
            self.body[label] = [s for s in self.body[label] if not (isinstance(s, ir.Assign) and s.target.name in copies)]
            for s in [*self.body[label], self.ends[label]]:
                self.rename(s, copies)
        self.tuples = {name: [copies.get(v.name, v) for v in items] for name, items in self.tuples.items()}
        self.define()

    def rename(self, s, copies):
        """Rename what a statement reads."""
        if isinstance(s, (ir.Branch, ir.Return)):
            field = "cond" if isinstance(s, ir.Branch) else "value"
            setattr(s, field, copies.get(getattr(s, field).name, getattr(s, field)))
        elif not isinstance(s, ir.Jump):
            replace_vars_stmt(s, copies)

    def drop_unused(self):
        """Drop what tuples and copies leave behind: names that nobody reads."""
        while True:
            used = {v.name for _, s in self.statements() for v in self.operands(s)}
            used |= {v.name for end in self.ends.values() for v in end.list_vars()}
            removable = lambda s: (
                isinstance(s, ir.Assign)
                and s.target.name not in used
                and s.target.name != self.result.name
                and (is_expression(s.value, *REMOVABLE) or isinstance(s.value, (ir.Var, ir.Const, ir.Global)))
            )
            found = False
            for table in (self.phis, self.body):
                for label, body in table.items():
                    kept = [s for s in body if not removable(s)]
                    found |= len(kept) < len(body)
                    table[label] = kept
            if not found:
                break
        self.define()

    def check_order(self):
        """Refuse names that may be read before they are assigned: they are no single assignments."""
        position = {}
        for body in self.body.values():
            position |= {id(s): k for k, s in enumerate(body)}
        for label, s in self.statements():
            if is_expression(getattr(s, "value", None), "phi"):
                for p, v in self.incoming(s):
                    self.check_use(v, p, len(self.body[p]), position)
                continue
            reads = self.operands(s)
            for v in reads:
                self.check_use(v, label, position[id(s)], position)
        for label, end in self.ends.items():
            for v in end.list_vars():
                self.check_use(v, label, len(self.body[label]), position)

    def check_use(self, variable, label, k, position):
        """Refuse a use that its definition does not come before."""
        if variable.name in self.trip_counters:
            return
        if variable.name not in self.definitions:
            refuse(f"the undefined {variable.name}")
        where, s = self.definitions[variable.name]
        if where == label and not is_expression(s.value, "phi"):
            if position[id(s)] >= k:
                refuse(f"{variable.name}, which may be read before it is assigned", s.loc)
        elif where not in self.dominators[label]:
            refuse(f"{variable.name}, which may be read before it is assigned", s.loc)


def method_keywords(value):
    """Return the names of the keyword arguments of a call."""
    return tuple(name for name, _ in value.kws) if is_expression(value, "call") else ()


def is_ufunc(function):
    """Return True if a function is one of NumPy's elementwise ones."""
    return isinstance(function, np.ufunc)
