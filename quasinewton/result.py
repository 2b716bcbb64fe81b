"""What a run returns: SciPy's result with our fields, and the inverse Hessian of L-BFGS as an
operator.
"""

import warnings
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
from scipy.sparse.linalg import LinearOperator

from quasinewton.methods.curvature_pairs import COMPACT_GIVEN
from quasinewton.methods.lbfgs.compact_inverse import UNIT_S, UNIT_Y, size
from quasinewton.methods.lbfgs.two_loop import two_loop
from quasinewton.numba_ext.jit import kernel
from quasinewton.numba_ext.linalg import copy, isolated
from quasinewton.status import Status

FLOAT64 = np.dtype(np.float64)


class OptimizeResult(scipy.optimize.OptimizeResult):
    """The outcome of a run: SciPy's `OptimizeResult`, with a few fields more.

    Attributes
    ----------
    x : ndarray, float64, shape (n,)
        The best point.
    fun : float
        f there.
    jac : ndarray, float64, shape (n,)
        Gradient there.
    optimality : float
        What gtol was compared with: ‖jac‖_∞ or, with bounds, ‖P(x − jac) − x‖_∞, where P puts a
        point between them.
    success : bool
        Whether a tolerance was met; also at the precision limit if optimality <= 1.5e-8 max(1,
        |fun|).
    status : Status
        Why the run ended; compares equal to SciPy's integer, and is one.
    message : str
        The same in words.
    nit, nfev, njev, nhev : int
        Iterations, and calls of the user's function, gradient and Hessian (Newton), or products
        with the Hessian (truncated Newton); gradients and values that differences took are counted
        as such.
    hess_inv : ndarray or LinearOperator, shape (n, n)
        Estimate of the inverse Hessian (BFGS, L-BFGS).
    hess : ndarray, shape (n, n)
        Hessian at x (Newton).
    jac_mode : str
        How gradients were obtained: "exact", "forward" or "reverse" (derived), "2-point", "3-point"
        or "cs".
    hess_mode : str
        How second derivatives were obtained (Newton, truncated Newton): "exact" where they are the
        user's, "derived" from a compiled function, or "2-point" or "3-point" differences of the
        gradient, or of values.
    history : History
        With ``options={"history": True}``.
    allvecs : list of ndarray
        All iterates, with ``options={"return_all": True}``.
    diagnosis : dict
        After a failure: the numbers behind the advice in `message`.
    gradient_check : GradientCheck
        With ``options={"check_gradient": True}``: what `check_gradient` says of the gradient at x0.
    checkpoint : Checkpoint
        Where the run stands, to go on from there: ``minimize(..., checkpoint=res.checkpoint)``.
        (`minimize_stochastic` has one of its own kind.) Under its former name `state` it is had
        with a warning.
    solver : str
        Who solved the problem: "quasinewton lbfgs", "scipy slsqp", …. Of SciPy's methods the other
        fields are SciPy's, `status` included, which is an integer.
    """

    # Annotations without values: type checkers and editors read them. A field that the method does
    # not have is absent.
    x: np.ndarray
    fun: float
    jac: np.ndarray
    optimality: float
    success: bool
    status: Status
    message: str
    nit: int
    nfev: int
    njev: int
    nhev: int
    hess_inv: "np.ndarray | InverseHessian"
    hess: np.ndarray
    jac_mode: str
    hess_mode: str
    history: "History"
    allvecs: list[np.ndarray]
    diagnosis: dict[str, Any]
    gradient_check: Any
    checkpoint: Any
    solver: str

    def __missing__(self, name):
        if name == "state" and "checkpoint" in self:
            warnings.warn("the field state is now called checkpoint", DeprecationWarning, stacklevel=3)
            return self["checkpoint"]
        raise KeyError(name)


class RootResult(OptimizeResult):
    """The outcome of a search for a root: fields as in `OptimizeResult`, but these.

    Attributes
    ----------
    fun : ndarray, float64, shape (n,)
        f(x), the residual.
    jac : ndarray, float64, shape (n, n)
        The last Jacobian.
    """

    fun: np.ndarray


