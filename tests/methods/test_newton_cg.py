"""Truncated Newton: conjugate gradients against dense solves, for curvature of either sign.

Hessian products come from every source.

Covers: _methods/newton_cg.py, _methods/bounded/newton_cg.py, _objective/hessian_products.py.
"""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit
from objectives import (
    SADDLE_LEAST,
    Counted,
    quadratic,
    quadratic_gradient,
    quadratic_hessian,
    rosenbrock,
    rosenbrock_gradient,
    rosenbrock_hessian,
    saddle_in_units,
    spd,
)
from scipy.optimize import OptimizeWarning

from quasinewton import Checkpoint, NewtonCG, Solver, Status, minimize, minimize_batch
from quasinewton._methods import protocol
from quasinewton._objective.interface import PRODUCT

X0 = np.full(6, -1.2)


@njit
def product(x, p):
    return rosenbrock_hessian(x) @ p


@njit
def preconditioned(x, v):
    """Return v divided by the diagonal of the Hessian, kept positive."""
    h = rosenbrock_hessian(x)
    out = np.empty(v.size)
    for i in range(v.size):
        out[i] = v[i] / max(1.0, h[i, i])
    return out


@njit
def double_well(x):
    """Return x₁² − x₂² + x₂⁴, with a saddle at 0 and minima f = −1/4 at (0, ±1/√2)."""
    return x[0] * x[0] - x[1] * x[1] + x[1] ** 4


@njit
def double_well_gradient(x):
    return np.array([2.0 * x[0], -2.0 * x[1] + 4.0 * x[1] ** 3])


def newton_cg(fun=rosenbrock, x0=X0, jac=rosenbrock_gradient, args=(), **keywords):
    return minimize(fun, x0, args, "newton-cg", jac, **({"gtol": 1e-8} | keywords))


@njit
def run_by_hand(method, H, g, M, radius, asked):
    """Return direction, slope, number of products, and p·H p as the method records it.

    Last comes True if p ends on the trust-region boundary.
    """
    memory, p, products = protocol.allocate(method, g.size), np.empty(g.size), 0
    c = memory.record[0]
    c.radius, c.asked = radius, asked
    if not asked:
        memory.M[:] = M
    want = protocol.inquire(method, memory, g, g, p, False)
    while want != 0:
        if want == PRODUCT:
            products += 1
        want = protocol.answer(method, memory, H @ p if want == PRODUCT else M * p, p)
    slope, _ = protocol.direction(method, memory, np.empty((0, 0)), g, g, p)
    return p, slope, products, c.zHz, c.at_boundary


def solve_equation(H, g, method=NewtonCG(eta=1e-14), M=None, radius=np.inf, ask=False):
    return run_by_hand(method, H, g, np.ones(g.size) if M is None else M, radius, ask)


matrices = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@settings(max_examples=50)
@given(rng=matrices, n=st.integers(1, 12), condition=st.floats(1.0, 1e4))
def test_solves_newtons_equation(rng, n, condition):
    H, g = spd(rng, n, condition), rng.standard_normal(n)
    p, slope, _, bend, edge = solve_equation(H, g)
    exact = -np.linalg.solve(H, g)
    assert p == pytest.approx(exact, rel=1e-6, abs=1e-6 * np.abs(exact).max())
    assert slope == pytest.approx(g @ p) and slope < 0.0
    assert bend == pytest.approx(p @ H @ p)
    assert not edge


@settings(max_examples=50)
@given(rng=matrices, n=st.integers(1, 10))
def test_asked_and_diagonal_preconditioners_are_the_same(rng, n):
    H, g, M = spd(rng, n), rng.standard_normal(n), rng.uniform(0.1, 10.0, n)
    by_array, by_asking = solve_equation(H, g, M=M), solve_equation(H, g, M=M, ask=True)
    assert np.array_equal(by_array[0], by_asking[0]) and by_array[2] == by_asking[2]
    assert by_array[0] == pytest.approx(-np.linalg.solve(H, g), rel=1e-6, abs=1e-6)


