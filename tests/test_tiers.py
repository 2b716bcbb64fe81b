"""Runs that begin in Python, and are compiled once that pays.

Covers: _drivers/tiered_loop.py, _numba_ext/{uncompiled,python_first}.py, _objective/linking.py.
"""

import math
import threading

import numpy as np
import pytest
from numba import njit
from processes import environment, start_python

from quasinewton import Solver, minimize, minimize_stochastic, problems, root, schedules
from quasinewton._drivers import tiered_loop
from quasinewton._line_searches.registry import BY_NAME as SEARCHES
from quasinewton._loops import clock
from quasinewton._methods.registry import METHODS, NAMES, TRAITS
from quasinewton._numba_ext import interpreted, python_first
from quasinewton._numba_ext.jit import fragment, kernel, reduction
from quasinewton._numba_ext.uncompiled import uncompiled

FIRST_ORDER = [name for kind, name in NAMES.items() if TRAITS[kind].first_order]
DESCENTS = [name for kind, name in NAMES.items() if not TRAITS[kind].first_order]


def bits(result):
    """Return what a run has computed, as values that are equal only if all bits are."""
    hess_inv = result.get("hess_inv", np.empty(0))
    hess_inv = hess_inv.todense() if hasattr(hess_inv, "todense") else hess_inv
    arrays = [np.asarray(value).tobytes() for value in (result.x, result.fun, result.jac, hess_inv)]
    return *arrays, result.nit, result.nfev, result.njev, result.get("nhev"), result.status, result.message


def solve(problem, method, **given):
    """Solve a problem of the catalogue with its derivatives, within bounds if it has them."""
    hess = problem.hess if TRAITS[METHODS[method]].second_order else None
    return minimize(problem.fun, problem.x0, jac=problem.jac, hess=hess, bounds=problem.bounds, method=method, **given)


def assert_same_bits(begin, run):
    begin(True)
    in_python = bits(run())
    begin(False)
    assert in_python == bits(run())


@pytest.mark.parametrize("method", DESCENTS)
@pytest.mark.parametrize("name", ["helical_valley", "brown_dennis", "boxed_rosenbrock"])
def test_methods_compute_the_same_bits_in_both_tiers(begin, name, method):
    problem = getattr(problems, name)()
    assert_same_bits(begin, lambda: solve(problem, method, maxiter=100))


@pytest.mark.parametrize("method", FIRST_ORDER)
def test_first_order_methods_compute_the_same_bits_in_both_tiers(begin, method):
    schedule = schedules.cosine(50)
    assert_same_bits(begin, lambda: solve(problems.beale(), method, lr=1e-3, maxiter=50, schedule=schedule))


@pytest.mark.parametrize("search", SEARCHES)
def test_searches_compute_the_same_bits_in_both_tiers(begin, search):
    assert_same_bits(begin, lambda: solve(problems.wood(), "bfgs", line_search=search, maxiter=60))


@pytest.mark.parametrize("jac", [None, "3-point"])
@pytest.mark.parametrize("method", ["lbfgs", "newton", "newton-cg"])
def test_differences_compute_the_same_bits_in_both_tiers(begin, method, jac):
    problem = problems.brown_dennis()
    assert_same_bits(begin, lambda: minimize(problem.fun.py_func, problem.x0, jac=jac, method=method))


def test_roots_have_the_same_bits_in_both_tiers(begin):
    def f(x):
        return np.array([x[0] ** 2 + x[1] - 2.0, x[0] - np.sin(x[1])])

    def run():
        res = root(f, [3.0, 1.0])
        return [value.tobytes() for value in (res.x, res.fun, res.jac)], res.nit, res.nfev, res.status

    begin(True)
    in_python = run()
    begin(False)
    assert in_python == run()


def squares(x, A, b, weights):
    r = A @ x - b
    return (weights @ (r * r)) / b.size, 2.0 * (A.T @ (weights * r)) / b.size


