"""Linear algebra of the methods: fused vector loops, and LAPACK for dense factorisations.

Vectors are float64, contiguous, of one length. BLAS is not used for vector loops: its threads and
call overhead cost more than they gain on the vectors of a quasi-Newton method, and change the
rounding.
"""

import numpy as np
from numba import types
from numba.extending import get_cython_function_address, register_jitable

from quasinewton._numba_ext.jit import fragment, reduction
from quasinewton._numba_ext.symbols import c_function

# LLVM guards a loop that writes one array and sums over others by a run-time alias check: vector
# code runs only if the written array starts at least 32 doubles (four registers of eight) from the
# others; otherwise a scalar loop runs, which sums in another order. Written arrays are therefore
# padded by 64 doubles on both sides, so that results do not depend on heap addresses.
CLEARANCE = 64


@register_jitable
def isolated(size):
    """Return an uninitialised float64 vector, padded so that it is apart from all other arrays."""
    return np.empty(CLEARANCE + size + CLEARANCE)[CLEARANCE : CLEARANCE + size]


@reduction
def dot(a, b):
    """Return a·b."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@reduction
def dots(s, y, x):
    """Return (s·y, y·y, s·s, x·x), computed in one pass."""
    sy = yy = ss = xx = 0.0
    for i in range(s.size):
        sy += s[i] * y[i]
        yy += y[i] * y[i]
        ss += s[i] * s[i]
        xx += x[i] * x[i]
    return sy, yy, ss, xx


@fragment
def negate(p, g):
    """Compute p = −g; p is overwritten."""
    for i in range(p.size):
        p[i] = -g[i]


@fragment
def copy(a, b):
    """Compute a = b; a is overwritten."""
    # A loop compiles ten times faster than a[:] = b, whose error message is expensive to compile.
    for i in range(a.size):
        a[i] = b[i]


@fragment
def norm_inf(a):
    """Return max |a_i|; NaN if any component is NaN."""
    # Four independent maxima avoid the latency of a single one. A maximum drops NaN, so NaN is
    # detected by a sum of the absolute values.
    r0 = r1 = r2 = r3 = 0.0
    nan = 0.0
    whole = a.size - a.size % 4
    for i in range(0, whole, 4):
        v0, v1, v2, v3 = abs(a[i]), abs(a[i + 1]), abs(a[i + 2]), abs(a[i + 3])
        r0 = max(r0, v0)
        r1 = max(r1, v1)
        r2 = max(r2, v2)
        r3 = max(r3, v3)
        nan += (v0 + v1) + (v2 + v3)
    for i in range(whole, a.size):
        v0 = abs(a[i])
        r0 = max(r0, v0)
        nan += v0
    return np.nan if np.isnan(nan) else max(max(r0, r1), max(r2, r3))


@fragment
def point_on_line(x, alpha, p, x_trial):
    """Compute x_trial = x + alpha p, overwritten; return True if it differs from x."""
    moved = False
    for i in range(x.size):
        x_trial[i] = x[i] + alpha * p[i]
        moved |= x_trial[i] != x[i]
    return moved


@fragment
def reach(x, p, sign, low, high):
    """Return the largest feasible step along p, or along −p if `sign` is −1; infinite if unbounded.

    It is at least 1 if x + p was constructed to lie between the bounds.
    """
    longest = np.inf
    for i in range(x.size):
        way = sign * p[i]
        if way != 0.0:
            ratio = ((low[i] if way < 0.0 else high[i]) - x[i]) / way
            longest = min(longest, ratio)
    return longest


@fragment
def advance(x, g, p, alpha, g_new, s, y):
    """Move x to x + alpha p and g to g_new; write the curvature pair to s and y.

    s is the step and y the change of the gradient.

    x + alpha p is computed as in `point_on_line`, to the bit; x, g, s and y are overwritten.
    """
    for i in range(x.size):
        x_new = x[i] + alpha * p[i]
        s[i] = x_new - x[i]
        x[i] = x_new
        y[i] = g_new[i] - g[i]
        g[i] = g_new[i]


@fragment
def move(x, g, p, alpha, g_new):
    """Move x to x + alpha p and g to g_new, both overwritten.

    This is for methods that do not use the curvature pair.
    """
    for i in range(x.size):
        x[i] = x[i] + alpha * p[i]
        g[i] = g_new[i]


def _lapack(name, arguments):
    """Return a LAPACK routine of SciPy as a function that cacheable compiled code calls by name."""
    kinds = {"i": types.CPointer(types.int32), "d": types.CPointer(types.float64), "c": types.CPointer(types.uint8)}
    address = get_cython_function_address("scipy.linalg.cython_lapack", name)
    return c_function("quasinewton_" + name, address, types.void(*(kinds[letter] for letter in arguments)))


_dpotrf = _lapack("dpotrf", "cidii")
_dpotrs = _lapack("dpotrs", "ciididii")
_dsyev = _lapack("dsyev", "ccididdii")
_dgesv = _lapack("dgesv", "iidiidii")


UPPER = np.frombuffer(b"U", dtype=np.uint8)


@fragment
def cholesky(a, sizes):
    """Factor the symmetric matrix `a` in place by LAPACK's dpotrf.

    `sizes` is workspace for the integers that LAPACK takes by address: int32, shape (3,).

    Returns
    -------
    bool
        True if `a` is positive definite; otherwise its contents are undefined.
    """
    sizes[0] = a.shape[0]
    order, info = sizes[:1].ctypes, sizes[2:].ctypes
    _dpotrf(UPPER.ctypes, order, a.ctypes, order, info)
    return sizes[2] == 0


@fragment
def cholesky_solve(a, b, sizes):
    """Overwrite b with the solution of the system whose factor `cholesky` left in `a`.

    By LAPACK's dpotrs; `sizes` is workspace, int32, shape (3,).
    """
    sizes[0], sizes[1] = a.shape[0], 1
    order, columns, info = sizes[:1].ctypes, sizes[1:].ctypes, sizes[2:].ctypes
    _dpotrs(UPPER.ctypes, order, columns, a.ctypes, order, b.ctypes, order, info)


@fragment
def eigen(a, w):
    """Overwrite `a`, symmetric, with its eigenvectors as rows, and w with its eigenvalues.

    By LAPACK's dsyev, in ascending order.

    Returns
    -------
    bool
        True if it converged.
    """
    n = a.shape[0]
    sizes = np.array([n, 34 * n, 0], dtype=np.int32)
    work = np.empty(34 * n)
    letters = np.array([ord("V"), ord("U")], dtype=np.uint8)
    order, length, info = sizes[:1].ctypes, sizes[1:].ctypes, sizes[2:].ctypes
    _dsyev(letters[:1].ctypes, letters[1:].ctypes, order, a.ctypes, order, w.ctypes, work.ctypes, length, info)
    return sizes[2] == 0


@fragment
def solve(a, b):
    """Overwrite b with the solution of a linear system by LAPACK's dgesv; `a` is overwritten.

    `a` is the *transposed* matrix of the system, row-major.

    LAPACK reads columns, so row j of `a` must hold column j of the system.

    Returns
    -------
    bool
        True if the matrix is regular.
    """
    n = a.shape[0]
    sizes = np.array([n, 1, 0], dtype=np.int32)
    pivots = np.empty(n, dtype=np.int32)
    _dgesv(
        sizes.ctypes, sizes[1:].ctypes, a.ctypes, sizes.ctypes, pivots.ctypes, b.ctypes, sizes.ctypes, sizes[2:].ctypes
    )
    return sizes[2] == 0
