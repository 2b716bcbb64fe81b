"""Slopes of f along the last direction of a run, by differences over shorter and shorter steps.

They show whether the gradient agrees with f, whether f has a kink close to x, and how far around x
f is as its slopes at x say.
"""

import math
from typing import NamedTuple

import numpy as np

from quasinewton._floats import EPSILON
from quasinewton._line_searches.protocol import NOISE
from quasinewton._loops.state import State
from quasinewton._methods import protocol as methods
from quasinewton._numba_ext.jit import kernel
from quasinewton._numba_ext.linalg import negate
from quasinewton._objective.build import Prepared
from quasinewton._objective.interface import VALUE, Objective, attempt

DISAGREEING = 0.01  # fraction of a slope; slopes that differ by more disagree
# A slope is measured over shorter and shorter steps, until rounding is BLURRED times it.
SHORTENINGS, SHORTER, BLURRED = 10, 64.0, 0.1
NEARBY = 1e-5  # relative to each variable; a kink within this distance is one at x
ROUGHEST = 1e-6  # relative to f; rounding from which the first of these steps no longer grows


@kernel
def value_along(
    objective: Objective,
    method: NamedTuple,
    memory: NamedTuple,
    x: np.ndarray,
    p: np.ndarray,
    alpha: float,
    point: np.ndarray,
    g: np.ndarray,
) -> float:
    """Return f(x + alpha p); `point` and g are workspace, shape (n,), overwritten."""
    methods.place(method, memory, x, alpha, p, point)
    return attempt(objective.address, point, g, g, VALUE, objective.data, True)


@kernel
def largest_steps(method: NamedTuple, memory: NamedTuple, x: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """Return the largest feasible steps along p and −p; p is overwritten and restored."""
    ahead = methods.longest(method, memory, x, p)
    negate(p, p)
    behind = methods.longest(method, memory, x, p)
    negate(p, p)
    return ahead, behind


class Slopes(NamedTuple):
    """Slopes of f over steps of length `h` along p.

    `backward` is NaN if there is no room behind x. `central` is of second order, and `rounding` the
    error of all of them by the rounding of f.
    """

    h: float
    forward: float
    backward: float
    central: float
    rounding: float

    @property
    def finite(self) -> bool:
        """True if f is finite at all points of the differences."""
        return math.isfinite(self.forward) and math.isfinite(self.central)

    @property
    def gap(self) -> float:
        """The distance between the slopes ahead and behind."""
        return abs(self.forward - self.backward)

    def is_blurred(self, slope: float) -> bool:
        """Return True if rounding leaves too little of the slopes, as measured by g·p."""
        return self.finite and self.rounding > BLURRED * max(abs(slope), abs(self.central))

    def agrees(self, slope: float) -> bool:
        """Return True if the slope g·p agrees with that of f."""
        error = DISAGREEING * max(abs(slope), abs(self.central)) + self.rounding
        return self.finite and abs(self.central - slope) <= error

    def bends(self, slope: float) -> bool:
        """Return True if f rises on both sides, by more than half of the slope g·p together."""
        return self.forward > -self.rounding and self.backward < self.rounding and self.gap > 0.5 * abs(slope)

    def is_kink(self, longer: "Slopes | None") -> bool:
        """Return True if the gap is about that at a longer step.

        Curvature makes the gap shrink in proportion to the step, and a jump of f makes it grow; at
        a kink it stays within a factor of 2, though the step is much shorter.
        """
        if longer is None or not longer.finite:
            return False
        return 0.5 * longer.gap <= self.gap <= 2.0 * longer.gap and longer.gap > 4.0 * self.rounding


class LastDirection:
    """The line x + alpha p of a run that ended in a failed search, and the values of f on it.

    `slope` is g·p. `lower` holds the values below f(x) that were met, and their steps.
    """

    def __init__(self, prepared: Prepared, method: NamedTuple, state: State) -> None:
        s = state.scalars[0]
        self.prepared, self.method, self.state = prepared, method, state
        self.x, self.p, self.f = state.x, state.p, float(s["f"])
        self.slope, self.coarse = float(state.g @ state.p), max(EPSILON, float(s["rough"]) / NOISE)
        self.lower: list[tuple[float, float]] = []
        self.point, self.work = np.empty_like(self.x), np.empty_like(self.x)
        size = max(1.0, float(np.abs(self.x).max())) / max(float(np.abs(self.p).max()), np.finfo(float).tiny)
        ahead, behind = largest_steps(method, state.memory, self.x, self.p)
        h = min(min(self.coarse, ROUGHEST) ** (1 / 3) * size, ahead)
        # Without room behind (x is at a bound) one-sided differences use two points ahead.
        self.both = behind >= h
        self.longest = h if self.both else min(h, 0.5 * ahead)

    def value(self, alpha: float) -> float:
        """Return f(x + alpha p); it counts as an evaluation of the run."""
        self.state.scalars[0]["nfev"] += 1
        objective, memory = self.prepared.objective, self.state.memory
        return value_along(objective, self.method, memory, self.x, self.p, alpha, self.point, self.work)

    def slopes(self, h: float) -> Slopes:
        """Return the slopes over steps of length h."""
        f, steps = self.f, (h, -h if self.both else 2.0 * h)
        ahead, other = map(self.value, steps)
        self.lower.extend((value, alpha) for value, alpha in zip((ahead, other), steps, strict=True) if value < f)
        rounding = 4 * max(self.coarse * abs(f), EPSILON * abs(ahead), EPSILON * abs(other)) / h
        if self.both:
            return Slopes(h, (ahead - f) / h, (f - other) / h, (ahead - other) / (2 * h), rounding)
        return Slopes(h, (ahead - f) / h, math.nan, (4 * ahead - 3 * f - other) / (2 * h), rounding)

    def nearby(self, h: float) -> bool:
        """Return True if a step h changes no variable by more than NEARBY times its size."""
        x, start = self.x, float(self.state.scalars[0]["x0_norm"])
        known = np.abs(x) > EPSILON * start  # else it is 0, but for rounding
        sizes = np.where(known, np.abs(x), max(start, float(np.abs(x).max())) or 1.0)
        return bool(np.all(h * np.abs(self.p) <= NEARBY * sizes))

    def examine(self) -> tuple[Slopes, Slopes, bool]:
        """Measure slopes over shorter and shorter steps.

        The first step suits variables of the size of x. It is too long if f is not finite there, or
        if at a shorter one, where rounding leaves enough of the slope, the gradient agrees with f.
        A kink shows at all steps that are longer than its distance.

        Returns
        -------
        (Slopes, Slopes, bool)
            Those that say most, those over the longest step, and True if f has a kink at x.
        """
        first = best = now = self.slopes(self.longest)
        last, kink = None, False
        for k in range(SHORTENINGS):
            if k > 0:
                last, now = now, self.slopes(now.h / SHORTER)
            bends, blurred = now.bends(self.slope), now.is_blurred(self.slope)
            kink = now.finite and bends and self.nearby(now.h) and now.is_kink(last)
            # A step that rounding blurs says more than the one before only if that was too long.
            if not best.finite or not blurred or abs(now.central - best.central) > now.rounding:
                best = now
            if kink or blurred or (now.agrees(self.slope) and not bends):
                break
        return best, first, kink
