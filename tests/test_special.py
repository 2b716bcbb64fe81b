"""The special functions: SciPy's values in compiled code, and derivatives up to rounding.

Covers: special/*, _autodiff/special_rules.py.
"""

import doctest
import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import scipy.special
from numba import njit
from processes import run

from quasinewton import grad, hessian, hvp, minimize, special, value_and_grad

ORACLE = json.loads((Path(__file__).parent / "oracles" / "special.json").read_text())
X = np.array([-7.5, -2.5, -0.3, 0.0, 0.4, 1.0, 1.4616, 3.0, 25.0, 400.0])
ONE = ["gammaln", "digamma", "erf", "erfc", "erfcx", "ndtr", "log_ndtr", "expit", "logit", "log_expit"]
TWO = ["betaln", "xlogy", "xlog1py", "ive", "kve"]


@njit
def of_numbers(x, y):
    return (
        special.gammaln(x), special.digamma(x), special.erf(x), special.erfc(x), special.erfcx(x), special.ndtr(x),
        special.log_ndtr(x), special.expit(x), special.logit(x), special.log_expit(x),
        special.betaln(x, y), special.xlogy(x, y), special.xlog1py(x, y), special.ive(x, y), special.kve(x, y),
    )  # fmt: skip


@njit
def of_arrays(x, k):
    table = x.reshape((2, 5)).T
    return (
        special.gammaln(x), special.gammaln(k), special.erfc(table), special.xlogy(x, 2), special.ive(1, x),
        special.betaln(table, k[:2]), special.polygamma(k, x[8]), special.logsumexp(table), special.softmax(table),
        special.logsumexp(table, axis=0), special.logsumexp(table, 1), special.softmax(table, axis=0),
        special.softmax(table, axis=-1),
    )  # fmt: skip


def by_scipy(x, k):
    table = x.reshape((2, 5)).T
    s = scipy.special
    return (
        s.gammaln(x), s.gammaln(k), s.erfc(table), s.xlogy(x, 2), s.ive(1, x),
        s.betaln(table, k[:2]), s.polygamma(k, x[8]), s.logsumexp(table), s.softmax(table),
        s.logsumexp(table, axis=0), s.logsumexp(table, 1), s.softmax(table, axis=0), s.softmax(table, axis=-1),
    )  # fmt: skip


def test_numbers_have_the_bits_of_scipy():
    for x in X:
        for y in (0.0, 0.7, 30.0):
            expected = [getattr(scipy.special, "psi" if name == "digamma" else name)(x) for name in ONE]
            expected += [getattr(scipy.special, name)(x, y) for name in TWO]
            assert np.array_equal(of_numbers(x, y), expected, equal_nan=True), (x, y)


def test_arrays_are_those_of_scipy():
    k = np.arange(1, 11)
    for found, expected in zip(of_arrays(X, k), by_scipy(X, k), strict=True):
        assert np.shape(found) == np.shape(expected)
        np.testing.assert_allclose(found, expected, rtol=2e-15)


def test_python_calls_scipy_itself():
    for name in ONE:
        ours, theirs = getattr(special, name), getattr(scipy.special, "psi" if name == "digamma" else name)
        assert np.array_equal(ours(X), theirs(X), equal_nan=True)
    assert special.polygamma(1, 2.0) == scipy.special.polygamma(1, 2.0)
    assert special.betaln(2.0, X)[4] == scipy.special.betaln(2.0, 0.4)
    assert np.array_equal(special.softmax(X), scipy.special.softmax(X))


@pytest.mark.parametrize("name", special.__all__)
def test_docstrings_are_complete_and_true(name):
    function = getattr(special, name)
    for section in ("Parameters", "Returns", "References", "Examples"):
        assert f"\n    {section}\n    ---" in function.__doc__
    module = importlib.import_module(function.__module__)
    runner = doctest.DocTestRunner()
    for test in doctest.DocTestFinder(recurse=False).find(function, name, module=module):
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0 and runner.tries > 0


