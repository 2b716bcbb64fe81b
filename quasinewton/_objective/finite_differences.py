"""Finite differences of a wrapped objective, for derivatives that the user did not give.

`differenced` is the objective that wraps another one and has these derivatives. Steps balance
truncation and rounding (Nocedal & Wright, 2006, section 8.1): ε^(1/2) for forward and ε^(1/3) for
central differences of values, times max(1, |x_i|), rounded so that x + h − x = h exactly. The
complex step (Squire & Trapp, SIAM Review 40, 1998) subtracts nothing: with ε^(1/2) its truncation
error, of order h², is of the order of rounding. A smaller step would gain nothing, and would fail
where a function leaves rounding errors in the imaginary part, as compiled integer powers do.

ε is that of double precision unless f is known to be less precise, by the type of its values or by
its measured noise floor. Scales other than max(1, |x_i|) are given by the user or estimated; see
`noise`.

No point is evaluated outside the bounds: steps change sign, are shortened where the box is narrow,
and central differences become one-sided differences of the same order. A fixed variable (equal
bounds) has derivative 0, at no cost.
"""

import numba
import numpy as np
from numba.extending import register_jitable

from quasinewton._floats import EPSILON, ROOT_EPSILON
from quasinewton._numba_ext.arrays import record_viewer
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import copy
from quasinewton._objective.box import clipped
from quasinewton._objective.interface import COMPLEX, GRADIENT, VALUE, attempt, call, vector

# Schemes of derivatives.
EXACT = 0
FORWARD = 1
CENTRAL = 2
COMPLEX_STEP = 3

ROOT2 = ROOT_EPSILON
ROOT3 = EPSILON ** (1 / 3)
ROOT4 = EPSILON ** (1 / 4)
# Count and ratio; a step that leads where f is not finite is shortened so often, and by this.
RETREATS, RETREAT = 8, 16.0
ULPS = 16.0  # in units of ε |x_i|; least step of a variable with a given or estimated scale

WRAPPED = np.dtype(
    [
        ("address", "i8"),  # address of the wrapped objective
        ("data", "i8"),  # data of the wrapped objective
        ("gradient", "i8"),  # scheme of the gradient
        ("hessian", "i8"),  # scheme of the Hessian or of products with it
        ("symmetric", "i8"),  # 1 for a Hessian, 0 for the Jacobian of a vector function
        ("relative", "i8"),  # 1 if the given steps multiply |x_i|
        ("steps", "i8"),  # number of given steps: 0, 1 or n
        ("step", "i8"),  # address of the given steps
        ("probe", "i8"),  # address of 2n doubles of workspace, the n scales in use, and the n scales given
        ("given", "i8"),  # 1 if the user gave scales
        ("scaled", "i8"),  # 1 if scales are in use
        ("adaptive", "i8"),  # 1 if steps may be estimated because none is given
        ("sharpens", "i8"),  # 1 if forward differences may become central ones because they are only a default
        ("first", "i8"),  # scheme of the gradient at the start of a run
        ("precision", "i8"),  # address of the record with the precision of values and gradients; 0 if it is this one
        ("low", "i8"),  # address of the lower bounds, n doubles; 0 without bounds
        ("high", "i8"),  # address of the upper bounds, n doubles
        ("kept", "i8"),  # 1 if the Hessian of the last point is kept; see `kept_hessian`
        ("f", "f8"),  # value at the point whose gradient is requested next
        ("f_eps", "f8"),  # relative rounding or noise of values if above that of double, else 0
        ("g_eps", "f8"),  # relative rounding of gradients if coarser than double, else 0
        ("f_type", "f8"),  # initial f_eps, determined by the type of the values
        ("noise", "f8"),  # absolute noise floor of values; 0 until it is measured
        ("inverse", "f8"),  # 1/h of the shortest step h of the last gradient
        ("error", "f8"),  # error bound of that gradient due to rounding alone, in units f/x
        ("bend", "f8"),  # largest |second difference| of that gradient, divided by the scale of its variable
        ("blind", "i8"),  # number of differences of that gradient that were exactly 0
        ("refined", "i8"),  # number of times that scales have been estimated
        ("extra", "i8"),  # values of gradients beyond n or 2n that are not counted yet
    ],
    align=True,
)
wrapped_at = record_viewer(numba.from_dtype(WRAPPED))


@register_jitable
def costs(gradient, hessian, n):
    """Return the values that a gradient costs, and the values and gradients that a Hessian costs.

    n is the number of variables that are not fixed.
    """
    values = 0 if gradient == EXACT else 2 * n if gradient == CENTRAL else n
    if hessian == EXACT:
        return values, 0, 0
    if gradient == EXACT:
        return values, 0, 2 * n if hessian == CENTRAL else n
    return values, 1 + 2 * n + n * (n - 1) // 2, 0


