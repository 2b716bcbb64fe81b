"""BFGS with a dense estimate H of the inverse Hessian.

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), eq. 6.17 (update) and Algorithm
6.1. Cost: each iteration reads and writes one triangle of H, once. Until KEPT pairs are known, H is
not formed: see `first_pairs`, which also has the source of the first scaling.

The update is delayed. Let H⁺ = H − rho (v sᵀ + s vᵀ) + c s sᵀ with v = H y and c = rho (1 + rho
y·v). The product H⁺ g needs only s, v and H g, and v = H g_new − H g, where both terms are known.
One pass therefore applies the update of the *last* pair to a row and multiplies that row by the new
g while it is in the cache. H is symmetric, and the pass reads and writes its lower triangle only.
Between iterations H therefore lacks its upper triangle and the update of the pair (s, v), which
`settle` adds.
"""

from typing import NamedTuple

import numba
import numpy as np
from numba import types

from quasinewton._methods import lifecycle, protocol
from quasinewton._methods.curvature_pairs import learn_pair
from quasinewton._methods.first_pairs import KEPT, fitted_scale, leaves_span, split_product
from quasinewton._methods.initial_matrix import check_matrix, given_matrix
from quasinewton._methods.protocol import gradient_step
from quasinewton._methods.registry import register_method
from quasinewton._methods.unexplored import leave_span
from quasinewton._numba_ext import python_first
from quasinewton._numba_ext.arrays import part
from quasinewton._numba_ext.jit import entered, fragment, kernel, reduction
from quasinewton._numba_ext.lazy import late
from quasinewton._numba_ext.linalg import advance, copy, dot, isolated, negate
from quasinewton._validation import true_or_false


class _Fields(NamedTuple):
    damping: int


class BFGS(_Fields):
    """BFGS with a dense inverse Hessian.

    Parameters
    ----------
    damping : bool
        True to damp pairs of too little curvature (Powell, 1978) rather than skip them.
    """

    __slots__ = ()

    def __new__(cls, damping: bool = False) -> "BFGS":
        return super().__new__(cls, int(true_or_false("damping", damping)))


PENDING = np.dtype(
    [
        ("known", "i8"),  # 1 if H has been formed
        ("fresh", "i8"),  # 1 if H has not been multiplied by the current g, so that Hg must be recomputed
        ("count", "i8"),  # number of pairs kept, while H has not been formed
        ("steps", "i8"),  # number of the first steps whose span is known; at most KEPT
        ("rank", "i8"),  # dimension of that span
        ("dense", "i8"),  # 1 if H is to be formed from the first pair on
        ("gamma", "f8"),  # scale of the first matrix
        ("rho", "f8"),  # coefficients of the pending update; 0 if there is none
        ("c", "f8"),
    ],
    align=True,
)


class InverseHessian(NamedTuple):
    """Memory of BFGS.

    `H`, shape (n, n), holds the lower triangle of the inverse Hessian without the pending update of
    the pair (s, v), shape (n,). `Hg` is H g for the current g, with every update applied. `u`,
    `s_new` and `y` are workspace. `S` and `Y`, shape (KEPT, n), hold the first pairs in their rows,
    `rhos`, shape (KEPT,), their 1/s·y; `Q`, shape (KEPT, n), an orthonormal basis of the span of
    their steps; `a` is workspace. `update[0]` is a record PENDING.
    """

    H: np.ndarray
    Hg: np.ndarray
    s: np.ndarray
    v: np.ndarray
    u: np.ndarray
    s_new: np.ndarray
    y: np.ndarray
    S: np.ndarray
    Y: np.ndarray
    Q: np.ndarray
    rhos: np.ndarray
    a: np.ndarray
    update: np.ndarray


@reduction
def update_and_multiply(H, s, v, rho, c, g, u):
    """Add c s sᵀ − rho (v sᵀ + s vᵀ) to H and compute u = H g, in one pass.

    Only the lower triangle of H is read and written. H and u are overwritten.
    """
    n = g.size
    for i in range(n):
        u[i] = 0.0
    for i in range(n):
        a, b = c * s[i] - rho * v[i], -rho * s[i]
        g_i, total = g[i], 0.0
        for j in range(i):
            h = H[i, j] + (a * s[j] + b * v[j])
            H[i, j] = h
            total += h * g[j]
            u[j] += h * g_i
        h = H[i, i] + (a * s[i] + b * v[i])
        H[i, i] = h
        u[i] += total + h * g_i


