"""Newton's method with the exact Hessian, modified if it is indefinite.

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), section 3.4. If the Hessian is not
positive definite, its eigenvalues are replaced by their absolute values, with a lower bound (N&W,
"Eigenvalue modification"), so that steps lead away from a saddle. Variables of very different units
are scaled before, by Ruiz's equilibration, A scaling algorithm to equilibrate both rows and columns
norms in matrices, RAL-TR-2001-034. Cost: n³/3 flops by Cholesky, about 9 n³ if the Hessian is
indefinite.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._floats import ROOT_EPSILON
from quasinewton._methods import lifecycle, protocol
from quasinewton._methods.registry import register_method
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import (
    cholesky,
    cholesky_solve,
    copy,
    dot,
    eigen,
    move,
    negate,
    norm_inf,
)
from quasinewton._validation import number

FARTHEST = 1e10  # multiple of max(1, ‖x‖); longer steps are shortened, as in the line search
PASSES = 2  # of the equilibration; each halves the orders of magnitude between the rows
NULL_SPACE_SHARE = 0.01  # fraction of |g|²; if more lies in the near-null space, search that space alone


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

    def __new__(cls, floor: float = ROOT_EPSILON) -> "Newton":
        return super().__new__(cls, number("floor", floor, 0.0, 1.0))


class Factor(NamedTuple):
    """Memory of Newton's method, all of it workspace.

    `factor`, shape (n, n), holds the factor or the eigenvectors of the Hessian, `eigenvalues`,
    shape (n,), its eigenvalues, `scale`, shape (n,), the units of the variables, `scaled`, shape
    (n,), the gradient in these units, and `sizes`, int32, shape (3,), integers for LAPACK.
    """

    factor: np.ndarray
    eigenvalues: np.ndarray
    scale: np.ndarray
    scaled: np.ndarray
    sizes: np.ndarray


@protocol.allocate.register(Newton)
def _allocate(method, n):
    return Factor(np.empty((n, n)), np.empty(n), np.empty(n), np.empty(n), np.empty(3, dtype=np.int32))


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
    elif equilibrate(memory, hessian, method.floor) and eigen(factor, w):
        scale, scaled = memory.scale, memory.scaled
        for i in range(g.size):
            scaled[i] = scale[i] * g[i]
        floor = method.floor * max(abs(w[0]), abs(w[-1]))
        flat = 0.0
        for i in range(g.size):
            if abs(w[i]) < floor:
                along = dot(factor[i], scaled)
                flat += along * along
        # The Newton step in the near-null space of the Hessian has no meaningful length. If more
        # than 1 % of |g|² lies there, search along that part of −g alone and leave the rest to the
        # next iteration.
        in_null_space = flat > NULL_SPACE_SHARE * dot(scaled, scaled)
        p.fill(0.0)
        for i in range(g.size):
            if in_null_space and abs(w[i]) >= floor:
                continue
            coordinate = -dot(factor[i], scaled) / max(abs(w[i]), floor)
            for j in range(g.size):
                p[j] += coordinate * factor[i, j]
        for i in range(g.size):
            p[i] *= scale[i]
    else:
        return 0.0, 1.0  # the Hessian is not finite: request a restart
    # If a curvature nearly vanishes, the step is huge and its length meaningless: shorten it.
    length, size = norm_inf(p), max(1.0, norm_inf(x))
    if length > FARTHEST * size:
        for i in range(p.size):
            p[i] *= size / length
    return dot(g, p), 1.0


@fragment
def equilibrate(memory, hessian, floor):
    """Write D H D to `factor`, and the diagonal D to `scale`.

    The largest entries of all rows are near 1 then. But D = 1 unless the variables have units so
    different that a floor relative to the largest eigenvalue of H would hide the curvature along
    some of them.

    Parameters
    ----------
    memory : Factor
        Its `factor`, `scale` and `scaled` are overwritten.
    hessian : ndarray, float64, shape (n, n)
    floor : float
        As for `Newton`; D = 1 if min D² >= floor max D².

    Returns
    -------
    bool
        True if all entries are finite.
    """
    factor, scale, root = memory.factor, memory.scale, memory.scaled
    copy(factor.ravel(), hessian.ravel())
    scale.fill(1.0)
    for _ in range(PASSES):
        for i in range(scale.size):
            largest = norm_inf(factor[i])
            root[i] = 1.0 / np.sqrt(largest) if largest > 0.0 else 1.0
        for i in range(scale.size):
            scale[i] *= root[i]
            for j in range(scale.size):
                factor[i, j] *= root[i] * root[j]
    least = most = scale[0]
    for i in range(1, scale.size):
        least, most = min(least, scale[i]), max(most, scale[i])
    if not least * least < floor * most * most:
        copy(factor.ravel(), hessian.ravel())
        scale.fill(1.0)
    return np.isfinite(norm_inf(factor.ravel()))


@protocol.update.register(Newton)
def _update(method, memory, x, g, p, alpha, g_new):
    move(x, g, p, alpha, g_new)


@protocol.restart.register(Newton)
def _restart(method, memory):
    return False


@fragment
def is_negative(w, floor):
    """Return True if the first of the eigenvalues w, in ascending order, is below -floor max|w|."""
    return w[0] < -floor * max(abs(w[-1]), abs(w[0]))


@protocol.negative_curvature.register(Newton)
def _negative_curvature(method, memory, hessian, x, g, p):
    factor, w = memory.factor, memory.eigenvalues
    copy(factor.ravel(), hessian.ravel())
    if cholesky(factor, memory.sizes):
        return 0.0
    # In other units the direction may lie along a variable on which f hardly depends, and along
    # which rounding hides the decrease. They are needed only if none is seen in the user's.
    if not np.isfinite(norm_inf(hessian.ravel())):
        return 0.0
    copy(factor.ravel(), hessian.ravel())
    memory.scale.fill(1.0)
    if not (eigen(factor, w) and is_negative(w, method.floor)):
        if not (equilibrate(memory, hessian, method.floor) and eigen(factor, w) and is_negative(w, method.floor)):
            return 0.0
    # With the eigenvector v of D H D, p = D v has pᵀ H p = w[0]; it is made a unit vector.
    for i in range(p.size):
        p[i] = memory.scale[i] * factor[0, i]
    square = dot(p, p)
    for i in range(p.size):
        p[i] /= np.sqrt(square)
    return w[0] / square


@lifecycle.result_fields.register(Newton)
def _result_fields(method, memory, state):
    s = state.scalars[0]
    known = s["hessian_nit"] == s["nit"]
    return {"hess": state.hessian if known else np.full_like(state.hessian, np.nan)}


register_method(Newton, "newton", few_iterations=True)
