"""L-BFGS by the compact form of H: 4 m n numbers are read an iteration, where two loops read 8 m n.

With the pairs in the rows of S and Y, oldest first, R the upper triangle of S Yᵀ and D its diagonal,

    H g = γ H₀ (g − Yᵀa) + Sᵀb,   R a = S g,   Rᵀb = D a + γ (Y H₀ Yᵀ a − Y H₀ g)

(Byrd, Nocedal & Schnabel, Math. Prog. 63 (1994) 129–156, eq. 2.6 and theorem 2.2). One pass in blocks moves x and g,
writes the new pair, and multiplies all pairs by g and by the new y; after O(m²) work another one writes p. Every
product is summed anew: differences of older ones would cancel.

It serves many variables, a given diagonal H₀, and pairs in single precision, which are kept in units of their own since
their range is short. Sums are in double precision always.
"""

import math

import numba
import numpy as np
from numba.core import types
from numba.extending import register_jitable

from quasinewton.jit import fragment, kernel, reduction
from quasinewton.linalg import advance, dot, dots, isolated, norm_inf
from quasinewton.methods.late import late
from quasinewton.methods.method import EPSILON, is_fit

RING = np.dtype([("count", "i8"), ("newest", "i8"), ("gamma", "f8")], align=True)

BLOCK = 1024  # numbers of a vector at a time: what is used again of a block stays in the first cache

# The workspace `a`: a head, the matrices S Yᵀ and Y H₀ Yᵀ, VECTORS vectors of length m, and H₀ if it was given.
READY = 0  # whether the products with g are those with the current one
UNIT_S, UNIT_Y = 1, 2  # powers of two: what 1 means in S and in Y
HEAD = 3
VECTORS = 6  # S g, Y H₀ g, S y, Y H₀ y, and what p takes of S and of Y
LARGEST = 1000  # exponent of a unit

SINGLE = np.finfo(np.float32).eps


@register_jitable
def size(m):
    """Length of the workspace for m pairs, without H₀; that of the two loops is m."""
    return HEAD + 2 * m * m + VECTORS * m


@fragment
def parts(a, m):
    """S Yᵀ and Y H₀ Yᵀ, shape (m, m); the vectors, shape (VECTORS, m); and H₀, of length n or 0."""
    square = m * m
    first, second, third = HEAD + square, HEAD + 2 * square, size(m)
    return a[HEAD:first].reshape(m, m), a[first:second].reshape(m, m), a[second:third].reshape(VECTORS, m), a[third:]


def forget_products(a, m):
    """Let the next direction multiply the pairs by its gradient: it may be another than the last step led to."""
    if a.size > m:
        a[READY] = 0.0


@fragment
def rows_of(count, newest, m):
    """The rows of the last `count` pairs, oldest first."""
    rows = np.empty(count, np.int64)
    for i in range(count):
        rows[i] = (newest + m + 1 - count + i) % m
    return rows


@fragment
def unit(largest):
    """The power of two next to the largest component of a vector; 1 for 0."""
    exponent = math.frexp(largest)[1] if 0.0 < largest < np.inf else 0
    return math.ldexp(1.0, min(max(exponent, -LARGEST), LARGEST))


@fragment
def scale(c, a, b):
    """b = c a. b is overwritten."""
    for i in range(a.size):
        b[i] = c * a[i]


@fragment
def multiply(h, a, b):
    """b = h a, component by component. b is overwritten."""
    for i in range(a.size):
        b[i] = h[i] * a[i]


@fragment
def add(p, c, s, d, t):
    """p += c s + d t. p is overwritten."""
    for i in range(p.size):
        p[i] += c * s[i] + d * t[i]


@fragment
def add_pairs(p, b, s, c, y, d, t, e, z):
    """p += b s + c y + d t + e z. p is overwritten."""
    for i in range(p.size):
        p[i] += (b * s[i] + c * y[i]) + (d * t[i] + e * z[i])


@reduction
def eight_dots(s, y, t, z, g, d, hg, hd):
    """The products of s and t with g and d, and of y and z with hg and hd, in one pass."""
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


@fragment
def multiply_block(S, Y, rows, H0, vectors, first, last, g, y, hg, hy):
    """Add to the products of all pairs with g and y what their components from `first` to `last` contribute.

    g and y hold these components; hg and hy are workspace as long. Two pairs at a time, since four streams come faster
    from memory than one; an odd one is its own partner.
    """
    if H0.size > 0:
        multiply(H0[first:last], g, hg)
        multiply(H0[first:last], y, hy)
    else:
        hg, hy = g, y
    for i in range(0, rows.size, 2):
        k, l = rows[i], rows[min(i + 1, rows.size - 1)]
        dots = eight_dots(S[k, first:last], Y[k, first:last], S[l, first:last], Y[l, first:last], g, y, hg, hy)
        vectors[0, k] += dots[0]
        vectors[1, k] += dots[2]
        vectors[2, k] += dots[1]
        vectors[3, k] += dots[3]
        if l != k:
            vectors[0, l] += dots[4]
            vectors[1, l] += dots[6]
            vectors[2, l] += dots[5]
            vectors[3, l] += dots[7]


