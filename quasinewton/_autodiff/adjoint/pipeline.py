"""Numba's passes around the transformation: inlining, type inference, adjoint, type inference."""

import contextlib
import functools

from numba.core import compiler, ir, postproc, types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.inline_closurecall import inline_closure_call
from numba.core.ir_utils import build_definitions, get_definition, guard, remove_dels
from numba.core.registry import cpu_target
from numba.core.typed_passes import NopythonTypeInference
from numba.core.untyped_passes import (
    InlineClosureLikes,
    InlineInlinables,
    ReconstructSSA,
)

from quasinewton._autodiff.active_values import empty_of, zero_of
from quasinewton._autodiff.adjoint import runtime
from quasinewton._autodiff.adjoint.transform import transform
from quasinewton._autodiff.errors import Refused
from quasinewton._autodiff.recompile import Box, Reroute, creators_of, hashable
from quasinewton._autodiff.work_arrays import CopyStored, OwnChosen
from quasinewton._numba_ext.array_functions import ORIGINALS, CallKept
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.parts import as_part

BUDGET = 200  # helpers that are inlined per function; a recursion exceeds it
KNOWN = "_quasinewton_adjoints"  # attribute of a dispatcher: compiled adjoints, or why there are none


def options_of(dispatcher):
    """Return the options of a dispatcher that change what its code computes."""
    options = dispatcher.targetoptions
    names = "error_model", "fastmath", "parallel", "forceobj", "boundscheck"
    return {name: options.get(name) or None for name in names}


@register_pass(mutates_CFG=True, analysis_only=False)
class InlineHelpers(FunctionPass):
    """Compiler pass that inlines compiled helpers."""

    _name = "quasinewton_inline_helpers"

    def __init__(self):
        super().__init__()

    def run_pass(self, state):
        code, self.budget, self.options = state.func_ir, BUDGET, state["options"]
        while any(self.inline_in(code, block) for block in list(code.blocks.values())):
            pass
        return True

    def inline_in(self, code, block):
        """Inline the first helper that a block calls; return True if there was one."""
        for k, s in enumerate(block.body):
            if not (isinstance(s, ir.Assign) and isinstance(s.value, ir.Expr) and s.value.op == "call"):
                continue
            called = guard(get_definition, code, s.value.func)
            if isinstance(called, (ir.Global, ir.FreeVar)) and isinstance(called.value, Dispatcher):
                self.check(called.value, s)
                function = called.value.py_func
                inline_closure_call(code, function.__globals__, block, k, function)
                code._definitions = build_definitions(code.blocks)
                return True
        return False

    def check(self, helper, s):
        """Refuse recursion, and helpers whose code would mean something else inside the caller."""
        self.budget -= 1
        function = helper.py_func
        if self.budget == 0 or any(function.__globals__.get(name) is helper for name in function.__code__.co_names):
            raise Refused("no adjoint of recursion, or of very many calls of helpers")
        if options_of(helper) != self.options:
            raise Refused(f"no adjoint of {helper.__name__}, which has other options")
        if s.value.vararg or s.value.varkwarg:
            raise Refused(f"no adjoint of {helper.__name__} called with *args")


@register_pass(mutates_CFG=True, analysis_only=False)
class InlineInnerHelpers(InlineHelpers):
    """Compiler pass that inlines functions defined inside the function.

    It runs once Numba has made them helpers.
    """

    _name = "quasinewton_inline_inner_helpers"


@register_pass(mutates_CFG=True, analysis_only=False)
class MakeAdjoint(FunctionPass):
    """Compiler pass that replaces the function by that of its value and gradient."""

    _name = "quasinewton_make_adjoint"

    def __init__(self):
        super().__init__()

    def run_pass(self, state):
        code = state.func_ir
        remove_dels(code.blocks)
        kind = state["active"]
        code.blocks = transform(code, state.typemap, len(state.args), kind.lanes if kind else 1)
        code._definitions = build_definitions(code.blocks)
        code.arg_count += 1
        code.arg_names = (*code.arg_names, "stack")
        point = state.args[0] if kind is None else types.Array(kind, 1, "C")
        state.args = (point, *state.args[1:], types.int64)
        if kind is not None:
            replace_globals(code.blocks, empties(kind) | ORIGINALS)  # for the rules of active numbers
        postproc.PostProcessor(code).run(False)
        state.typingctx.refresh()  # for rules that were registered during the transformation
        state.targetctx.refresh()
        state.typemap = state.calltypes = state.return_type = None
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class InferAgain(NopythonTypeInference):
    """Compiler pass that infers the types of the adjoint."""

    _name = "quasinewton_infer_again"

    def run_pass(self, state):
        context = state.typingctx
        state.typingctx = Remembering(context)
        try:
            return super().run_pass(state)
        finally:
            state.typingctx = context


