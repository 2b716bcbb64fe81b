"""Minimisers of the polynomials that line searches fit to values and slopes."""

import numpy as np

from quasinewton._numba_ext.jit import fragment


@fragment
def cubic(a, phi_a, dphi_a, b, phi_b, dphi_b):
    """Return the minimiser of the cubic through two values and two slopes; NaN if it has none.

    Notes
    -----
    Nocedal & Wright (2006) eq. 3.59, in the scaled form of Moré & Thuente (1994) that cannot
    overflow in the root.
    """
    theta = 3.0 * (phi_a - phi_b) / (b - a) + dphi_a + dphi_b
    scale = max(abs(theta), abs(dphi_a), abs(dphi_b))
    if scale == 0.0:
        return np.nan
    ratio = theta / scale
    radicand = ratio * ratio - (dphi_a / scale) * (dphi_b / scale)
    if not radicand >= 0.0:
        return np.nan
    gamma = scale * np.sqrt(radicand)
    if b < a:
        gamma = -gamma
    return b - (b - a) * ((dphi_b + gamma - theta) / (dphi_b - dphi_a + 2.0 * gamma))


@fragment
def quadratic(a, phi_a, dphi_a, b, phi_b):
    """Return the stationary point of the parabola through phi_a, dphi_a, phi_b (N&W eq. 3.58)."""
    h = b - a
    return a - 0.5 * dphi_a * h * h / (phi_b - phi_a - dphi_a * h)


@fragment
def secant(a, dphi_a, b, dphi_b):
    """Return the zero of the straight line through two slopes."""
    return (a * dphi_b - b * dphi_a) / (dphi_b - dphi_a)
