"""L-BFGS by the compact form of H, which reads 4 m n numbers an iteration instead of 8 m n.

With the pairs in the rows of S and Y, oldest first, R the upper triangle of S Yᵀ and D its
diagonal,

    H g = γ H₀ (g − Yᵀa) + Sᵀb,   R a = S g,   Rᵀb = D a + γ (Y H₀ Yᵀ a − Y H₀ g)

(Byrd, Nocedal & Schnabel, Math. Prog. 63 (1994) 129–156, eq. 2.6 and theorem 2.2). One pass in
blocks moves x and g, writes the new pair, and multiplies all pairs by g and by the new y. After
O(m²) work a second pass writes p. All products are summed anew in every iteration, because
computing them as differences of older ones would suffer from cancellation.

This form is used for many variables, for a diagonal H₀ supplied by the user, and for pairs in
single precision, which are scaled by powers of two because the range of that type is small. All
sums are in double precision.
"""

import numba
import numpy as np
from numba import types
from numba.extending import register_jitable

from quasinewton._floats import EPSILON, SINGLE_EPSILON
from quasinewton._methods.curvature_pairs import (
    DAMPED,
    RING,
    TWO_LOOPS,
    is_fit,
    keep_pair,
    next_row,
)
from quasinewton._methods.lbfgs.vector_blocks import (
    add,
    add_pairs,
    eight_dots,
    multiply,
    scale,
    unit,
)
from quasinewton._numba_ext.arrays import part
from quasinewton._numba_ext.jit import entered, fragment, kernel
from quasinewton._numba_ext.lazy import late
from quasinewton._numba_ext.linalg import advance, dot, dots, isolated, norm_inf

BLOCK = 1024  # variables; block length at which reused data stays in the first-level cache

# The workspace `a` consists of HEAD numbers, the matrices S Yᵀ and Y H₀ Yᵀ, VECTORS vectors of
# length m, and H₀ if it was supplied. The constants are indices into these parts.
READY = 0  # 1 if the products with g are those with the current g
UNIT_S, UNIT_Y = 1, 2  # powers of two; units in which S and Y are stored
NORM = 3  # ‖g‖_∞ after the last step
HEAD = 4  # length of the head
S_G, Y_G, S_Y, Y_Y = range(4)  # the vectors S g, Y H₀ g, S y and Y H₀ y
OF_S, OF_Y = 4, 5  # the vectors of coefficients in p of the rows of S and of Y
SUMS, VECTORS = 4, 6  # number of vectors that are sums, and of all vectors


@register_jitable
def size(m):
    """Return the length of the workspace for m pairs, without H₀."""
    return HEAD + 2 * m * m + VECTORS * m


@fragment
def gram(a, m, which):
    """Return one of the matrices, by rows: S Yᵀ (which = 0) or Y H₀ Yᵀ (which = 1).

    Only the entries of S Yᵀ with the first pair not newer than the second are valid.
    """
    return part(a, HEAD + which * m * m, m * m)


@fragment
def vector(a, m, which):
    """Return one of the vectors of length m, by its index."""
    return part(a, HEAD + (2 * m + which) * m, m)


@fragment
def row(S, k, first, width):
    """Return a block of row k of S."""
    return part(S, k * S.shape[1] + first, width)


@register_jitable
def forget_products(a, ring):
    """Discard the products with g, so that the next direction recomputes them.

    This is necessary if its gradient may differ from the one at the end of the last step.
    """
    if ring["form"] != TWO_LOOPS:
        a[READY] = 0.0


@register_jitable
def norm_of(a):
    """Return ‖g‖_∞ after the last step."""
    return a[NORM]


@fragment
def rows_of(count, newest, m):
    """Return the ring rows of the last `count` pairs, oldest first."""
    rows = np.empty(count, np.int64)
    for i in range(count):
        rows[i] = (newest + m + 1 - count + i) % m
    return rows


