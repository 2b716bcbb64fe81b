"""Special functions of whole arrays: logsumexp and softmax."""

import math
from typing import Any

import numpy as np
import scipy.special
from numba import types
from numba.extending import overload
from numpy.typing import ArrayLike

from quasinewton._numba_ext.jit import INNER, fragment
from quasinewton.special.compiled import is_number


def logsumexp(a: ArrayLike, axis: int | None = None) -> Any:
    """Return log Σ exp(a_i) without overflow.

    Parameters
    ----------
    a : ndarray
        In compiled code it has one or two axes, or any number without `axis`.
    axis : int, optional
        Sum along this axis, of all items by default. In compiled code it must be a constant.

    Returns
    -------
    float or ndarray of float64
        −∞ if there are no items.

    References
    ----------
    Blanchard, Higham & Higham, Accurately computing the log-sum-exp and softmax functions, IMA J.
    Numer. Anal. 41 (2021). Derivative: `softmax`.

    Examples
    --------
    >>> import numpy as np
    >>> from quasinewton.special import logsumexp
    >>> round(float(logsumexp(np.array([1000.0, 1000.0]))), 6)
    1000.693147
    """
    return scipy.special.logsumexp(a, axis=axis)


def softmax(x: ArrayLike, axis: int | None = None) -> np.ndarray:
    """Return exp(x_i)/Σ exp(x_j) without overflow.

    Parameters
    ----------
    x : ndarray
        In compiled code it has one or two axes, or any number without `axis`.
    axis : int, optional
        Sum along this axis, over all items by default. In compiled code it must be a constant.

    Returns
    -------
    ndarray of float64
        Array of the shape of x.

    References
    ----------
    Blanchard, Higham & Higham, Accurately computing the log-sum-exp and softmax functions, IMA J.
    Numer. Anal. 41 (2021).

    Examples
    --------
    >>> import numpy as np
    >>> from quasinewton.special import softmax
    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    return scipy.special.softmax(x, axis=axis)


@fragment
def largest(a):
    """Return the largest item of an array; NaN if one is NaN, −∞ if there is none."""
    m = -math.inf
    for item in a.flat:
        if item > m or item != item:
            m = item
        if m != m:
            break
    return m


@fragment
def logsumexp_of_all(a):
    """log Σ exp(a_i) over all items of an array.

    The largest items are counted, not summed, so that the logarithm is of 1 + s with a small s.
    """
    m, s, count = float(largest(a)), 0.0, 0
    if not math.isfinite(m):
        return m
    for item in a.flat:
        if item == m:
            count += 1
        else:
            s += math.exp(item - m)
    return math.log1p(s / count) + math.log(float(count)) + m


@fragment
def softmax_of_all(x):
    """Softmax over all items of an array: exponentials relative to the largest, over their sum."""
    m, s, i, out = float(largest(x)), 0.0, 0, np.empty(x.size)
    for item in x.flat:
        out[i] = math.exp(item - m)
        s += out[i]
        i += 1
    for i in range(out.size):
        out[i] /= s
    return out.reshape(x.shape)


def axis_of(kind):
    """Return the axis in the type of an argument: an int, or None if it is absent.

    NotImplemented if the axis is not a compile-time constant.
    """
    if kind is None or isinstance(kind, types.NoneType):
        return None
    value = getattr(kind, "literal_value", getattr(kind, "value", NotImplemented))
    return None if value is None else value


def by_axis(a, axis, of_all, of_rows, of_columns):
    """Return the implementation for an array along an axis, or None if there is none.

    Parameters
    ----------
    a, axis : numba types
    of_all, of_rows, of_columns : callable
        Implementations for all items, and for matrices along axis 1 and along axis 0.
    """
    if not (isinstance(a, types.Array) and a.ndim > 0):
        return None
    axis = axis_of(axis)
    if axis is None or a.ndim == 1 and axis in (0, -1):
        return of_all
    if a.ndim == 2 and axis in (1, -1):
        return of_rows
    return of_columns if a.ndim == 2 and axis in (0, -2) else None


@overload(logsumexp, prefer_literal=True, jit_options=INNER)
def _logsumexp(a, axis=None):
    def of_rows(a, axis=None):
        out = np.empty(a.shape[0])
        for i in range(a.shape[0]):
            out[i] = logsumexp_of_all(a[i])
        return out

    of_all = lambda a, axis=None: logsumexp_of_all(a)
    if not (isinstance(a, types.Array) and is_number(a.dtype)):
        return None
    return by_axis(a, axis, of_all, of_rows, lambda a, axis=None: logsumexp(a.T, 1))


@overload(softmax, prefer_literal=True, jit_options=INNER)
def _softmax(x, axis=None):
    def of_rows(x, axis=None):
        out = np.empty(x.shape)
        for i in range(x.shape[0]):
            out[i] = softmax_of_all(x[i])
        return out

    of_all = lambda x, axis=None: softmax_of_all(x)
    if not (isinstance(x, types.Array) and is_number(x.dtype)):
        return None
    return by_axis(x, axis, of_all, of_rows, lambda x, axis=None: softmax(x.T, 1).T.copy())
