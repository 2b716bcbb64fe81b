"""The public function `minimize_multistart`: many starts of one function, and its distinct minima.
"""

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from quasinewton._api.minimize_batch import BatchResult, minimize_batch
from quasinewton._options.keywords import BatchArguments
from quasinewton._validation import number
from quasinewton.result import OptimizeResult


class MultistartResult(OptimizeResult):
    """The outcome of runs from many starts: the best result, with further fields.

    Attributes
    ----------
    minima : ndarray, float64, shape (m, n)
        The distinct minima, in ascending order of f.
    minima_fun : ndarray, float64, shape (m,)
        f at the distinct minima.
    minima_count : ndarray, int64, shape (m,)
        Number of successful runs that ended at each of them.
    batch : BatchResult
        All runs.
    """

    minima: np.ndarray
    minima_fun: np.ndarray
    minima_count: np.ndarray
    batch: BatchResult


def minimize_multistart(
    fun: Callable[..., Any],
    X0: ArrayLike,
    args: Any = (),
    method: str | tuple[Any, ...] | None = "auto",
    jac: Callable[..., ArrayLike] | bool | str | None = None,
    *,
    distinct: float = 1e-3,
    **keywords: Unpack[BatchArguments],
) -> MultistartResult:
    """Minimise a function from many starts; return the best minimum and all distinct ones.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)``, as for `minimize`.
    X0 : array_like, shape (k, n)
        Starts, one per row, for example from ``scipy.stats.qmc``.
    args, method, jac : optional
        As for `minimize`. Further keywords (options, bounds, n_jobs, executor …) are those of
        `minimize_batch`.
    distinct : float
        Two minima are taken as one if they differ by at most this in every variable, relative to
        max(‖x‖_∞, 1).

    Returns
    -------
    MultistartResult
        The best run, as `minimize` returns it: the lowest of those that succeeded or, if none did,
        of all; and the distinct minima.

    Raises
    ------
    ValueError, TypeError
        If an argument is illegal, before anything runs; ValueError also if X0 has no rows.

    Warns
    -----
    OptimizeWarning, RuntimeWarning
        As for `minimize_batch`.

    References
    ----------
    A. H. G. Rinnooy Kan and G. T. Timmer, Math. Program. 39 (1987) 27–56.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from quasinewton import minimize_multistart
    >>> @njit
    ... def wells(x):
    ...     return (x[0] ** 2 - 1.0) ** 2 + 0.1 * x[0]
    >>> res = minimize_multistart(wells, np.linspace(-2.0, 2.0, 9)[:, None])
    >>> np.round(res.minima, 2).tolist(), np.round(res.x, 2)
    ([[-1.01], [0.99]], array([-1.01]))
    """
    if "batch_args" in keywords:
        raise ValueError("batch_args differ between problems; minimize_multistart has one problem: give args")
    distinct = number("distinct", distinct, 0.0, np.inf, open_low=False, open_high=False)
    batch = minimize_batch(fun, X0, args, (), method, jac, **keywords)
    if not batch.fun.size:
        raise ValueError("X0 must hold at least one start")
    minima, f, counts = distinct_minima(batch.x[batch.success], batch.fun[batch.success], distinct)
    # NaN sorts last: a run without a value is the best only if there is no other.
    best = np.lexsort((batch.fun, ~batch.success))[0]
    result = MultistartResult(batch.row(int(best)))
    result.update(minima=minima, minima_fun=f, minima_count=counts, batch=batch)
    return result


def distinct_minima(x: np.ndarray, f: np.ndarray, distance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group points around the lowest of each group.

    Parameters
    ----------
    x : ndarray, float64, shape (k, n)
    f : ndarray, float64, shape (k,)
    distance : float
        Largest difference from the lowest point of a group in any variable, relative to max(‖x‖_∞,
        1) at that point.

    Returns
    -------
    (ndarray of shape (m, n), ndarray of shape (m,), ndarray of shape (m,))
        The lowest points in ascending order of f, f there, and the sizes of their groups.
    """
    order = np.argsort(f, kind="stable")
    lowest, counts = [], []
    while order.size:
        first = order[0]
        scale = max(1.0, np.abs(x[first]).max())
        near = np.abs(x[order] - x[first]).max(axis=1) <= distance * scale
        lowest.append(first)
        counts.append(np.count_nonzero(near))
        order = order[~near]
    return x[lowest], f[lowest], np.array(counts, dtype=np.int64)
