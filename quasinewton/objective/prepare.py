"""From what the user gave to the contract: which functions, compiled or not, and how derivatives are obtained."""

from typing import NamedTuple

import numba
import numpy as np
from numba.core import types
from numba.core.dispatcher import Dispatcher

from quasinewton import autodiff
from quasinewton.objective import compiled, differences, python
from quasinewton.objective.arguments import is_plain, pack
from quasinewton.objective.contract import Objective
from quasinewton.objective.differences import CENTRAL, COMPLEX_STEP, EXACT, FORWARD

GRADIENT_SCHEMES = {"2-point": FORWARD, "3-point": CENTRAL, "cs": COMPLEX_STEP}
HESSIAN_SCHEMES = {"2-point": FORWARD, "3-point": CENTRAL}
NO_ARGS = types.Tuple(())


class Prepared(NamedTuple):
    """An objective ready to be called.

    Attributes
    ----------
    objective : Objective
    held : tuple
        Whatever the addresses in `objective` point into; must live as long as it is used.
    mode : str
        How the gradient is obtained: "exact" where the user gives it, "forward" or "reverse" where it is derived from
        the compiled objective, or the scheme of differences.
    """

    objective: Objective
    held: tuple
    mode: str


def is_compiled(function):
    """Whether a function is a Numba dispatcher, which the solvers call without the interpreter."""
    return isinstance(function, Dispatcher)


def as_args(args):
    """`args` as a tuple: anything else is the one argument, as in SciPy."""
    return args if isinstance(args, tuple) else (args,)


def args_type(args):
    """The Numba type of `args` if they can be handed to compiled code, otherwise None."""
    if not args:
        return NO_ARGS
    try:
        kind = numba.typeof(args)
    except (ValueError, TypeError, NotImplementedError):
        return None
    return kind if is_plain(kind) else None


def compiled_args_type(functions, args):
    """The Numba type of `args` if the functions are compiled and can be handed them, otherwise None.

    Parameters
    ----------
    functions : sequence of callable or None
    args : tuple
    """
    given = [function for function in functions if function is not None]
    return args_type(args) if all(map(is_compiled, given)) else None


def gradient_form(jac):
    """How fun and jac give value and gradient.

    Returns
    -------
    (str, int)
        The form (see `compiled.FIRST_ORDER`) and the scheme of differences.

    Raises
    ------
    ValueError
        If `jac` is none of the legal values.
    """
    if callable(jac):
        return "separate", EXACT
    if jac is None or jac is False:
        return "value", FORWARD
    if jac is True:
        return "joint", EXACT
    if isinstance(jac, str) and jac == "inplace":
        return "inplace", EXACT
    if isinstance(jac, str) and jac in GRADIENT_SCHEMES:
        return "value", GRADIENT_SCHEMES[jac]
    if isinstance(jac, str) and jac in autodiff.MODES:
        return "derived", EXACT
    legal = "callable, True, 'inplace', None, 'auto', 'forward', 'reverse', '2-point', '3-point' or 'cs'"
    raise ValueError(f"jac must be {legal}; got {jac!r}")


def difference_step(eps, rel_step, n):
    """The steps the user gave, as (array, relative); an empty array if none.

    Raises
    ------
    ValueError
        If a step is not positive and finite, or their number is neither 1 nor n.
    """
    name, step = ("eps", eps) if rel_step is None else ("finite_diff_rel_step", rel_step)
    if step is None:
        return np.empty(0), False
    step = np.atleast_1d(np.asarray(step, dtype=np.float64))
    if step.shape not in ((1,), (n,)) or not np.all((step > 0) & np.isfinite(step)):
        raise ValueError(f"{name} must be a positive number, or {n} of them; got {step!r}")
    return step, rel_step is not None


