"""What the descent asks of a method, and what the methods share.

A method is a NamedTuple of numbers; its type is its behaviour. What it learns on the way is its
memory, a NamedTuple of arrays. A method chooses a direction and never calls the objective.
"""

import numpy as np

from quasinewton.methods.first_trial import first_length
from quasinewton.numba_ext.arrays import part
from quasinewton.numba_ext.dispatch import generic
from quasinewton.numba_ext.jit import fragment
from quasinewton.numba_ext.linalg import dot, norm_inf, point_on_line
from quasinewton.objective.interface import HESSIAN

EPSILON = np.finfo(np.float64).eps


@generic
def allocate(method, n):
    """Return the memory of a fresh run in n variables."""


@generic
def hessian_order(method, n):
    """Return n if the method wants the Hessian at every iterate."""
    return 0


@generic
def multiplies(method):
    """Return whether the method asks for products with the Hessian, or for its preconditioner, at
    every iterate.
    """
    return False


@generic
def inquire(method, memory, x, g, p, certifying):
    """Return what is wanted first at x, where the gradient is g: HESSIAN, or PRODUCT or
    PRECONDITION with p.

    `certifying` says that g ≈ 0: what is to be known is whether there is negative curvature.
    """
    return HESSIAN


@generic
def answer(method, memory, product, p):
    """Take in the product that was wanted (workspace from now on); return what is wanted next, of
    p, or 0.
    """
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
    """Take in that the gradient at x has been replaced by a better one: forget what was made of it,
    not the model.
    """


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
    """Return what gtol is compared with: ‖g‖_∞, or its like where there are bounds; NaN if any
    entry of g is NaN.
    """
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
    """Write a direction of descent that needs no model to p, scaled so that nothing overflows or
    vanishes.

    Return its slope g·p and the step to try first; g_norm is what `measure` says.
    """
    for i in range(g.size):
        p[i] = -g[i] / g_norm
    return dot(g, p), first_length(g_norm, norm_inf(x))


@fragment
def gradient_step(slope, x):
    """Return the first step along −g, whose slope is −g·g: see `first_length`."""
    g_norm = np.sqrt(-slope)
    return first_length(g_norm, np.sqrt(dot(x, x))) / g_norm
