"""One small test for each internal of Numba that the caches on disk rely on, and a list of names.

Covers: _numba_ext/{sealed,cache,stamps,fingerprint,user_cache}.py and
_numba_ext/{interpreted,unwinding,python_calls}.py.
"""

import ast
import importlib
import pickle
from pathlib import Path

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from numba import njit, types
from numba.core import caching, codegen, config, environment, event, registry
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.runtime import rtsys
from numba.core.typing import templates
from numba.misc.appdirs import AppDirs
from numba.np.numpy_support import as_dtype

import quasinewton
from quasinewton._numba_ext import python_calls, unwinding

ROOT = Path(quasinewton.__file__).parent
SIGNATURE = types.float64(types.float64)


def private_names():
    """Return (module, name) for all that the package imports from inside Numba and llvmlite."""
    found = set()
    for folder in "_autodiff", "_numba_ext":
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                module = getattr(node, "module", None) or ""
                if isinstance(node, ast.ImportFrom) and module.partition(".")[0] in ("numba", "llvmlite"):
                    found |= {(module, alias.name) for alias in node.names}
    return sorted(found)


@pytest.mark.parametrize("module, name", private_names(), ids=".".join)
def test_is_still_there(module, name):
    home = importlib.import_module(module)
    assert hasattr(home, name) or importlib.import_module(f"{module}.{name}")


def double(x):
    return 2.0 * x


@pytest.fixture(scope="module")
def library():
    """Return the library of a compiled function, the name of the function in it, and the result."""
    dispatcher = njit(double)
    dispatcher.compile((types.float64,))
    result = dispatcher.get_compile_result(SIGNATURE)
    yield result.library, result.fndesc.llvm_func_name, result
    assert dispatcher.overloads  # The dispatcher holds the environment until here.


class TestLibraries:
    """Internals that _numba_ext/{sealed,parts,cache}.py rely on."""

    def test_a_library_has_a_module_whose_functions_have_names_and_linkage(self, library):
        module = library[0]._final_module
        names = [function.name for function in module.functions if not function.is_declaration]
        assert library[1] in names
        assert all(isinstance(function.linkage, llvm.Linkage) for function in module.functions)

    def test_a_library_says_whether_its_code_belongs_to_this_process(self, library):
        assert library[0].has_dynamic_globals is False
        assert not getattr(library[0], "_reload_init", library[2].reload_init) and not library[2].lifted
        for name in "_optimize_final_module", "_finalize_final_module", "_finalize_dynamic_globals":
            assert callable(getattr(codegen.CPUCodeLibrary, name))
        assert issubclass(codegen.JITCodeLibrary, codegen.CPUCodeLibrary)

    def test_machine_code_is_taken_from_one_library_and_run_in_another(self):
        target = registry.cpu_target.target_context.codegen()

        class Kept(codegen.JITCodeLibrary):
            pass

        source = """define double @quasinewton_test_triple(double %x) {
            %y = fmul double %x, 3.0
            ret double %y
        }"""
        with global_compiler_lock:
            made = Kept(target, "quasinewton_test_made")
            made.enable_object_caching()
            made.add_llvm_module(llvm.parse_assembly(source))
            made.finalize()
            taken = made._get_compiled_object()
            assert isinstance(taken, bytes) and taken
            library = Kept(target, "quasinewton_test_loaded")
            library.enable_object_caching()
            library._set_compiled_object(taken)
            library._finalize_final_module()
        assert target._engine.get_function_address("quasinewton_test_triple") > 0

    def test_environments_are_found_by_name_and_set(self, library):
        name = next(v.name for v in library[0]._final_module.global_variables if v.name.startswith("_ZN08NumbaEnv"))
        found = environment.lookup_environment(name)
        assert isinstance(found, environment.Environment) and found.consts == []
        made = environment.Environment({})
        made.env_name = name
        assert callable(registry.cpu_target.target_context.codegen().set_env) and made.consts == []

    def test_symbols_are_known_by_name(self):
        rtsys.initialize(registry.cpu_target.target_context)
        assert llvm.address_of_symbol("NRT_MemInfo_alloc")
        assert llvm.address_of_symbol("quasinewton_no_such_symbol") is None


