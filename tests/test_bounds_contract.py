"""What users of `scipy.optimize.minimize` may expect of bounds, item by item.

Covers: _api/minimize.py, _options/bounds.py, _objective/finite_differences.py.
"""

import numpy as np
import pytest
from objectives import Counted, rosenbrock, rosenbrock_gradient, rosenbrock_joint
from scipy.optimize import Bounds
from scipy.optimize import minimize as oracle

from quasinewton import OptimizeResult, Status, minimize

X0 = [-1.2, 1.0]
LOW, HIGH = np.array([-1.5, -0.5]), np.array([0.5, 2.0])
FORMS = {
    "pairs": list(zip(LOW, HIGH)),
    "tuples": tuple(zip(LOW.tolist(), HIGH.tolist())),
    "array": np.column_stack((LOW, HIGH)),
    "Bounds": Bounds(LOW, HIGH),
    "lists": Bounds(LOW.tolist(), HIGH.tolist()),
}
# f and g as separate functions, as one function, and g by differences.
GIVEN = {
    "jac": (rosenbrock.py_func, rosenbrock_gradient.py_func),
    "joint": (rosenbrock_joint.py_func, True),
    "differences": (rosenbrock.py_func, None),
    "central": (rosenbrock.py_func, "3-point"),
    "compiled": (rosenbrock, rosenbrock_gradient),
}
given = pytest.mark.parametrize("fun, jac", GIVEN.values(), ids=GIVEN)


def solve(bounds, x0=X0, fun=rosenbrock.py_func, jac=rosenbrock_gradient.py_func, method="L-BFGS-B", **keywords):
    return minimize(fun, x0, method=method, jac=jac, bounds=bounds, **keywords)


def inside(x, low=LOW, high=HIGH):
    return np.all(low <= x) and np.all(x <= high)


class TestForms:
    @pytest.mark.parametrize("bounds", FORMS.values(), ids=FORMS)
    def test_are_equal(self, bounds):
        res = solve(bounds)
        assert res.success and np.array_equal(res.x, solve(FORMS["pairs"]).x)
        assert res.x == pytest.approx([0.5, 0.25], abs=1e-6)

    @pytest.mark.parametrize(
        "bounds",
        [[(None, 0.5), (None, None)], [(-np.inf, 0.5), (None, np.inf)], Bounds(-np.inf, [0.5, np.inf]),
         Bounds(ub=[0.5, np.inf])],
        ids=["None", "inf", "Bounds", "ub"],
    )
    def test_of_one_side(self, bounds):
        res = solve(bounds)
        assert res.success and res.x == pytest.approx([0.5, 0.25], abs=1e-6)

    def test_numbers_are_for_all_variables(self):
        res = solve(Bounds(-2.0, 0.5))
        assert np.array_equal(res.x, solve([(-2.0, 0.5)] * 2).x)

    def test_none_confine_nothing(self):
        for bounds in [(None, None)] * 2, Bounds(), Bounds(-np.inf, np.inf):
            assert np.array_equal(solve(bounds).x, solve(None).x)

    def test_method_none_is_lbfgs(self):
        res = solve(FORMS["pairs"], method=None)
        assert np.array_equal(res.x, solve(FORMS["pairs"]).x)

    @pytest.mark.parametrize("bounds", [[(0, 1)], [(0, 1)] * 3, Bounds([0.0] * 3, 1.0), []], ids=["1", "3", "B", "0"])
    def test_of_another_length(self, bounds):
        with pytest.raises(ValueError, match="The number of bounds is not compatible with the length of `x0`."):
            solve(bounds)

    @pytest.mark.parametrize("bounds", [[(0, 1), (2, 1)], Bounds([0, 2], [1, 1])], ids=["pairs", "Bounds"])
    def test_crossed(self, bounds):
        with pytest.raises(ValueError, match="An upper bound is less than the corresponding lower bound."):
            solve(bounds)

    def test_not_a_number(self):
        with pytest.raises(ValueError, match="NaN"):
            solve([(0.0, np.nan), (0.0, 1.0)])

    def test_are_not_changed(self):
        pairs, box, x0 = [(0, 0.5), (None, 2)], Bounds([0.0, -1.0], [0.5, 2.0]), np.array([5.0, 5.0])
        solve(pairs, x0)
        solve(box, x0)
        assert pairs == [(0, 0.5), (None, 2)] and x0.tolist() == [5.0, 5.0]
        assert box.lb.tolist() == [0.0, -1.0] and box.ub.tolist() == [0.5, 2.0]


