"""L-BFGS: the two-loop recursion over a ring of pairs, against the matrix it represents.

Covers: methods/lbfgs/two_loop.py, methods/curvature_pairs.py.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numba import njit
from objectives import quadratic, quadratic_gradient, rosenbrock, rosenbrock_gradient, spd

from quasinewton import BFGS, LBFGS, minimize
from quasinewton.methods.lbfgs.two_loop import two_loop

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


@given(x0=starts, maxiter=st.integers(1, 15), memory=st.integers(1, 6))
def test_inverse_hessian_is_that_of_the_last_pairs(x0, maxiter, memory):
    """Make more iterations than the ring has rows, so that old pairs are overwritten."""
    res = run(x0, maxiter, memory)
    S, Y = np.diff(res.allvecs, axis=0), np.diff([rosenbrock_gradient(x) for x in res.allvecs], axis=0)
    fit = np.einsum("ij,ij->i", S, Y) > 1e-8 * np.einsum("ij,ij->i", Y, Y)
    assume(np.all(fit))
    S, Y = S[-memory:], Y[-memory:]
    assert np.array_equal(res.hess_inv.sk, S) and np.array_equal(res.hess_inv.yk, Y)
    H = dense(S, Y, newest_gamma(S, Y))
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
