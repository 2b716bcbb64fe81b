"""Finite differences as an objective: derivatives where the user gave none, behind the same
contract.

An objective that lacks derivatives is wrapped in another one that has them. Steps are those that
balance truncation and rounding (Nocedal & Wright, 2006, section 8.1): ε^(1/2) for forward and
ε^(1/3) for central differences of values, times max(1, |x_i|), rounded so that x + h − x = h
exactly. The complex step (Squire & Trapp, SIAM Review 40, 1998) subtracts nothing: with ε^(1/2) its
truncation error, of order h², is rounding. A smaller step would gain nothing, and would lose all
where a function leaves rounding in the imaginary part, as compiled integer powers do.

ε is that of double precision until f is known to be coarser: by the type of its values, or because
its noise has been measured. Scales other than max(1, |x_i|) are given by the user, or learnt; see
`noise`.

Where there are bounds no point lies outside them: steps turn inwards, are shortened where the box
is narrow, and central differences become one-sided ones of the same order. A variable that is fixed
has derivative 0, at no cost.
"""

import functools

import numba
import numpy as np
from numba.extending import register_jitable

from quasinewton.numba_ext.addresses import address_of
from quasinewton.numba_ext.arrays import record_viewer
from quasinewton.numba_ext.jit import fragment, kernel
from quasinewton.numba_ext.linalg import copy
from quasinewton.objective.interface import (
    COMPLEX,
    GRADIENT,
    HESSIAN,
    PRECONDITION,
    PRODUCT,
    SIGNATURE,
    VALUE,
    Objective,
    call,
    matrix,
    vector,
)

# How a derivative is obtained.
EXACT = 0
FORWARD = 1
CENTRAL = 2
COMPLEX_STEP = 3

EPSILON = np.finfo(np.float64).eps
ROOT2 = EPSILON ** (1 / 2)
ROOT3 = EPSILON ** (1 / 3)
ROOT4 = EPSILON ** (1 / 4)
ULPS = 16.0  # least step, in roundings of x_i

WRAPPED = np.dtype(
    [
        ("address", "i8"),  # of the wrapped objective, and its data
        ("data", "i8"),
        ("gradient", "i8"),  # schemes
        ("hessian", "i8"),
        ("symmetric", "i8"),  # whether the "Hessian" is one, or else the Jacobian of a vector function
        ("relative", "i8"),  # whether the given steps multiply |x_i|
        ("steps", "i8"),  # how many steps are given: 0, 1 or n; and their address
        ("step", "i8"),
        ("probe", "i8"),  # address of 2n doubles of workspace, n scales in use, and n scales given
        ("given", "i8"),  # whether scales are given
        ("scaled", "i8"),  # whether scales are in use
        ("adaptive", "i8"),  # whether steps may be learnt: none is given
        ("sharpens", "i8"),  # whether one-sided differences may become central ones: nobody asked for them
        ("first", "i8"),  # the scheme of the gradient that a run begins with
        ("known", "i8"),  # address of the record that knows the precision of values and gradients; 0: this one
        ("low", "i8"),  # addresses of the bounds, n doubles each; 0 if there are none
        ("high", "i8"),
        ("kept", "i8"),  # whether the Hessian of the last point is kept; see `kept_hessian`
        ("f", "f8"),  # the last value, that of the point whose gradient is asked for next
        ("f_eps", "f8"),  # rounding of values and of gradients, relative, where it is more than that of doubles
        ("g_eps", "f8"),
        ("f_type", "f8"),  # the same as the type of the values says it
        ("noise", "f8"),  # of values, absolute, where it has been measured
        ("inverse", "f8"),  # of the shortest step of the last gradient
        ("error", "f8"),  # of that gradient, by rounding alone
        ("bend", "f8"),  # the largest of its second differences, relative to the scale of the variable
        ("blind", "i8"),  # how many of its differences were exactly 0
        ("refined", "i8"),  # how often steps have been learnt
    ],
    align=True,
)
wrapped_at = record_viewer(numba.from_dtype(WRAPPED))


