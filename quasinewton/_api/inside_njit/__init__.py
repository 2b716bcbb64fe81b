"""Public functions for use inside ``@njit`` code; they call the loops without the interpreter."""

from quasinewton._api.inside_njit import line_search
from quasinewton._api.inside_njit.minimize import Minimum
from quasinewton._api.inside_njit.root import Root

__all__ = ["Minimum", "Root", "line_search"]
