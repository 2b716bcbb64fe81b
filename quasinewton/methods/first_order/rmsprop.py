"""RMSprop: AdaGrad with a memory that fades.

Sources: G. Hinton, Neural Networks for Machine Learning, lecture 6e (2012); A. Graves, arXiv:1308.0850 (2013), eqs.
38–45, for the centred form.
"""

from typing import NamedTuple

import numpy as np

from quasinewton.methods.first_order import base as protocol
from quasinewton.methods.first_order.base import first_order


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
        >= 0.
    weight_decay : float
        L2: weight_decay x is added to g.
    momentum : float
        In [0, 1). With it c ← momentum c + g/(√a + eps), x ← x − lr c.
    centered : bool
        Whether √a is replaced by the standard deviation √(a − b²), b ← α b + (1 − α) g.
    """

    lr: float = 1e-2
    alpha: float = 0.99
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum: float = 0.0
    centered: bool = False


@protocol.vectors.register(RMSprop)
def _vectors(method):
    return True, method.centered != 0, method.momentum > 0.0, 0.0


@protocol.step.register(RMSprop)
def _step(method, memory, x, g, lr, decay):
    a, b, c = memory.a, memory.b, memory.c
    alpha, eps = method.alpha, method.eps
    momentum, centered = c.size > 0, b.size > 0
    for i in range(x.size):
        d = g[i] + decay * x[i]
        a_i = alpha * a[i] + (1.0 - alpha) * d * d
        a[i] = a_i
        if centered:
            b_i = b[i] + (1.0 - alpha) * (d - b[i])
            b[i] = b_i
            a_i = max(a_i - b_i * b_i, 0.0)  # a variance, which rounding may make negative
        q = np.sqrt(a_i) + eps
        d /= q if q > 0.0 else 1.0  # 0/0 is no step
        if momentum:
            d += method.momentum * c[i]
            c[i] = d
        x[i] -= lr * d