class Remembering:
    """A typing context that resolves each call of a function for given types once.

    Type inference goes through all statements several times, and in an adjoint most of them are one
    of a few operations on floats.
    """

    def __init__(self, context):
        self.context, self.known = context, {}

    def __getattr__(self, name):
        return getattr(self.context, name)

    def resolve_function_type(self, func, args, kws):
        """Return the signature of a call; see Numba's context."""
        key = func, tuple(args), tuple(kws.items())
        if key not in self.known:
            found = self.context.resolve_function_type(func, args, kws)
            if found is None:
                return None
            self.known[key] = found
        return self.known[key]


@register_pass(mutates_CFG=False, analysis_only=False)
class RerouteAdjoint(Reroute):
    """Compiler pass that replaces functions in the adjoint by the rules for active numbers."""

    _name = "quasinewton_reroute_adjoint"


@functools.cache
def empties(kind):
    """Return {function that creates a float array: function that creates an active array}."""
    zero = zero_of(kind)
    return {
        runtime.empty_vector: fragment(lambda m: empty_of(m, zero())),
        runtime.empty_matrix: fragment(lambda m, n: empty_of((m, n), zero())),
        runtime.empty_cube: fragment(lambda m, n, p: empty_of((m, n, p), zero())),
    }


def replace_globals(blocks, others):
    """Replace the functions that code calls."""
    for block in blocks.values():
        for s in block.body:
            value = getattr(s, "value", None)
            if isinstance(value, ir.Global) and hashable(value.value) and value.value in others:
                value.value = others[value.value]


class AdjointCompiler(CompilerBase):
    """Numba's passes with the transformation after the first type inference.

    Attributes
    ----------
    options : dict
        The options of the function as by `options_of`.
    active : Dual or None
        The type of numbers for which the adjoint is compiled, for forward mode through reverse
        mode.
    own : bool
        True to copy arguments that share a name with arrays that depend on x.
    """

    options = active = None
    own = False

    def define_pipelines(self):
        self.state["options"], self.state["active"] = self.options, self.active
        self.state["creators"] = creators_of(self.active) if self.active is not None else {}
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(InlineHelpers, InlineClosureLikes)  # before Numba finds constants and prunes branches
        passes.add_pass_after(CopyStored, InlineClosureLikes)
        if self.own:
            passes.add_pass_after(OwnChosen, InlineHelpers)
        passes.add_pass_after(InlineInnerHelpers, InlineInlinables)
        passes.add_pass_after(CallKept, ReconstructSSA)
        passes.add_pass_after(MakeAdjoint, NopythonTypeInference)
        if self.active is None:
            passes.add_pass_after(InferAgain, MakeAdjoint)
        else:
            passes.add_pass_after(RerouteAdjoint, MakeAdjoint)
            passes.add_pass_after(InferAgain, RerouteAdjoint)
            passes.add_pass_after(Box, InferAgain)
        return [as_part(passes, self.state)]


def compiled(f, kinds, active=None):
    """Return the compiled value and gradient of a function for arguments of these types.

    Parameters
    ----------
    f : numba dispatcher
    kinds : tuple of numba types
        Types of x, a contiguous vector of floats, and of the further arguments.
    active : Dual, optional
        Type of the numbers in x instead of floats; value and gradient then carry derivatives, too.

    Returns
    -------
    numba CompileResult or None
        The function (x, *args, address of a stack) -> (value, gradient); None if the transformation
        refuses it.
    """
    known, key = vars(f).setdefault(KNOWN, {}), (kinds, active)
    if key not in known:
        try:
            known[key] = compile_adjoint(f, kinds, active)
        except Exception as error:  # noqa: BLE001  (errors of type inference also fall back to the tape)
            known[key] = str(error).strip()
            if any(isinstance(kind, types.Array) for kind in kinds[1:]):
                with contextlib.suppress(Exception):
                    known[key] = compile_adjoint(f, kinds, active, own=True)
    return None if isinstance(known[key], str) else known[key]


def why_refused(f, kinds, active=None):
    """Return why the transformation refuses a function, None if it does not."""
    compiled(f, kinds, active)
    found = vars(f)[KNOWN][kinds, active]
    return found if isinstance(found, str) else None


def compile_adjoint(f, kinds, active=None, own=False):
    """Compile the value and gradient of a function."""
    options = options_of(f)
    if options["fastmath"] or options["parallel"] or options["forceobj"]:
        raise Refused("no adjoint of a function with fastmath, parallel or forceobj")
    flags = compiler.Flags()
    chosen = {"nopython": True, "nogil": True, "no_cfunc_wrapper": True, "no_cpython_wrapper": True}
    chosen |= {"error_model": options["error_model"] or "python"}
    cpu_target.options.parse_as_flags(flags, chosen)
    typing, target = cpu_target.typing_context, cpu_target.target_context
    typing.refresh()
    target.refresh()

    class Compiler(AdjointCompiler):
        pass

    Compiler.options, Compiler.active, Compiler.own = options, active, own
    return compiler.compile_extra(
        typing, target, f.py_func, kinds, return_type=None, flags=flags, locals={}, pipeline_class=Compiler
    )


