"""The message of a failed run: a sentence that suggests what to do, and numbers.

Covers: _drivers/{diagnosis,slopes}.py, _loops/final_check.py.
"""

import numpy as np
import pytest
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_hessian

from quasinewton import LBFGS, Solver, Status, minimize
from quasinewton._methods.lifecycle import curvature_spread

X0 = [-1.2, 1.0]


def says(res, status, *words):
    assert res.status is status and not res.success
    assert res.message.startswith(status.message + " ")
    for word in words:
        assert word in res.message, res.message
    return res.diagnosis


def test_value_that_is_not_finite_at_the_start():
    numbers = says(minimize(lambda x: np.nan, X0), Status.NONFINITE, "f is nan at the start")
    assert np.isnan(numbers["f"])


def test_components_that_are_not_finite_at_the_start():
    def jac(x):
        return np.array([1.0, np.nan, 2.0, np.inf])

    res = minimize(lambda x: float(x @ x), np.ones(4), jac=jac)
    assert says(res, Status.NONFINITE, "component 1, 3 is not finite")["components"] == [1, 3]


def test_point_that_is_alone_in_the_domain():
    res = minimize(lambda x: 0.0 if x[0] == 0.0 else np.nan, [0.0], jac=lambda x: np.ones(1))
    assert says(res, Status.NONFINITE, "edge of the domain", "Bounds")["components"] == []


def test_unbounded_names_the_variable_that_runs_away():
    def jac(x):
        return np.array([2 * x[0], -3 * x[1] ** 2])

    res = minimize(lambda x: float(x[0] ** 2 - x[1] ** 3), [1.0, 1.0], jac=jac)
    numbers = says(res, Status.UNBOUNDED, "with variable 1 at", "check the sign of f")
    assert numbers["variable"] == 1 and numbers["f"] < numbers["f0"] == 0.0 and numbers["x"] > 1e3


@pytest.mark.parametrize("method", ["lbfgs", "bfgs", "newton", "newton-cg", "gradient-descent"])
def test_limit_that_came_too_early(method):
    hess = rosenbrock_hessian if method == "newton" else None
    res = minimize(rosenbrock, X0, method=method, jac=rosenbrock_gradient, hess=hess, maxiter=1)
    numbers = says(res, Status.ITERATIONS, "still fell", "raise the limit")
    assert numbers["last_decrease"] > 0.0 and numbers["optimality"] == res.optimality and numbers["gtol"] == 1e-5


def test_scales_that_differ():
    scales = np.geomspace(1.0, 1e10, 30)
    options = {"gtol": 1e-9, "maxiter": 200}
    res = minimize(lambda x: 0.5 * float(x @ (scales * x)), np.ones(30), jac=lambda x: scales * x, options=options)
    numbers = says(res, Status.ITERATIONS, "rescale the variables")
    assert 1e3 < numbers["curvature_spread"] <= 1e10 * (1 + 1e-6)


def test_spread_is_that_of_the_pairs():
    scales = np.array([2.0, 50.0])
    solver = Solver([1.0, 1.0], LBFGS(memory=3), gtol=1e-12)
    while not solver.done:
        x = solver.ask()
        solver.tell(0.5 * float(x @ (scales * x)), scales * x)
    pairs = solver.result.checkpoint.state.memory
    known = pairs.ring[0]["count"]
    bounds = [(s @ y / (s @ s), y @ y / (s @ y)) for s, y in zip(pairs.S[:known], pairs.Y[:known], strict=True)]
    expected = max(high for _, high in bounds) / min(low for low, _ in bounds)
    assert curvature_spread(LBFGS(memory=3), pairs) == pytest.approx(expected) and expected <= 25.0 * (1 + 1e-9)


def test_what_f_does_not_show():
    """The gradient has a kink of 1e-6, which rounding hides in f = 1 + …."""

    def jac(x):
        return x + 1e-6 * np.copysign(1.0, x)

    res = minimize(lambda x: 1.0 + 0.5 * float(x @ x), [3.0, 4.0], jac=jac, gtol=1e-9)
    numbers = says(res, Status.LINE_SEARCH, "The gradient disagrees with f", "Check jac: component")
    assert 0.0 < numbers["predicted_decrease"] < 1e-11 and set(numbers["wrong_components"]) == {0, 1}


def test_saddle():
    """The given Hessian has negative curvature, although f has none."""
    res = minimize(
        lambda x: float(x @ x), [0.0], method="newton", jac=lambda x: 2.0 * x, hess=lambda x: np.array([[-1.0]])
    )
    assert says(res, Status.SADDLE, "curves down", "start elsewhere")["curvature"] == -1.0


def test_through_ask_and_tell_too():
    solver = Solver(X0, maxiter=2)
    while not solver.done:
        x = solver.ask()
        solver.tell(rosenbrock(x), rosenbrock_gradient(x))
    says(solver.result, Status.ITERATIONS, "last iteration")


def test_success_has_none():
    assert "diagnosis" not in minimize(rosenbrock, X0, jac=rosenbrock_gradient)