@kernel
def form(H, s, v, S, Y, rhos, count, gamma, g, u):
    """Form H from the first `count` pairs, in its lower triangle, and compute u = H g.

    The pairs stay as they are, so that a run of which H was only a result goes on from them.

    Parameters
    ----------
    H : ndarray, float64, shape (n, n)
        Overwritten; see `InverseHessian`.
    s, v, u : ndarray, float64, shape (n,)
        Overwritten with the last pair, with v = H y, and with H g.
    S, Y, rhos, count
        The pairs in the rows of S and Y, their 1/s·y, and their number.
    gamma : float
        The first matrix is gamma I.
    g : ndarray, float64, shape (n,)
    """
    n = g.size
    for i in range(n):
        for j in range(i):
            H[i, j] = 0.0
        H[i, i] = gamma
    rho = c = 0.0
    for k in range(count + 1):
        update_and_multiply(H, s, v, rho, c, part(Y, k * n, n) if k < count else g, u)
        if k < count:
            rho, yv = rhos[k], 0.0
            for i in range(n):
                s[i] = S[k, i]
                v[i] = u[i]
                yv += Y[k, i] * v[i]
            c = rho * (1.0 + rho * yv)


_MATRIX, _VECTOR = types.float64[:, ::1], types.float64[::1]
# Few runs are long enough to form H before their end.
enter_form = late(
    form,
    types.void(
        *(_MATRIX, _VECTOR, _VECTOR, _MATRIX, _MATRIX, _VECTOR),
        *(types.int64, types.float64, _VECTOR, _VECTOR),
    ),
)


@fragment
def form_from(memory, g, u):
    """Form H from the pairs kept, in its lower triangle, and compute u = H g."""
    state = memory.update[0]
    pairs = (memory.S, memory.Y, memory.rhos, state.count, state.gamma)
    enter_form((memory.H, memory.s, memory.v, *pairs, g, u))


@kernel
def settle(memory):
    """Form H if only its pairs are known, apply the pending update, and fill the upper triangle."""
    H, pending = memory.H, memory.update[0]
    if pending.known:
        update_and_multiply(H, memory.s, memory.v, pending.rho, pending.c, memory.Hg, memory.u)
        pending.rho = pending.c = 0.0
    else:
        form_from(memory, memory.y, memory.u)
    for i in range(H.shape[0]):
        for j in range(i):
            H[j, i] = H[i, j]


@entered
def keep(S, Y, Q, rhos, a, update, s, y, u, w):
    """Keep the pair (s, y) and choose the scale anew; u and w, shape (n,), are overwritten."""
    state, k = update[0], update[0].count
    leaves = state.rank < y.size and leaves_span(Q, state.rank, s, u)
    state.rank += leaves
    if leaves or state.rank == y.size:
        split_product(S, Y, rhos, a, k, y, u, w)
        state.gamma = fitted_scale(state.gamma, s, u, w)
    for i in range(y.size):
        S[k, i] = s[i]
        Y[k, i] = y[i]
    rhos[k] = 1.0 / dot(s, y)
    state.count = state.steps = k + 1


@entered
def widen(Q, update, s, w):
    """Add a step to the span of the first ones; w, shape (n,), is overwritten."""
    state = update[0]
    state.rank += state.rank < s.size and leaves_span(Q, state.rank, s, w)
    state.steps += 1


_PENDING = numba.from_dtype(PENDING)[::1]
enter_keep = late(keep, types.void(*[_MATRIX] * 3, _VECTOR, _VECTOR, _PENDING, *[_VECTOR] * 4))
enter_widen = late(widen, types.void(_MATRIX, _PENDING, _VECTOR, _VECTOR))


@protocol.allocate.register(BFGS)
def _allocate(method, n):
    H, Hg, u, s, v = isolated(n * n).reshape(n, n), isolated(n), isolated(n), np.zeros(n), np.zeros(n)
    S, Y, Q, rhos, a = np.empty((KEPT, n)), np.empty((KEPT, n)), np.empty((KEPT, n)), np.empty(KEPT), np.empty(KEPT)
    return InverseHessian(H, Hg, s, v, u, np.empty(n), np.empty(n), S, Y, Q, rhos, a, np.zeros(1, PENDING))


@protocol.direction.register(BFGS)
def _direction(method, memory, hessian, x, g, p):
    state = memory.update[0]
    if state.fresh:
        update_and_multiply(memory.H, memory.s, memory.v, 0.0, 0.0, g, memory.Hg)
        state.fresh = 0
    if state.count > 0:
        split_product(memory.S, memory.Y, memory.rhos, memory.a, state.count, g, memory.u, memory.Hg)
        for i in range(g.size):
            memory.Hg[i] += state.gamma * memory.u[i]
    modelled = state.known or state.count > 0
    negate(p, memory.Hg if modelled else g)
    slope = dot(g, p)
    return slope, 1.0 if modelled else gradient_step(slope, x)


