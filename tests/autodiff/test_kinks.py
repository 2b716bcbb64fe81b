"""Points where a function has no derivative or an infinite one.

Both modes must agree there, and no result may be wrong without notice.

Covers: _autodiff/kinks.py, _autodiff/elementary_rules.py, _autodiff/selection_rules.py,
_autodiff/adjoint/steepness.py.
"""

import math

import numpy as np
import pytest
from numba import njit
from references import differences, refusal

from quasinewton import grad, hessian, hvp, jacobian, minimize, value_and_grad
from quasinewton.special import log_ndtr, logsumexp, ndtr

MODES = pytest.mark.parametrize("jac", ["forward", "reverse"])


@njit
def kinks(x):
    s = abs(x[0]) + np.maximum(x[1], x[2]) + np.minimum(x[3], x[4]) + max(x[5], x[6]) + np.max(x[7:9])
    s += np.linalg.norm(x[9:11]) + math.hypot(x[11], x[12]) + math.sqrt(x[13] ** 2 + x[14] ** 2) + np.std(x[15:17])
    s += x[17] ** 2 + x[18] ** 1.5 + x[19] ** 1 + x[20] ** 0 + 0.0 ** (x[21] + 2.0)
    return s + math.copysign(x[22], 1.0) + np.linalg.norm(x[23:25], 1)


@MODES
def test_middle_of_the_slopes(jac):
    y, g = value_and_grad(kinks, jac)(np.zeros(25))
    expected = np.zeros(25)
    expected[1:9] = 0.5  # Two equal numbers share the derivative.
    expected[19] = 1.0
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
    """Infinite derivatives that do not enter f leave no NaN in the gradient.

    At 0.5 the branch that is not taken has an infinite derivative; the distance of a point to
    itself is constant.
    """
    g = value_and_grad(of_what_does_not_vary, jac)(np.array([0.25, 0.5, 1.5]))[1]
    np.testing.assert_allclose(g, [1.0, 1.0 + 0.5 / math.sqrt(0.5) + 1.0, 1.5])


@njit
def cancelling(x):
    """Return a smooth sum of terms that are written with kinks.

    The terms are softplus(±x_i), |x_i − c|² and log(exp(x_i) + exp(x_j)).
    """
    z = x[6:8]
    s = np.sum(np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0.0)) + np.log1p(np.exp(-abs(x[0]))) + max(x[0], 0.0)
    s += np.log1p(np.exp(-np.abs(x[1]))) + max(0, -x[1]) + math.log1p(math.exp(-math.fabs(x[2]))) - min(x[2], 0.0)
    s += math.log1p(math.exp(-abs(x[3]))) + 0.5 * (abs(x[3]) + x[3])
    s += np.fmax(x[4], x[5]) + np.log1p(np.exp(-abs(x[4] - x[5])))
    s += abs(x[0]) ** 2 + np.linalg.norm(x[:1], 1) ** 2 + np.max(np.array([x[1], -x[1]])) ** 2
    top = np.max(x[4:8])
    return s + top + np.log(np.sum(np.exp(x[4:8] - top)))


