"""The compact form of L-BFGS, compared with the matrix that it represents.

Also a given H₀, curvature pairs in single precision, and memory.

Covers: _methods/lbfgs/{compact_inverse,vector_blocks}.py, _methods/curvature_pairs.py.
"""

import numpy as np
import processes
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_inplace

from quasinewton import BFGS, LBFGS, Solver, minimize, minimize_batch
from quasinewton._drivers.checkpoint import Checkpoint
from quasinewton._methods.curvature_pairs import RING
from quasinewton._methods.lbfgs import compact_inverse, two_loop
from quasinewton._methods.lbfgs.compact_inverse import BLOCK, HEAD, READY, UNIT_S, UNIT_Y

starts = st.lists(st.floats(-3.0, 3.0), min_size=4, max_size=4)


@pytest.fixture
def always(monkeypatch):
    """Make the compact form apply to few variables."""
    monkeypatch.setattr(two_loop, "MANY", 0)


class Run:
    """The compact kernels on a quadratic with a diagonal Hessian, step by step."""

    def __init__(self, m, n, single=False, H0=None, seed=0):
        self.m, self.n, self.single = m, n, single
        width = (n + 1) // 2 if single else n
        self.S, self.Y = np.full((m, width), np.nan), np.full((m, width), np.nan)
        self.rho, self.ring = np.full(m, np.nan), np.zeros(1, RING)
        self.a = np.full(compact_inverse.size(m) + (0 if H0 is None else n), np.nan)
        self.H0 = np.ones(n) if H0 is None else H0
        if H0 is not None:
            self.a[-n:] = H0
        self.rng = np.random.default_rng(seed)
        self.scales = np.geomspace(1.0, 100.0, n)
        self.x, self.p = self.rng.standard_normal(n), np.empty(n)
        self.g = self.scales * self.x
        self.pairs = []

    def step(self, p=None, change=None, damping=0):
        """Step along p and learn the pair.

        The gradient changes by `change`, or as that of the quadratic if it is None.
        """
        self.p[:] = self.rng.standard_normal(self.n) if p is None else p
        self.p *= -np.sign(self.g @ self.p)
        x, g = self.x.copy(), self.g.copy()
        g_new = g + (self.scales * 0.5 * self.p if change is None else change)
        update = compact_inverse.update_single if self.single else compact_inverse.update
        update(self.S, self.Y, self.rho, self.a, self.ring, damping, self.x, self.g, self.p, 0.5, g_new)
        assert np.array_equal(self.x, x + 0.5 * self.p) and np.array_equal(self.g, g_new)
        assert compact_inverse.norm_of(self.a) == np.abs(g_new).max()
        return self.x - x, g_new - g

    def kept(self):
        """Return the stored pairs of the ring, oldest first."""
        ring = self.ring[0]
        rows = (ring["newest"] + 1 - ring["count"] + np.arange(ring["count"])) % self.m
        S, Y = self.S, self.Y
        if self.single:
            S = S.view(np.float32)[:, : self.n] * self.a[UNIT_S]
            Y = Y.view(np.float32)[:, : self.n] * self.a[UNIT_Y]
        return S[rows], Y[rows]

    def direction(self):
        """Return −H g and its slope."""
        p = np.full(self.n, np.nan)
        direction = compact_inverse.direction_single if self.single else compact_inverse.direction
        slope = direction(self.S, self.Y, self.a, self.ring, self.g, p)
        return p, slope

    def expected(self):
        """Return −H g by the definition, N&W (2006) eq. 7.19, without forming the matrix."""
        S, Y = self.kept()
        gamma = (S[-1] @ Y[-1]) / (Y[-1] @ (self.H0 * Y[-1])) if len(S) else 1.0
        return -product(S, Y, gamma * self.H0, self.g)

    def check(self, tolerance=1e-12):
        p, slope = self.direction()
        expected = self.expected()
        assert np.abs(p - expected).max() <= tolerance * np.abs(expected).max()
        assert slope == pytest.approx(self.g @ p, rel=1e-10)