def test_the_right_preconditioner_takes_one_product(rng):
    d = np.geomspace(1.0, 1e6, 20)
    assert solve_equation(np.diag(d), rng.standard_normal(20), M=1.0 / d)[2] == 1
    assert solve_equation(np.diag(d), rng.standard_normal(20))[2] > 15


@settings(max_examples=50)
@given(rng=matrices, n=st.integers(1, 10), radius=st.floats(1e-3, 10.0))
def test_stays_within_the_region(rng, n, radius):
    """The step stays within the trust region, in the norm of M⁻¹.

    It ends on the boundary where the model falls beyond it or has negative curvature.
    """
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    w = rng.standard_normal(n)
    H, g, M = Q @ np.diag(w) @ Q.T, rng.standard_normal(n), rng.uniform(0.5, 2.0, n)
    p, slope, _, bend, edge = solve_equation(H, g, M=M, radius=radius)
    length = np.sqrt(np.sum(p * p / M))
    assert slope < 0.0 and g @ p + 0.5 * p @ H @ p < 0.0
    assert length <= radius * (1.0 + 1e-8)
    if edge:
        assert length == pytest.approx(radius, rel=1e-8)
    else:
        assert bend > 0.0


def test_stops_where_the_residual_is_small_enough(rng):
    """At a first gradient the forcing term is η = 1/2, and bounds the residual of the step."""
    H, g = spd(rng, 30, 1e4), rng.standard_normal(30)
    p, _, products, _, _ = solve_equation(H, g, NewtonCG())
    assert np.linalg.norm(H @ p + g) <= 0.5 * np.linalg.norm(g)
    assert products < solve_equation(H, g)[2]


def test_downward_curvature_is_followed_at_its_own_scale():
    """Without a trust region the step along d is |r·r / d·H d|, and never uphill."""
    H, g = np.diag([-4.0, -4.0]), np.array([2.0, 0.0])
    p, _, products, _, _ = solve_equation(H, g)
    assert p == pytest.approx([-0.5, 0.0]) and products == 1


def test_no_curvature_at_all_is_steepest_descent():
    """Use steepest descent where the Hessian is zero: f = −x³ + … at 0, or a linear f."""
    assert solve_equation(np.zeros((3, 3)), np.ones(3))[1] == 0.0  # A slope of 0 requests a restart.
    res = minimize(lambda x: x[0], [0.0], method="newton-cg", jac=lambda x: np.ones(1), hessp=lambda x, p: 0.0 * p)
    assert res.status is Status.UNBOUNDED


def test_a_quadratic_is_solved_in_n_products(rng):
    A, b = spd(rng, 12, 100.0), rng.standard_normal(12)
    res = newton_cg(quadratic, np.zeros(12), quadratic_gradient, (A, b), hess=quadratic_hessian, eta=1e-12)
    assert res.success and res.nit <= 2 and res.x == pytest.approx(np.linalg.solve(A, b))


SOURCES = {
    "hessp": (dict(hessp=product), "exact"),
    "hess": (dict(hess=rosenbrock_hessian), "exact"),
    "derived": (dict(), "derived"),
    "auto": (dict(hess="auto"), "derived"),
    "forward": (dict(hess="2-point"), "2-point"),
    "central": (dict(hess="3-point"), "3-point"),
}


@pytest.mark.parametrize("source", SOURCES)
def test_all_sources_of_products_agree(source):
    keywords, mode = SOURCES[source]
    res = newton_cg(**keywords)
    assert res.success and res.hess_mode == mode and res.jac_mode == "exact"
    assert res.x == pytest.approx(np.ones(6), abs=1e-7)
    reference = newton_cg(hessp=product)
    assert abs(res.nhev - reference.nhev) <= 0.25 * reference.nhev  # Both take the same path up to rounding.
    gradients = {"2-point": 1, "3-point": 2}.get(mode, 0)
    assert res.njev == res.nfev + gradients * res.nhev


