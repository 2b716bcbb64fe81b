"""Reading of options, SciPy's and ours, into a method, a line search and limits.

For a first-order method a learning-rate schedule takes the place of the line search.
"""

import functools
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from numba.extending import register_jitable

from quasinewton import _methods as methods
from quasinewton._line_searches import MoreThuente
from quasinewton._line_searches.protocol import between_bounds
from quasinewton._line_searches.registry import BY_NAME, INDIFFERENT
from quasinewton._loops.clock import NANOSECONDS, NEVER
from quasinewton._loops.state import Limits
from quasinewton._methods import lifecycle
from quasinewton._methods.bounded.wrapper import Bounded, plain, takes_bounds
from quasinewton._methods.registry import AUTO, METHODS, TRAITS, Traits
from quasinewton._numba_ext.introspection import is_compiled
from quasinewton._numba_ext.registration import REGISTRATIONS
from quasinewton._objective.box import Box
from quasinewton._options.advice import ARGUMENTS, perhaps, warn_unknown
from quasinewton._options.names import (
    CONTROLS,
    FIRST_ORDER_CONTROLS,
    LIMITS,
    SCIPY_METHODS,
    SEARCHING,
    SYNONYMS,
)
from quasinewton._validation import number, warn
from quasinewton.schedules.user_functions import as_schedule


class Asked(NamedTuple):
    """Tolerances and limits as the user asked for them; a limit is None for the default.

    The fields are those of `_loops.state.Limits`, without `deadline` and `value_first`.
    """

    gtol: float
    ftol: float
    xtol: float
    f_target: float
    maxiter: int | None
    maxfun: int | None
    gtol_is_default: int


class Settings(NamedTuple):
    """Settings read from the options.

    Attributes
    ----------
    method, search : NamedTuple
        For a first-order method `search` is its Schedule.
    controls : dict
        The options that are neither fields of the method or the search nor limits.
    asked : Asked
        The tolerances and limits that were asked for.
    deadline : int
        Nanoseconds on the monotonic clock; NEVER without `time_limit`.
    bounds : (ndarray, ndarray) or None
        low and high, float64, shape (n,).
    limits : Limits or None
        The limits of the run; None until `with_limits`, since the defaults depend on what a
        gradient costs.
    """

    method: NamedTuple
    search: NamedTuple
    controls: dict
    asked: Asked
    deadline: int = NEVER
    bounds: tuple | None = None
    limits: Limits | None = None


def method_class(method: Any) -> type[Any]:
    """Return the class of a method given by name, as a class or as an object.

    Parameters
    ----------
    method : str, method object, method class, or None
        None is BFGS, as in SciPy.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If it is neither a name nor a method.
    """
    if method is None:
        return methods.BFGS
    if isinstance(method, str):
        if method.lower() == AUTO:
            raise ValueError(f"{method!r} chooses between methods with a line search; name a method here")
        try:
            return METHODS[method.lower().replace("_", "-")]
        except KeyError:
            if method.lower() in SCIPY_METHODS:
                words = f"Unknown solver {method!r} here: it is SciPy's, and `minimize` alone has it"
                raise ValueError(words) from None
            known, meant = sorted([AUTO, *METHODS]), perhaps([method], [AUTO, *METHODS, *SCIPY_METHODS])
            known = f"known are {', '.join(known)}{meant}"
            raise ValueError(f"Unknown solver {method!r}; {known}") from None
    kind = method if isinstance(method, type) else type(method)
    if kind not in TRAITS:
        raise TypeError(f"method must be a name or a method object such as LBFGS(memory=20); got {method!r}")
    return kind


def name_of(method: Any) -> str:
    """Return the name of a method that is given by any of its names, as a class or as an object."""
    return TRAITS[method_class(method)].name


def traits_of(method: tuple) -> Traits:
    """Return the Traits of a method given as an object; those of the inner one if it is Bounded."""
    return TRAITS[type(plain(method))]


