"""Bounds in every public function: how they are read, evaluated points, and results.

Covers: _options/bounds.py, _methods/bounded/*, _api/minimize.py.
"""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_hessian, rosenbrock_joint, spd
from scipy.optimize import Bounds

from quasinewton import LBFGS, Checkpoint, Solver, Status, minimize, minimize_batch, minimize_multistart, problems
from quasinewton._options.bounds import read_bounds

X0 = np.array([-1.2, 1.0, -0.5, 0.8, 1.5])
LOW = np.array([-1.5, -np.inf, 0.3, -2.0, -np.inf])
HIGH = np.array([0.8, 0.5, 0.3, np.inf, 2.0])
BOX = list(zip(LOW, HIGH, strict=True))
METHODS = ["lbfgs", "bfgs", "newton", "newton-cg", "gradient-descent", "adam"]


@njit
def rosenbrock_product(x, v):
    return rosenbrock_hessian(x) @ v


EXTRA = {
    "newton": {"hess": rosenbrock_hessian},
    "newton-cg": {"hessp": rosenbrock_product},
    "adam": {"lr": 0.01, "maxiter": 4000},
}
SECOND = ["lbfgs", "bfgs", "newton", "newton-cg"]
each_method = pytest.mark.parametrize("method", METHODS)


def projected(x, g, low=LOW, high=HIGH):
    """Return the norm of the projected gradient.

    It is the largest |g_i|, or √(r_i |g_i|) where the distance r_i to the bound along −g_i is less
    than |g_i|.
    """
    room, size = np.where(g > 0.0, x - low, high - x), np.abs(g)
    return np.where(room < size, np.sqrt(np.minimum(room, size)) * np.sqrt(size), size).max()


def solve(method="lbfgs", x0=X0, bounds=BOX, jac=True, fun=rosenbrock_joint, **keywords):
    return minimize(fun, x0, method=method, jac=jac, bounds=bounds, **{**EXTRA.get(method, {}), **keywords})


def the_same(a, b):
    assert a.x.tobytes() == b.x.tobytes() and a.fun == b.fun
    assert (a.nit, a.nfev, a.njev, a.success) == (b.nit, b.nfev, b.njev, b.success)


class Watched:
    """A Python objective that records where it was evaluated."""

    def __init__(self, function):
        self.function, self.points = function, []

    def __call__(self, x):
        self.points.append(x.copy())
        return self.function(x)

    def inside(self, low=LOW, high=HIGH):
        points = np.array(self.points)
        return bool(np.all((low <= points) & (points <= high)))


class TestReading:
    @pytest.mark.parametrize(
        "bounds",
        [
            [(0, None), (None, 1)],
            ((0.0, np.inf), (-np.inf, 1.0)),
            [[0, None], [None, 1]],
            np.array([[0, np.inf], [-np.inf, 1]]),
            Bounds([0, -np.inf], [np.inf, 1]),
            zip([0, None], [None, 1], strict=True),
        ],
    )
    def test_every_spelling(self, bounds):
        low, high = read_bounds(bounds, 2)
        assert low.tolist() == [0.0, -np.inf] and high.tolist() == [np.inf, 1.0]

    def test_numbers_hold_for_all_variables(self):
        low, high = read_bounds(Bounds(-1, [2, 3, 4]), 3)
        assert low.tolist() == [-1.0] * 3 and high.tolist() == [2.0, 3.0, 4.0]

    @pytest.mark.parametrize("bounds", [None, [(None, None)] * 2, [(-np.inf, np.inf)] * 2, Bounds()])
    def test_what_confines_nothing_is_nothing(self, bounds):
        assert read_bounds(bounds, 2) is None

    @pytest.mark.parametrize("bounds", [[(0, 1)], [(0, 1)] * 3, [], Bounds([0, 0, 0], [1, 1, 1])])
    def test_wrong_number(self, bounds):
        with pytest.raises(ValueError, match="The number of bounds is not compatible with the length of `x0`."):
            minimize(rosenbrock_joint, [0.0, 0.0], jac=True, bounds=bounds)

    @pytest.mark.parametrize("bounds", [[(0, 1), (1, 0)], Bounds([0, 1], [1, 0])])
    def test_crossed(self, bounds):
        with pytest.raises(ValueError, match=r"An upper bound is less than the corresponding lower bound. Variable 1"):
            minimize(rosenbrock_joint, [0.0, 0.0], jac=True, bounds=bounds)

    @pytest.mark.parametrize(
        "bounds, error, message",
        [
            ([(0, 1), (np.nan, 1)], ValueError, "lower bound of variable 1 is NaN"),
            ([(0, np.nan), (0, 1)], ValueError, "upper bound of variable 0 is NaN"),
            ([(0, 1), (np.inf, np.inf)], ValueError, "variable 1 leave no number"),
            ([(0, 1), ("a", 1)], TypeError, "pairs of real numbers"),
            ([(0, 1), ("0", 1)], TypeError, "pairs of real numbers.*text is no number"),
            ([0, 1], TypeError, "pairs of real numbers"),
            ([(0, 1), (0, 1, 2)], TypeError, "pairs of real numbers"),
            ([(0, 1), (0, 1j)], TypeError, "pairs of real numbers"),
            (3, TypeError, "pairs of real numbers"),
        ],
    )
    def test_what_is_no_bound(self, bounds, error, message):
        with pytest.raises(error, match=message):
            minimize(rosenbrock_joint, [0.0, 0.0], jac=True, bounds=bounds)

    def test_nothing_of_the_users_is_changed_or_kept(self):
        x0, low, high = X0 + 5.0, LOW.copy(), HIGH.copy()
        bounds = Bounds(low, high)
        res = solve(x0=x0, bounds=bounds)
        assert x0.tolist() == (X0 + 5.0).tolist() and low.tolist() == LOW.tolist() and high.tolist() == HIGH.tolist()
        assert not np.shares_memory(res.checkpoint.state.memory.low, low)
        low[:] = high[:] = 0.0
        the_same(minimize(rosenbrock_joint, None, jac=True, checkpoint=res.checkpoint, bounds=BOX, gtol=1.0), res)


