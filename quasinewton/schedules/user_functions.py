"""Schedules from a user's function of the step, and schedules adapted to the length of a run."""

import inspect
import weakref
from typing import Any

import numba
from numba import types
from numba.extending import register_jitable

from quasinewton._numba_ext.addresses import address_of
from quasinewton._numba_ext.introspection import is_compiled, result_type
from quasinewton._numba_ext.jit import INNER
from quasinewton._numba_ext.uncompiled import INTERPRETED
from quasinewton.schedules.formulas import BY_STEPS, CONSTANT, SIGNATURE, USER, Schedule

# Address and machine code of the compiled entry of each user's function, while the function lives.
_entries: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def entry(function: Any) -> Any:
    """Return a compiled function float64(int64) that calls a user's compiled function of the step.

    Raises
    ------
    TypeError
        If the user's function does not accept an integer, or does not return a real number.
    """
    kind = result_type(function, (types.int64,), "schedule")
    if not isinstance(kind, (types.Float, types.Integer)):
        raise TypeError(f"schedule must return a real number; it returns {kind}")
    return numba.njit(**INNER)(lambda t: float(function(t)))


@register_jitable
def users(address):
    """Return the schedule that calls the compiled function at an address."""
    return Schedule(USER, 0, 0, 0.0, 0.0, 0.0, address, BY_STEPS)


@register_jitable
def stretched(schedule, steps):
    """Return the schedule with its total set to this many steps, unless it has one already."""
    kind, warmup, total, a, b, c, address, begin = schedule
    return Schedule(kind, warmup, total if total > 0 else steps, a, b, c, address, begin)


def as_schedule(given: Any, steps: int) -> Schedule:
    """Return a schedule that is ready for a run.

    Parameters
    ----------
    given : Schedule, compiled function of the step, or None
        The user's function must live as long as the schedule is used.
    steps : int
        Length of the run, for schedules without a total of their own.

    Returns
    -------
    Schedule

    Raises
    ------
    TypeError
        If `given` is none of these.
    """
    if given is None:
        return Schedule(CONSTANT, 0, 0, 0.0, 0.0, 0.0, 0)
    if INTERPRETED and inspect.isfunction(given):
        return users(address_of(given, SIGNATURE))
    if is_compiled(given):
        known = _entries.get(given)
        if known is None:
            dispatcher = entry(given)
            dispatcher.compile(SIGNATURE)
            # The stored value must not refer to the user's function, or it would never be freed.
            known = address_of(dispatcher, SIGNATURE), dispatcher.get_compile_result(SIGNATURE).library
            _entries[given] = known
        return users(known[0])
    if not isinstance(given, Schedule):
        legal = "one of quasinewton.schedules or an @njit function of the step"
        called = ": call it" if getattr(given, "__module__", "") == "quasinewton.schedules" else ""
        raise TypeError(f"schedule must be {legal}, got {given!r}{called}")
    return stretched(given, steps)