def product(S, Y, H0, v):
    """Return H v by the recursion H = Vᵀ H₋ V + rho s sᵀ, N&W (2006) eq. 7.16."""
    if len(S) == 0:
        return H0 * v
    s, y = S[-1], Y[-1]
    rho = 1.0 / (s @ y)
    w = product(S[:-1], Y[:-1], H0, v - rho * (s @ v) * y)
    return w - rho * (y @ w) * s + rho * (s @ v) * s


# Sizes: less than one block, and some blocks with a last one that is not full.
@pytest.mark.parametrize("n", [1, 7, 2 * BLOCK + 13])
@pytest.mark.parametrize("m", [1, 2, 5])
@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("given", [False, True])
def test_direction_is_the_definition_as_the_ring_fills_and_goes_round(n, m, single, given, rng):
    run = Run(m, n, single, np.geomspace(1e-3, 1e3, n) if given else None)
    for k in range(2 * m + 3):
        s, y = run.step()
        assert run.ring[0]["count"] == min(k + 1, m)
        S, Y = run.kept()
        accuracy = 1e-7 if single else 0.0
        assert np.abs(S[-1] - s).max() <= accuracy * np.abs(s).max()
        assert np.abs(Y[-1] - y).max() <= accuracy * np.abs(y).max()
        run.check()


@pytest.mark.parametrize("single", [False, True])
def test_skipped_pairs_leave_the_others(single):
    """A skipped pair of negative curvature leaves the others as they are.

    In a full ring the oldest pair is lost with it.
    """
    run = Run(4, 9, single)
    for k in range(12):
        before = run.ring[0]["count"]
        if k % 3 == 2:
            kept = run.kept()
            p = run.rng.standard_normal(9)
            p *= -np.sign(run.g @ p)
            run.step(p, -0.1 * p)
            assert run.ring[0]["count"] == (3 if before == 4 else before)
            assert np.array_equal(run.kept()[0], kept[0][-3:])
        else:
            run.step()
            assert run.ring[0]["count"] == min(before + 1, 4)
        run.check()


@pytest.mark.parametrize("single", [False, True])
def test_damped_pairs(single):
    """With damping s·y becomes 0.2 s·B s, and products use the damped y.

    N&W (2006) procedure 18.2.
    """
    run = Run(3, 9, single)
    run.step()
    for _ in range(5):
        p, slope = run.direction()
        run.step(p, -0.01 * p, damping=1)
        S, Y = run.kept()
        assert S[-1] @ Y[-1] == pytest.approx(-0.2 * 0.5 * 0.5 * slope, rel=1e-5 if single else 1e-10)
        run.check()


def test_directions_after_a_restart_and_from_elsewhere():
    """The products are recomputed for a gradient that no step led to.

    For the gradient of the current iterate the recomputed products have the same bits.
    """
    run = Run(3, BLOCK + 5)
    for _ in range(5):
        run.step()
    p, slope = run.direction()
    run.a[READY] = 0.0
    again, its_slope = run.direction()
    assert np.array_equal(p, again) and slope == its_slope
    run.g[:] = run.rng.standard_normal(run.n)
    run.a[READY] = 0.0
    run.check()
    run.ring[0]["count"] = 0
    run.step()
    run.check()


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("size", [1e-150, 1e-60, 1.0, 1e60, 1e140])
def test_scales_of_x_and_f_do_not_matter(size, single):
    """Scale x and f by powers of ten far beyond the range of single precision.

    Each stored row has a scale of its own.
    """
    run = Run(4, 11, single)
    run.x *= size
    run.g = run.scales * run.x
    for _ in range(7):
        run.step(size * run.rng.standard_normal(11))
        assert run.ring[0]["count"] > 0
        run.check(1e-10)


