"""The class of a test problem: derivatives, standard start, bounds, and known minima."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import Bounds


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """A test problem: function, derivatives, start, bounds and known minima.

    Parameters
    ----------
    name : str
        Name in the literature.
    fun : njit function
        ``fun(x) -> float``; x is a float64 array of shape (n,), C-order, and is never modified.
    jac : njit function
        ``jac(x) -> ndarray``, the gradient, shape (n,), newly allocated.
    hess : njit function or None
        ``hess(x) -> ndarray``, the Hessian, shape (n, n), newly allocated; None where there is
        none.
    start : array_like, shape (n,)
        The standard starting point, which may lie outside the bounds.
    source : str
        Paper and number of the function within it.
    fmin : float, optional
        Least value of f known, within the bounds; None where it is unknown for this n.
    minimiser : array_like, shape (n,), optional
        A point with f = `fmin`; None where it has no closed form.
    local_minima : tuple of float
        Values of f at other known minima, those at infinity included. Not exhaustive.
    low, high : array_like, shape (n,), or float, optional
        Bounds of x, ∓∞ where there is none; None for both where x is free.

    Notes
    -----
    `x0`, `xmin` and `bounds` are fresh copies each time they are read, so a caller may overwrite
    them. Functions never raise on finite x: outside the domain they return inf or NaN.
    """

    name: str
    fun: Callable
    jac: Callable
    hess: Callable | None
    start: np.ndarray
    source: str
    fmin: float | None = None
    minimiser: np.ndarray | None = None
    local_minima: tuple[float, ...] = ()
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    def __post_init__(self) -> None:
        for field in "start", "minimiser", "low", "high":
            value = getattr(self, field)
            if value is not None:
                value = np.array(value, dtype=np.float64)
                if field in ("low", "high"):
                    value = np.array(np.broadcast_to(value, self.start.shape))
                value.flags.writeable = False
                object.__setattr__(self, field, value)

    @property
    def n(self) -> int:
        """Number of variables."""
        return self.start.size

    @property
    def x0(self) -> np.ndarray:
        """Standard starting point: a new float64 array of shape (n,)."""
        return self.start.copy()

    @property
    def xmin(self) -> np.ndarray | None:
        """Known minimiser: a new float64 array of shape (n,), or None."""
        return None if self.minimiser is None else self.minimiser.copy()

    @property
    def bounds(self) -> Bounds | None:
        """Bounds of x, a new `scipy.optimize.Bounds`, or None where x is free.

        Its arrays have shape (n,).
        """
        return None if self.low is None or self.high is None else Bounds(self.low.copy(), self.high.copy())

    @property
    def args(self) -> tuple[()]:
        """Further arguments of `fun`: always the empty tuple."""
        return ()

    def __repr__(self) -> str:
        return f"<Problem {self.name}, n = {self.n}>"


def boxed(problem: Problem, low: Any, high: Any, source: str, **changes: Any) -> Problem:
    """Return `problem` within bounds, with other fields changed.

    What was known of its minima is dropped.
    """
    known = {"name": f"{problem.name}, boxed", "fmin": None, "minimiser": None, "local_minima": ()}
    return replace(problem, low=low, high=high, source=source, **{**known, **changes})


def dimension(n: int, least: int = 1, most: int | None = None, multiple: int = 1) -> int:
    """Return `n` as an int, or raise a ValueError that says which values are legal."""
    legal = "an integer" if multiple == 1 else f"a multiple of {multiple}"
    legal += f" ≥ {least}" if most is None else f" from {least} to {most}"
    try:
        value = operator.index(n)
    except TypeError:
        raise ValueError(f"n = {n!r}, but the number of variables must be {legal}") from None
    if value < least or (most is not None and value > most) or value % multiple:
        raise ValueError(f"n = {n!r}, but the number of variables must be {legal}")
    return value


def mgh(number: int) -> str:
    """Return the citation of function `number` of Moré, Garbow & Hillstrom."""
    return f"Moré, Garbow & Hillstrom (1981), ACM TOMS 7, 17-41, function ({number})"
