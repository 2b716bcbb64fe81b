"""Stopping tests of a descent on scalars alone, and a table of all stopping tests.

Tests that need vectors are elsewhere: those of the point after a search and of the curvature in
`rare_phases`, and those of a run that has ended in `final_check`, `resolution` and `certificate`.

| asked where | test | ends with |
|---|---|---|
| at an iterate, in this order | f <= f_target | TARGET |
| | ‖g‖_∞ <= gtol, which is not the default, and no curvature is to be checked first | GRADIENT |
| | abs(f_old − f) <= ftol max(abs(f_old), abs(f), 1) | FTOL |
| | ‖s‖_∞ <= xtol max(‖x‖_∞, 1) | XTOL |
| | f <= −10²⁰ times the scale of f at x0 | UNBOUNDED |
| | nit >= maxiter | ITERATIONS |
| | nfev >= maxfun | EVALUATIONS |
| | the deadline has passed | TIME |
| before an evaluation | the deadline has passed; nfev >= maxfun | TIME, EVALUATIONS |
| before a search | ‖g‖_∞ <= gtol, the default, and one of the next five tests holds: | GRADIENT |
| | · the predicted decrease is at most `tolerated_decrease` | |
| | · the model's step changes no variable by more than FINE of itself (`is_settled`) | |
| | · the model's step is of the order of those of one-sided differences | |
| | · nit >= maxiter | |
| | · the evaluations of this test are used up (`has_tried`) | |
| | neither f nor the predicted decrease improves (`is_stagnant`) | LINE_SEARCH |
| at x0 | f or g is not finite | NONFINITE, UNBOUNDED where f is −inf |
| after a search without a step | f is −inf at a trial | UNBOUNDED |
| | f still falls at the longest step, which is far from x | UNBOUNDED |
| | no trial was lower: none was finite, or all were higher | NONFINITE, LINE_SEARCH |
| at g ≈ 0, curvature known | no curvature is negative | GRADIENT |
| | a curvature is negative, but no trial along it is lower | SADDLE |
| | rounding, or the gradient that is left, explains that curvature (`rare_phases`) | GRADIENT |
| at the end | ‖g‖_∞ <= gtol, the default, and no progress or a limit ends the run | GRADIENT |
| | LINE_SEARCH, and rounding hides the decrease still predicted | PRECISION |
| after the end | rounding or noise explains it (`final_check`, `resolution`) | PRECISION |
| | it does not, and the run cannot go on (`final_check`) | LINE_SEARCH |
| | SADDLE, by second derivatives that are differences (`final_check`) | GRADIENT |
| | a lower point is found (`final_check`, `certificate`) | the run goes on |
| | a curvature is negative, and a trial along it lower (`rare_phases`) | the run goes on |

A limit is maxiter, maxfun or the deadline. The first test at the end is not made after a negative
curvature was found, nor at a limit by methods that know the curvature, which have not checked it.
For a gradient of exactly 0 the default gtol is treated as any other.
"""

from numba.extending import register_jitable

from quasinewton._floats import EPSILON
from quasinewton._line_searches.protocol import NOISE
from quasinewton._loops.state import NOTHING, Action, Phase
from quasinewton._numba_ext.jit import fragment
from quasinewton._objective.interface import GRADIENT, VALUE
from quasinewton.status import (
    STATUS_EVALUATIONS,
    STATUS_FTOL,
    STATUS_GRADIENT,
    STATUS_ITERATIONS,
    STATUS_LINE_SEARCH,
    STATUS_PRECISION,
    STATUS_RUNNING,
    STATUS_TARGET,
    STATUS_TIME,
    STATUS_UNBOUNDED,
    STATUS_XTOL,
)

UNBOUNDED_BELOW = -1e20  # multiple of the scale of f at x0; lower values mean that f is unbounded
PRECISION = 1e4 * EPSILON  # relative to |f|; largest predicted decrease that rounding may hide

# A run with the default gtol ends with success if the predicted decrease is at most
#     PREDICTED_OF_F |f|, or
#     PREDICTED_OF_GAIN (f0 − f), for f near 0, or
#     SETTLED (f0 − f), and the model's step changes no variable by more than FINE of itself.
# These four constants were chosen by experiment, on NIST's 54 nonlinear regressions
# (tests/benchmarks/nist.py) and on the table of problems (tests/benchmarks/table.py), as a
# compromise between correct digits and evaluations; see docs/benchmarks.md. The last two bound the
# cost: where f is degenerate at its least point, the decrease left falls very slowly, so the test
# is given up after TRIED_RATIO times the evaluations until ‖g‖ was first within gtol, and
# TRIED_EXTRA more.
PREDICTED_OF_F = 1e-12  # multiple of |f|
PREDICTED_OF_GAIN = 1e-22  # multiple of f0 − f
SETTLED = 1e-12  # multiple of f0 − f
FINE = 3e-7  # relative to each variable; a step this short leaves six of its digits as they are
TRIED_RATIO = 3  # multiple of a number of evaluations
TRIED_EXTRA = 600  # evaluations

