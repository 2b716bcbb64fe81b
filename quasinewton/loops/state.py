"""What a descent knows between two evaluations: arrays and a record of scalars, named, and nothing
else.
"""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from quasinewton.line_searches.protocol import LINE
from quasinewton.loops.clock import NEVER, PACE, now
from quasinewton.methods import protocol as methods
from quasinewton.numba_ext.jit import kernel
from quasinewton.numba_ext.linalg import isolated
from quasinewton.numba_ext.tuples import overwrite
from quasinewton.objective.interface import GRADIENT, VALUE
from quasinewton.status import RUNNING


class Phase(IntEnum):
    """What the evaluation that is being waited for is for."""

    START = 0  # f and g at x0
    SEARCH = 1  # a trial of the line search
    RECOVER = 2  # the best trial of a search that ended without an acceptable one
    CURVATURE = 3  # the Hessian at x, or products with it, for the next direction
    CERTIFY = 4  # the Hessian at x, or products with it, to see whether g ≈ 0 is a minimum
    ESCAPE = 5  # a trial along negative curvature
    STEP = 6  # the point to which a first-order method's own step has led
    RESUME = 7  # nothing: f and g at x are known, and a run that had ended goes on from there
    RECALL = 8  # a trial of an earlier search that was lower than where the run ends


class Action(IntEnum):
    """What the descent does between two evaluations, in this order."""

    WAIT = 0  # nothing more: an evaluation is wanted, or the descent has ended
    FAILED = 1  # see what can be done where a search has ended without an acceptable step
    ACCEPT = 2  # make the trial the iterate
    CHECK = 3  # see whether the descent ends at this iterate
    DIRECTION = 4  # find a direction and begin a search
    TRIAL = 5  # ask for the next trial of the search
    FINISH = 6  # end, at the best point evaluated
    RECALL = 7  # put x_trial at the point to end at, which an earlier search has passed over
    PLACE = 8  # put x_trial at step alpha along p


NOTHING = 0  # what a machine wants that has ended

# Those of the line come last: as a prefix they would make this record a subtype of LINE to Numba,
# which warns of it.
SCALARS = np.dtype(
    [
        ("phase", "i8"),
        ("want", "i8"),  # what to evaluate at x_trial, as the contract says
        ("status", "i8"),  # the value of a Status
        ("ending", "i8"),  # the status to end with once the best trial is recovered; RUNNING: go on
        ("verdict", "i8"),  # of the search in progress
        ("restarted", "i8"),  # whether this search already is the second try from x
        ("iterated", "i8"),  # whether the last evaluation completed an iteration
        ("rows", "i8"),  # of the trace that are filled
        ("nit", "i8"),
        ("nfev", "i8"),
        ("njev", "i8"),
        ("nhev", "i8"),
        ("hessian_nit", "i8"),  # iteration of the last Hessian; −1 before the first
        ("f", "f8"),
        ("f0", "f8"),
        ("x0_norm", "f8"),  # ‖x0‖_∞
        ("f_scale", "f8"),  # max(1, |f|, ‖g‖_∞ max(1, ‖x‖_∞)) at x0
        ("f_old", "f8"),
        ("f_trial", "f8"),
        ("f_passed", "f8"),  # of a lower or flatter point that was passed over, at x_passed; infinite if there is none
        ("g_passed", "f8"),  # ‖g‖_∞ there, if it was an iterate; infinite if it was a trial
        ("g_norm", "f8"),  # ‖g‖_∞
        ("s_norm", "f8"),  # ‖s‖_∞ of the last step and ‖x‖_∞, where xtol wants them
        ("x_norm", "f8"),
        ("step", "f8"),  # the last accepted alpha, or the rate of the last step
        ("predicted", "f8"),  # decrease of f along the first direction tried from x, by its model
        ("predicted_mark", "f8"),  # predicted and f when they last made progress
        ("f_mark", "f8"),
        ("idle", "i8"),  # iterations since
        ("roughened", "i8"),  # whether the run has gone on after an end that noise of f explained
        ("f_refined", "f8"),  # f where steps of differences were learnt last
        ("curvature", "f8"),  # least eigenvalue of the Hessian, where it was found negative at g ≈ 0
        ("gtol", "f8"),
        ("ftol", "f8"),
        ("xtol", "f8"),
        ("f_target", "f8"),
        ("maxiter", "i8"),
        ("maxfun", "i8"),
        ("value_first", "i8"),
    ]
    + PACE.descr
    + LINE.descr,
    align=True,
)


