"""Minimise smooth functions by Newton, quasi-Newton and first-order methods, compiled by Numba.

The methods are Newton, truncated Newton, BFGS, L-BFGS, gradient descent and first-order methods
such as Adam. The main function is `minimize`, with the signature of `scipy.optimize.minimize`.
"""

import importlib

from quasinewton import schedules
from quasinewton._api.ask_tell import Solver
from quasinewton._api.check_gradient import GradientCheck, check_gradient
from quasinewton._api.inside_njit import Minimum, Root
from quasinewton._api.line_search import LineSearchResult, line_search
from quasinewton._api.minimize import minimize
from quasinewton._api.minimize_batch import BatchResult, minimize_batch
from quasinewton._api.minimize_multistart import MultistartResult, minimize_multistart
from quasinewton._api.minimize_stochastic import minimize_stochastic
from quasinewton._api.root import root
from quasinewton._autodiff import grad, hessian, hvp, jacobian, value_and_grad
from quasinewton._drivers.checkpoint import Checkpoint
from quasinewton._drivers.training import EpochHistory, StochasticResult, StochasticState
from quasinewton._line_searches import (
    Armijo,
    Fixed,
    HagerZhang,
    MoreThuente,
    StrongWolfe,
)
from quasinewton._methods import (
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
from quasinewton._options.keywords import Options
from quasinewton.result import History, OptimizeResult, RootResult
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
    "Checkpoint",
    "EpochHistory",
    "Fixed",
    "GradientCheck",
    "GradientDescent",
    "HagerZhang",
    "History",
    "LineSearchResult",
    "Lion",
    "Minimum",
    "Momentum",
    "MoreThuente",
    "MultistartResult",
    "NAdam",
    "Nesterov",
    "Newton",
    "NewtonCG",
    "OptimizeResult",
    "Options",
    "RAdam",
    "RMSprop",
    "Root",
    "RootResult",
    "Solver",
    "Status",
    "StochasticResult",
    "StochasticState",
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
    "special",
    "value_and_grad",
]


def __getattr__(name: str) -> object:
    """Import `extending` and `special`, and look up the version, on first access only."""
    if name in ("extending", "special"):
        return importlib.import_module(f"quasinewton.{name}")
    if name == "__version__":
        return importlib.import_module("quasinewton._drivers.pickles").version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
