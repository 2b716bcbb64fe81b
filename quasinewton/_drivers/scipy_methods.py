"""Problems solved by SciPy: those with constraints, and those for methods only SciPy has.

Derivatives that the user does not give are derived exactly if the function is compiled.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize
from scipy.optimize import HessianUpdateStrategy, LinearConstraint, NonlinearConstraint

from quasinewton import _autodiff as autodiff
from quasinewton._arguments.convert_args import as_args
from quasinewton._drivers.run_report import COLUMNS, RunReport, counting
from quasinewton._numba_ext.introspection import is_compiled
from quasinewton._numba_ext.uncompiled import INTERPRETED, WHAT_IS_SET
from quasinewton._objective.choose_gradient import derive
from quasinewton._objective.problem import Problem, typed_args
from quasinewton._options.choose_method import is_auto
from quasinewton._options.names import SCIPY_CONSTRAINED, SCIPY_METHODS
from quasinewton._options.read import name_of
from quasinewton._validation import warn
from quasinewton.result import OptimizeResult

WITHOUT_GRADIENT = {"nelder-mead", "powell", "cobyla", "cobyqa"}
# The kind of second derivative that each method prefers if both can be derived.
SECOND = {
    "trust-constr": "hvp",
    "trust-ncg": "hvp",
    "trust-krylov": "hvp",
    "dogleg": "hessian",
    "trust-exact": "hessian",
}


def has_constraints(constraints: Any) -> bool:
    """Return True if there are constraints, that is, neither None nor an empty sequence."""
    return constraints is not None and not (hasattr(constraints, "__len__") and len(constraints) == 0)


def scipy_method(method: Any, constraints: Any) -> Any:
    """Return the SciPy method that solves a problem, or None for a method of this package.

    Parameters
    ----------
    method : str, method object, callable or None
        None and "auto" leave the choice to the package.
    constraints : object
        As for `scipy.optimize.minimize`.

    Returns
    -------
    str, callable or None
        A name in lower case, or a custom minimiser as defined by SciPy.

    Raises
    ------
    ValueError
        If there are constraints and the method cannot handle them.
    """
    if callable(method) and not isinstance(method, type):
        return method
    name = method.lower() if isinstance(method, str) else None
    if not has_constraints(constraints):
        return name if name in SCIPY_METHODS else None
    if method is None or is_auto(method):
        return "slsqp"
    if name in SCIPY_CONSTRAINED:
        return name
    named = name if name in SCIPY_METHODS else name_of(method)
    legal = ", ".join(map(repr, SCIPY_CONSTRAINED.values()))
    raise ValueError(f"Method {named} cannot handle constraints; take one of SciPy's that can: {legal}")


def uses_gradient(method: Any) -> bool:
    """Return True if one of SciPy's methods uses gradients."""
    return method not in WITHOUT_GRADIENT


def solved_by_scipy(
    method: Any,
    problem: Problem,
    x0: np.ndarray,
    constraints: Any,
    callback: Callable[..., Any] | None,
    options: dict[str, Any],
    **passed: Any,
) -> OptimizeResult:
    """Solve a problem by one of SciPy's methods.

    Parameters
    ----------
    method : str or callable
        Result of `scipy_method`.
    problem : Problem
        With the gradient of `with_gradient` if the method uses gradients; without bounds.
    x0 : ndarray, float64, shape (n,)
    constraints, callback
        As for `minimize`.
    options : dict
        Options of SciPy's method, and `progress`, which is removed.
    **passed
        Further arguments of `scipy.optimize.minimize`, passed on as they are.

    Returns
    -------
    OptimizeResult
        With SciPy's fields and status, `solver`, and `jac_mode` and `hess_mode` for methods that
        use such derivatives.

    Raises
    ------
    ValueError, TypeError
        If a derivative asked for explicitly is not available, or if SciPy raises.
    """
    fun, jac, args, n, form = problem[:5]
    hess, hessp = problem.hess, problem.hessp
    name = method if isinstance(method, str) else getattr(method, "__name__", type(method).__name__)
    modes: dict[str, str] = {}
    report = RunReport(True, False, COLUMNS) if options.pop("progress", False) else None
    if form == "inplace":
        fun, jac = joint_of_inplace(fun), True
    if uses_gradient(method):
        jac, modes["jac_mode"] = gradient_for_scipy(fun, jac, args, n)
    elif isinstance(jac, str):
        jac = None
    if method in SECOND:
        derivable = problem.fun if form in ("value", "separate", "derived") else None
        hess, hessp, modes["hess_mode"] = curvature_for_scipy(derivable, hess, hessp, args, n, SECOND[method])
    if report is not None:
        callback = counting(callback, report)
        report.begin()
    try:
        result = scipy.optimize.minimize(
            fun,
            x0,
            args,
            method=method,
            jac=jac,
            hess=hess,
            hessp=hessp,
            constraints=with_jacobians(constraints, n) if has_constraints(constraints) else (),
            callback=callback,
            options=options,
            **passed,
        )
    finally:
        if report is not None:
            report.close()
    return OptimizeResult(result | {"method": name, "solver": f"scipy {name}"} | modes)


