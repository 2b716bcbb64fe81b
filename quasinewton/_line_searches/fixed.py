"""Fixed step length: a line search that always accepts."""

from typing import NamedTuple

from quasinewton._line_searches import protocol
from quasinewton._line_searches.protocol import Verdict
from quasinewton._line_searches.registry import register_line_search
from quasinewton._validation import number


class _Fields(NamedTuple):
    alpha: float
    maxls: int


class Fixed(_Fields):
    """Fixed step alpha, shortened only if f or its slope is not finite there.

    Parameters
    ----------
    alpha : float
        Step length; positive. f may rise.
    maxls : int
        Every search has this field. The value given is ignored, since one evaluation suffices.
    """

    __slots__ = ()

    def __new__(cls, alpha: float = 1.0, maxls: int = 1) -> "Fixed":
        return super().__new__(cls, number("alpha", alpha, 0.0, float("inf")), 1)


@protocol.begin.register(Fixed)
def _begin(search, line):
    line.alpha = search.alpha


@protocol.advance.register(Fixed)
def _advance(search, line, phi, dphi):
    return Verdict.ACCEPT


register_line_search(Fixed, "fixed", accepts_any=True)
