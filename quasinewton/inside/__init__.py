"""The doors inside compiled code: the same loops, entered without the interpreter."""

from quasinewton.inside import line
from quasinewton.inside.minimum import Minimum
from quasinewton.inside.root import Root

__all__ = ["Minimum", "Root", "line"]