def prepare(fun, jac, hess, args, n, wants_hessian, eps=None, rel_step=None):
    """Make an objective of the user's functions.

    Parameters
    ----------
    fun : callable
    jac : callable, bool, str or None
    hess : callable, "2-point", "3-point" or None
    args : tuple
    n : int
        Number of variables.
    wants_hessian : bool
        Whether the method uses second derivatives.
    eps, rel_step : float, ndarray of shape (n,), or None
        Absolute or relative step of the differences.

    Returns
    -------
    Prepared

    Raises
    ------
    TypeError
        If a function is not callable or, compiled, does not accept its arguments or returns the wrong thing.
    ValueError
        If `jac`, `hess` or a step is illegal.
    """
    form, gradient = gradient_form(jac)
    function, hessian = second_derivative("hess", hess) if wants_hessian else (None, EXACT)
    jac_function = jac if form == "separate" else None
    mode = jac if gradient and isinstance(jac, str) else "2-point" if gradient else "exact"
    if form == "derived":
        jac_function, mode = autodiff.derivative(fun, "value_and_grad", jac, n, packed=True)
    bound = _bind(fun, jac_function, function, form, gradient == COMPLEX_STEP, args, n)
    return _differenced(*bound, mode, gradient, hessian, True, eps, rel_step, n)


def prepare_residual(fun, jac, args, n, eps=None, rel_step=None):
    """Make an objective of a vector function: GRADIENT is its value, HESSIAN its Jacobian.

    Parameters
    ----------
    fun : callable
        fun(x, *args) -> ndarray, shape (n,); with ``jac=True`` the pair of that and the Jacobian.
    jac : callable, True, "2-point", "3-point", False or None
    args, n, eps, rel_step
        As for `prepare`.

    Returns
    -------
    Prepared
    """
    if jac is True:
        bound = _bind(fun, None, None, "residual-joint", False, args, n)
        return Prepared(Objective(*bound[:2]), bound[2], "exact")
    if isinstance(jac, str) and jac in autodiff.MODES:
        derived, mode = autodiff.derivative(fun, "value_and_jacobian", jac, n, packed=True)
        bound = _bind(fun, derived, None, "residual-derived", False, args, n)
        return Prepared(Objective(*bound[:2]), bound[2], mode)
    function, scheme = second_derivative("jac", jac or None)
    mode = "exact" if scheme == EXACT else jac or "2-point"
    bound = _bind(fun, None, function, "residual", False, args, n)
    return _differenced(*bound, mode, EXACT, scheme, False, eps, rel_step, n)


def second_derivative(name, given):
    """A callable, or the scheme of differences in its place.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if callable(given):
        return given, EXACT
    if given is None or isinstance(given, str) and given in HESSIAN_SCHEMES:
        return None, HESSIAN_SCHEMES.get(given, FORWARD)
    raise ValueError(f"{name} must be callable, '2-point', '3-point' or None; got {given!r}")


def _bind(fun, jac, hess, form, complex_step, args, n):
    """Address, data and what they point into, for functions that are compiled or not."""
    if not callable(fun):
        raise TypeError(f"fun must be callable, got {type(fun).__name__}")
    kind = compiled_args_type((fun, jac, hess), args)
    if kind is None and form in compiled.DERIVED:
        raise TypeError("a function is differentiated only with args that are numbers, arrays and tuples of them")
    if kind is None:
        evaluate = python.evaluator(fun, jac, hess, form, args, n)
        return python.trampoline_address(), id(evaluate), (evaluate,)
    address = compiled.trampoline_address(fun, jac, hess, form, complex_step, kind)
    if not args:
        return address, 0, (fun,)
    block = pack(args)
    return address, block.ctypes.data, (fun, block, args)


def _differenced(address, data, held, mode, gradient, hessian, symmetric, eps, rel_step, n):
    """Wrap an objective in the differences that it needs."""
    if gradient == EXACT and hessian == EXACT:
        return Prepared(Objective(address, data), held, mode)
    step, relative = difference_step(eps, rel_step, n)
    wrapped, probe = np.zeros(1, differences.WRAPPED), np.empty(2 * n)
    w = wrapped[0]
    w["address"], w["data"], w["gradient"], w["hessian"] = address, data, gradient, hessian
    w["symmetric"], w["relative"] = symmetric, relative
    w["steps"], w["step"], w["probe"] = step.size, step.ctypes.data, probe.ctypes.data
    objective = Objective(differences.address(), wrapped.ctypes.data, *differences.costs(gradient, hessian, n))
    return Prepared(objective, (*held, wrapped, probe, step), mode)
