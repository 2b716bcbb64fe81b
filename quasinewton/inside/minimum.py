"""The door `minimize` inside compiled code."""

from typing import NamedTuple

import numpy as np
from numba.core import types
from numba.extending import overload, register_jitable

from quasinewton import descent
from quasinewton.clock import NEVER
from quasinewton.inside.settings import changer, either, method_chooser, point_maker, searcher, stepper
from quasinewton.methods import LBFGS, Newton
from quasinewton.methods.first_order import FIRST_ORDER
from quasinewton.minimize import minimize
from quasinewton.objective.inline import binder, constant, hold
from quasinewton.objective.prepare import GRADIENT_SCHEMES, NO_ARGS
from quasinewton.options import DENSE, default_counts
from quasinewton.searches import Fixed
from quasinewton.state import NOTHING, Limits, allocate


class Minimum(NamedTuple):
    """What `minimize` returns inside compiled code.

    Attributes
    ----------
    x, jac : ndarray, float64, shape (n,)
        The best point and the gradient there.
    fun : float
        f there.
    success : bool
        Whether a tolerance was met.
    status : int
        The `value` of a `Status`.
    nit, nfev, njev, nhev : int
        Iterations, and calls of the user's functions.
    """

    x: np.ndarray
    fun: float
    jac: np.ndarray
    success: bool
    status: int
    nit: int
    nfev: int
    njev: int
    nhev: int


# Inlined, so that the functions in its arguments stay names and the caller can be cached.
@overload(minimize, inline="always")
def _minimize(
    fun,
    x0,
    args=(),
    method="lbfgs",
    jac=None,
    hess=None,
    line_search=None,
    gtol=None,
    ftol=None,
    xtol=0.0,
    f_target=-np.inf,
    maxiter=None,
    maxfun=None,
    schedule=None,
    tol=None,
    memory=None,
    damping=None,
    lr=None,
    weight_decay=None,
    c1=None,
    c2=None,
    maxls=None,
):
    kind, choose_method = method_chooser(method)
    own_steps, dense = kind in FIRST_ORDER, kind in DENSE
    run, search_kind, choose_search = (stepper if own_steps else searcher)(line_search, schedule)
    change_method = changer("minimize", kind, dict(memory=memory, damping=damping, lr=lr, weight_decay=weight_decay))
    change_search = changer("minimize", search_kind, dict(c1=c1, c2=c2, maxls=maxls))
    make_point = point_maker("minimize", x0)
    packed = args if isinstance(args, types.BaseTuple) else NO_ARGS
    bind = binder("minimize", fun, jac, packed, hess, kind is Newton)
    given = constant(jac)
    differenced = given is None or (isinstance(given, str) and given in GRADIENT_SCHEMES)
    value_first = int(differenced and not own_steps and search_kind is not Fixed)
    falls = kind is LBFGS  # whose ftol is set by tol, as in SciPy

    def impl(
        fun,
        x0,
        args=(),
        method="lbfgs",
        jac=None,
        hess=None,
        line_search=None,
        gtol=None,
        ftol=None,
        xtol=0.0,
        f_target=-np.inf,
        maxiter=None,
        maxfun=None,
        schedule=None,
        tol=None,
        memory=None,
        damping=None,
        lr=None,
        weight_decay=None,
        c1=None,
        c2=None,
        maxls=None,
    ):
        x = make_point(x0)
        objective, held = bind(args, x.size)
        iterations, values = default_counts(dense, own_steps, x.size, differenced)
        limits = Limits(
            float(either(gtol, either(tol, 1e-5))),
            float(either(ftol, either(tol, 0.0) if falls else 0.0)),
            float(xtol),
            float(f_target),
            either(maxiter, iterations),
            either(maxfun, values),
            NEVER,
            value_first,
        )
        chosen = change_method(choose_method(method), memory, damping, lr, weight_decay)
        search = change_search(choose_search(line_search, schedule, limits.maxiter), c1, c2, maxls)
        state = allocate(chosen, limits, x, 0)
        while run(objective, chosen, search, state, 0) != NOTHING:
            pass
        hold(held)
        hold(args)
        return minimum(state)

    return impl


@register_jitable
def minimum(state):
    """The result of a descent that has ended."""
    s = state.scalars[0]
    success = descent.succeeded(s.status, s.g_norm, s.gtol, s.f, s.f0)
    return Minimum(state.x, s.f, state.g, success, s.status, s.nit, s.nfev, s.njev, s.nhev)
