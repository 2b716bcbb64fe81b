"""What gradients made of differences of f can see: their noise, their steps and their limits.

These are the questions that the loop and the checks at the end of a run (`final_check`) ask about
differences. A difference errs by noise(f)/h and by truncation; it says nothing where it is exactly
0 on a stair of f; and its steps, once they are fitted to f, show scales of the variables.
"""

import numpy as np

from quasinewton._floats import EPSILON
from quasinewton._line_searches.protocol import NOISE
from quasinewton._loops.state import NOTHING
from quasinewton._loops.stopping import PRECISION
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import copy, norm_inf
from quasinewton._objective.box import clipped, is_active
from quasinewton._objective.finite_differences import (
    CENTRAL,
    FORWARD,
    begin,
    is_central,
    root,
    scales,
    step_for,
    wrapped_at,
)
from quasinewton._objective.interface import GRADIENT, VALUE, attempt
from quasinewton._objective.noise import COUNT, noise_near

DROWNED = 8.0  # multiple of its rounding error; a gradient by differences up to this may be 0
# Multiple of the step h of a one-sided difference; a step towards the minimiser up to this is of
# its order. f is then within 100 h² f″ ≈ 100 ε x² f″ of its minimum, which is less than the
# decrease `stopping.PREDICTED_OF_F` that may be left, relative to f.
NEAR = 10.0
SMALL = 1e-3  # ‖x‖_∞; default steps of one-sided differences are longer than 1e-5 of it below
EXCEEDED = 4.0  # multiple of the measured noise; a difference up to this may be noise alone
JUMP = 0.1  # multiple of max(|f|, |f₀|); values close by that differ by more jump, which is no noise
CRAWLING = 1e-6  # multiple of the predicted decrease; an iteration that lowers f by less crawls
# Relative to max(1, |x_i|); distances at which f is evaluated where a difference is exactly 0.
DISTANCES = np.array([1e-1, -1e-1, 1e-2, -1e-2, 1e-4, -1e-4])


@fragment
def prepare(objective, s, n):
    """Reset the objective's record of precision before a run begins."""
    if objective.precision and s.nfev == 0 and s.nit == 0:
        w = wrapped_at(objective.precision)
        if w.probe:
            begin(w, n)


@fragment
def gradient_values(objective, n):
    """Return the number of values that a gradient costs at present.

    Central differences cost twice as many as the one-sided differences that a run begins with. The
    values that the last gradient needed beyond that are included, once.
    """
    if objective.precision:
        w = wrapped_at(objective.precision)
        extra, w.extra = w.extra, 0
        return extra + objective.values * (2 if w.first == FORWARD and w.gradient == CENTRAL else 1)
    return objective.values


@fragment
def counted_trial(objective, s, point, g, wanted):
    """Evaluate f, its gradient, or both at a trial point; return f, and add to the counts.

    Parameters
    ----------
    objective : Objective
    s : record SCALARS
    point : ndarray, float64, shape (n,)
        May be overwritten by the objective.
    g : ndarray, float64, shape (n,)
        Overwritten if the gradient is wanted.
    wanted : int
        VALUE, GRADIENT or VALUE | GRADIENT.
    """
    f = attempt(objective.address, point, g, point, wanted, objective.data, True)
    if wanted & VALUE:
        s.nfev += 1
    if wanted & GRADIENT:
        s.njev += 1
        s.nfev += gradient_values(objective, point.size)
    return f


@fragment
def apply_type_rounding(objective, s):
    """Raise the relative noise to the rounding of the type in which values are returned."""
    if objective.precision:
        w = wrapped_at(objective.precision)
        if w.f_type > 0.0:
            s.rough = max(s.rough, NOISE * w.f_type)


@fragment
def is_curvature_rough(objective):
    """Return True if second derivatives are made of differences.

    Products with them count if they are made of differences of values.
    """
    if not objective.precision:
        return False
    w = wrapped_at(objective.precision)
    return objective.hessian_values > 0 or w.hessian == FORWARD or w.hessian == CENTRAL


@fragment
def is_differenced(objective):
    """Return True if the gradient is made of differences of f."""
    if not objective.precision:
        return False
    w = wrapped_at(objective.precision)
    return w.gradient == FORWARD or w.gradient == CENTRAL


@fragment
def has_truncation_error(w, s, size):
    """Return True if truncation may falsify differences with default steps, for x of this size.

    The truncation error h²f‴/6 of central ones is of the order of a second difference over the
    scale of the variable. All are in doubt where variables are so small that the steps, which suit
    variables of size 1, are long beside them. Steps that have been fitted to the function are
    exempt.
    """
    if not w.adaptive or w.refined > 0:
        return False
    small = w.scaled == 0 and 0.0 < size <= SMALL
    return small or (w.gradient == CENTRAL and w.bend > s.gtol)


@fragment
def is_exhausted(objective, s, x, p):
    """Return True if one-sided differences can improve no more on an iterate.

    Rounding of f may account for the whole gradient; or the steps of the differences, by which they
    miss a minimiser, are as long as the step p that the model proposes; or f hardly falls although
    the model predicts that it does.
    """
    if not (objective.precision and s.iterated and s.want != NOTHING and s.g_norm > s.gtol):
        return False
    w = wrapped_at(objective.precision)
    if not (w.sharpens and w.gradient == FORWARD):
        return False
    if s.g_norm <= DROWNED * w.error:
        return True
    if s.restarted != 0:
        return False
    return s.f_old - s.f <= CRAWLING * s.predicted or is_within_spacing(objective, x, p, 1.0)


