"""`minimize` in compiled code: the same bits as from Python, no leaks, readable errors.

Covers: _api/inside_njit/*, _numba_ext/dispatch.py, _objective/in_njit.py.
"""

import inspect
import os
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest
from numba import njit, prange
from numba.core.errors import NumbaPerformanceWarning, TypingError
from numba.core.runtime import _nrt_python, rtsys

from quasinewton import (
    BFGS,
    LBFGS,
    Armijo,
    Fixed,
    GradientDescent,
    Minimum,
    Newton,
    Root,
    Status,
    StrongWolfe,
    line_search,
    minimize,
    root,
    schedules,
)
from quasinewton._api.inside_njit import minimize as inside_minimize
from quasinewton._api.inside_njit import refusals


@njit
def both(x, scale):
    """Return Rosenbrock's function and its gradient."""
    a, b = x[1] - x[0] * x[0], 1.0 - x[0]
    g = np.empty(2)
    g[0] = scale * (-400.0 * x[0] * a - 2.0 * b)
    g[1] = scale * 200.0 * a
    return scale * (100.0 * a * a + b * b), g


@njit
def value(x, scale):
    """Return Rosenbrock's function."""
    return both(x, scale)[0]


@njit
def gradient(x, scale):
    """Return the gradient of Rosenbrock's function."""
    return both(x, scale)[1]


@njit
def hessian(x, scale):
    """Return the Hessian of Rosenbrock's function."""
    H = np.empty((2, 2))
    H[0, 0] = scale * (1200.0 * x[0] ** 2 - 400.0 * x[1] + 2.0)
    H[0, 1] = H[1, 0] = -scale * 400.0 * x[0]
    H[1, 1] = scale * 200.0
    return H


@njit
def product(x, p, scale):
    """Return the product of the Hessian with a vector."""
    return hessian(x, scale) @ p


X0 = np.array([-1.2, 1.0])
FEW = LBFGS(memory=3)
TIGHT = StrongWolfe(c2=0.1)
SHORT = Fixed(1e-3)
COSINE = schedules.cosine(warmup=5)


