"""Faults and their consequences: the table of docs/faults.md, row by row.

Covers: _loops/*, _drivers/diagnosis.py, _api/{minimize,root,line_search,minimize_batch}.py.
"""

import itertools
import json
import math
import os
import zlib

import numpy as np
import pytest
from numba import njit
from objectives import Counted, rosenbrock, rosenbrock_gradient, rosenbrock_hessian
from processes import run

from quasinewton import Checkpoint, Solver, Status, line_search, minimize, minimize_batch, root
from quasinewton._numba_ext import python_first

X0 = [-1.2, 1.0]
BAD = [math.nan, math.inf, -math.inf]
METHODS = ["newton", "bfgs", "lbfgs", "gradient-descent"]
NOISE = 16 * np.finfo(float).eps  # relative to |f|; two values that differ by less are equal up to rounding

each_method = pytest.mark.parametrize("method", METHODS)
each_bad = pytest.mark.parametrize("bad", BAD)


@pytest.fixture(autouse=True)
def silence():
    """Let objectives overflow without a warning."""
    with np.errstate(all="ignore"):
        yield


def solve(fun, x0, jac, method, hess=None, **options):
    """Run with a limit on evaluations.

    The returned point must be the best evaluated, up to rounding.
    """
    values = []

    def watched(x):
        values.append(float(fun(x)))
        return values[-1]

    options = {"maxiter": 3000, "maxfun": 6000, **options}
    res = minimize(watched, x0, jac=jac, hess=hess if method == "newton" else None, method=method, options=options)
    finite = [f for f in values if math.isfinite(f)]
    res["least"], res["infinite"] = min(finite, default=math.nan), len(finite) < len(values)
    return res


def is_best(res):
    """Return True if the returned value is the least evaluated, up to rounding."""
    return res.fun <= res.least + NOISE * abs(res.least)


class TestNotFinite:
    @each_method
    @each_bad
    def test_value_at_the_start(self, method, bad):
        res = minimize(lambda x: bad, X0, jac=lambda x: np.ones(2), method=method)
        assert res.status is (Status.UNBOUNDED if bad == -math.inf else Status.NONFINITE)
        assert not res.success and res.x.tolist() == X0 and res.nit == 0 and res.nfev == 1

    @each_method
    @each_bad
    def test_gradient_at_the_start(self, method, bad):
        res = minimize(lambda x: x @ x, X0, jac=lambda x: np.array([1.0, bad]), method=method)
        assert res.status is Status.NONFINITE and not res.success and res.x.tolist() == X0

    @each_method
    @pytest.mark.parametrize("role", ["fun", "jac"])
    @each_bad
    def test_from_the_fifth_call_on(self, method, role, bad):
        values, gradients = itertools.count(), itertools.count()

        def fun(x):
            return bad if role == "fun" and next(values) > 4 else rosenbrock(x)

        def jac(x):
            return np.full(2, bad) if role == "jac" and next(gradients) > 4 else rosenbrock_gradient(x)

        res = solve(fun, X0, jac, method, rosenbrock_hessian)
        expected = Status.UNBOUNDED if role == "fun" and bad == -math.inf else Status.LINE_SEARCH
        assert not res.success and res.status is expected
        assert res.fun == rosenbrock(res.x) <= rosenbrock(np.array(X0)) and np.isfinite(res.jac).all()

    @each_method
    @pytest.mark.parametrize("role", ["fun", "jac"])
    @pytest.mark.parametrize("bad", BAD[:2])
    def test_beyond_an_edge(self, method, role, bad):
        """The first steps lead over the edge of the domain; the minimum lies inside."""

        def inside(x):
            return np.abs(x).max() < 1.3

        res = solve(
            lambda x: rosenbrock(x) if inside(x) or role == "jac" else bad,
            X0,
            lambda x: rosenbrock_gradient(x) if inside(x) or role == "fun" else np.full(2, bad),
            method,
            rosenbrock_hessian,
            gtol=1e-2,
        )
        assert res.status is Status.GRADIENT and res.success and inside(res.x)

    def test_hessian(self):
        """Where the Hessian is not finite, the direction is that of steepest descent."""
        hess = np.full((2, 2), math.nan)
        res = minimize(lambda x: x @ x, X0, jac=lambda x: 2 * x, hess=lambda x: hess, method="newton")
        assert res.status is Status.GRADIENT and np.abs(res.x).max() <= 1e-5

    @each_bad
    def test_in_a_line_search(self, bad):
        found = line_search(lambda x: x[0] if x[0] > 0.5 else bad, [1.0], [-1.0], jac=lambda x: np.ones(1))
        assert np.isfinite(found.fun) and 0.0 <= found.alpha < 0.5
        assert not line_search(lambda x: bad, [1.0], [-1.0], jac=lambda x: np.ones(1)).success

    @each_bad
    def test_in_a_root(self, bad):
        assert root(lambda x: np.full(2, bad), X0).status is Status.NONFINITE
        res = root(lambda x: x**2 - 2.0 if x[0] < 2.0 else np.full(1, bad), [0.1])
        assert res.success and res.x == pytest.approx([math.sqrt(2.0)])

    @each_bad
    def test_in_a_batch(self, bad):
        res = minimize_batch(lambda x: bad if x[0] > 2.0 else x @ x, [[1.0], [3.0]], jac=lambda x: 2 * x)
        assert res.success.tolist() == [True, False] and res.x[1] == 3.0


