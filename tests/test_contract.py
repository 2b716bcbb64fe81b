"""What users of `scipy.optimize.minimize` may expect, item by item.

Covers: _api/minimize.py, _options/read.py, _drivers/{initialize,run,finalize}.py, result.py.
"""

import numpy as np
import pytest
import scipy.sparse
from objectives import Counted, rosenbrock, rosenbrock_gradient, rosenbrock_hessian, rosenbrock_joint
from scipy.optimize import OptimizeWarning
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from quasinewton import OptimizeResult, Status, minimize
from quasinewton._options.read import read, with_limits

X0 = [-1.2, 1.0]
METHODS = ["lbfgs", "bfgs", "newton"]
each_method = pytest.mark.parametrize("method", METHODS)


def bowl(x):
    return float(np.sum((x - 3.0) ** 2))


def bowl_gradient(x):
    return 2.0 * (x - 3.0)


def solve(method="bfgs", fun=rosenbrock.py_func, jac=rosenbrock_gradient, **keywords):
    hess = rosenbrock_hessian if method == "newton" else None
    return minimize(fun, X0, method=method, jac=jac, hess=hess, **keywords)


class TestInputs:
    @pytest.mark.parametrize(
        "x0", [17, 17.0, [5], (5,), np.array(5), np.array([5], dtype=np.int32), np.float32(2), True]
    )
    def test_x0_is_promoted_to_a_float_vector(self, x0):
        for method in "lbfgs", "bfgs":
            res = minimize(bowl, x0, method=method, jac=bowl_gradient)
            assert res.x.shape == (1,) and res.x.dtype == np.float64 and res.x == pytest.approx([3.0], abs=1e-5)

    def test_integer_list(self):
        assert minimize(bowl, [5, 5]).x == pytest.approx([3.0, 3.0], abs=1e-5)

    def test_ndim_error(self):
        with pytest.raises(ValueError, match="'x0' must only have one dimension."):
            minimize(bowl, np.ones((2, 2)))

    def test_args_that_are_no_tuple_are_one_argument(self):
        for args in 3.0, (3.0,), np.array(3.0):
            assert minimize(lambda x, c: np.sum((x - c) ** 2), [0.0], args).x == pytest.approx([3.0], abs=1e-5)

    def test_args_reach_every_function(self):
        seen = {}

        def remember(name, value):
            def function(x, a, b):
                seen[name] = a, b
                return value(x)

            return function

        minimize(
            remember("fun", bowl),
            X0,
            ("a", {"b": 1}),
            "newton",
            remember("jac", bowl_gradient),
            remember("hess", lambda x: 2 * np.eye(2)),
        )
        assert seen == dict.fromkeys(["fun", "jac", "hess"], ("a", {"b": 1}))

    def test_caller_keeps_what_he_passed(self):
        x0, options, bounds = np.array(X0), {"maxiter": 3, "gtol": 1e-3}, [(None, None), (None, None)]
        minimize(rosenbrock, x0, method="lbfgs", jac=rosenbrock_gradient, options=options, bounds=bounds)
        assert x0.tolist() == X0 and options == {"maxiter": 3, "gtol": 1e-3} and bounds == [(None, None)] * 2

    def test_integer_x0_is_not_written_to(self):
        x0 = np.array([5, 5])
        minimize(bowl, x0, jac=bowl_gradient)
        assert x0.tolist() == [5, 5]

    @each_method
    def test_jac_true_evaluates_once_a_point(self, method):
        fun = Counted(rosenbrock_joint)
        res = solve(method, fun=fun, jac=True)
        assert res.success and fun.calls == res.nfev
        assert len({x.tobytes() for x in fun.points}) == fun.calls

    @each_method
    def test_no_point_is_evaluated_twice_in_a_row(self, method):
        fun, jac = Counted(rosenbrock), Counted(rosenbrock_gradient)
        solve(method, fun=fun, jac=jac)
        for points in fun.points, jac.points:
            assert not np.any(np.all(np.diff(points, axis=0) == 0.0, axis=1))

    def test_unknown_options_are_warned_of(self):
        with pytest.warns(OptimizeWarning, match="Unknown solver options: first, second"):
            res = solve(options={"first": 1, "second": 2})
        assert res.success

    @pytest.mark.parametrize("method", ["lbfgs", "newton", "newton-cg", "gradient-descent"])
    def test_a_matrix_for_bfgs_is_unknown_to_other_methods(self, method):
        with pytest.warns(OptimizeWarning, match="Unknown solver options: hess_inv0"):
            solve(method, options={"hess_inv0": np.eye(2), "maxiter": 0})

    @pytest.mark.parametrize("method", ["BFGS", "bfgs", "Bfgs", "L-BFGS-B", "l-bfgs-b", "lbfgs", "NEWTON"])
    def test_methods_in_any_case(self, method):
        assert solve(method).success

    @pytest.mark.parametrize("shape", [lambda f: f, np.array, lambda f: np.array([f]), lambda f: [[f]], np.float64])
    @each_method
    def test_value_is_a_number_in_any_shape(self, method, shape):
        assert type(solve(method, fun=lambda x: shape(rosenbrock(x))).fun) is float

    @pytest.mark.parametrize("value", [np.ones(2), [], None, "1", 1j, {}], ids=repr)
    @each_method
    def test_value_is_nothing_but_a_number(self, method, value):
        with pytest.raises(ValueError, match="The user-provided objective function must return a scalar value."):
            solve(method, fun=lambda x: value)

    @pytest.mark.parametrize("jac", [rosenbrock_gradient, None, True])
    @each_method
    def test_functions_may_overwrite_x(self, method, jac):
        def spoiling(function):
            def spoil(x):
                value = function(x)
                x[:] = np.nan
                return value

            return spoil

        fun = rosenbrock_joint if jac is True else rosenbrock.py_func
        spoilt = solve(method, fun=spoiling(fun), jac=spoiling(jac) if callable(jac) else jac)
        assert spoilt.success and np.array_equal(spoilt.x, solve(method, fun=fun, jac=jac).x)

    @pytest.mark.parametrize("jac", ["2-point", "3-point", "cs", False, None])
    def test_differences(self, jac):
        assert solve(jac=jac).x == pytest.approx([1.0, 1.0], abs=1e-4)

    def test_unknown_differences(self):
        with pytest.raises(ValueError, match="'4-point'"):
            solve(jac="4-point")

    @pytest.mark.parametrize("step", [1e-6, np.array([1e-6, 1e-7])], ids=["one", "each"])
    @pytest.mark.parametrize("name", ["eps", "finite_diff_rel_step"])
    def test_steps_of_differences(self, name, step):
        fun = Counted(rosenbrock.py_func)
        res = solve(fun=fun, jac=None, options={name: step})
        steps = np.max(np.abs(np.array(fun.points[1:3]) - X0), axis=0)
        expected = step if name == "eps" else step * np.abs(X0)
        assert steps == pytest.approx(np.broadcast_to(expected, 2), rel=1e-9) and fun.calls == res.nfev

    @pytest.mark.parametrize(
        "kind",
        [scipy.sparse.coo_matrix, scipy.sparse.csc_array, scipy.sparse.csr_matrix, aslinearoperator, np.ndarray.tolist],
        ids=lambda kind: kind.__name__,
    )
    def test_hessians_of_any_kind(self, kind):
        dense, other = (
            minimize(rosenbrock, X0, method="newton", jac=rosenbrock_gradient, hess=hess)
            for hess in (rosenbrock_hessian, lambda x: kind(rosenbrock_hessian(x)))
        )
        assert np.array_equal(dense.x, other.x)
        assert [dense[name] for name in ("nfev", "njev", "nhev")] == [other[name] for name in ("nfev", "njev", "nhev")]

    @pytest.mark.parametrize("hess", ["2-point", "3-point", None])
    def test_hessians_by_differences(self, hess):
        assert minimize(rosenbrock, X0, method="newton", jac=rosenbrock_gradient, hess=hess).success

    @pytest.mark.parametrize(
        "given, message",
        [
            ({"hess": rosenbrock_hessian}, r"Method bfgs does not use Hessian information \(hess\)."),
            ({"hessp": lambda x, p: p}, r"Method bfgs does not use Hessian-vector product information \(hessp\)."),
        ],
        ids=["hess", "hessp"],
    )
    def test_what_a_method_ignores_is_warned_of(self, given, message):
        with pytest.warns(RuntimeWarning, match=message):
            res = minimize(rosenbrock, X0, method="bfgs", jac=rosenbrock_gradient, **given)
        assert np.array_equal(res.x, solve("bfgs", fun=rosenbrock).x)

    @pytest.mark.parametrize("gradient", [np.ones(1), 1.0, np.ones(3), np.ones((2, 2))], ids=["1", "()", "3", "2, 2"])
    @each_method
    def test_a_gradient_of_another_length_is_refused(self, method, gradient):
        """SciPy broadcasts a gradient of length 1; here it is refused."""
        with pytest.raises(ValueError, match=r"the gradient must be real, of shape \(2,\)"):
            solve(method, jac=lambda x: gradient)

    def test_complex_start_is_refused(self):
        with pytest.raises(ValueError, match="'x0' must be real"):
            minimize(bowl, [1j, 2.0])

    def test_tolerance_that_is_not_a_number_is_refused(self):
        with pytest.raises(ValueError, match="got nan"):
            solve(tol=np.nan)

    @pytest.mark.parametrize("callback", ["print", 1, [print]])
    def test_a_callback_is_callable(self, callback):
        with pytest.raises(TypeError, match="callback must be callable, got"):
            solve(callback=callback)

    def test_method_none_is_bfgs(self):
        assert isinstance(minimize(bowl, [0.0], method=None).hess_inv, np.ndarray)

    def test_unknown_solver(self):
        with pytest.raises(ValueError, match="Unknown solver"):
            solve("no-such-method")


