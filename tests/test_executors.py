"""Batches on executors: the same rows, a bounded number of tasks in flight, lost workers replaced.

Covers: _drivers/executors.py, _numba_ext/pickling.py.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import types
from collections import deque
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

from quasinewton import Status, minimize_batch
from quasinewton._drivers import progress
from quasinewton._drivers.executors import Here, call_from_bytes, distribute, goes_by_value, number_of_workers, portable
from quasinewton._numba_ext import pickling

fcntl = pytest.importorskip("fcntl")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and locks")


@njit
def parabola(x, at, scale):
    """Return a parabola and its gradient, or raise where `at` is −1."""
    if at == -1.0:
        raise ValueError("not here")
    return scale * np.sum((x - at) ** 2), 2.0 * scale * (x - at)


def python_parabola(x, at, scale):
    """Return a parabola and its gradient in Python."""
    return parabola.py_func(x, at, scale)


def held(x, file, at):
    """Return a parabola and its gradient; from 300 on, wait until the lock of a file is released.
    """
    if at >= 300.0:
        with open(file) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
    return parabola.py_func(x, at, 1.0)


def deadly(x, flag, at):
    """Return a parabola and its gradient; at −2 kill the process unless this file exists."""
    if at == -2.0 and not os.path.exists(flag):
        if flag:
            open(flag, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return parabola.py_func(x, at, 1.0)


def processes():
    """Return an executor of two processes that share nothing with this one."""
    return ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))


def assert_rows_equal(found, expected):
    """Assert that both results are equal."""
    for name in ("x", "fun", "jac", "status", "success", "nit", "nfev", "njev"):
        np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("executor", [lambda: ThreadPoolExecutor(3), processes, Here])
@pytest.mark.parametrize("fun", [parabola, python_parabola])
def test_rows_are_those_of_a_batch_here(executor, fun):
    at = np.arange(100.0)
    at[[7, 70]] = -1.0
    task = dict(fun=fun, X0=np.zeros((100, 2)), args=(), batch_args=(at, np.linspace(1, 2, 100)), jac=True)
    with executor() as pool:
        found = minimize_batch(**task, executor=pool, chunk_size=9)
    assert_rows_equal(found, minimize_batch(**task))
    assert sorted(found.errors) == [7, 70] and found.errors[70].args == ("not here",)
    assert found.message == "98 of 100 problems succeeded. Others: 2 RAISED. Problem 7 raised ValueError: not here"


def test_newton_brings_its_hessians_back():
    task = dict(fun=parabola, X0=np.zeros((5, 2)), batch_args=(np.arange(5.0), np.ones(5)), jac=True, method="newton")
    found = minimize_batch(**task, executor=Here())
    assert found.hess == pytest.approx(np.tile(2.0 * np.eye(2), (5, 1, 1)), abs=1e-6)


def test_a_worker_may_die(tmp_path):
    """A broken pool is replaced, and its unfinished tasks are run again."""
    at = np.arange(40.0)
    at[17] = -2.0
    with processes() as pool:
        args = str(tmp_path / "flag")
        found = minimize_batch(deadly, np.zeros((40, 2)), args, at, jac=True, executor=pool, chunk_size=4)
    assert found.success.all() and found.x[:, 0] == pytest.approx(at, abs=1e-5)


def test_what_always_kills_its_worker_is_lost_alone():
    at = np.arange(9.0)
    at[4] = -2.0
    with processes() as pool:
        found = minimize_batch(deadly, np.zeros((9, 2)), "", at, jac=True, executor=pool, chunk_size=1)
    assert list(found.errors) == [4] and isinstance(found.errors[4], BrokenExecutor)
    assert found.status[4] is Status.RAISED and found.success.sum() == 8


def test_mistakes_of_the_call_are_raised():
    with pytest.raises(TypeError, match=r"executor must be an object; got the class: give ThreadPoolExecutor\(\)"):
        minimize_batch(parabola, np.zeros((4, 2)), (1.0, 1.0), jac=True, executor=ThreadPoolExecutor)
    with ThreadPoolExecutor(2) as pool, pytest.raises(TypeError, match="fun does not compile"):
        minimize_batch(parabola, np.zeros((4, 2)), (1.0,), jac=True, executor=pool)
    with processes() as pool:
        assert minimize_batch(lambda x: np.sum((x - 1.0) ** 2), np.zeros((4, 2)), executor=pool).success.all()


class Fragile(Executor):
    """An executor that makes its calls on demand.

    It loses the first calls of some tasks, and counts those in flight.
    """

    def __init__(self, losses, error):
        self.losses, self.error = dict(losses), error
        self.calls, self.most, self.submitted = deque(), 0, 0

    def submit(self, function, /, *args):
        future = Future()
        self.calls.append((future, function, args))
        self.most = max(self.most, len(self.calls))
        self.submitted += 1
        return future

    def make_calls(self):
        while self.calls:
            future, function, args = self.calls.popleft()
            lost = self.losses.get(args[0], 0)
            self.losses[args[0]] = lost - 1
            if lost > 0 and self.error is None:
                future.cancel()
                future.set_running_or_notify_cancel()
            elif lost > 0:
                future.set_exception(self.error)
            else:
                future.set_result(function(*args))


class KilledWorker(Exception):
    """Stand for Dask's exception of this name."""


