"""BFGS: a dense estimate H of the inverse Hessian, read and written once an iteration.

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), eq. 6.17 (update), 6.20 (first scaling) and
Algorithm 6.1. Cost: one pass over n² doubles an iteration.

The update is delayed. Writing H⁺ = H − rho (v sᵀ + s vᵀ) + c s sᵀ with v = H y and c = rho (1 + rho y·v), the product
H⁺ g needs only s, v and H g; so one pass applies the *last* pair's update to a row and multiplies that row by the new
y and g while it is in the cache. Between iterations H therefore lacks the pair (s, v), which `settle` applies.
"""

from typing import NamedTuple

import numpy as np

from quasinewton.jit import fragment, kernel, reduction
from quasinewton.linalg import advance, dot, negate
from quasinewton.methods import method as protocol
from quasinewton.methods.method import gradient_step, learn_pair


class _Fields(NamedTuple):
    damping: int


class BFGS(_Fields):
    """BFGS with a dense inverse Hessian.

    Parameters
    ----------
    damping : bool
        Whether to damp pairs of too little curvature (Powell, 1978) rather than skip them.
    """

    __slots__ = ()

    def __new__(cls, damping=False):
        return super().__new__(cls, int(bool(damping)))


PENDING = np.dtype([("known", "i8"), ("pending", "i8"), ("given", "i8"), ("rho", "f8"), ("c", "f8")], align=True)


class InverseHessian(NamedTuple):
    """Memory: H, shape (n, n), less the pending update of (s, v) with the numbers in `update[0]`, a record PENDING.

    `Hg` is H g with every update applied, for the current g. `s_new`, `y` and `v_new` are workspace. `known` tells
    whether H holds anything, `given` whether the user gave it.
    """

    H: np.ndarray
    Hg: np.ndarray
    s: np.ndarray
    v: np.ndarray
    s_new: np.ndarray
    y: np.ndarray
    v_new: np.ndarray
    update: np.ndarray


@reduction
def update_row(row, a, s, b, v, y, g):
    """row += a s + b v, then (row·y, row·g), in one pass; `row` is overwritten."""
    ry = rg = 0.0
    for j in range(row.size):
        row[j] += a * s[j] + b * v[j]
        ry += row[j] * y[j]
        rg += row[j] * g[j]
    return ry, rg


@reduction
def multiply_row(row, y, g):
    """(row·y, row·g)."""
    ry = rg = 0.0
    for j in range(row.size):
        ry += row[j] * y[j]
        rg += row[j] * g[j]
    return ry, rg


@fragment
def update_and_multiply(memory, y, g, v, u):
    """Apply the pending update to H, and write v = H y and u = H g, in one pass over H."""
    pending = memory.update[0]
    rho, c = pending.rho, pending.c
    for i in range(g.size):
        if pending.pending:
            a = c * memory.s[i] - rho * memory.v[i]
            v[i], u[i] = update_row(memory.H[i], a, memory.s, -rho * memory.s[i], memory.v, y, g)
        else:
            v[i], u[i] = multiply_row(memory.H[i], y, g)
    pending.pending = 0


@kernel
def settle(memory):
    """Apply the pending update, and make H exactly symmetric."""
    H = memory.H
    update_and_multiply(memory, memory.y, memory.y, memory.v_new, memory.v_new)
    for i in range(H.shape[0]):
        for j in range(i):
            H[i, j] = H[j, i] = 0.5 * (H[i, j] + H[j, i])


@fragment
def set_identity(H, scale):
    """H = scale·I, overwritten."""
    for i in range(H.shape[0]):
        H[i].fill(0.0)
        H[i, i] = scale


@protocol.allocate.register(BFGS)
def _allocate(method, n):
    vectors = np.zeros((6, n))
    return InverseHessian(
        np.empty((n, n)), vectors[0], vectors[1], vectors[2], vectors[3], vectors[4], vectors[5], np.zeros(1, PENDING)
    )


@protocol.direction.register(BFGS)
def _direction(method, memory, hessian, x, g, p):
    state = memory.update[0]
    if state.given == 1:  # the first product with the user's H
        update_and_multiply(memory, g, g, memory.v_new, memory.Hg)
        state.given = 2
    negate(p, memory.Hg if state.known else g)
    slope = dot(g, p)
    return slope, 1.0 if state.known else gradient_step(slope)


@protocol.update.register(BFGS)
def _update(method, memory, x, g, p, alpha, g_new):
    state = memory.update[0]
    s, y, v = memory.s_new, memory.y, memory.v_new
    slope = dot(g, p)
    advance(x, g, p, alpha, g_new, s, y)
    fit, sy, yy = learn_pair(s, y, x, g, alpha, slope, method.damping)
    if not state.known:
        if not fit:
            return
        set_identity(memory.H, sy / yy)
        state.known = 1
    update_and_multiply(memory, y, g, v, memory.Hg)
    if not fit:
        return
    rho = 1.0 / sy
    c = rho * (1.0 + rho * dot(y, v))
    sg, vg = dot(s, g), dot(v, g)
    for i in range(g.size):
        memory.Hg[i] += (c * sg - rho * vg) * s[i] - rho * sg * v[i]
        memory.s[i] = s[i]
        memory.v[i] = v[i]
    state.rho, state.c, state.pending = rho, c, 1


@protocol.restart.register(BFGS)
def _restart(method, memory):
    state = memory.update[0]
    known = state.known != 0
    state.known = state.pending = state.given = 0
    return known
