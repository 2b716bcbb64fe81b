"""Work space that the caller passes: arrays among the arguments into which a function stores.

Numbers that depend on x cannot be stored in an array of plain floats. So a differentiated function
works in copies of such arrays, and the caller's stay as they are. A function that reads what its
last call has left there is not a function of x and has no derivative; the copies hold what the
caller passed.

For the same reason a name that holds an argument first, and then numbers that depend on x, as in
``h = X`` before a loop over the layers of a network, is made to hold a copy of the argument.

The stores are found in Numba's untyped code of the function and of the helpers to which it passes
the array. What is not found here is refused later.
"""

import numpy as np
from numba.core import ir, types
from numba.core.compiler import run_frontend
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.ir_utils import build_definitions, mk_unique_var
from numba.extending import overload

from quasinewton._autodiff.errors import Refused
from quasinewton._numba_ext.jit import shared
from quasinewton._numba_ext.user_code import RULE

VIEWS = {"reshape", "ravel", "transpose", "T", "view", "flat"}  # attributes that share memory
WRITERS = {"fill", "sort", "partition"}  # methods that store
SHARED = "two arguments share memory, and the function stores into one of them: pass copies"


class Stored:
    """The parameters of a function into which it stores, by index.

    Parameters
    ----------
    code : Numba IR
        Untyped code of the function.
    known : dict
        Python function: its stored parameters, as far as they are known; a recursion finds itself.
    """

    def __init__(self, code, known):
        self.code, self.known, self.found = code, known, set()
        self.definitions = build_definitions(code.blocks)
        for block in code.blocks.values():
            for s in block.body:
                if isinstance(s, (ir.SetItem, ir.StaticSetItem)):
                    self.store(s.target)
                elif isinstance(s, ir.Assign) and isinstance(s.value, ir.Expr):
                    if s.value.op == "inplace_binop":
                        self.store(s.value.lhs)
                    elif s.value.op == "call":
                        self.call(s.value)

    def store(self, variable):
        """Add the parameters whose memory a variable may share."""
        seen, todo = set(), [variable.name]
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            for value in self.definitions.get(name, ()):
                if isinstance(value, ir.Arg):
                    self.found.add(value.index)
                elif isinstance(value, ir.Var):
                    todo.append(value.name)
                elif isinstance(value, ir.Expr):
                    todo += [v.name for v in self.sources(value)]

    def is_of_argument(self, value, kinds):
        """Return True if an expression is an argument, an array of floats, or a view of one."""
        while isinstance(value, (ir.Var, ir.Expr)):
            sources = [value] if isinstance(value, ir.Var) else self.sources(value)[:1]
            made = self.definitions.get(sources[0].name, ()) if sources else ()
            if len(made) != 1:
                return False
            value = made[0]
        kind = kinds[value.index] if isinstance(value, ir.Arg) else None
        return isinstance(kind, types.Array) and kind.dtype == types.float64

    def sources(self, value):
        """Return the variables whose memory the result of an expression may share."""
        if value.op in ("getitem", "static_getitem", "getiter", "iternext", "pair_first", "cast", "exhaust_iter"):
            return [value.value]
        if value.op == "phi":
            return [v for v in value.incoming_values if isinstance(v, ir.Var)]
        if value.op == "getattr":
            return [value.value] if value.attr in VIEWS else []
        if value.op == "call":
            method = self.method(value)
            if method is not None and method.attr in VIEWS:
                return [method.value, *value.args]
        return []

    def method(self, call):
        """Return the look-up of the method or function of a module that is called, or None."""
        made = self.definitions.get(call.func.name, [None])[0]
        return made if isinstance(made, ir.Expr) and made.op == "getattr" else None

    def call(self, call):
        """Add what a called function stores."""
        method = self.method(call)
        if method is not None:
            if method.attr in WRITERS:
                self.store(method.value)
            elif method.attr == "fill_diagonal" and call.args:
                self.store(call.args[0])
            return
        made = self.definitions.get(call.func.name, [None])[0]
        helper = made.value if isinstance(made, (ir.Global, ir.FreeVar)) else None
        if isinstance(helper, Dispatcher):
            stored = stored_parameters(helper.py_func, self.known)
            names = helper.py_func.__code__.co_varnames
            given = [*enumerate(call.args), *((names.index(name), v) for name, v in call.kws if name in names)]
            for k, v in given:
                if k in stored:
                    self.store(v)


def stored_parameters(function, known=None):
    """Return the indices of the parameters of a Python function into which it stores."""
    known = {} if known is None else known
    if function not in known:
        known[function] = frozenset()
        try:
            code = run_frontend(function)
        except Exception:  # what Numba cannot read, it says where it compiles the function
            return known[function]
        known[function] = frozenset(Stored(code, known).found)
    return known[function]