class TestCaches:
    """Internals that _numba_ext/{cache,stamps,user_cache}.py rely on."""

    def test_a_locator_is_a_class_with_these_methods(self):
        for name in "get_cache_path", "get_source_stamp", "get_disambiguator", "from_function", "ensure_cache_path":
            assert callable(getattr(caching._CacheLocator, name))

    def test_a_cache_has_an_implementation_that_reduces_and_rebuilds(self):
        assert issubclass(caching.FunctionCache._impl_class, caching.CompileResultCacheImpl)
        assert isinstance(caching.CompileResultCacheImpl._locator_classes, list)
        for name in "reduce", "rebuild", "check_cachable":
            assert callable(getattr(caching.CompileResultCacheImpl, name))
        assert callable(caching.FunctionCache._load_overload) and callable(caching.FunctionCache.flush)

    def test_the_constructor_of_a_cache_sets_what_ours_puts_off(self, tmp_path, monkeypatch):
        monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
        set_here = vars(caching.FunctionCache(double)).keys()
        assert set_here == {"_py_func", "_name", "_impl", "_cache_path", "_cache_file", "_enabled"}

    def test_a_key_begins_with_the_signature(self, tmp_path, monkeypatch):
        monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
        cache, library = caching.FunctionCache(double), registry.cpu_target.target_context.codegen()
        assert cache._index_key(SIGNATURE, library)[0] is SIGNATURE

    def test_a_compile_result_is_reduced_to_what_can_be_pickled(self, tmp_path, monkeypatch):
        monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
        dispatcher = njit(double)
        dispatcher.enable_caching()
        dispatcher.compile((types.float64,))
        data = dispatcher._cache._impl.reduce(dispatcher.get_compile_result(SIGNATURE))
        assert pickle.loads(pickle.dumps(data))

    def test_folders_and_switches_of_numba_are_known(self):
        assert AppDirs(appname="numba", appauthor=False).user_cache_dir
        for name in "CACHE_DIR", "DISABLE_JIT", "USING_SVML", "NUMBA_NUM_THREADS", "NUMBA_DEFAULT_NUM_THREADS":
            assert hasattr(config, name)

    def test_the_target_names_the_processor(self):
        magic = registry.cpu_target.target_context.codegen().magic_tuple()
        assert len(magic) == 3 and all(isinstance(word, str) for word in magic)


class TestFingerprints:
    """Internals that _numba_ext/fingerprint.py relies on."""

    def test_a_compilation_is_announced_with_the_function_and_the_types(self):
        seen = []

        class Listener(event.Listener):
            def on_start(self, event):
                seen.append((event.data["dispatcher"], event.data["args"]))

            def on_end(self, event):
                """Do nothing."""

        listener = Listener()
        event.register("numba:compile", listener)
        try:
            dispatcher = njit(double)
            dispatcher(1.0)
        finally:
            event.unregister("numba:compile", listener)
        assert seen[0][0] is dispatcher and tuple(seen[0][1]) == (types.float64,)

    def test_a_dispatcher_is_made_again_of_its_parts(self):
        original = njit(error_model="numpy")(double)
        assert type(original) is registry.CPUDispatcher and original._can_compile
        assert original._compiler.pipeline_class is Compiler and isinstance(original._cache, caching.NullCache)
        options = dict(original.targetoptions)
        copy = registry.CPUDispatcher(double, locals=original.locals, targetoptions=options)
        assert copy.targetoptions["error_model"] == "numpy" and copy(2.0) == 4.0

    def test_the_registry_of_extensions_has_globals_and_attributes(self):
        known = templates.builtin_registry
        assert len(known.globals) > 0 and len(known.attributes) > 0


class TestExceptions:
    """Internals that _numba_ext/{unwinding,python_calls}.py rely on."""

    def test_a_state_is_released_when_an_exception_passes(self, allocations):
        @njit
        def loop(objective, search, state):
            if objective > 0.0:
                raise ValueError("stop")
            return state[0][0]

        enter = unwinding.releasing(loop)

        @njit
        def outer(x):
            return enter(x, 0.0, (np.ones(100),))

        def failing():
            with pytest.raises(ValueError, match="stop"):
                outer(1.0)

        assert outer(-1.0) == 1.0
        failing()
        assert allocations(failing).kept == 0

    def test_python_is_called_and_its_exception_arrives(self):
        def answer(what, x, g, h):
            if what == 0:
                raise KeyError("theirs")
            return float(what + x)

        call = njit(lambda address, what: python_calls.call_python(address, what, 1, 2, 3))
        assert call(id(answer), 4) == 5.0
        with pytest.raises(KeyError, match="theirs"):
            call(id(answer), 0)


class TestInterpreted:
    """Internals that _numba_ext/interpreted.py relies on."""

    def test_the_switch_leaves_functions_as_they_are(self, monkeypatch):
        monkeypatch.setattr(config, "DISABLE_JIT", 1)
        assert njit(double) is double and njit(error_model="numpy", nogil=True)(double) is double

    def test_types_have_dtypes(self):
        assert as_dtype(types.complex128) == np.complex128
        kind = np.dtype([("a", "i8"), ("b", "f8")])
        assert numba.from_dtype(kind).dtype == kind
