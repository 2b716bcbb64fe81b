"""The code of a function as the transformation reads it: blocks, edges, loops, single assignments.

Numba's typed code in single-assignment form is split into the phis, the statements and the end of
every block. All returns are joined in one exit block. Iteration over arrays, `enumerate` and `zip`
becomes indexing. Tuples made in the function are replaced by their items, and copies by their
sources.
"""

import types as python

from numba.core import ir, types
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.ir_utils import replace_vars

from quasinewton._autodiff.adjoint.basics import COPIES, is_expression, is_number, refuse
from quasinewton._autodiff.adjoint.emit import LOC
from quasinewton._autodiff.adjoint.rewriting import Rewriting
from quasinewton._numba_ext.array_functions import ORIGINALS


class Program(Rewriting):
    """The code of a function in the form that the transformation reads.

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
        Loops by the label of their head; the heads of the loops around a block; neighbours;
        dominators; blocks that can be reached; blocks from which the exit can be reached.
    iterated : dict
        Head of a loop over arrays: the block that advances the iterator.
    """

    def __init__(self, code, typemap):
        self.types = {name: types.unliteral(kind) if is_number(kind) else kind for name, kind in typemap.items()}
        self.scope = next(iter(code.blocks.values())).scope
        self.last_label, self.count = max(code.blocks) + 1000, 0
        self.entry = min(code.blocks)
        self.name_arrays(code.blocks)
        self.read_blocks(code.blocks)
        self.read_graph()
        self.define()
        self.iterated, self.trip_counters = {}, {}
        for head in self.loops:
            self.index_iteration(head)
        self.unpack_arrays()
        self.store_fills()
        self.define()
        self.split_tuples()
        self.propagate_copies()
        self.share_views()
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

    def name_arrays(self, blocks):
        """Give ordinary names to temporary arrays.

        Numba fuses array expressions block by block and then drops those temporaries, on the
        assumption that no other block reads them. The backward sweep does.
        """
        named = {}
        for name, kind in list(self.types.items()):
            if name.startswith("$") and isinstance(kind, types.Array):
                named[name] = ir.Var(self.scope, "array" + name, LOC)
                self.types["array" + name] = kind
        replace_vars(blocks, named)

    # ---- blocks and graph

    def read_blocks(self, blocks):
        """Split the blocks, and join all returns."""
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
        """Find neighbours, loops, dominators and reachable blocks."""
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
        """Return the blocks that control can reach from a block."""
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
        """Return (previous block, variable) for the defined operands of a phi assignment."""
        pairs = zip(phi.value.incoming_blocks, phi.value.incoming_values, strict=True)
        return list({p: (p, v) for p, v in pairs if isinstance(v, ir.Var)}.values())

    def operands(self, s):
        """Return the variables that a statement reads."""
        if isinstance(s, ir.Assign):
            if is_expression(s.value, "phi"):
                return [v for _, v in self.incoming(s)]
            return (
                s.value.list_vars()
                if isinstance(s.value, ir.Expr)
                else [s.value] if isinstance(s.value, ir.Var) else []
            )
        return s.list_vars() if hasattr(s, "list_vars") else []

    def define(self):
        """Find the single definition of every name."""
        self.definitions = {}
        for label, s in self.statements():
            if isinstance(s, ir.Assign):
                if s.target.name in self.definitions:
                    refuse(f"two assignments of {s.target.name}", s.loc)
                self.definitions[s.target.name] = label, s

    # ---- what a variable is

    def origin(self, variable):
        """Return the right-hand side behind copies: an expression, constant or phi; None if none.
        """
        while variable.name in self.definitions:
            value = self.definitions[variable.name][1].value
            if is_expression(value, *COPIES):
                value = value.value
            if not isinstance(value, ir.Var):
                return value
            variable = value
        return None

    def constant(self, variable):
        """Return the number that a variable holds, None if it is not a constant."""
        value = self.origin(variable)
        if isinstance(value, (ir.Const, ir.Global, ir.FreeVar)) and isinstance(value.value, (bool, int, float)):
            return value.value
        if is_expression(value, "unary"):
            inner = self.constant(value.value)
            return None if inner is None else value.fn(inner)
        return None

    def function(self, variable):
        """Return (Python function, None), (name, array) for a method of an array, or (None, None).
        """
        value = self.origin(variable)
        if isinstance(value, (ir.Global, ir.FreeVar)):
            held = value.value
            return (ORIGINALS.get(held, held) if isinstance(held, python.FunctionType) else held), None
        if is_expression(value, "getattr"):
            if isinstance(self.types.get(value.value.name), types.Array):
                return value.attr, value.value
            owner, _ = self.function(value.value)
            if isinstance(owner, python.ModuleType):
                return getattr(owner, value.attr, None), None
        return None, None

    def operation(self, value):
        """Return (function or name of a method, operands in order) of an expression, or (None, []).
        """
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
        """Yield variables, and the items of those that are tuples or lists made in the function."""
        for v in variables:
            yield v
            made = self.tuples.get(v.name)
            if made is None:
                value = self.origin(v)
                made = value.items if is_expression(value, "build_list") else ()
            yield from self.contents(made)

    # ---- order

    def check_order(self):
        """Refuse names that may be read before they are assigned: they are not single assignments.
        """
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
        """Refuse a use that is not dominated by its definition."""
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
