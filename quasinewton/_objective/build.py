"""Construction of objectives from the user's functions, with the sources of their derivatives."""

from typing import Any, NamedTuple

import numpy as np

from quasinewton import _autodiff as autodiff
from quasinewton._numba_ext.introspection import (
    is_compiled,
    result_type,
)
from quasinewton._numba_ext.records import address_of_record, copier
from quasinewton._objective import (
    complex_step,
    differenced,
    finite_differences,
    from_njit,
    from_python,
    hessian_products,
    kept_hessian,
)
from quasinewton._objective.box import Box
from quasinewton._objective.callables import Callables
from quasinewton._objective.choose_hessian import (
    differentiable,
    second_derivative,
    second_order,
)
from quasinewton._objective.derived import derived
from quasinewton._objective.finite_differences import (
    CENTRAL,
    COMPLEX_STEP,
    EXACT,
    FORWARD,
)
from quasinewton._objective.interface import Objective
from quasinewton._objective.linking import address_in_python, link
from quasinewton._objective.packed_args import pack
from quasinewton._objective.problem import (
    Problem,
    compiled_args_type,
    typed_args,
)
from quasinewton._objective.trampolines import DERIVED

# Values of `jac` with which steps may be estimated; "2-point" is applied as it is.
LEARNING = (None, False, "3-point")

_unwrapped = copier(np.zeros(1, finite_differences.WRAPPED))


class Bound(NamedTuple):
    """The user's functions behind one address.

    Attributes
    ----------
    address, data : int
        As in `Objective`.
    held : tuple
        Objects that these point into; they must live as long as the address is used.
    """

    address: int
    data: int
    held: tuple


class Differences(NamedTuple):
    """How the derivatives that the user did not give are made of differences.

    Attributes
    ----------
    gradient, hessian : int
        Schemes of `finite_differences`.
    record : ndarray
        One record WRAPPED with the settings of the user; overwritten.
    step, scales : ndarray, float64
        The user's steps and scales of the variables; of length 0 if none are given.
    n : int
        Number of variables.
    bounds : (ndarray, ndarray) or None
    """

    gradient: int
    hessian: int
    record: np.ndarray
    step: np.ndarray
    scales: np.ndarray
    n: int
    bounds: tuple | None = None


class Prepared(NamedTuple):
    """An objective ready to be called.

    Attributes
    ----------
    objective : Objective
    held : tuple
        Objects that the addresses in `objective` point into; they must live as long as it is used.
    mode : str
        How the gradient is obtained: "exact" if the user gave it, "forward" or "reverse" if it is
        derived from the compiled objective, or the scheme of differences.
    problem : Problem
        What the user gave.
    hess_mode : str
        How second derivatives are obtained: "exact" if the user gave them, "derived" from the
        compiled objective, or the scheme of differences; "" if none are used.
    precision : ndarray or None
        One record `finite_differences.WRAPPED` with the precision of values and gradients that a
        run measures.
    """

    objective: Objective
    held: tuple
    mode: str
    problem: Problem
    hess_mode: str = ""
    precision: Any = None


def prepare(problem: Problem, use: str, values: bool = False) -> Prepared:
    """Make an objective of the user's functions that compiled code can call.

    The parameters, the result and the errors are those of `prepare_unlinked`.
    """
    return linked(prepare_unlinked(problem, use, values))


def linked(prepared: Prepared) -> Prepared:
    """Return a `Prepared` whose objective compiled code can call; see `linking.link`."""
    return prepared._replace(objective=link(prepared.objective))


