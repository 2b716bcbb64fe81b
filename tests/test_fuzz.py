"""Public functions under any input: a correct answer or a clear error, and unchanged arguments.

Objectives are few and compiled at most once; everything else varies. HYPOTHESIS_PROFILE=thorough
looks at twenty-five times as many examples.

Covers: _api/*, _options/*, _validation.py.
"""

import copy
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_hessian, rosenbrock_joint

from quasinewton import LBFGS, OptimizeResult, Solver, Status, line_search, minimize, minimize_batch, root

MOST = 400  # calls; an objective raises after that many
NOISE = 16 * np.finfo(float).eps
FEW = settings(max_examples=max(40, settings.default.max_examples * 2))


class Trouble(Exception):
    """The exception that objectives raise."""


def square(x, *args):
    return float(x @ x) + sum(np.sum(a) for a in args)


def cliff(x, *args):
    return math.nan if x[0] > 1.0 else float(np.sum(np.abs(x)))


def valley(x, *args):
    return float(np.sum(x)) if np.isfinite(x).all() else math.inf


def powers(x, *args):
    return float(np.sum(np.exp(x * x)))


def overwriting(x, *args):
    f = float(np.sum((x - 1.0) ** 2))
    x[:] = math.nan
    return f


def raising(x, *args):
    if x[0] > 0.5:
        raise Trouble
    return float(x @ x)


GRADIENTS = {
    square: lambda x, *args: 2 * x,
    cliff: lambda x, *args: np.sign(x),
    valley: lambda x, *args: np.ones_like(x),
    powers: lambda x, *args: 2 * x * np.exp(x * x),
    overwriting: lambda x, *args: 2 * (x - 1.0),
    raising: lambda x, *args: 2 * x,
}
NONSENSE = [
    lambda x, *args: None,
    lambda x, *args: "1",
    lambda x, *args: x[0] * 1j,
    lambda x, *args: np.ones(5),
    3,
    None,
]
WRONG = [
    lambda x, *args: np.ones(7),
    lambda x, *args: None,
    lambda x, *args: -2 * x,
    lambda x, *args: x * 1j,
    "5-point",
    2.5,
]

SEARCHING = ["lbfgs", "bfgs", "newton", "gradient-descent"]

objectives = st.sampled_from([*GRADIENTS, *NONSENSE])
numbers = st.floats(-3.0, 3.0)
nasty = st.one_of(numbers, st.floats(), st.integers(-(10**6), 10**6))
vectors = st.lists(numbers, min_size=1, max_size=4)
starts = st.one_of(
    vectors,
    vectors.map(np.array),
    vectors.map(lambda x: np.array(x)[::-1]),
    st.lists(nasty, min_size=1, max_size=3),
    st.lists(st.integers(-5, 5), min_size=1, max_size=3).map(lambda x: np.array(x, dtype=np.int8)),
    vectors.map(lambda x: np.array(x, dtype=np.float32)),
    st.sampled_from([3, 2.5, None, "text", [], [[1.0, 2.0]], [1j], [None, 1.0], np.zeros((2, 2)), {}, [True, False]]),
)
methods = st.one_of(
    st.sampled_from([*SEARCHING, "adam"]),
    st.sampled_from(["L-BFGS-B", "sgd", LBFGS(memory=2), LBFGS, None, "simplex", 4, object()]),
)
VALUES = {
    "gtol": [1e-3, 0.0, 1e-300, math.inf, -1.0, math.nan, "small", None],
    "ftol": [1e-8, 0.0, math.nan, -1.0],
    "xtol": [1e-8, 0.0, math.inf],
    "f_target": [-1.0, 1e300, math.nan, -math.inf],
    "maxiter": [0, 1, 5, 2.5, math.inf, -3, math.nan, None, "few"],
    "time_limit": [10.0, 0.0, -1.0, math.inf, math.nan],
    "line_search": ["strong-wolfe", "hager-zhang", "armijo", "fixed", "golden", None, 5],
    "c1": [1e-4, 0.4, 0.0, 0.6, math.nan],
    "c2": [0.9, 0.5, 1e-5, 1.0, "x"],
    "maxls": [1, 20, 0, 2.5],
    "maxcor": [1, 5, 0, -1, 2.5, "many"],
    "damping": [True, False],
    "lr": [0.1, 0.0, -1.0, math.nan],
    "history": [True],
    "return_all": [True],
    "eps": [1e-6, 0.0, -1.0, math.nan, [1e-6, 1e-6]],
    "colour": ["red"],
}
options = st.dictionaries(st.sampled_from(sorted(VALUES)), st.integers(0, 7), max_size=3).map(
    lambda chosen: {name: VALUES[name][i % len(VALUES[name])] for name, i in chosen.items()}
)
jacobians = st.sampled_from(["own", "own", "own", None, "2-point", "3-point", *WRONG])


