"""Exceptions, signals, nesting and threads: the user's exceptions reach the user unchanged.

Covers: _numba_ext/python_calls.py, _numba_ext/unwinding.py, _objective/from_python.py,
_drivers/run.py.
"""

import sys
import threading

import numpy as np
import pytest
from numba import njit
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_hessian
from processes import run

from quasinewton import Solver, Status, minimize, minimize_batch
from quasinewton._numba_ext.operation_tables import TABLES, Table

X0 = [-1.2, 1.0]


class Trouble(Exception):
    """An exception class of this test alone."""


@njit
def explosive(x, limit):
    """Return `rosenbrock`, or raise below a limit."""
    f = rosenbrock(x)
    if f < limit:
        raise ValueError("too low", 7)
    return f


def raising(function, error, after):
    """Return a copy of `function` that raises `error` at call number `after`."""
    calls = []

    def wrapped(*arguments):
        calls.append(None)
        if len(calls) == after:
            raise error
        return function(*arguments)

    return wrapped


@pytest.mark.parametrize("after", [1, 2, 10])
@pytest.mark.parametrize("role", ["fun", "jac", "hess", "callback"])
@pytest.mark.parametrize(
    "error", [Trouble("text", 42), KeyboardInterrupt(), SystemExit(3)], ids=lambda e: type(e).__name__
)
def test_exception_passes_unchanged(role, after, error):
    functions = {"fun": rosenbrock, "jac": rosenbrock_gradient, "hess": rosenbrock_hessian, "callback": lambda x: None}
    functions[role] = raising(functions[role], error, after)
    with pytest.raises(type(error)) as caught:
        minimize(x0=X0, method="newton", **functions)
    assert caught.value is error
    assert any(entry.name == "wrapped" for entry in caught.traceback)
    del error.result


def test_result_of_an_exception_is_the_best_point():
    values = []

    def fun(x):
        if len(values) == 12:
            raise Trouble
        values.append(rosenbrock(x))
        return values[-1]

    with pytest.raises(Trouble) as caught:
        minimize(fun, X0, jac=rosenbrock_gradient)
    res = caught.value.result
    assert res.status is Status.INTERRUPTED and res.success is False
    assert res.fun == rosenbrock(res.x) == min(values) and res.nit > 3


def test_exception_at_the_first_evaluation_leaves_the_start():
    with pytest.raises(Trouble) as caught:
        minimize(raising(rosenbrock, Trouble(), 1), X0, jac=rosenbrock_gradient)
    res = caught.value.result
    assert res.x.tolist() == X0 and np.isnan(res.fun) and res.nit == 0


@pytest.mark.parametrize("jac", [None, "3-point"])
def test_exception_within_a_difference(jac):
    error = Trouble("in a difference")
    with pytest.raises(Trouble) as caught:
        minimize(raising(rosenbrock, error, 17), X0, jac=jac)
    assert caught.value is error and caught.value.result.nit > 0


def test_exception_of_compiled_code():
    with pytest.raises(ValueError, match="too low") as caught:
        minimize(explosive, X0, (1e-3,))
    assert caught.value.args == ("too low", 7)
    assert caught.value.result.fun >= 1e-3 and caught.value.result.nit > 3
    assert minimize(explosive, X0, (-1.0,)).success


def test_a_run_after_an_exception_is_as_good_as_any():
    expected = minimize(rosenbrock, X0, jac=rosenbrock_gradient).x
    for after in 1, 5:
        with pytest.raises(Trouble):
            minimize(raising(rosenbrock, Trouble(), after), X0, jac=rosenbrock_gradient)
        assert np.array_equal(minimize(rosenbrock, X0, jac=rosenbrock_gradient).x, expected)


def test_stop_iteration_of_an_objective_is_an_error():
    """StopIteration ends a run only if a callback raises it."""
    with pytest.raises(StopIteration):
        minimize(raising(rosenbrock, StopIteration(), 3), X0, jac=rosenbrock_gradient)


def test_exceptions_without_room_for_a_result():
    class Slotted(Exception):
        __slots__ = ()

        def __setattr__(self, name, value):
            raise AttributeError(name)

    with pytest.raises(Slotted):
        minimize(raising(rosenbrock, Slotted(), 3), X0, jac=rosenbrock_gradient)


