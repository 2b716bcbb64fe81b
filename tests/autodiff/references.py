"""What derivatives are compared with: the tape and differences; and what is refused."""

import numpy as np
from numba import njit, typeof

from quasinewton._autodiff import derivative_functions
from quasinewton._autodiff.adjoint import why_refused
from quasinewton._autodiff.adjoint.calls import VECTOR


def refusal(f, args, active=None):
    """Return the reason why the transformation refuses a function, or None if it accepts it."""
    return why_refused(f, (VECTOR, *map(typeof, args)), active)


def by_tape(f):
    """Return a function that computes value and gradient of f by the tape."""
    return njit(derivative_functions.whole(derivative_functions.taped(f), f))


def differences(f, x, *args):
    """Return the gradient by differences of fourth order.

    The step is so short that it hardly ever crosses a kink.
    """
    g, step = np.empty(x.size), 1e-5
    for i, e in enumerate(step * np.eye(x.size)):
        beside = [f(x + k * e, *args) for k in (-2, -1, 1, 2)]
        g[i] = np.dot(beside, [1.0, -8.0, 8.0, -1.0]) / (12.0 * step)
    return g