class TestResults:
    @each_method
    def test_attributes(self, method):
        res = solve(method)
        expected = {"x", "fun", "success", "status", "message", "nit", "nfev", "njev", "jac"}
        expected |= {"nhev", "hess"} if method == "newton" else {"hess_inv"}
        assert expected <= set(dir(res)) and expected <= set(res)
        assert isinstance(res, OptimizeResult) and type(res.fun) is float and type(res.success) is bool
        assert all(type(res[count]) is int for count in ("nit", "nfev", "njev")) and isinstance(res.message, str)

    def test_hess_inv_of_bfgs_is_an_array(self):
        assert solve("bfgs").hess_inv.shape == (2, 2)

    def test_hess_inv_of_lbfgs_is_an_operator(self):
        H = solve("lbfgs").hess_inv
        assert isinstance(H, LinearOperator) and H.todense().shape == H.shape == (2, 2)

    @pytest.mark.parametrize("jac", [rosenbrock_gradient, "3-point", None])
    @each_method
    def test_counts_are_those_of_calls(self, method, jac):
        fun = Counted(rosenbrock.py_func)
        jac = Counted(jac) if callable(jac) else jac
        res = solve(method, fun=fun, jac=jac)
        assert fun.calls == res.nfev and (not callable(jac) or jac.calls == res.njev)
        assert res.fun == rosenbrock.py_func(res.x)

    @each_method
    def test_success(self, method):
        res = solve(method)
        assert res.success is True and res.status == 0
        assert res.message.startswith("Optimization terminated successfully.")

    def test_failure(self):
        res = solve(options={"maxiter": 1})
        assert res.success is False and res.status == 1
        assert res.message.startswith("Maximum number of iterations has been exceeded. ")

    def test_nan(self):
        res = minimize(lambda x: np.nan, X0)
        assert res.success is False and res.status == 3 and "NaN result encountered." in res.message

    def test_precision_loss(self):
        res = minimize(rosenbrock, [-1.2, 1.0, 0.5, 2.0], method="bfgs", jac=rosenbrock_gradient, options={"gtol": 0.0})
        assert res.status == 2 and "precision loss" in res.message

    @each_method
    def test_return_all(self, method):
        res = solve(method, options={"return_all": True})
        assert isinstance(res.allvecs, list) and len(res.allvecs) == res.nit + 1
        assert res.allvecs[0].tolist() == X0 and np.array_equal(res.allvecs[-1], res.x)

    def test_disp_prints(self, capsys):
        res = solve(options={"disp": True})
        printed = capsys.readouterr().out
        for line in (
            res.message,
            f"Current function value: {res.fun:f}",
            f"Iterations: {res.nit}",
            f"Function evaluations: {res.nfev}",
            f"Gradient evaluations: {res.njev}",
        ):
            assert line in printed

    def test_disp_warns_of_failure(self):
        with pytest.warns(OptimizeWarning, match="Maximum number of iterations has been exceeded."):
            solve(options={"disp": True, "maxiter": 1})

    def test_silent_otherwise(self, capsys):
        solve(options={"disp": False})
        solve()
        assert capsys.readouterr() == ("", "")

    def test_no_increase(self):
        """From x0 = 2 the gradient, a constant −1, leads uphill for every step."""
        for method in "lbfgs", "bfgs":
            res = minimize(lambda x: (x - 1) ** 2, 2.0, method=method, jac=lambda x: -np.ones_like(x))
            assert res.fun <= 1.0 and res.success is False


