"""What the descent asks of a method, and what the methods share.

A method is a NamedTuple of numbers; its type is its behaviour. What it learns on the way is its memory, a NamedTuple
of arrays. A method chooses a direction and never calls the objective.
"""

import numpy as np

from quasinewton.numba_ext.arrays import part
from quasinewton.numba_ext.dispatch import generic
from quasinewton.numba_ext.jit import fragment
from quasinewton.numba_ext.linalg import dot, dots, norm_inf, point_on_line
from quasinewton.objective.interface import HESSIAN

EPSILON = np.finfo(np.float64).eps
FELT = EPSILON**0.5  # of ‖x‖: a step that is more than rounding


@generic
def allocate(method, n):
    """Return the memory of a fresh run in n variables."""


@generic
def hessian_order(method, n):
    """Return n if the method wants the Hessian at every iterate."""
    return 0


@generic
def curved(method, hessian):
    """Return whether the method looks at curvature at x before it sets out, and before a run ends on gtol."""
    return hessian.size > 0


@generic
def operand(method, hessian, p):
    """Return what an evaluation at x is handed besides x and g: where the Hessian goes, or the vector to multiply."""
    return hessian


@generic
def inquire(method, memory, x, g, p, certifying):
    """Return what is wanted first at x, where the gradient is g: HESSIAN, or PRODUCT or PRECONDITION with p.

    `certifying` says that g ≈ 0: what is to be known is whether there is negative curvature.
    """
    return HESSIAN


@generic
def answer(method, memory, product, p):
    """Take in the product that was wanted (workspace from now on); return what is wanted next, of p, or 0."""
    return 0


@generic
def direction(method, memory, hessian, x, g, p):
    """Write the direction at x to p; return its slope g·p and the step to try first.

    Anything but a negative slope asks for a restart along −g.
    """


@generic
def update(method, memory, x, g, p, alpha, g_new):
    """Move x to x + alpha p and g to g_new (both overwritten), and learn from the step."""


@generic
def restart(method, memory):
    """Forget what was learnt; return whether there was anything."""


@generic
def replaced(method, memory):
    """Take in that the gradient at x has been replaced by a better one: forget what was made of it, not the model."""


@generic
def box(method, memory, x):
    """Return the bounds low and high, shape (n,); empty where there are none."""
    return part(x, 0, 0), part(x, 0, 0)


@generic
def negative_curvature(method, memory, hessian, x, g, p):
    """Write the direction of most negative curvature at x to p, if there is one.

    Return its eigenvalue, or 0 if the Hessian is positive semidefinite up to rounding.
    """
    return 0.0


@generic
def measure(method, memory, x, g):
    """Return what gtol is compared with: ‖g‖_∞, or its like where there are bounds; NaN if any entry of g is NaN."""
    return norm_inf(g)


@generic
def measured(method, memory, x, g):
    """Return the same after `update`, which may have found it on the way."""
    return measure(method, memory, x, g)


@generic
def place(method, memory, x, alpha, p, x_trial):
    """Write the point at step alpha along p to x_trial; return whether it differs from x."""
    return point_on_line(x, alpha, p, x_trial)


@generic
def longest(method, memory, x, p):
    """Return the longest step along p that is legal."""
    return np.inf


@generic
def descend(method, memory, x, g, g_norm, p):
    """Write a direction of descent that needs no model to p, scaled so that nothing overflows or vanishes.

    Return its slope g·p and the step to try first; g_norm is what `measure` says.
    """
    for i in range(g.size):
        p[i] = -g[i] / g_norm
    x_norm = norm_inf(x)
    return dot(g, p), min(max(1.0, FELT * x_norm), max(g_norm, 0.01 * x_norm))


@fragment
def gradient_step(slope, x):
    """First step along −g: of length ‖g‖, but no less than ‖x‖/100 and no more than 1, nor than x can feel.

    Notes
    -----
    ‖g‖ is no length: where f has small units it would not move x at all. ‖x‖/100 is that of Hager & Zhang (2006), I0.
    """
    g_norm, x_norm = np.sqrt(-slope), np.sqrt(dot(x, x))
    return min(max(1.0, FELT * x_norm), max(g_norm, 0.01 * x_norm)) / g_norm


@fragment
def learn_pair(s, y, x, g, alpha, slope, damping):
    """Judge a pair (s, y) and, with damping, correct it.

    Parameters
    ----------
    s, y, x, g : ndarray, float64, shape (n,)
        The step, the change of the gradient, and the new point and gradient. y is overwritten when damped.
    alpha, slope : float
        The step length, and g·p at its start, of a direction p = −H g.
    damping : int
        Whether to damp (Powell, 1978; Nocedal & Wright, 2006, Procedure 18.2): y <- θ y + (1 − θ) B s, where B s is
        −alpha times the old gradient, so that s·y >= 0.2 s·B s.

    Returns
    -------
    (bool, float, float, float)
        Whether the pair is fit to learn from, s·y, y·y, and θ (1 where nothing was damped).

    Notes
    -----
    Fit means s·y > ε |s||y|, where its sign is no rounding, s·y > ε |alpha slope| as in L-BFGS-B, and s and y clear of
    rounding: |s| > 4ε|x|, |y| > 4ε|g|. None of this changes with the scales of f and x, as s·y > ε y·y would.
    """
    sy, yy, ss, xx = dots(s, y, x)
    curvature = -alpha * slope * alpha  # s·B s
    theta = 1.0
    if damping and sy < 0.2 * curvature:
        theta = 0.8 * curvature / (curvature - sy)
        for i in range(y.size):
            y[i] = theta * y[i] - (1.0 - theta) * alpha * (g[i] - y[i])
        sy, yy, ss, xx = dots(s, y, x)
    return is_fit(sy, yy, ss, xx, dots(g, g, g)[0], alpha, slope, EPSILON), sy, yy, theta


@fragment
def is_fit(sy, yy, ss, xx, gg, alpha, slope, precision):
    """Whether a pair is fit to learn from, given s·y, y·y, s·s, x·x, g·g and the precision it is kept in; see there."""
    rounding = (4.0 * EPSILON) ** 2
    clear = precision * np.sqrt(ss) * np.sqrt(yy)
    return sy > clear and sy > -EPSILON * alpha * slope and ss > rounding * xx and yy > rounding * gg
