"""Code shared by all line searches: state, safeguards, and acceptance at the precision limit.

A search works on scalars alone: phi(alpha) = f(x + alpha p) and its slope dphi(alpha) = g(x + alpha
p)·p. It is a state machine: `start` prepares the first trial, and each `step` processes one
evaluation and either ends the search or leaves the next trial in `line.alpha`.
"""

from enum import IntEnum

import numpy as np

from quasinewton._floats import EPSILON
from quasinewton._numba_ext.dispatch import by_class, generic
from quasinewton._numba_ext.jit import fragment


class Verdict(IntEnum):
    """Result of a line search after a trial has been evaluated."""

    CONTINUE = 0  # evaluate at line.alpha
    ACCEPT = 1  # the trial just evaluated is the step
    STUCK = 2  # the interval has shrunk to rounding
    EXHAUSTED = 3  # maxls evaluations were spent
    NONFINITE = 4  # no trial was finite, however short the step
    LONGEST = 5  # phi is still falling at the longest step
    UNBOUNDED = 6  # phi is −inf


NOISE = 16.0  # multiple of ε|f|; the noise floor: a smaller change in f may be rounding alone
LONGEST_STEP = 1e10  # multiple of the first trial; upper bound on the step
SHRINK = 0.1  # factor; shortens a step to a point that is not finite
CUT = 1e-3  # fraction of a step; lower bound on the next one, as a steep rise misleads interpolation (N&W p. 58)
ROUGHEST = 1e4 * EPSILON  # relative; larger discrepancies between values and slopes are not taken for rounding
MAX_SHRINKS = 52  # count; upper bound on reductions by SHRINK, 10⁻⁵² in all, far below rounding

LINE = np.dtype(
    [
        ("alpha", "f8"),  # the pending trial
        ("phi0", "f8"),  # phi at alpha = 0
        ("dphi0", "f8"),  # slope at alpha = 0; negative
        ("first", "f8"),  # the first trial
        ("noise", "f8"),  # noise floor: smaller changes of phi may be rounding
        ("rough", "f8"),  # relative rounding seen in the values; kept from one search to the next
        ("least", "f8"),  # least value evaluated; a descent keeps it from one search to the next
        ("a", "f8"),  # the end of the interval that has the lower value
        ("phi_a", "f8"),
        ("dphi_a", "f8"),
        ("b", "f8"),  # the other end
        ("phi_b", "f8"),
        ("dphi_b", "f8"),
        ("best", "f8"),  # step to the best point evaluated; 0 if none is better than the start
        ("phi_best", "f8"),
        ("dphi_best", "f8"),
        ("flat", "f8"),  # last trial within the noise floor that has a negative slope; 0 at first
        ("dphi_flat", "f8"),
        ("steep", "f8"),  # last trial within the noise floor whose slope is not negative; 0 if there is none
        ("dphi_steep", "f8"),
        ("end", "f8"),  # largest feasible step
        ("limit", "f8"),  # upper bound on the step; after a trial that was not finite, that trial
        ("width", "f8"),  # width of the interval
        ("width_old", "f8"),  # width one update earlier
        ("stage", "i8"),  # stage of the search's own algorithm
        ("bracketed", "i8"),  # 1 if the interval contains a minimum
        ("count", "i8"),  # evaluations, including those that were not finite
        ("nonfinite", "i8"),  # evaluations that were not finite
    ],
    align=True,
)


@generic
def begin(search, line):
    """Prepare `line` for the first trial; its alpha, phi0 and dphi0 are already set."""


@generic
def advance(search, line, phi, dphi):
    """Process a finite trial and return a verdict.

    If the verdict is CONTINUE, the next trial is left in `line.alpha`.
    """


@by_class
def between_bounds(search):
    """Return the search that takes the place of this one in runs with bounds; Python code only."""
    return search


@fragment
def start(search, line, phi0, dphi0, alpha, end):
    """Begin a search along a descent direction.

    Parameters
    ----------
    search : NamedTuple
        Its type is the algorithm.
    line : record LINE
        Overwritten, except `rough`.
    phi0, dphi0 : float
        Value and slope at alpha = 0; dphi0 < 0.
    alpha : float
        First trial.
    end : float
        Largest feasible step; may be infinite.
    """
    line.alpha = line.first = min(alpha, end)
    line.end = end
    line.phi0 = line.phi_a = line.phi_b = line.phi_best = line.least = phi0
    line.dphi0 = line.dphi_a = line.dphi_b = line.dphi_best = line.dphi_flat = dphi0
    line.noise = max(NOISE * EPSILON, line.rough) * abs(phi0)
    line.a = line.b = line.best = line.flat = line.steep = 0.0
    line.limit = min(LONGEST_STEP * line.alpha, end)
    line.width = line.width_old = 0.0
    line.stage = line.bracketed = line.count = line.nonfinite = 0
    begin(search, line)


