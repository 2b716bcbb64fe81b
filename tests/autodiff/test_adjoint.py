"""Reverse mode by source transformation, compared with the tape.

Checked are the idioms, what the transformation refuses, and its memory. Random programs have a file
of their own.

Covers: _autodiff/adjoint/*, _autodiff/derivative_functions.py, _autodiff/elementary_rules.py,
_autodiff/lane_products.py, _autodiff/reduction_rules.py.
"""

import math
import warnings
from collections import namedtuple

import numpy as np
import pytest
from idioms import IDIOMS, X
from more_idioms import MORE
from numba import njit, types
from numba.core.errors import NumbaPerformanceWarning
from references import by_tape, differences, refusal

from quasinewton import grad, hessian, hvp, value_and_grad
from quasinewton._autodiff import derivative_functions
from quasinewton._autodiff.active_types import Dual
from quasinewton._autodiff.adjoint.calls import VECTOR
from quasinewton._autodiff.adjoint.chain import chain
from quasinewton._autodiff.adjoint.functions import READS
from quasinewton._autodiff.elementary_rules import PARTIALS

FEWEST = 91  # idioms; least number that the transformation must accept, the tape takes the others


@pytest.mark.slow
def test_idioms_against_the_tape():
    """Accepted idioms of both lists have the bits of f and the gradient of the tape."""
    through = 0
    for name, f, args in IDIOMS + MORE:
        if refusal(f, args) is None:
            through += 1
            (y, g), (z, expected) = value_and_grad(f, "reverse")(X.copy(), *args), by_tape(f)(X.copy(), *args)
            assert np.array_equal(y, z, equal_nan=True), name
            np.testing.assert_allclose(g, expected, rtol=1e-11, atol=1e-11, err_msg=name)
    assert through >= FEWEST


def called(rule, count):
    """Return the partial derivative of `rule`, for an adjoint of 1, as a compiled function.

    Its arguments are the value and the operands.
    """
    return njit(lambda y, u: rule(1.0, y, u)) if count == 1 else njit(lambda y, u, v: rule(1.0, y, u, v))


@pytest.mark.parametrize("function", READS, ids=lambda function: getattr(function, "__name__", str(function)))
def test_partial_derivatives_read_what_the_table_says(function):
    """Operands that a rule does not read may be NaN."""
    count = len(PARTIALS[function])
    point = {"u": 1.6 if function in (np.arccosh, math.acosh) else 0.6, "v": 0.7}
    given = [point[letter] for letter in "uv"[:count]]
    y = float(function(*given))
    for k in range(count):
        rule = chain(function, k, count)
        call = called(rule, count)
        values = {"y": y} | dict(zip("uv", given, strict=False))
        kept = [value if letter in READS[function][k] else np.nan for letter, value in values.items()]
        assert call(*kept) == call(*values.values())


@njit
def garch(p, returns):
    h, e, f = 1.0 + p[0] ** 2, 0.3, 0.0
    for t in range(returns.size):
        h = p[0] + p[1] * e * e + p[2] * h
        e = returns[t] - p[3]
        f += 0.5 * (math.log(h) + e * e / h)
    return f


