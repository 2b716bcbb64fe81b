"""Arguments of the doors inside compiled code: understood while compiling, and mistakes are named there."""

import numpy as np
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import overload, register_jitable

from quasinewton import descent, schedules, stepping
from quasinewton.jit import INNER
from quasinewton.line_search import chooser
from quasinewton.objective.contract import address_constant
from quasinewton.objective.inline import constant, dispatcher_of
from quasinewton.options import NAMES, method_class


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


def searcher(line_search, schedule):
    """The loop of the methods that search, the class of the search, and the function that gives its object.

    Raises
    ------
    TypingError
        If a schedule is given, or `line_search` is neither a name nor a search object.
    """
    if constant(schedule) is not None:
        raise TypingError("minimize: `schedule` belongs to first-order methods; this one takes a `line_search`")
    kind, choose = chooser("minimize", line_search)
    return descent.run, kind, register_jitable(lambda line_search, schedule, steps: choose(line_search))


def stepper(line_search, schedule):
    """The loop of the methods that make their own steps, the class of a schedule, and the function that gives it.

    Raises
    ------
    TypingError
        If a line search is given, or `schedule` is neither a schedule nor a compiled function of the step.
    """
    if constant(line_search) is not None:
        raise TypingError("minimize: first-order methods take no `line_search` but a `schedule`")
    kind, given = schedules.Schedule, constant(schedule)
    if given is None:
        fixed = schedules.constant()
        return stepping.run, kind, register_jitable(lambda line_search, schedule, steps: fixed)
    if isinstance(given, types.BaseNamedTuple) and given.instance_class is kind:
        stretch = schedules.stretched
        return stepping.run, kind, register_jitable(lambda line_search, schedule, steps: stretch(schedule, steps))
    function = dispatcher_of("schedule", given, "minimize")
    try:
        address = address_constant(schedules.entry(function), schedules.SIGNATURE)
    except TypeError as error:
        raise TypingError(f"minimize: {error}") from None
    return stepping.run, kind, register_jitable(lambda line_search, schedule, steps: schedules.users(address()))


def point_maker(door, x0):
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
    raise TypingError(f"{door}: `x0` must be a number or a vector of real numbers, got {x0}")


def either(value, default):
    """The value if one is given, otherwise the default; which of them is known while compiling."""


@overload(either, jit_options=INNER)
def _either(value, default):
    if constant(value) is None:
        return lambda value, default: default
    return lambda value, default: value


# Settings that may be given as keywords: how they are converted, and what must hold of them.
RULES = {
    "memory": ("int", "memory >= 1", "memory must be at least 1"),
    "damping": ("int", "True", ""),
    "lr": ("float", "0.0 <= lr < np.inf", "lr must be in [0, inf)"),
    "weight_decay": ("float", "0.0 <= weight_decay < np.inf", "weight_decay must be in [0, inf)"),
    "maxls": ("int", "maxls >= 1", "maxls must be at least 1"),
    "c1": ("float", "0.0 < c1 < HIGHEST", "c1 must be positive, and less than 0.5, or 1 for Armijo's search"),
    "c2": ("float", "c1 < c2 < 1.0", "c2 must be in (c1, 1)"),
}


def changer(door, kind, given):
    """The function that replaces fields of a method or a search by what keywords say.

    Parameters
    ----------
    door : str
        For messages.
    kind : NamedTuple class
    given : dict
        Name of a keyword to its numba type; all that the function takes, those that were not given as well.

    Returns
    -------
    callable
        change(settings, *values) -> NamedTuple of the same type.

    Raises
    ------
    TypingError
        If a keyword is no setting of `kind`, or is no number.
    """
    supplied = [name for name, value in given.items() if constant(value) is not None]
    for name in supplied:
        if name not in kind._fields:
            raise TypingError(f"{door}: `{name}` is no setting of {kind.__name__}; its settings are {kind._fields}")
        value = constant(given[name])
        if not isinstance(value, (int, float, types.Number, types.Boolean)):
            raise TypingError(f"{door}: `{name}` must be a number, got {value}")
    if not supplied:
        return register_jitable(eval(f"lambda settings, {', '.join(given)}: settings"))
    lines = [f"def change(settings, {', '.join(given)}):"]
    for name in kind._fields:
        lines.append(f"    {name} = {RULES[name][0]}({name})" if name in supplied else f"    {name} = settings.{name}")
    # All fields are known now: c2 is compared with the c1 it will stand beside.
    for name in [name for name in ("c1", "c2") if name in kind._fields] + supplied:
        lines += [f"    if not ({RULES[name][1]}):", f"        raise ValueError({RULES[name][2]!r})"]
    lines.append(f"    return kind({', '.join(kind._fields)})")
    scope = {"kind": kind, "np": np, "HIGHEST": 0.5 if "c2" in kind._fields else 1.0}
    exec("\n".join(lines), scope)
    return register_jitable(scope["change"])
