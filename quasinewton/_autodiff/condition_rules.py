"""Rules of functions that choose numbers by conditions.

These are where, select, clip, extract, and the replacement of numbers that are not finite.

Values are Numba's own; the derivative is that of the selected numbers.
"""

import numpy as np
from numba.core import types
from numba.extending import overload

from quasinewton._autodiff.active_values import at, constant, empty, leaf, operand, value, values
from quasinewton._autodiff.routing import is_absent, rule
from quasinewton._autodiff.selection_rules import flat, plain
from quasinewton._numba_ext.generated import define
from quasinewton._numba_ext.user_code import RULE


@rule(np.extract)
def extract(condition, arr):
    def impl(condition, arr):
        items = flat(arr)
        return items[extract(plain(condition), np.arange(items.size))]

    return impl


@rule(np.nan_to_num)
def nan_to_num(x):
    if not isinstance(x, types.Array):
        return lambda x: leaf(x) if np.isfinite(x) else constant(x, nan_to_num(value(x)))

    def impl(x):
        y, out = nan_to_num(values(x)), x.copy()
        flat, replaced = out.reshape(out.size), y.flatten()
        for i in range(flat.size):
            if not np.isfinite(flat[i]):
                flat[i] = replaced[i]
        return out

    return impl


@rule(np.where)
def where(condition, a, b):
    arrays = [isinstance(kind, types.Array) for kind in (condition, a, b)]
    if not any(arrays):

        def one(condition, a, b):
            if condition:
                return leaf(a)
            return leaf(b)

        return one

    if isinstance(condition, types.Array) and alike_in_fortran_order([condition, a, b]):
        # The result, too, is in Fortran order then, which decides the order in which it is summed.
        return lambda condition, a, b: where_in_order(turned(condition), turned(a), turned(b)).T
    return lambda condition, a, b: where_in_order(condition, a, b)


def where_in_order(condition, a, b):
    """`np.where` of three arrays or numbers, not all of them numbers; in C order."""


@overload(where_in_order, jit_options=RULE)
def _where_in_order(condition, a, b):
    def each(condition, a, b):
        common = common_shape(condition, a, b)
        out = empty(common, (a, b))
        flat, c, u, v = out.ravel(), spread(condition, common), spread(a, common), spread(b, common)
        for i in range(flat.size):
            if at(c, i):
                flat[i] = at(u, i)
            else:
                flat[i] = at(v, i)
        return out

    return each


def alike_in_fortran_order(kinds):
    """Return True if all arrays of a list of types are in Fortran order and of one rank."""
    arrays = [kind for kind in kinds if isinstance(kind, types.Array)]
    return all(kind.layout == "F" for kind in arrays) and len({kind.ndim for kind in arrays}) == 1


def turned(a):
    """Return the transpose of an array; a number unchanged."""


@overload(turned, jit_options=RULE)
def _turned(a):
    return (lambda a: a.T) if isinstance(a, types.Array) else (lambda a: a)


def common_shape(a, b, c):
    """Return the shape to which three arrays or numbers broadcast."""


@overload(common_shape, jit_options=RULE)
def _common_shape(a, b, c):
    shapes = [f"{name}.shape" for name, kind in zip("abc", (a, b, c), strict=True) if isinstance(kind, types.Array)]
    together = shapes[0] if len(shapes) == 1 else f"np.broadcast_shapes({', '.join(shapes)})"
    return define("shape", f"def shape(a, b, c):\n    return {together}", {"np": np})


@rule(np.select)
def select(condlist, choicelist, default=0):
    def impl(condlist, choicelist, default=0):
        out = empty(condlist[0].shape, (choicelist, default))
        flat = out.ravel()
        for i in range(flat.size):
            flat[i] = default
        for k in range(len(condlist) - 1, -1, -1):
            condition, choice = condlist[k].ravel(), choicelist[k].flatten()
            for i in range(flat.size):
                if condition[i]:
                    flat[i] = choice[i]
        return out

    return impl


def spread(a, shape):
    """Return an array broadcast to a shape, as a vector; a number unchanged."""


@overload(spread, jit_options=RULE)
def _spread(a, shape):
    if isinstance(a, types.Array):
        return lambda a, shape: np.broadcast_to(a, shape).flatten()
    return lambda a, shape: a


@rule(np.clip, method="clip")
def clip(a, a_min=None, a_max=None):
    limit = operand if isinstance(a, types.Array) else leaf
    if is_absent(a_min):
        return lambda a, a_min=None, a_max=None: np.minimum(a, limit(a_max))
    if is_absent(a_max):
        return lambda a, a_min=None, a_max=None: np.maximum(a, limit(a_min))
    return lambda a, a_min=None, a_max=None: np.minimum(np.maximum(a, limit(a_min)), limit(a_max))
