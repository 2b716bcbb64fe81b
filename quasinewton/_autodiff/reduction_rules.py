"""Rules of sums and other reductions: one record where elementwise rules would make many.

Values are Numba's own, computed by the same routine from an array of values; derivatives follow
from them.
"""

import numpy as np
from numba.core import types
from numba.extending import register_jitable

from quasinewton._autodiff.active_types import Dual, is_active_array
from quasinewton._autodiff.active_values import (
    combine,
    empty,
    leaf,
    revalued,
    scaled,
    total,
    total_lanes,
    values,
)
from quasinewton._autodiff.routing import is_absent, rule


def axis_of(kind):
    """Return the axis in an argument's type; None if absent, NotImplemented if not a constant."""
    if is_absent(kind):
        return None
    return getattr(kind, "value", getattr(kind, "literal_value", NotImplemented))


@rule(np.sum, method="sum")
def array_sum(a, axis=None):
    if isinstance(a, types.BaseTuple) or not is_active_array(a):
        return None
    axis = axis_of(axis)
    if axis is None and a.ndim == 1:
        summed = total_lanes if isinstance(a.dtype, Dual) else total
        return lambda a, axis=None: summed(a)
    if axis is None:
        return lambda a, axis=None: combine(array_sum(values(a)), 1.0, a.flatten(), 0.0, 0.0)
    if a.ndim == 1 and axis in (0, -1):
        return lambda a, axis=None: array_sum(a)
    if a.ndim == 2 and axis in (0, 1, -1, -2):
        by_column = axis in (0, -2)

        def along(a, axis=None):
            a = a.T if by_column else a
            out = empty(a.shape[0], a)
            for i in range(a.shape[0]):
                out[i] = array_sum(a[i])
            return out

        return along
    if a.ndim == 3 and axis in (0, -3):
        return lambda a, axis=None: array_sum(a.copy().reshape((a.shape[0], -1)), 0).reshape(a.shape[1:])
    if a.ndim == 3 and axis in (1, -2):

        def middle(a, axis=None):
            out = empty((a.shape[0], a.shape[2]), a)
            for i in range(a.shape[0]):
                out[i] = array_sum(a[i], 0)
            return out

        return middle
    if a.ndim == 3 and axis in (2, -1):
        return lambda a, axis=None: array_sum(a.copy().reshape((-1, a.shape[2])), 1).reshape(a.shape[:2])
    return None


@rule(np.mean, method="mean")
def mean(a):
    return lambda a: combine(mean(values(a)), 1.0 / a.size, a.flatten(), 0.0, 0.0)


@rule(np.var, method="var")
def var(a):
    def impl(a):
        y = var(values(a))
        flat = values(a).flatten()
        return combine(y, scaled(flat, 2.0 / a.size, mean(flat)), a.flatten(), 0.0, 0.0)

    return impl


@rule(np.std, method="std")
def std(a):
    def impl(a):
        y = std(values(a))
        flat = values(a).flatten()
        # If all items are equal there is a kink, where the middle of the slopes is 0.
        scale = 1.0 / (y * a.size) if y > 0.0 else 0.0 * y
        return combine(y, scaled(flat, scale, mean(flat)), a.flatten(), 0.0, 0.0)

    return impl


@rule(np.average)
def average(a, axis=None, weights=None):
    if is_absent(weights):
        return lambda a, axis=None, weights=None: mean(a)

    def weighted(a, axis=None, weights=None):
        y = average(values(a), None, values(weights))
        return revalued(leaf(array_sum(a * weights) / array_sum(weights)), y)

    return weighted if is_absent(axis) else None


@rule(np.nansum)
def nansum(a):
    return lambda a: combine(nansum(values(a)), 1.0, present(a), 0.0, 0.0)


@rule(np.nanmean)
def nanmean(a):
    def impl(a):
        items = present(a)
        return combine(nanmean(values(a)), 1.0 / items.size, items, 0.0, 0.0)

    return impl


@register_jitable
def present(a):
    """Return the items of an array that are not NaN.

    The others are removed, because a derivative of NaN stays NaN when multiplied by 0.
    """
    mask = np.zeros(a.size, np.bool_)
    for i, item in enumerate(a.flat):
        mask[i] = not np.isnan(item)
    return a.flatten()[mask]


