"""Threads and processes: concurrent runs equal single runs, bit for bit.

Covers: _api/minimize.py, _api/ask_tell.py, _numba_ext/{cache,lazy}.py.
"""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_hessian, rosenbrock_inplace, rosenbrock_joint
from processes import run

from quasinewton import Solver, minimize, schedules

COUNT = 8
STARTS = np.random.default_rng(5).uniform(-2.0, 2.0, (COUNT, 12))


def compiled(x0):
    """Run L-BFGS on a compiled function that writes its gradient."""
    return minimize(rosenbrock_inplace, x0, jac="inplace")


def differences(x0):
    """Run BFGS with differences of a compiled function."""
    return minimize(rosenbrock, x0, method="bfgs")


def python(x0):
    """Run L-BFGS on functions that need the interpreter, with a callback."""
    fun, jac = (lambda x: rosenbrock.py_func(x)), (lambda x: rosenbrock_gradient(x))
    return minimize(fun, x0, jac=jac, callback=lambda x: None, history=True, maxiter=30)


def second_order(x0):
    """Run Newton's method, which calls LAPACK."""
    return minimize(rosenbrock_joint, x0[:3], method="newton", jac=True, hess=rosenbrock_hessian)


def first_order(x0):
    """Run Adam under a schedule."""
    options = {"lr": 0.01, "schedule": schedules.cosine(), "maxiter": 300}
    return minimize(rosenbrock_joint, x0, method="adam", jac=True, options=options)


def told(x0):
    """Run a `Solver` in every thread."""
    solver = Solver(x0, "bfgs", maxiter=30)
    while not solver.done:
        solver.tell(*rosenbrock_joint(solver.ask()))
    return solver.result


def nested(x0):
    """Run on an objective that minimises."""

    def fun(x):
        return minimize(lambda y: (y - x[0]) @ (y - x[0]) + y @ y, [0.0]).fun + x @ x

    return minimize(fun, x0[:2], maxiter=3)


def bits(result):
    """Return the part of a result that must not change."""
    return result.x.tobytes(), result.fun, result.nit, result.nfev, result.njev


@pytest.mark.parametrize("solve", [compiled, differences, python, second_order, first_order, told, nested])
def test_eight_threads_at_once(solve):
    alone = [bits(solve(x0)) for x0 in STARTS]
    assert len(set(alone)) == COUNT
    together = Barrier(COUNT)

    def work(x0):
        together.wait()
        return [bits(solve(x0)) for _ in range(3)]

    with ThreadPoolExecutor(COUNT) as pool:
        assert list(pool.map(work, STARTS)) == [[one] * 3 for one in alone]


def test_different_runs_in_different_threads():
    solves = [compiled, differences, python, second_order, first_order, told, nested, compiled]
    alone = [bits(solve(x0)) for solve, x0 in zip(solves, STARTS, strict=True)]
    with ThreadPoolExecutor(COUNT) as pool:
        for _ in range(3):
            assert list(pool.map(lambda solve, x0: bits(solve(x0)), solves, STARTS)) == alone


FIRST = """
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from test_threads import COUNT, STARTS, bits, compiled, told
together = Barrier(COUNT)
def work(i):
    together.wait()
    return bits((compiled, told)[i % 2](STARTS[i]))
with ThreadPoolExecutor(COUNT) as pool:
    found = list(pool.map(work, range(COUNT)))
assert found == [bits((compiled, told)[i % 2](STARTS[i])) for i in range(COUNT)]
print("same")
"""


def test_the_first_calls_of_a_process():
    """Eight threads make the first call of a process at the same time."""
    assert run(FIRST) == "same"


def work(x0):
    """Make several kinds of runs in one process."""
    return [bits(solve(x0)) for solve in (compiled, python, told)]


PROCESSES = """
import multiprocessing
from test_threads import STARTS, work
{before}
with multiprocessing.get_context({method!r}).Pool(2) as pool:
    found = pool.map(work, STARTS[:4])
assert found == [work(x0) for x0 in STARTS[:4]]
print("same")
"""


@pytest.mark.parametrize("before", ["work(STARTS[0])", ""], ids=["used", "unused"])
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes(method, before):
    """Test all start methods of processes, with and without compiled loops in the parent."""
    assert run(PROCESSES.format(method=method, before=before)) == "same"
