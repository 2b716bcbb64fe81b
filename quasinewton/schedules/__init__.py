"""Learning-rate schedules: the factor of lr at each step.

For first-order methods, which make their own steps, a schedule takes the place of the line search:
it is a search that always accepts. All schedules have one type, so a loop is compiled once for all
of them; a user's function is called by its address. Steps are counted from 0.
"""

import math

from quasinewton._validation import count, number
from quasinewton.schedules.formulas import (
    BY_STEPS,
    CONSTANT,
    COSINE,
    EXPONENTIAL,
    INVERSE_SQRT,
    INVERSE_TIME,
    LINEAR,
    ONE_CYCLE,
    POLYNOMIAL,
    STEP,
    WARM_RESTARTS,
    Schedule,
)

__all__ = [
    "Schedule",
    "constant",
    "cosine",
    "exponential",
    "inverse_sqrt",
    "inverse_time",
    "linear",
    "one_cycle",
    "polynomial",
    "step",
    "warm_restarts",
]


def _schedule(
    kind: int,
    warmup: int = 0,
    total: int | None = None,
    a: float = 0.0,
    b: float = 0.0,
    c: float = 0.0,
    warmup_start: float | None = None,
) -> Schedule:
    total, begin = 0 if total is None else count("total", total, 1), BY_STEPS
    warmup = count("warmup", warmup, 0)
    if 0 < total <= warmup:
        raise ValueError(f"warmup must be less than the total of {total}, got {warmup!r}")
    if warmup_start is not None:
        begin = _fraction("warmup_start", warmup_start, open_low=False)
    return Schedule(kind, warmup, total, float(a), float(b), float(c), 0, begin)


def _fraction(name: str, value: float, **ends: bool) -> float:
    return number(name, value, 0.0, 1.0, open_high=False, **ends)


def _positive(name: str, value: float) -> float:
    return number(name, value, 0.0, math.inf)


def constant(warmup: int = 0, warmup_start: float | None = None) -> Schedule:
    """Leave lr as it is, after a linear warm-up.

    Parameters
    ----------
    warmup : int
        Steps in which the factor rises as (t + 1)/warmup; 0 for none.
    warmup_start : float, optional
        Factor at step 0, in [0, 1]. With it the warm-up rises as warmup_start + (1 − warmup_start)
        t/warmup, and reaches 1 one step later. It begins at 0 in Optax and Keras.

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; the message says what is legal.
    """
    return _schedule(CONSTANT, warmup, warmup_start=warmup_start)


def step(every: int, factor: float = 0.1, warmup: int = 0, warmup_start: float | None = None) -> Schedule:
    """Multiply lr by `factor` after every `every` steps.

    Parameters
    ----------
    every : int
        Steps between two changes, at least 1.
    factor : float
        Factor of each change, in (0, 1].
    warmup : int
        Steps of linear warm-up; t is counted from its end.
    warmup_start : float, optional
        Factor at step 0, in [0, 1]: see `constant`.

    Returns
    -------
    Schedule
        factor^⌊t/every⌋.

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; the message says what is legal.
    """
    every, factor = count("every", every, 1), _fraction("factor", factor)
    return _schedule(STEP, warmup, a=every, b=factor, warmup_start=warmup_start)


def exponential(rate: float, warmup: int = 0, warmup_start: float | None = None) -> Schedule:
    """Multiply lr by `rate` at every step.

    Parameters
    ----------
    rate : float
        Factor of each step, in (0, 1].
    warmup : int
        Steps of linear warm-up; t is counted from its end.
    warmup_start : float, optional
        Factor at step 0, in [0, 1]: see `constant`.

    Returns
    -------
    Schedule
        rate^t.

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; the message says what is legal.
    """
    return _schedule(EXPONENTIAL, warmup, a=_fraction("rate", rate), warmup_start=warmup_start)


def cosine(
    total: int | None = None, final: float = 0.0, warmup: int = 0, warmup_start: float | None = None
) -> Schedule:
    """Let lr fall to `final` along half a cosine, and stay there.

    Parameters
    ----------
    total : int, optional
        Step at which `final` is reached, warm-up included; by default the length of the run.
    final : float
        Final factor, in [0, 1].
    warmup : int
        Steps of linear warm-up; t is counted from its end.
    warmup_start : float, optional
        Factor at step 0, in [0, 1]: see `constant`.

    Returns
    -------
    Schedule
        final + (1 − final)(1 + cos(π t/(total − warmup)))/2.

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; the message says what is legal.

    References
    ----------
    I. Loshchilov & F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
    eq. 5.
    """
    final = _fraction("final", final, open_low=False)
    return _schedule(COSINE, warmup, total, a=final, warmup_start=warmup_start)


def linear(
    total: int | None = None, start: float = 1.0, final: float = 0.0, warmup: int = 0, warmup_start: float | None = None
) -> Schedule:
    """Let lr go from `start` to `final` along a line, and stay there.

    Parameters
    ----------
    total : int, optional
        Step at which `final` is reached, warm-up included; by default the length of the run.
    start, final : float
        First and last factor, in [0, 1]. If `start` is less than `final`, the line rises.
    warmup : int
        Steps of linear warm-up; t is counted from its end.
    warmup_start : float, optional
        Factor at step 0, in [0, 1]: see `constant`.

    Returns
    -------
    Schedule
        start + (final − start) t/(total − warmup).

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; the message says what is legal.
    """
    start, final = (_fraction(name, end, open_low=False) for name, end in (("start", start), ("final", final)))
    return _schedule(LINEAR, warmup, total, a=final, b=start, warmup_start=warmup_start)


