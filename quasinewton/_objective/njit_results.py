"""Results of the user's compiled functions: conversion of numbers, vectors and matrices.

A derivative may be an array, a list or tuple of numbers, or a list or tuple of rows.
"""

import numpy as np
from numba import types
from numba.extending import overload

from quasinewton._numba_ext.generated import define
from quasinewton._numba_ext.user_code import RULE
from quasinewton._validation import NOT_SCALAR

IMAGINARY = f"{NOT_SCALAR} It returns a complex number whose imaginary part is not zero."
WRONG_SIZE = (
    "what a compiled function returned does not have the size that belongs to x: n numbers for gradients and systems, "
    "n times n for Hessians and Jacobians"
)


def as_scalar(f):
    """Return the number in a scalar or in an array of size 1."""


@overload(as_scalar, jit_options=RULE)
def _as_scalar(f):
    if isinstance(f, types.Array):

        def unpack(f):
            if f.size != 1:
                raise ValueError(NOT_SCALAR)
            return as_scalar(f.flat[0])

        return unpack
    if isinstance(f, types.Complex):

        def real_part(f):
            if f.imag != 0.0:
                raise ValueError(IMAGINARY)
            return f.real

        return real_part
    return lambda f: f


def as_complex(f):
    """Return the complex number in a scalar or in an array of size 1, for the complex step."""


@overload(as_complex, jit_options=RULE)
def _as_complex(f):
    if not isinstance(f, types.Array):
        return lambda f: f

    def unpack(f):
        if f.size != 1:
            raise ValueError(NOT_SCALAR)
        return f.flat[0]

    return unpack


def write(out, values):
    """Copy a user's derivative to `out`, which is overwritten, and check its size."""


@overload(write, jit_options=RULE)
def _write(out, values):
    # Loops compile ten times faster than out[...] = values, whose error message is expensive to
    # compile.
    if isinstance(values, types.Array) and values.ndim == out.ndim == 1:

        def copy(out, values):
            if values.size != out.size:
                raise ValueError(WRONG_SIZE)
            for i in range(out.size):
                out[i] = values[i]

        return copy
    if isinstance(values, types.Array) and values.ndim == out.ndim == 2:

        def copy_rows(out, values):
            if values.shape[0] != out.shape[0] or values.shape[1] != out.shape[1]:
                raise ValueError(WRONG_SIZE)
            for i in range(out.shape[0]):
                for j in range(out.shape[1]):
                    out[i, j] = values[i, j]

        return copy_rows
    if isinstance(values, types.BaseTuple) and is_rows(values, out.ndim):
        return by_item(len(values))
    if isinstance(values, SEQUENCES) and is_rows(values, out.ndim):

        def copy_items(out, values):
            if len(values) != len(out):
                raise ValueError(WRONG_SIZE)
            for i in range(len(out)):
                put_item(out, i, values[i])

        return copy_items
    if isinstance(values, (types.Array, types.UniTuple, *SEQUENCES)):

        def spread(out, values):
            values = np.asarray(values)
            if values.size != out.size:
                raise ValueError(WRONG_SIZE)
            flat = out.ravel()
            for i, value in enumerate(values.flat):
                flat[i] = value

        return spread

    def fill(out, values):
        if out.size != 1:
            raise ValueError(WRONG_SIZE)
        out.ravel()[0] = values

    return fill


SEQUENCES = (types.List, types.ListType)


def is_rows(values, ndim):
    """Return True if the items of a sequence fit an array of rank `ndim`: numbers, or rows."""
    items = values.types if isinstance(values, types.BaseTuple) else (values.dtype,)
    return all(_is_number(item) if ndim == 1 else not _is_number(item) for item in items)


def by_item(count):
    """Define a function that copies a tuple of `count` items of any types to an array."""
    lines = ["def copy_items(out, values):", f"    if len(out) != {count}:", "        raise ValueError(WRONG_SIZE)"]
    lines += [f"    put_item(out, {k}, values[{k}])" for k in range(count)]
    scope = dict(put_item=put_item, WRONG_SIZE=WRONG_SIZE)
    return define("copy_items", "\n".join(lines), scope)


def put_item(out, i, item):
    """Copy one item of a sequence to out[i]: a number to a vector, a row to a matrix."""


@overload(put_item, jit_options=RULE)
def _put_item(out, i, item):
    if out.ndim > 1:
        return lambda out, i, item: write(out[i], item)

    def put(out, i, item):
        out[i] = item

    return put


def _is_number(kind):
    return isinstance(kind, (types.Integer, types.Float, types.Boolean))


def is_value(kind):
    """Return True if a result of this type may be the value of an objective."""
    return _is_number(kind) or isinstance(kind, types.Array) and _is_number(kind.dtype)


def is_complex(kind):
    """Return True if a result of this type is a complex number or an array of them."""
    return isinstance(getattr(kind, "dtype", kind), types.Complex)


def is_pair(kind):
    """Return True for the type of a tuple of two."""
    return isinstance(kind, types.BaseTuple) and len(kind) == 2


def is_derivative(kind):
    """Return True if a result of this type may be a derivative or the value of a vector function.

    These are arrays, lists and tuples of numbers, and lists and tuples of such lists and tuples.
    """
    if isinstance(kind, types.BaseTuple):
        # All are numbers or all are rows: (f, g) is a value and its derivative.
        rows = [item for item in kind if not _is_number(item)]
        vectors = all(item.ndim == 1 for item in rows if isinstance(item, types.Array))
        return len(kind) > 0 and len(rows) in (0, len(kind)) and vectors and all(map(is_derivative, kind))
    return is_value(kind) or isinstance(kind, SEQUENCES) and is_derivative(kind.dtype)
