"""AdaMax: Adam with the maximum in place of the root mean square.

Source: D. P. Kingma & J. Ba, ICLR 2015, Algorithm 2.
"""

from typing import NamedTuple

from quasinewton._methods.first_order import base as protocol
from quasinewton._methods.first_order.base import first_order


@first_order
class AdaMax(NamedTuple):
    """AdaMax: a ← β₁ a + (1 − β₁) g, b ← max(β₂ b, |g| + eps), x ← x − lr/(1 − β₁ᵗ) a/b.

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    betas : (float, float)
        β₁ and β₂, in [0, 1).
    eps : float
        Keeps the denominator positive, >= 0.
    weight_decay : float
        λ: λ x is added to g.
    decoupled : bool
        If True, x is multiplied by 1 − lr λ instead.
    eps_after_max : bool
        If True, eps is added to b when a is divided by it, and not to |g| in the update of b.
    bias_correction : bool
        If True, a is divided by 1 − β₁ᵗ.
    """

    lr: float = 2e-3
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False
    eps_after_max: bool = False
    bias_correction: bool = True


@protocol.vectors.register(AdaMax)
def _vectors(method):
    return True, True, False, 0.0


@protocol.step.register(AdaMax)
def _step(method, memory, x, g, lr, l2, keep):
    s, a, b = memory.record[0], memory.a, memory.b
    beta1, beta2 = method.betas
    s.power1 *= beta1
    if method.bias_correction:
        lr = lr / (1.0 - s.power1)
    inner, outer = (0.0, method.eps) if method.eps_after_max else (method.eps, 0.0)
    for i in range(x.size):
        d = g[i] + l2 * x[i]
        a_i = a[i] + (1.0 - beta1) * (d - a[i])
        b_i = max(beta2 * b[i], abs(d) + inner)
        a[i], b[i] = a_i, b_i
        q = b_i + outer
        x[i] = keep * x[i] - lr * (a_i / (q if q > 0.0 else 1.0))  # 0/0 is taken as 0