def smooth_slopes(x):
    """Return gradient and Hessian of what `cancelling` computes, by formulas without kinks.

    It is Σ softplus(±x_i) over i < 4 and i > 5, 2 x_0² + x_1², and the logarithms of the sums of
    exp(x_i) over i = 4, 5 and over i > 3.
    """
    signs = np.array([1.0, -1.0, -1.0, 1.0, 0.0, 0.0, 1.0, 1.0])
    p = 1.0 / (1.0 + np.exp(-signs * x))
    square = np.array([4.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    g, H = signs * p + square * x, np.diag(signs**2 * p * (1.0 - p) + square)
    for part in slice(4, 6), slice(4, 8):
        q = np.exp(x[part]) / np.sum(np.exp(x[part]))
        g[part] += q
        H[part, part] += np.diag(q) - np.outer(q, q)
    return g, H


POINTS = pytest.mark.parametrize("shift", [0.0, 0.7], ids=["at the kinks", "beside"])
BESIDE = np.array([1.0, -1.0, 2.0, 1.0, 1.0, -1.0, 2.0, 3.0])


@POINTS
def test_kinks_that_cancel_leave_a_smooth_function_smooth(shift):
    x = shift * BESIDE
    exact, h = smooth_slopes(x)
    for jac in ("forward", "reverse"):
        np.testing.assert_allclose(grad(cancelling, jac)(x), exact, rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(hessian(cancelling)(x), h, rtol=1e-13, atol=1e-13)


@pytest.mark.slow
@POINTS
def test_products_with_the_hessian_where_kinks_cancel(shift):
    x = shift * BESIDE
    for v in (np.eye(8)[4], np.array([1.0, -2.0, 0.5, 3.0, 0.0, -1.0, 2.0, 0.0])):
        np.testing.assert_allclose(hvp(cancelling)(x, v), smooth_slopes(x)[1] @ v, rtol=1e-13, atol=1e-13)


@njit
def one_sided(x):
    return abs(x[0]) * x[1] + max(x[1], x[2]) + x[0] * abs(x[0]) + abs(x[2] - x[2])


def test_second_derivatives_at_a_kink_are_those_of_one_side():
    h = hessian(one_sided)(np.array([0.0, 1.0, 1.0]))
    assert np.array_equal(h, [[2.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    v = np.array([-1.0, 0.0, 0.0])
    assert np.array_equal(hvp(one_sided)(np.array([0.0, 1.0, 1.0]), v), [2.0, 1.0, 0.0])


@njit
def steep_beside(x):
    return max(x[0], math.sqrt(x[1])) + np.maximum(x[0], np.log(x[2])) + np.sum(np.minimum(x[:1], 1.0 / x[1:2]))


def test_what_is_not_chosen_may_be_infinitely_steep():
    x = np.array([1.0, 0.0, 0.0])
    for jac in ("forward", "reverse"):
        assert np.array_equal(grad(steep_beside, jac)(x), [3.0, 0.0, 0.0])


@njit
def smooth_beside_zero(x):
    return math.hypot(0.0 * x[0] + x[1], x[0]) + np.logaddexp(x[1], x[1]) + x[0] ** 2 * math.sqrt(x[1])


def test_smooth_where_one_of_two_is_zero():
    x = np.array([0.0, 2.0])
    for jac in ("forward", "reverse"):
        np.testing.assert_allclose(grad(smooth_beside_zero, jac)(x), [0.0, 2.0], atol=1e-15)
    np.testing.assert_allclose(hessian(smooth_beside_zero)(x), np.diag([0.5 + 2.0 * math.sqrt(2.0), 0.0]), atol=1e-15)


@njit
def hinges(x):
    return np.array([abs(x[0]), max(x[0], x[1]), min(x[0], x[1])])


def test_jacobian_takes_the_middle_too():
    assert np.array_equal(jacobian(hinges)(np.zeros(2)), [[0.0, 0.0], [0.5, 0.5], [0.5, 0.5]])


def test_a_kink_is_a_minimum_where_the_middle_of_its_slopes_is_zero():
    for f in (njit(lambda x: abs(x[0]) + x[1] ** 2), njit(lambda x: max(x[0], -x[0]) + x[1] ** 2)):
        res = minimize(f, np.zeros(2))
        assert res.success and res.nit == 0 and res.optimality == 0.0


@njit
def logistic(b, design, y):
    s = 0.0
    for i in range(y.size):
        z = 0.0
        for j in range(b.size):
            z += design[i, j] * b[j]
        s += np.log1p(np.exp(-abs(z))) + max(z, 0.0) - y[i] * z
    return s


@pytest.mark.parametrize("method", ["lbfgs", "newton", "newton-cg"])
def test_logistic_regression_from_zeros(method):
    rng = np.random.default_rng(1)
    design = np.column_stack([np.ones(60), rng.normal(size=(60, 2))])
    y = (rng.random(60) < 0.4).astype(float)
    res = minimize(logistic, np.zeros(3), (design, y), method=method)
    assert res.success and res.nit > 0
    np.testing.assert_allclose(design.T @ (1 / (1 + np.exp(-design @ res.x)) - y), 0.0, atol=1e-4)


@njit
def sums_of_probabilities(x):
    never = x[:2] * 0.0 - np.inf  # logarithms of probabilities of 0
    s = np.exp(np.logaddexp(never[0], never[1])) + np.exp(logsumexp(never)) + np.logaddexp(never[0], x[2])
    return s + np.sum(np.exp(np.logaddexp2(never, never))) + logsumexp(np.append(never, x[2])) * x[0]


@MODES
def test_logarithms_of_sums_of_nothing(jac):
    """Probabilities of 0 may be added in logarithms; equal infinite ones share the derivative."""
    y, g = value_and_grad(sums_of_probabilities, jac)(np.array([0.3, 0.6, 1.5]))
    assert y == 1.5 + 1.5 * 0.3
    np.testing.assert_allclose(g, [1.5, 0.0, 1.3])
    equal = value_and_grad(equal_and_infinite, jac)(np.full(5, -np.inf))[1]
    np.testing.assert_allclose(equal, [0.5, 0.5, 1 / 3, 1 / 3, 1 / 3])


@njit
def equal_and_infinite(x):
    return np.logaddexp(x[0], x[1]) + logsumexp(x[2:])


@njit
def saturated(x):
    z = np.exp(-x[0])
    return 1.0 / (1.0 + z) + np.sum(1.0 / (1.0 + np.exp(-x[:1]))) + np.exp(-z) * x[1] + x[1] / z + np.tanh(z) * x[1]


@MODES
def test_overflow_before_a_finite_value_has_a_finite_derivative(jac):
    """exp overflows for −x[0] > 709, where functions of it have reached their limits."""
    x = np.array([-800.0, 0.5])
    y, g = value_and_grad(saturated, jac)(x)
    assert y == saturated(x) == 0.5
    assert np.array_equal(g, [0.0, 1.0])
    assert np.array_equal(hessian(saturated)(x), np.zeros((2, 2)))


@njit
def between_limits(x, low, high):
    s = math.erf(high - x[0]) - math.erf(low - x[0]) + math.erfc(high - x[1])
    return s + ndtr(high + x[2]) + log_ndtr(high - x[2]) + math.atan(low + x[0])


def test_second_derivatives_at_infinite_limits():
    """Probabilities of open intervals, as those of an ordered probit, are smooth."""
    x = np.array([0.3, -0.2, 0.7])
    assert np.array_equal(hessian(between_limits)(x, -np.inf, np.inf), np.zeros((3, 3)))
    H = hessian(between_limits)(x, -np.inf, 0.4)
    slope = 4.0 / math.sqrt(math.pi) * 0.1 * math.exp(-0.01)  # −erf″(0.1)
    np.testing.assert_allclose(H[0, 0], -slope, rtol=1e-13)


def test_quantiles_and_lines_by_the_transformation():
    @njit
    def f(x, grid, q):
        s = np.quantile(x, q) ** 2 + np.percentile(x**2, 40) * x[0]
        return s + np.interp(0.3, grid, x[:6]) ** 2 + np.interp(x[1], grid, x[3:]) * x[2]

    x, args = np.cos(np.arange(9.0)), (np.linspace(-1.0, 1.0, 6), 0.3)
    assert refusal(f, args) is None
    np.testing.assert_allclose(grad(f, "reverse")(x, *args), differences(f, x, *args), rtol=1e-8, atol=1e-9)