@pytest.mark.parametrize("error", [KilledWorker("w"), ConnectionError("gone"), None])
def test_losses_are_made_good(error):
    executor = Fragile({3: 2, 5: 1, 8: 9}, error)
    tasks = iter([(i, (i,)) for i in range(20)])
    found = {key: (result, error) for key, result, error in distribute(executor, str, tasks, 4, executor.make_calls)}
    assert executor.most == 4 and sorted(found) == list(range(20))
    assert all(found[i] == (str(i), None) for i in range(20) if i != 8)
    assert found[8][0] is None and isinstance(found[8][1], type(error) if error else BaseException)


def test_an_executor_that_loses_everything_is_given_up():
    """Each task in flight is tried once more, and no other task is started.

    An example is a pool whose workers cannot load the function.
    """
    executor = Fragile(dict.fromkeys(range(100), 9), ConnectionError("gone"))
    tasks = iter([(i, (i,)) for i in range(100)])
    found = list(distribute(executor, str, tasks, 4, executor.make_calls))
    assert sorted(key for key, _, _ in found) == list(range(100))
    assert all(result is None and isinstance(error, ConnectionError) for _, result, error in found)
    assert executor.submitted == 2 * 4


def test_functions_without_a_name_go_by_value():
    inner = 2.0

    def within(x, a):
        return (x[0] - inner * a) ** 2

    assert goes_by_value((within, ())) and goes_by_value((lambda x: x, 1.0))
    assert not goes_by_value((python_parabola, np.zeros(3)))
    assert not goes_by_value((lambda x: x, threading.Lock()))  # A lock cannot be pickled at all.
    pickled = pickling.dumps((within, (np.array([3.0]), 1.0)))
    assert call_from_bytes(pickled) == 1.0


def test_those_of_an_interactive_session_go_by_value(monkeypatch):
    class Session:
        pass

    main = Session()
    main.typed = types.FunctionType(python_parabola.__code__, {"__name__": "__main__", "parabola": parabola}, "typed")
    main.typed.__qualname__ = "typed"
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert goes_by_value((main.typed,))
    main.__file__ = "script.py"
    assert not goes_by_value((main.typed,))


@pytest.mark.slow
def test_a_function_of_an_interactive_session_works_in_a_spawned_pool():
    source = textwrap.dedent(
        """
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        import numpy as np
        from quasinewton import minimize_batch
        shift = 1.0
        def fun(x, a): return (x[0] - a - shift) ** 2

        pool = ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))
        res = minimize_batch(fun, np.zeros((4, 1)), batch_args=(np.arange(4.0),), executor=pool)
        pool.shutdown()
        print(res.message, np.round(res.x[:, 0], 3).tolist())
        """
    )
    run = subprocess.run([sys.executable, "-i"], input=source, capture_output=True, text=True, check=True)
    assert "4 of 4 problems succeeded. [1.0, 2.0, 3.0, 4.0]" in run.stdout