@pytest.mark.parametrize("keywords", [dict(hessp=product), dict(hess=rosenbrock_hessian), dict(hess="2-point"), dict()])
def test_python_and_compiled_functions_take_the_same_path(keywords):
    """A dispatcher beside a Python function is called through the interpreter."""
    compiled = newton_cg(**({"hess": "2-point"} | keywords if not keywords else keywords))
    python = newton_cg(lambda x: rosenbrock(x), **keywords)
    assert np.array_equal(python.x, compiled.x) and python.hess_mode == compiled.hess_mode
    assert (python.nfev, python.njev, python.nhev) == (compiled.nfev, compiled.njev, compiled.nhev)


def test_counts_are_true():
    fun, jac, hessp = Counted(rosenbrock.py_func), Counted(rosenbrock_gradient.py_func), Counted(product)
    res = newton_cg(lambda x: fun(x), jac=lambda x: jac(x), hessp=lambda x, p: hessp(x, p))
    assert (res.nfev, res.njev, res.nhev) == (fun.calls, jac.calls, hessp.calls)
    fun, jac = Counted(rosenbrock.py_func), Counted(rosenbrock_gradient.py_func)
    res = newton_cg(lambda x: fun(x), jac=lambda x: jac(x))
    assert res.hess_mode == "2-point" and (res.nfev, res.njev) == (fun.calls, jac.calls)
    fun = Counted(rosenbrock.py_func)
    res = newton_cg(lambda x: fun(x), jac=None, gtol=1e-5)
    assert res.success and res.jac_mode == "3-point" and res.nfev == fun.calls
    assert res.nfev > 2 * 6 * res.njev > 12 * res.nhev


def test_hessians_may_be_sparse():
    from scipy.sparse import csr_array

    dense = newton_cg(lambda x: rosenbrock(x), hess=rosenbrock_hessian)
    sparse = newton_cg(lambda x: rosenbrock(x), hess=lambda x: csr_array(rosenbrock_hessian(x)))
    assert sparse.success and sparse.x == pytest.approx(dense.x, abs=1e-8)


@pytest.mark.parametrize("precond", [np.geomspace(1.0, 1e-4, 40), "callable"])
def test_a_preconditioner_saves_products(precond):
    """Minimise f = Σ d_i (x_i⁴/4 + x_i²/2), with d over four decades."""
    d = np.geomspace(1.0, 1e4, 40)
    if isinstance(precond, str):

        def precond(x, v, d):
            return v / (d * (1.0 + 3.0 * x * x))

    def run(**keywords):
        return minimize(
            lambda x, d: np.sum(d * (0.25 * x**4 + 0.5 * x**2)),
            np.linspace(1.0, 2.0, 40),
            (d,),
            "newton-cg",
            lambda x, d: d * (x**3 + x),
            hessp=lambda x, p, d: d * (1.0 + 3.0 * x * x) * p,
            **keywords,
        )

    plain, better = run(), run(precond=precond)
    assert plain.success and better.success
    assert 2 * better.nhev < plain.nhev


@pytest.mark.parametrize("x0", [[1.0, 0.0], [0.0, 0.0], [-3.0, 0.0], [0.5, 1e-9]])
@pytest.mark.parametrize("hess", [None, "2-point"], ids=["derived", "2-point"])
def test_leaves_a_saddle_for_a_minimum(x0, hess):
    res = newton_cg(double_well, x0, double_well_gradient, hess=hess, gtol=1e-5)
    assert res.success and res.status is Status.GRADIENT
    assert res.fun == pytest.approx(-0.25) and np.abs(res.jac).max() <= 1e-5


