"""Actions of the descent that few runs need: kernels that are compiled at their first call.

They handle curvature at x and the resulting certificate; trials along negative curvature; points
that are evaluated again; and searches that end without an acceptable step.
"""

import numpy as np
from numba import types

from quasinewton._floats import ROOT_EPSILON
from quasinewton._line_searches.protocol import Verdict
from quasinewton._loops import difference_limits, final_check, operations
from quasinewton._loops.certificate import SPREAD, WIDE, lower_point
from quasinewton._loops.operations import POINTER, multiplies, performing
from quasinewton._loops.state import NOTHING, Action, Phase
from quasinewton._loops.stopping import (
    PRECISION,
    awaits_prediction,
    ending_before_evaluation,
    has_tried,
    recover,
    tolerated_decrease,
)
from quasinewton._loops.subspace import point_off_subspace, size_of
from quasinewton._numba_ext.jit import entered, fragment
from quasinewton._numba_ext.lazy import late
from quasinewton._numba_ext.linalg import copy, dot, negate, norm_inf
from quasinewton._numba_ext.operation_tables import at
from quasinewton._objective.interface import GRADIENT, HESSIAN, OBJECTIVE, VALUE
from quasinewton.status import (
    STATUS_EVALUATIONS,
    STATUS_GRADIENT,
    STATUS_ITERATIONS,
    STATUS_LINE_SEARCH,
    STATUS_NONFINITE,
    STATUS_PRECISION,
    STATUS_RUNNING,
    STATUS_SADDLE,
    STATUS_UNBOUNDED,
)

FAR = 1e4  # multiple of max(1, ‖x‖_∞); f is unbounded if it still falls at a step this long
ESCAPE_TRIALS = 60  # evaluations; upper bound on trials along a direction of negative curvature
ESCAPE_DECREASE = 1e-4  # fraction of the decrease predicted by the curvature; required of a trial
BEND = 10.0  # largest curvature of a curve of constant f, relative to that of a circle of radius ‖x‖_∞

_inquire, _answer, _negative_curvature, _unexplored = map(
    performing, (operations.inquire, operations.answer, operations.negative_curvature, operations.unexplored)
)
_place, _measure = performing(operations.place), performing(operations.measure)
_restart, _descend = performing(operations.restart), performing(operations.descend)
_box, _replaced = performing(operations.box), performing(operations.replaced)


@entered
def _request_curvature(frame):
    """Request the curvature at x.

    It serves to choose the next direction or, if the run has converged, to certify a minimum.
    """
    f_ = at(frame)
    s = f_.scalars[0]
    converged = s.ending == STATUS_GRADIENT or (s.g_norm <= s.gtol and not awaits_prediction(s))
    s.phase, s.f_trial, s.want = Phase.CERTIFY if converged else Phase.CURVATURE, s.f, HESSIAN
    s.ending = STATUS_RUNNING
    if multiplies(f_.operations):
        s.want = _inquire(f_.operations, (frame, f_.method, f_.memory))
    copy(f_.x_trial, f_.x)
    copy(f_.g_trial, f_.g)
    if s.want == HESSIAN and s.hessian_nit == s.nit:
        return _digest_curvature(frame)  # the Hessian at x is known already
    return Action.WAIT


@entered
def _digest_curvature(frame):
    """Process the Hessian at x, or a product with it; return the next action."""
    f_ = at(frame)
    s, g, p = f_.scalars[0], f_.g, f_.p
    table, own = f_.operations, (frame, f_.method, f_.memory)
    if multiplies(table):
        s.want = _answer(table, own)
        if s.want != NOTHING:  # the method needs another product at x
            s.ending = ending_before_evaluation(s)
            if s.ending != STATUS_RUNNING:
                return Action.FINISH
            copy(f_.x_trial, f_.x)
            copy(f_.g_trial, g)
            return Action.WAIT
    s.hessian_nit = s.nit
    if s.phase == Phase.CURVATURE:
        return Action.DIRECTION
    s.curvature = _negative_curvature(table, own)
    if s.curvature < 0.0:
        _begin_escape(s, f_.x, g, p)
        return _propose_escape(s, f_.x)
    s.ending = STATUS_GRADIENT if s.g_norm <= s.gtol else STATUS_LINE_SEARCH
    return Action.FINISH


