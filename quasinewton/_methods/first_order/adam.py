"""Adam and its variants: momentum divided by the root of an exponential average of g².

Sources: D. P. Kingma & J. Ba, ICLR 2015, Algorithm 1 (Adam); S. J. Reddi, S. Kale & S. Kumar, ICLR
2018, Algorithm 2 (AMSGrad); I. Loshchilov & F. Hutter, ICLR 2019, Algorithm 2 (AdamW); T. Dozat,
ICLR workshop 2016 (NAdam); L. Liu et al., ICLR 2020, Algorithm 2 (RAdam).

a is the exponential average of the gradients, b that of their squares and, for AMSGrad, c the
maximum of b. Bias correction makes up for their start at zero.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._methods.first_order import base as protocol
from quasinewton._methods.first_order.base import first_order
from quasinewton._numba_ext.jit import fragment
from quasinewton._validation import number


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
        Added in the denominator, >= 0.
    weight_decay : float
        λ: λ x is added to g.
    decoupled : bool
        If True, x is multiplied by 1 − lr λ instead, as in `AdamW`.
    eps_hat : bool
        If True, eps is added to √b before its correction: eps/√(1 − β₂ᵗ) replaces eps.
    bias_correction : bool
        If True, a and b are divided by 1 − βᵗ.
    eps_root : float
        >= 0: √(b̂ + eps_root) replaces √b̂.
    """

    lr: float = 1e-3
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False
    eps_hat: bool = False
    bias_correction: bool = True
    eps_root: float = 0.0


@first_order
class AMSGrad(NamedTuple):
    """AMSGrad: Adam with c ← max(c, b) in place of b, so that no large gradient is forgotten.

    Without `bias_correction` the learning rate of a component never increases.

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    betas : (float, float)
        β₁ and β₂, in [0, 1).
    eps : float
        Added in the denominator, >= 0.
    weight_decay : float
        λ: λ x is added to g.
    bias_correction : bool
        If True, a and c are divided by 1 − βᵗ, as PyTorch does (after the maximum); the paper does
        not.
    decoupled : bool
        If True, x is multiplied by 1 − lr λ instead.
    eps_hat : bool
        If True, eps is added to √b before its correction: eps/√(1 − β₂ᵗ) replaces eps.
    correct_before_max : bool
        If True, b is divided by 1 − β₂ᵗ before it enters the maximum c, as Optax does.
    eps_root : float
        >= 0: √(b̂ + eps_root) replaces √b̂.
    """

    lr: float = 1e-3
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    bias_correction: bool = True
    decoupled: bool = False
    eps_hat: bool = False
    correct_before_max: bool = False
    eps_root: float = 0.0


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
        Added in the denominator, >= 0.
    weight_decay : float
        λ, which shrinks x itself. The paper's λ is lr times this one.
    amsgrad : bool
        True to use the maximum of b, as in `AMSGrad`.
    decoupled : bool
        If False, λ x is added to g instead.
    eps_hat : bool
        If True, eps is added to √b before its correction: eps/√(1 − β₂ᵗ) replaces eps.
    bias_correction : bool
        If True, a and b are divided by 1 − βᵗ.
    eps_root : float
        >= 0: √(b̂ + eps_root) replaces √b̂.
    """

    lr: float = 1e-3
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 1e-2
    amsgrad: bool = False
    decoupled: bool = True
    eps_hat: bool = False
    bias_correction: bool = True
    eps_root: float = 0.0


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
        Added in the denominator, >= 0.
    weight_decay : float
        λ: λ x is added to g.
    momentum_decay : float
        ψ, >= 0.
    decoupled : bool
        If True, x is multiplied by 1 − lr λ instead.
    eps_hat : bool
        If True, eps is added to √b before its correction: eps/√(1 − β₂ᵗ) replaces eps.
    bias_correction : bool
        If True, the gradient, a and b are corrected for the start at zero.
    constant_momentum : bool
        If True, μₜ = β₁ at every step, as in Optax; ψ then has no effect.
    correct_ahead : bool
        If True, the bias correction of a is that of step t + 1, like its weight μₜ₊₁; if False, it
        is that of step t, as in River.
    eps_root : float
        >= 0: √(b̂ + eps_root) replaces √b̂.
    """

    lr: float = 2e-3
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    momentum_decay: float = 4e-3
    decoupled: bool = False
    eps_hat: bool = False
    bias_correction: bool = True
    constant_momentum: bool = False
    correct_ahead: bool = True
    eps_root: float = 0.0


def _length(name, value):
    """Check and return a number >= 4; below 4 the variance of 1/√b is infinite."""
    return number(name, value, 4.0, np.inf, open_low=False)


@first_order(threshold=_length)
class RAdam(NamedTuple):
    """Rectified Adam: steps along â alone until b averages enough squares to divide by √b̂.

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    betas : (float, float)
        β₁ and β₂, in [0, 1).
    eps : float
        Added in the denominator, >= 0.
    weight_decay : float
        λ: λ x is added to g.
    decoupled : bool
        If True, x is multiplied by 1 − lr λ instead.
    eps_hat : bool
        If True, eps is added to √b before its correction, as in PyTorch; if False after it, as in
        Optax.
    threshold : float
        Length of the average b, >= 4, above which the step is divided by its root; 4 in the paper.
    degenerated_to_sgd : bool
        If True, steps are made along â while the average is shorter.
    """

    lr: float = 1e-3
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False
    eps_hat: bool = True
    threshold: float = 5.0
    degenerated_to_sgd: bool = True


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
def corrections(betas, s, wanted):
    """Return (1 − β₁ᵗ, √(1 − β₂ᵗ)) if `wanted`, otherwise (1, 1).

    The powers in the record STEP are updated to this step.
    """
    s.power1 *= betas[0]
    s.power2 *= betas[1]
    return (1.0 - s.power1, np.sqrt(1.0 - s.power2)) if wanted else (1.0, 1.0)


