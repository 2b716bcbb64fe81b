"""Estimates of the noise floor of f, and of difference steps that balance noise and truncation.

Noise is the level at which differences of neighbouring values cease to decrease with their order:
ECnoise (Moré & Wild, SIAM J. Sci. Comput. 33, 2011, section 5). A step balances the error ε_f/h
that noise ε_f causes in a difference with the truncation error (Moré & Wild, ACM Trans. Math.
Softw. 38, 2012; Nocedal & Wright, 2006, section 8.1), which is estimated from two differences of
different steps: for central differences it is C h², so that h³ = ε_f / 2C.
"""

import numpy as np

from quasinewton._floats import EPSILON
from quasinewton._numba_ext.jit import fragment, kernel
from quasinewton._objective.box import clipped
from quasinewton._objective.finite_differences import (
    ROOT3,
    beside,
    is_central,
    is_fixed,
    root,
    scales,
    turned,
)
from quasinewton._objective.interface import VALUE, attempt

COUNT = 7  # values; sample of a noise estimate; Moré & Wild (2011, section 5) find six to eight enough
# Relative to the scales of the variables; spacings of the values, tried until one shows noise.
SPACINGS = np.array([1e-10, 1e-7, 1e-4, 1e-2])
TRIES = 6  # spacings; most that are tried, including finer ones after one that was too wide
ALIKE = 4.0  # ratio; three levels of differences that agree within it are noise (ibid., section 4)
# Fraction of the sum of squared differences of neighbours; noise is spread over all of them, so a
# single one that makes up more is a jump of f.
DOMINANT = 0.9
SEEN_ROUNDING = 16.0  # multiple of ε|f|; values that should differ by more, but do not, are stairs

ROUNDS = 14  # iterations; limit of the search for a step
SHORTER = 4.0  # ratio; the second of two compared steps is shorter by it
LONGER = 8.0  # ratio; a step in which noise dominates grows by it
APART = 10.0  # in units of ε_f/h; two differences further apart show truncation
LONGEST = 0.1  # in units of max(1, |x_i|); longest step of a difference
# Ratio of the second differences of two compared steps: SHORTER² if curvature is constant, SHORTER
# at a kink, and 1 where the longer step leads out of the region that f(x) belongs to. Steps below
# this ratio are too long.
SATURATED = 3.0

# γ_k = (k!)² / (2k)!: the variance of noise over that of its differences of order k.
GAMMA = np.array([1.0, 1 / 2, 1 / 6, 1 / 20, 1 / 70, 1 / 252, 1 / 924])


@fragment
def value_near(objective, x, t, reach, low, high, size, point):
    """Return f at distance t along a fixed direction that moves each variable by its size.

    Distances go up to `reach` either way. Near a bound the line is shifted inwards, since points
    that a bound holds back would show stairs. `point` is overwritten.
    """
    for i in range(x.size):
        sign = 1.0 - 2.0 * ((i * 7919 + 3) % 5 % 2)
        length = size[i] * (1.0 - 0.5 * ((i * 31) % 7) / 7.0)
        middle = x[i]
        if low.size:
            middle = min(max(middle, low[i] + reach * length), high[i] - reach * length)
        point[i] = middle + sign * t * length
        if low.size:
            point[i] = clipped(point[i], low[i], high[i])
    return attempt(objective.address, point, point, point, VALUE, objective.data, True)


