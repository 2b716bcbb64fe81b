"""The public function `root`: arguments and result; the mathematics is in `_loops.root_loop`."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Unpack

from numpy.typing import ArrayLike

from quasinewton._arguments.convert_args import as_args
from quasinewton._arguments.initial_values import start_point
from quasinewton._drivers import tiered_loop
from quasinewton._drivers.finalize import attach_result
from quasinewton._drivers.run import original_errors
from quasinewton._drivers.run_report import RunReport
from quasinewton._line_searches import Armijo
from quasinewton._loops.root_loop import SEARCH, State, allocate
from quasinewton._objective.build import prepare_residual_unlinked
from quasinewton._objective.choose_gradient import with_gradient
from quasinewton._objective.problem import read_residual
from quasinewton._options.advice import merged, warn_unknown
from quasinewton._options.keywords import RootOptions
from quasinewton._options.read import limit
from quasinewton._validation import function_or_none, number
from quasinewton.result import RootResult
from quasinewton.status import STATUS_ITERATIONS, STATUS_RUNNING, Status, represent_in_yaml

DEFAULTS = {"ftol": 1e-10, "xtol": 1e-14, "maxiter": 200}  # in the units of f; relative; iterations
STEPS = "eps", "finite_diff_rel_step"
ARGUMENTS = "args", "jac", "tol", "callback"
OPTIONS = (*Armijo._fields, *DEFAULTS, *STEPS, "progress", "disp")
COLUMNS = ("iteration", "d"), ("evaluations", "d"), ("‖f‖", ".3e")  # of the table that `disp` prints


def root(
    fun: Callable[..., ArrayLike],
    x0: ArrayLike,
    args: Any = (),
    jac: Callable[..., ArrayLike] | bool | str | None = None,
    method: str = "newton",
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
    **keywords: Unpack[RootOptions],
) -> RootResult:
    """Find a root of a system of n equations in n variables.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> ndarray, shape (n,)``, or a scalar when n = 1; compiled by ``numba.njit``
        or not. With ``jac=True`` it returns the value and the Jacobian.
    x0 : array_like, shape (n,), or scalar
        Start. Not changed.
    args : tuple
        Further arguments of `fun` and `jac`.
    jac : callable, True, str or None
        ``jac(x, *args) -> ndarray, shape (n, n)``, ``J[i, j] = ∂f_i/∂x_j``; "auto" for the exact
        Jacobian of a compiled `fun`; "2-point" (as None) or "3-point" for finite differences.
    method : {"newton"}
        The only method.
    tol : float, optional
        Sets ftol.
    callback : callable, optional
        ``callback(x, f)`` after every iteration; may raise StopIteration.
    options : dict, optional
        Also accepted as plain keywords.

        ftol : float
            Success when ‖f‖_∞ <= ftol (1e-10, in the units of f). By default the Newton step must
            also be negligible, at most 1e-7 of each variable.
        xtol : float
            Success when a full step changes x by at most xtol max(‖x‖_∞, ‖x0‖_∞) (1e-14).
        maxiter : int
            Limit on iterations (200).
        c1 : float
            Sufficient decrease of ½‖f‖² in the backtracking search (1e-4).
        maxls : int
            Upper bound on the evaluations of one search (40).
        eps : float or ndarray
            Absolute step of finite differences.
        finite_diff_rel_step : float or ndarray
            Step of finite differences relative to the variable.
        disp : bool
            Print a table of the iterations and the outcome.
        progress : bool
            Show a progress bar with the iterations and ‖f‖_∞; requires tqdm.

    Returns
    -------
    RootResult
        `fun` is the vector f(x), and `jac` the last Jacobian, shape (n, n).

    Raises
    ------
    ValueError, TypeError
        If an argument is illegal, before anything runs. Exceptions of the user's functions
        propagate, with the result so far as their attribute ``result``.
    ImportError
        If a progress bar is wanted and tqdm is not installed.

    Warns
    -----
    OptimizeWarning
        If an option is unknown, or if a compiled `fun` cannot be differentiated and differences
        replace the exact Jacobian.

    Notes
    -----
    The run may end at a local minimum of ½‖f‖² that is not a root, with ``success=False``; another
    start may then help. Where a line search along Newton's steps makes little progress, the steps
    are those of Levenberg and Marquardt's method.

    References
    ----------
    Nocedal & Wright, Numerical Optimization, 2nd ed., Springer 2006, Algorithm 11.4.

    J. J. Moré, The Levenberg-Marquardt algorithm, Numerical Analysis, LNM 630, Springer 1978.

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
    given = {**merged(options, keywords)}
    search = Armijo(*(given.pop(name, default) for name, default in zip(Armijo._fields, SEARCH, strict=True)))
    function_or_none("callback", callback)
    default = tol is None and "ftol" not in given
    ftol = number("ftol", given.pop("ftol", DEFAULTS["ftol"] if tol is None else tol), 0.0, math.inf, open_low=False)
    xtol = number("xtol", given.pop("xtol", DEFAULTS["xtol"]), 0.0, math.inf, open_low=False)
    maxiter = limit("maxiter", given.pop("maxiter", DEFAULTS["maxiter"]))
    progress, disp = bool(given.pop("progress", False)), bool(given.pop("disp", False))
    report = RunReport(progress, disp, COLUMNS, "‖f‖") if progress or disp else None
    steps = {name: given.pop(name, None) for name in STEPS}
    warn_unknown(given, OPTIONS, ARGUMENTS)
    args = as_args(args, fun, jac)
    prepared = prepare_residual_unlinked(with_gradient(read_residual(fun, jac, args, n, steps), "value_and_jacobian"))
    state = allocate(x, ftol, xtol, maxiter, default)
    s = state.scalars[0]

    def result(status: Status) -> RootResult:
        represent_in_yaml()
        return RootResult(
            x=x.copy(),
            fun=state.f,
            jac=state.J,
            success=bool(status.converged or status is Status.PRECISION),
            status=status,
            message=status.message,
            nit=int(s["nit"]),
            nfev=int(s["nfev"]),
            njev=int(s["njev"]),
            jac_mode=prepared.mode,
        )

    run = tiered_loop.root(prepared.objective, search)
    try:
        stopped = iterate(run, state, callback, report)
    except BaseException as error:
        attach_result(error, result(Status.INTERRUPTED))
        raise
    finally:
        if report is not None:
            report.close()
    found = result(Status.CALLBACK if stopped else Status(int(s["status"])))
    if disp:
        print(found.message)
    return found


