"""Line search of Moré & Thuente: shrink an interval that contains an acceptable step.

Source: J. J. Moré and D. J. Thuente, "Line search algorithms with guaranteed sufficient decrease",
ACM TOMS 20 (1994) 286–307. Until a trial has sufficient decrease and a slope that is not negative,
the search works on the auxiliary function psi(alpha) = phi(alpha) − phi0 − c1 alpha dphi0, whose
minimisers are acceptable steps.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._line_searches import protocol
from quasinewton._line_searches.protocol import Verdict
from quasinewton._line_searches.registry import register_line_search
from quasinewton._validation import count, number

AUXILIARY, PLAIN = 0, 1  # stages: minimise psi first, then phi
# The next three are those of dcsrch, the authors' own code in MINPACK-2.
SHORTEN = 0.66  # ratio of widths; the interval is bisected if two steps leave more of it
STRETCH_LEAST, STRETCH_MOST = 1.1, 4.0  # multiples of the last move; bounds on the next while not bracketed
NARROWEST = 1e-14  # relative width; an interval this narrow is rounding and ends the search


class _Fields(NamedTuple):
    c1: float
    c2: float
    maxls: int
    narrow: float


class MoreThuente(_Fields):
    """Line search of Moré & Thuente (1994): strong Wolfe conditions, with safeguards. The default.

    Parameters
    ----------
    c1 : float
        Sufficient decrease: phi <= phi0 + c1 alpha dphi0; in (0, 0.5).
    c2 : float
        Curvature: \\|dphi\\| <= c2 \\|dphi0\\|; in (c1, 1).
    maxls : int
        Upper bound on the evaluations of one search.
    narrow : float
        Relative width of the interval at which a trial of sufficient decrease is accepted
        regardless of its slope, the xtol of MINPACK; in [0, 1). 0 switches this off. The default
        search between bounds uses 0.1, as L-BFGS-B does.
    """

    __slots__ = ()

    def __new__(cls, c1: float = 1e-4, c2: float = 0.9, maxls: int = 20, narrow: float = 0.0) -> "MoreThuente":
        c1, narrow = number("c1", c1, 0.0, 0.5), number("narrow", narrow, 0.0, 1.0, open_low=False)
        return super().__new__(cls, c1, number("c2", c2, c1, 1.0), count("maxls", maxls, 1), narrow)


@protocol.begin.register(MoreThuente)
def _begin(search, line):
    line.stage = AUXILIARY
    line.width = line.limit
    line.width_old = 2.0 * line.width


@protocol.advance.register(MoreThuente)
def _advance(search, line, phi, dphi):
    alpha = line.alpha
    slope = search.c1 * line.dphi0
    decrease = line.phi0 + alpha * slope
    if phi <= decrease and abs(dphi) <= -search.c2 * line.dphi0:
        return Verdict.ACCEPT
    if line.bracketed and phi <= decrease and line.width <= search.narrow * max(line.a, line.b):
        return Verdict.ACCEPT
    if not line.bracketed and phi <= decrease and dphi <= slope and alpha >= line.limit:
        return Verdict.LONGEST
    if line.stage == AUXILIARY and phi <= decrease and dphi >= 0.0:
        line.stage = PLAIN
    # Values and slopes of psi are those of phi minus those of the line of sufficient decrease.
    if not (line.stage == AUXILIARY and phi <= line.phi_a and phi > decrease):
        slope = 0.0
    a, b = line.a, line.b
    f, d = phi - alpha * slope, dphi - slope
    f_a, d_a = line.phi_a - a * slope, line.dphi_a - slope
    f_b, d_b = line.phi_b - b * slope, line.dphi_b - slope
    move = alpha - a

    # Section 4 of the paper defines the next trial. gamma is the square root in the formula for the
    # minimiser of the cubic, which cases 1 to 3 fit to the trial and the end a, case 4 to the trial
    # and the end b.
    higher = f > f_a
    opposite = d * d_a < 0.0
    flatter = abs(d) < abs(d_a)
    if higher or opposite or flatter or not line.bracketed:
        far, f_far, d_far = a, f_a, d_a
    else:
        far, f_far, d_far = b, f_b, d_b
    theta = 3.0 * (f_far - f) / (alpha - far) + d_far + d
    scale = max(abs(theta), max(abs(d_far), abs(d)))
    root = (theta / scale) * (theta / scale) - (d_far / scale) * (d / scale)
    gamma = scale * np.sqrt(root) if root > 0.0 else 0.0
    if alpha > far:
        gamma = -gamma
    secant = alpha - d / (d - d_a) * move
    if higher:  # case 1: a higher value; the minimum is bracketed
        cubic = a + (d_a + gamma - theta) / (d_a - d + 2.0 * gamma) * move
        quadratic = a + 0.5 * d_a / ((f_a - f) / move + d_a) * move
        trial = cubic if abs(cubic - a) <= abs(quadratic - a) else 0.5 * (cubic + quadratic)
        line.bracketed = 1
    elif opposite:  # case 2: a lower value, slopes of opposite sign; bracketed
        cubic = alpha - (gamma - d + theta) / (2.0 * gamma - d + d_a) * move
        trial = cubic if abs(cubic - alpha) > abs(secant - alpha) else secant
        line.bracketed = 1
    elif flatter:  # case 3: the slope keeps its sign and flattens
        ratio = (gamma - d + theta) / (2.0 * gamma + d_a - d)
        # Unless the ratio is negative, the cubic has no minimiser beyond the trial.
        cubic = alpha - ratio * move if ratio < 0.0 and gamma != 0.0 else np.copysign(np.inf, move)
        if line.bracketed:
            trial = cubic if abs(cubic - alpha) < abs(secant - alpha) else secant
            edge = alpha + SHORTEN * (b - alpha)
            trial = min(edge, trial) if move > 0.0 else max(edge, trial)
        else:
            trial = cubic if abs(cubic - alpha) > abs(secant - alpha) else secant
    elif line.bracketed:  # case 4: as steep as before; interpolate with the other end
        trial = alpha + (gamma - d + theta) / (2.0 * gamma - d + d_b) * (b - alpha)
    else:
        trial = np.copysign(np.inf, move)

    if higher:
        line.b, line.phi_b, line.dphi_b = alpha, phi, dphi
    else:
        if opposite:
            line.b, line.phi_b, line.dphi_b = a, line.phi_a, line.dphi_a
        line.a, line.phi_a, line.dphi_a = alpha, phi, dphi
    if not line.bracketed:
        line.alpha = min(max(trial, alpha + STRETCH_LEAST * move), alpha + STRETCH_MOST * move)
        return Verdict.CONTINUE
    low, high = min(line.a, line.b), max(line.a, line.b)
    width = high - low
    if width >= SHORTEN * line.width_old or not low < trial < high:
        trial = 0.5 * (low + high)
    line.width_old = line.width
    line.width = width
    line.alpha = trial
    return Verdict.STUCK if width <= NARROWEST * high or not low < trial < high else Verdict.CONTINUE


NARROW = 0.1  # relative width of the bracket; ends a line search between bounds; L-BFGS-B's xtol


@protocol.between_bounds.register(MoreThuente)
def _between_bounds(search):
    return search._replace(narrow=NARROW) if search == MoreThuente() else search


register_line_search(MoreThuente, "more-thuente")
