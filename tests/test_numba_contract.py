"""One small test for each internal of Numba that the package relies on, named after it.

Where a new version of Numba breaks the package, the names of the failing tests say what has changed
and which file of `_numba_ext` or `_autodiff` to revise.

Covers: _numba_ext/*, _autodiff/recompile.py, _autodiff/array_expressions.py.
"""

import ctypes
import pickle
import types as python

import numba
import numpy as np
import pytest
from numba import njit, types
from numba.core import cgutils, compiler, errors, registry, typed_passes, untyped_passes
from numba.core.caching import FunctionCache
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.extending import intrinsic, overload
from numba.np import arrayobj, npyimpl

from quasinewton._numba_ext import (
    addresses,
    array_items,
    arrays,
    introspection,
    jit,
    operation_tables,
    parts,
    pickling,
    symbols,
    tuples,
)

VECTOR = types.Array(types.float64, 1, "C")


def double(x):
    return 2.0 * x


class TestCache:
    """Internals that _numba_ext/cache.py relies on."""

    def test_a_function_cache_has_a_file_with_a_source_stamp(self, tmp_path, monkeypatch):
        monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
        monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
        cache = FunctionCache(double)
        assert cache._cache_file._source_stamp is not None

    def test_a_function_cache_loads_by_signature_and_saves_compile_results(self):
        assert python.FunctionType is type(FunctionCache.load_overload) is type(FunctionCache.save_overload)
        assert FunctionCache.load_overload.__code__.co_varnames[:3] == ("self", "sig", "target_context")
        assert FunctionCache.save_overload.__code__.co_varnames[:3] == ("self", "sig", "data")

    def test_a_dispatcher_asks_the_cache_that_it_is_given(self):
        class Asked(Exception):
            pass

        class Cache:
            def load_overload(self, sig, target_context):
                raise Asked

        compiled = njit(double)
        compiled._cache = Cache()
        with pytest.raises(Asked):
            compiled(1.0)


class TestCloudpickle:
    """Internals that _numba_ext/pickling.py relies on."""

    def test_functions_go_by_value_and_compiled_ones_with_them(self):
        compiled = njit(double)
        sent = pickle.loads(pickling.dumps(lambda x: compiled(x) + 1.0))
        assert sent(2.0) == 5.0


class TestDispatcher:
    """Internals that _numba_ext/addresses.py and _autodiff/{recompile,drivers}.py rely on."""

    def test_get_compile_result_has_a_library_with_the_machine_address(self):
        compiled = njit(double)
        address = addresses.address_of(compiled, types.float64(types.float64))
        assert isinstance(address, int) and address > 0

    def test_overloads_are_keyed_by_argument_types_and_have_signatures(self):
        compiled = njit(double)
        compiled.compile((types.float64,))
        assert compiled.overloads[(types.float64,)].signature.return_type == types.float64

    def test_a_pipeline_class_can_be_set(self):
        compiled = registry.CPUDispatcher(double, targetoptions={"nopython": True})
        assert issubclass(compiled._compiler.pipeline_class, compiler.CompilerBase)
        assert compiled._compiler._failed_cache == {}
        assert compiled.targetoptions["nopython"]

    def test_the_call_template_and_the_overload_are_had_by_argument_types(self):
        compiled = njit(double)
        compiled.compile((types.float64,))
        template, _, args, kwargs = compiled.get_call_template((types.float64,), {})
        assert (tuple(args), kwargs) == ((types.float64,), {})
        assert [case.return_type for case in template.cases] == [types.float64]
        assert compiled.get_overload(types.float64(types.float64)) is not None

    def test_a_function_type_is_resolved_without_a_call(self):
        assert introspection.result_type(njit(double), (types.float64,), "fun") == types.float64

    def test_a_function_that_does_not_compile_raises_a_numba_error(self):
        @njit
        def wrong(x):
            return x.nothing

        with pytest.raises(TypeError, match="fun does not compile for the arguments.*nothing"):
            introspection.result_type(wrong, (types.float64,), "fun")
        assert issubclass(errors.TypingError, errors.NumbaError)


