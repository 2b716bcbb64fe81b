"""The package without compilation, as in a debugger, makes the same iterates to rounding.

Covers: _numba_ext/{interpreted,generated}.py.
"""

import gc
import json
import linecache
import re
import traceback

import iterates
import numpy as np
import pytest
from numba import njit, types
from processes import TESTS, environment, start_python

from quasinewton import minimize, problems
from quasinewton._numba_ext import generated
from quasinewton._objective import trampolines
from quasinewton._objective.callables import Callables

SWITCH = {"NUMBA_DISABLE_JIT": "1"}
METHODS = "newton", "newton-cg", "bfgs", "lbfgs"
FIRST = 5  # iterates that are compared; rounding grows along the valleys of the later ones
NEAR = 1e-10  # relative distance of two iterates that differ by rounding
# Runs in which rounding moves the first iterates further.
FAR = {
    ("linear_rank_1", "newton"): (1e-6, "the Hessian is singular: rounding decides on the step in its null space"),
    ("linear_rank_1_zeros", "newton"): (1e-6, "as linear_rank_1"),
    ("boxed_linear_rank_1", "newton"): (1e-6, "as linear_rank_1"),
    ("kowalik_osborne", "newton"): (1e-7, "the first Hessian has an eigenvalue that is 0 but for cancellation"),
}
# Runs whose ending rounding decides, after so many iterations that they are no longer the same.
UNDECIDED = {
    ("penalty_2", "bfgs"): "one of the two converges in the last iteration that is allowed",
    ("boxed_meyer", "newton"): "the last decreases of f are rounding errors",
    ("boxed_powell_badly_scaled", "lbfgs"): "rounding has grown to a thousandth of x by the seventieth iteration",
}


def interpreted(*arguments):
    """Run Python with nothing compiled and return what it prints."""
    process = start_python(*arguments, env=environment(**SWITCH))
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


def compare(cases):
    """Compare the first iterates of runs that are interpreted with those of compiled runs."""
    python = json.loads(interpreted(TESTS / "iterates.py", json.dumps(cases)))
    for (name, method, maxiter), one in zip(cases, python, strict=True):
        other = iterates.run(name, method, maxiter)
        near = FAR.get((name, method), (NEAR,))[0]
        assert max(iterates.distances(one, other)[:FIRST], default=0.0) <= near, (name, method)
        assert one["status"] == other["status"] or (name, method) in UNDECIDED, (name, method)


def test_every_loop_makes_the_compiled_iterates():
    names = "beale", "boxed_rosenbrock"
    cases = [(name, method, 100) for name in names for method in (*METHODS, "gradient-descent")]
    compare([*cases, ("broyden_tridiagonal", "root", 20), ("beale", "adam", 20)])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_problem_makes_the_compiled_iterates(method):
    compare([(factory.__name__, method, 200) for factory in problems.MGH])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_problem_with_bounds_makes_the_compiled_iterates(method):
    compare([(factory.__name__, method, 200) for factory in problems.BOUNDED if factory().x0.size <= 20])


IMPORTS = """import numpy as np
from numba import njit
from quasinewton import minimize


"""


def test_a_debugger_stops_where_the_page_says(tmp_path):
    """The page shows, in this order, what the debugger prints, but for numbers of lines."""
    page = (TESTS.parent / "docs" / "development.md").read_text(encoding="utf-8")
    shown, _, session = page.partition("$ NUMBA_DISABLE_JIT=1 python -m pdb valley.py\n")
    session = session.partition("```")[0].splitlines()
    lines = re.findall(r"^ *(\d+) {0,2}(.*)$", shown.rpartition("```text\n")[2], re.MULTILINE)
    script = tmp_path / "valley.py"
    script.write_text(IMPORTS + "\n".join(line for _, line in lines) + "\n")
    assert script.read_text().splitlines().index(lines[0][1]) + 1 == int(lines[0][0])
    commands = [line.removeprefix("(Pdb) ") for line in session if line.startswith("(Pdb) ")]
    said = interpreted("-m", "pdb", *(word for command in [*commands, "quit"] for word in ("-c", command)), script)
    assert commands[-1] == "p x"
    at = 0
    for line in session:
        line = line.removeprefix("> ").strip()
        if line and line != "…" and not line.startswith("(Pdb) "):
            found = re.compile(re.escape(line).replace("…", r"\d+")).search(said, at)
            assert found, (line, said[at:])
            at = found.end()


