"""L-BFGS: two-loop recursion, and compact form of the inverse Hessian for many variables."""

# Importing `around_runs` registers its functions and the method; nothing in it is used by name.
from quasinewton.methods.lbfgs import around_runs
from quasinewton.methods.lbfgs.two_loop import LBFGS

__all__ = ["LBFGS", "around_runs"]
