"""Steepest descent under bounds: the projected gradient method.

Source: A. A. Goldstein, Bull. Am. Math. Soc. 70 (1964) 709–710; E. S. Levitin and B. T. Polyak,
USSR Comput. Math. and Math. Phys. 6 (1966) 1–50. The direction (P(x − t g) − x)/t equals −g in the
variables whose step −t g is feasible; t is the first trial step of steepest descent.
"""

import numpy as np

from quasinewton._methods.bounded import wrapper as protocol
from quasinewton._methods.bounded.projection import project_gradient
from quasinewton._methods.first_trial import first_length
from quasinewton._methods.gradient_descent import GradientDescent
from quasinewton._numba_ext.linalg import norm_inf
from quasinewton._objective.box import is_active


@protocol.aim.register(GradientDescent)
def _aim(inner, memory, hessian, x, g, p):
    low, high, product = memory.low, memory.high, memory.inner.product[0]
    square = 0.0
    for i in range(x.size):
        square += 0.0 if is_active(x[i], g[i], low[i], high[i]) else g[i] * g[i]
    length = np.sqrt(square)
    t = -product / square if product != 0.0 else first_length(length, norm_inf(x)) / length
    slope = project_gradient(x, g, t, low, high, p) / t
    for i in range(x.size):
        p[i] /= t
    return slope, t
