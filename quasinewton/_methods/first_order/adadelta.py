"""AdaDelta: steps in the units of x, from the ratio of two exponential averages of squares.

Source: M. D. Zeiler, arXiv:1212.5701 (2012), Algorithm 1.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._methods.first_order import base as protocol
from quasinewton._methods.first_order.base import first_order


@first_order
class AdaDelta(NamedTuple):
    """AdaDelta: x ← x − lr δ, with δ = √(b + eps)/√(a + eps) g.

    Before the step a ← ρ a + (1 − ρ) g², and after it b ← ρ b + (1 − ρ) δ².

    Parameters
    ----------
    lr : float
        Factor of the step, >= 0; 1 in the paper.
    rho : float
        ρ in [0, 1).
    eps : float
        Added under both roots, >= 0. It determines the length of the first steps.
    weight_decay : float
        λ: λ x is added to g.
    decoupled : bool
        If True, x is multiplied by 1 − lr λ instead.
    """

    lr: float = 1.0
    rho: float = 0.9
    eps: float = 1e-6
    weight_decay: float = 0.0
    decoupled: bool = False


@protocol.vectors.register(AdaDelta)
def _vectors(method):
    return True, True, False, 0.0


@protocol.step.register(AdaDelta)
def _step(method, memory, x, g, lr, l2, keep):
    a, b, rho, eps = memory.a, memory.b, method.rho, method.eps
    for i in range(x.size):
        d = g[i] + l2 * x[i]
        a_i = rho * a[i] + (1.0 - rho) * d * d
        a[i] = a_i
        q = a_i + eps
        delta = np.sqrt((b[i] + eps) / (q if q > 0.0 else 1.0)) * d  # 0/0 is taken as 0
        b[i] = rho * b[i] + (1.0 - rho) * delta * delta
        x[i] = keep * x[i] - lr * delta
