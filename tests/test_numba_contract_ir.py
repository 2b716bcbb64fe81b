"""One small test for each internal of Numba that the adjoint transformation and the rules rely on.

Where a new version of Numba breaks derivatives, the names of the failing tests say what has
changed. `test_numba_contract.py` has the tests of what the whole package relies on.

Covers: _autodiff/adjoint/*, _autodiff/{recompile,routing,elementary_functions,active_types,
allocation,active_values,drivers}.py.
"""

import numpy as np
import pytest
from numba import njit, typeof, types
from numba.core import cgutils, compiler, imputils, ir, ir_utils, postproc, registry, typed_passes, untyped_passes
from numba.core.analysis import compute_cfg_from_blocks
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.datamodel import models, register_default
from numba.core.inline_closurecall import inline_closure_call
from numba.core.sigutils import normalize_signature
from numba.core.typeconv import Conversion
from numba.core.typing import templates
from numba.core.typing.npydecl import parse_dtype
from numba.extending import intrinsic

VECTOR = types.Array(types.float64, 1, "C")


def twice(x):
    """Return 2 x, in compiled code once it is typed and lowered."""
    raise NotImplementedError


def looped(a, n):
    """Return a sum with a loop, a branch, an iteration and an unpacking; it stores an item."""
    total = 0.0
    for i in range(n):
        if a[i] > 0.0:
            total += a[i]
        else:
            raise ValueError("negative")
    for k, item in enumerate(a):
        total += k * item
    first, second = a[:2]
    a[0] = first
    return total + second


def code_after(function, kinds, name, work=lambda state: False):
    """Compile a function with a pass of ours after type inference, and return its IR and types.

    `work(state)` is done in that pass, and returns True if it changed the code.
    """
    found = []

    @register_pass(mutates_CFG=True, analysis_only=False)
    class Look(FunctionPass):
        _name = f"quasinewton_test_{name}"

        def __init__(self):
            FunctionPass.__init__(self)

        def run_pass(self, state):
            found.append((state.func_ir.copy(), dict(state.typemap)))
            return work(state)

    class Pipeline(compiler.CompilerBase):
        def define_pipelines(self):
            manager = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
            manager.add_pass_after(Look, typed_passes.NopythonTypeInference)
            manager.finalize()
            return [manager]

    njit(pipeline_class=Pipeline)(function).compile(kinds)
    return found[0]


@pytest.fixture(scope="module")
def code():
    """Return the typed IR of `looped`, its types, and its statements."""
    program, kinds = code_after(looped, (VECTOR, types.int64), "looped")
    return program, kinds, [s for block in program.blocks.values() for s in block.body]


class TestCode:
    """The IR that _autodiff/adjoint/{program,rewriting,roles,activity,emit}.py read and write."""

    def test_a_loop_over_a_range_or_an_array_has_these_operations(self, code):
        operations = {s.value.op for s in code[2] if isinstance(s, ir.Assign) and isinstance(s.value, ir.Expr)}
        expected = {"call", "getiter", "iternext", "pair_first", "pair_second", "exhaust_iter", "phi", "inplace_binop"}
        assert expected <= operations
        assert operations & {"getitem", "static_getitem"}

    def test_blocks_end_with_these_statements(self, code):
        ends = {type(block.body[-1]) for block in code[0].blocks.values()}
        assert {ir.Jump, ir.Branch, ir.Return} <= ends
        assert ends & {ir.Raise, ir.StaticRaise, ir.DynamicRaise}

    def test_stores_are_set_items(self, code):
        store = next(s for s in code[2] if isinstance(s, (ir.SetItem, ir.StaticSetItem)))
        assert store.target.name and store.value.name and store.loc
        index = store.index_var if isinstance(store, ir.StaticSetItem) else store.index
        assert index is None or index.name

    def test_every_variable_has_a_type_and_names_are_assigned_once(self, code):
        program, kinds, statements = code
        names = [s.target.name for s in statements if isinstance(s, ir.Assign)]
        assert set(names) <= set(kinds)
        assert len(names) == len(set(names))

    def test_a_phi_has_blocks_and_values(self, code):
        phi = next(s.value for s in code[2] if isinstance(s, ir.Assign) and getattr(s.value, "op", "") == "phi")
        assert len(phi.incoming_blocks) == len(phi.incoming_values) > 1
        assert set(phi.incoming_blocks) <= set(code[0].blocks)

    def test_a_branch_and_a_jump_name_their_targets(self, code):
        branch = next(s for s in code[2] if isinstance(s, ir.Branch))
        jump = next(s for s in code[2] if isinstance(s, ir.Jump))
        assert {branch.truebr, branch.falsebr, jump.target} <= set(code[0].blocks) and branch.cond.name

    def test_expressions_are_made_by_these_constructors(self):
        place = ir.Loc("file", 1)
        scope = ir.Scope(None, place)
        a, b = ir.Var(scope, "a", place), ir.Var(scope, "b", place)
        assert ir.Expr.call(a, [b], (), place).args == [b]
        assert ir.Expr.getitem(a, b, place).index is b
        assert list(ir.Expr.build_tuple([a, b], place).items) == [a, b]
        assert ir.Expr.cast(a, place).value is a
        assert ir.Expr.getattr(a, "size", place).attr == "size"
        assert ir.Expr.phi(place).incoming_blocks == []
        assert ir.Const(1.0, place).value == ir.Global("a", 1.0, place).value == ir.FreeVar(0, "a", 1.0, place).value
        assert ir.Arg("a", 0, place).index == 0
        assert ir.Assign(a, b, place).target is b

    def test_the_graph_of_blocks_has_loops_dominators_and_neighbours(self, code):
        graph = compute_cfg_from_blocks(code[0].blocks)
        loops = graph.loops()
        assert len(loops) == 2
        for loop in loops.values():
            assert loop.header in loop.body and loop.entries and loop.exits
        entry = graph.entry_point()
        assert all(entry in graph.dominators()[label] for label in code[0].blocks)
        label, _ = next(iter(graph.successors(entry)))
        assert entry in dict(graph.predecessors(label))