@fragment
def _begin_escape(s, x, g, p):
    """Turn p, along which the curvature is negative, downhill, and set the first step along it."""
    if dot(g, p) > 0.0:
        negate(p, p)
    s.alpha, s.count = max(1.0, norm_inf(x)), 0


@fragment
def _propose_escape(s, x):
    """Request a trial at step alpha along negative curvature, unless a limit has been reached."""
    if s.nit < s.maxiter and s.nfev < s.maxfun and s.count < ESCAPE_TRIALS:
        s.phase, s.want = Phase.ESCAPE, VALUE | GRADIENT
        return Action.PLACE
    return _escaped(s, x)


@fragment
def _propose_next_escape(s, x):
    """Request the next trial along negative curvature: the other way, or both ways and shorter."""
    s.count += 1
    s.alpha = -s.alpha if s.count % 2 else 0.25 * abs(s.alpha)
    return _propose_escape(s, x)


@fragment
def _escaped(s, x):
    """End the run: no trial along negative curvature was low enough, or a limit was reached."""
    if s.nfev >= s.maxfun:
        s.ending = STATUS_EVALUATIONS
    elif s.nit >= s.maxiter:
        s.ending = STATUS_ITERATIONS
    elif s.g_norm > s.gtol:
        s.ending = STATUS_LINE_SEARCH
    else:
        s.ending = STATUS_GRADIENT if _is_explained(s, x) else STATUS_SADDLE
    return Action.FINISH


@fragment
def _is_explained(s, x):
    """Return True if rounding, or the gradient that is left, explains the negative curvature at x.

    On a curve of constant f, such as the orbit of a rotation that does not change f, the derivative
    of fʹ = g·ẋ = 0 gives ẋ·Hẋ = −g·ẍ. So H has a negative curvature of the order of ‖g‖/R, with the
    radius R of the curve, which vanishes at the minimum.
    """
    size = size_of(s, x)
    rounding = max(s.noise, PRECISION * max(abs(s.f), abs(s.f0)))
    return -0.5 * s.curvature * size * size <= max(rounding, BEND * s.g_norm * size)


@entered
def _digest_point(frame, f):
    """Process f and g at a point that is not a trial of a line search; return the next action."""
    f_ = at(frame)
    s = f_.scalars[0]
    s.f_trial = f
    if s.phase == Phase.RESUME:
        return Action.CHECK
    finite = np.isfinite(f) and np.isfinite(norm_inf(f_.g_trial))
    if s.phase == Phase.RECOVER:
        if s.ending == STATUS_RUNNING and not finite:
            s.ending = STATUS_LINE_SEARCH
        return Action.ACCEPT if finite else Action.FINISH
    if s.phase == Phase.RECALL:
        s.f_passed = s.g_passed = np.inf
        if finite:
            copy(f_.x, f_.x_passed)
            copy(f_.g, f_.g_trial)
            s.f, s.hessian_nit = f, -1
            s.g_norm = _measure(f_.operations, (frame, f_.method, f_.memory))
        return Action.FINISH
    # The decrease condition f <= f(x) + c1 alpha² λ/2 is that of Moré & Sorensen (Math. Prog. 16,
    # 1979), on a line instead of their curve. Where rounding has ended the run, a decrease within
    # the noise floor is none. Where the evaluations of the default test of gtol are used up, one
    # that this test tolerates is none, either: errors of a Hessian may show a negative curvature,
    # along which f falls very slowly, wherever f is degenerate.
    least = s.noise if s.g_norm > s.gtol else 0.0
    if s.gtol_is_default != 0 and s.nfev_within > 0 and has_tried(s):
        least = max(least, tolerated_decrease(s))
    needed = max(least, -0.5 * ESCAPE_DECREASE * s.curvature * (s.alpha * s.alpha))
    if finite and f < s.f and f <= s.f - needed:
        return Action.ACCEPT
    return _propose_next_escape(s, f_.x)