@njit
def polygammas(x):
    return special.polygamma(0, x), special.polygamma(1, x), special.polygamma(2, x), special.polygamma(7, x)


@pytest.mark.parametrize("x", [1e-3, 0.5, 1.0, 9.99, 16.5, 1e5, -0.5, -3.3, -40.7, 0.0, -2.0, np.inf])
def test_polygamma(x):
    expected = [float(scipy.special.polygamma(n, x)) for n in (0, 1, 2, 7)]
    if x == 0.0 or x == -2.0:
        expected = expected[1:]
        assert np.array_equal(np.abs(polygammas(x)[1:]), np.full(3, np.inf))
        assert polygammas(x)[1] == expected[0]
    else:
        np.testing.assert_allclose(polygammas(x), expected, rtol=1e-13)


def test_reductions_at_infinities():
    s = njit(lambda a: special.logsumexp(a))
    for a in ([], [-np.inf, -np.inf], [np.inf, 1.0], [-np.inf, 2.0], [np.nan, 1.0], [800.0, 800.0, 800.0]):
        assert np.array_equal(s(np.array(a)), scipy.special.logsumexp(np.array(a)), equal_nan=True)


@njit
def each(x):
    """Return the sum of all functions of the oracle, each of its own variable, in the file's order.
    """
    s = special.gammaln(x[0]) + special.digamma(x[1]) + special.polygamma(1, x[2])
    s += special.betaln(x[3], 2.5) + special.betaln(1.5, x[4])
    s += special.erf(x[5]) + special.erfc(x[6]) + special.erfcx(x[7]) + special.ndtr(x[8]) + special.log_ndtr(x[9])
    s += special.expit(x[10]) + special.logit(x[11]) + special.log_expit(x[12])
    s += special.xlogy(x[13], 2.5) + special.xlogy(2.5, x[14]) + special.xlog1py(2.5, x[15])
    return s + special.ive(0, x[16]) + special.ive(1.5, x[17]) + special.kve(0, x[18]) + special.kve(2.5, x[19])


@pytest.mark.parametrize("point", range(5))
def test_derivatives_in_multiple_precision(point):
    x = np.array([entry["x"][point] for entry in ORACLE.values()])
    first, second = (np.array([entry[key][point] for entry in ORACLE.values()]) for key in ("first", "second"))
    tolerance = np.full(x.size, 1e-13)
    # Derivatives of scaled Bessel functions are differences of such functions, smaller than these
    # by a factor of x, and second derivatives by another.
    tolerance[16:] = 1e-12 + 1e-15 * x[16:] ** 2
    for jac in ("forward", "reverse"):
        assert (np.abs(grad(each, jac)(x) - first) <= tolerance * (np.abs(first) + 1e-100)).all()
    h = hessian(each)(x)
    assert np.array_equal(h, np.diag(np.diag(h)))
    tolerance[16:] *= 1.0 + x[16:]
    assert (np.abs(np.diag(h) - second) <= tolerance * (np.abs(second) + 1e-100)).all()


@njit
def whole(x, k):
    """Return a sum over array expressions, reductions, and scalar functions in a loop."""
    z = x.reshape((2, 3))
    s = np.sum(k * special.log_expit(x) + special.gammaln(k + 1.0) - special.gammaln(x * x)) + special.logsumexp(x)
    s += np.sum(special.softmax(z, axis=1) ** 2) + np.sum(special.logsumexp(z, 0) ** 2) + special.softmax(x)[2]
    for i in range(x.size):
        s += special.xlogy(k[i], 1.0 + x[i] ** 2)
    return s


K = np.arange(6.0)


def fourth_order(f, x):
    """Return central differences of fourth order of f along every coordinate."""
    step = 1e-4
    at = lambda e, t: f(x + t * step * e)
    return np.array([(8 * (at(e, 1) - at(e, -1)) - (at(e, 2) - at(e, -2))) / (12 * step) for e in np.eye(6)])