UNBOUNDED = {
    "linear": (lambda x: -np.sum(x), lambda x: -np.ones_like(x)),
    "linear, of small units": (lambda x: -1e-12 * np.sum(x), lambda x: np.full_like(x, -1e-12)),
    "square": (lambda x: -x @ x, lambda x: -2 * x),
    "cube": (lambda x: -np.sum(x**3), lambda x: -3 * x**2),
    "power 3/2": (lambda x: -np.sum(np.abs(x) ** 1.5), lambda x: -1.5 * np.abs(x) ** 0.5),
    "exponential": (lambda x: -np.sum(np.exp(x)), lambda x: -np.exp(x)),
    "along a valley": (lambda x: x[0] + x[1] ** 2, lambda x: np.array([1.0, 2 * x[1]])),
    "saddle": (lambda x: x[0] ** 2 - x[1] ** 2, lambda x: np.array([2 * x[0], -2 * x[1]])),
}
FALLING = {
    "exp(−x)": (lambda x: np.sum(np.exp(-x)), lambda x: -np.exp(-x)),
    "−log x": (lambda x: -np.sum(np.log(x)), lambda x: -1 / x),
    "−√x": (lambda x: -np.sum(np.sqrt(x)), lambda x: -0.5 * x**-0.5),
}


class TestUnbounded:
    @each_method
    @pytest.mark.parametrize("name", UNBOUNDED)
    def test_is_recognised(self, method, name):
        if (name, method) == ("along a valley", "gradient-descent"):
            pytest.skip("it zigzags down the valley, until maxiter")
        fun, jac = UNBOUNDED[name]
        res = solve(fun, [1.0, 2.0], jac, method, gtol=0.0)
        assert res.status is Status.UNBOUNDED and not res.success
        assert np.isfinite(res.x).all() and math.isfinite(res.fun) and is_best(res)

    @each_method
    @pytest.mark.parametrize("name", FALLING)
    def test_with_a_slope_that_vanishes_at_infinity(self, method, name):
        """The gradient test ends the run, which claims no more than a small gradient.

        By default the decrease that is left counts, too.
        """
        fun, jac = FALLING[name]
        res = solve(fun, [1.0, 2.0], jac, method, gtol=1e-5)
        assert res.status is Status.GRADIENT and np.abs(jac(res.x)).max() <= 1e-5
        res = solve(fun, [1.0, 2.0], jac, method)
        assert res.status in (Status.GRADIENT, Status.UNBOUNDED)
        assert res.status is Status.UNBOUNDED or name != "−√x" or method == "gradient-descent"

    @each_method
    def test_at_a_finite_distance(self, method):
        res = solve(lambda x: math.log(abs(x[0])) if x[0] else -math.inf, [1.0], lambda x: 1 / x, method)
        assert not res.success and math.isfinite(res.fun) and is_best(res)
        if res.infinite:
            assert res.status is Status.UNBOUNDED
        else:
            assert res.status is Status.LINE_SEARCH and res.fun < -20.0


