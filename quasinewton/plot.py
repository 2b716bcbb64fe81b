"""Plots of runs: convergence, paths, profiles around a minimum, batches, performance profiles.

Requires matplotlib, which the extra `plot` installs. Every function draws on the axes given, or on
new ones, and returns them, so that you can change titles, limits and colours.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from quasinewton._api.minimize import minimize
from quasinewton._drivers.batch_result import BatchResult
from quasinewton._validation import number
from quasinewton.result import History, OptimizeResult
from quasinewton.status import Status

__all__ = ["batch", "convergence", "path", "performance_profile", "profiles"]

# The colours of Okabe & Ito, which can be distinguished with any kind of colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
SHAPES = ("-", "--", "-.", ":")

POINTS = 121  # number of points of a smooth curve, and of each side of the grid for contours


def _axes(ax: Any, columns: int = 1, size: tuple[float, float] = (6.4, 4.4)) -> Any:
    """Return the axes given, or new ones: a single one, or an array if `columns` > 1."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("quasinewton.plot needs matplotlib: pip install 'quasinewton[plot]'") from error
    return pyplot.subplots(1, columns, figsize=size, layout="constrained")[1]


def _labelled(results: Any, single: Callable[[Any], bool]) -> dict[str | None, Any]:
    """Return results as a dict by label, in order; a single result has the label None.

    Raises
    ------
    ValueError
        If there are no results.
    """
    if isinstance(results, Mapping) and not single(results):
        if not results:
            raise ValueError("results must hold at least one result; the dictionary is empty")
        return dict(results)
    return {None: results}


def _styles() -> Iterator[dict[str, str]]:
    """Yield combinations of colour and line style; the first 28 are distinct."""
    while True:
        for shape in SHAPES:
            for colour in COLOURS:
                yield {"color": colour, "linestyle": shape}


def convergence(results: Any, f_min: float | None = None, against: str = "nfev", ax: Any = None) -> Any:
    """Draw how f and the gradient fall in one or several runs.

    Parameters
    ----------
    results : OptimizeResult, or dict of str to OptimizeResult
        Made with ``options={"history": True}``. The keys of a dict are the labels.
    f_min : float, optional
        Least value of f, which is subtracted; by default the least value of all runs.
    against : {"nfev", "nit"}
        The horizontal axis: evaluations of the objective, or iterations.
    ax : sequence of two matplotlib Axes, optional
        For f and for the gradient; new ones by default.

    Returns
    -------
    sequence of two matplotlib Axes

    Raises
    ------
    ValueError
        If a result has no history of iterations, or `against` is not one of the two.
    TypeError
        If `results` are no results.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from quasinewton import minimize, plot, problems
    >>> p = problems.rosenbrock()
    >>> options = {"jac": p.jac, "history": True}
    >>> runs = {m: minimize(p.fun, p.x0, method=m, **options) for m in ("bfgs", "lbfgs")}
    >>> f_axes, g_axes = plot.convergence(runs, f_min=0.0)  # doctest: +SKIP
    """
    runs = _labelled(results, lambda given: "fun" in given)
    for label, run in runs.items():
        if not isinstance(run, Mapping):
            raise TypeError(f"results must be a result of minimize, or a dictionary of them; got {type(run).__name__}")
        if "history" not in run:
            raise ValueError(f"the result {label or ''} has no history: run it with options={{'history': True}}")
        if not isinstance(run["history"], History):
            raise ValueError("the history of a run over mini-batches has a row an epoch: draw history.loss yourself")
    if against not in ("nfev", "nit"):
        raise ValueError(f"against must be 'nfev' or 'nit', got {against!r}")
    least = min(float(np.nanmin(run.history.f)) for run in runs.values()) if f_min is None else float(f_min)
    value_axes, gradient_axes = _axes(ax, columns=2, size=(9.6, 4.0))
    for (label, run), style in zip(runs.items(), _styles(), strict=False):
        history = run.history
        where = history.nfev if against == "nfev" else np.arange(history.f.size)
        excess = history.f - least
        # A logarithmic axis cannot show zero, which f − f_min is at the minimum.
        value_axes.plot(where, np.where(excess > 0.0, excess, np.nan), label=label, **style)
        gradient_axes.plot(where, np.where(history.g_norm > 0.0, history.g_norm, np.nan), label=label, **style)
    words = "evaluations" if against == "nfev" else "iterations"
    for axes, what in (value_axes, r"$f - f_\mathrm{min}$"), (gradient_axes, r"$\|g\|_\infty$"):
        axes.set(xlabel=words, ylabel=what, yscale="log")
        axes.grid(alpha=0.3)
        if None not in runs:
            axes.legend()
    return value_axes, gradient_axes