class TestCallConvention:
    """Internals that _numba_ext/{addresses,unwinding,lazy,python_calls}.py rely on."""

    def test_a_call_by_address_returns_the_value_and_passes_exceptions_through(self):
        signature = types.float64(types.float64)

        def inverse(x):
            if x == 0.0:
                raise ValueError("no inverse")
            return 1.0 / x

        target = njit(inverse)
        address = addresses.address_of(target, signature)

        @intrinsic
        def enter(typingctx, address, x):
            def codegen(context, builder, sig, values):
                return addresses.enter(context, builder, values[0], signature, (values[1],))

            return types.float64(types.intp, types.float64), codegen

        call = njit(lambda address, x: enter(address, x))
        assert call(address, 4.0) == 0.25
        with pytest.raises(ValueError, match="no inverse"):
            call(address, 0.0)

    def test_a_linked_function_has_an_address_at_link_time(self):
        target = njit(double)
        constant = addresses.address_constant(target, types.float64(types.float64))
        assert njit(lambda: constant())() == addresses.address_of(target, types.float64(types.float64))


class TestArrays:
    """Internals that _numba_ext/arrays.py and _numba_ext/tuples.py rely on."""

    def test_the_struct_of_an_array_has_these_fields(self):
        found = []

        @intrinsic
        def fields(typingctx, a):
            def codegen(context, builder, signature, values):
                array = arrayobj.make_array(a)(context, builder, values[0])
                fields = "meminfo", "parent", "nitems", "itemsize", "data"
                found.extend(name for name in fields if hasattr(array, name))
                found.append(len(cgutils.unpack_tuple(builder, array.shape)))
                return context.get_dummy_value()

            return types.void(a), codegen

        njit(lambda a: fields(a))(np.zeros(3))
        assert found == ["meminfo", "parent", "nitems", "itemsize", "data", 1]

    def test_memory_is_viewed_without_a_reference(self):
        view = arrays.viewer(VECTOR)
        memory = np.array([1.0, 2.0, 3.0])
        assert njit(lambda address, n: view(address, n).sum())(memory.ctypes.data, 3) == 6.0

    def test_a_part_is_a_slice(self):
        a = np.arange(12.0).reshape(3, 4)
        assert njit(lambda a: arrays.part(a, 5, 4).copy())(a).tolist() == [5.0, 6.0, 7.0, 8.0]

    def test_a_record_lies_where_its_address_says(self):
        kind = np.dtype([("a", "i8"), ("b", "f8")])
        record_at = arrays.record_viewer(numba.from_dtype(kind))
        memory = np.array([(3, 0.5)], dtype=kind)
        assert njit(lambda address: record_at(address).a + record_at(address).b)(memory.ctypes.data) == 3.5

    def test_an_atomic_addition_returns_what_was_there(self):
        board = np.array([1, 2, 3])
        assert njit(lambda board: arrays.fetch_add(board, 1, 5))(board) == 2
        assert board.tolist() == [1, 7, 3]

    def test_a_tuple_is_stored_and_read_back(self):
        value = (2.0, np.array([1.0, 4.0]), (3, np.arange(2)))
        block = njit(lambda value, block: tuples.store(value, block))
        memory = np.zeros(njit(lambda value: tuples.size_of(value))(value), np.uint8)
        block(value, memory)
        load = tuples.loader(numba.typeof(value))
        read = njit(lambda address: load(address)[0] + load(address)[1].sum() + load(address)[2][1].sum())
        assert read(memory.ctypes.data) == 8.0

    def test_the_parts_of_numbas_array_expressions_are_there(self):
        """_autodiff/array_expressions.py relies on these parts."""
        for name in ("_prepare_argument", "_build_array", "_ArrayHelper"):
            assert hasattr(npyimpl, name)


