"""Array statements as loops: which are fused, how items are computed, and their adjoints.

A statement is a tree of elementary functions whose leaves are arrays and numbers. The forward sweep
evaluates a tree in one loop without temporaries; the backward sweep uses one loop that recomputes
the inner values, so that none need be stored.
"""

import math
import operator

import numpy as np
from numba.core import ir

from quasinewton._autodiff.active_types import LARGEST_POWER
from quasinewton._autodiff.adjoint import runtime
from quasinewton._autodiff.adjoint.access import fetch
from quasinewton._autodiff.adjoint.array_rules import summed
from quasinewton._autodiff.adjoint.broadcasting import joint, spread
from quasinewton._autodiff.adjoint.chain import careful, chain, choose, quotient
from quasinewton._autodiff.adjoint.functions import EXTREMES, LINEAR, SCALAR, reads

DIVISIONS = {operator.truediv, np.divide}
BINARY = {operator.add, operator.sub, operator.mul, operator.pow, operator.mod}
SYMBOLS = {np.add: operator.add, np.subtract: operator.sub, np.multiply: operator.mul}
QUICK = BINARY | DIVISIONS | set(SYMBOLS) | {np.square, operator.neg, operator.pos, np.negative, np.absolute, abs}
MOST_PASSES = 3  # loops over one statement
TRANSCENDENTAL = {np.exp, np.tanh, np.sqrt, np.tan, np.cbrt, np.exp2, math.exp, math.tanh, math.sqrt}


class Node:
    """An elementwise statement as a node of a tree.

    Attributes
    ----------
    function : callable
    children : list of Node or ir.Var
    name : str
        Name of the variable that it assigns.
    """

    def __init__(self, function, children, name):
        self.function, self.children, self.name = function, children, name