def owned(a):
    """Return a copy of an array, and anything else as it is."""


@overload(owned, jit_options=RULE)
def _owned(a):
    return (lambda a: a.copy()) if isinstance(a, types.Array) else (lambda a: a)


def expect_apart(a, b):
    """Raise ValueError if two arguments share memory; nothing if one of them is no array."""


@overload(expect_apart, jit_options=RULE)
def _expect_apart(a, b):
    if isinstance(a, types.Array) and isinstance(b, types.Array):
        return lambda a, b: compare_places(a, b)
    return lambda a, b: None


@shared
def compare_places(a, b):
    """Raise ValueError if the memory of two arrays overlaps."""
    if a.size == 0 or b.size == 0:
        return
    first, last = place(a)
    other, end = place(b)
    if first < end and other < last:
        raise ValueError(SHARED)


@shared
def place(a):
    """Return the address of the first byte of an array, and that behind the last."""
    first = last = a.ctypes.data
    for axis in range(a.ndim):
        step = (a.shape[axis] - 1) * a.strides[axis]
        first, last = first + min(step, 0), last + max(step, 0)
    return first, last + a.itemsize


def holds_floats(kind):
    """Return True for an array of floats.

    Others, such as one that counts the calls, cannot depend on x, and receive what is stored.
    """
    return isinstance(kind, types.Array) and isinstance(kind.dtype, types.Float)


@register_pass(mutates_CFG=False, analysis_only=False)
class CopyStored(FunctionPass):
    """Compiler pass that begins a function with copies of the arguments into which it stores."""

    _name = "quasinewton_copy_stored"

    def __init__(self):
        super().__init__()

    def run_pass(self, state):
        code, kinds = state.func_ir, state.args
        stored = [k for k in Stored(code, {}).found if 0 < k < len(kinds) and holds_floats(kinds[k])]
        if not stored:
            return False
        body = code.blocks[min(code.blocks)].body
        reads = {s.value.index: s for s in body if isinstance(s, ir.Assign) and isinstance(s.value, ir.Arg)}
        if any(k not in reads for k in stored):
            raise Refused("cannot differentiate a store into an argument that is assigned anew")
        given = {}
        for k in stored:
            s = reads[k]
            given[k] = ir.Var(s.target.scope, mk_unique_var("given"), s.loc)
        added = []
        for k in stored:
            s = reads[k]
            for j, other in reads.items():
                if j != k and isinstance(kinds[j], types.Array):
                    arguments = [given[k], given.get(j, other.target)]
                    self.call(added, s, mk_unique_var("apart"), expect_apart, arguments)
        for k in stored:
            self.call(added, reads[k], reads[k].target.name, np.copy, [given[k]])
            reads[k].target = given[k]
        last = max(body.index(s) for s in reads.values())
        body[last + 1 : last + 1] = added
        code._definitions = build_definitions(code.blocks)
        return True

    def call(self, added, s, target, function, arguments):
        """Add the call of a function."""
        add_call(added, s, ir.Var(s.target.scope, target, s.loc), function, arguments)


def add_call(added, s, target, function, arguments):
    """Add statements that assign what a function returns, in the scope and line of a statement."""
    callee = ir.Var(s.target.scope, mk_unique_var("callee"), s.loc)
    added.append(ir.Assign(ir.Global(function.__name__, function, s.loc), callee, s.loc))
    added.append(ir.Assign(ir.Expr.call(callee, arguments, (), s.loc), target, s.loc))


@register_pass(mutates_CFG=False, analysis_only=False)
class OwnChosen(FunctionPass):
    """Compiler pass that copies arguments which share a name with other arrays."""

    _name = "quasinewton_own_chosen"

    def __init__(self):
        super().__init__()

    def run_pass(self, state):
        code = state.func_ir
        flow = Stored(code, {})
        is_given = lambda value: flow.is_of_argument(value, state.args)
        found = False
        for block in code.blocks.values():
            body = []
            for s in block.body:
                made = flow.definitions.get(s.target.name, ()) if isinstance(s, ir.Assign) else ()
                if len(made) > 1 and is_given(s.value) and not all(map(is_given, made)):
                    plain = ir.Var(s.target.scope, mk_unique_var("plain"), s.loc)
                    body.append(ir.Assign(s.value, plain, s.loc))
                    add_call(body, s, s.target, owned, [plain])
                    found = True
                else:
                    body.append(s)
            block.body = body
        if not found:
            raise Refused("no argument shares a name")
        code._definitions = build_definitions(code.blocks)
        return True
