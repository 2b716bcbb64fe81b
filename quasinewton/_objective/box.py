"""Rules of the box low <= x <= high, for whatever evaluates or moves points in it.

Bounds may be infinite; low = high fixes a variable. Where a function takes whole arrays, bounds of
shape (0,) mean that there are none.
"""

import numpy as np

from quasinewton._numba_ext.jit import fragment

Box = tuple[np.ndarray, np.ndarray]  # low and high, float64, shape (n,)


@fragment
def clipped(value, low, high):
    """Return `value` projected onto [low, high]; NaN stays NaN."""
    return low if value < low else high if value > high else value


@fragment
def clip(x, low, high):
    """Project x onto the box. x is overwritten."""
    for i in range(low.size):
        x[i] = clipped(x[i], low[i], high[i])


@fragment
def is_active(x, g, low, high):
    """Return True if a variable at x with the derivative g is active.

    It lies at a bound, and −g does not point into the box.
    """
    return (x <= low and g >= 0.0) or (x >= high and g <= 0.0)