@njit
def halving(t):
    """Return a factor that halves every ten steps."""
    return 0.5 ** (t // 10)


@njit
def default(x0, scale):
    """Run L-BFGS with differences."""
    return minimize(value, x0, (scale,))


@njit
def separate(x0, scale):
    """Run BFGS with a separate gradient and a tighter tolerance."""
    return minimize(value, x0, (scale,), "bfgs", gradient, gtol=1e-9)


@njit
def second_order(x0, scale):
    """Run Newton with the exact Hessian."""
    return minimize(both, x0, (scale,), "newton", True, hessian)


@njit
def differenced_hessian(x0, scale):
    """Run Newton with differences of the gradient."""
    return minimize(both, x0, (scale,), method="newton", jac=True, hess="3-point")


@njit
def objects(x0, scale):
    """Give method and line search as objects, and a limit."""
    return minimize(both, x0, (scale,), method=FEW, jac=True, line_search=TIGHT, maxiter=20)


@njit
def steepest(x0, scale):
    """Run gradient descent with a fixed step to a target value."""
    return minimize(both, x0, (scale,), "gradient-descent", True, line_search=SHORT, f_target=0.5)


@njit
def settings(x0, scale):
    """Give settings as keywords."""
    return minimize(both, x0, (scale,), "lbfgs", True, tol=1e-7, memory=3, damping=True, c1=1e-3, c2=0.3, maxls=5)


@njit
def stepping(x0, scale):
    """Run a first-order method under a schedule."""
    return minimize(both, x0, (scale,), "nadam", True, lr=0.02, weight_decay=1e-3, schedule=COSINE, maxiter=60)


@njit
def users_schedule(x0, scale):
    """Run with a user's schedule and differences."""
    return minimize(value, x0, (scale,), "adam", schedule=halving, maxiter=60)


CASES = {
    default: dict(fun=value),
    separate: dict(fun=value, method="bfgs", jac=gradient, gtol=1e-9),
    second_order: dict(fun=both, method="newton", jac=True, hess=hessian),
    differenced_hessian: dict(fun=both, method="newton", jac=True, hess="3-point"),
    objects: dict(fun=both, method=FEW, jac=True, line_search=TIGHT, maxiter=20),
    steepest: dict(fun=both, method="gradient-descent", jac=True, line_search=SHORT, f_target=0.5),
    settings: dict(fun=both, jac=True, tol=1e-7, maxcor=3, damping=True, c1=1e-3, c2=0.3, maxls=5),
    stepping: dict(fun=both, method="nadam", jac=True, lr=0.02, weight_decay=1e-3, schedule=COSINE, maxiter=60),
    users_schedule: dict(fun=value, method="adam", schedule=halving, maxiter=60),
}


@pytest.mark.parametrize("inside", CASES, ids=lambda function: function.__name__)
def test_the_same_bits_as_from_python(inside):
    found = inside(X0, 2.0)
    expected = minimize(x0=X0, args=(2.0,), **CASES[inside])
    assert isinstance(found, Minimum)
    np.testing.assert_array_equal(found.x, expected.x)
    np.testing.assert_array_equal(found.jac, expected.jac)
    assert (found.fun, found.nit, found.nfev, found.njev) == (
        expected.fun,
        expected.nit,
        expected.nfev,
        expected.njev,
    )
    assert found.success == expected.success and Status(found.status) is expected.status


@njit
def residual(x, radius):
    """Return the residuals of a circle and a line."""
    return np.array([x[0] ** 2 + x[1] ** 2 - radius * radius, x[0] - x[1]])


@njit
def jacobian(x, radius):
    """Return the Jacobian of `residual`."""
    return np.array([[2.0 * x[0], 2.0 * x[1]], [1.0, -1.0]])


@njit
def residual_and_jacobian(x, radius):
    """Return the residuals and their Jacobian."""
    return residual(x, radius), jacobian(x, radius)


@njit
def differenced_root(x0, radius):
    """Solve with a Jacobian by differences."""
    return root(residual, x0, (radius,))


@njit
def own_root(x0, radius):
    """Solve with a given Jacobian and settings."""
    return root(residual, x0, (radius,), jacobian, tol=1e-6, c1=0.1, maxls=10)


@njit
def joint_root(x0, radius):
    """Solve with residuals and Jacobian from one function, within a few steps."""
    return root(residual_and_jacobian, x0, (radius,), True, ftol=0.0, xtol=1e-3, maxiter=3)


@pytest.mark.parametrize(
    ("inside", "keywords"),
    [
        (differenced_root, dict(fun=residual)),
        (own_root, dict(fun=residual, jac=jacobian, tol=1e-6, c1=0.1, maxls=10)),
        (joint_root, dict(fun=residual_and_jacobian, jac=True, ftol=0.0, xtol=1e-3, maxiter=3)),
    ],
)
def test_roots_are_the_same_bits_as_from_python(inside, keywords):
    start = np.array([3.0, 0.5])
    found, expected = inside(start, 2.0), root(x0=start, args=(2.0,), **keywords)
    assert isinstance(found, Root) and np.array_equal(start, [3.0, 0.5])
    for name in ("x", "fun", "jac"):
        np.testing.assert_array_equal(getattr(found, name), expected[name])
    counts = (found.nit, found.nfev, found.njev, found.success)
    assert counts == (expected.nit, expected.nfev, expected.njev, expected.success)
    assert Status(found.status) is expected.status


@njit(parallel=True)
def parallel(starts):
    """Solve once for every row, on all threads."""
    found, steps = np.empty_like(starts), np.empty(len(starts))
    for i in prange(starts.shape[0]):
        found[i] = minimize(both, starts[i], (1.0,), jac=True, line_search="more-thuente", maxls=9).x
        steps[i] = line_search(both, starts[i], found[i] - starts[i], (1.0,), jac=True).alpha
    return found, steps


def test_parallel_loops_give_the_bits_of_single_solves():
    starts = np.random.default_rng(0).normal(size=(64, 2))
    expected = np.array([minimize(both, start, (1.0,), jac=True, maxls=9).x for start in starts])
    pairs = zip(starts, expected - starts, strict=True)
    steps = [line_search(both, start, p, (1.0,), jac=True).alpha for start, p in pairs]
    with warnings.catch_warnings():
        warnings.simplefilter("error", NumbaPerformanceWarning)  # a loop that is not run in parallel
        found = parallel(starts)
    np.testing.assert_array_equal(found[0], expected)
    np.testing.assert_array_equal(found[1], steps)


@pytest.mark.slow
def test_parallel_loops_with_bounds_are_parallel():
    @njit(parallel=True)
    def bounded(starts, low, high):
        found = np.empty_like(starts)
        for i in prange(starts.shape[0]):
            found[i] = minimize(both, starts[i], (1.0,), jac=True, bounds=(low, high)).x
        return found

    with warnings.catch_warnings():
        warnings.simplefilter("error", NumbaPerformanceWarning)
        bounded(np.zeros((4, 2)), np.zeros(2), np.ones(2))


@njit
def profile(y):
    """Return min over x of (x − y₀)² + x⁴, found by a run within the objective."""

    return minimize(inner, np.zeros(1), (y[0],), jac=True).fun + (y[0] - 3.0) ** 2


@njit
def inner(x, y):
    """Return the objective of the inner problem."""
    return (x[0] - y) ** 2 + x[0] ** 4, np.array([2.0 * (x[0] - y) + 4.0 * x[0] ** 3])


@njit
def nested():
    """Minimise `profile`, the outer problem."""
    return minimize(profile, np.zeros(1), jac="3-point")


def test_an_objective_may_minimise():
    res = nested()
    y, x = res.x[0], minimize(inner, [0.0], (res.x[0],), jac=True).x[0]
    # The envelope theorem gives the derivative in y.
    assert res.success and 2.0 * (y - x) + 2.0 * (y - 3.0) == pytest.approx(0.0, abs=1e-4)


@njit
def repeat(count, data, x0):
    """Solve many times, with an array among the arguments."""
    total = 0.0
    for _ in range(count):
        total += minimize(quadratic, x0, (data, 2.0), jac=True).fun
        total += minimize(quadratic, x0, (data, 2.0), "adam", True, maxiter=3).fun
        total += root(slopes, x0, (data, 2.0)).fun[0]
    return total


@njit
def slopes(x, data, weight):
    """Return the gradient of `quadratic`, whose root is sought."""
    return quadratic(x, data, weight)[1]


@njit
def quadratic(x, data, weight):
    """Return Σ weight (x − data)²."""
    return weight * np.sum((x - data) ** 2), 2.0 * weight * (x - data)


def test_no_memory_is_left_behind():
    _nrt_python.memsys_enable_stats()
    data, x0 = np.arange(3.0), np.zeros(3)
    repeat(1, data, x0)
    before = rtsys.get_allocation_stats()
    repeat(1000, data, x0)
    after = rtsys.get_allocation_stats()
    assert after.alloc - before.alloc > 3000
    assert after.alloc - before.alloc == after.free - before.free


@njit
def scalar_start(x0):
    """Start at a number."""
    return minimize(quadratic, x0, (np.ones(1), 1.0), jac=True)


@pytest.mark.parametrize("start", [3, 3.5])
def test_a_number_is_a_start(start):
    assert scalar_start(start).x == pytest.approx([1.0])


def test_x0_is_not_changed():
    start = X0.copy()
    separate(start, 1.0)
    np.testing.assert_array_equal(start, X0)


def test_the_caller_can_be_cached(tmp_path):
    (tmp_path / "user.py").write_text(
        textwrap.dedent(
            """
            import numpy as np
            from numba import njit
            from quasinewton import minimize, root

            @njit
            def f(x, a):
                return np.sum((x - a) ** 2), 2.0 * (x - a)

            @njit
            def g(x, a):
                return x - a

            @njit
            def schedule(t):
                return 0.9**t

            @njit(cache=True)
            def solve(x0, a):
                start = minimize(f, x0, (a,), "sgd", True, maxiter=3, schedule=schedule).x
                return 0.5 * (minimize(f, start, (a,), jac=True, memory=3).x + root(g, x0, (a,)).x)

            assert abs(solve(np.zeros(2), 3.0) - 3.0).max() < 1e-5
            print(sum(solve.stats.cache_hits.values()))
            """
        )
    )
    command = [sys.executable, "-c", "import user"]
    outputs = [
        subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert [output.strip() for output in outputs] == ["0", "1"]


@njit
def in_pythons_order(x0, low, high):
    """Pass all arguments up to `options` by position."""
    return minimize(
        value, x0, (2.0,), "newton-cg", gradient, None, product, (low, high), (), 1e-8, None, None, maxiter=50
    )


def test_positional_arguments_have_the_order_that_they_have_in_python():
    inside = inspect.signature(inside_minimize._minimize).parameters
    python = inspect.signature(minimize).parameters
    common = list(python)[: list(python).index("options") + 1]
    assert list(inside)[: len(common)] == common
    low, high = np.full(2, -3.0), np.full(2, 3.0)
    bounds = list(zip(low, high, strict=True))
    res = in_pythons_order(X0, low, high)
    expected = minimize(value, X0, (2.0,), "newton-cg", gradient, None, product, bounds, (), 1e-8, maxiter=50)
    assert np.array_equal(res.x, expected.x) and res.nit == expected.nit


@njit
def by_differences_between_bounds(x0, low, high):
    """Make both the gradients and the products with the Hessian of differences."""
    return minimize(value, x0, (2.0,), "newton-cg", "3-point", "2-point", bounds=(low, high), maxiter=5)


def test_evaluations_of_differences_are_counted_as_from_python():
    low, high = np.full(2, -3.0), np.full(2, 3.0)
    res = by_differences_between_bounds(X0, low, high)
    bounds = list(zip(low, high, strict=True))
    expected = minimize(value, X0, (2.0,), "newton-cg", "3-point", "2-point", bounds=bounds, maxiter=5)
    assert np.array_equal(res.x, expected.x) and (res.nfev, res.njev) == (expected.nfev, expected.njev)


@njit
def bad_constraints(x0, other):
    """Pass constraints, which only the Python function accepts."""
    return minimize(both, x0, (1.0,), "lbfgs", True, constraints=(other,))


@njit
def bad_options(x0):
    """Pass options as a dictionary."""
    return minimize(both, x0, (1.0,), "lbfgs", True, options={"gtol": 1e-3})


@njit
def bad_method(x0):
    """Pass an unknown method."""
    return minimize(both, x0, (1.0,), "simplex", True)


@njit
def bad_jac(x0):
    """Pass a number as the gradient."""
    return minimize(value, x0, (1.0,), jac=3)


@njit
def bad_args(x0):
    """Pass arguments that are not a tuple of numbers and arrays."""
    return minimize(value, x0, ("text",))


@njit
def bad_fun(x0):
    """Pass no function."""
    return minimize(1.0, x0)


@njit
def bad_start():
    """Pass a matrix as the start."""
    return minimize(value, np.zeros((2, 2)), (1.0,))


@njit
def bad_setting(x0):
    """Pass a setting of another method."""
    return minimize(both, x0, (1.0,), "bfgs", True, memory=5)


@njit
def bad_number(x0):
    """Pass a setting that is not a number."""
    return minimize(both, x0, (1.0,), jac=True, c2=x0)


@njit
def bad_schedule(x0):
    """Pass a schedule to a method with a line search."""
    return minimize(both, x0, (1.0,), jac=True, schedule=COSINE)


@njit
def bad_search(x0):
    """Pass a line search to a first-order method."""
    return minimize(both, x0, (1.0,), "adam", True, line_search="armijo")


@njit
def bad_function_of_the_step(x0):
    """Pass a schedule that takes no step."""
    return minimize(both, x0, (1.0,), "adam", True, schedule=both)


@njit
def bad_root(x0):
    """Pass a method that does not exist."""
    return root(residual, x0, (1.0,), method="hybr")


@njit
def bad_root_jac(x0):
    """Pass a string as the Jacobian."""
    return root(residual, x0, (1.0,), jac="exact")


@njit
def bad_tolerance(x0):
    """Pass text as a tolerance."""
    return minimize(both, x0, (1.0,), method="bfgs", jac=True, gtol="tight")


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        (bad_constraints, (X0, 1.0), "`constraints` can be given only outside compiled code"),
        (bad_options, (X0,), "`options` can be given only outside compiled code; here options are keywords"),
        (bad_setting, (X0,), "`memory` is no setting of BFGS; its settings are .*damping"),
        (bad_number, (X0,), "`c2` must be a number, got array"),
        (bad_tolerance, (X0,), "`gtol` must be a number, got 'tight'"),
        (bad_schedule, (X0,), "`schedule` belongs to first-order methods"),
        (bad_search, (X0,), "first-order methods take no `line_search`"),
        (bad_function_of_the_step, (X0,), "schedule does not compile for the arguments"),
        (bad_root, (X0,), "`method` must be 'newton', got 'hybr'"),
        (bad_root_jac, (X0,), "root: jac must be callable, True, 'auto', '2-point', '3-point' or None; got 'exact'"),
        (bad_method, (X0,), "Unknown solver 'simplex'"),
        (bad_jac, (X0,), "jac"),
        (bad_args, (X0,), "`args` must be a tuple"),
        (bad_fun, (X0,), "`fun` must be an @njit function"),
        (bad_start, (), "`x0` must be a number or a vector"),
    ],
)
def test_a_wrong_call_is_named(function, arguments, words):
    with pytest.raises(TypingError, match=words):
        function(*arguments)