@fragment
def begin_products(vectors):
    """Zero the sums that `multiply_block` adds to."""
    for j in range(4):
        for i in range(vectors.shape[1]):
            vectors[j, i] = 0.0


@fragment
def keep_products(a, rows, m):
    """Take the sums into true units, and those of the newest pair, the last of the rows, into the matrices."""
    SY, YY, vectors, _ = parts(a, m)
    s_unit, y_unit, k = a[UNIT_S], a[UNIT_Y], rows[-1]
    for i in rows:
        vectors[0, i] *= s_unit
        vectors[1, i] *= y_unit
        SY[i, k] = vectors[2, i] * s_unit * y_unit
        YY[i, k] = YY[k, i] = vectors[3, i] * y_unit * y_unit
    a[READY] = 1.0


@fragment
def renew_products(S, Y, a, rows, m, g):
    """Multiply all pairs by g and by the newest y."""
    n = g.size
    _, _, vectors, H0 = parts(a, m)
    newest = Y[rows[-1]]
    y, hg, hy = isolated(BLOCK), isolated(BLOCK), isolated(BLOCK)
    begin_products(vectors)
    for first in range(0, n, BLOCK):
        last = min(first + BLOCK, n)
        width = last - first
        scale(1.0, newest[first:last], y[:width])
        multiply_block(S, Y, rows, H0, vectors, first, last, g[first:last], y[:width], hg[:width], hy[:width])
    keep_products(a, rows, m)


@fragment
def damp(y, theta, c, g, y_unit):
    """y <- θ y − c (g − y), the old gradient being g − y; y is overwritten."""
    for i in range(y.size):
        old = g[i] - y_unit * y[i]
        y[i] = theta * y[i] - c * old / y_unit


@fragment
def learn_from(S, Y, rho, a, ring, damping, x, g, p, alpha, g_new):
    """Move x and g, write the pair, judge it as `method.learn_pair` does, and multiply all pairs by g and y.

    Return ‖g‖_∞.
    """
    m, n = rho.size, x.size
    _, _, vectors, H0 = parts(a, m)
    single = S.itemsize < 8
    if ring.count == 0:
        a[UNIT_S] = unit(abs(alpha) * norm_inf(p)) if single else 1.0
        a[UNIT_Y] = unit(norm_inf(g)) if single else 1.0
    s_unit, y_unit = a[UNIT_S], a[UNIT_Y]
    # The row after the newest is free, or holds the oldest pair, which goes first.
    k = ring.newest + 1
    if k == m or ring.count == 0:
        k = 0
    rows = rows_of(min(ring.count + 1, m), k, m)
    s, y, hg, hy = isolated(BLOCK), isolated(BLOCK), isolated(BLOCK), isolated(BLOCK)
    slope = sy = yy = ss = xx = gg = g_norm = 0.0
    begin_products(vectors)
    for first in range(0, n, BLOCK):
        last = min(first + BLOCK, n)
        width = last - first
        x_part, g_part, p_part, s_part, y_part = x[first:last], g[first:last], p[first:last], s[:width], y[:width]
        s_row, y_row = S[k, first:last], Y[k, first:last]
        slope += dot(g_part, p_part)
        advance(x_part, g_part, p_part, alpha, g_new[first:last], s_part, y_part)
        scale(1.0 / s_unit, s_part, s_row)
        scale(1.0 / y_unit, y_part, y_row)
        if single:
            scale(1.0, y_row, y_part)  # as it was rounded
        sums = dots(s_row, y_part, x_part)
        sy, yy, ss, xx = sy + sums[0], yy + sums[1], ss + sums[2], xx + sums[3]
        gg += dot(g_part, g_part)
        g_norm = max(g_norm, norm_inf(g_part))
        multiply_block(S, Y, rows, H0, vectors, first, last, g_part, y_part, hg[:width], hy[:width])
    keep_products(a, rows, m)
    sy, yy, ss = sy * s_unit * y_unit, yy * y_unit * y_unit, ss * s_unit * s_unit
    curvature = -alpha * slope * alpha  # s·B s
    if damping and sy < 0.2 * curvature:
        theta = 0.8 * curvature / (curvature - sy)
        damp(Y[k], theta, (1.0 - theta) * alpha, g, y_unit)
        sums = dots(S[k], Y[k], g)
        sy, yy = sums[0] * s_unit * y_unit, sums[1] * y_unit * y_unit
        a[READY] = 0.0
    if is_fit(sy, yy, ss, xx, gg, alpha, slope, SINGLE if single else EPSILON):
        rho[k] = 1.0 / sy
        ring.newest = k
        ring.count = min(ring.count + 1, m)
    elif ring.count == m:
        ring.count = m - 1  # the oldest pair has been overwritten
    return g_norm


