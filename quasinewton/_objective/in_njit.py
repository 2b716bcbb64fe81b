"""Objectives built inside compiled code from the types of the user's functions."""

from typing import NamedTuple

import numpy as np
from numba import types

from quasinewton import _autodiff as autodiff
from quasinewton._numba_ext.addresses import address_constant
from quasinewton._numba_ext.arrays import address_of_data, hold
from quasinewton._numba_ext.introspection import TypingError
from quasinewton._numba_ext.jit import kernel
from quasinewton._objective import (
    differenced,
    from_njit,
    hessian_products,
    kept_hessian,
)
from quasinewton._objective.build import LEARNING
from quasinewton._objective.callables import Callables
from quasinewton._objective.choose_gradient import derived_source
from quasinewton._objective.choose_hessian import (
    differentiable,
    second_derivative,
    second_order,
)
from quasinewton._objective.finite_differences import (
    COMPLEX_STEP,
    EXACT,
    FORWARD,
    WRAPPED,
    costs,
)
from quasinewton._objective.interface import SIGNATURE, Objective
from quasinewton._objective.packed_args import is_plain, pack
from quasinewton._objective.problem import NO_ARGS, gradient_form


class Schemes(NamedTuple):
    """How the derivatives that are not given are made of differences.

    Attributes
    ----------
    gradient, hessian : int
        Schemes of `finite_differences`.
    symmetric : bool
        True for a Hessian, False for the Jacobian of a vector function.
    bounded : bool
        True if points stay between the vectors `low` and `high` of the generated code.
    adaptive : bool
        True if steps may be estimated.
    """

    gradient: int
    hessian: int
    symmetric: bool
    bounded: bool = False
    adaptive: bool = False


RESIDUAL = Schemes(EXACT, EXACT, False)  # of a vector function with a Jacobian


def dispatcher_of(name, kind, door):
    """Return the dispatcher behind the type of a function argument.

    `door` is the name of the public function, for the message.

    Raises
    ------
    TypingError
        If the argument is not a compiled function; the message names it.
    """
    if not isinstance(kind, types.Dispatcher):
        raise TypingError(f"{door}: `{name}` must be an @njit function visible to the caller, got {kind}")
    return kind.dispatcher


def constant(kind):
    """Return the value of an omitted, None or literal argument; for others, the type."""
    if isinstance(kind, types.Omitted):
        return kind.value
    if isinstance(kind, types.NoneType):
        return None
    if isinstance(kind, types.Literal):
        return kind.literal_value
    return kind


def bind(source, fun, jac, args, use="", hess=None, hessp=None, precond=None, bounded=False):
    """Generate the lines that make an Objective of the functions and `args`.

    Parameters
    ----------
    source : Source
        Lines are added to it. They read `args` and x, and define `held`, into which the Objective
        points: both `held` and `args` must be kept by `hold` as long as the Objective is used.
    fun, jac, args : numba types
        Types of the arguments in the overload of the public function.
    use : {"hessian", "product", ""}
        Form of second derivatives that the method uses; "" for none.
    hess, hessp, precond : numba types, optional
        Types of further arguments; precond only if it is a function.
    bounded : bool
        True if differences stay between the vectors `low` and `high` of the generated code.

    Returns
    -------
    str
        Expression of the Objective in the generated code.

    Raises
    ------
    TypingError
        If an argument is illegal; the message names it.
    """
    jac = gradient_of(source, fun, jac, args, "value_and_grad")
    function = dispatcher_of("fun", fun, source.door)
    given = {"hess": constant(hess), "hessp": constant(hessp), "precond": constant(precond)}
    given = {
        name: dispatcher_of(name, kind, source.door) if isinstance(kind, types.Type) else kind
        for name, kind in given.items()
    }
    precond = given.pop("precond")
    try:
        form, gradient = ("separate", EXACT) if isinstance(jac, types.Type) else gradient_form(jac)
        second = second_order(use, function, **given, form=form, n=None, args_type=_args_type(source, args))
        if use == "product" and second.scheme != EXACT and gradient == FORWARD:
            gradient = differentiable(jac)
    except (ValueError, TypeError) as error:
        source.refuse(error)
    adaptive = gradient != EXACT and jac in LEARNING
    jac_function = dispatcher_of("jac", jac, source.door) if form == "separate" else None
    if form == "derived":
        jac_function, _ = autodiff.derivative(function, "value_and_grad", jac, None, packed=True)
    product = use == "product"
    keeping = product and second.form == "dense"
    second_form = second.form if product and not keeping else "hessian"
    precond, complex_step = precond if product else None, gradient == COMPLEX_STEP
    callables = Callables(function, form, jac_function, second.function, second_form, precond, complex_step)
    schemes = Schemes(gradient, EXACT if product else second.scheme, True, bounded, adaptive)
    inside_another = keeping or (product and second.scheme != EXACT)
    objective = _bind(source, callables, args, schemes, "held_inside" if inside_another else "held")
    if keeping:
        return _keeping(source, objective)
    return _multiplied(source, objective, gradient, second.scheme, bounded) if inside_another else objective