class TestUtilities:
    """Functions on IR that _autodiff/{adjoint/pipeline,adjoint/rewriting,recompile}.py use."""

    def test_definitions_are_found_or_guarded(self, code):
        program = code[0]
        definitions = ir_utils.build_definitions(program.blocks)
        assert definitions["total"] or any(name.startswith("total") for name in definitions)
        assert ir_utils.guard(ir_utils.get_definition, program, "no such name") is None

    def test_constants_are_found(self, code):
        program = code[0]
        name = next(s.target for s in code[2] if isinstance(s, ir.Assign) and isinstance(s.value, ir.Const))
        assert ir_utils.guard(ir_utils.find_const, program, name) is not None

    def test_variables_are_replaced_in_a_statement(self):
        place = ir.Loc("file", 1)
        scope = ir.Scope(None, place)
        a, b, c = (ir.Var(scope, name, place) for name in "abc")
        statement = ir.Assign(ir.Expr.getitem(a, b, place), c, place)
        ir_utils.replace_vars_stmt(statement, {"a": c})
        assert statement.value.value.name == "c"
        expression = ir.Expr.getitem(a, b, place)
        ir_utils.replace_vars_inner(expression, {"b": c})
        assert expression.index.name == "c"
        assert ir_utils.mk_unique_var("a") != ir_utils.mk_unique_var("a")

    def test_code_without_dels_is_typed_again_with_another_argument(self):
        """The order of calls by which `MakeAdjoint` replaces code between two type inferences."""

        def rewrite(state):
            code = state.func_ir
            ir_utils.remove_dels(code.blocks)
            assert not any(isinstance(s, ir.Del) for block in code.blocks.values() for s in block.body)
            code._definitions = ir_utils.build_definitions(code.blocks)
            code.arg_count += 1
            code.arg_names = (*code.arg_names, "more")
            state.args = (*state.args, types.int64)
            postproc.PostProcessor(code).run(False)
            state.typemap = state.calltypes = state.return_type = None
            return True

        @register_pass(mutates_CFG=True, analysis_only=False)
        class Rewrite(FunctionPass):
            _name = "quasinewton_test_rewrite"

            def __init__(self):
                FunctionPass.__init__(self)

            def run_pass(self, state):
                return rewrite(state)

        @register_pass(mutates_CFG=True, analysis_only=False)
        class Again(typed_passes.NopythonTypeInference):
            _name = "quasinewton_test_again"

        class Pipeline(compiler.CompilerBase):
            def define_pipelines(self):
                manager = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
                manager.add_pass_after(Rewrite, typed_passes.NopythonTypeInference)
                manager.add_pass_after(Again, Rewrite)
                manager.finalize()
                return [manager]

        flags = compiler.Flags()
        given = {"nopython": True, "nogil": True, "no_cfunc_wrapper": True, "no_cpython_wrapper": True}
        registry.cpu_target.options.parse_as_flags(flags, given | {"error_model": "numpy"})
        typing, target = registry.cpu_target.typing_context, registry.cpu_target.target_context
        result = compiler.compile_extra(
            typing, target, looped, (VECTOR, types.int64), None, flags, {}, pipeline_class=Pipeline
        )
        assert result.signature.return_type == types.float64
        assert result.library is not None and result.fndesc.llvm_func_name

    def test_a_function_is_inlined_where_it_is_called(self):
        def helper(x):
            return 3.0 * x

        inner = njit(helper)

        def outer(x):
            return inner(x) + 1.0

        @register_pass(mutates_CFG=True, analysis_only=False)
        class Inline(FunctionPass):
            _name = "quasinewton_test_inline"

            def __init__(self):
                FunctionPass.__init__(self)

            def run_pass(self, state):
                code = state.func_ir
                block, k = next(
                    (block, k)
                    for block in code.blocks.values()
                    for k, s in enumerate(block.body)
                    if isinstance(s, ir.Assign) and getattr(s.value, "op", "") == "call"
                )
                assert ir_utils.get_definition(code, block.body[k].value.func).value is inner
                inline_closure_call(code, helper.__globals__, block, k, helper)
                code._definitions = ir_utils.build_definitions(code.blocks)
                return True

        class Pipeline(compiler.CompilerBase):
            def define_pipelines(self):
                manager = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
                manager.add_pass_after(Inline, untyped_passes.InlineClosureLikes)
                manager.finalize()
                return [manager]

        assert njit(pipeline_class=Pipeline)(outer)(2.0) == 7.0
        assert not inner.overloads

    def test_the_passes_that_ours_follow_are_in_the_pipeline(self):
        seen = []

        class Pipeline(compiler.CompilerBase):
            def define_pipelines(self):
                manager = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
                seen.extend(item[0] for item in manager.passes)
                manager.finalize()
                return [manager]

        njit(pipeline_class=Pipeline)(lambda x: x)(1.0)
        assert seen.index(untyped_passes.InlineClosureLikes) < seen.index(untyped_passes.InlineInlinables)
        assert seen.index(untyped_passes.InlineInlinables) < seen.index(typed_passes.NopythonTypeInference)


