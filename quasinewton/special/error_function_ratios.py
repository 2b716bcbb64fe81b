"""What the derivatives of erfcx and log_ndtr need: ratios of moments, without the cancellation of
the plain formulas.

With I_n(u) = ∫₀^∞ tⁿ exp(−t² − 2ut) dt, erfcx(u) = 2 I_0/√π (Abramowitz & Stegun 7.4.2), and I_n′ =
−2 I_{n+1}. So erfcx′ = −2 (I_1/I_0) erfcx, which for large u is ever smaller than the two terms of
2u erfcx(u) − 2/√π.
"""

import math

from quasinewton.numba_ext.jit import fragment
from quasinewton.special.elementwise import erfcx

# From u = FORWARD on the ratios come from the recurrence, whose error after DEPTH steps is below
# rounding there; before it, plain formulas lose no more than two digits.
FORWARD, DEPTH = 2.0, 60


@fragment
def moment_ratio(order, u):
    """I_n/I_{n−1} for n = 1 or more.

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
    r = 0.5 * (math.sqrt(u * u + 2.0 * last) - u)  # where r_n hardly changes with n
    for k in range(last - 1, n - 1, -1):
        r = k / (2.0 * (u + r))
    return r


@fragment
def hazard(u):
    """The derivative of log_ndtr: the normal density over its integral, √(2/π)/erfcx(−u/√2)."""
    return math.sqrt(2.0 / math.pi) / erfcx(-u * math.sqrt(0.5))
