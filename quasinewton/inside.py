"""The door `minimize` inside compiled code: the same loop, entered without the interpreter."""

from typing import NamedTuple

import numpy as np
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import overload, register_jitable

from quasinewton import descent, schedules, stepping
from quasinewton.clock import NEVER
from quasinewton.line_search import chooser
from quasinewton.methods import Newton
from quasinewton.methods.first_order import FIRST_ORDER
from quasinewton.minimize import minimize
from quasinewton.objective.inline import binder, constant, dispatcher_of, hold
from quasinewton.objective.contract import address_constant
from quasinewton.objective.prepare import NO_ARGS
from quasinewton.options import DENSE, NAMES, default_counts, method_class
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


def method_chooser(method):
    """The class of a method given by name or as an object, and the function that gives the object itself.

    Raises
    ------
    TypingError
        If it is neither.
    """
    given = constant(method)
    if not isinstance(given, types.Type):
        try:
            kind = method_class(given)
        except (ValueError, TypeError) as error:
            raise TypingError(f"minimize: {error}") from None
        fixed = kind()
        return kind, register_jitable(lambda method: fixed)
    if isinstance(given, types.BaseNamedTuple) and given.instance_class in NAMES:
        return given.instance_class, register_jitable(lambda method: method)
    raise TypingError(f"minimize: `method` must be a name or a method object, got {given}")


def point_maker(x0):
    """The function that makes the start a new float64 vector.

    Raises
    ------
    TypingError
        If it is neither a number nor a vector of real numbers.
    """
    if isinstance(x0, (types.Float, types.Integer)):
        return register_jitable(lambda x0: np.full(1, float(x0)))
    if isinstance(x0, types.Array) and x0.ndim == 1 and isinstance(x0.dtype, (types.Float, types.Integer)):
        return register_jitable(lambda x0: x0.astype(np.float64))
    raise TypingError(f"minimize: `x0` must be a number or a vector of real numbers, got {x0}")


def searcher(line_search, schedule):
    """The loop of the methods that search, and the function that gives their search object.

    Raises
    ------
    TypingError
        If a schedule is given, or `line_search` is neither a name nor a search object.
    """
    if constant(schedule) is not None:
        raise TypingError("minimize: `schedule` belongs to first-order methods; this one takes a `line_search`")
    choose = chooser("minimize", line_search)
    return descent.run, register_jitable(lambda line_search, schedule, steps: choose(line_search))


def stepper(line_search, schedule):
    """The loop of the methods that make their own steps, and the function that gives their schedule.

    Raises
    ------
    TypingError
        If a line search is given, or `schedule` is neither a schedule nor a compiled function of the step.
    """
    if constant(line_search) is not None:
        raise TypingError("minimize: first-order methods take no `line_search` but a `schedule`")
    given = constant(schedule)
    if given is None:
        fixed = schedules.constant()
        return stepping.run, register_jitable(lambda line_search, schedule, steps: fixed)
    if isinstance(given, types.BaseNamedTuple) and given.instance_class is schedules.Schedule:
        return stepping.run, register_jitable(lambda line_search, schedule, steps: schedules.stretched(schedule, steps))
    function = dispatcher_of("schedule", given, "minimize")
    try:
        address = address_constant(schedules.entry(function), schedules.SIGNATURE)
    except TypeError as error:
        raise TypingError(f"minimize: {error}") from None
    return stepping.run, register_jitable(lambda line_search, schedule, steps: schedules.users(address()))


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
    gtol=1e-5,
    ftol=0.0,
    xtol=0.0,
    f_target=-np.inf,
    maxiter=None,
    maxfun=None,
    schedule=None,
):
    kind, choose_method = method_chooser(method)
    own_steps = kind in FIRST_ORDER
    run, choose_search = stepper(line_search, schedule) if own_steps else searcher(line_search, schedule)
    make_point = point_maker(x0)
    packed = args if isinstance(args, types.BaseTuple) else NO_ARGS
    bind = binder("minimize", fun, jac, packed, hess, kind is Newton)
    given = constant(jac)
    differenced = given is None or (isinstance(given, str) and given != "inplace")
    given = constant(line_search)
    fixed = own_steps or given == "fixed" or getattr(given, "instance_class", None) is Fixed
    dense, value_first = kind in DENSE, int(differenced and not fixed)

    def impl(
        fun,
        x0,
        args=(),
        method="lbfgs",
        jac=None,
        hess=None,
        line_search=None,
        gtol=1e-5,
        ftol=0.0,
        xtol=0.0,
        f_target=-np.inf,
        maxiter=None,
        maxfun=None,
        schedule=None,
    ):
        x = make_point(x0)
        objective, held = bind(args, x.size)
        iterations, values = default_counts(dense, own_steps, x.size, differenced)
        limits = Limits(
            float(gtol),
            float(ftol),
            float(xtol),
            float(f_target),
            iterations if maxiter is None else maxiter,
            values if maxfun is None else maxfun,
            NEVER,
            value_first,
        )
        chosen = choose_method(method)
        search = choose_search(line_search, schedule, limits.maxiter)
        state = allocate(chosen, limits, x, 0)
        each = x.size < 0  # false, but no literal: for one the loop would be compiled again
        while run(objective, chosen, search, state, each) != NOTHING:
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