class Groups:
    """The loops of a program.

    Attributes
    ----------
    fused : set
        Names of arrays that are never stored, because they are part of another loop.
    kinds : dict
        Identity of a statement: "array", "inplace", "sum" or "mean" if it is a loop.
    original : set
        Identities of statements that the forward sweep leaves to Numba, because they involve
        arrays in F order.
    """

    def __init__(self, program, activity, lanes=1):
        self.program, self.activity, self.types, self.lanes = program, activity, program.types, lanes
        self.fused, self.kinds, self.original = set(), {}, set()
        self.count_uses()
        for label in program.body:
            self.find(label)

    def count_uses(self):
        """Count how often every name is read."""
        self.uses = {}
        for _, s in self.program.statements():
            for v in self.program.operands(s):
                self.uses[v.name] = self.uses.get(v.name, 0) + 1
        for end in self.program.ends.values():
            for v in end.list_vars():
                self.uses[v.name] = self.uses.get(v.name, 0) + 1

    def kind(self, s):
        """Return the kind of loop that a statement could be, None if it cannot be one."""
        role = self.activity.role_at(s)
        if role == "elementwise":
            return "array"
        if role == "inplace":
            return "inplace"
        return summed(self.program, s) if role == "rule" else None

    def find(self, label):
        """Find the loops of a block."""
        made, last_store = {}, -1
        stores = {k for found in self.activity.stores.values() for where, k in found if where == label}
        for k, s in enumerate(self.program.body[label]):
            kind = self.kind(s)
            if kind is not None:
                operands = self.program.operation(s.value)[1]
                if self.is_in_order(s, operands) and self.activity.active(s.target.name):
                    self.fuse(s, kind, operands, made, last_store)
                elif not self.is_in_order(s, operands):
                    self.original.add(id(s))
                if kind == "array" and id(s) not in self.original:
                    made[s.target.name] = k
                if self.activity.active(s.target.name) and not (kind in ("sum", "mean") and id(s) in self.original):
                    self.kinds[id(s)] = kind
            if k in stores:
                last_store = k

    def is_in_order(self, s, operands):
        """Return True if Numba, too, computes a statement item by item in C order."""
        arrays = [self.types[v.name] for v in [s.target, *operands] if self.program.is_array(v.name)]
        return not any(kind.layout == "F" and kind.ndim > 1 for kind in arrays)

    def fuse(self, s, kind, operands, made, last_store):
        """Fuse into a loop the operands that only this statement reads, if no store comes between.
        """
        rank = self.rank(s, kind, operands)
        for v in operands if kind != "inplace" else operands[1:]:
            at = made.get(v.name)
            if at is None or self.uses.get(v.name) != 1 or at <= last_store or self.types[v.name].ndim != rank:
                continue
            if kind == "inplace":
                target = self.activity.root(operands[0].name)
                if any(self.activity.root(name) == target for name in self.leaves(self.node_of(v.name))):
                    continue  # the loop would read items that it has already changed
            self.fused.add(v.name)

    def rank(self, s, kind, operands):
        """Return the number of nested loops of a statement."""
        return self.types[(operands[0] if kind in ("sum", "mean", "inplace") else s.target).name].ndim

    # ---- trees

    def node_of(self, name):
        """Return the tree of the statement that assigns a name."""
        s = self.program.definitions[name][1]
        function, operands = self.program.operation(s.value)
        return Node(function, [self.tree(v) for v in operands], name)

    def tree(self, variable):
        """Return the tree of a fused variable, or the variable itself, a leaf."""
        return self.node_of(variable.name) if variable.name in self.fused else variable

    def leaves(self, node, found=None):
        """Return the leaves of a tree by name."""
        found = {} if found is None else found
        if isinstance(node, ir.Var):
            found[node.name] = node
        else:
            for child in node.children:
                self.leaves(child, found)
        return found

    def depends(self, node):
        """Return True if a tree depends on x."""
        return self.activity.active(node.name) if isinstance(node, ir.Var) else any(map(self.depends, node.children))

    def wanted(self, node, given=()):
        """Return the names of the leaves whose values the partial derivatives of a tree read.

        Parameters
        ----------
        node : Node or ir.Var
        given : collection of str
            Names of nodes whose values are known.
        """
        if isinstance(node, ir.Var):
            return set()
        found = set()
        for k, child in enumerate(node.children):
            if not self.depends(child):
                continue
            for needed in self.read_by(node, k):
                if needed is node and node.name in given:
                    continue
                found |= set(self.leaves(needed))
            found |= self.wanted(child, given)
        return found

    def passes(self, node, names):
        """Divide the leaves of a tree among loops that each add to their adjoints.

        Arrays that share memory, such as x[1:] and x[:-1], get a loop each, if their tree is
        computed quickly: a loop that adds to both would have to wait, at every item, for what it
        has stored before, and could not be vector code.

        Parameters
        ----------
        node : Node or ir.Var
        names : list of str

        Returns
        -------
        list of set
        """
        found, before = [set()], {}
        for name in names:
            root = self.activity.root(name)
            k = before[root] = before.get(root, -1) + self.program.is_array(name)
            found += [set()] * (k == len(found))
            found[k] = found[k] | {name}
        split = self.lanes == 1 and len(found) <= MOST_PASSES and self.is_quick(node)
        return found if split else [set(names)]

    def is_quick(self, node):
        """Return True if a tree has arithmetic functions only."""
        if isinstance(node, ir.Var):
            return True
        if node.function in (operator.pow, np.power) and not isinstance(self.program.constant(node.children[1]), int):
            return False
        return node.function in QUICK and all(map(self.is_quick, node.children))

    def read_by(self, node, k):
        """Return the trees whose values are read by the partial derivative of a node by child k."""
        function = EXTREMES.get(node.function, node.function)
        if function is np.where:
            return [node.children[0]]
        named = dict(zip("uv", node.children, strict=False)) | {"y": node}
        return [named[letter] for letter in reads(function, k) if letter in named]