class TestMethods:
    @each_method
    def test_optimality(self, method):
        res = solve(method)
        theirs = scipy.optimize.minimize(rosenbrock_joint, X0, jac=True, method="L-BFGS-B", bounds=BOX, tol=1e-12)
        assert res.success and res.status is Status.GRADIENT
        assert res.fun == pytest.approx(theirs.fun, rel=1e-8)
        assert res.optimality == projected(res.x, res.jac) <= 1e-5
        assert np.array_equal(res.jac, rosenbrock_gradient(res.x)) and res.x[2] == 0.3

    @each_method
    def test_no_point_is_evaluated_outside(self, method):
        fun = Watched(rosenbrock_joint)
        res = solve(method, fun=fun, maxiter=100)
        assert fun.inside() and len(fun.points) == res.nfev

    @each_method
    def test_a_start_outside_is_put_inside(self, method):
        far = X0 + 100.0 * np.array([1.0, 1.0, -1.0, -1.0, 1.0])
        the_same(solve(method, x0=far), solve(method, x0=np.clip(far, LOW, HIGH)))

    @each_method
    def test_infinite_bounds_are_none_at_all(self, method):
        the_same(solve(method, bounds=[(None, None)] * 5), solve(method, bounds=None))

    @each_method
    def test_bounds_that_are_not_met_change_nothing_but_rounding(self, method):
        free, wide = solve(method, bounds=None), solve(method, bounds=[(-1e3, 1e3)] * 5)
        assert wide.success == free.success and wide.x == pytest.approx(free.x, abs=1e-3)

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs", "gradient-descent"])
    @pytest.mark.parametrize("size", [1e16, 1e18, 1e100])
    def test_the_first_trial_moves_x_however_large_it_is(self, method, size):
        """The first step is at least √ε ‖x‖, with bounds and without.

        A step of length 1 does not change |x| >= 2⁵³.
        """
        for bounds in None, [(None, 1e300)] * 2:
            points = []

            def fun(x, points=points):
                points.append(x.copy())
                return 0.5 * np.sum((x / size) ** 2)

            minimize(fun, [size, size], jac=lambda x: x / size / size, method=method, bounds=bounds, gtol=0.0, maxfun=2)
            assert np.all(points[1] != points[0]) and fun(points[1]) < fun(points[0])

    @each_method
    @pytest.mark.parametrize("jac", [True, rosenbrock_gradient, "3-point", None])
    def test_all_fixed(self, method, jac):
        fun = Watched(rosenbrock_joint if jac is True else rosenbrock)
        res = solve(method, fun=fun, jac=jac, bounds=[(0.5, 0.5)] * 5)
        assert res.success and res.nfev == len(fun.points) == 1 and res.nit == 0 and res.x.tolist() == [0.5] * 5
        assert res.message == "All independent variables were fixed by bounds."

    def test_method_none_is_lbfgs(self):
        assert isinstance(solve(None).checkpoint.method.inner, LBFGS)

    @pytest.mark.parametrize("line_search", ["more-thuente", "strong-wolfe", "hager-zhang", "armijo"])
    @pytest.mark.parametrize("method", ["lbfgs", pytest.param("bfgs", marks=pytest.mark.slow)])
    def test_line_searches(self, method, line_search):
        fun = Watched(rosenbrock_joint)
        assert solve(method, fun=fun, line_search=line_search).fun == pytest.approx(solve().fun, rel=1e-8)
        assert fun.inside()

    def test_fixed_step(self):
        fun = Watched(lambda x: (x @ x, 2.0 * x))
        keywords = {"method": "gradient-descent", "line_search": "fixed", "alpha": 0.3}
        res = minimize(fun, [3.0, 4.0], jac=True, bounds=[(1, 5)] * 2, **keywords)
        assert res.success and res.x.tolist() == [1.0, 1.0] and fun.inside(1.0, 5.0)

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs", "newton", "newton-cg", "gradient-descent"])
    def test_a_fall_to_the_end_of_the_box(self, method):
        """f falls along the whole way: the minimum is the corner, and no run is called unbounded.
        """

        def fun(x):
            return -1e6 * x.sum(), np.full(x.size, -1e6)

        flat = {"newton": {"hess": lambda x: np.zeros((3, 3))}, "newton-cg": {"hessp": lambda x, v: 0.0 * v}}
        keywords = flat.get(method, {})
        box = [(None, 1e8), (-1, 2), (0, 3)]
        res = minimize(fun, np.zeros(3), jac=True, method=method, bounds=box, **keywords)
        assert res.success and res.x.tolist() == [1e8, 2.0, 3.0]

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs", "gradient-descent"])
    def test_unbounded_in_a_half_open_box(self, method):
        def fun(x):
            return x[0] ** 3 + x[1] ** 2, np.array([3.0 * x[0] ** 2, 2.0 * x[1]])

        res = minimize(fun, [-1.0, 3.0], jac=True, method=method, bounds=[(None, 5), (1, None)])
        assert not res.success and res.status is Status.UNBOUNDED

    def test_damping_is_refused(self):
        with pytest.raises(ValueError, match="damping"):
            solve("lbfgs", damping=True)

    @pytest.mark.parametrize("method", ["newton", "newton-cg"])
    def test_a_maximum_in_the_box_is_no_minimum(self, method):
        def fun(x):
            return -x @ x, -2.0 * x

        hess = {"newton": {"hess": lambda x: -2.0 * np.eye(2)}, "newton-cg": {"hessp": lambda x, v: -2.0 * v}}
        keywords = {"method": method, **hess[method]}
        res = minimize(fun, [0.0, 0.0], jac=True, bounds=[(0, 1), (-1, 2)], **keywords)
        assert res.success and res.x.tolist() in ([1.0, 2.0], [1.0, -1.0])
        assert res.x.tolist() == [1.0, 2.0] or method == "newton-cg"

    @pytest.mark.parametrize("method", ["newton", "newton-cg"])
    def test_a_saddle_in_held_variables_is_a_minimum(self, method):
        def fun(x):
            return x[0] ** 2 - x[1] ** 2 + 3.0 * x[1], np.array([2.0 * x[0], 3.0 - 2.0 * x[1]])

        hess = {
            "newton": {"hess": lambda x: np.diag([2.0, -2.0])},
            "newton-cg": {"hessp": lambda x, v: np.array([2.0, -2.0]) * v},
        }
        keywords = {"method": method, **hess[method]}
        res = minimize(fun, [1.0, 0.2], jac=True, bounds=[(-1, 1), (0, 1)], **keywords)
        assert res.success and res.x == pytest.approx([0.0, 0.0], abs=1e-8)


    @pytest.mark.parametrize("method", ["newton", "newton-cg"])
    @pytest.mark.parametrize("most", [100])
    def test_a_valley_that_bends_away_from_a_bound(self, method, most):
        """Projected steps leave the bottom of a valley that bends away from a bound.

        Without truncation (`projection.project_or_truncate`) this takes thousands of iterations.
        """
        problem = problems.boxed_watson()
        second = {"newton": {"hess": problem.hess}, "newton-cg": {"hessp": lambda x, v: problem.hess(x) @ v}}
        res = minimize(
            problem.fun, problem.x0, jac=problem.jac, method=method, bounds=problem.bounds, gtol=1e-8, **second[method]
        )
        assert res.success and res.fun == pytest.approx(problem.fmin, rel=1e-6) and res.nfev <= most


