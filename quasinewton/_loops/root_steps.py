"""Steps of the loop of `root`, when they are negligible, and the differences they are made of.

Sources: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), Algorithm 11.4 and eq. 10.36; J.
J. Moré, The Levenberg-Marquardt algorithm, Numerical Analysis, LNM 630, 1978.
"""

import numpy as np

from quasinewton._floats import EPSILON, ROOT_EPSILON
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import cholesky, cholesky_solve, copy, dot, norm_inf, solve
from quasinewton._objective.finite_differences import EXACT, scales, wrapped_at
from quasinewton._objective.interface import HESSIAN, call

# A run with the default ftol ends with success if ‖f‖ is within it and the Newton step changes no
# variable by more than FINE of itself; or, where variables or the Jacobian vanish at the root, if f
# is GAIN of its first value and the step short.
FINE = 1e-7  # relative to each variable; seven of its digits stay as they are
GAIN = 1e-20  # multiple of ‖f(x0)‖
SHORT = 1e-3  # multiple of ‖x‖

# Cosine; f is orthogonal to all columns of J within it at a minimum of ½‖f‖², up to rounding.
ORTHOGONAL = 1e-10

# A difference of f that is this multiple of ε times ‖f‖ may be rounding.
HIDDEN = 64.0


@fragment
def newton_step(f, J, p, lu, work, sizes):
    """Write the Newton step to p; return the slope of ½‖f‖² along it, and True if J is regular.

    If J is singular, the step is that of Levenberg and Marquardt. `lu` and `work`, shape (n, n),
    and `sizes`, int32, shape (3,), are workspace.
    """
    n = f.size
    for i in range(n):
        p[i] = -f[i]
        for j in range(n):
            lu[j, i] = J[i, j]
    if solve(lu, p) and np.isfinite(norm_inf(p)):
        return -dot(f, f), True
    # The step solves (JᵀJ + mu I) p = −Jᵀf, with mu small relative to JᵀJ and never zero.
    size = norm_inf(J.ravel())
    mu = ROOT_EPSILON * max(size * size, EPSILON)
    normal_matrix(J, work)
    slope = 0.0
    for i in range(n):
        work[i, i] += mu
        p[i] = 0.0
        for k in range(n):
            p[i] -= J[k, i] * f[k]
        lu[0, i] = p[i]
    if cholesky(work, sizes):
        cholesky_solve(work, p, sizes)
    for i in range(n):
        slope -= lu[0, i] * p[i]
    return slope, False


@fragment
def normal_matrix(J, work):
    """Write JᵀJ to `work`."""
    n = J.shape[0]
    for i in range(n):
        for j in range(n):
            work[i, j] = 0.0
            for k in range(n):
                work[i, j] += J[k, i] * J[k, j]


@fragment
def damped_step(f, J, mu, scale, p, descent, work, sizes):
    """Write Levenberg and Marquardt's step, with the damping mu diag(scale)², to p.

    Return the decrease of ½‖f‖² that the model f + J p predicts; it is 0 where the gradient Jᵀf
    vanishes up to rounding, or the matrix is singular. −Jᵀf is written to `descent`. `work`, shape
    (n, n), and `sizes`, int32, shape (3,), are workspace.
    """
    n = f.size
    size = np.sqrt(dot(f, f))
    normal_matrix(J, work)
    largest = 0.0
    for i in range(n):
        p[i] = 0.0
        for k in range(n):
            p[i] -= J[k, i] * f[k]
        column = np.sqrt(work[i, i])
        if column > 0.0:
            largest = max(largest, abs(p[i]) / (column * size))
        else:
            work[i, i] = 1.0  # f does not depend on this variable, which stays as it is
        work[i, i] += mu * scale[i] * scale[i]
    if not largest > ORTHOGONAL:
        return 0.0
    gain = 0.0
    copy(descent, p)
    if not cholesky(work, sizes):
        return 0.0
    cholesky_solve(work, p, sizes)
    # ½‖f‖² − ½‖f + J p‖² = ½ (−Jᵀf)·p + ½ mu ‖D p‖², Moré (1978), eq. 4.4.
    for i in range(n):
        gain += 0.5 * descent[i] * p[i] + 0.5 * mu * (scale[i] * p[i]) * (scale[i] * p[i])
    return gain


@fragment
def is_negligible(objective, s, x, p, typical):
    """Return True if the step p, Newton's at or near x, is too short to matter.

    A value of f within ftol says little where f has small values, as in other units. A step of
    Newton's method does not depend on the units of f, and is compared with each variable. Steps
    shorter than those of the differences that the Jacobian is made of say nothing, either.
    """
    size, length, differenced = max(norm_inf(x), s.x0_norm), norm_inf(p), has_differenced_jacobian(objective)
    if s.norm <= GAIN * s.norm0 and length <= SHORT * size:
        return True
    for i in range(x.size):
        least = ROOT_EPSILON * typical[i] if differenced else EPSILON * size
        if not abs(p[i]) <= max(FINE * abs(x[i]), least):
            return False
    return True


@fragment
def has_differenced_jacobian(objective):
    """Return True if the Jacobian is made of differences."""
    return objective.precision != 0 and wrapped_at(objective.precision).hessian != EXACT


@fragment
def set_difference_scales(objective, x, typical):
    """Set the steps of differences to fit variables of the sizes `typical`, or larger ones at x.

    Return True if the Jacobian is made of differences, and the user has given no steps.
    """
    if not has_differenced_jacobian(objective):
        return False
    w = wrapped_at(objective.precision)
    if w.steps > 0:
        return False
    w.scaled = 1
    size = scales(w, x.size)
    for i in range(x.size):
        size[i] = max(typical[i], abs(x[i]))
    return True


@fragment
def has_hidden_columns(s, x, J, typical):
    """Return True if differences along some variable are hidden by rounding of f.

    The sizes of such variables in `typical`, which are those in x0, are set to 1.
    """
    hidden = False
    for j in range(x.size):
        if not typical[j] < 1.0:
            continue
        step, change = ROOT_EPSILON * max(typical[j], abs(x[j])), 0.0
        for i in range(x.size):
            change = max(change, abs(J[i, j]) * step)
        if change <= HIDDEN * EPSILON * max(s.norm, s.norm0):
            typical[j], hidden = 1.0, True
    return hidden


@fragment
def evaluate_jacobian(objective, s, x, f, J, x_trial, typical):
    """Write the Jacobian at x to J. x_trial is overwritten.

    Differences have steps that suit the sizes of the variables in x0. Where rounding of f hides the
    changes over them, they are replaced by those that suit a variable of size 1.
    """
    differenced = set_difference_scales(objective, x, typical)
    for turn in range(2):
        copy(x_trial, x)
        call(objective.address, x_trial, f, J, HESSIAN, objective.data)
        s.njev += 1
        s.nfev += objective.hessian_gradients
        if turn or not (differenced and has_hidden_columns(s, x, J, typical)):
            return
        set_difference_scales(objective, x, typical)
