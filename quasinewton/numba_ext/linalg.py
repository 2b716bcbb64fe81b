"""The words of linear algebra that the methods speak: fused vector loops, and LAPACK for dense
factorisations.

Vectors are float64, contiguous, of one length. BLAS is kept out of the vector loops: its threads
and its call overhead cost more than they give on the vectors of a quasi-Newton method, and change
the bits.
"""

import numpy as np
from numba import types
from numba.extending import get_cython_function_address, register_jitable

from quasinewton.numba_ext.jit import fragment, kernel, reduction
from quasinewton.numba_ext.symbols import c_function

# Vector code that writes one array and sums over others runs only if they start no closer than its
# registers reach, eight doubles times four; else scalar code does, which adds in another order.
# What such a loop writes is therefore kept clear of everything else: the same numbers then give the
# same bits wherever the heap puts the rest.
CLEARANCE = 64


@register_jitable
def isolated(size):
    """An uninitialised float64 vector, clear of all other arrays on either side."""
    return np.empty(CLEARANCE + size + CLEARANCE)[CLEARANCE : CLEARANCE + size]


@reduction
def dot(a, b):
    """a·b."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@reduction
def dots(s, y, x):
    """(s·y, y·y, s·s, x·x) in one pass."""
    sy = yy = ss = xx = 0.0
    for i in range(s.size):
        sy += s[i] * y[i]
        yy += y[i] * y[i]
        ss += s[i] * s[i]
        xx += x[i] * x[i]
    return sy, yy, ss, xx


@fragment
def negate(p, g):
    """p = −g. p is overwritten."""
    for i in range(p.size):
        p[i] = -g[i]


@fragment
def copy(a, b):
    """a = b. a is overwritten."""
    # A loop: the assignment a[:] = b compiles ten times as long, for the message it might have to
    # give.
    for i in range(a.size):
        a[i] = b[i]


@kernel
def fill(a, value):
    """a = value, everywhere. a is overwritten."""
    for i in range(a.size):
        a[i] = value


@fragment
def norm_inf(a):
    """max |a_i|; NaN if any entry is NaN."""
    # Four chains, since a single running maximum waits for itself; NaN is kept by adding zeros at
    # the end.
    r0 = r1 = r2 = r3 = 0.0
    nan = 0.0
    whole = a.size - a.size % 4
    for i in range(0, whole, 4):
        v0, v1, v2, v3 = abs(a[i]), abs(a[i + 1]), abs(a[i + 2]), abs(a[i + 3])
        r0 = v0 if v0 > r0 else r0
        r1 = v1 if v1 > r1 else r1
        r2 = v2 if v2 > r2 else r2
        r3 = v3 if v3 > r3 else r3
        nan += (v0 + v1) + (v2 + v3)
    for i in range(whole, a.size):
        v0 = abs(a[i])
        r0 = v0 if v0 > r0 else r0
        nan += v0
    return np.nan if np.isnan(nan) else max(max(r0, r1), max(r2, r3))


@fragment
def point_on_line(x, alpha, p, x_trial):
    """x_trial = x + alpha p, overwritten; whether it differs from x."""
    moved = False
    for i in range(x.size):
        x_trial[i] = x[i] + alpha * p[i]
        moved |= x_trial[i] != x[i]
    return moved


@fragment
def reach(x, p, sign, low, high):
    """The longest step along p, or along −p if the sign is −1, that stays between the bounds;
    infinite if all do.

    It is 1 at least where p was made to end between them.
    """
    longest = np.inf
    for i in range(x.size):
        way = sign * p[i]
        if way != 0.0:
            ratio = ((low[i] if way < 0.0 else high[i]) - x[i]) / way
            longest = ratio if ratio < longest else longest
    return longest


@fragment
def advance(x, g, p, alpha, g_new, s, y):
    """Move x to x + alpha p and g to g_new; write the step to s and the change of the gradient to
    y.

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
    """Move x to x + alpha p and g to g_new, both overwritten; for methods that learn nothing from
    the pair.
    """
    for i in range(x.size):
        x[i] = x[i] + alpha * p[i]
        g[i] = g_new[i]


def _lapack(name, arguments):
    """A LAPACK routine from SciPy as a function that compiled code calls by name, and so can be
    cached.
    """
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
        Whether `a` is positive definite; if not, its contents are spoilt.
    """
    sizes[0] = a.shape[0]
    order, info = sizes[:1].ctypes, sizes[2:].ctypes
    _dpotrf(UPPER.ctypes, order, a.ctypes, order, info)
    return sizes[2] == 0


@fragment
def cholesky_solve(a, b, sizes):
    """Overwrite b with the solution, given the factor that `cholesky` left in `a` (LAPACK's
    dpotrs).
    """
    sizes[0], sizes[1] = a.shape[0], 1
    order, columns, info = sizes[:1].ctypes, sizes[1:].ctypes, sizes[2:].ctypes
    _dpotrs(UPPER.ctypes, order, columns, a.ctypes, order, b.ctypes, order, info)


@fragment
def eigen(a, w):
    """Overwrite `a` with the eigenvectors of the symmetric matrix it holds, one a row, and w with
    its eigenvalues.

    By LAPACK's dsyev: ascending order.

    Returns
    -------
    bool
        Whether it converged.
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
    """Overwrite b with the solution of a·b = b for the *transposed* row-major `a`, spoilt (LAPACK's
    dgesv).

    LAPACK reads columns: a matrix whose row j is column j of the system is what it expects.

    Returns
    -------
    bool
        Whether the matrix is regular.
    """
    n = a.shape[0]
    sizes = np.array([n, 1, 0], dtype=np.int32)
    pivots = np.empty(n, dtype=np.int32)
    _dgesv(
        sizes.ctypes, sizes[1:].ctypes, a.ctypes, sizes.ctypes, pivots.ctypes, b.ctypes, sizes.ctypes, sizes[2:].ctypes
    )
    return sizes[2] == 0
