"""Gradients right and wrong: `check_gradient`, the option of `minimize`, and the diagnosis.

Functions are compiled or not.

Covers: _api/check_gradient.py, _objective/gradient_check.py, _drivers/diagnosis.py.
"""

import warnings

import numpy as np
import pytest
from numba import njit
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_joint
from scipy.optimize import OptimizeWarning

from quasinewton import Solver, Status, check_gradient, minimize, minimize_batch

X = np.array([-1.2, 1.0, 0.5])


def wrong(x):
    g = rosenbrock_gradient(x)
    g[1] *= 1.001
    return g


def in_python(x):
    return float(rosenbrock(x))


@njit
def refused(x):
    return rosenbrock(x) + round(0.0 * x[0])


@pytest.mark.parametrize(
    "fun, mode", [(rosenbrock, "forward"), (in_python, "differences"), (refused, "differences")]
)
def test_says_which_component_is_wrong(fun, mode):
    good, bad = check_gradient(fun, rosenbrock_gradient, X), check_gradient(fun, wrong, X)
    assert good and good.correct and good.wrong.size == 0 and "agrees" in good.message
    assert not bad and bad.component == 1 and bad.error == pytest.approx(1e-3, rel=0.01)
    assert bad.wrong.tolist() == [1]
    assert bad.message.startswith("component 1 of the gradient is")
    assert good.mode == bad.mode == mode


def test_says_how_many_are_wrong_the_worst_first():
    check = check_gradient(in_python, lambda x: rosenbrock_gradient(x) * [1.1, 1.0, -1.0], X)
    assert check.wrong.tolist() == [2, 0] and check.component == 2
    assert "2 of 3 components are wrong, the worst first: 2, 0" in check.message


def inplace(x, g):
    g[:] = rosenbrock_gradient(x)
    return rosenbrock(x)


def inplace_wrong(x, g):
    g[:] = wrong(x)
    return rosenbrock(x)


@pytest.mark.parametrize("write, fill", [(inplace, 1.0), (inplace_wrong, 1.001)])
def test_inplace_form(write, fill):
    check = check_gradient(write, "inplace", X)
    assert check.correct == (fill == 1.0)
    np.testing.assert_allclose(check.given[1], fill * check.expected[1])


def test_joint_form_many_variables_and_arguments():
    assert check_gradient(rosenbrock_joint, True, X)
    assert check_gradient(rosenbrock, rosenbrock_gradient, np.linspace(-1.0, 1.0, 50)).mode == "reverse"

    @njit
    def f(x, a):
        return a * np.sum(x**2)

    assert check_gradient(f, lambda x, a: 2.0 * a * x, X, (3.0,))


def test_nan_is_wrong():
    check = check_gradient(rosenbrock, lambda x: np.full(3, np.nan), X)
    assert not check and check.error == np.inf


def test_differences_doubt_themselves():
    """Inaccurate differences raise no false alarm.

    They are inaccurate by rounding of a large f, for a steep f, at the edge of the domain, and at a
    stationary point.
    """
    assert check_gradient(lambda x: 1e8 + np.sum(x**2), lambda x: 2.0 * x, X)
    assert check_gradient(lambda x: np.sum(np.sin(300.0 * x)), lambda x: 300.0 * np.cos(300.0 * x), X)
    with np.errstate(invalid="ignore", divide="ignore"):
        assert check_gradient(lambda x: np.sum(np.log(x)), lambda x: 1.0 / x, [1e-5, 1.0])
    assert check_gradient(in_python, rosenbrock_gradient, np.ones(3))
    assert check_gradient(rosenbrock, rosenbrock_gradient, np.ones(3))


def test_what_is_not_finite_is_not_judged():
    with np.errstate(invalid="ignore"):
        check = check_gradient(lambda x: x[1] + (np.sqrt(-1.0) if x[0] else 0.0), lambda x: np.ones(2), [0.0, 1.0])
    assert check and "1 of 2 components were not judged" in check.message
    check = check_gradient(lambda x: np.nan, lambda x: np.ones(2), [0.0, 1.0])
    assert not check and check.message == "the gradient could not be judged, since differences of fun are not finite"


