"""Memory is freed call after call: from compiled code, from Python, and by ask-tell.

Covers: _api/inside_njit/*, _api/minimize.py, _api/ask_tell.py, _numba_ext/unwinding.py.
"""

import gc
from pathlib import Path

import numpy as np
import pytest
from allocations import counted
from numba import njit
from objectives import rosenbrock_gradient

from quasinewton import Solver, minimize

STATM = Path("/proc/self/statm")
PAGE = 4096


@njit
def bowl(x, centre):
    """Return Σ (x − c)² + (x − c)⁴ and its gradient."""
    d = x - centre
    return np.sum(d * d + d**4), 2.0 * d + 4.0 * d**3


@njit
def curvature(x, centre):
    """Return the Hessian of `bowl`."""
    return np.diag(2.0 + 12.0 * (x - centre) ** 2)


@njit
def lbfgs(count, x0, centre):
    """Solve `count` times by L-BFGS in compiled code."""
    total = 0
    for _ in range(count):
        total += minimize(bowl, x0, (centre,), jac=True).nit
    return total


@njit
def bfgs(count, x0, centre):
    """Solve `count` times by BFGS with an Armijo search in compiled code."""
    total = 0
    for _ in range(count):
        total += minimize(bowl, x0, (centre,), "bfgs", True, line_search="armijo").nit
    return total


@njit
def newton(count, x0, centre):
    """Solve `count` times by Newton's method in compiled code."""
    total = 0
    for _ in range(count):
        total += minimize(bowl, x0, (centre,), "newton", True, curvature).nit
    return total


@njit
def adam(count, x0, centre):
    """Make a few steps of Adam, `count` times in compiled code."""
    total = 0
    for _ in range(count):
        total += minimize(bowl, x0, (centre,), "adam", True, maxiter=5).nit
    return total


pytestmark = pytest.mark.usefixtures("allocations")


def resident():
    """Return the resident memory of the process in bytes, or 0 where it is not available."""
    gc.collect()
    return int(STATM.read_text().split()[1]) * PAGE if STATM.exists() else 0


def growth(work, count):
    """Return the allocations that `work(count)` kept, and the growth of the process in bytes.

    Allocations are counted in all and for objects. A third of the work is done before, so that the
    heap has its size when it is measured.
    """
    work(count // 3)
    memory = resident()
    made, kept, objects = counted(work, count)
    assert made >= count, "nothing was measured"
    return kept, objects, resident() - memory


def assert_constant(work, count):
    """Assert a growth of less than 16 bytes per call, which is less than any object has.

    The allowance covers what the heap rounds up to.
    """
    kept, objects, memory = growth(work, count)
    assert kept == objects == 0
    assert memory < 16 * count + 2**20


X0, CENTRE = np.array([0.5, -1.0, 2.0]), np.arange(3.0)
inside = pytest.mark.parametrize("solves", [lbfgs, bfgs, newton, adam], ids=lambda solves: solves.__name__)


@inside
def test_inside_compiled_code(solves):
    assert_constant(lambda count: solves(count, X0, CENTRE), 50_000)


@pytest.mark.slow
@inside
def test_a_million_calls_inside_compiled_code(solves):
    kept, objects, memory = growth(lambda count: solves(count, X0, CENTRE), 1_000_000)
    assert kept == objects == 0 and memory < 2**20


def python(x):
    """Return a value from a function that needs the interpreter."""
    return float(x @ x), 2.0 * x


def solves_of_compiled(count):
    for _ in range(count):
        res = minimize(bowl, X0, (CENTRE,), jac=True)
        res.hess_inv @ X0


def solves_of_python(count):
    for _ in range(count):
        minimize(python, X0, jac=True, method="bfgs", callback=lambda x: None, history=True)


def solves_of_many_kinds(count):
    for _ in range(count):
        minimize(bowl, X0, (CENTRE,), jac=True, hess=curvature, method="newton")
        minimize(bowl, X0, (CENTRE,), jac=True, method="adam", maxiter=3)
        minimize(lambda x: python(x)[0], X0)


def solves_that_fail(count):
    for _ in range(count):
        with pytest.raises(ZeroDivisionError):
            minimize(lambda x: 1 / 0, X0, jac=rosenbrock_gradient)


def solves_that_go_on(count):
    for _ in range(count):
        first = minimize(bowl, X0, (CENTRE,), jac=True, maxiter=2)
        minimize(bowl, None, (CENTRE,), jac=True, checkpoint=first.checkpoint)


def asked_and_told(count):
    for _ in range(count):
        solver = Solver(X0, "bfgs", maxiter=3)
        while not solver.done:
            solver.tell(*python(solver.ask()))
        solver.result.x.sum()


@pytest.mark.parametrize(
    "solves",
    [
        solves_of_compiled,
        solves_of_python,
        solves_of_many_kinds,
        solves_that_fail,
        solves_that_go_on,
        asked_and_told,
    ],
)
def test_from_python(solves):
    kept, objects, memory = growth(solves, 3000)
    assert kept == objects == 0
    assert memory < 100 * 3000 + 2**20


@pytest.mark.slow
def test_a_hundred_thousand_calls_from_python():
    kept, objects, memory = growth(solves_of_compiled, 100_000)
    assert kept == objects == 0 and memory < 2**21


def test_one_solver_for_a_long_time():
    """Every evaluation frees what it allocates."""
    solver = Solver(X0, "adam", gtol=0.0, maxiter=10**6)

    def work(count):
        for _ in range(count):
            solver.tell(*python(solver.ask()))
            np.empty(3).sum()

    work(3000)
    memory = resident()
    assert counted(work, 20_000).kept == 0
    assert resident() - memory < 2**20
