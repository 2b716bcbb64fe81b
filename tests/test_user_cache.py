"""Compiled users' functions on disk: loaded if nothing has changed, never if something has.

Covers: _numba_ext/{user_cache,fingerprint,sealed,pickling}.py.
"""

import json
import os
import shutil
import stat

import llvmlite.binding as llvm
import numpy as np
import pytest
from numba import njit, types
from numba.core.registry import cpu_target
from numba.extending import overload
from processes import finish, run, start

from quasinewton import minimize, problems, value_and_grad
from quasinewton._autodiff.active_types import Dual
from quasinewton._autodiff.adjoint.runtime import spread_vector
from quasinewton._autodiff.recompile import twin
from quasinewton._numba_ext import cache, fingerprint, sealed, user_cache
from quasinewton._numba_ext.user_cache import SWITCH, key

OFFSET = 1.0
TABLE = np.array([1.0, 2.0])


@njit
def helper(a):
    return a * a


@njit
def objective(x, scale=2.0):
    return scale * helper(x[0] - OFFSET) + helper(x[1] - TABLE[1])


# Print, for every function, the value at the minimum and whether it was compiled.
HEAD = """
import logging, sys
import numpy as np
from numba import njit
from numba.core import event
from quasinewton import minimize, problems, value_and_grad
made = []
class Listener(event.Listener):
    def on_start(self, event): made.append(event.data["dispatcher"].py_func.__name__)
    def on_end(self, event): pass
event.register("numba:compile", Listener())
def tell(name, fun, n=2, **given):
    made.clear()
    res = minimize(fun, np.full(n, 0.5), options={"maxiter": 50}, **given)
    print(name, round(res.fun, 6), int(any(each.startswith("trampoline") for each in made)))
"""
FUNCTIONS = """
CONSTANT = {constant}
TABLE = np.array([1.0, {item}])
@njit
def inner(a):
    return a * a + {inner}
@njit({options})
def by_global(x): return (x[0] - 1.0) ** 2 + (x[1] - 1.0) ** 2 + CONSTANT
@njit({options})
def by_array(x): return (x[0] - 1.0) ** 2 + x[1] ** 2 + TABLE[1]
@njit({options})
def by_helper(x): return inner(x[0]) + x[1] ** 2
@njit({options})
def by_default(x, shift={default}): return x[0] ** 2 + x[1] ** 2 + shift
def make(c):
    @njit({options})
    def by_closure(x): return x[0] ** 2 + x[1] ** 2 + c
    return by_closure
by_closure = make({closure})
@njit({options})
def by_code(x): return x[0] ** 2 + x[1] ** 2 + {code}
for name in "by_global", "by_array", "by_helper", "by_default", "by_closure", "by_code":
    tell(name, globals()[name])
tell("newton", by_global, method="newton")
"""
OLD = dict(constant=1.0, item=2.0, inner=3.0, default=4.0, closure=5.0, code="6.0")
NEW = dict(constant=11.0, item=12.0, inner=13.0, default=14.0, closure=15.0, code="16.0")


def told(out):
    """Return values and whether code was compiled, from the output of `tell`."""
    rows = [line.split() for line in out.splitlines()]
    return {name: float(value) for name, value, _ in rows}, {name: int(made) for name, _, made in rows}


