"""Methods: where to go. One file each; `method` holds what the descent asks of them."""

from quasinewton.methods.bfgs import BFGS
from quasinewton.methods.gradient_descent import GradientDescent
from quasinewton.methods.lbfgs import LBFGS
from quasinewton.methods.newton import Newton

__all__ = ["BFGS", "LBFGS", "GradientDescent", "Newton"]
