"""Loop of `root`: Newton's method for f(x) = 0, damped by a line search on ½‖f‖².

Source: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), Algorithm 11.4 with the merit
function 11.35. If the Jacobian is singular the step is that of Levenberg and Marquardt, eq. 10.36,
which is always a descent direction of the merit function.

The line search may end near a point where the Jacobian is singular, which is no minimum of the
merit function (ibid., section 11.2): Newton's direction is there nearly orthogonal to its gradient.
From steps that had to be shortened much, the run therefore goes on by Levenberg and Marquardt's
method in the scaled form of J. J. Moré (The Levenberg-Marquardt algorithm, Numerical Analysis, LNM
630, 1978), until its damping has become negligible.

What `is_negligible` tests, with the default ftol, are steps: values of f alone depend on its units.
"""

from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from quasinewton._floats import ROOT_EPSILON
from quasinewton._line_searches import protocol as searches
from quasinewton._line_searches.protocol import LINE
from quasinewton._loops.clock import SLICE, now
from quasinewton._loops.root_steps import damped_step, evaluate_jacobian, is_negligible, newton_step
from quasinewton._numba_ext.jit import fragment, kernel
from quasinewton._numba_ext.linalg import copy, dot, norm_inf, point_on_line
from quasinewton._numba_ext.tuples import borrow
from quasinewton._objective.interface import GRADIENT, attempt, call
from quasinewton.status import (
    STATUS_ITERATIONS,
    STATUS_NO_ROOT,
    STATUS_NONFINITE,
    STATUS_PRECISION,
    STATUS_ROOT,
    STATUS_RUNNING,
)

SEARCH = 1e-4, 40  # c1 and maxls; parameters of the backtracking search
STALLED = ROOT_EPSILON  # relative; a damped step that reduces ½‖f‖² by less is at a minimum, not a root

REDUCED = 1e-10  # multiple of ‖f(x0)‖; ‖f‖ that counts as 0 where it is within ftol and falls no further

# Damping of Levenberg and Marquardt's steps, mu, relative to the squared norms of the columns of J.
SHORTENED = 0.1  # multiple of Newton's step; after a shorter one the next step is damped
FIRST_DAMPING, LEAST_DAMPING = 1e-2, 1e-6  # at the first such step; below the second steps are Newton's again
LOWER, HIGHER = 0.1, 4.0  # factors of mu, after a step as good as predicted, and after one too long
POOR, GOOD = 0.25, 0.75  # ratios of actual and predicted decrease; Moré (1978)

# The fields of LINE come last: if they came first, Numba would take this record for a subtype of
# LINE and warn.
SCALARS = np.dtype(
    [
        ("status", "i8"),
        ("nit", "i8"),
        ("nfev", "i8"),
        ("njev", "i8"),
        ("norm", "f8"),  # ‖f‖_∞
        ("norm0", "f8"),  # ‖f(x0)‖_∞
        ("x0_norm", "f8"),  # ‖x0‖_∞
        ("damping", "f8"),  # mu of the next step; 0 for Newton's
        ("ftol", "f8"),
        ("ftol_is_default", "i8"),
        ("xtol", "f8"),
        ("maxiter", "i8"),
        *LINE.descr,
    ],
    align=True,
)


class State(NamedTuple):
    """Complete state of a run of `root` between two iterations.

    `x, f, p, x_trial, f_trial` have shape (n,), `J` has shape (n, n), and `scalars[0]` is a record
    SCALARS. f and J are the value and the Jacobian at x, p the step from x, and f_trial the value
    at x_trial. `scale`, shape (n,), holds the largest norms of the columns of J so far, and
    `typical`, shape (n,), sizes of the variables for differences. `lu` and `work`, shape (n, n),
    and `sizes`, int32, shape (3,), are workspace.
    """

    x: np.ndarray
    f: np.ndarray
    J: np.ndarray
    p: np.ndarray
    x_trial: np.ndarray
    f_trial: np.ndarray
    scale: np.ndarray
    typical: np.ndarray
    lu: np.ndarray
    work: np.ndarray
    sizes: np.ndarray
    scalars: np.ndarray


@register_jitable
def allocate(x, ftol, xtol, maxiter, ftol_is_default):
    """Make the state of a run that begins at x; x is not copied, and will be overwritten."""
    n = x.size
    scalars = np.zeros(1, SCALARS)
    s = scalars[0]
    s["status"], s["ftol"], s["xtol"], s["maxiter"] = STATUS_RUNNING, ftol, xtol, maxiter
    s["ftol_is_default"] = ftol_is_default
    typical = np.ones(n)
    for i in range(n):
        s["x0_norm"] = max(s["x0_norm"], abs(x[i]))
        typical[i] = abs(x[i]) if x[i] != 0.0 else 1.0
    lu, work, sizes = np.empty((n, n)), np.empty((n, n)), np.empty(3, dtype=np.int32)
    vectors = np.empty(n), np.empty(n), np.empty(n), np.zeros(n), typical
    # Results hold NaN for what was not evaluated.
    return State(x, np.full(n, np.nan), np.full((n, n), np.nan), *vectors, lu, work, sizes, scalars)


