"""What all line searches share: the state along the line, the safeguards, the finish at the
precision limit.

A search sees scalars alone: phi(alpha) = f(x + alpha p) and its slope dphi(alpha) = g(x + alpha
p)·p. It is a state machine: `begin` prepares the first trial, each `step` digests one evaluation
and either ends the search or leaves the next trial in `line.alpha`.
"""

from enum import IntEnum

import numpy as np

from quasinewton.numba_ext.dispatch import generic
from quasinewton.numba_ext.jit import fragment

EPSILON = np.finfo(np.float64).eps


class Verdict(IntEnum):
    """What a line search says of the trial that it has digested."""

    CONTINUE = 0  # evaluate at line.alpha
    ACCEPT = 1  # the trial just evaluated is the step
    STUCK = 2  # the interval has shrunk to rounding
    EXHAUSTED = 3  # maxls evaluations were spent
    NONFINITE = 4  # no finite value however short the step
    LONGEST = 5  # still falling at the longest step
    UNBOUNDED = 6  # phi is −inf


# c of the noise floor c·ε·max|f|, the size of a change in f that may be rounding alone.
NOISE = 16.0
LONGEST_STEP = 1e10  # of the first trial
SHRINK = 0.1  # of a step to a point that is not finite
CUT = 1e-3  # the least part of a step to try next: from high up a wall, interpolation knows no more (N&W p. 58)
ROUGHEST = 1e4 * EPSILON  # rounding that values may show, relative; more is none
MAX_SHRINKS = 52  # −log2(ε): 0.1^52 reaches from anywhere to nowhere

LINE = np.dtype(
    [
        ("alpha", "f8"),  # the trial
        ("phi0", "f8"),
        ("dphi0", "f8"),  # at alpha = 0; negative
        ("first", "f8"),  # the first trial
        ("noise", "f8"),  # changes of phi below this are rounding
        ("rough", "f8"),  # rounding that the values have shown, relative; kept from one search to the next
        ("least", "f8"),  # least value evaluated; a descent keeps it from one search to the next
        ("a", "f8"),  # end of the interval with the lower value
        ("phi_a", "f8"),
        ("dphi_a", "f8"),
        ("b", "f8"),  # the other end
        ("phi_b", "f8"),
        ("dphi_b", "f8"),
        ("best", "f8"),  # step to the best point evaluated; 0 if none is better than the start
        ("phi_best", "f8"),
        ("dphi_best", "f8"),
        ("flat", "f8"),  # of the trials whose values tell nothing: the longest step to a falling slope, 0 at first
        ("dphi_flat", "f8"),
        ("steep", "f8"),  # and the shortest one beyond it to a rising slope; 0 before there is any
        ("dphi_steep", "f8"),
        ("end", "f8"),  # longest step that is legal
        ("limit", "f8"),  # steps longer than this are not legal, or not wanted; this long, perhaps not finite
        ("width", "f8"),  # of the interval, now and two steps ago
        ("width_old", "f8"),
        ("stage", "i8"),  # where in its algorithm the search is
        ("bracketed", "i8"),  # whether the interval holds a minimum
        ("count", "i8"),  # evaluations, those that were not finite included
        ("nonfinite", "i8"),
    ],
    align=True,
)


@generic
def begin(search, line):
    """Prepare `line`, whose alpha, phi0 and dphi0 are set, for the first trial of this search."""


@generic
def advance(search, line, phi, dphi):
    """Digest a finite trial: return a verdict, and on CONTINUE leave the next trial in
    `line.alpha`.
    """


@fragment
def start(search, line, phi0, dphi0, alpha, end):
    """Begin a search from phi0 = f(x) along a direction of slope dphi0 < 0, with alpha as the first
    trial.

    Parameters
    ----------
    search : NamedTuple
        Its type is the algorithm.
    line : record LINE
        Overwritten.
    phi0, dphi0, alpha : float
    end : float
        Longest step that is legal; may be infinite.
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
    """Put `line.alpha` where the secant through the slopes has its zero; return whether they have
    enclosed it.
    """
    if dphi < 0.0:
        line.flat, line.dphi_flat = trial, dphi
    else:
        line.steep, line.dphi_steep = trial, dphi
    line.alpha = line.flat + line.dphi_flat / (line.dphi_flat - line.dphi_steep) * (line.steep - line.flat)
    return line.flat < line.alpha < line.steep


@fragment
def step(search, line, phi, dphi):
    """Digest the evaluation at `line.alpha`.

    Parameters
    ----------
    search : NamedTuple
    line : record LINE
        Updated; on CONTINUE its `alpha` is the next trial, always shorter than any that was not
        finite.
    phi, dphi : float
        Value and slope at `line.alpha`; may be NaN or infinite.

    Returns
    -------
    int
        A verdict: CONTINUE, ACCEPT, STUCK, EXHAUSTED, NONFINITE, LONGEST or UNBOUNDED.

    Notes
    -----
    Near the precision limit differences of values are rounding, while slopes are good to order ε.
    There a trial whose value is phi0 up to rounding is accepted on its slope, by the approximate
    Wolfe conditions of Hager & Zhang (SIAM J. Optim. 16, 2005, eq. 2.7) with δ = 0.1, σ = 0.9: (2δ
    − 1) dphi0 >= dphi >= σ dphi0. Their tolerance for the value, 10⁻⁶|f|, is a noise floor here,
    and binds both ways: no licence to climb, nor to overrule c2. The best point, too, is the one
    with the smaller slope where values tell nothing. The floor is 16 ε|f| above the least value
    evaluated, until the values show more rounding than that: where they bracket a minimum in an
    interval on which the slopes keep their sign and allow no such change, the change is rounding,
    and the search begins anew knowing it. Where the slope has passed zero while values tell
    nothing, the next trial is that of the secant through the slopes.
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
            # The slopes know of no minimum here: what brackets, beyond the change that they allow,
            # is rounding.
            change = abs(line.b - line.a) * max(abs(line.dphi_a), abs(line.dphi_b))
            rough = abs(line.phi_b - line.phi_a)
            if change + line.noise < rough <= ROUGHEST * abs(line.phi0):
                line.rough = 2.0 * rough / abs(line.phi0)  # the next difference may be larger
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
