"""Objectives bound inside compiled code: the user's functions known by type, entered by address like all others."""

import numpy as np
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import intrinsic, register_jitable

from quasinewton import autodiff
from quasinewton.objective import compiled, differences
from quasinewton.objective.arguments import is_plain, pack
from quasinewton.objective.contract import Objective, address_constant
from quasinewton.objective.differences import COMPLEX_STEP, EXACT, WRAPPED, costs
from quasinewton.objective.prepare import NO_ARGS, gradient_form, second_derivative


@intrinsic
def address_of_data(typingctx, array):
    """Integer address of an array's data."""

    def codegen(context, builder, signature, args):
        data = context.make_array(array)(context, builder, args[0]).data
        return builder.ptrtoint(data, context.get_value_type(types.intp))

    return types.intp(array), codegen


@intrinsic
def hold(typingctx, value):
    """Use a value, so that it lives at least until here."""

    def codegen(context, builder, signature, args):
        return context.get_dummy_value()

    return types.void(value), codegen


def dispatcher_of(name, kind, door):
    """The dispatcher behind the type of a function argument.

    Raises
    ------
    TypingError
        If the argument is not a compiled function, naming it.
    """
    if not isinstance(kind, types.Dispatcher):
        raise TypingError(f"{door}: `{name}` must be an @njit function visible to the caller, got {kind}")
    return kind.dispatcher


def constant(kind):
    """The Python value of an argument known while compiling: omitted, None, a literal; otherwise its type."""
    if isinstance(kind, types.Omitted):
        return kind.value
    if isinstance(kind, types.NoneType):
        return None
    if isinstance(kind, types.Literal):
        return kind.literal_value
    return kind


def binder(door, fun, jac, args, hess=None, wants_hessian=False):
    """Make the function that, in compiled code, turns `args` into an Objective.

    Parameters
    ----------
    door : str
        Name of the caller, for messages.
    fun, jac, args, hess : numba types
        As a door's overload sees its arguments.
    wants_hessian : bool
        Whether second derivatives are used.

    Returns
    -------
    callable
        bind(args, n) -> (Objective, held): the addresses in the first point into the second, which must be kept by
        `hold` as long as the first is used, as must `args`.

    Raises
    ------
    TypingError
        Naming the argument that is wrong.
    """
    jac, hess = constant(jac), constant(hess)
    hess_function, hessian = None, EXACT
    try:
        form, gradient = ("separate", EXACT) if isinstance(jac, types.Type) else gradient_form(jac)
        if wants_hessian:
            hess_function, hessian = _second_derivative(door, "hess", hess)
    except ValueError as error:
        raise TypingError(f"{door}: {error}") from None
    function = dispatcher_of("fun", fun, door)
    jac_function = dispatcher_of("jac", jac, door) if form == "separate" else None
    if form == "derived":
        jac_function, _ = autodiff.derivative(function, "value_and_grad", jac, None, inner=True)
    return _binder(door, (function, jac_function, hess_function, form), args, gradient, hessian, True)


def residual_binder(door, fun, jac, args):
    """The same for a vector function: GRADIENT is its value, HESSIAN its Jacobian."""
    jac = constant(jac)
    function = dispatcher_of("fun", fun, door)
    if jac is True:
        return _binder(door, (function, None, None, "residual-joint"), args, EXACT, EXACT, False)
    if isinstance(jac, str) and jac in autodiff.MODES:
        derived, _ = autodiff.derivative(function, "value_and_jacobian", jac, None, inner=True)
        return _binder(door, (function, derived, None, "residual-derived"), args, EXACT, EXACT, False)
    try:
        jac_function, scheme = _second_derivative(door, "jac", jac or None)
    except ValueError as error:
        raise TypingError(f"{door}: {error}") from None
    return _binder(door, (function, None, jac_function, "residual"), args, EXACT, scheme, False)


def _second_derivative(door, name, given):
    """The dispatcher of a second derivative, or the scheme of differences in its place."""
    if isinstance(given, types.Type):
        return dispatcher_of(name, given, door), EXACT
    return second_derivative(name, given)


def _binder(door, functions, args, gradient, hessian, symmetric):
    """The function that binds these functions, with the differences that they need."""
    if not (isinstance(args, types.BaseTuple) and is_plain(args)):
        raise TypingError(f"{door}: `args` must be a tuple of numbers, arrays and tuples of them, got {args}")
    kind, complex_step = args if len(args) else NO_ARGS, gradient == COMPLEX_STEP
    try:
        compiled.check(*functions, complex_step, kind)
    except (TypeError, ValueError) as error:
        raise TypingError(f"{door}: {error}") from None
    address = address_constant(compiled.build(*functions, complex_step, kind))
    if gradient == EXACT and hessian == EXACT:

        @register_jitable
        def bind_exact(args, n):
            block = pack(args)
            return Objective(address(), address_of_data(block), 0, 0, 0), block

        return bind_exact

    differences_address = address_constant(differences.objective)

    @register_jitable
    def bind_differences(args, n):
        block = pack(args)
        wrapped, probe = np.zeros(1, WRAPPED), np.empty(2 * n)
        w = wrapped[0]
        w.address, w.data = address(), address_of_data(block)
        w.gradient, w.hessian, w.symmetric = gradient, hessian, symmetric
        w.probe = address_of_data(probe)
        values, hessian_values, hessian_gradients = costs(gradient, hessian, n)
        objective = Objective(
            differences_address(), address_of_data(wrapped), values, hessian_values, hessian_gradients
        )
        return objective, (block, wrapped, probe)

    return bind_differences