class TestPasses:
    """Internals that _autodiff/recompile.py relies on."""

    def test_the_default_pipeline_has_the_passes_that_ours_stands_between(self):
        seen = []

        class Pipeline(compiler.CompilerBase):
            def define_pipelines(self):
                manager = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
                seen.extend(item[0] if isinstance(item, tuple) else item for item in manager.passes)
                return [manager]

        numba.jit(nopython=True, pipeline_class=Pipeline)(double)(1.0)
        for kind in (untyped_passes.ReconstructSSA, typed_passes.NopythonTypeInference, typed_passes.NopythonRewrites):
            assert kind in seen

    def test_a_pass_of_ours_finds_the_code_and_its_types(self):
        found = []

        @register_pass(mutates_CFG=False, analysis_only=True)
        class Look(FunctionPass):
            _name = "quasinewton_test_look"

            def __init__(self):
                FunctionPass.__init__(self)

            def run_pass(self, state):
                found.extend(name for name in ("func_ir", "typemap", "calltypes", "return_type", "args", "targetctx"))
                assert all(getattr(state, name) is not None for name in found)
                assert state.func_ir._definitions
                return False

        class Pipeline(compiler.CompilerBase):
            def define_pipelines(self):
                manager = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
                manager.add_pass_after(Look, typed_passes.NopythonTypeInference)
                manager.finalize()
                return [manager]

        numba.jit(nopython=True, pipeline_class=Pipeline)(double)(1.0)
        assert len(found) == 6

    def test_the_typing_context_resolves_values_and_refreshes(self):
        typing = registry.cpu_target.typing_context
        typing.refresh()
        assert typing.resolve_value_type(1.0) == types.float64


class TestOptions:
    """Internals that _numba_ext/jit.py relies on."""

    @pytest.mark.parametrize("option", ["forceinline", "no_cpython_wrapper", "no_cfunc_wrapper", "nogil"])
    def test_is_accepted(self, option):
        inner = njit(**{option: True})(double)
        assert njit(lambda x: inner(x))(2.0) == 4.0

    @pytest.mark.parametrize("options", [jit.INNER, jit.PART, jit.CHOSEN])
    def test_a_caller_with_fastmath_leaves_our_tests_for_nan_alone(self, options):
        """A function without an option of its own takes that of its first caller."""
        plain, ours = (njit(**each)(lambda x: x != x) for each in ({}, options))
        assert not njit(fastmath=True)(lambda x: plain(x))(np.nan)
        assert njit(fastmath=True)(lambda x: ours(x))(np.nan)

    def test_an_overload_takes_options_of_compilation(self):
        def stub(x):
            raise NotImplementedError

        @overload(stub, strict=False, jit_options={"error_model": "numpy", "forceinline": True})
        def _stub(x):
            return lambda x: 1.0 / x

        assert njit(lambda x: stub(x))(0.0) == np.inf


class TestParts:
    """Internals that _numba_ext/parts.py relies on."""

    def test_a_part_has_no_machine_code_and_becomes_one_with_its_callers(self):
        part = njit(pipeline_class=parts.PartCompiler, **jit.INNER)(double)
        kernel = njit(pipeline_class=parts.KernelCompiler, **jit.INNER)(lambda x: part(x) + 1.0)
        kernel.compile((types.float64,))
        library = part.get_compile_result(types.float64(types.float64)).library
        assert isinstance(library, parts.PartLibrary)
        assert njit(lambda x: kernel(x))(3.0) == 7.0

    def test_an_exception_of_a_part_passes_through(self):
        @jit.fragment
        def inverse(x):
            if x == 0.0:
                raise ValueError("no inverse")
            return 1.0 / x

        assert njit(lambda x: inverse(x))(2.0) == 0.5
        with pytest.raises(ValueError, match="no inverse"):
            njit(lambda x: inverse(x))(0.0)

    def test_two_parts_are_two_functions_to_a_dispatcher(self):
        """The stand-ins for the addresses of two parts are not equal."""
        first, second = jit.fragment(lambda x: x + 1.0), jit.fragment(lambda x: x + 2.0)
        assert njit(lambda x: 10.0 * first(x) + second(x))(0.0) == 12.0


