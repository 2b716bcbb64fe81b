"""The length of a first step along −g, where no model says how far to go: one rule, with and
without bounds.
"""

import numpy as np

from quasinewton.numba_ext.jit import fragment

EPSILON = np.finfo(np.float64).eps
FELT = EPSILON**0.5  # part of ‖x‖ that a step must have to be more than rounding


@fragment
def first_length(g_norm, x_norm):
    """Length of a first step: ‖g‖, but no less than ‖x‖/100 and no more than 1, nor than x can
    feel, √ε ‖x‖.

    Notes
    -----
    ‖g‖ is no length: where f has small units it would not move x at all. ‖x‖/100 is that of Hager &
    Zhang (2006), I0.
    """
    longest, length = FELT * x_norm, 0.01 * x_norm
    longest = longest if longest > 1.0 else 1.0
    length = length if length > g_norm else g_norm
    return length if length < longest else longest
