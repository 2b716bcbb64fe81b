"""The start of a run as an array."""

import numpy as np

from quasinewton.validation import real


def start_point(x0):
    """Return x0 as a new float64 vector.

    Raises
    ------
    ValueError
        If it has more than one dimension, is empty, or is complex.
    TypeError
        If it does not hold numbers.
    """
    x0 = np.atleast_1d(np.asarray(x0))
    if x0.ndim != 1:
        raise ValueError("'x0' must only have one dimension.")
    if x0.size == 0:
        raise ValueError("'x0' must hold at least one number.")
    return real("'x0'", x0)