@fragment
def solve(SY, YY, vectors, rows, gamma):
    """Write to the last two vectors what p takes of the rows of S and of Y: −b and γ a."""
    Sg, Yg, b, c = vectors[0], vectors[1], vectors[4], vectors[5]
    count = rows.size
    for i in range(count - 1, -1, -1):
        r = rows[i]
        total = Sg[r]
        for j in range(i + 1, count):
            total -= SY[r, rows[j]] * c[rows[j]]
        c[r] = total / SY[r, r]
    for i in range(count):
        r = rows[i]
        total = 0.0
        for j in range(count):
            total += YY[r, rows[j]] * c[rows[j]]
        total = SY[r, r] * c[r] + gamma * (total - Yg[r])
        for j in range(i):
            total += SY[rows[j], r] * b[rows[j]]
        b[r] = -total / SY[r, r]
    for r in rows:
        c[r] *= gamma


@fragment
def add_block(S, Y, rows, H0, vectors, gamma, first, last, g, p, part):
    """Write the components of p from `first` to `last`; g holds these of the gradient, `part` is workspace."""
    b, c, count = vectors[4], vectors[5], rows.size
    if H0.size == 0:
        scale(-gamma, g, p)
        for i in range(0, count, 2):
            k, l = rows[i], rows[min(i + 1, count - 1)]
            once = 1.0 if l != k else 0.0
            s, y, t, z = S[k, first:last], Y[k, first:last], S[l, first:last], Y[l, first:last]
            add_pairs(p, b[k], s, c[k], y, once * b[l], t, once * c[l], z)
        return
    scale(-gamma, g, part)
    for i in range(0, count, 2):
        k, l = rows[i], rows[min(i + 1, count - 1)]
        add(part, c[k], Y[k, first:last], (c[l] if l != k else 0.0), Y[l, first:last])
    multiply(H0[first:last], part, p)
    for i in range(0, count, 2):
        k, l = rows[i], rows[min(i + 1, count - 1)]
        add(p, b[k], S[k, first:last], (b[l] if l != k else 0.0), S[l, first:last])


@fragment
def direct(S, Y, rho, a, ring, g, p):
    """Write −H g to p; return the slope g·p and the largest component of p."""
    m, n = rho.size, g.size
    SY, YY, vectors, H0 = parts(a, m)
    gamma, rows = 1.0, rows_of(ring.count, ring.newest, m)
    if ring.count > 0:
        if a[READY] == 0.0:
            renew_products(S, Y, a, rows, m, g)
        k = ring.newest
        gamma = ring.gamma = SY[k, k] / YY[k, k]
        solve(SY, YY, vectors, rows, gamma)
        for i in rows:
            vectors[4, i] *= a[UNIT_S]
            vectors[5, i] *= a[UNIT_Y]
    part = isolated(BLOCK)
    slope = 0.0
    for first in range(0, n, BLOCK):
        last = min(first + BLOCK, n)
        add_block(S, Y, rows, H0, vectors, gamma, first, last, g[first:last], p[first:last], part[: last - first])
        slope += dot(g[first:last], p[first:last])
    return slope


@kernel
def direction(S, Y, rho, a, ring, g, p):
    """`direct`, for pairs in double precision."""
    return direct(S, Y, rho, a, ring[0], g, p)


@kernel
def update(S, Y, rho, a, ring, damping, x, g, p, alpha, g_new):
    """`learn_from`, for pairs in double precision."""
    return learn_from(S, Y, rho, a, ring[0], damping, x, g, p, alpha, g_new)


@kernel
def direction_single(S, Y, rho, a, ring, g, p):
    """`direct`, for pairs in single precision, two in the place of a double."""
    return direct(S.view(np.float32), Y.view(np.float32), rho, a, ring[0], g, p)


@kernel
def update_single(S, Y, rho, a, ring, damping, x, g, p, alpha, g_new):
    """`learn_from`, for pairs in single precision, two in the place of a double."""
    return learn_from(S.view(np.float32), Y.view(np.float32), rho, a, ring[0], damping, x, g, p, alpha, g_new)


_MATRIX, _VECTOR, _RING = types.float64[:, ::1], types.float64[::1], numba.from_dtype(RING)[::1]
_MEMORY = (_MATRIX, _MATRIX, _VECTOR, _VECTOR, _RING)
_DIRECTION = types.float64(*_MEMORY, _VECTOR, _VECTOR)
_UPDATE = types.float64(*_MEMORY, types.int64, _VECTOR, _VECTOR, _VECTOR, types.float64, _VECTOR)

enter_direction, enter_direction_single = late(direction, _DIRECTION), late(direction_single, _DIRECTION)
enter_update, enter_update_single = late(update, _UPDATE), late(update_single, _UPDATE)


def load(single):
    """Compile, or load from the cache, the kernels for pairs of this precision: sooner than when they are needed."""
    for call in (enter_direction_single, enter_update_single) if single else (enter_direction, enter_update):
        call.load()
