"""The public function `minimize`: SciPy's signature in front of the compiled loops."""

from collections.abc import Callable, Mapping
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from quasinewton._arguments.convert_args import as_args
from quasinewton._drivers.checkpoint import Checkpoint, renamed_checkpoint
from quasinewton._drivers.finalize import attach_result, finished, report, unfinished
from quasinewton._drivers.initialize import begin, point
from quasinewton._drivers.resume import resume
from quasinewton._drivers.run import drive
from quasinewton._drivers.run_report import descent_report
from quasinewton._drivers.scipy_methods import (
    scipy_method,
    solved_by_scipy,
    uses_gradient,
)
from quasinewton._loops.state import State
from quasinewton._methods.registry import TRAITS
from quasinewton._objective.build import gradient_mode, prepare_unlinked
from quasinewton._objective.choose_gradient import with_gradient
from quasinewton._objective.gradient_check import OWN, GradientCheck, compare, own_gradient, reference_at
from quasinewton._objective.problem import Problem, read_problem
from quasinewton._options.advice import merged
from quasinewton._options.bounds import read_bounds
from quasinewton._options.choose_method import chosen_method
from quasinewton._options.keywords import Options
from quasinewton._options.read import (
    method_class,
    read,
    warn_unused,
    with_limits,
)
from quasinewton._validation import function_or_none, warn
from quasinewton.result import History, OptimizeResult
from quasinewton.status import Status

TRACE_ROWS = 256  # rows of the trace; when they are full, the loop returns for them to be copied


