"""L-BFGS: products with the inverse Hessian of the last m curvature pairs, which is never formed.

Source: J. Nocedal, Math. Comp. 35 (1980) 773–782; Nocedal & Wright, Numerical Optimization, 2nd ed.
(2006), Algorithms 7.4 (two loops) and 7.5. Cost: 4 m n multiplications and (2m + O(1)) n doubles.

The pairs are stored in a ring; see `curvature_pairs`. The two-loop recursion multiplies by H. If
the pairs exceed the cache, are in single precision, or come with a diagonal H₀ supplied by the
user, `compact_inverse` is used instead.
"""

from typing import NamedTuple

import numpy as np

from quasinewton.methods import protocol
from quasinewton.methods.curvature_pairs import (
    COMPACT,
    COMPACT_GIVEN,
    RING,
    TWO_LOOPS,
    keep_pair,
    learn_pair,
    next_row,
)
from quasinewton.methods.lbfgs import compact_inverse
from quasinewton.methods.protocol import gradient_step
from quasinewton.numba_ext.arrays import part
from quasinewton.numba_ext.jit import reduction
from quasinewton.numba_ext.linalg import advance, dot, negate, norm_inf
from quasinewton.validation import count

# Number of variables from which on the two-loop recursion is slower than the compact form, measured
# for 5 to 20 pairs. The recursion reads the pairs twice as often, but sequentially and with little
# other work, so below this number the caches supply them fast enough.
MANY = 2**16


class _Fields(NamedTuple):
    memory: int
    damping: int
    single: int


class LBFGS(_Fields):
    """Limited-memory BFGS.

    Parameters
    ----------
    memory : int
        Number of curvature pairs m, SciPy's `maxcor`; 5 to 20 suffice for most problems.
    damping : bool
        Whether to damp pairs of too little curvature (Powell, 1978) rather than skip them.
    single : bool
        Whether to keep the pairs in single precision: half the memory, and less time for very many
        variables. All sums are in double precision.
    """

    __slots__ = ()

    def __new__(cls, memory=10, damping=False, single=False):
        return super().__new__(cls, count("memory", memory, 1), int(bool(damping)), int(bool(single)))


class Pairs(NamedTuple):
    """Memory of L-BFGS: the curvature pairs.

    The rows of `S` and `Y`, shape (m, n), are the steps s = x[k+1] − x[k] and the gradient changes
    y = g[k+1] − g[k]; `rho`, shape (m,), holds 1/(s·y). In single precision a row stores its n
    numbers in the place of n/2 doubles, rounded up. `a` is workspace: of shape (m,) for the
    two-loop recursion, longer for the compact form. `ring[0]` is a record RING, whose gamma =
    s·y/y·H₀y of the newest pair scales H₀.
    """

    S: np.ndarray
    Y: np.ndarray
    rho: np.ndarray
    a: np.ndarray
    ring: np.ndarray


@protocol.allocate.register(LBFGS)
def _allocate(method, n):
    m, ring = method.memory, np.zeros(1, RING)
    width = (n + 1) // 2 if method.single else n
    length = m
    if method.single or n >= MANY:
        ring[0]["form"], length = COMPACT, compact_inverse.size(m)
    return Pairs(np.empty((m, width)), np.empty((m, width)), np.empty(m), np.empty(length), ring)


def with_room(pairs, n):
    """Return the memory of a fresh run with room for a diagonal H₀ supplied by the user.

    H₀ is the last n numbers of the workspace, which the caller fills.
    """
    pairs.ring[0]["form"] = COMPACT_GIVEN
    return pairs._replace(a=np.empty(compact_inverse.size(pairs.rho.size) + n))


@protocol.direction.register(LBFGS)
def _direction(method, memory, hessian, x, g, p):
    ring = memory.ring[0]
    if ring.count == 0 and ring.form != COMPACT_GIVEN:
        negate(p, g)
        slope = dot(g, p)
        return slope, gradient_step(slope, x)
    if ring.form == TWO_LOOPS:
        return two_loop(memory.S, memory.Y, memory.rho, memory.a, ring.count, ring.newest, ring.gamma, g, p), 1.0
    arguments = (memory.S, memory.Y, memory.a, memory.ring, g, p, method.single)
    return compact_inverse.enter_direction(arguments), 1.0


@reduction
def two_loop(S, Y, rho, a, count, newest, gamma, g, p):
    """Write −H g to p by the two-loop recursion over `count` pairs, and return g·p.

    Source: Nocedal & Wright (2006), Algorithm 7.4. Each pass over p adds one vector and multiplies
    by the next, so that p is read and written once per pair and loop. p and a are overwritten.
    """
    m, n = S.shape
    k = newest
    product = 0.0
    for i in range(n):
        p[i] = -g[i]
        product += S[k, i] * p[i]
    for _ in range(count - 1):  # newest to oldest
        c = a[k] = rho[k] * product
        older = k - 1 if k > 0 else m - 1
        product = 0.0
        for i in range(n):
            value = p[i] - c * Y[k, i]
            p[i] = value
            product += S[older, i] * value
        k = older
    c = a[k] = rho[k] * product
    product = 0.0
    for i in range(n):
        value = gamma * (p[i] - c * Y[k, i])
        p[i] = value
        product += Y[k, i] * value
    for _ in range(count - 1):  # oldest to newest
        c = a[k] - rho[k] * product
        newer = k + 1 if k < m - 1 else 0
        product = 0.0
        for i in range(n):
            value = p[i] + c * S[k, i]
            p[i] = value
            product += Y[newer, i] * value
        k = newer
    c = a[k] - rho[k] * product
    product = 0.0
    for i in range(n):
        value = p[i] + c * S[k, i]
        p[i] = value
        product += g[i] * value
    return product


@protocol.update.register(LBFGS)
def _update(method, memory, x, g, p, alpha, g_new):
    ring = memory.ring[0]
    if ring.form != TWO_LOOPS:
        pairs = (memory.S, memory.Y, memory.rho, memory.a, memory.ring)
        compact_inverse.enter_update((*pairs, method.damping, x, g, p, alpha, g_new, method.single))
        return
    slope = dot(g, p)
    k, n = next_row(ring, memory.rho.size), x.size
    s, y = part(memory.S, k * n, n), part(memory.Y, k * n, n)
    advance(x, g, p, alpha, g_new, s, y)
    fit, sy, yy, _ = learn_pair(s, y, x, g, alpha, slope, method.damping)
    keep_pair(memory.rho, ring, k, fit, sy)
    if fit:
        ring.gamma = sy / yy


@protocol.measured.register(LBFGS)
def _measured(method, memory, x, g):
    return norm_inf(g) if memory.ring[0].form == TWO_LOOPS else compact_inverse.norm_of(memory.a)


@protocol.replaced.register(LBFGS)
def _replaced(method, memory):
    compact_inverse.forget_products(memory.a, memory.ring[0])


@protocol.restart.register(LBFGS)
def _restart(method, memory):
    known = memory.ring[0].count > 0
    memory.ring[0].count = 0
    return known
