"""Properties of optimisers and of objectives, as functions that assert them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from quasinewton._api.check_gradient import check_gradient
from quasinewton._api.minimize import minimize
from quasinewton._api.minimize_batch import minimize_batch
from quasinewton._floats import EPSILON
from quasinewton._options.bounds import read_bounds
from quasinewton.problems import Problem


def iterates(solve: Callable[[Problem], Any], problem: Problem) -> np.ndarray:
    """Return the iterates of an optimiser on a problem, shape (k, n)."""
    found = solve(problem)
    return np.array(getattr(found, "allvecs", found), dtype=np.float64)


def assert_gradient_agrees(fun: Callable[..., Any], x: ArrayLike, jac: Any, args: Any = (), **options: Any) -> None:
    """Assert that a gradient agrees with its function, component by component.

    Parameters
    ----------
    fun, jac : callable
        As for `quasinewton.check_gradient`.
    x : array_like, shape (n,)
        Point of comparison. Not changed.
    args : tuple
        Further arguments of both.
    **options
        Options of `quasinewton.check_gradient`.

    Raises
    ------
    AssertionError
        If components differ; the message names them.
    """
    check = check_gradient(fun, jac, x, args=args, **options)
    if not check:
        raise AssertionError(check.message)


def assert_minimises(solve: Callable[[Problem], Any], problem: Problem, rtol: float = 1e-6, atol: float = 1e-8) -> None:
    """Assert that an optimiser reports success at a point with the least value of f.

    Parameters
    ----------
    solve : callable
        ``solve(problem)`` -> a result with `x`, `fun` and `success`.
    problem : quasinewton.problems.Problem
        A problem with known `fmin`.
    rtol, atol : float
        Relative and absolute tolerance: f at the solution may exceed fmin, or the nearest local
        minimum, by atol + rtol (|fmin| + |f(x0) − fmin|).

    Raises
    ------
    AssertionError
        If there is no success, `fun` is not f(x), or f is too large.
    ValueError
        If the least value of f is not known.
    """
    if problem.fmin is None:
        raise ValueError(f"{problem.name} has no known least value (fmin), with which to compare")
    result, fmin = solve(problem), problem.fmin
    allowed = atol + rtol * (abs(fmin) + abs(float(problem.fun(problem.x0)) - fmin))
    f = float(problem.fun(np.array(result.x)))
    if not result.success:
        said = f": {result.message}" if hasattr(result, "message") else ""
        raise AssertionError(f"{problem.name}: no success, with f − fmin = {f - fmin:.3g}{said}")
    if not abs(f - float(result.fun)) <= 1e-12 * max(1.0, abs(f)):
        raise AssertionError(f"{problem.name}: the result says f = {result.fun!r}, its x gives {f!r}")
    if not f <= min((fmin, *problem.local_minima), key=lambda value: abs(value - f)) + allowed:
        raise AssertionError(f"{problem.name}: f exceeds its minimum {fmin!r} by {f - fmin:.3g}")


def assert_in_bounds(points: ArrayLike, bounds: Any) -> None:
    """Assert that no point lies outside the bounds, without tolerance.

    Parameters
    ----------
    points : array_like, shape (n,) or (k, n)
    bounds : sequence of (low, high), or scipy.optimize.Bounds
        As for `quasinewton.minimize`.

    Raises
    ------
    AssertionError
        If a coordinate is outside, or NaN.
    ValueError, TypeError
        If the bounds are illegal, or their number is not n.
    """
    points = np.atleast_2d(points)
    n = points.shape[1]
    low, high = read_bounds(bounds, n) or (np.full(n, -np.inf), np.full(n, np.inf))
    outside = ~((points >= low) & (points <= high))
    if outside.any():
        row, column = np.argwhere(outside)[0]
        value = points[row, column]
        raise AssertionError(f"point {row} has x[{column}] = {value!r} outside [{low[column]!r}, {high[column]!r}]")


def assert_never_rises(values: ArrayLike, noise: float = 8.0 * EPSILON) -> None:
    """Assert that no value of f is above an earlier one by more than rounding.

    Parameters
    ----------
    values : array_like, shape (k,)
        f at the iterates, in order.
    noise : float
        Allowed rise relative to the largest finite |f|, for rounding.

    Raises
    ------
    AssertionError
        If a value is above an earlier one, or NaN.
    ValueError
        If there are no values.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0:
        raise ValueError("values must hold at least one value of f")
    least = np.minimum.accumulate(values)
    # The difference of equal infinities is NaN.
    rise = np.subtract(values, least, out=np.zeros(values.size), where=values != least)
    allowed = noise * float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
    if not np.all(rise <= allowed):
        step = int(np.argmax(rise))
        raise AssertionError(f"f rises by {rise[step]:.3g} at iterate {step}, where rounding explains {allowed:.3g}")


