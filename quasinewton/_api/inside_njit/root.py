"""The implementation of `root` inside compiled code."""

from typing import NamedTuple

import numpy as np
from numba.extending import overload

from quasinewton._api.inside_njit.codegen import NO_VARIABLES, Source, either
from quasinewton._api.root import root
from quasinewton._line_searches import Armijo
from quasinewton._loops import root_loop
from quasinewton._numba_ext.jit import kernel
from quasinewton._numba_ext.unwinding import releasing
from quasinewton._objective.in_njit import bind_residual, constant
from quasinewton.status import STATUS_PRECISION, STATUS_ROOT, STATUS_RUNNING


class Root(NamedTuple):
    """Result of `root` inside compiled code.

    Attributes
    ----------
    x, fun : ndarray, float64, shape (n,)
        The last point, and f at x.
    jac : ndarray, float64, shape (n, n)
        The last Jacobian; NaN if none was evaluated.
    success : bool
        True if a tolerance was met.
    status : int
        The `value` of a `Status`.
    nit, nfev, njev : int
        Iterations, and calls of the user's functions.
    """

    x: np.ndarray
    fun: np.ndarray
    jac: np.ndarray
    success: bool
    status: int
    nit: int
    nfev: int
    njev: int


run = releasing(root_loop.run)


@kernel
def find(objective, search, x0, ftol, xtol, maxiter, default):
    """Find a root from x0, which is not changed.

    Raises
    ------
    ValueError
        If there are no variables, or a tolerance is not in [0, inf).
    """
    if x0.size == 0:
        raise ValueError(NO_VARIABLES)
    if not (0.0 <= ftol < np.inf and 0.0 <= xtol < np.inf):
        raise ValueError("ftol and xtol must be in [0, inf)")
    state = root_loop.allocate(x0.copy(), ftol, xtol, maxiter, default)
    while run(objective, search, state) == STATUS_RUNNING:
        pass
    s = state.scalars[0]
    success = s.status == STATUS_ROOT or s.status == STATUS_PRECISION
    return Root(state.x, state.f, state.J, success, s.status, s.nit, s.nfev, s.njev)


SEARCH = Armijo(*root_loop.SEARCH)


# Inlined, so that functions among its arguments remain global names of the caller, which Numba can
# then cache.
@overload(root, inline="always")
def _root(
    fun, x0, args=(), jac=None, method="newton", tol=None, ftol=None, xtol=1e-14, maxiter=200, c1=None, maxls=None
):
    source = Source(_root, "root")
    if constant(method) != "newton":
        source.refuse(f"`method` must be 'newton', got {constant(method)!r}")
    search = source.changed(Armijo, "SEARCH", dict(c1=c1, maxls=maxls))
    source.add(f"x = {source.point(x0)}", SEARCH=SEARCH)
    source.numbers(tol=tol, ftol=ftol, xtol=xtol, maxiter=maxiter)
    steps = source.limit("maxiter", maxiter, source.integer(-1))
    objective = bind_residual(source, fun, jac, args)
    default = constant(ftol) is None and constant(tol) is None
    source.add(
        f"ftol = float({either(ftol, 'ftol', either(tol, 'tol', '1e-10'))})",
        f"found = find({objective}, {search}, x, ftol, float(xtol), {steps}, {default})",
        "hold(held)",
        "hold(args)",
        "return found",
        find=find,
    )
    return source.implementation()
