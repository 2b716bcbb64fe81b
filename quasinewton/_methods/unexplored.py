"""Directions that the steps of a run had no part along: what a quasi-Newton model says nothing of.

If a function and its start have a symmetry, as two exponentials with equal rates, gradients lie in
the subspace of symmetric points, and so do all steps. A run can then end at a point that is a
minimum within this subspace only. Steps that are linearly dependent are the sign of that.
"""

from quasinewton._methods.first_pairs import leaves_span, subtract
from quasinewton._numba_ext.arrays import part
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import dot

# Number of variables up to which dimensions that no step has reached are looked at although the
# steps are independent, as after few iterations.
SMALL = 20


@fragment
def pseudo_random(r):
    """Write a fixed sequence of pseudo-random numbers to r (Park & Miller, Comm. ACM 31, 1988)."""
    seed = 1
    for i in range(r.size):
        seed = 48271 * seed % 2147483647
        r[i] = seed / 2147483647.0 - 0.5


@fragment
def leave_span(Q, rank, steps, p):
    """Write a direction orthogonal to the first `rank` rows of Q, which are orthonormal, to p.

    They span `steps` steps. Return the number of dimensions that are left, negative if the steps
    are independent, or 0 if there are no steps, or if they are independent among many variables.
    """
    n = p.size
    if rank == 0 or rank == n or (n > SMALL and rank == steps):
        return 0
    pseudo_random(p)
    remove_span(Q, rank, p)
    return n - rank if rank < steps else rank - n


@fragment
def remove_span(Q, rank, p):
    """Subtract from p its part in the span of the first `rank` rows of Q. p is overwritten."""
    n = p.size
    for k in range(rank):
        q = part(Q, k * n, n)
        subtract(p, dot(q, p), q)


@fragment
def span(S, rows, Q, w):
    """Write an orthonormal basis of the span of some rows of S to Q; return its dimension.

    Q, of at least as many rows, and w, shape (n,), are overwritten.
    """
    rank, n = 0, S.shape[1]
    for k in rows:
        rank += rank < n and leaves_span(Q, rank, part(S, k * n, n), w)
    return rank