def polynomial(
    total: int | None = None, power: float = 1.0, final: float = 0.0, warmup: int = 0, warmup_start: float | None = None
) -> Schedule:
    """Let lr fall to `final` as a power of the remaining part of the run, and stay there.

    Parameters
    ----------
    total : int, optional
        Step at which `final` is reached, warm-up included; by default the length of the run.
    power : float
        Exponent, > 0.
    final : float
        Final factor, in [0, 1].
    warmup : int
        Steps of linear warm-up; t is counted from its end.
    warmup_start : float, optional
        Factor at step 0, in [0, 1]: see `constant`.

    Returns
    -------
    Schedule
        final + (1 − final)(1 − t/(total − warmup))^power.

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; the message says what is legal.
    """
    final = _fraction("final", final, open_low=False)
    return _schedule(POLYNOMIAL, warmup, total, a=final, b=_positive("power", power), warmup_start=warmup_start)


def inverse_time(
    rate: float, power: float = 1.0, every: int = 1, warmup: int = 0, warmup_start: float | None = None
) -> Schedule:
    """Let lr fall as a power of 1/(1 + rate t).

    Parameters
    ----------
    rate : float
        Decay per step, > 0.
    power : float
        Exponent, > 0.
    every : int
        Steps between two changes, at least 1.
    warmup : int
        Steps of linear warm-up; t is counted from its end.
    warmup_start : float, optional
        Factor at step 0, in [0, 1]: see `constant`.

    Returns
    -------
    Schedule
        (1 + rate ⌊t/every⌋)^−power.

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; the message says what is legal.

    References
    ----------
    H. Robbins & S. Monro, "A stochastic approximation method", Ann. Math. Statist. 22 (1951)
    400–407: the iterates converge for powers in (1/2, 1].
    """
    rate, power, every = _positive("rate", rate), _positive("power", power), count("every", every, 1)
    return _schedule(INVERSE_TIME, warmup, a=rate, b=power, c=every, warmup_start=warmup_start)


def warm_restarts(
    period: int,
    growth: float = 1.0,
    final: float = 0.0,
    decay: float = 1.0,
    warmup: int = 0,
    warmup_start: float | None = None,
) -> Schedule:
    """Let lr fall towards `final` along half a cosine in every cycle, and restart at the top.

    Parameters
    ----------
    period : int
        Steps of the first cycle, at least 1.
    growth : float
        Factor by which every cycle is longer than the one before, >= 1.
    final : float
        Factor that is approached, but not reached, at the end of a cycle; in [0, 1].
    decay : float
        Factor of the amplitude above `final` at every restart, in (0, 1].
    warmup : int
        Steps of linear warm-up; t is counted from its end.
    warmup_start : float, optional
        Factor at step 0, in [0, 1]: see `constant`.

    Returns
    -------
    Schedule
        final + (1 − final) decay^k (1 + cos(π s/T))/2 at the s-th step, from 0, of a cycle of T
        steps after k restarts.

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; the message says what is legal.

    References
    ----------
    I. Loshchilov & F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
    eq. 5.
    """
    period, growth = count("period", period, 1), number("growth", growth, 1.0, math.inf, open_low=False)
    final, decay = _fraction("final", final, open_low=False), _fraction("decay", decay)
    schedule = _schedule(WARM_RESTARTS, warmup, None, final, growth, decay, warmup_start)
    return schedule._replace(total=period)


def inverse_sqrt(warmup: int = 1, warmup_start: float | None = None) -> Schedule:
    """Let lr rise linearly, and then fall as the inverse square root of the number of steps.

    Parameters
    ----------
    warmup : int
        Steps until the peak, at least 1.
    warmup_start : float, optional
        Factor at step 0, in [0, 1]. With it the peak is at step `warmup`, and √(warmup/t) follows.

    Returns
    -------
    Schedule
        min((t + 1)/warmup, √(warmup/(t + 1))).

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; the message says what is legal.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NIPS 2017, eq. 3, scaled to a peak of 1.
    """
    return _schedule(INVERSE_SQRT, count("warmup", warmup, 1), warmup_start=warmup_start)


def one_cycle(
    total: int | None = None, rise: float = 0.3, start: float = 1 / 25, final: float = 1 / 250_000
) -> Schedule:
    """Let lr rise from `start` to 1 and fall to `final`, along half cosines.

    Parameters
    ----------
    total : int, optional
        Steps of the cycle; by default the length of the run.
    rise : float
        Fraction of the steps in which lr rises, in (0, 1).
    start, final : float
        First and last factor, in (0, 1].

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; the message says what is legal.

    References
    ----------
    L. N. Smith & N. Topin, "Super-convergence: very fast training of neural networks using large
    learning rates", arXiv:1708.07120 (2017). The turning points are those of PyTorch's OneCycleLR.
    """
    rise = number("rise", rise, 0.0, 1.0)
    return _schedule(ONE_CYCLE, 0, total, rise, _fraction("start", start), _fraction("final", final))
