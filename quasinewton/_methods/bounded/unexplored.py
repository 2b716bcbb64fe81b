"""Directions in the free variables that the steps of a run under bounds had no part along.

It is `_methods.unexplored` between bounds: what counts of a step is its part in the variables that
are free where the run has ended.
"""

import numpy as np

from quasinewton._methods import protocol as methods
from quasinewton._methods.bfgs import BFGS
from quasinewton._methods.bounded import wrapper as protocol
from quasinewton._methods.first_pairs import leaves_span
from quasinewton._methods.lbfgs import compact_inverse
from quasinewton._methods.lbfgs.two_loop import LBFGS
from quasinewton._methods.newton_cg import NewtonCG
from quasinewton._methods.unexplored import SMALL, pseudo_random, remove_span
from quasinewton._numba_ext.jit import fragment
from quasinewton._objective.box import is_active


@fragment
def leave_span_inside(S, rows, dependent, complete, x, g, low, high, p):
    """Write a direction in the free variables that no step has a part along to p.

    Parameters
    ----------
    S : ndarray, float64, shape (m, n)
        Its `rows` span the steps.
    rows : ndarray, int64
    dependent, complete : bool
        True if the steps are known to be linearly dependent, and if they are those that a run of
        few steps has made.
    x, g, low, high : ndarray, float64, shape (n,)
    p : ndarray, float64, shape (n,)
        Overwritten.

    Returns
    -------
    int
        Number of dimensions that are left, negative if the steps are independent in the free
        variables; 0 if there were no steps in them, or if they are many, or the steps not complete,
        and the steps independent.
    """
    n, free = x.size, 0
    for i in range(n):
        p[i] = 0.0 if is_active(x[i], g[i], low[i], high[i]) else 1.0
        free += p[i] != 0.0
    inside, w, basis = np.empty(n), np.empty(n), np.empty((len(rows), n))
    rank = moving = 0
    for k in rows:
        moved = False
        for i in range(n):
            inside[i] = p[i] * S[k, i]
            moved |= inside[i] != 0.0
        moving += moved
        rank += moved and rank < free and leaves_span(basis, rank, inside, w)
    few, dependent = complete and free <= SMALL, dependent or rank < moving
    if rank == 0 or rank == free or not (few or dependent):
        return 0
    pseudo_random(w)
    for i in range(n):
        p[i] *= w[i]
    remove_span(basis, rank, p)
    return free - rank if dependent else rank - free


@protocol.unexplored_inside.register(LBFGS)
def _unexplored_of_lbfgs(inner, memory, x, g, p):
    pairs = memory.inner
    ring, m = pairs.ring[0], pairs.rho.size
    if pairs.work.size == 0:
        return 0  # there are many variables
    rows = compact_inverse.rows_of(ring.count, ring.newest, m)
    complete = ring.count < m  # with m pairs, earlier ones may have been overwritten
    return leave_span_inside(pairs.S, rows, False, complete, x, g, memory.low, memory.high, p)


@protocol.unexplored_inside.register(BFGS)
def _unexplored_of_bfgs(inner, memory, x, g, p):
    state, rows = memory.inner.update[0], np.arange(memory.inner.update[0].rank)
    dependent = state.rank < state.steps
    return leave_span_inside(memory.inner.Q, rows, dependent, True, x, g, memory.low, memory.high, p)


@protocol.unexplored_inside.register(NewtonCG)
def _unexplored_of_newton_cg(inner, memory, x, g, p):
    return methods.unexplored(inner, memory.inner, x, g, p)
