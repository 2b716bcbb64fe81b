"""Self-contained machine code: compiled for one signature, kept on disk, entered by address.

Numba numbers functions anew in every process. Code read from disk could therefore contain a name
that code of this process has, too, and the linker would confuse the two. Here all functions except
the entry are made private before machine code is generated, and the entry and the environments
carry the key of the code in their names.

Functions of the package that are kept on disk anyway, and are long, are not compiled again into
every code that calls them. They are sealed, too, under a name that is the same in every process,
and the code that calls them refers to it.
"""

import hashlib
import importlib
import json
import weakref

import llvmlite.binding as llvm
import numba
import numpy as np
from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.environment import Environment, lookup_environment
from numba.core.registry import cpu_target
from numba.core.typed_passes import NopythonTypeInference

from quasinewton._numba_ext.cache import (
    LIBRARIES,
    UnknownSymbol,
    check_symbols,
    code_hash,
    external,
    initialise_runtime,
    unresolved,
)
from quasinewton._numba_ext.garbage import uncollected
from quasinewton._numba_ext.jit import APART, INNER
from quasinewton._numba_ext.parts import UNRESOLVED, PartLibrary, adopt_initialisers
from quasinewton._numba_ext.symbols import NAMED_BY
from quasinewton._numba_ext.user_cache import environment, is_on, load, save

ENVIRONMENT = "_ZN08NumbaEnv"  # prefix of the names of environments, which hold constants for the interpreter
TAG = 24  # characters; prefix of a key that is used in names
KEPT = "quasinewton_kept_"  # prefix of the names of functions of the package that are sealed by themselves
# Instructions; shorter functions are linked into their callers, since a call of one costs more than
# it saves. Most of those above are loops over arrays.
LONG = 100
# Types of the arguments of functions that are sealed by themselves. Other numbers, which carry up
# to 24 derivatives, are expensive to pass, and their functions are called for single items.
PASSED = types.Array, types.Integer, types.Float, types.Boolean, types.BaseTuple, types.NoneType, types.Omitted


class Sealed:
    """Compiled code: its address, and the objects that must live as long as it is used."""

    def __init__(self, address, held):
        self.address, self.held = address, held


def make_private(module, entry, tag):
    """Make all functions of an LLVM module private, except for the entry.

    Returns
    -------
    dict
        By new name of an environment: its old name.
    """
    renamed = {}
    for function in module.functions:
        if not function.is_declaration and function.name != entry:
            # Renamed as well: the linker of machine code takes a private function for its namesake
            # in code that is made later, although the optimiser may have changed its arguments.
            function.name = f"{function.name}.{tag}"
            function.linkage = llvm.Linkage.internal
    for variable in module.global_variables:
        name = variable.name
        if name.startswith(ENVIRONMENT) and tag not in name:
            variable.name = f"{name}.{tag}"
            renamed[variable.name] = name
    return renamed


class SealedLibrary(JITCodeLibrary):
    """A Numba library whose only public function has the tag in its name."""

    def finalize(self):
        self.kept = {}  # by symbol of a function in this process: its lasting name
        self.symbols = {}  # by lasting name: the symbol
        self.link(self, set())
        self._linking_libraries = []
        super().finalize()

    def link(self, library, seen):
        """Link with all that a library calls, except for functions that are sealed themselves."""
        for other in library._linking_libraries:
            if other in seen:
                continue
            seen.add(other)
            adopt_initialisers(self, other)
            if isinstance(other, PartLibrary):
                self._final_module.link_in(other.own_module(), preserve=True)
                self.link(other, seen)
                continue
            name = kept_name(other)
            symbol = LIBRARIES[other][1] if name else None
            # LLVM would give a second symbol of one name another name, which nothing has. A
            # function may have two where it was compiled twice.
            if name is None or self.kept.get(symbol, name) != name or self.symbols.get(name, symbol) != symbol:
                self._final_module.link_in(other._get_module_for_linking(), preserve=True)
            else:
                self.kept[symbol], self.symbols[name] = name, symbol

    def _optimize_final_module(self):
        for function in self._final_module.functions:
            if function.is_declaration:
                function.name = self.kept.get(function.name, function.name)
            elif self.tag in function.name:
                self.entry = function.name
        self.renamed = make_private(self._final_module, self.entry, self.tag)
        super()._optimize_final_module()
        check_symbols(self._final_module, self.codegen._engine)


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
    portable = not (library.has_dynamic_globals or preparations or result.lifted)
    held, found = [library], environments_of(module, library.renamed)
    for name, constants in found.items():
        # The environment that Numba made holds the globals, and so the user's function, which must
        # be freed when nobody else holds it.
        own = environment_of(name, constants)
        held.append(own)
        library.codegen.set_env(name, own)
    sealed = Sealed(library.get_pointer_to_function(library.entry), tuple(held))
    return sealed, written(module, library.entry, found, library._get_compiled_object()) if portable else None