def limited(function):
    """Return a copy of `function` that raises after MOST calls."""
    if not callable(function):
        return function
    calls = []

    def wrapped(*arguments):
        calls.append(None)
        if len(calls) > MOST:
            raise Trouble
        return function(*arguments)

    return wrapped


def attempt(door, *arguments, **keywords):
    """Return what a public function returns, or None if it refuses with a clear error.

    No argument may change.
    """
    given = copy.deepcopy((arguments[1:], keywords.get("options")))
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            answer = door(*arguments, **keywords)
    except (ValueError, TypeError) as error:
        assert str(error)
        answer = None
    except Trouble as error:
        answer = getattr(error, "result", None)
        assert answer is None or not answer.success
    assert same(given, (arguments[1:], keywords.get("options")))
    return answer


def same(a, b):
    """Return True if two values are equal; NaN equals NaN."""
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.tobytes() == b.tobytes()
    return a == b or a != a or type(a) is object


def value_at(fun, x):
    """Return f at a copy of x, or NaN where it raises."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        # The run itself warned of complex values; here only their real part counts.
        warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
        try:
            return float(fun(np.array(x, dtype=float)))
        except Trouble:
            return math.nan


def check(res, fun, jac, x0, gtol, descends):
    """Assert that the claims of a result are true."""
    assert isinstance(res, OptimizeResult) and isinstance(res.status, Status) and res.message
    assert res.x.dtype == res.jac.dtype == np.float64 and res.x.shape == res.jac.shape == (np.size(x0),)
    f, f0 = value_at(fun, res.x), value_at(fun, np.atleast_1d(x0))
    if math.isfinite(res.fun):
        assert res.fun == f
    if math.isfinite(f0) and descends:
        assert not math.isfinite(res.fun) or res.fun <= f0 + NOISE * abs(f0)
    if res.success:
        assert math.isfinite(res.fun) and np.isfinite(res.x).all() and np.isfinite(res.jac).all()
    if res.status is Status.GRADIENT and jac is not None:
        assert np.array_equal(jac(res.x.copy()), res.jac) and np.abs(res.jac).max() <= max(gtol, 0.0)


@FEW
@given(objectives, starts, jacobians, methods, options, st.booleans(), st.sampled_from([None, 1e-3]))
def test_minimize(fun, x0, jac, method, options, watched, tol):
    own = GRADIENTS.get(fun, lambda x, *args: 2 * x)
    seen = []

    def callback(x):
        seen.append(x.copy())
        x[:] = math.nan

    options = {"maxfun": 60, **options}
    res = attempt(
        minimize,
        limited(fun),
        x0,
        (np.ones(2),) if fun is square else (),
        method,
        own if jac == "own" else jac,
        tol=tol,
        callback=callback if watched else None,
        options=options,
    )
    if res is None or res.status is Status.INTERRUPTED:
        return
    descends = res.checkpoint is not None and "line_search" not in options and method not in ("adam", "sgd")
    args = (np.ones(2),) if fun is square else ()
    gtol = options.get("gtol", tol or 1e-5)
    check(res, lambda x: fun(x, *args), own if jac == "own" else None, x0, 1e-5 if gtol is None else gtol, descends)
    assert not watched or len(seen) == res.nit


@FEW
@given(vectors, st.sampled_from(SEARCHING), st.sampled_from(["own", "joint", None]), options)
def test_minimize_compiled(x0, method, jac, options):
    fun, derivative = (rosenbrock_joint, True) if jac == "joint" else (rosenbrock, rosenbrock_gradient if jac else None)
    hess = rosenbrock_hessian if jac == "own" and method == "newton" else None
    options = {"maxfun": 60, "maxiter": 30, **options}
    res = attempt(minimize, fun, x0, (), method, derivative, hess, options=options)
    if res is not None:
        gtol = options.get("gtol", 1e-5)
        exact = rosenbrock_gradient if jac == "own" else None
        check(res, rosenbrock, exact, x0, 1e-5 if gtol is None else gtol, "line_search" not in options)


@FEW
@given(objectives, starts, jacobians, st.sampled_from([0, 1, 2, 2.5, None]), st.integers(0, 3))
def test_minimize_batch(fun, x0, jac, n_jobs, k):
    own = GRADIENTS.get(fun, lambda x, *args: 2 * x)
    x0 = [x0] * k
    res = attempt(minimize_batch, fun, x0, jac=own if jac == "own" else jac, options={"maxfun": 40}, n_jobs=n_jobs)
    if res is not None:
        assert res.x.shape[0] == len(res.fun) == len(res.success) == k
        for x, f, success in zip(res.x, res.fun, res.success, strict=True):
            assert not success or (f == value_at(fun, x) and math.isfinite(f))


@FEW
@given(starts, methods, options, st.lists(st.tuples(nasty, nasty), max_size=12))
def test_solver(x0, method, options, told):
    solver = attempt(lambda _, x0, method: Solver(x0, method, options=options), None, x0, method)
    if solver is None:
        return
    n, values = np.size(x0), []
    for f, g in told:
        if solver.done:
            break
        solver.ask()[:] = math.nan  # The returned array is a copy.
        if "value" in solver.wants or "gradient" in solver.wants:
            solver.tell(f, np.full(n, float(g)), np.eye(n))
            values.append(float(f))
        else:
            solver.tell(hess=np.full((n, n), float(g)))
    res = solver.result
    assert not res.success or (math.isfinite(res.fun) and res.fun in values)


@FEW
@given(starts, starts, jacobians, st.one_of(st.floats(), st.just("long")))
def test_line_search(x, p, jac, alpha):
    own = GRADIENTS[powers]
    found = attempt(line_search, limited(powers), x, p, jac=own if jac == "own" else jac, alpha=alpha)
    if found is not None and found.success:
        assert math.isfinite(found.fun) and found.alpha > 0.0


ROOTS = [
    lambda x: x * x - 2.0,
    lambda x: np.exp(x),
    lambda x: np.full_like(x, math.nan),
    lambda x: None,
    lambda x: x[:1],
    lambda x: x * 1j,
    lambda x: np.where(x > 1.0, math.inf, x - 0.5),
]


@FEW
@given(st.sampled_from(ROOTS), starts, st.sampled_from([None, "3-point", "cs", lambda x: np.eye(3), True]), options)
def test_root(fun, x0, jac, options):
    options = {"maxiter": 30} | {name: value for name, value in options.items() if name != "time_limit"}
    res = attempt(root, limited(fun), x0, (), jac, options=options)
    if res is not None and res.success:
        with np.errstate(all="ignore"):
            f = np.asarray(fun(res.x))
        assert np.array_equal(f, res.fun) and np.isfinite(f).all()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_start_that_is_no_point_is_never_a_success(bad):
    """The objective returns anything there."""
    for method in [*SEARCHING, "adam"]:
        res = minimize(lambda x: 1.0, [bad, 0.0], jac=lambda x: np.zeros(2), method=method)
        assert not res.success
