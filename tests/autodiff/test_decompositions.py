"""Derivatives of matrix functions and decompositions, against differences and identities.

First and second derivatives are checked.

Covers: _autodiff/decomposition_rules.py, _autodiff/linear_algebra_rules.py,
_autodiff/adjoint/matrix_adjoints.py.
"""

import numpy as np
import pytest
from numba import njit

from quasinewton import grad, hessian, minimize

A = np.array([[3.0, 0.2, 0.1], [0.2, 2.0, 0.3], [0.1, 0.3, 2.5], [0.4, 0.5, 0.6]])
X = np.array([0.83, 1.27, 0.61])


@njit
def by_var(x, A):
    return np.var(x) + np.std(x)


@njit
def by_norm(x, A):
    return np.linalg.norm(x - 1.0) ** 2 + np.linalg.norm(x, 3)


@njit
def by_determinants(x, A):
    square = A[:3] + np.outer(x, x)
    return np.linalg.det(square) + np.linalg.slogdet(square)[1]


@njit
def by_trapezoid(x, A):
    return np.trapezoid(x**2, A[0].cumsum()) + np.trapezoid(A[1], x**3)


@njit
def by_eigvalsh(x, A):
    return np.sum(A[3] * np.linalg.eigvalsh(A[:3] + np.outer(x, x)) ** 2)


@njit
def by_eigh(x, A):
    w, v = np.linalg.eigh(A[:3] + np.outer(x, x))
    return np.sum((v[:, 0] * A[3]) ** 2) * w[1]


@njit
def by_singular_values(x, A):
    return np.sum(A[3] * np.linalg.svd(A * np.exp(x))[1]) + np.linalg.svd(x.reshape((1, 3)))[1][0]


@njit
def by_qr(x, A):
    q, r = np.linalg.qr(A * np.exp(x) + x[0] * x[1])
    wide = np.linalg.qr((A * np.exp(x)).T)[1]
    return np.sum(r[:, 2] * A[3]) + q[1, 1] * q[3, 2] + wide[1, 3]


@njit
def by_lstsq(x, A):
    return np.sum(np.linalg.lstsq(A * np.exp(x) + x[0] * x[1], A[:, 1] ** 2 + x[0])[0] ** 2)


@njit
def by_lstsq_of_columns(x, A):
    return np.sum(np.linalg.lstsq(A, A * np.exp(x) + x[0] * x[1])[0])


FUNCTIONS = [by_var, by_norm, by_determinants, by_trapezoid, by_eigvalsh, by_eigh, by_singular_values, by_qr]
FUNCTIONS += [by_lstsq, by_lstsq_of_columns]


def differences(f, x, step=1e-3):
    """Return differences of sixth order along every coordinate."""
    along = lambda e: sum(
        w * (f(x + k * step * e) - f(x - k * step * e)) for k, w in ((1, 45.0), (2, -9.0), (3, 1.0))
    ) / (60.0 * step)
    return np.array([along(e) for e in np.eye(x.size)])


@pytest.mark.parametrize(
    "f",
    [pytest.param(f, marks=pytest.mark.slow if f is by_lstsq_of_columns else ()) for f in FUNCTIONS],
    ids=lambda f: f.__name__,
)
def test_first_derivatives(f):
    """The values are NumPy's here: there is no need to compile them."""
    g = grad(f, "forward")(X, A)
    np.testing.assert_allclose(g, differences(lambda x: f.py_func(x, A), X), rtol=1e-9, atol=1e-9)


# The tape differentiates others by the same rules, and takes ten seconds each to compile.
TAPED = by_eigh, by_singular_values, by_lstsq, by_lstsq_of_columns


@pytest.mark.parametrize(
    "f", [pytest.param(f, marks=pytest.mark.slow if f in TAPED else ()) for f in FUNCTIONS], ids=lambda f: f.__name__
)
def test_reverse_mode(f):
    np.testing.assert_allclose(grad(f, "reverse")(X, A), grad(f, "forward")(X, A), rtol=1e-11, atol=1e-12)


# Second derivatives of the others take half a minute each to compile.
QUICK = by_var, by_norm, by_determinants, by_eigvalsh


@pytest.mark.parametrize(
    "f", [pytest.param(f, marks=() if f in QUICK else pytest.mark.slow) for f in FUNCTIONS], ids=lambda f: f.__name__
)
def test_second_derivatives(f):
    forward, h = grad(f, "forward"), hessian(f)(X, A)
    np.testing.assert_allclose(h, differences(lambda x: forward(x, A), X), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(h, h.T, rtol=1e-10, atol=1e-10)


@njit
def log_likelihood(x, data):
    """Return a negative Gaussian log-likelihood with covariance x_0² I + x_1² 11ᵀ.

    Constant terms are left out.
    """
    n = data.shape[1]
    covariance = x[0] ** 2 * np.eye(n) + x[1] ** 2 * np.ones((n, n))
    solved = np.linalg.solve(covariance, data.T.copy())
    return 0.5 * (data.shape[0] * np.linalg.slogdet(covariance)[1] + np.sum(solved * data.T))


@pytest.mark.slow
def test_newton_maximises_a_normal_likelihood():
    rng = np.random.default_rng(2)
    data = 0.5 * rng.normal(size=(40, 3)) + rng.normal(size=(40, 1))
    res = minimize(log_likelihood, np.array([1.0, 0.5]), (data,), method="newton")
    assert res.success and res.hess_mode == "derived"
    # The estimates are the mean squares of the data along 1 and across it.
    sums = data.sum(axis=1)
    within, between = (np.sum(data**2) - np.sum(sums**2) / 3) / 80, np.mean(sums**2) / 3
    assert res.x[0] ** 2 == pytest.approx(within, rel=1e-5)
    assert res.x[0] ** 2 + 3 * res.x[1] ** 2 == pytest.approx(between, rel=1e-5)


def test_singular_vectors_and_matrices_without_full_rank_are_refused():
    with pytest.raises(TypeError, match="cannot differentiate"):
        grad(njit(lambda x: np.linalg.svd(np.outer(x, x))[0][0, 0]), "forward")(X)
    flat = grad(njit(lambda x: np.linalg.lstsq(np.outer(x, x), x)[0][0]), "forward")
    with pytest.raises(ValueError, match="full column rank"):
        flat(X)


@njit
def solved(x, b):
    A = np.empty((2, 2))
    A[0, 0], A[0, 1], A[1, 0], A[1, 1] = 1.0 + x[0], x[1], x[2], 2.0
    z = np.linalg.solve(A, b)
    return z @ z + z[0]


class TestTriangularSystems:
    """Systems that are solved by substitution, since items of the matrix happen to be 0."""

    def test_zeros_keep_their_derivatives(self):
        b, h = np.array([1.0, -2.0]), 1e-5
        gradient, second = grad(solved, "reverse"), hessian(solved)
        for x in ([1.0, 0.0, 0.5], [1.0, 0.5, 0.0], [1.0, 0.0, 0.0], [1.0, 0.3, 0.5]):
            x = np.array(x)
            steps = h * np.eye(3)
            slopes = [(solved.py_func(x + d, b) - solved.py_func(x - d, b)) / (2.0 * h) for d in steps]
            np.testing.assert_allclose(gradient(x, b), slopes, rtol=1e-7, atol=1e-8)
            # Beside x the matrix is full.
            rows = [(gradient(x + d, b) - gradient(x - d, b)) / (2.0 * h) for d in steps]
            np.testing.assert_allclose(second(x, b), rows, rtol=1e-7, atol=1e-8)
