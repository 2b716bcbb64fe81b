"""The door `minimize_multistart`: one function from many starts, and the distinct minima they lead
to.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from quasinewton.api.minimize_batch import BatchResult, minimize_batch
from quasinewton.result import OptimizeResult
from quasinewton.validation import number


class MultistartResult(OptimizeResult):
    """The outcome of runs from many starts: the best of them, with fields as in `OptimizeResult`,
    and what follows.

    Attributes
    ----------
    minima : ndarray, float64, shape (m, n)
        The distinct minima, in ascending order of f.
    minima_fun : ndarray, float64, shape (m,)
        f there.
    minima_count : ndarray, int64, shape (m,)
        How many runs ended there.
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
    method: str | tuple[Any, ...] | None = "lbfgs",
    jac: Callable[..., ArrayLike] | bool | str | None = None,
    *,
    distinct: float = 1e-3,
    **keywords: Any,
) -> MultistartResult:
    """Minimise a function from many starts; return the best minimum, and all that are distinct.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args)``, as for `minimize`.
    X0 : array_like, shape (k, n)
        Starts, one a row, such as ``scipy.stats.qmc`` gives.
    args, method, jac : optional
        As for `minimize`. Options, bounds, n_jobs, executor and the like are further keywords, as
        for `minimize_batch`.
    distinct : float
        Two minima are the same if they differ by no more in any variable, relative to max(‖x‖_∞,
        1).

    Returns
    -------
    MultistartResult
        The best run, as `minimize` returns it: the lowest of those that succeeded or, if none did,
        of all; and the distinct minima.

    Raises
    ------
    ValueError, TypeError
        On input that is illegal, before anything runs.

    Warns
    -----
    OptimizeWarning, RuntimeWarning
        As `minimize_batch`.

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


def distinct_minima(x, f, distance):
    """Group points around the lowest of each group.

    Parameters
    ----------
    x : ndarray, float64, shape (k, n)
    f : ndarray, float64, shape (k,)
    distance : float
        Largest difference within a group from its lowest point, relative to max(‖x‖_∞, 1).

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