@pytest.mark.parametrize(
    "method, options",
    [
        ("sgd", {"average": 0.5}),
        ("adamw", {"patience": 2, "clip_norm": 1.0}),
        ("adam", {"nonfinite": "skip", "schedule": schedules.cosine(40)}),
    ],
)
def test_mini_batches_have_the_same_bits_in_both_tiers(begin, monkeypatch, method, options):
    """The last batch is smaller; samples of four bytes are copied in another way than of eight."""
    rng = np.random.default_rng(0)
    data = rng.normal(size=(50, 3)), rng.normal(size=50), rng.uniform(size=50).astype(np.float32)
    watched = tuple(array[:20] for array in data) if "patience" in options else None
    data[1][7] = math.inf if "nonfinite" in options else 0.0

    def run():
        given = {"jac": True, "rng": 1, "lr": 0.05, "batch_size": 8, "epochs": 6, "validation_data": watched}
        with np.errstate(invalid="ignore"):
            return minimize_stochastic(squares, np.zeros(3), data, method, **given, **options)

    def loss(res):
        return res.history._replace(seconds=None), res.skipped, res.nepochs

    call = python_first.call
    in_python = python_first.python_version
    monkeypatch.setattr(python_first, "call", lambda kernel, _, *arguments, link: in_python(kernel)(*arguments))
    begin(True)
    res = run()
    monkeypatch.setattr(python_first, "call", call)
    begin(False)
    compiled = run()
    assert bits(res) == bits(compiled) and repr(loss(res)) == repr(loss(compiled))
    assert res.skipped == (6 if "nonfinite" in options else 0)