class Limits(NamedTuple):
    """When to stop, and how to ask.

    Attributes
    ----------
    gtol : float
        On ‖g‖_∞, in the units of f/x.
    ftol : float
        On the reduction of f in an iteration, relative to max(|f|, 1); 0 for no such test.
    xtol : float
        On ‖s‖_∞, relative to max(‖x‖_∞, 1); 0 for no such test.
    f_target : float
        A value that is good enough.
    maxiter, maxfun : int
        Iterations, evaluations of the value.
    deadline : int
        Nanoseconds on the monotonic clock.
    value_first : int
        Whether the gradient is wanted only where the value is promising.
    """

    gtol: float = 1e-5
    ftol: float = 0.0
    xtol: float = 0.0
    f_target: float = -np.inf
    maxiter: int = NEVER
    maxfun: int = NEVER
    deadline: int = NEVER
    value_first: int = 0


class State(NamedTuple):
    """Everything a descent knows, as arrays: it can be saved between any two evaluations.

    `x, g, p, x_trial, g_trial, x_passed` have shape (n,); `hessian` has shape (n, n) if the method
    wants it and (0, 0) otherwise; `scalars[0]` is a record SCALARS; `trace` has a row (f, ‖g‖_∞,
    alpha, nfev) for every iterate as long as there is room; `memory` is the method's.
    """

    x: np.ndarray
    g: np.ndarray
    p: np.ndarray
    x_trial: np.ndarray
    g_trial: np.ndarray
    x_passed: np.ndarray
    hessian: np.ndarray
    scalars: np.ndarray
    trace: np.ndarray
    memory: NamedTuple


@register_jitable
def allocate(method, limits, x0, rows):
    """A descent about to ask for f and g at x0.

    Parameters
    ----------
    method : NamedTuple
    limits : Limits
    x0 : ndarray, float64, shape (n,)
        Copied.
    rows : int
        Length of the trace.

    Returns
    -------
    State
    """
    n = x0.size
    scalars = np.zeros(1, SCALARS)
    s = scalars[0]
    s["phase"], s["want"] = Phase.START, VALUE | GRADIENT
    s["status"] = s["ending"] = RUNNING
    s["hessian_nit"] = -1
    s["predicted_mark"] = s["f_mark"] = s["f_passed"] = s["g_passed"] = np.inf
    s["gtol"], s["ftol"], s["xtol"], s["f_target"] = limits.gtol, limits.ftol, limits.xtol, limits.f_target
    s["maxiter"], s["maxfun"], s["deadline"] = limits.maxiter, limits.maxfun, limits.deadline
    s["value_first"] = limits.value_first
    order = methods.hessian_order(method, n)
    return State(
        x0.copy(),
        np.empty(n),
        isolated(n),
        x0.copy(),
        np.empty(n),
        np.empty(n),
        np.empty((order, order)),
        scalars,
        np.empty((rows, 4)),
        methods.allocate(method, n),
    )


@kernel
def renew(state, blank, x0, time_limit):
    """Make a used state what `allocate` would have made for x0, with no allocation.

    Parameters
    ----------
    state : State
        Overwritten.
    blank : State
        A fresh one for the same method, limits and number of variables, from whatever start.
    x0 : ndarray, float64, shape (n,)
        Copied.
    time_limit : int
        Nanoseconds from now to the deadline; NEVER for none.
    """
    overwrite(state, blank)
    for i in range(x0.size):
        state.x[i] = state.x_trial[i] = x0[i]
    if time_limit < NEVER:
        state.scalars[0].deadline = now() + time_limit
