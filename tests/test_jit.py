"""Compilation: once for all objectives, on disk for all processes, never for a new value.

Covers: _numba_ext/{jit,cache,stamps,dispatch,parts}.py.
"""

import shutil
import zipfile

import numpy as np
import pytest
from numba import config, njit
from objectives import quadratic, quadratic_gradient, rosenbrock_inplace, spd
from processes import PACKAGE, finish, run, start

from quasinewton import minimize
from quasinewton._loops import line_search_loop
from quasinewton._numba_ext import python_first
from quasinewton._numba_ext.stamps import package_stamp
from quasinewton._objective import from_njit

pytestmark = pytest.mark.usefixtures("compiled_at_once")

SIMPLE = """
from quasinewton import minimize
res = minimize(lambda x: x @ x, [3.0, 4.0], jac=lambda x: 2 * x, method="gradient-descent",
               line_search="fixed", alpha=0.125, maxiter=1)
print(res.x.tolist())
"""
SIMPLE_RESULT = "[2.25, 3.0]"
# The loop runs in Python here, so that what is compiled and kept are small kernels alone.
SMALL = SIMPLE.replace('method="gradient-descent"', 'method="lbfgs"').replace("maxiter=1", "maxiter=2")
IN_PYTHON = {python_first.SWITCH: "1"}
# Print how many loops the cache had.
COUNT = """
from quasinewton._loops import line_search_loop
print(sum(line_search_loop.run.stats.cache_hits.values()))
"""


@njit
def valley(x, centre, weights):
    """Return Σ w_i (x_i − c)²."""
    f = 0.0
    for i in range(x.size):
        f += weights[i] * (x[i] - centre) ** 2
    return f


@njit
def other_valley(x, centre):
    """Return Σ (x_i − c)⁴ + (x_i − c)²."""
    f = 0.0
    for i in range(x.size):
        f += (x[i] - centre) ** 4 + (x[i] - centre) ** 2
    return f


class TestCompilesOnce:
    @pytest.fixture
    def solvers(self):
        """Return a function that counts the loops compiled so far."""
        for method in "bfgs", "lbfgs":
            minimize(valley, np.zeros(2), (1.0, np.ones(2)), method=method)
        minimize(lambda x: x @ x, [1.0])
        return lambda: len(line_search_loop.run.overloads)

    def test_for_every_objective(self, solvers):
        before = solvers()
        minimize(other_valley, np.zeros(5), (1.0,))
        minimize(other_valley.py_func, np.zeros(3), (1.0,))
        minimize(lambda x: (x @ x, 2 * x), np.ones(2), jac=True)
        assert solvers() == before

    def test_for_every_setting(self, solvers):
        before = solvers()
        minimize(valley, np.zeros(2), (1.0, np.ones(2)), maxcor=3, c2=0.5, maxls=7, gtol=1e-3, maxiter=9, damping=True)
        minimize(valley, np.zeros(2), (1.0, np.ones(2)), callback=lambda x: None, options={"history": True})
        assert solvers() == before

    def test_for_every_kind_of_arguments(self, solvers):
        before = solvers()
        for centre in 1.0, 2, True, np.float32(2.0):
            for weights in np.ones(2), np.ones(2, dtype=np.int64), np.ones(4)[::2]:
                minimize(valley, np.zeros(2), (centre, weights))
        assert solvers() == before

    def test_trampoline_for_every_value(self):
        minimize(valley, np.zeros(2), (1.0, np.ones(2)), jac="2-point")
        minimize(valley, np.zeros(30), (1.0, np.ones(30)))
        before = dict(from_njit._trampolines[valley])
        for centre in -3.0, 0.0, 1e6, np.float64(2.0):
            for n in 1, 2, 30:
                minimize(valley, np.zeros(n), (centre, np.linspace(1.0, 2.0, n)), jac="2-point")
            for n in 30, 40, 100:  # These sizes use reverse mode.
                minimize(valley, np.zeros(n), (centre, np.linspace(1.0, 2.0, n)))
        assert from_njit._trampolines[valley] == before

    def test_trampoline_for_every_type(self):
        minimize(other_valley, np.zeros(2), (1.0,))
        before = len(from_njit._trampolines[other_valley])
        minimize(other_valley, np.zeros(2), (7,))
        minimize(other_valley, np.zeros(2), (8,))
        assert len(from_njit._trampolines[other_valley]) == before + 1

    def test_trampolines_go_with_their_objective(self):
        import gc
        import weakref

        @njit
        def fleeting(x):
            return x[0] ** 2

        minimize(fleeting, [1.0])
        assert fleeting in from_njit._trampolines
        alive = weakref.ref(fleeting)
        del fleeting
        gc.collect()
        assert alive() is None