def joint_of_inplace(fun: Callable[..., Any]) -> Callable[..., tuple[Any, np.ndarray]]:
    """Return a function of value and gradient around one that writes its gradient in place."""

    def joint(x: np.ndarray, *args: Any) -> tuple[Any, np.ndarray]:
        g = np.empty(x.size)
        return fun(x, g, *args), g

    return joint


def gradient_for_scipy(fun: Callable[..., Any], jac: Any, args: tuple, n: int) -> tuple[Any, str]:
    """Return jac in SciPy's form, and how gradients are obtained.

    Raises
    ------
    TypeError
        If exact derivatives are asked for explicitly and not available.
    """
    if isinstance(jac, str) and jac in autodiff.MODES:
        typed = typed_args(args)
        derived, mode = derive(fun, "value_and_grad", jac, n, () if typed is None else typed, packed=False)
        return (lambda x, *args: derived(x, *args)[1]), mode
    if jac is None or jac is False:
        return None, "2-point"
    return jac, jac if isinstance(jac, str) else "exact"


def curvature_for_scipy(
    fun: Callable[..., Any] | None, hess: Any, hessp: Any, args: tuple, n: int, kind: str
) -> tuple[Any, Any, str]:
    """Return hess and hessp in SciPy's form, and how second derivatives are obtained.

    Parameters
    ----------
    fun : callable or None
        The objective if it returns the value alone.
    hess, hessp : callable, str or None
        As for `minimize`.
    args : tuple
        Further arguments, converted for compiled functions.
    n : int
        Number of variables.
    kind : {"hvp", "hessian"}
        The kind that the method prefers.

    Raises
    ------
    TypeError
        If hess="auto" is not available.

    Warns
    -----
    OptimizeWarning
        If a compiled `fun` cannot be differentiated twice, and neither hess nor hessp is given, or
        hess="auto" and nothing is compiled.
    """
    if isinstance(hess, type) and issubclass(hess, HessianUpdateStrategy):
        hess = hess()
    insisted = isinstance(hess, str) and hess == "auto"
    if hessp is not None or (hess is not None and not insisted):
        return hess, hessp, hess if isinstance(hess, str) else "exact" if callable(hess or hessp) else "update"
    if INTERPRETED and insisted:
        warn(f"there are no exact second derivatives: {WHAT_IS_SET}")
        return None, None, "update"
    typed = typed_args(args) if is_compiled(fun) else None
    if typed is None and insisted:
        raise TypeError("hess='auto' needs fun compiled by numba.njit that returns the value alone")
    if typed is None:
        return None, None, "update"
    try:
        derived, _ = derive(fun, kind, "auto", n, typed, packed=False)
    except autodiff.Refused as refusal:
        if insisted:
            raise
        reason = str(refusal).partition(";")[0]
        warn(f"there are no exact second derivatives: {reason}")
        return None, None, "update"
    return (None, derived, "derived") if kind == "hvp" else (derived, None, "derived")


def with_jacobians(constraints: Any, n: int) -> Any:
    """Add exact Jacobians to constraint dictionaries that have none and whose function is compiled.

    Parameters
    ----------
    constraints : dict, scipy.optimize constraint, or sequence of them
        Not changed.
    n : int
        Number of variables.

    Returns
    -------
    dict, scipy.optimize constraint, or list of them

    Raises
    ------
    TypeError
        If they are none of these.

    Warns
    -----
    OptimizeWarning
        If such a function cannot be differentiated.
    """
    if isinstance(constraints, dict):
        return with_jacobian(constraints, n)
    if isinstance(constraints, (list, tuple)):
        return [with_jacobian(each, n) if isinstance(each, dict) else each for each in constraints]
    if not (hasattr(constraints, "__iter__") or isinstance(constraints, (LinearConstraint, NonlinearConstraint))):
        legal = "a dictionary such as {'type': 'ineq', 'fun': f}, a constraint of scipy.optimize, or a list of them"
        raise TypeError(f"constraints must be {legal}; got {constraints!r}")
    return constraints


def with_jacobian(constraint: dict[str, Any], n: int) -> dict[str, Any]:
    """Return a constraint dictionary with an exact Jacobian added if possible."""
    fun = constraint.get("fun")
    if not is_compiled(fun):
        return constraint
    args = as_args(constraint.get("args", ()), fun)
    typed = typed_args(args)
    converted = constraint | {"args": args}
    if callable(constraint.get("jac")) or typed is None:
        return converted
    try:
        derived, _ = derive(fun, "value_and_jacobian", "auto", n, typed, packed=False)
    except autodiff.Refused as refusal:
        reason = str(refusal).partition(";")[0]
        message = f"differences take the place of exact derivatives of a constraint: {reason}"
        warn(message)
        return converted
    return converted | {"jac": lambda x, *args: derived(x, *args)[1]}
