"""Hessian-vector products by differences of the gradient, as a wrapping objective.

H p is the derivative of the gradient along p, (g(x + h p) − g(x)) / h (Nocedal & Wright, 2006, eq.
8.20). The gradient at x is known, so a product costs one further gradient, or two with central
differences. The truncation error is proportional to h‖p‖, or to its square for central differences.
A relative error δ of the gradient contributes an error proportional to δ / h‖p‖. The two balance at
h‖p‖ = δ^(1/2), or δ^(1/3), times the scale of x, here 1 + ‖x‖; Knoll & Keyes (J. Comput. Phys. 193,
2004, section 2.2) compare other choices. δ is ε if the gradient is exact, and ε^(2/3) if it is made
of central differences of values; ε is larger if values are known to be less precise. If scales d of
the variables are given or have been estimated, the step is measured by max_i |h p_i| / d_i.
"""


import numpy as np
from numba.extending import register_jitable

from quasinewton._floats import EPSILON
from quasinewton._numba_ext.jit import fragment, kernel
from quasinewton._numba_ext.linalg import dot, point_on_line, reach
from quasinewton._objective.box import clip
from quasinewton._objective.finite_differences import (
    CENTRAL,
    EXACT,
    scales,
    wrapped_at,
)
from quasinewton._objective.interface import (
    GRADIENT,
    PRODUCT,
    VALUE,
    attempt,
    call,
    vector,
)

ERROR = EPSILON ** (2 / 3)  # relative; error of a gradient made of central differences of values


@register_jitable
def product_costs(gradient, scheme, values, bounded):
    """Return the values and the gradients that a product costs.

    Parameters
    ----------
    gradient, scheme : int
        Schemes of the gradient and of its differences.
    values : int
        Values that a gradient costs.
    bounded : bool
        True if there are bounds, with which `gradient_beside` asks for a value, too.
    """
    gradients = 2 if scheme == CENTRAL else 1
    return gradients * (values + (1 if gradient == CENTRAL and bounded else 0)), gradients


@fragment
def gradient_beside(w, x, p, step, point, g):
    """Write the wrapped gradient at x + step p, clipped to the bounds, to g.

    Central differences are one-sided beside a bound, and then need the value at that point, too.
    """
    what = VALUE | GRADIENT if w.gradient == CENTRAL and w.low != 0 else GRADIENT
    point_on_line(x, step, p, point)
    if w.low != 0:
        clip(point, vector(w.low, x.size), vector(w.high, x.size))
    attempt(w.address, point, g, point, what, w.data, True)


@fragment
def product_of_gradients(w, x, p, g, probe):
    """Overwrite g, the gradient at x, with the product of the Hessian and p.

    Where a bound is closer than the step, the difference is one-sided, on a side with room for it,
    and no wider than the larger room.
    """
    n = x.size
    point, ahead = probe[:n], probe[n:]
    central = w.hessian == CENTRAL
    precision = wrapped_at(w.precision)
    # These fields describe the gradient at x and are restored at the end.
    saved = precision.f, precision.inverse, precision.error, precision.bend, precision.blind
    error = ERROR if w.gradient == CENTRAL else EPSILON
    if w.gradient == CENTRAL and precision.f_eps > EPSILON:
        error = precision.f_eps ** (2.0 / 3.0)
    elif w.gradient == EXACT:
        error = max(EPSILON, precision.g_eps)
    length = np.sqrt(dot(p, p))
    scale = (1.0 + np.sqrt(dot(x, x))) / (length if length > 0.0 else 1.0)
    if precision.scaled:
        length, d = 0.0, scales(precision, n)
        for i in range(n):
            length = max(length, abs(p[i]) / d[i])
        scale = 1.0 / (length if length > 0.0 else 1.0)
    step = error ** (1.0 / 3.0 if central else 0.5) * scale
    if w.low != 0:
        low, high = vector(w.low, n), vector(w.high, n)
        right, left = reach(x, p, 1.0, low, high), reach(x, p, -1.0, low, high)
        if min(right, left) < step:
            central = False
            step = min(error**0.5 * scale, max(right, left))
            step = step if step <= right else -step
    width = step
    if central:
        width = 2.0 * step
        gradient_beside(w, x, p, -step, point, g)
    gradient_beside(w, x, p, step, point, ahead)
    for i in range(n):
        g[i] = (ahead[i] - g[i]) / width
    precision.f, precision.inverse, precision.error, precision.bend, precision.blind = saved


@kernel
def objective(x_, n, g_, h_, what, data):
    """Evaluate the wrapping objective; see `interface.SIGNATURE`.

    `data` is the address of a record WRAPPED. In it `hessian` is the difference scheme of the
    products, and `gradient` the scheme of the wrapped gradient.
    """
    w = wrapped_at(data)
    x, g, h = vector(x_, n), vector(g_, n), vector(h_, n)
    if what == PRODUCT:
        product_of_gradients(w, x, h, g, vector(w.probe, 2 * n))
        return np.nan
    return call(w.address, x, g, h, what, w.data)
