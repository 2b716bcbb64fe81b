"""Line searches: how far to go. One file each; `line` holds what they share."""

from quasinewton.searches.armijo import Armijo
from quasinewton.searches.fixed import Fixed
from quasinewton.searches.hager_zhang import HagerZhang
from quasinewton.searches.more_thuente import MoreThuente
from quasinewton.searches.strong_wolfe import StrongWolfe

BY_NAME = {
    "more-thuente": MoreThuente,
    "strong-wolfe": StrongWolfe,
    "hager-zhang": HagerZhang,
    "armijo": Armijo,
    "fixed": Fixed,
}

__all__ = ["BY_NAME", "Armijo", "Fixed", "HagerZhang", "MoreThuente", "StrongWolfe"]