@fragment
def divisor(method, root):
    """Return (scale, inner, outer), by which â is divided as scale √(b + inner) + outer.

    This equals √(b̂ + eps_root) + eps, or, with `eps_hat`, has eps/√(1 − β₂ᵗ) in the place of eps.
    """
    scale = 1.0 / root
    return scale, method.eps_root * root * root, method.eps * scale if method.eps_hat else method.eps


@fragment
def descend(x, g, memory, betas, parts, before, lr, l2, keep):
    """Update a and b with g + l2 x, then step x ← keep x − lr a/(scale √(b + inner) + outer).

    With a vector c in the memory, c ← max(c, before b) replaces b. `parts` is (scale, inner,
    outer); see `divisor`.
    """
    a, b, c = memory.a, memory.b, memory.c
    beta1, beta2 = betas
    scale, inner, outer = parts
    maximal = c.size > 0
    for i in range(x.size):
        d = g[i] + l2 * x[i]
        a_i = a[i] + (1.0 - beta1) * (d - a[i])
        b_i = beta2 * b[i] + (1.0 - beta2) * d * d
        a[i], b[i] = a_i, b_i
        if maximal:
            b_i = c[i] = max(c[i], before * b_i)
        q = np.sqrt(b_i + inner) * scale + outer
        x[i] = keep * x[i] - lr * (a_i / (q if q > 0.0 else 1.0))  # 0/0 is taken as 0


@protocol.step.register(Adam)
def _adam(method, memory, x, g, lr, l2, keep):
    first, root = corrections(method.betas, memory.record[0], method.bias_correction)
    descend(x, g, memory, method.betas, divisor(method, root), 1.0, lr / first, l2, keep)


protocol.step.register(AdamW)(_adam)


@protocol.step.register(AMSGrad)
def _amsgrad(method, memory, x, g, lr, l2, keep):
    first, root = corrections(method.betas, memory.record[0], method.bias_correction)
    scale, inner, outer = divisor(method, root)
    before = 1.0
    if method.correct_before_max:
        before, inner, scale = scale * scale, method.eps_root, 1.0
    descend(x, g, memory, method.betas, (scale, inner, outer), before, lr / first, l2, keep)


@protocol.step.register(NAdam)
def _nadam(method, memory, x, g, lr, l2, keep):
    s, a, b = memory.record[0], memory.a, memory.b
    beta1, beta2 = method.betas
    _, root = corrections(method.betas, s, method.bias_correction)
    mu = mu_next = beta1
    if not method.constant_momentum:
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (s.t * method.momentum_decay))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((s.t + 1) * method.momentum_decay))
    s.product *= mu
    now, ahead = lr * (1.0 - mu), lr * mu_next
    if method.bias_correction:
        now = now / (1.0 - s.product)
        ahead = ahead / (1.0 - s.product * mu_next if method.correct_ahead else 1.0 - s.product)
    scale, inner, outer = divisor(method, root)
    for i in range(x.size):
        d = g[i] + l2 * x[i]
        a_i = a[i] + (1.0 - beta1) * (d - a[i])
        b_i = beta2 * b[i] + (1.0 - beta2) * d * d
        a[i], b[i] = a_i, b_i
        q = np.sqrt(b_i + inner) * scale + outer
        x[i] = keep * x[i] - (now * d + ahead * a_i) / (q if q > 0.0 else 1.0)  # 0/0 is taken as 0


@protocol.step.register(RAdam)
def _radam(method, memory, x, g, lr, l2, keep):
    s, a, b = memory.record[0], memory.a, memory.b
    beta1, beta2 = method.betas
    first, root = corrections(method.betas, s, 1)
    # Effective length of the average b, in the limit and at this step. The variance of 1/√b is
    # finite only if the length exceeds 4.
    limit = 2.0 / (1.0 - beta2) - 1.0
    length = limit - 2.0 * s.t * s.power2 / (1.0 - s.power2)
    rectified = length > method.threshold
    lr = lr / first
    if rectified:
        ratio = (length - 4.0) * (length - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * length)
        lr *= np.sqrt(ratio) * root
    elif not method.degenerated_to_sgd:
        lr = 0.0
    eps = method.eps if method.eps_hat else method.eps * root
    for i in range(x.size):
        d = g[i] + l2 * x[i]
        a_i = a[i] + (1.0 - beta1) * (d - a[i])
        b_i = beta2 * b[i] + (1.0 - beta2) * d * d
        a[i], b[i] = a_i, b_i
        q = np.sqrt(b_i) + eps if rectified else 1.0
        x[i] = keep * x[i] - lr * (a_i / (q if q > 0.0 else 1.0))  # 0/0 is taken as 0