def path(
    fun: Callable[..., Any], results: Any, args: tuple = (), limits: Any = None, levels: int = 20, ax: Any = None
) -> Any:
    """Draw the iterates of one or several runs on the contours of a function of two variables.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float`` for x of shape (2,).
    results : OptimizeResult, array_like of shape (k, 2), or dict of str to either
        Results made with ``options={"return_all": True}``, or iterates. The keys of a dict are the
        labels.
    args : tuple
        Further arguments of `fun`.
    limits : ((float, float), (float, float)), optional
        Ranges of the two variables; by default those of the iterates, with a margin.
    levels : int
        Number of contours. They are equally spaced in log(1 + f − min f), so that the bottom of a
        valley is visible.
    ax : matplotlib Axes, optional
        New ones by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the iterates are not points of two variables, a result does not contain them, or `limits`
        are not two pairs of numbers.
    ImportError
        Without matplotlib.
    """
    runs = _labelled(results, lambda given: "fun" in given)
    points = {}
    for label, run in runs.items():
        if isinstance(run, Mapping) and "allvecs" not in run:
            raise ValueError(f"the result {label or ''} has no iterates: run it with options={{'return_all': True}}")
        points[label] = np.asarray(run["allvecs"] if isinstance(run, Mapping) else run, dtype=np.float64)
        if points[label].ndim != 2 or points[label].shape[1] != 2:
            raise ValueError(f"a path needs points of two variables; these have shape {points[label].shape}")
    if limits is None:
        every = np.concatenate(list(points.values()))
        low, high = every.min(axis=0), every.max(axis=0)
        margin = 0.15 * np.maximum(high - low, 1e-3 * np.maximum(1.0, np.abs(high)))
        limits = tuple(zip(low - margin, high + margin, strict=True))
    sides = np.asarray(limits)
    if sides.shape != (2, 2) or sides.dtype.kind not in "iuf" or not np.isfinite(sides).all():
        raise ValueError(f"limits must be two pairs of numbers, ((low, high), (low, high)); got {limits!r}")
    axes = _axes(ax)
    grid = [np.linspace(low, high, POINTS) for low, high in limits]
    heights = np.array([[float(fun(np.array([u, v]), *args)) for u in grid[0]] for v in grid[1]])
    heights = np.log1p(heights - np.nanmin(heights[np.isfinite(heights)]))
    heights[~np.isfinite(heights)] = np.nan
    axes.contour(*grid, heights, levels, cmap="Greys", linewidths=0.8, alpha=0.7)
    for (label, where), style in zip(points.items(), _styles(), strict=False):
        axes.plot(*where.T, marker="o", markersize=3.5, label=label, **style)
        axes.plot(*where[-1], marker="*", markersize=13, color=style["color"], markeredgecolor="white")
    axes.set(xlabel="$x_1$", ylabel="$x_2$", xlim=limits[0], ylim=limits[1])
    if None not in runs:
        axes.legend()
    return axes


