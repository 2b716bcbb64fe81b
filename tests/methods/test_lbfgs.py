"""L-BFGS: the two-loop recursion over a ring of pairs, against the matrix it represents.

Covers: _methods/lbfgs/two_loop.py, _methods/lbfgs/fitted_gamma.py, _methods/curvature_pairs.py.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numba import njit
from objectives import quadratic, quadratic_gradient, rosenbrock, rosenbrock_gradient, spd

from quasinewton import BFGS, LBFGS, minimize
from quasinewton._loops.state import Limits
from quasinewton._loops.state import allocate as allocate_state
from quasinewton._methods.bounded import Bounded
from quasinewton._methods.lbfgs.fitted_gamma import fitted_gamma
from quasinewton._methods.lbfgs.two_loop import two_loop

starts = st.lists(st.floats(-3.0, 3.0), min_size=4, max_size=4)


@njit
def direction(S, Y, rho, count, newest, gamma, g):
    """Return −H g and its slope."""
    p, a = np.empty(g.size), np.empty(rho.size)
    return p, two_loop(S, Y, rho, a, count, newest, gamma, g, p)


def dense(S, Y, gamma):
    """Return H by its definition, N&W (2006) eq. 7.16.

    The pairs are rows, oldest first, applied to gamma·I.
    """
    H = gamma * np.eye(S.shape[1])
    for s, y in zip(S, Y, strict=True):
        rho = 1.0 / (s @ y)
        V = np.eye(s.size) - rho * np.outer(y, s)
        H = V.T @ H @ V + rho * np.outer(s, s)
    return H


def newest_gamma(S, Y):
    return S[-1] @ Y[-1] / (Y[-1] @ Y[-1])


def fitted(S, Y, gamma, s, y):
    """Return the γ for which (γ A + B) y is nearest to s, with H = γ A + B of these pairs.

    It is `gamma` if B y is within 10 % of s, or if the solution is not positive.
    """
    B = dense(S, Y, 0.0)
    u, r = (dense(S, Y, 1.0) - B) @ y, s - B @ y
    explained = np.linalg.norm(r) <= 0.1 * np.linalg.norm(s)
    return gamma if explained or u @ r <= 0.0 else u @ r / (u @ u)


def gamma_after(S, Y, memory):
    """Return the γ of a run that has made these pairs and keeps the last `memory`."""
    gamma = newest_gamma(S[:1], Y[:1])
    for k in range(1, len(S)):
        known = (S[:k], Y[:k], gamma, S[k], Y[k])
        gamma = fitted(*known) if k < memory else newest_gamma(S[: k + 1], Y[: k + 1])
    return gamma


def random_pairs(rng, m, n):
    S = rng.standard_normal((m, n))
    return S, S @ spd(rng, n, 10.0)


def run(x0, maxiter, memory=4, **options):
    options = {"maxiter": maxiter, "gtol": 0.0, "return_all": True, **options}
    return minimize(rosenbrock, x0, jac=rosenbrock_gradient, method=LBFGS(memory=memory), options=options)


@pytest.mark.parametrize(
    "m, count, newest",
    [
        (1, 1, 0),
        (5, 1, 0),
        (5, 3, 2),
        (5, 5, 4),
        (5, 5, 0),
        (5, 5, 2),
        (5, 4, 1),
        (5, 1, 3),
    ],
)
def test_two_loops_are_the_dense_product_wherever_the_ring_begins(m, count, newest, rng):
    n = 7
    S, Y = random_pairs(rng, count, n)
    rows = (newest + 1 - count + np.arange(count)) % m
    ring_S, ring_Y, rho = np.full((m, n), np.nan), np.full((m, n), np.nan), np.full(m, np.nan)
    ring_S[rows], ring_Y[rows], rho[rows] = S, Y, 1.0 / np.einsum("ij,ij->i", S, Y)
    g, gamma = rng.standard_normal(n), 0.37
    p, slope = direction(ring_S, ring_Y, rho, count, newest, gamma, g)
    assert p == pytest.approx(-dense(S, Y, gamma) @ g, rel=1e-10, abs=1e-12)
    assert slope == pytest.approx(g @ p, rel=1e-12)


@njit
def scale_of(S, Y, rho, count, gamma):
    """Return the γ fitted to the pair in row `count`."""
    work = np.empty((2, S.shape[1]))
    return fitted_gamma(S, Y, rho, np.empty(rho.size), count, count - 1, count, gamma, work)


@pytest.mark.parametrize("count, n", [(1, 3), (4, 30), (3, 4)])
def test_fitted_gamma_is_that_of_its_definition(rng, count, n):
    S, Y = random_pairs(rng, count + 1, n)
    rho = np.append(1.0 / np.einsum("ij,ij->i", S[:-1], Y[:-1]), np.nan)
    expected = fitted(S[:-1], Y[:-1], 0.5, S[-1], Y[-1])
    assert expected != 0.5 and scale_of(S, Y, rho, count, 0.5) == pytest.approx(expected, rel=1e-9)


def test_fitted_gamma_is_unchanged_if_the_pairs_explain_the_step(rng):
    """A step along earlier ones, with the same curvature, says nothing about γ."""
    S, Y = random_pairs(rng, 2, 5)
    S[1], Y[1] = 2.0 * S[0], 2.0 * Y[0]
    assert scale_of(S, Y, np.array([1.0 / (S[0] @ Y[0]), np.nan]), 1, 0.5) == 0.5


def test_fitted_gamma_is_unchanged_by_steps_in_a_subspace(rng):
    """All steps are parallel, but curvatures differ: of γ the pairs say nothing but rounding."""
    S, Y = random_pairs(rng, 3, 5)
    S[1:], Y[1], Y[2] = S[0], 3.0 * Y[0], 9.0 * Y[0]
    rho = np.array([1.0, 1.0 / 3.0, np.nan]) / (S[0] @ Y[0])
    assert scale_of(S, Y, rho, 2, 0.5) == 0.5


@pytest.mark.parametrize(
    "method, n, pairs",
    [
        (LBFGS(), 2, 10),
        (LBFGS(), 3, 15),
        (LBFGS(), 1000, 20),
        (LBFGS(), 1001, 10),
        (LBFGS(memory=7), 2, 7),
        (LBFGS(memory=30), 1001, 30),
        (Bounded(LBFGS()), 2, 10),
        (Bounded(LBFGS(memory=7)), 2, 7),
    ],
    ids=repr,
)
def test_number_of_pairs(method, n, pairs):
    memory = allocate_state(method, Limits(), np.zeros(n), 0).memory
    memory = memory.inner if isinstance(method, Bounded) else memory
    assert memory.rho.size == pairs and memory.S.shape == (pairs, n)


def test_memory_that_is_not_given_is_none():
    assert repr(LBFGS()) == "LBFGS(memory=None, damping=0, single=0)" and LBFGS(memory=None) == LBFGS()
    assert eval(repr(LBFGS(memory=4, damping=True))) == LBFGS(4, True)
    assert minimize(rosenbrock, np.zeros(2), jac=rosenbrock_gradient, method=LBFGS(), maxcor=None).success
    with pytest.raises(ValueError, match="^maxcor must be at least 1, got 0"):
        minimize(rosenbrock, np.zeros(2), jac=rosenbrock_gradient, method=LBFGS(damping=True), maxcor=0)


@given(x0=starts, maxiter=st.integers(1, 15), memory=st.integers(1, 6))
def test_inverse_hessian_is_that_of_the_last_pairs(x0, maxiter, memory):
    """Make more iterations than the ring has rows, so that old pairs are overwritten."""
    res = run(x0, maxiter, memory)
    S, Y = np.diff(res.allvecs, axis=0), np.diff([rosenbrock_gradient(x) for x in res.allvecs], axis=0)
    fit = np.einsum("ij,ij->i", S, Y) > 1e-8 * np.einsum("ij,ij->i", Y, Y)
    assume(np.all(fit))
    gamma = gamma_after(S, Y, memory)
    S, Y = S[-memory:], Y[-memory:]
    assert np.array_equal(res.hess_inv.sk, S) and np.array_equal(res.hess_inv.yk, Y)
    H = dense(S, Y, gamma)
    assert res.hess_inv.todense() == pytest.approx(H, rel=1e-6, abs=1e-6 * np.abs(H).max())


@given(x0=starts, maxiter=st.integers(2, 15), memory=st.integers(1, 6))
def test_secant_equation(x0, maxiter, memory):
    """H y = s for the newest pair, N&W (2006) eq. 6.16."""
    H = run(x0, maxiter, memory).hess_inv
    s, y = H.sk[-1], H.yk[-1]
    size = np.linalg.norm(H.todense(), 2) * np.linalg.norm(y)
    assert np.linalg.norm(H @ y - s) <= 1e-12 * size


@pytest.mark.parametrize("damping", [False, True])
@given(x0=starts, maxiter=st.integers(1, 40))
def test_inverse_hessian_stays_positive_definite(damping, x0, maxiter):
    """H is positive definite for every curvature along Armijo's steps."""
    H = run(x0, maxiter, line_search="armijo", damping=damping).hess_inv
    assert np.all(np.einsum("ij,ij->i", H.sk, H.yk) > 0.0)
    matrix = H.todense()
    assert np.linalg.eigvalsh(matrix)[0] > -1e-12 * np.abs(matrix).max()


