"""`method="auto"`: the rules, and one choice at every door."""

import logging

import numpy as np
import pytest
from numba import njit
from scipy.optimize import BFGS as Update
from scipy.optimize import OptimizeWarning

from quasinewton import (
    LBFGS,
    Solver,
    minimize,
    minimize_batch,
    minimize_multistart,
    minimize_stochastic,
)
from quasinewton._methods.registry import register_method
from quasinewton._options.choose_method import (
    ESTIMATED,
    FACTORED,
    RULES,
    chosen_method,
    rules_for,
)

BOX = [(-1.0, 4.0)]


def f(x):
    return float(np.sum((x - 3.0) ** 4 + (x - 3.0) ** 2))


def jac(x):
    return 4.0 * (x - 3.0) ** 3 + 2.0 * (x - 3.0)


def hess(x):
    return np.diag(12.0 * (x - 3.0) ** 2 + 2.0)


def hessp(x, p):
    return (12.0 * (x - 3.0) ** 2 + 2.0) * p


@njit
def compiled(x):
    total = 0.0
    for i in range(x.size):
        total += (x[i] - 3.0) ** 4 + (x[i] - 3.0) ** 2
    return total


@njit
def inside(x0):
    return minimize(compiled, x0)


@njit
def inside_with_hessian(x0):
    return minimize(compiled, x0, hess="auto", gtol=1e-8)


@pytest.mark.parametrize(
    "n, given, method",
    [
        (1, {}, "bfgs"),
        (ESTIMATED, {}, "bfgs"),
        (ESTIMATED + 1, {}, "lbfgs"),
        (1, {"bounds": BOX}, "lbfgs"),
        (1, {"bounds": BOX, "hess": hess}, "lbfgs"),
        (FACTORED, {"hess": hess}, "newton"),
        (FACTORED, {"hess": "auto"}, "newton"),
        (FACTORED + 1, {"hess": hess}, "lbfgs"),
        (2, {"hess": hess, "hessp": hessp}, "newton"),
        (1000, {"hess": hess, "hessp": hessp}, "newton-cg"),
        (1000, {"hessp": hessp}, "newton-cg"),
        (2, {"hess": "2-point"}, "bfgs"),
        (2, {"hess": Update()}, "bfgs"),
        (2, {"hess": Update}, "bfgs"),
    ],
)
def test_rules(n, given, method):
    given = {"bounds": None, **given}
    name, reason = chosen_method("auto", n, **given)
    assert name == method
    assert reason
    assert chosen_method("AUTO", n, **given) == (name, reason)


@pytest.mark.parametrize(
    "n, options, method, decided",
    [
        (2, {"memory": 5}, "lbfgs", True),
        (2, {"maxcor": 5}, "lbfgs", True),
        (2, {"maxcor": None}, "bfgs", False),
        (2, {"single": True}, "lbfgs", True),
        (500, {"hess_inv0": np.eye(500)}, "bfgs", True),
        (2, {"damping": True}, "bfgs", False),
        (500, {"damping": True}, "lbfgs", False),
        (2, {"damping": True, "maxcor": 5}, "lbfgs", True),
        (500, {"H0": np.ones(500)}, "lbfgs", False),
        (2, {"precond": np.ones(2)}, "bfgs", False),
        (2, {"precond": hessp}, "newton-cg", True),
        (2, {"precond": True}, "newton-cg", True),
        (2, {"eta": 0.1}, "newton-cg", True),
        (500, {"floor": 1e-4}, "newton", True),
        (2, {"memory": 5, "hess_inv0": np.eye(2)}, "bfgs", False),  # No method has both.
        (2, {"lr": 0.1, "gtol": 1e-3, "c1": 0.1}, "bfgs", False),
    ],
)
def test_option_of_one_method_decides(n, options, method, decided):
    name, reason = chosen_method("auto", n, None, options=options)
    assert name == method
    assert ("of this method" in reason) == decided


def test_every_number_of_variables_has_a_method():
    for hessian in False, True:
        for product in False, True:
            for bounded in False, True:
                rows = rules_for(hessian, product, bounded, {})
                assert [rule.most for rule in rows].count(None) == 1 and rows[-1].most is None
                assert all(rule.reason for rule in rows)
    assert {rule.method for rule in RULES} == {"newton", "newton-cg", "bfgs", "lbfgs"}


