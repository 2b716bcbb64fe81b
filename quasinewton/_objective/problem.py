"""What the user gave: functions, arguments, bounds and steps of differences, read and checked once.

Nothing is compiled here. `choose_gradient.with_gradient` decides how gradients are obtained where
the user left that open, and `build.prepare` makes the objective.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import types

from quasinewton import _autodiff as autodiff
from quasinewton._numba_ext.introspection import is_compiled, tuple_type
from quasinewton._objective.box import Box
from quasinewton._objective.derived import Derived
from quasinewton._objective.finite_differences import (
    CENTRAL,
    COMPLEX_STEP,
    EXACT,
    FORWARD,
)
from quasinewton._objective.packed_args import is_plain
from quasinewton._validation import real

GRADIENT_SCHEMES = {"2-point": FORWARD, "3-point": CENTRAL, "cs": COMPLEX_STEP}
NO_ARGS = types.Tuple(())
NOTHING_GIVEN = np.empty(0)


class Problem(NamedTuple):
    """A problem as the user gave it.

    Attributes
    ----------
    fun : callable
    jac : callable, bool, str or None
    args : tuple
        Further arguments of the functions, converted for compiled ones.
    n : int
        Number of variables.
    form : str
        How fun and jac give value and gradient, a key of `trampolines.FIRST_ORDER`; "" for a vector
        function.
    scheme : int
        Scheme of the differences that gradients are made of; EXACT if they are not.
    step : ndarray, float64, shape (0,), (1,) or (n,)
        Steps of differences; empty if none was given.
    relative : bool
        True if these are relative to the variables.
    hess : callable, str or None
    hessp : callable or None
    precond : callable or None
        precond(x, v, *args) -> M v.
    bounds : (ndarray, ndarray) or None
        low and high, float64, shape (n,); differences stay between them.
    scales : ndarray, float64, shape (0,) or (n,)
        Typical sizes of the variables, which replace max(1, |x_i|) in the steps of differences.
    """

    fun: Callable
    jac: Any
    args: tuple
    n: int
    form: str = ""
    scheme: int = EXACT
    step: np.ndarray = NOTHING_GIVEN
    relative: bool = False
    hess: Any = None
    hessp: Any = None
    precond: Any = None
    bounds: tuple | None = None
    scales: np.ndarray = NOTHING_GIVEN


def read_problem(
    fun: Callable,
    jac: Any,
    args: tuple,
    n: int,
    options: Mapping[str, Any] = {},
    hess: Any = None,
    hessp: Any = None,
    bounds: Box | None = None,
) -> Problem:
    """Read what the user gave.

    Parameters
    ----------
    fun : callable
    jac : callable, bool, str or None
    args : tuple
    n : int
        Number of variables.
    options : dict
        May hold eps, finite_diff_rel_step, x_scale and precond.
    hess : callable, str or None
    hessp : callable or None
    bounds : (ndarray, ndarray) or None
        low and high, float64, shape (n,). Kept, not copied.

    Returns
    -------
    Problem

    Raises
    ------
    ValueError
        If `jac`, a step or a scale is illegal, or `precond` is True.
    """
    jac = bool(jac) if isinstance(jac, np.bool_) else jac
    form, scheme = gradient_form(jac)
    step, relative = difference_step(options, n)
    precond = options.get("precond")
    if precond is True:
        raise ValueError("precond=True is for a Solver, which asks; here precond must be callable, or an array")
    precond = precond if callable(precond) else None
    scales = typical_scales(options.get("x_scale"), n)
    return Problem(fun, jac, args, n, form, scheme, step, relative, hess, hessp, precond, bounds, scales)


def read_residual(fun: Callable, jac: Any, args: tuple, n: int, options: Mapping[str, Any]) -> Problem:
    """Return the Problem of a vector function; its `jac` is checked where it is used.

    The parameters are those of `read_problem`.
    """
    step, relative = difference_step(options, n)
    return Problem(fun, jac, args, n, step=step, relative=relative)


def typed_args(args: tuple) -> Any:
    """Return the Numba type of `args` as a tuple type, or None if Numba has none."""
    return tuple_type(args) if args else NO_ARGS


def args_type(args: tuple) -> Any:
    """Return the Numba type of `args`, or None if they cannot be passed to compiled code."""
    if not args:
        return NO_ARGS
    kind = typed_args(args)
    return kind if kind is not None and is_plain(kind) else None


def compiled_args_type(functions: Iterable[Any], args: tuple) -> Any:
    """Return the Numba type of `args`, or None if the interpreter must call the functions.

    This is so if a function is not compiled, or `args` cannot be packed.

    Parameters
    ----------
    functions : sequence of callable or None
    args : tuple
    """
    for function in functions:
        if not (function is None or isinstance(function, Derived) or is_compiled(function)):
            return None
    return args_type(args)


def gradient_form(jac: Any) -> tuple[str, int]:
    """Return the form in which fun and jac give value and gradient, and the scheme of differences.

    Returns
    -------
    (str, int)
        The form, a key of `trampolines.FIRST_ORDER`, and the scheme.

    Raises
    ------
    ValueError
        If `jac` is not a legal value.
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


def is_differenced(jac: Any) -> bool:
    """Return True if gradients are made of values under this `jac`."""
    return jac is None or jac is False or (isinstance(jac, str) and jac in GRADIENT_SCHEMES)


def difference_step(options: Mapping[str, Any], n: int) -> tuple[np.ndarray, bool]:
    """Return the user's steps of differences and whether they are relative.

    They are the options eps and finite_diff_rel_step. The array is empty if none was given.

    Raises
    ------
    ValueError
        If a step is not positive and finite, or their number is neither 1 nor n.
    """
    rel_step = options.get("finite_diff_rel_step")
    name, step = ("eps", options.get("eps")) if rel_step is None else ("finite_diff_rel_step", rel_step)
    if step is None:
        return NOTHING_GIVEN, False
    return positive(name, step, n), rel_step is not None


def typical_scales(x_scale: Any, n: int) -> np.ndarray:
    """Return the user's scales of the variables, shape (n,), or an empty array.

    Raises
    ------
    ValueError
        If a scale is not positive and finite, or their number is neither 1 nor n.
    """
    if x_scale is None:
        return NOTHING_GIVEN
    return np.broadcast_to(positive("x_scale", x_scale, n), n)


def positive(name: str, given: Any, n: int) -> np.ndarray:
    """Return a positive number, or one for each variable, as a vector of 1 or n numbers.

    Raises
    ------
    ValueError
        If a number is not positive and finite, or there is another number of them.
    """
    try:
        numbers = np.atleast_1d(real(name, np.asarray(given)))
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape not in ((1,), (n,)) or not np.all((numbers > 0) & np.isfinite(numbers)):
        raise ValueError(f"{name} must be a positive number, or {n} of them; got {given!r}")
    return numbers
