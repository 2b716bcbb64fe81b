"""Numba compilers for functions that are compiled only as parts of others, and for kernels.

Numba compiles each function to machine code with all of LLVM's passes, even if it only becomes part
of another function, which is then optimised as a whole again; nested parts are optimised three or
four times. Here a part stays unoptimised LLVM code, and the kernel that contains it is optimised
once. Numba's own passes that have no effect in kernels are omitted. Users' functions, and rules of
derivatives, become parts as well, with all passes.
"""

import weakref

from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder, _LowerResult
from numba.core.compiler_machinery import PassManager, register_pass
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


class PartLibrary(CPUCodeLibrary):
    """Code that is linked into other code and never run by itself.

    It is not linked with the code that it calls until its caller is.
    """

    merged = None

    def finalize(self):
        self._codegen._check_llvm_bugs()
        self._raise_if_finalized()
        for library in self._linking_libraries:
            self._reload_init.update(library._reload_init)
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


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(NativeLowering):
    """Lower a part to LLVM's intermediate code without optimising it."""

    _name = "part_lowering"

    def run_pass(self, state):
        context, flags = state.targetctx, state.flags
        state.library = PartLibrary(context.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        # A part has no address. Numba requires a builtin in its place, a new object each time.
        part = [].append
        context.insert_user_function(part, lowered.fndesc, [state.library])
        state["cr"] = _LowerResult(lowered.fndesc, lowered.call_helper, cfunc=part, env=lowered.env)
        return True


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


def as_part(passes):
    """Return a pass manager whose code is lowered as a part of other code.

    Parameters
    ----------
    passes : PassManager
        Changed; not yet finalized.
    """
    passes.passes = [(PartLowering if step is NativeLowering else step, name) for step, name in passes.passes]
    passes.finalize()
    return passes


class WholePartCompiler(CompilerBase):
    """Compile a part with all of Numba's passes before code generation."""

    def define_pipelines(self):
        return [as_part(DefaultPassBuilder.define_nopython_pipeline(self.state))]


class KernelCompiler(CompilerBase):
    """Compile a kernel that is called from compiled code only."""

    def define_pipelines(self):
        return _passes(self.state, NativeLowering, "kernel")