def gradient_of(source, fun, jac, args, kind):
    """Return the compile-time `jac`; if it is not given, that of `choose_gradient.derived_source`.

    Raises
    ------
    TypingError
        If an argument is illegal; the message names it.
    """
    jac, args = constant(jac), tuple_type(args)
    if jac not in (None, False) or not is_legal(args):
        return jac
    try:
        return derived_source(dispatcher_of("fun", fun, source.door), jac, tuple(args), None, kind)
    except TypeError as error:
        source.refuse(error)


def tuple_type(args):
    """Return the Numba type of `args`, the type of the empty tuple if they are omitted."""
    return args if isinstance(args, types.BaseTuple) else NO_ARGS if constant(args) == () else args


def is_legal(args):
    """Return True if `args` of this type can be packed."""
    return isinstance(args, types.BaseTuple) and is_plain(args)


def bind_residual(source, fun, jac, args):
    """Generate the lines that make an Objective of a vector function.

    GRADIENT is the value of the function, HESSIAN its Jacobian. Parameters, result and errors are
    as in `bind`.
    """
    jac = gradient_of(source, fun, jac, args, "value_and_jacobian")
    function = dispatcher_of("fun", fun, source.door)
    if jac is True:
        return _bind(source, Callables(function, "residual-joint"), args, RESIDUAL)
    if isinstance(jac, str) and jac in autodiff.MODES:
        derived, _ = autodiff.derivative(function, "value_and_jacobian", jac, None, packed=True)
        return _bind(source, Callables(function, "residual-derived", derived), args, RESIDUAL)
    try:
        jac_function, scheme = _second_derivative(source.door, "jac", jac or None)
    except ValueError as error:
        source.refuse(error)
    callables = Callables(function, "residual", second=jac_function)
    return _bind(source, callables, args, RESIDUAL._replace(hessian=scheme))


def _second_derivative(door, name, given):
    """Return (dispatcher, EXACT), or (None, scheme) if differences are to be used."""
    if isinstance(given, types.Type):
        return dispatcher_of(name, given, door), EXACT
    return second_derivative(name, given)


def _args_type(source, args):
    """Return the type of `args` as a tuple that can be packed; otherwise refuse it."""
    args = tuple_type(args)
    if not is_legal(args):
        source.refuse(f"`args` must be a tuple of numbers, arrays and tuples of them, got {args}")
    return args if len(args) else NO_ARGS


def _multiplied(source, inner, gradient, scheme, bounded):
    """Generate the lines that wrap an objective in products by differences of its gradient."""
    schemes = ", ".join(map(source.integer, map(int, (gradient, scheme))))
    box = ("low, high", "low, high", multiply_in_box) if bounded else ("x.size", "beside", multiply)
    source.add(
        f"multiplied, multiplier, beside = multiply({inner}, {schemes}, {box[0]})",
        f"held = held_inside, multiplier, beside, {box[1]}",
        multiply=box[2],
    )
    return "multiplied"


def _keeping(source, inner):
    """Generate the lines that wrap an objective with a Hessian in one with products."""
    source.add(f"keeping, keeper, kept = keep({inner}, x.size)", "held = held_inside, keeper, kept", keep=keep)
    return "keeping"


