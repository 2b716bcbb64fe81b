"""The implementation of `minimize` inside compiled code."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from quasinewton._api.inside_njit.codegen import NO_VARIABLES, Source, either
from quasinewton._api.minimize import minimize
from quasinewton._line_searches.protocol import between_bounds
from quasinewton._line_searches.registry import INDIFFERENT
from quasinewton._loops import first_order_loop, line_search_loop, stopping
from quasinewton._loops.clock import NEVER
from quasinewton._loops.state import NOTHING, Limits, allocate, allocate_within
from quasinewton._methods.bounded.wrapper import Bounded, takes_bounds
from quasinewton._methods.first_order.base import FLAGS
from quasinewton._methods.protocol import set_preconditioner
from quasinewton._methods.registry import METHODS, TRAITS
from quasinewton._numba_ext.jit import kernel
from quasinewton._numba_ext.unwinding import releasing
from quasinewton._objective.box import clip
from quasinewton._objective.in_njit import bind, constant, gradient_of
from quasinewton._objective.problem import is_differenced
from quasinewton._options.bounds import CROSSED, WRONG_LENGTH
from quasinewton._options.choose_method import Rule, is_auto, is_given, rules_for
from quasinewton._options.read import default_counts
from quasinewton.schedules.user_functions import stretched


class Minimum(NamedTuple):
    """Result of `minimize` inside compiled code.

    Attributes
    ----------
    x, jac : ndarray, float64, shape (n,)
        The best point and the gradient at x.
    fun : float
        f at x.
    success : bool
        True if a tolerance was met.
    status : int
        The `value` of a `Status`.
    nit, nfev, njev, nhev : int
        Iterations, and calls of the user's functions.
    optimality : float
        The measure compared with gtol: ‖jac‖_∞, or its form with bounds.
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
    optimality: float


@register_jitable
def minimum(state):
    """Return the result of a run that has ended."""
    s = state.scalars[0]
    success = stopping.succeeded(s.status, s.g_norm, s.gtol, s.f, s.f0)
    return Minimum(state.x, s.f, state.g, success, s.status, s.nit, s.nfev, s.njev, s.nhev, s.g_norm)


run, step = releasing(line_search_loop.run, types.int64), releasing(first_order_loop.run, types.int64)


@kernel
def descend(objective, method, search, limits, x0):
    """Minimise from x0 by a method with a line search."""
    state = allocate(method, limits, x0, 0)
    while run(objective, method, search, state) != NOTHING:
        pass
    return minimum(state)


@kernel
def descend_preconditioned(objective, method, search, limits, x0, M):
    """Minimise from x0 by truncated Newton with a preconditioner.

    The preconditioner is the diagonal M or, if M is empty, products returned by the objective.

    Raises
    ------
    ValueError
        If M has another size than x0 or is not positive.
    """
    if M.size > 0:
        if M.size != x0.size:
            raise ValueError("minimize: `precond` must have the size of x0")
        for i in range(M.size):
            if not 0.0 < M[i] < np.inf:
                raise ValueError("minimize: `precond` must be positive")
    state = allocate(method, limits, x0, 0)
    set_preconditioner(method, state.memory, M)
    while run(objective, method, search, state) != NOTHING:
        pass
    return minimum(state)


@kernel
def march(objective, method, schedule, limits, x0):
    """Minimise from x0 by a first-order method with a learning-rate schedule."""
    state = allocate(method, limits, x0, 0)
    schedule = stretched(schedule, limits.maxiter)
    while step(objective, method, schedule, state) != NOTHING:
        pass
    return minimum(state)


@kernel
def in_box(x0, bounds):
    """Return x0 projected onto bounds, and the lower and upper bounds as float64.

    Raises
    ------
    ValueError
        If they have not the size of x0, are crossed or NaN, or leave no finite number.
    """
    low, high = bounds[0].astype(np.float64), bounds[1].astype(np.float64)
    n, x = x0.size, x0.copy()
    if low.size != n or high.size != n:
        raise ValueError(WRONG_LENGTH)
    for i in range(n):
        if low[i] > high[i]:
            raise ValueError(CROSSED)
        if not (low[i] < np.inf and high[i] > -np.inf):
            raise ValueError("a bound is NaN, or leaves no number; -inf and inf are no bounds")
    clip(x, low, high)
    return x, low, high


@kernel
def descend_in_box(objective, method, search, limits, x0, low, high):
    """Minimise from x0 by a method with a line search, within bounds."""
    state = allocate_within(method, limits, x0, low, high)
    while run(objective, method, search, state) != NOTHING:
        pass
    return minimum(state)


@kernel
def march_in_box(objective, method, schedule, limits, x0, low, high):
    """Minimise from x0 by a first-order method with a learning-rate schedule, within bounds."""
    state = allocate_within(method, limits, x0, low, high)
    schedule = stretched(schedule, limits.maxiter)
    while step(objective, method, schedule, state) != NOTHING:
        pass
    return minimum(state)


