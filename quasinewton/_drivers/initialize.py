"""Beginning of a run: its start point, and a state that waits for f and g there."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from quasinewton._arguments.initial_values import start_point
from quasinewton._drivers.checkpoint import Checkpoint
from quasinewton._loops.state import Limits, State, allocate
from quasinewton._methods import GradientDescent, lifecycle
from quasinewton._numba_ext.records import copier
from quasinewton._options.read import Settings

WITHOUT_START = "'x0' may be None only with a checkpoint"


def point(x0: Any, checkpoint: Any) -> np.ndarray:
    """Return the start of a run as a new float64 vector: x0, or the x of a checkpoint.

    Raises
    ------
    ValueError, TypeError
        If x0 is not a vector of numbers, or its length differs from that of the checkpoint's x.
    """
    if checkpoint is None:
        if x0 is None:
            raise TypeError(WITHOUT_START)
        return start_point(x0)
    if not isinstance(checkpoint, Checkpoint):
        raise TypeError(f"checkpoint must be a Checkpoint, such as that of a result; got {type(checkpoint).__name__}")
    x = checkpoint.state.x
    if x0 is not None and start_point(x0).size != x.size:
        raise ValueError(
            f"x0 has {start_point(x0).size} variables, the checkpoint {x.size}; with a checkpoint x0 may be None"
        )
    return x.copy()


def begin(settings: Settings, x0: np.ndarray, rows: int) -> State:
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
    method, bounds = settings.method, settings.bounds
    x0 = x0 if bounds is None else np.minimum(np.maximum(x0, bounds[0]), bounds[1])  # faster than clip
    state = allocate(method, settings.limits, x0, rows, _scalars(settings.limits)())
    memory = lifecycle.begin(method, state.memory, settings.controls, bounds, x0.size)
    return state if memory is state.memory else state._replace(memory=memory)


@functools.lru_cache(maxsize=128)
def _scalars(limits: Limits | None) -> Callable[[], np.ndarray]:
    """Return a function that makes the scalars of a fresh state; they are the same for all methods.
    """
    return copier(allocate(GradientDescent(), limits, np.zeros(1), 0).scalars)
