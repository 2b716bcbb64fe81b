"""The door `root`: Newton's method for f(x) = 0, damped by a line search on ½‖f‖².

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), Algorithm 11.4 with the merit function 11.35; where
the Jacobian is singular the step is that of Levenberg and Marquardt, eq. 10.36, which is always one of descent.
"""

import contextlib
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable
from numpy.typing import ArrayLike

from quasinewton.clock import SLICE, now
from quasinewton.jit import fragment, kernel
from quasinewton.linalg import cholesky, cholesky_solve, copy, dot, norm_inf, point_on_line, solve
from quasinewton.objective.arguments import borrow
from quasinewton.objective.contract import GRADIENT, HESSIAN, call
from quasinewton.objective.prepare import as_args, gradient_source, prepare_residual
from quasinewton.options import limit, warn_unknown
from quasinewton.result import OptimizeResult
from quasinewton.searches import Armijo
from quasinewton.searches import line as searches
from quasinewton.searches.line import LINE
from quasinewton.settings import number
from quasinewton.starts import start_point
from quasinewton.status import AT_ROOT, NO_ROOT, NOT_FINITE, OUT_OF_ITERATIONS, PRECISION_LIMIT, RUNNING, Status

EPSILON = np.finfo(np.float64).eps
SEARCH = 1e-4, 40  # c1 and maxls of the backtracking search
STALLED = EPSILON**0.5  # relative reduction of ½‖f‖² by a shortened step: a minimum of it, not a root


# Those of the line come last: as a prefix they would make this record a subtype of LINE to Numba, which warns of it.
SCALARS = np.dtype(
    [
        ("status", "i8"),
        ("nit", "i8"),
        ("nfev", "i8"),
        ("njev", "i8"),
        ("norm", "f8"),  # ‖f‖_∞
        ("ftol", "f8"),
        ("xtol", "f8"),
        ("maxiter", "i8"),
        *LINE.descr,
    ],
    align=True,
)


@fragment
def newton_step(f, J, p, lu, work, sizes):
    """Write the Newton step to p, or that of Levenberg and Marquardt where J is singular; return the slope of ½‖f‖².

    lu and work, shape (n, n), and sizes, int32, shape (3,), are workspace.
    """
    n = f.size
    for i in range(n):
        p[i] = -f[i]
        for j in range(n):
            lu[j, i] = J[i, j]
    if solve(lu, p) and np.isfinite(norm_inf(p)):
        return -dot(f, f)
    # (JᵀJ + mu I) p = −Jᵀf, with mu small beside JᵀJ and never zero.
    size = norm_inf(J.ravel())
    mu = EPSILON**0.5 * max(size * size, EPSILON)
    slope = 0.0
    for i in range(n):
        for j in range(n):
            work[i, j] = mu if i == j else 0.0
            for k in range(n):
                work[i, j] += J[k, i] * J[k, j]
        p[i] = 0.0
        for k in range(n):
            p[i] -= J[k, i] * f[k]
        lu[0, i] = p[i]
    if cholesky(work, sizes):
        cholesky_solve(work, p, sizes)
    for i in range(n):
        slope -= lu[0, i] * p[i]
    return slope


class State(NamedTuple):
    """What an iteration knows: `x, f, p, x_trial, f_trial`, shape (n,); `J`, shape (n, n); `scalars[0]`, a SCALARS.

    f and J are value and Jacobian at x, p the step from there, and f_trial the value at x_trial. `lu` and `work`, shape
    (n, n), and `sizes`, int32, shape (3,), are workspace.
    """

    x: np.ndarray
    f: np.ndarray
    J: np.ndarray
    p: np.ndarray
    x_trial: np.ndarray
    f_trial: np.ndarray
    lu: np.ndarray
    work: np.ndarray
    sizes: np.ndarray
    scalars: np.ndarray