def prepare_unlinked(problem: Problem, use: str, values: bool = False) -> Prepared:
    """Make an objective of the user's functions that only loops in Python can call; see `link`.

    Parameters
    ----------
    problem : Problem
    use : {"hessian", "product", ""}
        Form of second derivatives that the method uses; "" for none.
    values : bool
        True if values are often asked for without gradients. Where gradients are derived, this
        compiles `fun`, too; otherwise its value is computed with the gradient.

    Returns
    -------
    Prepared

    Raises
    ------
    TypeError
        If a function is not callable or if a compiled one does not accept its arguments or returns
        a wrong type.
    ValueError
        If `hess` is illegal.
    """
    fun, jac, args, n, form, gradient, step, relative, hess, hessp, precond, bounds, scales = problem
    jac_function = jac if form == "separate" else None
    mode = jac if gradient and isinstance(jac, str) else "2-point" if gradient else "exact"
    own = (jac, (hessp or hess) if use else None, precond)
    kind = compiled_args_type((fun, *filter(callable, own)), args)
    stepped = use and isinstance(hess, str) and hess == "cs" and not (use == "product" and hessp is not None)
    # Derived gradients have an exact derived Hessian, so no complex step is needed.
    if stepped and form == "derived":
        stepped, hess = False, "auto"
    elif stepped and form == "value":
        raise ValueError("hess='cs' needs a gradient that is not made of differences: give jac, or compile fun")
    elif stepped:
        made = complex_step.second_derivative(fun, jac, form, use, kind)
        hess, hessp = (None, made) if use == "product" else (made, None)
    second = second_order(use, fun, hess, hessp, form, n, kind, typed_args(args) if kind is None else kind)
    if form == "derived":
        # If other functions are Python's, or if `args` cannot be packed, the interpreter also calls
        # the derived function of value and gradient.
        beside = kind is None and is_compiled(fun) and typed_args(args) is not None
        if beside:
            jac = derived(fun, "value_and_grad", jac, n, typed_args(args)).mode
            fun, mode = autodiff.derivative(fun, "value_and_grad", jac, n)
            form = "joint"
        else:
            jac_function = derived(fun, "value_and_grad", jac, n, typed_args(args) if kind is None else kind)
            mode, form = jac_function.mode, "derived-values" if values else form
    if use == "product" and second.scheme != EXACT and gradient == FORWARD:
        gradient, mode = differentiable(jac), "3-point"
    wrapped = _unwrapped()
    if gradient != EXACT or second.scheme != EXACT:
        w = wrapped[0]
        w["relative"], w["symmetric"], w["given"] = relative, True, scales.size > 0
        w["adaptive"] = gradient not in (EXACT, COMPLEX_STEP) and step.size == 0 and jac in LEARNING
        w["sharpens"] = w["adaptive"] and gradient == FORWARD
    product = use == "product"
    keeping = product and second.form == "dense" and kind is not None
    second_form = "hessian" if keeping else second.form
    callables = Callables(fun, form, jac_function, second.function, second_form, precond, gradient == COMPLEX_STEP)
    bound = _bind(callables, args, n, wrapped)
    scheme = EXACT if product else second.scheme
    objective, held = _differenced(bound, Differences(gradient, scheme, wrapped, step, scales, n, bounds))
    prepared = Prepared(objective, held, mode, problem, second.mode, wrapped[0])
    if product and second.scheme != EXACT:
        prepared = _multiplied(prepared, gradient, second.scheme, n, bounds)
    if keeping:
        prepared = _keeping(prepared, n)
    if stepped:
        objective = prepared.objective._replace(hessian_gradients=n if use == "hessian" else 1)
        prepared = prepared._replace(objective=objective, hess_mode="cs")
    return prepared


def gradient_mode(prepared: Prepared) -> str:
    """Return how gradients are obtained now: forward differences may have become central ones."""
    if prepared.mode == "2-point" and prepared.precision["gradient"] == CENTRAL:
        return "3-point"
    return prepared.mode


def prepare_residual(problem: Problem) -> Prepared:
    """Make an objective of a vector function that compiled code can call.

    The parameter and the result are those of `prepare_residual_unlinked`.
    """
    return linked(prepare_residual_unlinked(problem))


def prepare_residual_unlinked(problem: Problem) -> Prepared:
    """Make an objective of a vector function: GRADIENT is its value, HESSIAN its Jacobian.

    Only loops in Python can call it; see `link`.

    Parameters
    ----------
    problem : Problem
        Its `fun` is fun(x, *args) -> ndarray, shape (n,); with ``jac=True`` the pair of that vector
        and the Jacobian. Its `jac` is callable, True, "2-point", "3-point", False or None, or a
        mode of automatic derivatives.

    Returns
    -------
    Prepared
    """
    fun, jac, args, n = problem[:4]
    if jac is True:
        bound = _bind(Callables(fun, "residual-joint"), args, n)
        return Prepared(Objective(bound.address, bound.data), bound.held, "exact", problem)
    if isinstance(jac, str) and jac in autodiff.MODES:
        if compiled_args_type((fun,), args) is not None or typed_args(args) is None:
            jacobian = derived(fun, "value_and_jacobian", jac, n, typed_args(args))
            bound = _bind(Callables(fun, "residual-derived", jacobian), args, n)
            return Prepared(Objective(bound.address, bound.data), bound.held, jacobian.mode, problem)
        both, mode = autodiff.derivative(fun, "value_and_jacobian", jac, n)
        bound = _bind(Callables(both, "residual-joint"), args, n)
        return Prepared(Objective(bound.address, bound.data), bound.held, mode, problem)
    function, scheme = second_derivative("jac", jac or None)
    mode = "exact" if scheme == EXACT else jac or "2-point"
    wrapped = _unwrapped()
    wrapped[0]["relative"] = problem.relative
    bound = _bind(Callables(fun, "residual", second=function), args, n, precision=wrapped)
    objective, held = _differenced(bound, Differences(EXACT, scheme, wrapped, problem.step, problem.scales, n))
    return Prepared(objective, held, mode, problem)


