"""A batch equals its single solves bit for bit, for every number of threads and every failure.

Covers: _arguments/batch_values.py, _api/minimize_batch.py, _api/minimize_multistart.py,
_drivers/{batch_result,thread_pool,vectorized,progress}.py.
"""

import pickle
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from events import pass_once, press_ctrl_c, wait_for
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from objectives import rosenbrock_inplace
from processes import run

from quasinewton import LBFGS, SGD, Adam, BatchResult, Newton, Status, minimize, minimize_batch, minimize_multistart
from quasinewton._drivers import progress, vectorized
from quasinewton._drivers import thread_pool as crews
from quasinewton.schedules import cosine


@njit
def poisson(b, D, y):
    """Return the negative log-likelihood of Poisson counts, and its gradient."""
    f, g = 0.0, np.zeros(b.size)
    for i in range(y.size):
        z = 0.0
        for j in range(b.size):
            z += D[i, j] * b[j]
        mean = np.exp(z)
        f += mean - y[i] * z
        for j in range(b.size):
            g[j] += (mean - y[i]) * D[i, j]
    return f, g


@njit
def bent(x, weight, at):
    """Return a curved valley with its minimum at (at, at²)."""
    a, b = x[1] - x[0] * x[0], at - x[0]
    return weight * (100.0 * a * a + b * b)


@njit
def bent_gradient(x, weight, at):
    """Return the gradient of `bent`."""
    a, b = x[1] - x[0] * x[0], at - x[0]
    return weight * np.array([-400.0 * a * x[0] - 2.0 * b, 200.0 * a])


@njit
def bent_hessian(x, weight, at):
    """Return the Hessian of `bent`."""
    off = -400.0 * x[0]
    return weight * np.array([[1200.0 * x[0] ** 2 - 400.0 * x[1] + 2.0, off], [off, 200.0]])


@njit
def bent_joint(x, weight, at):
    """Return value and gradient of `bent`."""
    return bent(x, weight, at), bent_gradient(x, weight, at)


@njit
def fussy(x, at):
    """Return a parabola that raises, is NaN, or is unbounded below, depending on `at`."""
    if at == 3.0 and x[0] < 5.0:
        raise ValueError("not here", 3)
    f = np.sum((x - at) ** 2)
    return (np.nan, x) if at == 5.0 else (f, 2.0 * (x - at)) if at != 7.0 else (-x[0], np.array([-1.0]))


@njit
def deceived(x, at):
    """Return a parabola whose gradient has the wrong sign where `at` is odd."""
    return np.sum((x - at) ** 2), (2.0 if at % 2 == 0 else -2.0) * (x - at)


@njit
def held(x, gate, is_held):
    """Return a parabola and its gradient; a problem that is held waits until the gate is open."""
    if is_held:
        wait_for(gate)
    return np.sum(x * x), 2.0 * x


@njit
def endless(x, gate, is_endless):
    """Return a parabola, or a line that falls for ever, and the gradient.

    Ctrl-C is pressed on the line once the gate is open.
    """
    if not is_endless:
        return np.sum(x * x), 2.0 * x
    if pass_once(gate):
        press_ctrl_c(gate[1])
    return 1e-4 * np.sum(x), np.full(x.size, 1e-4)


# Fixed steps for `endless`: half of x on the parabola, 2.5e-5 on the line.
STEPS = dict(jac=True, method="sgd", lr=0.25, maxiter=10**15)


def assert_rows_are_singles(res, singles):
    """Assert that every row is the result of `minimize`."""
    for i, single in enumerate(singles):
        row = res.row(i)
        for name in ("x", "jac", "hess"):
            assert (name in row) == (name in single)
            if name in row:
                np.testing.assert_array_equal(row[name], single[name])
        for name in ("nit", "nfev", "njev", "success"):
            assert row[name] == single[name] and type(row[name]) is type(single[name]), name
        # A batch reports the scheme of differences it begins with; each row refines it as a single
        # solve does.
        assert row.jac_mode == single.jac_mode or (row.jac_mode, single.jac_mode) == ("2-point", "3-point")
        assert row.status is single.status and row.get("nhev") == single.get("nhev")
        assert row.fun == single.fun or np.isnan(row.fun) and np.isnan(single.fun)
        if single.status is Status.LINE_SEARCH or single.success:
            assert row.message == single.message and row.get("diagnosis") == single.get("diagnosis")
        else:  # For other failures a row has only the status.
            assert single.message.startswith(row.message) and "diagnosis" not in row