DOORS = """
import json, sys, warnings
import numpy as np
import quasinewton as q
from numba import njit

@njit
def f(x, a=0.5):
    return np.sum((x - a) ** 2)

@njit
def warns(x):
    return np.sum(x * x) + 0.0 * np.log(np.abs(x[0] * 0.0))

seen = {}
called = set()
def trace(frame, event, argument):
    called.add(frame.f_code.co_filename.rpartition("quasinewton")[2])

x0 = np.array([3.0, -2.0])
sys.setprofile(trace)
seen["default"] = q.minimize(f, x0).jac_mode
sys.setprofile(None)
seen["called"] = sorted(name for name in called if "line_search" in name or "bfgs" in name)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    seen["reverse"] = q.minimize(f, x0, jac="reverse").jac_mode
    seen["derived"] = q.minimize(f, x0, jac=lambda x: 2.0 * (x - 0.5), hess="auto", method="newton").hess_mode
seen["warned"] = [str(one.message) for one in caught]
seen["places"] = sorted({one.filename for one in caught})
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    q.minimize(warns, x0)
seen["theirs"] = sorted({str(one.message) for one in caught if one.category is RuntimeWarning})
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    q.minimize(f, x0, method="trust-constr", hess="auto", constraints={"type": "eq", "fun": lambda x: x[0] - 1.0})
seen["scipy"] = [str(one.message) for one in caught if one.category.__name__ == "OptimizeWarning"]
try:
    q.grad(f)
except TypeError as error:
    seen["grad"] = str(error)
seen["batch"] = q.minimize_batch(f, np.ones((2, 2)), batch_args=(np.array([1.0, 2.0]),)).x.tolist()
search = q.line_search(f, x0, np.array([-1.0, 1.0]))
seen["search"] = bool(search.success)
seen["schedule"] = q.minimize(f, x0, method="sgd", lr=0.25, maxiter=1, jac="3-point",
                              schedule=njit(lambda t: 2.0)).x.tolist()
vectorized = q.minimize_batch(lambda X, i: (np.sum(X**2, axis=1), 2.0 * X), np.ones((3, 2)), vectorized=True)
seen["vectorized"] = bool(np.all(np.abs(vectorized.x) < 1e-5))
samples = np.arange(8.0)
trained = q.minimize_stochastic(lambda w, a: (np.mean((w - a) ** 2), 2.0 * np.mean(w - a, keepdims=True)), np.zeros(1),
                                (samples,), jac=True, epochs=60, method="sgd", lr=0.05, rng=1)
seen["trained"] = bool(abs(trained.x[0] - 3.5) < 1.0)
solver = q.Solver(x0)
while not solver.done:
    x = solver.ask()
    solver.tell(f(x), 2.0 * (x - 0.5))
seen["asked"] = bool(solver.result.success)
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def seen():
    """Return what the public functions do where nothing is compiled."""
    return json.loads(interpreted("-W", "ignore", "-c", DOORS))


def test_differences_take_the_place_of_derived_derivatives(seen):
    assert seen["default"] == "2-point"
    assert seen["reverse"] == seen["derived"] == "3-point"
    first, second = seen["warned"]
    assert "jac='3-point' takes the place of jac='reverse': NUMBA_DISABLE_JIT is set" in first
    assert "hess='3-point' takes the place of hess='auto': NUMBA_DISABLE_JIT is set" in second
    assert len(seen["scipy"]) == 1 and "no exact second derivatives: NUMBA_DISABLE_JIT is set" in seen["scipy"][0]
    assert seen["places"] == ["<string>"]  # the line that called `minimize`
    assert "NUMBA_DISABLE_JIT is set" in seen["grad"]


def test_the_loop_the_method_and_the_search_are_seen_by_tools_that_trace_python(seen):
    for name in "/_loops/line_search_loop.py", "/_line_searches/more_thuente.py", "/_methods/bfgs.py":
        assert name in seen["called"]


def test_the_users_function_warns_and_the_package_does_not(seen):
    assert seen["theirs"] == ["divide by zero encountered in log", "invalid value encountered in scalar multiply"]


def test_every_door_is_open(seen):
    np.testing.assert_allclose(seen["batch"], [[1.0, 1.0], [2.0, 2.0]], atol=1e-5)
    np.testing.assert_allclose(seen["schedule"], [0.5, 0.5], atol=1e-9)
    assert seen["search"] and seen["vectorized"] and seen["trained"] and seen["asked"]


def test_compiling_ahead_is_refused():
    process = start_python("-m", "quasinewton", "compile", env=environment(**SWITCH))
    _, err = process.communicate()
    assert process.returncode == 2 and "NUMBA_DISABLE_JIT is set" in err


class TestGenerated:
    """Code made from text is shown by what reads sources, as long as it lives."""

    def test_a_traceback_shows_the_line_that_raised(self):
        divide = generated.define("divide", "def divide(a, b):\n    return a / b\n", {})
        try:
            divide(1.0, 0)
        except ZeroDivisionError as error:
            shown = "".join(traceback.format_exception(error))
        assert "<quasinewton divide " in shown and "    return a / b\n" in shown

    def test_the_trampoline_of_an_objective_has_a_text(self):
        f = njit(lambda x: x[0])
        trampoline = trampolines.define(Callables(f, "value"), types.Tuple(()))
        linecache.checkcache()
        text = linecache.getlines(trampoline.__code__.co_filename)
        assert text[0] == "def trampoline(x_, n, g_, h_, what, data):\n"
        assert any("as_scalar(fun(x, *args))" in line for line in text)

    def test_a_text_is_forgotten_with_the_last_function_made_from_it(self):
        first, second = (generated.define("forgotten", "def forgotten():\n    pass\n", {}) for _ in range(2))
        name = first.__code__.co_filename
        assert second.__code__.co_filename == name in linecache.cache
        del first
        gc.collect()
        assert name in linecache.cache
        del second
        gc.collect()
        assert name not in linecache.cache

    def test_calls_of_new_objectives_leave_no_texts(self):
        def texts():
            gc.collect()
            return generated._living.total()

        before = texts()
        for n in 2, 3, 4:
            minimize(njit(lambda x, a=1.0: x[0] * x[0]), np.ones(n), jac="2-point", maxiter=2)
        assert texts() <= before + 1  # Numba holds the function that it has compiled last.
