"""Exact derivatives through `minimize`, `root` and `line_search`, from Python and inside compiled code."""

import numpy as np
import pytest
from numba import njit
from objectives import rosenbrock

from quasinewton import line_search, minimize, root

START = np.array([-1.2, 1.0])


@njit
def circle_and_line(x):
    return np.array([x[0] ** 2 + x[1] ** 2 - 2.0, x[0] - x[1]])


@njit
def scaled(x, a, weights):
    return a * np.sum(weights * (x - 1.0) ** 2)


@pytest.mark.parametrize(
    "jac, n, mode",
    [("auto", 2, "forward"), ("auto", 40, "reverse"), ("forward", 40, "forward"), ("reverse", 2, "reverse")],
)
def test_minimize(jac, n, mode):
    res = minimize(rosenbrock, np.zeros(n), jac=jac)
    assert res.success and res.jac_mode == mode
    assert res.fun == rosenbrock(res.x)
    np.testing.assert_allclose(res.x, 1.0, atol=1e-4)
    assert res.nfev < 2 * res.njev  # a gradient costs no values


def test_arguments_and_newton():
    args = 3.0, np.array([1.0, 2.0])
    assert minimize(scaled, np.zeros(2), args, jac="auto").success
    assert minimize(rosenbrock, START, jac="auto", method="newton").success
    assert minimize(rosenbrock, START, jac="auto", method="adam", maxiter=5).jac_mode == "forward"


def test_root():
    res = root(circle_and_line, [2.0, 0.5], jac="auto")
    assert res.success and res.jac_mode == "forward"
    np.testing.assert_allclose(res.x, 1.0)
    assert np.array_equal(res.jac.shape, (2, 2))


def test_line_search():
    assert line_search(rosenbrock, START, [1.0, 0.0], jac="auto").success


def test_inside_compiled_code():
    @njit
    def both(x):
        res = minimize(rosenbrock, x, jac="auto")
        found = root(circle_and_line, x, jac="auto")
        return res.success and found.success, res.x, found.x

    success, minimum, zero = both(START)
    assert success
    np.testing.assert_allclose(minimum, 1.0, atol=1e-4)
    np.testing.assert_allclose(abs(zero), 1.0)


def test_only_compiled_functions_with_plain_arguments():
    with pytest.raises(TypeError, match=r"numba\.njit"):
        minimize(lambda x: x[0] ** 2, [1.0], jac="auto")
    with pytest.raises(TypeError, match="numbers, arrays and tuples"):
        minimize(scaled, START, (3.0, [1.0, 2.0]), jac="auto")