def environments_of(module, renamed):
    """Return the constants of the environments of an LLVM module by their names."""
    found = {}
    for variable in module.global_variables:
        if variable.name.startswith(ENVIRONMENT):
            known = lookup_environment(renamed.get(variable.name, variable.name))
            if known is not None:
                found[variable.name] = known.consts
    return found


def written(module, entry, environments, code):
    """Return sealed machine code as bytes for `rebuild`, or None if another process cannot use it.

    Parameters
    ----------
    module : LLVM module
        From which the code was made.
    entry : str
        Name of its public function.
    environments : dict
        As from `environments_of`.
    code : bytes
    """
    # dtype constants serve to pass arrays to Python and can be saved by name. Other constants may
    # be any object, so code with them stays in this process.
    # Functions that call each other do so by addresses of this process.
    if any(variable.name.startswith(UNRESOLVED) for variable in module.global_variables):
        return None
    kinds = {}
    for name, constants in environments.items():
        kinds[name] = [each.str for each in constants if isinstance(each, np.dtype) and each.isbuiltin == 1]
        if len(kinds[name]) != len(constants):
            return None
    symbols = external(module)
    modules = sorted({NAMED_BY[name] for name in symbols if NAMED_BY.get(name)})
    head = {"entry": entry, "environments": kinds, "symbols": symbols, "modules": modules}
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + code


# By name of a function of the package that is sealed by itself: its code, for the rest of the
# process.
_kept = {}
_names = weakref.WeakKeyDictionary()  # by library: what `kept_name` returns


def kept_name(library):
    """Return the name under which the function of a library is sealed by itself.

    Parameters
    ----------
    library : numba code library

    Returns
    -------
    str or None
        None if it is not: because it is no function of the package that is kept on disk, because it
        is short, or because nothing is kept.
    """
    if library not in LIBRARIES or not is_on():
        return None
    if library not in _names:
        function, symbol, signature, words = LIBRARIES[library]
        names = function.__module__, function.__qualname__, code_hash(function.__code__), str(signature)
        key = hashlib.sha256(repr((environment(), *names, *words)).encode()).hexdigest()
        known = KEPT + key in _kept or (is_long(library, signature) and (load_kept(key) or seal(library, symbol, key)))
        _names[library] = KEPT + key if known else None
    return _names[library]


def is_long(library, signature):
    """Return True if a function has arrays as arguments, and is long or was declared to be apart.
    """
    kinds = signature.args
    if not any(isinstance(kind, types.Array) for kind in kinds) or not all(isinstance(kind, PASSED) for kind in kinds):
        return False
    if hasattr(LIBRARIES[library][0], APART):
        return True
    blocks = (block for each in library._get_module_for_linking().functions for block in each.blocks)
    return sum(1 for block in blocks for _ in block.instructions) >= LONG


def seal(library, symbol, key):
    """Seal the function of a library under a key; return True if that is possible."""
    module = library._get_module_for_linking().clone()
    entry = module.get_function(symbol)
    entry.name, entry.linkage = KEPT + key, llvm.Linkage.external
    found = environments_of(module, make_private(module, entry.name, key[:TAG]))
    data = written(module, entry.name, found, cpu_target.target_context.codegen()._tm.emit_object(module))
    if data:
        save(key, data)
    return data is not None and load_kept(key, data)


def load_kept(key, data=None):
    """Load a function of the package that was sealed under a key; return True if it is there."""
    name = KEPT + key
    if name not in _kept:
        data = data or load(key)
        code = rebuild(data) if data else None
        if code is None:
            return False
        llvm.add_symbol(name, code.address)
        _kept[name] = code
    return True


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
    initialise_runtime()
    for symbol in head["symbols"]:
        if symbol.startswith(KEPT) and not load_kept(symbol.removeprefix(KEPT)):
            return None
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
        Must be held as long as its address is used; None if `make` returns None, or if the code
        could not be linked.
    """
    with global_compiler_lock:
        found = _alive.get(key)
        if found is None:
            data = load(key)
            found = rebuild(data) if data else None
            if found is None:
                with uncollected():
                    function = make()
                    if function is None:
                        return None
                    try:
                        found, data = compile_sealed(function, signature, key)
                    except UnknownSymbol:
                        return None
                if data:
                    save(key, data)
            _alive[key] = found
    return found
