"""Invariance to changes of units and coordinates.

Covers: _loops/line_search_loop.py, _methods/*, testing/transformations.py.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_hessian

from quasinewton import minimize
from quasinewton.problems import Problem
from quasinewton.testing import assert_rotation_invariant, assert_translation_invariant

METHODS = ["lbfgs", "bfgs", "newton", "newton-cg", "gradient-descent"]
each_method = pytest.mark.parametrize("method", METHODS)
starts = st.lists(st.floats(-2.0, 2.0), min_size=3, max_size=3).map(np.array)


def path(method, fun, x0, jac, hess, **options):
    """Return all iterates, or the first few."""
    options = {"return_all": True, "maxiter": 8, "gtol": 0.0, **options}
    hess = hess if "newton" in method else None
    return np.array(minimize(fun, x0, method=method, jac=jac, hess=hess, options=options).allvecs)


def rosenbrock_path(method, x0, **options):
    return path(method, rosenbrock, x0, rosenbrock_gradient, rosenbrock_hessian, **options)


def at(x0):
    """Return Rosenbrock's function of three variables as a problem that starts at x0."""
    return Problem("rosenbrock", rosenbrock, rosenbrock_gradient, rosenbrock_hessian, x0, "see objectives.py")


def few_iterations(method):
    """Return an optimiser of five iterations."""
    return lambda problem: path(method, problem.fun, problem.x0, problem.jac, problem.hess, maxiter=5)


def assert_same_path(found, expected):
    """Assert equality up to rounding, which the iteration may amplify a million times."""
    steps = min(len(found), len(expected))
    scale = np.maximum(1.0, np.abs(expected).max())
    assert steps > 1 and found[:steps] == pytest.approx(expected[:steps], abs=1e-6 * scale)


@each_method
@given(x0=starts, shift=st.lists(st.floats(-10.0, 10.0), min_size=3, max_size=3).map(np.array))
def test_translation(method, x0, shift):
    problem = at(x0)
    assume(np.abs(problem.jac(x0)).max() >= 1e-3)
    assert_translation_invariant(few_iterations(method), problem, shift)


@each_method
@given(x0=starts, seed=st.integers(0, 2**32 - 1))
def test_orthogonal_change_of_variables(method, x0, seed):
    problem = at(x0)
    assume(np.abs(problem.jac(x0)).max() >= 1e-3)
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((3, 3)))[0]
    assert_rotation_invariant(few_iterations(method), problem, Q)


@each_method
@given(x0=starts, exponent=st.integers(0, 20))
def test_power_of_two_times_f(method, x0, exponent):
    """Scaling f by an even power of two changes no bit if ‖g‖ >= 1 at the start.

    The first step is then 1/‖g‖ in every unit of f. The power is even because a Cholesky factor
    contains its square root.
    """
    g = rosenbrock_gradient(x0)
    assume(g @ g >= 1.0)
    c = 4.0**exponent
    scaled = path(
        method,
        lambda x: c * rosenbrock(x),
        x0,
        lambda x: c * rosenbrock_gradient(x),
        lambda x: c * rosenbrock_hessian(x),
        maxiter=200,
        gtol=c * 1e-6,
    )
    assert np.array_equal(scaled, rosenbrock_path(method, x0, maxiter=200, gtol=1e-6))


@given(x0=starts, exponents=st.lists(st.integers(-3, 3), min_size=3, max_size=3).map(np.array))
def test_newton_does_not_see_the_units_of_x(x0, exponents):
    """Scale each variable by a power of two.

    Every product is exact, but the order of the terms of a sum may change.
    """
    d = 2.0**exponents
    H = rosenbrock_hessian(x0)
    assume(np.linalg.eigvalsh(H)[0] >= 1e-3 * np.linalg.norm(H, 2))  # Scaling changes |H| of an indefinite H.
    units = path(
        "newton",
        lambda x: rosenbrock(d * x),
        x0 / d,
        lambda x: d * rosenbrock_gradient(d * x),
        lambda x: d * rosenbrock_hessian(d * x) * d[:, None],
        maxiter=1,
    )
    assert units * d == pytest.approx(rosenbrock_path("newton", x0, maxiter=1), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
@given(x0=starts)
def test_order_of_the_variables(method, x0):
    assume(np.abs(rosenbrock_gradient(x0)).max() > 1e-3)
    back = path(
        method,
        lambda x: rosenbrock(x[::-1].copy()),
        x0[::-1],
        lambda x: rosenbrock_gradient(x[::-1].copy())[::-1],
        None,
        maxiter=4,
    )
    assert_same_path(back[:, ::-1], rosenbrock_path(method, x0, maxiter=4))


@given(x0=st.floats(-5.0, 5.0), n=st.integers(2, 6))
def test_equal_variables_stay_equal(x0, n):
    """Every method treats equal variables equally."""
    res = minimize(lambda x: float(np.sum(np.cosh(x - 1.0))), np.full(n, x0), jac=lambda x: np.sinh(x - 1.0))
    assert res.success and np.ptp(res.x) <= 1e-12
