"""Line searches, which choose the step length. One file each; `protocol` holds the shared code."""

from quasinewton.line_searches.armijo import Armijo
from quasinewton.line_searches.fixed import Fixed
from quasinewton.line_searches.hager_zhang import HagerZhang
from quasinewton.line_searches.more_thuente import MoreThuente
from quasinewton.line_searches.strong_wolfe import StrongWolfe

BY_NAME = {
    "more-thuente": MoreThuente,
    "strong-wolfe": StrongWolfe,
    "hager-zhang": HagerZhang,
    "armijo": Armijo,
    "fixed": Fixed,
}

__all__ = ["BY_NAME", "Armijo", "Fixed", "HagerZhang", "MoreThuente", "StrongWolfe"]
