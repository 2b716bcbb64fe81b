"""L-BFGS: two-loop recursion, and compact form of the inverse Hessian for many variables."""

from quasinewton.methods.lbfgs.two_loop import LBFGS

__all__ = ["LBFGS"]