def process(folder, code, **variables):
    """Return the output of a script that has its own cache of users' functions."""
    return run(HEAD + code, **{SWITCH: str(folder), **variables})


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Return a cache that one process has filled with FUNCTIONS as in OLD, and its output."""
    folder = tmp_path_factory.mktemp("filled")
    return folder, process(folder, FUNCTIONS.format(**OLD, options=""))


class TestNextProcess:
    @pytest.fixture
    def copied(self, filled, tmp_path):
        """Return a copy of the filled cache."""
        return shutil.copytree(filled[0], tmp_path / "copy")

    def expected(self, given):
        names = "by_global", "by_array", "by_helper", "by_default", "by_closure", "by_code"
        return dict(zip(names, map(float, given.values()), strict=True)) | {"newton": float(given["constant"])}

    def test_finds_what_has_not_changed_and_never_what_has(self, filled, copied):
        """Edit a global, an array, a helper, a default, a closure and a constant, then undo all."""
        assert told(filled[1]) == (self.expected(OLD), dict.fromkeys(self.expected(OLD), 1))
        for given, made in (OLD, 0), (NEW, 1), (OLD, 0), (NEW, 0):
            values, compiled = told(process(copied, FUNCTIONS.format(**given, options="")))
            assert values == self.expected(given)
            assert set(compiled.values()) == {made}

    def test_does_so_where_numba_keeps_functions_itself(self, tmp_path):
        """Numba's own cache ignores changed constants of other modules."""
        (tmp_path / "mine.py").write_text(
            "from numba import njit\nfrom constants import C\n"
            "@njit(cache=True)\ndef f(x): return (x[0] - 1.0) ** 2 + x[1] ** 2 + C\n"
        )
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import mine; tell('f', mine.f)"
        found = []
        for constant in "1.0", "1.0", "2.0", "1.0":
            (tmp_path / "constants.py").write_text(f"C = {constant}\n")
            variables = {"PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_LOCATOR_CLASSES": "InTreeCacheLocator"}
            found.append(process(tmp_path / "cache", code, **variables))
        assert found == ["f 1.0 1", "f 1.0 0", "f 2.0 1", "f 1.0 0"]

    def test_has_the_same_bits(self, tmp_path):
        code = """
@njit
def f(x, a): return np.sum(np.tanh(a * x) ** 2) + np.sum(np.exp(x))
a = np.random.default_rng(0).normal(size=7)
res = minimize(f, np.ones(7), (a,), method="newton")
print(res.x.tobytes().hex(), np.float64(res.fun).tobytes().hex(), res.jac.tobytes().hex(), res.hess.tobytes().hex())
"""
        outs = {process(tmp_path, code), process(tmp_path, code), process(tmp_path, code, **{SWITCH: "0"})}
        assert len(outs) == 1

    def test_raises_and_prints_what_the_function_does(self, tmp_path):
        code = """
@njit
def f(x):
    if x[0] > 2.0:
        raise ValueError("too far", 3)
    if x[1] > 2.0:
        raise ValueError(x[1])
    print("at", x[0], x)
    return x[0] ** 2
tell("f", f, method="gradient-descent")
for x0 in [3.0, 0.0], [0.0, 3.0]:
    try: minimize(f, x0)
    except ValueError as error: print(error)
"""
        first, then = process(tmp_path, code), process(tmp_path, code)
        assert "('too far', 3)" in then and "3.0" in then and "at 0.5" in then
        assert first.replace("f 0.0 1", "f 0.0 0") == then

    def test_does_not_take_a_namesake_for_it(self, tmp_path):
        """Numba numbers functions per process, so two functions may get the same name."""
        code = """
def make(c):
    @njit(inline="never")
    def part(a):
        s = 0.0
        for i in range(50):
            s += a * a if i % 7 else c * (a - i) ** 2
            if s > 1e300: return c
        return s
    @njit
    def f(x): return part(x[0]) + part(x[1]) + part(x[0] * x[1]) + c
    return f
def value(c):
    return minimize(make(c), [0.3, 0.4], jac="2-point", options={"maxiter": 1}).fun
"""
        first = process(tmp_path, code + "print(value(1.0))")
        second = process(tmp_path, code + "print(value(2.0))")
        both = (
            code
            + "g = make(3.0); g(np.ones(2)); print(value(2.0)); print(value(1.0)); print(value(4.0), g(np.ones(2)))"
        )
        found = process(tmp_path, both).split()
        assert found[:2] == [second, first] and first != second
        assert found[2:] == process(tmp_path / "other", both).split()[2:]

    def test_two_processes_at_once(self, tmp_path):
        code = """
@njit
def by_code(x): return x[0] ** 2 + x[1] ** 2 + 6.0
tell("by_code", by_code)
tell("newton", by_code, method="newton")
"""
        both = [start(HEAD + code, **{SWITCH: str(tmp_path)}) for _ in range(2)]
        outs = [finish(each) for each in both]
        assert told(outs[0])[0] == told(outs[1])[0] == {"by_code": 6.0, "newton": 6.0}
        assert set(told(process(tmp_path, code))[1].values()) == {0}

    def test_damage_costs_time_alone(self, copied):
        code = FUNCTIONS.format(**OLD, options="")
        for count, path in enumerate(sorted(copied.iterdir())):
            data = bytearray(path.read_bytes())
            if count % 2:
                data[len(data) // 2] ^= 1
            path.write_bytes(data if count % 2 else data[: len(data) // 2])
        values, made = told(process(copied, code))
        assert values == self.expected(OLD) and set(made.values()) == {1}
        assert set(told(process(copied, code))[1].values()) == {0}


    def test_code_of_the_package_that_is_missing_costs_time_alone(self, tmp_path):
        """Long functions of the package have entries of their own, to which trampolines refer."""
        code = """
@njit
def f(x): return np.sum((A @ x - 1.0) ** 2) + {constant}
A = np.random.default_rng(0).normal(size=(40, 6))
tell("f", f, n=6)
"""
        first, other = (process(tmp_path, code.format(constant=constant)) for constant in (0.0, 1.0))
        assert float(other.split()[1]) == pytest.approx(float(first.split()[1]) + 1.0)
        kept = [path for path in tmp_path.iterdir() if sealed.KEPT in entry_of(path)]
        assert kept
        assert process(tmp_path, code.format(constant=0.0)) == first[:-1] + "0"
        for path in kept:
            path.unlink()
        assert process(tmp_path, code.format(constant=0.0)) == first


    @pytest.mark.slow
    def test_each_entry_that_is_missing_costs_time_alone(self, tmp_path):
        """Trampolines of derivatives refer to many entries; any of them may have been evicted."""
        code = """
import os
from pathlib import Path
from quasinewton._numba_ext import sealed
@njit
def f(x, a): return np.sum(np.tanh(a * x) ** 2) + np.sum(np.exp(x))
def solve():
    res = minimize(f, np.ones(7), (np.linspace(-1.0, 1.0, 7),), method="newton")
    return res.x.tobytes() + res.hess.tobytes()
"""
        first = process(tmp_path, code + "print(solve().hex())")
        count = len(list(tmp_path.iterdir()))
        # With the tables of what it has loaded emptied, a process reads as a new one does.
        again = """
from quasinewton._numba_ext.user_cache import SWITCH
for path in sorted(Path(os.environ[SWITCH]).iterdir()):
    data = path.read_bytes()[46:]
    if data[8:9] != b"{": continue
    path.unlink()
    sealed._kept.clear(); sealed._names.clear(); sealed._alive.clear()
    f = njit(f.py_func)
    assert solve().hex() == {first!r}
    print(path.exists())
"""
        found = process(tmp_path, code + again.replace("{first!r}", repr(first))).split()
        assert len(found) > 5 and set(found) == {"True"}
        assert len(list(tmp_path.iterdir())) == count

    def test_a_function_that_was_compiled_twice(self, tmp_path):
        """Its two symbols would share the name of one entry, and LLVM would change one of them."""
        code = """
from quasinewton._autodiff.adjoint.runtime import spread_vector as first
from quasinewton._numba_ext.jit import apart
second = apart(first.py_func)
for each in first, second:
    each._cache.load_overload = lambda sig, target: None
@njit
def f(x): return (first(x, 2)[1] - 1.0) ** 2 + (second(x, 2)[0] - 1.0) ** 2 + 3.0
tell("f", f, jac="2-point")
print({name})
"""
        results = "(result for each in (first, second) for result in each.overloads.values())"
        compiled = f"len({{result.fndesc.mangled_name for result in {results}}})"
        assert process(tmp_path, code.format(name=compiled)) == "f 3.0 1\n2"
        assert process(tmp_path, code.format(name=0)) == "f 3.0 0\n0"

    def test_functions_that_call_each_other(self, tmp_path):
        """They do so by addresses of their process, so that their code stays in it."""
        code = """
@njit
def odd(k, a): return 0.0 * a if k == 0 else even(k - 1, a) * 0.5
@njit
def even(k, a): return a if k == 0 else odd(k - 1, a) * 2.0
@njit
def power(k, a): return 1.0 + 0.0 * a if k == 0 else a * power(k - 1, a)
@njit
def f(x): return (even(4, x[0]) - 1.0) ** 2 + power(2, x[1]) + 3.0
tell("f", f)
"""
        assert [process(tmp_path, code) for _ in range(2)] == 2 * ["f 3.0 1"]


def entry_of(path):
    """Return the name of the public function of a file of machine code, empty for other files."""
    data = path.read_bytes()[len(user_cache.MAGIC) + 32 :]
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size])["entry"] if data[8:9] == b"{" and size < len(data) else ""


class TestSameProcess:
    """Numba reads globals once; the cache must store the function as it is when stored."""

    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv(SWITCH, str(tmp_path))
        return tmp_path

    def cell(self, source, scope):
        exec(source, scope)
        return scope

    def test_a_function_that_was_compiled_before_its_global_changed(self, folder):
        scope = self.cell("def f(x): return (x[0] - 1.0) ** 2 + C", {"C": 1.0, "__name__": "notebook"})
        f = njit(scope["f"])
        assert f(np.ones(1)) == 1.0
        scope["C"] = 2.0
        assert minimize(f, [0.5]).fun == pytest.approx(2.0)
        again = njit(self.cell("def f(x): return (x[0] - 1.0) ** 2 + C", {"C": 2.0, "__name__": "notebook"})["f"])
        assert minimize(again, [0.5]).fun == pytest.approx(2.0)

    def test_a_derivative_that_was_compiled_before_its_global_changed(self, folder):
        source = "def f(x): return C * (x[0] - 1.0) ** 2"
        scope = self.cell(source, {"C": 1.0, "__name__": "notebook"})
        f = njit(scope["f"])
        value_and_grad(f)(np.zeros(1))
        scope["C"] = 3.0
        assert minimize(f, [0.5], method="newton").hess[0, 0] == 6.0
        again = njit(self.cell(source, {"C": 3.0, "__name__": "notebook"})["f"])
        assert minimize(again, [0.5], method="newton").hess[0, 0] == 6.0

    def test_a_helper_that_was_compiled_before_its_global_changed(self, folder):
        scope = self.cell("def h(a): return a * a + C", {"C": 1.0, "__name__": "notebook"})
        h = scope["h"] = njit(scope["h"])
        h(1.0)
        scope["C"] = 5.0
        exec("def f(x): return h(x[0])", scope)
        assert minimize(njit(scope["f"]), [0.5]).fun == pytest.approx(5.0)

    def test_a_cell_that_is_run_again(self, folder):
        scope = {"__name__": "notebook"}
        for constant in 1.0, 2.0, 1.0:
            f = njit(self.cell(f"def f(x): return (x[0] - 1.0) ** 2 + {constant}", scope)["f"])
            assert minimize(f, [0.5]).fun == pytest.approx(constant)

    def test_contents_of_a_global_array(self, folder):
        scope = self.cell("def f(x): return (x[0] - 1.0) ** 2 + T[0]", {"T": np.array([1.0]), "__name__": "notebook"})
        assert minimize(njit(scope["f"]), [0.5]).fun == pytest.approx(1.0)
        scope["T"][0] = 7.0
        assert minimize(njit(scope["f"]), [0.5]).fun == pytest.approx(7.0)

    def test_two_equal_functions_share_their_code(self, folder):
        source = "def f(x): return (x[0] - 1.0) ** 2"
        first, second = (njit(self.cell(source, {"__name__": "notebook"})["f"]) for _ in range(2))
        assert minimize(first, [0.5]).nfev == minimize(second, [0.5]).nfev
        del first
        assert minimize(second, [0.7]).success

    @pytest.mark.parametrize("kind", ["lists of lists", "lists of arrays", "dictionaries", "tuples of lists"])
    def test_what_counts_references_itself(self, folder, kind):
        """Items of containers are reference-counted by functions of Numba's runtime.

        They must be those of the running process.
        """

        def lists_of_lists(x):
            return np.array([[2.0, 0.0 * x[0]], [0.0, 2.0]])

        def lists_of_arrays(x):
            rows = [np.array([2.0, 0.0]), np.zeros(2)]
            rows[1] = np.array([0.0, 2.0 + 0.0 * x[0]])
            return np.stack((rows[0], rows[1]))

        def dictionaries(x):
            rows = {0: np.array([2.0, 0.0])}
            rows[1] = np.array([0.0, 2.0 + 0.0 * x[0]])
            return np.stack((rows[0], rows[1]))

        def tuples_of_lists(x):
            rows = ([2.0, 0.0], [0.0, 2.0 + 0.0 * x[0]])
            return np.array(rows)

        hess = njit(locals()[kind.replace(" ", "_")])
        fun, jac = njit(lambda x: x[0] ** 2 + x[1] ** 2), njit(lambda x: 2.0 * x)
        found = minimize(fun, [1.0, 2.0], jac=jac, hess=hess, method="newton")
        assert found.success and found.nit == 1 and np.array_equal(found.hess, 2.0 * np.eye(2))
        assert list(folder.iterdir()) != []

    def test_code_that_is_made_later_is_not_taken_for_it(self, folder):
        """Both trampolines contain the function that copies a gradient, each optimised there."""
        for problem in problems.trigonometric(), problems.discrete_boundary_value():
            assert minimize(problem.fun, problem.x0, jac=problem.jac, method="lbfgs").success

    def test_nothing_is_kept_where_it_is_turned_off(self, folder, monkeypatch):
        monkeypatch.setenv(SWITCH, "0")
        assert minimize(njit(lambda x: (x[0] - 1.0) ** 2), [0.5]).success
        assert list(folder.iterdir()) == []


class Strange:
    """An object that has no name in another process."""


STRANGE = Strange()


def plain(x):
    return x


class TestKey:
    def test_is_that_of_equal_code(self):
        assert key([njit(lambda x: x + 1)]) == key([njit(lambda x: x + 1)]) != key([njit(lambda x: x + 2)])

    @pytest.mark.parametrize("first, second", [(1, 1.0), (1, True), (0.0, -0.0), ("1", 1), ((1, 2), (1, (2,)))])
    def test_tells_constants_from_each_other(self, first, second):
        def make(constant):
            return njit(lambda x: constant)

        assert key([make(first)]) != key([make(second)])
        assert key([make(first)]) == key([make(first)])

    def test_has_the_options_of_a_function(self):
        def f(x):
            return x + 1.0

        kinds = {}, {"fastmath": True}, {"fastmath": {"nnan"}}, {"error_model": "numpy"}, {"boundscheck": True}
        assert len({key([njit(**options)(f)]) for options in kinds}) == len(kinds)

    def test_has_types_and_words(self):
        assert len({key([objective]), key([objective], "a"), key([objective], "a", 1), key([objective, None])}) == 4

    @pytest.mark.parametrize("value", [STRANGE, plain, {"a": 1}, [1], np.array([None])])
    def test_there_is_none_for_what_has_no_name(self, value):
        assert key([njit(lambda x: x + value)]) is None

    def test_there_is_none_for_a_function_that_a_user_overloads(self):
        @overload(np.deg2rad)
        def replaced(x, unlikely):
            return lambda x, unlikely: x

        try:
            assert key([njit(lambda x: np.deg2rad(x))]) is None
        finally:
            fingerprint.FOREIGN.functions.pop(id(np.deg2rad))

    def test_there_is_one_for_recursion_and_for_derivatives(self):
        @njit
        def factorial(n):
            return 1 if n < 2 else n * factorial(n - 1)

        assert key([factorial]) is not None
        assert key([value_and_grad(objective)]) not in (None, key([objective]))

    def test_has_what_a_module_of_the_users_holds(self):
        import types

        module = types.ModuleType("mine")
        module.C, module.unused = 1.0, STRANGE
        f = njit(lambda x: x + module.C)
        before = key([f])
        assert before is not None
        module.C = 2.0
        assert key([f]) not in (None, before)

    def test_says_what_stands_in_the_way(self):
        assert "Strange" in user_cache.obstacle([njit(lambda x: x + STRANGE)])
        assert user_cache.obstacle([objective]) == ""


class TestFiles:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv(SWITCH, str(tmp_path / "cache"))
        return tmp_path / "cache"

    def test_are_read_as_they_were_written(self, folder):
        user_cache.save("k", b"data")
        assert user_cache.load("k") == b"data"
        assert user_cache.load("other") is None
        assert [path.name for path in folder.iterdir()] == ["k.entry"]

    def test_of_another_name_do_not_count(self, folder):
        user_cache.save("k", b"data")
        (folder / "k.entry").rename(folder / "l.entry")
        assert user_cache.load("l") is None

    @pytest.mark.parametrize("cut", [0, 10, 49])
    def test_that_are_damaged_are_removed(self, folder, cut):
        user_cache.save("k", b"data")
        (folder / "k.entry").write_bytes((folder / "k.entry").read_bytes()[:cut])
        assert user_cache.load("k") is None
        assert list(folder.iterdir()) == []

    def test_are_bounded_and_the_least_recently_used_go_first(self, folder, monkeypatch):
        monkeypatch.setattr(user_cache, "LIMIT", 5000)
        for count in range(5):
            user_cache.save(str(count), bytes(900))
            os.utime(folder / f"{count}.entry", (count, count))
        assert user_cache.load("0") is not None  # This entry has just been used.
        user_cache.save("new", bytes(900))
        assert {path.stem for path in folder.iterdir()} == {"0", "4", "new"}

    @pytest.mark.skipif(os.name == "nt", reason="rights are another thing there")
    def test_are_not_executed_where_everybody_may_write(self, folder):
        user_cache.save("k", b"data")
        folder.chmod(0o777)
        assert user_cache.load("k") is None
        folder.chmod(0o700)
        assert user_cache.load("k") == b"data"

    def test_are_for_their_owner_alone(self, folder):
        user_cache.save("k", b"data")
        assert os.name == "nt" or stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_are_done_without_where_there_can_be_no_folder(self, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv(SWITCH, str(tmp_path / "file" / "cache"))
        user_cache.save("k", b"data")
        assert user_cache.load("k") is None

    def test_facts_are_remembered(self):
        assert user_cache.remembered(objective, ("a",), lambda f: json.loads("[1, null]")) == [1, None]
        assert user_cache.remembered(objective, ("a",), lambda f: 1 / 0) == [1, None]


def test_code_that_needs_a_missing_symbol_is_not_entered():
    head = {"entry": "f", "environments": {}, "symbols": ["no_such_symbol_anywhere"], "modules": []}
    head = json.dumps(head).encode()
    assert sealed.rebuild(len(head).to_bytes(8, "little") + head + b"") is None


@pytest.mark.parametrize("name", ["NRT_MemInfo_alloc", "NRT_incref", "llvm.fabs.f64", "no_such_symbol_anywhere"])
def test_code_that_could_not_be_linked_is_not_linked(name):
    """LLVM would end the process."""
    cache.initialise_runtime()
    module = llvm.parse_assembly(f"declare double @{name}(double)")
    engine = cpu_target.target_context.codegen()._engine
    if name.startswith("no_such"):
        with pytest.raises(cache.UnknownSymbol, match=name):
            cache.check_symbols(module, engine)
    else:
        cache.check_symbols(module, engine)


def test_a_twin_for_derivatives_compiles_nothing_that_its_original_has():
    vector = types.Array(types.float64, 1, "C")
    signature, derived = vector(vector, types.intp), twin(spread_vector, Dual(2))
    before = dict(derived.overloads)
    assert derived.get_compile_result(signature) is spread_vector.get_compile_result(signature)
    assert derived.overloads == before
