"""Length of the first trial step along −g, when there is no model, with and without bounds."""

from quasinewton._floats import ROOT_EPSILON
from quasinewton._numba_ext.jit import fragment

FELT = ROOT_EPSILON  # fraction of ‖x‖; a step this long changes f by more than its rounding


@fragment
def first_length(g_norm, x_norm):
    """Return the length of a first step: max(‖g‖, ‖x‖/100), but at most max(1, √ε ‖x‖).

    Notes
    -----
    ‖g‖ alone will not do, since it has the units of f/x: if f has small values, such a step would
    not change x at all. ‖x‖/100 is the rule I0 of Hager & Zhang (2006).
    """
    longest, length = FELT * x_norm, 0.01 * x_norm
    longest = longest if longest > 1.0 else 1.0
    length = length if length > g_norm else g_norm
    return length if length < longest else longest
