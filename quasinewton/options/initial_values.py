"""The start of a run as an array."""

import numpy as np

from quasinewton.objective.convert_args import is_array, plain_array
from quasinewton.validation import real


def as_array(name, given):
    """Return the user's start, or starts, as an array of any dtype.

    Raises
    ------
    TypeError
        If it is of another library and cannot be converted, or has a mask or a unit.
    """
    if type(given) is np.ndarray or not is_array(given):
        return np.asarray(given)
    return plain_array(given, name, blind="the solver does")


def start_point(x0):
    """Return x0 as a new float64 vector.

    Raises
    ------
    ValueError
        If it has more than one dimension, is empty, or is complex.
    TypeError
        If it does not hold numbers, or has a mask or a unit.
    """
    x0 = np.atleast_1d(as_array("'x0'", x0))
    if x0.ndim != 1:
        raise ValueError("'x0' must only have one dimension.")
    if x0.size == 0:
        raise ValueError("'x0' must hold at least one number.")
    return real("'x0'", x0)