class TestMemory:
    @pytest.fixture
    def made(self, allocations):
        """Return a function that counts the allocations of a run of so many iterations."""

        def made(method, maxiter, fun=rosenbrock_inplace, **keywords):
            options = {"maxiter": maxiter, "gtol": 0.0}

            def work():
                res = minimize(fun, [-1.2, 1.0, 0.5, 0.2], jac="inplace", method=method, options=options, **keywords)
                assert res.nit == maxiter

            # On a busy machine a run may take more than a slice of time: it then enters its loop,
            # for which its arrays are unpacked, more than once.
            return min(allocations(work).made for _ in range(5))

        return made

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs", "gradient-descent"])
    def test_allocations_do_not_grow_with_iterations(self, method, made):
        made(method, 25)  # Kernels that later iterations enter first are compiled.
        assert made(method, 3) == made(method, 25)

    def test_newton_allocates_nothing_of_its_own(self, made, allocations):
        """Only the user's function allocates: one matrix per Hessian."""

        @njit
        def hessian(x):
            return np.diag(12.0 * x * x + 1.0)

        @njit
        def value_and_gradient(x, g):
            f = 0.0
            for i in range(x.size):
                f += x[i] ** 4 + 0.5 * x[i] ** 2
                g[i] = 4.0 * x[i] ** 3 + x[i]
            return f

        hessian(np.ones(4))
        own = allocations(hessian, np.ones(4)).made
        functions = {"fun": value_and_gradient, "hess": hessian}
        made("newton", 1, **functions)
        few, more = (made("newton", maxiter, **functions) for maxiter in (2, 5))
        assert more - few <= 3 * own

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
    def test_nothing_leaks(self, method, rng, allocations):
        args = spd(rng, 5), np.ones(5)

        def work(times):
            for _ in range(times):
                minimize(quadratic, np.zeros(5), args, method, quadratic_gradient)
                minimize(valley, np.zeros(5), (1.0, args[1]), method)

        work(1)
        made, kept, objects = allocations(work, 50)
        assert made > 0 and kept == objects == 0

    def test_nothing_leaks_through_exceptions(self, allocations):
        @njit
        def failing(x, array):
            if x[0] < 1.0:
                raise ValueError
            return x[0] + array[0]

        def fail(times):
            for _ in range(times):
                with pytest.raises(ValueError):
                    minimize(failing, [3.0], (np.ones(3),))

        fail(1)
        assert allocations(fail, 20).objects == 0