@pytest.mark.parametrize("exponent", [2, 3, 6])
@pytest.mark.parametrize("bounds", [None, [(-1e20, 1e20)] * 2], ids=["free", "bounded"])
def test_leaves_a_saddle_whatever_the_units_of_the_variables(exponent, bounds):
    fun, jac, hess, x0 = saddle_in_units(exponent)
    res = minimize(fun, x0, jac=jac, hessp=lambda x, p: hess(x) @ p, method="newton-cg", bounds=bounds)
    assert res.success and res.fun == pytest.approx(SADDLE_LEAST)


def test_units_are_found_for_a_dense_hessian():
    """The curvature −1 is that along a combination of six variables of units from 10⁻³ to 10³."""
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    K, units = Q * [-1.0, 0.5, 0.8, 1.0, 1.5, 2.0] @ Q.T, 10.0 ** np.linspace(-3.0, 3.0, 6)
    saddle = np.zeros(6)
    res = minimize(
        lambda x: 0.5 * (x * units) @ K @ (x * units) + 0.25 * np.sum((x * units) ** 4),
        saddle,
        method="newton-cg",
        jac=lambda x: units * (K @ (x * units) + (x * units) ** 3),
        hessp=lambda x, p: units * ((K + np.diag(3.0 * (x * units) ** 2)) @ (units * p)),
    )
    y = res.x * units
    assert res.success and res.fun < -0.2
    assert np.abs(K @ y + y**3).max() < 1e-5
    assert np.linalg.eigvalsh(K + np.diag(3.0 * y * y))[0] > 0.0


def test_a_slight_negative_curvature_is_followed():
    """Curvatures are 3·10⁵ along x = y, and −1 across, which differences might not show."""

    def fun(x):
        u, v = x @ [1.0, 1.0], x @ [1.0, -1.0]
        return 7.5e4 * u * u - 0.25 * v * v + 0.0625 * v**4

    def jac(x):
        u, v = x @ [1.0, 1.0], x @ [1.0, -1.0]
        return 1.5e5 * u * np.ones(2) + (-0.5 * v + 0.25 * v**3) * np.array([1.0, -1.0])

    def hessp(x, p):
        v, a, b = x @ [1.0, -1.0], p @ [1.0, 1.0], p @ [1.0, -1.0]
        return 1.5e5 * a * np.ones(2) + (-0.5 + 0.75 * v * v) * b * np.array([1.0, -1.0])

    res = minimize(fun, [1.0, 1.0], jac=jac, hessp=hessp, method="newton-cg")
    assert res.success and res.fun == pytest.approx(-0.25)


def test_leaves_a_maximum():
    res = newton_cg(
        lambda x: np.cos(x[0]), [0.0], lambda x: -np.sin(x), hessp=lambda x, p: -np.cos(x[0]) * p, gtol=1e-5
    )
    assert res.success and res.fun == pytest.approx(-1.0)


def test_a_saddle_in_many_variables_is_found():
    """Only one curvature of a thousand is negative, and the gradient is zero."""
    n = 1000
    w = np.linspace(0.5, 2.0, n)
    w[371] = -1.0
    res = minimize(
        lambda x: 0.5 * np.sum(w * x * x) + 0.25 * np.sum(x**4),
        np.zeros(n),
        method="newton-cg",
        jac=lambda x: w * x + x**3,
        hessp=lambda x, p: (w + 3.0 * x * x) * p,
    )
    assert res.success and res.fun == pytest.approx(-0.25)


def test_a_saddle_without_escape_is_no_success():
    res = newton_cg(lambda x: 0.0, [0.0, 0.0], lambda x: np.zeros(2), hessp=lambda x, p: p * [1.0, -1.0])
    assert res.status is Status.SADDLE and res.success is False


def test_curvature_of_an_orbit_is_no_saddle():
    """Inside a circle of minima the Hessian has the curvature −‖g‖ along the circle.

    Rounding of f hides that points of the circle are lower by 1e-9.
    """
    res = newton_cg(
        lambda x: 1e8 + (x @ x - 1.0) ** 2,
        np.sqrt(1.0 - 3e-5) * np.array([0.6, 0.8]),
        lambda x: 4.0 * (x @ x - 1.0) * x,
        hessp=lambda x, p: 4.0 * (x @ x - 1.0) * p + 8.0 * (x @ p) * x,
        gtol=2e-4,
    )
    assert res.status is Status.GRADIENT and res.x @ res.x == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("constant", [0.0, 10.0])
