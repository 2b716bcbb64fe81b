"""The strategies draw what they promise, and every property fails where it is broken.

Covers: testing/*.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from objectives import rosenbrock, rosenbrock_gradient
from scipy.optimize import Bounds, OptimizeResult

from quasinewton import BFGS, minimize, problems, testing


def path(method, maxiter=4, **options):
    """Return an optimiser of a few iterations, for properties of iterates."""

    def solve(problem):
        limits = dict(maxiter=maxiter, gtol=0.0, return_all=True)
        return minimize(problem.fun, problem.x0, jac=problem.jac, method=method, **limits, **options)

    return solve


def steepest(problem):
    """Make ten steps of gradient descent of the same length.

    They satisfy neither the Wolfe conditions nor invariance to scaling.
    """
    points = [problem.x0]
    for _ in range(10):
        points.append(points[-1] - 0.3 * problem.jac(points[-1]))
    return points


def bfgs(problem):
    return minimize(problem.fun, problem.x0, jac=problem.jac, method="bfgs", bounds=problem.bounds, gtol=1e-8)


class TestStrategies:
    @given(testing.convex_quadratics(n=st.integers(2, 6), condition=st.sampled_from([1.0, 1e3, 1e6])))
    def test_quadratics_have_the_minimiser_and_the_condition_they_say(self, problem):
        condition = float(problem.name.rsplit(" ", 1)[1])
        assert np.linalg.cond(problem.hess(problem.x0)) == pytest.approx(condition, rel=1e-6)
        assert np.abs(problem.jac(problem.xmin)).max() <= 1e-12 and problem.fun(problem.xmin) == problem.fmin
        assert problem.fun(problem.x0) >= problem.fmin
        testing.assert_gradient_agrees(problem.fun, problem.x0, problem.jac)

    def test_a_condition_below_one_is_refused(self):
        with pytest.raises(ValueError, match="condition must be at least 1, got 0.5"):
            given(testing.convex_quadratics(condition=0.5))(lambda problem: None)()

    @given(testing.bounded_quadratics())
    def test_bounded_quadratics_meet_the_conditions_of_karush_kuhn_and_tucker(self, problem):
        x, g = problem.xmin, problem.jac(problem.xmin)
        at_low, at_high = x == problem.low, x == problem.high
        assert np.all(g[at_low] >= 0.1) and np.all(g[at_high] <= -0.1) and np.all(g[~(at_low | at_high)] == 0.0)
        testing.assert_in_bounds([problem.x0, x], problem.bounds)

    @given(testing.saddles())
    def test_saddles_begin_at_one(self, problem):
        x, lowest = problem.x0, problem.xmin
        assert np.abs(problem.jac(x)).max() <= 1e-12
        curvatures = np.linalg.eigvalsh(problem.hess(x))
        assert curvatures[0] <= -0.4 and curvatures[-1] >= 0.4
        assert problem.fun(lowest) == pytest.approx(problem.fmin, abs=1e-12)
        assert np.linalg.eigvalsh(problem.hess(lowest))[0] > 0.0
        testing.assert_gradient_agrees(problem.fun, lowest + 0.1, problem.jac)

    @given(testing.published_problems(problems.MGH[:7]))
    def test_published_problems_keep_their_minimum(self, problem):
        testing.assert_gradient_agrees(problem.fun, problem.x0, problem.jac)
        if problem.minimiser is not None:
            assert problem.fun(problem.xmin) == pytest.approx(problem.fmin, abs=1e-8 * problem.fun(problem.x0))

    @given(st.data())
    def test_starting_points_lie_between_the_bounds(self, data):
        problem = problems.hs2()
        testing.assert_in_bounds(data.draw(testing.starting_points(problem, radius=5.0)), problem.bounds)

    def test_noise_is_of_its_size_and_always_the_same(self, rng):
        problem = problems.rosenbrock()
        noisy = testing.noisy(problem, 1e-3)
        X = rng.standard_normal((200, 2))
        noise = np.array([noisy.fun(x) - problem.fun(x) for x in X])
        assert np.abs(noise).max() <= 1.001e-3 and np.std(noise) == pytest.approx(1e-3 / np.sqrt(3.0), rel=0.2)
        assert [noisy.fun(x) for x in X] == [noisy.fun(x.copy()) for x in X]
        assert testing.noisy(problem, 1e-3, seed=1).fun(X[0]) != noisy.fun(X[0])


class TestProperties:
    @given(testing.convex_quadratics(condition=1e3))
    def test_a_good_optimiser_minimises(self, problem):
        testing.assert_minimises(bfgs, problem)

    @given(testing.bounded_quadratics())
    def test_a_good_optimiser_minimises_between_bounds(self, problem):
        testing.assert_minimises(bfgs, problem)

    @given(testing.saddles())
    def test_newton_leaves_saddles(self, problem):
        testing.assert_minimises(lambda p: minimize(p.fun, p.x0, jac=p.jac, hess=p.hess, method="newton"), problem)

    def test_one_that_stays_at_its_start_does_not_minimise(self):
        problem = problems.rosenbrock()
        with pytest.raises(AssertionError, match="no success"):
            testing.assert_minimises(lambda p: minimize(p.fun, p.x0, jac=p.jac, maxiter=0), problem)

    def test_one_that_claims_success_at_its_start_does_not_minimise(self):
        problem = problems.rosenbrock()
        with pytest.raises(AssertionError, match="f exceeds its minimum 0.0 by 24.2"):
            testing.assert_minimises(lambda p: minimize(p.fun, p.x0, jac=p.jac, gtol=1e9), problem)

    def test_a_result_whose_value_is_not_that_of_its_point_is_found_out(self):
        def liar(problem):
            result = bfgs(problem)
            result["fun"] = -1.0
            return result

        with pytest.raises(AssertionError, match="the result says f = -1.0"):
            testing.assert_minimises(liar, problems.rosenbrock())
        for fun, success, words in ((np.nan, True, "says f = nan"), (0.0, False, "no success, with f − fmin = 0$")):
            told = OptimizeResult(x=np.ones(2), fun=fun, success=success)
            with pytest.raises(AssertionError, match=words):
                testing.assert_minimises(lambda problem, told=told: told, problems.rosenbrock())

    def test_a_wrong_gradient_is_named_by_its_component(self):
        def wrong(x):
            g = rosenbrock_gradient(x)
            g[1] *= 1.01
            return g

        testing.assert_gradient_agrees(rosenbrock, [-1.2, 1.0], rosenbrock_gradient)
        with pytest.raises(AssertionError, match="1"):
            testing.assert_gradient_agrees(rosenbrock, [-1.2, 1.0], wrong)

    def test_a_rise_is_found(self):
        testing.assert_never_rises([3.0, 2.0, 2.0 + 4e-16, 1.0])
        with pytest.raises(AssertionError, match="rises by 1e-06 at iterate 2"):
            testing.assert_never_rises([3.0, 2.0, 2.000001, 1.0])
        testing.assert_never_rises([np.inf, np.inf, 1.0, -np.inf, -np.inf])
        for worse in (np.inf, np.nan):
            with pytest.raises(AssertionError, match=f"rises by {worse} at iterate 1"):
                testing.assert_never_rises([1.0, worse])
        with pytest.raises(ValueError, match="at least one value"):
            testing.assert_never_rises([])

    def test_a_point_outside_is_found(self):
        testing.assert_in_bounds([[0.0, 1.0], [1.0, 0.0]], Bounds([0.0, 0.0], [1.0, 1.0]))
        with pytest.raises(AssertionError, match=r"point 1 has x\[0\]"):
            testing.assert_in_bounds([[0.0, 1.0], [1.0 + 1e-15, 0.0]], Bounds([0.0, 0.0], [1.0, 1.0]))
        with pytest.raises(AssertionError, match=r"point 0 has x\[1\] = .*nan"):
            testing.assert_in_bounds([0.0, np.nan], [(None, 1.0), (0.0, None)])

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
    def test_steps_meet_wolfes_conditions(self, method):
        res = path(method, 30)(problems.rosenbrock())
        testing.assert_wolfe_conditions(rosenbrock, rosenbrock_gradient, res.allvecs, c2=0.9)
        with pytest.raises(AssertionError, match="the slope goes from"):
            testing.assert_wolfe_conditions(rosenbrock, rosenbrock_gradient, res.allvecs, c2=1e-6)

    def test_a_step_that_overshoots_has_no_sufficient_decrease(self):
        with pytest.raises(AssertionError, match="sufficient decrease"):
            testing.assert_wolfe_conditions(lambda x: float(x @ x), lambda x: 2.0 * x, [[1.0], [-1.1]])

    def test_secant_equation(self):
        res = path(BFGS(), 5)(problems.rosenbrock())
        s = res.allvecs[-1] - res.allvecs[-2]
        y = rosenbrock_gradient(res.allvecs[-1]) - rosenbrock_gradient(res.allvecs[-2])
        testing.assert_secant_equation(res.hess_inv, s, y)
        with pytest.raises(AssertionError, match="H y − s"):
            testing.assert_secant_equation(2.0 * res.hess_inv, s, y)
        with pytest.raises(AssertionError, match="not finite"):
            testing.assert_secant_equation(np.full((2, 2), np.nan), s, y)

    def test_batches_and_resumed_runs(self, rng):
        keywords = dict(jac=rosenbrock_gradient, method="lbfgs")
        testing.assert_batch_equals_singles(rosenbrock, rng.uniform(-2.0, 2.0, (5, 3)), **keywords)
        testing.assert_resuming_changes_nothing(rosenbrock, [-1.2, 1.0], 7, **keywords)
        with pytest.raises(ValueError, match="maxiter cannot be given here"):
            testing.assert_resuming_changes_nothing(rosenbrock, [-1.2, 1.0], 7, maxiter=9)


class TestTransformations:
    @given(testing.convex_quadratics(n=st.integers(2, 5), condition=1e3), st.floats(-10.0, 10.0))
    def test_bfgs_does_not_see_the_origin(self, problem, shift):
        testing.assert_translation_invariant(path("bfgs", 3), problem, np.full(problem.n, shift))

    def test_a_method_that_sees_it_is_found(self):
        def shrinking(problem):
            return [problem.x0, 0.9 * problem.x0, 0.8 * problem.x0]

        with pytest.raises(AssertionError, match="of the shifted problem differ"):
            testing.assert_translation_invariant(shrinking, problems.rosenbrock(), [1.0, 2.0])

    def test_adam_sees_a_rotation_and_lbfgs_does_not(self):
        Q = np.array([[0.6, -0.8], [0.8, 0.6]])
        testing.assert_rotation_invariant(path("lbfgs"), problems.rosenbrock(), Q)
        with pytest.raises(AssertionError, match="of the rotated problem differ"):
            testing.assert_rotation_invariant(path("adam"), problems.rosenbrock(), Q)

    def test_steps_of_one_length_see_the_unit_of_f(self):
        testing.assert_scale_invariant(path("bfgs"), problems.rosenbrock(), 4.0, rtol=0.0)
        with pytest.raises(AssertionError, match="of the scaled problem differ"):
            testing.assert_scale_invariant(steepest, testing.scaled(problems.beale(), 1e-3), 2.0)

    def test_one_point_is_no_path(self):
        with pytest.raises(AssertionError, match="left after 1 points"):
            testing.assert_scale_invariant(lambda problem: [problem.x0], problems.beale(), 2.0)

    def test_what_cannot_be_changed_is_refused(self):
        with pytest.raises(ValueError, match="a problem with bounds cannot be rotated"):
            testing.rotated(problems.hs2(), np.eye(2))
        with pytest.raises(ValueError, match="Q must be an orthogonal matrix of shape"):
            testing.rotated(problems.rosenbrock(), np.ones((2, 2)))
        with pytest.raises(ValueError, match="factor must be positive and finite, got -1.0"):
            testing.scaled(problems.rosenbrock(), -1.0)
        with pytest.raises(ValueError, match=r"shift must have shape \(2,\), got \(3,\)"):
            testing.shifted(problems.rosenbrock(), [1.0, 2.0, 3.0])
        with pytest.raises(ValueError, match=r"size must be in \[0, inf\), got -1.0"):
            testing.noisy(problems.rosenbrock(), -1.0)

    def test_bounds_move_with_the_origin(self):
        problem = problems.hs2()
        moved = testing.shifted(problem, [1.0, -1.0])
        assert moved.bounds.lb.tolist() == [-np.inf, 0.5] and moved.fun(moved.x0) == problem.fun(problem.x0)