class TestConstant:
    @each_method
    @pytest.mark.parametrize("jac", [np.zeros_like, None, "3-point"], ids=["exact", "2-point", "3-point"])
    def test_is_a_minimum(self, method, jac):
        res = minimize(lambda x: 3.0, X0, jac=jac, method=method)
        assert res.status is Status.GRADIENT and res.success and res.x.tolist() == X0 and res.nit == 0

    @each_method
    def test_with_a_gradient(self, method):
        res = solve(lambda x: 3.0, X0, np.ones_like, method)
        assert res.status is Status.LINE_SEARCH and not res.success and "Check jac" in res.message


PLANES = np.array([[1.0, 2.0], [-2.0, 1.0], [1.0, -1.0], [-1.0, -2.0]])
KINKS = {
    "Σ|x|": (lambda x: np.sum(np.abs(x)), np.sign),
    "Σ|x| + 1": (lambda x: np.sum(np.abs(x)) + 1.0, np.sign),
    "3|x₀| + |x₁|": (lambda x: 3 * abs(x[0]) + abs(x[1]), lambda x: np.sign(x) * [3.0, 1.0]),
    "max of planes": (lambda x: np.max(PLANES @ x + 1.0), lambda x: PLANES[np.argmax(PLANES @ x)].copy()),
}
# These runs zigzag along a kink until maxiter; the others reach its lowest point.
ZIGZAG = {("3|x₀| + |x₁|", "newton"), ("3|x₀| + |x₁|", "gradient-descent")}


@each_method
@pytest.mark.parametrize("name", KINKS)
def test_a_kink_is_no_success(method, name):
    """Where a method stops on a kink, the gradient is not that of a minimum.

    At the lowest point it depends on rounding whether the line search fails or f can fall no
    further.
    """
    fun, jac = KINKS[name]
    res = solve(fun, [0.3, 0.7], jac, method, maxiter=400)
    assert not res.success and res.fun < fun(np.array([0.3, 0.7])) and is_best(res)
    stuck = res.fun > fun(np.zeros(2)) + 1e-10
    assert stuck == ((name, method) in ZIGZAG)
    assert res.status in ((Status.ITERATIONS,) if stuck else (Status.LINE_SEARCH, Status.PRECISION))


class TestNoise:
    """Rosenbrock's function plus size times noise in [−1, 1], reproducible or not."""

    @pytest.mark.parametrize("method", ["newton", "bfgs", "lbfgs"])
    @pytest.mark.parametrize("offset", [0.0, 1.0])
    @pytest.mark.parametrize("size", [1e-10, 1e-6])
    @pytest.mark.parametrize("kind", ["of x", "of the time"])
    def test_in_the_value(self, method, offset, size, kind, rng):
        def noise(x):
            return zlib.crc32(x.tobytes()) / 2**31 - 1 if kind == "of x" else rng.uniform(-1.0, 1.0)

        res = solve(
            lambda x: offset + rosenbrock(x) + size * noise(x), X0, rosenbrock_gradient, method, rosenbrock_hessian
        )
        assert res.nfev < 400
        assert rosenbrock(res.x) <= 10 * size  # Noise at both points limits what values can tell.
        assert res.fun <= res.least + 4 * size
        assert res.success == (np.abs(res.jac).max() <= 1e-5) or res.status is Status.PRECISION

    @pytest.mark.parametrize("method", METHODS)
    def test_in_differences(self, method, rng):
        """With gradients by differences of noisy values, success is a minimum up to the noise.

        The noise is measured.
        """
        res = solve(lambda x: rosenbrock(x) + 1e-6 * rng.uniform(-1.0, 1.0), X0, None, method)
        assert res.fun <= rosenbrock(np.array(X0)) + 1e-6
        assert not res.success or rosenbrock(res.x) <= 1e-2

    @pytest.mark.parametrize("method", METHODS[:3])
    def test_of_a_known_size_with_steps_to_match(self, method, rng):
        res = solve(lambda x: rosenbrock(x) + 1e-10 * rng.uniform(-1.0, 1.0), X0, "3-point", method, eps=1e-4)
        assert rosenbrock(res.x) < 1e-5


