"""The inverse-Hessian estimate of L-BFGS as an operator: products, its diagonal, its pairs."""

from functools import cached_property
from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator

from quasinewton._methods.curvature_pairs import COMPACT_GIVEN, TWO_LOOPS
from quasinewton._methods.lbfgs.compact_inverse import UNIT_S, UNIT_Y, size
from quasinewton._methods.lbfgs.two_loop import two_loop
from quasinewton._numba_ext.jit import kernel
from quasinewton._numba_ext.linalg import copy, isolated

FLOAT64 = np.dtype(np.float64)


@kernel
def _inverse_times(S, Y, rho, gamma, v, Hv):
    """Compute Hv = H v by the two-loop recursion, for curvature pairs ordered oldest first."""
    count = rho.size
    if count == 0:
        copy(Hv, v)
        return
    last = count - 1
    two_loop(S, Y, rho, np.empty(count), count, last, gamma, -v, Hv)


class InverseHessian(LinearOperator):
    """Final inverse-Hessian estimate of L-BFGS as an operator, never formed.

    Parameters
    ----------
    pairs : Pairs
        The memory of a finished run. Kept, not copied.
    n : int
        Number of variables.
    single : bool
        True if the pairs are in single precision.

    Attributes
    ----------
    sk, yk : ndarray, float64, shape (m, n)
        Steps and gradient changes, oldest first.
    rho : ndarray, float64, shape (m,)
        1/(sk·yk).
    n_corrs : int
        Number of pairs m.

    Notes
    -----
    H₀ = γ I with the γ of the method itself: fitted to the pairs (`fitted_gamma`), or s·y/y·y of
    the newest one (Nocedal & Wright, 2006, eq. 7.20). If the user gave a diagonal H₀, it is γ times
    that diagonal with γ = s·y/y·H₀y.
    Products cost O(m n).
    """

    def __init__(self, pairs: Any, n: int, single: bool) -> None:
        # This does what LinearOperator.__init__ does, without its checks, because it runs in every
        # solve.
        self.dtype, self.shape = FLOAT64, (n, n)
        self._pairs, self._single = pairs, single

    @cached_property
    def _order(self) -> np.ndarray:
        ring = self._pairs.ring[0]
        return (ring["newest"] + 1 - ring["count"] + np.arange(ring["count"])) % self._pairs.rho.size

    @property
    def n_corrs(self) -> int:
        """Number of pairs."""
        return self._order.size

    def _rows(self, rows: np.ndarray, unit: int) -> np.ndarray:
        if self._single:
            return rows.view(np.float32)[self._order, : self.shape[0]] * np.float64(self._pairs.a[unit])
        return rows[self._order]

    @cached_property
    def sk(self) -> np.ndarray:
        return self._rows(self._pairs.S, UNIT_S)

    @cached_property
    def yk(self) -> np.ndarray:
        return self._rows(self._pairs.Y, UNIT_Y)

    @cached_property
    def _root(self) -> np.ndarray | float:
        """Return the square root r of the user's diagonal H₀, or 1 if none was given.

        With H₀ = γ I the pairs (s/r, r y) give a matrix H'; the inverse Hessian is diag(r) H'
        diag(r).
        """
        m = self._pairs.rho.size
        return np.sqrt(self._pairs.a[size(m) :]) if self._pairs.ring[0]["form"] == COMPACT_GIVEN else 1.0

    @cached_property
    def _gamma(self) -> float:
        ring = self._pairs.ring[0]
        if ring["form"] == TWO_LOOPS:
            return float(ring["gamma"])
        if self.n_corrs == 0:
            return 1.0
        y = self.yk[-1] * self._root
        return 1.0 / (self.rho[-1] * float(y @ y))

    @cached_property
    def rho(self) -> np.ndarray:
        return self._pairs.rho[self._order]

    def _matvec(self, v: np.ndarray) -> np.ndarray:
        v = np.array(v, dtype=np.float64).reshape(-1)
        product, r = isolated(v.size), self._root
        if isinstance(r, float):
            _inverse_times(self.sk, self.yk, self.rho, self._gamma, v, product)
            return product
        _inverse_times(self.sk / r, self.yk * r, self.rho, self._gamma, v * r, product)
        return product * r

    def _adjoint(self) -> "InverseHessian":
        return self

    def todense(self) -> np.ndarray:
        """H as an array of shape (n, n)."""
        return self.matmat(np.eye(self.shape[0]))

    def diagonal(self) -> np.ndarray:
        """Return the diagonal of H, shape (n,), in O(m² n)."""
        if self.n_corrs == 0:
            return self._root**2 * np.ones(self.shape[0])
        S, Y, rho = self.sk / self._root, self.yk * self._root, self.rho
        gamma = self._gamma
        # Compact form, Byrd, Nocedal & Schnabel (1994) eq. 2.6: H = γI + [S γY] M [S γY]ᵀ.
        R = np.triu(S @ Y.T)
        inverse = np.linalg.inv(R)
        core = inverse.T @ (np.diag(1.0 / rho) + gamma * (Y @ Y.T)) @ inverse
        W = np.vstack([S, gamma * Y])
        m = self.n_corrs
        M = np.block([[core, -inverse.T], [-inverse, np.zeros((m, m))]])
        return self._root**2 * (gamma + np.einsum("ij,ik,kj->j", W, M, W))
