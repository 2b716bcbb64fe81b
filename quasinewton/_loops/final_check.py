"""Final check of a run that is about to end: does the accuracy of f and g support its status?

A gradient within gtol means convergence only if its error, which is noise(f)/h for a difference, is
within gtol too. If a run ends without progress, one-sided differences are replaced by central ones,
with steps fitted to noise and curvature; the noise of values is measured if it may explain the end;
and the decrease still to be gained is compared with it. The measure is the decrease that a model of
f predicts relative to the rounding of f. Unlike ‖g‖ it is invariant under f + c, a f and changes of
the variables' units. Where |f| falls to 0, no decrease is small relative to it: there the gradient
is compared with its changes by rounding of x (`resolution`).

A run whose ending is refuted goes on: without its model if it has stagnated where curvature shows
that much is left, and from any lower point that the check itself has found.
"""

import numpy as np
from numba.extending import register_jitable

from quasinewton._line_searches.protocol import NOISE
from quasinewton._loops.difference_limits import (
    counted_trial,
    has_truncation_error,
    is_curvature_rough,
    is_differenced,
    measured,
    move_variable,
    separate_decrease,
    unseen_descent,
)
from quasinewton._loops.resolution import coarseness, is_rounding
from quasinewton._loops.state import Phase
from quasinewton._loops.stopping import PRECISION, PREDICTED_OF_GAIN
from quasinewton._numba_ext.jit import fragment, kernel
from quasinewton._numba_ext.linalg import copy, norm_inf
from quasinewton._objective.box import clipped
from quasinewton._objective.finite_differences import (
    CENTRAL,
    COMPLEX_STEP,
    EXACT,
    wrapped_at,
)
from quasinewton._objective.interface import GRADIENT, VALUE
from quasinewton._objective.noise import COUNT, learn_scales
from quasinewton.status import STATUS_GRADIENT, STATUS_LINE_SEARCH, STATUS_PRECISION, STATUS_RUNNING, STATUS_SADDLE

EXPLAINED = 0.01  # multiple of |f|; largest decrease that noise of f may account for
SEEN = 100.0  # multiple of the measured noise; largest predicted decrease that the noise may hide
REFINEMENTS = 3  # count; upper bound on refinements of the difference steps in a run
# Bound on the ratio of the decrease that all variables together have left to that which they have
# one by one, for correlations of their estimates up to 0.9999.
CORRELATED = 1e4
ROUGHER = 4.0  # multiple of the noise assumed; a run goes on if the measured noise exceeds this
ULPS = 256.0  # multiple of ε|x|; step over which a gradient changes by more than its rounding
# Factor by which a ratio of s·y over two steps may differ from the ratio for a constant curvature.
LOOSE = 2.5

# Outcomes of `check_ending`.
STANDS = 0  # the ending is confirmed
RESUMED = 1  # the run goes on without its model, perhaps from a new point
REPLACED = 2  # the run goes on with a new gradient


@fragment
def is_in_doubt(objective, s):
    """Return True if a run that has ended is to be checked by `check_ending`, which evaluates f."""
    if objective.address == 0:
        return False
    if s.status == STATUS_LINE_SEARCH or s.status == STATUS_PRECISION:
        return True
    if s.status == STATUS_SADDLE:
        return is_curvature_rough(objective)
    if s.status != STATUS_GRADIENT or not objective.precision:
        return False
    w = wrapped_at(objective.precision)
    if w.gradient == EXACT or w.gradient == COMPLEX_STEP:
        return False
    # Where all variables are at bounds, noise may have given the gradient its signs.
    cornered = s.g_norm == 0.0 and w.inverse > 0.0 and w.noise == 0.0
    return w.error > s.gtol or has_truncation_error(w, s, s.x0_norm) or w.blind > 0 or cornered


@register_jitable
def forget_progress(s):
    """Reset the status and the record of progress of a run that is to go on.

    It is called by compiled code and by Python code.
    """
    s["status"] = s["ending"] = STATUS_RUNNING
    s["restarted"] = s["idle"] = s["prediction_tested"] = 0
    s["predicted_mark"] = s["f_mark"] = s["f_passed"] = s["g_passed"] = np.inf


@fragment
def reopen(s):
    """Reset the scalars so that a run that has ended goes on from x."""
    forget_progress(s)
    s.phase, s.want, s.f_trial = Phase.RESUME, VALUE, s.f
    s.rows -= s.rows > 0  # the loop will write the row of x again
    s.hessian_nit = -1


@fragment
def go_on(s):
    """Let a run go on from x without its model, and return RESUMED."""
    s.f_resumed = s.f
    reopen(s)
    return RESUMED


@fragment
def refute(s, progressed):
    """Let a stagnant run go on, or end it without success; return STANDS or RESUMED.

    It goes on if no search was made from x, and if f has fallen since the run was last resumed.
    """
    if progressed and s.count == 0:
        return go_on(s)
    s.status = s.ending = STATUS_LINE_SEARCH
    return STANDS


