"""Steepest descent, the baseline for all other methods.

The direction is p = −g: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), section 3.3.
Cost: O(n) an iteration.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._methods import protocol
from quasinewton._methods.protocol import gradient_step
from quasinewton._methods.registry import register_method
from quasinewton._numba_ext.linalg import dot, move, negate


class GradientDescent(NamedTuple):
    """Steepest descent with a line search."""


class LastStep(NamedTuple):
    """Memory of steepest descent: `product`, shape (1,), is alpha·slope of the last step, or 0."""

    product: np.ndarray


@protocol.allocate.register(GradientDescent)
def _allocate(method, n):
    return LastStep(np.zeros(1))


@protocol.direction.register(GradientDescent)
def _direction(method, memory, hessian, x, g, p):
    negate(p, g)
    slope = dot(g, p)
    # The first trial step has the same first-order change of f as the last step, N&W p. 59.
    return slope, memory.product[0] / slope if memory.product[0] != 0.0 else gradient_step(slope, x)


@protocol.update.register(GradientDescent)
def _update(method, memory, x, g, p, alpha, g_new):
    memory.product[0] = alpha * dot(g, p)
    move(x, g, p, alpha, g_new)


@protocol.restart.register(GradientDescent)
def _restart(method, memory):
    known = memory.product[0] != 0.0
    memory.product[0] = 0.0
    return known


register_method(GradientDescent, "gradient-descent", others=("steepest-descent",))