def problems(k, seed=0):
    """Return starts and arguments of `bent`."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(k, 2)), rng.uniform(0.5, 2.0, k)


CASES = {
    "default": dict(fun=bent),
    "lbfgs": dict(fun=bent, jac=bent_gradient, method=LBFGS(memory=3), gtol=1e-9),
    "bfgs": dict(fun=bent_joint, jac=True, method="bfgs", options={"line_search": "strong-wolfe"}),
    "bfgs, H given": dict(fun=bent_joint, jac=True, method="bfgs", hess_inv0=np.diag([0.1, 0.2])),
    "central": dict(fun=bent, jac="3-point", method="bfgs"),
    "newton": dict(fun=bent, jac=bent_gradient, hess=bent_hessian, method="newton"),
    "newton by differences": dict(fun=bent, method=Newton(), eps=1e-6),
    "gradient descent": dict(fun=bent_joint, jac=True, method="gradient-descent", maxiter=50),
    "adam": dict(fun=bent_joint, jac=True, method=Adam(lr=0.1), schedule=cosine(), maxiter=60, clip_norm=1.0),
    "decay": dict(fun=bent, method=SGD(lr=1e-3, weight_decay=0.1), decay_mask=np.array([True, False]), maxiter=30),
    "python": dict(fun=bent.py_func, method="bfgs"),
    "mixed": dict(fun=bent_joint.py_func, jac=True),
    "compiled, called by the interpreter": dict(fun=bent, jac=lambda *arguments: bent_gradient(*arguments)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_rows_are_single_solves(case, n_jobs):
    X0, at = problems(23)
    res = minimize_batch(X0=X0, args=(2.0,), batch_args=(at,), n_jobs=n_jobs, **case)
    assert isinstance(res, BatchResult)
    assert_rows_are_singles(res, [minimize(x0=x0, args=(2.0, a), **case) for x0, a in zip(X0, at, strict=True)])


@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 40), n_jobs=st.integers(1, 5), n=st.integers(1, 9))
def test_order_and_threads_change_no_bit(seed, k, n_jobs, n):
    rng = np.random.default_rng(seed)
    D, y = rng.normal(size=(k, 12, n)), rng.poisson(3.0, size=(k, 12))
    X0 = 0.3 * rng.normal(size=(k, n))
    res = minimize_batch(poisson, X0, batch_args=(D, y), jac=True, n_jobs=n_jobs)
    assert_rows_are_singles(res, [minimize(poisson, X0[i], (D[i], y[i]), jac=True) for i in range(k)])
    order = rng.permutation(k)
    other = minimize_batch(poisson, X0[order], batch_args=(D[order], y[order]), jac=True, n_jobs=1)
    for name in ("x", "fun", "jac", "status", "success", "nit", "nfev", "njev"):
        np.testing.assert_array_equal(other[name], res[name][order])


def test_pages_of_arguments(monkeypatch):
    """Packed arguments are made in blocks of bounded size."""
    X0, at = problems(50)
    whole = minimize_batch(bent, X0, (1.0,), (at,))
    monkeypatch.setattr(crews, "PAGE", 100)
    np.testing.assert_array_equal(minimize_batch(bent, X0, (1.0,), (at,), n_jobs=2).x, whole.x)


@pytest.mark.parametrize(
    ("dtype", "shape", "arrange"),
    [
        (np.float32, (6,), np.ascontiguousarray),
        (np.bool_, (6,), lambda array: array[::-1]),
        (np.int64, (6, 2), np.asfortranarray),
        (np.int8, (6, 2, 3), np.ascontiguousarray),
        (np.float64, (6, 2, 3), np.asfortranarray),
    ],
)
def test_rows_of_any_kind(dtype, shape, arrange):
    array = arrange(np.arange(np.prod(shape)).reshape(shape).astype(dtype))

    @njit
    def f(x, row, shift):
        target = np.sum(np.asarray(row)) + shift
        return (x[0] - target) ** 2, 2.0 * (x - target)

    array.flags.writeable = False
    res = minimize_batch(f, np.zeros((6, 1)), batch_args=(array, np.arange(6.0)), jac=True)
    expected = [minimize(f, [0.0], (array[i], float(i)), jac=True) for i in range(6)]
    assert_rows_are_singles(res, expected)


def test_arguments_may_be_missing_or_bare():
    X0 = np.random.default_rng(1).normal(size=(5, 3))
    res = minimize_batch(rosenbrock_inplace, X0, jac="inplace")
    assert_rows_are_singles(res, [minimize(rosenbrock_inplace, x0, jac="inplace") for x0 in X0])
    res = minimize_batch(lambda x, a, b: np.sum((x - a - b) ** 2), X0, 1.0, np.arange(5))
    assert res.x[:, 0] == pytest.approx(1.0 + np.arange(5), abs=1e-4)


def test_nothing_of_the_caller_is_changed():
    X0, at = problems(5)
    kept = X0.copy(), at.copy()
    res = minimize_batch(bent, X0, (1.0,), (at,))
    assert np.array_equal(X0, kept[0]) and np.array_equal(at, kept[1]) and not np.shares_memory(res.x, X0)


def test_an_empty_batch():
    res = minimize_batch(bent, np.empty((0, 2)), (1.0,), (np.empty(0),))
    assert res.x.shape == (0, 2) and res.fun.shape == res.status.shape == (0,)
    assert res.message == "0 of 0 problems succeeded."


def test_types_of_the_result():
    res = minimize_batch(bent, np.zeros((4, 2)), (1.0,), (np.ones(4),))
    assert res.x.dtype == res.fun.dtype == res.jac.dtype == np.float64 and res.success.dtype == np.bool_
    assert res.nit.dtype == res.nfev.dtype == res.njev.dtype == np.int64
    assert all(status is Status.GRADIENT for status in res.status) and (res.status == 0).all()
    assert "4 of 4 problems succeeded" in repr(res) and pickle.loads(pickle.dumps(res)).row(1).x[0] == res.x[1, 0]
    with pytest.raises(IndexError):
        res.row(4)
    np.testing.assert_array_equal(res.row(-1).x, res.x[3])


class TestTrouble:
    @pytest.mark.parametrize("n_jobs", [1, 2])
    @pytest.mark.parametrize("compiled", [True, False])
    def test_of_one_problem_is_its_own(self, compiled, n_jobs):
        fun, at = fussy if compiled else fussy.py_func, np.arange(9.0)
        res = minimize_batch(fun, np.full((9, 1), 9.0), batch_args=at, jac=True, n_jobs=n_jobs)
        well = [i for i in range(9) if i not in (3, 5, 7)]
        assert_rows_are_singles(
            minimize_batch(fun, np.full((6, 1), 9.0), batch_args=at[well], jac=True),
            [minimize(fun, [9.0], (at[i],), jac=True) for i in well],
        )
        assert res.success[well].all() and res.x[well, 0] == pytest.approx(at[well], abs=1e-5)
        assert res.status[3] is Status.RAISED and not res.success[3] and res.errors[3].args == ("not here", 3)
        assert res.row(3).error is res.errors[3] and list(res.errors) == [3]
        assert res.status[5] is Status.NONFINITE and res.status[7] is Status.UNBOUNDED
        endings = "6 of 9 problems succeeded. Others: 1 NONFINITE, 1 UNBOUNDED, 1 RAISED."
        assert res.message == f"{endings} Problem 3 raised ValueError: ('not here', 3)"

    def test_best_point_before_an_exception_is_kept(self):
        with pytest.raises(ValueError) as caught:
            minimize(fussy, [9.0], (3.0,), jac=True)
        res = minimize_batch(fussy, np.full((2, 1), 9.0), batch_args=np.array([3.0, 3.0]), jac=True)
        assert (res.x == caught.value.result.x).all() and (res.fun == caught.value.result.fun).all()

    @pytest.mark.parametrize("compiled", [True, False])
    def test_failed_searches_are_diagnosed(self, compiled):
        fun, at = deceived if compiled else deceived.py_func, np.arange(6.0)
        X0 = np.full((6, 2), 0.5)
        res = minimize_batch(fun, X0, batch_args=at, jac=True)
        assert_rows_are_singles(res, [minimize(fun, X0[0], (a,), jac=True) for a in at])
        assert "Check jac" in res.messages[1] and res.success.tolist() == [True, False] * 3

    def test_all_problems_may_raise(self):
        res = minimize_batch(fussy, np.zeros((200, 1)), batch_args=np.full(200, 3.0), jac=True, n_jobs=4)
        assert len(res.errors) == 200 and (res.status == Status.RAISED).all() and np.isnan(res.fun).all()

    def test_other_exceptions_of_python_pass_with_the_result(self):
        def fun(x, i):
            if i == 2:
                raise SystemExit(3)
            return np.sum(x * x)

        with pytest.raises(SystemExit) as caught:
            minimize_batch(fun, np.ones((4, 1)), batch_args=np.arange(4))
        assert caught.value.result.success.tolist() == [True, True, False, False]


class TestInput:
    @pytest.mark.parametrize(
        ("changes", "error", "words"),
        [
            (dict(X0=np.zeros(3)), ValueError, r"X0 must have shape \(k, n\).*got \(3,\)"),
            (dict(X0=np.zeros((3, 0))), ValueError, "X0 must have shape"),
            (dict(X0=np.zeros((3, 2), complex)), ValueError, "X0 must be real"),
            (dict(X0=[["a", "b"]] * 3), TypeError, "X0 must hold real numbers"),
            (dict(batch_args=(np.ones(4),)), ValueError, r"batch_args\[0\].* 3 rows of X0; it has 4 rows"),
            (dict(batch_args=(np.ones(3), 1.0)), ValueError, r"batch_args\[1\].*a single value"),
            (dict(method="simplex"), ValueError, "Unknown solver"),
            (dict(fun=3), TypeError, "fun must be callable"),
            (dict(jac="4-point"), ValueError, "jac must be"),
            (dict(n_jobs=0), ValueError, "n_jobs must be at least 1"),
            (dict(n_jobs=1.5), TypeError, "n_jobs must be an integer"),
            (dict(history=True), ValueError, "'history' is an option of single problems"),
            (dict(options={"gtol": "tight"}), TypeError, "gtol must be a real number"),
            (dict(executor=3), TypeError, "executor must have a method submit"),
            (dict(chunk_size=0), ValueError, "chunk_size must be at least 1"),
            (dict(callback=3), TypeError, "callback must be callable, got int"),
            (dict(vectorized="no"), ValueError, "vectorized must be True or False, got 'no'"),
            (dict(checkpoint=3), ValueError, "'checkpoint' is an argument of `minimize`"),
            (dict(vectorized=True, method="newton"), ValueError, "wants Hessians"),
            (dict(args=(1.0, 2.0)), TypeError, "fun does not compile"),
        ],
    )
    def test_is_checked_before_anything_runs(self, changes, error, words):
        given = dict(fun=bent, X0=np.zeros((3, 2)), args=(1.0,), batch_args=(np.ones(3),))
        with pytest.raises(error, match=words):
            minimize_batch(**(given | changes))

    def test_no_tqdm(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
        with pytest.raises(ImportError, match="tqdm"):
            minimize_batch(bent, np.zeros((3, 2)), (1.0,), (np.ones(3),), progress=True)


class TestWatching:
    def test_progress_is_shown(self, capsys):
        pytest.importorskip("tqdm")
        minimize_batch(bent, np.zeros((30, 2)), (1.0,), (np.ones(30),), progress=True)
        assert "30/30" in capsys.readouterr().err

    @pytest.mark.parametrize("fun", [held, held.py_func], ids=["compiled", "python"])
    def test_callback_sees_what_is_finished(self, fun, monkeypatch):
        """The callback is called after two problems have ended and before the others end."""
        monkeypatch.setattr(progress, "INTERVAL", 0.0)
        gate, seen = np.zeros(1, np.int64), []

        def callback(res):
            seen.append(res)
            if np.count_nonzero(res.status == Status.GRADIENT) >= 2:
                gate[0] = 1

        is_held = np.array([False, False, True, True])
        fun = fun if fun is held else lambda x, gate, is_held: held.py_func(x, gate, False)
        res = minimize_batch(fun, np.ones((4, 1)), (gate,), is_held, jac=True, callback=callback, n_jobs=2)
        assert res.success.all()
        assert any([status.name for status in early.status] == ["GRADIENT"] * 2 + ["RUNNING"] * 2 for early in seen)
        np.testing.assert_array_equal(seen[-1].x, res.x)
        assert not np.shares_memory(seen[-1].x, res.x)

    def test_callback_ends_a_batch(self, monkeypatch):
        monkeypatch.setattr(progress, "INTERVAL", 0.0)

        def stop(res):
            if res.success.sum() == 2:
                raise StopIteration

        is_endless = np.array([False, False, True, True, False])
        gate = np.zeros(2, np.int64)
        res = minimize_batch(endless, np.ones((5, 1)), (gate,), is_endless, callback=stop, n_jobs=2, **STEPS)
        assert [status.name for status in res.status] == ["GRADIENT"] * 2 + ["CALLBACK"] * 3

    def test_exceptions_of_a_callback_pass(self):
        with pytest.raises(KeyError) as caught:
            minimize_batch(bent, np.zeros((3, 2)), (1.0,), (np.ones(3),), callback=lambda res: {}["no"])
        assert caught.value.result.success.all()

    def test_time_limit_is_for_each_problem(self):
        """The time limit holds for each problem.

        The second problem exhausts its limit; the third, which takes microseconds, has its own.
        """

        @njit
        def falling(x, limit):
            return x[0] if x[0] > -limit else -np.inf, np.full(1, 1e-4)

        task = dict(batch_args=[1e-3, 1e300, 1e-3], time_limit=0.5, n_jobs=1, **STEPS)
        res = minimize_batch(falling, np.zeros((3, 1)), **task)
        assert [status.name for status in res.status] == ["UNBOUNDED", "TIME", "UNBOUNDED"]

    def test_a_slow_problem_holds_nobody(self, monkeypatch):
        """One of two threads solves all other problems while the slow one runs.

        The slow problem waits until the others have ended.
        """
        monkeypatch.setattr(progress, "INTERVAL", 0.0)
        gate = np.zeros(1, np.int64)

        def callback(res):
            gate[0] = res.success.sum() == 399

        is_held = np.arange(400) == 0
        res = minimize_batch(held, np.ones((400, 1)), (gate,), is_held, jac=True, n_jobs=2, callback=callback)
        assert res.success.all()


INTERRUPTED = """
import os
from collections import Counter
import numpy as np
from quasinewton import minimize_batch
from quasinewton._drivers import progress
from test_batch import STEPS, endless

