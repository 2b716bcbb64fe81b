"""Loop of the descent: a method chooses the direction and a line search the step.

The descent is a state machine that asks for one evaluation at a time: `scalars.want` is what to
evaluate at `x_trial`, and `scalars.phase`, a `Phase`, is the purpose. Between two evaluations it
performs `Action`s, most often these:

    a trial of the line search was evaluated  ->  ACCEPT  ->  CHECK  ->  DIRECTION  ->  TRIAL  ->
    PLACE  ->  the next evaluation

Invariant between two evaluations: `x, f, g` belong to the current iterate, are finite, and f
exceeds no earlier value by more than the noise floor. `p` is the direction and `alpha` the step of
the pending trial, `x_trial = x + alpha p`. The objective may overwrite `x_trial`; it is never read
back.

How it is compiled: the loop is one function for all methods and all line searches. Their operations
are called by address (`_loops.operations`). Operations that few runs need are kernels compiled at
their first call (`_loops.rare_phases`), so each is compiled once, and only if a run needs it. The
compile time of a function grows with the number of its operations, and code inlined at two places
counts twice; the loop therefore performs each operation at one place only.
"""

import numpy as np
from numba import types
from numba.extending import register_jitable

from quasinewton._line_searches.protocol import Verdict
from quasinewton._loops import difference_limits, final_check, operations
from quasinewton._loops.certificate import is_uncertain
from quasinewton._loops.clock import begin_slice, slice_over
from quasinewton._loops.operations import (
    FRAME,
    METHODS,
    POINTER,
    SEARCHES,
    call_search,
    is_confined,
    multiplies,
    performing,
)
from quasinewton._loops.rare_phases import (
    check_or_resume,
    confirm,
    descend_without_model,
    digest_curvature,
    digest_point,
    is_short,
    measure_step,
    overcome,
    remember_trial,
    request_curvature,
)
from quasinewton._loops.state import NOTHING, Action, Phase
from quasinewton._loops.stopping import (
    awaits_prediction,
    ending_at_iterate,
    ending_before_evaluation,
    ending_by_prediction,
    expects_nothing,
    finish,
    is_flatter,
    is_settled,
    is_stagnant,
)
from quasinewton._numba_ext.arrays import part
from quasinewton._numba_ext.jit import entered, fragment, kernel
from quasinewton._numba_ext.lazy import late
from quasinewton._numba_ext.linalg import copy, dot, norm_inf, point_on_line
from quasinewton._numba_ext.operation_tables import at, framed
from quasinewton._numba_ext.tuples import borrow
from quasinewton._objective.interface import (
    GRADIENT,
    HESSIAN,
    OBJECTIVE,
    PRODUCT,
    VALUE,
    attempt,
)
from quasinewton.status import STATUS_GRADIENT, STATUS_LINE_SEARCH, STATUS_NONFINITE, STATUS_RUNNING, STATUS_UNBOUNDED

# Values of `each`: when `run` returns, apart from the end and the end of a slice of time.
EACH_ITERATION = 1
EACH_EVALUATION = 2

_direction, _update = performing(operations.direction), performing(operations.update)
_measure, _place = performing(operations.measure), performing(operations.place)
_frame = framed((METHODS, SEARCHES), FRAME)


@kernel
def run(objective, method, search, state, each):
    """Run until the descent ends or control must return to the caller.

    Parameters
    ----------
    objective : Objective
        If its address is 0, the caller evaluates: it has stored what was wanted (f in
        `scalars[0].f_trial`, the gradient in `g_trial`) and counted the evaluation.
    method, search : NamedTuple
    state : State
        Updated.
    each : int
        EACH_ITERATION or EACH_EVALUATION to return after every one; 0 otherwise.

    Returns
    -------
    int
        What to evaluate next; NOTHING when the descent has ended. Otherwise the caller continues by
        calling again: an iteration is complete, the trace is full, or 50 ms have passed, so that
        signals can be delivered.
    """
    # The caller holds references to the arrays, so the loop need not count them.
    return enter((_frame((method, search), borrow(state)), objective, each))


@register_jitable
def is_evaluated(s):
    """Return True if the pending evaluation can be skipped, its result being known already.

    This holds for f and g at x of a resumed run, and for a Hessian already evaluated at x.
    """
    return s["phase"] == Phase.RESUME or (s["want"] == HESSIAN and s["hessian_nit"] == s["nit"])


