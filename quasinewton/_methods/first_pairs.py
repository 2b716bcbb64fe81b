"""First curvature pairs of BFGS, which are kept until the scale of its first matrix is settled.

After the pairs (s_0, y_0), ..., (s_{k−1}, y_{k−1}) the matrix of BFGS from H₀ = γ I is linear in γ,

    H = γ A + B,   A = V_{k−1}ᵀ ... V_0ᵀ V_0 ... V_{k−1},   V_j = I − rho_j y_j s_jᵀ

(Nocedal & Wright, Numerical Optimization, 2nd ed., 2006, eq. 7.19). B is what the pairs say, γ A is
what is assumed about all else. One pair says little about γ: N&W eq. 6.20, the least-squares
solution of γ y = s, is close to the inverse of the largest curvature if −g is in the main the
direction of that curvature, as with variables of different units. Later searches then creep along
the other directions, since BFGS is slow to correct curvatures that are too large (R. H. Byrd, J.
Nocedal and Y. Yuan, SIAM J. Numer. Anal. 24, 1987, 1171–1190).

γ is therefore determined anew with each of the first pairs, by the same principle: it is the
least-squares solution of (γ A + B) y = s for the newest pair and the matrix before it, that is, the
scale with which this matrix would have predicted the pair best. For the first pair it is eq. 6.20.
A pair says nothing about γ if B alone explains it, or if its step lies in the span of the earlier
ones without their spanning all: the misfit is then due to higher derivatives, and a γ fitted to it
could be far too large for the directions not seen yet. H is not formed meanwhile; a product takes
two loops over the pairs, as in N&W Algorithm 7.4.
"""

import numpy as np

from quasinewton._numba_ext.arrays import part
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import copy, dot

# Number of pairs kept. Chosen by experiment on the table of problems, on regressions and on NIST's
# fits, rotated and scaled as well: 5 pairs save 21 % of the evaluations, 10 pairs 23 %, 20 pairs 27
# %, 30 pairs 29 %, but memory and products cost more.
KEPT = 20
EXPLAINED = 0.1  # multiple of ‖s‖; a pair that B alone predicts within this distance says nothing about γ
SPANNED = 1e-4  # multiple of ‖s‖; a step this near to the span of earlier ones is taken to lie in it


@fragment
def subtract(a, c, b):
    """Compute a = a − c b; a is overwritten."""
    for i in range(a.size):
        a[i] -= c * b[i]


@fragment
def split_product(S, Y, rho, a, count, g, u, w):
    """Compute u = A g and w = B g from the pairs in the first `count` rows.

    u and w, shape (n,), and a, shape (m,), are overwritten.
    """
    n = g.size
    for i in range(n):
        u[i] = g[i]
        w[i] = 0.0
    for k in range(count - 1, -1, -1):
        a[k] = rho[k] * dot(part(S, k * n, n), u)
        subtract(u, a[k], part(Y, k * n, n))
    for k in range(count):
        s, y = part(S, k * n, n), part(Y, k * n, n)
        c = rho[k] * dot(y, w) - a[k]
        subtract(u, rho[k] * dot(y, u), s)
        subtract(w, c, s)


@fragment
def fitted_scale(gamma, s, u, w):
    """Return the least-squares solution γ of γ u + w = s, where u = A y and w = B y.

    The result is `gamma` if w explains s, or if the solution is not positive. w is overwritten.
    """
    for i in range(s.size):
        w[i] = s[i] - w[i]
    if dot(w, w) <= EXPLAINED * EXPLAINED * dot(s, s):
        return gamma
    fit = dot(u, w) / dot(u, u)
    return fit if fit > 0.0 else gamma


@fragment
def leaves_span(Q, rank, s, w):
    """Return True if a step leaves the span of the first `rank` rows of Q, which are orthonormal.

    Its direction orthogonal to them, by the modified Gram-Schmidt process, is then written to the
    next row of Q if there is one. w, shape (n,), is overwritten.
    """
    n = s.size
    copy(w, s)
    for k in range(rank):
        q = part(Q, k * n, n)
        subtract(w, dot(q, w), q)
    ww = dot(w, w)
    if ww <= SPANNED * SPANNED * dot(s, s):
        return False
    if rank < Q.shape[0]:
        norm = np.sqrt(ww)
        for i in range(n):
            Q[rank, i] = w[i] / norm
    return True
