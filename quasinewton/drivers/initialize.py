"""Beginning of a run: its start point, and a state that waits for f and g there."""

import numpy as np

from quasinewton.drivers.checkpoint import Checkpoint
from quasinewton.loops.state import allocate
from quasinewton.methods import BFGS, LBFGS, NewtonCG
from quasinewton.methods.bounded.wrapper import plain
from quasinewton.methods.curvature_pairs import TWO_LOOPS
from quasinewton.methods.first_order.base import FIRST_ORDER
from quasinewton.methods.lbfgs import compact_inverse
from quasinewton.methods.lbfgs.two_loop import with_room
from quasinewton.options.initial_values import (
    initial,
    preconditioner,
    set_treatment,
    start_point,
)


def point(x0, checkpoint):
    """Return the start of a run as a new float64 vector: x0, or the x of a checkpoint.

    Raises
    ------
    ValueError, TypeError
        If x0 is not a vector of numbers, or its length differs from that of the checkpoint's x.
    """
    if checkpoint is None:
        if x0 is None:
            raise TypeError("'x0' may be None only with a checkpoint")
        return start_point(x0)
    if not isinstance(checkpoint, Checkpoint):
        raise TypeError(f"checkpoint must be a Checkpoint, such as that of a result; got {type(checkpoint).__name__}")
    x = checkpoint.state.x
    if x0 is not None and start_point(x0).size != x.size:
        raise ValueError(
            f"x0 has {start_point(x0).size} variables, the checkpoint {x.size}; with a checkpoint x0 may be None"
        )
    return x.copy()


def begin(settings, x0, rows):
    """Allocate the state of a run whose first evaluation is f and g at x0.

    Parameters
    ----------
    settings : Settings
    x0 : ndarray, float64, shape (n,)
        Start; copied, and projected onto the bounds if there are any.
    rows : int
        Number of rows of the trace.

    Returns
    -------
    State
    """
    method, controls, bounds = plain(settings.method), settings.controls, settings.bounds
    x0 = x0 if bounds is None else np.minimum(np.maximum(x0, bounds[0]), bounds[1])  # faster than clip
    state = allocate(settings.method, settings.limits, x0, rows)
    if type(method) in FIRST_ORDER:
        return state._replace(memory=set_treatment(state.memory, controls, bounds, x0.size))
    memory, H0 = state.memory, initial(type(method), controls)
    if bounds is not None:
        memory.low[:], memory.high[:] = bounds
        memory = memory.inner
    if type(method) is BFGS and H0 is not None:
        memory.H[...] = H0 if H0.ndim == 2 else np.diag(H0)
        memory.update[0]["known"] = memory.update[0]["fresh"] = 1
    elif type(method) is LBFGS and bounds is None:
        if H0 is not None:
            state = state._replace(memory=with_room(memory, x0.size))
            state.memory.a[-x0.size :] = H0
        if state.memory.ring[0]["form"] != TWO_LOOPS:
            # A failure to compile can be raised from here, not from inside the loop.
            compact_inverse.load(method.single)
    elif type(method) is NewtonCG:
        memory.record[0]["asked"], memory.M[:] = preconditioner(controls.get("precond"), x0.size)
    return state


def learnt(method, state):
    """Return the method's own memory, without the wrapper that adds bounds."""
    return state.memory if plain(method) is method else state.memory.inner
