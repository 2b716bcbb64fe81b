"""Golden traces of the state machine, evaluation by evaluation.

They record phase, wants and the verdict of the line search, and must not change with the structure
of the code. A change of behaviour shows as a difference between two texts: ``python
tests/test_traces.py > tests/oracles/traces.txt`` writes the new one.

Covers: _loops/line_search_loop.py, _loops/state.py, _loops/rare_phases.py, _loops/final_check.py.
"""

import itertools
from pathlib import Path

import numpy as np
import pytest
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_hessian

from quasinewton import Solver
from quasinewton._line_searches.protocol import Verdict
from quasinewton._loops.state import Phase
from quasinewton.status import Status

STORED = Path(__file__).parent / "oracles" / "traces.txt"

def saddle(x):
    """Return x₀² − x₁² + x₁⁴/2, whose slope along x₁ vanishes at x₁ = 0."""
    return x[0] ** 2 - x[1] ** 2 + 0.5 * x[1] ** 4


def saddle_gradient(x):
    """Return the gradient of `saddle`."""
    return np.array([2.0 * x[0], -2.0 * x[1] + 2.0 * x[1] ** 3])


def saddle_hessian(x):
    """Return the Hessian of `saddle`."""
    return np.diag([2.0, -2.0 + 6.0 * x[1] ** 2])


def island(x):
    """Return x·x at the point (3, 4), and a value that is not finite elsewhere."""
    return 25.0 if x[0] == 3.0 else np.nan


ROSENBROCK = rosenbrock, rosenbrock_gradient, rosenbrock_hessian
VALLEY = [-1.2, 1.0]
PASSED_OVER = [1.37, -2.22, -1.04, 2.67]  # start; L-BFGS has a lower trial whose slope is too steep
RUNS = {
    "lbfgs": (ROSENBROCK, VALLEY, dict(method="lbfgs")),
    "bfgs, values first": (ROSENBROCK, VALLEY, dict(method="bfgs", value_first=True, maxiter=10)),
    "newton from a saddle": ((saddle, saddle_gradient, saddle_hessian), [1.0, 0.0], dict(method="newton")),
    "newton-cg": (ROSENBROCK, [0.6, 0.5], dict(method="newton-cg")),
    "lbfgs stopped in a search": (ROSENBROCK, VALLEY, dict(method="lbfgs", maxfun=28)),
    "lbfgs on an island": ((island, lambda x: 2.0 * x, None), [3.0, 4.0], dict(method="lbfgs")),
    "bfgs beside a line without an end": ((lambda x: x[0], lambda x: np.ones(1), None), [1.0], dict(method="bfgs")),
    "lbfgs stopped beyond a lower trial": (ROSENBROCK, PASSED_OVER, dict(method="lbfgs", gtol=0.0, maxfun=10)),
    "lbfgs between bounds": (ROSENBROCK, VALLEY, dict(method="lbfgs", bounds=[(-1.5, 0.5), (-0.5, 2.0)])),
    "newton between bounds": (ROSENBROCK, VALLEY, dict(method="newton", bounds=[(-1.5, 0.5), (-0.5, 2.0)])),
}


def course(functions, x0, options):
    """Yield phase, wants and the line search's verdict before every evaluation.

    Last come the counts at the end.
    """
    fun, jac, hess = functions
    solver = Solver(x0, **options)
    s = solver._scalars
    while not solver.done:
        yield f"{Phase(s['phase']).name:9} {'+'.join(solver.wants):15} {Verdict(s['verdict']).name}"
        x, told = solver.ask(), {}
        if "value" in solver.wants:
            told["f"] = fun(x)
        if "gradient" in solver.wants:
            told["g"] = jac(x)
        if "hessian" in solver.wants:
            told["hess"] = hess(x)
        if "product" in solver.wants:
            told["product"] = hess(x) @ solver.vector
        solver.tell(**told)
    status = next(status for status in Status if status.value == s["status"])
    yield f"{status.name}, nit {s['nit']}, nfev {s['nfev']}, njev {s['njev']}, nhev {s['nhev']}"


def text(name):
    """Return the trace of a run, with equal lines counted."""
    lines = [f"# {name}"]
    for said, equal in itertools.groupby(course(*RUNS[name])):
        count = len(list(equal))
        lines.append(said.rstrip() + f" x{count}" * (count > 1))
    return "\n".join(lines)


@pytest.mark.parametrize("name", RUNS)
def test_trace_is_the_stored_one(name):
    stored = {block.splitlines()[0][2:]: block.rstrip() for block in STORED.read_text().split("\n\n")}
    assert text(name) == stored[name]


def test_traces_see_every_phase_of_a_fresh_run():
    words = set(STORED.read_text().split())
    assert words >= {phase.name for phase in Phase} - {"STEP", "RESUME"} | {"CONTINUE", "ACCEPT", "LONGEST"}


if __name__ == "__main__":
    print("\n\n".join(map(text, RUNS)))
