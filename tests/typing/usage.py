"""Typical code of users, as a type checker sees it.

`.ci/run` runs mypy on this file; the code is never executed.
"""

from typing import assert_type

import numpy as np
from numba import njit

from quasinewton import (
    LBFGS,
    BatchResult,
    History,
    LineSearchResult,
    MultistartResult,
    OptimizeResult,
    Options,
    RootResult,
    Solver,
    Status,
    StochasticResult,
    check_gradient,
    line_search,
    minimize,
    minimize_batch,
    minimize_multistart,
    minimize_stochastic,
    root,
    schedules,
)
from quasinewton.problems import Problem, rosenbrock


def bowl(x: np.ndarray) -> float:
    """Return Σ (x − 1)²."""
    return float(np.sum((x - 1.0) ** 2))


def slope(x: np.ndarray) -> np.ndarray:
    """Return the gradient of `bowl`."""
    return 2.0 * (x - 1.0)


@njit
def compiled(x):
    """Return Σ x⁴, without annotations because the function is compiled."""
    return np.sum(x**4)


def minimum() -> float:
    """Use the result of a run."""
    res = minimize(bowl, [3.0, 4.0], jac=slope, method=LBFGS(memory=5), gtol=1e-8, history=True)
    assert_type(res, OptimizeResult)
    assert_type(res.success, bool)
    assert_type(res.nit, int)
    assert_type(res.status, Status)
    assert_type(res.status.message, str)
    assert_type(res.status.converged, bool)
    assert_type(res.message, str)
    assert_type(res.history, History)
    assert_type(res.fun, float)
    values: np.ndarray = res.history.f
    point: np.ndarray = res.x
    again = minimize(compiled, None, checkpoint=res.checkpoint, options={"maxiter": 10})
    return again.fun + float(point[0]) + float(values[-1])


def strict() -> bool:
    """Use options that a dictionary holds, and options that do not exist."""
    options: Options = {"gtol": 1e-10, "maxiter": 500, "line_search": "hager-zhang"}
    minimize(bowl, [3.0, 4.0], options=options)
    minimize(bowl, [3.0, 4.0], options={"setting_of_another_package": 1})
    minimize(bowl, [3.0, 4.0], gtoll=1e-10)  # type: ignore[call-arg]
    root(slope, [3.0, 4.0], gtol=1e-10)  # type: ignore[call-arg]
    minimize_stochastic(bowl, [3.0, 4.0], ([1.0, 2.0],), betas=(0.5, 0.9))
    minimize_stochastic(bowl, [3.0, 4.0], ([1.0, 2.0],), gtol=1e-10)  # type: ignore[call-arg]
    return minimize(bowl, [3.0, 4.0], **options).success


def bounded() -> np.ndarray:
    """Use bounds, a tolerance and a callback."""

    def callback(intermediate_result: OptimizeResult) -> None:
        if intermediate_result.fun < 1e-3:
            raise StopIteration

    return minimize(bowl, np.zeros(2), bounds=[(0.0, None), (None, 0.5)], tol=1e-6, callback=callback).x


def many() -> tuple[np.ndarray, OptimizeResult]:
    """Use a batch, and several starts."""
    batch = minimize_batch(compiled, np.ones((5, 2)), n_jobs=2)
    assert_type(batch, BatchResult)
    assert_type(batch.row(3), OptimizeResult)
    best = minimize_multistart(bowl, np.ones((5, 2)), distinct=1e-2)
    assert_type(best, MultistartResult)
    assert_type(best.batch, BatchResult)
    errors: list[int] = list(batch.errors)
    return batch.fun[errors], best


def training() -> float:
    """Use mini-batches."""
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(100, 3)), rng.normal(size=100)
    schedule = schedules.cosine(final=0.1)
    res = minimize_stochastic(compiled, np.zeros(3), (A, b), "adam", lr=0.1, schedule=schedule, epochs=3, rng=1)
    assert_type(res, StochasticResult)
    assert_type(res.nepochs, int)
    return float(res.history.loss[-1])


def equations() -> np.ndarray:
    """Solve a system of equations."""
    res = root(lambda x: x * x - 2.0, 1.0)
    assert_type(res, RootResult)
    residual: np.ndarray = res.fun
    return residual


def one_search() -> float:
    """Use one line search, and check a gradient."""
    found = line_search(bowl, np.zeros(2), np.ones(2), jac=slope)
    assert_type(found, LineSearchResult)
    assert_type(found.alpha, float)
    assert check_gradient(bowl, slope, [3.0, 4.0]).message
    return found.fun


def ask_and_tell() -> OptimizeResult:
    """Use a `Solver`."""
    solver = Solver([3.0, 4.0], method="bfgs")
    while not solver.done:
        x = solver.ask()
        solver.tell(bowl(x), slope(x))
    solver.save("run.npz")
    assert_type(solver.wants, tuple[str, ...])
    assert_type(Solver.load("run.npz"), Solver)
    return solver.result


def problem() -> float:
    """Use a test problem."""
    p: Problem = rosenbrock()
    return minimize(p.fun, p.x0, jac=p.jac).fun