def iterate(
    run: Callable[..., Any], state: State, callback: Callable[..., Any] | None, report: RunReport | None
) -> bool:
    """Run a root finder to its end, with the callback and the report between iterations.

    With a callback or a table the loop runs one iteration at a time; otherwise it returns after
    slices of time, so that Ctrl-C is handled.

    Parameters
    ----------
    run : callable
        run(state), the loop.
    state : State
        Updated.
    callback : callable or None
        The user's, called with x and f after every iteration.
    report : RunReport or None

    Returns
    -------
    bool
        True if the callback has stopped the run.
    """
    s = state.scalars[0]
    table = None if report is None else report.table
    maxiter, stepwise = int(s["maxiter"]), callback is not None or table is not None
    if report is not None:
        report.begin()
    while s["status"] == STATUS_RUNNING:
        before, beginning = int(s["nit"]), s["nfev"] == 0
        # A table begins with f at x0, before any iteration.
        s["maxiter"] = min(maxiter, before + (table is None or not beginning)) if stepwise else maxiter
        with original_errors():
            run(state)
        if report is not None:
            report.show(int(s["nit"]), math.nan, float(s["norm"]))
        if not stepwise:
            continue
        if table is not None and (beginning or s["nit"] > before):
            table.row(int(s["nit"]), int(s["nfev"]), float(s["norm"]))
        if s["status"] == STATUS_ITERATIONS and s["nit"] < maxiter:
            s["status"] = STATUS_RUNNING
        if callback is not None and s["nit"] > before:
            try:
                callback(state.x.copy(), state.f.copy())
            except StopIteration:
                return True
    return False
