"""BFGS and Newton's method under bounds, by an active-set method on the quadratic model.

Source: D. P. Bertsekas, SIAM J. Control Optim. 20 (1982) 221–246 (two-metric projection: the
active variables are removed from the matrix, the step is projected); A. R. Conn, N. I. M. Gould and
Ph. L. Toint, SIAM J. Numer. Anal. 25 (1988) 433–460 (variables that would leave the box are fixed
at their bounds, and the step in the others is solved for again).

Let A be the active set, whose variables make the steps z_A (to their bounds), and F the free
variables. Newton's method solves the first system for the step in F, BFGS the second:

    B_FF p_F = −g_F − B_FA z_A,    p = −H g + H_{:A} μ with H_AA μ = z_A + (H g)_A.

The two steps are equal if H = B⁻¹. Cost beyond that of the method without bounds: O(n |A| + |A|³)
for BFGS, nothing for Newton, each time that variables are added to A.
"""

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from quasinewton._methods import protocol as methods
from quasinewton._methods.bfgs import BFGS
from quasinewton._methods.bounded import wrapper as protocol
from quasinewton._methods.bounded.projection import (
    choose_projection,
    first_step,
    project_or_truncate,
    project_step,
)
from quasinewton._methods.newton import Factor, Newton
from quasinewton._numba_ext.dispatch import generic
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import cholesky, cholesky_solve, copy, dot
from quasinewton._objective.box import is_active

ROUNDS = 10  # count; upper bound on solutions for the step, after which it is projected


class Reduced(NamedTuple):
    """Workspace of the active-set method.

    `active`, bool, is True for the variables of the active set A. `index` lists the variables
    solved for; `matrix` and the vectors `a` and `b` belong to their system. `first` is the step
    before any variable was added to A. These have shape (n,), `matrix` (n, n). `sizes`, shape (3,),
    holds integers for LAPACK; `projecting[0]` is the state of `projection.choose_projection`.
    """

    active: np.ndarray
    index: np.ndarray  # type: ignore[assignment]  # hides the method of tuples
    matrix: np.ndarray
    a: np.ndarray
    b: np.ndarray
    first: np.ndarray
    sizes: np.ndarray
    projecting: np.ndarray


@register_jitable
def reduced(n):
    """Return the workspace for n variables."""
    active, index, sizes = np.zeros(n, np.bool_), np.empty(n, np.int64), np.empty(3, np.int32)
    return Reduced(active, index, np.empty((n, n)), np.empty(n), np.empty(n), np.empty(n), sizes, np.zeros(1, np.int64))


@generic
def step_between(inner, memory, hessian, x, g, p):
    """Write the minimiser of the model over the free variables to p; return True on success.

    The active components of p are given: they hold the step z_A to the bounds.
    """


@fragment
def leading(matrix, k):
    """Return the first k² entries of a matrix as a matrix of order k."""
    return matrix.ravel()[: k * k].reshape(k, k)


@fragment
def indices_where(active, which, index):
    """Write the variables i with active[i] == which to `index`; return their number."""
    k = 0
    for i in range(active.size):
        if active[i] == which:
            index[k] = i
            k += 1
    return k


@fragment
def active_set(inner, memory, hessian, x, g, p):
    """Write a direction p such that x + p is feasible; return (slope g·p, first trial step).

    It is `wrapper.aim` for the methods that solve a linear system for their step.
    """
    low, high, work = memory.low, memory.high, memory.work
    active = work.active
    for i in range(x.size):
        active[i] = is_active(x[i], g[i], low[i], high[i])
        p[i] = 0.0
    if not step_between(inner, memory, hessian, x, g, p):
        return 0.0, 1.0
    full_slope = dot(g, p)
    copy(work.first, p)
    worked = True
    for _ in range(ROUNDS):
        added = False
        for i in range(x.size):
            bound = low[i] if p[i] < 0.0 else high[i]
            if not active[i] and abs(p[i]) > abs(bound - x[i]):
                active[i] = added = True
                p[i] = bound - x[i]
        worked = added and step_between(inner, memory, hessian, x, g, p)
        if not worked:
            break
    slope = project_step(x, g, low, high, p)
    return project_or_truncate(x, g, low, high, work.projecting, work.first, full_slope, slope, p), 1.0


@protocol.workspace.register(BFGS)
def _workspace_of_bfgs(inner, n):
    return reduced(n)


@protocol.workspace.register(Newton)
def _workspace_of_newton(inner, n):
    return reduced(n)


@protocol.aim.register(BFGS)
def _aim_bfgs(inner, memory, hessian, x, g, p):
    memory.inner.update[0].dense = 1  # entries of H are needed, so its pairs will not do
    methods.direction(inner, memory.inner, hessian, x, g, p)  # updates H g
    if memory.inner.update[0].known:
        return active_set(inner, memory, hessian, x, g, p)
    return first_step(x, g, memory.low, memory.high, p)