ENDLESS = """
import os
import numpy as np
from events import press_ctrl_c
from numba import njit
from quasinewton import minimize

@njit
def slope(x, g, calls, process):
    calls[0] += 1
    if calls[0] == 1000:
        press_ctrl_c(process)
    g[0] = 1e-9
    return 1e-9 * x[0]

try:
    minimize(slope, [0.0], (np.zeros(1, np.int64), os.getpid()), jac="inplace", method="gradient-descent",
             line_search="fixed", alpha=1e-6, gtol=0.0, maxiter=10**12, maxfun=10**15)
except KeyboardInterrupt as error:
    res = error.result
    print("interrupted", res.nit >= 999, res.fun < 0.0, res.status.name)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_interrupt_ends_compiled_work():
    """Ctrl-C is pressed in the thousandth evaluation of a run that never ends."""
    assert run(ENDLESS, QUASINEWTON_PYTHON_FIRST="0") == "interrupted True True INTERRUPTED"


def test_nested_runs():
    """The objective of the outer run is the minimum found by an inner one.

    It is min over y of (y − x)² + x², that is x².
    """
    outer_error = Trouble("from the inner objective")

    def outer(x):
        inner = minimize(lambda y: (y[0] - x[0]) ** 2 + x[0] ** 2, [0.0], method="bfgs")
        return inner.fun

    assert minimize(outer, [3.0], method="bfgs").x == pytest.approx([0.0], abs=1e-4)

    def failing(x):
        return minimize(raising(lambda y: y @ y, outer_error, 2), x).fun

    with pytest.raises(Trouble) as caught:
        minimize(failing, [1.0])
    assert caught.value is outer_error


@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
def test_threads_do_not_disturb_each_other(compiled):
    fun, jac = (f if compiled else f.py_func for f in (rosenbrock, rosenbrock_gradient))
    if not compiled:
        jac = rosenbrock_gradient
    starts = [np.array([-1.2 - 0.1 * k, 1.0, 0.3 * k]) for k in range(4)]
    expected = [minimize(fun, x0, jac=jac).x for x0 in starts]
    found = [[] for _ in starts]

    def work(k):
        for _ in range(20):
            found[k].append(minimize(fun, starts[k], jac=jac).x)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(xs) == 20 and all(np.array_equal(x, expected[k]) for x in xs) for k, xs in enumerate(found))


def test_an_exception_in_one_thread_stays_there():
    caught = []

    def work(error):
        try:
            minimize(raising(rosenbrock, error, 9), X0, jac=rosenbrock_gradient)
        except Trouble as trouble:
            caught.append(trouble is error)

    threads = [threading.Thread(target=work, args=(Trouble(k),)) for k in range(4)]
    for thread in threads:
        thread.start()
    assert minimize(rosenbrock, X0, jac=rosenbrock_gradient).success
    for thread in threads:
        thread.join()
    assert caught == [True] * 4


@njit
def joint(x):
    return rosenbrock(x), rosenbrock_gradient(x)


def ask_and_tell():
    solver = Solver(X0)
    while not solver.done:
        solver.tell(*joint(solver.ask()))


DOORS = {
    "minimize": lambda: minimize(joint, X0, jac=True),
    "Solver": ask_and_tell,
    "in turn": lambda: minimize_batch(joint.py_func, [X0, X0], jac=True),
    "threads": lambda: minimize_batch(joint, [X0, X0], jac=True, n_jobs=2),
    "vectorized": lambda: minimize_batch(
        lambda X, index: tuple(map(np.array, zip(*map(joint, X), strict=True))), [X0, X0], vectorized=True
    ),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # ctypes prints the MemoryError.
def test_what_stops_a_compilation_within_compiled_code_is_raised(door, error, monkeypatch, capfd):
    """A loop finds no operation compiled, and the compilation that it asks for is stopped."""
    DOORS[door]()

    def stop(self, number):
        raise error

    kept = [(table.words, table.words.copy()) for table in TABLES.values()]
    monkeypatch.setattr(Table, "compile", stop)
    try:
        for table in TABLES.values():
            table.words[: len(table.family.operations)] = 0
        try:
            res = DOORS[door]()
        except error:
            assert door in ("minimize", "Solver") or error is MemoryError
        else:  # A batch ends on Ctrl-C with what is finished, and notes errors row by row.
            assert door not in ("minimize", "Solver")
            raised = [type(row) for row in res.errors.values()]
            assert not res.success.any() and set(raised) <= {error} and len(raised) == 2 * (error is MemoryError)
    finally:
        for words, were in kept:
            words[:] = were