class Item:
    """One item of a loop: the values of its tree at an index, each computed once.

    Parameters
    ----------
    groups : Groups
    emit : Emitter
    arrays : dict
        Name: variable of every leaf that is an array.
    numbers : callable
        name -> variable, for a leaf that is a number.
    index : list
    known : dict
        Values by name that need not be computed.
    """

    def __init__(self, groups, emit, arrays, numbers, index, known=()):
        self.groups, self.emit, self.arrays, self.numbers, self.index = groups, emit, arrays, numbers, index
        self.memo = dict(known)

    def at(self, name):
        """Return the part of the index that applies to an array, which may have fewer axes."""
        return self.index[len(self.index) - self.groups.types[name].ndim :]

    def value(self, node):
        """Return the value of a tree."""
        if node.name not in self.memo:
            self.memo[node.name] = self.leaf(node) if isinstance(node, ir.Var) else self.function(node)
        return self.memo[node.name]

    def leaf(self, variable):
        if self.groups.program.is_array(variable.name):
            index = self.at(variable.name)
            return self.emit.call(fetch(len(index)), self.arrays[variable.name], *index)
        constant = self.groups.program.constant(variable)
        return self.emit.var(constant) if constant is not None else self.numbers(variable.name)

    def function(self, node):
        """Emit an elementary function of numbers, with the bits of Numba's array expressions."""
        function = node.function
        if function is operator.pow:
            n = self.groups.program.constant(node.children[1])
            if is_small_power(n):
                return self.emit.power(self.value(node.children[0]), n)
        values = [self.value(child) for child in node.children]
        function = SYMBOLS.get(function, function)
        if function is np.where:
            return self.emit.call(choose, *values)
        if function in DIVISIONS:
            return self.emit.call(quotient, *values)
        if function in SCALAR:
            return SCALAR[function](self.emit, *values)
        if function in BINARY:
            return self.emit.binop(function, *values)
        if function in (operator.neg, operator.pos):
            return self.emit.unary(function, *values)
        return self.emit.call(function, *values)

    def propagate(self, node, g, sink, names):
        """Send the adjoint g of a tree to those of its leaves that are named, sink(leaf, adjoint).
        """
        if isinstance(node, ir.Var):
            if node.name in names:
                sink(node, g)
            return
        for k, child in enumerate(node.children):
            if not names.isdisjoint(self.groups.leaves(child)):
                self.propagate(child, self.part(node, k, g), sink, names)

    def part(self, node, k, g, product=careful):
        """Return the adjoint g of a node times its partial derivative by child k.

        For `product` see `chain`.
        """
        function = EXTREMES.get(node.function, node.function)
        if function is np.where:
            condition = self.value(node.children[0])
            return self.emit.call(choose, condition, *((g, 0.0) if k == 1 else (0.0, g)))
        if function in LINEAR:
            return g if LINEAR[function][k] == 1 else self.emit.unary(operator.neg, g)
        needed = reads(function, k)
        y = self.value(node) if "y" in needed else 0.0
        given = [self.value(c) if letter in needed else 0.0 for letter, c in zip("uv", node.children, strict=False)]
        return self.emit.call(chain(function, k, len(given), product), g, y, *given)


def is_small_power(n):
    """Return True for an integer power that is a few multiplications."""
    return type(n) is int and 1 <= n <= LARGEST_POWER


def joint_shape(emit, arrays, ranks, rank):
    """Emit the extents of a loop over arrays.

    Parameters
    ----------
    emit : Emitter
    arrays : dict
        Variables by name.
    ranks : dict
        Their numbers of axes, by name.
    rank : int
        Number of axes of the loop.

    Returns
    -------
    list
    """
    shape = [None] * rank
    for name, variable in arrays.items():
        for axis in range(ranks[name]):
            extent, d = emit.extent(variable, axis), axis + rank - ranks[name]
            shape[d] = extent if shape[d] is None else emit.call(joint, shape[d], extent)
    return shape


def spread_leaves(emit, arrays, ranks, shape, table=runtime.SPREAD):
    """Emit the arrays to read in a loop: copies where they broadcast, otherwise themselves.

    Parameters
    ----------
    emit : Emitter
    arrays, ranks : dict
        See `joint_shape`.
    shape : list
        The extents of the loop.
    table : dict
        The functions that make the copies, by number of axes.

    Returns
    -------
    dict
        Variables by name. They hold no reference to memory; see `broadcasting.spread`.
    """
    made = {}
    for name, variable in arrays.items():
        k = ranks[name]
        made[name] = emit.call(spread(k), table[k], variable, *shape[len(shape) - k :])
    return made
