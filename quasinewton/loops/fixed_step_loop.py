"""The way down without a search: a method makes its own steps, and a schedule sets their rate.

The same state machine as the descent, with fewer turns: every point is accepted if f and g are finite there.

Convention, between two calls of `tell`: x, f, g are the current iterate, all finite; p is the next iterate, and
`x_trial` a copy of it that the objective may overwrite.
"""

import numpy as np

from quasinewton.loops.clock import begin_slice
from quasinewton.loops.line_search_loop import END, PROCEED, SET_OUT, decide, evaluate, pausing
from quasinewton.loops.state import NOTHING, RESUME, START, STEP
from quasinewton.methods.first_order import base
from quasinewton.numba_ext.jit import inlined, kernel
from quasinewton.numba_ext.linalg import copy, norm_inf
from quasinewton.numba_ext.tuples import borrow
from quasinewton.objective.interface import GRADIENT, VALUE
from quasinewton.schedules import factor
from quasinewton.status import NOT_BOUNDED, NOT_FINITE


@kernel
def run(objective, method, schedule, state, each):
    """Evaluate and tell until the run ends, or something should be seen to by the caller.

    Parameters and result as for `line_search_loop.run`, with a Schedule in the place of the search.
    """
    state = borrow(state)  # the caller holds the arrays: nothing in the loop need count references
    s = state.scalars[0]
    begin_slice(s)
    while s.want != NOTHING:
        tell(method, schedule, state, evaluate(objective, state, state.hessian))
        if pausing(state, each):
            break
    return s.want


@inlined
def tell(method, schedule, state, f):
    """Digest the evaluation that was wanted, and make the next step.

    Parameters
    ----------
    method : NamedTuple
    schedule : Schedule
    state : State
        Updated; its `g_trial` holds the gradient at p.
    f : float
        The value there.
    """
    s = state.scalars[0]
    x, g, p = state.x, state.g, state.p
    g_norm = base.measure(state.memory, x if s.phase == START else p, state.g_trial)
    if s.phase == START:
        g_norm += 0.0 * norm_inf(x)  # NaN where x0 is no point, whatever the objective says of it
    finite = np.isfinite(f) and np.isfinite(g_norm)
    s.iterated = 0
    if s.phase == START:
        copy(p, x)
        s.f = s.f0 = f
        s.f_scale = max(1.0, max(abs(f), g_norm * max(1.0, norm_inf(x))))
        s.g_norm = g_norm
    elif finite and s.phase != RESUME:
        s.nit += 1
        s.iterated = 1
        if s.xtol > 0.0:
            s.s_norm, s.x_norm = 0.0, norm_inf(p)
            for i in range(x.size):
                s.s_norm = max(s.s_norm, abs(p[i] - x[i]))
    if finite or s.phase == START:  # of a start that is not finite the result says what was found
        copy(x, p)
        copy(g, state.g_trial)
    if finite:
        if s.phase != RESUME:
            s.f_old, s.f, s.g_norm = s.f, f, g_norm
        if s.rows < state.trace.shape[0]:
            row = state.trace[s.rows]
            row[0], row[1], row[2], row[3] = f, g_norm, s.step, s.nfev
            s.rows += 1
    else:
        s.ending = NOT_BOUNDED if f == -np.inf else NOT_FINITE
    if decide(s, PROCEED if finite else END, False) == SET_OUT:
        s.phase, s.want = STEP, VALUE | GRADIENT
        s.step = method.lr * factor(schedule, s.nit)
        base.advance(method, state.memory, p, state.g_trial, s.step)
        copy(state.x_trial, p)