def search_object(search: Any, name: str = "line_search") -> NamedTuple:
    """Return the line search given by name, class or object; More-Thuente for None.

    `name` is that of the argument, for messages.

    Raises
    ------
    ValueError
        If the name is unknown.
    TypeError
        If it is neither a name nor a line search.
    """
    if search is None:
        return MoreThuente()
    if isinstance(search, str):
        try:
            return BY_NAME[search.lower().replace("_", "-")]()
        except KeyError:
            known = f"known are {', '.join(BY_NAME)}{perhaps([search], BY_NAME)}"
            raise ValueError(f"unknown line search {search!r}; {known}") from None
    if isinstance(search, type):
        search = search()
    if type(search) not in BY_NAME.values():
        raise TypeError(f"{name} must be a name or a search object such as MoreThuente(c2=0.1); got {search!r}")
    return search


def with_fields(settings: Any, fields: dict[str, Any], spelt: Mapping[str, str] = {}) -> Any:
    """Return `settings` with some fields replaced, all of them checked as at construction.

    An object made by `_replace` has not been checked, and may hold other types than compiled code
    expects. `spelt` holds the names by which the user gave the fields, for messages.
    """
    try:
        return type(settings)(**(settings._asdict() | fields))
    except (TypeError, ValueError) as error:
        name, blank, rest = str(error).partition(" ")
        if spelt.get(name, name) == name:
            raise
        raise type(error)(f"{spelt[name]}{blank}{rest}") from None


def limit(name: str, value: Any) -> int:
    """Convert a limit on a count to int: any real number or infinity, rounded up, at most NEVER."""
    try:
        return NEVER if value == math.inf else min(math.ceil(value), NEVER)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None


def warn_unused(kind: type[Any], hess: Any, hessp: Any) -> None:
    """Warn of second derivatives that the method ignores."""
    traits = TRAITS[kind]
    if callable(hess) and not traits.second_order:
        warn(f"Method {traits.name} does not use Hessian information (hess).", RuntimeWarning)
    if callable(hessp) and traits.second_order != "product":
        warn(f"Method {traits.name} does not use Hessian-vector product information (hessp).", RuntimeWarning)


def read(method: Any, n: int, tol: float | None, options: Mapping[str, Any], bounds: Box | None = None) -> Settings:
    """Read settings from a method, `tol` and the options, with a warning for unknown options.

    Parameters
    ----------
    method : str, method object or None
    n : int
        Number of variables.
    tol : float or None
        Default of gtol and, for L-BFGS, of ftol, as in SciPy.
    options : dict
        Not changed.
    bounds : (ndarray, ndarray) or None
        As `bounds.read_bounds` returns them.

    Returns
    -------
    Settings
        Without the limits, which `with_limits` adds.

    Raises
    ------
    ValueError, TypeError
        If an option is illegal, or the method or an option cannot be combined with bounds; the
        message names it and what is legal.

    Warns
    -----
    OptimizeWarning
        Names the options that this method does not have.
    """
    try:
        if is_compiled(options.get("schedule")) or callable(options.get("precond")):
            raise TypeError("what is remembered must not hold the user's function")
        # Types are part of the key because search objects of different classes with the same
        # numbers compare equal.
        items = tuple((name, type(value), value) for name, value in options.items())
        settings, unknown = _remembered(method, type(method), n, tol, items, REGISTRATIONS[0])  # type: ignore[arg-type]
    except TypeError:  # An option is not hashable, or it is illegal and `_read` raises again.
        settings, unknown = _read(method, n, tol, options.items())
    if unknown:
        warn_unknown(unknown, legal_options(settings))
    if "time_limit" in settings.controls:
        deadline = time.monotonic_ns() + settings.controls["time_limit"]
        settings = settings._replace(deadline=min(deadline, NEVER))
    return settings if bounds is None else confined(settings, bounds)