@protocol.update.register(BFGS)
def _update(method, memory, x, g, p, alpha, g_new):
    state = memory.update[0]
    H, Hg, s, v, u = memory.H, memory.Hg, memory.s, memory.v, memory.u
    s_new, n = memory.s_new, g.size
    slope = dot(g, p)
    if not state.known:
        copy(Hg, g)
    advance(x, g, p, alpha, g_new, s_new, memory.y)
    fit, sy, yy, theta = learn_pair(s_new, memory.y, x, g, alpha, slope, method.damping)
    if fit and state.dense and state.steps < KEPT:
        enter_widen((memory.Q, memory.update, s_new, u))
    if not state.known:
        if not fit:
            return
        if not state.dense:
            enter_keep((memory.S, memory.Y, memory.Q, memory.rhos, memory.a, memory.update, s_new, memory.y, u, Hg))
            if state.count == KEPT:
                form_from(memory, g, Hg)
                state.known, state.count = 1, 0
            return
        gamma = sy / yy  # H = γ I, N&W eq. 6.20; Hg holds the old gradient, so γ Hg is H times that
        for i in range(n):
            for j in range(i):
                H[i, j] = 0.0
            H[i, i] = gamma
            Hg[i] = gamma * Hg[i]
        state.known = 1
    update_and_multiply(H, s, v, state.rho, state.c, g, u)
    state.rho = state.c = 0.0
    if not fit:
        copy(Hg, u)
        return
    rho = 1.0 / sy
    yv = sg = vg = 0.0
    for i in range(n):
        s[i] = s_new[i]
        v[i] = theta * (u[i] - Hg[i]) + (1.0 - theta) * s[i]  # v is H times the damped y
        yv += memory.y[i] * v[i]
        sg += s[i] * g[i]
        vg += v[i] * g[i]
    state.rho, state.c = rho, rho * (1.0 + rho * yv)
    for i in range(n):
        Hg[i] = u[i] + (state.c * sg - rho * vg) * s[i] - rho * sg * v[i]


@protocol.replaced.register(BFGS)
def _replaced(method, memory):
    state = memory.update[0]
    if state.known:
        settle(memory)
        state.fresh = 1


@protocol.unexplored.register(BFGS)
def _unexplored(method, memory, x, g, p):
    state = memory.update[0]
    return leave_span(memory.Q, state.rank, state.steps, p)


@protocol.restart.register(BFGS)
def _restart(method, memory):
    state = memory.update[0]
    known = state.known != 0 or state.count > 0
    state.known = state.fresh = state.count = state.steps = state.rank = 0
    state.rho = state.c = 0.0
    return known


INITIAL = "hess_inv0", "H0", "precond"  # names of the option for the initial inverse Hessian
DAMPED = "damping cannot be had with bounds; pairs of too little curvature are skipped there"


@lifecycle.check_options.register(BFGS)
def _check_options(method, options, n):
    check_matrix(INITIAL, options, n, dense=INITIAL)


@lifecycle.refuse_bounds.register(BFGS)
def _refuse_bounds(method, options):
    # Damping replaces B s by −alpha g, which does not hold between bounds.
    if method.damping:
        raise ValueError(DAMPED)


@lifecycle.begin.register(BFGS)
def _begin(method, memory, options, bounds, n):
    H0 = given_matrix(INITIAL, options)
    if H0 is not None:
        memory.H[...] = H0 if H0.ndim == 2 else np.diag(H0)
        memory.update[0]["known"] = memory.update[0]["fresh"] = 1
    return memory


@lifecycle.is_sound.register(BFGS)
def _is_sound(method, memory):
    state = memory.update[0]
    return 0 <= state["count"] < KEPT and 0 <= state["rank"] <= state["steps"] <= KEPT


@lifecycle.result_fields.register(BFGS)
def _result_fields(method, memory, state):
    known, count = memory.update["known"][0], memory.update["count"].item()
    if not (known or count):
        return {"hess_inv": np.eye(state.x.size)}
    # H is formed here if the run has ended before that.
    python_first.call(settle, memory.H.size * (1 + count), memory)
    return {"hess_inv": memory.H}


register_method(BFGS, "bfgs", few_iterations=True, initial=INITIAL)
