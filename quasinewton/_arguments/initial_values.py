"""The start of a run as an array."""

from typing import Any

import numpy as np

from quasinewton._arguments.convert_args import (
    PLAIN,
    described,
    is_array,
    plain_array,
    refuse_unit_or_mask,
)
from quasinewton._validation import real

EMPTY = "must hold at least one number."
BLIND = "the solver does"  # what does not see a unit or a mask, for messages


def as_array(name: str, given: Any) -> np.ndarray:
    """Return the user's start, or starts, as an array of any dtype.

    Raises
    ------
    TypeError
        If it is no sequence of numbers, is of another library and cannot be converted, or has a
        mask or a unit.
    ValueError
        If it is a sequence of sequences of different lengths.
    """
    if type(given) is np.ndarray:
        return given
    if is_array(given):
        return plain_array(given, name, blind=BLIND)
    no_numbers = given is None or isinstance(given, (str, bytes, dict, set, frozenset)) or callable(given)
    if no_numbers or hasattr(type(given), "__next__"):
        raise TypeError(f"'{name}' must hold real numbers, as a list or an array; got {described(type(given))}")
    if isinstance(given, (list, tuple)) and not PLAIN.issuperset(map(type, given)):
        # In an array of arrays with units or masks NumPy would drop these.
        for i, item in enumerate(given):
            refuse_unit_or_mask(item, f"{name}[{i}]", BLIND)
    try:
        return np.asarray(given)
    except ValueError as error:
        raise ValueError(f"'{name}' must hold real numbers; its items differ in length or depth") from error


def start_point(x0: Any, name: str = "x0") -> np.ndarray:
    """Return x0 as a new float64 vector.

    Parameters
    ----------
    x0 : array_like, shape (n,), or scalar
    name : str
        Its name in messages.

    Raises
    ------
    ValueError
        If it has more than one dimension, is ragged or empty, or is complex.
    TypeError
        If it does not hold numbers, or has a mask or a unit.
    """
    x0 = as_array(name, x0)
    if x0.ndim == 0:
        x0 = x0.reshape(1)
    if x0.ndim != 1:
        raise ValueError(f"'{name}' must only have one dimension.")
    if x0.size == 0:
        raise ValueError(f"'{name}' {EMPTY}")
    return real(f"'{name}'", x0)