def test_tasks_are_made_as_they_are_wanted():
    """Tasks are created on demand, so that memory is bounded."""
    made, taken, most = [], 0, 0

    def tasks():
        for i in range(50):
            made.append(i)
            yield i, (i,)

    with ThreadPoolExecutor(2) as pool:
        for _ in distribute(pool, str, tasks(), 4, lambda: None):
            taken += 1
            most = max(most, len(made) - taken)
    assert taken == 50 and most <= 4


def test_exceptions_of_the_function_are_raised_and_the_rest_is_cancelled():
    called, cancelled = [], threading.Event()

    def function(i):
        called.append(i)
        if i > 0:
            cancelled.wait()
        return 1 // i

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(ZeroDivisionError):
            list(distribute(pool, function, iter([(i, (i,)) for i in range(100)]), 10, lambda: None))
        cancelled.set()
    assert called in ([0], [0, 1])


def test_a_broken_executor_of_unknown_kind_is_done_without():
    class Broken(Executor):
        def submit(self, function, /, *args):
            raise BrokenExecutor

    found = list(distribute(Broken(), str, iter([(1, (1,)), (2, (2,))]), 4, lambda: None))
    assert sorted(found) == [(1, "1", None), (2, "2", None)]


def test_callback_and_progress(capsys, monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    seen = []
    task = dict(fun=python_parabola, X0=np.zeros((200, 1)), batch_args=(np.arange(200.0), np.ones(200)), jac=True)
    with ThreadPoolExecutor(2) as pool:
        res = minimize_batch(**task, executor=pool, chunk_size=10, callback=seen.append, progress=True)
        assert res.success.all() and "200/200" in capsys.readouterr().err
        counts = [np.count_nonzero(early.success) for early in seen]
        assert counts == sorted(counts) and set(counts) >= set(range(10, 201, 10))

        def stop(res):
            if res.success.any():
                raise StopIteration

        res = minimize_batch(**task, executor=pool, chunk_size=10, callback=stop)
        assert sorted(status.name for status in res.status) == ["CALLBACK"] * 190 + ["GRADIENT"] * 10


def test_exceptions_are_sent_as_they_are_if_they_can_be():
    error = ValueError("text", 3)
    assert portable(error) is error

    class Local(Exception):
        pass

    assert type(portable(Local("text"))) is RuntimeError and "Local: text" in str(portable(Local("text")))


def test_width():
    with ThreadPoolExecutor(3) as pool:
        assert number_of_workers(pool) == 3
    assert number_of_workers(Here()) == 0


@pytest.fixture(scope="module")
def cluster():
    """Yield a client of two Dask workers in processes of their own."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.mark.filterwarnings("default")
class TestDask:
    def test_rows_are_those_of_a_batch_here(self, cluster):
        task = dict(fun=parabola, X0=np.zeros((500, 3)), batch_args=(np.arange(500.0), np.ones(500)), jac=True)
        with cluster.get_executor() as executor:
            assert number_of_workers(executor) == 2
            assert_rows_equal(minimize_batch(**task, executor=executor), minimize_batch(**task))

    def test_a_worker_is_killed_in_the_middle(self, cluster, tmp_path, monkeypatch):
        """Nothing is lost if a worker is killed.

        The second half of the problems waits for that, and occupies the workers, on the lock of a
        file.
        """
        monkeypatch.setattr(progress, "INTERVAL", 0.0)
        at, killed = np.arange(600.0), []
        with open(tmp_path / "lock", "w") as lock, cluster.get_executor() as executor:
            fcntl.flock(lock, fcntl.LOCK_EX)

            def kill(res):
                if not killed and res.success.any():
                    assert not res.success[300:].any()
                    killed.append(next(iter(cluster.run(os.getpid).values())))
                    os.kill(killed[0], signal.SIGKILL)
                    fcntl.flock(lock, fcntl.LOCK_UN)

            task = dict(X0=np.zeros((600, 1)), jac=True)
            found = minimize_batch(
                held, args=lock.name, batch_args=at, executor=executor, chunk_size=20, callback=kill, **task
            )
        assert killed and found.success.all() and not found.errors
        assert_rows_equal(found, minimize_batch(parabola, batch_args=(at, np.ones(600)), **task))