@entered
def _overcome(frame):
    """Choose the next action after a search without an acceptable step.

    Accept or recover the best trial, restart along −g without the model, or end.
    """
    f_ = at(frame)
    s = f_.scalars[0]
    if s.phase == Phase.ESCAPE:
        # The trial is x itself, as where a bound lies that way: the next one goes the other way.
        return _propose_next_escape(s, f_.x)
    lower = s.phase == Phase.SEARCH and s.best > 0.0 and s.phi_best < s.f
    if s.verdict == Verdict.LONGEST:
        # f still falls at the longest step. It is unbounded if that step is long relative to x and
        # no bound ends it. Otherwise the first trial was too short, or a bound is reached: take the
        # step.
        far = s.alpha < s.end and abs(s.best) * norm_inf(f_.p) >= FAR * max(1.0, norm_inf(f_.x))
        s.ending = STATUS_UNBOUNDED if far else STATUS_RUNNING
        if s.best == s.alpha:
            return Action.ACCEPT
    else:
        none_lower = s.phi_best >= s.f - s.noise
        if s.verdict == Verdict.UNBOUNDED:
            s.ending = STATUS_UNBOUNDED
        elif none_lower:
            if not s.restarted and _restart(f_.operations, (frame, f_.method, f_.memory)):
                s.restarted = 1
                return Action.DIRECTION
            s.ending = STATUS_NONFINITE if s.verdict == Verdict.NONFINITE else STATUS_LINE_SEARCH
    if s.ending == STATUS_RUNNING:
        if lower:
            return recover(s)
        s.ending = STATUS_LINE_SEARCH
    return Action.FINISH


@entered
def _remember_trial(frame):
    """Store the best trial of the search, which is lower than the accepted one, in x_passed.

    The search did not accept it because of its slope.
    """
    f_ = at(frame)
    s = f_.scalars[0]
    alpha = s.alpha
    s.alpha = s.best
    _place(f_.operations, (frame, f_.method, f_.memory))
    copy(f_.x_passed, f_.x_trial)
    s.alpha, s.f_passed, s.g_passed = alpha, s.phi_best, np.inf


@entered
def _descend_without_model(frame):
    """Reset the method's model, write a descent direction that uses none to p, return its slope."""
    f_ = at(frame)
    own = (frame, f_.method, f_.memory)
    _restart(f_.operations, own)
    return _descend(f_.operations, own)


@entered
def _measure_step(frame):
    """Store the norms of the last step and of x, for the test of xtol."""
    f_ = at(frame)
    s = f_.scalars[0]
    s.s_norm, s.x_norm = abs(s.step) * norm_inf(f_.p), norm_inf(f_.x)


@entered
def _is_short(frame):
    """Return True if the first trial is within √ε ‖x‖_∞."""
    f_ = at(frame)
    s = f_.scalars[0]
    return abs(s.alpha) * norm_inf(f_.p) <= ROOT_EPSILON * max(s.x0_norm, norm_inf(f_.x))


