"""The twin of a compiled function: the same Python function, compiled for active numbers.

Numba specialises the user's function, and every helper it calls, for the active types. A pass over
Numba's untyped intermediate code replaces what overloads cannot reach, or could reach only
by changing the meaning of other code: functions and methods of arrays, in-place operators, the
creation of float buffers, and helpers, which become twins.
"""

import operator
import weakref

import numba
import numpy as np
from numba.core import ir, types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.ir_utils import (
    build_definitions,
    find_const,
    get_definition,
    guard,
    mk_unique_var,
    replace_vars_inner,
)
from numba.core.registry import CPUDispatcher
from numba.core.sigutils import normalize_signature
from numba.core.typed_passes import NopythonRewrites, NopythonTypeInference
from numba.core.untyped_passes import InlineClosureLikes, ReconstructSSA
from numba.np.unsafe.ndarray import empty_inferred

from quasinewton._autodiff import (  # noqa: F401, they register their rules when they are imported
    condition_rules,
    decomposition_rules,
    elementary_functions,
    linear_algebra_rules,
    reduction_rules,
    selection_rules,
    special_rules,
)
from quasinewton._autodiff.active_types import is_active, leaf_of
from quasinewton._autodiff.active_values import boxed, leaf, row
from quasinewton._autodiff.allocation import creators
from quasinewton._autodiff.array_expressions import STATEMENT, is_statement
from quasinewton._autodiff.errors import Refused, refusal
from quasinewton._autodiff.memory_rules import ATTRIBUTES
from quasinewton._autodiff.routing import INPLACE, METHODS, ROUTES
from quasinewton._autodiff.twin_cache import keep
from quasinewton._autodiff.work_arrays import (
    CopyStored,
    OwnChosen,
    stored_parameters,
)
from quasinewton._numba_ext.array_functions import constant_of
from quasinewton._numba_ext.jit import INNER
from quasinewton._numba_ext.parts import as_part


def hashable(function):
    """Return True if an object may be a key of a table."""
    return function is not None and type(function).__hash__ is not None


def twin(dispatcher, kind, whole=False):
    """The twin of a dispatcher for active numbers of one type, made once.

    Parameters
    ----------
    dispatcher : numba dispatcher
    kind : Active
        The type of the items of active arrays.
    whole : bool
        True for the function that is differentiated, which copies the work space that it is
        passed; False for its helpers, which store into what they are passed.

    Returns
    -------
    Twin
    """
    known = vars(dispatcher).setdefault("_quasinewton_twins", {})
    if whole and "stored" not in known:
        known["stored"] = stored_parameters(dispatcher.py_func) - {0}
    key = kind, whole and bool(known["stored"])
    if key not in known:
        known[key] = Twin.of(dispatcher, *key)
    return known[key]


class Twin(CPUDispatcher):
    """A dispatcher for active arguments; calls without any go to the original."""

    @classmethod
    def of(cls, original, kind, copies):
        options = {name: value for name, value in INNER.items() if name != "error_model"}
        model = original.targetoptions.get("error_model")
        options |= {"nopython": True} | ({"error_model": model} if model else {})
        self = cls(original.py_func, {}, options)
        # Weak, because the original holds its twin: with a strong reference back, neither would be
        # freed.
        self.reference, self.kind = weakref.ref(original), kind
        # Code of its own, not a part of other code, can be kept on disk.
        self.copies = copies
        self.part = copies or not keep(self, original)
        self._compiler.pipeline_class = pipeline(kind, True, self.part, copies)
        creators_of(kind)  # registers functions, so before Numba refreshes its registries
        return self

    @property
    def original(self):
        """The dispatcher of which this is the twin; a new one if it was freed."""
        return self.reference() or numba.njit(self.py_func)

    def get_call_template(self, args, kws):
        if not any(map(leaf_of, (*args, *kws.values()))):
            return self.original.get_call_template(args, kws)
        return super().get_call_template(args, kws)

    def get_overload(self, sig):
        kinds, _ = normalize_signature(sig)
        return (super() if any(map(leaf_of, kinds)) else self.original).get_overload(sig)

    def get_compile_result(self, sig):
        """Return the compile result for a signature, that of the original if no type is active."""
        return (super() if any(map(leaf_of, sig.args)) else self.original).get_compile_result(sig)

    def compile(self, sig):
        """Compile with float buffers made active; if that fails, with buffers as they are."""
        try:
            return super().compile(sig)
        except Exception as error:  # code generation raises errors of many types
            refused = error if isinstance(error, Refused) else refusal(error, self.py_func)
        compiler = self._compiler
        first = compiler.pipeline_class
        for promote, own in (False, False), (True, True):
            compiler.pipeline_class = pipeline(self.kind, promote, self.part, self.copies, own)
            compiler._failed_cache.clear()
            try:
                return super().compile(sig)
            except Exception:  # noqa: S110  (the first attempt says what is wrong)
                pass
            finally:
                compiler.pipeline_class = first
        raise refused from None


