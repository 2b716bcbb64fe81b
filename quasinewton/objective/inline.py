"""Objectives bound inside compiled code: the user's functions known by type, entered by address like all others."""

import numpy as np
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from quasinewton import autodiff
from quasinewton.jit import kernel
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


def bind(source, fun, jac, args, hess=None, wants_hessian=False):
    """Write the lines that make an Objective of the functions and `args` of a door.

    Parameters
    ----------
    source : Source
        Lines are added to it. They read `args` and x, and leave `held`, which the Objective points into: it must be
        kept by `hold` as long as the Objective is used, as must `args`.
    fun, jac, args, hess : numba types
        As a door's overload sees its arguments.
    wants_hessian : bool
        Whether second derivatives are used.

    Returns
    -------
    str
        The expression of the Objective.

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
            hess_function, hessian = _second_derivative(source.door, "hess", hess)
    except ValueError as error:
        source.refuse(error)
    function = dispatcher_of("fun", fun, source.door)
    jac_function = dispatcher_of("jac", jac, source.door) if form == "separate" else None
    if form == "derived":
        jac_function, _ = autodiff.derivative(function, "value_and_grad", jac, None, packed=True)
    return _bind(source, (function, jac_function, hess_function, form), args, gradient, hessian, True)


def bind_residual(source, fun, jac, args):
    """The same for a vector function: GRADIENT is its value, HESSIAN its Jacobian."""
    jac = constant(jac)
    function = dispatcher_of("fun", fun, source.door)
    if jac is True:
        return _bind(source, (function, None, None, "residual-joint"), args, EXACT, EXACT, False)
    if isinstance(jac, str) and jac in autodiff.MODES:
        derived, _ = autodiff.derivative(function, "value_and_jacobian", jac, None, packed=True)
        return _bind(source, (function, derived, None, "residual-derived"), args, EXACT, EXACT, False)
    try:
        jac_function, scheme = _second_derivative(source.door, "jac", jac or None)
    except ValueError as error:
        source.refuse(error)
    return _bind(source, (function, None, jac_function, "residual"), args, EXACT, scheme, False)


def _second_derivative(door, name, given):
    """The dispatcher of a second derivative, or the scheme of differences in its place."""
    if isinstance(given, types.Type):
        return dispatcher_of(name, given, door), EXACT
    return second_derivative(name, given)


def _bind(source, functions, args, gradient, hessian, symmetric):
    """The lines for these functions, with the differences that they need."""
    args = args if isinstance(args, types.BaseTuple) else NO_ARGS if constant(args) == () else args
    if not (isinstance(args, types.BaseTuple) and is_plain(args)):
        source.refuse(f"`args` must be a tuple of numbers, arrays and tuples of them, got {args}")
    kind, complex_step = args if len(args) else NO_ARGS, gradient == COMPLEX_STEP
    try:
        compiled.check(*functions, complex_step, kind)
    except (TypeError, ValueError) as error:
        source.refuse(error)
    address = address_constant(compiled.build(*functions, complex_step, kind))
    source.add("block = pack(args)", pack=pack, address=address, address_of_data=address_of_data, hold=hold)
    if gradient == EXACT and hessian == EXACT:
        source.add("held = block", Objective=Objective)
        own = ", ".join([source.integer(0)] * 3)
        return f"Objective(address(), address_of_data(block), {own})"
    schemes = ", ".join(map(source.integer, map(int, (gradient, hessian, symmetric))))
    source.add(
        f"objective, wrapped, probe = wrap(address(), address_of_data(block), {schemes}, x.size)",
        "held = block, wrapped, probe",
        wrap=wrap,
    )
    return "objective"


differences_address = address_constant(differences.objective)


@kernel
def wrap(address, data, gradient, hessian, symmetric, n):
    """An Objective that differences another one, and the two arrays that it points into."""
    wrapped, probe = np.zeros(1, WRAPPED), np.empty(2 * n)
    w = wrapped[0]
    w.address, w.data, w.gradient, w.hessian, w.symmetric = address, data, gradient, hessian, symmetric
    w.probe = address_of_data(probe)
    values, hessian_values, hessian_gradients = costs(gradient, hessian, n)
    data = address_of_data(wrapped)
    return Objective(differences_address(), data, values, hessian_values, hessian_gradients), wrapped, probe
