"""A last look at f where a run is about to end: whether what it knows of f is enough to say what
its status says.

A gradient within gtol is one only if its error is, too: of a difference, noise(f)/h. Where a run
ends without progress, one-sided differences become central ones, with steps that noise and
curvature show; the noise of values is measured, where it explains the end; and what was left to
gain is compared with it. The measure is the decrease that a model of f predicts against the
rounding of f, which is invariant under f + c, a f and changes of the variables' units; ‖g‖ is not.
"""

import numpy as np

from quasinewton.line_searches.protocol import NOISE
from quasinewton.loops.state import NOTHING, Phase
from quasinewton.numba_ext.jit import fragment, kernel
from quasinewton.numba_ext.linalg import copy, norm_inf
from quasinewton.objective.finite_differences import CENTRAL, COMPLEX_STEP, EXACT, FORWARD, begin, wrapped_at
from quasinewton.objective.interface import GRADIENT, VALUE, attempt
from quasinewton.objective.noise import COUNT, learn_scales, noise_near
from quasinewton.status import CONVERGED, NO_PROGRESS, PRECISION_LIMIT, RUNNING

EPSILON = np.finfo(np.float64).eps
HIDDEN = 1e4  # times the rounding of f: a predicted decrease that rounding may hide
SEEN = 100.0  # times noise of f that has been measured: the same
REFINEMENTS = 3  # of the steps of differences in a run
DROWNED = 8.0  # times its rounding error: a gradient that differences no longer tell from 0
ROUGHER = 4.0  # than it was taken for: a noise of f that is worth going on with
ULPS = 256.0  # of x: a distance over which gradients change clear of their rounding
RATIO = 16.0  # of the changes of slopes along a step and one four times as long, where curvature makes them
LOOSE = 2.5  # factor to either side

# What has come of a last look.
STANDS = 0  # the ending
RESUMED = 1  # the run goes on with the gradient that it has
REPLACED = 2  # the run goes on with a new gradient


@fragment
def prepare(objective, s, n):
    """Before a run begins: forget what the record of the precision has from another one."""
    if objective.known and s.nfev == 0 and s.nit == 0:
        w = wrapped_at(objective.known)
        if w.probe:
            begin(w, n)


@fragment
def gradient_values(objective, n):
    """How many values a gradient costs now: central differences twice as many as those that the run
    began with.
    """
    if objective.known:
        w = wrapped_at(objective.known)
        if w.first == FORWARD and w.gradient == CENTRAL:
            return 2 * objective.values
    return objective.values


@fragment
def types_tell(objective, s):
    """Take in what the types of values say of their rounding."""
    if objective.known:
        w = wrapped_at(objective.known)
        if w.f_type > 0.0:
            s.rough = max(s.rough, NOISE * w.f_type)


@fragment
def is_in_doubt(objective, s):
    """Return True if a run that has ended should look again."""
    if s.status == NO_PROGRESS or s.status == PRECISION_LIMIT:
        return True
    if s.status != CONVERGED or not objective.known:
        return False
    w = wrapped_at(objective.known)
    if w.gradient == EXACT or w.gradient == COMPLEX_STEP:
        return False
    return w.error > s.gtol or is_bent(w, s) or (w.blind > 0 and w.noise == 0.0)


@fragment
def is_bent(w, s):
    """Return True if curvature may falsify central differences whose steps have not been learnt.

    Their error h²f‴/6 is of the order of a second difference over the scale of the variable.
    """
    return w.gradient == CENTRAL and w.adaptive and w.refined == 0 and w.bend > s.gtol


@fragment
def is_exhausted(objective, s):
    """Return True if an iterate has a gradient by one-sided differences that rounding of f may
    account for.
    """
    if not (objective.known and s.iterated and s.want != NOTHING):
        return False
    w = wrapped_at(objective.known)
    return w.sharpens and w.gradient == FORWARD and s.gtol < s.g_norm <= DROWNED * w.error


@fragment
def reopen(s):
    """Let a run that has ended go on from x."""
    s.status = s.ending = RUNNING
    s.phase, s.want, s.f_trial = Phase.RESUME, VALUE, s.f
    s.hessian_nit = -1
    s.restarted = s.idle = 0
    s.rows -= s.rows > 0  # the row of x is written once more
    s.predicted_mark = s.f_mark = s.f_passed = s.g_passed = np.inf


