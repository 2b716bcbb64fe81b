"""Curvature pairs s = x_new − x, y = g_new − g: their acceptance test, and the ring of the last m.

In a ring of m rows `newest` is the row of the last pair, row newest − 1 (modulo m) that of the pair
before it, and so on for `count` rows. A new pair is written to `next_row`, which is free or holds
the oldest pair, and is then kept or dropped.
"""

import numpy as np

from quasinewton._floats import EPSILON
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import dot, dots

SMALL = (4.0 * EPSILON) ** 2  # square of a relative size; a smaller s (relative to x) or y (to g) is rounding

# Fraction of s·B s; damping raises a smaller s·y to it. Source: Powell (1978), Nocedal & Wright
# (2006), Procedure 18.2.
DAMPED = 0.2

# Values of `form`: how L-BFGS multiplies by H.
TWO_LOOPS = 0  # two-loop recursion
COMPACT = 1  # compact form
COMPACT_GIVEN = 2  # compact form with a diagonal H₀ supplied by the user

RING = np.dtype([("count", "i8"), ("newest", "i8"), ("form", "i8"), ("gamma", "f8")], align=True)


@fragment
def next_row(ring, m):
    """Return the row of a ring to which the next pair is to be written."""
    return ring.newest + 1 if ring.count > 0 and ring.newest + 1 < m else 0


@fragment
def keep_pair(rho, ring, k, fit, sy):
    """Add the pair in row k to the ring if it is fit.

    If it is not, a full ring loses its oldest pair, which row k has overwritten.
    """
    m = rho.size
    if fit:
        rho[k] = 1.0 / sy
        ring.newest = k
    if ring.count + fit <= m:
        ring.count += fit
    if not fit and ring.count == m:
        ring.count = m - 1


@fragment
def learn_pair(s, y, x, g, alpha, slope, damping):
    """Test a curvature pair (s, y) and, with damping, correct it.

    Parameters
    ----------
    s, y, x, g : ndarray, float64, shape (n,)
        The step, the change of the gradient, and the new point and gradient. y is overwritten when
        damped.
    alpha, slope : float
        The step length, and g·p at its start, of a direction p = −H g.
    damping : int
        True to damp (Powell, 1978; Nocedal & Wright, 2006, Procedure 18.2): y <- θ y + (1 − θ) B
        s, where B s is −alpha times the old gradient, so that s·y >= 0.2 s·B s.

    Returns
    -------
    (bool, float, float, float)
        True if the pair is fit for an update; s·y, y·y, and θ (1 if nothing was damped).

    Notes
    -----
    A pair is fit if s·y > ε |s||y|, so that its sign is not due to rounding; if s·y > ε |alpha
    slope|, as in L-BFGS-B; and if s and y are larger than rounding, |s| > 4ε|x| and |y| > 4ε|g|.
    These tests are invariant to scaling f and x, as s·y > ε y·y is not.
    """
    curvature = -alpha * slope * alpha  # s·B s
    theta = 1.0
    while True:
        sy, yy, ss, xx = dots(s, y, x)
        if not damping or theta < 1.0 or sy >= DAMPED * curvature:
            return is_fit(sy, yy, ss, xx, dot(g, g), alpha, slope, EPSILON), sy, yy, theta
        theta = (1.0 - DAMPED) * curvature / (curvature - sy)
        for i in range(y.size):
            y[i] = theta * y[i] - (1.0 - theta) * alpha * (g[i] - y[i])


@fragment
def is_fit(sy, yy, ss, xx, gg, alpha, slope, precision):
    """Return True if a pair passes the tests of `learn_pair`.

    `precision` is the machine precision of the type in which the pair is stored.
    """
    clear = precision * np.sqrt(ss) * np.sqrt(yy)
    return (sy > clear) & (sy > -EPSILON * alpha * slope) & (ss > SMALL * xx) & (yy > SMALL * gg)
