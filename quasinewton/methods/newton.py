"""Newton's method with the exact Hessian, kept away from saddles.

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), section 3.4. Where the Hessian is
not positive definite its eigenvalues are replaced by their absolute values, floored: directions of
negative curvature then repel instead of attract (N&W, "Eigenvalue modification"). Cost: n³/3 flops
by Cholesky, some 9 n³ where the Hessian is indefinite.
"""

from typing import NamedTuple

import numpy as np

from quasinewton.methods import protocol
from quasinewton.methods.protocol import EPSILON
from quasinewton.numba_ext.jit import fragment
from quasinewton.numba_ext.linalg import cholesky, cholesky_solve, copy, dot, eigen, move, negate, norm_inf
from quasinewton.validation import number

FARTHEST = 1e10  # times max(1, ‖x‖): what is further away than this is nowhere, as in the line search
LOST = 1e10  # times the decrease along the step: more than that along one variable has been floored away
APART = 0.01  # of |g|²: as much of it where the Hessian vanishes is no rounding


class _Fields(NamedTuple):
    floor: float


class Newton(_Fields):
    """Newton's method.

    Parameters
    ----------
    floor : float
        Least eigenvalue of the modified Hessian, relative to the largest one in absolute value; in
        (0, 1).
    """

    __slots__ = ()

    def __new__(cls, floor=EPSILON**0.5):
        return super().__new__(cls, number("floor", floor, 0.0, 1.0))


class Factor(NamedTuple):
    """Memory: workspace for the factor of the Hessian, shape (n, n), its eigenvalues, and LAPACK's
    integers.
    """

    factor: np.ndarray
    eigenvalues: np.ndarray
    sizes: np.ndarray


@protocol.allocate.register(Newton)
def _allocate(method, n):
    return Factor(np.empty((n, n)), np.empty(n), np.empty(3, dtype=np.int32))


@protocol.hessian_order.register(Newton)
def _hessian_order(method, n):
    return n


@protocol.direction.register(Newton)
def _direction(method, memory, hessian, x, g, p):
    factor, w = memory.factor, memory.eigenvalues
    copy(factor.ravel(), hessian.ravel())
    if cholesky(factor, memory.sizes):
        negate(p, g)
        cholesky_solve(factor, p, memory.sizes)
    elif decompose(memory, hessian):
        floor = method.floor * max(abs(w[0]), abs(w[-1]))
        flat = 0.0
        for i in range(g.size):
            if abs(w[i]) < floor:
                flat += dot(factor[i], g) ** 2
        # Where f is flat its slope has no model to say how far: a direction of its own, for the
        # search to find out.
        apart = flat > APART * dot(g, g)
        p.fill(0.0)
        for i in range(g.size):
            if apart and abs(w[i]) >= floor:
                continue
            coordinate = -dot(factor[i], g) / max(abs(w[i]), floor)
            for j in range(g.size):
                p[j] += coordinate * factor[i, j]
        if along_one(hessian, g) > LOST * abs(dot(g, p)):
            step_apart(hessian, x, g, p)
    else:
        return 0.0, 1.0  # not finite
    # Where curvature is next to nothing it says that the minimum is far, not where.
    length, sensible = norm_inf(p), max(1.0, norm_inf(x))
    if length > FARTHEST * sensible:
        for i in range(p.size):
            p[i] *= sensible / length
    return dot(g, p), 1.0


@fragment
def along_one(hessian, g):
    """Return twice the largest decrease along one variable, g_i²/|H_ii|.

    It is no more than gᵀH⁻¹g where H is positive definite.
    """
    largest = 0.0
    for i in range(g.size):
        largest = max(largest, abs(g[i]) * (abs(g[i]) / abs(hessian[i, i]))) if hessian[i, i] != 0.0 else largest
    return largest


@fragment
def step_apart(hessian, x, g, p):
    """Write to p the steps to the minima along the variables by themselves, none longer than max(1,
    ‖x‖).

    A floor relative to the largest eigenvalue leaves nothing of the step of a variable in other
    units than its own.
    """
    sensible = max(1.0, norm_inf(x))
    for i in range(g.size):
        length = abs(g[i]) / abs(hessian[i, i]) if hessian[i, i] != 0.0 else (sensible if g[i] != 0.0 else 0.0)
        p[i] = -np.copysign(min(length, sensible), g[i])


@fragment
def decompose(memory, hessian):
    """Eigenvalues of the Hessian to `eigenvalues`, eigenvectors to the rows of `factor`; whether it
    worked.
    """
    copy(memory.factor.ravel(), hessian.ravel())
    return np.isfinite(norm_inf(memory.factor.ravel())) and eigen(memory.factor, memory.eigenvalues)


@protocol.update.register(Newton)
def _update(method, memory, x, g, p, alpha, g_new):
    move(x, g, p, alpha, g_new)


@protocol.restart.register(Newton)
def _restart(method, memory):
    return False


@protocol.negative_curvature.register(Newton)
def _negative_curvature(method, memory, hessian, x, g, p):
    factor, w = memory.factor, memory.eigenvalues
    copy(factor.ravel(), hessian.ravel())
    if cholesky(factor, memory.sizes) or not decompose(memory, hessian):
        return 0.0
    if w[0] >= -method.floor * max(abs(w[-1]), abs(w[0])):
        return 0.0
    copy(p, factor[0])
    return w[0]
