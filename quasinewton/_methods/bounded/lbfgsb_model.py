"""Compact form of L-BFGS, B = θI − W M Wᵀ, and its restriction to the free variables.

Source: R. H. Byrd, P. Lu, J. Nocedal and C. Zhu, SIAM J. Sci. Comput. 16 (1995) 1190–1208, section
3 and eq. 5.11. With the pairs in order, oldest first, W = [Y θS], L the part of SᵀY strictly below
its diagonal D,

    M⁻¹ = [−D Lᵀ; L θSᵀS],    B_FF⁻¹ = I/θ + W_F K⁻¹ W_Fᵀ/θ²,    K = M⁻¹ − W_FᵀW_F/θ.

For c pairs both are saddle-point matrices [−P Eᵀ; E Q] of order 2c with P and Q + E P⁻¹ Eᵀ positive
definite, solved by two Cholesky factors of order c. In K, P = D + Y_FᵀY_F/θ, Q = θ S_AᵀS_A, and
E_ij is s_i·y_j over the active variables A if pair i is newer than j, and −s_i·y_j over the free
variables F otherwise. The inner products are indexed by the rows of their pairs in the ring. A new
pair costs one pass over all pairs, a variable that becomes free or active O(m²).
"""

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from quasinewton._numba_ext.arrays import part
from quasinewton._numba_ext.jit import fragment, reduction
from quasinewton._numba_ext.linalg import dot
from quasinewton._objective.box import is_active

BLOCK = 512  # variables; block length at which a few vectors fit into the first-level cache

PATH = np.dtype(
    [
        ("fresh", "i8"),  # 1 if the products with d and the free variables are those of the current x and g
        ("free", "i8"),  # number of free variables
        ("dd", "f8"),  # d·d
        ("first", "f8"),  # path parameter of the first breakpoint of the projected path
    ],
    align=True,
)


# Indices of the tables of order m in the workspace. The first five hold inner products, indexed by
# the rows of the pairs in the ring; the others hold factors of three tables each.
SS = 0  # SᵀS
SY = 1  # s_i·y_j where i is no older than j
YY_FREE = 2  # Y_FᵀY_F, over the free variables
SS_ACTIVE = 3  # S_AᵀS_A, over the active variables
E = 4  # the block E of K
WHOLE = 5  # factors of M⁻¹
FREE = 8  # factors of K
TABLES = 11  # number of tables

# Indices of the vectors of order 2m in the workspace.
PRODUCTS = 0  # Yᵀd and Sᵀd, by ring row; d is −g in the free variables and 0 in the active ones
P = 1  # Wᵀd at the Cauchy point
Q = 2  # Wᵀz at the Cauchy point
SCRATCH = 3  # first of the vectors that are workspace
VECTORS = 8  # number of vectors


class BoxModel(NamedTuple):
    """Workspace of L-BFGS with m pairs under bounds.

    `tables`, shape (TABLES, m, m), and `vectors`, shape (VECTORS, 2m), are indexed by the constants
    of this module. `free`, bool, shape (n,), is True for the free variables. `slots`, shape (m,),
    lists the ring rows of the pairs, oldest first. `queue`, shape (n,), is the heap of breakpoints.
    `sums`, shape (m, 8), and `block` are workspace. `path[0]` is a record PATH.
    """

    tables: np.ndarray
    vectors: np.ndarray
    free: np.ndarray
    slots: np.ndarray
    queue: np.ndarray
    sums: np.ndarray
    block: np.ndarray
    path: np.ndarray


@register_jitable
def allocate_model(m, n):
    """Return the workspace for m pairs in n variables."""
    return BoxModel(
        np.zeros((TABLES, m, m)),
        np.zeros((VECTORS, 2 * m)),
        np.zeros(n, np.bool_),
        np.zeros(m, np.int64),
        np.empty(n, np.int64),
        np.empty((m, 8)),
        np.empty((3, BLOCK)),
        np.zeros(1, PATH),
    )


@reduction
def products(S, Y, l, start, stop, new, yf, d):
    """Return S·s, Y·s, Y·y_F, S·y_F, Y·d and S·d of pair l, summed over a block of variables."""
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
    """Return Y·d and S·d of pair l, summed over a block of variables."""
    yd = sd = 0.0
    for i in range(start, stop):
        yd += Y[l, i] * d[i - start]
        sd += S[l, i] * d[i - start]
    return yd, sd