@register_jitable
def costs(gradient, hessian, n):
    """Values that a gradient costs, and values and gradients that a Hessian costs, in n variables
    not fixed.
    """
    values = 0 if gradient == EXACT else 2 * n if gradient == CENTRAL else n
    if hessian == EXACT:
        return values, 0, 0
    if gradient == EXACT:
        return values, 0, 2 * n if hessian == CENTRAL else n
    return values, 1 + 2 * n + n * (n - 1) // 2, 0


@fragment
def root(epsilon, order):
    """ε^(1/order) for the rounding ε of a function, at least that of doubles."""
    if epsilon <= EPSILON:
        return ROOT2 if order == 2 else ROOT3 if order == 3 else ROOT4
    return epsilon ** (1.0 / order)


@fragment
def scales(w, n):
    """The scales of the variables that are in use where `w.scaled` says so."""
    return vector(w.probe + 16 * n, n)


@fragment
def begin(w, n):
    """Forget what a run has learnt of f, before another one."""
    w.scaled, w.gradient, w.f_eps = w.given, w.first, w.f_type
    w.noise = w.error = w.bend = 0.0
    w.blind = w.refined = 0
    if w.given:
        copy(scales(w, n), vector(w.probe + 24 * n, n))


@fragment
def step_for(w, x, i, fraction):
    """The step for component i of x, exactly representable: x + h − x == h.

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
    if moved == x[i]:  # a given step that vanishes beside x
        moved = x[i] + usual
    return moved - x[i]


@fragment
def room(w, x, i):
    """How far component i of x can go down and up."""
    if w.low == 0:
        return np.inf, np.inf
    return x[i] - vector(w.low, x.size)[i], vector(w.high, x.size)[i] - x[i]


@fragment
def is_fixed(w, n, i):
    """Whether component i has one value only."""
    return w.low != 0 and vector(w.low, n)[i] == vector(w.high, n)[i]


@fragment
def turned(w, x, i, h, reach):
    """The step h such that x + reach h is legal: turned around, or as long as there is room."""
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
    """Whether both x + h and x − h are legal."""
    down, up = room(w, x, i)
    return abs(h) <= down and abs(h) <= up


@fragment
def beside(w, x, i, h, point):
    """Write x + h e_i to `point`, anew each time: the user's function may write to it."""
    copy(point, x)
    point[i] = x[i] + h
    if w.low != 0:  # whatever the rounding
        point[i] = min(max(point[i], vector(w.low, x.size)[i]), vector(w.high, x.size)[i])


@fragment
def value_beside(w, x, i, h, probe):
    """The wrapped value at x + h e_i."""
    point = probe[: x.size]
    beside(w, x, i, h, point)
    return call(w.address, point, point, point, VALUE, w.data)


@fragment
def gradient_of_values(w, x, g, probe):
    """Write the gradient at x to g by differences of values; w.f is f(x).

    Note by how much rounding of f may falsify it, and how many differences were 0.
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
            # The length handed on is n, the number of variables, though there are 2n doubles.
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
    """The difference quotient along x_i, one-sided or of second order, and its step."""
    if not central:
        return (value_beside(w, x, i, h, probe) - w.f) / h, h
    if is_central(w, x, i, h):
        ahead, behind = value_beside(w, x, i, h, probe), value_beside(w, x, i, -h, probe)
        scale = scales(w, x.size)[i] if w.scaled else max(1.0, abs(x[i]))
        w.bend = max(w.bend, abs(ahead - 2.0 * w.f + behind) / scale)
        return (ahead - behind) / (2.0 * h), h
    h = turned(w, x, i, h, 2.0)
    ahead = value_beside(w, x, i, h, probe)
    return (4.0 * ahead - 3.0 * w.f - value_beside(w, x, i, 2.0 * h, probe)) / (2.0 * h), h


@fragment
def hessian_of_gradients(w, x, g, h, probe):
    """Write to row i of h the difference of the wrapped gradient along x_i; g is the gradient at x.

    For a vector function in the place of the gradient this is the transpose of its Jacobian.
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
        call(w.address, point, ahead, point, GRADIENT, w.data)
        if central:
            beside(w, x, i, -step if both else 2.0 * step, point)
            call(w.address, point, other, point, GRADIENT, w.data)
        for j in range(n):
            if both:
                ahead[j] = (ahead[j] - other[j]) / (2.0 * step)
            elif central:
                ahead[j] = (4.0 * ahead[j] - 3.0 * g[j] - other[j]) / (2.0 * step)
            else:
                ahead[j] = (ahead[j] - g[j]) / step


