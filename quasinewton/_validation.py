"""Checks of settings: an object with an illegal setting cannot be constructed."""

import os
import sys
import warnings
from typing import Any

import numba
import numpy as np
import scipy
from scipy.optimize import OptimizeWarning

# Folders of code that a user does not read: a warning names a line of other code.
INSIDE = tuple(os.path.join(os.path.dirname(file), "") for file in (__file__, numba.__file__, scipy.__file__))

NOT_SCALAR = "The user-provided objective function must return a scalar value."
PAIR = " If fun returns the value and the gradient, give jac=True."


def number(name: str, value: Any, low: float, high: float, *, open_low: bool = True, open_high: bool = True) -> float:
    """Convert a setting to float and check it against its legal interval.

    Parameters
    ----------
    name : str
        Name of the setting in error messages.
    value : float
    low, high : float
    open_low, open_high : bool
        True if that end of the interval is excluded.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the value lies outside the interval; the message names both.
    TypeError
        If the value is not a real number.
    """
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError("Python converts text to the number that it spells")
        checked = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a real number, got {value!r}") from None
    above = checked > low or (checked == low and not open_low)
    below = checked < high or (checked == high and not open_high)
    if not (above and below):
        interval = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
        raise ValueError(f"{name} must be in {interval}, got {value!r}")
    return checked


def count(name: str, value: Any, low: int) -> int:
    """Convert a setting, such as 3 or 3.0, to int and check that it is at least `low`.

    Parameters
    ----------
    name : str
        Name of the setting in error messages.
    value : int
    low : int

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the value is below `low`; the message names both.
    TypeError
        If the value is not an integer.
    """
    try:
        checked = int(value)
        exact = checked == value
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact:
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if checked < low:
        raise ValueError(f"{name} must be at least {low}, got {value!r}")
    return checked


def true_or_false(name: str, value: Any) -> bool:
    """Return a truth value as a bool.

    Raises
    ------
    ValueError
        If it is neither True nor False, nor 0 or 1: in Python any text is true, "no" as well.
    """
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, (int, float, np.number)) and value in (0, 1)):
        return bool(value)
    raise ValueError(f"{name} must be True or False, got {value!r}")


def function_or_none(name: str, value: Any) -> None:
    """Raise TypeError if a function of the user's is given that cannot be called."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be callable, got {type(value).__name__}")


def real(name: str, given: np.ndarray) -> np.ndarray:
    """Convert an array of real numbers to a new float64 array in C order.

    Raises
    ------
    ValueError
        If it is complex.
    TypeError
        If it does not hold numbers.
    """
    if given.dtype.kind == "c":
        raise ValueError(f"{name} must be real; split complex variables into their real and imaginary parts.")
    try:
        # NumPy would convert None to NaN and text to the numbers it spells, which hides errors.
        if given.dtype.kind in "buif" or not (
            given.dtype.kind in "mMSU" or any(value is None or isinstance(value, str) for value in given.flat)
        ):
            return np.array(given, dtype=np.float64, order="C")
    except (TypeError, ValueError):
        pass
    except OverflowError:
        raise ValueError(f"{name} must hold real numbers; an integer in it is too large for a float") from None
    raise TypeError(f"{name} must hold real numbers, got {'text' if given.dtype.kind in 'SU' else given.dtype}")


def warn(message: str, category: type[Warning] = OptimizeWarning) -> None:
    """Warn, and name as the place the line of the user's code that led here.

    It is the last one outside this package, Numba and SciPy.
    """
    level, frame = 2, sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
