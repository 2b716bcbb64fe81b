"""Second test of a success: search for a lower point along the gradient in relative units.

A method of quasi-Newton type knows the curvature only along the steps it has made. If the variables
have very different sizes, its model may predict no decrease where f falls along variables that it
has hardly moved. The steepest descent direction in the variables relative to their size,
−x_i² g_i, does not depend on the units of the variables, and one more gradient shows the
decrease to be had along it.
"""

import numpy as np

from quasinewton._floats import EPSILON
from quasinewton._loops.difference_limits import counted_trial, is_differenced
from quasinewton._loops.stopping import has_tried, tolerated_decrease
from quasinewton._numba_ext.jit import fragment, kernel
from quasinewton._numba_ext.linalg import norm_inf
from quasinewton._objective.box import clipped, is_active
from quasinewton._objective.interface import GRADIENT, VALUE
from quasinewton.status import STATUS_GRADIENT, STATUS_PRECISION

# Relative to x; step over which the curvature is measured. It is far above the rounding of x, to
# which differences of the gradient are then relative, and short enough that the curvature of most
# functions hardly changes.
SPACING = 1e-6
# Relative to x; its counterpart where gradients are differences of values, ε^(1/4): the curvature
# is then a second difference of values.
SPACING_OF_VALUES = EPSILON**0.25
SHOWN = 8.0  # multiple of the noise floor; a second difference below it shows no curvature
# Ratio of the largest variable to the least that is not 0. Below it the variables are taken to have
# one size: the direction in relative units is then close to that of the gradient.
SPREAD = 10.0
# Its counterpart for methods that solve for their step by products with the Hessian. They know the
# curvature along all variables that their residual shows, in the units of the user.
WIDE = 1e6
# Relative to x; longest trial. A step this long doubles a variable or makes it 0.
WIDEST = 1.0
# Upper bound on the number of trials, and the factor that shortens a trial that was no lower. The
# last trial is a thousandth of the first, which a model of constant curvature has proposed.
TRIALS, SHRINK = 4, 0.1


@fragment
def is_uncertain(objective, s, known):
    """Return True if a run that has ended with success should be tested, as by `lower_point`.

    With `known`, the Hessian is known, and the run exempt. So are runs that have met a gtol given
    by the user, which is the only test of their success.
    """
    if known or objective.address == 0 or s.overdue or s.nit >= s.maxiter:
        return False
    if s.nfev + 1 + objective.values + TRIALS >= s.maxfun:
        return False
    if s.status == STATUS_GRADIENT:
        return s.gtol_is_default != 0 and not has_tried(s)
    return s.status == STATUS_PRECISION


@fragment
def relative_descent(x, g, low, high, spread, modelless, p):
    """Write −x_i² g_i, up to a factor, to p; return the largest |p_i / x_i|.

    A variable that is 0, or active at a bound, does not move. The result is 0, and p
    worthless, if the sizes of the variables that are not 0 differ by less than `spread`: the
    direction is then much the same as that of the gradient, which the method knows. A run that is
    `modelless`, which has made no step, knows no curvature along the gradient either; the size of a
    variable that is 0 is then taken to be 1.
    """
    size, fastest, least = norm_inf(x), 0.0, np.inf
    for i in range(x.size):
        least = min(least, abs(x[i])) if x[i] != 0.0 else least
    if not modelless and not size > spread * least:
        return 0.0
    size = max(size, 1.0) if modelless else size
    for i in range(x.size):
        own = 1.0 if modelless and x[i] == 0.0 else abs(x[i])
        scale = own / size
        p[i] = -scale * (scale * g[i])
        if low.size and is_active(x[i], g[i], low[i], high[i]):
            p[i] = 0.0
        if p[i] != 0.0:
            fastest = max(fastest, abs(p[i]) / own)
    return fastest


@fragment
def project_point(x, t, p, low, high, point):
    """Write x + t p, projected onto the bounds, to `point`, overwritten."""
    for i in range(x.size):
        point[i] = x[i] + t * p[i]
        if low.size:
            point[i] = clipped(point[i], low[i], high[i])


@kernel
def lower_point(objective, s, x, g, p, x_trial, g_trial, low, high, spread):
    """Search for a lower point along the gradient in relative units.

    Parameters
    ----------
    objective : Objective
    s : record SCALARS
        Its counts are updated.
    x, g : ndarray, float64, shape (n,)
    p, x_trial, g_trial : ndarray, float64, shape (n,)
        Overwritten; p becomes the direction.
    low, high : ndarray, float64, shape (n,) or (0,)
        Bounds.
    spread : float
        SPREAD or WIDE; least ratio of the sizes of two variables.

    Returns
    -------
    float
        Step along p to a point where f is lower; 0 if none was found, or if no more is to be had
        than `stopping.tolerated_decrease`, or than the model predicts.

    Notes
    -----
    The curvature is measured behind x, where f is higher: otherwise a point that is lower than the
    one returned would have been evaluated.
    """
    fastest = relative_descent(x, g, low, high, spread, s.nit == 0 and spread == SPREAD, p)
    if not (fastest > 0.0 and np.isfinite(fastest)):
        return 0.0
    differenced = is_differenced(objective)
    spacing = SPACING_OF_VALUES if differenced else SPACING
    t, longest = spacing / fastest, WIDEST / spacing
    project_point(x, -t, p, low, high, x_trial)
    slope = change = 0.0
    for i in range(x.size):
        slope += g[i] * (x_trial[i] - x[i])
    least = max(tolerated_decrease(s), s.noise)
    if s.status == STATUS_GRADIENT:
        least = max(least, s.predicted)
    if differenced and not slope * longest > least:
        return 0.0  # not even a step without curvature would lead low enough
    wanted = VALUE if differenced else VALUE | GRADIENT
    behind = counted_trial(objective, s, x_trial, g_trial, wanted)
    if differenced:
        change = 2.0 * (behind - s.f - slope)
        change = 0.0 if change <= SHOWN * s.noise else change
    else:
        project_point(x, -t, p, low, high, x_trial)  # the objective may have overwritten it
        for i in range(x.size):
            change += (g_trial[i] - g[i]) * (x_trial[i] - x[i])
    if not (slope > 0.0 and np.isfinite(change)):
        return 0.0
    factor = longest
    if change > EPSILON * slope:
        # The decrease is ½ slope² / change where the slope vanishes, at slope / change steps ahead.
        factor = slope / change
        if 0.5 * slope * factor <= least:
            return 0.0
        factor = min(factor, longest)
    alpha = factor * t
    for _ in range(TRIALS):
        project_point(x, alpha, p, low, high, x_trial)
        f = counted_trial(objective, s, x_trial, g_trial, VALUE)
        if f < s.f - s.noise:
            return alpha
        alpha *= SHRINK
    return 0.0
