"""Methods in a box: low <= x <= high.

A bound-constrained method is a method. It wraps another one, and has the same search, state and
doors: only directions that end in the box, trials that are put into it to the bit, and the norm of
a projected gradient in the place of ‖g‖_∞. What the box makes of a direction is a matter of the
method inside; see `lbfgsb` and `active_set`.

Where all bounds are infinite the doors leave the wrapping out.
"""

from typing import NamedTuple

import numpy as np

from quasinewton.methods import protocol
from quasinewton.methods.bounded.projection import descend_inside, place_inside, projected_norm
from quasinewton.numba_ext.dispatch import generic
from quasinewton.numba_ext.jit import fragment
from quasinewton.numba_ext.linalg import copy, reach


class Bounded(NamedTuple):
    """A method that searches, in a box.

    Parameters
    ----------
    inner : method object
        What the method is without bounds.
    """

    inner: NamedTuple


def plain(method):
    """The method without its box."""
    return method.inner if type(method) is Bounded else method


class Confined(NamedTuple):
    """Memory: the bounds, shape (n,); `point`, workspace of shape (n,); what the inner method
    learns; and `work`.

    Whoever begins a run writes the bounds.
    """

    low: np.ndarray
    high: np.ndarray
    point: np.ndarray
    inner: NamedTuple
    work: NamedTuple


class Nothing(NamedTuple):
    """No workspace."""


@generic
def replaced_inside(inner, memory):
    """Take in that the gradient at x has been replaced; `memory` is a Confined."""
    protocol.replaced(inner, memory.inner)


@generic
def workspace(inner, n):
    """Return what the inner method needs, beyond its own memory, to work in a box."""
    return Nothing()


@generic
def aim(inner, memory, hessian, x, g, p):
    """Write a direction such that x + p lies in the box to p; return its slope g·p and the step to
    try first.

    `memory` is a Confined. Anything but a negative slope asks for a restart along the projected −g.
    """


@generic
def learn(inner, memory, x, g, p, alpha, g_new):
    """Move x to the point in the box at x + alpha p and g to g_new (both overwritten), and learn
    from the step.
    """
    move_inside(inner, memory, x, g, p, alpha, g_new)


@fragment
def move_inside(inner, memory, x, g, p, alpha, g_new):
    """The same by the inner method's own way of learning."""
    place_inside(x, alpha, p, memory.low, memory.high, memory.point)
    protocol.update(inner, memory.inner, x, g, p, alpha, g_new)
    copy(x, memory.point)


@generic
def curvature(inner, memory, hessian, x, g, p):
    """Write the direction of most negative curvature in the free variables to p, as
    `protocol.negative_curvature`.
    """
    return 0.0


@generic
def ask(inner, memory, x, g, p, certifying):
    """What `protocol.inquire` says, of the free variables."""
    return protocol.inquire(inner, memory.inner, x, g, p, certifying)


@generic
def digest(inner, memory, product, p):
    """What `protocol.answer` says, of the free variables."""
    return protocol.answer(inner, memory.inner, product, p)


@protocol.allocate.register(Bounded)
def _allocate(method, n):
    inner = protocol.allocate(method.inner, n)
    return Confined(np.empty(n), np.empty(n), np.empty(n), inner, workspace(method.inner, n))


@protocol.hessian_order.register(Bounded)
def _hessian_order(method, n):
    return protocol.hessian_order(method.inner, n)


@protocol.multiplies.register(Bounded)
def _multiplies(method):
    return protocol.multiplies(method.inner)


@protocol.inquire.register(Bounded)
def _inquire(method, memory, x, g, p, certifying):
    return ask(method.inner, memory, x, g, p, certifying)


@protocol.answer.register(Bounded)
def _answer(method, memory, product, p):
    return digest(method.inner, memory, product, p)


@protocol.direction.register(Bounded)
def _direction(method, memory, hessian, x, g, p):
    return aim(method.inner, memory, hessian, x, g, p)


@protocol.update.register(Bounded)
def _update(method, memory, x, g, p, alpha, g_new):
    learn(method.inner, memory, x, g, p, alpha, g_new)


@protocol.replaced.register(Bounded)
def _replaced(method, memory):
    replaced_inside(method.inner, memory)


@protocol.box.register(Bounded)
def _box(method, memory, x):
    return memory.low, memory.high


@protocol.restart.register(Bounded)
def _restart(method, memory):
    return protocol.restart(method.inner, memory.inner)


@protocol.negative_curvature.register(Bounded)
def _negative_curvature(method, memory, hessian, x, g, p):
    return curvature(method.inner, memory, hessian, x, g, p)


@protocol.measure.register(Bounded)
def _measure(method, memory, x, g):
    return projected_norm(x, g, memory.low, memory.high)


@protocol.place.register(Bounded)
def _place(method, memory, x, alpha, p, x_trial):
    return place_inside(x, alpha, p, memory.low, memory.high, x_trial)


@protocol.longest.register(Bounded)
def _longest(method, memory, x, p):
    return reach(x, p, 1.0, memory.low, memory.high)


@protocol.descend.register(Bounded)
def _descend(method, memory, x, g, g_norm, p):
    return descend_inside(x, g, g_norm, memory.low, memory.high, p)