class TestRules:
    """Internals that _autodiff/{routing,elementary_functions,active_types}.py call."""

    def test_a_function_is_typed_by_a_template_and_lowered_by_a_builtin(self):
        @templates.infer_global(twice)
        class Twice(templates.AbstractTemplate):
            def generic(self, args, kws):
                return templates.signature(args[0], *args)

        @imputils.lower_builtin(twice, types.Float)
        def lower(context, builder, signature, args):
            result = builder.fadd(args[0], args[0])
            return imputils.impl_ret_borrowed(context, builder, signature.return_type, result)

        assert njit(lambda x: twice(x))(1.5) == 3.0

    def test_a_type_of_ours_has_a_model_a_cast_and_a_conversion(self):
        class Pair(types.Type):
            def can_convert_from(self, typingctx, other):
                return Conversion.safe if isinstance(other, types.Float) else None

        kind = Pair(name="quasinewton_test_pair")

        @register_default(Pair)
        class Model(models.StructModel):
            def __init__(self, manager, type_):
                super().__init__(manager, type_, [("a", types.float64), ("b", types.float64)])

        @imputils.lower_cast(types.Float, Pair)
        def cast(context, builder, given, wanted, value):
            pair = cgutils.create_struct_proxy(wanted)(context, builder)
            pair.a = pair.b = value
            return pair._getvalue()

        @intrinsic
        def paired(typingctx, x):
            def codegen(context, builder, signature, values):
                return context.cast(builder, values[0], x, kind)

            return kind(x), codegen

        @intrinsic
        def total(typingctx, pair):
            def codegen(context, builder, signature, values):
                return builder.fadd(builder.extract_value(values[0], 0), builder.extract_value(values[0], 1))

            return types.float64(pair), codegen

        assert njit(lambda x: total(paired(x)))(1.25) == 2.5

    def test_types_of_calls_are_resolved_in_the_typing_context(self):
        typing = registry.cpu_target.typing_context
        function = njit(lambda x: 2.0 * x)
        resolved = typing.resolve_value_type(function).get_call_type(typing, (types.float64,), {})
        assert resolved.return_type == types.float64
        assert normalize_signature(types.float64(types.float64)) == ((types.float64,), types.float64)

    def test_a_statement_of_ours_is_lowered_by_the_special_operations(self):
        assert isinstance(registry.cpu_target.target_context.special_ops, dict)

    def test_a_dtype_argument_is_parsed(self):
        assert parse_dtype(types.DType(types.float64)) == types.float64
        assert parse_dtype(typeof(np.dtype("f4"))) == types.float32
