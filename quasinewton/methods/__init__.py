"""Methods: where to go. One file each; `method` and `first_order` hold what the loops ask of them."""

from quasinewton.methods.adadelta import AdaDelta
from quasinewton.methods.adagrad import AdaGrad
from quasinewton.methods.adam import Adam, AdamW, AMSGrad, NAdam, RAdam
from quasinewton.methods.adamax import AdaMax
from quasinewton.methods.bfgs import BFGS
from quasinewton.methods.gradient_descent import GradientDescent
from quasinewton.methods.lbfgs import LBFGS
from quasinewton.methods.lion import Lion
from quasinewton.methods.newton import Newton
from quasinewton.methods.newton_cg import NewtonCG
from quasinewton.methods.rmsprop import RMSprop
from quasinewton.methods.sgd import SGD, SGDW, Momentum, Nesterov

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
