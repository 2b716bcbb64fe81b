"""Runs without a line search: one loop for all callers, every way to end, and what is refused.

Covers: _loops/first_order_loop.py, _methods/first_order/*, _options/read.py.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from objectives import Counted, rosenbrock, rosenbrock_gradient, rosenbrock_inplace, rosenbrock_joint

import quasinewton
from quasinewton import (
    SGD,
    SGDW,
    AdaDelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    Lion,
    Momentum,
    NAdam,
    Nesterov,
    RAdam,
    RMSprop,
    Status,
    minimize,
    schedules,
)
from quasinewton._loops import first_order_loop
from quasinewton._methods.first_order.base import FIRST_ORDER
from quasinewton._options.names import NAMES
from quasinewton._options.read import read, with_limits

X0 = np.array([-1.2, 1.0, 0.5])

# Every method once, with settings other than the defaults.
METHODS = [
    SGD(lr=2e-4, weight_decay=0.1),
    Momentum(lr=2e-4, momentum=0.8, dampening=0.1, weight_decay=0.1),
    Nesterov(lr=2e-4, momentum=0.8, weight_decay=0.1),
    SGDW(lr=2e-4, momentum=0.8, weight_decay=0.3),
    AdaGrad(lr=0.05, lr_decay=0.01, weight_decay=0.1, initial_accumulator_value=0.1, eps=1e-6),
    RMSprop(lr=3e-3, alpha=0.9, eps=1e-6, weight_decay=0.1, momentum=0.5, centered=True),
    AdaDelta(lr=2.0, rho=0.8, eps=1e-5, weight_decay=0.1),
    Adam(lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
    AdamW(lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.3, amsgrad=True),
    AMSGrad(lr=0.02, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.1, bias_correction=False),
    AdaMax(lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
    NAdam(lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1, momentum_decay=0.01),
    RAdam(lr=2e-3, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
    Lion(lr=0.01, betas=(0.8, 0.95), weight_decay=0.3),
]
each_method = pytest.mark.parametrize("method", METHODS, ids=lambda method: NAMES[type(method)])
SCHEDULE = schedules.exponential(0.97, warmup=3)


def run(method, x0=X0, fun=rosenbrock_inplace, jac="inplace", **options):
    return minimize(fun, x0, method=method, jac=jac, options={"gtol": -1.0, "maxiter": 40, **options})


def test_every_method_is_here_and_public():
    assert [type(method) for method in METHODS] == [*dict.fromkeys(type(method) for method in METHODS)]
    assert {type(method) for method in METHODS} == set(FIRST_ORDER)
    assert {kind.__name__ for kind in FIRST_ORDER} <= set(quasinewton.__all__)


@njit
def inside(x0, method, maxiter, schedule):
    """Run in compiled code."""
    return minimize(rosenbrock_inplace, x0, method=method, jac="inplace", maxiter=maxiter, gtol=-1.0, schedule=schedule)


@njit
def by_name(x0):
    """Run a method with its defaults."""
    return minimize(rosenbrock_inplace, x0, method="adam", jac="inplace", maxiter=10)


GLOBAL = AdamW(lr=0.03)


@njit
def by_global(x0):
    """Run a method that is a global object, by differences."""
    return minimize(rosenbrock, x0, method=GLOBAL, jac="2-point", maxiter=10)


class TestDoors:
    @each_method
    def test_same_bits_inside_compiled_code(self, method):
        found = inside(X0, method, 40, SCHEDULE)
        expected = run(method, schedule=SCHEDULE)
        assert np.array_equal(found.x, expected.x) and np.array_equal(found.jac, expected.jac)
        assert (found.fun, found.nit, found.nfev, found.njev) == (expected.fun, 40, 41, 41)
        assert not found.success and Status(found.status) is expected.status is Status.ITERATIONS
        assert not np.array_equal(found.x, run(method).x)

    def test_names_and_globals_inside_compiled_code(self):
        found = by_name(X0)
        assert np.array_equal(found.x, run("adam", gtol=1e-5, maxiter=10).x)
        found, expected = by_global(X0), minimize(rosenbrock, X0, method=GLOBAL, jac="2-point", options={"maxiter": 10})
        assert np.array_equal(found.x, expected.x) and found.nfev == expected.nfev == 11 * 4

    @each_method
    def test_same_bits_for_every_form_of_the_objective(self, method):
        """The objective is compiled or not, with the gradient joint or separate."""
        expected = run(method)
        for fun, jac in (
            (rosenbrock_inplace.py_func, "inplace"),
            (rosenbrock_joint, True),
            (lambda x: rosenbrock_joint(x), True),
            (rosenbrock, rosenbrock_gradient),
        ):
            found = run(method, fun=fun, jac=jac)
            assert np.array_equal(found.x, expected.x) and found.fun == expected.fun

    @each_method
    def test_same_bits_for_every_form_of_the_method(self, method):
        """The method is an object, a class, or a name in any case.

        All but the first have options, and the object may have them too.
        """
        expected = run(method).x
        kind, fields = type(method), method._asdict()
        for name in kind, NAMES[kind], kind.__name__, NAMES[kind].upper():
            assert np.array_equal(run(name, **fields).x, expected)
        assert np.array_equal(run(kind(), **fields).x, expected)
        assert np.array_equal(run(method, lr=0.0).x != X0, [False] * 3)

    def test_options_are_plain_keywords_too(self):
        found = minimize(rosenbrock_joint, X0, method="adam", jac=True, lr=0.05, betas=[0.8, 0.9], maxiter=7)
        assert np.array_equal(found.x, run(Adam(lr=0.05, betas=(0.8, 0.9)), maxiter=7).x)

    @each_method
    def test_same_inputs_same_bits(self, method):
        """No run leaves a trace in the next one."""
        first = run(method)
        kept = first.x.copy(), first.jac.copy()
        run(method, x0=-X0)
        assert np.array_equal(first.x, kept[0]) and np.array_equal(first.jac, kept[1])
        assert np.array_equal(run(method).x, first.x)

    @each_method
    def test_more_iterations_continue_the_same_path(self, method):
        path = run(method, maxiter=9, return_all=True).allvecs
        assert np.array_equal(path[0], X0) and len(path) == 10
        assert all(np.array_equal(run(method, maxiter=k).x, path[k]) for k in range(10))

    def test_start_is_not_changed(self):
        def greedy(x, g):
            f = rosenbrock_inplace(x, g)
            x[:] = math.nan
            return f

        start = X0.copy()
        found = run("adam", x0=start, fun=greedy)
        assert np.array_equal(start, X0) and np.array_equal(found.x, run("adam").x)
        inside(start, METHODS[0], 5, SCHEDULE)
        assert np.array_equal(start, X0)

    def test_gradients_may_be_differences(self):
        exact = run("adam", lr=0.02)
        for jac, values in ("2-point", 4), ("3-point", 7):
            found = run("adam", fun=rosenbrock, jac=jac, lr=0.02)
            assert found.x == pytest.approx(exact.x, abs=1e-4) and found.nfev == 41 * values


class TestCompilesOnce:
    def compiled(self):
        run("adam", maxiter=1)
        return len(first_order_loop.run.overloads)

    def test_for_every_objective(self):
        before = self.compiled()

        @njit
        def other(x):
            return x[0] ** 4, np.array([4.0 * x[0] ** 3])

        run("adam", [2.0], other, True)
        run("adam", [2.0], other.py_func, True)
        minimize(lambda x, a: (a * x @ x, 2.0 * a * x), [1.0, 2.0], (3.0,), "adam", True, options={"maxiter": 3})
        assert len(first_order_loop.run.overloads) == before

    def test_for_every_setting(self):
        before = self.compiled()
        run("adam", lr=1, betas=[0, 0.5], eps=0, weight_decay=1, clip_norm=1, clip_value=2, decay_mask=[True] * 3)
        run(Adam(lr=0.3), history=True, return_all=True, xtol=1e-3, ftol=1e-3, maxfun=3)
        for schedule in SCHEDULE, schedules.cosine(), schedules.step(2), njit(lambda t: 1.0), njit(lambda t: t):
            run("adam", schedule=schedule)
        assert len(first_order_loop.run.overloads) == before

    @each_method
    def test_allocates_nothing_for_an_iteration(self, method, allocations):
        options = {"clip_norm": 1.0, "clip_value": 1.0, "decay_mask": [True, False, True], "schedule": SCHEDULE}
        run(method, maxiter=1, **options)
        few, many = (allocations(run, method, maxiter=maxiter, **options).made for maxiter in (2, 200))
        assert few == many


def faulty(after, f=None, g=None):
    """Return Rosenbrock's function with another value or gradient from call number `after` on."""
    calls = []

    def fun(x):
        calls.append(x.copy())
        value, gradient = rosenbrock_joint(x)
        bad = len(calls) >= after
        return (f if bad and f is not None else value), (g if bad and g is not None else gradient)

    return fun, calls