@fragment
def is_within_spacing(objective, x, p, multiple):
    """Return True if p, the step to the minimiser of a model, is of the order of difference steps.

    No variable changes by more than `multiple` such steps. They are those of one-sided differences,
    which vanish half a step beside the minimiser of a quadratic, and lead no nearer. Central
    differences do, but they rest on the same scales of the variables, relative to which p is
    negligible. Central differences with given steps say nothing of scales.
    """
    if not is_differenced(objective):
        return False
    w = wrapped_at(objective.precision)
    if w.gradient == CENTRAL and w.steps > 0:
        return False
    fraction = root(w.f_eps, 2)
    for i in range(x.size):
        if not abs(p[i]) <= multiple * abs(step_for(w, x, i, fraction)):
            return False
    return True


@fragment
def is_near(objective, s, x, p):
    """Return True if p, the step to the minimiser of a model, is negligible by difference steps.

    Default steps are relative to variables of size 1. Where all variables are smaller, in x and at
    the start, they are long, and p is compared with what they would be relative to the largest.
    """
    if not is_differenced(objective):
        return False
    w, size = wrapped_at(objective.precision), max(norm_inf(x), s.x0_norm)
    default = w.steps == 0 and w.scaled == 0 and 0.0 < size < 1.0
    return is_within_spacing(objective, x, p, NEAR * size if default else NEAR)


@fragment
def first_step(objective, s, x, p, slope, alpha):
    """Return the first step alpha along p of a run without a model, shortened where f shows scales.

    No variable then changes by more than its scale, if that is given or was estimated for the
    differences, nor does the slope promise more than twice the decrease so far (Nocedal & Wright,
    2006, eq. 3.60, has the last decrease in its place).
    """
    if not is_differenced(objective):
        return alpha
    if s.f < s.f0:
        alpha = min(alpha, 2.0 * (s.f0 - s.f) / abs(slope))
    return within_scales(objective, x, p, alpha)


@fragment
def within_scales(objective, x, p, alpha):
    """Return the step alpha along p, shortened so that no variable changes by more than its scale.

    Only scales that are given or estimated count.
    """
    if not is_differenced(objective):
        return alpha
    w = wrapped_at(objective.precision)
    if w.scaled:
        scale = scales(w, x.size)
        for i in range(x.size):
            alpha = scale[i] / abs(p[i]) if alpha * abs(p[i]) > scale[i] else alpha
    return alpha


@fragment
def move_variable(x, k, length, low, high, point):
    """Write x with x_k changed by `length` relative to its size, within the bounds, to `point`."""
    copy(point, x)
    point[k] = x[k] + length * max(1.0, abs(x[k]))
    if low.size:
        point[k] = clipped(point[k], low[k], high[k])


@fragment
def unseen_descent(objective, s, x, g, point, low, high):
    """Find a variable along which f falls although its difference is exactly 0.

    A difference of 0 says that f is flat over its step: at a stationary point, or on a stair. Up to
    six values a variable are evaluated, and added to `s.nfev`; `point` is overwritten.

    Returns
    -------
    (int, float)
        The variable, −1 if there is none, and its relative change that leads lower.
    """
    for k in range(x.size):
        if g[k] != 0.0:
            continue
        for j in range(DISTANCES.size):
            move_variable(x, k, DISTANCES[j], low, high, point)
            if point[k] == x[k]:
                continue
            f = counted_trial(objective, s, point, point, VALUE)
            if f < s.f - max(s.noise, PRECISION * abs(s.f)):
                return k, DISTANCES[j]
    return -1, 0.0


@fragment
def separate_decrease(objective, s, w, x, g, noise, low, high, point):
    """Return the decrease that the variables one by one have left, Σ ½ g_i² / f″_ii.

    It does not depend on a model. Second derivatives are second differences over the steps of the
    gradient, of which two values a variable are evaluated. A difference within the noise counts as
    0. If another one shows no curvature, the result is infinity. `point` is overwritten.
    """
    total, fraction = 0.0, root(w.f_eps, 3)
    for i in range(x.size):
        h = step_for(w, x, i, fraction)
        balanced = low.size and is_active(x[i], g[i], low[i], high[i])
        if balanced or abs(g[i] * h) <= EXCEEDED * noise:
            continue
        if not is_central(w, x, i, h):
            return np.inf
        second = -2.0 * s.f
        for way in (h, -h):
            copy(point, x)
            point[i] = x[i] + way
            second += counted_trial(objective, s, point, point, VALUE)
        if not second > EXCEEDED * noise:
            return np.inf
        total += 0.5 * (g[i] * h) ** 2 / second
    return total


@fragment
def measured(objective, s, x, only, point, size, low, high):
    """Measure the noise of f near x, and return it or ε|f|, whichever is larger.

    All variables move, or `only` the one of this number if it is not negative: f may have stairs
    along it that its changes along the others hide. The evaluations are added to `s.nfev`. `point`
    and `size` are overwritten.
    """
    table = np.empty(COUNT)
    for i in range(x.size):
        size[i] = max(1.0, abs(x[i])) if only < 0 or i == only else 0.0
    noise, count = noise_near(objective, x, low, high, size, point, table)
    s.nfev += count
    least = EPSILON * abs(s.f)
    return max(noise, least) if noise <= JUMP * max(abs(s.f), abs(s.f0)) else least