def test_rounding_of_products_is_no_saddle(constant):
    """The second variable has no influence on f; rounding gives it the curvature −1e-17."""
    res = newton_cg(
        lambda x: constant + 0.5 * x[0] ** 2,
        [3.0, 4.0],
        lambda x: np.array([x[0], 0.0]),
        hessp=lambda x, p: p * [1.0, -1e-17],
    )
    assert res.status is Status.GRADIENT and res.x == pytest.approx([0.0, 4.0])


def test_a_certificate_takes_few_products():
    n = 500
    products = Counted(lambda x, p: p)
    res = minimize(lambda x: 0.5 * x @ x, np.zeros(n), method="newton-cg", jac=lambda x: x, hessp=products)
    assert res.success and res.nit == 0 and 1 <= res.nhev == products.calls <= 10 + 2 * np.log2(n)


def test_products_that_are_not_finite_are_survived():
    res = newton_cg(
        lambda x: x @ x, [3.0, 4.0], lambda x: 2 * x, hessp=lambda x, p: np.full(2, np.nan), gtol=1e-6, maxiter=200
    )
    assert res.fun < 1e-6


@pytest.mark.parametrize("M", [-1.0, 0.0, np.nan, np.inf])
def test_a_bad_preconditioner_is_survived(M):
    res = newton_cg(
        lambda x: x @ x, [3.0, 4.0], lambda x: 2 * x, hessp=lambda x, p: 2 * p, precond=lambda x, v: M * v, maxiter=200
    )
    assert res.fun < 1e-6


@njit
def inside(x0):
    return minimize(rosenbrock, x0, method="newton-cg", jac=rosenbrock_gradient, hessp=product, precond=preconditioned)


@njit
def inside_derived(x0, M):
    return minimize(rosenbrock, x0, method="newton-cg", jac="auto", precond=M)


@njit
def inside_differenced(x0):
    return minimize(rosenbrock, x0, method=NewtonCG(0.5, 1e-6), jac=rosenbrock_gradient, hess="3-point")


def test_inside_compiled_code_it_is_the_same():
    M = np.linspace(0.5, 2.0, 6)
    cases = [
        (inside(X0), newton_cg(hessp=product, precond=preconditioned, gtol=None)),
        (inside_differenced(X0), newton_cg(hess="3-point", floor=1e-6, gtol=None)),
        (inside_derived(X0, M), newton_cg(jac="auto", precond=M, gtol=None)),
    ]
    for found, expected in cases:
        # Derivatives are part of another function there, and LLVM may order their sums otherwise.
        rounding = 1e-14 if expected.jac_mode == "reverse" else 0.0
        assert found.success and found.x == pytest.approx(expected.x, rel=rounding, abs=0.0)
        assert all(getattr(found, name) == expected[name] for name in ("nit", "nfev", "njev", "nhev"))


@pytest.mark.parametrize("M", [np.array([1.0, 2.0]), np.zeros(6)])
def test_inside_compiled_code_a_wrong_diagonal_is_refused(M):
    with pytest.raises(ValueError, match="`precond` must"):
        inside_derived(X0, M)


BATCHES = {
    "exact": dict(hessp=product, precond=preconditioned),
    "derived": dict(),
    "differences": dict(hess="2-point"),
    "differences of differences": dict(jac="3-point", hess="2-point"),
    "python": dict(hessp=lambda x, p: product(x, p), precond=np.linspace(0.5, 2.0, 6)),
}