class TestEndings:
    def bowl(self, **options):
        """Run gradient descent on |x|², where every step multiplies x by 1 − 2 lr = 1/2."""
        options = {"lr": 0.25, "gtol": -1.0, "history": True, "return_all": True, **options}
        return minimize(lambda x: (x @ x, 2.0 * x), [8.0, -4.0], method="sgd", jac=True, options=options)

    def test_gtol(self):
        res = self.bowl(gtol=0.5)
        assert res.status is Status.GRADIENT and res.success
        assert (res.nit, res.x.tolist(), res.jac.tolist()) == (5, [0.25, -0.125], [0.5, -0.25])

    def test_gtol_is_met_at_the_start(self):
        res = self.bowl(gtol=16.0)
        assert (res.status, res.nit, res.nfev) == (Status.GRADIENT, 0, 1) and res.success

    def test_tol_is_gtol(self):
        options = {"lr": 0.25}
        res = minimize(lambda x: (x @ x, 2.0 * x), [8.0], method="sgd", jac=True, tol=0.5, options=options)
        assert res.status is Status.GRADIENT and res.x.tolist() == [0.25]

    def test_ftol(self):
        """The run ends when |f − f⁺| <= ftol max(|f|, |f⁺|, 1)."""
        res = self.bowl(ftol=0.01)
        assert res.status is Status.FTOL and res.success
        f = res.history.f
        small = np.abs(np.diff(f)) <= 0.01 * np.maximum(1.0, np.maximum(f[1:], f[:-1]))
        assert small[-1] and not small[:-1].any()

    def test_xtol(self):
        """The run ends when ‖s‖ <= xtol max(‖x‖, 1)."""
        res = self.bowl(xtol=0.01)
        assert res.status is Status.XTOL and res.success
        steps = np.abs(np.diff(res.allvecs, axis=0)).max(axis=1)
        sizes = np.maximum(1.0, np.abs(res.allvecs[1:]).max(axis=1))
        assert steps[-1] <= 0.01 * sizes[-1] and np.all(steps[:-1] > 0.01 * sizes[:-1])

    def test_f_target(self):
        res = self.bowl(f_target=1.25)
        assert res.status is Status.TARGET and res.success and (res.nit, res.fun) == (3, 1.25)

    @each_method
    @pytest.mark.parametrize("maxiter", [0, 1, 7])
    def test_maxiter(self, method, maxiter):
        res = run(method, maxiter=maxiter)
        assert (res.nit, res.nfev, res.njev) == (maxiter, maxiter + 1, maxiter + 1)
        assert res.status is Status.ITERATIONS and res.success is False
        assert res.fun == rosenbrock(res.x) and np.array_equal(res.jac, rosenbrock_gradient(res.x))

    @given(maxfun=st.integers(1, 30), jac=st.sampled_from([True, None]))
    def test_maxfun(self, maxfun, jac):
        fun = Counted(rosenbrock_joint if jac else rosenbrock)
        res = minimize(fun, X0, method="adam", jac=jac, options={"maxfun": maxfun})
        cost = 1 if jac else 4
        assert res.status is Status.EVALUATIONS and res.success is False
        assert fun.calls == res.nfev and maxfun <= res.nfev < maxfun + cost

    def test_default_limits(self):
        """Only iterations are limited, since a given learning rate need not converge."""
        limits = with_limits(read("adam", 3, None, {}), 3, True).limits
        assert (limits.maxiter, limits.gtol, limits.ftol, limits.xtol) == (15000, 1e-5, 0.0, 0.0)
        assert limits.maxfun > 1e18

    def test_time_limit(self):
        res = self.bowl(time_limit=0.0)
        assert res.status is Status.TIME and res.success is False and math.isfinite(res.fun)

    def test_callback_may_stop(self):
        seen = []

        def stop(xk):
            seen.append(xk)
            if len(seen) == 3:
                raise StopIteration

        res = minimize(rosenbrock_joint, X0, method="adam", jac=True, callback=stop)
        assert res.status is Status.CALLBACK and res.nit == 3 and np.array_equal(res.x, seen[-1])
        assert np.array_equal(seen, run("adam", maxiter=3, return_all=True).allvecs[1:])

    def test_callback_sees_the_result_so_far(self):
        seen = []

        def look(intermediate_result):
            seen.append(intermediate_result)

        res = minimize(rosenbrock_joint, X0, method="adam", jac=True, callback=look, options={"maxiter": 4})
        assert [r.nit for r in seen] == [1, 2, 3, 4] and [r.nfev for r in seen] == [2, 3, 4, 5]
        assert all(r.fun == rosenbrock(r.x) and np.array_equal(r.jac, rosenbrock_gradient(r.x)) for r in seen)
        assert np.array_equal(seen[-1].x, res.x)

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    @pytest.mark.parametrize("method", ["sgd", "adam", "lion"])
    def test_not_finite_on_the_way(self, method, bad):
        """Return the last finite iterate, not the step that failed."""
        path = run(method, maxiter=9, return_all=True).allvecs
        for fault in {"f": bad}, {"g": np.array([0.0, bad, 0.0])}:
            fun, calls = faulty(4, **fault)
            res = run(method, fun=fun, jac=True, history=True, return_all=True)
            assert res.status is Status.NONFINITE and res.status == 3 and res.success is False
            assert (res.nit, res.nfev, len(calls), len(res.allvecs), len(res.history.f)) == (2, 4, 4, 3, 3)
            assert np.array_equal(res.x, path[2]) and np.array_equal(calls[-1], path[3])
            assert res.fun == rosenbrock(res.x) and np.array_equal(res.jac, rosenbrock_gradient(res.x))

    @pytest.mark.parametrize("bad", [math.nan, math.inf])
    def test_not_finite_at_the_start(self, bad):
        gradient = np.array([1.0, bad, 2.0])
        for fault in {"f": bad}, {"g": gradient}:
            res = run("adam", fun=faulty(1, **fault)[0], jac=True)
            assert (res.status, res.nit, res.nfev, res.success) == (Status.NONFINITE, 0, 1, False)
            assert np.array_equal(res.x, X0)
            expected = fault.get("g", rosenbrock_gradient(X0))
            assert np.array_equal(res.jac, expected, equal_nan=True)

    @pytest.mark.parametrize("after", [1, 3])
    def test_minus_infinity(self, after):
        res = run("adam", fun=faulty(after, f=-math.inf)[0], jac=True)
        assert res.status is Status.UNBOUNDED and res.success is False
        assert np.all(np.isfinite(res.x)) and (after == 1 or res.fun == rosenbrock(res.x))

    def test_unbounded(self):
        with np.errstate(over="ignore"):
            res = minimize(lambda x: (-(x @ x), -2.0 * x), [1.0], method="sgd", jac=True, options={"lr": 1.0})
        assert res.status is Status.UNBOUNDED and -math.inf < res.fun < -1e20

    @pytest.mark.parametrize("method", ["sgd", "momentum", "nesterov"])
    def test_a_rate_too_large(self, method):
        """The run diverges until f overflows; the result is finite and no success."""
        res = run(method, lr=1.0, maxiter=1000)
        assert res.status is Status.NONFINITE and res.success is False and 0 < res.nit < 20
        assert np.all(np.isfinite(res.x)) and math.isfinite(res.fun) and np.all(np.isfinite(res.jac))
        assert res.fun == rosenbrock(res.x) > rosenbrock(X0)

    @pytest.mark.parametrize("method", ["adam", "rmsprop", "lion", "adagrad"])
    def test_a_rate_of_any_size_is_survived(self, method):
        """With steps of 10³⁰⁰, f overflows at once."""
        res = run(method, lr=1e300)
        assert res.status is Status.NONFINITE and res.nit == 0 and np.array_equal(res.x, X0)

    def test_a_rate_of_nothing(self):
        res = run("adam", lr=0.0, maxiter=5)
        assert res.nit == 5 and np.array_equal(res.x, X0)

    def test_exception_leaves_the_last_iterate(self):
        fun, calls = faulty(math.inf)

        def explosive(x):
            if len(calls) == 4:
                raise ValueError("enough")
            return fun(x)

        with pytest.raises(ValueError, match="enough") as caught:
            run("adam", fun=explosive, jac=True)
        result = caught.value.result
        assert result.status is Status.INTERRUPTED and result.nit == 3
        assert np.array_equal(result.x, calls[-1]) and result.fun == rosenbrock(calls[-1])

    def test_history_in_pieces_is_that_of_the_iterates(self):
        alone, watched = (run("adam", maxiter=600, history=True, return_all=watch) for watch in (False, True))
        assert all(map(np.array_equal, alone.history, watched.history))
        f, g_norm, alpha, nfev = alone.history
        assert f.tolist() == [rosenbrock(x) for x in watched.allvecs]
        assert g_norm.tolist() == [np.abs(rosenbrock_gradient(x)).max() for x in watched.allvecs]
        assert alpha.tolist() == [0.0] + [1e-3] * 600 and nfev.tolist() == [*range(1, 602)]