def assert_wolfe_conditions(
    fun: Callable[..., Any],
    jac: Callable[..., Any],
    points: ArrayLike,
    c1: float = 1e-4,
    c2: float = 0.9,
    strong: bool = True,
    noise: float | None = None,
) -> None:
    """Assert that every step meets the Wolfe conditions.

    Parameters
    ----------
    fun, jac : callable
        ``fun(x) -> float``, ``jac(x) -> ndarray, shape (n,)``.
    points : array_like, shape (k, n)
        The iterates, in order. Each step s is the difference of two of them.
    c1, c2 : float
        Constants of sufficient decrease and of curvature.
    strong : bool
        Use |g_new·s| <= c2 |g·s| rather than g_new·s >= c2 g·s.
    noise : float, optional
        Absolute tolerance of both conditions, in the units of f, for rounding; 32 ε max |f| by
        default.

    Raises
    ------
    AssertionError

    References
    ----------
    Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), eqs. 3.6 and 3.7.
    """
    points = np.asarray(points, dtype=np.float64)
    values = np.array([float(fun(x.copy())) for x in points])
    slack = 32.0 * EPSILON * float(np.abs(values).max()) if noise is None else noise
    for k, (x, x_new, f, f_new) in enumerate(zip(points, points[1:], values, values[1:], strict=False)):
        s = x_new - x
        slope, slope_new = float(jac(x.copy()) @ s), float(jac(x_new.copy()) @ s)
        if not f_new <= f + c1 * slope + slack:
            raise AssertionError(f"step {k}: f changes by {f_new - f:.6g}, sufficient decrease is {c1 * slope:.6g}")
        flat = abs(slope_new) if strong else -slope_new
        if not flat <= c2 * abs(slope) + slack:
            raise AssertionError(f"step {k}: the slope goes from {slope:.6g} to {slope_new:.6g}, with c2 = {c2:g}")


def assert_secant_equation(hess_inv: Any, s: ArrayLike, y: ArrayLike, rtol: float = 1e-10) -> None:
    """Assert H y = s for an inverse Hessian and its newest pair.

    Parameters
    ----------
    hess_inv : ndarray or scipy.sparse.linalg.LinearOperator, shape (n, n)
    s, y : array_like, shape (n,)
        The step, and the change of the gradient along it.
    rtol : float
        Tolerance of ‖H y − s‖, relative to ‖H‖ ‖y‖.

    Raises
    ------
    AssertionError

    References
    ----------
    Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), eq. 6.16.
    """
    s, y = np.asarray(s, dtype=np.float64), np.asarray(y, dtype=np.float64)
    H = hess_inv @ np.eye(s.size)
    if not np.isfinite(H).all():
        raise AssertionError("the inverse Hessian is not finite")
    residual, allowed = np.linalg.norm(H @ y - s), rtol * np.linalg.norm(H, 2) * np.linalg.norm(y)
    if not residual <= allowed:
        raise AssertionError(f"‖H y − s‖ = {residual:.3g}, where {allowed:.3g} is allowed")


def assert_batch_equals_singles(fun: Callable[..., Any], starts: ArrayLike, **keywords: Any) -> None:
    """Assert that `quasinewton.minimize_batch` equals single runs, bit for bit.

    Parameters
    ----------
    fun : callable
    starts : array_like, shape (k, n)
    **keywords
        Keywords of `quasinewton.minimize`, used for both.

    Raises
    ------
    AssertionError
    """
    batch = minimize_batch(fun, starts, **keywords)
    for i, start in enumerate(np.asarray(starts)):
        single = minimize(fun, start, **keywords)
        if not (np.array_equal(batch.x[i], single.x) and batch.nit[i] == single.nit and batch.nfev[i] == single.nfev):
            raise AssertionError(
                f"row {i}: {batch.x[i]!r} after {batch.nit[i]} iterations and {batch.nfev[i]} values; "
                f"alone {single.x!r} after {single.nit} and {single.nfev}"
            )


def assert_resuming_changes_nothing(fun: Callable[..., Any], x0: ArrayLike, stop: int, **keywords: Any) -> None:
    """Assert that a stopped and resumed run ends, bit for bit, as one that was never stopped.

    Parameters
    ----------
    fun : callable
    x0 : array_like, shape (n,)
    stop : int
        Iterations before the stop.
    **keywords
        Keywords of `quasinewton.minimize`, without `maxiter`. A schedule needs a `total`.

    Raises
    ------
    AssertionError
    ValueError
        If `maxiter` is given, or the run cannot be resumed with these keywords.
    """
    if "maxiter" in keywords:
        raise ValueError("maxiter cannot be given here: the run is stopped after `stop` iterations")
    whole = minimize(fun, x0, **keywords)
    first = minimize(fun, x0, maxiter=stop, **keywords)
    second = minimize(fun, None, checkpoint=first.checkpoint, **keywords)
    same = np.array_equal(whole.x, second.x) and (whole.nit, whole.nfev) == (second.nit, second.nfev)
    if not same:
        raise AssertionError(
            f"stopped after {stop} iterations it ends at {second.x!r} after {second.nit} iterations and {second.nfev} "
            f"values; not stopped at {whole.x!r} after {whole.nit} and {whole.nfev}"
        )
