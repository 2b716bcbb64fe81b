"""Arithmetic on blocks of vectors, for the compact form of L-BFGS.

Rows of pairs may be in single precision, and are then multiples of a power of two, their unit.
"""

import math

import numpy as np

from quasinewton._numba_ext.jit import fragment, reduction

LARGEST = 1000  # binary exponent; upper bound on that of a unit


@fragment
def unit(largest):
    """Return the power of two next above `largest`, a norm; 1 if it is 0 or not finite."""
    exponent = math.frexp(largest)[1] if 0.0 < largest < np.inf else 0
    return math.ldexp(1.0, min(max(exponent, -LARGEST), LARGEST))


@fragment
def scale(c, a, b):
    """Compute b = c a. b is overwritten."""
    for i in range(a.size):
        b[i] = c * a[i]


@fragment
def multiply(h, a, b):
    """Compute b = h a, component by component. b is overwritten."""
    for i in range(a.size):
        b[i] = h[i] * a[i]


@fragment
def add(p, c, s, d, t):
    """Add c s + d t to p, which is overwritten."""
    for i in range(p.size):
        p[i] += c * s[i] + d * t[i]


@fragment
def add_pairs(p, b, s, c, y, d, t, e, z):
    """Add b s + c y + d t + e z to p, which is overwritten."""
    for i in range(p.size):
        p[i] += (b * s[i] + c * y[i]) + (d * t[i] + e * z[i])


@reduction
def eight_dots(s, y, t, z, g, d, hg, hd):
    """Return the products of s and t with g and d, and of y and z with hg and hd, in one pass."""
    sg = sd = yg = yd = tg = td = zg = zd = 0.0
    for i in range(g.size):
        sg += s[i] * g[i]
        sd += s[i] * d[i]
        yg += y[i] * hg[i]
        yd += y[i] * hd[i]
        tg += t[i] * g[i]
        td += t[i] * d[i]
        zg += z[i] * hg[i]
        zd += z[i] * hd[i]
    return sg, sd, yg, yd, tg, td, zg, zd
