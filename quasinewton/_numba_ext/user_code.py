"""Users' functions as parts of the code that this package compiles: copies with their own passes.

A copy is compiled from the present state of the function and of those that it calls. It becomes a
part of its callers, so that LLVM's passes see it once, with them, and it calls the array functions
that are kept on disk. The user's function itself is not compiled by this.
"""

from numba.core import compiler
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.registry import CPUDispatcher, cpu_target
from numba.core.typed_passes import NopythonTypeInference
from numba.core.untyped_passes import ReconstructSSA

from quasinewton._numba_ext.array_functions import CallKept
from quasinewton._numba_ext.fingerprint import (
    ORIGIN,
    Reader,
    Unnameable,
    is_current,
    is_versioned,
)
from quasinewton._numba_ext.function_copies import copy_with
from quasinewton._numba_ext.jit import INNER
from quasinewton._numba_ext.parts import WholePartCompiler, as_part

# Rules and conversions that are compiled for the types of a user's function, into its caller.
RULE = INNER | {"pipeline_class": WholePartCompiler}
WRAPPERS = {name: INNER[name] for name in ("no_cpython_wrapper", "no_cfunc_wrapper")}
COPY = "_quasinewton_fresh"  # attribute of a function: digest, copy, and dispatchers shared with the copy


class CopyCompiler(CompilerBase):
    """Numba's passes for the copy of a user's function."""

    def passes(self):
        """Return the passes, not yet finalized."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(CallKept, ReconstructSSA)
        return passes

    def define_pipelines(self):
        return [as_part(self.passes(), self.state)]


@register_pass(mutates_CFG=False, analysis_only=True)
class KeepResultType(AnalysisPass):
    """Compiler pass that makes the inferred type of the result that of the compilation."""

    _name = "quasinewton_keep_result_type"

    def __init__(self):
        super().__init__()

    def run_pass(self, state):
        state.cr = state.return_type
        return False


class TypeCompiler(CopyCompiler):
    """The passes of a copy up to type inference."""

    def define_pipelines(self):
        passes = self.passes()
        steps = [step for step, _ in passes.passes]
        passes.passes = passes.passes[: steps.index(NopythonTypeInference) + 1]
        passes.add_pass(KeepResultType, KeepResultType._name)
        passes.finalize()
        return [passes]


class Copy(CPUDispatcher):
    """The copy of a user's function, callable from compiled code only."""

    def inferred(self, kinds):
        """Return the type of the result for argument types; code is generated of callees alone."""
        known = vars(self).setdefault("_quasinewton_inferred", {})
        if kinds not in known:
            _, folded = self._compiler.fold_argument_types(kinds, {})
            flags = compiler.Flags()
            cpu_target.options.parse_as_flags(flags, self.targetoptions)
            typing, target = cpu_target.typing_context, cpu_target.target_context
            typing.refresh()
            target.refresh()
            known[kinds] = compiler.compile_extra(
                typing, target, self.py_func, tuple(folded), None, flags, self.locals, pipeline_class=TypeCompiler
            )
        return known[kinds]


def fresh(function):
    """Return a function from which machine code may be compiled and kept on disk, or None.

    Parameters
    ----------
    function : numba dispatcher

    Returns
    -------
    numba dispatcher or None
        A copy of the function and of the functions that it calls, callable from compiled code
        only; the function itself if it was made by this package or has fixed signatures; None if
        neither is possible.
    """
    reader = Reader()
    try:
        reader.value(function)
    except (Unnameable, RecursionError):
        return None
    digest, known = reader.digest.hexdigest(), vars(function).get(COPY)
    shared = [each for each in reader.dispatchers if is_fixed(each)] + reader.pinned
    if not all(map(is_current, shared)):
        return None
    if known is None or known[0] != digest:
        # A reference of the function to itself would delay its release until garbage collection.
        copy = Copier(shared).value(function)
        known = vars(function)[COPY] = digest, None if copy is function else copy, shared
    return known[1] or function


def is_fixed(dispatcher):
    """Return True if a function has the signatures that the user gave and no others."""
    return not dispatcher._can_compile


class Copier:
    """Copies compiled functions and those that they refer to, except the given ones."""

    def __init__(self, shared):
        self.shared, self.copies = {id(each) for each in shared}, {}

    def value(self, value):
        """Return the copy of an object; objects other than functions and tuples are shared."""
        if type(value) is CPUDispatcher and not hasattr(value, ORIGIN) and not is_versioned(value.py_func.__module__):
            return value if id(value) in self.shared else self.dispatcher(value)
        if type(value) is tuple:
            return tuple(map(self.value, value))
        return value

    def dispatcher(self, original):
        """Return the copy of a dispatcher, without machine code and without Numba's cache."""
        if id(original) not in self.copies:
            options = dict(original.targetoptions) | WRAPPERS

            def note(copy):
                self.copies[id(original)] = Copy(copy, original.locals, options, CopyCompiler)

            copy_with(original.py_func, note, self.value)
        return self.copies[id(original)]