def test_pairs_of_very_different_scales():
    run = Run(6, 40)
    for k in range(9):
        run.step(10.0 ** (-3 * (k % 4)) * run.rng.standard_normal(40))
        run.check(1e-9)


@given(x0=starts, maxiter=st.integers(1, 25), memory=st.integers(1, 6))
def test_both_forms_make_the_same_steps(x0, maxiter, memory):
    """Both forms agree for a few steps, before rounding makes them diverge."""
    options = {"maxiter": min(maxiter, 6), "gtol": 0.0, "return_all": True}
    runs = []
    for many in 2**16, 0:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(two_loop, "MANY", many)
            patch.setattr(two_loop, "FEW", 0)  # γ is fitted in one of the forms only
            runs.append(minimize(rosenbrock, x0, jac=rosenbrock_gradient, method=LBFGS(memory), options=options))
    a, b = runs
    assert len(a.allvecs) == len(b.allvecs)
    for one, other in zip(a.allvecs, b.allvecs, strict=True):
        assert one == pytest.approx(other, rel=1e-6, abs=1e-6)


@given(x0=starts, maxiter=st.integers(2, 15), single=st.booleans(), given_H0=st.booleans())
def test_inverse_hessian_of_the_result(x0, maxiter, single, given_H0):
    """`hess_inv` is that of the pairs and of H₀; H y = s for the newest pair.

    N&W (2006) eq. 6.16.
    """
    H0 = np.array([1e-3, 1e-2, 0.1, 1.0])
    options = {"maxiter": maxiter, "gtol": 0.0, "single": single, **({"H0": H0} if given_H0 else {})}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(two_loop, "FEW", 0)  # γ is not fitted
        H = minimize(rosenbrock, x0, jac=rosenbrock_gradient, options=options).hess_inv
    matrix, D = H.todense(), H0 if given_H0 else np.ones(4)
    gamma = 1.0 if H.n_corrs == 0 else (H.sk[-1] @ H.yk[-1]) / (H.yk[-1] @ (D * H.yk[-1]))
    expected = np.array([product(H.sk, H.yk, gamma * D, unit) for unit in np.eye(4)]).T
    assert matrix == pytest.approx(expected, rel=1e-6, abs=1e-6 * np.abs(expected).max())
    assert H.diagonal() == pytest.approx(np.diag(matrix), rel=1e-6, abs=1e-6 * np.abs(matrix).max())
    if H.n_corrs:
        s, y = H.sk[-1], H.yk[-1]
        assert np.linalg.norm(H @ y - s) <= 1e-10 * np.linalg.norm(matrix, 2) * np.linalg.norm(y)


@njit
def bowl(x, g, scales):
    """Return Σ scales_i x_i²/2 + x_i⁴/4, and write its gradient to g."""
    f = 0.0
    for i in range(x.size):
        f += 0.5 * scales[i] * x[i] ** 2 + 0.25 * x[i] ** 4
        g[i] = scales[i] * x[i] + x[i] ** 3
    return f


SCALES = np.geomspace(1.0, 1e6, 30)


def solve(**options):
    return minimize(bowl, np.ones(30), (SCALES,), jac="inplace", **{"gtol": 1e-8, **options})


@njit
def solve_inside(x0, scales, single):
    return minimize(bowl, x0, (scales,), jac="inplace", gtol=1e-8, single=single)


