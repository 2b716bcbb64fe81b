"""The box low <= x <= high: what vectors do in it. Bounds may be infinite; a variable with low =
high is fixed.

A variable is *held* if it lies at a bound and −g points out of the box, or nowhere; the others are
free.
"""

import numpy as np

from quasinewton.methods.first_trial import first_length
from quasinewton.numba_ext.jit import fragment
from quasinewton.numba_ext.linalg import copy, dot, norm_inf, reach

# Steps this near to a bound, relative to the way there, end on it: x + (low − x) may miss low by
# rounding.
NEAR = 1.0 - 4.0 * np.finfo(np.float64).eps

SUFFICIENT = 1e-3  # part of the slope of a step that its projection must keep
SHORTEST = 1e-10

# What a method knows of steps that leave the box: nothing against them; the last was too long; this
# one has been cut.
CARELESS = 0
CAUTIOUS = 1
CUT = 2

SHORT_OF = 0.9  # the end of the box: a first step, whose length is a guess, may as well end there


@fragment
def held(x, g, low, high):
    """Whether a variable at x with the derivative g is held."""
    return (x <= low and g >= 0.0) or (x >= high and g <= 0.0)


@fragment
def inside(point, low, high):
    """The number of the interval that is nearest to `point`; NaN stays NaN."""
    return low if point < low else high if point > high else point


@fragment
def clip(x, low, high):
    """Put x into the box. x is overwritten."""
    for i in range(x.size):
        x[i] = inside(x[i], low[i], high[i])


@fragment
def stepped(x, step, low, high):
    """x + step, put between the bounds."""
    point = x + step
    if step <= NEAR * (low - x) or point < low:
        return low
    if step >= NEAR * (high - x) or point > high:
        return high
    return point


@fragment
def place_inside(x, alpha, p, low, high, x_trial):
    """x_trial = x + alpha p, put into the box, overwritten; whether it differs from x."""
    moved = False
    for i in range(x.size):
        point = stepped(x[i], alpha * p[i], low[i], high[i])
        x_trial[i] = point
        moved |= point != x[i]
    return moved


@fragment
def advance_inside(x, g, p, alpha, g_new, low, high, s, y):
    """As `linalg.advance`, to the point of `place_inside`, to the bit."""
    for i in range(x.size):
        point = stepped(x[i], alpha * p[i], low[i], high[i])
        s[i] = point - x[i]
        x[i] = point
        y[i] = g_new[i] - g[i]
        g[i] = g_new[i]


@fragment
def projected_norm(x, g, low, high):
    """How far x is from optimal in the box; NaN if any entry of g is NaN.

    Notes
    -----
    ‖P(x − g) − x‖_∞, where P puts a point into the box (Byrd, Lu, Nocedal & Zhu, 1995, eq. 6.1), is
    min(|g_i|, r_i) for a variable with room r_i ahead of −g_i: small also where the bound is near
    and g steep. Here it is √(r_i |g_i|) if r_i < |g_i|: the square root of what the way to the
    bound lowers f by, as |g_i| ≤ gtol bounds that by gtol² for curvatures of order 1. (Coleman &
    Li, SIAM J. Optim. 6, 1996, scale the gradient by √r_i, too.)
    """
    largest = nan = 0.0
    for i in range(x.size):
        room = x[i] - low[i] if g[i] > 0.0 else high[i] - x[i]
        size = abs(g[i])
        if room < size:
            size = np.sqrt(room) * np.sqrt(size) if room > 0.0 else 0.0
        largest = size if size > largest else largest
        nan += size
    return np.nan if np.isnan(nan) else largest


@fragment
def project_gradient(x, g, t, low, high, p):
    """p = P(x − t g) − x, overwritten; return g·p."""
    slope = 0.0
    for i in range(x.size):
        p[i] = inside(x[i] - t * g[i], low[i], high[i]) - x[i]
        slope += g[i] * p[i]
    return slope


@fragment
def project_step(x, g, low, high, p):
    """p = P(x + p) − x, overwritten; return g·p."""
    slope = 0.0
    for i in range(x.size):
        p[i] = inside(x[i] + p[i], low[i], high[i]) - x[i]
        slope += g[i] * p[i]
    return slope


@fragment
def project_enough(x, g, low, high, step, whole, slope, p):
    """Shorten a step until its projection is one of enough descent; return the slope of that.

    Parameters
    ----------
    x, g, low, high, step : ndarray, float64, shape (n,)
    whole, slope : float
        g·step, and g·p.
    p : ndarray, float64, shape (n,)
        What is to be judged first, and kept if it will do. Overwritten.

    Notes
    -----
    Close to x the projection of the step is one of descent; Bertsekas, SIAM J. Control Optim. 20
    (1982), proposition 1.
    """
    t = 1.0
    while not slope <= SUFFICIENT * t * whole and t > SHORTEST:
        for i in range(x.size):
            p[i] = t * step[i]
        slope = project_step(x, g, low, high, p)
        t *= 0.5
    return slope


@fragment
def cut_step(x, g, low, high, p):
    """Shorten p, overwritten, to where it leaves the box; return g·p, which is 0 where it does so
    at once.
    """
    t = min(1.0, reach(x, p, 1.0, low, high))
    for i in range(x.size):
        p[i] *= t
    return dot(g, p)


@fragment
def bend_or_cut(x, g, low, high, caution, step, whole, slope, p):
    """The same as `project_enough`; but where the last such step was too long, cut this one.

    `caution` is CARELESS, or what `judge` left: a projected step may leave a valley of f that the
    step itself keeps to, and then be of use only when it is very short. Cut, the step ends at a
    bound, and the variable is held there.
    """
    if caution[0] == CAUTIOUS:
        caution[0] = CUT
        copy(p, step)
        cut = cut_step(x, g, low, high, p)
        if cut < 0.0:
            return cut
        copy(p, step)
        slope = project_step(x, g, low, high, p)
    return project_enough(x, g, low, high, step, whole, slope, p)


@fragment
def judge(caution, step, p, alpha):
    """Learn from the length that was accepted of p, whether to cut the next step that leaves the
    box.
    """
    if caution[0] == CUT:
        caution[0] = CAUTIOUS if alpha < 1.0 else CARELESS  # until one has come to its bound
        return
    for i in range(p.size):
        if p[i] != step[i]:
            caution[0] = CAUTIOUS if alpha < 1.0 else CARELESS
            return


@fragment
def descend_inside(x, g, g_norm, low, high, p):
    """What `protocol.descend` says, in the box."""
    t = first_length(g_norm, norm_inf(x)) / g_norm
    return project_gradient(x, g, t, low, high, p), 1.0


@fragment
def first_step(x, g, low, high, p):
    """P(x − g) − x, of which to try a length of 1 first; all of it, where all variables are bounded
    on both sides.

    A trial that would fall just short of where this way leaves the box goes there.
    """
    slope = project_gradient(x, g, 1.0, low, high, p)
    boxed = True
    for i in range(x.size):
        boxed &= high[i] - low[i] < np.inf
    length = np.sqrt(dot(p, p))
    if boxed or not length > 0.0:
        return slope, 1.0
    alpha, end = first_length(length, np.sqrt(dot(x, x))) / length, reach(x, p, 1.0, low, high)
    return slope, end if SHORT_OF * end < alpha < end else alpha