class TestDifferences:
    @pytest.mark.parametrize("jac", [rosenbrock_gradient, "auto", "3-point"])
    def test_products_stay_inside(self, jac):
        gradient = Watched(rosenbrock_gradient)
        fun = Watched(rosenbrock)
        if jac is rosenbrock_gradient:
            res = solve("newton-cg", fun=fun, jac=gradient, hessp=None)
            assert gradient.inside() and len(gradient.points) == res.njev
        elif jac == "auto":
            res = solve("newton-cg", fun=rosenbrock, jac=jac, hessp=None)
        else:
            res = solve("newton-cg", fun=fun, jac=jac, hessp=None)
        assert fun.inside() if fun.points else jac == "auto"
        assert res.success and res.fun == pytest.approx(solve().fun, rel=1e-6)
        assert np.all((LOW <= res.x) & (res.x <= HIGH))

    def test_products_beside_a_bound(self):
        """One-sided differences at displaced points use the value there: as many products."""
        powers = lambda x: 10.0 * (x[0] + 3.0) ** 2 + 0.5 * (x[0] + 3.0) ** 4
        fun, products = Watched(lambda x: powers(x) + 4.0 * (x[1] - 1.0) ** 2 + 7.0 * (x[2] - 2.0) ** 2), []
        for room in (1e-8, 1.0):
            fun.points.clear()
            bounds = [(-10.0, 10.0), (0.0, 1.0 + room), (0.0, 2.0 + room)]
            res = minimize(fun, [5.0, 1.0, 2.0], method="newton-cg", bounds=bounds, gtol=1e-6)
            assert res.success and res.jac_mode == "3-point" and res.nfev == len(fun.points)
            products.append(res.nhev)
        assert products[0] == products[1]

    @pytest.mark.parametrize("jac", ["2-point", "3-point", "cs"])
    def test_gradients_stay_inside(self, jac):
        fun = Watched(rosenbrock.py_func)
        res = solve(fun=fun, jac=jac)
        assert res.success and res.fun == pytest.approx(solve().fun, rel=1e-6)
        points = np.real(fun.points)
        assert np.all((LOW <= points) & (points <= HIGH)) and len(points) == res.nfev

    @pytest.mark.parametrize("scheme", ["2-point", "3-point"])
    def test_steps_fit_into_narrow_boxes(self, scheme):
        low, high = np.array([0.0, 1.0, -3.0]), np.array([1e-9, 1.0, -3.0 + 1e-7])

        def value(x):
            return float(x @ x + x.sum())

        fun = Watched(value)
        res = minimize(fun, [5.0, 5.0, 5.0], jac=scheme, bounds=Bounds(low, high), maxiter=0)
        assert fun.inside(low, high) and len(fun.points) == res.nfev == 1 + 2 * (1 if scheme == "2-point" else 2)
        assert res.jac == pytest.approx([1.0, 0.0, -5.0], abs=1e-5)

    @pytest.mark.parametrize("at", [0.0, 1.0, 0.5])
    def test_central_differences_keep_their_order_at_bounds(self, at):
        res = minimize(lambda x: np.exp(x).sum(), [at], jac="3-point", bounds=[(0, 1)], maxiter=0)
        assert res.jac == pytest.approx(np.exp([at]), abs=1e-9)

    @pytest.mark.parametrize("jac", [rosenbrock_gradient, None])
    @pytest.mark.parametrize("hess", ["2-point", "3-point"])
    def test_hessians_stay_inside(self, jac, hess):
        fun, gradient = Watched(rosenbrock), Watched(rosenbrock_gradient)
        res = minimize(fun, X0, jac=jac and gradient, hess=hess, method="newton", bounds=BOX)
        assert fun.inside() and (jac is None or gradient.inside())
        assert len(fun.points) == res.nfev and (jac is None or len(gradient.points) == res.njev)
        assert res.fun == pytest.approx(solve().fun, rel=1e-6)
        exact = rosenbrock_hessian(res.x)
        exact[2, 2] = 0.0  # No difference shows the curvature of the fixed variable.
        if jac is None:
            exact[2, :] = exact[:, 2] = 0.0
        assert res.hess == pytest.approx(exact, abs=1e-2 * np.abs(exact).max())


