"""Differences: their order, their counts, and the steps that the user sets.

Covers: _objective/finite_differences.py, _objective/differenced.py, _objective/complex_step.py.
"""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from objectives import Counted, rosenbrock, rosenbrock_gradient

from quasinewton import minimize


@njit
def waves(x):
    """Return Σ sin(x_i) (i + 1), also for complex x."""
    f = 0.0 * x[0]
    for i in range(x.size):
        f += (i + 1) * np.sin(x[i])
    return f


def gradient_at(fun, x, jac, **options):
    """Return the gradient that a run computes at its start."""
    return minimize(fun, x, jac=jac, options={"maxiter": 0, **options}).jac


@pytest.mark.parametrize("jac, tolerance", [("2-point", 1e-6), ("3-point", 1e-9), ("cs", 1e-15)])
@given(x=st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=4))
def test_error_is_of_the_order_of_the_scheme(jac, tolerance, x):
    expected = (1 + np.arange(len(x))) * np.cos(x)
    assert gradient_at(waves, x, jac) == pytest.approx(expected, abs=tolerance * len(x) * 4)


@pytest.mark.parametrize("jac", ["2-point", "3-point", "cs"])
def test_python_and_compiled_functions_are_differenced_alike(jac):
    x = [0.3, -1.1, 2.0]
    python = gradient_at(lambda x: waves.py_func(x), x, jac)
    assert python == pytest.approx(gradient_at(waves, x, jac), rel=1e-6, abs=1e-8)


def test_complex_step_needs_a_complex_function():
    with pytest.raises(TypeError, match="jac='cs' needs an objective that is complex for complex x"):
        minimize(njit(lambda x: abs(x[0])), [1.0], jac="cs")
    with pytest.raises(ValueError, match="jac='cs' needs an objective that is complex for complex x"):
        minimize(lambda x: abs(x[0]), [1.0], jac="cs")


@pytest.mark.parametrize("jac", [None, "2-point", "3-point"])
@pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
def test_counts_are_calls(method, jac):
    fun = Counted(rosenbrock)
    res = minimize(fun, [-1.2, 1.0, 0.5], method=method, jac=jac)
    assert fun.calls == res.nfev


def test_counts_of_compiled_functions_are_calls():
    @njit
    def counting(x, calls):
        calls[0] += 1
        return rosenbrock(x)

    for jac in "2-point", "3-point":
        calls = np.zeros(1, dtype=np.int64)
        assert minimize(counting, [-1.2, 1.0, 0.5], (calls,), jac=jac).nfev == calls[0]


@pytest.mark.parametrize("jac, points", [("2-point", [1e-3]), ("3-point", [1e-3, -1e-3])])
def test_absolute_step_is_the_one_given(jac, points):
    fun = Counted(rosenbrock)
    gradient_at(fun, [0.5, 0.25], jac, eps=1e-3)
    moves = np.array(fun.points[1:]) - [0.5, 0.25]
    assert moves[np.abs(moves) > 1e-12] == pytest.approx(points * 2, rel=1e-9)


def test_one_step_for_each_variable():
    fun = Counted(rosenbrock)
    gradient_at(fun, [0.5, 0.25], None, eps=[1e-3, 1e-5])
    assert fun.points[1][0] - 0.5 == pytest.approx(1e-3) and fun.points[2][1] - 0.25 == pytest.approx(1e-5)


def test_relative_step_multiplies_x():
    fun = Counted(rosenbrock)
    gradient_at(fun, [100.0, 0.25], None, finite_diff_rel_step=1e-4)
    assert fun.points[1][0] - 100.0 == pytest.approx(1e-2) and fun.points[2][1] - 0.25 == pytest.approx(2.5e-5)


@pytest.mark.parametrize("x, options", [([1.0, -2.0], {"eps": 1e-30}), ([0.0, 1.0], {"finite_diff_rel_step": 1e-3})])
def test_a_step_that_vanishes_is_replaced(x, options):
    assert gradient_at(waves, x, None, **options) == pytest.approx([1.0, 2.0] * np.cos(x), abs=1e-2)


def test_differences_never_call_twice_in_a_row_at_one_point():
    for method in "lbfgs", "bfgs":
        fun = Counted(rosenbrock)
        minimize(fun, [-1.2, 1.0], method=method)
        assert not np.any(np.all(np.diff(fun.points, axis=0) == 0.0, axis=1))


def test_rejected_trials_cost_one_value():
    """No gradient is differenced at a trial whose value is too high.

    From this start that is the first trial.
    """
    fun = Counted(lambda x: np.exp(x @ x))
    res = minimize(fun, np.full(20, 0.3))
    assert res.success and res.nfev < (res.njev + 3) * 21
    # Two gradients look for a saddle off the line on which all steps lie, without a value.
    assert res.nfev - 20 * res.njev >= res.njev - 2


@pytest.mark.parametrize("n", [2, 10])
@pytest.mark.parametrize("centre", [0.0, 0.3])
@pytest.mark.parametrize("method, theirs", [("lbfgs", "L-BFGS-B"), ("bfgs", "BFGS"), ("gradient-descent", "L-BFGS-B")])
def test_a_least_value_of_zero_costs_what_it_costs_scipy(method, theirs, centre, n):
    """No decrease is small relative to f = 0, but differences lead no nearer to the minimiser.

    A gradient at the end, a value that confirms it and two of the search are what is taken more.
    From a start of this symmetry all steps lie along one line in ten dimensions; two gradients look
    for a saddle off that line.
    """
    start = np.tile([-1.2, 1.0], n // 2)

    def fun(x):
        return float((x - centre) @ (x - centre))

    res, oracle = minimize(fun, start, method=method), scipy.optimize.minimize(fun, start, method=theirs)
    look = 2 * n if n > 2 and method != "gradient-descent" and centre == 0.0 else 0
    assert res.success and res.fun < 1e-12 and res.nfev <= oracle.nfev + look + n + 3


def test_differences_reach_the_minimum_of_exact_gradients():
    exact = minimize(rosenbrock, np.zeros(5), jac=rosenbrock_gradient)
    for jac in None, "3-point":
        assert minimize(rosenbrock, np.zeros(5), jac=jac).x == pytest.approx(exact.x, abs=1e-3)