@fragment
def moved(s, x, g, x_trial, g_trial, value):
    """Move to x_trial, where f is `value` and the gradient g_trial, if it is lower than x.

    Return True if x has been replaced. f must be lower by more than rounding may hide.
    """
    if not (value < s.f - max(s.noise, PRECISION * abs(s.f)) and np.isfinite(norm_inf(g_trial))):
        return False
    copy(x, x_trial)
    copy(g, g_trial)
    s.f = value
    s.hessian_nit = -1
    return True


@kernel
def check_ending(objective, s, x, g, p, x_trial, g_trial, low, high):
    """Confirm or change the status of a run that has ended, or let the run go on.

    Parameters
    ----------
    objective : Objective
    s : record SCALARS
        Updated: the status, the counts and the noise, or everything that `reopen` resets.
    x, g, p, x_trial, g_trial : ndarray, float64, shape (n,)
        Arrays of the state. The last two are workspace; g may be overwritten by a more accurate
        gradient.
    low, high : ndarray, float64, shape (n,) or (0,)
        Bounds.

    Returns
    -------
    int
        STANDS, RESUMED or REPLACED.
    """
    n = x.size
    if s.status == STATUS_SADDLE:
        # No trial along the negative curvature, from long ones to short ones, was lower: it is the
        # error of the differences that it is made of.
        s.status = s.ending = STATUS_GRADIENT
        return STANDS
    differenced = is_differenced(objective)
    if s.overdue or s.nfev + 4 * COUNT + differenced * 12 * n > s.maxfun:
        return STANDS
    size = max(abs(s.f), abs(s.f0))
    progressed = s.f < s.f_resumed - s.noise
    if differenced:
        return check_differences(objective, s, x, g, x_trial, g_trial, low, high, size)
    left, found = decrease_left(objective, s, x, g, p, x_trial, g_trial, low, high, progressed)
    if found:
        return go_on(s)
    model = s.status == STATUS_PRECISION or min(s.predicted, s.predicted_mark) <= PRECISION * size
    limited = model and left <= PRECISION * abs(s.f)
    if not limited and s.status == STATUS_PRECISION:
        limited = is_rounding(objective, s, x, g, low, high, x_trial, g_trial)
    if limited:
        s.status = s.ending = STATUS_PRECISION
        return STANDS
    # Noise explains no decrease of this size. At a kink `left` is infinite, because slopes show no
    # curvature; exact values look noisy there.
    if not left <= EXPLAINED * size:
        return refute(s, progressed)
    noise = measured(objective, s, x, -1, x_trial, g_trial, low, high)
    if not s.roughened and NOISE * noise > ROUGHER * s.noise and s.f != 0.0:
        s.roughened = 1
        s.rough = NOISE * noise / abs(s.f)
        reopen(s)
        return RESUMED
    hidden_decrease = hidden(s, noise)
    if left <= hidden_decrease and (model or min(s.predicted, s.predicted_mark) <= hidden_decrease):
        s.status = s.ending = STATUS_PRECISION
        return STANDS
    return refute(s, progressed)


@fragment
def check_differences(objective, s, x, g, x_trial, g_trial, low, high, size):
    """Do what `check_ending` does for a gradient made of differences of values of this size.

    The noise of f is measured first. A gradient within gtol is confirmed if its error is, too.
    Otherwise central differences with steps fitted to f follow, as long as they lead lower; then
    the decrease that is left, by the model or of the variables one by one, is compared with the
    noise.
    """
    w = wrapped_at(objective.precision)
    noise = measured(objective, s, x, -1, x_trial, g_trial, low, high)
    k, way = -1, 0.0
    if s.status == STATUS_GRADIENT and w.blind > 0:
        k, way = unseen_descent(objective, s, x, g, x_trial, low, high)
        if k >= 0:
            noise = max(noise, measured(objective, s, x, k, x_trial, g_trial, low, high))
    w.noise, w.error = noise, noise * w.inverse
    reliable = w.error <= s.gtol and not has_truncation_error(w, s, max(norm_inf(x), s.x0_norm))
    if s.status == STATUS_GRADIENT and reliable:
        # The gradient is within gtol, and so is its error.
        if k >= 0 and stepped(objective, s, x, g, k, way, x_trial, g_trial, low, high):
            return go_on(s)
        return STANDS
    if w.adaptive and w.refined < REFINEMENTS and not (w.refined and s.f >= s.f_refined - noise):
        s.nfev += learn_scales(w, objective, x, s.f, size, 0.25 * max(s.gtol, 0.0), x_trial)
        s.f_refined = s.f
        if w.sharpens:
            w.gradient = CENTRAL
        w.f = s.f
        copy(x_trial, x)
        counted_trial(objective, s, x_trial, g, GRADIENT)
        s.rough = max(s.rough, NOISE * noise / abs(s.f) if s.f != 0.0 else 0.0)
        modelless = s.restarted
        reopen(s)
        s.restarted = modelless  # what is predicted without a model does not count
        return REPLACED
    if s.status == STATUS_RUNNING:
        return STANDS
    if k >= 0 and stepped(objective, s, x, g, k, way, x_trial, g_trial, low, high):
        return go_on(s)
    left = min(s.predicted, s.predicted_mark)
    limit = max(hidden(s, noise), PREDICTED_OF_GAIN * (s.f0 - s.f))
    if s.status != STATUS_GRADIENT and left > limit:
        left = CORRELATED * separate_decrease(objective, s, w, x, g, noise, low, high, x_trial)
    if s.status == STATUS_GRADIENT or left <= limit:
        s.status = s.ending = STATUS_PRECISION
    else:
        s.status = s.ending = STATUS_LINE_SEARCH
    return STANDS


