"""Parts of kernels, compiled without what only whole kernels need.

Numba makes of each function machine code of its own, optimised by all of LLVM's passes, also where
it only ever becomes a part of another function, which is then optimised and translated as a whole
once more: parts within parts, three or four times. Here a part is left as LLVM first reads it, and
the kernel that it belongs to is optimised once. Passes over Numba's own intermediate code that can
have nothing to do in kernels are left out.
"""

import weakref

from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import CompilerBase, _LowerResult
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
    """Code that is linked into other code, and never run by itself."""

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._final_module.__library = weakref.proxy(self)
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class PartLowering(NativeLowering):
    """Lower a part to LLVM's intermediate code, and go no further."""

    _name = "part_lowering"

    def run_pass(self, state):
        context, flags = state.targetctx, state.flags
        state.library = PartLibrary(context.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        part = [].append  # stands for an address, which a part has none of: Numba wants a builtin, a new one each time
        context.insert_user_function(part, lowered.fndesc, [state.library])
        state["cr"] = _LowerResult(lowered.fndesc, lowered.call_helper, cfunc=part, env=lowered.env)
        return True


def _passes(state, lowering, name):
    manager = PassManager(name)
    for step in (TranslateByteCode, FixupArgs, IRProcessing, RewriteSemanticConstants, DeadBranchPrune, GenericRewrites):
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


class KernelCompiler(CompilerBase):
    """Compile a kernel that only compiled code calls."""

    def define_pipelines(self):
        return _passes(self.state, NativeLowering, "kernel")
