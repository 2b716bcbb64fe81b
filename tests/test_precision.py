"""The end of a run: the best point evaluated, and a gradient as small as double precision allows.

With gtol = 0 only rounding ends a run. The least ‖g‖_∞ that can be expected at a minimiser is what
rounding of the variables does to it: the median of ‖g(x + δ) − g(x)‖_∞ over random δ with |δ_j| = ε
max(|x_j|, |x0_j|) or 0. A run is precise if it ends with no more than ten times that, or ten times
the least that any method reaches at that value of f.

Covers: _loops/stopping.py, _loops/final_check.py, _loops/resolution.py.
"""

import math

import numpy as np
import pytest

from quasinewton import Status, minimize, problems

METHODS = ["newton", "bfgs", "lbfgs"]
EPSILON = np.finfo(np.float64).eps
NOISE = 16 * EPSILON  # relative to |f|; two values that differ by less are equal up to rounding
WITHIN = 10.0

# Runs that end with a larger gradient, and the reason.
IMPRECISE = {
    ("osborne_1", "lbfgs"): "the decrease left is 1e-20 of f, and no trial shows it",
    ("trigonometric", "lbfgs"): "the decrease left is 1e-20 of f, and no trial shows it",
    ("noncvxu2", "lbfgs"): "the decrease left is 1e-17 of f, and no trial shows it",
    ("penalty_1", "bfgs"): "the decrease left is 1e-20 of f, which neither f nor the estimate can tell from rounding",
    ("nondquar", "lbfgs"): "the Hessian is singular at the minimum: 20 000 evaluations are not enough",
    ("dixmaanl", "lbfgs"): "a condition number of 1e5: twenty iterations make no progress that shows",
}
# Runs that end at the limit of 20 000 evaluations.
ENDLESS = {("nondquar", "lbfgs")}
# Problems of the default tests; the others are slow. At the minimum of the last ones f is 0, or its
# Hessian singular, so that no decrease is small relative to f.
QUICK = ["rosenbrock", "bard", "kowalik_osborne", "osborne_1", "watson", "penalty_1", "brown_dennis", "trigonometric",
         "powell_singular", "brown_almost_linear", "quartic", "raydan_1", "cragg_levy", "lennard_jones"]


class Objective:
    """Return f and g of a problem, and keep the least f so far."""

    def __init__(self, problem):
        self.problem, self.least = problem, math.inf

    def __call__(self, x):
        f = self.problem.fun(x)
        self.least = min(self.least, f)
        return f, self.problem.jac(x)


def end(problem, method, **options):
    """Return the result of a run, with the least evaluated value as `least`."""
    objective = Objective(problem)
    hess = problem.hess if method == "newton" else None
    with np.errstate(all="ignore"):
        res = minimize(objective, problem.x0, jac=True, hess=hess, method=method, options=options)
    res["least"] = objective.least
    return res


def is_best(problem, res):
    """Return True if the returned value is the least evaluated, up to the rounding of f.

    Rounding is 16ε|f|, what the values of the run have shown, or what rounding of the variables
    does to f, whichever is largest: values that were evaluated to measure it scatter by as much.
    """
    rng = np.random.default_rng(7)
    step = 64 * EPSILON * np.maximum(np.abs(res.x), np.abs(problem.x0))
    with np.errstate(all="ignore"):
        values = [problem.fun(res.x + step * rng.integers(-1, 2, res.x.size)) for _ in range(20)]
    known = max(NOISE, res.checkpoint.state.scalars[0]["rough"]) * abs(res.least)
    return res.fun <= res.least + max(known, 2.0 * np.ptp(values))


def resolution(problem, x):
    """Return the median change of the gradient at x by rounding of the variables."""
    rng = np.random.default_rng(7)
    step, g = EPSILON * np.maximum(np.abs(x), np.abs(problem.x0)), problem.jac(x)
    changes = (problem.jac(x + step * rng.integers(-1, 2, x.size)) - g for _ in range(20))
    return float(np.median([np.abs(change).max() for change in changes]))


def imprecise(name):
    """Return the methods that end with too large a gradient, by name, with the ratio."""
    problem = getattr(problems, name)()
    ends = {method: end(problem, method, gtol=0.0, maxiter=20_000, maxfun=20_000) for method in METHODS}
    found = {}
    for method, res in ends.items():
        assert is_best(problem, res)
        expected = (Status.EVALUATIONS,) if (name, method) in ENDLESS else (Status.PRECISION, Status.GRADIENT)
        assert res.status in expected, method
        alike = [e for e in ends.values() if abs(e.fun - res.fun) <= 1e-6 * max(1.0, abs(res.fun))]
        least = max(resolution(problem, res.x), min(np.abs(e.jac).max() for e in alike))
        if np.abs(res.jac).max() > WITHIN * least:
            found[method] = np.abs(res.jac).max() / least
    return found


def named(name):
    """Return the methods that are known to be imprecise on a problem.

    A method that has become precise must be removed from the list.
    """
    return {method for problem, method in IMPRECISE if problem == name}


@pytest.mark.parametrize("name", QUICK)
def test_gradients_are_as_small_as_precision_allows(name):
    assert set(imprecise(name)) == named(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [f.__name__ for f in problems.ALL if f.__name__ not in QUICK])
def test_gradients_of_all_problems(name):
    assert set(imprecise(name)) == named(name)


def test_newton_leaves_a_saddle_where_rounding_ends_the_run():
    """Biggs' start is symmetric, and ‖g‖ falls to 1e-12 at a saddle with f = 0.0057."""
    assert end(problems.biggs(), "newton", gtol=0.0).fun < 1e-25


@pytest.mark.parametrize("method", METHODS)
def test_a_gradient_that_is_wrong_where_f_is_nearly_0_is_no_precision_limit(method):
    """The wrong component is far above what rounding of x explains."""
    k = np.arange(1.0, 6.0)

    def jac(x):
        return 2.0 * (x - k) - 1e-8 * np.array([0.0, 0.0, 0.0, 0.0, x[0]])

    hess = (lambda x: 2.0 * np.eye(5)) if method == "newton" else None
    res = minimize(lambda x: float(np.sum((x - k) ** 2)), np.zeros(5), jac=jac, hess=hess, method=method, gtol=0.0)
    assert res.status is Status.LINE_SEARCH and not res.success


@pytest.mark.parametrize("method", [*METHODS, "gradient-descent"])
@pytest.mark.parametrize("name", [f.__name__ for f in problems.ALL])
def test_ends_at_the_best_point_evaluated(name, method):
    """Use default settings, except for a limit on evaluations of steepest descent."""
    options = {"maxfun": 100} if method == "gradient-descent" else {}
    problem = getattr(problems, name)()
    assert is_best(problem, end(problem, method, **options))