FORMS = {"single": {"single": True}, "H0": {"H0": 1.0 / SCALES}, "both": {"single": True, "H0": 1.0 / SCALES}}


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
class TestDoors:
    def test_converges(self, options):
        res = solve(**options)
        assert res.success and np.abs(res.jac).max() <= 1e-8
        assert res.hess_inv.sk.dtype == np.float64

    def test_batch(self, options):
        res = minimize_batch(bowl, np.ones((3, 30)), (SCALES,), jac="inplace", n_jobs=2, gtol=1e-8, **options)
        assert all(np.array_equal(x, solve(**options).x) for x in res.x)

    def test_solver_and_its_file(self, options, tmp_path):
        solver, g = Solver(np.ones(30), gtol=1e-8, **options), np.empty(30)
        while not solver.done:
            solver.tell(bowl(solver.ask(), g, SCALES), g)
            if solver.result.nit == 4:
                solver.save(tmp_path / "run")
                solver = Solver.load(tmp_path / "run")
        res, expected = solver.result, solve(**options)
        assert np.array_equal(res.x, expected.x) and res.nfev == expected.nfev
        v = np.ones(30)
        assert np.array_equal(res.hess_inv @ v, expected.hess_inv @ v)

    def test_goes_on_from_a_checkpoint(self, options, tmp_path):
        settings = {name: value for name, value in options.items() if name != "H0"}
        solve(maxiter=4, **options).checkpoint.save(tmp_path / "run")
        res = minimize(
            bowl, None, (SCALES,), jac="inplace", gtol=1e-8, checkpoint=Checkpoint.load(tmp_path / "run"), **settings
        )
        expected = solve(**options)
        assert np.array_equal(res.x, expected.x) and res.nit == expected.nit


def test_inside_compiled_code():
    found, expected = solve_inside(np.ones(30), SCALES, True), solve(single=True)
    assert np.array_equal(found.x, expected.x) and found.nfev == expected.nfev


def test_run_that_ends_at_a_passed_point_goes_on_from_its_gradient(always):
    """A run may end at an earlier trial than the last, and be continued from there.

    For every limit on evaluations the continued run descends and converges.
    """
    x0 = np.tile([-1.2, 1.0], 4)
    for limit in range(2, 60, 3):
        first = minimize(rosenbrock_inplace, x0, jac="inplace", maxfun=limit)
        last = minimize(rosenbrock_inplace, None, jac="inplace", checkpoint=first.checkpoint)
        assert last.success and last.fun <= first.fun


class TestH0:
    def test_makes_the_problem_round(self):
        """Scaled by the inverse diagonal of the Hessian, the problem takes a few steps."""
        for method in "lbfgs", "bfgs":
            assert solve(method=method, H0=1.0 / SCALES).nfev < 20 < solve(method=method, maxiter=60).nfev

    def test_its_unit_does_not_matter_to_lbfgs(self):
        """L-BFGS scales H₀ by γ, so a factor of H₀ changes nothing."""
        assert solve(H0=1e3 / SCALES).nfev < 25

    def test_precond_is_the_same(self):
        for method in "lbfgs", "bfgs":
            a, b = solve(method=method, H0=1.0 / SCALES), solve(method=method, precond=1.0 / SCALES)
            assert np.array_equal(a.x, b.x)

    def test_of_bfgs_is_hess_inv0(self):
        H = np.diag(1.0 / SCALES)
        results = [solve(method=BFGS(), **given) for given in ({"hess_inv0": H}, {"H0": H}, {"H0": 1.0 / SCALES})]
        assert all(np.array_equal(res.x, results[0].x) for res in results)

    def test_is_not_changed_and_not_kept(self):
        H0 = 1.0 / SCALES
        res = solve(H0=H0)
        assert np.array_equal(H0, 1.0 / SCALES) and not np.shares_memory(H0, res.checkpoint.state.memory.a)

    def test_before_any_pair_is_the_inverse_hessian(self):
        H0 = np.arange(1.0, 31.0)
        res = minimize(bowl, np.zeros(30), (SCALES,), jac="inplace", H0=H0)
        assert res.nit == 0 and np.allclose(res.hess_inv.todense(), np.diag(H0))
        assert np.allclose(res.hess_inv.diagonal(), H0)

    @pytest.mark.parametrize("name", ["H0", "precond"])
    @pytest.mark.parametrize(
        "given, error, message",
        [
            (-np.ones(2), ValueError, r"must be 2 positive numbers, .* got array\(\[-1., -1.\]\)"),
            (np.zeros(2), ValueError, "must be 2 positive numbers"),
            (np.array([1.0, np.nan]), ValueError, "must be 2 positive numbers"),
            (np.array([1.0, np.inf]), ValueError, "must be 2 positive numbers"),
            (np.ones(3), ValueError, "must be 2 positive numbers"),
            (2.0, ValueError, "must be 2 positive numbers"),
            (np.ones(2) * 1j, ValueError, "must be real"),
            (["a", "b"], TypeError, "must hold real numbers"),
            (lambda x, v: v, TypeError, "must be an array here"),
        ],
    )
    def test_illegal(self, name, given, error, message):
        """Every public function refuses an illegal H₀ before the objective is evaluated.

        The objective here cannot even be compiled.
        """
        for door in (
            lambda: minimize(njit(lambda x: x.nonsense), [1.0, 1.0], method="lbfgs", **{name: given}),
            lambda: minimize(njit(lambda x: x.nonsense), [1.0, 1.0], method="bfgs", **{name: given}),
            lambda: minimize_batch(njit(lambda x: x.nonsense), np.ones((2, 2)), method="lbfgs", **{name: given}),
            lambda: Solver([1.0, 1.0], "lbfgs", **{name: given}),
        ):
            with pytest.raises(error, match=message):
                door()

    def test_twice_or_with_a_state(self):
        with pytest.raises(ValueError, match="hess_inv0 and H0 are names of one thing"):
            solve(method="bfgs", H0=SCALES, hess_inv0=np.diag(SCALES))
        with pytest.raises(ValueError, match="H0 is for the beginning of a run"):
            solve(H0=SCALES, checkpoint=solve(maxiter=2).checkpoint)