class TestStopping:
    def test_defaults(self):
        """Defaults are SciPy's, except for ftol = 2.2e-9 and maxcor = 10 of L-BFGS-B.

        BFGS takes the limit of L-BFGS-B where that is more than its own, 200 n.
        """
        lbfgs, bfgs = (with_limits(read(method, 7, None, {}), 7, False) for method in ("l-bfgs-b", "bfgs"))
        assert lbfgs.limits.gtol == bfgs.limits.gtol == 1e-5 and lbfgs.limits.ftol == bfgs.limits.ftol == 0.0
        assert lbfgs.limits.maxiter == lbfgs.limits.maxfun == 15000 and bfgs.limits.maxiter == 15000
        assert with_limits(read("bfgs", 100, None, {}), 100, False).limits.maxiter == 200 * 100
        assert lbfgs.search.maxls == 20

    @pytest.mark.parametrize("value", [np.nan, np.inf], ids=repr)
    @each_method
    def test_values_that_are_not_finite_are_no_success(self, method, value):
        """A value that is not finite is no success, even with a gradient of zero."""
        res = solve(method, fun=lambda x: value, jac=np.zeros_like)
        assert res.success is False and res.status == 3

    @each_method
    def test_a_start_that_is_not_a_number(self, method):
        hess = rosenbrock_hessian if method == "newton" else None
        res = minimize(rosenbrock, [np.nan, 1.0], method=method, jac=rosenbrock_gradient, hess=hess)
        assert res.success is False and res.status == 3

    @pytest.mark.parametrize(
        "fun, jac", [(lambda x: -(x[0] ** 3), lambda x: -3 * x**2), (lambda x: x[0], np.ones_like)]
    )
    @each_method
    def test_unbounded_below_is_no_success(self, method, fun, jac):
        assert minimize(fun, [1.0], method=method, jac=jac).success is False

    @pytest.mark.parametrize("scale", [1e-50, 1.0, 1e50])
    @pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
    def test_scale_of_f(self, method, scale):
        fun = Counted(lambda x: scale * (x[0] - 1.0) ** 2)
        options = {"gtol": scale * 1e-8}
        res = minimize(fun, [-1.0], method=method, jac=lambda x: 2.0 * scale * (x - 1.0), options=options)
        assert res.success and res.nit <= 3 and abs(fun.points[1][0] + 1.0) <= 3.0

    @each_method
    def test_respect_maxiter(self, method):
        seen = []
        res = solve(method, options={"maxiter": 4}, callback=seen.append)
        assert res.nit == len(seen) == 4 and res.nfev >= 5

    @pytest.mark.parametrize("maxiter, nit", [(3.2, 4), (0, 0), (-1, 0)])
    def test_unusual_maxiter(self, maxiter, nit):
        res = solve(options={"maxiter": maxiter})
        assert res.nit == nit and res.status == 1

    @each_method
    def test_smaller_tol_gives_lower_f(self, method):
        values = [solve(method, tol=tol).fun for tol in (1e-1, 1e-4, 1e-9)]
        assert values[0] > values[1] > values[2]

    def test_option_wins_over_tol(self):
        assert solve(tol=1e-12, options={"gtol": 1e-1}).fun == solve(options={"gtol": 1e-1}).fun

    def test_ftol_tightens(self):
        values = [solve("lbfgs", options={"ftol": ftol, "gtol": 0.0}).fun for ftol in (1e-1, 1e-3, 1e-6, 1e-12)]
        assert values == sorted(values, reverse=True) and values[0] > values[-1]

    def test_maxfun_interruption_returns_the_best_point(self):
        fun = Counted(rosenbrock)
        res = solve("lbfgs", fun=fun, options={"maxfun": 10})
        assert res.status == 1 and res.fun == min(rosenbrock(x) for x in fun.points)

    def test_gh_2169(self):
        """The objective is 1.79769313e308, nearly the largest float, outside its domain."""

        def fun(x):
            return 1.79769313e308 if x[0] < 0 else x[0] + 1.0 / x[0]

        for method in "lbfgs", "bfgs":
            with np.errstate(over="ignore"):
                res = minimize(fun, [10.0], method=method)
            assert res.success and res.x == pytest.approx([1.0], rel=1e-4)

    @pytest.mark.parametrize("name", ["maxfev", "xrtol"])
    def test_scipys_other_names(self, name):
        res = solve(options={name: {"maxfev": 5, "xrtol": 1e-2}[name]})
        assert res.status is {"maxfev": Status.EVALUATIONS, "xrtol": Status.XTOL}[name]


