"""Methods, which choose the direction. One file each, and packages for groups of files.

`protocol` and `first_order.base` define the functions that the loops call. `bounded` wraps a method
under bounds; importing it registers how each method works there.
"""

from quasinewton._methods.bfgs import BFGS
from quasinewton._methods.bounded import Bounded
from quasinewton._methods.first_order.adadelta import AdaDelta
from quasinewton._methods.first_order.adagrad import AdaGrad
from quasinewton._methods.first_order.adam import Adam, AdamW, AMSGrad, NAdam, RAdam
from quasinewton._methods.first_order.adamax import AdaMax
from quasinewton._methods.first_order.lion import Lion
from quasinewton._methods.first_order.rmsprop import RMSprop
from quasinewton._methods.first_order.sgd import SGD, SGDW, Momentum, Nesterov
from quasinewton._methods.gradient_descent import GradientDescent
from quasinewton._methods.lbfgs import LBFGS
from quasinewton._methods.newton import Newton
from quasinewton._methods.newton_cg import NewtonCG

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
