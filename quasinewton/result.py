"""Results of runs: SciPy's result with extra fields, and the inverse Hessian of L-BFGS."""

from typing import Any, NamedTuple

import numpy as np
import scipy.optimize

from quasinewton._methods.lbfgs.inverse_hessian import InverseHessian
from quasinewton._validation import warn
from quasinewton.status import Status

__all__ = ["History", "InverseHessian", "OptimizeResult", "RootResult"]


class OptimizeResult(scipy.optimize.OptimizeResult):
    """The outcome of a run: SciPy's `OptimizeResult` with additional fields.

    Attributes
    ----------
    x : ndarray, float64, shape (n,)
        The best point.
    fun : float
        Value of f at x.
    jac : ndarray, float64, shape (n,)
        Gradient at x.
    optimality : float
        The quantity compared with gtol: ‖jac‖_∞ or, with bounds, the largest of |jac_i| or, if r_i
        < |jac_i|, √(r_i |jac_i|), where r_i is the distance from x_i to the bound in the direction
        −jac_i.
    success : bool
        True if a tolerance was met or f_target reached, or if the run ended at the precision limit
        and fun is not above the value at x0.
    status : Status
        Why the run ended. A `Status` is an int and equals SciPy's code.
    message : str
        Why the run ended, in words.
    nit, nfev, njev, nhev : int
        Iterations, and calls of the user's function, of the gradient and of the Hessian (Newton) or
        of products with the Hessian (truncated Newton). Values and gradients that finite
        differences evaluate are included in nfev and njev.
    hess_inv : ndarray or LinearOperator, shape (n, n)
        Estimate of the inverse Hessian (BFGS, L-BFGS).
    hess : ndarray, shape (n, n)
        Hessian at x (Newton).
    jac_mode : str
        How gradients were obtained: "exact", "forward" or "reverse" (derived), "2-point", "3-point"
        or "cs".
    hess_mode : str
        How second derivatives were obtained (Newton, truncated Newton): "exact" if the user gave
        them, "derived" from a compiled function, or "2-point", "3-point" or "cs" differences of the
        gradient or of values.
    history : History
        With ``options={"history": True}``.
    allvecs : list of ndarray
        All iterates, with ``options={"return_all": True}``.
    diagnosis : dict
        After a failure: the numbers on which the advice in `message` is based.
    gradient_check : GradientCheck
        With ``options={"check_gradient": True}``: the outcome of `check_gradient` at x0.
    checkpoint : Checkpoint
        State of the run, from which it can be continued: ``minimize(...,
        checkpoint=res.checkpoint)``. `minimize_stochastic` has its own kind of checkpoint. The
        former name `state` still works, with a DeprecationWarning.
    method : str
        Name of the method, which ``method="auto"`` has chosen, or of SciPy's.
    method_reason : str
        With ``method="auto"``: why that method was chosen.
    solver : str
        Package and method that solved the problem: "quasinewton lbfgs", "scipy slsqp", …. For
        SciPy's methods all other fields are SciPy's, including `status`, which is a plain integer.
    """

    # Type checkers and editors read these annotations. They have no values: a field that does not
    # apply to the method is absent.
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
    method: str
    method_reason: str
    solver: str

    def __missing__(self, name: str) -> Any:
        if name == "state" and "checkpoint" in self:
            warn("the field state is now called checkpoint", DeprecationWarning)
            return self["checkpoint"]
        raise KeyError(name)


class RootResult(OptimizeResult):
    """The outcome of root finding: `OptimizeResult` with a vector `fun` and a matrix `jac`.

    Attributes
    ----------
    fun : ndarray, float64, shape (n,)
        f(x), the residual.
    jac : ndarray, float64, shape (n, n)
        The last Jacobian; NaN if none was evaluated, as where the start is a root.
    """

    fun: np.ndarray  # type: ignore[assignment]  # a vector, not a number as in other results


class History(NamedTuple):
    """The course of a run by iterates, x0 first; arrays of shape (nit + 1,).

    Attributes
    ----------
    f, g_norm : ndarray, float64
        Value and ‖g‖_∞.
    alpha : ndarray, float64
        Step length that led to this iterate; 0 for x0.
    nfev : ndarray, int64
        Calls of fun so far.
    """

    f: np.ndarray
    g_norm: np.ndarray
    alpha: np.ndarray
    nfev: np.ndarray
