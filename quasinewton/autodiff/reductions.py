"""Rules of reductions, running sums, selections and sequences: one record where elementwise rules would make many.

Values are Numba's own, computed by the same routine from an array of values; derivatives follow from them.
"""

import builtins

import numpy as np
from numba.core import types
from numba.extending import overload

from quasinewton.autodiff.handling import at, combine, empty, leaf, total, total_lanes, values
from quasinewton.autodiff.routes import ROUTES, delegate, rule
from quasinewton.autodiff.scalars import Dual, is_active, is_active_array, leaf_of
from quasinewton.jit import INNER


def axis_of(kind):
    """The axis in the type of an argument; None if there is none."""
    if kind is None or isinstance(kind, types.NoneType):
        return None
    return getattr(kind, "value", getattr(kind, "literal_value", NotImplemented))


@rule(np.sum, method="sum")
def sum_(a, axis=None):
    if isinstance(a, types.BaseTuple) or not is_active_array(a):
        return None
    axis = axis_of(axis)
    if axis is None and a.ndim == 1:
        summed = total_lanes if isinstance(a.dtype, Dual) else total
        return lambda a, axis=None: summed(a)
    if axis is None:
        return lambda a, axis=None: combine(sum_(values(a)), 1.0, a.flatten(), 0.0, 0.0)
    if a.ndim == 1 and axis in (0, -1):
        return lambda a, axis=None: sum_(a)
    if a.ndim == 2 and axis in (0, 1, -1, -2):
        by_column = axis in (0, -2)

        def along(a, axis=None):
            a = a.T if by_column else a
            out = empty(a.shape[0], a)
            for i in range(a.shape[0]):
                out[i] = sum_(a[i])
            return out

        return along
    if a.ndim == 3 and axis in (0, -3):
        return lambda a, axis=None: sum_(a.copy().reshape((a.shape[0], -1)), 0).reshape(a.shape[1:])
    if a.ndim == 3 and axis in (2, -1):
        return lambda a, axis=None: sum_(a.copy().reshape((-1, a.shape[2])), 1).reshape(a.shape[:2])
    return None


@rule(np.mean, method="mean")
def mean(a):
    return lambda a: combine(mean(values(a)), 1.0 / a.size, a.flatten(), 0.0, 0.0)


@rule(np.var, method="var")
def var(a):
    def impl(a):
        y = var(values(a))
        flat = values(a).flatten()
        return combine(y, (flat - mean(flat)) * (2.0 / a.size), a.flatten(), 0.0, 0.0)

    return impl


@rule(np.std, method="std")
def std(a):
    def impl(a):
        y = std(values(a))
        flat = values(a).flatten()
        return combine(y, (flat - mean(flat)) / (y * a.size), a.flatten(), 0.0, 0.0)

    return impl


@rule(np.prod, method="prod")
def prod(a):
    def impl(a):
        flat = a.flatten()
        v = values(flat)
        # Products of all the others, which need no division: v may have a zero.
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


@rule(np.argmax, method="argmax")
def argmax(a):
    return lambda a: np.argmax(values(a))


@rule(np.argmin, method="argmin")
def argmin(a):
    return lambda a: np.argmin(values(a))


@rule(np.argsort, method="argsort")
def argsort(a):
    return lambda a: np.argsort(values(a))


@rule(np.sort)
def sort(a):
    return lambda a: a[np.argsort(values(a))]


@rule(np.max, np.amax, method="max")
def max_item(a):
    return lambda a: a.flatten()[np.argmax(values(a))]


@rule(np.min, np.amin, method="min")
def min_item(a):
    return lambda a: a.flatten()[np.argmin(values(a))]


def choice(name, better):
    """The rule of Python's max or min of two or more numbers, or of the items of one sequence."""
    source = f"""
def two(a, b):
    a, b = leaf(a), leaf(b)
    return b if b {better} a else a
def more(a, b, *rest):
    return own(own(a, b), *rest)
def items(a):
    best = leaf(a[0])
    for item in a:
        if item {better} best:
            best = leaf(item)
    return best
"""
    scope = {"leaf": leaf}
    exec(source, scope)

    def choose(a, *rest):
        return scope["more" if len(rest) > 1 else "two" if rest else "items"]

    choose.__name__ = name
    scope["own"] = rule(getattr(builtins, name))(choose)


choice("max", ">")
choice("min", "<")
ROUTES[abs] = delegate("abs", lambda kinds: np.absolute if any(map(is_active_array, kinds)) else abs)


@rule(float, np.float64)
def float_(x):
    return lambda x: x


@rule(pow)
def pow_(a, b):
    return lambda a, b: a**b


@rule(sum)
def sum_items(a, start=0):
    def impl(a, start=0):
        s = start
        for item in a:
            s = s + item
        return s

    return impl


@rule(np.array, np.asarray)
def array(a):
    if is_active_array(a):
        return lambda a: a.copy()
    if isinstance(a, types.BaseTuple):
        a = a[0] if len(a) else None
    else:
        a = getattr(a, "dtype", None)
    if leaf_of(a) is None or is_active(a):

        def vector(a):
            out = empty(len(a), a)
            for i, item in enumerate(a):
                out[i] = item
            return out

        return vector

    def matrix(a):
        out = empty((len(a), len(a[0])), a)
        for i, row in enumerate(a):
            for j, item in enumerate(row):
                out[i, j] = item
        return out

    return matrix


@rule(np.where)
def where(condition, a, b):
    if not isinstance(condition, types.Array):

        def one(condition, a, b):
            if condition:
                return leaf(a)
            return leaf(b)

        return one

    def each(condition, a, b):
        out = empty(condition.shape, (a, b))
        flat, u, v = out.ravel(), spread(a, condition.shape), spread(b, condition.shape)
        for i, c in enumerate(condition.flat):
            if c:
                flat[i] = at(u, i)
            else:
                flat[i] = at(v, i)
        return out

    return each


def spread(a, shape):
    """A number as it is; an array as a vector of as many items as a shape has."""


@overload(spread, jit_options=INNER)
def _spread(a, shape):
    if isinstance(a, types.Array):
        return lambda a, shape: np.broadcast_to(a, shape).flatten()
    return lambda a, shape: a


@rule(np.clip, method="clip")
def clip(a, a_min=None, a_max=None):
    absent = [kind is None or isinstance(kind, (types.NoneType, types.Omitted)) for kind in (a_min, a_max)]
    if absent[0]:
        return lambda a, a_min=None, a_max=None: np.minimum(a, a_max)
    if absent[1]:
        return lambda a, a_min=None, a_max=None: np.maximum(a, a_min)
    return lambda a, a_min=None, a_max=None: np.minimum(np.maximum(a, a_min), a_max)
