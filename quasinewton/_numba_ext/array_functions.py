"""NumPy's functions of arrays in users' functions: called as functions that are kept on disk.

Numba compiles `@`, `np.zeros`, `np.sum` and their like anew in every process, which often takes
longer than the function that contains them. Where this package compiles a user's function, a pass
over Numba's untyped code replaces them by stand-ins. These choose by the types of their arguments:
for arrays of floats, the same implementation as part of a function of this package, which is
cached; otherwise NumPy's function itself. The results have the same bits.
"""

import operator
import types as python

import numpy as np
from numba.core import ir, types
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.imputils import lower_builtin
from numba.core.ir_utils import build_definitions, get_definition, guard, mk_unique_var
from numba.core.typing.templates import AbstractTemplate, infer_global

from quasinewton._numba_ext.jit import shared

STAND_INS = {}  # (function of NumPy or an operator, number of arguments): its stand-in
ORIGINALS = {}  # stand-in: the function that it replaces


def delegate(name, choose, names=(), prefer_literal=True):
    """Make a stand-in: a function for compiled code that calls another, chosen by argument types.

    Parameters
    ----------
    name : str
    choose : callable
        choose(types of the arguments) -> function.
    names : sequence of str
        Names of its arguments, for calls with keywords; the first is the array whose method it
        replaces.
    prefer_literal : bool
        True if types that contain the values of constants are tried first.
    """

    def stand_in(*args, **kwargs):
        raise NotImplementedError

    stand_in.__name__, stand_in.names = name, tuple(names)

    class Template(AbstractTemplate):
        key = stand_in

        def generic(self, args, kws):
            chosen = self.context.resolve_value_type(choose((*args, *kws.values())))
            return self.context.resolve_function_type(chosen, args, kws)

    Template.prefer_literal = prefer_literal
    infer_global(stand_in, types.Function(Template))

    @lower_builtin(stand_in, types.VarArg(types.Any))
    def lower(context, builder, signature, args):
        typing = context.typing_context
        chosen = typing.resolve_value_type(choose(signature.args))
        return context.get_function(chosen, signature)(builder, args)

    return stand_in


def is_served(kind):
    """Return True if the cached functions are used for arguments of this type."""
    if isinstance(kind, types.Array):
        return kind.dtype == types.float64 and 0 < kind.ndim <= 2 and kind.layout in "CF"
    return kind == types.intp or isinstance(kind, types.UniTuple) and kind.dtype == types.intp and 0 < len(kind) <= 3


def cached_for(function, count=1):
    """Register what follows as the cached form of a function with a number of arguments."""

    def register(same):
        kept = shared(same)
        name = getattr(function, "__name__", same.__name__)
        choose = lambda kinds: kept if all(map(is_served, kinds)) else function
        stand_in = STAND_INS[function, count] = delegate(name, choose, prefer_literal=False)
        ORIGINALS[stand_in] = function
        return kept

    return register


@cached_for(operator.matmul, 2)
def multiplied(a, b):
    """Return a @ b."""
    return a @ b


@cached_for(np.dot, 2)
def dotted(a, b):
    """Return np.dot(a, b)."""
    return np.dot(a, b)


@cached_for(np.sum)
def summed(a):
    """Return the sum of an array."""
    return np.sum(a)


@cached_for(np.mean)
def mean(a):
    """Return the mean of an array."""
    return np.mean(a)


@cached_for(np.zeros)
def zeros(shape):
    """Return zeros."""
    return np.zeros(shape)


@cached_for(np.empty)
def empty(shape):
    """Return an array that is not filled."""
    return np.empty(shape)


@cached_for(np.ones)
def ones(shape):
    """Return ones."""
    return np.ones(shape)


@cached_for(np.zeros_like)
def zeros_like(a):
    """Return zeros in the shape of an array."""
    return np.zeros_like(a)


@cached_for(np.empty_like)
def empty_like(a):
    """Return an array in the shape of another."""
    return np.empty_like(a)


@cached_for(np.ones_like)
def ones_like(a):
    """Return ones in the shape of an array."""
    return np.ones_like(a)


@cached_for(np.outer, 2)
def outer(a, b):
    """Return the outer product of two vectors."""
    return np.outer(a, b)


@cached_for(np.linalg.norm)
def norm(a):
    """Return the norm of a vector or matrix."""
    return np.linalg.norm(a)


@cached_for(np.linalg.solve, 2)
def solve(a, b):
    """Return the solution of a linear system."""
    return np.linalg.solve(a, b)


@cached_for(np.linalg.inv)
def inverse(a):
    """Return the inverse of a matrix."""
    return np.linalg.inv(a)


@cached_for(np.linalg.det)
def determinant(a):
    """Return the determinant of a matrix."""
    return np.linalg.det(a)


@cached_for(np.linalg.slogdet)
def log_determinant(a):
    """Return the sign and the logarithm of the determinant of a matrix."""
    return np.linalg.slogdet(a)


@cached_for(np.linalg.cholesky)
def cholesky(a):
    """Return the Cholesky factor of a matrix."""
    return np.linalg.cholesky(a)


@cached_for(np.diag)
def diagonal(a):
    """Return the diagonal of a matrix, or the matrix with a diagonal."""
    return np.diag(a)


@cached_for(np.cumsum)
def running_sum(a):
    """Return the running sum of an array."""
    return np.cumsum(a)


def constant_of(code, variable):
    """Return the Python object that a variable holds, or None if it is not known.

    Known are globals, variables of closures and attributes of modules.
    """
    definition = guard(get_definition, code, variable)
    if isinstance(definition, (ir.Global, ir.FreeVar)):
        return definition.value
    if isinstance(definition, ir.Expr) and definition.op == "getattr":
        owner = constant_of(code, definition.value)
        if isinstance(owner, python.ModuleType):
            return getattr(owner, definition.attr, None)
    return None


@register_pass(mutates_CFG=False, analysis_only=False)
class CallKept(FunctionPass):
    """Compiler pass that calls the cached forms of NumPy's functions.

    Options that change what the code of an array function does leave it as it is.
    """

    _name = "quasinewton_call_kept"

    def __init__(self):
        super().__init__()

    def run_pass(self, state):
        code, flags = state.func_ir, state.flags
        if flags.fastmath or flags.boundscheck or flags.debuginfo or flags.auto_parallel.enabled:
            return False
        changed = False
        for block in code.blocks.values():
            body = []
            for s in block.body:
                value = getattr(s, "value", None)
                found = self.stand_in(code, value) if isinstance(s, ir.Assign) else None
                if found is not None:
                    callee = ir.Var(s.target.scope, mk_unique_var("kept"), s.loc)
                    body.append(ir.Assign(ir.Global(found.__name__, found, s.loc), callee, s.loc))
                    given = [value.lhs, value.rhs] if value.op == "binop" else value.args
                    s.value, changed = ir.Expr.call(callee, given, (), s.loc), True
                body.append(s)
            block.body = body
        if changed:
            code._definitions = build_definitions(code.blocks)
        return changed

    def stand_in(self, code, value):
        """Return the stand-in that an expression should call, or None."""
        if not isinstance(value, ir.Expr):
            return None
        if value.op == "binop" and value.fn is operator.matmul:
            return STAND_INS[operator.matmul, 2]
        if value.op != "call" or value.kws or value.vararg or value.varkwarg:
            return None
        function = constant_of(code, value.func)
        hashable = function is not None and type(function).__hash__ is not None
        return STAND_INS.get((function, len(value.args))) if hashable else None
