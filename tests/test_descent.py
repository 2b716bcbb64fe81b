"""The state machine of a descent: f never rises, accepted steps meet the Wolfe conditions.

Any caller can run it, one evaluation at a time.

Covers: _loops/{line_search_loop,state,rare_phases,stopping,operations}.py.
"""

import pickle

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from objectives import Counted, rosenbrock, rosenbrock_gradient, rosenbrock_hessian

from quasinewton import BFGS, LBFGS, Armijo, HagerZhang, MoreThuente, Solver, StrongWolfe, minimize, problems
from quasinewton._loops import line_search_loop
from quasinewton._loops.clock import PACE
from quasinewton._loops.state import NOTHING, Limits, State, allocate
from quasinewton._objective.build import prepare
from quasinewton._objective.problem import read_problem
from quasinewton.status import Status

EPS = np.finfo(float).eps
starts = st.lists(st.floats(-3.0, 3.0), min_size=4, max_size=4)

COMBINATIONS = [
    ("lbfgs", MoreThuente()),
    ("lbfgs", StrongWolfe()),
    ("lbfgs", HagerZhang()),
    ("lbfgs", Armijo()),
    ("bfgs", MoreThuente()),
    ("newton", MoreThuente()),
    ("gradient-descent", MoreThuente()),
]
combination = pytest.mark.parametrize(
    "method, search", COMBINATIONS, ids=lambda v: v if isinstance(v, str) else type(v).__name__
)


def solve(method, search, x0, **options):
    hess = rosenbrock_hessian if method == "newton" else None
    options = {"line_search": search, "maxiter": 60, **options}
    return minimize(rosenbrock, x0, method=method, jac=rosenbrock_gradient, hess=hess, options=options)


@combination
@given(x0=starts)
def test_f_never_rises_beyond_rounding(method, search, x0):
    f = solve(method, search, x0, history=True, gtol=0.0).history.f
    assert np.all(np.diff(f) <= 16 * EPS * np.maximum(np.abs(f[:-1]), np.abs(f[1:])))


@combination
@given(x0=starts)
def test_every_step_meets_the_conditions_of_its_search(method, search, x0):
    points = solve(method, search, x0, return_all=True, gtol=1e-3).allvecs
    for x, x_new in zip(points, points[1:], strict=False):
        s = x_new - x
        f, f_new = rosenbrock(x), rosenbrock(x_new)
        slope, slope_new = rosenbrock_gradient(x) @ s, rosenbrock_gradient(x_new) @ s
        # Rounding of x limits the accuracy of the step, and so that of the slopes along it.
        blur = 8 * EPS * np.abs(x_new).max() * np.abs(rosenbrock_gradient(x_new)).sum()
        blur += 8 * EPS * (np.abs(rosenbrock_hessian(x_new)) @ np.abs(x_new)) @ np.abs(s)
        noise = 16 * EPS * max(f, f_new)
        decrease = f_new <= f + search.c1 * slope + blur + noise
        approximate = abs(f_new - f) <= noise and 0.9 * slope - blur <= slope_new <= -0.8 * slope + blur
        if isinstance(search, Armijo):
            curvature = True
        elif isinstance(search, HagerZhang):
            curvature = slope_new >= search.c2 * slope - blur
        else:
            curvature = abs(slope_new) <= -search.c2 * slope + blur
        assert decrease and curvature or approximate


@pytest.mark.parametrize(
    "search",
    [MoreThuente(c2=0.1), StrongWolfe(c1=0.01, c2=0.2), HagerZhang(c1=0.01, c2=0.1)],
    ids=lambda search: type(search).__name__,
)
def test_stricter_constants_are_obeyed(search):
    points = solve("lbfgs", search, [-1.2, 1.0, 0.5, -0.5], return_all=True, gtol=1e-3).allvecs
    for x, x_new in zip(points, points[1:], strict=False):
        s = x_new - x
        slope, slope_new = rosenbrock_gradient(x) @ s, rosenbrock_gradient(x_new) @ s
        assert rosenbrock(x_new) <= rosenbrock(x) + search.c1 * slope * (1 - 1e-6)
        assert slope_new >= search.c2 * slope * (1 + 1e-6)
        assert isinstance(search, HagerZhang) or slope_new <= -search.c2 * slope * (1 + 1e-6)


PASSED_OVER = [1.37, -2.22, -1.04, 2.67], 10  # start, maxfun; L-BFGS has a lower trial of too steep a slope


@combination
@given(x0=starts, maxfun=st.integers(1, 40))
@example(*PASSED_OVER)
def test_result_is_the_best_point_evaluated(method, search, x0, maxfun):
    fun = Counted(rosenbrock)
    hess = rosenbrock_hessian if method == "newton" else None
    options = {"line_search": search, "maxfun": maxfun, "gtol": 0.0}
    res = minimize(fun, x0, method=method, jac=rosenbrock_gradient, hess=hess, options=options)
    best = min(rosenbrock(x) for x in fun.points)
    assert res.fun <= best + 16 * EPS * best
    assert res.fun == rosenbrock(res.x) and np.array_equal(res.jac, rosenbrock_gradient(res.x))
    if method == "newton":
        assert np.array_equal(res.hess, rosenbrock_hessian(res.x))