PATIENCE = 20  # iterations; a run that makes no progress for this long is stagnant


@register_jitable
def succeeded(status, g_norm, gtol, f, f0):
    """Return True if a descent from f0 that ended at f with this status has succeeded.

    STATUS_PRECISION counts as success unless f has risen: the tolerance cannot be met, but rounding
    hides the decrease still to be gained.
    """
    if status == STATUS_PRECISION:
        return f <= f0
    return status == STATUS_GRADIENT or status == STATUS_FTOL or status == STATUS_XTOL or status == STATUS_TARGET


@fragment
def ending_at_iterate(s, curved):
    """Return the status to end with at this iterate, or STATUS_RUNNING.

    With `curved`, the curvature must be checked before the run may end as STATUS_GRADIENT.
    """
    awaiting = awaits_prediction(s)
    converged = s.g_norm <= s.gtol and not awaiting
    if s.f <= s.f_target:
        return STATUS_TARGET
    if converged and not curved:
        return STATUS_GRADIENT
    if s.ending != STATUS_RUNNING or converged:
        return s.ending
    if s.nit > 0 and s.ftol > 0.0 and abs(s.f_old - s.f) <= s.ftol * max(max(abs(s.f_old), abs(s.f)), 1.0):
        return STATUS_FTOL
    if s.nit > 0 and s.xtol > 0.0 and s.s_norm <= s.xtol * max(s.x_norm, 1.0):
        return STATUS_XTOL
    if s.f <= UNBOUNDED_BELOW * s.f_scale:
        return STATUS_UNBOUNDED
    if awaiting:
        return STATUS_RUNNING  # `ending_by_prediction` follows, once the predicted decrease is known
    if s.nit >= s.maxiter:
        return STATUS_ITERATIONS
    if s.nfev >= s.maxfun:
        return STATUS_EVALUATIONS
    return STATUS_TIME if s.overdue else STATUS_RUNNING


@fragment
def awaits_prediction(s):
    """Return True if ‖g‖ is within the default gtol, and the predicted decrease is to be weighed.

    A gradient of exactly zero needs no such test.
    """
    return s.gtol_is_default != 0 and s.prediction_tested == 0 and 0.0 < s.g_norm <= s.gtol


@fragment
def tolerated_decrease(s):
    """Return the decrease that may be left where a run ends with success by the default gtol."""
    return max(PREDICTED_OF_F * abs(s.f), PREDICTED_OF_GAIN * (s.f0 - s.f))


@fragment
def ending_by_prediction(s, near):
    """Return the status to end with where ‖g‖ is within the default gtol, or STATUS_RUNNING.

    The absolute gtol says little where f has small values or variables have large ones, so the run
    ends only if the decrease that the model predicts is small, too: relative to |f| or, as the
    least value may be 0, to the decrease achieved. The ratio is invariant to scaling f and x.
    With `near`, the model's step is short enough, or too short for differences of f to lead nearer
    to the minimiser.
    """
    s.prediction_tested = 1
    s.nfev_within = s.nfev if s.nfev_within == 0 else s.nfev_within
    ended = near or s.predicted <= tolerated_decrease(s) or s.nit >= s.maxiter or has_tried(s)
    return STATUS_GRADIENT if ended else STATUS_RUNNING


@fragment
def is_settled(s, x, p):
    """Return True if the step p to the minimiser of the model is within FINE of every variable.

    The predicted decrease must be at most SETTLED (f0 − f): steps are short at the beginning, too,
    if f has small values or large derivatives. A direction without a model, which is not tried with
    the step length 1, says nothing.
    """
    if s.restarted != 0 or s.alpha != 1.0 or not s.predicted <= SETTLED * (s.f0 - s.f):
        return False
    for i in range(x.size):
        if not abs(p[i]) <= FINE * abs(x[i]):
            return False
    return True


@fragment
def has_tried(s):
    """Return True if the default test of gtol has cost as many evaluations as it may.

    Where f is degenerate at its least point, the decrease left falls very slowly.
    """
    return s.nfev > TRIED_RATIO * s.nfev_within + TRIED_EXTRA