def test_long_loops_keep_two_words_a_trip(monkeypatch):
    """A million iterations run within a limit of 20 MB, and not within one of 12 MB."""
    p, returns = np.array([0.1, 0.2, 0.6, 0.05]), np.sin(np.arange(1e6))
    assert refusal(garch, (returns,)) is None
    monkeypatch.setattr(derivative_functions, "LIMIT", 20_000_000 // 8)
    y, g = value_and_grad(garch, "reverse")(p, returns)
    z, ahead = value_and_grad(garch, "forward")(p, returns)
    assert y == z
    np.testing.assert_allclose(g, ahead, rtol=1e-9)


def test_stack_is_limited(monkeypatch):
    @njit
    def f(x):
        s = x[0]
        for _ in range(100_000):
            s = math.sin(s) + x[1]
        return s

    assert refusal(f, ()) is None
    monkeypatch.setattr(derivative_functions, "LIMIT", 1 << 10)
    with pytest.raises(MemoryError, match="stack of reverse mode needs more than 4 GB; use jac='forward'"):
        value_and_grad(f, "reverse")(np.ones(2))


@pytest.mark.parametrize("model", ["python", "numpy"])
def test_error_model_is_that_of_the_function(model):
    @njit(error_model=model)
    def f(x):
        return 1.0 / x[0] + x[1]

    assert refusal(f, ()) is None
    if model == "python":
        with pytest.raises(ZeroDivisionError):
            value_and_grad(f, "reverse")(np.zeros(2))
    else:
        y, g = value_and_grad(f, "reverse")(np.zeros(2))
        assert y == np.inf and g[0] == -np.inf and g[1] == 1.0


@njit
def energy(x):
    """Return a sum over pairs of points, of which two may be one."""
    f = 0.0
    for i in range(1, x.size):
        for j in range(i):
            r = math.sqrt((x[i] - x[j]) * (x[i] - x[j]))
            f += r / (1.0 + r)
    return f


def test_numbers_that_do_not_vary_have_no_slope():
    """Where two points are one, the slope of the root is infinite, and the gradient is not."""
    assert refusal(energy, ()) is None
    y, g = value_and_grad(energy, "reverse")(np.array([0.5, 0.5, 2.0]))
    assert y == energy(np.array([0.5, 0.5, 2.0]))
    np.testing.assert_allclose(g, [-0.16, -0.16, 0.32], rtol=1e-14)


Pair = namedtuple("Pair", "first second")


@njit
def chosen_pairs(x):
    pair = Pair((x[0], 1.5), x[1])
    for i in range(3):
        if x[i] > 0.0:
            pair = Pair(second=pair.first[0] * x[i], first=(pair.second + i, 0.5))
    return pair.first[0] * pair.second + pair[0][1]


def test_branches_and_loops_choose_named_tuples():
    x = np.array([0.4, -0.3, 0.7])
    assert refusal(chosen_pairs, ()) is None
    y, g = value_and_grad(chosen_pairs, "reverse")(x)
    assert y == chosen_pairs(x)
    np.testing.assert_allclose(g, differences(chosen_pairs, x), rtol=1e-8)


@njit
def factorial(u, n):
    return u * factorial(u + 1.0, n - 1) if n > 0 else 1.0 * u


@njit(fastmath=True)
def fast(u):
    return u * u


def recursion(x):
    return factorial(x[0], 3)


def other_options(x):
    return fast(x[0])


def changed_item_of_argument(x, pair):
    pair[0][0] = 2.0
    return np.sum(x) * pair[0][0]


def lists(x):
    values = [x[0]]
    values.append(x[1])
    return values[0] * values[1]


@pytest.mark.parametrize("function", [recursion, other_options, changed_item_of_argument, lists])
def test_what_it_refuses_goes_by_the_tape(function):
    f, args = njit(function), ((np.ones(2), 1.0),) if function is changed_item_of_argument else ()
    assert refusal(f, args).startswith("no adjoint of")
    x = np.array([0.5, 1.5, 2.5])
    np.testing.assert_allclose(grad(f, "reverse")(x, *args), grad(f, "forward")(x, *args), rtol=1e-13)


def chosen_arrays(x):
    a, b = x * 2.0, np.sin(x)
    for i in range(4):
        a, b = b, a * b
        if a[0] > b[1]:
            a = b + a
        a[i % 3] *= 1.1
    return np.sum(a * b)


def shapes_that_change(x):
    s = 1.0
    for i in range(1, x.size + 1):
        y = np.tanh(x[:i] * s)
        y[0] += y[-1] ** 2
        s = np.sum(y * y) + 0.5
    return s


def broadcasting(x):
    column = x.reshape((x.size, 1))
    unit = x[:1]
    M = column - unit * x
    M *= x
    M[1] = unit
    return np.sum(M * column) + np.sum(np.exp(-x) * unit)


def rows_and_their_views(x):
    M = np.zeros((3, x.size))
    for i, row in enumerate(M):
        row += x * (i + 1)
        row[0] *= row[1]
    M[1:] = np.sin(M[:-1])
    M[0] = M[2]
    return np.sum(M**3)


def undone_stores(x):
    h = np.zeros(x.size)
    s = 0.0
    for i in range(x.size):
        h[i] = x[i] * s + 1.0
        s = math.sin(h[i] * h[i - 1]) + h[0]
        h *= 0.9
        h[:2] += s
    return np.sum(h * x) * s


MEMORY = [chosen_arrays, shapes_that_change, broadcasting, rows_and_their_views, undone_stores]


@pytest.mark.parametrize("function", MEMORY)
def test_memory(function):
    """Restore what arrays held before stores, also for views, broadcasting and changing shapes."""
    f, x = njit(function), np.array([0.3, -0.7, 1.1])
    assert refusal(f, ()) is None
    y, g = value_and_grad(f, "reverse")(x)
    assert y == f(x)
    np.testing.assert_allclose(g, differences(f, x), rtol=1e-7, atol=1e-8)


# Second derivatives of the others take five seconds each to compile.
QUICK = shapes_that_change, undone_stores


@pytest.mark.parametrize(
    "function", [f if f in QUICK else pytest.param(f, marks=pytest.mark.slow) for f in MEMORY], ids=lambda f: f.__name__
)
def test_memory_of_second_derivatives(function):
    f, x = njit(function), np.array([0.3, -0.7, 1.1])
    assert refusal(f, (), Dual(1, sided=True)) is None
    slopes, v, step = value_and_grad(f, "reverse"), np.cos(np.arange(3.0)), 1e-6
    expected = (slopes(x + step * v)[1] - slopes(x - step * v)[1]) / (2.0 * step)
    np.testing.assert_allclose(hvp(f)(x, v), expected, rtol=1e-6, atol=1e-7)


def test_other_vectors_are_copied():
    f = njit(lambda x: np.sum(x**3))
    for x in (np.arange(3), np.arange(6.0)[::2], np.arange(3, dtype=np.float32)):
        g = value_and_grad(f, "reverse")(x)[1]
        np.testing.assert_allclose(g, 3.0 * np.asarray(x, dtype=float) ** 2)
    assert types.Array(types.float64, 1, "C") == VECTOR


@njit
def raising(x, last):
    y = x
    for i in range(100):
        y = np.sin(y) + x[0]
        if i == last:
            raise ValueError("too far")
    return np.sum(y)


def test_a_function_that_raises_gives_back_what_was_pushed(allocations):
    """Arrays that iterations have pushed are freed, but for a few that Numba loses itself."""
    slopes, x = value_and_grad(raising, "reverse"), np.ones(5)
    assert refusal(raising, (1,)) is None
    np.testing.assert_allclose(slopes(x, 100)[1], differences(raising, x, 100), rtol=1e-8, atol=1e-8)

    def failing(last):
        with pytest.raises(ValueError, match="too far"):
            slopes(x, last)

    assert allocations(slopes, x, 100).objects == 0
    few, many = (allocations(failing, last).objects for last in (2, 90))
    assert few == many


def products_of_every_shape(x, X):
    A, B = x.reshape(2, 4), x.reshape(4, 2)
    v = A @ x[3:7]
    s = np.sum((A @ B) ** 3) + np.sum((A.T @ X[:2]) ** 2) + np.sum((X[:, ::2] @ B) ** 2)
    return s + np.sum((x[:2] @ A) ** 3) + np.sum((X[0, :2] @ A) ** 2) + np.sum((X[:4, :2] @ v) ** 3)


@pytest.mark.slow
def test_second_derivatives_of_products(rng):
    """Products by BLAS have second derivatives: of both operands or one, and of views."""
    f, x, X = njit(products_of_every_shape), rng.standard_normal(8), rng.standard_normal((6, 8))
    assert refusal(f, (X,), Dual(1, sided=True)) is None
    slopes, step = value_and_grad(f, "reverse"), 1e-6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaPerformanceWarning)  # one view is not contiguous
        H = hessian(f)(x, X)
        expected = [(slopes(x + e, X)[1] - slopes(x - e, X)[1]) / (2.0 * step) for e in step * np.eye(x.size)]
        y, g = value_and_grad(f, "forward")(x, X)
        assert y == f(x, X)
        np.testing.assert_allclose(g, slopes(x, X)[1], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(H, expected, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(H @ x, hvp(f)(x, x, X), rtol=1e-11, atol=1e-10)


@njit
def parts_of_convolutions(x, n):
    a, v = x[:n], x[n:]
    s = np.sum(np.correlate(a, v, "same") ** 3) + np.sum(np.correlate(a, v, "full") ** 2) + np.sum(np.correlate(a, v))
    weights = np.arange(1.0, 1.0 + max(a.size, v.size))
    s += np.sum(np.correlate(a, v, mode="same") * weights) + np.sum(np.convolve(a, v, "same") ** 2 * weights)
    return s + np.sum(np.convolve(a, v, "valid") ** 3)


@pytest.mark.parametrize("jac", [pytest.param("forward", marks=pytest.mark.slow), "reverse"])
def test_parts_of_convolutions(jac):
    """Modes of convolve and correlate, for even and odd vectors of which either is longer."""
    x = np.linspace(0.3, 1.4, 7)
    assert refusal(parts_of_convolutions, (1,)) is None
    for n in range(1, 7):
        y, g = value_and_grad(parts_of_convolutions, jac)(x, n)
        assert y == parts_of_convolutions(x, n)
        np.testing.assert_allclose(g, differences(parts_of_convolutions, x, n), rtol=1e-8, atol=1e-8)