class TestOverflow:
    @each_method
    def test_far_up_a_wall(self, method):
        """exp(x²) is 1e293 at the start, whose rounding must not be taken for the noise floor."""
        res = solve(lambda x: np.sum(np.exp(x**2)), [20.0, 26.0], lambda x: 2 * x * np.exp(x**2), method)
        assert res.fun < 1e200 and is_best(res)
        assert res.success == (res.fun < 2.0 + 1e-8)

    @each_method
    @pytest.mark.parametrize("height", [1e308, 1.7e308])
    @pytest.mark.parametrize("slope", [0.0, 1e308])
    def test_of_a_wall_at_trial_points(self, method, height, slope):
        centre = np.array([3.0, -2.0])

        def inside(x):
            return np.abs(x).max() < 5.0

        res = solve(
            lambda x: (x - centre) @ (x - centre) if inside(x) else height,
            [-4.9, -4.9],
            lambda x: 2 * (x - centre) if inside(x) else np.full(2, slope),
            method,
        )
        assert res.status is Status.GRADIENT and res.x == pytest.approx(centre, abs=1e-5)

    @pytest.mark.parametrize("method", ["newton", "bfgs", "lbfgs"])
    @pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e100, 1e150])
    def test_of_scales_of_f(self, method, scale):
        res = solve(
            lambda x: scale * rosenbrock(x),
            X0,
            lambda x: scale * rosenbrock_gradient(x),
            method,
            lambda x: scale * rosenbrock_hessian(x),
            gtol=1e-5 * scale,
        )
        assert res.status is Status.GRADIENT and res.x == pytest.approx([1.0, 1.0], abs=1e-4) and res.nfev < 60

    @each_method
    @pytest.mark.parametrize("scale", [1e-200, 1e-100, 1e20, 1e100, 1e200])
    def test_of_scales_of_x_is_no_wrong_success(self, method, scale):
        """A step below the rounding of x does not indicate a minimum."""
        res = solve(
            lambda x: rosenbrock(x / scale),
            np.array(X0) * scale,
            lambda x: rosenbrock_gradient(x / scale) / scale,
            method,
            lambda x: rosenbrock_hessian(x / scale) / scale / scale,
            gtol=1e-5 / scale,
            maxiter=300,
        )
        assert is_best(res)
        assert not res.success or res.x / scale == pytest.approx([1.0, 1.0], abs=1e-2)


WRONG = {
    "sign": lambda x: -rosenbrock_gradient(x),
    "sign of a component": lambda x: rosenbrock_gradient(x) * [1.0, -1.0],
    "components exchanged": lambda x: rosenbrock_gradient(x)[::-1].copy(),
    "another function's": lambda x: 2 * (x - 5.0),
}