@kernel
def look(objective, s, x, g, p, x_trial, g_trial, low, high):
    """Look again at a run that has ended in doubt.

    Parameters
    ----------
    objective : Objective
    s : record SCALARS
        Updated: the status, the counts, the noise; or reopened.
    x, g, p, x_trial, g_trial : ndarray, float64, shape (n,)
        Of the state. The last two are workspace; g may be replaced by a better one.
    low, high : ndarray, float64, shape (n,) or (0,)
        Bounds.

    Returns
    -------
    int
        STANDS, RESUMED or REPLACED.
    """
    n = x.size
    differenced = False
    if objective.known:
        w = wrapped_at(objective.known)
        differenced = w.gradient == FORWARD or w.gradient == CENTRAL
    if s.overdue or s.nfev + 4 * COUNT + differenced * 12 * n > s.maxfun:
        return STANDS
    size = max(abs(s.f), abs(s.f0))
    if differenced:
        w = wrapped_at(objective.known)
        noise = measured(objective, s, x, x_trial, g_trial, low, high)
        w.noise, w.error = noise, noise * w.inverse
        if s.status == CONVERGED and w.error <= s.gtol and not is_bent(w, s):
            return STANDS  # f is as flat as it seems
        if w.adaptive and w.refined < REFINEMENTS and not (w.refined and s.f >= s.f_refined - noise):
            s.nfev += learn_scales(w, objective, x, s.f, size, 0.25 * max(s.gtol, 0.0), x_trial)
            s.f_refined = s.f
            if w.sharpens:
                w.gradient = CENTRAL
            w.f = s.f
            copy(x_trial, x)
            attempt(objective.address, x_trial, g, x_trial, GRADIENT, objective.data, True)
            s.njev += 1
            s.nfev += gradient_values(objective, n)
            s.rough = max(s.rough, NOISE * noise / abs(s.f) if s.f != 0.0 else 0.0)
            reopen(s)
            return REPLACED
        if s.status == RUNNING:
            return STANDS
        left = min(s.predicted, s.predicted_mark)
        if s.status == CONVERGED or s.g_norm <= 4.0 * w.error or left <= hidden(s, noise):
            s.status = s.ending = PRECISION_LIMIT
        else:
            s.status = s.ending = NO_PROGRESS
        return STANDS
    left = decrease_left(objective, s, x, g, p, x_trial, g_trial, low, high)
    model = s.status == PRECISION_LIMIT or min(s.predicted, s.predicted_mark) <= HIDDEN * EPSILON * size
    if model and left <= HIDDEN * EPSILON * abs(s.f):
        s.status = s.ending = PRECISION_LIMIT
        return STANDS
    noise = measured(objective, s, x, x_trial, g_trial, low, high)
    # Beside a kink, where slopes show no curvature, values seem noisy and are not.
    if np.isfinite(left) and not s.roughened and NOISE * noise > ROUGHER * s.noise and s.f != 0.0:
        s.roughened = 1
        s.rough = NOISE * noise / abs(s.f)
        reopen(s)
        return RESUMED
    enough = hidden(s, noise)
    certain = left <= enough and (model or min(s.predicted, s.predicted_mark) <= enough)
    s.status = s.ending = PRECISION_LIMIT if certain else NO_PROGRESS
    return STANDS


@fragment
def hidden(s, noise):
    """A decrease of f that its rounding may hide, or the noise that has been measured."""
    return max(HIDDEN * EPSILON * abs(s.f), SEEN * noise)


@fragment
def measured(objective, s, x, point, size, low, high):
    """The noise of f near x, no less than rounding; counts its values. `point` and `size` are
    overwritten.
    """
    table = np.empty(COUNT)
    for i in range(x.size):
        size[i] = max(1.0, abs(x[i]))
    noise, count = noise_near(objective, x, low, high, size, point, table)
    s.nfev += count
    least = EPSILON * abs(s.f)
    return max(noise, least) if np.isfinite(noise) else least


@fragment
def decrease_left(objective, s, x, g, p, x_trial, g_trial, low, high):
    """The decrease that is left along p by the curvature there: ½ (g·s)²/(s·y), of a step s with a
    change y of g.

    Return infinity where slopes do not change as curvature makes them: at a kink, or where a model
    promises little only because it takes f for stiffer than it is. s points backward, and is as
    short as rounding of x allows: so that it is the slope at x that is put to the test. It takes
    two gradients.
    """
    n = x.size
    steepest, k = -1.0, 0
    for i in range(n):
        if abs(g[i] * p[i]) > steepest:
            steepest, k = abs(g[i] * p[i]), i
    if not steepest > 0.0:
        return np.inf
    reach = abs(x[k]) if x[k] != 0.0 else norm_inf(x)
    coarse = EPSILON
    if objective.known:
        coarse = max(coarse, wrapped_at(objective.known).g_eps)
    t = ULPS * coarse * (reach if reach > 0.0 else 1.0) / abs(p[k])
    first = second = slope = 0.0
    for j in range(2):
        length = t if j == 0 else 4.0 * t
        for i in range(n):
            x_trial[i] = x[i] + backward(x, p, length, low, high, i)
        attempt(objective.address, x_trial, g_trial, x_trial, VALUE | GRADIENT, objective.data, True)
        s.nfev += 1
        s.njev += 1
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
    if not RATIO / LOOSE <= ratio <= RATIO * LOOSE:
        return np.inf
    return 0.5 * slope * slope / first


@fragment
def backward(x, p, length, low, high, i):
    """Component i of the step from x to the point that lies so far behind it along p, put into the
    box.
    """
    point = x[i] - length * p[i]
    if low.size:
        point = min(max(point, low[i]), high[i])
    return point - x[i]