def with_limits(settings: Settings, n: int, differenced: bool) -> Settings:
    """Return settings with the limits of the run.

    Defaults are SciPy's, except that ftol is 0 unless given.

    Parameters
    ----------
    settings : Settings
    n : int
        Number of variables.
    differenced : bool
        True if a gradient costs n values or more, because it is made of differences. The default of
        maxfun is then higher, and a trial's value is evaluated before its gradient.

    Returns
    -------
    Settings
    """
    method, search, controls, asked, deadline, bounds, _ = settings
    indifferent = type(search) in INDIFFERENT
    limits = _limits(asked, deadline, traits_of(method), indifferent, n, differenced)
    return Settings(method, search, controls, asked, deadline, bounds, limits)


@functools.lru_cache(maxsize=128)
def _limits(asked: Asked, deadline: int, traits: Traits, indifferent: bool, n: int, differenced: bool) -> Limits:
    gtol, ftol, xtol, f_target, maxiter, maxfun, gtol_is_default = asked
    if maxiter is None or maxfun is None:
        defaults = default_counts(traits.few_iterations, traits.first_order, n, differenced)
        maxiter, maxfun = defaults[0] if maxiter is None else maxiter, defaults[1] if maxfun is None else maxfun
    value_first = int(differenced and not (traits.first_order or indifferent))
    return Limits(gtol, ftol, xtol, f_target, maxiter, maxfun, deadline, value_first, gtol_is_default)


def confined(settings: Settings, bounds: Box) -> Settings:
    """Return settings for a run between bounds; see `read`."""
    lifecycle.refuse_bounds(settings.method, settings.controls)
    kind = type(settings.method)
    if TRAITS[kind].first_order:
        return settings._replace(bounds=bounds)
    if not takes_bounds(kind):
        able = ", ".join(sorted(traits.name for other, traits in TRAITS.items() if takes_bounds(other)))
        raise ValueError(f"method {TRAITS[kind].name!r} has no form for bounds; {able} and first-order methods have")
    return settings._replace(method=Bounded(settings.method), search=between_bounds(settings.search), bounds=bounds)


def legal_options(settings: Settings) -> tuple[str, ...]:
    """Return the names of all options that may be given with a method and a line search."""
    traits = traits_of(settings.method)
    own = (*traits.initial, *traits.options, *plain(settings.method)._fields, *settings.search._fields)
    return (*own, *LIMITS, *CONTROLS, *(FIRST_ORDER_CONTROLS if traits.first_order else SEARCHING), *SYNONYMS)


