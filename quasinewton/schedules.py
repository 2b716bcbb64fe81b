"""Learning-rate schedules: what lr is multiplied by at each step.

A schedule stands where the line search does, under methods that make their own steps: a search that always accepts.
All schedules are of one type, so a loop is compiled once for all of them; a function of the user's is entered by its
address. Steps are counted from 0.
"""

import math
import weakref
from typing import NamedTuple

from numba import types
from numba.extending import intrinsic, register_jitable

from quasinewton.numba_ext.addresses import address_of, enter
from quasinewton.numba_ext.introspection import is_compiled, result_type
from quasinewton.numba_ext.jit import fragment, kernel
from quasinewton.validation import count, number

CONSTANT = 0
STEP = 1
EXPONENTIAL = 2
COSINE = 3
INVERSE_SQRT = 4
ONE_CYCLE = 5
USER = 6

SIGNATURE = types.float64(types.int64)


class Schedule(NamedTuple):
    """What lr is multiplied by, as a function of the step; made by the functions of `quasinewton.schedules`.

    Attributes
    ----------
    kind : int
        Which formula.
    warmup : int
        Steps in which the factor first rises linearly, (t + 1)/warmup.
    total : int
        Step at which the formula has run its course; 0 for the length of the run.
    a, b, c : float
        Its parameters.
    address : int
        Of the user's function; 0 if there is none.

    Examples
    --------
    >>> from quasinewton import schedules
    >>> halve = schedules.step(10, factor=0.5)
    >>> halve(0), halve(10), halve(25)
    (1.0, 0.5, 0.25)
    """

    kind: int
    warmup: int
    total: int
    a: float
    b: float
    c: float
    address: int

    def __call__(self, t):
        if self.total == 0 and self.kind in (COSINE, ONE_CYCLE):
            raise ValueError("this schedule takes its length from the run; give it a total to see its factors")
        return factor(self, t)


def _schedule(kind, warmup=0, total=None, a=0.0, b=0.0, c=0.0):
    total = 0 if total is None else count("total", total, 1)
    return Schedule(kind, count("warmup", warmup, 0), total, float(a), float(b), float(c), 0)


def _fraction(name, value, **ends):
    return number(name, value, 0.0, 1.0, open_high=False, **ends)


def constant(warmup=0):
    """Leave lr as it is, after a linear warm-up.

    Parameters
    ----------
    warmup : int
        Steps in which the factor rises as (t + 1)/warmup; 0 for none.

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; what is legal is said.
    """
    return _schedule(CONSTANT, warmup)


def step(every, factor=0.1, warmup=0):
    """Multiply lr by `factor` after every `every` steps.

    Parameters
    ----------
    every : int
        Steps, at least 1.
    factor : float
        In (0, 1].
    warmup : int
        Steps of linear warm-up, from whose end t is counted.

    Returns
    -------
    Schedule
        factor^⌊t/every⌋.

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; what is legal is said.
    """
    return _schedule(STEP, warmup, a=count("every", every, 1), b=_fraction("factor", factor))


def exponential(rate, warmup=0):
    """Multiply lr by `rate` at every step.

    Parameters
    ----------
    rate : float
        In (0, 1].
    warmup : int
        Steps of linear warm-up, from whose end t is counted.

    Returns
    -------
    Schedule
        rate^t.

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; what is legal is said.
    """
    return _schedule(EXPONENTIAL, warmup, a=_fraction("rate", rate))


def cosine(total=None, final=0.0, warmup=0):
    """Let lr fall to `final` along half a cosine, and stay there.

    Parameters
    ----------
    total : int, optional
        Step at which `final` is reached, the warm-up counted; the length of the run if not given.
    final : float
        In [0, 1].
    warmup : int
        Steps of linear warm-up, from whose end t is counted.

    Returns
    -------
    Schedule
        final + (1 − final)(1 + cos(π t/(total − warmup)))/2.

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; what is legal is said.

    References
    ----------
    I. Loshchilov & F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, eq. 5.
    """
    schedule = _schedule(COSINE, warmup, total, a=_fraction("final", final, open_low=False))
    if 0 < schedule.total <= schedule.warmup:
        raise ValueError(f"warmup must be less than the total of {schedule.total}, got {warmup!r}")
    return schedule


def inverse_sqrt(warmup=1):
    """Let lr rise linearly, and then fall with the square root of the steps made.

    Parameters
    ----------
    warmup : int
        Steps until the peak, at least 1.

    Returns
    -------
    Schedule
        min((t + 1)/warmup, √(warmup/(t + 1))).

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; what is legal is said.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NIPS 2017, eq. 3, scaled to a peak of 1.
    """
    return _schedule(INVERSE_SQRT, count("warmup", warmup, 1))


