"""Methods: where to go. One file each; `protocol` and `first_order.base` hold what the loops ask of
them.

`bounded` wraps a method in a box; importing it registers what each method does there.
"""

from quasinewton.methods.bfgs import BFGS
from quasinewton.methods.bounded import Bounded
from quasinewton.methods.first_order.adadelta import AdaDelta
from quasinewton.methods.first_order.adagrad import AdaGrad
from quasinewton.methods.first_order.adam import Adam, AdamW, AMSGrad, NAdam, RAdam
from quasinewton.methods.first_order.adamax import AdaMax
from quasinewton.methods.first_order.lion import Lion
from quasinewton.methods.first_order.rmsprop import RMSprop
from quasinewton.methods.first_order.sgd import SGD, SGDW, Momentum, Nesterov
from quasinewton.methods.gradient_descent import GradientDescent
from quasinewton.methods.lbfgs import LBFGS
from quasinewton.methods.newton import Newton
from quasinewton.methods.newton_cg import NewtonCG

__all__ = [
    "BFGS",
    "LBFGS",
    "SGD",
    "SGDW",
    "AMSGrad",
    "AdaDelta",
    "AdaGrad",
    "AdaMax",
    "Adam",
    "AdamW",
    "Bounded",
    "GradientDescent",
    "Lion",
    "Momentum",
    "NAdam",
    "Nesterov",
    "Newton",
    "NewtonCG",
    "RAdam",
    "RMSprop",
]