@fragment
def _evaluate(objective, s, x_trial, g, g_trial, operand):
    """Evaluate what is wanted at x_trial and count it; return f, or the f that is known.

    Nothing is evaluated if the result is known already, or if the caller has evaluated it.
    """
    if objective.address == 0 or is_evaluated(s):
        return s.f_trial
    # A Hessian by differences reads the gradient at x; every other evaluation writes the gradient
    # at the trial.
    lenient = s.phase != Phase.START and s.want & (VALUE | GRADIENT) != 0
    g_wanted = g if s.want == HESSIAN else g_trial
    value = attempt(objective.address, x_trial, g_wanted, operand, s.want, objective.data, lenient)
    if s.want & VALUE:
        s.nfev += 1
        difference_limits.apply_type_rounding(objective, s)
    if s.want & GRADIENT:
        s.njev += 1
        s.nfev += difference_limits.gradient_values(objective, g.size)
    elif s.want & (HESSIAN | PRODUCT):
        s.nhev += 1
        s.nfev += objective.hessian_values
        s.njev += objective.hessian_gradients
    return value if s.want & VALUE else s.f_trial


@fragment
def _digest_trial(s, f, moves, search, g_trial, p):
    """Pass f and g at a trial of the line search to the search; return the next action."""
    s.f_trial, trial = f, s.alpha
    if s.want == VALUE and f <= s.phi0 + s.noise and f != -np.inf:
        s.want = GRADIENT  # the value is low enough: evaluate the gradient at the same point
        return Action.PLACE
    # Without a gradient the trial cannot be accepted, so the search needs only a rough slope: that
    # of the parabola through phi_a, dphi_a and f.
    slope = 2.0 * (f - s.phi_a) / (trial - s.a) - s.dphi_a if s.want == VALUE else dot(g_trial, p)
    s.verdict = call_search(moves, (s, search, f, slope, False))
    if s.verdict == Verdict.CONTINUE:
        return Action.TRIAL
    # A search that ends at its best point need not evaluate it again.
    ended = s.best == trial and s.want != VALUE and f < s.f and s.verdict < Verdict.LONGEST
    if s.verdict == Verdict.ACCEPT or ended:
        s.alpha = trial
        return Action.ACCEPT
    return Action.FAILED


@fragment
def _digest_start(s, x, g, g_trial, f):
    """Make f and g at x0 those of the first iterate; return the next action and ‖g‖_∞.

    x0 itself must be finite too: an objective may return finite values at a NaN.
    """
    g_norm, x_norm, nan = norm_inf(g_trial), 0.0, 0.0
    for i in range(x.size):
        x_norm = max(x_norm, abs(x[i]))
        nan += 0.0 * x[i]
    s.f = s.f0 = s.f_old = s.least = s.f_trial = f
    s.x0_norm = x_norm
    copy(g, g_trial)
    if np.isfinite(f) and np.isfinite(g_norm + nan):
        return Action.CHECK, g_norm
    s.ending = STATUS_UNBOUNDED if f == -np.inf else STATUS_NONFINITE
    return Action.FINISH, g_norm


