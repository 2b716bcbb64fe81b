"""The doors inside compiled code: the same loops, entered without the interpreter."""

from quasinewton.api.inside_njit import line_search
from quasinewton.api.inside_njit.minimize import Minimum
from quasinewton.api.inside_njit.root import Root

__all__ = ["Minimum", "Root", "line_search"]