@kernel
def noise_near(objective, x, low, high, size, point, table):
    """Estimate the noise of f near x.

    Parameters
    ----------
    objective : Objective
    x : ndarray, float64, shape (n,)
    low, high : ndarray, float64, shape (n,) or (0,)
        Bounds of all points; length 0 if there are none.
    size : ndarray, float64, shape (n,)
        Scales of the variables.
    point : ndarray, float64, shape (n,)
        Workspace.
    table : ndarray, float64, shape (COUNT,)
        Workspace.

    Returns
    -------
    (float, int)
        The noise as a standard deviation, and the number of values evaluated. The noise is 0 if f
        does not change at all, and NaN if values are not finite or their differences reach no
        level. That of stairs is the height of a stair.
    """
    at, finer, count = 0, 1.0, 0
    coarser = np.inf  # noise at the spacing before
    flat = 0.0  # widest spacing at which all values were equal
    stair = 0.0  # least change of neighbouring values at the last spacing at which most of them changed
    for _ in range(TRIES):
        spacing = SPACINGS[at] * finer
        least, greatest, reach = np.inf, -np.inf, COUNT // 2 * spacing
        for k in range(COUNT):
            table[k] = value_near(objective, x, k * spacing - reach, reach, low, high, size, point)
            least, greatest = min(least, table[k]), max(greatest, table[k])
        count += COUNT
        if not (np.isfinite(least) and np.isfinite(greatest)):
            return np.nan, count
        still, lowest = 0, np.inf
        for k in range(COUNT - 1):
            still += table[k + 1] == table[k]
            lowest = min(lowest, abs(table[k + 1] - table[k])) if table[k + 1] != table[k] else lowest
        if 2 * still >= COUNT - 1:  # The spacing is too fine: most values are equal.
            if at + 1 == SPACINGS.size or finer < 1.0:
                return (stair if still == COUNT - 1 else greatest - least), count
            flat = spacing if still == COUNT - 1 else flat
            at += 1
            continue
        stair = lowest
        # Where f is much larger than at x, so is its rounding. Unlike noise it falls with the
        # spacing, so another spacing tells. If values differ by more than |f|/ε², x is a zero of f
        # to its own rounding, even where f rises with the fourth power of the distance.
        center = abs(table[COUNT // 2])
        wide = center < greatest - least <= center / (EPSILON * EPSILON)
        noise = level_of(table)
        # A smooth f, even at a stationary point, would have changed at the spacing at which it was
        # flat. As it has not, its values are those of stairs, which a finer spacing shows.
        smooth = (greatest - least) / (COUNT - 1) * (flat / spacing) ** 2
        if noise >= 0.0 and smooth <= max(noise, SEEN_ROUNDING * EPSILON * center):
            if not wide or ALIKE * noise >= coarser:
                return min(noise, coarser), count
            coarser = noise
        finer *= 0.1  # the values still show the variation of f itself
    if flat > 0.0 and coarser == np.inf:
        return stair, count
    return coarser if coarser < np.inf else np.nan, count


@fragment
def level_of(table):
    """Return the level at which differences of the values cease to decrease; −1 if there is none.

    There is none if f jumps between two of the values. `table` is overwritten.
    """
    levels = np.zeros(COUNT)
    turns = np.zeros(COUNT)
    for order in range(1, COUNT):
        total, largest, positive, negative = 0.0, 0.0, False, False
        for k in range(COUNT - order):
            table[k] = table[k + 1] - table[k]
            total += table[k] * table[k]
            largest = max(largest, table[k] * table[k])
            positive |= table[k] > 0.0
            negative |= table[k] < 0.0
        if order == 1 and largest > DOMINANT * total:
            return -1.0
        levels[order] = np.sqrt(GAMMA[order] * total / (COUNT - order))
        turns[order] = positive and negative
    for order in range(1, COUNT - 2):
        first, second, third = levels[order], levels[order + 1], levels[order + 2]
        if turns[order] and max(first, second, third) <= ALIKE * min(first, second, third):
            return first
    return -1.0


@fragment
def slope(w, objective, x, f, i, h, point):
    """Return the difference quotient of second order along x_i, its step and |second difference|.

    Values are those of `objective`, not of the objective that w wraps; the bounds of w apply.
    """
    both = is_central(w, x, i, h)
    h = h if both else turned(w, x, i, h, 2.0)
    beside(w, x, i, h, point)
    ahead = attempt(objective.address, point, point, point, VALUE, objective.data, True)
    beside(w, x, i, -h if both else 2.0 * h, point)
    other = attempt(objective.address, point, point, point, VALUE, objective.data, True)
    if both:
        return (ahead - other) / (2.0 * h), h, abs(ahead - 2.0 * f + other)
    return (4.0 * ahead - 3.0 * f - other) / (2.0 * h), h, abs(f - 2.0 * ahead + other)


@fragment
def clear_step(w, objective, x, f, i, noise, enough, h, point):
    """Find a difference step along x_i for which noise and truncation are both small.

    The search begins with h. A step at which the error ε_f/h of the slope is at most `enough` need
    not grow. Returns the step, 0 if there is none, and the number of values evaluated.
    """
    count = 2
    near, h, bend = slope(w, objective, x, f, i, h, point)
    longest = LONGEST * max(1.0, abs(x[i]))
    shrunk = saturated = False
    # The step before it was shortened, and how far apart the slopes were. Truncation falls with the
    # step. If the slopes do not come closer, or f no longer changes at all, it was noise.
    before, apart_before = 0.0, np.inf
    for _ in range(ROUNDS):
        if h == 0.0:
            return 0.0, count
        if not np.isfinite(near):
            near, h, bend = slope(w, objective, x, f, i, h / 16.0, point)
            count += 2
            shrunk = True
            continue
        closer, short, bend_closer = slope(w, objective, x, f, i, h / SHORTER, point)
        count += 2
        apart = abs(near - closer)
        if before > 0.0 and (apart >= apart_before or near == closer == bend_closer == 0.0):
            return before, count
        saturated = bend_closer > APART * noise and bend < SATURATED * bend_closer
        if saturated:
            before, apart_before = abs(h), np.inf
            near, h, bend = slope(w, objective, x, f, i, h / 16.0, point)
            count += 2
            shrunk = True
            continue
        if not np.isfinite(apart):
            return abs(h), count
        if apart > APART * noise / abs(short):
            best = (0.5 * noise * h * h / apart) ** (1.0 / 3.0)
            if best >= 0.5 * abs(short):
                return min(best, abs(h)), count
            before, apart_before = abs(h), apart
            near, h, bend = slope(w, objective, x, f, i, max(best, abs(h) / 1000.0), point)
            count += 2
            shrunk = True
        elif shrunk or noise / abs(h) <= enough or LONGER * abs(h) > longest:
            return abs(h), count
        else:
            far, long, bend_far = slope(w, objective, x, f, i, LONGER * abs(h), point)
            count += 2
            apart = abs(far - near)
            if not apart <= APART * noise / abs(h) or abs(long) <= abs(h):
                return abs(h), count
            near, h, bend = far, long, bend_far
    return (0.0 if saturated else abs(h)), count


@kernel
def learn_scales(w, objective, x, f, size, enough, point):
    """Estimate at x the scales of the variables for differences, from the noise in w.noise.

    Parameters
    ----------
    w : record WRAPPED
        Its scales, `f_eps`, `scaled` and `refined` are overwritten.
    objective : Objective
        The objective whose values are differenced.
    x : ndarray, float64, shape (n,)
    f : float
        f(x).
    size : float
        Size of f, to which its noise is relative.
    enough : float
        Error of a slope due to noise that is acceptable, in units f/x.
    point : ndarray, float64, shape (n,)
        Workspace.

    Returns
    -------
    int
        Number of values evaluated.
    """
    n, count = x.size, 0
    scale = scales(w, n)
    epsilon = min(max(w.noise / size if size > 0.0 else 0.0, EPSILON), 1e-3)
    for i in range(n):
        if not w.scaled:
            scale[i] = max(1.0, abs(x[i]))
        if is_fixed(w, n, i):
            continue
        begin = scale[i] * (root(epsilon, 3) if not w.refined else root(max(w.f_eps, EPSILON), 3))
        h, spent = clear_step(w, objective, x, f, i, w.noise, enough, max(begin, ROOT3 * 1e-12), point)
        count += spent
        if h > 0.0:
            scale[i] = h / root(epsilon, 3)
    w.f_eps, w.scaled = epsilon, 1
    w.refined += 1
    return count
