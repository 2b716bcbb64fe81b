"""BFGS: its pairs, and its one delayed pass over H, compared with the textbook's update.

Covers: _methods/bfgs.py, _methods/first_pairs.py.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from objectives import quadratic, quadratic_gradient, rosenbrock, rosenbrock_gradient, spd

from quasinewton import BFGS, LBFGS, minimize
from quasinewton._methods.first_pairs import EXPLAINED, KEPT, SPANNED

EPS = np.finfo(float).eps
starts = st.lists(st.floats(-3.0, 3.0), min_size=4, max_size=4)


def updated(H, s, y):
    """Return (I − rho s yᵀ) H (I − rho y sᵀ) + rho s sᵀ, N&W (2006) eq. 6.17."""
    rho = 1.0 / (s @ y)
    V = np.eye(s.size) - rho * np.outer(y, s)
    return V.T @ H @ V + rho * np.outer(s, s)


def pairs(jac, points):
    """Return the steps and the changes of the gradient between iterates."""
    g = [jac(x) for x in points]
    return np.diff(points, axis=0), np.diff(g, axis=0)


def fit(s, y):
    """Return True if the method certainly accepts the curvature pair."""
    return s @ y > 1e-8 * (y @ y) and s @ y > 1e-8 * (s @ s)


def run(x0, maxiter, **options):
    options = {"maxiter": maxiter, "gtol": 0.0, "return_all": True, **options}
    return minimize(rosenbrock, x0, jac=rosenbrock_gradient, method="bfgs", options=options)


def first_scale(S, Y):
    """Return γ of H₀ = γ I by the definition in `first_pairs`, and True if no test in it is close.

    H of γ I is γ A + B: A is updated without the term in s sᵀ, B from 0.
    """
    n = S.shape[1]
    A, B, span, gamma, clear = np.eye(n), np.zeros((n, n)), np.zeros((n, 0)), 1.0, True
    for s, y in zip(S, Y, strict=True):
        outside = np.linalg.norm(s - span @ (span.T @ s)) / np.linalg.norm(s)
        leaves = span.shape[1] < n and outside > SPANNED
        if leaves:
            span = np.linalg.qr(np.column_stack([span, s]))[0]
        misfit, w = s - B @ y, A @ y
        unexplained = np.linalg.norm(misfit) / np.linalg.norm(s)
        clear &= span.shape[1] == n or not 0.5 < outside / SPANNED < 2.0
        clear &= not 0.99 < unexplained / EXPLAINED < 1.01
        if (leaves or span.shape[1] == n) and unexplained > EXPLAINED and misfit @ w > 0.0:
            gamma = np.linalg.lstsq(w[:, None], misfit, rcond=None)[0][0]
        B = updated(B, s, y)
        A = updated(A, s, y) - np.outer(s, s) / (s @ y)
    return gamma, clear


@given(x0=starts, maxiter=st.integers(1, KEPT + 10))
def test_matrix_is_the_definition(x0, maxiter):
    res = run(x0, maxiter)
    S, Y = pairs(rosenbrock_gradient, res.allvecs)
    assume(all(fit(s, y) for s, y in zip(S, Y, strict=True)))
    gamma, clear = first_scale(S[:KEPT], Y[:KEPT])
    assume(clear)
    H = gamma * np.eye(4)
    for s, y in zip(S, Y, strict=True):
        H = updated(H, s, y)
    assert res.hess_inv == pytest.approx(H, rel=1e-6, abs=1e-6 * np.abs(H).max())


@given(x0=starts, maxiter=st.integers(1, KEPT))
def test_steps_follow_from_the_pairs_kept(x0, maxiter):
    """The step after k pairs is along −H g of the definition, whether H has been formed or not."""
    res = run(x0, maxiter + 1)
    assume(res.nit == maxiter + 1)
    S, Y = pairs(rosenbrock_gradient, res.allvecs)
    assume(all(fit(s, y) for s, y in zip(S, Y, strict=True)))
    gamma, clear = first_scale(S[:-1], Y[:-1])
    assume(clear)
    H = gamma * np.eye(4)
    for s, y in zip(S[:-1], Y[:-1], strict=True):
        H = updated(H, s, y)
    p = -H @ rosenbrock_gradient(res.allvecs[-2])
    cosine = p @ S[-1] / (np.linalg.norm(p) * np.linalg.norm(S[-1]))
    assert cosine == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("scale", [1.0, 30.0, 1000.0])
def test_regressor_in_large_units_costs_few_iterations(scale, rng):
    """A first matrix of the largest curvature makes the searches creep along all else.

    The second column has `scale` times the size of the others, as has an income beside an age.
    """
    X = rng.standard_normal((200, 4)) * np.array([1.0, scale, 1.0, 1.0])
    A, b = X.T @ X, X.T @ rng.standard_normal(200)
    res = minimize(quadratic, np.zeros(4), (A, b), method="bfgs", jac=quadratic_gradient)
    assert res.success and res.nit <= 10
    assert res.x == pytest.approx(np.linalg.solve(A, b), rel=1e-4)


@given(x0=starts, maxiter=st.integers(1, KEPT + 2))
def test_secant_equation(x0, maxiter):
    """H y = s for the newest pair, N&W (2006) eq. 6.16."""
    res = run(x0, maxiter)
    S, Y = pairs(rosenbrock_gradient, res.allvecs)
    assume(len(S) and fit(S[-1], Y[-1]))
    size = np.linalg.norm(res.hess_inv, 2) * np.linalg.norm(Y[-1])
    assert np.linalg.norm(res.hess_inv @ Y[-1] - S[-1]) <= 1e3 * EPS * size


@pytest.mark.parametrize("damping", [False, True])
@pytest.mark.parametrize("search", ["more-thuente", "armijo"])
@given(x0=starts, maxiter=st.integers(1, 60))
def test_inverse_hessian_stays_positive_definite(search, damping, x0, maxiter):
    """Armijo steps also give pairs of negative curvature."""
    res = run(x0, maxiter, line_search=search, damping=damping)
    H = res.hess_inv
    assert np.array_equal(H, H.T)
    assert np.all(np.isfinite(H)) and np.linalg.eigvalsh(H)[0] > -1e3 * EPS * np.abs(H).max()


@given(x0=starts)
def test_every_direction_is_one_of_descent(x0):
    res = run(x0, 30)
    g = np.array([rosenbrock_gradient(x) for x in res.allvecs[:-1]])
    assert np.all(np.einsum("ij,ij->i", g, np.diff(res.allvecs, axis=0)) < 0.0)


@pytest.mark.parametrize("n", [1, 2, 5, 20])
@pytest.mark.parametrize("method", [BFGS(), LBFGS(memory=20)], ids=["bfgs", "lbfgs"])
def test_quadratic_takes_n_steps_with_exact_searches(method, n, rng):
    """With exact line searches the directions are conjugate.

    N&W (2006) theorem 6.4.
    """
    A, b = spd(rng, n, 50.0), rng.standard_normal(n)
    options = {"c1": 1e-12, "c2": 1e-10, "maxls": 60, "gtol": 1e-6 * np.abs(b).max()}
    res = minimize(quadratic, np.zeros(n), (A, b), method=method, jac=quadratic_gradient, options=options)
    assert res.success and res.nit <= n + 1  # One iteration is allowed for rounding.
    assert res.x == pytest.approx(np.linalg.solve(A, b), abs=1e-5)


def test_quadratic_is_learnt_after_n_exact_steps(rng):
    """H is then the inverse of A, N&W (2006) theorem 6.4."""
    n = 6
    A, b = spd(rng, n, 50.0), rng.standard_normal(n)
    options = {"c1": 1e-12, "c2": 1e-10, "maxls": 60, "gtol": 0.0, "maxiter": n}
    res = minimize(quadratic, np.zeros(n), (A, b), method="bfgs", jac=quadratic_gradient, options=options)
    assert res.nit == n
    assert res.hess_inv == pytest.approx(np.linalg.inv(A), rel=1e-4, abs=1e-5)


def test_given_inverse_hessian_is_the_first_one(rng):
    """With the true inverse Hessian the first step is Newton's, and the last."""
    A, b = spd(rng, 5), rng.standard_normal(5)
    options = {"hess_inv0": np.linalg.inv(A), "gtol": 1e-5}
    res = minimize(quadratic, np.zeros(5), (A, b), method="bfgs", jac=quadratic_gradient, options=options)
    assert res.success and (res.nit, res.nfev) == (1, 2)
    assert res.hess_inv == pytest.approx(np.linalg.inv(A), rel=1e-9, abs=1e-10)


def test_given_inverse_hessian_is_not_scaled_but_updated():
    H0 = np.diag([1e-3, 2e-3])
    res = minimize(
        rosenbrock,
        [-1.2, 1.0],
        method="bfgs",
        jac=rosenbrock_gradient,
        options={"hess_inv0": H0, "maxiter": 2, "return_all": True},
    )
    H = H0
    for s, y in zip(*pairs(rosenbrock_gradient, res.allvecs), strict=True):
        H = updated(H, s, y)
    assert res.hess_inv == pytest.approx(H, rel=1e-9)
    assert np.array_equal(H0, np.diag([1e-3, 2e-3]))


def test_inverse_hessian_before_any_pair_is_the_identity():
    res = minimize(rosenbrock, [1.0, 1.0], method="bfgs", jac=rosenbrock_gradient)
    assert res.nit == 0 and np.array_equal(res.hess_inv, np.eye(2))
