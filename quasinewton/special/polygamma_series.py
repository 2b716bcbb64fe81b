"""Polygamma functions for compiled code; SciPy's table of C functions has none."""

import math

import numpy as np

from quasinewton._numba_ext.jit import shared

# The Bernoulli numbers B_2, B_4, …; Abramowitz & Stegun table 23.2.
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
# For x ≥ ASYMPTOTIC + n, the first omitted term of the series is below the rounding of the sum.
ASYMPTOTIC = 16.0
# Largest order whose powers are products, which take a tenth of the time of a call of `pow`.
MOST_FACTORS = 4


@shared
def polygamma_of(order, x):
    """Return the derivative of digamma of order 1 or higher; NaN for any other order.

    Parameters
    ----------
    order : float
        A whole number.
    x : float
        At the poles 0, −1, … the result is infinite, with SciPy's sign.

    Returns
    -------
    float

    Notes
    -----
    Abramowitz & Stegun: the recurrence 6.4.6 up to where the asymptotic series 6.4.11 holds; for
    negative x the reflection 6.4.7.
    """
    n = int(order)
    if n != order or n < 1:
        return math.nan
    sign, factorial = 1.0 if n % 2 == 1 else -1.0, math.gamma(n + 1.0)
    if x <= 0.0:
        if x == math.floor(x):
            return sign * math.inf
        # Reflection: (−1)ⁿ ψ⁽ⁿ⁾(1 − x) − π dⁿ cot πx/dxⁿ, where ψ⁽ⁿ⁾ has the sign (−1)ⁿ⁺¹.
        return polygamma_positive(n, 1.0 - x, -factorial) - cotangent_derivative(n, x)
    return polygamma_positive(n, x, sign * factorial)


@shared
def polygamma_positive(n, x, scale):
    """Return the sum over k ≥ 0 of scale/(x + k)^(n+1) for positive x."""
    steps = int(math.ceil(ASYMPTOTIC + n - x)) if x < ASYMPTOTIC + n else 0
    z = x + steps
    r, coefficient, power = 1.0 / (z * z), 0.5 * (n + 1.0), 1.0
    series = 1.0 / n + 0.5 / z
    for k in range(len(BERNOULLI)):
        power *= r
        series += BERNOULLI[k] * coefficient * power
        m = 2.0 * (k + 1.0)
        coefficient *= (m + n) * (m + n + 1.0) / ((m + 1.0) * (m + 2.0))
    total = series * z ** (-float(n))
    for k in range(steps - 1, -1, -1):  # smallest terms first, to reduce rounding
        if n <= MOST_FACTORS:
            inverse = 1.0 / (x + k)
            term = inverse
            for _ in range(n):
                term *= inverse
        else:
            term = (x + k) ** (-(n + 1.0))
        total += term
    return scale * total


@shared
def cotangent_derivative(n, x):
    """Return the derivative of order n of π cot πx.

    It is a polynomial of the cotangent c, since dc/dx = −π (1 + c²).
    """
    c = 1.0 / math.tan(math.pi * (x - math.floor(x + 0.5)))
    p = np.zeros(n + 2)
    p[1] = 1.0
    for _ in range(n):
        q = np.zeros(n + 2)
        for k in range(1, n + 2):
            q[k - 1] -= k * p[k]
            if k + 1 < n + 2:
                q[k + 1] -= k * p[k]
        p = q
    total = 0.0
    for k in range(n + 1, -1, -1):
        total = total * c + p[k]
    return total * math.pi ** (n + 1.0)
