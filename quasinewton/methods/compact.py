"""The compact form of L-BFGS, B = θI − W M Wᵀ, and what of it the free variables see.

Source: R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, SIAM J. Sci. Comput. 16 (1995) 1190–1208, section 3 and eq. 5.11.
With the pairs in order, oldest first, W = [Y θS], L the part of SᵀY strictly below its diagonal D,

    M⁻¹ = [−D Lᵀ; L θSᵀS],    B_FF⁻¹ = I/θ + W_F K⁻¹ W_Fᵀ/θ²,    K = M⁻¹ − W_FᵀW_F/θ.

Both are saddles [−P Eᵀ; E Q] of order 2c with P and Q + E P⁻¹ Eᵀ positive definite: two Cholesky factors of order c.
In K, P = D + Y_FᵀY_F/θ, Q = θ S_AᵀS_A, and E is s_i·y_j over the held variables A where i is newer than j, and
−s_i·y_j over the free ones F elsewhere. The inner products are kept by the place of their pairs in the ring: a new
pair costs one pass over all pairs, a variable that becomes free or held O(m²).
"""

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from quasinewton.jit import fragment, reduction
from quasinewton.methods.box import held

BLOCK = 512  # variables at a time: a few vectors of so many stay in the fastest cache

KNOWN = np.dtype(
    [
        ("fresh", "i8"),  # whether the products with d, and what is free, are those at the current x and g
        ("free", "i8"),  # number of free variables
        ("dd", "f8"),  # d·d
        ("first", "f8"),  # the first breakpoint of the projected path
    ],
    align=True,
)


class Compact(NamedTuple):
    """Workspace of L-BFGS with m pairs in a box; all by the place of a pair in the ring.

    `SS` is SᵀS, `SY` s_i·y_j where i is no older than j; `YY_free`, `SS_held` and `E` are those of K. `Yd` and `Sd` are
    the products of the pairs with d, −g in the free variables and 0 in the held ones. All shapes are (m, m) and (m,).
    `free`, shape (n,), tells the free variables; `slots`, shape (m,), the places of the pairs, oldest first; `queue`,
    shape (n,), holds variables; `sums`, `block`, `P1` … `C2` and `v`, a row for each of some vectors of shape (2m,), are
    workspace. `known[0]` is a record KNOWN.
    """

    SS: np.ndarray
    SY: np.ndarray
    YY_free: np.ndarray
    SS_held: np.ndarray
    E: np.ndarray
    Yd: np.ndarray
    Sd: np.ndarray
    free: np.ndarray
    slots: np.ndarray
    queue: np.ndarray
    sums: np.ndarray
    block: np.ndarray
    P1: np.ndarray
    X1: np.ndarray
    C1: np.ndarray
    P2: np.ndarray
    X2: np.ndarray
    C2: np.ndarray
    v: np.ndarray
    known: np.ndarray


@register_jitable
def compact(m, n):
    """The workspace for m pairs in n variables."""
    return Compact(
        np.zeros((m, m)),
        np.zeros((m, m)),
        np.zeros((m, m)),
        np.zeros((m, m)),
        np.zeros((m, m)),
        np.zeros(m),
        np.zeros(m),
        np.zeros(n, np.bool_),
        np.zeros(m, np.int64),
        np.empty(n, np.int64),
        np.zeros((m, 8)),
        np.empty((3, BLOCK)),
        np.empty((m, m)),
        np.empty((m, m)),
        np.empty((m, m)),
        np.empty((m, m)),
        np.empty((m, m)),
        np.empty((m, m)),
        np.zeros((7, 2 * m)),
        np.zeros(1, KNOWN),
    )


@reduction
def products(S, Y, l, start, stop, new, yf, d):
    """Of pair l, on a block: S·s, Y·s, Y·y_F, S·y_F, Y·d and S·d."""
    ss = ys = yy = sy = yd = sd = 0.0
    for i in range(start, stop):
        s, y, b = S[l, i], Y[l, i], i - start
        ss += s * S[new, i]
        ys += y * S[new, i]
        yy += y * yf[b]
        sy += s * yf[b]
        yd += y * d[b]
        sd += s * d[b]
    return ss, ys, yy, sy, yd, sd


@reduction
def products_with(S, Y, l, start, stop, d):
    """Of pair l, on a block: Y·d and S·d."""
    yd = sd = 0.0
    for i in range(start, stop):
        yd += Y[l, i] * d[i - start]
        sd += S[l, i] * d[i - start]
    return yd, sd


@reduction
def square(d, size):
    """d·d of the first `size` entries."""
    total = 0.0
    for i in range(size):
        total += d[i] * d[i]
    return total


@fragment
def toggle(work, pairs, i, count, free, but):
    """Make variable i free or held in the inner products of all pairs but that at one place."""
    S, Y, slots = pairs.S, pairs.Y, work.slots
    YY, SS, E = work.YY_free, work.SS_held, work.E
    work.free[i] = free
    sign = 1.0 if free else -1.0
    for a in range(count):
        k = slots[a]
        if k != but:
            s, y = sign * S[k, i], sign * Y[k, i]
            for b in range(count):
                l = slots[b]
                YY[k, l] += y * Y[l, i]
                SS[k, l] -= s * S[l, i]
                E[k, l] -= s * Y[l, i]


@fragment
def order(pairs, slots):
    """Write the places of the pairs to `slots`, oldest first; return their number."""
    ring, m = pairs.ring[0], slots.size
    for j in range(ring.count):
        slots[j] = (ring.newest - ring.count + 1 + j + m) % m
    return ring.count


