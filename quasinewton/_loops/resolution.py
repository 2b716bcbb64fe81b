"""Test of whether rounding of the variables explains a gradient.

The gradient at x cannot be known better than the variables: x stands for all points within its
rounding. If the gradient changes by its own size over them, one of them may be stationary, and
neither f nor g leads on from x. For a linear gradient this is the componentwise backward error of
x as a solution of g(x) = 0 (Oettli & Prager, Numer. Math. 6, 1964; Higham, Accuracy and Stability
of Numerical Algorithms, 2nd ed., 2002, theorem 7.3), with ε|H||x| replaced by a sample. Unlike a
bound on ‖g‖ or on f, the test is invariant under f + c, a f and changes of the variables' units.
"""

import numpy as np

from quasinewton._floats import EPSILON
from quasinewton._line_searches.protocol import NOISE
from quasinewton._loops.difference_limits import counted_trial
from quasinewton._numba_ext.jit import fragment
from quasinewton._objective.box import clipped, is_active
from quasinewton._objective.finite_differences import wrapped_at
from quasinewton._objective.interface import GRADIENT

# Multiple of NOISE ε|x|. Over a step longer by this factor a gradient changes by this factor more
# if it is continuous, and by the same jump at a kink.
FARTHER = 16.0
PATTERNS = 2  # count; patterns of signs, since a sum of changes may cancel for one of them


@fragment
def coarseness(objective):
    """Return the relative rounding of a gradient: that of its type, at least ε."""
    return max(EPSILON, wrapped_at(objective.precision).g_eps) if objective.precision else EPSILON


@fragment
def beside_x(x, length, pattern, low, high, point):
    """Write x, each variable moved by up to `length` relative to its size, to `point`.

    Lengths vary from one variable to the next, and so do signs, alternately in the second pattern:
    otherwise changes of a gradient that depends on differences of neighbours could cancel.
    """
    for i in range(x.size):
        sign = 1.0 - 2.0 * ((i * 7919 + 3) % 5 % 2)
        sign = -sign if pattern == 1 and i % 2 == 1 else sign
        point[i] = x[i] + sign * length * abs(x[i]) * (1.0 - 0.5 * ((i * 31) % 7) / 7.0)
        if low.size:
            point[i] = clipped(point[i], low[i], high[i])


@fragment
def is_rounding(objective, s, x, g, low, high, point, gradient):
    """Return True if rounding of the variables explains the gradient at x.

    Parameters
    ----------
    objective : Objective
    s : record SCALARS
        Its counts are updated.
    x, g : ndarray, float64, shape (n,)
    low, high : ndarray, float64, shape (n,) or (0,)
        Bounds. A component of g that is balanced by an active bound needs no explanation.
    point, gradient : ndarray, float64, shape (n,)
        Workspace, overwritten.

    Notes
    -----
    Each component of g must be at most its change where every variable moves by NOISE ε|x_i|, which
    for variables is what the noise floor is for f. The change over a step FARTHER as long, reduced
    in proportion, must explain it as well. At a kink it does not.
    """
    n = x.size
    coarse = NOISE * coarseness(objective)
    change = np.empty(n)
    for reduced in (1.0, FARTHER):
        change.fill(0.0)
        for pattern in range(PATTERNS):
            beside_x(x, reduced * coarse, pattern, low, high, point)
            counted_trial(objective, s, point, gradient, GRADIENT)
            for i in range(n):
                change[i] = max(change[i], abs(gradient[i] - g[i]))
        for i in range(n):
            balanced = low.size and is_active(x[i], g[i], low[i], high[i])
            if not balanced and not reduced * abs(g[i]) <= change[i]:
                return False
    return True
