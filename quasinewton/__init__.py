"""Minimise smooth functions: Newton, BFGS and L-BFGS, compiled by Numba.

The door is `minimize`, with the signature of `scipy.optimize.minimize`.
"""

from quasinewton.inside import Minimum
from quasinewton.line_search import LineSearchResult, line_search
from quasinewton.methods import BFGS, LBFGS, GradientDescent, Newton
from quasinewton.minimize import minimize
from quasinewton.result import OptimizeResult
from quasinewton.roots import root
from quasinewton.searches import Armijo, Fixed, HagerZhang, MoreThuente, StrongWolfe
from quasinewton.status import Status

__all__ = [
    "BFGS",
    "LBFGS",
    "Armijo",
    "Fixed",
    "GradientDescent",
    "HagerZhang",
    "LineSearchResult",
    "Minimum",
    "MoreThuente",
    "Newton",
    "OptimizeResult",
    "Status",
    "StrongWolfe",
    "line_search",
    "minimize",
    "root",
]
