"""Projection onto the box low <= x <= high. Bounds may be infinite; low = high fixes a variable.

A variable is active if it lies at a bound and −g does not point into the box (`box.is_active`); the
others are free. P denotes the projection onto the box.
"""

import numpy as np

from quasinewton._floats import EPSILON
from quasinewton._methods.first_trial import first_length
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import copy, dot, norm_inf, reach
from quasinewton._objective.box import clipped

# Fraction of the distance to a bound from which on a step ends exactly at the bound, because
# x + (low − x) may differ from low by rounding.
NEAR = 1.0 - 4.0 * EPSILON

ROUNDING = 2.0 * EPSILON  # relative to x and the step; a component of x + p − x differs from p by less

SUFFICIENT = 1e-3  # fraction of the slope of a step; required of the slope of its projection
SHORTEST = 1e-10  # fraction of the step; it is not shortened below this

# How to bring the next step into the box. The first two are decisions; the third records that the
# present step was truncated, until its length is known.
PROJECT = 0  # project it (the default)
TRUNCATE = 1  # truncate it, because the line search had to shorten the last projected step
TRUNCATED = 2  # the present step has been truncated at its first bound

# Fraction of the largest feasible step. A longer first trial is extended to that step, so that the
# variable reaches its bound at once, instead of stopping just short of it.
EXTENDED_FROM = 0.9


@fragment
def stepped(x, step, low, high):
    """Return x + step, projected onto [low, high], and exactly a bound if it is that near."""
    point = x + step
    if step <= NEAR * (low - x) or point < low:
        return low
    if step >= NEAR * (high - x) or point > high:
        return high
    return point


@fragment
def place_inside(x, alpha, p, low, high, x_trial):
    """Write P(x + alpha p) to x_trial, overwritten; return True if it differs from x."""
    moved = False
    for i in range(x.size):
        point = stepped(x[i], alpha * p[i], low[i], high[i])
        x_trial[i] = point
        moved |= point != x[i]
    return moved


@fragment
def advance_inside(x, g, p, alpha, g_new, low, high, s, y):
    """Move x to P(x + alpha p) and g to g_new; write s and y, the changes of x and g.

    x, g, s and y are overwritten. The new x equals the point of `place_inside` bit for bit.
    """
    for i in range(x.size):
        point = stepped(x[i], alpha * p[i], low[i], high[i])
        s[i] = point - x[i]
        x[i] = point
        y[i] = g_new[i] - g[i]
        g[i] = g_new[i]


