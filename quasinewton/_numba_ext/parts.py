"""Numba compilers for functions that are compiled only as parts of others, and for kernels.

Numba compiles each function to machine code with all of LLVM's passes, even if it only becomes part
of another function, which is then optimised as a whole again; nested parts are optimised three or
four times. Here a part stays unoptimised LLVM code, and the kernel that contains it is optimised
once. Numba's own passes that have no effect in kernels are omitted. Users' functions, and rules of
derivatives, become parts as well, with all passes.
"""

import contextlib
import types as python
import weakref

from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, _LowerResult
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.dispatcher import Dispatcher
from numba.core.typed_passes import (
    AnnotateTypes,
    IRLegalization,
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.untyped_passes import (
    DeadBranchPrune,
    FixupArgs,
    GenericRewrites,
    InlineInlinables,
    IRProcessing,
    ReconstructSSA,
    RewriteSemanticConstants,
    TranslateByteCode,
)

from quasinewton._numba_ext.array_items import LowerItems
from quasinewton._numba_ext.function_copies import names_in


def adopt_initialisers(library, linked):
    """Note what the process must prepare for the code that is linked into a library.

    Numba has libraries note it from 0.62 on; older versions note it for the compiled result.
    """
    if hasattr(library, "_reload_init"):
        library._reload_init.update(linked._reload_init)


class PartLibrary(CPUCodeLibrary):
    """Code that is linked into other code and never run by itself.

    It is not linked with the code that it calls until its caller is.
    """

    merged = None

    def finalize(self):
        self._codegen._check_llvm_bugs()
        self._raise_if_finalized()
        for library in self._linking_libraries:
            adopt_initialisers(self, library)
        self._final_module.verify()
        self._finalize_final_module()

    def own_module(self):
        """Return the LLVM module of this part alone, to be linked with those of what it calls."""
        return super()._get_module_for_linking()

    def _get_module_for_linking(self):
        if self.merged is None:
            self.merged = self.own_module().clone()
            for library in dict.fromkeys(self._linking_libraries):
                self.merged.link_in(library._get_module_for_linking(), preserve=True)
        return self.merged

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._final_module.__library = weakref.proxy(self)
        self._finalized = True


class UserPartLibrary(PartLibrary):
    """A part of users' functions, which is as Numba wrote it until its caller is optimised."""

    def _optimize_functions(self, ll_module):
        ll_module.data_layout = self._codegen._data_layout


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(NativeLowering):
    """Lower a part to LLVM's intermediate code without optimising it."""

    _name = "part_lowering"
    library = PartLibrary

    def run_pass(self, state):
        context, flags = state.targetctx, state.flags
        state.library = self.library(context.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        # A part has no address. Numba requires a builtin in its place, a new object each time.
        part = [].append
        context.insert_user_function(part, lowered.fndesc, [state.library])
        state["cr"] = _LowerResult(lowered.fndesc, lowered.call_helper, cfunc=part, env=lowered.env)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class UserPartLowering(PartLowering):
    """Lower a part of users' functions, with short code for items of arrays."""

    _name = "user_part_lowering"
    library = UserPartLibrary

    @property
    def lowering_class(self):
        """The class that lowers the statements."""
        return LowerItems


# Prefix of the variables that hold addresses of functions that were not compiled when code that
# calls them was, because they call each other.
UNRESOLVED = ".numba.unresolved$"


def _functions_in(function):
    """Yield the Python functions of the compiled ones to which a function refers."""
    names = names_in(function.__code__)
    values = [function.__globals__.get(name) for name in names]
    modules = [each for each in values if isinstance(each, python.ModuleType)]
    values += [vars(module).get(name) for module in modules for name in names]
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # a cell without contents
            values.append(cell.cell_contents)
    yield from (each.py_func for each in values if isinstance(each, Dispatcher))


def calls_itself(function):
    """Return True if a compiled function may call itself, directly or through others.

    Numba has such functions call each other by address, and a part has none.
    """
    seen, todo = set(), [function]
    while todo:
        for other in _functions_in(todo.pop()):
            if other is function:
                return True
            if id(other) not in seen:
                seen.add(id(other))
                todo.append(other)
    return False


def _passes(state, lowering, name):
    manager = PassManager(name)
    for step in (
        TranslateByteCode,
        FixupArgs,
        IRProcessing,
        RewriteSemanticConstants,
        DeadBranchPrune,
        GenericRewrites,
    ):
        manager.add_pass(step, step._name)
    for step in (InlineInlinables, ReconstructSSA, NopythonTypeInference, PreLowerStripPhis, IRLegalization):
        manager.add_pass(step, step._name)
    for step in (AnnotateTypes, lowering, NoPythonBackend):
        manager.add_pass(step, step._name)
    manager.finalize()
    return [manager]


class PartCompiler(CompilerBase):
    """Compile a part of kernels."""

    def define_pipelines(self):
        return _passes(self.state, PartLowering, "part")


def as_part(passes, state):
    """Return passes that lower a function as a part of other code, unless it calls itself.

    Parameters
    ----------
    passes : PassManager
        Changed; not yet finalized.
    state : compilation state
    """
    if not calls_itself(state.func_id.func):
        passes.passes = [(UserPartLowering if step is NativeLowering else step, name) for step, name in passes.passes]
    passes.finalize()
    return passes


class WholePartCompiler(CompilerBase):
    """Compile a part with all of Numba's passes before code generation."""

    def define_pipelines(self):
        return [as_part(DefaultPassBuilder.define_nopython_pipeline(self.state), self.state)]


class KernelCompiler(CompilerBase):
    """Compile a kernel that is called from compiled code only."""

    def define_pipelines(self):
        return _passes(self.state, NativeLowering, "kernel")
