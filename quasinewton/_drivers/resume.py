"""Continue a run from a checkpoint.

The arrays of the checkpoint are copied into a newly allocated state. So the user's arrays are not
changed, and the memory layout is that of a run that was never stopped, which keeps results equal
bit for bit.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._drivers.checkpoint import Checkpoint, arrays, copy_arrays
from quasinewton._drivers.initialize import begin
from quasinewton._loops.state import NOTHING, Phase, State
from quasinewton._methods import lifecycle
from quasinewton._methods import protocol as methods
from quasinewton._methods.bounded.wrapper import Bounded, plain
from quasinewton._numba_ext.jit import kernel
from quasinewton._objective.interface import GRADIENT, VALUE
from quasinewton._options.read import Settings, traits_of
from quasinewton.schedules.formulas import STRETCHED, WARM_RESTARTS, Schedule
from quasinewton.status import STATUS_RUNNING


def resume(checkpoint: Checkpoint, settings: Settings, rows: int) -> State:
    """Return the state of a run that continues from a checkpoint under new limits.

    Parameters
    ----------
    checkpoint : Checkpoint
        Not changed.
    settings : Settings
        Method and search must be those of the run. The limits may differ; they count from the
        beginning of the first run.
    rows : int
        Number of rows of the trace.

    Returns
    -------
    State

    Raises
    ------
    ValueError
        If the method, the search or another setting differs from that of the run.
    """
    bounded = isinstance(checkpoint.method, Bounded)
    if bounded != isinstance(settings.method, Bounded) and same(plain(checkpoint.method), plain(settings.method)):
        with_, without = ("with", "without") if bounded else ("without", "with")
        raise ValueError(f"the checkpoint is that of a run {with_} bounds; this call is {without} bounds")
    for run, call in (checkpoint.method, settings.method), (checkpoint.search, settings.search):
        if not same(run, call):
            raise ValueError(f"the checkpoint is that of a run with {run}; this call says {call}")
    traits = traits_of(settings.method)
    for name in traits.initial:
        if settings.controls.get(name) is not None:
            raise ValueError(f"{name} is for the beginning of a run; it cannot be given with a checkpoint")
    old = checkpoint.state
    state = begin(settings, old.x, rows)
    state = state._replace(memory=lifecycle.resume(settings.method, state.memory, old.memory, old.x.size))
    copy_arrays(state, arrays(old))
    s = state.scalars[0]
    assert settings.limits is not None, "the limits are known only after `with_limits`"
    for name, value in settings.limits._asdict().items():
        s[name] = value
    s["overdue"] = s["rows"] = 0
    if s["want"] == NOTHING:
        reopen(settings.method, state, traits.first_order)
    else:
        # The objective may have overwritten x_trial, and in these two phases also g_trial, which
        # holds g there until an evaluation writes to it.
        state.x_trial[:] = trial(settings.method, state)
        if s["phase"] in (Phase.CURVATURE, Phase.CERTIFY):
            state.g_trial[:] = state.g
    return state


def same(run: NamedTuple, call: NamedTuple) -> bool:
    """Return True if two methods, searches or schedules make the same steps.

    Addresses of functions are not compared, since they differ from process to process; lengths of
    schedules only where the formula depends on the length.
    """
    if type(run) is not type(call) or type(plain(run)) is not type(plain(call)):
        return False
    if isinstance(run, Schedule) and isinstance(call, Schedule):
        total = run.total if run.kind in (*STRETCHED, WARM_RESTARTS) else call.total
        run = run._replace(total=total, address=call.address)
    return run == call


def reopen(method: NamedTuple, state: State, first_order: bool) -> None:
    """Change the state of a run that has ended so that it continues from x as if it had not."""
    s = state.scalars[0]
    s["status"] = s["ending"] = STATUS_RUNNING
    s["restarted"] = s["prediction_tested"] = 0
    lifecycle.reopen(method, state.memory)
    if not (np.isfinite(s["f"]) and np.isfinite(s["g_norm"])):
        s["phase"], s["want"] = Phase.START, VALUE | GRADIENT
        state.x_trial[:] = state.x
        return
    s["phase"], s["want"], s["f_trial"] = Phase.RESUME, VALUE, s["f"]
    if first_order:
        state.p[:], state.g_trial[:] = state.x, state.g


def trial(method: NamedTuple, state: State) -> np.ndarray:
    """Return the point of the pending evaluation, computed as the loop does, bit for bit."""
    s = state.scalars[0]
    if s["phase"] == Phase.STEP:
        return state.p
    if s["phase"] in (Phase.START, Phase.CURVATURE, Phase.CERTIFY):
        return state.x
    if s["phase"] == Phase.RECALL:
        return state.x_passed
    return placed(method, state, s["alpha"])


def placed(method: NamedTuple, state: State, alpha: float) -> np.ndarray:
    """Return the point at step alpha along p as a new vector, equal to the loop's bit for bit."""
    point = np.empty_like(state.x)
    _place(method, state.memory, state.x, float(alpha), state.p, point)
    return point


@kernel
def _place(
    method: NamedTuple, memory: NamedTuple, x: np.ndarray, alpha: float, p: np.ndarray, point: np.ndarray
) -> None:
    methods.place(method, memory, x, alpha, p, point)