def test_bits_do_not_depend_on_where_the_arrays_lie():
    """The same numbers at other addresses give the same steps, bit for bit."""
    n = 3 * BLOCK + 1
    runs = []
    for pad in 0, 1, 3:
        block = np.zeros(n + pad)
        run = Run(5, n)
        run.x, run.p = block[pad:], np.empty(n + pad)[pad:]
        run.x[:] = run.rng.standard_normal(n)
        run.g = run.scales * run.x
        for _ in range(7):
            run.step()
        runs.append(run.direction()[0])
    assert all(np.array_equal(p, runs[0]) for p in runs[1:])


def test_workspace_holds_what_it_says():
    m = 4
    assert compact_inverse.size(m) == HEAD + 2 * m * m + 6 * m > m


MEMORY = """
import resource
import numpy as np
from numba import njit
from quasinewton import LBFGS, minimize

@njit
def f(x, g, c):
    f = 0.0
    for i in range(x.size):
        scale = 1.0 + (i % 1000)
        f += 0.5 * scale * (x[i] - c) ** 2
        g[i] = scale * (x[i] - c)
    return f

def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

n, m = 1_000_000, 10
for single in False, True:
    minimize(f, np.zeros(70_000), (1.0,), LBFGS(m, False, single), "inplace", maxiter=3)
x0 = np.zeros(n)
x0 += 0.5
before = peak()
for single in True, False:
    res = minimize(f, x0, (1.0,), LBFGS(m, False, single), "inplace", maxiter=m + 5, gtol=0.0)
    assert res.nit == m + 5
    arrays = sum(a.nbytes for a in (*res.checkpoint.state[:-1], *res.checkpoint.state.memory))
    print((peak() - before) / (8 * n), arrays / (8 * n))
    del res
"""


def test_memory_is_that_of_the_pairs_and_seven_vectors():
    """The peak resident memory of a process is 2 m + 7 vectors.

    It is m + 7 with pairs in single precision.
    """
    rows = [list(map(float, line.split())) for line in processes.run(MEMORY).splitlines()]
    (single, its_arrays), (double, arrays) = rows
    assert its_arrays == pytest.approx(10 + 6, abs=0.01) and arrays == pytest.approx(20 + 6, abs=0.01)
    assert single <= 10 + 7.5
    assert double <= 20 + 7.5