class TestWrongGradients:
    @each_method
    @pytest.mark.parametrize("name", WRONG)
    def test_are_diagnosed(self, method, name):
        """A success claims only that the given gradient is small."""
        res = solve(rosenbrock, X0, WRONG[name], method, rosenbrock_hessian)
        assert res.fun <= rosenbrock(np.array(X0)) and res.fun == rosenbrock(res.x)
        assert not res.success and res.status is Status.LINE_SEARCH and "Check jac" in res.message
        assert res.diagnosis["slope"] < 0.0

    @each_method
    @pytest.mark.parametrize("added", [1e-3, 10.0])
    def test_claim_no_more_than_that_they_are_small(self, method, added):
        """The given gradient vanishes where f is not flat.

        The run cannot detect this if f falls on the way.
        """
        res = solve(rosenbrock, X0, lambda x: rosenbrock_gradient(x) + added, method, rosenbrock_hessian)
        assert res.fun <= rosenbrock(np.array(X0))
        assert res.success == (np.abs(rosenbrock_gradient(res.x) + added).max() <= 1e-5)

    @each_method
    @pytest.mark.parametrize("factor", [0.5, 2.0, 1000.0])
    def test_of_another_scale_serve(self, method, factor):
        """A constant factor of the gradient changes neither directions nor the minimum."""
        res = solve(lambda x: x @ x, X0, lambda x: 2 * factor * x, method)
        assert res.success and np.abs(res.x).max() <= 1e-5


class TestFiles:
    def saved(self, path):
        minimize(rosenbrock, X0, method="lbfgs", jac=rosenbrock_gradient, maxiter=5).checkpoint.save(path)
        return path

    def changed(self, path, change):
        with np.load(self.saved(path)) as file:
            arrays = dict(file)
        change(arrays)
        np.savez(path, **arrays)

    @pytest.mark.parametrize("name", ["x", "g", "memory.S"])
    def test_of_numbers_that_are_none(self, tmp_path, name):
        """A run that continues from a checkpoint with NaN ends without a wrong success."""
        self.changed(tmp_path / "run.npz", lambda arrays: arrays[name].fill(math.nan))
        state = Checkpoint.load(tmp_path / "run.npz")
        res = minimize(rosenbrock, None, jac=rosenbrock_gradient, checkpoint=state)
        assert res.nit < 100 and (res.success is False or rosenbrock_gradient(res.x) == pytest.approx(0.0, abs=1e-5))

    @pytest.mark.parametrize("array, field", [("scalars", "phase"), ("scalars", "want"), ("memory.ring", "newest")])
    @pytest.mark.parametrize("value", [-1, 10**12])
    def test_of_integers_that_no_run_has(self, tmp_path, array, field, value):
        def change(arrays):
            arrays[array][0][field] = value

        self.changed(tmp_path / "run.npz", change)
        with pytest.raises(ValueError, match="run.npz cannot be used: its arrays hold what no run can have come to"):
            Checkpoint.load(tmp_path / "run.npz")

    def test_that_are_folders_or_nowhere(self, tmp_path):
        state = minimize(rosenbrock, X0, jac=rosenbrock_gradient).checkpoint
        for path in tmp_path, tmp_path / "no" / "run.npz":
            with pytest.raises(OSError):
                state.save(path)
            with pytest.raises(OSError):
                Checkpoint.load(path)
            with pytest.raises(OSError):
                Solver.load(path)
        assert list(tmp_path.iterdir()) == []

    def test_in_a_folder_that_cannot_be_written_to(self, tmp_path):
        if not os.path.isdir("/proc/self"):
            pytest.skip("no folder is known that refuses everybody")
        path = self.saved(tmp_path / "run.npz")
        before = path.read_bytes()
        with pytest.raises(OSError):
            Checkpoint.load(path).save("/proc/run.npz")
        assert path.read_bytes() == before

    def test_header_of_json_that_is_no_object(self, tmp_path):
        for header in "[]", "3", "null", json.dumps({"kind": []}):
            np.savez(tmp_path / "run.npz", header=np.array(header))
            with pytest.raises(ValueError, match="it is no checkpoint"):
                Checkpoint.load(tmp_path / "run.npz")


