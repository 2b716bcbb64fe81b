"""L-BFGS-B: the Cauchy point determines the active set, the model is minimised over the rest.

Source: Byrd, Lu, Nocedal & Zhu (1995), Algorithm L-BFGS-B with the direct primal method of section
5.1; and the projection of the minimiser by J. L. Morales and J. Nocedal, ACM TOMS 38 (2011),
article 7. Cost: each iteration reads the pairs twice, as the two-loop recursion without bounds
does, and takes O(m²) for each variable that becomes free or active.

With z the step to their bounds of the variables that reach them on the projected path, the
minimiser over the free variables F is

    p_F = −B_FF⁻¹ (g_F + B_FA z_A) = −g_F/θ + W_F K⁻¹ (Wᵀz + Wᵀd/θ)/θ,    d = −g in F, 0 elsewhere.

Only two products with W therefore remain: Wᵀd, which is known, and W_F times a vector of order 2m.
"""

import numpy as np

from quasinewton._methods.bounded import wrapper as protocol
from quasinewton._methods.bounded.cauchy_point import cauchy_point
from quasinewton._methods.bounded.lbfgsb_model import (
    BLOCK,
    SCRATCH,
    P,
    Q,
    absorb,
    allocate_model,
    factorise_whole,
    order,
    solve_free,
)
from quasinewton._methods.bounded.projection import advance_inside, first_step
from quasinewton._methods.curvature_pairs import keep_pair, learn_pair, next_row
from quasinewton._methods.lbfgs.two_loop import LBFGS, memory_for, pairs_kept
from quasinewton._numba_ext.arrays import part
from quasinewton._numba_ext.jit import fragment, reduction
from quasinewton._numba_ext.linalg import dot
from quasinewton._objective.box import clipped


@protocol.workspace.register(LBFGS)
def _workspace(inner, n):
    return allocate_model(pairs_kept(inner, n, 0), n)


@protocol.inner_memory.register(LBFGS)
def _inner_memory(inner, n):
    # More pairs save 2 % of the evaluations, but time grows with the square of their number.
    return memory_for(inner, n, pairs_kept(inner, n, 0))


@protocol.aim.register(LBFGS)
def _aim(inner, memory, hessian, x, g, p):
    pairs, work, low, high = memory.inner, memory.work, memory.low, memory.high
    if pairs.ring[0].count == 0:
        return first_step(x, g, low, high, p)
    if not work.path[0].fresh:
        absorb(work, pairs, x, g, low, high, -1)
    work.path[0].fresh = 0
    theta, count = 1.0 / pairs.ring[0].gamma, order(pairs, work.slots)
    if not factorise_whole(work, count, theta):
        return 0.0, 1.0
    t = cauchy_point(work, pairs, x, g, low, high, theta, count, memory.point)
    slope = between(work, pairs, x, g, low, high, theta, count, p)
    if slope >= 0.0:
        minimise(work, pairs, x, g, low, high, theta, count, False, p)
        slope = truncate(x, g, low, high, work.free, t, p)
    return slope, 1.0


@protocol.replaced_inside.register(LBFGS)
def _replaced(inner, memory):
    memory.work.path[0].fresh = 0


@fragment
def between(work, pairs, x, g, low, high, theta, count, p):
    """Write the step to the minimiser over the free variables, projected onto the box, to p.

    Return g·p, or NaN if a matrix is singular.
    """
    u, v = work.vectors[SCRATCH], work.vectors[SCRATCH + 1]
    for j in range(2 * count):
        u[j] = 0.0
        v[j] = (work.vectors[Q, j] + work.vectors[P, j] / theta) / theta
    if work.path[0].free > 0 and not solve_free(work, count, theta, v, u):
        return np.nan
    return minimise(work, pairs, x, g, low, high, theta, count, True, p)


@reduction
def minimise(work, pairs, x, g, low, high, theta, count, projecting, p):
    """Write −g/θ + W u to p in the free variables, and the step to the bound in the active ones.

    u is the vector SCRATCH of the workspace. With `projecting`, x + p is projected onto the box.
    Return g·p.
    """
    S, Y, slots, u = pairs.S, pairs.Y, work.slots, work.vectors[SCRATCH]
    slope = 0.0
    for start in range(0, x.size, BLOCK):
        stop = min(start + BLOCK, x.size)
        for i in range(start, stop):
            p[i] = -g[i] / theta
        for j in range(count):
            k, a, b = slots[j], u[j], theta * u[count + j]
            for i in range(start, stop):
                p[i] += a * Y[k, i] + b * S[k, i]
        for i in range(start, stop):
            if not work.free[i]:
                p[i] = (low[i] if g[i] > 0.0 else high[i]) - x[i] if g[i] != 0.0 else 0.0
            elif projecting:
                p[i] = clipped(x[i] + p[i], low[i], high[i]) - x[i]
            slope += g[i] * p[i]
    return slope


@fragment
def truncate(x, g, low, high, free, t, p):
    """Truncate the segment from the Cauchy point to x + p where it leaves the box; return g·p.

    p, overwritten, becomes the step from x to the end of the truncated segment.
    """
    share = 1.0
    for i in range(x.size):
        if free[i]:
            way = p[i] + t * g[i]
            room = (low[i] if way < 0.0 else high[i]) - (x[i] - t * g[i])
            if way != 0.0 and room / way < share:
                share = max(room / way, 0.0)
    slope = 0.0
    for i in range(x.size):
        if free[i]:
            point = x[i] - t * g[i] + share * (p[i] + t * g[i])
            p[i] = clipped(point, low[i], high[i]) - x[i]
        slope += g[i] * p[i]
    return slope


@protocol.learn.register(LBFGS)
def _learn(inner, memory, x, g, p, alpha, g_new):
    pairs, work, low, high = memory.inner, memory.work, memory.low, memory.high
    ring, n = pairs.ring[0], x.size
    slope = dot(g, p)
    k = next_row(ring, pairs.rho.size)
    s, y = part(pairs.S, k * n, n), part(pairs.Y, k * n, n)
    advance_inside(x, g, p, alpha, g_new, low, high, s, y)
    fit, sy, yy, _ = learn_pair(s, y, x, g, alpha, slope, 0)
    keep_pair(pairs.rho, ring, k, fit, sy)
    if fit:
        ring.gamma = sy / yy
    if ring.count > 0:
        absorb(work, pairs, x, g, low, high, k if fit else -1)
