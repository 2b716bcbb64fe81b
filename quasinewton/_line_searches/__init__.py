"""Line searches, which choose the step length. One file each.

`protocol` holds the code they share, `registry` their names.
"""

from quasinewton._line_searches.armijo import Armijo
from quasinewton._line_searches.fixed import Fixed
from quasinewton._line_searches.hager_zhang import HagerZhang
from quasinewton._line_searches.more_thuente import MoreThuente
from quasinewton._line_searches.registry import BY_NAME
from quasinewton._line_searches.strong_wolfe import StrongWolfe

__all__ = ["BY_NAME", "Armijo", "Fixed", "HagerZhang", "MoreThuente", "StrongWolfe"]
