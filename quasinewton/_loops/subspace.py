"""Third test of a success: search for a lower point off the subspace in which all steps lie.

A method of quasi-Newton type that started on a subspace of symmetry ends at a minimum within this
subspace, which may be a saddle; see `_methods.unexplored`. Curvature orthogonal to the steps is
sought by conjugate gradients with differences of gradients (Nocedal & Wright, 2006, section 7.1),
and values along a direction of negative curvature decide.
"""

import numpy as np

from quasinewton._loops.certificate import SPACING
from quasinewton._loops.difference_limits import counted_trial, is_differenced
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import copy, dot, negate, norm_inf, point_on_line, reach
from quasinewton._objective.box import clipped
from quasinewton._objective.interface import GRADIENT, VALUE

# Upper bound on the number of differences of gradients. Two distinguish two curvatures, which all
# directions have where f is a sum of equal terms in two variables each.
PRODUCTS = 2
# Fraction of the largest curvature met; a negative one that is smaller may be rounding.
FLOOR = 1e-6
# Their counterparts where gradients are differences of values, whose rounding is √ε relative to f:
# spacing relative to x, and fraction of the curvature.
SPACING_OF_DIFFERENCES, FLOOR_OF_DIFFERENCES = 1e-3, 1e-4
# Upper bound on the number of trials, in pairs on both sides, and the factor from a pair to the
# next; the last ones are within 1e-4 of the size of x.
TRIALS, SHRINK = 14, 0.25
# Fraction of the decrease that constant curvature promises. If f changes by less than this, or by
# less than the noise, at the trials of two lengths, it is constant along the direction, and the
# curvature is rounding.
FLAT, FLAT_TRIALS = 1e-3, 3


@fragment
def size_of(s, x):
    """Return a length of the order of the variables: ‖x‖_∞ or ‖x0‖_∞, or 1 if both are 0."""
    size = max(norm_inf(x), s.x0_norm)
    return size if size > 0.0 else 1.0


@fragment
def hold_back(v, p):
    """Set the components of v to 0 where those of p are. v is overwritten."""
    for i in range(v.size):
        if p[i] == 0.0:
            v[i] = 0.0


@fragment
def keep_off_bounds(x, p, low, high, room):
    """Set the components of p to 0 in the variables that are nearer than `room` to a bound.

    p is overwritten. Return True if any component is left.
    """
    left = False
    for i in range(x.size):
        if low.size and not (x[i] - low[i] > room and high[i] - x[i] > room):
            p[i] = 0.0
        left |= p[i] != 0.0
    return left


@fragment
def find_curvature(objective, s, x, g, p, x_trial, g_trial, most, holding, spacing, floor):
    """Find a direction of negative curvature by conjugate gradients from p.

    Gradients are evaluated at the distance `spacing` from x, and curvatures below `floor` of the
    largest are none. If `holding`, variables along which p is 0 do not move. The direction is
    written to p, with ‖p‖_∞ = 1, and its curvature p·H p returned; it is 0 if none was found with
    `most` products. x_trial and g_trial are overwritten.
    """
    n = x.size
    r, d, start = np.empty(n), np.empty(n), np.empty(n)
    copy(start, p)
    copy(r, p)
    negate(d, p)
    rr, largest = dot(r, r), 0.0
    for _ in range(most):
        # The gradient is evaluated where f is higher: a lower point would have to be returned.
        step = spacing / norm_inf(d)
        step = -step if dot(g, d) < 0.0 else step
        point_on_line(x, step, d, x_trial)
        counted_trial(objective, s, x_trial, g_trial, GRADIENT)
        for i in range(n):
            g_trial[i] = (g_trial[i] - g[i]) / step
        if holding:
            hold_back(g_trial, start)
        dHd, dd = dot(d, g_trial), dot(d, d)
        largest = max(largest, abs(dHd) / dd)
        if not np.isfinite(dHd) or abs(dHd) <= floor * largest * dd:
            return 0.0
        if dHd < 0.0:
            length = norm_inf(d)
            for i in range(n):
                p[i] = d[i] / length
            return dHd / (length * length)
        old = rr
        for i in range(n):
            r[i] += rr / dHd * g_trial[i]
        rr = dot(r, r)
        for i in range(n):
            d[i] = rr / old * d[i] - r[i]
    return 0.0


@fragment
def point_off_subspace(objective, s, x, g, p, x_trial, g_trial, dimensions, low, high):
    """Search for a lower point along a negative curvature in dimensions that no step has reached.

    Parameters
    ----------
    objective : Objective
    s : record SCALARS
        Its counts are updated.
    x, g : ndarray, float64, shape (n,)
    p : ndarray, float64, shape (n,)
        A vector orthogonal to all steps; it becomes the direction.
    x_trial, g_trial : ndarray, float64, shape (n,)
        Overwritten.
    dimensions : int
        Number of dimensions orthogonal to all steps.
    low, high : ndarray, float64, shape (n,) or (0,)
        Bounds. Along the direction no variable moves that is at a bound.

    Returns
    -------
    float
        Positive step along p to a point where f is lower; 0 if none was found.
    """
    differenced = is_differenced(objective)
    spacing = (SPACING_OF_DIFFERENCES if differenced else SPACING) * size_of(s, x)
    # Room for the spacing of the gradients, whichever way they go.
    if not keep_off_bounds(x, p, low, high, 2.0 * spacing):
        return 0.0
    floor, most = FLOOR_OF_DIFFERENCES if differenced else FLOOR, min(dimensions, PRODUCTS)
    curvature = find_curvature(objective, s, x, g, p, x_trial, g_trial, most, low.size > 0, spacing, floor)
    if not curvature < 0.0:
        return 0.0
    if dot(g, p) > 0.0:
        negate(p, p)
    longest, flat = size_of(s, x), True
    for trial in range(TRIALS):
        alpha = min(longest, reach(x, p, 1.0, low, high)) if low.size else longest
        point_on_line(x, alpha, p, x_trial)
        for i in range(low.size):
            x_trial[i] = clipped(x_trial[i], low[i], high[i])  # of rounding
        f = counted_trial(objective, s, x_trial, g_trial, VALUE)
        promised = -0.5 * curvature * alpha * alpha
        if f < s.f - s.noise:
            return alpha
        flat &= abs(f - s.f) <= max(s.noise, FLAT * promised)
        if flat and trial + 1 == FLAT_TRIALS:
            return 0.0
        negate(p, p)
        if trial % 2:
            longest *= SHRINK
    return 0.0
