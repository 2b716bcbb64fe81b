"""Creation of arrays in a differentiated function: float buffers become arrays of active numbers.
"""

import inspect

import numpy as np
from numba.core import types
from numba.core.typing.npydecl import parse_dtype
from numba.extending import overload, register_jitable

from quasinewton._autodiff.active_types import F64, is_active
from quasinewton._autodiff.active_values import zero_of, zeros_of
from quasinewton._autodiff.routing import ROUTES, assign, method_itself
from quasinewton._autodiff.work_arrays import owned
from quasinewton._numba_ext.array_functions import delegate
from quasinewton._numba_ext.user_code import RULE


def is_float(dtype):
    """Return True if an argument named dtype means float64, which is also the default."""
    if dtype is None or isinstance(dtype, (types.Omitted, types.NoneType)):
        return True
    kind = parse_dtype(dtype)
    return kind == F64 or is_active(kind)


def creators(kind):
    """Make the replacements of functions that create float arrays, for one active type.

    Parameters
    ----------
    kind : Active

    Returns
    -------
    dict
        Function, or name of a method: its replacement, as in `ROUTES` and `METHODS`.
    """
    zero, routes = zero_of(kind), {}

    def creator(*functions):
        def add(choose):
            def own(*args):
                raise NotImplementedError

            overload(own, strict=False, jit_options=RULE)(choose)
            names = list(inspect.signature(choose).parameters)
            for function in functions:
                other = method_itself(function) if isinstance(function, str) else ROUTES.get(function, function)
                route = lambda kinds, other=other: own if wanted(names, kinds) else other
                routes[function] = delegate(choose.__name__, route, names)

        return add

    def wanted(names, kinds):
        given = dict(zip(names, kinds, strict=False))
        containers = types.Array if names == ["a"] else (types.Array, types.List, types.UniTuple)
        floats = is_float(given.get("dtype"))
        if "a" in given:  # copies of an array or list
            return isinstance(given["a"], containers) and leaf_item(given["a"]) == F64 and floats
        return floats and not isinstance(given.get("fill_value"), types.Integer)

    @creator(np.zeros, np.empty)
    def zeros(shape, dtype=None):
        return lambda shape, dtype=None: zeros_of(shape, zero())

    @creator(np.ones)
    def ones(shape, dtype=None):
        return lambda shape, dtype=None: filled(zeros_of(shape, zero()), 1.0)

    @creator(np.full)
    def full(shape, fill_value, dtype=None):
        return lambda shape, fill_value, dtype=None: filled(zeros_of(shape, zero()), fill_value)

    @creator(np.zeros_like, np.empty_like)
    def zeros_like(a, dtype=None):
        if isinstance(a, types.Array) and a.layout == "F" and a.ndim > 1:
            return lambda a, dtype=None: zeros_of(a.T.shape, zero()).T
        return lambda a, dtype=None: zeros_of(a.shape, zero())

    @creator(np.ones_like)
    def ones_like(a, dtype=None):
        return lambda a, dtype=None: filled(zeros_of(a.shape, zero()), 1.0)

    @creator(np.eye, np.identity)
    def eye(N, dtype=None):
        def impl(N, dtype=None):
            out = zeros_of((N, N), zero())
            for i in range(N):
                out[i, i] = 1.0
            return out

        return impl

    @creator(np.array, np.copy, owned)
    def copy(a, dtype=None):
        def impl(a, dtype=None):
            plain = np.asarray(a)
            out = zeros_of(plain.shape, zero())
            assign(out, plain)
            return out

        return impl

    @creator("copy")
    def copy_method(a):
        def impl(a):
            out = zeros_of(a.shape, zero())
            assign(out, a)
            return out

        return impl

    return routes


def leaf_item(kind):
    """Return the type of the numbers in an array, list or tuple, however nested."""
    while isinstance(kind, (types.Array, types.List, types.UniTuple)):
        kind = kind.dtype
    return kind


@register_jitable
def filled(out, value):
    """Fill an array with a number and return it."""
    flat = out.reshape(out.size)
    for i in range(flat.size):
        flat[i] = value
    return out
