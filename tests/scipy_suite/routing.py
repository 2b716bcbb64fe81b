"""A pytest plugin that runs SciPy's tests with BFGS, L-BFGS-B and Newton-CG of quasinewton.

`scipy.optimize.minimize` is replaced before any test module is imported, so that all its callers,
SciPy's global optimisers included, call quasinewton for those methods. The tests that did so and
their outcomes are written to the file that the environment names.
"""

import functools
import json
import os

import numpy as np
import pytest
import scipy.optimize

import quasinewton
from quasinewton._options.names import METHODS

THEIRS = scipy.optimize.minimize
ROUTED = {name for name in ("bfgs", "l-bfgs-b", "newton-cg") if name in METHODS}

# Parts of the names of slow tests that never call `minimize` with these methods.
ELSEWHERE = ("TestBrute", "TestIterationLimits", "too_many_open_files", "cobyla", "no_ls", "COBYQA", "Scalar",
             "powell", "test_L", "constr", "symmetry", "Sobol", "Simplicial", "19_parallel", "TestShgoReturns",
             "TestShgoFailures", "neldermead")

reached = False
outcomes = {}


@functools.wraps(THEIRS)
def minimize(fun, x0, args=(), method=None, *rest, **keywords):
    """Call quasinewton for the methods that it replaces, and SciPy for others."""
    global reached
    constrained = len(rest) > 4 or bool(keywords.get("constraints"))
    if (method is None and not constrained) or (isinstance(method, str) and method.lower() in ROUTED):
        reached = True
        return quasinewton.minimize(fun, x0, args, method, *rest, **keywords)
    return THEIRS(fun, x0, args, method, *rest, **keywords)


scipy.optimize.minimize = scipy.optimize._minimize.minimize = minimize
for module in "_basinhopping", "_dual_annealing", "_differentialevolution", "_shgo":
    getattr(scipy.optimize, module).minimize = minimize


@pytest.fixture(autouse=True)
def seeded(monkeypatch):
    """Give tests without a seed the same random numbers in every run; some fail now and then."""
    unseeded = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed=None: unseeded(1 if seed is None else seed))
    np.random.seed(1)


def pytest_collection_modifyitems(config, items):
    """Deselect tests of other methods, and slow tests that never call quasinewton."""
    keep, leave = [], []
    for item in items:
        callspec = getattr(item, "callspec", None)
        method = callspec.params.get("method") if callspec else None
        other = isinstance(method, str) and method.lower() not in ROUTED
        name = item.nodeid.partition("[")[0]
        (leave if other or any(part in name for part in ELSEWHERE) else keep).append(item)
    config.hook.pytest_deselected(items=leave)
    items[:] = keep


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Record the outcome of a test that called quasinewton."""
    global reached
    report = (yield).get_result()
    if call.when == "setup":
        reached = False
    elif call.when == "call" and reached:
        name = f"{item.path.stem}::{item.nodeid.partition('::')[2]}"
        outcomes[name] = report.outcome, str(call.excinfo.value)[:500] if call.excinfo else ""


def pytest_sessionfinish():
    """Write the recorded outcomes to the file."""
    with open(os.environ["QUASINEWTON_SUITE"], "w", encoding="utf-8") as file:
        json.dump(outcomes, file)