@fragment
def multiply_block(S, Y, rows, a, first, g, y, hg, hy):
    """Add the contribution of a block to the products of all pairs with g and y.

    g and y are the parts of these vectors in the block, which begins with component `first`; hg and
    hy are workspace of equal length. Pairs are processed two at a time, since reading four streams
    makes better use of the memory; if their number is odd, the last pair is its own partner.
    """
    m, width = S.shape[0], g.size
    Sg, Yg, Sy, Yy, H0 = vector(a, m, S_G), vector(a, m, Y_G), vector(a, m, S_Y), vector(a, m, Y_Y), size(m)
    if a.size > H0:
        multiply(part(a, H0 + first, width), g, hg)
        multiply(part(a, H0 + first, width), y, hy)
    else:
        hg, hy = g, y
    for i in range(0, rows.size, 2):
        k, l = rows[i], rows[min(i + 1, rows.size - 1)]
        s, z, t, w = row(S, k, first, width), row(Y, k, first, width), row(S, l, first, width), row(Y, l, first, width)
        sg, sy, zg, zy, tg, ty, wg, wy = eight_dots(s, z, t, w, g, y, hg, hy)
        Sg[k] += sg
        Yg[k] += zg
        Sy[k] += sy
        Yy[k] += zy
        if l != k:
            Sg[l] += tg
            Yg[l] += wg
            Sy[l] += ty
            Yy[l] += wy


@fragment
def begin_products(a, m):
    """Set the sums that `multiply_block` adds to, to zero."""
    sums = part(a, HEAD + 2 * m * m, SUMS * m)
    for i in range(sums.size):
        sums[i] = 0.0


@fragment
def keep_products(a, rows, m):
    """Convert the sums to the units of x and g, and store those with the newest y in the matrices.

    The newest pair is the last of `rows`.
    """
    Sg, Yg, Sy, Yy = vector(a, m, S_G), vector(a, m, Y_G), vector(a, m, S_Y), vector(a, m, Y_Y)
    SY, YY, s_unit, y_unit, k = gram(a, m, 0), gram(a, m, 1), a[UNIT_S], a[UNIT_Y], rows[-1]
    for i in rows:
        Sg[i] *= s_unit
        Yg[i] *= y_unit
        SY[i * m + k] = Sy[i] * s_unit * y_unit
        YY[i * m + k] = YY[k * m + i] = Yy[i] * y_unit * y_unit
    a[READY] = 1.0


@fragment
def renew_products(S, Y, a, rows, g):
    """Multiply all pairs by g and by the newest y."""
    m, n = S.shape[0], g.size
    desk = isolated(3 * BLOCK)
    begin_products(a, m)
    for first in range(0, n, BLOCK):
        width = min(BLOCK, n - first)
        y, hg, hy = part(desk, 0, width), part(desk, BLOCK, width), part(desk, 2 * BLOCK, width)
        scale(1.0, row(Y, rows[-1], first, width), y)
        multiply_block(S, Y, rows, a, first, part(g, first, width), y, hg, hy)
    keep_products(a, rows, m)


@fragment
def damp(y, theta, c, g, y_unit):
    """Compute y <- θ y − c (g − y), where g − y is the old gradient; y is overwritten.

    `y_unit` is the unit in which y is stored.
    """
    for i in range(g.size):
        old = g[i] - y_unit * y[i]
        y[i] = theta * y[i] - c * old / y_unit


