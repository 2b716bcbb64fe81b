"""Rules of functions that select or arrange numbers, or create arrays from them.

These are extremes, sorting, interpolation and the creation of arrays. Conditions are in
`condition_rules`.

Values are Numba's own; the derivative is that of the selected numbers.
"""

import builtins

import numpy as np
from numba.core import types
from numba.extending import overload, register_jitable

from quasinewton._autodiff.active_types import is_active, is_active_array, leaf_of
from quasinewton._autodiff.active_values import (
    boxed,
    combine,
    constant,
    empty,
    leaf,
    revalued,
    value,
    values,
)
from quasinewton._autodiff.allocation import is_float
from quasinewton._autodiff.kinks import ahead, larger, smaller
from quasinewton._autodiff.routing import ROUTES, assign, delegate, rule
from quasinewton._numba_ext.user_code import RULE


@rule(np.argmax, method="argmax")
def argmax(a):
    return lambda a: argmax(values(a))


@rule(np.argmin, method="argmin")
def argmin(a):
    return lambda a: argmin(values(a))


@rule(np.argsort, method="argsort")
def argsort(a):
    return lambda a: argsort(values(a))


@rule(np.sort)
def sort(a):
    return (lambda a: a[argsort(values(a))]) if a.ndim == 1 else None


@rule(method="sort")
def sort_in_place(a):
    return (lambda a: assign(a, sort(a))) if a.ndim == 1 else None


@rule(np.searchsorted)
def searchsorted(a, v, side="left"):
    side = getattr(side, "literal_value", getattr(side, "value", side))
    if side == "left":
        return lambda a, v, side="left": searchsorted(values(a), plain(v))
    return (lambda a, v, side="left": searchsorted(values(a), plain(v), "right")) if side == "right" else None


def plain(v):
    """Return the value of a number, or the values of an array."""


@overload(plain, jit_options=RULE)
def _plain(v):
    return (lambda v: values(v)) if isinstance(v, types.Array) else (lambda v: value(v))


@rule(np.median)
def median(a):
    def impl(a):
        flat = a.flatten()
        return between(flat, argsort(values(flat)), 0.5 * (a.size - 1), median(values(a)))

    return impl


@register_jitable
def between(flat, order, rank, y):
    """Return the number of value y that interpolates a sorted vector at a rank, counted from 0.

    `order` sorts `flat`.
    """
    k = min(int(rank), max(flat.size - 2, 0))
    t = rank - k
    first, second = flat[order[k]], flat[order[min(k + 1, flat.size - 1)]]
    return revalued(leaf((1.0 - t) * first + t * second), y)


def quantiles(function, scale):
    """Make the rule of a function that returns the quantile of the fraction q/scale."""

    def choose(a, q):
        if leaf_of(q):
            return None

        def single(a, q):
            flat = a.flatten()
            return between(flat, argsort(values(flat)), q / scale * (a.size - 1), own(values(a), q))

        def several(a, q):
            flat, y = a.flatten(), own(values(a), q)
            order, out = argsort(values(flat)), empty(y.size, a)
            for i in range(y.size):
                out[i] = between(flat, order, q[i] / scale * (a.size - 1), y[i])
            return out

        return several if isinstance(q, types.Array) else single

    choose.__name__ = function.__name__
    own = rule(function)(choose)


quantiles(np.quantile, 1.0)
quantiles(np.percentile, 100.0)


@rule(np.interp)
def interp(x, xp, fp):
    def single(x, xp, fp):
        return on_line(x, xp, values(xp), fp, interp(value(x), values(xp), values(fp)))

    def several(x, xp, fp):
        y, grid, out = interp(values(x), values(xp), values(fp)), values(xp), empty(x.size, (x, xp, fp))
        for i in range(x.size):
            out[i] = on_line(x[i], xp, grid, fp, y[i])
        return out

    if isinstance(x, types.Array):
        return several if x.ndim == 1 else None
    return single


