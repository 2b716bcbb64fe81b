"""Disk cache of the twins of the package's own functions.

A twin depends on all rules of active numbers, not only on the module of its function, so its stamp
is that of the module that imports all of them.
"""

from quasinewton._numba_ext.cache import Implementation, Locator, PackageCache, code_hash
from quasinewton._numba_ext.stamps import stamps

RULES = "quasinewton._autodiff.derivative_functions"  # module that depends on all rules


class TwinLocator(Locator):
    """The cache folder and file name for the twin of a function of the package."""

    def __init__(self, py_func, py_file, place):
        super().__init__(py_func, py_file, place)
        self.stamp = stamps().get(RULES) or self.stamp
        self.name = f"{code_hash(py_func.__code__)}-{self.stamp}"


class TwinImplementation(Implementation):
    """Numba's serialised compile result, found by `TwinLocator`."""

    _locator_classes = [TwinLocator, *Implementation._locator_classes]


class TwinCache(PackageCache):
    """The cache of a twin."""

    _impl_class = TwinImplementation

    def __init__(self, py_func, kind):
        super().__init__(py_func)
        self.words = "twin", str(kind)


def keep(twin, original):
    """Give a twin a cache on disk if its original has one as a part of the package.

    Returns
    -------
    bool
        True if the original has one.
    """
    if not isinstance(original._cache, PackageCache):
        return False
    twin._cache = TwinCache(original.py_func, twin.kind)
    return True
