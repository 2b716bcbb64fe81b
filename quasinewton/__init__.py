"""Minimise smooth functions: Newton, truncated Newton, BFGS, L-BFGS and first-order methods, compiled by Numba.

The door is `minimize`, with the signature of `scipy.optimize.minimize`.
"""

from quasinewton import schedules
from quasinewton.autodiff import grad, hessian, hvp, jacobian, value_and_grad
from quasinewton.batch import BatchResult, minimize_batch
from quasinewton.checking import GradientCheck, check_gradient
from quasinewton.checkpoint import Checkpoint
from quasinewton.inside import Minimum, Root
from quasinewton.line_search import LineSearchResult, line_search
from quasinewton.methods import (
    BFGS,
    LBFGS,
    SGD,
    SGDW,
    AdaDelta,
    AdaGrad,
    Adam,
    AdaMax,
    AdamW,
    AMSGrad,
    GradientDescent,
    Lion,
    Momentum,
    NAdam,
    Nesterov,
    Newton,
    NewtonCG,
    RAdam,
    RMSprop,
)
from quasinewton.minimize import minimize
from quasinewton.multistart import minimize_multistart
from quasinewton.result import OptimizeResult
from quasinewton.roots import root
from quasinewton.searches import Armijo, Fixed, HagerZhang, MoreThuente, StrongWolfe
from quasinewton.solver import Solver
from quasinewton.status import Status
from quasinewton.stochastic import minimize_stochastic

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
    "Armijo",
    "BatchResult",
    "Checkpoint",
    "Fixed",
    "GradientCheck",
    "GradientDescent",
    "HagerZhang",
    "LineSearchResult",
    "Lion",
    "Minimum",
    "Momentum",
    "MoreThuente",
    "NAdam",
    "Nesterov",
    "Newton",
    "NewtonCG",
    "OptimizeResult",
    "RAdam",
    "RMSprop",
    "Root",
    "Solver",
    "Status",
    "StrongWolfe",
    "check_gradient",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "line_search",
    "minimize",
    "minimize_batch",
    "minimize_multistart",
    "minimize_stochastic",
    "root",
    "schedules",
    "value_and_grad",
]