@given(x0=starts)
def test_first_two_steps_are_those_of_bfgs(x0):
    """Both methods scale the identity by the first pair, so their first two steps agree.

    Later L-BFGS scales by the newest pair, and the iterates differ.
    """
    few = run(x0, 2, memory=10)
    full = minimize(
        rosenbrock, x0, jac=rosenbrock_gradient, method=BFGS(), options={"maxiter": 2, "gtol": 0.0, "return_all": True}
    )
    assert np.array_equal(few.allvecs[:2], full.allvecs[:2])
    assert few.allvecs[2] == pytest.approx(full.allvecs[2], rel=1e-9, abs=1e-9)


@given(x0=starts, maxiter=st.integers(1, 8))
def test_memory_beyond_the_iterations_changes_nothing(x0, maxiter):
    assert np.array_equal(run(x0, maxiter, memory=8).allvecs, run(x0, maxiter, memory=50).allvecs)


def test_exact_searches_make_it_bfgs_on_a_quadratic(rng):
    """With exact line searches every H₀ = γ I gives the directions of conjugate gradients.

    N&W (2006) theorem 6.4 and section 7.2.
    """
    n = 8
    A, b = spd(rng, n, 30.0), rng.standard_normal(n)
    options = {"c1": 1e-12, "c2": 1e-10, "maxls": 60, "gtol": 0.0, "maxiter": n - 2, "return_all": True}
    runs = [
        minimize(quadratic, np.zeros(n), (A, b), method=method, jac=quadratic_gradient, options=options)
        for method in (BFGS(), LBFGS(memory=n), LBFGS(memory=1))
    ]
    for other in runs[1:]:
        assert np.array(other.allvecs) == pytest.approx(np.array(runs[0].allvecs), abs=1e-5)


def test_result_does_not_share_memory_with_the_next_run():
    first = run([-1.2, 1.0, 0.5, 0.0], 6)
    kept = first.hess_inv.sk.copy()
    run([2.0, -1.0, 0.5, 3.0], 6)
    assert np.array_equal(first.hess_inv.sk, kept)