@register_jitable
def allocate(x, ftol, xtol, maxiter):
    """An iteration about to begin at x, which is kept and overwritten."""
    n = x.size
    scalars = np.zeros(1, SCALARS)
    s = scalars[0]
    s["status"], s["ftol"], s["xtol"], s["maxiter"] = RUNNING, ftol, xtol, maxiter
    lu, work, sizes = np.empty((n, n)), np.empty((n, n)), np.empty(3, dtype=np.int32)
    return State(
        x, np.empty(n), np.empty((n, n)), np.empty(n), np.empty(n), np.empty(n), lu, work, sizes, scalars
    )


@kernel
def run(objective, search, state):
    """Iterate until the end, or until the time of a slice is over: then the caller calls again.

    Parameters
    ----------
    objective : Objective
        Of a vector function.
    search : Armijo
    state : State
        Updated.

    Returns
    -------
    int
        The value of a Status.
    """
    # The caller holds the arrays: an exception leaves without counting references down.
    x, f, J, p, x_trial, f_trial, lu, work, sizes, scalars = borrow(state)
    s = scalars[0]
    begun = now()
    if s.nfev == 0:
        copy(x_trial, x)
        call(objective.address, x_trial, f, J, GRADIENT, objective.data)
        s.nfev = 1
        s.norm = norm_inf(f)
        if not np.isfinite(s.norm):
            s.status = NOT_FINITE
    while s.status == RUNNING:
        if s.norm <= s.ftol:
            s.status = AT_ROOT
            break
        if s.nit >= s.maxiter:
            s.status = OUT_OF_ITERATIONS
            break
        copy(x_trial, x)
        call(objective.address, x_trial, f, J, HESSIAN, objective.data)
        s.njev += 1
        s.nfev += objective.hessian_gradients
        merit = phi = 0.5 * dot(f, f)
        slope = newton_step(f, J, p, lu, work, sizes)
        if not slope < 0.0:
            s.status = NO_ROOT if np.isfinite(norm_inf(J.ravel())) else NOT_FINITE
            break
        searches.start(search, s, phi, slope, 1.0, np.inf)
        verdict = searches.CONTINUE
        while verdict == searches.CONTINUE:
            if s.count >= search.maxls or not point_on_line(x, s.alpha, p, x_trial):
                verdict = searches.STUCK
                break
            call(objective.address, x_trial, f_trial, J, GRADIENT, objective.data)
            s.nfev += 1
            s.count += 1
            phi = 0.5 * dot(f_trial, f_trial)
            if np.isfinite(phi):
                verdict = searches.advance(search, s, phi, slope)
            else:
                s.alpha *= searches.SHRINK
        if verdict != searches.ACCEPT:
            # At a root to rounding nothing shorter than the step itself can be gained.
            small = norm_inf(p) <= EPSILON**0.5 * max(1.0, norm_inf(x))
            s.status = PRECISION_LIMIT if small else NO_ROOT
            break
        point_on_line(x, s.alpha, p, x)
        copy(f, f_trial)
        s.norm = norm_inf(f)
        s.nit += 1
        if s.alpha < 1.0 and merit - phi <= STALLED * merit:
            s.status = NO_ROOT
        elif s.alpha * norm_inf(p) <= s.xtol * max(1.0, norm_inf(x)):
            s.status = AT_ROOT
        if now() - begun > SLICE:
            break
    return s.status