class TestItems:
    """Internals that _numba_ext/array_items.py relies on."""

    def test_members_of_arrays_have_their_places(self):
        names = registry.cpu_target.target_context.data_model_manager[VECTOR]._fields
        assert names.index("data") == array_items.DATA and names.index("shape") == array_items.SHAPE
        assert names.index("strides") == array_items.STRIDES and names.index("nitems") == array_items.ITEMS

    def test_items_are_those_of_numba(self):
        def items(a, b, c, v, i, k):
            a[i, -1] += b[-1, k] * v[i]
            a[k, 1] = 3
            v[-1] = c[i, 0] + c[k, -2]
            return a[0, k] + v[i] + v[k], a.copy(), v.copy()

        part = njit(pipeline_class=parts.WholePartCompiler, **jit.INNER)(items)
        compiled = njit(lambda *given: part(*given))
        a = np.arange(6.0).reshape(2, 3)

        def given():
            return a.copy(), np.asfortranarray(a), a[:, ::2], np.arange(8.0)[::2], -2, np.uint8(1)

        for found, expected in zip(compiled(*given()), items(*given()), strict=True):
            np.testing.assert_array_equal(found, expected)


    def test_slices_are_those_of_numpy(self):
        def slices(v, i, j):
            constant = v[1:], v[:-1], v[-3:], v[2:-2], v[5:2], v[:100], v[-100:3], v[9:], v[0:0]
            return constant + (v[i:j], v[i:], v[:j], v[i:-1], v[i:j][1:])

        part = njit(pipeline_class=parts.WholePartCompiler, **jit.INNER)(slices)
        compiled = njit(lambda v, i, j: part(v, i, j))
        for v in np.arange(8.0), np.arange(16.0)[::2], np.arange(8.0)[::-1], np.empty(0), np.ones(1):
            for i, j in (2, 6), (-7, -2), (6, 2), (-20, 20), (20, -20):
                for found, expected in zip(compiled(v, i, j), slices(v, i, j), strict=True):
                    assert found.shape == expected.shape and found.tolist() == expected.tolist()
                    assert found.size == 0 or np.shares_memory(found, v)


class TestOperations:
    """Internals that _numba_ext/operation_tables.py relies on."""

    def test_a_kind_is_found_by_its_name(self):
        from quasinewton import BFGS, LBFGS
        from quasinewton._methods import Bounded

        for kind in LBFGS, BFGS, (Bounded, LBFGS):
            assert operation_tables.kind_named(operation_tables.name_of(kind)) == kind

    def test_a_tuple_is_read_where_a_pointer_points(self):
        kind = types.Tuple((types.float64, types.int64))
        values = np.array([(2.5, 7)], dtype=[("a", "f8"), ("b", "i8")])

        @njit
        def first(pointer):
            a, b = operation_tables.at(pointer)
            return a * b

        @njit
        def read(address):
            return first(pointed(address))

        @intrinsic
        def pointed(typingctx, address):
            pointer = types.CPointer(kind)

            def codegen(context, builder, signature, arguments):
                return builder.inttoptr(arguments[0], context.get_value_type(pointer))

            return pointer(types.intp), codegen

        assert read(values.ctypes.data) == 17.5


class TestSymbols:
    """Internals that _numba_ext/symbols.py and _loops/clock.py rely on."""

    def test_a_named_c_function_is_called(self):
        callback = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda x: x + 1.0)
        successor = symbols.c_function("quasinewton_test_successor", callback, types.float64(types.float64))
        assert njit(lambda x: successor(x))(2.0) == 3.0

    def test_the_clock_of_python_is_exported(self):
        names = ("PyTime_MonotonicRaw", "_PyTime_GetMonotonicClock")
        assert any(hasattr(ctypes.pythonapi, name) for name in names)


def test_the_text_of_errors_names_the_function_and_the_place():
    """Numba's error text names the function and the place.

    _numba_ext/introspection.py and _autodiff/recompile.py parse it by regular expressions.
    """

    @njit
    def wrong(x):
        return x.nothing

    with pytest.raises(errors.TypingError) as caught:
        wrong(1.0)
    text = introspection.gist(caught.value)
    assert "Unknown attribute 'nothing'" in text and "test_numba_contract.py" in text and "\n" not in text
