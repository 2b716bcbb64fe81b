"""Adam and its kin: momentum over the root of a fading mean square, both corrected for their start at zero.

Sources: D. P. Kingma & J. Ba, ICLR 2015, Algorithm 1 (Adam); S. J. Reddi, S. Kale & S. Kumar, ICLR 2018, Algorithm 2
(AMSGrad); I. Loshchilov & F. Hutter, ICLR 2019, Algorithm 2 (AdamW); T. Dozat, ICLR workshop 2016 (NAdam); L. Liu et
al., ICLR 2020, Algorithm 2 (RAdam).

The mean of the gradients is kept in a, that of their squares in b and, for AMSGrad, the maximum of b in c.
"""

from typing import NamedTuple

import numpy as np

from quasinewton.methods.first_order import base as protocol
from quasinewton.methods.first_order.base import first_order
from quasinewton.numba_ext.jit import fragment


@first_order
class Adam(NamedTuple):
    """Adam: a ← β₁ a + (1 − β₁) g, b ← β₂ b + (1 − β₂) g², x ← x − lr â/(√b̂ + eps).

    Here â = a/(1 − β₁ᵗ) and b̂ = b/(1 − β₂ᵗ) at step t.

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    betas : (float, float)
        β₁ and β₂, in [0, 1).
    eps : float
        >= 0.
    weight_decay : float
        L2: weight_decay x is added to g. For decoupled decay see `AdamW`.
    """

    lr: float = 1e-3
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0


@first_order
class AMSGrad(NamedTuple):
    """AMSGrad: Adam with c ← max(c, b) in the place of b, so that no large gradient is forgotten.

    Without `bias_correction` no component's rate ever rises.

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
    bias_correction : bool
        Whether a and c are divided by 1 − βᵗ, as PyTorch does (after the maximum); the paper does not.
    """

    lr: float = 1e-3
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    bias_correction: bool = True


@first_order
class AdamW(NamedTuple):
    """Adam with decoupled weight decay: x ← (1 − lr λ) x − lr â/(√b̂ + eps).

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    betas : (float, float)
        β₁ and β₂, in [0, 1).
    eps : float
        >= 0.
    weight_decay : float
        λ, which shrinks x itself. The paper's λ is lr times this one.
    amsgrad : bool
        Whether to use the maximum of b, as in `AMSGrad`.
    """

    lr: float = 1e-3
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 1e-2
    amsgrad: bool = False


@first_order
class NAdam(NamedTuple):
    """Adam with Nesterov's momentum, on Dozat's schedule μₜ = β₁ (1 − ½ 0.96^(t ψ)).

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
    momentum_decay : float
        ψ, >= 0.
    """

    lr: float = 2e-3
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum_decay: float = 4e-3


@first_order
class RAdam(NamedTuple):
    """Rectified Adam: steps along â alone until enough squares are known to divide by their root.

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

    lr: float = 1e-3
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0


@protocol.decoupled.register(AdamW)
def _decoupled(method):
    return True


def _two(method):
    return True, True, False, 0.0


for kind in (Adam, NAdam, RAdam):
    protocol.vectors.register(kind)(_two)


@protocol.vectors.register(AMSGrad)
def _three(method):
    return True, True, True, 0.0


@protocol.vectors.register(AdamW)
def _two_or_three(method):
    return True, True, method.amsgrad != 0, 0.0


@fragment
def corrections(betas, s):
    """(1 − β₁ᵗ, √(1 − β₂ᵗ)); the powers in the record STEP are moved on to this step."""
    s.power1 *= betas[0]
    s.power2 *= betas[1]
    return 1.0 - s.power1, np.sqrt(1.0 - s.power2)


@fragment
def descend(x, g, memory, betas, eps, lr, root, l2, keep):
    """x ← keep x − lr a/(√b/root + eps), after g + l2 x has entered the means a and b.

    With a vector c in the memory, c ← max(c, b) stands for b.
    """
    a, b, c = memory.a, memory.b, memory.c
    beta1, beta2 = betas
    maximal = c.size > 0
    scale = 1.0 / root
    for i in range(x.size):
        d = g[i] + l2 * x[i]
        a_i = a[i] + (1.0 - beta1) * (d - a[i])
        b_i = beta2 * b[i] + (1.0 - beta2) * d * d
        a[i], b[i] = a_i, b_i
        if maximal:
            b_i = c[i] = max(c[i], b_i)
        q = np.sqrt(b_i) * scale + eps
        x[i] = keep * x[i] - lr * (a_i / (q if q > 0.0 else 1.0))  # 0/0 is no step


@protocol.step.register(Adam)
def _adam(method, memory, x, g, lr, decay):
    first, root = corrections(method.betas, memory.record[0])
    descend(x, g, memory, method.betas, method.eps, lr / first, root, decay, 1.0)


@protocol.step.register(AMSGrad)
def _amsgrad(method, memory, x, g, lr, decay):
    first, root = corrections(method.betas, memory.record[0]) if method.bias_correction else (1.0, 1.0)
    descend(x, g, memory, method.betas, method.eps, lr / first, root, decay, 1.0)


@protocol.step.register(AdamW)
def _adamw(method, memory, x, g, lr, decay):
    first, root = corrections(method.betas, memory.record[0])
    descend(x, g, memory, method.betas, method.eps, lr / first, root, 0.0, 1.0 - lr * decay)


@protocol.step.register(NAdam)
def _nadam(method, memory, x, g, lr, decay):
    s, a, b = memory.record[0], memory.a, memory.b
    beta1, beta2 = method.betas
    _, root = corrections(method.betas, s)
    mu = beta1 * (1.0 - 0.5 * 0.96 ** (s.t * method.momentum_decay))
    mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((s.t + 1) * method.momentum_decay))
    s.product *= mu
    now, ahead = lr * (1.0 - mu) / (1.0 - s.product), lr * mu_next / (1.0 - s.product * mu_next)
    scale = 1.0 / root
    for i in range(x.size):
        d = g[i] + decay * x[i]
        a_i = a[i] + (1.0 - beta1) * (d - a[i])
        b_i = beta2 * b[i] + (1.0 - beta2) * d * d
        a[i], b[i] = a_i, b_i
        q = np.sqrt(b_i) * scale + method.eps
        x[i] -= (now * d + ahead * a_i) / (q if q > 0.0 else 1.0)  # 0/0 is no step


@protocol.step.register(RAdam)
def _radam(method, memory, x, g, lr, decay):
    s, a, b = memory.record[0], memory.a, memory.b
    beta1, beta2 = method.betas
    first, root = corrections(method.betas, s)
    # The length of the average that b is, in the limit and now; below 5 its variance is not to be had.
    limit = 2.0 / (1.0 - beta2) - 1.0
    length = limit - 2.0 * s.t * s.power2 / (1.0 - s.power2)
    rectified = length > 5.0
    lr = lr / first
    if rectified:
        ratio = (length - 4.0) * (length - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * length)
        lr *= np.sqrt(ratio) * root
    for i in range(x.size):
        d = g[i] + decay * x[i]
        a_i = a[i] + (1.0 - beta1) * (d - a[i])
        b_i = beta2 * b[i] + (1.0 - beta2) * d * d
        a[i], b[i] = a_i, b_i
        q = np.sqrt(b_i) + method.eps if rectified else 1.0
        x[i] -= lr * (a_i / (q if q > 0.0 else 1.0))  # 0/0 is no step