@fragment
def root(epsilon, order):
    """Return ε^(1/order) for the relative rounding ε of a function, at least that of doubles."""
    if epsilon <= EPSILON:
        return ROOT2 if order == 2 else ROOT3 if order == 3 else ROOT4
    return epsilon ** (1.0 / order)


@fragment
def scales(w, n):
    """Return the scales of the variables; valid if `w.scaled` is set."""
    return vector(w.probe + 16 * n, n)


@fragment
def begin(w, n):
    """Reset what was measured of f, before a new run."""
    w.scaled, w.gradient, w.f_eps = w.given, w.first, w.f_type
    w.noise = w.error = w.bend = 0.0
    w.blind = w.refined = w.extra = 0
    if w.given:
        copy(scales(w, n), vector(w.probe + 24 * n, n))


@fragment
def step_for(w, x, i, fraction):
    """Return the step for component i of x, exactly representable: x + h − x == h.

    `fraction` is the step of the scheme for a variable of scale 1. The step points away from zero,
    so that no sign is crossed.
    """
    usual = fraction * max(1.0, abs(x[i]))
    if w.scaled:
        usual = max(fraction * scales(w, x.size)[i], ULPS * EPSILON * abs(x[i]))
    h = usual
    if w.steps > 0:
        given = vector(w.step, w.steps)[i % w.steps]
        h = given * abs(x[i]) if w.relative else given
    if x[i] < 0.0:
        h, usual = -h, -usual
    moved = x[i] + h
    if moved == x[i]:  # The given step vanishes in x + h, so the usual step replaces it.
        moved = x[i] + usual
    return moved - x[i]


@fragment
def room(w, x, i):
    """Return how far component i of x can decrease and increase within the bounds."""
    if w.low == 0:
        return np.inf, np.inf
    return x[i] - vector(w.low, x.size)[i], vector(w.high, x.size)[i] - x[i]


@fragment
def is_fixed(w, n, i):
    """Return True if the bounds of component i are equal."""
    return w.low != 0 and vector(w.low, n)[i] == vector(w.high, n)[i]


@fragment
def turned(w, x, i, h, reach):
    """Return a step h with x + reach·h within the bounds.

    If h itself is not feasible, its sign is changed; if neither sign is feasible, h is shortened to
    the larger room.
    """
    down, up = room(w, x, i)
    ahead, behind = (up, down) if h > 0.0 else (down, up)
    if reach * abs(h) <= ahead:
        return h
    if reach * abs(h) > behind:
        longest = max(ahead, behind) / reach
        h = longest if h > 0.0 else -longest
    moved = x[i] + (h if ahead > behind else -h)
    return moved - x[i]


@fragment
def is_central(w, x, i, h):
    """Return True if both x + h and x − h are within the bounds."""
    down, up = room(w, x, i)
    return abs(h) <= down and abs(h) <= up


@fragment
def beside(w, x, i, h, point):
    """Write x + h e_i to `point`, within the bounds.

    All of x is copied because the user's function may overwrite `point`.
    """
    copy(point, x)
    point[i] = x[i] + h
    if w.low != 0:  # Rounding of x + h must not cross a bound.
        point[i] = clipped(point[i], vector(w.low, x.size)[i], vector(w.high, x.size)[i])


@fragment
def value_beside(w, x, i, h, probe):
    """Return the wrapped value at x + h e_i; probe[:n] is overwritten.

    Only at x itself does an exception which says that f has no value pass through.
    """
    point = probe[: x.size]
    beside(w, x, i, h, point)
    return attempt(w.address, point, point, point, VALUE, w.data, h != 0.0)


@fragment
def gradient_of_values(w, x, g, probe):
    """Write the gradient at x to g by differences of values; w.f is f(x).

    Record in w the error bound due to rounding of f, and the number of differences equal to 0.
    """
    n = x.size
    noise = max(w.noise, max(EPSILON, w.f_eps) * abs(w.f))
    w.inverse, w.bend, w.blind = 0.0, 0.0, 0
    for i in range(n):
        if is_fixed(w, n, i):
            g[i] = 0.0
        elif w.gradient == COMPLEX_STEP:
            h = step_for(w, x, i, ROOT2)
            for j in range(n):
                probe[2 * j] = x[j]
                probe[2 * j + 1] = 0.0
            probe[2 * i + 1] = h
            # The length passed on is the number of variables n, although x holds 2n doubles.
            g[i] = call(w.address, probe[:n], g, g, COMPLEX, w.data) / h
        else:
            h = step_for(w, x, i, root(w.f_eps, 2 if w.gradient == FORWARD else 3))
            if w.gradient == FORWARD:
                h = turned(w, x, i, h, 1.0)
            g[i], h = slope_beside(w, x, i, h, w.gradient == CENTRAL, probe)
            w.inverse = max(w.inverse, 1.0 / abs(h))
            w.blind += g[i] == 0.0
    w.error = noise * w.inverse