class TestCallback:
    def test_positional(self):
        seen = []
        res = solve(callback=lambda xk: seen.append(xk))
        assert len(seen) == res.nit and np.array_equal(seen[-1], res.x) and isinstance(seen[0], np.ndarray)

    @pytest.mark.parametrize("keyword_only", [False, True])
    def test_intermediate_result(self, keyword_only):
        seen = []
        if keyword_only:

            def callback(*, intermediate_result):
                seen.append(intermediate_result)
        else:

            def callback(intermediate_result):
                seen.append(intermediate_result)

        res = solve(callback=callback)
        assert len(seen) == res.nit and [r.nit for r in seen] == list(range(1, res.nit + 1))
        assert all(r.fun == rosenbrock(r.x) and np.array_equal(r.jac, rosenbrock_gradient(r.x)) for r in seen)

    def test_object_that_is_called(self):
        class Watcher:
            best = np.inf

            def __call__(self, intermediate_result):
                self.best = intermediate_result.fun

        watcher = Watcher()
        assert solve(callback=watcher).fun == watcher.best

    @each_method
    def test_arrays_are_copies(self, method):
        seen, kept = [], []

        def callback(xk):
            seen.append(xk)
            kept.append(xk.copy())

        solve(method, callback=callback)
        assert np.array_equal(seen, kept)
        assert not any(np.shares_memory(a, b) for a, b in zip(seen, seen[1:], strict=False))

    @each_method
    def test_what_a_callback_writes_changes_nothing(self, method):
        def spoil(intermediate_result):
            intermediate_result.x[:] = np.nan
            intermediate_result.jac[:] = np.nan

        assert np.array_equal(solve(method, callback=spoil).x, solve(method).x)

    @each_method
    def test_stop_iteration(self, method):
        def callback(intermediate_result):
            if intermediate_result.nit == 3:
                raise StopIteration

        res, limited = solve(method, callback=callback), solve(method, options={"maxiter": 3})
        assert res.success is False and res.status == 99 and res.status is Status.CALLBACK
        assert res.message.startswith("`callback` raised `StopIteration`")
        assert np.array_equal(res.x, limited.x) and (res.fun, res.nit) == (limited.fun, limited.nit)

    def test_a_callback_without_a_signature(self):
        seen = []
        assert solve(callback=seen.append).nit == len(seen)
