"""Methods: where to go. One file each; `method` and `first_order` hold what the loops ask of them.

`bounded` wraps a method in a box; what is peculiar to one in a box registers itself when it is imported.
"""

from quasinewton.methods import dense_in_box as _dense_in_box
from quasinewton.methods import gradient_in_box as _gradient_in_box
from quasinewton.methods import lbfgs_in_box as _lbfgs_in_box
from quasinewton.methods import newton_cg_in_box as _newton_cg_in_box
from quasinewton.methods.adadelta import AdaDelta
from quasinewton.methods.adagrad import AdaGrad
from quasinewton.methods.adam import Adam, AdamW, AMSGrad, NAdam, RAdam
from quasinewton.methods.adamax import AdaMax
from quasinewton.methods.bfgs import BFGS
from quasinewton.methods.bounded import Bounded
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
