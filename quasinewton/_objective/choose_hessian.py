"""Choice of the source of second derivatives: the user, automatic derivatives or differences."""

from typing import Any, NamedTuple

from scipy.optimize import BFGS, SR1, HessianUpdateStrategy

from quasinewton._numba_ext.introspection import is_compiled
from quasinewton._objective.choose_gradient import (
    derive,
    derive_if_possible,
    with_compilation,
)
from quasinewton._objective.finite_differences import CENTRAL, EXACT, FORWARD

# SciPy's quasi-Newton updates, as base class and as classes given instead of instances
STRATEGIES = (HessianUpdateStrategy, BFGS, SR1)
SCHEMES = {"2-point": FORWARD, "3-point": CENTRAL}


class Second(NamedTuple):
    """The source of second derivatives.

    Attributes
    ----------
    function : callable or None
    form : str
        Meaning of `function`: a key of `trampolines.SECOND_ORDER`, or "dense" for a Hessian of
        which products are taken.
    scheme : int
        Scheme of differences; EXACT if there is a function.
    mode : str
        As in `Prepared.hess_mode`.
    """

    function: object = None
    form: str = "hessian"
    scheme: int = EXACT
    mode: str = ""


def second_order(
    use: str, fun: Any, hess: Any, hessp: Any, form: str, n: int | None, args_type: Any, typed: Any = None
) -> Second:
    """Choose the source of second derivatives: the user's, automatic ones, or differences.

    Parameters
    ----------
    use : {"hessian", "product", ""}
        Form of second derivatives that the method uses; "" for none.
    fun : callable
    hess : callable, "auto", "2-point", "3-point" or None
    hessp : callable or None
    form : str
        How `fun` gives its value; see `trampolines.FIRST_ORDER`.
    n : int or None
    args_type : numba tuple type or None
        None if the interpreter calls the functions.
    typed : numba tuple type, optional
        The type of `args` if the interpreter calls the functions and Numba has a type for them.

    Returns
    -------
    Second

    Raises
    ------
    ValueError, TypeError
        If hess or hessp is illegal, or hess="auto" is not possible.

    Warns
    -----
    OptimizeWarning
        If differences take the place of automatic derivatives; the message names the reason.
    """
    if hessp is not None and not callable(hessp):
        raise ValueError(f"hessp must be callable or None; got {hessp!r}")
    if not use:
        # A method that ignores second derivatives ignores SciPy's updates, too, but no mistakes.
        if hess is not None and not (is_update(hess) or isinstance(hess, str) and hess == "auto"):
            second_derivative("hess", hess)
        return Second()
    hess = with_compilation("hess", hess)
    if hessp is not None and use == "product":
        return Second(hessp, "product", EXACT, "exact")
    function, scheme = second_derivative("hess", None if isinstance(hess, str) and hess == "auto" else hess)
    if function is not None:
        return Second(function, "dense" if use == "product" else "hessian", EXACT, "exact")
    kind = "hvp" if use == "product" else "hessian"
    packed = args_type is not None
    arguments = args_type if packed else typed
    plain = is_compiled(fun) and arguments is not None and form in ("value", "separate", "derived")
    if hess == "auto" and not plain:
        raise TypeError(
            "hess='auto' needs fun compiled by numba.njit that returns the value alone, and args that are numbers, "
            "arrays and tuples of them"
        )
    if plain and hess == "auto":
        return Second(derive(fun, kind, "auto", n, arguments, packed)[0], use, EXACT, "derived")
    if plain and hess is None:
        derived, _ = derive_if_possible(fun, kind, n, arguments, packed)
        if derived is not None:
            return Second(derived, use, EXACT, "derived")
    return Second(None, use, scheme, "3-point" if scheme == CENTRAL else "2-point")


def is_update(given: object) -> bool:
    """Return True for one of SciPy's quasi-Newton updates, given as an object or as a class."""
    return isinstance(given, HessianUpdateStrategy) or isinstance(given, type) and given in STRATEGIES


def second_derivative(name: str, given: Any) -> tuple[Any, int]:
    """Return (callable, EXACT), or (None, scheme) if differences are to be used.

    Raises
    ------
    ValueError
        If `given` is neither a callable nor the name of a scheme.
    """
    if is_update(given):
        raise ValueError(
            f"{name} cannot be a quasi-Newton update such as SciPy's BFGS here; method 'bfgs' makes its own, and "
            "SciPy's 'trust-constr' takes one"
        )
    if callable(given):
        return given, EXACT
    if given is None or isinstance(given, str) and given in SCHEMES:
        return None, FORWARD if given is None else SCHEMES[given]
    legal = "'auto', '2-point', '3-point', 'cs'" if name == "hess" else "True, 'auto', '2-point', '3-point'"
    raise ValueError(f"{name} must be callable, {legal} or None; got {given!r}")


def differentiable(jac: Any) -> int:
    """Return the gradient scheme that replaces forward differences if these are differenced again.

    Raises
    ------
    ValueError
        If the user chose forward differences explicitly.
    """
    if jac is None or jac is False:
        return CENTRAL
    raise ValueError(
        f"jac={jac!r} leaves half the digits, too few for differences of the gradient, which are the products that "
        "this method uses; give hessp, hess or jac, or jac='3-point', or compile fun by numba.njit"
    )
