"""AdaGrad: a learning rate for each component, which decreases with the sum of its g².

Source: J. Duchi, E. Hazan & Y. Singer, J. Mach. Learn. Res. 12 (2011) 2121–2159, the diagonal form.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._methods.first_order import base as protocol
from quasinewton._methods.first_order.base import first_order


@first_order
class AdaGrad(NamedTuple):
    """AdaGrad: a ← a + g², x ← x − lr/(1 + (t − 1) lr_decay) g/(√a + eps).

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    lr_decay : float
        Rate at which lr decreases with the step number t, >= 0.
    weight_decay : float
        λ: λ x is added to g.
    initial_accumulator_value : float
        a at the start, >= 0.
    eps : float
        Added in the denominator, >= 0.
    decoupled : bool
        If True, x is multiplied by 1 − lr λ instead; lr_decay does not affect this factor.
    """

    lr: float = 1e-2
    lr_decay: float = 0.0
    weight_decay: float = 0.0
    initial_accumulator_value: float = 0.0
    eps: float = 1e-10
    decoupled: bool = False


@protocol.vectors.register(AdaGrad)
def _vectors(method):
    return True, False, False, method.initial_accumulator_value


@protocol.step.register(AdaGrad)
def _step(method, memory, x, g, lr, l2, keep):
    a, eps = memory.a, method.eps
    lr = lr / (1.0 + (memory.record[0].t - 1) * method.lr_decay)
    for i in range(x.size):
        d = g[i] + l2 * x[i]
        a_i = a[i] + d * d
        a[i] = a_i
        q = np.sqrt(a_i) + eps
        x[i] = keep * x[i] - lr * (d / (q if q > 0.0 else 1.0))  # 0/0 is taken as 0