ILLEGAL = [
    *[(kind, {"lr": value}) for kind in FIRST_ORDER for value in (-1e-9, math.nan, math.inf)],
    *[(kind, {"weight_decay": value}) for kind in FIRST_ORDER for value in (-0.1, math.nan)],
    *[(kind, {"eps": value}) for kind in FIRST_ORDER if "eps" in kind._fields for value in (-1e-8, math.nan)],
    *[(kind, {"momentum": value}) for kind in (Momentum, Nesterov, SGDW, RMSprop) for value in (-0.1, 1.0, math.nan)],
    (Nesterov, {"momentum": 0.0}),
    (Momentum, {"dampening": -0.1}),
    (Momentum, {"dampening": 1.1}),
    (RMSprop, {"alpha": 1.0}),
    (RMSprop, {"alpha": -0.1}),
    (AdaDelta, {"rho": 1.0}),
    (AdaDelta, {"rho": math.nan}),
    (AdaGrad, {"lr_decay": -0.1}),
    (AdaGrad, {"initial_accumulator_value": -0.1}),
    (NAdam, {"momentum_decay": -0.1}),
]
BETAS = [kind for kind in FIRST_ORDER if "betas" in kind._fields]


class TestLegal:
    @pytest.mark.parametrize("kind, options", ILLEGAL, ids=lambda value: getattr(value, "__name__", str(value)))
    def test_illegal_value_is_named_before_anything_runs(self, kind, options):
        ((name, value),) = options.items()
        message = rf"{name} must be in [\[(]0, (1|inf)[)\]], got {value}"
        with pytest.raises(ValueError, match=message):
            kind(**options)
        fun = Counted(rosenbrock_joint)
        with pytest.raises(ValueError, match=message):
            minimize(fun, X0, method=NAMES[kind], jac=True, options=options)
        assert fun.calls == 0

    @pytest.mark.parametrize("kind", BETAS)
    @pytest.mark.parametrize("place", [0, 1])
    @pytest.mark.parametrize("value", [-0.1, 1.0, 1.5, math.nan])
    def test_betas_are_in_their_interval(self, kind, place, value):
        betas = [0.9, 0.9]
        betas[place] = value
        with pytest.raises(ValueError, match=rf"betas\[{place}\] must be in \[0, 1\), got {value}"):
            kind(betas=betas)

    def test_an_unknown_setting_is_named(self):
        with pytest.raises(TypeError, match="Adam has no setting 'learning_rate'; its settings are lr, betas, eps"):
            Adam(learning_rate=0.1)

    @pytest.mark.parametrize("betas", [0.9, (0.9,), (0.9, 0.9, 0.9), None, "no"])
    def test_betas_are_a_pair(self, betas):
        with pytest.raises(TypeError, match="betas"):
            Adam(betas=betas)
        with pytest.raises(TypeError, match="betas"):
            run("lion", betas=betas)

    @pytest.mark.parametrize("kind", FIRST_ORDER)
    @pytest.mark.parametrize("value", ["fast", None, 1j, [1.0, 2.0]])
    def test_wrong_type_is_named(self, kind, value):
        with pytest.raises(TypeError, match="lr must be a real number, got"):
            kind(lr=value)

    def test_ends_of_the_intervals_are_legal(self):
        for kind in FIRST_ORDER:
            least = {name: 0 for name in kind._fields if name not in ("momentum", "betas")}
            least |= {name: 4 for name in least if name == "threshold"}
            assert all(value == least[name] for name, value in kind(**least)._asdict().items() if name in least)
        assert Adam(betas=(0, 0)).betas == (0.0, 0.0) and Momentum(dampening=1).dampening == 1.0
        assert SGDW(momentum=0).momentum == 0.0 and type(Adam(lr=1).lr) is float

    @pytest.mark.parametrize(
        "options, kind, message",
        [
            ({"clip_value": -1.0}, ValueError, r"clip_value must be in \(0, inf\], got -1.0"),
            ({"clip_value": 0}, ValueError, r"clip_value must be in \(0, inf\], got 0"),
            ({"clip_norm": -1.0}, ValueError, r"clip_norm must be in \(0, inf\], got -1.0"),
            ({"clip_norm": math.nan}, ValueError, r"clip_norm must be in \(0, inf\], got nan"),
            ({"clip_norm": "much"}, TypeError, "clip_norm must be a real number, got 'much'"),
            (
                {"decay_mask": [True, False]},
                ValueError,
                r"decay_mask must be boolean, of shape \(3,\); got bool of shape",
            ),
            ({"decay_mask": [1, 0, 1]}, ValueError, "decay_mask must be boolean, .* got int64"),
            ({"decay_mask": [1.0, 0.0, 1.0]}, ValueError, "decay_mask must be boolean, .* got float64"),
            ({"decay_mask": True}, ValueError, r"got bool of shape \(\)"),
            ({"decay_mask": np.ones((3, 1), bool)}, ValueError, r"got bool of shape \(3, 1\)"),
        ],
    )
    def test_treatment_of_the_gradient(self, options, kind, message):
        fun = Counted(rosenbrock_joint)
        with pytest.raises(kind, match=message):
            minimize(fun, X0, method="sgd", jac=True, options=options)
        assert fun.calls == 0

    def test_no_clipping_is_legal(self):
        expected = run("sgd").x
        for nothing in None, math.inf:
            assert np.array_equal(run("sgd", clip_value=nothing, clip_norm=nothing, decay_mask=None).x, expected)

    @pytest.mark.parametrize(
        "method, name, meant",
        [
            ("adam", "learning_rate", "lr"),
            ("sgd", "step_size", "lr"),
            ("adam", "b1", "betas"),
            ("nadam", "beta_2", "betas"),
            ("lion", "beta1", "betas"),
            ("adam", "epsilon", "eps"),
            ("adamw", "wd", "weight_decay"),
            ("rmsprop", "rho", "alpha"),
            ("rmsprop", "mu", "momentum"),
            ("adam", "max_iter", "maxiter"),
            ("sgd", "momentum", "method 'momentum'"),
            ("sgd", "nesterov", "method 'nesterov'"),
            ("adam", "amsgrad", "method 'amsgrad'"),
            ("sgd", "line_search", "schedule"),
        ],
    )
    def test_unknown_option_is_refused_with_a_hint(self, method, name, meant):
        message = f"{method} has no option '{name}'; perhaps {meant} is meant. Its options are lr, "
        with pytest.raises(ValueError, match=message):
            run(method, **{name: 0.5})

    @pytest.mark.parametrize(
        "method, name",
        [
            ("adam", "rho"),
            ("adam", "mu"),
            ("sgd", "b1"),
            ("adam", "nonsense"),
            ("adam", "maxcor"),
            ("adam", "c1"),
            ("adam", "hess_inv0"),
            ("adadelta", "alpha"),
        ],
    )
    def test_unknown_option_is_refused_without_a_wrong_hint(self, method, name):
        with pytest.raises(ValueError, match=f"{method} has no option '{name}'. Its options are lr, "):
            run(method, **{name: 0.5})

    def test_hessians_are_ignored_with_a_warning(self):
        with pytest.warns(RuntimeWarning, match="Method adam does not use Hessian information"):
            minimize(rosenbrock_joint, X0, method="adam", jac=True, hess=np.diag, options={"maxiter": 1})