def _read(method: Any, n: int, tol: float | None, items: Iterable[tuple[str, Any]]) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings and the names of unknown options."""
    kind = method_class(method)
    traits = TRAITS[kind]
    first_order, own = traits.first_order, (*traits.initial, *traits.options)
    fields, others, limits, controls = {}, {}, {}, {}
    spelt: dict[str, str] = {}  # the name by which an option was given, by its own name
    for spelling, value in items:
        name = SYNONYMS.get(spelling, spelling)
        if spelt.setdefault(name, spelling) != spelling:
            raise TypeError(f"{spelt[name]} and {spelling} are two names of one option; give one of them")
        if name in kind._fields:
            fields[name] = value
        elif name in LIMITS:
            if value is not None:
                limits[name] = value
        elif name in CONTROLS or name in (FIRST_ORDER_CONTROLS if first_order else SEARCHING) or name in own:
            controls[name] = value
        else:
            others[spelling] = value
    if others.pop("constraints", None):
        raise ValueError("constraints can be given to `minimize` alone, which hands such problems to SciPy")
    if "time_limit" in limits:
        seconds = number("time_limit", limits.pop("time_limit"), 0.0, math.inf, open_low=False, open_high=False)
        controls["time_limit"] = int(min(seconds, 1e9) * NANOSECONDS)
    given = kind() if method is None or isinstance(method, (str, type)) else method
    chosen = with_fields(given, fields, spelt)
    if first_order:
        refuse_unknown(kind, others, (*kind._fields, *FIRST_ORDER_CONTROLS, *LIMITS, *CONTROLS))
        asked = _asked(traits, tol, limits)
        steps = default_counts(traits.few_iterations, True, n, False)[0] if asked.maxiter is None else asked.maxiter
        search = as_schedule(controls.get("schedule"), steps)
    else:
        lifecycle.check_options(chosen, controls, n)
        search = search_object(controls.get("line_search"))
        search = with_fields(search, {name: others.pop(name) for name in search._fields if name in others})
        asked = _asked(traits, tol, limits)
    return Settings(chosen, search, controls, asked), tuple(others)


def refuse_unknown(
    kind: type[Any],
    others: Iterable[str],
    legal: Iterable[str],
    caller: str = "",
    arguments: Iterable[str] = ARGUMENTS,
) -> None:
    """Raise ValueError for unknown options of a first-order method.

    A warning would not suffice: an ignored learning rate would change the answer. `caller` is the
    public function if it takes other options than `minimize`; `arguments` are the names of its
    arguments that may be given as options by mistake.

    Raises
    ------
    ValueError
        If there is an unknown option; the message names it and the legal ones.
    """
    legal = list(dict.fromkeys(legal))  # The option eps may belong to the method or to finite differences.
    for name in others:
        hint = perhaps([name], legal, arguments)
        has = f"{caller} with method {TRAITS[kind].name!r}" if caller else TRAITS[kind].name
        raise ValueError(f"{has} has no option {name!r}{hint}. Its options are {', '.join(legal)}")


@functools.lru_cache(maxsize=128)
def _remembered(
    method: Any, kind: type, n: int, tol: float | None, items: tuple, registrations: int
) -> tuple[Settings, tuple[str, ...]]:
    """Return what `_read` returns, from a cache keyed by the arguments.

    Programs often repeat the same few options, and reading them takes long beside a small solve.
    """
    return _read(method, n, tol, [(name, value) for name, _, value in items])


@register_jitable
def default_counts(few: bool, first_order: bool, n: int, differenced: bool) -> tuple[int, int]:
    """Return the defaults of maxiter and maxfun.

    `few` is True for methods with `Traits.few_iterations`, `first_order` for first-order methods;
    `differenced` raises maxfun by a factor n + 1 for the values that a gradient costs. They are
    those of SciPy's L-BFGS-B, and 200 n iterations as in SciPy's BFGS and Newton-CG where that is
    more: with two or three variables a narrow curved valley takes more than 200 n.
    """
    if few:
        return max(200 * n, 15000), NEVER
    if first_order:
        return 15000, NEVER
    return 15000, 15000 * (n + 1) if differenced else 15000


def _asked(traits: Traits, tol: float | None, given: Mapping[str, Any]) -> Asked:
    """Return the tolerances and limits of a run, checked, from the options that were given."""
    gtol, ftol = given.get("gtol", 1e-5 if tol is None else tol), given.get("ftol", 0.0)
    gtol = number("gtol" if "gtol" in given or tol is None else "tol", gtol, -math.inf, math.inf, open_high=False)
    # A line search has no direction from a gradient of 0, so this one ends any run.
    gtol = gtol if traits.first_order else max(gtol, 0.0)
    if tol is not None and traits.tol_sets_ftol:
        ftol = given.get("ftol", tol)
    return Asked(
        gtol,
        number("ftol", ftol, -math.inf, math.inf, open_high=False),
        number("xtol", given.get("xtol", 0.0), -math.inf, math.inf, open_high=False),
        number("f_target", given.get("f_target", -math.inf), -math.inf, math.inf, open_low=False, open_high=False),
        limit("maxiter", given["maxiter"]) if "maxiter" in given else None,
        limit("maxfun", given["maxfun"]) if "maxfun" in given else None,
        int(tol is None and "gtol" not in given and not traits.first_order),
    )
