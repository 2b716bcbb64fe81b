"""L-BFGS: products with the inverse Hessian of the last m curvature pairs, which is never formed.

Source: J. Nocedal, Math. Comp. 35 (1980) 773–782; Nocedal & Wright, Numerical Optimization, 2nd ed.
(2006), Algorithms 7.4 (two loops) and 7.5. Cost: 4 m n multiplications and (2m + O(1)) n doubles.

The pairs are stored in a ring; see `curvature_pairs`. The two-loop recursion multiplies by H. If
the pairs exceed the cache, are in single precision, or come with a diagonal H₀ supplied by the
user, `compact_inverse` is used instead.
"""

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from quasinewton._methods import protocol
from quasinewton._methods.curvature_pairs import (
    COMPACT,
    COMPACT_GIVEN,
    RING,
    TWO_LOOPS,
    keep_pair,
    learn_pair,
    next_row,
)
from quasinewton._methods.lbfgs import compact_inverse
from quasinewton._methods.lbfgs.fitted_gamma import fitted_gamma
from quasinewton._methods.protocol import gradient_step
from quasinewton._methods.unexplored import leave_span, span
from quasinewton._numba_ext.arrays import part
from quasinewton._numba_ext.jit import reduction
from quasinewton._numba_ext.linalg import advance, dot, negate, norm_inf
from quasinewton._validation import count, true_or_false

# Number of variables from which on the two-loop recursion is slower than the compact form, measured
# for 5 to 20 pairs. The recursion reads the pairs twice as often, but sequentially and with little
# other work, so below this number the caches supply them fast enough.
MANY = 2**16

# Number of variables up to which L-BFGS keeps more pairs, unless their number is given, and fits γ
# to them while none is forgotten. Measured from 2 to 1200 variables, this saves 5 to 15 % of the
# evaluations. Up to here it takes some microseconds an iteration.
FEW = 1000
USUAL = 10  # number of pairs for more than FEW variables, and between bounds
# Up to FEW variables: largest number of pairs, and their number a variable. Twice as many as there
# are variables save 8 % of the evaluations, but an iteration takes two to five times as long.
MOST, PER_VARIABLE = 20, 5


class _Fields(NamedTuple):
    memory: int
    damping: int
    single: int


class LBFGS(_Fields):
    """Limited-memory BFGS.

    Parameters
    ----------
    memory : int or None
        Number of curvature pairs m, SciPy's `maxcor`; 5 to 20 suffice for most problems. None is
        5 n, at least 10 and at most 20, up to 1000 variables without bounds, and 10 otherwise.
    damping : bool
        True to damp pairs of too little curvature (Powell, 1978) rather than skip them.
    single : bool
        True to keep the pairs in single precision: half the memory, and less time for very many
        variables. All sums are in double precision.
    """

    __slots__ = ()

    def __new__(cls, memory: int | None = None, damping: bool = False, single: bool = False) -> "LBFGS":
        pairs = 0 if memory is None else count("memory", memory, 1)  # compiled code has no None
        damping, single = true_or_false("damping", damping), true_or_false("single", single)
        return super().__new__(cls, pairs, int(damping), int(single))

    def _asdict(self):
        return super()._asdict() | {"memory": self.memory or None}

    def __repr__(self):
        return f"LBFGS({', '.join(f'{name}={value}' for name, value in self._asdict().items())})"


class Pairs(NamedTuple):
    """Memory of L-BFGS: the curvature pairs.

    The rows of `S` and `Y`, shape (m, n), are the steps s = x[k+1] − x[k] and the gradient changes
    y = g[k+1] − g[k]; `rho`, shape (m,), holds 1/(s·y). In single precision a row stores its n
    numbers in the place of n/2 doubles, rounded up. `a` is workspace: of shape (m,) for the
    two-loop recursion, longer for the compact form. `ring[0]` is a record RING, whose gamma =
    s·y/y·H₀y of the newest pair scales H₀, or what `fitted_gamma` returns. `work`, shape (2, n), or
    (2, 0) where γ is not fitted, is workspace.
    """

    S: np.ndarray
    Y: np.ndarray
    rho: np.ndarray
    a: np.ndarray
    ring: np.ndarray
    work: np.ndarray


@protocol.allocate.register(LBFGS)
def _allocate(method, n):
    return memory_for(method, n, pairs_kept(method, n, FEW))


@register_jitable
def pairs_kept(method, n, few):
    """Return the number of pairs that a method keeps; by default more up to `few` variables."""
    if method.memory > 0:
        return method.memory
    return min(max(USUAL, PER_VARIABLE * n), MOST) if n <= few else USUAL


@register_jitable
def memory_for(method, n, m):
    """Return the memory of a fresh run with m pairs."""
    ring = np.zeros(1, RING)
    width = (n + 1) // 2 if method.single else n
    length = m
    if method.single or n >= MANY:
        ring[0]["form"], length = COMPACT, compact_inverse.size(m)
    fitting = ring[0]["form"] == TWO_LOOPS and n <= FEW
    work = np.empty((2, n if fitting else 0))
    return Pairs(np.empty((m, width)), np.empty((m, width)), np.empty(m), np.empty(length), ring, work)


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

    Source: Nocedal & Wright (2006), Algorithm 7.4, where p is q, and r in the second loop, a[k] is
    α_k, and c is α_k, later α_k − β. Each pass over p adds one vector and multiplies by the next,
    so that p is read and written once per pair and loop.

    Parameters
    ----------
    S, Y : ndarray, float64, shape (m, n)
        The ring of pairs; see `curvature_pairs`.
    rho, a : ndarray, float64, shape (m,)
        1/s·y of the pairs; workspace, overwritten.
    count, newest : int
        Number of pairs, at least 1, and the row of the newest.
    gamma : float
        H₀ = gamma I.
    g, p : ndarray, float64, shape (n,)
        Gradient; direction, overwritten.

    Returns
    -------
    float
        The slope g·p.
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
    if fit:
        m, pairs = memory.rho.size, (memory.S, memory.Y, memory.rho, memory.a)
        # If the rows of the pairs are the first `count` of less than m, none has been overwritten.
        if memory.work.size > 0 and 0 < ring.count < m and ring.newest + 1 == ring.count:
            ring.gamma = fitted_gamma(*pairs, ring.count, ring.newest, k, ring.gamma, memory.work)
        else:
            ring.gamma = sy / yy
    keep_pair(memory.rho, ring, k, fit, sy)


@protocol.measured.register(LBFGS)
def _measured(method, memory, x, g):
    return norm_inf(g) if memory.ring[0].form == TWO_LOOPS else compact_inverse.norm_of(memory.a)


@protocol.replaced.register(LBFGS)
def _replaced(method, memory):
    compact_inverse.forget_products(memory.a, memory.ring[0])


@protocol.unexplored.register(LBFGS)
def _unexplored(method, memory, x, g, p):
    ring, m = memory.ring[0], memory.rho.size
    if memory.work.size == 0:
        return 0  # there are many variables
    rows = compact_inverse.rows_of(ring.count, ring.newest, m)
    basis = np.empty((ring.count, p.size))
    return leave_span(basis, span(memory.S, rows, basis, p), ring.count, p)


@protocol.restart.register(LBFGS)
def _restart(method, memory):
    known = memory.ring[0].count > 0
    memory.ring[0].count = 0
    return known
