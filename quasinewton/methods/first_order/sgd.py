"""Gradient descent with a given rate, and with momentum: SGD, Momentum, Nesterov, SGDW.

Sources: H. Robbins & S. Monro, Ann. Math. Statist. 22 (1951) 400–407; B. T. Polyak, USSR Comput. Math. Math. Phys. 4(5)
(1964) 1–17; Yu. Nesterov, Soviet Math. Dokl. 27 (1983) 372–376, in the form of I. Sutskever et al., ICML 2013;
I. Loshchilov & F. Hutter, ICLR 2019, Algorithm 1 (SGDW). Momenta are kept in a: `Moments.a`.
"""

from typing import NamedTuple

from quasinewton.methods.first_order import base as protocol
from quasinewton.methods.first_order.base import first_order, positive_share
from quasinewton.numba_ext.jit import fragment


@first_order
class SGD(NamedTuple):
    """Stochastic gradient descent: x ← x − lr g.

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    weight_decay : float
        L2: weight_decay x is added to g.
    """

    lr: float = 1e-3
    weight_decay: float = 0.0


@first_order
class Momentum(NamedTuple):
    """Gradient descent with Polyak's momentum: a ← μ a + (1 − ν) g, x ← x − lr a; a = g at the first step.

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    momentum : float
        μ in [0, 1).
    dampening : float
        ν in [0, 1].
    weight_decay : float
        L2: weight_decay x is added to g.
    """

    lr: float = 1e-3
    momentum: float = 0.9
    dampening: float = 0.0
    weight_decay: float = 0.0


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
        L2: weight_decay x is added to g.
    """

    lr: float = 1e-3
    momentum: float = 0.9
    weight_decay: float = 0.0


@first_order
class SGDW(NamedTuple):
    """Gradient descent with momentum and decoupled weight decay: x ← (1 − lr λ) x − lr a, a ← μ a + g.

    Parameters
    ----------
    lr : float
        Rate, >= 0.
    momentum : float
        μ in [0, 1).
    weight_decay : float
        λ, which shrinks x itself. The paper's λ is lr times this one.
    """

    lr: float = 1e-3
    momentum: float = 0.0
    weight_decay: float = 1e-2


@protocol.decoupled.register(SGDW)
def _decoupled(method):
    return True


def _one_vector(method):
    return True, False, False, 0.0


for kind in (Momentum, Nesterov, SGDW):
    protocol.vectors.register(kind)(_one_vector)


@protocol.step.register(SGD)
def _sgd(method, memory, x, g, lr, decay):
    for i in range(x.size):
        x[i] -= lr * (g[i] + decay * x[i])


@fragment
def _roll(x, g, a, t, lr, momentum, share, decay):
    """a ← momentum a + share d with d = g + decay x, x ← x − lr a; at the first step a = d."""
    kept, taken = (momentum, share) if t > 1 else (0.0, 1.0)
    for i in range(x.size):
        a_i = kept * a[i] + taken * (g[i] + decay * x[i])
        a[i] = a_i
        x[i] -= lr * a_i


@protocol.step.register(Momentum)
def _momentum(method, memory, x, g, lr, decay):
    _roll(x, g, memory.a, memory.record[0].t, lr, method.momentum, 1.0 - method.dampening, decay)


@protocol.step.register(Nesterov)
def _nesterov(method, memory, x, g, lr, decay):
    a, mu = memory.a, method.momentum
    for i in range(x.size):
        d = g[i] + decay * x[i]
        a_i = mu * a[i] + d
        a[i] = a_i
        x[i] -= lr * (d + mu * a_i)


@protocol.step.register(SGDW)
def _sgdw(method, memory, x, g, lr, decay):
    a, mu, keep = memory.a, method.momentum, 1.0 - lr * decay
    for i in range(x.size):
        a_i = mu * a[i] + g[i]
        a[i] = a_i
        x[i] = keep * x[i] - lr * a_i
