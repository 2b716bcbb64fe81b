"""Where a function has no derivative, or an infinite one: both modes say the same, and nothing is silently wrong."""

import math

import numpy as np
import pytest
from numba import njit

from quasinewton import value_and_grad

MODES = pytest.mark.parametrize("jac", ["forward", "reverse"])


@njit
def kinks(x):
    s = abs(x[0]) + np.maximum(x[1], x[2]) + np.minimum(x[3], x[4]) + max(x[5], x[6]) + np.max(x[7:9])
    s += np.linalg.norm(x[9:11]) + math.hypot(x[11], x[12]) + math.sqrt(x[13] ** 2 + x[14] ** 2) + np.std(x[15:17])
    s += x[17] ** 2 + x[18] ** 1.5 + x[19] ** 1 + x[20] ** 0 + 0.0 ** (x[21] + 2.0)
    return s + math.copysign(x[22], 1.0) + np.linalg.norm(x[23:25], 1)


@MODES
def test_middle_of_the_slopes_and_the_first_of_equals(jac):
    y, g = value_and_grad(kinks, jac)(np.zeros(25))
    expected = np.zeros(25)
    expected[[1, 3, 5, 7, 19]] = 1.0
    assert y == kinks(np.zeros(25))
    assert np.array_equal(g, expected)


@njit
def vertical(x):
    return math.sqrt(x[0]) + np.cbrt(x[1]) + x[2] ** 0.5 - math.acos(1.0 + x[3])


@MODES
def test_infinite_slopes_are_infinite(jac):
    g = value_and_grad(vertical, jac)(np.zeros(4))[1]
    assert np.array_equal(g[:3], np.full(3, np.inf)) and np.isinf(g[3])


@njit
def undefined(x):
    return math.atan2(x[0], x[1]) + 0.0 * math.log(x[2])


@MODES
def test_undefined_is_not_a_number(jac):
    y, g = value_and_grad(undefined, jac)(np.zeros(3))
    assert np.isnan(y) and np.isnan(g).all()


@njit
def of_what_does_not_vary(x):
    d, buffer = x[0] - x[0], np.zeros(3)
    buffer[1] = x[1]
    masked = np.where(x > 0.5, np.log(x - 0.5) * x, x)
    return np.sum(masked) + np.sqrt(d * d + 0.0) + np.sum(np.sqrt(buffer)) + np.sum(np.exp(np.log(buffer)))


@MODES
def test_zero_times_infinity(jac):
    """At 0.5 the branch that is not taken has an infinite derivative; distances to oneself are constant."""
    g = value_and_grad(of_what_does_not_vary, jac)(np.array([0.25, 0.5, 1.5]))[1]
    np.testing.assert_allclose(g, [1.0, 1.0 + 0.5 / math.sqrt(0.5) + 1.0, 1.5])
