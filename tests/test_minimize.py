"""`minimize`: names, options, limits, results, and objectives that misbehave.

Covers: _api/minimize.py, _options/{names,read}.py, _arguments/initial_values.py,
_drivers/{initialize,run,finalize,progress}.py.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from objectives import (
    Counted,
    quadratic,
    quadratic_gradient,
    rosenbrock,
    rosenbrock_gradient,
    rosenbrock_hessian,
    rosenbrock_inplace,
    spd,
)
from scipy.optimize import Bounds, OptimizeWarning

import quasinewton
from quasinewton import BFGS, LBFGS, HagerZhang, MoreThuente, Newton, Status, minimize

X0 = np.array([-1.2, 1.0])
METHODS = ["lbfgs", "bfgs", "newton", "gradient-descent"]
each_method = pytest.mark.parametrize("method", METHODS)


def solve(method="lbfgs", x0=X0, **options):
    hess = rosenbrock_hessian if method in ("newton", "Newton", Newton, Newton()) else None
    return minimize(rosenbrock, x0, method=method, jac=rosenbrock_gradient, hess=hess, options=options)


class TestNames:
    @pytest.mark.parametrize(
        "name, equivalent",
        [
            ("L-BFGS-B", "lbfgs"),
            ("l_bfgs", "lbfgs"),
            ("LBFGS", "lbfgs"),
            (LBFGS, "lbfgs"),
            (LBFGS(), "lbfgs"),
            ("BFGS", "bfgs"),
            (None, "bfgs"),
            (BFGS(), "bfgs"),
            ("Newton", "newton"),
            (Newton(), "newton"),
            ("Steepest-Descent", "gradient-descent"),
        ],
        ids=str,
    )
    def test_of_methods(self, name, equivalent):
        assert np.array_equal(solve(name, maxiter=5).x, solve(equivalent, maxiter=5).x)

    def test_of_searches(self):
        by_name = solve(line_search="hager-zhang", c1=0.2)
        assert np.array_equal(by_name.x, solve(line_search=HagerZhang(c1=0.2)).x)
        assert np.array_equal(solve(line_search=MoreThuente).x, solve().x)

    @pytest.mark.parametrize(
        "method, kind, message",
        [
            ("simplex", ValueError, "Unknown solver 'simplex'; known are .*bfgs"),
            (3, TypeError, "method must be a name or a method object"),
            (MoreThuente(), TypeError, "method must be a name or a method object"),
        ],
    )
    def test_unknown_method(self, method, kind, message):
        with pytest.raises(kind, match=message):
            solve(method)

    @pytest.mark.parametrize(
        "search, kind, message",
        [
            ("golden", ValueError, "unknown line search 'golden'; known are armijo, .*more-thuente"),
            (LBFGS(), TypeError, "line_search must be a name or a search object"),
        ],
    )
    def test_unknown_search(self, search, kind, message):
        with pytest.raises(kind, match=message):
            solve(line_search=search)


class TestOptions:
    def test_are_plain_keywords_too(self):
        by_keyword = minimize(rosenbrock, X0, jac=rosenbrock_gradient, maxiter=7, maxcor=3)
        assert np.array_equal(by_keyword.x, solve(maxiter=7, maxcor=3).x) and by_keyword.nit == 7

    def test_reach_the_method_object(self):
        assert solve(LBFGS(memory=7), maxcor=2, maxiter=10).hess_inv.n_corrs == 2
        assert solve(LBFGS(memory=7), maxiter=10).hess_inv.n_corrs == 7

    @pytest.mark.parametrize(
        "name, value, message",
        [
            ("gtol", math.nan, "gtol must be in"),
            ("gtol", "small", "gtol must be a real number, got 'small'"),
            ("maxiter", "many", "maxiter must be a number, got 'many'"),
            ("maxiter", math.nan, "maxiter"),
            ("time_limit", -1.0, "time_limit must be in"),
            ("c1", 0.7, r"c1 must be in \(0, 0.5\), got 0.7"),
            ("maxcor", 0, "must be at least 1"),
            ("f_target", math.nan, "f_target must be in"),
        ],
    )
    def test_illegal_value_is_named_before_anything_runs(self, name, value, message):
        fun = Counted(rosenbrock)
        with pytest.raises((ValueError, TypeError), match=message):
            minimize(fun, X0, options={name: value})
        assert fun.calls == 0

    @pytest.mark.parametrize(
        "H", [np.diag([1.0, -1.0]), np.array([[1.0, 2.0], [0.0, 1.0]]), np.eye(3), np.zeros((2, 2))]
    )
    def test_hess_inv0_must_be_positive_definite(self, H):
        with pytest.raises(ValueError, match="'hess_inv0' matrix isn't positive definite."):
            solve("bfgs", hess_inv0=H)

    def test_options_of_another_method_are_unknown(self):
        with pytest.warns(OptimizeWarning, match="Unknown solver options: maxcor, nonsense"):
            solve("bfgs", maxcor=5, nonsense=1)

    def test_settings_of_another_search_are_unknown(self):
        with pytest.warns(OptimizeWarning, match="Unknown solver options: c2"):
            solve(line_search="armijo", c2=0.5)


class TestLimits:
    @each_method
    @pytest.mark.parametrize("maxiter", [0, 1, 5])
    def test_maxiter(self, method, maxiter):
        res = solve(method, maxiter=maxiter)
        assert (res.nit, res.status, res.success) == (maxiter, Status.ITERATIONS, False)
        assert res.status == 1 and res.message.startswith("Maximum number of iterations has been exceeded. ")

    @each_method
    def test_more_iterations_continue_the_same_path(self, method):
        path = solve(method, maxiter=8, return_all=True).allvecs
        assert all(np.array_equal(solve(method, maxiter=k).x, path[k]) for k in range(9))

    @each_method
    @given(maxfun=st.integers(1, 30))
    def test_maxfun_returns_the_best_point(self, method, maxfun):
        fun = Counted(rosenbrock)
        hess = rosenbrock_hessian if method == "newton" else None
        res = minimize(fun, X0, method=method, jac=rosenbrock_gradient, hess=hess, options={"maxfun": maxfun})
        assert fun.calls == res.nfev <= maxfun + 1
        if res.status is Status.EVALUATIONS:
            assert res.fun == min(rosenbrock(x) for x in fun.points)

    def test_time_limit(self):
        res = minimize(lambda x, g: rosenbrock_inplace(x, g), X0, jac="inplace", options={"time_limit": 0.0})
        assert res.status is Status.TIME and res.success is False and res.nfev >= 1
        assert math.isfinite(res.fun)

    def test_f_target(self):
        res = solve(f_target=1.0)
        assert res.status is Status.TARGET and res.success and res.fun <= 1.0
        assert solve(f_target=1.0, maxiter=res.nit - 1).fun > 1.0

    def test_xtol(self):
        res = solve("bfgs", xtol=1e-3, gtol=0.0, return_all=True)
        assert res.status is Status.XTOL
        steps = np.abs(np.diff(res.allvecs, axis=0)).max(axis=1)
        sizes = np.maximum(1.0, np.abs(res.allvecs[1:]).max(axis=1))
        assert steps[-1] <= 1.001e-3 * sizes[-1] and np.all(steps[:-1] > 0.999e-3 * sizes[:-1])

    def test_ftol(self):
        res = solve(ftol=1e-4, gtol=0.0, history=True)
        assert res.status is Status.FTOL
        f = res.history.f
        small = -np.diff(f) <= 1e-4 * np.maximum(1.0, f[:-1])
        assert small[-1] and not small[:-1].any()

    def test_gtol(self):
        res = solve(gtol=1e-2, history=True)
        assert res.status is Status.GRADIENT
        assert res.history.g_norm[-1] <= 1e-2 < res.history.g_norm[:-1].min()

    def test_zero_gradient_at_the_start(self):
        res = minimize(rosenbrock, np.ones(3), jac=rosenbrock_gradient)
        assert (res.nit, res.nfev, res.success) == (0, 1, True)


class TestResult:
    @each_method
    def test_value_and_gradient_are_those_at_x(self, method):
        for maxiter in 3, 1000:
            res = solve(method, maxiter=maxiter)
            assert res.fun == rosenbrock(res.x) and np.array_equal(res.jac, rosenbrock_gradient(res.x))

    @each_method
    def test_counts_are_calls(self, method):
        fun, jac, hess = Counted(rosenbrock), Counted(rosenbrock_gradient), Counted(rosenbrock_hessian)
        res = minimize(
            fun, X0, method=method, jac=jac, hess=hess if method == "newton" else None, options={"maxiter": 100}
        )
        assert (fun.calls, jac.calls, hess.calls) == (res.nfev, res.njev, res.get("nhev", 0))

    @each_method
    def test_history_is_that_of_the_iterates(self, method):
        res = solve(method, maxiter=400, history=True, return_all=True)
        f, g_norm, alpha, nfev = res.history
        assert len(f) == len(res.allvecs) == res.nit + 1
        assert f.tolist() == [rosenbrock(x) for x in res.allvecs]
        assert g_norm.tolist() == [np.abs(rosenbrock_gradient(x)).max() for x in res.allvecs]
        assert alpha[0] == 0.0 and np.all(alpha[1:] > 0.0)
        assert nfev[0] == 1 and np.all(np.diff(nfev) >= 1) and nfev[-1] <= res.nfev

    def test_history_alone_is_the_same(self):
        """The history is recorded in compiled code, in blocks, if no callback is given."""
        options = {"maxiter": 600, "gtol": 0.0}
        alone, watched = (
            solve("gradient-descent", history=True, **options, **more) for more in ({}, {"return_all": True})
        )
        assert alone.nit == 600 and all(map(np.array_equal, alone.history, watched.history))

    def test_memory_is_not_shared_between_runs(self):
        first = solve("bfgs")
        kept = first.x.copy(), first.jac.copy(), first.hess_inv.copy()
        solve("bfgs", x0=np.array([5.0, -3.0]))
        assert all(map(np.array_equal, (first.x, first.jac, first.hess_inv), kept))

    @each_method
    def test_same_inputs_same_bits(self, method):
        assert np.array_equal(solve(method, maxiter=50).x, solve(method, maxiter=50).x)

    def test_tells_how_gradients_were_obtained(self):
        assert solve().jac_mode == "exact"
        assert minimize(rosenbrock, X0, jac="3-point").jac_mode == "3-point"
        assert minimize(rosenbrock, X0).jac_mode == "forward"
        assert minimize(rosenbrock.py_func, X0).jac_mode == "2-point"


class TestDifficulties:
    """The status is honest, and the best finite point is kept."""

    @each_method
    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    def test_not_finite_at_the_start(self, method, bad):
        res = minimize(lambda x: bad, X0, method=method, jac=lambda x: np.zeros(2), hess=None)
        assert res.status is Status.NONFINITE and res.status == 3 and res.success is False
        assert np.array_equal(res.x, X0)

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
    def test_not_finite_gradient_at_the_start(self, method):
        res = minimize(lambda x: x @ x, X0, method=method, jac=lambda x: np.array([math.nan, 1.0]))
        assert res.status is Status.NONFINITE and res.success is False

    @each_method
    def test_not_finite_from_the_third_call(self, method):
        calls = []

        def fun(x):
            calls.append(rosenbrock(x) if len(calls) < 2 else math.nan)
            return calls[-1]

        hess = rosenbrock_hessian if method == "newton" else None
        res = minimize(fun, X0, method=method, jac=rosenbrock_gradient, hess=hess)
        assert res.success is False and res.fun == min(calls[:2])
        assert res.fun == rosenbrock(res.x)

    def test_start_that_is_not_a_number(self):
        res = minimize(rosenbrock, [math.nan, 1.0], jac=rosenbrock_gradient)
        assert res.success is False and res.nfev == 1

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
    @pytest.mark.parametrize(
        "fun, jac",
        [
            (lambda x: -np.sum(x**3), lambda x: -3 * x**2),
            (lambda x: -np.sum(x), lambda x: -np.ones_like(x)),
            (lambda x: -np.exp(np.sum(x)), lambda x: -np.exp(np.sum(x)) * np.ones_like(x)),
        ],
        ids=["cubic", "linear", "exponential"],
    )
    def test_unbounded(self, method, fun, jac):
        with np.errstate(all="ignore"):
            res = minimize(fun, [1.0, 2.0], method=method, jac=jac)
        assert res.status is Status.UNBOUNDED and res.success is False
        assert np.all(np.isfinite(res.x)) and math.isfinite(res.fun)

    def test_minus_infinity_is_never_returned(self):
        res = minimize(lambda x: -math.inf if x[0] > 2 else -x[0], [0.0], jac=lambda x: -np.ones(1))
        assert res.status is Status.UNBOUNDED and math.isfinite(res.fun)

    @pytest.mark.parametrize("outside", [math.nan, math.inf, 1.8e308])
    def test_domain_with_an_edge(self, outside):
        """Minimise −log x + x, which is not finite for x <= 0.

        The first step from 10⁻³ leads far beyond the edge.
        """

        def fun(x):
            return x[0] - math.log(x[0]) if x[0] > 0 else outside

        for x0 in 1e-3, 100.0, 1e6:
            res = minimize(fun, [x0], jac=lambda x: 1.0 - 1.0 / x)
            assert res.success and res.x == pytest.approx([1.0], abs=1e-4)

    @each_method
    @given(wrong=st.lists(st.floats(-5.0, 5.0), min_size=2, max_size=2))
    def test_wrong_gradient_never_leads_up(self, method, wrong):
        fun = Counted(rosenbrock)
        res = minimize(
            fun,
            X0,
            method=method,
            jac=lambda x: np.array(wrong),
            hess=rosenbrock_hessian if method == "newton" else None,
            options={"maxiter": 20},
        )
        assert res.fun <= rosenbrock(X0) and res.fun == rosenbrock(res.x)

    def test_wrong_gradient_is_diagnosed(self):
        res = minimize(rosenbrock, X0, jac=lambda x: -rosenbrock_gradient(x))
        assert res.status is Status.LINE_SEARCH and res.success is False
        assert "gradient disagrees with f" in res.message and res.diagnosis["slope"] < 0.0

    def test_kink_is_diagnosed(self):
        res = minimize(lambda x: abs(x[0]) + 1.0, [0.0], jac=lambda x: np.ones(1))
        assert res.status is Status.LINE_SEARCH and "kink" in res.message

    def test_noise_is_diagnosed(self, rng):
        """The value depends on the time of day."""
        res = minimize(lambda x: 1.0 + rng.random(), [0.0, 0.0], jac=lambda x: np.ones(2))
        assert res.success is False
        if res.status is Status.LINE_SEARCH:
            assert "not reproducible" in res.message

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs", "newton"])
    def test_precision_limit_is_recognised(self, method):
        """With gtol = 0 only rounding ends a run; f = 3.7 at this local minimum."""
        res = solve(method, x0=np.array([-1.2, 1.0, 0.5, 2.0]), gtol=0.0)
        assert res.status is Status.PRECISION and res.success
        assert res.fun == pytest.approx(3.70142821) and np.abs(res.jac).max() <= 1e-6

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
    @pytest.mark.parametrize("offset", [1e3, -1e8, 1e12])
    def test_a_large_constant_hides_small_differences(self, method, offset):
        """Gradients stay exact where differences of f are rounding."""
        res = minimize(lambda x: offset + rosenbrock(x), X0, method=method, jac=rosenbrock_gradient)
        assert res.success is True
        assert res.x == pytest.approx(np.ones(2), abs=max(1e-4, 4e-8 * math.sqrt(abs(offset)) * 50))

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
    @pytest.mark.parametrize("scale", [1e-9, 1e-5, 1e5, 1e9])
    def test_extreme_scales_of_f(self, method, scale, rng):
        A, b = spd(rng, 3, 10.0), np.ones(3)
        res = minimize(
            quadratic, np.zeros(3), (scale * A, scale * b), method, quadratic_gradient, options={"gtol": 1e-6 * scale}
        )
        assert res.success and res.x == pytest.approx(np.linalg.solve(A, b), rel=1e-4)


class TestIgnoredInput:
    def test_hess(self):
        with pytest.warns(RuntimeWarning, match=r"Method lbfgs does not use Hessian information \(hess\)."):
            minimize(rosenbrock, X0, method="lbfgs", jac=rosenbrock_gradient, hess=rosenbrock_hessian)

    def test_hessp(self):
        with pytest.warns(RuntimeWarning, match=r"Method bfgs does not use Hessian-vector product information"):
            minimize(rosenbrock, X0, method="bfgs", jac=rosenbrock_gradient, hessp=lambda x, p: p)

    @pytest.mark.parametrize(
        "bounds", [[(None, None)] * 2, [(-np.inf, np.inf)] * 2, Bounds(-np.inf, np.inf), Bounds(), None]
    )
    def test_bounds_that_confine_nothing_are_welcome(self, bounds):
        assert minimize(rosenbrock, X0, jac=rosenbrock_gradient, bounds=bounds).success

    def test_empty_constraints_are_welcome(self):
        for nothing in (), [], None:
            assert minimize(rosenbrock, X0, jac=rosenbrock_gradient, constraints=nothing).success
        with pytest.raises(ValueError, match="cannot handle constraints"):
            minimize(rosenbrock, X0, method="lbfgs", constraints={"type": "eq", "fun": rosenbrock})


@pytest.mark.parametrize(
    "x0, message",
    [
        (np.zeros((2, 2)), "'x0' must only have one dimension."),
        ([], "must hold at least one number"),
        ([1j, 2.0], "'x0' must be real"),
    ],
)
def test_illegal_start(x0, message):
    with pytest.raises(ValueError, match=message):
        minimize(rosenbrock, x0)


def test_start_that_holds_no_numbers():
    with pytest.raises(TypeError, match="'x0' must hold real numbers"):
        minimize(rosenbrock, ["a", "b"])


def test_public_names_are_what_users_rely_on():
    names = {
        "minimize",
        "OptimizeResult",
        "Status",
        "Newton",
        "BFGS",
        "LBFGS",
        "GradientDescent",
        "StrongWolfe",
        "MoreThuente",
        "HagerZhang",
        "Armijo",
        "Fixed",
    }
    assert names <= set(quasinewton.__all__)
    assert all(getattr(quasinewton, name) for name in quasinewton.__all__)
