"""Loop of `root`: Newton's method for f(x) = 0, damped by a line search on ½‖f‖².

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), Algorithm 11.4 with the merit
function 11.35. If the Jacobian is singular the step is that of Levenberg and Marquardt, eq. 10.36,
which is always a descent direction of the merit function.
"""

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from quasinewton._floats import EPSILON, ROOT_EPSILON
from quasinewton._line_searches import protocol as searches
from quasinewton._line_searches.protocol import LINE
from quasinewton._loops.clock import SLICE, now
from quasinewton._numba_ext.jit import fragment, kernel
from quasinewton._numba_ext.linalg import (
    cholesky,
    cholesky_solve,
    copy,
    dot,
    norm_inf,
    point_on_line,
    solve,
)
from quasinewton._numba_ext.tuples import borrow
from quasinewton._objective.interface import GRADIENT, HESSIAN, attempt, call
from quasinewton.status import (
    STATUS_ITERATIONS,
    STATUS_NO_ROOT,
    STATUS_NONFINITE,
    STATUS_PRECISION,
    STATUS_ROOT,
    STATUS_RUNNING,
)

SEARCH = 1e-4, 40  # c1 and maxls; parameters of the backtracking search
STALLED = ROOT_EPSILON  # relative; a shortened step that reduces ½‖f‖² by less is at a minimum, not a root


# The fields of LINE come last: if they came first, Numba would take this record for a subtype of
# LINE and warn.
SCALARS = np.dtype(
    [
        ("status", "i8"),
        ("nit", "i8"),
        ("nfev", "i8"),
        ("njev", "i8"),
        ("norm", "f8"),  # ‖f‖_∞
        ("ftol", "f8"),
        ("xtol", "f8"),
        ("maxiter", "i8"),
        *LINE.descr,
    ],
    align=True,
)


@fragment
def newton_step(f, J, p, lu, work, sizes):
    """Write the Newton step to p and return the slope of ½‖f‖² along it.

    If J is singular, the step is that of Levenberg and Marquardt. `lu` and `work`, shape (n, n),
    and `sizes`, int32, shape (3,), are workspace.
    """
    n = f.size
    for i in range(n):
        p[i] = -f[i]
        for j in range(n):
            lu[j, i] = J[i, j]
    if solve(lu, p) and np.isfinite(norm_inf(p)):
        return -dot(f, f)
    # The step solves (JᵀJ + mu I) p = −Jᵀf, with mu small relative to JᵀJ and never zero.
    size = norm_inf(J.ravel())
    mu = ROOT_EPSILON * max(size * size, EPSILON)
    slope = 0.0
    for i in range(n):
        for j in range(n):
            work[i, j] = mu if i == j else 0.0
            for k in range(n):
                work[i, j] += J[k, i] * J[k, j]
        p[i] = 0.0
        for k in range(n):
            p[i] -= J[k, i] * f[k]
        lu[0, i] = p[i]
    if cholesky(work, sizes):
        cholesky_solve(work, p, sizes)
    for i in range(n):
        slope -= lu[0, i] * p[i]
    return slope


class State(NamedTuple):
    """Complete state of a run of `root` between two iterations.

    `x, f, p, x_trial, f_trial` have shape (n,), `J` has shape (n, n), and `scalars[0]` is a record
    SCALARS. f and J are the value and the Jacobian at x, p the step from x, and f_trial the value
    at x_trial. `lu` and `work`, shape (n, n), and `sizes`, int32, shape (3,), are workspace.
    """

    x: np.ndarray
    f: np.ndarray
    J: np.ndarray
    p: np.ndarray
    x_trial: np.ndarray
    f_trial: np.ndarray
    lu: np.ndarray
    work: np.ndarray
    sizes: np.ndarray
    scalars: np.ndarray


@register_jitable
def allocate(x, ftol, xtol, maxiter):
    """Make the state of a run that begins at x; x is not copied, and will be overwritten."""
    n = x.size
    scalars = np.zeros(1, SCALARS)
    s = scalars[0]
    s["status"], s["ftol"], s["xtol"], s["maxiter"] = STATUS_RUNNING, ftol, xtol, maxiter
    lu, work, sizes = np.empty((n, n)), np.empty((n, n)), np.empty(3, dtype=np.int32)
    return State(
        x, np.empty(n), np.empty((n, n)), np.empty(n), np.empty(n), np.empty(n), lu, work, sizes, scalars
    )


@kernel
def run(objective, search, state):
    """Iterate until the run ends or its slice of time is over.

    Parameters
    ----------
    objective : Objective
        A vector function.
    search : Armijo
    state : State
        Updated.

    Returns
    -------
    int
        The value of a Status; STATUS_RUNNING at the end of a slice, when the caller calls again.
    """
    # The caller holds references to the arrays, so the loop need not count them; an exception could
    # not decrement the counts.
    x, f, J, p, x_trial, f_trial, lu, work, sizes, scalars = borrow(state)
    s = scalars[0]
    begun = now()
    if s.nfev == 0:
        copy(x_trial, x)
        call(objective.address, x_trial, f, J, GRADIENT, objective.data)
        s.nfev = 1
        s.norm = norm_inf(f)
        if not np.isfinite(s.norm):
            s.status = STATUS_NONFINITE
    while s.status == STATUS_RUNNING:
        if s.norm <= s.ftol:
            s.status = STATUS_ROOT
            break
        if s.nit >= s.maxiter:
            s.status = STATUS_ITERATIONS
            break
        copy(x_trial, x)
        call(objective.address, x_trial, f, J, HESSIAN, objective.data)
        s.njev += 1
        s.nfev += objective.hessian_gradients
        merit = phi = 0.5 * dot(f, f)
        slope = newton_step(f, J, p, lu, work, sizes)
        if not slope < 0.0:
            s.status = STATUS_NO_ROOT if np.isfinite(norm_inf(J.ravel())) else STATUS_NONFINITE
            break
        searches.start(search, s, phi, slope, 1.0, np.inf)
        verdict = searches.Verdict.CONTINUE
        while verdict == searches.Verdict.CONTINUE:
            if s.count >= search.maxls or not point_on_line(x, s.alpha, p, x_trial):
                verdict = searches.Verdict.STUCK
                break
            attempt(objective.address, x_trial, f_trial, J, GRADIENT, objective.data, True)
            s.nfev += 1
            s.count += 1
            phi = 0.5 * dot(f_trial, f_trial)
            if np.isfinite(phi):
                verdict = searches.advance(search, s, phi, slope)
            else:
                s.alpha *= searches.SHRINK
        if verdict != searches.Verdict.ACCEPT:
            # If the Newton step is this small, x is a root to working precision, and rounding keeps
            # ½‖f‖² from decreasing.
            small = norm_inf(p) <= ROOT_EPSILON * max(1.0, norm_inf(x))
            s.status = STATUS_PRECISION if small else STATUS_NO_ROOT
            break
        point_on_line(x, s.alpha, p, x)
        copy(f, f_trial)
        s.norm = norm_inf(f)
        s.nit += 1
        if s.alpha < 1.0 and merit - phi <= STALLED * merit:
            s.status = STATUS_NO_ROOT
        elif s.alpha * norm_inf(p) <= s.xtol * max(1.0, norm_inf(x)):
            s.status = STATUS_ROOT
        if now() - begun > SLICE:
            break
    return s.status
