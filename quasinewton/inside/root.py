"""The door `root` inside compiled code."""

from typing import NamedTuple

import numpy as np
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import overload, register_jitable

from quasinewton import roots
from quasinewton.inside.settings import changer, either, point_maker
from quasinewton.objective.inline import constant, hold, residual_binder
from quasinewton.objective.prepare import NO_ARGS
from quasinewton.roots import root
from quasinewton.searches import Armijo
from quasinewton.status import AT_ROOT, PRECISION_LIMIT, RUNNING


class Root(NamedTuple):
    """What `root` returns inside compiled code.

    Attributes
    ----------
    x, fun : ndarray, float64, shape (n,)
        The point, and f there.
    jac : ndarray, float64, shape (n, n)
        The last Jacobian.
    success : bool
        Whether a tolerance was met.
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


SEARCH = Armijo(*roots.SEARCH)


# Inlined for the same reason as `minimize`.
@overload(root, inline="always")
def _root(
    fun, x0, args=(), jac=None, method="newton", tol=None, ftol=None, xtol=1e-14, maxiter=200, c1=None, maxls=None
):
    if constant(method) != "newton":
        raise TypingError(f"root: `method` must be 'newton', got {constant(method)!r}")
    make_point = point_maker("root", x0)
    packed = args if isinstance(args, types.BaseTuple) else NO_ARGS
    bind = residual_binder("root", fun, jac, packed)
    change = changer("root", Armijo, dict(c1=c1, maxls=maxls))

    def impl(
        fun, x0, args=(), jac=None, method="newton", tol=None, ftol=None, xtol=1e-14, maxiter=200, c1=None, maxls=None
    ):
        x = make_point(x0)
        objective, held = bind(args, x.size)
        state = roots.allocate(x, float(either(ftol, either(tol, 1e-10))), float(xtol), maxiter)
        search = change(SEARCH, c1, maxls)
        while roots.run(objective, search, state) == RUNNING:
            pass
        hold(held)
        hold(args)
        return found(state)

    return impl


@register_jitable
def found(state):
    """The result of an iteration that has ended."""
    s = state.scalars[0]
    success = s.status == AT_ROOT or s.status == PRECISION_LIMIT
    return Root(state.x, state.f, state.J, success, s.status, s.nit, s.nfev, s.njev)