@fragment
def projected_norm(x, g, low, high):
    """Return the norm of a scaled projected gradient, which is 0 if x is stationary in the box.

    The result is NaN if any entry of g is NaN.

    Notes
    -----
    The usual norm ‖P(x − g) − x‖_∞ (Byrd, Lu, Nocedal & Zhu, 1995, eq. 6.1) is the maximum of
    min(|g_i|, r_i), with r_i the distance to the bound in the direction −g_i. It is small also if
    the bound is near and g steep. Here the term is √(r_i |g_i|) if r_i < |g_i|. Its square is the
    decrease of f on the way to the bound, to first order, so a norm ≤ gtol bounds that decrease by
    gtol², as |g_i| ≤ gtol does for a free variable with curvature of order 1. (Coleman & Li, SIAM
    J. Optim. 6, 1996, also scale the gradient by √r_i.)
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
    """Write P(x − t g) − x to p, overwritten; return g·p."""
    slope = 0.0
    for i in range(x.size):
        p[i] = clipped(x[i] - t * g[i], low[i], high[i]) - x[i]
        slope += g[i] * p[i]
    return slope


@fragment
def project_step(x, g, low, high, p):
    """Overwrite p with P(x + p) − x; return g·p."""
    slope = 0.0
    for i in range(x.size):
        p[i] = clipped(x[i] + p[i], low[i], high[i]) - x[i]
        slope += g[i] * p[i]
    return slope


@fragment
def project_with_descent(x, g, low, high, step, full_slope, slope, p):
    """Shorten a step until its projection is a direction of sufficient descent; return its slope.

    Parameters
    ----------
    x, g, low, high, step : ndarray, float64, shape (n,)
    full_slope, slope : float
        g·step, and g·p.
    p : ndarray, float64, shape (n,)
        Projected step, which is kept if its slope suffices. Otherwise overwritten with the
        projection of the shortened step.

    Notes
    -----
    The projection of a sufficiently short step is a descent direction: Bertsekas, SIAM J. Control
    Optim. 20 (1982), proposition 1.
    """
    t = 1.0
    while not slope <= SUFFICIENT * t * full_slope and t > SHORTEST:
        for i in range(x.size):
            p[i] = t * step[i]
        slope = project_step(x, g, low, high, p)
        t *= 0.5
    return slope


@fragment
def truncate_step(x, g, low, high, p):
    """Truncate p, overwritten, at the first bound; return g·p, which is 0 if x is at that bound."""
    t = min(1.0, reach(x, p, 1.0, low, high))
    for i in range(x.size):
        p[i] *= t
    return dot(g, p)


@fragment
def project_or_truncate(x, g, low, high, projecting, step, full_slope, slope, p):
    """Bring a step into the box, by projection or by truncation; return the slope g·p.

    The step is truncated at its first bound if `projecting[0]` is TRUNCATE, which
    `choose_projection` sets after a projected step was too long, and otherwise projected by
    `project_with_descent`. A projected step may leave a valley of f that the step itself follows,
    so that only a small part of it lowers f. A truncated step ends at a bound, where the variable
    then is active. A step that ends inside the box does not change how the next one is brought into
    it: methods that solve for their step inexactly make short and long steps by turns. `projecting`
    and p are overwritten. If the direction is computed twice at one
    point, both results are equal.
    """
    if projecting[0] != PROJECT:
        projecting[0] = TRUNCATE
        copy(p, step)
        cut = truncate_step(x, g, low, high, p)
        if cut < 0.0:
            projecting[0] = TRUNCATED if is_cut(x, step, p) else TRUNCATE
            return cut
        copy(p, step)
        slope = project_step(x, g, low, high, p)
    return project_with_descent(x, g, low, high, step, full_slope, slope, p)


@fragment
def is_cut(x, step, p):
    """Return True if p differs from `step`, before projection, by more than rounding of x + p."""
    for i in range(p.size):
        if abs(p[i] - step[i]) > ROUNDING * (abs(x[i]) + abs(step[i])):
            return True
    return False


@fragment
def choose_projection(projecting, x, step, p, alpha):
    """Decide from the accepted step length whether to truncate the next step that leaves the box.

    x is the point before the step. `projecting[0]` is updated if p was truncated or projected from
    `step`.
    """
    if projecting[0] == TRUNCATED or is_cut(x, step, p):
        projecting[0] = TRUNCATE if alpha < 1.0 else PROJECT  # truncate until a step has reached its bound


@fragment
def descend_inside(x, g, g_norm, low, high, p):
    """Write the projected first step along −g to p; return (slope g·p, first trial step 1).

    It is `protocol.descend` for the methods under bounds.
    """
    t = first_length(g_norm, norm_inf(x)) / g_norm
    return project_gradient(x, g, t, low, high, p), 1.0


@fragment
def first_step(x, g, low, high, p):
    """Write P(x − g) − x to p; return (slope g·p, first trial step).

    The first trial step is 1 if all variables are bounded on both sides; otherwise it gives p the
    length of `first_length`. A trial just short of the largest feasible step is extended to it.
    """
    slope = project_gradient(x, g, 1.0, low, high, p)
    boxed = True
    for i in range(x.size):
        boxed &= high[i] - low[i] < np.inf
    length = np.sqrt(dot(p, p))
    if boxed or not length > 0.0:
        return slope, 1.0
    alpha, end = first_length(length, np.sqrt(dot(x, x))) / length, reach(x, p, 1.0, low, high)
    return slope, end if EXTENDED_FROM * end < alpha < end else alpha