def profiles(
    fun: Callable[..., Any],
    result: OptimizeResult,
    args: tuple = (),
    names: Sequence[str] | None = None,
    width: float = 3.0,
    points: int = 15,
    ax: Any = None,
    **keywords: Any,
) -> Any:
    """Draw the profile of f around a minimum for each variable, with the quadratic approximation.

    A profile is the least f for a fixed value of one variable, minimised over all others; twice its
    rise is the statistic of a likelihood-ratio test if f is a negative log-likelihood. If a profile
    departs from its parabola, standard errors from the curvature are unreliable.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float``.
    result : OptimizeResult
        Result for `fun`, with `hess` or `hess_inv`: of a run of "newton", "bfgs" or "lbfgs".
    args : tuple
        Further arguments of `fun`.
    names : sequence of str, optional
        Names of the variables.
    width : float
        Half the width of the plot, in standard deviations √(H⁻¹)_ii.
    points : int
        Points of a profile, at least 3; each costs a minimisation.
    ax : sequence of n matplotlib Axes, optional
        New ones by default.
    **keywords : optional
        Keywords of `quasinewton.minimize` for these minimisations: `jac`, `method`, `gtol` …

    Returns
    -------
    ndarray of n matplotlib Axes

    Raises
    ------
    ValueError
        If the result has neither `hess` nor `hess_inv`, if that is not positive definite, if
        `points` is below 3, `width` is not positive, or if `names` has another length than x.
    ImportError
        Without matplotlib.

    References
    ----------
    D. M. Bates & D. G. Watts, Nonlinear Regression Analysis and Its Applications, Wiley 1988,
    section 6.1.
    """
    x, n = np.asarray(result.x, dtype=np.float64), np.size(result.x)
    if points < 3:
        raise ValueError(f"points must be at least 3, got {points!r}")
    width, deviations = number("width", width, 0.0, np.inf), _deviations(result, n)
    names = [f"$x_{{{i + 1}}}$" for i in range(n)] if names is None else list(names)
    if len(names) != n:
        raise ValueError(f"names must be {n} names, one for each variable; got {len(names)}")
    axes = np.ravel(_axes(ax, columns=n, size=(3.2 * n, 3.2)))
    for i, (where, deviation) in enumerate(zip(axes, deviations, strict=True)):
        offsets = np.linspace(-width, width, points) * deviation
        rise = _profile(fun, x, i, offsets, args, keywords) - float(result.fun)
        fine = np.linspace(-width, width, POINTS)
        where.plot(x[i] + fine * deviation, 0.5 * fine**2, label="curvature", color=COLOURS[1], linestyle="--")
        where.plot(x[i] + offsets, rise, label="profile", color=COLOURS[0], marker="o", markersize=3.5)
        where.axvline(x[i], color="0.7", linewidth=0.8, zorder=0)
        where.set(xlabel=names[i])
        where.grid(alpha=0.3)
    axes[0].set_ylabel(r"$f - f_\mathrm{min}$")
    axes[0].legend()
    return axes


def _deviations(result: OptimizeResult, n: int) -> np.ndarray:
    """Return √(H⁻¹)_ii from the Hessian of a result, or from its estimate of the inverse."""
    if "hess" in result:
        try:
            np.linalg.cholesky(result.hess)
        except np.linalg.LinAlgError:
            raise ValueError("the Hessian of the result is not positive definite: this is no minimum") from None
        variances = np.diag(np.linalg.inv(result.hess))
    elif "hess_inv" in result:
        variances = np.diag(result.hess_inv @ np.eye(n))
    else:
        raise ValueError("profiles need a result with hess or hess_inv: of method 'newton', 'bfgs' or 'lbfgs'")
    if not np.all(variances > 0.0):
        raise ValueError("the inverse Hessian of the result has a diagonal that is not positive")
    return np.sqrt(variances)


def _profile(
    fun: Callable[..., Any], x: np.ndarray, i: int, offsets: np.ndarray, args: tuple, keywords: dict[str, Any]
) -> np.ndarray:
    """Return the least f with x_i fixed at each offset from its minimum.

    The minimisations proceed from the middle outwards, each started from its neighbour's solution.
    """
    rise, middle = np.empty(offsets.size), offsets.size // 2
    for side in (range(middle, offsets.size), range(middle, -1, -1)):
        start = x.copy()
        for j in side:
            start[i] = x[i] + offsets[j]
            bounds = [(start[i], start[i]) if k == i else (None, None) for k in range(x.size)]
            found = minimize(fun, start, args=args, bounds=bounds, **keywords)
            rise[j], start = found.fun, np.array(found.x)
    return rise


