"""Array statements that reverse mode records as columns, against forward mode and f.

Arrays have every layout, alignment and shape.

Covers: _autodiff/array_expressions.py, _autodiff/active_types.py, _autodiff/{tape,tape_records}.py,
_autodiff/reverse_sweep.py.
"""

import numpy as np
import pytest
from numba import njit

from quasinewton import hvp, value_and_grad
from quasinewton._autodiff import derivative_functions
from quasinewton._autodiff.active_types import LONGEST

X = np.linspace(0.3, 1.7, 12)


@njit
def rows_and_columns(x):
    a = x.reshape((3, 4))
    return np.sum(a * x[:4] + np.exp(-a[:, :1]) * a)


@njit
def transposed(x):
    a = x.reshape((3, 4))
    b = a.T * a.T[:, :1] + np.ones((4, 3))
    return np.sum(b.T * a)


@njit
def in_fortran_order(x):
    a = x.reshape((3, 4)).T
    total = 0.0
    for k in range(2):
        b = np.exp(np.sin(a * a) - k) / (a + 1.0)
        total += np.mean(b * b - a)
    return total + np.sum(np.where(a > 0.7, a * a + 1.0, np.sqrt(a)))


@njit
def one_for_all(x):
    t = np.arange(5.0)
    r = x[0] * np.exp(-x[1] * t) - x[2]
    return r @ r


@njit
def backwards_and_apart(x):
    return np.sum(x[::-1] * x) + np.sum(np.sin(x[::2]) * x[1::2]) + np.sum(x[x > 1.0] ** 3)


@njit
def shifted_views(x):
    return np.sum((x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@njit
def views_of_one_array(x):
    a = x.reshape((3, 4))
    quick = (x[1:] - x[:1]) ** 3 / x[:-1] * x[0]
    slow = np.exp(x[2:] - x[:-2]) * x[1:-1]
    return np.sum(quick) + np.sum(slow) + np.mean((a[1:] - a[:-1] * a[:1]) ** 2 + a[:1, :1])


@njit
def constants_among(x):
    h = np.zeros(x.size)
    for i in range(0, x.size, 2):
        h[i] = x[i]
    g = np.zeros(3) * 2.0 + 1.0
    return np.sum(np.cos(h) * x) + g[0] * x[0]


@njit
def longer_than_a_record(x):
    y = x * 1.0
    z = y * x + x * y + y * y * x + x / y + y - x * x * y + y * x * y + x * y + y * x + x * y * y
    return np.sum(z * z)


@njit
def nothing(x):
    return np.sum(x[5:5] * 2.0) + np.sum(np.exp(x[:1]) * x[3:4]) + x[0]


@njit
def values_only(x):
    return np.sum(np.floor(x * 3.0) * x + (x > 1.0) * x)


@njit
def powers(x):
    t = np.arange(1.0, 13.0)
    return np.sum(x**2 * t**3 + x**-1 + t**x + x**0.5 * 2)


@njit
def changed_in_place(x):
    y = x * 2.0
    y += x * y
    y[2:5] *= x[:3]
    return np.sum(y * y)


@njit
def weighted(x):
    w = np.arange(12.0)
    y = np.exp(x)
    return np.dot(w, y) + np.dot(x, w[::-1].copy()) + y.mean() + np.linalg.norm(x * y) + np.dot(y[::-1], w)


FUNCTIONS = [
    rows_and_columns,
    transposed,
    in_fortran_order,
    one_for_all,
    backwards_and_apart,
    shifted_views,
    views_of_one_array,
    constants_among,
    longer_than_a_record,
    nothing,
    values_only,
    powers,
    changed_in_place,
    weighted,
]


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_statement(f):
    (y, ahead), (z, back) = (value_and_grad(f, jac)(X) for jac in ("forward", "reverse"))
    assert y == z == f(X)
    np.testing.assert_allclose(back, ahead, rtol=1e-13, atol=1e-13)
    step = 1e-3
    for i, e in enumerate(step * np.eye(X.size)):
        beside = [f(X + k * e) for k in (-2, -1, 1, 2)]
        difference = np.dot(beside, [1.0, -8.0, 8.0, -1.0]) / (12.0 * step)
        np.testing.assert_allclose(back[i], difference, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("f", [rows_and_columns, views_of_one_array, one_for_all], ids=lambda f: f.__name__)
def test_second_derivatives_of_statements(f):
    v, slope = np.cos(X), value_and_grad(f, "forward")
    expected = (slope(X + 1e-5 * v)[1] - slope(X - 1e-5 * v)[1]) / 2e-5
    np.testing.assert_allclose(hvp(f)(X, v), expected, rtol=1e-7, atol=1e-7)


def test_the_long_one_is_longer_than_a_record():
    assert LONGEST < 24  # The expression of `longer_than_a_record` has 24 arrays.


def test_lists_of_one_slice_are_two_lists():
    @njit
    def f(x):
        items = [x[0], x[1], x[2]]
        a, b = items[:-1], items[:-1]
        a.append(x[3] * x[3])
        return len(b) * a[2] + b[1]

    y, g = value_and_grad(f, "reverse")(X)
    assert y == f(X)
    np.testing.assert_allclose(g[:5], [0.0, 1.0, 0.0, 4.0 * X[3], 0.0])


@njit
def long_statements(x):
    s = 0.0
    for _ in range(40):
        s = s + np.sum(np.sin(x) * x)
    return s


def test_tape_grows_by_statements():
    x = np.linspace(0.1, 1.0, 20_000)
    y, g = value_and_grad(long_statements, "reverse")(x)
    assert y == long_statements(x)
    np.testing.assert_allclose(g, 40.0 * (np.cos(x) * x + np.sin(x)), rtol=1e-12)


def test_statements_are_limited(monkeypatch):
    @njit
    def f(x):
        y = np.exp(x)
        for _ in range(100):
            y = np.sin(y) * x
        return np.sum(y) + y @ x

    monkeypatch.setattr(derivative_functions, "LIMIT", 1 << 18)
    with pytest.raises(MemoryError, match="4 GB; use jac='forward'"):
        value_and_grad(f, "reverse")(np.ones(30_000))