@register_jitable
def on_line(x, xp, grid, fp, y):
    """Return the number of value y at x on the line through (xp, fp); `grid` is xp's values."""
    last = grid.size - 1
    if x <= grid[0]:
        return revalued(constant((x, xp, fp), fp[0]), y)
    if x >= grid[last]:
        return revalued(constant((x, xp, fp), fp[last]), y)
    j = min(max(searchsorted(grid, value(x), "right") - 1, 0), last - 1)
    t = (x - xp[j]) / (xp[j + 1] - xp[j])
    return revalued(leaf(fp[j] + (fp[j + 1] - fp[j]) * t), y)


@rule(np.max, np.amax, method="max")
def max_item(a):
    return lambda a: extreme_item(a.flatten(), argmax(values(a)), 1.0)


@rule(np.min, np.amin, method="min")
def min_item(a):
    return lambda a: extreme_item(a.flatten(), argmin(values(a)), -1.0)


@register_jitable
def extreme_item(a, k, order):
    """Item k of a vector, one of its largest (order 1) or smallest (order −1).

    Items that tie share the derivative equally.
    """
    count = 0
    for i in range(a.size):
        if order * ahead(a[i], a[k]) > 0.0:
            k = i
    weights = np.zeros(a.size)
    for i in range(a.size):
        if a[i] == a[k] and ahead(a[i], a[k]) == 0.0:
            weights[i] = 1.0
            count += 1
    if count < 2:
        return a[k]
    for i in range(a.size):
        weights[i] /= count
    return combine(value(a[k]), weights, a, 0.0, 0.0)


def choice(name, own_of_two):
    """Make the rule of Python's max or min, of two or more numbers or of the items of one sequence.
    """

    def two(a, b):
        return own_of_two(a, b)

    def more(a, b, *rest):
        return own(own_of_two(a, b), *rest)

    def items(a):
        best = leaf(a[0])
        for i in range(1, len(a)):
            best = leaf(own_of_two(best, a[i]))
        return best

    def choose(a, *rest):
        return more if len(rest) > 1 else two if rest else items

    choose.__name__ = name
    own = rule(getattr(builtins, name))(choose)


choice("max", larger)
choice("min", smaller)
ROUTES[abs] = delegate("abs", lambda kinds: np.absolute if any(map(is_active_array, kinds)) else abs)


@rule(np.array, np.asarray)
def array(a, dtype=None):
    if not is_float(dtype):
        return None
    if is_active_array(a):
        return lambda a, dtype=None: a.copy()
    if isinstance(a, types.BaseTuple):
        a = a[0] if len(a) else None
    else:
        a = getattr(a, "dtype", None)
    if leaf_of(a) is None or is_active(a):

        def vector(a, dtype=None):
            out = empty(len(a), a)
            for i, item in enumerate(a):
                out[i] = item
            return out

        return vector

    def matrix(a, dtype=None):
        out = empty((len(a), len(a[0])), a)
        for i, row in enumerate(a):
            for j, item in enumerate(row):
                out[i, j] = item
        return out

    return matrix


@rule(method="astype")
def astype(a, dtype):
    return (lambda a, dtype: a.copy()) if is_float(dtype) else None


@rule(np.append)
def append(arr, values):
    def impl(arr, values):
        a, b = flat(arr), flat(values)
        out = empty(a.size + b.size, (a, b))
        assign(out[: a.size], a)
        assign(out[a.size :], b)
        return out

    return impl


def flat(a):
    """Return the items of an array, or a single number, as a vector."""


@overload(flat, jit_options=RULE)
def _flat(a):
    if isinstance(a, types.Array):
        return lambda a: a.flatten()
    return (lambda a: boxed(leaf(a))) if is_active(a) else (lambda a: np.full(1, a))


@rule(np.linspace)
def linspace(start, stop, num=50):
    def impl(start, stop, num=50):
        y, out = linspace(value(start), value(stop), num), empty(num, (start, stop))
        for i in range(num):
            t = i / max(num - 1, 1)
            out[i] = revalued(leaf((1.0 - t) * start + t * stop), y[i])
        return out

    return impl