def copy(folder):
    """Copy the package into a folder."""
    shutil.copytree(PACKAGE, folder / "quasinewton", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "quasinewton"


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Return a folder with a copy of the package and its cache, and what a process printed.

    This process has filled the cache. Its warnings are errors, and it calls `line_search` before
    `minimize`.
    """
    folder = tmp_path_factory.mktemp("filled")
    copy(folder)
    first = """
import warnings
warnings.simplefilter("error")
from objectives import rosenbrock_gradient, rosenbrock
from quasinewton import line_search
print(line_search(rosenbrock, [-1.2, 1.0], [1.0, 0.0], jac=rosenbrock_gradient).success)
"""
    variables = {"NUMBA_CACHE_DIR": str(folder / "cache"), python_first.SWITCH: "0"}
    return folder, run(first + SIMPLE + COUNT, folder, **variables)


class TestCache:
    """Use fresh interpreters, since the cache serves later processes."""

    def test_sees_an_edit_in_any_file(self, filled, tmp_path):
        folder, first = filled
        assert SIMPLE_RESULT in first
        cache = shutil.copytree(folder / "cache", tmp_path / "cache")
        file = folder / "quasinewton" / "_numba_ext" / "linalg.py"
        source = file.read_text()
        assert source.count("x[i] = x[i] + alpha * p[i]") == 1
        file.write_text(source.replace("x[i] = x[i] + alpha * p[i]", "x[i] = x[i] + 2.0 * alpha * p[i]"))
        try:
            assert run(SIMPLE, folder, NUMBA_CACHE_DIR=str(cache)) == "[1.5, 2.0]"
        finally:
            file.write_text(source)

    def test_is_used_by_the_next_process(self, filled):
        folder, first = filled
        assert first.splitlines()[1:] == [SIMPLE_RESULT, "0"]
        found = run(SIMPLE + COUNT, folder, NUMBA_CACHE_DIR=str(folder / "cache"))
        assert found.splitlines() == [SIMPLE_RESULT, "1"]

    def test_is_done_without_where_nothing_can_be_written(self, tmp_path):
        """Run without a cache where its folder cannot be written.

        The package is in an archive, and the cache folder would lie below a file.
        """
        package = copy(tmp_path)
        archive = tmp_path / "archive.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for path in package.rglob("*.py"):
                file.write(path, path.relative_to(tmp_path))
        where = "\nimport quasinewton\nprint('archive.zip' in quasinewton.__file__)"
        nowhere = {"NUMBA_CACHE_DIR": "/dev/null/cache", "HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"}
        out = run(SMALL + where, archive, **nowhere, **IN_PYTHON)
        assert out.splitlines() == [run(SMALL, **IN_PYTHON), "True"]

    def test_survives_two_processes_that_fill_it_at_once(self, tmp_path):
        variables = {"NUMBA_CACHE_DIR": str(tmp_path), **IN_PYTHON}
        both = [start(SMALL, **variables) for _ in range(2)]
        first, second = (finish(process) for process in both)
        assert first == second == run(SMALL, **variables)
        assert len([*tmp_path.rglob("*.nbi")]) > 1

    def test_survives_damage(self, filled, tmp_path):
        shutil.copytree(filled[0] / "cache", tmp_path, dirs_exist_ok=True)
        files = [*tmp_path.rglob("*.nbi"), *tmp_path.rglob("*.nbc")]
        assert files
        for file in files:
            file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        found = run(SIMPLE + COUNT, filled[0], NUMBA_CACHE_DIR=str(tmp_path))
        assert found.splitlines() == [SIMPLE_RESULT, "0"]

    def test_filling_it_warns_of_nothing(self, filled):
        """Compiling a line search warns of nothing if `line_search` is called before `minimize`."""
        assert filled[1].splitlines()[0] == "True"

    def test_stamp_is_that_of_names_and_contents(self, tmp_path):
        package = copy(tmp_path)
        stamp = package_stamp(package)
        assert stamp == package_stamp(package)
        (package / "_line_searches" / "armijo.py").rename(package / "_line_searches" / "renamed.py")
        renamed = package_stamp(package)
        (package / "_line_searches" / "renamed.py").write_text("")
        assert len({stamp, renamed, package_stamp(package)}) == 3


class TestSettings:
    def test_code_for_other_settings_of_numba_is_other_code(self, monkeypatch):
        """With NUMBA_OPT=0, say, the cache neither finds optimised code nor replaces it."""
        loop = line_search_loop.run
        keys = []
        for level in 3, 0, 3:
            monkeypatch.setattr(config, "OPT", level)
            keys.append(loop._cache._index_key((), loop.targetctx.codegen()))
        assert keys[0] == keys[2] != keys[1]


BITS = """
import hashlib
import numpy as np
from objectives import rosenbrock, rosenbrock_gradient
from quasinewton import minimize
x0 = np.cos(np.arange(150.0))
for method in "lbfgs", "bfgs":
    res = minimize(rosenbrock, x0, jac=rosenbrock_gradient, method=method, options={"maxiter": 60})
    print(hashlib.sha256(res.x.tobytes()).hexdigest(), res.nfev)
"""


def test_bits_do_not_depend_on_threads():
    names = "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"
    one, four = (run(BITS, **dict.fromkeys(names, count)) for count in "14")
    assert one == four and len(set(one.split())) >= 3


BOUNDS = """
import numpy as np
from objectives import *
from quasinewton import LBFGS, minimize
for n in 1, 2, 3, 7:
    x0 = np.linspace(-1.2, 1.0, n)
    options = {"maxiter": 12, "history": True, "gtol": 1e-12}
    A, b = np.eye(n) + 0.1, np.ones(n)
    for method in LBFGS(memory=1), LBFGS(memory=4), "bfgs", "gradient-descent":
        minimize(quadratic, x0, (A, b), jac=quadratic_gradient, method=method, options=options).get("hess_inv")
    H = minimize(quadratic, x0, (A, b), jac=quadratic_gradient, method=LBFGS(memory=4), options=options).hess_inv
    H.todense()
    minimize(quadratic, x0, (A, b), jac=quadratic_gradient, hess=quadratic_hessian, method="newton", options=options)
    minimize(quadratic, x0, (A, b), jac="3-point", hess="2-point", method="newton", options=options)
    minimize(quadratic, x0, (A, b), jac="2-point", options=options)
    minimize(quadratic, x0, (A, b), jac=quadratic_gradient, bounds=[(-0.5, 0.7)] * n, options=options)
saddle = minimize(quadratic, np.zeros(2), (np.diag([1.0, -1.0]), np.zeros(2)), jac=quadratic_gradient,
                  hess=quadratic_hessian, method="newton", options={"maxiter": 5})
print("within bounds")
"""


# Python checks every index as well, and compiles nothing; with Numba's checks all kernels are
# compiled anew.
CHECKS = [{"NUMBA_DISABLE_JIT": "1"}, pytest.param({"NUMBA_BOUNDSCHECK": "1"}, marks=pytest.mark.slow)]


@pytest.mark.parametrize("checks", CHECKS, ids=["python", "compiled"])
def test_no_kernel_reads_beyond_an_array(checks, tmp_path):
    assert run(BOUNDS, **checks, NUMBA_CACHE_DIR=str(tmp_path)) == "within bounds"


class TestGeneric:
    """The implementation is chosen by the type of the first argument."""

    def test_serves_python_and_compiled_code_alike(self):
        from quasinewton import LBFGS, Newton
        from quasinewton._methods.protocol import hessian_order

        @njit
        def order(method, n):
            return hessian_order(method, n)

        for method, expected in (Newton(), 4), (LBFGS(), 0):
            assert hessian_order(method, 4) == order(method, 4) == expected

    def test_keeps_name_and_documentation(self):
        from quasinewton._methods.protocol import direction

        assert direction.__name__ == "direction" and direction.__doc__.startswith("Write the direction")
