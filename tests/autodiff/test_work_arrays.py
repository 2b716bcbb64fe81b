"""Items selected by arrays of indices, work space that the caller passes, views, copies and lists.

Covers: _autodiff/adjoint/gathers.py, _autodiff/memory_rules.py, _autodiff/work_arrays.py.
"""

import numpy as np
import pytest
from numba import njit
from references import by_tape, differences, refusal

from quasinewton import grad, hvp, minimize, value_and_grad

as_strided = np.lib.stride_tricks.as_strided
windows = np.lib.stride_tricks.sliding_window_view
ROWS, COLUMNS = np.array([2, 0, 2, -1]), np.array([0, 1, 1])
X = np.cos(np.arange(1.0, 13.0))


@njit
def gathered(x, i, j):
    M, C = x.reshape(4, 3), x.reshape(2, 3, 2)
    s = np.sum(M[i] ** 2) + np.sum(M[i, 1] ** 3) + np.sum(M[2, j] * M[j, 0])
    return s + np.sum(M[1:, j] ** 2 * M[:3, j]) + np.sum(M[i, :2] ** 3) + np.sum(C[j] ** 2)


@njit
def scattered(x, i, j):
    y, M = np.zeros(5), np.ones((4, 3))
    y[i] = x[:4] ** 2
    s = np.sum(y**3)
    M[j] = x[:9].reshape(3, 3)
    M[i] = M[i] * x[4]
    M[j] += 1.5
    y[j] = x[3] * 2.0
    y[np.array([0, 1, 2])] = y[1:4]
    y[np.array([True, True, True, False, False])] = y[2:]
    for t in range(2):
        y[i] *= x[t]
        if t == 1:
            y.fill(x[5])
        y[t] += x[6]
        s += np.sum(y**2) + np.sum(M[i] ** 2)
    M[i] = 3.0
    return s + np.sum(M**3)


@pytest.mark.parametrize("f", [gathered, scattered])
def test_arrays_of_indices(f):
    args = ROWS, COLUMNS
    assert refusal(f, args) is None
    y, g = value_and_grad(f, "reverse")(X, *args)
    assert y == f(X, *args)
    np.testing.assert_allclose(g, differences(f, X, *args), rtol=1e-7, atol=1e-8)


@njit
def into(w, x, k=1.0):
    for i in range(w.shape[0]):
        w[i] = x[i] * k


@njit
def through(w, x):
    into(w.ravel()[1:], x, k=2.0)
    w[0, :2] += x[:2]


@njit
def with_work_space(x, w, e, y):
    through(w, x)
    for t in range(y.size):
        e[t] = y[t] - x[t % 5]
        if t > 0:
            e[t] -= 0.3 * e[t - 1]
    row = w[1]
    row *= x[3]
    return np.sum(w**2) + np.sum(e**2) * x[0]


@pytest.mark.parametrize("jac", ["forward", "reverse"])
def test_work_space_is_copied(jac):
    def given():
        return np.ones((3, 4)), np.full(9, np.nan), np.sin(np.arange(9.0))

    expected = differences(lambda x: with_work_space.py_func(x, *given()), X)
    args = given()
    assert jac == "forward" or refusal(with_work_space, args) is None
    y, g = value_and_grad(with_work_space, jac)(X, *args)
    assert y == with_work_space(X, *given())
    np.testing.assert_allclose(g, expected, rtol=1e-7, atol=1e-8)
    for now, before in zip(args, given(), strict=True):
        assert np.array_equal(now, before, equal_nan=True)


@njit
def counting(x, calls, w):
    calls[0] += 1
    w[0] = x[1] * calls[0]
    return w[0] * x[0]


@pytest.mark.parametrize("jac", ["forward", "reverse"])
def test_integers_are_those_of_the_caller(jac):
    """They cannot depend on x, and a function may count its calls in them."""
    calls, w = np.array([2]), np.zeros(1)
    y, g = value_and_grad(counting, jac)(X[:2], calls, w)
    assert calls[0] == 3 and w[0] == 0.0 and y == 3.0 * X[0] * X[1]
    np.testing.assert_allclose(g, [3.0 * X[1], 3.0 * X[0]], rtol=1e-12)


@njit
def two_arrays(x, w, v):
    w[:] = x[: w.size] * 2.0
    return np.sum(w * v)


def test_work_space_that_overlaps_another_argument_is_an_error():
    w = np.ones(6)
    slope = grad(two_arrays, "reverse")
    assert np.array_equal(slope(X, w[:3], w[3:])[:3], [2.0, 2.0, 2.0])
    with pytest.raises(ValueError, match="two arguments share memory"):
        slope(X, w[:3], w[2:5])