@fragment
def follow_slopes(line, trial, dphi):
    """Set `line.alpha` to the zero of the secant through the slopes at `flat` and `steep`.

    Return True if that zero lies between the two trials; `line.alpha` is unchanged otherwise. It is
    the rule for trials within the noise floor, whose values give no information.
    """
    if dphi < 0.0:
        line.flat, line.dphi_flat = trial, dphi
    else:
        line.steep, line.dphi_steep = trial, dphi
    if line.steep == 0.0:
        return False  # the slope has not changed its sign
    zero = line.flat + line.dphi_flat / (line.dphi_flat - line.dphi_steep) * (line.steep - line.flat)
    between = line.flat < zero < line.steep
    line.alpha = zero if between else line.alpha
    return between


@fragment
def step(search, line, phi, dphi):
    """Process the evaluation at `line.alpha` and return a verdict.

    Parameters
    ----------
    search : NamedTuple
    line : record LINE
        Updated. On CONTINUE its `alpha` is the next trial, which is shorter than every trial that
        was not finite.
    phi, dphi : float
        Value and slope at `line.alpha`; may be NaN or infinite.

    Returns
    -------
    int
        A verdict: CONTINUE, ACCEPT, STUCK, EXHAUSTED, NONFINITE, LONGEST or UNBOUNDED.

    Notes
    -----
    Near the precision limit differences of values are rounding, while slopes are accurate to O(ε).
    A trial whose value equals phi0 up to the noise floor is therefore accepted on its slope, by the
    approximate Wolfe conditions of Hager & Zhang (SIAM J. Optim. 16, 2005, eq. 2.7) with δ = 0.1, σ
    = 0.9: (2δ − 1) dphi0 >= dphi >= σ dphi0. Their tolerance for the value, 10⁻⁶|f|, is replaced by
    the noise floor, in both directions: f may not rise by more, and a trial that is lower by more
    must meet the conditions of the search itself. Among trials equal up to the noise floor, the one
    with the smallest slope is the best, and once the slope has changed sign the next trial is the
    zero of the secant through the slopes.

    The noise floor is 16 ε|f|, measured from the least value evaluated, until the values show more
    rounding than that. If they bracket a minimum in an interval on which the slopes keep their sign
    and are too small for such a change, the change is rounding, and the search begins anew with a
    higher floor.
    """
    line.count += 1
    trial = line.alpha
    if phi == -np.inf:
        return Verdict.UNBOUNDED
    if not (np.isfinite(phi) and np.isfinite(dphi)):
        line.nonfinite += 1
        line.limit = trial
        line.alpha = line.best + SHRINK * (trial - line.best)
        return Verdict.CONTINUE if line.nonfinite < MAX_SHRINKS and line.alpha != line.best else Verdict.NONFINITE
    # `level`: phi equals the least value up to the noise floor; `both`: so does the best one. Of
    # two such trials the one with the smaller slope is better, as the values do not tell.
    line.least = min(line.least, phi)
    level = phi <= line.least + line.noise
    both = level and line.phi_best <= line.least + line.noise
    if abs(dphi) < abs(line.dphi_best) if both else phi < line.phi_best:
        line.best, line.phi_best, line.dphi_best = trial, phi, dphi
    verdict = advance(search, line, phi, dphi)
    gentle = -0.8 * line.dphi0 >= dphi >= 0.9 * line.dphi0
    level = level and phi >= line.phi0 - line.noise
    if verdict == Verdict.ACCEPT or (level and gentle):
        return Verdict.ACCEPT
    if level and (verdict == Verdict.CONTINUE or verdict == Verdict.STUCK) and follow_slopes(line, trial, dphi):
        return Verdict.CONTINUE if line.count - line.nonfinite < search.maxls else Verdict.EXHAUSTED
    if verdict == Verdict.CONTINUE:
        if line.bracketed and line.dphi_a * line.dphi_b > 0.0:
            # The slopes have one sign, so only the values bracket a minimum. A difference of values
            # larger than the slopes allow is rounding.
            change = abs(line.b - line.a) * max(abs(line.dphi_a), abs(line.dphi_b))
            rough = abs(line.phi_b - line.phi_a)
            if change + line.noise < rough <= ROUGHEST * abs(line.phi0):
                line.rough = 2.0 * rough / abs(line.phi0)  # twice, as the next difference may be larger
                least = line.least
                start(search, line, line.phi0, line.dphi0, line.first, line.end)
                line.least = least
                level = phi <= least + line.noise and abs(phi - line.phi0) <= line.noise
                return Verdict.ACCEPT if level and gentle else Verdict.CONTINUE
            if change <= line.noise:
                return Verdict.STUCK
        line.alpha = max(line.alpha, CUT * trial)
        if not line.alpha < line.limit:
            line.alpha = trial + 0.5 * (line.limit - trial) if line.nonfinite else line.limit
        if not (np.isfinite(line.alpha) and line.alpha > 0.0):
            line.alpha = 0.5 * (line.a + line.b) if line.bracketed else SHRINK * trial
        if line.alpha == trial:
            return Verdict.STUCK
        if line.count - line.nonfinite >= search.maxls:
            return Verdict.EXHAUSTED
    return verdict