@fragment
def search_newton(objective, search, s, x, f, J, p, x_trial, f_trial, slope):
    """Search along Newton's step p; return True if a point is acceptable, and ½‖f‖² there.

    x_trial and f_trial are overwritten.
    """
    phi = 0.5 * dot(f, f)
    searches.start(search, s, phi, slope, 1.0, np.inf)
    while s.count < search.maxls and point_on_line(x, s.alpha, p, x_trial):
        phi = trial_merit(objective, s, J, x_trial, f_trial)
        s.count += 1
        if not np.isfinite(phi):
            s.alpha *= searches.SHRINK
            continue
        verdict = searches.advance(search, s, phi, slope)
        if verdict != searches.Verdict.CONTINUE:
            return verdict == searches.Verdict.ACCEPT, phi
    return False, phi


@fragment
def is_reduced(s):
    """Return True if ‖f‖, which falls no further, is within ftol and negligible beside ‖f(x0)‖."""
    return s.norm <= min(s.ftol, REDUCED * s.norm0)


@fragment
def trial_merit(objective, s, J, x_trial, f_trial):
    """Write f(x_trial) to f_trial and return ½‖f‖² there, NaN where f has no value."""
    attempt(objective.address, x_trial, f_trial, J, GRADIENT, objective.data, True)
    s.nfev += 1
    return 0.5 * dot(f_trial, f_trial)


@fragment
def search_damped(objective, search, s, x, f, J, p, x_trial, f_trial, scale, work, sizes):
    """Increase the damping until ½‖f‖² decreases; return True, and its value, if it does.

    p becomes the step, of length s.alpha = 1. The second result is NaN, and the first False, if no
    damped step promises or brings a decrease.
    """
    n, merit = x.size, 0.5 * dot(f, f)
    for j in range(n):
        column = 0.0
        for i in range(n):
            column += J[i, j] * J[i, j]
        scale[j] = max(scale[j], np.sqrt(column))
    s.alpha = 1.0
    for _ in range(search.maxls):
        gain = damped_step(f, J, s.damping, scale, p, f_trial, work, sizes)
        if not gain > 0.0 or not point_on_line(x, 1.0, p, x_trial):
            return False, np.nan
        phi = trial_merit(objective, s, J, x_trial, f_trial)
        ratio = (merit - phi) / gain
        if ratio >= search.c1:
            if merit - phi <= STALLED * merit and gain <= STALLED * merit:
                s.status = STATUS_NO_ROOT
            if ratio > GOOD:
                s.damping *= LOWER
            elif ratio < POOR:
                s.damping *= HIGHER
            if s.damping < LEAST_DAMPING:
                s.damping = 0.0
            return True, phi
        s.damping *= HIGHER
    return False, np.nan


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
    x, f, J, p, x_trial, f_trial, scale, typical, lu, work, sizes, scalars = borrow(state)
    s = scalars[0]
    begun = now()
    if s.nfev == 0:
        copy(x_trial, x)
        call(objective.address, x_trial, f, J, GRADIENT, objective.data)
        s.nfev = 1
        s.norm = s.norm0 = norm_inf(f)
        if not np.isfinite(s.norm):
            s.status = STATUS_NONFINITE
    while s.status == STATUS_RUNNING:
        within = s.norm <= s.ftol
        if within and s.njev > 0 and s.norm > 0.0 and s.ftol_is_default:
            _, regular = newton_step(f, J, p, lu, work, sizes)  # by the Jacobian of the last iterate
            within = regular and is_negligible(objective, s, x, p, typical)
        if within and (s.njev > 0 or s.norm == 0.0 or not s.ftol_is_default):
            s.status = STATUS_ROOT
            break
        if s.nit >= s.maxiter:
            s.status = STATUS_ITERATIONS
            break
        evaluate_jacobian(objective, s, x, f, J, x_trial, typical)
        if not np.isfinite(norm_inf(J.ravel())):
            s.status = STATUS_NONFINITE
            break
        slope, regular = newton_step(f, J, p, lu, work, sizes)
        if s.norm <= s.ftol and regular and is_negligible(objective, s, x, p, typical):
            s.status = STATUS_ROOT
            break
        newton = norm_inf(p)
        merit, accepted, phi = 0.5 * dot(f, f), False, np.nan
        undamped = s.damping == 0.0
        if undamped and slope < 0.0:
            accepted, phi = search_newton(objective, search, s, x, f, J, p, x_trial, f_trial, slope)
        stalled = accepted and s.alpha < 1.0 and merit - phi <= STALLED * merit
        # If the Newton step is this small, x is a root to working precision, and rounding keeps
        # ½‖f‖² from decreasing.
        precise = regular and newton <= ROOT_EPSILON * max(norm_inf(x), s.x0_norm)
        if undamped and not accepted and precise:
            s.status = STATUS_PRECISION
            break
        if not undamped or not accepted:
            s.damping = FIRST_DAMPING if undamped else s.damping
            accepted, phi = search_damped(objective, search, s, x, f, J, p, x_trial, f_trial, scale, work, sizes)
            undamped = False
        if not accepted:
            s.status = STATUS_ROOT if is_reduced(s) else STATUS_PRECISION if precise else STATUS_NO_ROOT
            break
        point_on_line(x, s.alpha, p, x)
        copy(f, f_trial)
        s.norm = norm_inf(f)
        s.nit += 1
        if s.status == STATUS_NO_ROOT and is_reduced(s):
            s.status = STATUS_ROOT
        if undamped and (stalled or s.alpha < SHORTENED):
            s.damping = FIRST_DAMPING
        full = undamped and regular and s.alpha == 1.0
        if full and norm_inf(p) <= s.xtol * max(norm_inf(x), s.x0_norm):
            s.status = STATUS_ROOT
        if now() - begun > SLICE:
            break
    return s.status
