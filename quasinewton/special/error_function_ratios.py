"""Ratios of moments for the derivatives of erfcx and log_ndtr, without cancellation.

With I_n(u) = ∫₀^∞ tⁿ exp(−t² − 2ut) dt, erfcx(u) = 2 I_0/√π (Abramowitz & Stegun 7.4.2), and I_n′ =
−2 I_{n+1}. So erfcx′ = −2 (I_1/I_0) erfcx. The plain formula, 2u erfcx(u) − 2/√π, is a difference
of two terms that are much larger than erfcx′ for large u.
"""

import math

from quasinewton._numba_ext.jit import fragment
from quasinewton.special.error_functions import erfcx

# For u ≥ FORWARD the ratios come from the backward recurrence, whose error after DEPTH steps is
# below rounding. For smaller u the plain formulas lose at most two digits.
FORWARD, DEPTH = 2.0, 60


@fragment
def moment_ratio(order, u):
    """Return the ratio I_n/I_{n−1} for n ≥ 1.

    Integration by parts: n I_{n−1} = 2 I_{n+1} + 2u I_n, so r_n = n/(2 (u + r_{n+1})), backward
    from a large n, which is stable for u > 0 because I_n is the minimal solution (Gautschi, SIAM
    Review 9, 1967).
    """
    n = int(order)
    if u < FORWARD:
        r = 1.0 / (math.sqrt(math.pi) * erfcx(u)) - u
        for k in range(1, n):
            r = k / (2.0 * r) - u
        return r
    last = n + DEPTH
    r = 0.5 * (math.sqrt(u * u + 2.0 * last) - u)  # the limit of r_n where it hardly changes with n
    for k in range(last - 1, n - 1, -1):
        r = k / (2.0 * (u + r))
    return r


@fragment
def hazard(u):
    """Return the derivative of log_ndtr: the normal density over its integral, √(2/π)/erfcx(−u/√2).
    """
    return math.sqrt(2.0 / math.pi) / erfcx(-u * math.sqrt(0.5))