class TestReturnedValues:
    @pytest.mark.parametrize(
        "fun, jac, words",
        [
            (lambda x: np.ma.masked, None, "must return a scalar"),
            (lambda x: x @ x, lambda x: [[1.0], [2.0, 3.0]], r"the gradient must be real, of shape \(2,\)"),
        ],
    )
    def test_are_named(self, fun, jac, words):
        with pytest.raises(ValueError, match=words):
            minimize(fun, X0, jac=jac)

    @pytest.mark.parametrize("returned", [1.0, None, (1.0, np.ones(2), 3)], ids=["a number", "None", "three"])
    def test_where_two_are_wanted(self, returned):
        with pytest.raises(TypeError, match="with jac=True, fun must return a value and its derivative; it returns"):
            minimize(lambda x: returned, X0, jac=True)
        with pytest.raises(TypeError, match="with jac=True, fun must return a value and its derivative; it returns"):
            root(lambda x: returned, X0, jac=True)

    def test_an_error_of_its_own_is_left_alone(self):
        def fun(x):
            return x + "text", x

        with pytest.raises(TypeError, match="text|str|ufunc"):
            minimize(fun, X0, jac=True)

    def test_what_does_not_compile_is_said_in_a_line(self):
        words = r"fun does not compile for the arguments .*: Unknown attribute 'nothing'"
        with pytest.raises(TypeError, match=words) as caught:
            minimize(njit(lambda x: x.nothing), X0)
        message = str(caught.value)
        assert "\n" not in message and "test_faults.py" in message and len(message) < 300
        assert caught.value.__cause__ is not None


class TestCallbacks:
    @pytest.mark.parametrize("callback", [3, "text", X0])
    def test_that_cannot_be_called(self, callback):
        calls = Counted(rosenbrock)
        with pytest.raises(TypeError, match="callback must be callable, got"):
            minimize(calls, X0, callback=callback)
        assert calls.calls == 0
        with pytest.raises(TypeError, match="callback must be callable, got"):
            root(lambda x: x, X0, callback=callback)


@njit
def explosive(x, limit):
    """Return Σ x² and its gradient, or raise where x[0] is less than `limit`."""
    if x[0] < limit:
        raise ValueError("too low")
    return np.sum(x * x), 2.0 * x


@njit
def residuals(x, limit):
    """Return the gradient of `explosive` as residuals, or raise where it does."""
    return explosive(x, limit)[1]


@njit
def inside_lbfgs(x0, limit):
    return minimize(explosive, x0, (limit,), jac=True).fun


@njit
def inside_newton(x0, limit):
    return minimize(explosive, x0, (limit,), "newton", True).fun


@njit
def inside_adam(x0, limit):
    return minimize(explosive, x0, (limit,), "adam", True, lr=0.5, maxiter=50).fun


@njit
def inside_root(x0, limit):
    return root(residuals, x0, (limit,)).x[0]


class TestExceptionsInsideCompiledCode:
    """Exceptions reach the caller, and the arrays of the run are freed.

    Numba keeps what the caller's frame holds.
    """

    @pytest.mark.parametrize("solve", [inside_lbfgs, inside_newton, inside_adam, inside_root], ids=lambda f: f.__name__)
    def test_leave_no_state_behind(self, solve, allocations):
        x0 = np.full(3, 4.0)

        def fail(times):
            for _ in range(times):
                with pytest.raises(ValueError, match="too low"):
                    solve(x0, 3.9)

        assert np.isfinite(solve(x0, -10.0))
        fail(1)
        made, kept, _ = allocations(fail, 50)
        assert made >= 50 * 8 and kept <= 50 * 4

    def test_leave_nothing_behind_in_python(self, allocations):
        def fail(times):
            for _ in range(times):
                with pytest.raises(ValueError, match="too low"):
                    root(residuals, np.full(3, 4.0), (3.9,))

        fail(1)
        made, kept, _ = allocations(fail, 20)
        assert made > 0 and kept == 0