def minimize(
    fun: Callable[..., Any],
    x0: ArrayLike | None,
    args: Any = (),
    method: str | tuple[Any, ...] | Callable[..., Any] | None = "auto",
    jac: Callable[..., ArrayLike] | bool | str | None = None,
    hess: Callable[..., ArrayLike] | str | None = None,
    hessp: Callable[..., ArrayLike] | None = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Callable[..., Any] | None = None,
    options: Mapping[str, Any] | None = None,
    checkpoint: Checkpoint | None = None,
    **keywords: Unpack[Options],
) -> OptimizeResult:
    """Minimise a smooth function of several variables.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float`` with x of shape (n,). Functions compiled by ``numba.njit`` are
        called without the interpreter. With ``jac=True``, ``fun`` returns (f, g); with
        ``jac="inplace"``, ``fun(x, g, *args) -> float`` writes the gradient to g, which arrives
        filled with NaN.
    x0 : array_like, shape (n,), or scalar
        Start. Not changed. May be None with `checkpoint`.
    args : tuple
        Further arguments of `fun`, `jac`, `hess` and `hessp`. For compiled functions: numbers,
        text, arrays (of any library whose arrays NumPy can convert) and tuples of them; new values
        of the same types cause no compilation.
    method : str or method object
        "auto" (default), "lbfgs", "bfgs", "newton", "newton-cg" or "gradient-descent", in upper or
        lower case or SciPy's spelling; a first-order method such as "adam"; or an object such as
        ``LBFGS(memory=20)``. "auto" is "newton" with `hess` up to 100 variables, "newton-cg" with
        `hessp`, "bfgs" up to 24 variables and "lbfgs" for more and between bounds; an option that
        only one of them has decides, and so does a checkpoint. None is BFGS, or L-BFGS with bounds.
        For SciPy's other methods ("SLSQP", "trust-constr", "Nelder-Mead", …, or a callable) SciPy
        solves the problem, with exact derivatives of a compiled `fun`.
    jac : callable, bool, str or None
        ``jac(x, *args) -> ndarray, shape (n,)``; True or "inplace" as above; "auto", "forward" or
        "reverse" for exact derivatives of a compiled `fun`; "2-point", "3-point" or "cs" for finite
        differences, central differences or the complex step. None is "auto" for a compiled `fun`
        and "2-point" for others, which changes to "3-point" where it is too inaccurate to make
        progress; if a compiled `fun` cannot be differentiated, a warning says why.
    hess : callable, str or None
        ``hess(x, *args) -> ndarray, shape (n, n)``; "auto" for exact derivatives of a compiled
        `fun`; "2-point", "3-point" for differences of the gradient, or "cs" for the complex step of
        a gradient that accepts complex x. None is "auto" if that is available, else "2-point", with
        a warning if a compiled `fun` cannot be differentiated. Used by "newton" and, without
        `hessp`, for the products of "newton-cg".
    hessp : callable, optional
        ``hessp(x, p, *args) -> ndarray, shape (n,)``, the product of the Hessian with p. Used by
        "newton-cg".
    bounds : sequence of (low, high), or scipy.optimize.Bounds, optional
        low <= x <= high, None or ±inf where there is no bound. x0 is projected onto them, and no
        point outside is ever evaluated.
    constraints : optional
        As for SciPy's `minimize`. SciPy solves such problems: by "SLSQP" if no method is given, or
        by "COBYLA", "COBYQA" or "trust-constr".
    tol : float, optional
        Sets gtol, and ftol for L-BFGS.
    callback : callable, optional
        ``callback(xk)`` or ``callback(intermediate_result=res)`` after every iteration; may raise
        StopIteration.
    options : dict, optional
        Also accepted as plain keywords.

        gtol : float
            Success when ‖g‖_∞ <= gtol (in the units of f/x); with bounds |g_i| is √(r_i |g_i|)
            where the room r_i ahead of −g_i is less than |g_i|. By default 1e-5, and the decrease
            that the method predicts must be small relative to f, too.
        ftol : float
            Success when an iteration reduces f by less than ftol max(|f|, 1) (0: never).
        xtol : float
            Success when an iteration changes x by less than xtol max(‖x‖_∞, 1) (0: never).
        f_target : float
            Success when f <= f_target.
        maxiter : int
            Limit on iterations (15000; for BFGS, Newton and truncated Newton 200 n if that is
            more).
        maxfun : int
            Limit on values of f (15000, times n + 1 for gradients by differences; none for BFGS,
            Newton, truncated Newton and first-order methods).
        time_limit : float
            Limit on the seconds of the run, those of compilation included.
        line_search : str or search object
            "more-thuente" (default), "strong-wolfe", "hager-zhang", "armijo" or "fixed"; c1, c2 and
            maxls are its settings.
        maxcor : int
            Number of curvature pairs of L-BFGS (5 n, from 10 to 20, up to 1000 variables without
            bounds; 10 otherwise).
        damping : bool
            Powell's damping of BFGS and L-BFGS (False).
        single : bool
            True for curvature pairs of L-BFGS in single precision (False).
        hess_inv0 : ndarray, shape (n, n)
            Initial inverse Hessian of BFGS, symmetric positive definite.
        H0 : ndarray, shape (n,), or (n, n) for BFGS
            Initial inverse Hessian of BFGS, or its diagonal; for L-BFGS the diagonal, which the
            method scales. `precond` is another name for it.
        precond : callable or array_like, shape (n,)
            Preconditioner M of "newton-cg", symmetric positive definite and like the inverse
            Hessian: ``precond(x, v, *args) -> M v``, or a positive diagonal.
        lr, weight_decay, … : float
            Settings of a first-order method, under their names.
        schedule : Schedule or compiled function
            Factor of lr at each step: one of `quasinewton.schedules`, or an ``@njit`` function of
            the step.
        clip_value : float
            Bound on the components of the gradient of a first-order method.
        clip_norm : float
            Bound on the Euclidean norm of the gradient of a first-order method.
        clip_norm_eps : float
            Added to the norm by which a gradient that is too long is divided (0).
        decay_mask : ndarray, bool, shape (n,)
            True for the variables on which weight decay acts.
        eps : float or ndarray
            Absolute step of finite differences. (For a method with a setting `eps`, `eps` is that
            setting.)
        finite_diff_rel_step : float or ndarray
            Step of finite differences relative to the variable.
        x_scale : float or ndarray, shape (n,)
            Typical size of each variable, which replaces max(1, |x_i|) in the steps of differences;
            also `typical_x`.
        history : bool
            Keep f, ‖g‖_∞, the step and the number of evaluations at every iterate.
        return_all : bool
            Keep all iterates.
        disp : bool
            Print a table of the iterations, every tenth after twenty, every hundredth after two
            hundred and so on, and a summary.
        progress : bool
            Show a progress bar with the iterations, f and ‖g‖_∞; requires tqdm.
        check_gradient : bool
            Compare your gradient at x0 with exact derivatives, or with differences, before the run;
            warn if it is wrong, and keep the comparison in the result.
    checkpoint : Checkpoint, optional
        Field `checkpoint` of the result of an earlier run, which is continued. Method and search
        must be those of that run; the limits are those given here, counted from its beginning
        (`time_limit`: from this call). A run that ended on maxiter and is continued has the same
        iterates and counts, bit for bit, as one that never stopped.

    Returns
    -------
    OptimizeResult
        Its field `method` names the method, `method_reason` says why "auto" has chosen it, and
        `solver` names the package, too.

    Raises
    ------
    ValueError, TypeError
        If an argument is illegal, before anything runs; also for constraints with a method of this
        package. Exceptions of the user's functions propagate, with the best result so far as their
        attribute ``result``.
    ImportError
        If a progress bar is wanted and tqdm is not installed.

    Warns
    -----
    OptimizeWarning
        If an option is unknown to the method; if a compiled `fun` cannot be differentiated, for its
        gradient or for its Hessian, and differences replace exact derivatives; if
        ``check_gradient`` finds a wrong gradient; if two columns in `args` have different labels;
        with ``disp``, if a run ends without success.
    RuntimeWarning
        If the method does not use the given `hess` or `hessp`, which is then ignored.
    ComplexWarning
        If a function returns complex numbers without imaginary part.
    DeprecationWarning
        If `checkpoint` is given under its former name `state`.

    Notes
    -----
    By default the gradient test is the only tolerance that ends a run: SciPy's L-BFGS-B also stops
    if f decreases slowly, which happens on ill-conditioned problems far from the minimum.

    First-order methods return their last iterate, not the best one, evaluate once per iteration
    without a limit, and refuse unknown options, of which the other methods only warn.

    References
    ----------
    Nocedal & Wright, Numerical Optimization, 2nd ed., Springer 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from quasinewton import minimize
    >>> @njit
    ... def rosenbrock(x):
    ...     return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2
    >>> res = minimize(rosenbrock, [-1.2, 1.0])
    >>> res.success, np.round(res.x, 3)
    (True, array([1., 1.]))
    """
    function_or_none("callback", callback)
    checkpoint = renamed_checkpoint(checkpoint, keywords)
    x0 = point(x0, checkpoint)
    n = x0.size
    options = merged(options, keywords)
    args = as_args(args, fun, jac, hess, hessp, options.get("precond"))
    other = scipy_method(method, constraints)
    if other is not None:
        if checkpoint is not None:
            raise ValueError(f"checkpoint is for methods of ours; a run of SciPy's method {other!r} cannot be resumed")
        steps = steps_of(options) if uses_gradient(other) else {}
        problem = read_problem(fun, jac, args, n, steps, hess, hessp)
        problem = with_gradient(problem) if uses_gradient(other) else problem
        return solved_by_scipy(other, problem, x0, constraints, callback, dict(options), bounds=bounds, tol=tol)
    # What was asked is read and checked; nothing is compiled before `prepare_unlinked`.
    method, reason = chosen_method(method, n, bounds, hess, hessp, options, checkpoint)
    kind = method_class(method)
    warn_unused(kind, hess, hessp)
    settings = read(method, n, tol, options, read_bounds(bounds, n))
    controls = settings.controls
    watch = descent_report(controls)
    problem = with_gradient(read_problem(fun, jac, args, n, controls, hess, hessp, settings.bounds))
    prepared = prepare_unlinked(problem, TRAITS[kind].second_order)
    settings = with_limits(settings, n, problem.form == "value")
    check = checked(problem, x0) if controls.get("check_gradient") else None
    # The state, and what is recorded on the way.
    history = controls.get("history", False)
    rows = TRACE_ROWS if history or controls.get("disp") else 0
    state = begin(settings, x0, rows) if checkpoint is None else resume(checkpoint, settings, rows)
    run = Checkpoint(settings.method, settings.search, state)
    allvecs = [x0.copy()] if controls.get("return_all") else None
    try:
        trace = []

        def go_on() -> Status:
            """Run to the end, or on from a lower point that a diagnosis has found."""
            status, pieces = drive(prepared.objective, settings, state, callback, allvecs, watch)
            trace.extend(pieces)
            return status

        if watch is not None:
            watch.begin()
        status = go_on()
        if check is not None:
            count_check(check, problem.form, state)
        result = finished(prepared, run, status, go_on)
    except BaseException as error:
        mode = gradient_mode(prepared)
        attach_result(error, unfinished(run, Status.INTERRUPTED, mode, prepared.hess_mode))
        raise
    finally:
        if watch is not None:
            watch.close()
    if reason:
        result["method_reason"] = reason
    if check is not None:
        result["gradient_check"] = check
    if history:
        rows = np.concatenate(trace)
        result["history"] = History(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3].astype(np.int64))
    if allvecs is not None:
        result["allvecs"] = allvecs
    if controls.get("disp"):
        report(result)
    return result


def steps_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are steps of differences."""
    return {name: options[name] for name in ("eps", "finite_diff_rel_step") if name in options}


def checked(problem: Problem, x0: np.ndarray) -> GradientCheck:
    """Compare the user's gradient at x0 with an exact one.

    Raises
    ------
    ValueError
        If the gradient is not the user's.

    Warns
    -----
    OptimizeWarning
        If the gradient is wrong.
    """
    if problem.form not in OWN:
        raise ValueError(f"check_gradient needs a gradient of yours; jac={problem.jac!r} is not one")
    x0 = x0 if problem.bounds is None else np.clip(x0, *problem.bounds)
    g, coarse = own_gradient(problem, x0)
    check = compare(g, reference_at(problem, x0, problem.bounds), coarse=coarse)
    if not check:
        warn(f"check_gradient: {check.message}")
    return check


def count_check(check: GradientCheck, form: str, state: State) -> None:
    """Add the calls of a gradient comparison to the counts of a run that has ended.

    Adding them at the end keeps the run itself, with its limits, the same as without comparison.
    """
    s = state.scalars[0]
    s["nfev"] += check.nfev + (form != "separate")
    s["njev"] += 1