def root(
    fun: Callable[..., ArrayLike],
    x0: ArrayLike,
    args: Any = (),
    jac: Callable[..., ArrayLike] | bool | str | None = None,
    method: str = "newton",
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: dict[str, Any] | None = None,
    **keywords: Any,
) -> OptimizeResult:
    """Find a root of a function of as many values as variables.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> ndarray, shape (n,)``, or a scalar when n = 1; compiled by ``numba.njit`` or not. With
        ``jac=True`` it returns the value and the Jacobian.
    x0 : array_like, shape (n,), or scalar
        Start. Not changed.
    args : tuple
        Further arguments of `fun` and `jac`.
    jac : callable, True, str or None
        ``jac(x, *args) -> ndarray, shape (n, n)``, ``J[i, j] = ∂f_i/∂x_j``; "auto" for the exact Jacobian of a
        compiled `fun`; "2-point" (as None) or "3-point" for finite differences.
    method : {"newton"}
        The only one so far.
    tol : float, optional
        Sets ftol.
    callback : callable, optional
        ``callback(x, f)`` after every iteration; may raise StopIteration.
    options : dict, optional
        Also accepted as plain keywords.

        ftol : float
            Success when ‖f‖_∞ <= ftol (1e-10, in the units of f).
        xtol : float
            Success when a step changes x by less than xtol max(‖x‖_∞, 1) (1e-14).
        maxiter : int
            Limit on iterations (200).
        c1, maxls : float, int
            Settings of the backtracking search.
        eps, finite_diff_rel_step : float or ndarray
            Absolute or relative step of finite differences.

    Returns
    -------
    OptimizeResult
        With `fun` the vector f(x) and `jac` the last Jacobian, shape (n, n).

    Raises
    ------
    ValueError, TypeError
        On illegal input, before anything runs.

    Notes
    -----
    Where ½‖f‖² has a minimum that is no root the run ends there with ``success=False``; another start may help.

    References
    ----------
    Nocedal & Wright, Numerical Optimization, 2nd ed., Springer 2006, Algorithm 11.4.

    Examples
    --------
    >>> from numba import njit
    >>> from quasinewton import root
    >>> @njit
    ... def f(x):
    ...     return x * x - 2.0
    >>> print(root(f, 1.0).x)
    [1.41421356]
    """
    if not (isinstance(method, str) and method.lower() == "newton"):
        raise ValueError(f"Unknown solver {method!r}; known are newton")
    x = start_point(x0)
    n = x.size
    given = {**(options or {}), **keywords}
    search = Armijo(*(given.pop(name, default) for name, default in zip(Armijo._fields, SEARCH, strict=True)))
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be callable, got {type(callback).__name__}")
    ftol = number("ftol", given.pop("ftol", 1e-10 if tol is None else tol), 0.0, math.inf, open_low=False)
    xtol = number("xtol", given.pop("xtol", 1e-14), 0.0, math.inf, open_low=False)
    maxiter = limit("maxiter", given.pop("maxiter", 200))
    steps = given.pop("eps", None), given.pop("finite_diff_rel_step", None)
    warn_unknown(given)
    args = as_args(args)
    jac = gradient_source(fun, jac, args, n, "value_and_jacobian", *steps)
    prepared = prepare_residual(fun, jac, args, n, *steps)
    state = allocate(x, ftol, xtol, maxiter)
    f, J, s = state.f, state.J, state.scalars[0]
    stopped = False

    def result(status):
        return OptimizeResult(
            x=x.copy(),
            fun=f,
            jac=J,
            success=bool(status.converged or status is Status.PRECISION),
            status=status,
            message=status.message,
            nit=int(s["nit"]),
            nfev=int(s["nfev"]),
            njev=int(s["njev"]),
            jac_mode=prepared.mode,
        )

    try:
        while s["status"] == RUNNING and not stopped:
            # With a callback, one iteration at a time; else by slices of time, so that Ctrl-C is obeyed.
            s["maxiter"] = maxiter if callback is None else min(maxiter, s["nit"] + 1)
            before = int(s["nit"])
            run(prepared.objective, search, state)
            if callback is None:
                continue
            if s["status"] == OUT_OF_ITERATIONS and s["nit"] < maxiter:
                s["status"] = RUNNING
            if s["nit"] > before:
                try:
                    callback(x.copy(), f.copy())
                except StopIteration:
                    stopped = True
    except BaseException as error:
        with contextlib.suppress(AttributeError, TypeError):
            error.result = result(Status.INTERRUPTED)
        raise
    return result(Status.CALLBACK if stopped else Status(int(s["status"])))
