"""Machine code that needs nothing but itself: compiled for one signature, kept on disk, entered by
address.

Numba gives functions names by counting them, anew in every process. Code that is read from disk
beside code of this process may so meet a namesake, and the machine's linker would take one for the
other. Here all functions but the entry are made private before machine code is made of them, and
the entry and the environments carry the key of what they are.
"""

import importlib
import json
import weakref

import llvmlite.binding as llvm
import numba
import numpy as np
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.environment import Environment, lookup_environment
from numba.core.registry import cpu_target
from numba.core.typed_passes import NopythonTypeInference

from quasinewton.numba_ext.cache import begin, external, unresolved
from quasinewton.numba_ext.jit import INNER
from quasinewton.numba_ext.symbols import NAMED_BY
from quasinewton.numba_ext.user_cache import load, save

ENVIRONMENT = "_ZN08NumbaEnv"  # what the names of environments begin with
TAG = 24  # characters of a key that make a name
RUNTIME = "NRT_", "nrt_"  # what the functions of Numba's runtime begin with, which are the same in every process


class Sealed:
    """Compiled code: its address, and what must be held as long as that is used."""

    def __init__(self, address, held):
        self.address, self.held = address, held


class SealedLibrary(JITCodeLibrary):
    """A library of Numba's whose only public function is the one that has the tag in its name."""

    def _optimize_final_module(self):
        self.renamed = {}
        for function in self._final_module.functions:
            if function.is_declaration:
                continue
            if self.tag in function.name:
                self.entry = function.name
            elif not function.name.startswith(RUNTIME):
                function.linkage = llvm.Linkage.internal
        for variable in self._final_module.global_variables:
            name = variable.name
            if name.startswith(ENVIRONMENT) and self.tag not in name:
                variable.name = f"{name}.{self.tag}"
                self.renamed[variable.name] = name
        super()._optimize_final_module()


class Compiler(CompilerBase):
    """Numba's compiler, with a library that is sealed."""

    def define_pipelines(self):
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(Seal, NopythonTypeInference)
        passes.finalize()
        return [passes]


@register_pass(mutates_CFG=False, analysis_only=True)
class Seal(AnalysisPass):
    """Put a sealed library in the place of the one that Numba would make."""

    _name = "quasinewton_seal"

    def __init__(self):
        super().__init__()

    def run_pass(self, state):
        name = state.func_id.func_qualname
        state.library = SealedLibrary(state.targetctx.codegen(), name)
        state.library.tag = name.rpartition("_")[2]
        state.library.enable_object_caching()
        return False


def compile_sealed(function, signature, key):
    """Compile a function for one signature.

    Parameters
    ----------
    function : callable
        A Python function that nothing else is compiled from; its name is changed.
    signature : numba signature
    key : str
        What the function is.

    Returns
    -------
    (Sealed, bytes or None)
        The code, and what `rebuild` makes it of again; None where another process could not.
    """
    function.__name__ = function.__qualname__ = f"{function.__name__}_{key[:TAG]}"
    dispatcher = numba.njit(pipeline_class=Compiler, **INNER)(function)
    dispatcher.compile(signature)
    result = dispatcher.get_compile_result(signature)
    library = result.library
    module = library._final_module
    environments, portable = {}, not (library.has_dynamic_globals or library._reload_init or result.lifted)
    held = [library]
    for variable in module.global_variables:
        if not variable.name.startswith(ENVIRONMENT):
            continue
        found = lookup_environment(library.renamed.get(variable.name, variable.name))
        if found is None:
            continue
        held.append(found)
        # What arrays are handed to Python with. Other constants are objects of whatever kind.
        kinds = [each.str for each in found.consts if isinstance(each, np.dtype) and each.isbuiltin == 1]
        portable &= len(kinds) == len(found.consts)
        environments[variable.name] = kinds
        if variable.name in library.renamed:
            library.codegen.set_env(variable.name, found)
    sealed = Sealed(library.get_pointer_to_function(library.entry), tuple(held))
    if not portable:
        return sealed, None
    symbols = external(module)
    modules = sorted({NAMED_BY[name] for name in symbols if NAMED_BY.get(name)})
    head = {"entry": library.entry, "environments": environments, "symbols": symbols, "modules": modules}
    text = json.dumps(head).encode()
    return sealed, len(text).to_bytes(8, "little") + text + library._get_compiled_object()


class Loaded(JITCodeLibrary):
    """A library that consists of machine code alone."""


def rebuild(data):
    """Make code of what `compile_sealed` returned, in this process or another.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    Sealed or None
        None where something that the code needs is missing.
    """
    size = int.from_bytes(data[:8], "little")
    head, code = json.loads(data[8 : 8 + size]), data[8 + size :]
    begin()
    if unresolved(head["symbols"]):
        for module in head["modules"]:
            importlib.import_module(module)
    if unresolved(head["symbols"]):
        cpu_target.target_context.refresh()  # which names more of what compiled code calls
    if unresolved(head["symbols"]):
        return None
    environments = []
    for symbol, kinds in head["environments"].items():
        made = Environment({})  # globals are for code that runs in the interpreter
        made.env_name = symbol
        made.consts[:] = map(np.dtype, kinds)
        environments.append((symbol, made))
    with global_compiler_lock:
        codegen = cpu_target.target_context.codegen()
        library = Loaded(codegen, head["entry"])
        library.enable_object_caching()
        library._set_compiled_object(code)
        library._finalize_final_module()
        address = codegen._engine.get_function_address(head["entry"])
        for symbol, made in environments:
            codegen.set_env(symbol, made)
    return Sealed(address, (library, *(made for _, made in environments)))


_alive = weakref.WeakValueDictionary()  # code of this process by its key: one name is never given twice


def obtain(key, make, signature):
    """Return the code with a key: that of this process, or what is on disk, or else what is
    compiled now.

    Parameters
    ----------
    key : str
        Of `user_cache.key`.
    make : callable
        Without arguments; returns the Python function to be compiled, which has no other use, or
        None.
    signature : numba signature

    Returns
    -------
    Sealed or None
        To be held as long as its address is used; None where `make` returns None.
    """
    with global_compiler_lock:
        found = _alive.get(key)
        if found is None:
            data = load(key)
            found = rebuild(data) if data else None
            if found is None:
                function = make()
                if function is None:
                    return None
                found, data = compile_sealed(function, signature, key)
                if data:
                    save(key, data)
            _alive[key] = found
    return found