INTERRUPTS = """
import _thread, threading
import numpy as np
from objectives import *
from quasinewton import minimize, minimize_stochastic, root

calls, under_way = 0, threading.Event()

def called():
    global calls
    calls += 1
    if calls == 100:
        under_way.set()

def interrupt():
    under_way.wait()
    _thread.interrupt_main()

def expected():
    return minimize(rosenbrock_joint, [-1.2, 1.0], jac=True).x.tobytes()

def bowl(x):
    called()
    return float(x @ x), 2e-9 * x

def stream(x, data):
    called()
    return float(x @ x), 2 * x

def decay(x):
    called()
    while under_way.is_set():  # in a few hundred steps it would have underflown
        pass
    return np.exp(-x)

before = expected()
endless = dict(gtol=0.0, maxiter=10**12, maxfun=10**12)
work = {
    "python": lambda: minimize(bowl, [1.0], jac=True, method="sgd", lr=1e-9, **endless),
    "callback": lambda: minimize(lambda x: (x @ x, 2e-9 * x), [1.0], jac=True, method="sgd", lr=1e-9,
                                 callback=lambda x: called(), **endless),
    "stochastic": lambda: minimize_stochastic(stream, [1.0], np.zeros((64, 1)), "sgd", jac=True, epochs=10**9),
    "root": lambda: root(decay, [1.0], jac=lambda x: -np.exp(-x)[:, None], maxiter=10**12, xtol=0.0, ftol=0.0),
}
for name, function in work.items():
    calls = 0
    under_way.clear()
    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        function()
        print(name, "ended")
    except KeyboardInterrupt as error:
        print(name, hasattr(error, "result"), expected() == before)
    under_way.set()
    thread.join()
"""


def test_interrupts():
    """Ctrl-C stops whatever runs and keeps the results so far.

    A run after it has the usual bits.
    """
    lines = run(INTERRUPTS).splitlines()
    assert lines == [f"{name} True True" for name in ("python", "callback", "stochastic", "root")]


COMPILING = """
import _thread, sys
from numba.core import event
from objectives import rosenbrock_joint
from quasinewton import minimize

class Interrupt(event.Listener):
    def __init__(self, place):
        self.left = place

    def on_start(self, event):
        self.left -= 1
        if self.left == 0:
            _thread.interrupt_main()

    def on_end(self, event):
        pass

event.register("numba:compile", Interrupt({place}))
try:
    minimize(rosenbrock_joint, [-1.2, 1.0], jac=True, method="gradient-descent")
    print("ended")
except KeyboardInterrupt:
    print("interrupted")
"""


def test_an_interrupt_while_compiling_leaves_a_cache_as_good_as_any(tmp_path):
    """The next process can use the cache.

    In the interrupted process Numba may be left in the middle of its initialisation.
    """
    variables = {"NUMBA_CACHE_DIR": str(tmp_path), python_first.SWITCH: "0"}
    assert run(COMPILING.format(place=20), **variables) == "interrupted"
    assert run(COMPILING.format(place=0), **variables) == "ended"


FORK = """
import os, threading, warnings
warnings.simplefilter("ignore")
import numpy as np
from objectives import rosenbrock_joint
from quasinewton import minimize, minimize_batch

def solve():
    return minimize(rosenbrock_joint, [-1.2, 1.0], jac=True).x.tobytes()

expected, stop = solve(), threading.Event()

def work():
    while not stop.is_set():
        solve()

threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
minimize_batch(rosenbrock_joint, np.zeros((8, 2)), jac=True, n_jobs=2)
codes = []
for _ in range(3):
    child = os.fork()
    if child == 0:
        batch = minimize_batch(rosenbrock_joint, np.full((4, 2), [-1.2, 1.0]), jac=True, n_jobs=2)
        good = solve() == expected and all(x.tobytes() == expected for x in batch.x)
        os._exit(0 if good else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
stop.set()
for thread in threads:
    thread.join()
print(codes, solve() == expected)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_while_threads_are_at_work():
    assert run(FORK) == "[0, 0, 0] True"