@fragment
def hessian_of_values(w, x, h, probe):
    """h_ij = (f(x+a+b) − f(x+a) − f(x+b) + f(x)) / (a b), N&W (2006) eq. 8.21, with steps ε^(1/4).
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
                both = call(w.address, point, point, point, VALUE, w.data)
                h[i, j] = h[j, i] = (both - single[i] - single[j] + f) / (a * b)
        if is_central(w, x, i, a):
            h[i, i] = (single[i] - 2.0 * f + value_beside(w, x, i, -a, probe)) / (a * a)
        else:
            h[i, i] = (f - 2.0 * single[i] + value_beside(w, x, i, 2.0 * a, probe)) / (a * a)


@fragment
def step_of_second(w, x, i):
    """The step for second differences of values: there and back, or twice there."""
    h = step_for(w, x, i, root(w.f_eps, 4))
    return h if is_central(w, x, i, h) else turned(w, x, i, h, 2.0)


@kernel
def objective(x_, n, g_, h_, what, data):
    """The wrapping objective: see `interface.SIGNATURE`; `data` is the address of a record WRAPPED.
    """
    w = wrapped_at(data)
    x, g = vector(x_, n), vector(g_, n)
    probe = vector(w.probe, 2 * n)
    f = np.nan
    if what & VALUE:
        f = w.f = value_beside(w, x, 0, 0.0, probe) if w.gradient else call(w.address, x, g, x, what, w.data)
    if what & GRADIENT:
        if w.gradient:
            gradient_of_values(w, x, g, probe)
        elif not what & VALUE:
            call(w.address, x, g, x, GRADIENT, w.data)
    if what & (PRODUCT | PRECONDITION):
        call(w.address, x, g, vector(h_, n), what, w.data)
    if what & HESSIAN:
        h = matrix(h_, n)
        if not w.hessian:
            call(w.address, x, g, h, HESSIAN, w.data)
        elif w.gradient:
            hessian_of_values(w, x, h, probe)
        else:
            hessian_of_gradients(w, x, g, h, probe)
        if w.hessian:
            for i in range(n):
                for j in range(i):
                    above, below = h[j, i], h[i, j]
                    if w.symmetric:
                        # One along a variable that is fixed is not known, but its mirror image is.
                        above = 0.5 * (above + below) / (0.5 if is_fixed(w, n, i) != is_fixed(w, n, j) else 1.0)
                        below = above
                    h[i, j], h[j, i] = above, below  # rows were derivatives along x_i: transpose
    return f


@fragment
def with_data(target, layers, data):
    """The objective `target` with other data; where it differences another one, that one's data are
    changed in place.

    Parameters
    ----------
    target : Objective
    layers : int
        How many wrappings there are around the user's own objective.
    data : int
        Of the user's own objective.

    Returns
    -------
    Objective
    """
    if layers == 0:
        own = target.values, target.hessian_values, target.hessian_gradients
        return Objective(target.address, data, *own, target.known)
    place = target.data
    for _ in range(layers - 1):
        wrapped_at(place).kept = 0
        place = wrapped_at(place).data
    wrapped_at(place).kept = 0
    wrapped_at(place).data = data
    return target


@functools.cache
def address():
    """Address of the compiled objective that differences another one.

    Returns
    -------
    int
        To be called with the address of a record WRAPPED as its data.
    """
    return address_of(objective, SIGNATURE)