def _bind(callables: Callables, args: tuple, n: int, precision: np.ndarray | None = None) -> Bound:
    """Return compiled or Python functions as a `Bound`.

    `precision`, an array of one record WRAPPED, is overwritten with the precision that the types of
    values and gradients show.
    """
    fun = callables.fun
    if not callable(fun):
        raise TypeError(f"fun must be callable, got {type(fun).__name__}")
    kind = compiled_args_type((fun, callables.jac, callables.second, callables.precond), args)
    if kind is None and callables.form in DERIVED:
        raise TypeError(
            "a function is differentiated only with args that are numbers, arrays and tuples of them, and together "
            "with hess, hessp and precond that are compiled, too"
        )
    if kind is None:
        refuse_what_does_not_compile(callables, args)
        evaluate = from_python.evaluator(callables, args, n, precision)
        return Bound(address_in_python(from_python.objective, wraps=False), id(evaluate), (evaluate,))
    address, (f_eps, g_eps) = from_njit.trampoline(callables, kind)
    if precision is not None and (f_eps or g_eps):
        precision["f_type"], precision["f_eps"], precision["g_eps"] = f_eps, f_eps, g_eps
    if not args:
        return Bound(address, 0, (fun,))
    block = pack(args)
    return Bound(address, block.ctypes.data, (fun, block, args))


def refuse_what_does_not_compile(callables: Callables, args: tuple) -> None:
    """Compile the user's compiled functions, although the interpreter will call them.

    A function that does not compile is thus reported before the run.

    Raises
    ------
    TypeError
        If a function does not compile for its arguments; the message names it in one line.
    """
    arguments = typed_args(args)
    if arguments is None:
        return
    product = callables.second_form == "product"
    vectors = 2 if callables.form == "inplace" else 1, 1, 2 if product else 1, 2
    names = "fun", "jac", "hessp" if product else "the second derivative", "precond"
    functions = callables.fun, callables.jac, callables.second, callables.precond
    for function, count, name in zip(functions, vectors, names, strict=True):
        if is_compiled(function):
            result_type(function, (from_njit.X,) * count + tuple(arguments), name)


def _differenced(bound: Bound, differences: Differences) -> tuple[Objective, tuple]:
    """Wrap the user's functions in the differences that they need, if any.

    Parameters
    ----------
    bound : Bound
    differences : Differences

    Returns
    -------
    (Objective, tuple)
        The objective, and the objects that must live as long as it is used.
    """
    address, data, held = bound
    gradient, hessian, wrapped, step, scales, n, bounds = differences
    place = address_of_record(wrapped)
    if gradient == EXACT and hessian == EXACT:
        return Objective(address, data, precision=place), (*held, wrapped)
    w, probe = wrapped[0], np.empty(4 * n)
    w["address"], w["data"], w["gradient"], w["first"], w["hessian"] = address, data, gradient, gradient, hessian
    w["steps"], w["step"], w["probe"] = step.size, step.ctypes.data, probe.ctypes.data
    if scales.size:
        probe[2 * n : 3 * n] = probe[3 * n :] = scales
        w["scaled"] = True
    variables = n
    if bounds is not None:
        w["low"], w["high"] = (side.ctypes.data for side in bounds)
        variables = int(np.count_nonzero(bounds[0] < bounds[1]))
    values, hessian_values, hessian_gradients = finite_differences.costs(gradient, hessian, variables)
    address = address_in_python(differenced.objective)
    objective = Objective(address, place, values, hessian_values, hessian_gradients, place)
    return objective, (*held, wrapped, probe, step, bounds)


def _multiplied(prepared: Prepared, gradient: int, scheme: int, n: int, bounds: Box | None) -> Prepared:
    """Wrap an objective in Hessian-vector products by differences of its gradient."""
    wrapped, probe = _unwrapped(), np.empty(2 * n)
    inner, w = prepared.objective, wrapped[0]
    w["address"], w["data"], w["gradient"], w["hessian"] = inner.address, inner.data, gradient, scheme
    w["probe"], w["precision"] = probe.ctypes.data, inner.precision
    if bounds is not None:
        w["low"], w["high"] = (side.ctypes.data for side in bounds)
    values, gradients = hessian_products.product_costs(gradient, scheme, inner.values, bounds is not None)
    address, place = address_in_python(hessian_products.objective), address_of_record(wrapped)
    objective = Objective(address, place, inner.values, values, gradients, inner.precision)
    return prepared._replace(objective=objective, held=(*prepared.held, wrapped, probe, bounds))


def _keeping(prepared: Prepared, n: int) -> Prepared:
    """Wrap an objective with a Hessian in one with Hessian-vector products."""
    inner, wrapped, probe = prepared.objective, _unwrapped(), np.empty(2 * n + n * n)
    w = wrapped[0]
    w["address"], w["data"], w["probe"] = inner.address, inner.data, probe.ctypes.data
    address = address_in_python(kept_hessian.objective)
    objective = Objective(address, address_of_record(wrapped), inner.values, 0, 0, inner.precision)
    return prepared._replace(objective=objective, held=(*prepared.held, wrapped, probe))
