"""Every method on every published problem. A method's test is its list of exceptions."""

import numpy as np
import pytest

from quasinewton import Status, minimize, problems

# Where a run ends at the precision limit instead of gtol = 1e-5: f cannot show a smaller gradient.
PRECISION_LIMIT = {
    ("meyer", method): "‖H‖ = 1e10 and f = 88: rounding of f hides all but the last digits of x"
    for method in ("lbfgs", "bfgs", "newton", "newton-cg")
}
# Minima that are not tabulated: the problem has countless ones.
MULTIMODAL = {
    "noncvxu2": "a minimum for nearly every start",
    "eg2": "sin² has minima of many heights",
}
# Where gtol = 1e-5 is met far from the minimum, and how near f then is.
FLAT = {
    "quartic": (1e-5, "f ∝ x⁴: the Hessian vanishes at the minimum"),
    "nondquar": (1e-4, "f ∝ x⁴ along a line: the Hessian is singular at the minimum"),
}
# The same of truncated Newton alone: its last step is no better than it need be, and stops just below gtol.
FLAT_TO_TRUNCATED_STEPS = dict.fromkeys(("powell_badly_scaled", "biggs", "cragg_levy", "sinquad"), 1e-5)
METHODS = ["lbfgs", "bfgs", "newton", "newton-cg"]


def solve(p, method, **options):
    return minimize(p.fun, p.x0, method=method, jac=p.jac, hess=p.hess if "newton" in method else None, options=options)


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
        tolerance = FLAT.get(name, (1e-6,))[0]
        if method == "newton-cg":
            tolerance = FLAT_TO_TRUNCATED_STEPS.get(name, tolerance)
        known = np.array([p.fmin, *p.local_minima])
        assert np.min(np.abs(res.fun - known) / np.maximum(1.0, np.abs(known))) <= tolerance


@pytest.mark.parametrize("name", [f.__name__ for f in problems.ALL])
def test_steepest_descent_descends(name):
    """It is slow: that is no failure; but it never rises, nor ends without a reason."""
    p = getattr(problems, name)()
    res = solve(p, "gradient-descent", maxiter=50, history=True)
    f = res.history.f
    assert np.all(np.diff(f) <= 1e-13 * np.abs(f[:-1]))
    assert res.nit == 50 or res.status in (Status.GRADIENT, Status.PRECISION)


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
    known = np.array([p.fmin, *p.local_minima])
    assert res.success
    assert np.min(np.abs(res.fun - known) / np.maximum(1.0, np.abs(known))) <= 1e-6


def test_exceptions_are_no_more_than_needed():
    """A method that has learnt to do without its exception loses it."""
    for name, method in PRECISION_LIMIT:
        p = getattr(problems, name)()
        assert solve(p, method).status is Status.PRECISION
    p = problems.quartic()
    assert min(abs(solve(p, method).fun - p.fmin) for method in METHODS) <= 1e-5
    assert max(abs(solve(p, method).fun - p.fmin) for method in METHODS) > 1e-6
    for name in FLAT_TO_TRUNCATED_STEPS:
        p = getattr(problems, name)()
        assert abs(solve(p, "newton-cg").fun - p.fmin) > 1e-6
