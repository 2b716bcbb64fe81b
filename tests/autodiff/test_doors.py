"""Exact derivatives through `minimize`, `root` and `line_search`, from Python and in compiled code.

Covers: _autodiff/derivative_functions.py, _autodiff/routing.py, _objective/choose_gradient.py,
_objective/choose_hessian.py.
"""

import numpy as np
import pytest
from numba import njit
from objectives import rosenbrock, rosenbrock_hessian, rosenbrock_joint
from scipy.optimize import OptimizeWarning

from quasinewton import line_search, minimize, minimize_batch, minimize_stochastic, root

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
    assert res.nfev < 2 * res.njev  # Gradients need no values of f by differences.


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
    with pytest.raises(TypeError, match=r"cannot differentiate mul\(reflected list"):
        minimize(scaled, START, (3.0, [1.0, 2.0]), jac="auto")


class TestWhereNoneIsGiven:
    """A compiled function without `jac` is differentiated exactly."""

    @pytest.mark.parametrize("jac", [None, False])
    @pytest.mark.parametrize("n, mode", [(2, "forward"), (40, "reverse")])
    def test_is_auto(self, jac, n, mode):
        res, auto = (minimize(rosenbrock, np.zeros(n), jac=source) for source in (jac, "auto"))
        assert res.jac_mode == auto.jac_mode == mode
        assert np.array_equal(res.x, auto.x) and (res.nfev, res.njev) == (auto.nfev, auto.njev)

    def test_other_doors(self):
        starts = np.array([[-1.2, 1.0], [0.0, 0.0]])
        many = minimize_batch(rosenbrock, starts)
        assert many.jac_mode == "forward" and np.array_equal(many.x[1], minimize(rosenbrock, starts[1]).x)
        found = root(circle_and_line, [2.0, 0.5])
        assert found.jac_mode == "forward" and found.nfev <= found.njev + found.nit + 1
        assert line_search(rosenbrock, START, [1.0, 0.0]) == line_search(rosenbrock, START, [1.0, 0.0], jac="auto")

    def test_mini_batches(self):
        @njit
        def loss(x, a):
            return np.sum((x - a) ** 2) / a.shape[0]

        samples = np.arange(12.0).reshape(6, 2)
        fit = [
            minimize_stochastic(loss, np.zeros(2), (samples,), "sgd", jac=jac, epochs=3, batch_size=4, rng=0)
            for jac in (None, "auto")
        ]
        assert np.array_equal(fit[0].x, fit[1].x) and fit[0].nfev == fit[1].nfev

    def test_inside_compiled_code(self):
        @njit
        def solve(x):
            return minimize(rosenbrock, x), root(circle_and_line, x)

        res, found = solve(START)
        assert res.success and found.success
        np.testing.assert_allclose(res.x, minimize(rosenbrock, START).x, rtol=1e-6)
        assert res.nfev < 2 * res.njev and found.nfev <= found.njev + found.nit + 1

    def test_steps_of_differences_ask_for_differences(self):
        for name in "eps", "finite_diff_rel_step":
            assert minimize(rosenbrock, START, options={name: 1e-7}).jac_mode == "2-point"

    def test_python_functions_are_differenced(self):
        assert minimize(scaled.py_func, START, (3.0, np.array([1.0, 2.0]))).jac_mode == "2-point"

    def test_refusal_is_a_warning(self):
        @njit
        def rounded(x):
            return rosenbrock(x) + 0.0 * round(x[0])

        with pytest.warns(OptimizeWarning, match="place of exact derivatives: cannot differentiate round"):
            res = minimize(rounded, START)
        assert res.jac_mode == "2-point" and res.success and res.nfev > 3 * res.njev
        with pytest.warns(OptimizeWarning, match="cannot differentiate round"):
            assert minimize_batch(rounded, START[None]).jac_mode == "2-point"

        @njit
        def solve(x):
            return minimize(rounded, x)

        with pytest.warns(OptimizeWarning, match="cannot differentiate round"):
            assert solve(START).nfev == res.nfev

    def test_pair_without_jac_is_an_error(self):
        with pytest.raises(ValueError, match="must return a scalar value"):
            minimize(rosenbrock_joint, START)

    def test_beside_a_function_of_python(self):
        def hess(x):
            return rosenbrock_hessian(x)

        res = minimize(rosenbrock, START, method="newton", hess=hess)
        assert res.success and (res.jac_mode, res.hess_mode) == ("forward", "exact") and res.nfev < 2 * res.njev
        assert res.nfev == minimize(rosenbrock, START, method="newton", hess=rosenbrock_hessian).nfev
