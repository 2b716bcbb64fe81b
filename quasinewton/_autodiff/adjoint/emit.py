"""Emission of Numba's intermediate code: statements appended to blocks, of which one is current."""

import operator

from numba.core import ir

from quasinewton._autodiff.active_types import power_by_products

LOC = ir.Loc("<adjoint>", 1)


class Emitter:
    """Blocks under construction; every method returns the variable that it assigns.

    Parameters
    ----------
    scope : ir.Scope
        The scope of the transformed function.
    first_label : int
        Labels of new blocks are larger.
    """

    def __init__(self, scope, first_label):
        self.scope, self.blocks = scope, {}
        self.last_label, self.count = first_label, 0
        self.constants, self.prologue = {}, []  # assigned once, at the start of the function
        self.body = self.current = None

    def label(self):
        """Return the label of a new block."""
        self.last_label += 1
        return self.last_label

    def start(self, label):
        """Make the block of a label, new or begun before, the current one."""
        if label not in self.blocks:
            self.blocks[label] = ir.Block(self.scope, LOC)
        self.body, self.current = self.blocks[label].body, label

    def named(self, name):
        """Return a variable by name."""
        return ir.Var(self.scope, name, LOC)

    def fresh(self, name="t"):
        """Return a variable with an unused name."""
        self.count += 1
        return self.named(f"${name}.adjoint{self.count}")

    def append(self, statement):
        """Append a statement."""
        self.body.append(statement)

    def assign(self, expression, name="t"):
        """Assign an expression to a new variable."""
        target = self.fresh(name)
        self.body.append(ir.Assign(expression, target, LOC))
        return target

    def set(self, name, value):
        """Assign a variable or a constant to the variable of a name."""
        target = name if isinstance(name, ir.Var) else self.named(name)
        self.body.append(ir.Assign(self.var(value), target, LOC))

    def var(self, value):
        """Return the variable of a Python number or function; a variable unchanged."""
        if isinstance(value, ir.Var):
            return value
        key = (type(value), repr(value)) if isinstance(value, (bool, int, float)) else ("object", id(value))
        if key not in self.constants:
            if isinstance(value, (bool, int, float)):
                made = ir.Const(value, LOC)
            else:
                made = ir.Global(getattr(value, "__name__", "object"), value, LOC)
            target = self.constants[key] = self.fresh("constant")
            self.prologue.append(ir.Assign(made, target, LOC))
        return self.constants[key]

    def call(self, function, *arguments):
        """Call a function."""
        arguments = [self.var(each) for each in arguments]
        return self.assign(ir.Expr.call(self.var(function), arguments, (), LOC))

    def do(self, function, *arguments):
        """Call a function for its effect."""
        self.call(function, *arguments)

    def binop(self, operation, left, right):
        """Apply a binary operator."""
        return self.assign(ir.Expr.binop(operation, self.var(left), self.var(right), LOC))

    def power(self, u, n):
        """Raise a number to an integer power n > 0."""
        return power_by_products(u, n, lambda left, right: self.binop(operator.mul, left, right))

    def unary(self, operation, operand):
        """Apply a unary operator."""
        return self.assign(ir.Expr.unary(operation, self.var(operand), LOC))

    def attribute(self, owner, name):
        """Read an attribute."""
        return self.assign(ir.Expr.getattr(self.var(owner), name, LOC))

    def tuple(self, items):
        """Make a tuple."""
        return self.assign(ir.Expr.build_tuple([self.var(item) for item in items], LOC))

    def item(self, owner, k):
        """Read an item of a tuple by its constant index."""
        return self.assign(ir.Expr.static_getitem(self.var(owner), k, None, LOC))

    def getitem(self, owner, index):
        """Index an array."""
        return self.assign(ir.Expr.getitem(self.var(owner), self.var(index), LOC))

    def extent(self, array, axis):
        """Read the extent of an array along an axis."""
        return self.item(self.attribute(array, "shape"), axis)

    def jump(self, label):
        """End the block with a jump."""
        self.body.append(ir.Jump(label, LOC))

    def branch(self, condition, yes, no):
        """End the block with a branch."""
        self.body.append(ir.Branch(self.var(condition), yes, no, LOC))

    def loop(self, count, body):
        """Emit ``for i in range(count): body(i)``; the block after the loop is then current."""
        i = self.fresh("i")
        self.set(i, 0)
        head, inside, after = self.label(), self.label(), self.label()
        self.jump(head)
        self.start(head)
        self.branch(self.binop(operator.lt, i, count), inside, after)
        self.start(inside)
        body(i)
        self.set(i, self.binop(operator.add, i, 1))
        self.jump(head)
        self.start(after)

    def nest(self, counts, body, index=()):
        """Emit nested loops that call body(list of indices)."""
        if not counts:
            body(list(index))
            return
        self.loop(counts[0], lambda i: self.nest(counts[1:], body, (*index, i)))
