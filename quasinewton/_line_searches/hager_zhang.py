"""Line search of Hager & Zhang: Wolfe or approximate Wolfe conditions, by secant steps.

Source: W. W. Hager and H. Zhang, "Algorithm 851: CG_DESCENT", ACM TOMS 32 (2006) 113–137, section
3.1 (bracket), the procedures update (U0–U3) and secant² (S1–S4), and the line search L0–L3 of their
SIAM J. Optim. 16 (2005) paper. The paper's ε_k, the amount by which a trial may exceed phi0, is the
noise floor here: their 10⁻⁶|f| vanishes at f = 0 and elsewhere lets f rise by more than rounding.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._line_searches import protocol
from quasinewton._line_searches.interpolation import secant
from quasinewton._line_searches.protocol import Verdict
from quasinewton._line_searches.registry import register_line_search
from quasinewton._validation import count, number

# Stages: how the pending trial was chosen.
BRACKET, SECANT, SECOND_SECANT, MIDPOINT, DESCENT = 0, 1, 2, 3, 4
# The next three are the defaults of CG_DESCENT, with the paper's letters.
THETA = 0.5  # fraction; U3 divides the interval here
GAMMA = 0.66  # ratio of widths; the interval is bisected if secant² leaves more of it
RHO = 5.0  # factor; growth of the step while bracketing
NARROWEST = 1e-14  # relative width; an interval this narrow ends the search


class _Fields(NamedTuple):
    c1: float
    c2: float
    maxls: int


class HagerZhang(_Fields):
    """Line search of Hager & Zhang (2006): Wolfe or approximate Wolfe conditions.

    Parameters
    ----------
    c1 : float
        Sufficient decrease, δ of the paper: phi <= phi0 + c1 alpha dphi0; in (0, 0.5).
    c2 : float
        Curvature condition, σ of the paper: dphi >= c2 dphi0; in (c1, 1).
    maxls : int
        Upper bound on the evaluations of one search.
    """

    __slots__ = ()

    def __new__(cls, c1: float = 0.1, c2: float = 0.9, maxls: int = 50) -> "HagerZhang":
        c1 = number("c1", c1, 0.0, 0.5)
        return super().__new__(cls, c1, number("c2", c2, c1, 1.0), count("maxls", maxls, 1))


@protocol.begin.register(HagerZhang)
def _begin(search, line):
    line.stage = BRACKET


@protocol.advance.register(HagerZhang)
def _advance(search, line, phi, dphi):
    c = line.alpha
    decrease = phi <= line.phi0 + search.c1 * c * line.dphi0
    if decrease and dphi >= search.c2 * line.dphi0:
        return Verdict.ACCEPT
    low = phi <= line.phi0 + line.noise
    second = np.nan  # the second trial of secant²; NaN (none) if the first is falling but high
    rising = dphi >= 0.0
    if rising:  # B1, U1: the upper end
        second = secant(line.b, line.dphi_b, c, dphi)
        line.b, line.phi_b, line.dphi_b = c, phi, dphi
    elif low:  # B3, U2: the lower end
        second = secant(line.a, line.dphi_a, c, dphi)
        line.a, line.phi_a, line.dphi_a = c, phi, dphi
    else:  # B2, U3: falling but high, so a minimum lies in between; bisection will find it
        line.b, line.phi_b, line.dphi_b = c, phi, dphi
    if line.stage == BRACKET:
        if low and not rising:
            if c >= line.limit:
                return Verdict.LONGEST if decrease else Verdict.STUCK
            line.alpha = RHO * c
            return Verdict.CONTINUE
        line.bracketed = 1
        line.width = line.b - line.a
    if line.b - line.a <= NARROWEST * line.b:
        return Verdict.STUCK
    if not rising and (not low or line.stage == DESCENT and line.dphi_b < 0.0):
        line.stage = DESCENT  # U3 is repeated until the slope at the upper end is not negative
        line.alpha = (1.0 - THETA) * line.a + THETA * line.b
        return Verdict.CONTINUE
    if line.stage == SECANT and line.a < second < line.b:  # S2, S3
        line.stage = SECOND_SECANT
        line.alpha = second
        return Verdict.CONTINUE
    if line.stage != BRACKET and line.stage != MIDPOINT and line.b - line.a > GAMMA * line.width:  # L2
        line.stage = MIDPOINT
        line.alpha = 0.5 * (line.a + line.b)
        return Verdict.CONTINUE
    line.stage = SECANT  # L1: the next round
    line.width = line.b - line.a
    trial = secant(line.a, line.dphi_a, line.b, line.dphi_b)
    line.alpha = trial if line.a < trial < line.b else 0.5 * (line.a + line.b)
    return Verdict.CONTINUE


register_line_search(HagerZhang, "hager-zhang")