def batch(result: BatchResult, ax: Any = None) -> Any:
    """Draw how the problems of a batch ended, and how many iterations they took.

    Parameters
    ----------
    result : BatchResult
        Of `quasinewton.minimize_batch`.
    ax : sequence of two matplotlib Axes, optional
        For the endings and for the iterations; new ones by default.

    Returns
    -------
    sequence of two matplotlib Axes

    Raises
    ------
    TypeError
        If `result` is not that of a batch.
    ImportError
        Without matplotlib.
    """
    if not isinstance(result, BatchResult):
        raise TypeError(f"result must be that of minimize_batch, got {type(result).__name__}")
    ending_axes, iteration_axes = _axes(ax, columns=2, size=(9.6, 3.6))
    # Statuses are compared by name, since several of them equal the same integer of SciPy.
    endings = np.array([status.name for status in result.status])
    success = np.asarray(result.success, dtype=bool)
    present = [status.name for status in Status if status.name in endings]
    for row, name in enumerate(present):
        rows = endings == name
        good, bad = int(np.sum(rows & success)), int(np.sum(rows & ~success))
        ending_axes.barh(row, good, color=COLOURS[0], label="success" if row == 0 else None)
        ending_axes.barh(row, bad, left=good, color=COLOURS[1], label="no success" if row == 0 else None)
        ending_axes.annotate(f" {good + bad}", (good + bad, row), va="center")
    ending_axes.set(xlabel="problems", yticks=range(len(present)), yticklabels=present)
    ending_axes.margins(x=0.12)
    ending_axes.invert_yaxis()
    ending_axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)  # above the bars
    counts = [np.asarray(result.nit)[success], np.asarray(result.nit)[~success]]
    bins = np.histogram_bin_edges(np.asarray(result.nit), bins="auto")
    iteration_axes.hist(counts, bins=bins, stacked=True, color=[COLOURS[0], COLOURS[1]])
    iteration_axes.set(xlabel="iterations", ylabel="problems")
    return ending_axes, iteration_axes


def performance_profile(costs: Any, largest: float | None = None, ax: Any = None) -> Any:
    """Draw the performance profiles of several solvers on a set of problems.

    Parameters
    ----------
    costs : dict of str to array_like, shape (problems,)
        Cost of each solver on each problem (evaluations, seconds), with the problems in the same
        order for all solvers; NaN or infinite where it failed.
    largest : float, optional
        Right end of the horizontal axis, a ratio; by default a little beyond the largest ratio.
    ax : matplotlib Axes, optional
        New ones by default.

    Returns
    -------
    matplotlib Axes
        The curve of a solver at τ is the share of problems that it solved at no more than τ times
        the least cost.

    Raises
    ------
    ValueError
        If the solvers have different numbers of problems, or a cost is not positive.
    TypeError
        If `costs` is no dictionary.
    ImportError
        Without matplotlib.

    References
    ----------
    E. D. Dolan & J. J. Moré, "Benchmarking optimization software with performance profiles", Math.
    Program. 91, 201-213 (2002).
    """
    if not isinstance(costs, Mapping):
        raise TypeError(f"costs must be a dictionary, by solver; got {type(costs).__name__}")
    table = {name: np.asarray(values, dtype=np.float64) for name, values in costs.items()}
    if len({values.shape for values in table.values()}) != 1 or next(iter(table.values())).ndim != 1:
        raise ValueError(f"costs must be vectors of one length; got {[values.shape for values in table.values()]}")
    paid = np.where(np.isfinite(list(table.values())), list(table.values()), np.inf)
    if not np.all(paid > 0.0):
        raise ValueError("costs must be positive; NaN or inf is a failure")
    least = paid.min(axis=0)
    ratios = np.where(np.isfinite(paid), paid / np.where(np.isfinite(least), least, 1.0), np.inf)
    worst = ratios[np.isfinite(ratios)].max(initial=1.0)
    right = 1.1 * max(worst, 1.1) if largest is None else float(largest)
    axes = _axes(ax)
    for (name, row), style in zip(zip(table, ratios, strict=True), _styles(), strict=False):
        solved = np.sort(row[np.isfinite(row)])
        shares = np.arange(1, solved.size + 1) / row.size
        axes.step(np.r_[1.0, solved, right], np.r_[0.0, shares, shares[-1:] if shares.size else [0.0]], where="post",
                  label=name, **style)
    axes.set(xscale="log", xlim=(1.0, right), ylim=(0.0, 1.02), xlabel=r"$\tau$, cost relative to the least",
             ylabel=r"share of problems solved within $\tau$")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    return axes