progress.INTERVAL = 0.0
gate = np.array([0, os.getpid()])

def callback(res):
    if res.success.sum() == 500:
        gate[0] += gate[0] == 0

FUN
is_endless = np.arange(1000) >= 500
res = minimize_batch(fun, np.ones((1000, 1)), (gate,), is_endless, callback=callback, n_jobs=2, **STEPS)
print(Counter(status.name for status in res.status), (res.x[is_endless] == 1.0).sum() >= 498)
"""
PYTHON = """
def fun(x, gate, is_endless):
    if is_endless and gate[0]:
        raise KeyboardInterrupt
    return (1e-4 * x.sum(), np.full(1, 1e-4)) if is_endless else (x @ x, 2.0 * x)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
@pytest.mark.parametrize("fun", ["fun = endless", PYTHON], ids=["compiled", "python"])
def test_interrupt_returns_what_is_finished(fun):
    """Ctrl-C is pressed when half of the problems have ended; the others never end."""
    found = run(INTERRUPTED.replace("FUN", fun))
    assert found == "Counter({'GRADIENT': 500, 'INTERRUPTED': 500}) True"


def test_the_loop_is_compiled_once_for_all_objectives():
    X0, at = problems(10)
    minimize_batch(bent_joint, X0, (1.0,), (at,), jac=True)
    known = len(crews.work.signatures)

    @njit
    def other(x, at, matrix):
        return np.sum((x - at) ** 2) + matrix[0, 0], 2.0 * (x - at)

    minimize_batch(other, np.zeros((4, 7)), (), (np.arange(4.0), np.ones((4, 2, 2))), jac=True)
    minimize_batch(rosenbrock_inplace, X0, jac="inplace", gtol=1e-3, method=LBFGS(memory=7))
    assert len(crews.work.signatures) == known


