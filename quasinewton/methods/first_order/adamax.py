"""AdaMax: Adam with the maximum in place of the root mean square.

Source: D. P. Kingma & J. Ba, ICLR 2015, Algorithm 2.
"""

from typing import NamedTuple

from quasinewton.methods.first_order import base as protocol
from quasinewton.methods.first_order.base import first_order


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
        >= 0.
    weight_decay : float
        L2: weight_decay x is added to g.
    """

    lr: float = 2e-3
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0


@protocol.vectors.register(AdaMax)
def _vectors(method):
    return True, True, False, 0.0


@protocol.step.register(AdaMax)
def _step(method, memory, x, g, lr, decay):
    s, a, b, eps = memory.record[0], memory.a, memory.b, method.eps
    beta1, beta2 = method.betas
    s.power1 *= beta1
    lr = lr / (1.0 - s.power1)
    for i in range(x.size):
        d = g[i] + decay * x[i]
        a_i = a[i] + (1.0 - beta1) * (d - a[i])
        b_i = max(beta2 * b[i], abs(d) + eps)
        a[i], b[i] = a_i, b_i
        x[i] -= lr * (a_i / (b_i if b_i > 0.0 else 1.0))  # 0/0 is no step
