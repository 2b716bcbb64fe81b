"""The end of a descent where values are rounding: whether there is still progress, and which point is the best."""

import numpy as np

from quasinewton.line_searches import protocol as searches
from quasinewton.loops.state import SEARCH
from quasinewton.numba_ext.jit import fragment
from quasinewton.status import NO_PROGRESS

EPSILON = np.finfo(np.float64).eps
PATIENCE = 20  # iterations without progress, in f or in the decrease predicted, before the descent is held to be over


@fragment
def is_flatter(s, f):
    """Whether the iterate to be left, for one that is as low up to rounding, has the least gradient so far."""
    level, known = abs(f - s.f) <= s.noise, abs(s.f - s.f_passed) <= s.noise
    return s.phase == SEARCH and level and (s.g_norm < s.g_passed if known else s.f < s.f_passed)


@fragment
def may_restart(s):
    """Whether a search without a step may be tried again along another direction: it has found nothing lower."""
    return not s.restarted and s.verdict != searches.UNBOUNDED and s.phi_best >= s.f - s.noise


@fragment
def is_exact(s):
    """Whether the decrease predicted is ε² of f, or of what stands in for it; see `is_over`."""
    return s.nit > 0 and s.predicted <= EPSILON * EPSILON * max(abs(s.f), EPSILON * EPSILON * abs(s.f0))


@fragment
def is_over(s, exact):
    """Whether the iterations have ceased to make progress; if so, that is the ending.

    `exact` tells whether the decrease predicted is nothing, and the step to it is short.

    Notes
    -----
    Below the rounding of f the decrease predicted, ½ gᵀH g, still tells progress: slopes are good to order ε. It is
    over when neither has made any for `PATIENCE` iterations, or when f stands still and the prediction is ε² of it:
    x is then exact to order ε. Residuals that cancel have rounding errors of order ε √f₀, and their sum of squares
    ε² f₀; so where f* is 0, ε |f₀| stands in for |f|: unless steps are still long, for then f may have fallen from a
    height that says nothing of it here. All of this is invariant to the scales of f and x.
    """
    if s.restarted:
        return False
    f0 = EPSILON * abs(s.f0)
    level = abs(s.f - s.f_mark) <= max(s.noise, searches.NOISE * EPSILON * f0)
    if not level or s.predicted < 0.9 * s.predicted_mark:
        s.predicted_mark, s.idle = s.predicted, 0
        s.f_mark = s.f_mark if level else s.f
    else:
        s.idle += 1
    if s.idle < PATIENCE and not (level and exact):
        return False
    s.ending = NO_PROGRESS
    return True