@fragment
def hidden(s, noise):
    """Return the largest decrease of f that rounding or the measured noise may hide."""
    return max(PRECISION * abs(s.f), SEEN * noise)


@fragment
def stepped(objective, s, x, g, k, length, x_trial, g_trial, low, high):
    """Move x_k by `length` relative to its size; return True if f is lower there, as `moved`."""
    move_variable(x, k, length, low, high, x_trial)
    f = counted_trial(objective, s, x_trial, g_trial, VALUE | GRADIENT)
    move_variable(x, k, length, low, high, x_trial)  # the objective may have overwritten it
    return moved(s, x, g, x_trial, g_trial, f)


@fragment
def decrease_left(objective, s, x, g, p, x_trial, g_trial, low, high, adopting):
    """Return the decrease still to be gained along p, from the curvature measured along p.

    The decrease is ½ (g·s)²/(s·y), for a step s along −p and the change y of g over it. The step is
    as short as rounding of x allows, so that the slope at x is what is tested. If slopes do not
    change as constant curvature would make them, the result is infinity: x is at a kink, or the
    method's model predicts little only because it overestimates the curvature. Two to six gradients
    are evaluated; `x_trial` and `g_trial` are overwritten. With `adopting`, if f is lower at one of
    the points, x, g and s.f become those of the point, and the second result is True.
    """
    n = x.size
    steepest, k = -1.0, 0
    for i in range(n):
        if abs(g[i] * p[i]) > steepest:
            steepest, k = abs(g[i] * p[i]), i
    if not steepest > 0.0:
        return np.inf, False
    reach = abs(x[k]) if x[k] != 0.0 else norm_inf(x)
    step = ULPS * coarseness(objective)
    t = step * (reach if reach > 0.0 else 1.0) / abs(p[k])
    left, found = curvature_left(objective, s, x, g, p, x_trial, g_trial, low, high, t, 4.0, adopting)
    # Over a step relative to a variable that is nearly 0, the gradient may change by less than its
    # rounding. Steps relative to all variables follow. They may lead across a kink near x, so the
    # curvature must be the same on both sides.
    longer = step * max(s.x0_norm, norm_inf(x)) / norm_inf(p)
    if not found and left == np.inf and longer > t:
        left, found = curvature_left(objective, s, x, g, p, x_trial, g_trial, low, high, longer, 4.0, adopting)
        if left < np.inf:
            t = 4.0 * longer
            left, found = curvature_left(objective, s, x, g, p, x_trial, g_trial, low, high, t, -1.0, adopting)
    return left, found


@fragment
def curvature_left(objective, s, x, g, p, x_trial, g_trial, low, high, t, other, adopting):
    """Return what `decrease_left` does, from changes of g over steps t and `other` t along −p."""
    n = x.size
    first = second = slope = 0.0
    for j in range(2):
        length = t if j == 0 else other * t
        for i in range(n):
            x_trial[i] = x[i] + backward(x, p, length, low, high, i)
        f = counted_trial(objective, s, x_trial, g_trial, VALUE | GRADIENT)
        # The objective may have overwritten x_trial.
        for i in range(n):
            x_trial[i] = x[i] + backward(x, p, length, low, high, i)
        if adopting and moved(s, x, g, x_trial, g_trial, f):
            return np.inf, True
        change = 0.0
        for i in range(n):
            step = backward(x, p, length, low, high, i)
            change += (g_trial[i] - g[i]) * step
            slope += g[i] * step if j == 0 else 0.0
        if j == 0:
            first = change
        else:
            second = change
    ratio = second / first if first > 0.0 else 0.0
    expected = other * other  # if the curvature is constant
    if not expected / LOOSE <= ratio <= expected * LOOSE:
        return np.inf, False
    return 0.5 * slope * slope / first, False


@fragment
def backward(x, p, length, low, high, i):
    """Return component i of the step from x to x − length p, projected onto the bounds."""
    point = x[i] - length * p[i]
    if low.size:
        point = clipped(point, low[i], high[i])
    return point - x[i]
