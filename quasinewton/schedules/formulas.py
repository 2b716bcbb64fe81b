"""The formulas of all schedules: the factor of lr at a step, in compiled code.

Convention: a formula gives the values at its ends exactly, without rounding, since they are numbers
that the user has chosen.
"""

import math
from typing import NamedTuple

from numba import types
from numba.extending import intrinsic

from quasinewton._numba_ext import interpreted
from quasinewton._numba_ext.addresses import enter
from quasinewton._numba_ext.jit import fragment, kernel
from quasinewton._numba_ext.uncompiled import in_python
from quasinewton._validation import count

# Kinds of schedules, with what their parameters a, b and c are: arguments of the functions of
# `quasinewton.schedules` of the same name.
CONSTANT = 0
STEP = 1  # every, factor
EXPONENTIAL = 2  # rate
COSINE = 3  # final
INVERSE_SQRT = 4
ONE_CYCLE = 5  # rise, start, final
USER = 6  # no formula: the user's function
LINEAR = 7  # final, start
POLYNOMIAL = 8  # final, power
INVERSE_TIME = 9  # rate, power, every
WARM_RESTARTS = 10  # final, growth, decay

# Names of the functions that make these kinds, and of the arguments that are their a, b and c.
MAKERS = {
    CONSTANT: ("constant",),
    STEP: ("step", "every", "factor"),
    EXPONENTIAL: ("exponential", "rate"),
    COSINE: ("cosine", "final"),
    INVERSE_SQRT: ("inverse_sqrt",),
    ONE_CYCLE: ("one_cycle", "rise", "start", "final"),
    LINEAR: ("linear", "final", "start"),
    POLYNOMIAL: ("polynomial", "final", "power"),
    INVERSE_TIME: ("inverse_time", "rate", "power", "every"),
    WARM_RESTARTS: ("warm_restarts", "final", "growth", "decay"),
}

STRETCHED = (COSINE, ONE_CYCLE, LINEAR, POLYNOMIAL)  # kinds that last as long as the run if their total is 0
BY_STEPS = -1.0  # value of `begin` for a warm-up with the factor (t + 1)/warmup

SIGNATURE = types.float64(types.int64)


class Schedule(NamedTuple):
    """Factor of lr as a function of the step; made by the functions of `quasinewton.schedules`.

    Attributes
    ----------
    kind : int
        Number of the formula.
    warmup : int
        Number of steps of the linear warm-up.
    total : int
        Step at which the formula ends; 0 for the length of the run.
    a, b, c : float
        Parameters of the formula; their meaning depends on the kind.
    address : int
        Address of the user's compiled function; 0 if there is none.
    begin : float
        Factor at step 0 of a warm-up that reaches 1 at step `warmup`; −1 for a warm-up with the
        factor (t + 1)/warmup.

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
    begin: float = BY_STEPS

    def __repr__(self) -> str:
        if self.kind not in MAKERS:
            return "an @njit function of the step"
        name, *parameters = MAKERS[self.kind]
        total = "period" if self.kind == WARM_RESTARTS else "total"
        given: dict[str, float] = {total: self.total} if self.total and self.kind in (*STRETCHED, WARM_RESTARTS) else {}
        given |= dict(zip(parameters, (self.a, self.b, self.c), strict=False))
        given |= {"warmup": self.warmup} if self.warmup else {}
        given |= {"warmup_start": self.begin} if self.begin >= 0.0 else {}
        shown = {key: int(value) if float(value).is_integer() else value for key, value in given.items()}
        return f"{name}({', '.join(f'{key}={value!r}' for key, value in shown.items())})"

    def __call__(self, t: int) -> float:
        t = count("t", t, 0)
        if self.total == 0 and self.kind in STRETCHED:
            raise ValueError("this schedule takes its length from the run; give it a total to see its factors")
        return factor(self, t)


@in_python(interpreted.entered_at)
@intrinsic
def _enter(typingctx, address, t):
    def codegen(context, builder, signature, values):
        return enter(context, builder, values[0], SIGNATURE, (values[1],))

    return types.float64(types.intp, types.int64), codegen


@fragment
def between(a, b, share):
    """Return b + (a − b) share, share in [0, 1]: exactly a or b at the ends, never beyond them."""
    if share >= 1.0:
        return a
    if share > 0.0:
        return min(max(b + (a - b) * share, min(a, b)), max(a, b))
    return b


@fragment
def half_cosine(a, b, part):
    """Return the point `part` of the way from a to b along half a cosine; b if part >= 1."""
    return between(a, b, 0.5 * (1.0 + math.cos(math.pi * part))) if part < 1.0 else b


@fragment
def restarted(first, growth, t):
    """Return the number of restarts before step t, and the part of its cycle that lies before t."""
    if growth == 1.0:
        return t // first, (t % first) / first
    restarts, length, since = 0, float(first), float(t)
    while since >= length:
        since -= length
        length *= growth
        restarts += 1
    return restarts, since / length


@kernel
def factor(schedule, t):
    """Return the factor of lr at step t, counted from 0; the schedule's `total` must be set."""
    kind, warmup, a, b, c = schedule.kind, schedule.warmup, schedule.a, schedule.b, schedule.c
    if kind == USER:
        return _enter(schedule.address, t)
    from_begin = schedule.begin >= 0.0
    if t < warmup:
        return between(1.0, schedule.begin, t / warmup) if from_begin else (t + 1) / warmup
    if kind == INVERSE_SQRT:
        return math.sqrt(warmup / (t if from_begin else t + 1))
    t -= warmup
    length = max(schedule.total - warmup, 1)
    if kind == STEP:
        return b ** (t // a)
    if kind == EXPONENTIAL:
        return a**t
    if kind == COSINE:
        return half_cosine(1.0, a, t / length)
    if kind == LINEAR:
        return between(b, a, 1.0 - t / length)
    if kind == POLYNOMIAL:
        return between(1.0, a, (1.0 - t / length) ** b) if t < length else a
    if kind == INVERSE_TIME:
        return (1.0 + a * (t // c)) ** -b
    if kind == WARM_RESTARTS:
        restarts, part = restarted(schedule.total, b, t)
        return half_cosine(between(1.0, a, c**restarts), a, part)
    if kind == ONE_CYCLE:
        peak = a * schedule.total - 1.0  # the step of the peak; the last is total − 1
        if t < peak:
            return half_cosine(b, 1.0, t / peak)
        return half_cosine(1.0, c, (t - peak) / (schedule.total - 1 - peak))
    return 1.0