def test_memory_does_not_grow_with_the_number_of_problems(allocations):
    """Allocations do not grow with the number of problems, during the batch or after it.

    The objective allocates nothing. The same ten starts are repeated, since a check that few runs
    need, such as for a saddle, allocates workspace.
    """

    def allocated(k):
        starts = np.tile(problems(10)[0], (k // 10, 1))
        return allocations(minimize_batch, rosenbrock_inplace, starts, jac="inplace", n_jobs=1)

    allocated(10)
    few, many = allocated(10), allocated(1000)
    assert many.kept == few.kept == 0
    if sys.version_info < (3, 13):  # From 3.13 on the clock is read through an array.
        assert many.made == few.made


def test_exceptions_of_compiled_code_leak_no_more_than_in_single_solves(allocations):
    """Numba leaks what the raising frame holds, in single solves, too."""

    def singly():
        for _ in range(50):
            with pytest.raises(ValueError):
                minimize(fussy, [9.0], (3.0,), jac=True)

    def together():
        minimize_batch(fussy, np.full((50, 1), 9.0), batch_args=np.full(50, 3.0), jac=True)

    for solve in singly, together:
        solve()
    assert allocations(together).kept <= allocations(singly).kept


def test_batches_in_several_threads():
    X0, at = problems(200)
    expected, found = minimize_batch(bent, X0, (1.0,), (at,)).x, {}
    threads = [
        threading.Thread(target=lambda j=j: found.update({j: minimize_batch(bent, X0, (1.0,), (at,), n_jobs=2).x}))
        for j in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(np.array_equal(x, expected) for x in found.values())


class TestVectorized:
    @pytest.mark.parametrize(
        ("method", "options"),
        [("lbfgs", {}), ("bfgs", {"line_search": "hager-zhang"}), (Adam(lr=0.05), {"schedule": cosine()})],
        ids=["lbfgs", "bfgs", "adam"],
    )
    def test_rows_are_single_solves(self, method, options):
        options = {"maxiter": 200, **options}
        X0, at = problems(40)
        rounds = []

        def fun(X, index, weight, at):
            rounds.append(index)
            assert X.shape == (index.size, 2) and at.shape == index.shape
            pairs = [bent_joint(x.copy(), weight, a) for x, a in zip(X, at, strict=True)]
            X[...] = np.nan  # The objective may overwrite X.
            return np.array([f for f, g in pairs]), np.array([g for f, g in pairs])

        res = minimize_batch(fun, X0, (1.5,), (at,), method, vectorized=True, options=options)
        singles = [
            minimize(bent_joint, x0, (1.5, a), method, True, options=options) for x0, a in zip(X0, at, strict=True)
        ]
        assert_rows_are_singles(res, singles)
        assert len(rounds) == res.nfev.max() and sum(map(len, rounds)) == res.nfev.sum()
        assert all((np.diff(index) > 0).all() for index in rounds)

    def test_shapes_are_checked(self):
        with pytest.raises(ValueError, match=r"F of shape \(3,\).*got \(\)"):
            minimize_batch(lambda X, index: (0.0, X), np.ones((3, 2)), vectorized=True)
        with pytest.raises(ValueError, match=r"G of shape \(3, 2\).*got \(3,\)"):
            minimize_batch(lambda X, index: (X[:, 0], X[:, 0]), np.ones((3, 2)), vectorized=True)
        with pytest.raises(TypeError, match=r"must return a pair \(F, G\); it returns ndarray"):
            minimize_batch(lambda X, index: X[:, 0], np.ones((3, 2)), vectorized=True)

    def test_values_are_real_numbers(self):
        for F, words in (
            (np.full(2, 1j), "F must be real, but it is complex"),
            (np.ma.array([1.0, 2.0], mask=[True, False]), "F has masked values"),
            (["a", "b"], "F of real numbers; got <U1"),
        ):
            with pytest.raises(ValueError, match=words):
                minimize_batch(lambda X, index, F=F: (F, X), np.ones((2, 1)), vectorized=True)

    def test_exceptions_pass_with_what_is_finished(self):
        calls = []

        def fun(X, index):
            calls.append(index)
            if len(calls) == 4:
                raise error
            return np.sum(np.cosh(X), axis=1), np.sinh(X)

        error = OSError("the line is dead")
        with pytest.raises(OSError, match="the line is dead") as caught:
            minimize_batch(fun, np.array([[0.0], [3.0], [0.0]]), vectorized=True, gtol=1e-12)
        assert caught.value.result.success.tolist() == [True, False, True]
        res, error = caught.value.result, KeyboardInterrupt()
        assert 1.0 < res.fun[1] < np.cosh(3.0) and res.fun[1] == np.cosh(res.x[1, 0])  # This is the best point so far.
        calls.clear()
        res = minimize_batch(fun, np.array([[0.0], [3.0], [0.0]]), vectorized=True, gtol=1e-12)
        assert [status.name for status in res.status] == ["GRADIENT", "INTERRUPTED", "GRADIENT"]
        calls[:] = [None] * 3
        assert np.isnan(minimize_batch(fun, np.ones((2, 1)), vectorized=True).fun).all()

    def test_endings_are_judged_without_further_evaluations(self):
        """Runs that stagnate, because the gradient is not quite that of f, end where they are."""
        rows = []

        def fun(X, index):
            rows.extend(index)
            return 1e3 + np.sum(X**2, axis=1), 2.0 * X + 1e-6 * np.cos(1e9 * X)

        res = minimize_batch(fun, np.array([[3.0, -2.0], [0.5, 7.0]]), vectorized=True, gtol=0.0)
        assert res.nfev.tolist() == [rows.count(0), rows.count(1)] and not np.isnan(res.fun).any()

    def test_time_limit(self, monkeypatch):
        """Three evaluations of 0.1 s on the test's clock exceed the limit of 0.25 s."""
        clock = [10**15]
        monkeypatch.setattr(vectorized, "time", SimpleNamespace(monotonic_ns=lambda: clock[0]))

        def fun(X, index):
            clock[0] += 100_000_000
            return X[:, 0], np.ones_like(X)

        res = minimize_batch(
            fun, np.zeros((2, 1)), method="gradient-descent", line_search="fixed", vectorized=True, time_limit=0.25
        )
        assert (res.status == Status.TIME).all() and (res.nfev == 3).all()


@njit
def wells(x):
    """Return a function with four minima, of which one is the lowest."""
    return np.sum((x * x - 1.0) ** 2) + 0.1 * x[0] + 0.2 * x[1]


class TestMultistart:
    def test_finds_all_minima(self):
        X0 = np.random.default_rng(3).uniform(-2, 2, size=(60, 2))
        res = minimize_multistart(wells, X0, gtol=1e-8, method="bfgs")
        assert res.minima.shape == (4, 2) and (np.diff(res.minima_fun) > 0).all() and res.minima_count.sum() == 60
        assert (
            res.x == pytest.approx([-1.0125, -1.0245], abs=1e-2) and res.fun == res.minima_fun[0] == res.batch.fun.min()
        )
        np.testing.assert_array_equal(res.minima[0], res.x)
        assert [np.sign(x).tolist() for x in res.minima] == [[-1, -1], [1, -1], [-1, 1], [1, 1]]

    def test_distance(self):
        X0 = np.random.default_rng(3).uniform(-2, 2, size=(20, 2))
        assert len(minimize_multistart(wells, X0, distinct=1.9).minima) == 4
        assert len(minimize_multistart(wells, X0, distinct=3.0).minima) == 1

    def test_failures_are_no_minima(self):
        res = minimize_multistart(lambda x: x[0] if x[0] < 0 else (x[0] - 1.0) ** 2, [[1.5], [-1.0]], method="bfgs")
        assert res.success and res.x == pytest.approx([1.0], abs=1e-4) and len(res.minima) == 1
        res = minimize_multistart(lambda x: np.nan, [[1.5], [-1.0]])
        assert not res.success and res.minima.shape == (0, 1) and res.minima_count.shape == (0,)

    def test_input(self):
        with pytest.raises(ValueError, match="at least one start"):
            minimize_multistart(wells, np.empty((0, 2)))
        with pytest.raises(ValueError, match="distinct"):
            minimize_multistart(wells, np.ones((1, 2)), distinct=-1.0)
        with pytest.raises(ValueError, match="batch_args differ between problems; minimize_multistart has one"):
            minimize_multistart(wells, np.ones((1, 2)), batch_args=(np.ones(1),))
