"""Make elementwise functions callable in compiled code: SciPy's C function, and loops for arrays.
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import types
from numba.extending import get_cython_function_address, overload

from quasinewton._numba_ext.jit import INNER
from quasinewton._numba_ext.symbols import c_function

F = TypeVar("F", bound=Callable[..., Any])  # a function that a decorator returns unchanged

REAL = types.Float, types.Integer, types.Boolean


def scipy_function(name: str, arity: int) -> Any:
    """Make SciPy's C function of doubles callable from compiled code.

    Parameters
    ----------
    name : str
        Its name in the table of `scipy.special.cython_special`, where functions of several types
        are called `__pyx_fuse_…`.
    arity : {1, 2}

    Returns
    -------
    numba.types.ExternalFunction
        Its last argument, an int, is Cython's and must be 0.
    """
    address = get_cython_function_address("scipy.special.cython_special", name)
    signature = types.float64(*[types.float64] * arity, types.intc)
    return c_function(f"quasinewton_special_{name}", address, signature)


def is_number(kind: Any) -> bool:
    """Return True if a type is that of a real number."""
    return isinstance(kind, REAL)


def is_real(kind: Any) -> bool:
    """Return True if a type is that of a real number or an array of them."""
    return is_number(kind.dtype if isinstance(kind, types.Array) else kind)


def from_scipy(name: str) -> Callable[[F], F]:
    """Make the decorator of an elementwise function whose compiled form calls SciPy's C function.
    """

    def add(function: F) -> F:
        arity = len(inspect.signature(function).parameters)
        c = scipy_function(name, arity)
        return elementwise((lambda u: c(u, 0)) if arity == 1 else (lambda u, v: c(u, v, 0)))(function)

    return add


def elementwise(scalar: Callable[..., Any]) -> Callable[[F], F]:
    """Make the decorator that gives a Python function its form in compiled code.

    Parameters
    ----------
    scalar : callable
        Function that is compiled for numbers.

    Returns
    -------
    callable
        A decorator. The function then accepts real numbers and arrays of them, which broadcast. Its
        result is float64; if an argument is an array, it is an array in C order.
    """

    def add(function: F) -> F:
        arity = len(inspect.signature(function).parameters)
        loops = loops_over_one(function) if arity == 1 else loops_over_two(function)

        def choose(*kinds):
            if len(kinds) != arity or not all(map(is_real, kinds)):
                return None
            return scalar if all(map(is_number, kinds)) else loops[tuple(not is_number(kind) for kind in kinds)]

        overload(function, strict=False, jit_options=INNER)(choose)
        return function

    return add


def loops_over_one(function: Callable[..., Any]) -> dict[tuple[bool, ...], Callable[..., Any]]:
    """Make the table of loops of a function of one argument: {(is an array,): loop}."""

    def loop(u):
        out, i = np.empty(u.size), 0
        for item in u.flat:
            out[i] = function(item)
            i += 1
        return out.reshape(u.shape)

    return {(True,): loop}


def loops_over_two(function: Callable[..., Any]) -> dict[tuple[bool, ...], Callable[..., Any]]:
    """Make the table of loops of a function of two arguments: {(is an array, is an array): loop}.
    """

    def first(u, v):
        out, i = np.empty(u.size), 0
        for item in u.flat:
            out[i] = function(item, v)
            i += 1
        return out.reshape(u.shape)

    def second(u, v):
        out, i = np.empty(v.size), 0
        for item in v.flat:
            out[i] = function(u, item)
            i += 1
        return out.reshape(v.shape)

    def both(u, v):
        shape = np.broadcast_shapes(u.shape, v.shape)
        a, b = np.broadcast_to(u, shape).flatten(), np.broadcast_to(v, shape).flatten()
        out = np.empty(a.size)
        for i in range(a.size):
            out[i] = function(a[i], b[i])
        return out.reshape(shape)

    return {(True, False): first, (False, True): second, (True, True): both}