@fragment
def toggle(work, pairs, i, count, free, but):
    """Make variable i free or active in the inner products of all pairs except row `but`."""
    S, Y, slots = pairs.S, pairs.Y, work.slots
    yy, ss, e = work.tables[YY_FREE], work.tables[SS_ACTIVE], work.tables[E]
    work.free[i] = free
    sign = 1.0 if free else -1.0
    for a in range(count):
        k = slots[a]
        if k != but:
            s, y = sign * S[k, i], sign * Y[k, i]
            for b in range(count):
                l = slots[b]
                yy[k, l] += y * Y[l, i]
                ss[k, l] -= s * S[l, i]
                e[k, l] -= s * Y[l, i]


@fragment
def order(pairs, slots):
    """Write the ring rows of the pairs to `slots`, oldest first; return their number."""
    ring, m = pairs.ring[0], slots.size
    for j in range(ring.count):
        slots[j] = (ring.newest - ring.count + 1 + j + m) % m
    return ring.count


@fragment
def absorb(work, pairs, x, g, low, high, new):
    """Update the workspace to the current x and g, in one pass over the pairs.

    Parameters
    ----------
    work : BoxModel
        Updated.
    pairs : Pairs
    x, g, low, high : ndarray, float64, shape (n,)
    new : int
        Ring row of a pair that is not in the tables yet; −1 if there is none.
    """
    S, Y, slots, sums, path = pairs.S, pairs.Y, work.slots, work.sums, work.path[0]
    n, count = x.size, order(pairs, slots)
    d, yf, sh = work.block[0], work.block[1], work.block[2]
    sums.fill(0.0)
    path.dd, path.first, path.free = 0.0, np.inf, n
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        changed = bound = 0
        for i in range(start, stop):
            stuck, b = is_active(x[i], g[i], low[i], high[i]), i - start
            d[b] = 0.0 if stuck else -g[i]
            room = (x[i] - low[i]) / d[b] if d[b] < 0.0 else (x[i] - high[i]) / d[b]
            path.first = -room if d[b] != 0.0 and -room < path.first else path.first
            bound += stuck
            changed += stuck == work.free[i]
        if changed > 0:
            for i in range(start, stop):
                stuck = is_active(x[i], g[i], low[i], high[i])
                if stuck == work.free[i]:
                    toggle(work, pairs, i, count, not stuck, new)
        path.free -= bound
        d_part = part(d, 0, stop - start)
        path.dd += dot(d_part, d_part)
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
    tables, m = work.tables, slots.size
    for j in range(count):
        l = slots[j]
        work.vectors[PRODUCTS, l], work.vectors[PRODUCTS, m + l] = sums[l, 6], sums[l, 7]
        if new >= 0:
            tables[SS, new, l] = tables[SS, l, new] = sums[l, 0]
            tables[SY, new, l] = sums[l, 1]
            tables[YY_FREE, new, l] = tables[YY_FREE, l, new] = sums[l, 2]
            tables[SS_ACTIVE, new, l] = tables[SS_ACTIVE, l, new] = sums[l, 5]
            tables[E, new, l] = sums[l, 4]
            tables[E, l, new] = -sums[l, 3]
    path.fresh = 1


@fragment
def solve_free(work, count, theta, v, u):
    """Compute u = K⁻¹ v, of order 2c, overwritten; return True on success.

    If no stored step has moved an active variable, as when the active set has not changed for m
    steps, S_A = 0 and E is triangular, so the system is solved by substitution.
    """
    slots, e, yy = work.slots, work.tables[E], work.tables[YY_FREE]
    still = True
    for i in range(count):
        still &= work.tables[SS_ACTIVE, slots[i], slots[i]] == 0.0
    if not still:
        if not factorise_free(work, count, theta):
            return False
        solve_saddle(work.tables[FREE : FREE + 3], count, v, u)
        return True
    for i in range(count - 1, -1, -1):
        k, total = slots[i], v[count + i]
        for j in range(i + 1, count):
            total -= e[k, slots[j]] * u[j]
        u[i] = total / e[k, k]
    for i in range(count):
        k = slots[i]
        if not e[k, k] < 0.0:
            return False
        total = v[i] + work.tables[SY, k, k] * u[i]
        for j in range(count):
            total += yy[k, slots[j]] / theta * u[j]
        for j in range(i):
            total -= e[slots[j], k] * u[count + j]
        u[count + i] = total / e[k, k]
    return True