def test_minimize_with_work_space():
    @njit
    def f(x, r):
        r[0] = 10.0 * (x[1] - x[0] ** 2)
        r[1] = 1.0 - x[0]
        return r @ r

    res = minimize(f, np.array([-1.2, 1.0]), (np.zeros(2),))
    assert res.success and res.jac_mode in ("forward", "reverse")
    np.testing.assert_allclose(res.x, 1.0, atol=1e-6)


@njit
def seen_as_floats(x):
    a = as_strided(x, shape=(x.size - 3, 4), strides=(8, 8))
    b = as_strided(x, (x.size - 3, 4), (x.strides[0], x.itemsize))
    c, y = windows(x, 3), x * x
    s = np.sum(a * a) + np.sum(b**3) * x.itemsize + np.sum(c[:, 0] * c[:, 2]) + x.nbytes * x[0]
    d = as_strided(y, shape=(3, 4), strides=(16, 8))
    d[1] *= 2.0
    return s + np.sum(d * d) + y.strides[0] * y[3]


def test_sizes_and_strides_are_those_of_floats():
    """Active numbers take more bytes, but the user writes about floats."""
    expected, v = differences(seen_as_floats, X), np.sin(np.arange(12.0))
    assert refusal(seen_as_floats, ()) is None
    slope = grad(seen_as_floats, "forward")
    np.testing.assert_allclose(slope(X), expected, rtol=1e-7)
    np.testing.assert_allclose(grad(seen_as_floats, "reverse")(X), expected, rtol=1e-7)
    beside = (slope(X + 1e-5 * v) - slope(X - 1e-5 * v)) / 2e-5
    np.testing.assert_allclose(hvp(seen_as_floats)(X, v), beside, rtol=1e-6)


def test_views_of_bytes_are_refused():
    @njit
    def bits(x):
        return np.sum(x.view(np.int64)) * x[0]

    with pytest.raises(TypeError, match="cannot differentiate view"):
        grad(bits, "forward")(X)


@njit
def copies_in_order(x):
    M, C = x.reshape(3, 4), x.reshape(3, 2, 2)
    s = M.flatten()[5] ** 2 + C.flatten()[7] ** 3 * M.T.ravel()[4] + C.T.ravel()[9] ** 2 + np.ravel(M[:, 1:3])[3] ** 2
    s += np.sum(np.ascontiguousarray(M.T[1:]) ** 2) * np.asfortranarray(M)[1, 2] + np.asarray(x)[3] ** 2
    return s + np.sum(np.array([np.sum((x - k) ** 2) for k in range(3)]) ** 2) + M.T.flatten()[1] ** 2


@njit
def stored_behind_a_perhaps_copy(x):
    M = np.ascontiguousarray(x.reshape(3, 4).T)
    M[1, 1] = 2.0
    return np.sum(M**3)


@pytest.mark.parametrize("f", [copies_in_order, stored_behind_a_perhaps_copy])
def test_flat_and_contiguous_copies(f):
    assert (refusal(f, ()) is None) == (f is copies_in_order)
    y, g = value_and_grad(f, "reverse")(X)
    assert y == f(X)
    np.testing.assert_allclose(g, differences(f, X), rtol=1e-7, atol=1e-8)


@njit
def recurrent(p, h):
    for t in range(2):
        h = np.tanh(p[:9].reshape(3, 3) @ h) + p[9 + t]
    return h


@njit
def beginning_with_an_argument(x, data, sizes):
    h, at, s = data, 0, 0.0
    for k in range(len(sizes) - 1):
        m, n = sizes[k], sizes[k + 1]
        h = np.dot(h, x[at : at + m * n].reshape((m, n)))
        at += m * n
    for i in range(data.shape[0]):
        s += np.sum(recurrent(x, data[i]) ** 2)
    return np.sum(h**2) + s


@pytest.mark.parametrize("jac", ["forward", "reverse"])
def test_a_name_that_holds_an_argument_first(jac):
    args = np.cos(np.arange(12.0)).reshape(4, 3), (3, 2, 1)
    assert jac == "forward" or refusal(beginning_with_an_argument, args) is None
    y, g = value_and_grad(beginning_with_an_argument, jac)(X, *args)
    np.testing.assert_allclose(y, beginning_with_an_argument(X, *args), rtol=0)
    np.testing.assert_allclose(g, differences(beginning_with_an_argument, X, *args), rtol=1e-7, atol=1e-8)


def test_arrays_made_of_lists():
    @njit
    def f(x):
        products = []
        for i in range(3):
            products.append(x[i] * x[i + 1])
        return np.sum(np.array(products)) + sum(x * x)

    g = differences(f, X)
    np.testing.assert_allclose(by_tape(f)(X)[1], g, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(grad(f, "reverse")(X), g, rtol=1e-8, atol=1e-9)