@njit
def with_values(memory, c1, c2):
    """Pass settings whose values are known at run time only."""
    return minimize(both, X0, (1.0,), jac=True, memory=memory, c1=c1, c2=c2).nit


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0, 0.1, 0.9), "memory must be at least 1"),
        ((5, 0.9, 0.95), "c1 must be positive, and less than 0.5"),
        ((5, 0.1, 0.05), r"c2 must be in \(c1, 1\)"),
        ((5, np.nan, 0.5), "c1 must be positive"),
        ((2.5, 0.1, 0.9), "memory must be an integer"),
    ],
)
def test_values_that_are_illegal_are_refused_when_it_runs(values, words):
    with pytest.raises(ValueError, match=words):
        with_values(*values)


def test_every_setting_has_a_message():
    mistakes = {mistake.name.lower(): mistake.value for mistake in refusals.Mistake}
    assert {*refusals.RULES, *(f"whole_{name}" for name in refusals.WHOLE)} < set(mistakes)
    for mistake, number in mistakes.items():
        setting = mistake.removeprefix("whole_").removesuffix("_with_bounds")
        with pytest.raises(ValueError, match=rf"\b{setting} "):
            refusals.raise_for(number)


@njit
def within_limits(maxiter, bounds):
    """Pass limits that are floats, and bounds."""
    return minimize(both, X0, (1.0,), "sgd", True, bounds=bounds, lr=1e-3, gtol=0.0, maxiter=maxiter, maxfun=9.0)


def test_limits_are_rounded_up_and_may_be_infinite():
    n = X0.size
    wide = np.full(n, -9.0), np.full(n, 9.0)
    assert [within_limits(maxiter, wide).nit for maxiter in (2.5, 3.0, -1.0, np.inf)] == [3, 3, 0, 8]
    with pytest.raises(ValueError, match="maxiter and maxfun must not be NaN"):
        within_limits(np.nan, wide)
    for bound in (np.nan, np.inf):
        with pytest.raises(ValueError, match="a bound is NaN, or leaves no number"):
            within_limits(1.0, (np.full(n, bound), np.full(n, np.inf)))


METHODS = (Newton(), BFGS(damping=True), LBFGS(memory=4), GradientDescent())


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_method_objects_come_in_as_arguments(method):
    @njit
    def solve(x0, method, search):
        return minimize(quadratic, x0, (np.ones(3), 1.0), method, True, line_search=search)

    assert solve(np.zeros(3), method, Armijo()).x == pytest.approx(np.ones(3), abs=1e-5)