@fragment
def absorb(work, pairs, x, g, low, high, new):
    """Bring the workspace to the current x and g, in one pass over the pairs.

    Parameters
    ----------
    work : Compact
        Updated.
    pairs : Pairs
    x, g, low, high : ndarray, float64, shape (n,)
    new : int
        The place of a pair that is not known yet; −1 if there is none.
    """
    S, Y, slots, sums, known = pairs.S, pairs.Y, work.slots, work.sums, work.known[0]
    n, count = x.size, order(pairs, slots)
    d, yf, sh = work.block[0], work.block[1], work.block[2]
    sums.fill(0.0)
    known.dd, known.first, known.free = 0.0, np.inf, n
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        changed = bound = 0
        for i in range(start, stop):
            stuck, b = held(x[i], g[i], low[i], high[i]), i - start
            d[b] = 0.0 if stuck else -g[i]
            room = (x[i] - low[i]) / d[b] if d[b] < 0.0 else (x[i] - high[i]) / d[b]
            known.first = -room if d[b] != 0.0 and -room < known.first else known.first
            bound += stuck
            changed += stuck == work.free[i]
        if changed > 0:
            for i in range(start, stop):
                stuck = held(x[i], g[i], low[i], high[i])
                if stuck == work.free[i]:
                    toggle(work, pairs, i, count, not stuck, new)
        known.free -= bound
        known.dd += square(d, stop - start)
        if new < 0:
            for j in range(count):
                l = slots[j]
                yd, sd = products_with(S, Y, l, start, stop, d)
                sums[l, 6] += yd
                sums[l, 7] += sd
            continue
        for i in range(start, stop):
            yf[i - start] = Y[new, i] if work.free[i] else 0.0
            sh[i - start] = 0.0 if work.free[i] else S[new, i]
        for j in range(count):
            l = slots[j]
            ss, ys, yy, sy, yd, sd = products(S, Y, l, start, stop, new, yf, d)
            sums[l, 0] += ss
            sums[l, 1] += ys
            sums[l, 2] += yy
            sums[l, 3] += sy
            sums[l, 6] += yd
            sums[l, 7] += sd
            if bound > 0:
                ys, ss = products_with(S, Y, l, start, stop, sh)
                sums[l, 4] += ys
                sums[l, 5] += ss
    for j in range(count):
        l = slots[j]
        work.Yd[l], work.Sd[l] = sums[l, 6], sums[l, 7]
        if new >= 0:
            work.SS[new, l] = work.SS[l, new] = sums[l, 0]
            work.SY[new, l] = sums[l, 1]
            work.YY_free[new, l] = work.YY_free[l, new] = sums[l, 2]
            work.SS_held[new, l] = work.SS_held[l, new] = sums[l, 5]
            work.E[new, l] = sums[l, 4]
            work.E[l, new] = -sums[l, 3]
    known.fresh = 1


@fragment
def factorise(A, c):
    """Cholesky's factor of the leading c rows and columns of A, in their lower triangle; whether there is one."""
    for j in range(c):
        for i in range(j, c):
            total = A[i, j]
            for k in range(j):
                total -= A[i, k] * A[j, k]
            if i == j:
                if not (total > 0.0 and total < np.inf):
                    return False
                A[j, j] = np.sqrt(total)
            else:
                A[i, j] = total / A[j, j]
    return True


@fragment
def factorise_saddle(P, E, C, c):
    """Factor [−P Eᵀ; E C]: P = L Lᵀ, E <- E L⁻ᵀ, C + E Eᵀ = J Jᵀ; P, E and C are overwritten. Whether it worked."""
    if not factorise(P, c):
        return False
    for i in range(c):
        for j in range(c):
            total = E[i, j]
            for k in range(j):
                total -= E[i, k] * P[j, k]
            E[i, j] = total / P[j, j]
        for j in range(i + 1):
            for k in range(c):
                C[i, j] += E[i, k] * E[j, k]
    return factorise(C, c)


@fragment
def solve_saddle(P, X, C, c, v, u):
    """u = K⁻¹ v of order 2c, for the saddle K that `factorise_saddle` left in P, X and C; u is overwritten."""
    for i in range(c):
        total = v[i]
        for k in range(i):
            total -= P[i, k] * u[k]
        u[i] = total / P[i, i]
    for i in range(c):
        total = v[c + i]
        for k in range(c):
            total += X[i, k] * u[k]
        for k in range(i):
            total -= C[i, k] * u[c + k]
        u[c + i] = total / C[i, i]
    for i in range(c - 1, -1, -1):
        total = u[c + i]
        for k in range(i + 1, c):
            total -= C[k, i] * u[c + k]
        u[c + i] = total / C[i, i]
    for i in range(c - 1, -1, -1):
        total = -u[i]
        for k in range(c):
            total += X[k, i] * u[c + k]
        for k in range(i + 1, c):
            total -= P[k, i] * u[k]
        u[i] = total / P[i, i]


@fragment
def factorise_whole(work, count, theta):
    """Factor M⁻¹ into P1, X1 and C1; whether it worked."""
    slots = work.slots
    for i in range(count):
        for j in range(count):
            k, l = slots[i], slots[j]
            work.P1[i, j] = work.SY[k, k] if i == j else 0.0
            work.X1[i, j] = work.SY[k, l] if i > j else 0.0
            work.C1[i, j] = theta * work.SS[k, l]
    return factorise_saddle(work.P1, work.X1, work.C1, count)


@fragment
def factorise_free(work, count, theta):
    """Factor K into P2, X2 and C2; whether it worked."""
    slots = work.slots
    for i in range(count):
        for j in range(count):
            k, l = slots[i], slots[j]
            work.P2[i, j] = work.YY_free[k, l] / theta + (work.SY[k, k] if i == j else 0.0)
            work.X2[i, j] = work.E[k, l]
            work.C2[i, j] = theta * work.SS_held[k, l]
    return factorise_saddle(work.P2, work.X2, work.C2, count)