@protocol.aim.register(Newton)
def _aim_newton(inner, memory, hessian, x, g, p):
    return active_set(inner, memory, hessian, x, g, p)


@fragment
def entry(bfgs, i, j):
    """Return H_ij, including the pending update."""
    H, s, v, pending = bfgs.H, bfgs.s, bfgs.v, bfgs.update[0]
    h = H[i, j] if i > j else H[j, i]
    return h + (pending.c * s[i] * s[j] - pending.rho * (v[i] * s[j] + s[i] * v[j]))


@step_between.register(BFGS)
def _step_of_bfgs(inner, memory, hessian, x, g, p):
    work, bfgs = memory.work, memory.inner
    k = indices_where(work.active, True, work.index)
    matrix, multipliers = leading(work.matrix, k), work.a[:k]
    for a in range(k):
        i = work.index[a]
        multipliers[a] = p[i] + bfgs.Hg[i]
        for b in range(a + 1):
            matrix[a, b] = matrix[b, a] = entry(bfgs, i, work.index[b])
    if k > 0:
        if not cholesky(matrix, work.sizes):
            return False
        cholesky_solve(matrix, multipliers, work.sizes)
    for i in range(x.size):
        if not work.active[i]:
            total = -bfgs.Hg[i]
            for a in range(k):
                total += entry(bfgs, i, work.index[a]) * multipliers[a]
            p[i] = total
    return True


@step_between.register(Newton)
def _step_of_newton(inner, memory, hessian, x, g, p):
    work = memory.work
    k = gather(hessian, work)
    for a in range(k):
        i = work.index[a]
        total = g[i]
        for j in range(x.size):
            if work.active[j]:
                total += hessian[i, j] * p[j]
        work.a[a] = total
    slope = 0.0
    if k > 0:
        own, matrix = leading_memory(memory.inner, k), leading(work.matrix, k)
        slope, _ = methods.direction(inner, own, matrix, x, work.a[:k], work.b[:k])
    for a in range(k):
        p[work.index[a]] = work.b[a]
    return k == 0 or slope <= 0.0


@protocol.learn.register(Newton)
def _learn(inner, memory, x, g, p, alpha, g_new):
    choose_projection(memory.work.projecting, x, memory.work.first, p, alpha)
    protocol.move_inside(inner, memory, x, g, p, alpha, g_new)


@fragment
def gather(hessian, work):
    """Write the Hessian of the free variables to the leading part of `matrix`.

    Return the number of free variables.
    """
    k = indices_where(work.active, False, work.index)
    matrix = leading(work.matrix, k)
    for a in range(k):
        for b in range(k):
            matrix[a, b] = hessian[work.index[a], work.index[b]]
    return k


@fragment
def leading_memory(memory, k):
    """Return the leading part of the memory of Newton's method, for k variables."""
    return Factor(
        leading(memory.factor, k), memory.eigenvalues[:k], memory.scale[:k], memory.scaled[:k], memory.sizes
    )


@protocol.curvature.register(Newton)
def _curvature(inner, memory, hessian, x, g, p):
    low, high, value = memory.low, memory.high, 0.0
    for leaving in (True, False):
        for i in range(x.size):
            # A variable at its bound may leave it if its gradient is 0.
            held = is_active(x[i], g[i], low[i], high[i]) and not (leaving and g[i] == 0.0)
            memory.work.active[i] = low[i] == high[i] or held
        value = curvature_between(inner, memory, hessian, x, g, p)
        # If a bound is in the way of either side, such variables stay where they are.
        if not value < 0.0 or points_inwards(x, p, 1.0, low, high) or points_inwards(x, p, -1.0, low, high):
            break
    return value


@fragment
def points_inwards(x, p, sign, low, high):
    """Return True if no variable at a bound leaves the box along p, or along −p if `sign` is −1."""
    for i in range(x.size):
        way = sign * p[i]
        if (way < 0.0 and x[i] <= low[i]) or (way > 0.0 and x[i] >= high[i]):
            return False
    return True


@fragment
def curvature_between(inner, memory, hessian, x, g, p):
    """Write the direction of most negative curvature in the variables that are not active to p.

    Return that curvature, or 0 if there is none.
    """
    work = memory.work
    p.fill(0.0)
    k = gather(hessian, work)
    if k == 0:
        return 0.0
    matrix = leading(work.matrix, k)
    value = methods.negative_curvature(inner, leading_memory(memory.inner, k), matrix, x, g, work.b[:k])
    for a in range(k):
        p[work.index[a]] = work.b[a] if value < 0.0 else 0.0
    return value
