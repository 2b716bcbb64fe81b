"""The inverse Hessian of L-BFGS as an operator, and the result as SciPy's.

Covers: result.py.
"""

import pickle

import numpy as np
import pytest
import scipy.optimize
from objectives import rosenbrock, rosenbrock_gradient, spd
from scipy.sparse.linalg import aslinearoperator

from quasinewton import (
    OptimizeResult,
    minimize,
    minimize_batch,
    minimize_multistart,
    minimize_stochastic,
    root,
)
from quasinewton._methods.curvature_pairs import RING
from quasinewton._methods.lbfgs.two_loop import Pairs
from quasinewton.result import InverseHessian


def operator_of(S, Y, newest=None):
    """Return the operator of these pairs, oldest first, in a ring whose newest row is `newest`."""
    m = len(S)
    shift = 0 if newest is None else newest + 1 - m
    S, Y = np.roll(S, shift, axis=0), np.roll(Y, shift, axis=0)
    ring = np.zeros(1, RING)
    k = (m - 1 + shift) % m
    ring["count"], ring["newest"], ring["gamma"] = m, k, S[k] @ Y[k] / (Y[k] @ Y[k])
    pairs = Pairs(S, Y, 1.0 / np.einsum("ij,ij->i", S, Y), np.empty(m), ring, np.empty((2, 0)))
    return InverseHessian(pairs, S.shape[1], False)


@pytest.fixture(params=[None, 0, 2], ids=["in order", "turned by one", "turned by three"])
def operator(request, rng):
    S = rng.standard_normal((4, 7))
    return operator_of(S, S @ spd(rng, 7, 10.0), request.param)


def dense(H):
    """Return the matrix of an operator, one pair after the other: N&W (2006) eq. 7.16."""
    gamma = H.sk[-1] @ H.yk[-1] / (H.yk[-1] @ H.yk[-1])
    matrix = gamma * np.eye(H.shape[0])
    for s, y in zip(H.sk, H.yk, strict=True):
        rho = 1.0 / (s @ y)
        V = np.eye(s.size) - rho * np.outer(y, s)
        matrix = V.T @ matrix @ V + rho * np.outer(s, s)
    return matrix


class TestInverseHessian:
    def test_todense_is_the_definition(self, operator):
        assert operator.todense() == pytest.approx(dense(operator), rel=1e-10, abs=1e-12)

    def test_secant_equation(self, operator):
        assert operator @ operator.yk[-1] == pytest.approx(operator.sk[-1], rel=1e-10)

    def test_is_symmetric(self, operator, rng):
        u, v = rng.standard_normal((2, 7))
        assert u @ (operator @ v) == pytest.approx(v @ (operator @ u), rel=1e-10)
        assert np.array_equal(operator.H @ v, operator @ v) and np.array_equal(operator.T @ v, operator @ v)

    def test_diagonal(self, operator):
        assert operator.diagonal() == pytest.approx(np.diag(dense(operator)), rel=1e-9)

    def test_products_of_every_shape(self, operator, rng):
        V = rng.standard_normal((7, 3))
        assert operator @ V == pytest.approx(dense(operator) @ V, rel=1e-10, abs=1e-12)
        assert (operator @ V[:, :1]).shape == (7, 1) and operator.matvec(V[:, 0]).shape == (7,)
        assert operator @ np.arange(7) == pytest.approx(dense(operator) @ np.arange(7.0))

    def test_vector_is_not_changed(self, operator, rng):
        v = rng.standard_normal(7)
        kept = v.copy()
        operator @ v
        assert np.array_equal(v, kept)

    def test_without_pairs_it_is_the_identity(self):
        H = minimize(rosenbrock, np.ones(3), method="lbfgs", jac=rosenbrock_gradient).hess_inv
        assert H.n_corrs == 0
        assert np.array_equal(H.todense(), np.eye(3)) and np.array_equal(H.diagonal(), np.ones(3))

    def test_is_an_operator_among_others(self, operator):
        identity = aslinearoperator(np.eye(7))
        assert (2.0 * operator + identity) @ np.ones(7) == pytest.approx(2.0 * dense(operator) @ np.ones(7) + 1.0)

    def test_approaches_the_inverse_of_a_quadratics_hessian(self, rng):
        """Use as many independent pairs as variables, along conjugate steps."""
        A = spd(rng, 4, 10.0)
        S = np.linalg.eigh(A)[1].T.copy()
        H = operator_of(S, S @ A)
        assert H.todense() == pytest.approx(np.linalg.inv(A), rel=1e-9, abs=1e-10)


class TestResult:
    def test_is_scipys(self):
        res = minimize(rosenbrock, [-1.2, 1.0])
        assert isinstance(res, scipy.optimize.OptimizeResult) and isinstance(res, OptimizeResult)
        assert res["x"] is res.x and "success" in repr(res)

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs", "gradient-descent"])
    def test_pickles(self, method):
        res = minimize(rosenbrock, [-1.2, 1.0], method=method, options={"history": True, "maxiter": 20})
        copy = pickle.loads(pickle.dumps(res))
        assert np.array_equal(copy.x, res.x) and copy.status is res.status
        assert np.array_equal(copy.history.f, res.history.f)
        if "hess_inv" in res:
            assert np.array_equal(copy.hess_inv @ np.ones(2), res.hess_inv @ np.ones(2))

    def test_all_fields_are_annotated(self):
        """A type checker finds all fields of every kind of result.

        The kinds are those of every method, a failure, a batch, mini-batches and a root.
        """
        task = dict(jac=rosenbrock_gradient, options={"history": True, "return_all": True, "check_gradient": True})
        methods = "lbfgs", "bfgs", "newton", "newton-cg"
        results = [minimize(rosenbrock, [-1.2, 1.0], method=method, **task) for method in methods]
        failed = minimize(rosenbrock, [-1.2, 1.0], jac=lambda x: -rosenbrock_gradient(x))
        assert "diagnosis" in failed
        batch = minimize_batch(rosenbrock, [[-1.2, 1.0]], method="newton")
        best = minimize_multistart(rosenbrock, [[-1.2, 1.0]])
        trained = minimize_stochastic(lambda x, rows: (x @ x, 2.0 * x), [1.0], np.zeros((4, 1)), "sgd", jac=True)
        for res in *results, failed, batch, best, trained, root(lambda x: x - 2.0, 1.0):
            annotated = {name for kind in type(res).__mro__ for name in vars(kind).get("__annotations__", ())}
            assert set(res) <= annotated, type(res).__name__