def _bind(source, callables, args, differences, held="held"):
    """Generate the lines for compiled functions and the differences that they need.

    `held` is the name of the variable for what the Objective points into.
    """
    kind = _args_type(source, args)
    gradient, hessian, symmetric, bounded, adaptive = differences
    try:
        from_njit.check(callables, kind)
    except (TypeError, ValueError) as error:
        source.refuse(error)
    address = address_constant(from_njit.build(callables, kind), SIGNATURE)
    source.add("block = pack(args)", pack=pack, address=address, address_of_data=address_of_data, hold=hold)
    if gradient == EXACT and hessian == EXACT:
        source.add(f"{held} = block", Objective=Objective)
        own = ", ".join([source.integer(0)] * 4)
        return f"Objective(address(), address_of_data(block), {own})"
    schemes = ", ".join(map(source.integer, map(int, (gradient, hessian, symmetric, adaptive))))
    box = ("low, high", "low, high", wrap_in_box) if bounded else ("x.size", "probe", wrap)
    source.add(
        f"objective, wrapped, probe = wrap(address(), address_of_data(block), {schemes}, {box[0]})",
        f"{held} = block, wrapped, probe, {box[1]}",
        wrap=box[2],
    )
    return "objective"


differences_address = address_constant(differenced.objective, SIGNATURE)
products_address = address_constant(hessian_products.objective, SIGNATURE)
keeper_address = address_constant(kept_hessian.objective, SIGNATURE)


@kernel
def wrap(address, data, gradient, hessian, symmetric, adaptive, n):
    """Return an Objective that differences another one, and the two arrays that it points into."""
    wrapped, probe = np.zeros(1, WRAPPED), np.empty(4 * n)
    w = wrapped[0]
    w.address, w.data, w.gradient, w.hessian, w.symmetric = address, data, gradient, hessian, symmetric
    w.probe, w.first, w.adaptive, w.sharpens = address_of_data(probe), gradient, adaptive, adaptive
    values, hessian_values, hessian_gradients = costs(gradient, hessian, n)
    data = address_of_data(wrapped)
    return Objective(differences_address(), data, values, hessian_values, hessian_gradients, data), wrapped, probe


@kernel
def multiply(inner, gradient, scheme, n):
    """Return an Objective of products by differences of `inner`'s gradients, and its two arrays.

    The Objective points into these arrays.
    """
    wrapped, probe = np.zeros(1, WRAPPED), np.empty(2 * n)
    w = wrapped[0]
    w.address, w.data, w.gradient, w.hessian = inner.address, inner.data, gradient, scheme
    w.probe = address_of_data(probe)
    data = address_of_data(wrapped)
    w.precision = inner.precision if inner.precision else data
    values, gradients = hessian_products.product_costs(gradient, scheme, inner.values, False)
    return Objective(products_address(), data, inner.values, values, gradients, inner.precision), wrapped, probe


@kernel
def keep(inner, n):
    """Return an Objective that keeps the Hessian of `inner` for products, and its two arrays.

    The Objective points into these arrays.
    """
    wrapped, probe = np.zeros(1, WRAPPED), np.empty(2 * n + n * n)
    w = wrapped[0]
    w.address, w.data, w.probe = inner.address, inner.data, address_of_data(probe)
    return Objective(keeper_address(), address_of_data(wrapped), inner.values, 0, 0, inner.precision), wrapped, probe


@kernel
def multiply_in_box(inner, gradient, scheme, low, high):
    """Return an Objective of products by differences between bounds, and its two arrays.

    The Objective points into these arrays, and into `low` and `high`.
    """
    objective, wrapped, probe = multiply(inner, gradient, scheme, low.size)
    wrapped[0].low, wrapped[0].high = address_of_data(low), address_of_data(high)
    values, gradients = hessian_products.product_costs(gradient, scheme, inner.values, True)
    costs_ = inner.values, values, gradients
    return Objective(objective.address, objective.data, *costs_, objective.precision), wrapped, probe


@kernel
def wrap_in_box(address, data, gradient, hessian, symmetric, adaptive, low, high):
    """Return an Objective of differences between bounds, and its two arrays.

    The Objective points into these arrays, and into `low` and `high`.
    """
    n = low.size
    objective, wrapped, probe = wrap(address, data, gradient, hessian, symmetric, adaptive, n)
    wrapped[0].low, wrapped[0].high = address_of_data(low), address_of_data(high)
    for i in range(low.size):
        n -= low[i] == high[i]
    values, hessian_values, hessian_gradients = costs(gradient, hessian, n)
    costs_ = values, hessian_values, hessian_gradients
    return Objective(objective.address, objective.data, *costs_, objective.precision), wrapped, probe
