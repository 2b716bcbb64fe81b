"""Lion: steps along the sign of an interpolated momentum.

Source: X. Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, Algorithm 2.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._methods.first_order import base as protocol
from quasinewton._methods.first_order.base import first_order


@first_order
class Lion(NamedTuple):
    """Lion: x ← (1 − lr λ) x − lr sign(β₁ a + (1 − β₁) g), a ← β₂ a + (1 − β₂) g.

    Parameters
    ----------
    lr : float
        Rate, >= 0, which is the length of the step in every component.
    betas : (float, float)
        β₁ and β₂, in [0, 1).
    weight_decay : float
        λ, which shrinks x itself.
    decoupled : bool
        If False, λ x is added to g instead.
    """

    lr: float = 1e-4
    betas: tuple = (0.9, 0.99)
    weight_decay: float = 0.0
    decoupled: bool = True


@protocol.vectors.register(Lion)
def _vectors(method):
    return True, False, False, 0.0


@protocol.step.register(Lion)
def _step(method, memory, x, g, lr, l2, keep):
    a = memory.a
    beta1, beta2 = method.betas
    for i in range(x.size):
        d = g[i] + l2 * x[i]
        x[i] = keep * x[i] - lr * np.sign(beta1 * a[i] + (1.0 - beta1) * d)
        a[i] = beta2 * a[i] + (1.0 - beta2) * d