def pipeline(kind, promote, part, copies=False, own=False):
    """The compiler of twins for an active type; with `promote`, float buffers become active.

    `part` says whether the twin is compiled as a part of its callers, `copies` whether it copies
    the arguments into which it stores, and `own` whether it copies those that share a name with
    arrays that depend on x.
    """

    class Compiler(CompilerBase):
        def define_pipelines(self):
            self.state["active"], self.state["creators"] = kind, creators_of(kind) if promote else {}
            passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
            if copies:
                passes.add_pass_after(CopyStored, InlineClosureLikes)
            if own:
                passes.add_pass_after(OwnChosen, InlineClosureLikes)
            passes.add_pass_after(Reroute, ReconstructSSA)
            passes.add_pass_after(Box, NopythonTypeInference)
            passes.add_pass_after(Mark, NopythonRewrites)
            if part:
                return [as_part(passes, self.state)]
            passes.finalize()
            return [passes]

    return Compiler


_creators = {}


def creators_of(kind):
    """The replacements of functions that create arrays, made once per active type."""
    if kind not in _creators:
        _creators[kind] = creators(kind)
    return _creators[kind]


@register_pass(mutates_CFG=False, analysis_only=False)
class Reroute(FunctionPass):
    """Compiler pass that replaces functions by the rules for active arguments."""

    _name = "quasinewton_reroute"

    def __init__(self):
        super().__init__()

    def run_pass(self, state):
        self.code, self.kind, self.creators = state.func_ir, state["active"], state["creators"]
        state["views"], state["same"] = [], {}
        for block in self.code.blocks.values():
            self.body, self.views = [], {}
            for statement in block.body:
                if isinstance(statement, ir.Assign):
                    self.reroute(statement)
                elif isinstance(statement, ir.SetItem) and self.is_comprehension(statement.target):
                    statement.value = self.called(statement, leaf, [statement.value])
                self.body.append(statement)
            block.body = self.body
            state["views"] += self.views.values()
        self.code._definitions = build_definitions(self.code.blocks)
        return True

    def reroute(self, statement):
        """Replace the right-hand side of an assignment if it has a rule."""
        value = statement.value
        if isinstance(value, (ir.Global, ir.FreeVar)) and isinstance(value.value, Dispatcher):
            value.value = twin(value.value, self.kind)
        elif isinstance(value, ir.Expr) and value.op == "call":
            self.reroute_call(statement, value)
        elif isinstance(value, ir.Expr) and value.op == "inplace_binop" and value.fn in INPLACE:
            self.call(statement, INPLACE[value.fn], value.lhs, value.rhs)
        elif isinstance(value, ir.Expr) and value.op == "getattr" and value.attr in ATTRIBUTES:
            self.call(statement, ATTRIBUTES[value.attr], value.value)
        elif isinstance(value, ir.Expr) and value.op == "binop":
            if value.fn is operator.matmul:
                self.call(statement, ROUTES[operator.matmul], value.lhs, value.rhs)
            elif value.fn is operator.mul and value.lhs.name == value.rhs.name:
                self.call(statement, np.square, value.lhs)
        elif isinstance(value, ir.Expr) and value.op in ("getitem", "static_getitem"):
            view = value.value.name, self.slice(value.index)
            if view[1]:
                self.views.setdefault(view, []).append(statement)
        elif isinstance(value, ir.Expr) and value.op in ("build_list", "build_set"):
            self.reroute_list(statement, any(self.made_of(item, "build_list") for item in value.items))

    def reroute_call(self, statement, call):
        function = self.constant(call.func)
        definition = guard(get_definition, self.code, call.func)
        if isinstance(function, Dispatcher):
            call.func = self.introduce(statement, function if isinstance(function, Twin) else twin(function, self.kind))
        elif function in (np.array, np.asarray) and call.args and self.is_nested(call.args[0]):
            call.args = [self.listed(statement, call.args[0]), *call.args[1:]]
            call.func = self.introduce(statement, ROUTES[function])
        elif hashable(function) and function in self.creators:
            call.func = self.introduce(statement, self.creators[function])
        elif hashable(function) and function in ROUTES:
            call.func = self.introduce(statement, ROUTES[function])
        elif function is None and isinstance(definition, ir.Expr) and definition.op == "getattr":
            method = METHODS.get(definition.attr, self.creators.get(definition.attr))
            # A stand-in takes positional arguments only, so keywords must follow in its order.
            names = [name for name, _ in call.kws]
            if method and not call.vararg and list(method.names[1 + len(call.args) :][: len(names)]) == names:
                self.call(statement, method, definition.value, *call.args, *[value for _, value in call.kws])

    def is_comprehension(self, variable):
        """Return True if a variable is an array that Numba makes in the place of a list."""
        made = guard(get_definition, self.code, variable)
        while isinstance(made, ir.Var):
            made = guard(get_definition, self.code, made)
        return isinstance(made, ir.Expr) and made.op == "call" and self.constant(made.func) is empty_inferred

    def made_of(self, variable, operation):
        """The variables in a list or tuple that the function makes, or None."""
        definition = guard(get_definition, self.code, variable)
        made = isinstance(definition, ir.Expr) and definition.op == operation
        return definition.items if made else None

    def is_nested(self, variable):
        """Return True if a variable is a tuple of tuples that the function makes."""
        return any(self.made_of(row, "build_tuple") for row in self.made_of(variable, "build_tuple") or ())

    def listed(self, statement, variable):
        """A new variable with a list instead of a tuple, with all that it contains.

        The items of a tuple differ in their types if only some of them are active.
        """
        items = self.made_of(variable, "build_tuple")
        if items is None:
            return variable
        new = ir.Var(statement.target.scope, mk_unique_var("list"), statement.loc)
        rows = [self.listed(statement, item) for item in items]
        made = ir.Assign(ir.Expr.build_list(rows, statement.loc), new, statement.loc)
        self.reroute_list(made, any(self.made_of(item, "build_tuple") for item in items))
        self.body.append(made)
        return new

    def reroute_list(self, statement, nested):
        """Have a list or set hold its items in the form in which it can store them."""
        value = statement.value
        if nested:
            value.items = [self.called(statement, row, [item, *value.items]) for item in value.items]
        else:
            value.items = [self.called(statement, leaf, [item]) for item in value.items]

    def constant(self, variable):
        """The Python object that a variable holds, or None if it is not known."""
        return constant_of(self.code, variable)

    def slice(self, variable):
        """The bounds of a slice as text if all are constants, otherwise None."""
        if not isinstance(variable, ir.Var):
            return repr(variable) if isinstance(variable, slice) else None
        definition = guard(get_definition, self.code, variable)
        if isinstance(definition, ir.Const) and isinstance(definition.value, slice):
            return repr(definition.value)
        if isinstance(definition, ir.Expr) and definition.op == "call" and self.constant(definition.func) is slice:
            bounds = [guard(find_const, self.code, bound) for bound in definition.args]
            names = [guard(get_definition, self.code, bound) for bound in definition.args]
            if all(isinstance(name, ir.Const) or bound is not None for name, bound in zip(names, bounds, strict=True)):
                return repr(bounds)
        return None

    def introduce(self, statement, function):
        """A new variable that holds a function."""
        variable = ir.Var(statement.target.scope, mk_unique_var("derivative"), statement.loc)
        self.body.append(ir.Assign(ir.Global(function.__name__, function, statement.loc), variable, statement.loc))
        return variable

    def call(self, statement, function, *arguments):
        """Replace the right-hand side of an assignment by the call of a function."""
        statement.value = ir.Expr.call(self.introduce(statement, function), arguments, (), statement.loc)

    def called(self, statement, function, arguments):
        """A new variable that holds what a function returns."""
        variable = ir.Var(statement.target.scope, mk_unique_var("item"), statement.loc)
        call = ir.Expr.call(self.introduce(statement, function), arguments, (), statement.loc)
        self.body.append(ir.Assign(call, variable, statement.loc))
        return variable


