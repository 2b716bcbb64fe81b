"""Methods and line searches of other packages: by name and as objects, at every door, never cached.

Covers: extending.py, _methods/registry.py, _line_searches/registry.py, _numba_ext/registration.py.
"""

import copy
import pickle
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numba import njit

from quasinewton import (
    SGD,
    Checkpoint,
    Solver,
    minimize,
    minimize_batch,
    minimize_stochastic,
)
from quasinewton._line_searches.registry import BY_NAME
from quasinewton._loops import operations
from quasinewton._methods.registry import METHODS, NAMES, TRAITS
from quasinewton._numba_ext.python_first import compiled_at_once
from quasinewton._objective.box import is_active
from quasinewton.extending import (
    Verdict,
    bounded,
    first_order,
    line_search,
    method,
    register_line_search,
    register_method,
)

START = np.array([-1.2, 1.0])
BOUNDS = [(-2.0, 0.5), (-1.0, 2.0)]


@njit
def rosenbrock(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


class Steepest(NamedTuple):
    """Steepest descent whose first trial step repeats the last one, as the package's does."""

    first: float = 1.0


class Last(NamedTuple):
    change: np.ndarray


@method.allocate.register(Steepest)
def _allocate(method, n):
    return Last(np.zeros(1))


@method.direction.register(Steepest)
def _direction(method, memory, hessian, x, g, p):
    slope = 0.0
    for i in range(g.size):
        p[i] = -g[i]
        slope -= g[i] * g[i]
    return slope, memory.change[0] / slope if memory.change[0] != 0.0 else method.first / np.sqrt(-slope)


@method.update.register(Steepest)
def _update(method, memory, x, g, p, alpha, g_new):
    memory.change[0] = 0.0
    for i in range(x.size):
        memory.change[0] += alpha * g[i] * p[i]
        x[i] += alpha * p[i]
        g[i] = g_new[i]


@method.restart.register(Steepest)
def _restart(method, memory):
    known = memory.change[0] != 0.0
    memory.change[0] = 0.0
    return known


@bounded.aim.register(Steepest)
def _aim(inner, memory, hessian, x, g, p):
    slope = 0.0
    for i in range(g.size):
        p[i] = 0.0 if is_active(x[i], g[i], memory.low[i], memory.high[i]) else -g[i]
        p[i] = min(max(x[i] + 1e-3 * p[i], memory.low[i]), memory.high[i]) - x[i]
        slope += g[i] * p[i]
    return slope, 1.0


class Halving(NamedTuple):
    c1: float = 1e-4
    maxls: int = 60


@line_search.advance.register(Halving)
def _advance(search, line, phi, dphi):
    if phi <= line.phi0 + search.c1 * line.alpha * line.dphi0:
        return Verdict.ACCEPT
    line.alpha *= 0.5
    return Verdict.CONTINUE


class Copied(NamedTuple):
    """Stochastic gradient descent without momentum, as the package has it."""

    lr: float = 1e-3
    weight_decay: float = 0.0
    decoupled: bool = False


@first_order.step.register(Copied)
def _step(method, memory, x, g, lr, l2, keep):
    for i in range(x.size):
        x[i] = keep * x[i] - lr * (g[i] + l2 * x[i])


@pytest.fixture(scope="module", autouse=True)
def registered():
    """Register the classes of this file, and forget them afterwards.

    Other files of tests take the names of all methods and searches.
    """
    saved = [(registry, dict(registry)) for registry in (METHODS, NAMES, TRAITS, BY_NAME)]
    register_method(Steepest, "Steepest_of_test", few_iterations=True)
    register_line_search(Halving, "halving")
    assert first_order.first_order(Copied) is Copied
    yield
    for registry, known in saved:
        registry.clear()
        registry.update(known)


@pytest.fixture(scope="module")
def reference():
    """The run to which those at other doors are compared."""
    return minimize(rosenbrock, START, method=Steepest(), line_search=Halving(), maxiter=30)


class TestDoors:
    def test_the_method_minimises(self, reference):
        assert reference.nit == 30 and reference.fun < 0.2 * rosenbrock(START)
        assert reference.solver == "quasinewton steepest-of-test"
        assert minimize(rosenbrock, START, method=Steepest).success, "15000 iterations by default"

    def test_names_and_objects_are_one(self, reference):
        named = minimize(rosenbrock, START, method="steepest-of-test", line_search="Halving", maxiter=30, first=1)
        np.testing.assert_array_equal(named.x, reference.x)
        assert named.nfev == reference.nfev

    def test_a_batch(self, reference):
        batch = minimize_batch(rosenbrock, [START] * 3, method="steepest-of-test", line_search="halving", maxiter=30)
        np.testing.assert_array_equal(batch.x, [reference.x] * 3)

    def test_ask_and_tell_and_a_file(self, tmp_path):
        solver = Solver(START, Steepest(), line_search="halving", maxiter=30)
        for _ in range(7):
            x = solver.ask()
            solver.tell(*derivative(x))
        solver.save(tmp_path / "run.npz")
        for twin in copy.deepcopy(solver), pickle.loads(pickle.dumps(solver)), Solver.load(tmp_path / "run.npz"):
            while not twin.done:
                twin.tell(*derivative(twin.ask()))
            np.testing.assert_array_equal(twin.result.x, told_to_the_end())

    def test_a_checkpoint(self, reference):
        part = minimize(rosenbrock, START, method=Steepest(), line_search=Halving(), maxiter=11)
        part = pickle.loads(pickle.dumps(part.checkpoint))
        assert isinstance(part, Checkpoint)
        rest = minimize(rosenbrock, None, method="steepest-of-test", line_search="halving", maxiter=30, checkpoint=part)
        np.testing.assert_array_equal(rest.x, reference.x)

    def test_inside_compiled_code(self, reference):
        @njit
        def solve(x0, method):
            return minimize(rosenbrock, x0, method=method, line_search="halving", maxiter=30).x

        np.testing.assert_array_equal(solve(START, Steepest()), reference.x)

    def test_bounds(self):
        res = minimize(rosenbrock, START, method="steepest-of-test", bounds=BOUNDS)
        assert res.success and np.allclose(res.x, [0.5, 0.25], atol=1e-4)


def derivative(x):
    """Return value and gradient of `rosenbrock`."""
    slope = 200.0 * (x[1] - x[0] ** 2)
    return rosenbrock(x), np.array([-2.0 * x[0] * slope - 2.0 * (1.0 - x[0]), slope])


def told_to_the_end():
    """Return the end of the run of `Solver` that nothing interrupts."""
    solver = Solver(START, Steepest(), line_search="halving", maxiter=30)
    while not solver.done:
        solver.tell(*derivative(solver.ask()))
    return solver.result.x


class TestFirstOrder:
    """A copy of SGD against the package's own."""

    def test_the_steps_are_those_of_sgd(self):
        own = minimize(rosenbrock, START, method="copied", lr=1e-4, weight_decay=0.1, maxiter=50)
        np.testing.assert_array_equal(
            own.x, minimize(rosenbrock, START, method=SGD(1e-4, weight_decay=0.1), maxiter=50).x
        )

    def test_mini_batches(self):
        @njit
        def loss(x, a):
            return np.sum((a - x[0]) ** 2)

        data = np.arange(12.0)
        runs = [
            minimize_stochastic(loss, [0.0], (data,), kind(), epochs=1, batch_size=4, rng=1).x
            for kind in (Copied, SGD)
        ]
        np.testing.assert_array_equal(*runs)


class TestCache:
    def test_nothing_of_it_is_on_disk(self, reference):
        with compiled_at_once():
            minimize(rosenbrock, START, method="gradient-descent", maxiter=1)
        assert reference.nit == 30
        for kernel in operations.advance_search, operations.direction, operations.update:
            index = list(Path(kernel._cache.cache_path).glob(f"operations.{kernel.py_func.__name__}-*.nbi"))
            assert index, "the package's own are there"
            assert not any(word in path.read_bytes() for path in index for word in (b"Halving", b"Steepest"))

    def test_a_class_that_is_defined_anew_has_the_new_functions(self):
        def search(factor):
            class Again(NamedTuple):
                maxls: int = 20

            @line_search.advance.register(Again)
            def _advance(search, line, phi, dphi):
                if line.count > 1:
                    return Verdict.ACCEPT
                line.alpha *= factor
                return Verdict.CONTINUE

            register_line_search(Again, "again")
            by_name = minimize(rosenbrock, START, line_search="again", maxiter=3)
            as_object = minimize(rosenbrock, START, line_search=Again(), maxiter=3)
            np.testing.assert_array_equal(by_name.x, as_object.x)
            return by_name.x

        first, second = search(0.5), search(0.25)
        assert not np.array_equal(first, second)


class Bare(NamedTuple):
    """A class without functions."""


class NoDefault(NamedTuple):
    beta: float


class Textual(NamedTuple):
    word: str = "no number"


class Listed(NamedTuple):
    """Its memory is a list."""


class Scalar(NamedTuple):
    """Its memory holds a number."""


class Number(NamedTuple):
    t: float


@method.allocate.register(Listed)
def _listed(method, n):
    return [n]


@method.allocate.register(Scalar)
def _scalar(method, n):
    return Number(0.0)


for kind in Listed, Scalar:
    for generic, implementation in (method.direction, _direction), (method.update, _update), (method.restart, _restart):
        generic.register(kind)(implementation)


class WithoutMaxls(NamedTuple):
    c1: float = 0.1


line_search.advance.register(WithoutMaxls)(_advance)


@pytest.mark.parametrize(
    "register, error, words",
    [
        (lambda: register_method(object(), "a"), TypeError, "NamedTuple"),
        (lambda: register_method(dict, "a"), TypeError, "NamedTuple"),
        (lambda: register_method(NoDefault, "a"), TypeError, "default"),
        (lambda: register_method(Textual, "a"), TypeError, "word of Textual must be a float, an int or a bool"),
        (lambda: register_method(Bare, "a"), ValueError, "register allocate, direction, update, restart"),
        (lambda: register_method(Listed, "a"), TypeError, "must return a NamedTuple of arrays"),
        (lambda: register_method(Scalar, "a"), TypeError, "t of Number, the memory of Scalar, must be an array"),
        (lambda: register_method(Steepest, 3), TypeError, "must be a str"),
        (lambda: register_method(Steepest, " "), ValueError, "at least one letter"),
        (lambda: register_method(Steepest, "LBFGS"), ValueError, "belongs to quasinewton._methods"),
        (lambda: register_method(Steepest, "CG"), ValueError, "SciPy"),
        (lambda: register_line_search(Bare, "b"), ValueError, "register advance"),
        (lambda: register_line_search(WithoutMaxls, "b"), ValueError, "maxls"),
        (lambda: register_line_search(Halving, "armijo"), ValueError, "belongs to quasinewton._line_searches"),
        (lambda: first_order.first_order(Bare), TypeError, "lr, weight_decay, decoupled"),
        (lambda: first_order.first_order(int), TypeError, "NamedTuple"),
        (lambda: method.direction.register(Steepest)(_direction), ValueError, "define the class anew"),
        (lambda: method.direction.register(Bare)(_update), TypeError, "hessian, x, g, p"),
        (lambda: method.direction.register(3), TypeError, "NamedTuple"),
    ],
)
def test_a_bad_registration_is_refused(register, error, words):
    known = dict(METHODS), dict(NAMES)
    with pytest.raises(error, match=words):
        register()
    assert (METHODS, NAMES) == known


@pytest.mark.parametrize("given", ["1", None, 1j])
def test_a_field_is_a_number(given):
    with pytest.raises(TypeError, match="first of Steepest must be a real number"):
        Steepest(given)
    assert isinstance(Steepest(np.float32(2.0)).first, float)
    with pytest.raises(TypeError, match="maxls of Halving must be an integer"):
        Halving(maxls=2.5)


def test_an_unregistered_class_is_refused():
    with pytest.raises(TypeError, match="method must be a name or a method object"):
        minimize(rosenbrock, START, method=Bare())
    with pytest.raises(TypeError, match="line_search must be a name or a search object"):
        minimize(rosenbrock, START, line_search=Bare())


def test_a_method_without_a_form_for_bounds_is_refused():
    class Free(NamedTuple):
        pass

    for generic, implementation in (
        (method.allocate, _allocate),
        (method.direction, _direction),
        (method.update, _update),
        (method.restart, _restart),
    ):
        generic.register(Free)(implementation)
    register_method(Free, "free-of-test")
    with pytest.raises(ValueError, match="'free-of-test' has no form for bounds; .*lbfgs"):
        minimize(rosenbrock, START, method=Free(), bounds=BOUNDS)
