"""Minimise smooth functions: Newton, BFGS, L-BFGS and first-order methods, compiled by Numba.

The door is `minimize`, with the signature of `scipy.optimize.minimize`.
"""

from quasinewton import schedules
from quasinewton.batch import BatchResult, minimize_batch
from quasinewton.inside import Minimum
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
    RAdam,
    RMSprop,
)
from quasinewton.minimize import minimize
from quasinewton.multistart import minimize_multistart
from quasinewton.result import OptimizeResult
from quasinewton.roots import root
from quasinewton.searches import Armijo, Fixed, HagerZhang, MoreThuente, StrongWolfe
from quasinewton.status import Status

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
    "Fixed",
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
    "OptimizeResult",
    "RAdam",
    "RMSprop",
    "Status",
    "StrongWolfe",
    "line_search",
    "minimize",
    "minimize_batch",
    "minimize_multistart",
    "root",
    "schedules",
]
