"""Methods between bounds: `wrapper` holds the method `Bounded`, the other files what each method
does in a box.
"""

# These modules register with `wrapper` what a method does between bounds; nothing in them is used
# by name.
from quasinewton.methods.bounded import active_set, gradient_descent, lbfgsb, newton_cg
from quasinewton.methods.bounded.wrapper import Bounded

__all__ = ["Bounded", "active_set", "gradient_descent", "lbfgsb", "newton_cg"]
