"""Backtracking line search: sufficient decrease, by interpolation.

Source: J. Nocedal and S. J. Wright, Numerical Optimization, 2nd ed. (2006), Algorithm 3.1 and
section 3.5.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._line_searches import protocol
from quasinewton._line_searches.interpolation import quadratic
from quasinewton._line_searches.protocol import Verdict
from quasinewton._line_searches.registry import register_line_search
from quasinewton._validation import count, number

LEAST, MOST = 0.1, 0.5  # fractions of the last step; bounds on the next one (N&W, section 3.5)


class _Fields(NamedTuple):
    c1: float
    maxls: int


class Armijo(_Fields):
    """Backtracking until phi <= phi0 + c1 alpha dphi0 (Nocedal & Wright, 2006, Algorithm 3.1).

    Parameters
    ----------
    c1 : float
        Sufficient decrease: phi <= phi0 + c1 alpha dphi0; in (0, 1).
    maxls : int
        Upper bound on the evaluations of one search.

    Notes
    -----
    There is no curvature condition, so quasi-Newton methods may skip updates; use it with Newton's
    method or steepest descent.
    """

    __slots__ = ()

    def __new__(cls, c1: float = 1e-4, maxls: int = 40) -> "Armijo":
        return super().__new__(cls, number("c1", c1, 0.0, 1.0), count("maxls", maxls, 1))


@protocol.begin.register(Armijo)
def _begin(search, line):
    pass


@protocol.advance.register(Armijo)
def _advance(search, line, phi, dphi):
    alpha = line.alpha
    if phi <= line.phi0 + search.c1 * alpha * line.dphi0:
        return Verdict.ACCEPT
    if line.b == 0.0:  # first reduction: minimise the parabola through phi0, dphi0 and phi
        trial = quadratic(0.0, line.phi0, line.dphi0, alpha, phi)
    else:  # later: minimise the cubic through phi0, dphi0 and the last two values, N&W p. 58
        b = line.b
        excess = phi - line.phi0 - line.dphi0 * alpha
        excess_b = line.phi_b - line.phi0 - line.dphi0 * b
        scale = 1.0 / (alpha * alpha * b * b * (alpha - b))
        third = scale * (b * b * excess - alpha * alpha * excess_b)
        second = scale * (alpha * alpha * alpha * excess_b - b * b * b * excess)
        trial = (-second + np.sqrt(second * second - 3.0 * third * line.dphi0)) / (3.0 * third)
    line.b, line.phi_b = alpha, phi
    # A NaN (no minimiser) fails the comparison, and the step becomes MOST * alpha.
    line.alpha = max(trial, LEAST * alpha) if trial <= MOST * alpha else MOST * alpha
    return Verdict.CONTINUE


register_line_search(Armijo, "armijo")