def valley(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


DIFFICULT = {
    "undefined": lambda x: math.nan if x[0] > 0.5 else valley(x),
    "raises": lambda x: 1.0 / float(x[0]) + x[0] if x[0] != 2.0 else 1 / 0,
    "noise": lambda x: valley(x) + 1e-6 * math.sin(1e5 * x[0]),
    "single precision": lambda x: np.float32(valley(x)),
    "unbounded": lambda x: float(-(x[0] ** 3)),
    "flat": lambda x: 0.0,
}


@pytest.mark.parametrize("fun", DIFFICULT.values(), ids=DIFFICULT)
@pytest.mark.parametrize("method", ["lbfgs", "newton"])
def test_difficult_functions_have_the_same_bits_in_both_tiers(begin, method, fun):
    assert_same_bits(begin, lambda: minimize(fun, [-1.2, 1.0], method=method, maxiter=60))


@pytest.mark.slow
@pytest.mark.parametrize("method", DESCENTS)
def test_all_problems_have_the_same_bits_in_both_tiers(begin, method):
    for factory in (*problems.ALL, *problems.BOUNDED):
        problem = factory()
        assert_same_bits(begin, lambda problem=problem: solve(problem, method, maxiter=100))


def test_the_compiled_loop_goes_on_from_where_python_has_stopped(begin, monkeypatch):
    """With a callback the loop returns after each iteration, and is compiled after the first."""
    begin(False)
    expected = bits(solve(problems.wood(), "lbfgs"))
    begin(True)
    monkeypatch.setattr(tiered_loop, "LONGEST", 0.0)
    tier = []
    call = tiered_loop.TieredLoop.__call__

    def noting(self, state, *rest):
        want = call(self, state, *rest)
        tier.append(self._tier.__name__)
        return want

    monkeypatch.setattr(tiered_loop.TieredLoop, "__call__", noting)
    assert bits(solve(problems.wood(), "lbfgs", callback=lambda x: None)) == expected
    assert tier[0] == "_in_python" and set(tier[1:]) == {"_in_machine_code"}


def test_differences_go_on_in_compiled_code(begin, monkeypatch):
    problem = problems.wood()
    begin(False)
    expected = bits(minimize(problem.fun.py_func, problem.x0))
    begin(True)
    monkeypatch.setattr(tiered_loop, "LONGEST", 0.0)
    assert bits(minimize(problem.fun.py_func, problem.x0, callback=lambda x: None)) == expected


def test_a_solver_that_asks_has_the_same_bits(begin):
    problem = problems.wood()

    def run():
        solver = Solver(problem.x0, "bfgs")
        while not solver.done:
            x = solver.ask()
            solver.tell(problem.fun(x), problem.jac(x))
        return solver.result

    assert_same_bits(begin, run)


NOTHING_COMPILED = """
import sys
import numpy as np
from numba.core import event
from quasinewton import minimize, minimize_stochastic, root

compiled = set()
class Listener(event.Listener):
    def on_start(self, event):
        compiled.add(event.data["dispatcher"].py_func.__module__)
    def on_end(self, event):
        pass
event.register("numba:compile", Listener())
f, g = lambda x: float(np.sum((x - 1.0) ** 4)), lambda x: 4.0 * (x - 1.0) ** 3
for method in sys.argv[1:]:
    for jac in g, None:
        assert minimize(f, [0.0, 3.0], method=method, jac=jac, maxiter=5).nit
    if method != "adam":
        assert minimize(f, [0.0, 3.0], method=method, bounds=[(0.5, 2.0)] * 2, maxiter=5).nit
if len(sys.argv) > 2:
    assert root(lambda x: x * x - 2.0, 1.0).success
    assert minimize_stochastic(lambda x, a: float(np.mean((x - a) ** 2)), [0.0], np.arange(9.0), "adam", epochs=2).nit
print(*sorted(name for name in compiled if name.startswith(("quasinewton._loops", "quasinewton._line_searches"))))
"""


@pytest.mark.parametrize("switch, loops", [("1", False), ("0", True)])
def test_first_runs_compile_no_loop(tmp_path, switch, loops):
    methods = ("adam",) if loops else ("lbfgs", "bfgs", "newton", "newton-cg", "adam")
    given = {"NUMBA_CACHE_DIR": str(tmp_path), python_first.SWITCH: switch}
    process = start_python("-P", "-c", NOTHING_COMPILED, *methods, env=environment(**given))
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert bool(out.split()) == loops


FULL = """
import sys
import numpy as np
from quasinewton import minimize, minimize_stochastic, root
from quasinewton._drivers import tiered_loop

entered = []
begins = tiered_loop.TieredLoop._begins_in_python
def note(self, state, rest):
    entered.append(begins(self, state, rest))
    return entered[-1]
tiered_loop.TieredLoop._begins_in_python = note
f, g = lambda x: float(np.sum((x - 1.0) ** 4)), lambda x: 4.0 * (x - 1.0) ** 3
for method in "lbfgs", "newton-cg", "adam":
    for jac in g, None:
        minimize(f, [0.0, 3.0], method=method, jac=jac, maxiter=5)
minimize(f, [0.0, 3.0], jac=g, bounds=[(0.5, 2.0)] * 2, maxiter=5)
root(lambda x: x * x - 2.0, 1.0)
minimize_stochastic(lambda x, a: float(np.mean((x - a) ** 2)), [0.0], np.arange(9.0), "adam", epochs=2)
print(len(entered), any(entered))
"""


def test_what_is_on_disk_is_used_from_the_first_run_on():
    """The first process compiles what the cache of these tests lacks."""
    for switch in "0", "1":
        process = start_python("-P", "-c", FULL, env=environment(**{python_first.SWITCH: switch}))
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert out.split() == ["9", "False"]


def test_runs_are_compiled_once_python_has_taken_long(monkeypatch):
    """Beyond `EARLIER` seconds in earlier runs, a run of the same kind begins in compiled code."""
    monkeypatch.setattr(tiered_loop, "_compiled", {})
    monkeypatch.setattr(tiered_loop, "_lost", {})
    monkeypatch.setattr(tiered_loop, "is_loaded", lambda dispatcher, args: False)
    entered = []
    in_python = python_first.python_version
    monkeypatch.setattr(tiered_loop, "python_version", lambda run: entered.append(run) or in_python(run))
    problem = problems.beale()
    while True:
        solve(problem, "lbfgs")
        if not entered:
            break
        entered.clear()
    assert max(tiered_loop._lost.values()) > python_first.EARLIER
    solve(problem, "bfgs", maxiter=1)
    assert entered


def test_the_switch_has_everything_compiled(monkeypatch):
    assert python_first.python_comes_first()
    with python_first.compiled_at_once():
        assert not python_first.python_comes_first()
    monkeypatch.setenv(python_first.SWITCH, "0")
    assert not python_first.python_comes_first()


def test_large_runs_are_compiled_at_once(monkeypatch):
    monkeypatch.setattr(tiered_loop, "is_loaded", lambda dispatcher, args: False)
    monkeypatch.setattr(tiered_loop, "python_version", lambda run: pytest.fail("Python was entered"))
    monkeypatch.setattr(tiered_loop, "_compiled", {})
    n = tiered_loop.LARGE // 20
    assert minimize(lambda x: (float(x @ x), 2.0 * x), np.ones(n), jac=True).success


def test_what_python_cannot_enter_is_compiled_at_once(monkeypatch):
    monkeypatch.setattr(tiered_loop, "is_loaded", lambda dispatcher, args: False)
    monkeypatch.setattr(tiered_loop, "python_version", lambda run: pytest.fail("Python was entered"))
    monkeypatch.setattr(tiered_loop, "_compiled", {})
    res = minimize(lambda x: float(x @ x), [1.0, 2.0], method="sgd", lr=0.1, maxiter=3, schedule=njit(lambda t: 0.5))
    assert res.nit == 3


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_an_error_of_the_user_keeps_the_best_point(begin, method):
    """The iterates so far are kept, as they are in compiled code."""
    results = []
    for in_python in True, False:
        begin(in_python)
        calls = []

        def fun(x):
            calls.append(x)
            if len(calls) == 6:
                raise KeyError("mine")
            return float(np.sum(x**4)), 4.0 * x**3

        with pytest.raises(KeyError, match="mine") as caught:
            minimize(fun, [1.0, 2.0], jac=True, method=method)
        results.append(caught.value.result)
    assert bits(results[0]) == bits(results[1])
    assert results[0].nfev > 1


def test_ctrl_c_within_an_iteration_keeps_the_last_iterate(begin, monkeypatch):
    """In Python the signal may arrive between any two lines of the loop."""
    begin(True)
    monkeypatch.setattr(clock, "SLICE", 0)
    entered = []

    def interrupted(run):
        def enter(objective, method, search, state, each):
            if len(entered) < 5:
                entered.append(state.x.copy())
                return python_first.python_version(run)(objective, method, search, state, each)
            state.x[:] = math.nan
            state.scalars[0]["f"] = -1.0
            raise KeyboardInterrupt

        return enter

    monkeypatch.setattr(tiered_loop, "python_version", interrupted)
    with pytest.raises(KeyboardInterrupt) as caught:
        solve(problems.wood(), "lbfgs", callback=lambda x: None)
    found = caught.value.result
    assert found.nit == 5 and found.fun == problems.wood().fun(found.x)


def test_ten_runs_at_once(begin):
    """Threads share the uncompiled versions, which the first of them makes."""
    begin(True)
    problem, found = problems.helical_valley(), []
    expected = bits(solve(problem, "newton"))
    threads = [threading.Thread(target=lambda: found.append(bits(solve(problem, "newton")))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 10


@reduction
def _sum(a):
    total = 0.0
    for i in range(a.size):
        total += a[i] * a[i]
    return total


@fragment
def _even(n):
    return True if n == 0 else _odd(n - 1)


@fragment
def _odd(n):
    return False if n == 0 else _even(n - 1)


@kernel
def _ratio(a):
    return _sum(a) / _sum(a[:0])


class TestUncompiledVersions:
    def test_a_reduction_has_the_bits_of_compiled_code(self):
        a = np.random.default_rng(1).normal(size=1003)
        compiled = njit(lambda a: _sum(a))
        version = uncompiled(_sum)
        assert version(a) == compiled(a) and isinstance(version(a), np.float64)

    def test_numbers_of_a_reduction_divide_as_in_compiled_code(self):
        assert interpreted.kernel(uncompiled(_ratio))(np.ones(3)) == math.inf == _ratio(np.ones(3))

    def test_functions_may_call_each_other(self):
        assert uncompiled(_even)(10) and not uncompiled(_even)(7)
        assert uncompiled(_even) is uncompiled(_even)

    def test_a_generic_function_chooses_by_class(self):
        from quasinewton._line_searches import protocol

        version = uncompiled(protocol)
        assert version.step is uncompiled(protocol.step) and version.step is not protocol.step

    def test_values_of_others_stay_as_they_are(self):
        assert uncompiled(np) is np and uncompiled(3.0) == 3.0 and uncompiled(len) is len


class TestKernelsCalledRarely:
    def test_short_calls_begin_in_python(self, monkeypatch):
        made = kernel(_ratio.py_func)
        monkeypatch.setattr(python_first, "is_loaded", lambda kernel, args: False)
        assert python_first.call(made, 3, np.ones(3)) == math.inf
        assert not made.overloads
        assert python_first.call(made, python_first.SHORT + 1, np.ones(3)) == math.inf
        assert made.overloads

    def test_kernels_are_compiled_once_python_has_taken_long(self, monkeypatch):
        made = kernel(_ratio.py_func)
        monkeypatch.setattr(python_first, "is_loaded", lambda kernel, args: False)
        monkeypatch.setattr(python_first, "_spent", {made: 2.0 * python_first.EARLIER})
        python_first.call(made, 3, np.ones(3))
        assert made.overloads