@pytest.mark.parametrize("case", BATCHES)
def test_a_batch_is_the_single_solves(case, rng):
    starts = rng.uniform(-1.5, 1.5, (7, 6))
    keywords = dict(jac=rosenbrock_gradient, method="newton-cg", gtol=1e-4) | BATCHES[case]
    batch = minimize_batch(rosenbrock, starts, n_jobs=2, **keywords)
    for i, x0 in enumerate(starts):
        single, row = minimize(rosenbrock, x0, **keywords), batch.row(i)
        assert np.array_equal(row.x, single.x) and row.hess_mode == single.hess_mode
        assert all(row[name] == single[name] for name in ("fun", "nit", "nfev", "njev", "nhev", "status"))
    with pytest.raises(ValueError, match="'newton-cg' wants products with the Hessian"):
        minimize_batch(lambda X, i: (0, 0), starts, method="newton-cg", vectorized=True)


def tell(solver):
    x, v = solver.ask(), solver.vector
    if solver.wants == ("product",):
        solver.tell(product=product(x, v))
    elif solver.wants == ("preconditioned",):
        solver.tell(preconditioned=preconditioned(x, v))
    else:
        assert solver.wants == ("value", "gradient") and v is None
        solver.tell(rosenbrock(x), rosenbrock_gradient(x))


def test_ask_and_tell_between_any_two_evaluations_saved(tmp_path):
    expected = newton_cg(hessp=product, precond=preconditioned)
    solver, asked = Solver(X0, "newton-cg", gtol=1e-8, precond=True), set()
    while not solver.done:
        asked.add(solver.wants)
        if solver.result.nhev % 7 == 3:
            solver.save(tmp_path / "run.npz")
            solver = Solver.load(tmp_path / "run.npz")
        tell(solver)
    assert asked == {("value", "gradient"), ("product",), ("preconditioned",)}
    res = solver.result
    assert np.array_equal(res.x, expected.x) and res.status is expected.status
    assert (res.nit, res.nfev, res.njev, res.nhev) == tuple(expected[k] for k in ("nit", "nfev", "njev", "nhev"))
    with pytest.raises(RuntimeError, match="nothing is left"):
        solver.tell(product=X0)


def test_telling_something_else_is_refused():
    solver = Solver(X0, "newton-cg")
    tell(solver)
    solver.ask()
    with pytest.raises(TypeError, match="product wanted, product not told"):
        solver.tell(1.0, X0)
    with pytest.raises(ValueError, match="product must be real, of shape"):
        solver.tell(product=np.zeros(3))
    tell(solver)
    with pytest.raises(ValueError, match="precond=True"):
        Solver(X0, "newton-cg", precond=preconditioned)


@pytest.mark.parametrize("keywords", [dict(hessp=product), dict(hess="3-point"), dict(precond=np.ones(6))])
def test_goes_on_to_the_bit(keywords, tmp_path):
    whole = newton_cg(**keywords)
    res = newton_cg(maxiter=3, **keywords)
    assert res.status is Status.ITERATIONS and res.nit == 3
    res.checkpoint.save(tmp_path / "run.npz")
    res = newton_cg(x0=None, checkpoint=Checkpoint.load(tmp_path / "run.npz"), **keywords)
    assert np.array_equal(res.x, whole.x)
    assert (res.nit, res.nfev, res.njev, res.nhev) == (whole.nit, whole.nfev, whole.njev, whole.nhev)


def test_another_preconditioner_does_not_go_on():
    state = newton_cg(maxiter=2, hessp=product).checkpoint
    with pytest.raises(ValueError, match="another precond"):
        newton_cg(checkpoint=state, hessp=product, precond=np.full(6, 2.0))
    with pytest.raises(ValueError, match="another precond"):
        newton_cg(checkpoint=state, hessp=product, precond=preconditioned)


