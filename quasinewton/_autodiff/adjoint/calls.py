"""Calls of an adjoint from compiled code, which allocate its stack and always free it."""

import weakref

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from quasinewton._autodiff.adjoint import runtime
from quasinewton._autodiff.adjoint.pipeline import compiled
from quasinewton._autodiff.adjoint.stack import (
    BLOCK,
    END,
    LIMIT,
    REFERENCES,
    WORDS,
    release,
)
from quasinewton._numba_ext.addresses import called

WORD = ir.IntType(64)
VECTOR = types.Array(types.float64, 1, "C")


def link(context, builder, result):
    """Declare a compiled function in the module under construction, which is linked with it."""
    context.active_code_library.add_linking_library(result.library)
    return context.declare_function(builder.module, result.fndesc)


def with_stack(context, builder, result, kinds, values, limit, owned):
    """Emit the call of an adjoint with an empty stack, which is freed; an exception is passed on.

    Parameters
    ----------
    context, builder
        Target context and IR builder of Numba's lowering.
    result : numba CompileResult
    kinds, values : list
        Types and values of x and the further arguments.
    limit : int
        Bytes to which the stack may grow.
    owned : bool
        True if x is released in case of an exception.

    Returns
    -------
    llvmlite value
        The pair (value, gradient).
    """
    header = cgutils.alloca_once(builder, ir.ArrayType(WORD, WORDS))
    words = builder.bitcast(header, WORD.as_pointer())
    for place, word in ((BLOCK, 0), (END, 0), (LIMIT, limit), (REFERENCES, 0)):
        builder.store(WORD(word), builder.gep(words, [WORD(place)]))
    address = builder.ptrtoint(words, WORD)
    entry = link(context, builder, result)
    invoke = context.call_conv.call_function
    kind = result.signature.return_type
    status, pair = invoke(builder, entry, kind, [*kinds, types.int64], [*values, address])
    with builder.if_then(status.is_error, likely=False):
        release(context, builder, address)
    free = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t]), "free"
    )
    block = builder.load(builder.gep(words, [WORD(BLOCK)]))
    builder.call(free, [builder.inttoptr(block, cgutils.voidptr_t)])
    with builder.if_then(status.is_error, likely=False):
        if owned:
            context.nrt.decref(builder, kinds[0], values[0])
        context.call_conv.return_status_propagate(builder, status)
    return pair


def gradient_call(f, limit, otherwise):
    """Make the intrinsic (x, args) -> (value, gradient): by the adjoint, or else by the tape.

    Parameters
    ----------
    f : numba dispatcher
        Held weakly, because it holds its derivatives.
    limit : callable
        Returns the bytes to which the stack may grow.
    otherwise : numba dispatcher
        (x, args) -> (value, gradient) by the tape.
    """
    reference = weakref.ref(f)

    @intrinsic
    def value_and_grad(typingctx, x, args):
        function = reference()
        plain = isinstance(x, types.Array) and x.ndim == 1 and isinstance(x.dtype, (types.Float, types.Integer))
        result = compiled(function, (VECTOR, *args)) if plain and function is not None else None
        resolved = lambda callee, *kinds: typingctx.resolve_value_type(callee).get_call_type(typingctx, kinds, {})
        if result is None:
            chosen = resolved(otherwise, x, args)

            def codegen(context, builder, signature, values):
                return called(context, builder, otherwise, chosen, values)

            return chosen.return_type(x, args), codegen
        copy = None if x == VECTOR else resolved(runtime.copied, x)

        def codegen(context, builder, signature, values):
            given = [builder.extract_value(values[1], k) for k in range(len(args))]
            point = values[0] if copy is None else called(context, builder, runtime.copied, copy, values[:1])
            pair = with_stack(context, builder, result, [VECTOR, *args], [point, *given], limit(), copy is not None)
            if copy is not None:
                context.nrt.decref(builder, VECTOR, point)
            return pair

        return result.signature.return_type(x, args), codegen

    return value_and_grad


def second_order_call(f, kind, limit):
    """Make the intrinsic (point, args) -> (value, gradient) for a point of active numbers.

    Parameters
    ----------
    f : numba dispatcher
        Held weakly; its adjoint must be compiled for the type.
    kind : Dual
    limit : callable
        Returns the bytes to which the stack may grow.
    """
    reference = weakref.ref(f)

    @intrinsic
    def value_and_grad(typingctx, point, args):
        result = compiled(reference(), (VECTOR, *args), kind)

        def codegen(context, builder, signature, values):
            given = [values[0], *(builder.extract_value(values[1], k) for k in range(len(args)))]
            return with_stack(context, builder, result, [point, *args], given, limit(), True)

        return result.signature.return_type(point, args), codegen

    return value_and_grad


def either(f, kind, first, second):
    """Make the intrinsic (x, v, args) that calls `first` if f has an adjoint, else `second`."""
    reference = weakref.ref(f)

    @intrinsic
    def call(typingctx, x, v, args):
        function = reference()
        available = function is not None and compiled(function, (VECTOR, *args), kind) is not None
        callee = first if available else second
        chosen = typingctx.resolve_value_type(callee).get_call_type(typingctx, (x, v, args), {})
        codegen = lambda context, builder, signature, values: called(context, builder, callee, chosen, values)
        return chosen.return_type(x, v, args), codegen

    return call