class TestDoors:
    @each_method
    def test_python_and_compiled_and_inside(self, method):
        compiled, python = solve(method), solve(method, fun=rosenbrock_joint.py_func)
        assert python.x == pytest.approx(compiled.x, abs=1e-4) and python.success
        found = INSIDE[method](X0, LOW, HIGH)
        the_same(found, compiled)
        assert found.optimality == compiled.optimality and np.array_equal(found.jac, compiled.jac)

    @pytest.mark.parametrize("scheme", ["2-point", "3-point"])
    def test_differences_inside(self, scheme):
        function = {"2-point": two_point, "3-point": three_point}[scheme]
        the_same(function(X0, LOW, HIGH), solve(fun=rosenbrock, jac=scheme))

    def test_none_inside_is_no_bounds(self):
        the_same(without(X0), solve("auto", bounds=None))

    def test_mistakes_inside(self):
        with pytest.raises(ValueError, match="The number of bounds"):
            INSIDE["lbfgs"](X0, LOW[1:], HIGH)
        with pytest.raises(ValueError, match="An upper bound is less"):
            INSIDE["lbfgs"](X0, HIGH, LOW)
        with pytest.raises(Exception, match="`bounds` must be a pair of vectors"):
            wrongly(X0)

    @each_method
    def test_batch_is_the_single_solves(self, method):
        starts = X0 + np.linspace(-1.0, 1.0, 6)[:, None]
        keywords = EXTRA.get(method, {})
        batch = minimize_batch(rosenbrock_joint, starts, jac=True, method=method, bounds=BOX, **keywords)
        for i, start in enumerate(starts):
            row, single = batch.row(i), solve(method, x0=start)
            the_same(row, single)
            assert row.optimality == single.optimality

    @pytest.mark.slow
    def test_batch_in_lockstep(self):
        starts = X0 + np.linspace(-1.0, 1.0, 6)[:, None]

        def together(X, index):
            assert np.all((LOW <= X) & (X <= HIGH))
            F, G = zip(*(rosenbrock_joint(x) for x in X), strict=True)
            return np.array(F), np.array(G)

        batch = minimize_batch(together, starts, vectorized=True, bounds=BOX, gtol=1e-5)
        for i, start in enumerate(starts):
            the_same(batch.row(i), solve(x0=start, gtol=1e-5))

    def test_multistart(self):
        res = minimize_multistart(rosenbrock_joint, X0 + np.linspace(-1.0, 1.0, 6)[:, None], jac=True, bounds=BOX)
        assert res.fun <= solve().fun + 1e-8 and np.all((res.minima >= LOW) & (res.minima <= HIGH))

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs", "adam"])
    def test_ask_and_tell_over_a_file(self, method, tmp_path):
        keywords = {"gtol": 1e-5} | EXTRA.get(method, {})
        solver = Solver(X0 + 3.0, method=method, bounds=BOX, **keywords)
        for _ in range(12):
            solver.tell(*rosenbrock_joint(solver.ask()))
        solver.save(tmp_path / "run.npz")
        solver = Solver.load(tmp_path / "run.npz")
        while not solver.done:
            solver.tell(*rosenbrock_joint(solver.ask()))
        the_same(solver.result, solve(method, x0=X0 + 3.0, **keywords))

    def test_ask_and_tell_with_products_over_a_file(self, tmp_path):
        solver, wanted = Solver(X0, method="newton-cg", bounds=BOX), set()
        for turn in range(10_000):
            if solver.done:
                break
            if turn % 7 == 3:
                solver.save(tmp_path / "run.npz")
                solver = Solver.load(tmp_path / "run.npz")
            x = solver.ask()
            assert np.all((LOW <= x) & (x <= HIGH))
            wanted.add(solver.wants)
            if solver.wants == ("product",):
                solver.tell(product=rosenbrock_product(x, solver.vector))
            else:
                solver.tell(*rosenbrock_joint(x))
        assert ("product",) in wanted
        the_same(solver.result, solve("newton-cg"))

    @each_method
    def test_a_run_goes_on_from_a_file(self, method, tmp_path):
        solve(method, maxiter=7).checkpoint.save(tmp_path / "at.npz")
        state = Checkpoint.load(tmp_path / "at.npz")
        the_same(solve(method, x0=None, checkpoint=state), solve(method))

    @pytest.mark.parametrize("method", ["lbfgs", "adam"])
    @pytest.mark.parametrize("bounds", [None, [(-3, 3)] * 5])
    def test_a_run_does_not_go_on_in_another_box(self, method, bounds):
        with pytest.raises(ValueError, match="the checkpoint is that of a run with"):
            solve(method, x0=None, checkpoint=solve(method, maxiter=3).checkpoint, bounds=bounds)

    @pytest.mark.parametrize("method", ["lbfgs", "adam"])
    def test_a_free_run_does_not_go_on_in_a_box(self, method):
        with pytest.raises(ValueError, match="the checkpoint is that of a run with"):
            solve(method, x0=None, checkpoint=solve(method, bounds=None, maxiter=3).checkpoint)

    def test_an_interrupted_run_has_its_best_point_inside(self):
        def fun(x):
            if len(points) == 15:
                raise RuntimeError("enough")
            points.append(x.copy())
            return rosenbrock_joint(x)

        points = []
        with pytest.raises(RuntimeError, match="enough") as caught:
            solve(fun=fun)
        res = caught.value.result
        assert any(np.array_equal(res.x, point) for point in points)

    def test_the_diagnosis_stays_inside(self):
        def wrong(x):
            f, g = rosenbrock_joint(x)
            return f, -g

        fun = Watched(wrong)
        res = solve(fun=fun, x0=np.clip(X0, LOW, HIGH))
        assert not res.success and "disagrees" in res.message and fun.inside() and len(fun.points) == res.nfev


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 12), method=st.sampled_from(SECOND))
def test_random_convex_quadratics(seed, n, method):
    rng = np.random.default_rng(seed)
    A, b = spd(rng, n, 10.0 ** rng.uniform(0.0, 4.0)), rng.standard_normal(n)
    low, high = np.sort(rng.standard_normal((2, n)), axis=0)
    low[rng.random(n) < 0.3], high[rng.random(n) < 0.3] = -np.inf, np.inf
    fixed = rng.random(n) < 0.1
    low[fixed] = high[fixed] = 0.25

    def fun(x):
        return 0.5 * x @ A @ x - b @ x, A @ x - b

    keywords = {"newton": {"hess": lambda x: A}, "newton-cg": {"hessp": lambda x, v: A @ v}}.get(method, {})
    box = Bounds(low, high)
    res = minimize(fun, rng.standard_normal(n), jac=True, method=method, bounds=box, gtol=1e-9, **keywords)
    assert res.success and res.optimality <= 1e-7
    assert res.optimality == pytest.approx(projected(res.x, res.jac, low, high), rel=1e-9, abs=1e-14)
    # f is convex, so these conditions make x a global minimum.
    theirs = scipy.optimize.minimize(fun, res.x, jac=True, method="L-BFGS-B", bounds=box, tol=1e-14)
    assert res.fun <= theirs.fun + 1e-9 * max(1.0, abs(theirs.fun))