def test_an_interrupted_product_is_asked_again():
    """After an exception between two products the run continues from its state."""
    whole, calls = newton_cg(lambda x: rosenbrock(x), hess="2-point"), []

    def fragile(x):
        calls.append(x)
        if len(calls) == 40:
            raise KeyboardInterrupt
        return rosenbrock_gradient(x)

    with pytest.raises(KeyboardInterrupt) as info:
        newton_cg(lambda x: rosenbrock(x), jac=fragile, hess="2-point")
    res = newton_cg(lambda x: rosenbrock(x), checkpoint=info.value.result.checkpoint, hess="2-point")
    assert np.array_equal(res.x, whole.x) and (res.nit, res.nfev, res.nhev) == (whole.nit, whole.nfev, whole.nhev)


def test_limits_hold_among_the_products():
    res = newton_cg(lambda x: rosenbrock(x), jac=None, maxfun=100)
    assert res.status is Status.EVALUATIONS and 100 <= res.nfev <= 100 + 2 * 6 + 1
    res = newton_cg(time_limit=0.0, hessp=product)
    assert res.status is Status.TIME and res.nit == 0
    assert newton_cg(maxiter=0, hessp=product).nhev == 0


def test_exceptions_of_products_pass_through():
    def hessp(x, p):
        raise ZeroDivisionError("product")

    with pytest.raises(ZeroDivisionError, match="product") as info:
        newton_cg(hessp=hessp)
    assert info.value.result.status is Status.INTERRUPTED
    with pytest.raises(ValueError, match="the product with the Hessian must be real, of shape"):
        newton_cg(hessp=lambda x, p: np.zeros(2))
    with pytest.raises(ValueError, match="the preconditioned vector must be real, of shape"):
        newton_cg(hessp=product, precond=lambda x, v: None)


@pytest.mark.parametrize(
    "keywords, error, message",
    [
        (dict(eta=1.0), ValueError, r"eta must be in \(0, 1\), got 1.0"),
        (dict(hess="4-point"), ValueError, "hess must be callable, .* got '4-point'"),
        (dict(hessp="auto"), ValueError, "hessp must be callable or None; got 'auto'"),
        (dict(jac="2-point", hess="2-point"), ValueError, "jac='2-point' leaves half the digits"),
        (dict(fun=rosenbrock.py_func, hess="auto"), TypeError, "hess='auto' needs fun compiled"),
        (dict(precond=True), ValueError, "precond=True is for a Solver"),
        (dict(precond=np.zeros(6)), ValueError, "precond must be 6 positive numbers, the diagonal"),
        (dict(precond=np.ones(5)), ValueError, "precond must be 6 positive numbers, the diagonal"),
    ],
)
def test_what_is_illegal_is_refused(keywords, error, message):
    with pytest.raises(error, match=message):
        newton_cg(**keywords)


def test_others_have_no_use_for_products_and_preconditioners():
    with pytest.warns(RuntimeWarning, match="does not use Hessian-vector product information"):
        minimize(rosenbrock, X0, method="newton", jac=rosenbrock_gradient, hess=rosenbrock_hessian, hessp=product)
    with pytest.warns(OptimizeWarning, match="Unknown solver options: precond"):
        minimize(rosenbrock, X0, method="newton", hess=rosenbrock_hessian, jac=rosenbrock_gradient, precond=np.ones(6))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        newton_cg(hess=rosenbrock_hessian, hessp=product)


@njit
def refused(x):
    """Return x·x + x₁⁴, by way of a function that cannot be differentiated."""
    return np.trace(np.linalg.matrix_power(np.diag(x), 2)) + x[0] ** 4


@njit
def refused_gradient(x):
    g = 2.0 * x
    g[0] += 4.0 * x[0] ** 3
    return g


@pytest.mark.parametrize("method", ["newton-cg", "newton"])
def test_what_cannot_be_derived_is_differenced_with_a_warning(method):
    for _ in range(2):  # The second run already has the compiled code.
        with pytest.warns(OptimizeWarning, match="differences take the place of exact derivatives") as caught:
            res = minimize(refused, [3.0, 1.0, -2.0], method=method, jac=refused_gradient)
        assert [warning.filename for warning in caught] == [__file__]
        assert res.hess_mode == "2-point" and np.abs(res.jac).max() < 1e-3
    with pytest.raises(TypeError, match="matrix_power"):
        minimize(refused, [3.0, 1.0, -2.0], method=method, jac=refused_gradient, hess="auto")


