"""Functions that a descent calls on a method, and code that methods share.

A method is a NamedTuple of numbers, whose type selects its functions. Its memory, a NamedTuple of
arrays, holds the model that it builds during a run. A method chooses a direction and never calls
the objective.

Arguments have one meaning throughout: x is the iterate, g the gradient there and p a direction, all
of shape (n,); `hessian` has shape (n, n) if `hessian_order` is n and (0, 0) otherwise; alpha is a
step length. What a function returns by writing to an argument is said in its first sentence. To
check its settings, the class of a method is derived from a NamedTuple (`_Fields`) and defines
`__new__`, which NamedTuple itself does not allow.
"""

import numpy as np

from quasinewton._methods.first_trial import first_length
from quasinewton._numba_ext.arrays import part
from quasinewton._numba_ext.dispatch import generic
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import dot, norm_inf, point_on_line
from quasinewton._objective.interface import HESSIAN


@generic
def allocate(method, n):
    """Return the memory of a fresh run in n variables."""


@generic
def with_bounds(method, memory, low, high):
    """Return the memory of a fresh run with bounds, float64, shape (n,), which it may refer to.

    Only code inside compiled functions calls it; from Python bounds come by `lifecycle.begin`.
    """
    return memory


@generic
def set_preconditioner(method, memory, diagonal):
    """Store the diagonal of a preconditioner, checked, in the memory of a fresh run.

    Its shape is (n,), or (0,) if the objective multiplies by the preconditioner. Only code inside
    compiled functions calls it; from Python a preconditioner comes by `lifecycle.begin`.
    """


@generic
def hessian_order(method, n):
    """Return n if the method needs the Hessian at every iterate, and 0 otherwise."""
    return 0


@generic
def multiplies(method):
    """Return True if the method needs products with the Hessian or the preconditioner."""
    return False


@generic
def inquire(method, memory, x, g, p, certifying):
    """Return the first evaluation that the method needs at x, where the gradient is g.

    It is HESSIAN, or PRODUCT or PRECONDITION with the vector that has been written to p. If
    `certifying` is True, g ≈ 0, and the purpose is to find out whether any curvature is negative.
    """
    return HESSIAN


@generic
def answer(method, memory, product, p):
    """Process the requested product; return the next evaluation needed, or 0 if there is none.

    The vector of the next product is written to p. `product` becomes workspace.
    """
    return 0


@generic
def direction(method, memory, hessian, x, g, p):
    """Write the direction at x to p; return (slope g·p, first trial step).

    A slope that is not negative requests a restart along −g.
    """


@generic
def update(method, memory, x, g, p, alpha, g_new):
    """Move x to x + alpha p and g to g_new (both overwritten), and update the model."""


@generic
def restart(method, memory):
    """Reset the model; return True if there was one."""


@generic
def replaced(method, memory):
    """Discard what was derived from the gradient at x, which a more accurate one has replaced.

    The model is kept.
    """


@generic
def box(method, memory, x):
    """Return the bounds low and high, of shape (n,), or (0,) if there are none."""
    return part(x, 0, 0), part(x, 0, 0)


@generic
def negative_curvature(method, memory, hessian, x, g, p):
    """Write the direction of most negative curvature at x to p, if there is one.

    Return its eigenvalue, or 0 if the Hessian is positive semidefinite up to rounding.
    """
    return 0.0


@generic
def unexplored(method, memory, x, g, p):
    """Write a direction along which the curvature is unknown or doubtful after a success to p.

    Return the number of such dimensions, negative if nothing but small numbers of steps and
    variables is a reason to look at them, or 0 if there are none, as far as the method knows, or no
    reason.
    """
    return 0


@generic
def measure(method, memory, x, g):
    """Return the norm compared with gtol: ‖g‖_∞, or that of the projected gradient under bounds.

    The result is NaN if any entry of g is NaN.
    """
    return norm_inf(g)


@generic
def measured(method, memory, x, g):
    """Return the norm compared with gtol, right after `update`, which may have computed it."""
    return measure(method, memory, x, g)


@generic
def place(method, memory, x, alpha, p, x_trial):
    """Write the point at step alpha along p to x_trial; return True if it differs from x."""
    return point_on_line(x, alpha, p, x_trial)


@generic
def longest(method, memory, x, p):
    """Return the largest feasible step along p."""
    return np.inf


@generic
def descend(method, memory, x, g, g_norm, p):
    """Write a descent direction that uses no model to p; return (slope g·p, first trial step).

    The direction is scaled so that products neither overflow nor underflow. g_norm is the result of
    `measure`.
    """
    for i in range(g.size):
        p[i] = -g[i] / g_norm
    return dot(g, p), first_length(g_norm, norm_inf(x))


@fragment
def gradient_step(slope, x):
    """Return the first trial step along −g, given the slope −g·g; see `first_length`."""
    g_norm = np.sqrt(-slope)
    return first_length(g_norm, np.sqrt(dot(x, x))) / g_norm