@entered
def descend(frame, objective, each):
    """Evaluate and update the state as described at `run`; `frame` points to a Frame."""
    # `own` are the arguments of the method's operations; `table` and `moves` are the addresses of
    # the tables of operations of the method and of the search.
    f_ = at(frame)
    x, g, p, x_trial, g_trial, x_passed = f_.x, f_.g, f_.p, f_.x_trial, f_.g_trial, f_.x_passed
    s, hessian, trace = f_.scalars[0], f_.hessian, f_.trace
    own = (frame, f_.method, f_.memory)
    table, moves, search = f_.operations, f_.moves, f_.search
    confined, curved = is_confined(table) != 0, hessian.size > 0 or multiplies(table) != 0
    operand = p if multiplies(table) else part(hessian, 0, hessian.size)
    begin_slice(s)
    difference_limits.prepare(objective, s, x.size)
    while s.want != NOTHING:
        f = _evaluate(objective, s, x_trial, g, g_trial, operand)
        s.iterated = 0

        # Choose the first action from the result.
        if s.phase == Phase.SEARCH:
            action = _digest_trial(s, f, moves, search, g_trial, p)
        elif s.phase == Phase.START:
            action, g_norm = _digest_start(s, x, g, g_trial, f)
            s.g_norm = _measure(table, own) if confined else g_norm
            s.f_scale = max(1.0, max(abs(s.f0), s.g_norm * max(1.0, s.x0_norm)))
        elif s.phase == Phase.CURVATURE or s.phase == Phase.CERTIFY:
            s.f_trial = f
            action = digest_curvature((frame,))
        else:
            action = digest_point((frame, f))

        # Perform the actions, in the order of `Action`.
        while action != Action.WAIT:
            if action == Action.FAILED:
                action = overcome((frame,))
            if action == Action.ACCEPT:
                if s.phase == Phase.SEARCH and s.phi_best < min(s.f_trial - s.noise, s.f_passed):
                    remember_trial((frame,))
                if is_flatter(s, f):
                    copy(x_passed, x)
                    s.f_passed, s.g_passed = s.f, s.g_norm
                s.g_norm = _update(table, own)
                s.f_old, s.f, s.step = s.f, f, s.alpha
                s.nit += 1
                s.iterated, s.restarted, s.prediction_tested, s.best = 1, 0, 0, 0.0
                if s.xtol > 0.0:
                    measure_step((frame,))
                action = Action.CHECK
            if action == Action.CHECK:
                if s.rows < trace.shape[0]:
                    row = trace[s.rows]
                    row[0], row[1], row[2], row[3] = s.f, s.g_norm, s.step, s.nfev
                    s.rows += 1
                s.ending = ending_at_iterate(s, curved)
                action = Action.FINISH
                if s.ending == STATUS_RUNNING:
                    action = Action.DIRECTION
                    if curved:
                        action = request_curvature((frame,))  # DIRECTION follows once the curvature is known
            if action == Action.DIRECTION:
                slope = _direction(table, own)
                if not -np.inf < slope < 0.0:
                    slope = descend_without_model((frame,))
                if not curved and (s.restarted or s.nit == 0):
                    s.alpha = difference_limits.first_step(objective, s, x, p, slope, s.alpha)
                if not s.restarted:
                    s.predicted = -0.5 * min(s.alpha, 1.0) * slope  # the method's model is least at alpha = 1
                action = Action.TRIAL
                if awaits_prediction(s):
                    # Before the first step only methods that know the curvature have a model.
                    near = s.restarted == 0 and (curved or s.nit > 0)
                    near = near and difference_limits.is_near(objective, s, x, p)
                    near = near or is_settled(s, x, p)
                    s.ending = ending_by_prediction(s, near)
                    if s.ending != STATUS_RUNNING:
                        certifying = curved and s.ending == STATUS_GRADIENT
                        action = request_curvature((frame,)) if certifying else Action.FINISH
                if action == Action.TRIAL:
                    # The noise floor is measured from the least value of the whole run, not of this
                    # search; otherwise f could rise by the noise in every search.
                    least = min(s.least, s.f)
                    call_search(moves, (s, search, s.f, slope, True))
                    s.least = least
                    if is_stagnant(s, expects_nothing(s) and is_short((frame,))):
                        s.ending, action = STATUS_LINE_SEARCH, Action.FINISH
            if action == Action.TRIAL:
                action = Action.PLACE
                s.ending = ending_before_evaluation(s)
                if s.ending != STATUS_RUNNING:
                    action = Action.FINISH
                else:
                    s.phase, s.want = Phase.SEARCH, VALUE if s.value_first else VALUE | GRADIENT
            if action == Action.FINISH:
                action = finish(s)
            if action == Action.RECALL:
                copy(x_trial, x_passed)
                action = Action.WAIT
            if action == Action.PLACE:
                moved = _place(table, own) if confined else point_on_line(x, s.alpha, p, x_trial)
                action = Action.WAIT
                if not moved:
                    s.verdict = Verdict.STUCK
                    action = Action.FAILED
        doubtful = s.want == NOTHING and final_check.is_in_doubt(objective, s)
        if doubtful or difference_limits.is_exhausted(objective, s, x, p):
            check_or_resume((frame, objective))
        if s.want == NOTHING and is_uncertain(objective, s, hessian.size > 0):
            confirm((frame, objective))
        # slice_over must be called every time, since it counts evaluations and checks the deadline.
        over = slice_over(s)
        if over or each == EACH_EVALUATION or (each and s.iterated) or (s.iterated and s.rows == trace.shape[0] > 0):
            break
    return s.want


enter = late(descend, types.int64(POINTER, OBJECTIVE, types.int64))
