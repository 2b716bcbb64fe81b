"""Scale γ of the first matrix of L-BFGS while no pair has been forgotten.

Until the memory is full, the matrix of L-BFGS is that of BFGS from γ I, H = γ A + B, where B is
what the pairs say; see `first_pairs`. γ = s·y/y·y of the newest pair (Nocedal & Wright, 2006,
eq. 7.20) is then no better founded than eq. 6.20 is for BFGS: it is near the inverse of the largest
curvature wherever the newest step has a part along that. So γ is fitted to the newest pair as for
BFGS, and the pairs that the model consists of are taken into account. Once pairs are forgotten, B
no longer says all that is known, and γ is that of eq. 7.20 again, which follows the newest pair.
"""

import numpy as np

from quasinewton._floats import EPSILON
from quasinewton._methods.first_pairs import EXPLAINED
from quasinewton._numba_ext.jit import reduction

ROUNDING = 1e4 * EPSILON  # multiple of ‖y‖; A y this short is the rounding of some ten products


@reduction
def fitted_gamma(S, Y, rho, a, count, newest, fresh, gamma, work):
    """Return the least-squares solution γ of (γ A + B) y = s for the pair in row `fresh`.

    A and B are those of `count` pairs in rows up to `newest`, none of which has been overwritten.
    The result is `gamma` if B alone explains s, if A y is but rounding, as where all steps lie in a
    subspace of a symmetry, or if the solution is not positive. a, shape (m,), and work, shape
    (2, n), are overwritten. Time: twice that of `two_loop`.
    """
    n = S.shape[1]
    u, w = work[0], work[1]
    product = yy = 0.0
    for i in range(n):
        u[i] = Y[fresh, i]
        yy += u[i] * u[i]
        w[i] = 0.0
        product += S[newest, i] * u[i]
    for k in range(newest, newest - count, -1):
        c = a[k] = rho[k] * product
        older = max(k - 1, 0)
        product = 0.0
        for i in range(n):
            u[i] -= c * Y[k, i]
            product += S[older, i] * u[i]
    for k in range(newest + 1 - count, newest + 1):
        yu = yw = 0.0
        for i in range(n):
            yu += Y[k, i] * u[i]
            yw += Y[k, i] * w[i]
        c, d = rho[k] * yu, rho[k] * yw - a[k]
        for i in range(n):
            u[i] -= c * S[k, i]
            w[i] -= d * S[k, i]
    rr = ss = ru = uu = 0.0
    for i in range(n):
        r = S[fresh, i] - w[i]
        rr += r * r
        ss += S[fresh, i] * S[fresh, i]
        ru += r * u[i]
        uu += u[i] * u[i]
    if rr <= EXPLAINED * EXPLAINED * ss or uu <= ROUNDING * ROUNDING * yy or not ru > 0.0 or not np.isfinite(ru / uu):
        return gamma
    return ru / uu