@fragment
def slope_beside(w, x, i, h, central, probe):
    """Return the difference quotient along x_i, forward or of second order, and its step.

    Where f is not finite beside x, the step becomes shorter.
    """
    quotient, step = slope_over(w, x, i, h, central, probe)
    if np.isfinite(quotient) or not np.isfinite(w.f):
        return quotient, step
    for _ in range(RETREATS):
        h = (x[i] + h / RETREAT) - x[i]
        if h == 0.0:
            break
        w.extra += 2 if central else 1
        closer, short = slope_over(w, x, i, h, central, probe)
        if np.isfinite(closer):
            return closer, short
    return quotient, step


@fragment
def slope_over(w, x, i, h, central, probe):
    """Return the difference quotient along x_i over a step h, and the step taken."""
    if not central:
        return (value_beside(w, x, i, h, probe) - w.f) / h, h
    if is_central(w, x, i, h):
        ahead, behind = value_beside(w, x, i, h, probe), value_beside(w, x, i, -h, probe)
        scale = scales(w, x.size)[i] if w.scaled else max(1.0, abs(x[i]))
        if np.isfinite(ahead) and np.isfinite(behind):
            w.bend = max(w.bend, abs(ahead - 2.0 * w.f + behind) / scale)
        return (ahead - behind) / (2.0 * h), h
    h = turned(w, x, i, h, 2.0)
    ahead = value_beside(w, x, i, h, probe)
    return (4.0 * ahead - 3.0 * w.f - value_beside(w, x, i, 2.0 * h, probe)) / (2.0 * h), h


@fragment
def hessian_of_gradients(w, x, g, h, probe):
    """Write the difference of the wrapped gradient along x_i to row i of h; g is the gradient at x.

    For a vector function in place of the gradient the rows form the transpose of its Jacobian.
    """
    n = x.size
    point, other = probe[:n], probe[n:]
    for i in range(n):
        ahead = h[i]
        if is_fixed(w, n, i):
            for j in range(n):
                ahead[j] = 0.0
            continue
        central = w.hessian == CENTRAL
        step = step_for(w, x, i, root(w.g_eps, 3 if central else 2))
        both = central and is_central(w, x, i, step)
        if not both:
            step = turned(w, x, i, step, 2.0 if central else 1.0)
        beside(w, x, i, step, point)
        attempt(w.address, point, ahead, point, GRADIENT, w.data, True)
        if central:
            beside(w, x, i, -step if both else 2.0 * step, point)
            attempt(w.address, point, other, point, GRADIENT, w.data, True)
        for j in range(n):
            if both:
                ahead[j] = (ahead[j] - other[j]) / (2.0 * step)
            elif central:
                ahead[j] = (4.0 * ahead[j] - 3.0 * g[j] - other[j]) / (2.0 * step)
            else:
                ahead[j] = (ahead[j] - g[j]) / step


@fragment
def hessian_of_values(w, x, h, probe):
    """Write the Hessian at x to h by second differences of values, with steps ε^(1/4).

    h_ij = (f(x+a+b) − f(x+a) − f(x+b) + f(x)) / (a b), N&W (2006) eq. 8.21.
    """
    n = x.size
    single = probe[n:]
    f = value_beside(w, x, 0, 0.0, probe)
    for i in range(n):
        if not is_fixed(w, n, i):
            single[i] = value_beside(w, x, i, step_of_second(w, x, i), probe)
    for i in range(n):
        if is_fixed(w, n, i):
            for j in range(n):
                h[i, j] = h[j, i] = 0.0
            continue
        a = step_of_second(w, x, i)
        for j in range(i):
            if not is_fixed(w, n, j):
                b = step_of_second(w, x, j)
                point = probe[:n]
                beside(w, x, i, a, point)
                point[j] = x[j] + b
                both = attempt(w.address, point, point, point, VALUE, w.data, True)
                h[i, j] = h[j, i] = (both - single[i] - single[j] + f) / (a * b)
        if is_central(w, x, i, a):
            h[i, i] = (single[i] - 2.0 * f + value_beside(w, x, i, -a, probe)) / (a * a)
        else:
            h[i, i] = (f - 2.0 * single[i] + value_beside(w, x, i, 2.0 * a, probe)) / (a * a)


@fragment
def step_of_second(w, x, i):
    """Return a step h for second differences of values: x ± h, or x + 2h, is feasible."""
    h = step_for(w, x, i, root(w.f_eps, 4))
    return h if is_central(w, x, i, h) else turned(w, x, i, h, 2.0)
