"""Objectives that compute in float32 are minimised to the accuracy of their values.

Covers: _objective/noise.py, _objective/finite_differences.py, _loops/stopping.py.
"""

import numpy as np
import pytest
from numba import njit
from objectives import rosenbrock

from quasinewton import Status, check_gradient, minimize

METHODS = ["lbfgs", "bfgs", "newton", "newton-cg"]
X0 = np.full(4, -1.2)
SINGLE = np.finfo(np.float32).eps
each_method = pytest.mark.parametrize("method", METHODS)


def value(x):
    x = np.asarray(x, np.float32)
    return np.sum(np.float32(100) * (x[1:] - x[:-1] ** 2) ** 2 + (np.float32(1) - x[:-1]) ** 2)


def gradient(x):
    x = np.asarray(x, np.float32)
    g = np.zeros_like(x)
    r = x[1:] - x[:-1] ** 2
    g[1:] += 200 * r
    g[:-1] += -400 * x[:-1] * r - 2 * (1 - x[:-1])
    return g


def shifted(x):
    """Return a function with minimum 10, whose rounding hides changes below 1e-6."""
    return value(x) + np.float32(10)


@each_method
def test_values_alone(method):
    assert value(X0).dtype == np.float32
    res = minimize(value, X0, method=method)
    assert res.nit > 5 and rosenbrock(res.x) < 0.05


@each_method
def test_values_alone_of_a_compiled_function(method):
    @njit
    def compiled(x):
        f = np.float32(0.0)
        for i in range(x.size - 1):
            a, b = np.float32(x[i]), np.float32(x[i + 1])
            f += np.float32(100) * (b - a * a) ** 2 + (np.float32(1) - a) ** 2
        return np.float32(f)

    res = minimize(compiled, X0, method=method, jac="3-point", hess="2-point")
    assert res.nit > 5 and rosenbrock(res.x) < 0.05


@each_method
@pytest.mark.parametrize("fun", [value, shifted])
def test_exact_gradients_end_at_what_single_precision_can_reach(method, fun):
    res = minimize(fun, X0, method=method, jac=gradient)
    assert res.success and rosenbrock(res.x) < 1e-4
    assert res.status in (Status.GRADIENT, Status.PRECISION)


def test_a_right_gradient_is_found_right():
    assert check_gradient(value, gradient, X0)
    assert check_gradient(value, gradient, [0.3, 0.1, 2.0, 4.0])


def test_a_wrong_one_is_found_wrong():
    check = check_gradient(value, lambda x: gradient(x) * np.float32([1, 1, 1.2, 1]), X0)
    assert not check and check.component == 2