@fragment
def learn_from(S, Y, rho, a, ring, damping, x, g, p, alpha, g_new):
    """Move x and g, store the new pair if it is fit, and multiply all pairs by g and y.

    The tests and the damping are those of `curvature_pairs.learn_pair`. x, g and the memory are
    overwritten.
    """
    m, n = rho.size, x.size
    single = S.itemsize < 8
    if ring.count == 0:
        a[UNIT_S] = unit(abs(alpha) * norm_inf(p)) if single else 1.0
        a[UNIT_Y] = unit(norm_inf(g)) if single else 1.0
    s_unit, y_unit = a[UNIT_S], a[UNIT_Y]
    k = next_row(ring, m)
    rows = rows_of(min(ring.count + 1, m), k, m)
    desk = isolated(4 * BLOCK)
    slope = yy = ss = xx = gg = g_norm = 0.0
    begin_products(a, m)
    for first in range(0, n, BLOCK):
        width = min(BLOCK, n - first)
        x_part, g_part, p_part = part(x, first, width), part(g, first, width), part(p, first, width)
        s, y = part(desk, 0, width), part(desk, BLOCK, width)
        hg, hy = part(desk, 2 * BLOCK, width), part(desk, 3 * BLOCK, width)
        s_row, y_row = row(S, k, first, width), row(Y, k, first, width)
        slope += dot(g_part, p_part)
        advance(x_part, g_part, p_part, alpha, part(g_new, first, width), s, y)
        scale(1.0 / s_unit, s, s_row)
        scale(1.0 / y_unit, y, y_row)
        if single:
            scale(1.0, y_row, y)  # the products must be those of the stored, rounded y
        sums = dots(s_row, y, x_part)
        yy, ss, xx = yy + sums[1], ss + sums[2], xx + sums[3]
        gg += dot(g_part, g_part)
        g_norm = max(g_norm, norm_inf(g_part))  # max is safe: g is finite at every accepted step
        multiply_block(S, Y, rows, a, first, g_part, y, hg, hy)
    keep_products(a, rows, m)
    a[NORM] = g_norm
    sy, yy, ss = gram(a, m, 0)[k * m + k], yy * y_unit * y_unit, ss * s_unit * s_unit
    curvature = -alpha * slope * alpha  # s·B s
    if damping and sy < DAMPED * curvature:
        theta = (1.0 - DAMPED) * curvature / (curvature - sy)
        damp(row(Y, k, 0, n), theta, (1.0 - theta) * alpha, g, y_unit)
        sums = dots(row(S, k, 0, n), row(Y, k, 0, n), g)
        sy, yy = sums[0] * s_unit * y_unit, sums[1] * y_unit * y_unit
        a[READY] = 0.0
    keep_pair(rho, ring, k, is_fit(sy, yy, ss, xx, gg, alpha, slope, SINGLE_EPSILON if single else EPSILON), sy)


@fragment
def solve(a, rows, m, gamma):
    """Compute the coefficients in p of the rows of S and of Y, −b and γ a, in their units."""
    Sg, Yg, of_S, of_Y = vector(a, m, S_G), vector(a, m, Y_G), vector(a, m, OF_S), vector(a, m, OF_Y)
    SY, YY, count = gram(a, m, 0), gram(a, m, 1), rows.size
    for i in range(count - 1, -1, -1):
        k = rows[i]
        total = Sg[k]
        for j in range(i + 1, count):
            total -= SY[k * m + rows[j]] * of_Y[rows[j]]
        of_Y[k] = total / SY[k * m + k]
    for i in range(count):
        k = rows[i]
        total = -Yg[k]
        for l in rows:
            total += YY[k * m + l] * of_Y[l]
        total = SY[k * m + k] * of_Y[k] + gamma * total
        for j in range(i):
            total += SY[rows[j] * m + k] * of_S[rows[j]]
        of_S[k] = -total / SY[k * m + k]
    for k in rows:
        of_S[k] *= a[UNIT_S]
        of_Y[k] *= gamma * a[UNIT_Y]


@fragment
def add_block(S, Y, rows, a, gamma, first, g, p, hp):
    """Write the block of p that begins with component `first`.

    g and p are the parts of these vectors in the block; hp is workspace of equal length.
    """
    m, width, count = S.shape[0], g.size, rows.size
    of_S, of_Y = vector(a, m, OF_S), vector(a, m, OF_Y)
    given = a.size > size(m)
    scale(-gamma, g, hp if given else p)
    for i in range(0, count, 2):
        k, l = rows[i], rows[min(i + 1, count - 1)]
        y, z, d = row(Y, k, first, width), row(Y, l, first, width), of_Y[l] if l != k else 0.0
        if given:
            add(hp, of_Y[k], y, d, z)
        else:
            c = of_S[l] if l != k else 0.0
            add_pairs(p, of_S[k], row(S, k, first, width), of_Y[k], y, c, row(S, l, first, width), d, z)
    if given:
        multiply(part(a, size(m) + first, width), hp, p)
        for i in range(0, count, 2):
            k, l = rows[i], rows[min(i + 1, count - 1)]
            c = of_S[l] if l != k else 0.0
            add(p, of_S[k], row(S, k, first, width), c, row(S, l, first, width))