@njit
def lbfgs_inside(x, low, high):
    return minimize(rosenbrock_joint, x, jac=True, bounds=(low, high))


@njit
def bfgs_inside(x, low, high):
    return minimize(rosenbrock_joint, x, jac=True, method="bfgs", bounds=(low, high))


@njit
def newton_inside(x, low, high):
    return minimize(rosenbrock_joint, x, jac=True, hess=rosenbrock_hessian, method="newton", bounds=(low, high))


@njit
def newton_cg_inside(x, low, high):
    return minimize(
        rosenbrock_joint, x, jac=True, hessp=rosenbrock_product, method="newton-cg", bounds=(low, high)
    )


@njit
def gradient_inside(x, low, high):
    return minimize(rosenbrock_joint, x, jac=True, method="gradient-descent", bounds=(low, high))


@njit
def adam_inside(x, low, high):
    return minimize(rosenbrock_joint, x, jac=True, method="adam", lr=0.01, maxiter=4000, bounds=(low, high))


FUNCTIONS = [lbfgs_inside, bfgs_inside, newton_inside, newton_cg_inside, gradient_inside, adam_inside]
INSIDE = dict(zip(METHODS, FUNCTIONS, strict=True))


@njit
def two_point(x, low, high):
    return minimize(rosenbrock, x, jac="2-point", bounds=(low, high))


@njit
def three_point(x, low, high):
    return minimize(rosenbrock, x, jac="3-point", bounds=(low, high))


@njit
def without(x):
    return minimize(rosenbrock_joint, x, jac=True, bounds=None)


@njit
def wrongly(x):
    return minimize(rosenbrock_joint, x, jac=True, bounds=x)