class TestFeasibility:
    @given
    @pytest.mark.parametrize("x0", [X0, [9.0, 9.0], [-9.0, 0.0], [0.5, 2.0], [0.5, -0.5]], ids=str)
    def test_no_point_is_outside(self, fun, jac, x0):
        """A start outside is projected, and differences stay within the bounds.

        This holds at a bound and in a corner, too.
        """
        seen = Counted(fun)
        res = solve(FORMS["pairs"], x0, seen, jac)
        assert res.success and inside(res.x) and all(inside(x) for x in seen.points)
        assert res.x == pytest.approx([0.5, 0.25], abs=1e-5) and seen.calls == res.nfev
        assert np.array_equal(seen.points[0], np.clip(x0, LOW, HIGH))

    def test_nor_what_a_callback_sees(self):
        seen = []
        res = solve(FORMS["pairs"], callback=seen.append)
        assert len(seen) == res.nit and all(inside(x) for x in seen) and np.array_equal(seen[-1], res.x)

    def test_narrow_bounds(self):
        """The bounds are closer than a step of differences."""
        low = np.array([0.3, 0.1])
        seen = Counted(rosenbrock.py_func)
        res = solve(list(zip(low, low + 1e-10)), fun=seen, jac=None)
        assert res.success and all(inside(x, low, low + 1e-10) for x in seen.points)

    def test_edge_of_the_domain(self):
        def fun(x):
            return float(np.sum(np.sqrt(x) * (x - 1.0) - x)) if np.all(x >= 0.0) else np.nan

        res = minimize(fun, [0.0, 4.0], method="L-BFGS-B", bounds=[(0, None)] * 2)
        assert res.success and np.isfinite(res.fun)


class TestFixedVariables:
    """With equal bounds, functions and callbacks receive x of full length."""

    LOW, HIGH, X0 = np.array([0.0, 2.0, -1.0, -1.0]), np.array([3.0, 2.0, 2.0, -1.0]), [0.6, 0.4, 0.9, 0.1]

    @given
    @pytest.mark.parametrize("form", [list, Bounds], ids=["pairs", "Bounds"])
    @pytest.mark.parametrize("kind", [None, "positional", "keyword"])
    def test_stay(self, fun, jac, form, kind):
        seen, told = Counted(fun), []

        def positional(xk):
            told.append(xk)

        def keyword(intermediate_result):
            assert isinstance(intermediate_result, OptimizeResult)
            told.append(intermediate_result.x)

        callback = {None: None, "positional": positional, "keyword": keyword}[kind]
        bounds = Bounds(self.LOW, self.HIGH) if form is Bounds else list(zip(self.LOW, self.HIGH))
        res = solve(bounds, self.X0, seen, jac, callback=callback)
        expected = oracle(rosenbrock, self.X0, jac=rosenbrock_gradient, bounds=bounds, method="L-BFGS-B")
        assert res.success and res.fun == pytest.approx(expected.fun, rel=5e-6)
        assert res.x == pytest.approx(expected.x, rel=5e-4) and res.jac.shape == (4,)
        for x in (res.x, *seen.points, *told):
            assert x.shape == (4,) and x[1] == 2.0 and x[3] == -1.0

    def test_alone(self):
        seen = Counted(rosenbrock.py_func)
        res = solve([(1.0, 1.0), (2.0, 2.0)], fun=seen, jac=None)
        assert res.success is True and res.nfev == seen.calls == 1 and res.nit == 0
        assert res.x.tolist() == [1.0, 2.0] and res.fun == rosenbrock.py_func(res.x)
        assert res.message == "All independent variables were fixed by bounds."


class TestResults:
    @given
    def test_counts_and_value(self, fun, jac):
        fun, jac = Counted(fun), Counted(jac) if callable(jac) else jac
        res = solve(FORMS["pairs"], fun=fun, jac=jac)
        assert fun.calls == res.nfev and (not callable(jac) or jac.calls == res.njev)
        assert res.fun == rosenbrock(res.x) and type(res.fun) is float and res.success is True
        # Differences at a bound may be too coarse for gtol; then the run ends at their precision.
        assert res.status is Status.GRADIENT or (res.status is Status.PRECISION and jac in (None, "3-point"))

    def test_minimum_at_the_start(self):
        res = minimize(lambda x: x[0], [0.0], method="L-BFGS-B", jac=np.ones_like, bounds=[(0, 1)])
        assert res.success and res.nit == 0 and res.x.tolist() == [0.0]

    def test_inverse_hessian_is_an_operator(self):
        assert solve(FORMS["pairs"]).hess_inv.todense().shape == (2, 2)

    def test_maxiter_and_continuation(self):
        """A run stops after `maxiter` iterations, within the bounds; with 0 it returns the start.
        """
        for maxiter in 1, 3:
            res = solve(FORMS["pairs"], options={"maxiter": maxiter, "gtol": 0.0})
            assert res.nit == maxiter and res.status == 1 and inside(res.x)
        assert solve(FORMS["pairs"], options={"maxiter": 0}).x.tolist() == X0

    def test_smaller_tol_gives_no_higher_f(self):
        values = [solve(FORMS["pairs"], tol=tol).fun for tol in (1e-1, 1e-4, 1e-9)]
        assert values[0] >= values[1] >= values[2]

    def test_no_increase(self):
        """The gradient is wrong, so that its negative leads uphill."""
        res = minimize(lambda x: (x - 1) ** 2, 1.5, method="L-BFGS-B", jac=lambda x: -np.ones_like(x), bounds=[(0, 2)])
        assert res.fun <= 0.25 and res.success is False

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_values_that_are_not_finite(self, value):
        res = solve(FORMS["pairs"], fun=lambda x: value, jac=np.zeros_like)
        assert res.success is False and res.status == 3

    def test_unbounded_below_within_bounds_of_one_side(self):
        res = minimize(lambda x: -x[0], [1.0], method="L-BFGS-B", jac=lambda x: -np.ones(1), bounds=[(0, None)])
        assert res.success is False