def test_arrays_and_reductions_are_differentiated():
    x = np.array([0.3, -0.8, 1.1, 1.1, 2.0, 0.9])
    y, g = value_and_grad(whole, "forward")(x, K)
    assert y == whole(x, K)
    np.testing.assert_allclose(g, fourth_order(lambda x: whole(x, K), x), rtol=1e-9, atol=1e-9)
    y, reverse = value_and_grad(whole, "reverse")(x, K)
    assert y == whole(x, K)
    np.testing.assert_allclose(reverse, g, rtol=1e-13, atol=1e-13)


@njit
def reductions(x, k):
    return special.logsumexp(x) + np.sum(special.softmax(x) * k)


# Second derivatives of the other take half a minute to compile.
@pytest.mark.parametrize(
    "f", [reductions, pytest.param(whole, marks=pytest.mark.slow)], ids=lambda f: f.py_func.__name__
)
def test_second_derivatives_of_arrays_and_reductions(f):
    x = np.array([0.3, -0.8, 1.1, 1.1, 2.0, 0.9])
    expected = fourth_order(lambda x: grad(f, "forward")(x, K), x)
    np.testing.assert_allclose(hessian(f)(x, K), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("f", [reductions, whole], ids=lambda f: f.py_func.__name__)
def test_products_with_second_derivatives(f):
    x, v = np.array([0.3, -0.8, 1.1, 1.1, 2.0, 0.9]), np.cos(np.arange(6.0))
    np.testing.assert_allclose(hvp(f)(x, v, K), hessian(f)(x, K) @ v, rtol=1e-12)


def test_counts_of_zero_have_no_slope():
    """A count of 0 with probability 0 contributes 0 to a likelihood, and so does its derivative."""
    f = njit(lambda p, k: -np.sum(special.xlogy(k, p)) + np.sum(p))
    p, k = np.array([0.0, 0.5]), np.array([0.0, 2.0])
    for jac in ("forward", "reverse"):
        y, g = value_and_grad(f, jac)(p, k)
        assert y == f(p, k) and np.array_equal(g, [1.0, -3.0])
    assert np.array_equal(hessian(f)(p, k), np.diag([0.0, 8.0]))


def test_the_order_of_a_bessel_function_is_not_differentiated():
    with pytest.raises(TypeError, match="cannot differentiate ive"):
        grad(njit(lambda x: special.ive(x[0], x[1])))(np.ones(2))


def test_logistic_likelihood_by_newton():
    rng = np.random.default_rng(3)
    design = np.column_stack([np.ones(80), rng.normal(size=(80, 2))])
    y = (rng.random(80) < special.expit(design @ np.array([0.5, 1.0, -1.0]))).astype(float)
    loss = njit(lambda b, design, y: -np.sum(special.log_expit((2.0 * y - 1.0) * (design @ b))))
    res = minimize(loss, np.zeros(3), (design, y), method="newton")
    assert res.success and res.jac_mode == "forward"
    np.testing.assert_allclose(design.T @ (special.expit(design @ res.x) - y), 0.0, atol=1e-4)


MODULE = """
import sys
import quasinewton
assert "quasinewton.special" not in sys.modules
import numpy as np
from numba import njit
from quasinewton import special

@njit(cache=True)
def f(x):
    return special.erfcx(x[0]) + np.sum(special.gammaln(x)) + special.polygamma(1, x[1])

print(f(np.array([1.0, 2.0])), sum(f.stats.cache_hits.values()))
"""


def test_code_that_calls_them_is_cached(tmp_path):
    (tmp_path / "likelihood.py").write_text(MODULE)
    cache = str(tmp_path / "cache")
    printed = [run("import likelihood", tmp_path, NUMBA_CACHE_DIR=cache).split() for _ in range(2)]
    (value, hits), (again, later) = printed
    assert value == again and (hits, later) == ("0", "1")
