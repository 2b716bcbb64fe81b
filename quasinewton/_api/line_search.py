"""The public function `line_search`: a single line search along a given direction."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from quasinewton._arguments.convert_args import as_args
from quasinewton._arguments.initial_values import start_point
from quasinewton._drivers.run import original_errors
from quasinewton._line_searches import protocol
from quasinewton._line_searches.protocol import LINE, Verdict
from quasinewton._numba_ext.jit import kernel
from quasinewton._numba_ext.linalg import dot, point_on_line
from quasinewton._objective.build import prepare
from quasinewton._objective.choose_gradient import with_gradient
from quasinewton._objective.interface import GRADIENT, VALUE, attempt, call
from quasinewton._objective.problem import read_problem
from quasinewton._options.read import search_object
from quasinewton._validation import number


class LineSearchResult(NamedTuple):
    """The outcome of a line search.

    Attributes
    ----------
    alpha : float
        The accepted step, else the best one evaluated; 0 if none is better than the start.
    fun, slope : float
        f and g·p at x + alpha p.
    nfev, njev : int
        Calls of the user's function and gradient.
    success : bool
        True if the conditions of the search hold at alpha.
    """

    alpha: float
    fun: float
    slope: float
    nfev: int
    njev: int
    success: bool


@kernel
def search_along(
    objective: Any, search: Any, x: np.ndarray, p: np.ndarray, alpha: float, lines: np.ndarray
) -> tuple[float, float, float, int, bool]:
    """Search along p from x.

    Parameters
    ----------
    objective : Objective
    search : NamedTuple
    x, p : ndarray, float64, shape (n,)
        Point and direction. Not changed.
    alpha : float
        First trial step.
    lines : ndarray of one record LINE
        Workspace.

    Returns
    -------
    (float, float, float, int, bool)
        alpha, f, g·p, evaluations, success. The step is 0 if p is not a descent direction.

    Raises
    ------
    ValueError
        If x and p differ in length, or alpha is not positive and finite.
    """
    if x.size != p.size:
        raise ValueError("x and p must be vectors of one length")
    if not 0.0 < alpha < np.inf:
        raise ValueError("alpha must be in (0, inf)")
    line = lines[0]
    x_trial, g = x.copy(), np.empty(x.size)
    f = call(objective.address, x_trial, g, g, VALUE | GRADIENT, objective.data)
    slope = dot(g, p)
    count = 1
    if not (-np.inf < slope < 0.0 and np.isfinite(f)):
        return 0.0, f, slope, count, False
    protocol.start(search, line, f, slope, alpha, np.inf)
    verdict = Verdict.CONTINUE
    trial = 0.0
    while verdict == Verdict.CONTINUE:
        trial = line.alpha
        if not point_on_line(x, trial, p, x_trial):
            verdict = Verdict.STUCK
            break
        f = attempt(objective.address, x_trial, g, g, VALUE | GRADIENT, objective.data, True)
        slope = dot(g, p)
        count += 1
        verdict = protocol.step(search, line, f, slope)
    if verdict == Verdict.ACCEPT:
        return trial, f, slope, count, True
    return line.best, line.phi_best, line.dphi_best, count, False


def line_search(
    fun: Callable[..., Any],
    x: ArrayLike,
    p: ArrayLike,
    args: Any = (),
    jac: Callable[..., ArrayLike] | bool | str | None = None,
    search: str | tuple[Any, ...] | None = None,
    alpha: float = 1.0,
) -> LineSearchResult:
    """Find a step along a descent direction; usable from Python and inside ``@njit`` functions.

    Parameters
    ----------
    fun : callable
        As for `minimize`; inside ``@njit`` a compiled function.
    jac : callable, bool, str or None
        As for `minimize`.
    x, p : ndarray, float64, shape (n,)
        Point and direction. Not changed.
    args : tuple
        Further arguments of `fun` and `jac`.
    search : str or search object
        "more-thuente" (default), "strong-wolfe", "hager-zhang", "armijo", "fixed", or an object
        such as ``StrongWolfe(c2=0.1)``.
    alpha : float
        First trial step, positive.

    Returns
    -------
    LineSearchResult

    Raises
    ------
    ValueError, TypeError
        If an argument is illegal; from Python before anything runs. A p that is not a descent
        direction is no error: the result has ``success=False`` and ``alpha=0``.

    Warns
    -----
    OptimizeWarning
        If a compiled `fun` cannot be differentiated, and differences replace exact derivatives.

    References
    ----------
    See the classes of the searches; their common safeguards are in `_line_searches.protocol`.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from quasinewton import line_search
    >>> @njit
    ... def f(x):
    ...     return np.sum(x**2), 2.0 * x
    >>> x = np.array([1.0, 2.0])
    >>> round(line_search(f, x, -2.0 * x, jac=True).alpha, 3)
    0.5
    """
    x, p = start_point(x, "x"), start_point(p, "p")
    if x.shape != p.shape:
        raise ValueError(f"x and p must be vectors of one length, got shapes {x.shape} and {p.shape}")
    alpha = number("alpha", alpha, 0.0, np.inf)
    search = search_object(search, "search")
    args = as_args(args, fun, jac)
    prepared = prepare(with_gradient(read_problem(fun, jac, args, x.size)), "")
    with original_errors():
        alpha, f, slope, count, success = search_along(prepared.objective, search, x, p, alpha, np.zeros(1, LINE))
    return LineSearchResult(alpha, f, slope, count * (1 + prepared.objective.values), count, success)