@kernel
def with_default_counts(limits, few, first_order, differenced, n):
    """Return the limits of a run, with defaults in the place of negative `maxiter` and `maxfun`.

    Parameters
    ----------
    limits : Limits
    few, first_order, differenced : int
        Flags, as for `options.read.default_counts`.
    n : int
        Number of variables.

    Returns
    -------
    Limits

    Raises
    ------
    ValueError
        If there are no variables, or a tolerance is NaN.
    """
    if n == 0:
        raise ValueError(NO_VARIABLES)
    gtol, ftol, xtol, f_target, maxiter, maxfun, deadline, value_first, gtol_is_default = limits
    if not (gtol == gtol and ftol == ftol and xtol == xtol and f_target == f_target):
        raise ValueError("gtol, ftol, xtol and f_target must not be NaN")
    iterations, values = default_counts(few, first_order, n, differenced)
    maxiter = iterations if maxiter < 0 else maxiter
    maxfun = values if maxfun < 0 else maxfun
    return Limits(gtol, ftol, xtol, f_target, maxiter, maxfun, deadline, value_first, gtol_is_default)


KEYWORDS = "; here options are keywords, such as gtol=1e-8"

SOLVE = {
    (False, False): descend,
    (False, True): descend_in_box,
    (True, False): march,
    (True, True): march_in_box,
}  # keys: (first-order method, bounds given)


def is_vector(kind: Any) -> bool:
    """Return True if a Numba type is that of a float64 vector."""
    return isinstance(kind, types.Array) and kind.ndim == 1 and kind.dtype == types.float64


# Keywords that are settings of a method.
SETTINGS = (
    "memory",
    "damping",
    "single",
    "lr",
    "weight_decay",
    "eps_root",
    "initial_accumulator_value",
    "threshold",
    *FLAGS,
)


def rows_inside(arguments: Mapping[str, Any]) -> list[Rule]:
    """Return the rows by which ``method="auto"`` decides; see `choose_method.rules_for`.

    `arguments` are the Numba types in the overload of `minimize`, by name.
    """
    options = {name: 1 for name in SETTINGS if constant(arguments[name]) is not None}
    precond = constant(arguments["precond"])
    options["precond"] = True if isinstance(precond, types.Dispatcher) else precond
    hess, hessp = constant(arguments["hess"]), constant(arguments["hessp"])
    hess = isinstance(hess, types.Type) or is_given(hess)
    return rules_for(hess, hessp is not None, constant(arguments["bounds"]) is not None, options)


def called_inside(source: Source, arguments: Mapping[str, Any], rows: list[Rule]) -> Callable[..., Any]:
    """Return the implementation that calls `minimize` with the method for the number of variables.

    The parameters are those of `rows_inside`, and its result.
    """
    given = {name: kind for name, kind in arguments.items() if not isinstance(kind, (types.Omitted, types.NoneType))}
    # Literals are repeated as text, so that they remain constants of the inner call.
    passed = (
        f"{name}={constant(kind)!r}" if isinstance(kind, types.Literal) else f"{name}={name}"
        for name, kind in given.items()
        if name not in ("fun", "x0", "method")
    )
    call = f"minimize({', '.join(('fun', 'x0', *passed))}, method="
    for rule in rows[:-1]:
        source.add(f"if np.size(x0) <= {rule.most}:", f"    return {call}{rule.method!r})")
    source.add(f"return {call}{rows[-1].method!r})", minimize=minimize)
    return source.implementation()


