"""Conversion of the user's bounds to two vectors."""

import math
from typing import Any

import numpy as np

from quasinewton._objective.box import Box

WRONG_LENGTH = "The number of bounds is not compatible with the length of `x0`."
CROSSED = "An upper bound is less than the corresponding lower bound."
ALL_FIXED = "All independent variables were fixed by bounds."


def read_bounds(bounds: Any, n: int) -> Box | None:
    """Convert bounds of n variables to new vectors.

    Parameters
    ----------
    bounds : sequence of (low, high), scipy.optimize.Bounds, or None
        None in a pair means no bound. `lb` and `ub` of Bounds may be scalars for all variables.
    n : int

    Returns
    -------
    (ndarray, ndarray) or None
        low and high, float64, shape (n,); None if every bound is infinite.

    Raises
    ------
    ValueError
        If the number of bounds is not n, a lower bound exceeds its upper bound, or a bound is NaN
        or leaves no finite number.
    TypeError
        If the bounds are not real numbers.
    """
    if bounds is None:
        return None
    try:
        if hasattr(bounds, "lb"):
            low, high = (np.array(side, dtype=np.float64) for side in (bounds.lb, bounds.ub))
            low, high = (side if side.shape == (n,) else fitted(side, n) for side in (low, high))
        else:
            pairs = [(low, high) for low, high in bounds]
            if any(isinstance(end, (str, bytes)) for pair in pairs for end in pair):
                raise TypeError("text is no number")
            low = np.array([-math.inf if low is None else low for low, _ in pairs], dtype=np.float64)
            high = np.array([math.inf if high is None else high for _, high in pairs], dtype=np.float64)
    except (TypeError, ValueError) as error:
        if str(error).startswith(WRONG_LENGTH):
            raise
        raise TypeError(f"bounds must be pairs of real numbers or None, or scipy.optimize.Bounds; {error}") from None
    if low.shape != (n,) or high.shape != (n,):
        raise ValueError(f"{WRONG_LENGTH} There are {low.size} for {n} variables.")
    highest, lowest = low.max(), high.min()
    if not (highest < math.inf and lowest > -math.inf and (low <= high).all()):
        refuse_illegal(low, high)
    return None if highest == -math.inf and lowest == math.inf else (low, high)


def fitted(side: np.ndarray, n: int) -> np.ndarray:
    """Broadcast `lb` or `ub` of Bounds to a vector of length n."""
    try:
        return np.array(np.broadcast_to(side, (n,)))
    except ValueError:
        raise ValueError(f"{WRONG_LENGTH} A side has shape {side.shape} for {n} variables.") from None


def refuse_illegal(low: np.ndarray, high: np.ndarray) -> None:
    """Raise the ValueError that names the illegal bound and the reason."""
    for name, side in ("lower", low), ("upper", high):
        if np.isnan(side).any():
            raise ValueError(f"the {name} bound of variable {np.isnan(side).argmax()} is NaN; None is no bound")
    if (low > high).any():
        i = (low > high).argmax()
        raise ValueError(f"{CROSSED} Variable {i} has ({low[i]}, {high[i]}).")
    i = (np.isposinf(low) | np.isneginf(high)).argmax()
    raise ValueError(f"the bounds of variable {i} leave no number: ({low[i]}, {high[i]})")
