"""SciPy's own tests, which its wheel ships, with BFGS, L-BFGS-B and Newton-CG of quasinewton.

All pass except those of a short list of intended differences; a test that begins to pass must be
removed from the list. `scipy_suite/routing.py` says how they are run.

Covers: _api/minimize.py, _options/*, _drivers/*.
"""

import json
import os
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import scipy

import quasinewton
from quasinewton._options.names import METHODS

HERE = Path(__file__).parent
pytestmark = [
    # Names and numbers of tests change between versions of SciPy.
    pytest.mark.skipif(not scipy.__version__.startswith("1.17."), reason="the list is of SciPy 1.17"),
]

LOCAL = "test_optimize", "test_lbfgsb_hessinv", "test_lbfgsb_setulb"
GLOBAL = "test__basinhopping", "test__dual_annealing", "test__differential_evolution", "test__shgo"

# Tests that fail, by method, and the reason why they should.
DIFFERENCES = {
    "bfgs": {
        "*Wrapper*::test_bfgs": "counts of SciPy 0.7, 10 and 8 evaluations: ours takes 7",
        "*Wrapper*::test_bfgs_infinite": "f → −∞ ends with status UNBOUNDED at a point where f is still a number",
        "*Wrapper*::test_bfgs_c1": "a smaller c1 costs SciPy's search evaluations, and saves ours some",
        "*::test_bfgs_nan_return": "after NaN the best point is returned, and f there, with success False",
        "*::test_initial_step_scaling": "SciPy's first step is 1.01 long; ours is 1, in every scale",
    },
    "l-bfgs-b": {
        "*::test_l_bfgs_b_maxiter": "one message for every method, not SciPy's upper case of L-BFGS-B",
        "test_lbfgsb_hessinv::test_3": "SciPy's `hess_inv` leaves out the initial matrix γI that its directions had",
        "*::test_equal_bounds[*-kwds0-L-BFGS-B]": "without gradients SciPy's are NaN where variables are fixed; ours 0",
    },
    "newton-cg": {
        "*Wrapper*::test_ncg": "counts of SciPy 0.9, 7 evaluations: ours takes 6",
        "*Wrapper*::test_ncg_hess": "iterates of SciPy 0.7",
        "*Wrapper*::test_ncg_hessp": "iterates of SciPy 0.7",
        "*Wrapper*::test_ncg_zero_xtol": "of the minima of a cosine ours finds another than π",
        "*::test_finite_differences_hess": "quasi-Newton updates are methods, not Hessians",
        "*::test_hessian_update_strategy": "quasi-Newton updates are methods, not Hessians",
    },
}


def outcomes_of(modules, folder):
    """Run test modules of SciPy; return the outcome and the exception's message of every test."""
    file = folder / "outcomes.json"
    path = os.pathsep.join((str(HERE / "scipy_suite"), str(Path(quasinewton.__file__).parent.parent)))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment |= {"PYTHONPATH": path, "QUASINEWTON_SUITE": str(file)}
    options = ["-c", os.devnull, "-q", "-p", "routing", "-p", "no:cacheprovider", "-p", "no:xdist", "--pyargs"]
    command = [sys.executable, "-m", "pytest", *options, *(f"scipy.optimize.tests.{module}" for module in modules)]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert file.exists(), run.stdout + run.stderr
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("modules, least", [(LOCAL, 153), (GLOBAL, 57)], ids=["local", "global"])
def test_scipys_tests_pass_with_ours(modules, least, tmp_path):
    outcomes = outcomes_of(modules, tmp_path)
    assert len(outcomes) >= least
    failed = {name: message for name, (outcome, message) in outcomes.items() if outcome == "failed"}
    patterns = [pattern for method, listed in DIFFERENCES.items() if method in METHODS for pattern in listed]
    if modules is GLOBAL:
        patterns = []
    unlisted = {
        name: message
        for name, message in failed.items()
        if not any(fnmatch(name, literal(pattern)) for pattern in patterns)
    }
    assert not unlisted
    needless = [pattern for pattern in patterns if not needed(pattern, outcomes, failed)]
    assert not needless


def literal(pattern):
    """Return a pattern in which brackets have no special meaning."""
    return pattern.replace("[", "[[]")


def needed(pattern, outcomes, failed):
    """Return True if a pattern matches at least one test and all that it matches fail."""
    named = [name for name in outcomes if fnmatch(name, literal(pattern))]
    return bool(named) and all(name in failed for name in named)
