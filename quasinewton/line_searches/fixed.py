"""A step length that is given: the line search that always accepts."""

from typing import NamedTuple

from quasinewton.line_searches import protocol
from quasinewton.line_searches.protocol import Verdict
from quasinewton.validation import number


class _Fields(NamedTuple):
    alpha: float
    maxls: int


class Fixed(_Fields):
    """The step alpha, always, unless it leads to a point that is not finite.

    Parameters
    ----------
    alpha : float
        Positive. f may rise.
    """

    __slots__ = ()

    def __new__(cls, alpha=1.0, maxls=1):
        return super().__new__(cls, number("alpha", alpha, 0.0, float("inf")), 1)


@protocol.begin.register(Fixed)
def _begin(search, line):
    line.alpha = search.alpha


@protocol.advance.register(Fixed)
def _advance(search, line, phi, dphi):
    return Verdict.ACCEPT