@pytest.mark.parametrize("hess", [None, "auto"])
def test_newton_derives_hessians(hess):
    exact = minimize(rosenbrock, X0, method="newton", jac=rosenbrock_gradient, hess=rosenbrock_hessian)
    res = minimize(rosenbrock, X0, method="newton", jac=rosenbrock_gradient, hess=hess)
    assert exact.hess_mode == "exact" and res.hess_mode == "derived"
    assert res.success and res.x == pytest.approx(exact.x) and res.hess == pytest.approx(rosenbrock_hessian(res.x))
    assert (res.nit, res.nfev, res.njev, res.nhev) == (exact.nit, exact.nfev, exact.njev, exact.nhev)


@pytest.mark.parametrize(("sign", "least"), [(-1.0, -1.0), (1.0, 0.0)])
def test_a_corner_that_is_a_saddle_is_left_and_another_is_a_minimum(sign, least):
    """±x y in the unit square, from 0, where the gradient vanishes and a curvature is negative."""
    swapped = lambda x, p: sign * p[::-1]  # noqa: E731
    res = newton_cg(lambda x: sign * x[0] * x[1], [0.0, 0.0], lambda x: sign * x[::-1], hessp=swapped,
                    bounds=[(0.0, 1.0)] * 2)
    assert res.success and res.fun == least and res.nfev <= 5


def test_variables_do_not_leave_their_bounds_for_a_residual():
    """A portfolio of least variance, with a stiff penalty on its sum, in the box [0, 0.4]⁸.

    Conjugate gradients leave a residual along the stiff direction, which points away from bounds.
    """
    rng = np.random.default_rng(0)
    factors = 1e-3 * rng.normal(size=(60, 8))
    C, r = factors.T @ factors, 1e-4 * rng.normal(size=8)

    def fun(x):
        return 0.5 * x @ C @ x - r @ x + 10.0 * (x.sum() - 1.0) ** 2

    def jac(x):
        return C @ x - r + 20.0 * (x.sum() - 1.0)

    H = C + 20.0
    x0, bounds = np.full(8, 0.125), [(0.0, 0.4)] * 8
    best = minimize(fun, x0, jac=jac, hess=lambda x: H, method="newton", bounds=bounds)
    res = minimize(fun, x0, jac=jac, hessp=lambda x, p: H @ p, method="newton-cg", bounds=bounds)
    active = (best.x == 0.0) | (best.x == 0.4)
    assert best.success and res.success and active.sum() >= 3
    np.testing.assert_allclose(res.x, best.x, atol=1e-3)
    assert res.nfev <= 100


@pytest.mark.parametrize("bounds", [None, [(0.0, 1e-7), (0.0, 1e11), (0.0, 10.0)]], ids=["free", "bounded"])
def test_units_that_differ_by_many_orders_do_not_hide_a_decrease(bounds):
    """A quadratic in variables of 1e-8, 1e8 and 1, whose gradient in the second is within gtol."""
    unit = np.array([1e-8, 1e8, 1.0])
    A = np.array([[2.2, -0.1, -1.0], [-0.1, 1.1, 0.0], [-1.0, 0.0, 1.0]])
    least = np.linalg.solve(A, [2.0, 30.0, 0.0])

    def fun(x):
        y = x / unit - least
        return 1.0 + 0.5 * y @ A @ y

    functions = dict(jac=lambda x: A @ (x / unit - least) / unit, hessp=lambda x, p: A @ (p / unit) / unit)
    res = minimize(fun, [1e-9, 1e9, 1.0], method="newton-cg", bounds=bounds, **functions)
    assert res.success and res.fun == pytest.approx(1.0, abs=1e-6)