def one_cycle(total=None, rise=0.3, start=1 / 25, final=1 / 250_000):
    """Let lr rise from `start` to 1 and fall to `final`, along half cosines.

    Parameters
    ----------
    total : int, optional
        Steps of the cycle; the length of the run if not given.
    rise : float
        The part of them in which lr rises, in (0, 1).
    start, final : float
        The factors at either end, in (0, 1].

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; what is legal is said.

    References
    ----------
    L. N. Smith & N. Topin, "Super-convergence: very fast training of neural networks using large learning rates",
    arXiv:1708.07120 (2017). With the turning points of PyTorch's OneCycleLR.
    """
    rise = number("rise", rise, 0.0, 1.0)
    return _schedule(ONE_CYCLE, 0, total, rise, _fraction("start", start), _fraction("final", final))


@intrinsic
def _enter(typingctx, address, t):
    def codegen(context, builder, signature, values):
        return enter(context, builder, values[0], SIGNATURE, (values[1],))

    return types.float64(types.intp, types.int64), codegen


@kernel
def factor(schedule, t):
    """What lr is multiplied by at step t, counted from 0; the schedule's `total` has been set."""
    warmup = schedule.warmup
    if schedule.kind == USER:
        return _enter(schedule.address, t)
    if t < warmup:
        return (t + 1) / warmup
    if schedule.kind == INVERSE_SQRT:
        return math.sqrt(warmup / (t + 1))
    t -= warmup
    if schedule.kind == STEP:
        return schedule.b ** (t // schedule.a)
    if schedule.kind == EXPONENTIAL:
        return schedule.a**t
    if schedule.kind == COSINE:
        return between(1.0, schedule.a, t / max(schedule.total - warmup, 1))
    if schedule.kind == ONE_CYCLE:
        peak = schedule.a * schedule.total - 1.0  # the step of the peak; the last is total − 1
        if t < peak:
            return between(schedule.b, 1.0, t / peak)
        return between(1.0, schedule.c, (t - peak) / (schedule.total - 1 - peak))
    return 1.0


@fragment
def between(a, b, part):
    """Go from a to b along half a cosine, as `part` goes from 0 to 1, and stay at b.

    A mean of a and b with weights: it is a to the bit where `part` is 0, and rounding takes it to no side of them.
    """
    weight = 0.5 * (1.0 + math.cos(math.pi * part)) if part < 1.0 else 0.0
    return min(max(weight * a + (1.0 - weight) * b, min(a, b)), max(a, b))


# The compiled entry of each user's function, kept as long as the function lives.
_entries = weakref.WeakKeyDictionary()


def entry(function):
    """A compiled function float64(int64) around a user's compiled function of the step.

    Raises
    ------
    TypeError
        If it does not take a step, or does not return a number.
    """
    kind = result_type(function, (types.int64,), "schedule")
    if not isinstance(kind, (types.Float, types.Integer)):
        raise TypeError(f"schedule must return a real number; it returns {kind}")
    return fragment(lambda t: float(function(t)))


@register_jitable
def users(address):
    """The schedule that calls a compiled function at an address."""
    return Schedule(USER, 0, 0, 0.0, 0.0, 0.0, address)


@register_jitable
def stretched(schedule, steps):
    """The schedule over this many steps, unless it has a length of its own."""
    kind, warmup, total, a, b, c, address = schedule
    return Schedule(kind, warmup, total if total > 0 else steps, a, b, c, address)


def as_schedule(given, steps):
    """A schedule ready to be used.

    Parameters
    ----------
    given : Schedule, compiled function of the step, or None
        The user's function must live as long as the schedule is used.
    steps : int
        Length of the run, for schedules stretched over it.

    Returns
    -------
    Schedule

    Raises
    ------
    TypeError
        If it is neither.
    """
    if given is None:
        return constant()
    if is_compiled(given):
        known = _entries.get(given)
        if known is None:
            dispatcher = entry(given)
            dispatcher.compile(SIGNATURE)
            # As for objectives: what is kept must not hold the user's function.
            known = address_of(dispatcher, SIGNATURE), dispatcher.get_compile_result(SIGNATURE).library
            _entries[given] = known
        return users(known[0])
    if not isinstance(given, Schedule):
        legal = "one of quasinewton.schedules or an @njit function of the step"
        raise TypeError(f"schedule must be {legal}, got {given!r}")
    return stretched(given, steps)
