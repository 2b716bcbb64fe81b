"""Methods and line searches of your own, by the means that those of the package use.

A method is a ``NamedTuple`` class of numbers. Its functions are registered for the class, by
``@method.direction.register(MyMethod)``, and compiled by Numba when a run first needs them; then
the class is registered under a name. The page on development lists the functions with an example.

======================  =====================================================================
``method``              functions of a method: ``allocate``, ``direction``, ``update``, …
``bounded``             functions of a method with bounds: ``aim``, and more if needed
``runs``                functions in Python for the beginning and the end of a run
``first_order``         functions of a first-order method: ``vectors`` and ``step``; and the
                        decorator ``first_order.first_order``, which registers its class
``line_search``         functions of a line search: ``begin`` and ``advance``
``Verdict``             what ``advance`` returns
======================  =====================================================================
"""

from quasinewton._line_searches import protocol as line_search
from quasinewton._line_searches.protocol import Verdict
from quasinewton._line_searches.registry import register_line_search
from quasinewton._methods import lifecycle as runs
from quasinewton._methods import protocol as method
from quasinewton._methods.bounded import wrapper as bounded
from quasinewton._methods.first_order import base as first_order
from quasinewton._methods.registry import register_method

__all__ = [
    "Verdict",
    "bounded",
    "first_order",
    "line_search",
    "method",
    "register_line_search",
    "register_method",
    "runs",
]