# The inner loops run along the rows of the factors, which are stored by rows, so that their terms
# are independent of each other and can be computed in parallel.


@fragment
def factorise(A, c):
    """Overwrite the upper triangle of the leading c rows of A with its Cholesky factor U, A = UᵀU.

    Return True if A is positive definite.
    """
    for k in range(c):
        if not 0.0 < A[k, k] < np.inf:
            return False
        A[k, k] = np.sqrt(A[k, k])
        for j in range(k + 1, c):
            A[k, j] /= A[k, k]
        for i in range(k + 1, c):
            a = A[k, i]
            for j in range(i, c):
                A[i, j] -= a * A[k, j]
    return True


@fragment
def complete(Z, C, c):
    """Overwrite the upper triangle of C with the Cholesky factor of C + ZᵀZ.

    Return True if that matrix is positive definite.
    """
    for k in range(c):
        for i in range(c):
            z = Z[k, i]
            for j in range(i, c):
                C[i, j] += z * Z[k, j]
    return factorise(C, c)


@fragment
def solve_saddle(factors, c, v, u):
    """Compute u = [−P Eᵀ; E Q]⁻¹ v, of order 2c; u is overwritten.

    `factors` holds U of P = UᵀU, Z = U⁻ᵀEᵀ, and the Cholesky factor of Q + ZᵀZ.
    """
    U, Z, C = factors[0], factors[1], factors[2]
    for i in range(2 * c):
        u[i] = v[i]
    for k in range(c):
        u[k] /= U[k, k]
        a = u[k]
        for j in range(k + 1, c):
            u[j] -= a * U[k, j]
        for i in range(c):
            u[c + i] += a * Z[k, i]
    for k in range(c):
        u[c + k] /= C[k, k]
        a = u[c + k]
        for j in range(k + 1, c):
            u[c + j] -= a * C[k, j]
    for i in range(c - 1, -1, -1):
        total = u[c + i]
        for j in range(i + 1, c):
            total -= C[i, j] * u[c + j]
        u[c + i] = total / C[i, i]
    for i in range(c - 1, -1, -1):
        total = -u[i]
        for j in range(c):
            total += Z[i, j] * u[c + j]
        for j in range(i + 1, c):
            total -= U[i, j] * u[j]
        u[i] = total / U[i, i]


@fragment
def factorise_whole(work, count, theta):
    """Factor M⁻¹; return True on success."""
    slots, tables = work.slots, work.tables
    U, Z, C = tables[WHOLE], tables[WHOLE + 1], tables[WHOLE + 2]
    for i in range(count):
        k = slots[i]
        root = np.sqrt(tables[SY, k, k])
        for j in range(count):
            l = slots[j]
            U[i, j] = root if i == j else 0.0
            Z[i, j] = tables[SY, l, k] / root if j > i else 0.0
            C[i, j] = theta * tables[SS, k, l]
    return complete(Z, C, count)


@fragment
def factorise_free(work, count, theta):
    """Factor K; return True on success."""
    slots, tables = work.slots, work.tables
    U, Z, C = tables[FREE], tables[FREE + 1], tables[FREE + 2]
    for i in range(count):
        for j in range(count):
            k, l = slots[i], slots[j]
            U[i, j] = tables[YY_FREE, k, l] / theta + (tables[SY, k, k] if i == j else 0.0)
            Z[i, j] = tables[E, l, k]
            C[i, j] = theta * tables[SS_ACTIVE, k, l]
    if not factorise(U, count):
        return False
    for k in range(count):
        for i in range(count):
            Z[k, i] /= U[k, k]
        for j in range(k + 1, count):
            a = U[k, j]
            for i in range(count):
                Z[j, i] -= a * Z[k, i]
    return complete(Z, C, count)
