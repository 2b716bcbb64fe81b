"""Every method on every published problem; the test of a method is its list of exceptions.

Covers: _methods/lbfgs/*, _methods/{bfgs,newton,newton_cg,gradient_descent}.py, problems/*.
"""

import numpy as np
import pytest

from quasinewton import Status, minimize, problems

# Runs that end at the precision limit instead of gtol = 1e-5: f cannot show a smaller gradient.
PRECISION_LIMIT = {
    ("meyer", method): "‖H‖ = 1e10 and f = 88: rounding of f hides all but the last digits of x"
    for method in ("lbfgs", "bfgs", "newton", "newton-cg")
}
# Problems with too many minima to tabulate.
MULTIMODAL = {
    "noncvxu2": "a minimum for nearly every start",
    "eg2": "sin² has minima of many heights",
}
METHODS = ["lbfgs", "bfgs", "newton", "newton-cg"]


def solve(p, method, **options):
    return minimize(p.fun, p.x0, method=method, jac=p.jac, hess=p.hess if "newton" in method else None, options=options)


def distance(p, f):
    """Return the relative distance of f to the nearest known minimum."""
    known = np.array([p.fmin, *p.local_minima])
    return np.min(np.abs(f - known) / np.maximum(1.0, np.abs(known)))


@pytest.mark.parametrize("name, method", [(f.__name__, method) for f in problems.ALL for method in METHODS])
def test_finds_a_known_minimum(name, method):
    p = getattr(problems, name)()
    res = solve(p, method)
    assert res.success or (name, method) in PRECISION_LIMIT
    expected = Status.PRECISION if (name, method) in PRECISION_LIMIT else Status.GRADIENT
    assert res.status is expected
    assert expected is Status.PRECISION or np.abs(p.jac(res.x)).max() <= 1e-5
    assert res.fun == p.fun(res.x) <= p.fun(p.x0)
    if name not in MULTIMODAL:
        assert distance(p, res.fun) <= 1e-6


@pytest.mark.parametrize("name", [f.__name__ for f in problems.ALL])
def test_steepest_descent_descends(name):
    """Steepest descent is slow, which is no failure, but f never rises.

    It ends only with a small gradient.
    """
    p = getattr(problems, name)()
    res = solve(p, "gradient-descent", maxiter=50, history=True)
    f = res.history.f
    assert np.all(np.diff(f) <= 1e-13 * np.abs(f[:-1]))
    if np.abs(p.jac(res.x)).max() <= 1e-5:
        assert res.status is Status.GRADIENT
    else:
        assert res.status is Status.ITERATIONS and res.nit == 50


@pytest.mark.parametrize("search", ["strong-wolfe", "hager-zhang", "armijo"])
@pytest.mark.parametrize(
    "name",
    [
        "extended_rosenbrock",
        "wood",
        "beale",
        "helical_valley",
        "chebyquad",
        "brown_dennis",
        "discrete_boundary_value",
        "engval1",
        "trigonometric",
    ],
)
def test_every_search_serves(name, search):
    p = getattr(problems, name)()
    res = solve(p, "lbfgs", line_search=search)
    assert res.success and distance(p, res.fun) <= 1e-6


@pytest.mark.parametrize("name, method", PRECISION_LIMIT)
def test_precision_limits_are_no_more_than_needed(name, method):
    """An exception that a method no longer needs must be removed."""
    assert solve(getattr(problems, name)(), method).status is Status.PRECISION


@pytest.mark.parametrize("name", MULTIMODAL)
def test_problems_of_many_minima_have_some_that_are_not_tabulated(name):
    p = getattr(problems, name)()
    assert max(distance(p, solve(p, method).fun) for method in METHODS) > 1e-6