@fragment
def ending_before_evaluation(s):
    """Return the status to end with if no further evaluation is allowed, or STATUS_RUNNING."""
    if s.overdue:
        return STATUS_TIME
    return STATUS_EVALUATIONS if s.nfev >= s.maxfun else STATUS_RUNNING


@fragment
def expects_nothing(s):
    """Return True if the predicted decrease is at most ε² max(|f|, ε² |f₀|); see `is_stagnant`."""
    return s.nit > 0 and s.predicted <= EPSILON * EPSILON * max(abs(s.f), EPSILON * EPSILON * abs(s.f0))


@fragment
def is_stagnant(s, nothing):
    """Return True if the iterations have ceased to make progress.

    `nothing` is True if the predicted decrease is negligible and the next step short. The counts of
    progress in `s` are updated.

    Notes
    -----
    Values of f cannot show changes below the noise floor, but gradients are accurate to O(ε), so
    the predicted decrease ½ gᵀH g still measures progress. Stop if (a) neither f nor the prediction
    has improved for `PATIENCE` iterations, or (b) f is level, the prediction is at most ε² |f|, and
    the step is short: x is then accurate to O(ε). For sums of squares f* may be 0; residuals that
    cancel carry rounding of order ε √f₀, so in (b) ε² |f₀| replaces a smaller |f|. Both tests are
    invariant to scaling f and x.
    """
    if s.restarted:
        return False
    level = abs(s.f - s.f_mark) <= max(s.noise, NOISE * EPSILON * (EPSILON * abs(s.f0)))
    if not level or s.predicted < 0.9 * s.predicted_mark:
        s.predicted_mark, s.idle = s.predicted, 0
        s.f_mark = s.f_mark if level else s.f
    else:
        s.idle += 1
    return s.idle >= PATIENCE or (level and nothing)


@fragment
def is_flatter(s, f):
    """Return True if the iterate about to be left should be kept in x_passed.

    The new value f equals that of the iterate up to noise. The iterate is kept if, of the points
    that are equally low up to noise, it has the least gradient so far.
    """
    level, known = abs(f - s.f) <= s.noise, abs(s.f - s.f_passed) <= s.noise
    return s.phase == Phase.SEARCH and level and (s.g_norm < s.g_passed if known else s.f < s.f_passed)


@fragment
def finish(s):
    """End with the status s.ending, at the best point evaluated.

    If the best point is not the iterate, its evaluation is requested once more.

    Returns
    -------
    Action
        WAIT if the descent has ended; PLACE to evaluate the best trial of the search in progress;
        RECALL to evaluate `x_passed`.
    """
    if s.phase == Phase.SEARCH and s.best > 0.0 and s.phi_best < s.f:
        return recover(s)
    # A point of an earlier search, at x_passed, may be better. A run that has used up its
    # iterations ends at the last iterate all the same. Of points that are equally low up to noise,
    # the one with the least gradient is best.
    stopped = s.ending == STATUS_EVALUATIONS or s.ending == STATUS_TIME or s.ending == STATUS_LINE_SEARCH
    flatter = s.ending == STATUS_LINE_SEARCH and s.f_passed <= s.f + s.noise and s.g_passed < s.g_norm
    if stopped and (s.f_passed < s.f - s.noise or flatter):
        s.phase, s.want = Phase.RECALL, VALUE | GRADIENT
        return Action.RECALL
    # No more can be done about the decrease that the model still predicts. A method that knows
    # curvature has not looked for a negative one here, unless f falls no further.
    uncurved = s.nhev == 0 or s.ending == STATUS_LINE_SEARCH
    if s.gtol_is_default and s.g_norm <= s.gtol and s.curvature >= 0.0 and uncurved:
        s.ending = STATUS_GRADIENT if stopped or s.ending == STATUS_ITERATIONS else s.ending
    if s.ending == STATUS_LINE_SEARCH and s.predicted_mark <= PRECISION * max(abs(s.f), PRECISION * abs(s.f0)):
        s.ending = STATUS_PRECISION  # rounding may hide the decrease still to be gained
    s.status, s.want = s.ending, NOTHING
    return Action.WAIT


@fragment
def recover(s):
    """Request the evaluation of the best trial of the search in progress once more.

    The run goes on from there if s.ending is STATUS_RUNNING, and ends there otherwise.
    """
    s.alpha = s.best
    s.phase, s.want = Phase.RECOVER, VALUE | GRADIENT
    return Action.PLACE
