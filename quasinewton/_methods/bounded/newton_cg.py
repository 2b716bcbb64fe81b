"""Truncated Newton under bounds: conjugate gradients on the free variables, the step projected.

Source: D. P. Bertsekas, SIAM J. Control Optim. 20 (1982) 221–246 (two-metric projection: the active
variables are removed from the matrix, the step is projected); Z. Dostál, SIAM J. Optim. 7 (1997)
871–887 (proportioning: when variables leave their bounds). Residuals, products and preconditioned
vectors are zero in the active variables.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._methods import protocol as methods
from quasinewton._methods.bounded import wrapper as protocol
from quasinewton._methods.bounded.projection import (
    choose_projection,
    is_cut,
    project_or_truncate,
    project_step,
)
from quasinewton._methods.newton_cg import NewtonCG, begin
from quasinewton._methods.unexplored import pseudo_random
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import copy, dot
from quasinewton._objective.box import is_active


class Subspace(NamedTuple):
    """Workspace of truncated Newton under bounds.

    `active`, bool, shape (n,), is True for the active variables, which conjugate gradients leave
    out. `leaving`, shape (n,), is 1 for other variables at their lower bounds and −1 at their upper
    ones, where negative curvature is sought. `projecting[0]` is the state of
    `projection.choose_projection`.
    """

    active: np.ndarray
    leaving: np.ndarray
    projecting: np.ndarray


@protocol.workspace.register(NewtonCG)
def _workspace(inner, n):
    return Subspace(np.zeros(n, np.bool_), np.zeros(n), np.zeros(1, np.int64))


@fragment
def leave_out(active, v):
    """Set the components of v in the active variables to 0. v is overwritten."""
    for i in range(v.size):
        if active[i]:
            v[i] = 0.0


@fragment
def hold_at_bounds(x, g, low, high, active):
    """Let variables leave their bounds only if their gradient exceeds that of the other free ones.

    Otherwise they become active. Where the step in the free variables was solved for inexactly, the
    residual that is left may point inwards from bounds to which the next step returns, and a step
    truncated at the first bound is then very short: Dostál's proportioning.
    """
    leaving = free = 0.0
    for i in range(x.size):
        if not active[i]:
            at_bound = x[i] <= low[i] or x[i] >= high[i]
            leaving += g[i] * g[i] if at_bound else 0.0
            free += 0.0 if at_bound else g[i] * g[i]
    if leaving <= free:
        for i in range(x.size):
            active[i] |= x[i] <= low[i] or x[i] >= high[i]


@protocol.ask.register(NewtonCG)
def _ask(inner, memory, x, g, p, certifying):
    low, high, active, r = memory.low, memory.high, memory.work.active, memory.inner.r
    memory.work.leaving.fill(0.0)
    for i in range(x.size):
        # A variable at its bound may leave it if its gradient is 0.
        leaving = certifying and g[i] == 0.0 and low[i] < high[i]
        active[i] = low[i] == high[i] or (is_active(x[i], g[i], low[i], high[i]) and not leaving)
        if leaving:
            memory.work.leaving[i] = 1.0 if x[i] <= low[i] else -1.0 if x[i] >= high[i] else 0.0
    if certifying:
        pseudo_random(r)
    else:
        hold_at_bounds(x, g, low, high, active)
        copy(r, g)
    leave_out(active, r)
    return begin(inner, memory.inner, p, certifying)


@protocol.digest.register(NewtonCG)
def _digest(inner, memory, product, p):
    active, leaving, krylov = memory.work.active, memory.work.leaving, memory.inner
    leave_out(active, product)
    want = methods.answer(inner, krylov, product, p)
    if want != 0 or not krylov.record[0].certifying or not krylov.record[0].curvature < 0.0:
        return want
    inwards = outwards = False
    for i in range(p.size):
        inwards |= leaving[i] * p[i] > 0.0
        outwards |= leaving[i] * p[i] < 0.0
    if not (inwards and outwards):
        return want
    # A bound is in the way of either side, so that variables at bounds stay where they are.
    for i in range(p.size):
        active[i] |= leaving[i] != 0.0
    leaving.fill(0.0)
    pseudo_random(krylov.r)
    leave_out(active, krylov.r)
    return begin(inner, krylov, p, True)


@protocol.aim.register(NewtonCG)
def _aim(inner, memory, hessian, x, g, p):
    low, high, krylov = memory.low, memory.high, memory.inner
    if not krylov.record[0].usable:
        return 0.0, 1.0
    copy(p, krylov.z)
    full_slope, slope = dot(g, p), project_step(x, g, low, high, p)
    return project_or_truncate(x, g, low, high, memory.work.projecting, krylov.z, full_slope, slope, p), 1.0


@protocol.learn.register(NewtonCG)
def _learn(inner, memory, x, g, p, alpha, g_new):
    krylov = memory.inner
    choose_projection(memory.work.projecting, x, krylov.z, p, alpha)
    if is_cut(x, krylov.z, p):
        krylov.record[0].usable = 0  # the decrease predicted for z does not apply to the projected step
    protocol.move_inside(inner, memory, x, g, p, alpha, g_new)


@protocol.curvature.register(NewtonCG)
def _curvature(inner, memory, hessian, x, g, p):
    return memory.inner.record[0].curvature