def test_what_is_said_is_kept():
    assert chosen_method("newton", 2, None) == ("newton", "")
    given = LBFGS(memory=3)
    assert chosen_method(given, 2, None)[0] is given
    # None is SciPy's choice, whatever the number of variables.
    assert chosen_method(None, 1000, None) == (None, "")
    assert chosen_method(None, 2, BOX) == ("lbfgs", "")
    assert minimize(f, np.zeros(30), jac=jac, method=None).method == "bfgs"


@pytest.mark.parametrize("n", [2, ESTIMATED, ESTIMATED + 1])
def test_one_choice_at_every_door(n):
    x0 = np.zeros(n)
    result = minimize(compiled, x0)
    assert result.method == ("bfgs" if n <= ESTIMATED else "lbfgs")
    assert str(n if n == ESTIMATED else ESTIMATED) in result.method_reason
    assert result.solver == f"quasinewton {result.method}"
    named = minimize(compiled, x0, method=result.method)
    assert np.array_equal(result.x, named.x) and "method_reason" not in named
    batch = minimize_batch(compiled, [x0, x0])
    starts = minimize_multistart(compiled, [x0, x0])
    within = inside(x0)
    for other in batch, batch.row(1), starts:
        assert (other.method, other.method_reason) == (result.method, result.method_reason)
    for x in batch.x[0], starts.x, within.x:
        assert np.array_equal(x, result.x)
    assert (within.nit, within.nfev) == (result.nit, result.nfev)
    solver = Solver(x0)
    while not solver.done:
        x = solver.ask()
        solver.tell(f(x), jac(x))
    assert (solver.result.method, solver.result.method_reason) == (result.method, result.method_reason)


def test_one_choice_with_a_hessian():
    for n, method in (3, "newton"), (FACTORED + 1, "lbfgs"):
        result = minimize(compiled, np.zeros(n), hess="auto", gtol=1e-8)
        within = inside_with_hessian(np.zeros(n))
        assert result.method == method
        assert np.array_equal(within.x, result.x) and within.nhev == result.get("nhev", 0)
    batch = minimize_batch(f, np.zeros((2, 3)), jac=jac, hess=hess)
    assert batch.method == "newton" and batch.success.all()


def test_second_derivative_that_is_not_used_is_named():
    with pytest.warns(RuntimeWarning, match="lbfgs does not use Hessian information"):
        assert minimize(f, np.zeros(2), jac=jac, hess=hess, bounds=BOX * 2).method == "lbfgs"


def test_resumption_takes_the_method_of_the_run():
    short = minimize(f, np.zeros(2), jac=jac, method=LBFGS(memory=3), maxiter=2)
    result = minimize(f, None, jac=jac, checkpoint=short.checkpoint)
    whole = minimize(f, np.zeros(2), jac=jac, method=LBFGS(memory=3))
    assert result.method == "lbfgs" and result.checkpoint.method.memory == 3
    assert "checkpoint" in result.method_reason
    assert np.array_equal(result.x, whole.x) and result.nfev == whole.nfev
    bounded = minimize(f, np.zeros(2), jac=jac, method="bfgs", bounds=BOX * 2, maxiter=1)
    assert minimize(f, None, jac=jac, bounds=BOX * 2, checkpoint=bounded.checkpoint).method == "bfgs"
    assert Solver(None, checkpoint=short.checkpoint).result.method == "lbfgs"
    assert Solver(None, method="auto", checkpoint=minimize(f, np.zeros(30), jac=jac, method="bfgs").checkpoint).done


def test_copy_of_a_solver_knows_the_reason():
    import copy

    solver = Solver(np.zeros(2))
    assert copy.copy(solver).result.method_reason == solver.result.method_reason


def test_constraints_go_to_scipy():
    together = {"type": "eq", "fun": lambda x: x[0] - x[1]}
    result = minimize(f, np.zeros(2), jac=jac, method="auto", constraints=together)
    assert result.method == "slsqp" and result.solver == "scipy slsqp"


def test_option_of_no_method_is_named():
    with pytest.warns(OptimizeWarning, match="Unknown solver options: maxcorr; perhaps maxcor is meant"):
        minimize(f, np.zeros(30), jac=jac, maxcorr=5)


def test_choice_is_logged(caplog):
    with caplog.at_level(logging.DEBUG, logger="quasinewton"):
        minimize(f, np.zeros(2), jac=jac)
    assert "method bfgs: there are at most 24 variables" in caplog.messages


def test_names():
    with pytest.raises(ValueError, match="lets the package choose"):
        register_method(LBFGS, "Auto")
    with pytest.raises(ValueError, match="'auto' chooses between methods with a line search; name"):
        minimize_stochastic(f, np.zeros(2), (np.zeros((4, 2)),), "auto", jac=True)
