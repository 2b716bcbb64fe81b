"""Rewriting of a program before it is read: iteration over arrays, unpacking, tuples, copies."""

from numba.core import ir, types
from numba.core.ir_utils import replace_vars_stmt

from quasinewton._autodiff.adjoint import runtime
from quasinewton._autodiff.adjoint.basics import COPIES, REMOVABLE, is_expression
from quasinewton._autodiff.adjoint.emit import LOC


class Rewriting:
    """The rewriting of a program; part of `program.Program`."""

    # ---- iteration

    def decider(self, head):
        """Return the block that advances the iterator of a loop: its head or a later block.

        If none does, return the head.
        """
        label = head
        while not any(is_expression(getattr(s, "value", None), "iternext") for s in self.body[label]):
            end = self.ends[label]
            if not isinstance(end, ir.Jump) or self.pred[end.target] != [label]:
                return head
            label = end.target
        return label

    def index_iteration(self, head):
        """Replace the items that an iteration over arrays yields by indexing with the trip counter.

        The iterator remains and decides when the loop ends.
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
        """Return True if an iteration is over arrays, perhaps by `enumerate` or `zip`."""
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
        """Append to `made` the assignment of what a container yields in one trip."""
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
        """Replace the unpacking of a vector into names by its items.

        A wrong number of items still raises an error.
        """
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

    def store_fills(self):
        """Replace ``a.fill(value)`` by the store ``a[:] = value``."""
        for label, body in self.body.items():
            made = []
            for s in body:
                function, operands = self.operation(getattr(s, "value", None))
                if function == "fill" and len(operands) == 2 and not s.value.kws:
                    whole = self.fresh("whole", types.slice2_type)
                    made.append(ir.Assign(ir.Const(slice(None), LOC), whole, LOC))
                    made.append(ir.SetItem(operands[0], whole, operands[1], s.loc))
                    s = ir.Assign(ir.Const(None, LOC), s.target, s.loc)
                made.append(s)
            self.body[label] = made

    def split_tuples(self):
        """Replace items of tuples that the function makes, or chooses by phis, by their values.

        What is taken out of a tuple may be a tuple, which is split in turn.
        """
        self.tuples = {}
        while self.split_known_tuples():
            self.define()
        self.define()

    def split_known_tuples(self):
        """Replace items of the tuples that are known so far; return True if one is a tuple."""
        made = {}
        for name, (_, s) in self.definitions.items():
            known = isinstance(s.value, ir.Var) or is_expression(s.value, "build_tuple", "phi", *COPIES)
            known = known or self.named_items(s.value) is not None
            if known and isinstance(self.types.get(name), types.BaseTuple):
                made[name] = s
        while True:
            kept = {name: s for name, s in made.items() if self.tuple_sources(s) <= set(made)}
            if len(kept) == len(made):
                break
            made = kept
        items, chosen = self.tuples, []
        for name, s in made.items():
            if name in items:
                continue
            if is_expression(s.value, "build_tuple"):
                items[name] = list(s.value.items)
            elif is_expression(s.value, "phi"):
                items[name] = [self.fresh("item", kind) for kind in self.types[name]]
                chosen.append(s)
            elif is_expression(s.value, "call"):
                items[name] = self.named_items(s.value)
        for name in made:
            self.tuple_items(name, made, items)
        for s in chosen:
            self.split_phi(s, items)
        nested = False
        for body in self.body.values():
            for k, s in enumerate(body):
                item = self.item_taken(getattr(s, "value", None), items)
                if item is not None:
                    body[k] = ir.Assign(item, s.target, s.loc)
                    nested |= isinstance(self.types[s.target.name], types.BaseTuple)
        return nested

    def named_items(self, value):
        """Return the items of a named tuple that an expression makes, None if it makes none.

        A call that omits a field with a default is none, either.
        """
        if not is_expression(value, "call") or value.vararg or value.varkwarg:
            return None
        kind = self.types.get(value.func.name)
        if not isinstance(kind, types.NamedTupleClass):
            return None
        fields, named = kind.instance_class._fields, dict(value.kws)
        items = [*value.args, *(named.get(field) for field in fields[len(value.args) :])]
        return items if len(items) == len(fields) and None not in items else None

    def item_taken(self, value, items):
        """Return the item that an expression takes from a known tuple, None if it takes none."""
        if not is_expression(value, "static_getitem", "getattr") or value.value.name not in items:
            return None
        known = items[value.value.name]
        if value.op == "static_getitem":
            return known[value.index] if isinstance(value.index, int) else None
        fields = getattr(self.types[value.value.name], "fields", ())
        return known[fields.index(value.attr)] if value.attr in fields else None

    def tuple_sources(self, s):
        """Return the names of the tuples of which a tuple is a copy or phi.

        The set contains None if a source may be undefined.
        """
        if is_expression(s.value, "build_tuple", "call"):
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
        """Replace the names of copies by those of their sources."""
        copies = {}
        for name, (_, s) in self.definitions.items():
            source = s.value.value if is_expression(s.value, *COPIES) else s.value
            if isinstance(source, ir.Var) and self.types.get(source.name) == self.types[name]:
                copies[name] = source
        for name, source in list(copies.items()):
            while source.name in copies:
                source = copies[source.name]
            copies[name] = source
        for label in self.body:
            for s in self.phis[label]:
                values = s.value.incoming_values
                s.value.incoming_values = [copies.get(v.name, v) if isinstance(v, ir.Var) else v for v in values]
            self.body[label] = [
                s for s in self.body[label] if not (isinstance(s, ir.Assign) and s.target.name in copies)
            ]
            for s in [*self.body[label], self.ends[label]]:
                self.rename(s, copies)
        self.tuples = {name: [copies.get(v.name, v) for v in items] for name, items in self.tuples.items()}
        self.define()

    def rename(self, s, copies):
        """Rename the variables that a statement reads."""
        if isinstance(s, (ir.Branch, ir.Return)):
            field = "cond" if isinstance(s, ir.Branch) else "value"
            setattr(s, field, copies.get(getattr(s, field).name, getattr(s, field)))
        elif not isinstance(s, ir.Jump):
            replace_vars_stmt(s, copies)

    def share_views(self):
        """Give equal slices of an array in one block one name: their adjoints are added at once."""
        shared = False
        for body in self.body.values():
            known = {}
            for s in body:
                bounds = self.constant_slice(s)
                first = s if bounds is None else known.setdefault((s.value.value.name, bounds), s)
                if first is not s:
                    s.value, shared = first.target, True
        if shared:
            self.propagate_copies()

    def constant_slice(self, s):
        """Return the constant bounds of the slice of an array that a statement takes, as text.

        Return None if it takes none, or if not all are constants.
        """
        value = getattr(s, "value", None)
        if not isinstance(s, ir.Assign) or not is_expression(value, "getitem", "static_getitem"):
            return None
        if not (self.is_array(value.value.name) and self.is_array(s.target.name)):
            return None
        if value.op == "static_getitem":
            return repr(value.index) if isinstance(value.index, slice) else None
        made = self.origin(value.index)
        if isinstance(made, ir.Const) and isinstance(made.value, slice):
            return repr(made.value)
        return None

    def is_removable(self, s, used):
        """Return True if a statement only assigns a name that is never read."""
        if not isinstance(s, ir.Assign) or s.target.name in used:
            return False
        if self.named_items(s.value) is not None:
            return True
        return is_expression(s.value, *REMOVABLE) or isinstance(s.value, (ir.Var, ir.Const, ir.Global))

    def drop_unused(self):
        """Drop assignments to names that are no longer read, once tuples and copies are replaced.
        """
        while True:
            used = {v.name for _, s in self.statements() for v in self.operands(s)}
            used |= {v.name for end in self.ends.values() for v in end.list_vars()}
            used.add(self.result.name)
            found = False
            for table in (self.phis, self.body):
                for label, body in table.items():
                    kept = [s for s in body if not self.is_removable(s, used)]
                    found |= len(kept) < len(body)
                    table[label] = kept
            if not found:
                break
        self.define()