class History(NamedTuple):
    """The course of a run, iterate by iterate, x0 first; arrays of shape (nit + 1,).

    Attributes
    ----------
    f, g_norm : ndarray, float64
        Value and ‖g‖_∞.
    alpha : ndarray, float64
        Step length that led there; 0 for x0.
    nfev : ndarray, int64
        Calls of fun so far.
    """

    f: np.ndarray
    g_norm: np.ndarray
    alpha: np.ndarray
    nfev: np.ndarray


@kernel
def _inverse_times(S, Y, rho, v, Hv):
    """Hv = H v by the two loops, for pairs in order, oldest first."""
    count = rho.size
    if count == 0:
        copy(Hv, v)
        return
    last = count - 1
    gamma = 1.0 / (rho[last] * np.sum(Y[last] * Y[last]))
    two_loop(S, Y, rho, np.empty(count), count, last, gamma, -v, Hv)


class InverseHessian(LinearOperator):
    """The inverse Hessian that L-BFGS ended with, from its last pairs; never formed.

    Parameters
    ----------
    pairs : Pairs
        The memory of a finished run. Kept, not copied.
    n : int
        Number of variables.
    single : bool
        Whether the pairs are in single precision.

    Attributes
    ----------
    sk, yk : ndarray, float64, shape (m, n)
        Steps and changes of the gradient, oldest first.
    rho : ndarray, float64, shape (m,)
        1/(sk·yk).
    n_corrs : int
        Number of pairs m.

    Notes
    -----
    H₀ = γ I with γ = s·y/y·y of the newest pair, the matrix the method itself used (Nocedal &
    Wright, 2006, eq. 7.20); or γ times the diagonal given, with γ = s·y/y·H₀y. Products cost O(m
    n).
    """

    def __init__(self, pairs, n, single):
        # What LinearOperator.__init__ would do, less its checks: this runs in every solve.
        self.dtype, self.shape = FLOAT64, (n, n)
        self._pairs, self._single = pairs, single

    @cached_property
    def _order(self):
        ring = self._pairs.ring[0]
        return (ring["newest"] + 1 - ring["count"] + np.arange(ring["count"])) % self._pairs.rho.size

    @property
    def n_corrs(self) -> int:
        """Number of pairs."""
        return self._order.size

    def _rows(self, rows, unit):
        if self._single:
            return rows.view(np.float32)[self._order, : self.shape[0]] * np.float64(self._pairs.a[unit])
        return rows[self._order]

    @cached_property
    def sk(self):
        return self._rows(self._pairs.S, UNIT_S)

    @cached_property
    def yk(self):
        return self._rows(self._pairs.Y, UNIT_Y)

    @cached_property
    def _root(self):
        """The root r of a given diagonal H₀, or 1: H is r times the H of s/r and r y, with H₀ = γ
        I, times r.
        """
        m = self._pairs.rho.size
        return np.sqrt(self._pairs.a[size(m) :]) if self._pairs.ring[0]["form"] == COMPACT_GIVEN else 1.0

    @cached_property
    def rho(self):
        return self._pairs.rho[self._order]

    def _matvec(self, v):
        v = np.array(v, dtype=np.float64).reshape(-1)
        product, r = isolated(v.size), self._root
        if isinstance(r, float):
            _inverse_times(self.sk, self.yk, self.rho, v, product)
            return product
        _inverse_times(self.sk / r, self.yk * r, self.rho, v * r, product)
        return product * r

    def _adjoint(self):
        return self

    def todense(self):
        """H as an array of shape (n, n)."""
        return self.matmat(np.eye(self.shape[0]))

    def diagonal(self):
        """The diagonal of H, shape (n,), in O(m² n)."""
        if self.n_corrs == 0:
            return self._root**2 * np.ones(self.shape[0])
        S, Y, rho = self.sk / self._root, self.yk * self._root, self.rho
        gamma = 1.0 / (rho[-1] * (Y[-1] @ Y[-1]))
        # Compact form, Byrd, Nocedal & Schnabel (1994) eq. 2.6: H = γI + [S γY] M [S γY]ᵀ.
        R = np.triu(S @ Y.T)
        inverse = np.linalg.inv(R)
        core = inverse.T @ (np.diag(1.0 / rho) + gamma * (Y @ Y.T)) @ inverse
        W = np.vstack([S, gamma * Y])
        m = self.n_corrs
        M = np.block([[core, -inverse.T], [-inverse, np.zeros((m, m))]])
        return self._root**2 * (gamma + np.einsum("ij,ik,kj->j", W, M, W))
