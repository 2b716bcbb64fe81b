"""Methods under the bounds low <= x <= high.

A bound-constrained method is a method that wraps another one. It uses the same search, state and
public functions, with three differences: directions end in the box, trials are projected onto it,
and the norm of a projected gradient replaces ‖g‖_∞. How a direction is computed depends on the
inner method; see `lbfgsb` and `active_set`.

The public functions do not wrap the method if all bounds are infinite.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._methods import lifecycle, protocol
from quasinewton._methods.bounded.projection import (
    descend_inside,
    place_inside,
    projected_norm,
)
from quasinewton._numba_ext.dispatch import generic
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import copy, reach


class Bounded(NamedTuple):
    """Line-search method under bounds.

    Parameters
    ----------
    inner : method object
        The method without bounds.
    """

    inner: NamedTuple


def plain(method):
    """Return the method without its bounds."""
    return method.inner if type(method) is Bounded else method


class Confined(NamedTuple):
    """Memory of a method under bounds.

    `low` and `high` are the bounds, and `point` is workspace, all of shape (n,). `inner` is the
    memory of the inner method, `work` its workspace for the bounds. The bounds are not set by
    `allocate`: the caller writes them when a run begins.
    """

    low: np.ndarray
    high: np.ndarray
    point: np.ndarray
    inner: NamedTuple
    work: NamedTuple


class Nothing(NamedTuple):
    """Empty workspace."""


@generic
def replaced_inside(inner, memory):
    """Discard what was derived from the gradient at x, which a more accurate one has replaced.

    `memory` is a Confined.
    """
    protocol.replaced(inner, memory.inner)


@generic
def workspace(inner, n):
    """Return the workspace that the inner method needs under bounds, beyond its own memory."""
    return Nothing()


@generic
def inner_memory(inner, n):
    """Return the memory of the inner method."""
    return protocol.allocate(inner, n)


@generic
def aim(inner, memory, hessian, x, g, p):
    """Write a direction p such that x + p is feasible; return (slope g·p, first trial step).

    `memory` is a Confined. A slope that is not negative requests a restart along the projected −g.
    """


@generic
def learn(inner, memory, x, g, p, alpha, g_new):
    """Move x to P(x + alpha p) and g to g_new, and update the model from the step.

    x and g are overwritten.
    """
    move_inside(inner, memory, x, g, p, alpha, g_new)


@fragment
def move_inside(inner, memory, x, g, p, alpha, g_new):
    """Move x to P(x + alpha p) and g to g_new, with the update of the inner method.

    x and g are overwritten.
    """
    place_inside(x, alpha, p, memory.low, memory.high, memory.point)
    protocol.update(inner, memory.inner, x, g, p, alpha, g_new)
    copy(x, memory.point)


@generic
def curvature(inner, memory, hessian, x, g, p):
    """Write the direction of most negative curvature in the free variables to p.

    Return that curvature, or 0 if there is none; see `protocol.negative_curvature`.
    """
    return 0.0


@generic
def unexplored_inside(inner, memory, x, g, p):
    """Write a direction of doubtful curvature in the free variables to p.

    Return the number of such dimensions; see `protocol.unexplored`.
    """
    return 0


@generic
def ask(inner, memory, x, g, p, certifying):
    """Return the first evaluation needed for the curvature in the free variables.

    It is `protocol.inquire` restricted to the free variables.
    """
    return protocol.inquire(inner, memory.inner, x, g, p, certifying)


@generic
def digest(inner, memory, product, p):
    """Pass a product to the inner method, in the free variables; return what it needs next, or 0.

    It is `protocol.answer` restricted to the free variables.
    """
    return protocol.answer(inner, memory.inner, product, p)


@protocol.allocate.register(Bounded)
def _allocate(method, n):
    inner = inner_memory(method.inner, n)
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


@protocol.unexplored.register(Bounded)
def _unexplored(method, memory, x, g, p):
    return unexplored_inside(method.inner, memory, x, g, p)


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


def takes_bounds(kind):
    """Return True if a method with a line search has a direction under bounds."""
    return aim.is_registered(kind)


@protocol.with_bounds.register(Bounded)
def _with_bounds(method, memory, low, high):
    copy(memory.low, low)
    copy(memory.high, high)
    return memory


@lifecycle.begin.register(Bounded)
def _begin(method, memory, options, bounds, n):
    memory.low[:], memory.high[:] = bounds
    inner = lifecycle.begin(method.inner, memory.inner, options, bounds, n)
    return memory if inner is memory.inner else memory._replace(inner=inner)


@lifecycle.resume.register(Bounded)
def _resume(method, memory, old, n):
    inner = lifecycle.resume(method.inner, memory.inner, old.inner, n)
    refuse_other_bounds(memory, old)
    return memory if inner is memory.inner else memory._replace(inner=inner)


def refuse_other_bounds(memory, old):
    """Raise ValueError if the bounds in two memories differ."""
    if not (np.array_equal(old.low, memory.low) and np.array_equal(old.high, memory.high)):
        raise ValueError("the checkpoint is that of a run with other bounds")


@lifecycle.shaped.register(Bounded)
def _shaped(method, memory, saved, n):
    inside = {name.removeprefix("inner."): array for name, array in saved.items() if name.startswith("inner.")}
    inner = lifecycle.shaped(method.inner, memory.inner, inside, n)
    return memory if inner is memory.inner else memory._replace(inner=inner)


@lifecycle.is_sound.register(Bounded)
def _is_sound(method, memory):
    return lifecycle.is_sound(method.inner, memory.inner)


@lifecycle.result_fields.register(Bounded)
def _result_fields(method, memory, state):
    return lifecycle.result_fields(method.inner, memory.inner, state)


@lifecycle.curvature_spread.register(Bounded)
def _curvature_spread(method, memory):
    return lifecycle.curvature_spread(method.inner, memory.inner)
