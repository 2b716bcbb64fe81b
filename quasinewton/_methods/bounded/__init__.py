"""Methods under bounds: `wrapper` defines `Bounded`, the other files treat one method each."""

# Importing these modules registers their functions with `wrapper`; nothing in them is used by name.
from quasinewton._methods.bounded import active_set, gradient_descent, lbfgsb, newton_cg, unexplored
from quasinewton._methods.bounded.wrapper import Bounded

__all__ = ["Bounded", "active_set", "gradient_descent", "lbfgsb", "newton_cg", "unexplored"]