# Inlined, so that functions among its arguments remain global names of the caller, which Numba can
# then cache.
@overload(minimize, inline="always")
def _minimize(
    fun,
    x0,
    args=(),
    method="auto",
    jac=None,
    hess=None,
    hessp=None,
    bounds=None,
    constraints=(),
    tol=None,
    callback=None,
    options=None,
    line_search=None,
    gtol=None,
    ftol=None,
    xtol=0.0,
    f_target=-np.inf,
    maxiter=None,
    maxfun=None,
    schedule=None,
    precond=None,
    memory=None,
    damping=None,
    single=None,
    lr=None,
    weight_decay=None,
    c1=None,
    c2=None,
    maxls=None,
    eps_root=None,
    initial_accumulator_value=None,
    threshold=None,
    amsgrad=None,
    bias_correction=None,
    centered=None,
    constant_momentum=None,
    correct_ahead=None,
    correct_before_max=None,
    dampen_first=None,
    decoupled=None,
    degenerated_to_sgd=None,
    eps_after_max=None,
    eps_hat=None,
    eps_in_sqrt=None,
    lr_in_buffer=None,
    nesterov=None,
):
    arguments = dict(locals())
    source = Source(_minimize, "minimize")
    for name, given in ("constraints", constraints), ("callback", callback), ("options", options):
        if constant(given) not in (None, ()) and not (isinstance(given, types.BaseTuple) and len(given) == 0):
            source.refuse(f"`{name}` can be given only outside compiled code{KEYWORDS if name == 'options' else ''}")
    bounded = constant(bounds) is not None
    method, small = "lbfgs" if bounded and constant(method) is None else method, None
    if is_auto(constant(method)):
        rows = rows_inside(arguments)
        method = rows[-1].method
        uses = {TRAITS[METHODS[rule.method]].second_order for rule in rows}
        if len(uses) > 1 or len(rows) > 2:
            return called_inside(source, arguments, rows)
        # The objective of both methods is the same, and is made once.
        small = rows[0] if len(rows) > 1 else None
    kind, method_ = source.method(method)
    traits = TRAITS[kind]
    first_order = traits.first_order
    if first_order and constant(line_search) is not None:
        source.refuse("first-order methods take no `line_search` but a `schedule`")
    if not first_order and constant(schedule) is not None:
        source.refuse("`schedule` belongs to first-order methods; this one takes a `line_search`")
    search_kind, search = source.schedule(schedule) if first_order else source.search("line_search", line_search)
    settings = {name: arguments[name] for name in SETTINGS}
    method_ = source.changed(kind, method_, settings)
    alternatives = [(kind, method_)]
    if small is not None:
        other, expression = source.method(small.method, "small_method")
        alternatives.insert(0, (other, source.changed(other, expression, settings)))
    search = source.changed(search_kind, search, dict(c1=c1, c2=c2, maxls=maxls))
    start = source.point(x0)
    jac = gradient_of(source, fun, jac, args, "value_and_grad")
    differenced = is_differenced(jac)
    value_first = differenced and not first_order and search_kind not in INDIFFERENT
    common = either(tol, "tol", "1e-5")
    default = source.integer(-1)
    source.numbers(tol=tol, gtol=gtol, ftol=ftol, xtol=xtol, f_target=f_target, maxiter=maxiter, maxfun=maxfun)
    counts = source.limit("maxiter", maxiter, default), source.limit("maxfun", maxfun, default)
    gtol_is_default = not first_order and constant(gtol) is None and constant(tol) is None
    source.add(f"x = {start}")
    precond = constant(precond)
    diagonal = is_vector(precond)
    if precond is not None and "precond" not in traits.options:
        source.refuse("`precond` belongs to method 'newton-cg'")
    if precond is not None and bounded:
        source.refuse("`precond` and `bounds` go together only outside compiled code")
    if precond is not None and not diagonal and not isinstance(precond, types.Dispatcher):
        source.refuse(f"`precond` must be an @njit function or a float64 vector, got {precond}")
    if bounded and not (first_order or takes_bounds(kind)):
        source.refuse(f"method {traits.name!r} has no form for `bounds`")
    if bounded:
        source.bounds(bounds)
        # A method given by its name has neither.
        for name in sorted({"damping", "single"}.intersection(kind._fields) if method_ != "own_method" else ()):
            source.refuse_unless(f"{method_}.{name} == 0", f"{name} with bounds")
        if search == "own_search":
            source.scope[search] = between_bounds(source.scope[search])
        source.add(
            "x, low, high = in_box(x, bounds)",
            in_box=in_box,
            Bounded=Bounded,
        )
    objective = bind(source, fun, jac, args, traits.second_order, hess, hessp, None if diagonal else precond, bounded)
    more = ", low, high" if bounded else ""
    if precond is not None:
        more = ", np.ascontiguousarray(precond)" if diagonal else ", np.empty(0)"

    def solved(kind: type[Any], method: str) -> tuple[str, ...]:
        """Return the lines that solve the problem by one method."""
        traits = TRAITS[kind]
        # ftol of L-BFGS is set by tol, as in SciPy.
        fall = either(ftol, "ftol", either(tol, "tol", "0.0") if traits.tol_sets_ftol else "0.0")
        fields = *counts, *map(source.integer, (NEVER, int(value_first), int(gtol_is_default)))
        flags = map(source.integer, map(int, (traits.few_iterations, first_order, differenced)))
        method = f"Bounded({method})" if bounded and not first_order else method
        return (
            f"limits = Limits(gtol, float({fall}), xtol, f_target, {', '.join(fields)})",
            f"limits = with_default_counts(limits, {', '.join(flags)}, x.size)",
            f"found = solve({objective}, {method}, {search}, limits, x{more})",
        )

    lines = solved(*alternatives[-1])
    if small is not None:
        branches = [f"    {line}" for line in solved(*alternatives[0])], [f"    {line}" for line in lines]
        lines = f"if x.size <= {small.most}:", *branches[0], "else:", *branches[1]
    source.add(
        f"gtol = float({either(gtol, 'gtol', common)})",
        *([] if first_order else ["gtol = 0.0 if gtol < 0.0 else gtol"]),  # as `options.read` does
        "xtol, f_target = float(xtol), float(f_target)",
        *lines,
        "hold(held)",
        "hold(args)",
        "return found",
        Limits=Limits,
        with_default_counts=with_default_counts,
        solve=SOLVE[first_order, bounded] if precond is None else descend_preconditioned,
    )
    return source.implementation()
