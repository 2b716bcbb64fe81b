"""L-BFGS: two-loop recursion, and compact form of the inverse Hessian for many variables."""

# Importing `lifecycle` registers its functions and the method; nothing in it is used by name.
from quasinewton._methods.lbfgs import lifecycle
from quasinewton._methods.lbfgs.two_loop import LBFGS

__all__ = ["LBFGS", "lifecycle"]
