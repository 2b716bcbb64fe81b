"""The door `minimize` inside compiled code."""

from typing import NamedTuple

import numpy as np
from numba.core import types
from numba.extending import overload, register_jitable

from quasinewton import descent, stepping
from quasinewton.clock import NEVER
from quasinewton.inside.release import releasing
from quasinewton.inside.source import Source, either
from quasinewton.jit import kernel
from quasinewton.methods import LBFGS, NewtonCG
from quasinewton.methods.first_order import FIRST_ORDER
from quasinewton.minimize import minimize
from quasinewton.linalg import copy
from quasinewton.objective.inline import bind, constant, gradient_of
from quasinewton.objective.prepare import is_differenced
from quasinewton.options import FEW_ITERATIONS, SECOND_ORDER, default_counts
from quasinewton.schedules import stretched
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


@register_jitable
def minimum(state):
    """The result of a descent that has ended."""
    s = state.scalars[0]
    success = descent.succeeded(s.status, s.g_norm, s.gtol, s.f, s.f0)
    return Minimum(state.x, s.f, state.g, success, s.status, s.nit, s.nfev, s.njev, s.nhev)


run, step = releasing(descent.run, types.int64), releasing(stepping.run, types.int64)


@kernel
def descend(objective, method, search, limits, x0):
    """Minimise from x0 by a method that searches."""
    state = allocate(method, limits, x0, 0)
    while run(objective, method, search, state) != NOTHING:
        pass
    return minimum(state)


@kernel
def descend_preconditioned(objective, method, search, limits, x0, M):
    """Minimise from x0 by truncated Newton with the preconditioner of diagonal M, or one to ask for if M is empty."""
    state = allocate(method, limits, x0, 0)
    state.memory.record[0].asked = M.size == 0
    if M.size > 0:
        if M.size != x0.size:
            raise ValueError("minimize: `precond` must have the size of x0")
        for i in range(M.size):
            if not 0.0 < M[i] < np.inf:
                raise ValueError("minimize: `precond` must be positive")
        copy(state.memory.M, M)
    while run(objective, method, search, state) != NOTHING:
        pass
    return minimum(state)


@kernel
def march(objective, method, schedule, limits, x0):
    """Minimise from x0 by a method that makes its own steps."""
    state = allocate(method, limits, x0, 0)
    schedule = stretched(schedule, limits.maxiter)
    while step(objective, method, schedule, state) != NOTHING:
        pass
    return minimum(state)


@kernel
def limits_of(gtol, ftol, xtol, f_target, maxiter, maxfun, value_first, few, own_steps, differenced, n):
    """When to stop; negative numbers of iterations and evaluations stand for the defaults."""
    iterations, values = default_counts(few, own_steps, n, differenced)
    maxiter = iterations if maxiter < 0 else maxiter
    return Limits(gtol, ftol, xtol, f_target, maxiter, values if maxfun < 0 else maxfun, NEVER, value_first)


def is_vector(kind):
    """Whether a numba type is that of a float64 vector."""
    return isinstance(kind, types.Array) and kind.ndim == 1 and kind.dtype == types.float64


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
    hessp=None,
    precond=None,
    memory=None,
    damping=None,
    single=None,
    lr=None,
    weight_decay=None,
    c1=None,
    c2=None,
    maxls=None,
):
    source = Source(_minimize, "minimize")
    kind, method_ = source.method(method)
    own_steps = kind in FIRST_ORDER
    if own_steps and constant(line_search) is not None:
        source.refuse("first-order methods take no `line_search` but a `schedule`")
    if not own_steps and constant(schedule) is not None:
        source.refuse("`schedule` belongs to first-order methods; this one takes a `line_search`")
    search_kind, search = source.schedule(schedule) if own_steps else source.search("line_search", line_search)
    settings = dict(memory=memory, damping=damping, single=single, lr=lr, weight_decay=weight_decay)
    method_ = source.changed(kind, method_, settings)
    search = source.changed(search_kind, search, dict(c1=c1, c2=c2, maxls=maxls))
    start = source.point(x0)
    jac = gradient_of(source, fun, jac, args, "value_and_grad")
    differenced = is_differenced(jac)
    value_first = differenced and not own_steps and search_kind is not Fixed
    common = either(tol, "tol", "1e-5")
    # ftol of L-BFGS is set by tol, as in SciPy.
    fall = either(ftol, "ftol", either(tol, "tol", "0.0") if kind is LBFGS else "0.0")
    default = source.integer(-1)
    counts = either(maxiter, "max(int(maxiter), 0)", default), either(maxfun, "max(int(maxfun), 0)", default)
    flags = (source.integer(flag) for flag in map(int, (value_first, kind in FEW_ITERATIONS, own_steps, differenced)))
    source.add(f"x = {start}")
    precond = constant(precond)
    diagonal = is_vector(precond)
    if precond is not None and kind is not NewtonCG:
        source.refuse("`precond` belongs to method 'newton-cg'")
    if precond is not None and not diagonal and not isinstance(precond, types.Dispatcher):
        source.refuse(f"`precond` must be an @njit function or a float64 vector, got {precond}")
    objective = bind(source, fun, jac, args, SECOND_ORDER.get(kind, ""), hess, hessp, None if diagonal else precond)
    more = "" if precond is None else ", np.ascontiguousarray(precond)" if diagonal else ", np.empty(0)"
    source.add(
        f"gtol, ftol = float({either(gtol, 'gtol', common)}), float({fall})",
        "xtol, f_target = float(xtol), float(f_target)",
        f"limits = limits_of(gtol, ftol, xtol, f_target, {', '.join((*counts, *flags))}, x.size)",
        f"found = solve({objective}, {method_}, {search}, limits, x{more})",
        "hold(held)",
        "hold(args)",
        "return found",
        limits_of=limits_of,
        solve=march if own_steps else descend if precond is None else descend_preconditioned,
    )
    return source.implementation()