@rule(np.prod, method="prod")
def prod(a):
    def impl(a):
        flat = a.flatten()
        v = values(flat)
        # The product of all other items, computed without division, since v may contain a zero.
        w = np.ones_like(v)
        left = right = w[0] if v.size else 1.0
        for i in range(v.size):
            w[i] = w[i] * left
            left = left * v[i]
        for i in range(v.size - 1, -1, -1):
            w[i] = w[i] * right
            right = right * v[i]
        return combine(prod(values(a)), w, flat, 0.0, 0.0)

    return impl


@rule(np.cumsum, method="cumsum")
def cumsum(a):
    def impl(a):
        out = a.flatten()
        for i in range(1, out.size):
            out[i] = out[i - 1] + out[i]
        return out

    return impl


@rule(np.cumprod, method="cumprod")
def cumprod(a):
    def impl(a):
        out = a.flatten()
        for i in range(1, out.size):
            out[i] = out[i - 1] * out[i]
        return out

    return impl


@rule(np.trapezoid if hasattr(np, "trapezoid") else np.trapz)
def trapezoid(y, x=None, dx=1.0):
    if y.ndim > 1:
        return None
    if is_absent(x):

        def even(y, x=None, dx=1.0):
            w = np.full(y.size, 1.0 * dx)
            w[0] *= 0.5
            w[-1] *= 0.5
            return combine(trapezoid(values(y), None, dx), w, y, 0.0, 0.0)

        return even

    def uneven(y, x=None, dx=1.0):
        u, v = values(x), values(y)
        total = trapezoid(v, u)
        w, z = 0.0 * u, 0.0 * v
        for i in range(y.size - 1):
            half, middle = 0.5 * (u[i + 1] - u[i]), 0.5 * (v[i + 1] + v[i])
            # Written without +=, which works on active items only in differentiated functions, not
            # in rules.
            w[i] = w[i] + half
            w[i + 1] = w[i + 1] + half
            z[i] = z[i] - middle
            z[i + 1] = z[i + 1] + middle
        return combine(total, w, y, z, x)

    return uneven


def mode_of(kind):
    """Return the mode of a convolution in an argument's type; None if it is no legal constant."""
    mode = getattr(kind, "literal_value", getattr(kind, "value", kind))
    return mode if mode in ("full", "same", "valid") else None


def part_of_full(function, mode):
    """Make the rule of a convolution of which NumPy returns a part.

    Parameters
    ----------
    function : {np.convolve, np.correlate}
    mode : numba type or str

    Returns
    -------
    callable or None
        (a, v, w, mode) -> result, where w is v in the order of a convolution.
    """
    known = mode_of(mode)
    same, valid, exchanged = known == "same", known == "valid", function is np.correlate

    def items(a, v, w, mode):
        less = min(a.size, v.size)
        first = less - 1 if valid else 0
        if same:  # NumPy exchanges the vectors of a correlation if the first is shorter, and reverses the result.
            first = less // 2 if exchanged and a.size < v.size else (less - 1) // 2
        return products_of(a, w, function(values(a), values(v), mode), first)

    return register_jitable(items) if known else None


@rule(np.convolve)
def convolve(a, v, mode="full"):
    items = part_of_full(np.convolve, mode)
    return items and (lambda a, v, mode="full": items(a, v, v, mode))


@register_jitable
def products_of(a, v, y, first):
    """Return items of the full convolution of two vectors, from `first` on, with the values y."""
    out, p, q = empty(y.size, (a, v)), values(a), values(v)
    for i in range(y.size):
        k = i + first
        low, high = max(0, k - v.size + 1), min(k + 1, a.size)
        w, z = v[k - high + 1 : k - low + 1][::-1], a[low:high]
        out[i] = combine(y[i], q[k - high + 1 : k - low + 1][::-1], z, p[low:high], w)
    return out


@rule(np.correlate)
def correlate(a, v, mode="valid"):
    items = part_of_full(np.correlate, mode)
    return items and (lambda a, v, mode="valid": items(a, v, v[::-1], mode))


@rule(float, np.float64)
def float_(x):
    return lambda x: x


@rule(pow)
def pow_(a, b):
    return lambda a, b: a**b


@rule(divmod)
def divmod_(a, b):
    return lambda a, b: (a // b, a % b)


@rule(sum)
def sum_items(a, start=0):
    def impl(a, start=0):
        s = start
        for item in a:
            s = s + item
        return s

    return impl
