"""Gradient descent with a learning rate, without and with momentum: SGD, Momentum, Nesterov, SGDW.

Sources: H. Robbins & S. Monro, Ann. Math. Statist. 22 (1951) 400–407; B. T. Polyak, USSR Comput.
Math. Math. Phys. 4(5) (1964) 1–17; Yu. Nesterov, Soviet Math. Dokl. 27 (1983) 372–376, in the form
of I. Sutskever et al., ICML 2013; I. Loshchilov & F. Hutter, ICLR 2019, Algorithm 1 (SGDW). Momenta
are stored in `Moments.a`, written a.
"""

from typing import NamedTuple

from quasinewton._methods.first_order import base as protocol
from quasinewton._methods.first_order.base import first_order, placed, positive_share
from quasinewton._numba_ext.jit import fragment


@first_order
class SGD(NamedTuple):
    """Stochastic gradient descent: x ← x − lr g.

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    weight_decay : float
        λ: λ x is added to g.
    decoupled : bool
        If True, x is multiplied by 1 − lr λ instead.
    """

    lr: float = 1e-3
    weight_decay: float = 0.0
    decoupled: bool = False


@first_order
class Momentum(NamedTuple):
    """Gradient descent with Polyak's momentum: a ← μ a + (1 − ν) g, x ← x − lr a.

    At the first step a = g.

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    momentum : float
        μ in [0, 1).
    dampening : float
        ν in [0, 1].
    weight_decay : float
        λ: λ x is added to g.
    decoupled : bool
        If True, x is multiplied by 1 − lr λ instead.
    lr_in_buffer : bool
        If True, lr multiplies the gradient as it enters a, so that a change of lr does not affect
        what a holds already.
    dampen_first : bool
        If True, the first step is dampened like the others: a starts at 0.
    """

    lr: float = 1e-3
    momentum: float = 0.9
    dampening: float = 0.0
    weight_decay: float = 0.0
    decoupled: bool = False
    lr_in_buffer: bool = False
    dampen_first: bool = False


@first_order(momentum=positive_share)
class Nesterov(NamedTuple):
    """Nesterov's accelerated gradient, at the look-ahead points: a ← μ a + g, x ← x − lr (g + μ a).

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    momentum : float
        μ in (0, 1).
    weight_decay : float
        λ: λ x is added to g.
    decoupled : bool
        If True, x is multiplied by 1 − lr λ instead.
    lr_in_buffer : bool
        If True, lr multiplies the gradient as it enters a, so that a change of lr does not affect
        what a holds already.
    """

    lr: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 0.0
    decoupled: bool = False
    lr_in_buffer: bool = False


@first_order
class SGDW(NamedTuple):
    """Gradient descent with momentum and decoupled weight decay.

    a ← μ a + g, then x ← (1 − lr λ) x − lr a.

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    momentum : float
        μ in [0, 1).
    weight_decay : float
        λ, which shrinks x itself. The paper's λ is lr times this one.
    decoupled : bool
        If False, λ x is added to g instead.
    lr_in_buffer : bool
        If True, lr multiplies the gradient as it enters a, so that a change of lr does not affect
        what a holds already.
    """

    lr: float = 1e-3
    momentum: float = 0.0
    weight_decay: float = 1e-2
    decoupled: bool = True
    lr_in_buffer: bool = False


def _one_vector(method):
    return True, False, False, 0.0


for kind in (Momentum, Nesterov, SGDW):
    protocol.vectors.register(kind)(_one_vector)


@protocol.step.register(SGD)
def _sgd(method, memory, x, g, lr, l2, keep):
    for i in range(x.size):
        x[i] = keep * x[i] - lr * (g[i] + l2 * x[i])


@fragment
def _roll(x, g, a, kept, taken, rate, l2, keep):
    """Step a ← kept a + taken d with d = g + l2 x, then x ← keep x − rate a."""
    for i in range(x.size):
        a_i = kept * a[i] + taken * (g[i] + l2 * x[i])
        a[i] = a_i
        x[i] = keep * x[i] - rate * a_i


@protocol.step.register(Momentum)
def _momentum(method, memory, x, g, lr, l2, keep):
    plain = memory.record[0].t == 1 and not method.dampen_first
    kept, taken = (0.0, 1.0) if plain else (method.momentum, 1.0 - method.dampening)
    inside, outside = placed(lr, method.lr_in_buffer)
    _roll(x, g, memory.a, kept, taken * inside, outside, l2, keep)


@protocol.step.register(Nesterov)
def _nesterov(method, memory, x, g, lr, l2, keep):
    a, mu = memory.a, method.momentum
    if method.decoupled or method.lr_in_buffer:
        inside, outside = placed(lr, method.lr_in_buffer)
        for i in range(x.size):
            d = inside * (g[i] + l2 * x[i])
            a_i = mu * a[i] + d
            a[i] = a_i
            x[i] = keep * x[i] - outside * (d + mu * a_i)
        return
    for i in range(x.size):  # this special case is a third faster if the vectors are in the cache
        d = g[i] + l2 * x[i]
        a_i = mu * a[i] + d
        a[i] = a_i
        x[i] -= lr * (d + mu * a_i)


@protocol.step.register(SGDW)
def _sgdw(method, memory, x, g, lr, l2, keep):
    a, mu = memory.a, method.momentum
    if method.lr_in_buffer or not method.decoupled:
        inside, outside = placed(lr, method.lr_in_buffer)
        _roll(x, g, a, mu, inside, outside, l2, keep)
        return
    for i in range(x.size):  # this special case is a fifth faster if the vectors are in the cache
        a_i = mu * a[i] + g[i]
        a[i] = a_i
        x[i] = keep * x[i] - lr * a_i
