"""Strong Wolfe line search of Nocedal & Wright: bracket, then zoom.

Source: J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed. (2006), Algorithms 3.5
(bracket) and 3.6 (zoom), with the interpolation safeguards of their section 3.5.

Literature | line record
-----------|-----------------------------------------------------------
alpha_{i−1}, or alpha_lo in zoom | line.a
alpha_hi in zoom | line.b
alpha_i, or alpha_j in zoom | line.alpha
"""

from typing import NamedTuple

from quasinewton._line_searches import protocol
from quasinewton._line_searches.interpolation import cubic
from quasinewton._line_searches.protocol import Verdict
from quasinewton._line_searches.registry import register_line_search
from quasinewton._validation import count, number

BRACKET, ZOOM = 0, 1  # stages, in this order
STRETCH_LEAST, STRETCH_MOST = 2.0, 10.0  # multiples of the step; bounds on the next one while bracketing
MARGIN = 0.1  # fraction of the interval; a trial nearer to an end would hardly shrink it
NARROWEST = 1e-14  # relative width; an interval this narrow ends the search


class _Fields(NamedTuple):
    c1: float
    c2: float
    maxls: int


class StrongWolfe(_Fields):
    """Strong Wolfe search of Nocedal & Wright (2006), Algorithms 3.5 and 3.6.

    Parameters
    ----------
    c1 : float
        Sufficient decrease: phi <= phi0 + c1 alpha dphi0; in (0, 0.5).
    c2 : float
        Curvature: \\|dphi\\| <= c2 \\|dphi0\\|; in (c1, 1).
    maxls : int
        Upper bound on the evaluations of one search.
    """

    __slots__ = ()

    def __new__(cls, c1: float = 1e-4, c2: float = 0.9, maxls: int = 30) -> "StrongWolfe":
        c1 = number("c1", c1, 0.0, 0.5)
        return super().__new__(cls, c1, number("c2", c2, c1, 1.0), count("maxls", maxls, 1))


@protocol.begin.register(StrongWolfe)
def _begin(search, line):
    line.stage = BRACKET


@protocol.advance.register(StrongWolfe)
def _advance(search, line, phi, dphi):
    alpha = line.alpha
    high = phi > line.phi0 + search.c1 * alpha * line.dphi0 or (line.count > 1 and phi >= line.phi_a)
    if not high and abs(dphi) <= -search.c2 * line.dphi0:
        return Verdict.ACCEPT
    if line.stage == BRACKET and not high and dphi < 0.0:  # still falling: go further
        if alpha >= line.limit:
            return Verdict.LONGEST
        further = cubic(line.a, line.phi_a, line.dphi_a, alpha, phi, dphi)
        if not further > alpha:  # no minimiser ahead
            further = STRETCH_MOST * alpha
        line.a, line.phi_a, line.dphi_a = alpha, phi, dphi
        line.alpha = min(max(further, STRETCH_LEAST * alpha), STRETCH_MOST * alpha)
        return Verdict.CONTINUE
    if high:
        line.b, line.phi_b, line.dphi_b = alpha, phi, dphi
    else:
        if line.stage == BRACKET or dphi * (line.b - line.a) >= 0.0:
            line.b, line.phi_b, line.dphi_b = line.a, line.phi_a, line.dphi_a
        line.a, line.phi_a, line.dphi_a = alpha, phi, dphi
    line.stage = ZOOM
    line.bracketed = 1
    width = line.b - line.a
    if abs(width) <= NARROWEST * max(line.a, line.b):
        return Verdict.STUCK
    fraction = (cubic(line.a, line.phi_a, line.dphi_a, line.b, line.phi_b, line.dphi_b) - line.a) / width
    # Interpolated trials keep MARGIN of the interval from either end, and every third trial bisects
    # the interval.
    if not MARGIN <= fraction <= 1.0 - MARGIN or line.count % 3 == 0:
        fraction = 0.5
    line.alpha = line.a + fraction * width
    return Verdict.CONTINUE


register_line_search(StrongWolfe, "strong-wolfe")
