"""Loop of the first-order methods: no line search, and a schedule sets the learning rate.

It is a state machine like `line_search_loop`, with fewer actions: every point is accepted if f and
g are finite there.

Invariant between two evaluations: `x, f, g` belong to the current iterate and are finite. `p` is
the next iterate, and `x_trial` a copy of it that the objective may overwrite. The loop is compiled
once for all methods; see `line_search_loop`.
"""

import numpy as np
from numba import typeof, types

from quasinewton._loops import difference_limits, operations
from quasinewton._loops.clock import begin_slice, slice_over
from quasinewton._loops.line_search_loop import EACH_EVALUATION, is_evaluated
from quasinewton._loops.operations import (
    FRAME,
    METHODS,
    POINTER,
    method_types,
    performing,
)
from quasinewton._loops.state import NOTHING, Phase
from quasinewton._loops.stopping import ending_at_iterate
from quasinewton._methods.first_order import base
from quasinewton._numba_ext.jit import entered, kernel
from quasinewton._numba_ext.lazy import late
from quasinewton._numba_ext.linalg import copy, norm_inf
from quasinewton._numba_ext.operation_tables import at, framed
from quasinewton._numba_ext.tuples import borrow
from quasinewton._objective.interface import GRADIENT, OBJECTIVE, VALUE, attempt
from quasinewton.schedules import constant
from quasinewton.schedules.formulas import factor
from quasinewton.status import STATUS_NONFINITE, STATUS_RUNNING, STATUS_UNBOUNDED

_advance = performing(operations.advance)
_frame = framed((METHODS,), FRAME)


@kernel
def run(objective, method, schedule, state, each):
    """Run until the end, or until control must return to the caller.

    Parameters and result as for `line_search_loop.run`, with a Schedule in the place of the search.
    """
    # The caller holds references to the arrays, so the loop need not count them.
    state = borrow(state)
    return enter((_frame((method,), state), objective, schedule, state.memory, each))


@entered
def march(frame, objective, schedule, memory, each):
    """Evaluate and step as described at `run`; `frame` points to a Frame."""
    f_ = at(frame)
    x, g, p, x_trial, g_trial = f_.x, f_.g, f_.p, f_.x_trial, f_.g_trial
    s, trace = f_.scalars[0], f_.trace
    begin_slice(s)
    while s.want != NOTHING:
        f = s.f_trial
        if objective.address != 0 and not is_evaluated(s):
            lenient = s.phase != Phase.START
            f = attempt(objective.address, x_trial, g_trial, g_trial, s.want, objective.data, lenient)
            difference_limits.apply_type_rounding(objective, s)
            s.nfev += 1 + difference_limits.gradient_values(objective, x.size)
            s.njev += 1
        starting, resuming = s.phase == Phase.START, s.phase == Phase.RESUME
        g_norm = base.measure(memory, x if starting else p, g_trial)
        s.iterated = 0
        # x0 itself must be finite too: an objective may return finite values at a NaN.
        finite = np.isfinite(f) and np.isfinite(g_norm + 0.0 * norm_inf(x) if starting else g_norm)
        if starting:
            copy(p, x)
            s.f = s.f0 = f
            s.f_scale = max(1.0, max(abs(f), g_norm * max(1.0, norm_inf(x))))
            s.g_norm = g_norm
        elif finite and not resuming:
            s.nit += 1
            s.iterated = 1
            if s.xtol > 0.0:
                s.s_norm, s.x_norm = 0.0, norm_inf(p)
                for i in range(x.size):
                    s.s_norm = max(s.s_norm, abs(p[i] - x[i]))
        if finite or starting:  # the result reports f and g at x0 even if they are not finite
            copy(x, p)
            copy(g, g_trial)
        if finite:
            if not resuming:
                s.f_old, s.f, s.g_norm = s.f, f, g_norm
            if s.rows < trace.shape[0]:
                row = trace[s.rows]
                row[0], row[1], row[2], row[3] = f, g_norm, s.step, s.nfev
                s.rows += 1
            s.ending = ending_at_iterate(s, False)
        else:
            s.ending = STATUS_UNBOUNDED if f == -np.inf else STATUS_NONFINITE
        if s.ending == STATUS_RUNNING:
            s.phase, s.want = Phase.STEP, VALUE | GRADIENT
            s.step = factor(schedule, s.nit)
            _advance(f_.operations, (frame, f_.method, f_.memory))
            copy(x_trial, p)
        else:
            s.status, s.want = s.ending, NOTHING
        over = slice_over(s)
        if over or each == EACH_EVALUATION or (each and s.iterated) or (s.iterated and s.rows == trace.shape[0] > 0):
            break
    return s.want


_MEMORY = method_types(base.FIRST_ORDER[0])[1]
enter = late(march, types.int64(POINTER, OBJECTIVE, typeof(constant()), _MEMORY, types.int64))