def test_illegal_input():
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        check_gradient(rosenbrock, lambda x: np.ones(2), X)
    with pytest.raises(ValueError, match="a gradient of yours"):
        check_gradient(rosenbrock, "forward", X)
    with pytest.raises(ValueError, match="must hold at least one number"):
        check_gradient(rosenbrock, rosenbrock_gradient, [])
    with pytest.raises(ValueError, match=r"rtol must be in \[0, inf\), got -1"):
        check_gradient(rosenbrock, rosenbrock_gradient, X, rtol=-1)


class Calls:
    """Wrap functions and count their calls."""

    def __init__(self, jac):
        self.nfev = self.njev = 0
        self._jac = jac

    def fun(self, x):
        self.nfev += 1
        return in_python(x)

    def jac(self, x):
        self.njev += 1
        return self._jac(x)


def test_minimize_checks_at_the_start():
    calls, plain = Calls(rosenbrock_gradient), minimize(in_python, X, jac=rosenbrock_gradient)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        res = minimize(calls.fun, X, jac=calls.jac, options={"check_gradient": True})
    assert res.gradient_check and res.gradient_check.mode == "differences"
    assert np.array_equal(res.x, plain.x) and res.nit == plain.nit
    assert (res.nfev, res.njev) == (calls.nfev, calls.njev)
    assert "gradient_check" not in plain


def test_minimize_warns_of_a_wrong_gradient_and_runs_on():
    with pytest.warns(OptimizeWarning, match="check_gradient: component 1 of the gradient is"):
        res = minimize(rosenbrock, X, jac=wrong, check_gradient=True)
    assert not res.gradient_check and res.gradient_check.mode == "forward" and res.nit > 0


def test_only_a_gradient_of_the_users_can_be_checked():
    for jac in None, "auto", "3-point":
        with pytest.raises(ValueError, match="check_gradient needs a gradient of yours"):
            minimize(rosenbrock, X, jac=jac, check_gradient=True)
    with pytest.raises(ValueError, match="single problems"):
        minimize_batch(rosenbrock, X[None], jac=rosenbrock_gradient, check_gradient=True)
    with pytest.raises(ValueError, match="means nothing to a Solver"):
        Solver(X, check_gradient=True)


@njit
def quartic(x, a):
    return a * np.sum(x**4)


@njit
def quartic_uphill(x, a):
    g = 4.0 * a * x**3
    g[1] *= -20.0
    return g


@pytest.mark.parametrize("fun, mode", [(quartic, "forward"), (lambda x, a: float(quartic(x, a)), "differences")])
def test_failed_search_names_the_component(fun, mode):
    res = minimize(fun, [1.0, 2.0, 0.5], (2.0,), jac=quartic_uphill)
    assert res.status is Status.LINE_SEARCH
    found = res.diagnosis
    assert (found["component"], found["wrong_components"], found["checked_by"]) == (1, [1], mode)
    assert found["component_given"] == pytest.approx(-20.0 * found["component_expected"])
    assert "Check jac: component 1 of the gradient is" in res.message


def test_failed_searches_of_a_batch_have_their_own_arguments():
    batch = minimize_batch(quartic, np.ones((2, 3)), batch_args=(np.array([1.0, 3.0]),), jac=quartic_uphill)
    for i, a in enumerate((1.0, 3.0)):
        single = minimize(quartic, np.ones(3), (a,), jac=quartic_uphill)
        assert batch.diagnosis[i] == single.diagnosis and "component" in single.diagnosis


def test_diagnosis_of_many_variables_costs_no_more_than_the_run():
    calls = 0

    def f(x):
        nonlocal calls
        calls += 1
        return np.sum(x**4)

    res = minimize(f, np.ones(400), jac=lambda x: -4.0 * x**3)
    assert res.status is Status.LINE_SEARCH and res.message.endswith("Check jac.")
    assert res.nfev == calls < 400
