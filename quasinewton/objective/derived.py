"""Derivatives of a compiled objective by name, made only where machine code is not on disk."""

import weakref

from quasinewton import autodiff
from quasinewton.numba_ext.fingerprint import fresh
from quasinewton.numba_ext.introspection import is_compiled

KEPT = "_quasinewton_derived"  # where a function keeps its own


class Derived:
    """A derivative of a compiled function, as `autodiff.derivative` makes it for compiled code.

    Attributes
    ----------
    how : tuple
        (kind, mode, directions at a time): with the function all that it depends on.
    """

    def __init__(self, fun, kind, jac, n):
        self.fun, self.request = weakref.ref(fun), (kind, jac, n)  # fun holds it
        self.mode = autodiff.mode_for(kind, jac, n) if kind not in ("hvp", "hessian") else "reverse"
        self.how = kind, self.mode, autodiff.lanes(n)

    def function(self):
        """Return the dispatcher, made of code that may be kept on disk where there is such."""
        kind, jac, n = self.request
        fun = self.fun()
        return autodiff.derivative(fresh(fun) or fun, kind, jac, n, packed=True)[0]


def derived(fun, kind, jac, n):
    """Return the derivative of a kind, one for every function and request.

    Parameters
    ----------
    fun, kind, jac, n
        As for `autodiff.derivative`.

    Returns
    -------
    Derived

    Raises
    ------
    TypeError
        If `fun` is not compiled.
    """
    if not is_compiled(fun):
        autodiff.derivative(fun, kind, jac, n)  # which says so
    known = vars(fun).setdefault(KEPT, {})
    key = kind, jac, n
    if key not in known:
        known[key] = Derived(fun, kind, jac, n)
    return known[key]


def made(function):
    """Return a dispatcher for a derivative; whatever else as it is."""
    return function.function() if isinstance(function, Derived) else function
