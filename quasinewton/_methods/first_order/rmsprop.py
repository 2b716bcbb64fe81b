"""RMSprop: AdaGrad with an exponential average of g² in the place of the sum.

Sources: G. Hinton, Neural Networks for Machine Learning, lecture 6e (2012); A. Graves,
arXiv:1308.0850 (2013), eqs. 38–45, for the centred form.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._methods.first_order import base as protocol
from quasinewton._methods.first_order.base import first_order, placed


@first_order
class RMSprop(NamedTuple):
    """RMSprop: a ← α a + (1 − α) g², x ← x − lr g/(√a + eps).

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    alpha : float
        Decay rate of the mean square, in [0, 1). (The papers call the step size alpha.)
    eps : float
        Added in the denominator, >= 0.
    weight_decay : float
        λ: λ x is added to g.
    decoupled : bool
        If True, x is multiplied by 1 − lr λ instead.
    momentum : float
        In [0, 1). With it c ← momentum c + g/(√a + eps), x ← x − lr c.
    centered : bool
        If True, √a is replaced by the standard deviation √(a − b²), b ← α b + (1 − α) g.
    eps_in_sqrt : bool
        If True, √(a + eps) replaces √a + eps.
    initial_accumulator_value : float
        a at the start, >= 0.
    bias_correction : bool
        If True, a and b are divided by 1 − αᵗ at step t, where they are used.
    lr_in_buffer : bool
        If True, lr multiplies g/(√a + eps) as it enters c, so that a change of lr does not affect
        what c holds already.
    nesterov : bool
        If True, x ← x − lr (q + momentum c), where q = g/(√a + eps) and c has just been updated.
    """

    lr: float = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False
    decoupled: bool = False
    eps_in_sqrt: bool = False
    initial_accumulator_value: float = 0.0
    bias_correction: bool = False
    lr_in_buffer: bool = False
    nesterov: bool = False


@protocol.vectors.register(RMSprop)
def _vectors(method):
    return True, method.centered != 0, method.momentum > 0.0, method.initial_accumulator_value


@protocol.step.register(RMSprop)
def _step(method, memory, x, g, lr, l2, keep):
    s, a, b, c = memory.record[0], memory.a, memory.b, memory.c
    alpha, mu, nesterov = method.alpha, method.momentum, method.nesterov != 0
    momentum, centered = c.size > 0, b.size > 0
    s.power1 *= alpha
    scale = 1.0 / (1.0 - s.power1) if method.bias_correction else 1.0
    inner, outer = (method.eps, 0.0) if method.eps_in_sqrt else (0.0, method.eps)
    inside, outside = placed(lr, method.lr_in_buffer)
    for i in range(x.size):
        d = g[i] + l2 * x[i]
        a_i = alpha * a[i] + (1.0 - alpha) * d * d
        a[i] = a_i
        a_i *= scale
        if centered:
            b_i = b[i] + (1.0 - alpha) * (d - b[i])
            b[i] = b_i
            b_i *= scale
            a_i = max(a_i - b_i * b_i, 0.0)  # a variance, which rounding may make negative
        q = np.sqrt(a_i + inner) + outer
        d = inside * (d / (q if q > 0.0 else 1.0))  # 0/0 is taken as 0
        if momentum:
            c_i = d + mu * c[i]
            c[i] = c_i
            d = d + mu * c_i if nesterov else c_i
        x[i] = keep * x[i] - outside * d