@entered
def _check_or_resume(frame, objective):
    """Check a run that has ended, and let it go on if its status is refuted.

    If it is not, but the Hessian at x curves down along some direction, x is a saddle, where
    rounding hides what the gradient promises: the run goes on along that direction. A Hessian that
    is not known is requested. One made of gradients that are differences themselves shows no
    curvature where rounding has ended the run.
    """
    f_ = at(frame)
    s, table, own = f_.scalars[0], f_.operations, (frame, f_.method, f_.memory)
    low, high = _box(table, own)
    found = final_check.check_ending(objective, s, f_.x, f_.g, f_.p, f_.x_trial, f_.g_trial, low, high)
    if found == final_check.REPLACED:
        _replaced(table, own)
    elif found == final_check.RESUMED:
        _restart(table, own)
    if found != final_check.STANDS:
        s.g_norm = _measure(table, own)
        return
    stands = s.status == STATUS_LINE_SEARCH or s.status == STATUS_PRECISION
    if not stands or s.phase == Phase.ESCAPE or f_.hessian.size == 0 or s.nit >= s.maxiter or s.nfev >= s.maxfun:
        return
    if difference_limits.is_differenced(objective):
        return
    if s.hessian_nit != s.nit:
        copy(f_.x_trial, f_.x)
        copy(f_.g_trial, f_.g)
        s.status = s.ending = STATUS_RUNNING
        s.phase, s.f_trial, s.want = Phase.CERTIFY, s.f, HESSIAN
        return
    s.curvature = _negative_curvature(table, own)
    if s.curvature < 0.0:
        _begin_escape(s, f_.x, f_.g, f_.p)
        final_check.forget_progress(s)
        s.phase, s.want = Phase.ESCAPE, VALUE | GRADIENT
        _place(table, own)


@entered
def _search_off_subspace(frame, objective, dimensions):
    """Search along p, which is orthogonal to all steps, as `subspace.point_off_subspace` does."""
    f_ = at(frame)
    low, high = _box(f_.operations, (frame, f_.method, f_.memory))
    vectors = f_.x, f_.g, f_.p, f_.x_trial, f_.g_trial
    return point_off_subspace(objective, f_.scalars[0], *vectors, dimensions, low, high)


# It is compiled apart from its caller, since most runs have stepped along all dimensions.
search_off_subspace = late(_search_off_subspace, types.float64(POINTER, OBJECTIVE, types.intp))


@entered
def _confirm(frame, objective):
    """Test the success of a run that has ended; let it go on from a lower point if there is one.

    The model is updated with the step to that point, along which it had predicted too little, or
    nothing at all.
    """
    f_ = at(frame)
    s, table, own = f_.scalars[0], f_.operations, (frame, f_.method, f_.memory)
    low, high = _box(table, own)
    vectors = (f_.x, f_.g, f_.p, f_.x_trial, f_.g_trial)
    # What products with the Hessian have shown needs no further gradient, unless rounding has ended
    # the run, or the units of the variables are so different that the residual hides some of them.
    curved, alpha = multiplies(table) != 0, 0.0
    spread = WIDE if curved and s.status != STATUS_PRECISION else SPREAD
    alpha = lower_point(objective, s, *vectors, low, high, spread)
    if alpha == 0.0 and s.status == STATUS_GRADIENT:
        dimensions = _unexplored(table, own)
        if dimensions > 0 or (dimensions < 0 and not difference_limits.is_differenced(objective)):
            alpha = search_off_subspace((frame, objective, abs(dimensions)))
    if alpha > 0.0:
        if curved:
            _restart(table, own)  # the step to that point is not the one whose decrease was predicted
        final_check.forget_progress(s)
        s.phase, s.want, s.alpha = Phase.RECOVER, VALUE | GRADIENT, alpha
        _place(table, own)


confirm = late(_confirm, types.void(POINTER, OBJECTIVE))
check_or_resume = late(_check_or_resume, types.void(POINTER, OBJECTIVE))
request_curvature = late(_request_curvature, types.int64(POINTER))
digest_curvature = late(_digest_curvature, types.int64(POINTER))
digest_point, overcome = late(_digest_point, types.int64(POINTER, types.float64)), late(_overcome, types.int64(POINTER))
remember_trial, measure_step = late(_remember_trial, types.void(POINTER)), late(_measure_step, types.void(POINTER))
descend_without_model = late(_descend_without_model, types.float64(POINTER))
is_short = late(_is_short, types.boolean(POINTER))
