"""Self-contained machine code: compiled for one signature, kept on disk, entered by address.

Numba numbers functions anew in every process. Code read from disk could therefore contain a name
that code of this process has, too, and the linker would confuse the two. Here all functions except
the entry are made private before machine code is generated, and the entry and the environments
carry the key of the code in their names.
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

ENVIRONMENT = "_ZN08NumbaEnv"  # prefix of the names of environments, which hold constants for the interpreter
TAG = 24  # characters; prefix of a key that is used in names


class Sealed:
    """Compiled code: its address, and the objects that must live as long as it is used."""

    def __init__(self, address, held):
        self.address, self.held = address, held


class SealedLibrary(JITCodeLibrary):
    """A Numba library whose only public function has the tag in its name."""

    def _optimize_final_module(self):
        self.renamed = {}
        for function in self._final_module.functions:
            if function.is_declaration:
                continue
            if self.tag in function.name:
                self.entry = function.name
            else:
                # Renamed as well: the linker of machine code takes a private function for its
                # namesake in code that is made later, although the optimiser may have changed its
                # arguments.
                function.name = f"{function.name}.{self.tag}"
                function.linkage = llvm.Linkage.internal
        for variable in self._final_module.global_variables:
            name = variable.name
            if name.startswith(ENVIRONMENT) and self.tag not in name:
                variable.name = f"{name}.{self.tag}"
                self.renamed[variable.name] = name
        super()._optimize_final_module()


class Compiler(CompilerBase):
    """Numba's compiler with a `SealedLibrary`."""

    def define_pipelines(self):
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.add_pass_after(Seal, NopythonTypeInference)
        passes.finalize()
        return [passes]


@register_pass(mutates_CFG=False, analysis_only=True)
class Seal(AnalysisPass):
    """Replace the library that Numba would create by a `SealedLibrary`."""

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
    """Compile a function for one signature to self-contained machine code.

    Parameters
    ----------
    function : callable
        A Python function that is not used elsewhere; its name is changed.
    signature : numba signature
    key : str
        Key of the function.

    Returns
    -------
    (Sealed, bytes or None)
        The code, and its bytes for `rebuild`; None instead of bytes if other processes cannot use
        it.
    """
    function.__name__ = function.__qualname__ = f"{function.__name__}_{key[:TAG]}"
    dispatcher = numba.njit(pipeline_class=Compiler, **INNER)(function)
    dispatcher.compile(signature)
    result = dispatcher.get_compile_result(signature)
    library = result.library
    module = library._final_module
    # What must be called before the code runs in another process; older Numbas note it in the
    # result.
    preparations = getattr(library, "_reload_init", result.reload_init)
    environments, portable = {}, not (library.has_dynamic_globals or preparations or result.lifted)
    held = [library]
    for variable in module.global_variables:
        if not variable.name.startswith(ENVIRONMENT):
            continue
        found = lookup_environment(library.renamed.get(variable.name, variable.name))
        if found is None:
            continue
        # dtype constants serve to pass arrays to Python and can be saved by name. Other constants
        # may be any object, so code with them stays in this process.
        kinds = [each.str for each in found.consts if isinstance(each, np.dtype) and each.isbuiltin == 1]
        portable &= len(kinds) == len(found.consts)
        environments[variable.name] = kinds
        # The environment that Numba made holds the globals, and so the user's function, which must
        # be freed when nobody else holds it.
        own = environment_of(variable.name, found.consts)
        held.append(own)
        library.codegen.set_env(variable.name, own)
    sealed = Sealed(library.get_pointer_to_function(library.entry), tuple(held))
    if not portable:
        return sealed, None
    symbols = external(module)
    modules = sorted({NAMED_BY[name] for name in symbols if NAMED_BY.get(name)})
    head = {"entry": library.entry, "environments": environments, "symbols": symbols, "modules": modules}
    text = json.dumps(head).encode()
    return sealed, len(text).to_bytes(8, "little") + text + library._get_compiled_object()


def environment_of(name, constants):
    """Return an environment of compiled code, without globals, which only the interpreter reads."""
    made = Environment({})
    made.env_name = name
    made.consts[:] = constants
    return made


class Loaded(JITCodeLibrary):
    """A library that consists of machine code only."""


def rebuild(data):
    """Load the code that `compile_sealed` returned as bytes, in this process or another.

    Parameters
    ----------
    data : bytes

    Returns
    -------
    Sealed or None
        None if a symbol that the code needs is missing.
    """
    size = int.from_bytes(data[:8], "little")
    head, code = json.loads(data[8 : 8 + size]), data[8 + size :]
    begin()
    if unresolved(head["symbols"]):
        for module in head["modules"]:
            importlib.import_module(module)
    if unresolved(head["symbols"]):
        # This defines more of the symbols that compiled code calls.
        cpu_target.target_context.refresh()
    if unresolved(head["symbols"]):
        return None
    environments = []
    for symbol, kinds in head["environments"].items():
        environments.append((symbol, environment_of(symbol, map(np.dtype, kinds))))
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


# Code of this process by key, so that no name is defined twice.
_alive = weakref.WeakValueDictionary()


def obtain(key, make, signature):
    """Return the code with a key: from this process, from disk, or newly compiled.

    Parameters
    ----------
    key : str
        As `user_cache.key` returns it.
    make : callable
        Called without arguments; returns the Python function to be compiled, which is not used
        elsewhere, or None.
    signature : numba signature

    Returns
    -------
    Sealed or None
        Must be held as long as its address is used; None if `make` returns None.
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