@fragment
def direct(S, Y, a, ring, g, p):
    """Write −H g to p; return the slope g·p."""
    m, n = S.shape[0], g.size
    gamma, rows, k = 1.0, rows_of(ring.count, ring.newest, m), ring.newest
    if ring.count > 0:
        if a[READY] == 0.0:
            renew_products(S, Y, a, rows, g)
        gamma = ring.gamma = gram(a, m, 0)[k * m + k] / gram(a, m, 1)[k * m + k]
        solve(a, rows, m, gamma)
    desk = isolated(BLOCK)
    slope = 0.0
    for first in range(0, n, BLOCK):
        width = min(BLOCK, n - first)
        g_part, p_part = part(g, first, width), part(p, first, width)
        add_block(S, Y, rows, a, gamma, first, g_part, p_part, part(desk, 0, width))
        slope += dot(g_part, p_part)
    return slope


@kernel
def direction(S, Y, a, ring, g, p):
    """Write −H g to p and return g·p, for pairs in double precision; see `direct`."""
    return direct(S, Y, a, ring[0], g, p)


@kernel
def update(S, Y, rho, a, ring, damping, x, g, p, alpha, g_new):
    """Move x and g and update the pairs, in double precision; see `learn_from`."""
    learn_from(S, Y, rho, a, ring[0], damping, x, g, p, alpha, g_new)


@kernel
def direction_single(S, Y, a, ring, g, p):
    """Write −H g to p and return g·p, for pairs in single precision; see `direct`.

    S and Y hold two single-precision numbers in the place of each double.
    """
    return direct(S.view(np.float32), Y.view(np.float32), a, ring[0], g, p)


@kernel
def update_single(S, Y, rho, a, ring, damping, x, g, p, alpha, g_new):
    """Move x and g and update the pairs, in single precision; see `learn_from`.

    S and Y hold two single-precision numbers in the place of each double.
    """
    learn_from(S.view(np.float32), Y.view(np.float32), rho, a, ring[0], damping, x, g, p, alpha, g_new)


_MATRIX, _VECTOR, _RING = types.float64[:, ::1], types.float64[::1], numba.from_dtype(RING)[::1]
_DIRECTION = types.float64(_MATRIX, _MATRIX, _VECTOR, _RING, _VECTOR, _VECTOR)
_UPDATE = types.void(
    *(_MATRIX, _MATRIX, _VECTOR, _VECTOR, _RING, types.int64),
    *(_VECTOR, _VECTOR, _VECTOR, types.float64, _VECTOR),
)

_enter_direction, _enter_direction_single = late(direction, _DIRECTION), late(direction_single, _DIRECTION)
_enter_update, _enter_update_single = late(update, _UPDATE), late(update_single, _UPDATE)


@entered
def direction_of_either(S, Y, a, ring, g, p, single):
    """Write −H g to p and return g·p, for pairs in single or double precision."""
    arguments = (S, Y, a, ring, g, p)
    return _enter_direction_single(arguments) if single else _enter_direction(arguments)


@entered
def update_of_either(S, Y, rho, a, ring, damping, x, g, p, alpha, g_new, single):
    """Move x and g and update the pairs, in single or double precision."""
    arguments = (S, Y, rho, a, ring, damping, x, g, p, alpha, g_new)
    if single:
        _enter_update_single(arguments)
    else:
        _enter_update(arguments)


enter_direction = late(direction_of_either, types.float64(*_DIRECTION.args, types.int64))
enter_update = late(update_of_either, types.void(*_UPDATE.args, types.int64))


def load(single):
    """Compile the kernels for pairs of this precision, or load them from the cache, in advance."""
    kernels = (_enter_direction_single, _enter_update_single) if single else (_enter_direction, _enter_update)
    for call in (enter_direction, enter_update, *kernels):
        call.load()
