"""Elementary functions of active numbers and of their arrays, registered with Numba.

Their rules are in `elementary_rules`.
"""

from numba.core import types
from numba.core.imputils import lower_builtin
from numba.core.registry import cpu_target
from numba.core.typing.templates import AbstractTemplate, infer_global, signature

from quasinewton._autodiff.active_types import F64, REAL, Active, Term, chain_type, is_active
from quasinewton._autodiff.elementary_rules import PARTIALS, POWERS, SCALAR, SPECIAL, STEPS, call, differentiate


def item(kind):
    """Return the type of one number of an argument, an array or a number."""
    return kind.dtype if isinstance(kind, types.Array) else kind


def elementwise(arguments, number, scalar_type):
    """Return the signature of an elementwise function with an active argument; None for others.

    Parameters
    ----------
    arguments : tuple of numba types
    number : int
        Number of arguments of the function.
    scalar_type : callable
        scalar_type(types of the items) -> type of an item of the result.
    """
    items = [item(kind) for kind in arguments]
    if len(arguments) != number or not any(map(is_active, items)):
        return None
    if not all(is_active(kind) or isinstance(kind, REAL) for kind in items):
        return None
    result = scalar_type(items)
    arrays = [kind for kind in arguments if isinstance(kind, types.Array)]
    if arrays:
        layouts = {kind.layout for kind in arrays}
        layout = "F" if "F" in layouts and "C" not in layouts else "C"
        result = types.Array(getattr(result, "leaf", result), max(kind.ndim for kind in arrays), layout)
    return signature(result, *arguments)


def register(function, number, scalar_type, emit):
    """Register an elementwise function of active numbers with Numba.

    Only its typing covers arrays: Numba fuses array expressions into loops over scalar functions.
    """

    class Template(AbstractTemplate):
        key = function
        prefer_literal = function in POWERS

        def generic(self, args, kws):
            infer = lambda items: scalar_type(self.context, items)
            arrays = any(isinstance(kind, types.Array) for kind in args)
            return None if kws or arrays and function in SCALAR else elementwise(args, number, infer)

    infer_global(function, types.Function(Template))

    def lower(context, builder, signature, args):
        terms = [Term(context, builder, kind, value) for kind, value in zip(signature.args, args, strict=True)]
        return emit(function, terms).cast(signature.return_type).value

    pairs = [(Active, Active), *((Active, kind) for kind in REAL), *((kind, Active) for kind in REAL)]
    for kinds in [(Active,)] if number == 1 else pairs:
        lower_builtin(function, *kinds)(lower)


def smooth_type(function):
    """Make the typing of a differentiable function of items, some of them active."""
    return lambda typing, items: chain_type([kind for kind in items if is_active(kind)])[0]


def step_type(function):
    """Make the typing of a step function: the type that Numba returns for plain numbers."""

    def infer(typing, items):
        plain = tuple(F64 if is_active(kind) else kind for kind in items)
        return typing.resolve_function_type(typing.resolve_value_type(function), plain, {}).return_type

    return infer


def step(function, terms):
    """Return a function of the values alone, without derivative."""
    return call(function, *(term.plain for term in terms))


def known(function):
    """Return True if Numba implements this function, so that active numbers may be added to it."""
    if getattr(function, "__module__", None) in SPECIAL:
        return False  # `special_rules` registers these, or only partial derivatives call them
    try:
        cpu_target.typing_context.resolve_value_type(function)
    except ValueError:
        return False
    return True


cpu_target.typing_context.refresh()
for function, partials in PARTIALS.items():
    if known(function):
        register(function, len(partials), smooth_type(function), differentiate)
for number, functions in STEPS.items():
    for function in filter(known, functions):
        register(function, number, step_type(function), step)