@register_pass(mutates_CFG=False, analysis_only=False)
class Box(FunctionPass):
    """Compiler pass that shares equal views and puts active numbers among arrays into arrays.

    If x[:-1] is written twice, it becomes one view, so that numbers computed from it have one
    parent, not two. Numbers are put into arrays of size 1, because array expressions accept no
    scalars but Numba's own.
    """

    _name = "quasinewton_box"

    def __init__(self):
        super().__init__()

    def run_pass(self, state):
        changed = self.share(state)
        for block in state.func_ir.blocks.values():
            body = []
            for statement in block.body:
                value = getattr(statement, "value", None)
                elementwise = isinstance(value, ir.Expr) and value.op in ("binop", "call")
                if elementwise and self.is_array_expression(state, statement.target, value):
                    names = [v.name for v in self.operands(value) if is_active(state.typemap[v.name])]
                    boxed = {name: self.box(state, statement, body, name) for name in names}
                    replace_vars_inner(value, boxed)
                    kinds = tuple(state.typemap[v.name] for v in self.operands(value))
                    state.calltypes[value] = state.calltypes.pop(value).replace(args=kinds)
                    changed |= bool(names)
                body.append(statement)
            block.body = body
        return changed

    def share(self, state):
        """Give equal slices of an array one name; slices of a list stay separate lists."""
        for first, *others in state["views"]:
            if isinstance(state.typemap[first.value.value.name], types.Array):
                for other in others:
                    state.calltypes.pop(other.value, None)
                    other.value = state["same"][other.target.name] = first.target
        return bool(state["same"])

    def operands(self, value):
        return [value.lhs, value.rhs] if value.op == "binop" else value.args

    def is_array_expression(self, state, target, value):
        if value.op == "call":
            function = state.typemap[value.func.name]
            if not isinstance(getattr(function, "typing_key", None), np.ufunc):
                return False
        return isinstance(state.typemap[target.name], types.Array)

    def box(self, state, statement, body, name):
        kind = state.typemap[name]
        function = state.typingctx.resolve_value_type(boxed)
        chosen = function.get_call_type(state.typingctx, (kind,), {})
        scope, loc = statement.target.scope, statement.loc
        variable, callee = (ir.Var(scope, mk_unique_var(part), loc) for part in ("box", "boxed"))
        call = ir.Expr.call(callee, [ir.Var(scope, name, loc)], (), loc)
        body += [ir.Assign(ir.Global("boxed", boxed, loc), callee, loc), ir.Assign(call, variable, loc)]
        state.typemap[callee.name], state.typemap[variable.name] = function, chosen.return_type
        state.calltypes[call] = chosen
        return variable


@register_pass(mutates_CFG=False, analysis_only=True)
class Mark(FunctionPass):
    """Compiler pass that has array statements of reverse mode lowered by `array_expressions`."""

    _name = "quasinewton_mark"

    def __init__(self):
        super().__init__()

    def run_pass(self, state):
        for block in state.func_ir.blocks.values():
            for statement in block.body:
                value = getattr(statement, "value", None)
                if is_statement(value, state.typemap):
                    value.op, value.expr = STATEMENT, renamed(value.expr, state["same"])
        return False


def renamed(expression, same):
    """An array expression with every shared view under one name."""
    if isinstance(expression, tuple):
        return expression[0], [renamed(operand, same) for operand in expression[1]]
    return same.get(expression.name, expression) if isinstance(expression, ir.Var) else expression
