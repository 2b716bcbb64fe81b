"""The adjoints of stores, and the restoration of what stores have overwritten."""

from numba.core import ir, types

from quasinewton._autodiff.adjoint import runtime, stack
from quasinewton._autodiff.adjoint.basics import is_basic, refuse
from quasinewton._autodiff.adjoint.gathers import (
    MOVE_SCATTERED,
    TAKE_SCATTERED,
    is_list_of_indices,
)


class Stores:
    """Stores in the backward sweep; part of `backward.Backward`."""

    def store(self, s):
        """Emit the adjoint of a store."""
        name, emit = s.target.name, self.emit
        if self.activity.root(name) in self.undone:
            self.put_back(s)
        if not self.activity.active(name):
            return
        own, kind, value = self.shadow(name), self.activity.index_type(s), s.value.name
        if not is_basic(kind):
            self.masked_store(s, own, value)
        elif self.is_item(s):
            index = emit.var(self.index(s))
            self.give(value, emit.getitem(own, index))
            emit.append(ir.SetItem(own, index, emit.var(0.0), s.loc))
        else:
            part = self.view_of_store(s, own)
            rank = self.rank_of_store(s)
            if not self.program.is_array(value):
                self.give(value, emit.call(runtime.TAKE_SUM[rank], part))
            elif not self.activity.active(value):
                emit.do(runtime.TAKE_SUM[rank], part)
            elif (rank, self.types[value].ndim) in runtime.MOVE:
                emit.do(runtime.MOVE[rank, self.types[value].ndim], part, self.shadow(value))
            else:
                refuse(f"a store of {self.types[value]} into {rank} axes", s.loc)

    def rank_of_store(self, s):
        """Return the number of axes of the view that a store writes."""
        kind = self.activity.index_type(s)
        items = list(kind) if isinstance(kind, types.BaseTuple) else [kind]
        rank = self.types[s.target.name].ndim
        rank -= sum(isinstance(t, (types.Integer, types.IntegerLiteral)) for t in items)
        rank += sum(isinstance(t, types.NoneType) for t in items)
        if rank not in runtime.TAKE_SUM:
            refuse(f"a store into {rank} axes", s.loc)
        return rank

    def masked_store(self, s, own, value):
        """Emit the adjoint of a store at the places of a mask, or of an array of indices."""
        places = self.array((s.index if isinstance(s, ir.SetItem) else s.index_var).name)
        take, move = runtime.take_masked_sum, runtime.move_masked
        if is_list_of_indices(self.activity.index_type(s)):
            rank = self.types[s.target.name].ndim
            take, move = TAKE_SCATTERED[rank], MOVE_SCATTERED[rank]
        if not self.program.is_array(value):
            self.give(value, self.emit.call(take, own, places))
        elif self.activity.active(value):
            self.emit.do(move, own, places, self.shadow(value))
        else:
            self.emit.call(take, own, places)

    def is_item(self, s):
        """Return True if a store writes a single item."""
        kind = self.activity.index_type(s)
        items = list(kind) if isinstance(kind, types.BaseTuple) else [kind]
        integers = all(isinstance(t, (types.Integer, types.IntegerLiteral)) for t in items)
        return integers and len(items) == self.types[s.target.name].ndim

    def view_of_store(self, s, base, operand=None):
        """Return the view of an array that a store writes."""
        if isinstance(s, ir.StaticSetItem) and s.index_var is None:
            return self.emit.assign(ir.Expr.static_getitem(base, s.index, None, s.loc))
        variable = s.index if isinstance(s, ir.SetItem) else s.index_var
        return self.emit.getitem(base, (operand or self.operand)(variable))

    def put_back(self, s):
        """Emit the restoration of what a store, or an in-place operation, has overwritten."""
        emit = self.emit
        if isinstance(s, ir.Assign):
            target, rank = self.value(s.value.lhs.name), self.types[s.target.name].ndim
        else:
            target = self.value(s.target.name)
            kind = self.activity.index_type(s)
            rank = self.types[s.target.name].ndim
            if is_basic(kind):
                rank = 1 if self.is_item(s) else self.rank_of_store(s)
            if is_basic(kind) and self.is_item(s):
                index = self.index(s)
                like = emit.tuple([emit.getitem(target, index)])
                emit.set("$top", emit.call(stack.below, emit.named("$top"), like))
                old = emit.item(emit.call(stack.popped, emit.named("$top"), like), 0)
                emit.append(ir.SetItem(target, emit.var(index), old, s.loc))
                return
            if is_basic(kind):
                target = self.view_of_store(s, target)
        emit.set("$top", emit.call(stack.RESTORED[rank], emit.named("$top"), target))