def test_a_lower_trial_that_was_passed_over_is_gone_back_to():
    x0, maxfun = PASSED_OVER
    settings = dict(method="lbfgs", gtol=0.0, maxfun=maxfun)
    res = minimize(rosenbrock, x0, jac=rosenbrock_gradient, **settings)
    last = minimize(rosenbrock, x0, method="lbfgs", jac=rosenbrock_gradient, gtol=0.0, maxiter=res.nit)
    assert res.fun < last.fun and res.status is Status.EVALUATIONS and last.status is Status.ITERATIONS
    # Repeat the run one evaluation at a time, saving and loading the state before each.
    solver = Solver(x0, **settings)
    while not solver.done:
        solver = pickle.loads(pickle.dumps(solver))
        x = solver.ask()
        solver.tell(rosenbrock(x), rosenbrock_gradient(x))
    assert np.array_equal(solver.result.x, res.x) and solver.result.nfev == res.nfev == maxfun + 1


@pytest.mark.parametrize("name", ["extended_rosenbrock", "wood", "chebyquad", "powell_singular", "biggs"])
@pytest.mark.parametrize("method", ["lbfgs", "bfgs", "newton"])
def test_trace_of_published_problems_never_rises(name, method):
    p = getattr(problems, name)()
    hess = p.hess if method == "newton" else None
    res = minimize(p.fun, p.x0, method=method, jac=p.jac, hess=hess, options={"history": True})
    f = res.history.f
    assert np.all(np.diff(f) <= 16 * EPS * np.abs(f[:-1])) and f[-1] == res.fun


def known(state):
    """Return the scalars of a state, except those of the clock."""
    names = [name for name in state.scalars.dtype.names if name not in PACE.names]
    return state.scalars[names][0].item()


class TestMachine:
    """Run the state machine through its function `run`."""

    def prepared(self, fun=rosenbrock):
        return prepare(read_problem(fun, rosenbrock_gradient, (), 3), "")

    def state(self, method=None, rows=0, **limits):
        return allocate(method or LBFGS(), Limits(**limits), np.array([-1.2, 1.0, 0.5]), rows)

    def finish(self, prepared, state, each=0, method=None):
        returns = 0
        while line_search_loop.run(prepared.objective, method or LBFGS(), MoreThuente(), state, each) != NOTHING:
            returns += 1
            assert returns < 10_000
        return returns

    def test_runs_to_the_end_at_once(self):
        state = self.state()
        assert self.finish(self.prepared(), state) == 0
        assert state.x == pytest.approx(np.ones(3), abs=1e-4) and state.scalars[0]["status"] == Status.GRADIENT.value

    def test_stops_after_every_iteration_when_asked_to(self):
        whole, sliced = self.state(), self.state()
        self.finish(self.prepared(), whole)
        returns = self.finish(self.prepared(), sliced, each=1)
        assert np.array_equal(whole.x, sliced.x) and known(whole) == known(sliced)
        assert returns == whole.scalars[0]["nit"] - 1

    @pytest.mark.parametrize("method", [LBFGS(memory=3), BFGS()], ids=["lbfgs", "bfgs"])
    def test_can_be_saved_between_two_iterations(self, method):
        whole, stopped = self.state(method), self.state(method)
        self.finish(self.prepared(), whole, method=method)
        for _ in range(6):
            line_search_loop.run(self.prepared().objective, method, MoreThuente(), stopped, 1)
        parts = [pickle.loads(pickle.dumps(list(part) if isinstance(part, tuple) else part)) for part in stopped]
        resumed = State(*parts[:-1], type(stopped.memory)(*parts[-1]))
        self.finish(self.prepared(), resumed, method=method)
        assert np.array_equal(whole.x, resumed.x) and known(whole) == known(resumed)

    def test_hands_over_the_trace_when_it_is_full(self):
        state = self.state(rows=4)
        prepared = self.prepared()
        assert line_search_loop.run(prepared.objective, LBFGS(), MoreThuente(), state, 0) != NOTHING
        assert state.scalars[0]["rows"] == 4 and state.scalars[0]["nit"] == 3
        assert state.trace[0, 0] == rosenbrock(np.array([-1.2, 1.0, 0.5]))

    def test_has_ended_for_good(self):
        state = self.state()
        prepared = self.prepared()
        self.finish(prepared, state)
        before = known(state)
        assert line_search_loop.run(prepared.objective, LBFGS(), MoreThuente(), state, 0) == NOTHING
        assert known(state) == before

    def test_start_is_copied(self):
        x0 = np.array([-1.2, 1.0, 0.5])
        state = allocate(LBFGS(), Limits(), x0, 0)
        self.finish(self.prepared(), state)
        assert x0.tolist() == [-1.2, 1.0, 0.5]

    def test_deadline_that_has_passed(self):
        state = self.state(deadline=0)
        self.finish(self.prepared(), state)
        assert state.scalars[0]["status"] == Status.TIME.value and state.scalars[0]["nfev"] >= 1


@pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
def test_the_bits_do_not_depend_on_where_the_heap_puts_the_arrays(method):
    """Adjacent arrays must not switch a loop from vector to scalar code."""
    rng = np.random.default_rng(0)
    expected, kept = minimize(rosenbrock, [-1.2, 1.0, 0.7, 0.9], method=method), []
    for _ in range(4000):
        kept.append(np.empty(rng.integers(1, 200)))
        if len(kept) > 500:
            kept = [kept[i] for i in rng.permutation(500)[:250]]
        res = minimize(rosenbrock, [-1.2, 1.0, 0.7, 0.9], method=method)
        assert np.array_equal(res.x, expected.x) and res.nfev == expected.nfev
