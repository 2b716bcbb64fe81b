"""Complete state of a descent between two evaluations: arrays and a record of scalars."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from quasinewton._line_searches.protocol import LINE
from quasinewton._loops.clock import NEVER, PACE, now
from quasinewton._methods import protocol as methods
from quasinewton._numba_ext.jit import kernel
from quasinewton._numba_ext.linalg import isolated
from quasinewton._numba_ext.tuples import overwrite
from quasinewton._objective.interface import GRADIENT, VALUE
from quasinewton.status import STATUS_RUNNING


class Phase(IntEnum):
    """Purpose of the pending evaluation."""

    START = 0  # f and g at x0
    SEARCH = 1  # a trial of the line search
    RECOVER = 2  # the best trial of a search that ended without an acceptable one
    CURVATURE = 3  # the Hessian at x, or products with it, for the next direction
    CERTIFY = 4  # the Hessian at x, or products with it, to certify a minimum where g ≈ 0
    ESCAPE = 5  # a trial along negative curvature
    STEP = 6  # the point reached by the step of a first-order method
    RESUME = 7  # none: f and g at x are known, and a run that had ended goes on from x
    RECALL = 8  # a point of an earlier search that is better than the last iterate


class Action(IntEnum):
    """Actions of the descent between two evaluations, in the order in which they are done."""

    WAIT = 0  # nothing more: an evaluation is pending, or the descent has ended
    FAILED = 1  # choose how to go on after a search without an acceptable step
    ACCEPT = 2  # make the trial the iterate
    CHECK = 3  # test whether the descent ends at this iterate
    DIRECTION = 4  # compute a direction and begin a search
    TRIAL = 5  # request the next trial of the search
    FINISH = 6  # end, at the best point evaluated
    RECALL = 7  # copy x_passed, a better point of an earlier search, to x_trial
    PLACE = 8  # set x_trial to the point at step alpha along p


NOTHING = 0  # value of `want` when a run has ended: nothing is to be evaluated

# The fields of LINE come last: if they came first, Numba would take this record for a subtype of
# LINE and warn.
SCALARS = np.dtype(
    [
        ("phase", "i8"),
        ("want", "i8"),  # what to evaluate at x_trial: flags of `objective.interface`
        ("status", "i8"),  # the value of a Status
        ("ending", "i8"),  # the status to end with once the best trial is recovered; STATUS_RUNNING: go on
        ("verdict", "i8"),  # verdict of the search in progress
        ("restarted", "i8"),  # 1 if the model was reset at x after a first search from x failed
        ("iterated", "i8"),  # 1 if the last evaluation completed an iteration
        ("rows", "i8"),  # rows of the trace that are filled
        ("nit", "i8"),
        ("nfev", "i8"),
        ("njev", "i8"),
        ("nhev", "i8"),
        ("hessian_nit", "i8"),  # iteration of the last Hessian; −1 before the first
        ("f", "f8"),
        ("f0", "f8"),  # f at x0
        ("x0_norm", "f8"),  # ‖x0‖_∞
        ("f_scale", "f8"),  # max(1, |f|, ‖g‖_∞ max(1, ‖x‖_∞)) at x0
        ("f_old", "f8"),  # f at the iterate before
        ("f_trial", "f8"),  # f at x_trial
        ("f_passed", "f8"),  # f at x_passed, an earlier point that is lower or flatter; infinite if there is none
        ("g_passed", "f8"),  # ‖g‖_∞ at x_passed, if it was an iterate; infinite if it was a trial
        ("g_norm", "f8"),  # ‖g‖_∞, or the norm of the projected gradient between bounds
        ("s_norm", "f8"),  # ‖s‖_∞ of the last step; set only if xtol > 0
        ("x_norm", "f8"),  # ‖x‖_∞; set only if xtol > 0
        ("step", "f8"),  # the last accepted alpha, or the learning rate of the last step
        ("predicted", "f8"),  # decrease of f along the first direction tried from x, by its model
        ("predicted_mark", "f8"),  # `predicted` at the last progress
        ("f_mark", "f8"),  # f at the last progress
        ("idle", "i8"),  # iterations since the last progress
        ("prediction_tested", "i8"),  # 1 if the predicted decrease at x was compared with f, since ‖g‖ is within gtol
        ("nfev_within", "i8"),  # nfev when ‖g‖ was first found within the default gtol; 0 before
        ("f_resumed", "f8"),  # f when a run was last resumed because its ending was refuted
        ("roughened", "i8"),  # 1 if the run was resumed because f is noisier than assumed
        ("f_refined", "f8"),  # f at the last refinement of the difference steps
        ("curvature", "f8"),  # least eigenvalue of the Hessian, where it was found negative at g ≈ 0
        ("gtol", "f8"),  # this and the following: see `Limits`
        ("ftol", "f8"),
        ("xtol", "f8"),
        ("f_target", "f8"),
        ("maxiter", "i8"),
        ("maxfun", "i8"),
        ("value_first", "i8"),
        ("gtol_is_default", "i8"),
    ]
    + PACE.descr
    + LINE.descr,
    align=True,
)


class Limits(NamedTuple):
    """Tolerances and limits of a run, and how trials are evaluated.

    Attributes
    ----------
    gtol : float
        Tolerance for ‖g‖_∞, in units of f/x.
    ftol : float
        Tolerance for the change of f in an iteration, relative to max(|f|, 1); 0 for no such test.
    xtol : float
        Tolerance for ‖s‖_∞, relative to max(‖x‖_∞, 1); 0 for no such test.
    f_target : float
        The run ends when f is at most this value.
    maxiter, maxfun : int
        Upper bounds on iterations and on evaluations of f.
    deadline : int
        Nanoseconds on the monotonic clock.
    value_first : int
        1 to evaluate the gradient of a trial only if its value is low enough; otherwise 0.
    gtol_is_default : int
        1 if a gradient within gtol is a success only if the predicted decrease is small, too, as
        gtol was not given; otherwise 0.
    """

    gtol: float = 1e-5
    ftol: float = 0.0
    xtol: float = 0.0
    f_target: float = -np.inf
    maxiter: int = NEVER
    maxfun: int = NEVER
    deadline: int = NEVER
    value_first: int = 0
    gtol_is_default: int = 0


class State(NamedTuple):
    """Complete state of a descent, as arrays; it can be saved between any two evaluations.

    `x, g, p, x_trial, g_trial, x_passed` have shape (n,). `hessian` has shape (n, n) if the method
    uses it and (0, 0) otherwise. `scalars[0]` is a record SCALARS. `trace` has a row (f, ‖g‖_∞,
    alpha, nfev) for every iterate until it is full. `memory` is the memory of the method.
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
def allocate(method, limits, x0, rows, scalars=None):
    """Make the state of a descent whose pending evaluation is f and g at x0.

    Parameters
    ----------
    method : NamedTuple
    limits : Limits
    x0 : ndarray, float64, shape (n,)
        Copied.
    rows : int
        Length of the trace.
    scalars : ndarray, shape (1,), optional
        A copy of the scalars of another fresh state under the same limits. Kept, not copied.

    Returns
    -------
    State
    """
    n = x0.size
    if scalars is None:
        scalars = np.zeros(1, SCALARS)
        s = scalars[0]
        s["phase"], s["want"] = Phase.START, VALUE | GRADIENT
        s["status"] = s["ending"] = STATUS_RUNNING
        s["hessian_nit"] = -1
        s["predicted_mark"] = s["f_mark"] = s["f_passed"] = s["g_passed"] = s["f_resumed"] = np.inf
        s["gtol"], s["ftol"], s["xtol"], s["f_target"] = limits.gtol, limits.ftol, limits.xtol, limits.f_target
        s["maxiter"], s["maxfun"], s["deadline"] = limits.maxiter, limits.maxfun, limits.deadline
        s["value_first"], s["gtol_is_default"] = limits.value_first, limits.gtol_is_default
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


@register_jitable
def allocate_within(method, limits, x0, low, high):
    """Make the state of a descent between bounds, without a trace; see `allocate`.

    The state may refer to `low` and `high`.
    """
    s = allocate(method, limits, x0, 0)
    memory = methods.with_bounds(method, s.memory, low, high)
    return State(s.x, s.g, s.p, s.x_trial, s.g_trial, s.x_passed, s.hessian, s.scalars, s.trace, memory)


@kernel
def renew(state, blank, x0, time_limit):
    """Reset a used state to what `allocate` returns for x0, without allocating.

    Parameters
    ----------
    state : State
        Overwritten.
    blank : State
        A fresh state for the same method, limits and number of variables, from any x0.
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
