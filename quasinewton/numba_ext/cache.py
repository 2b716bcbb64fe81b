"""The package's cache on disk: Numba's own, stamped with what code depends on; it never raises."""

import contextlib
import hashlib
import os
import types as python

import llvmlite.binding as llvm
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys

from quasinewton.numba_ext import notice
from quasinewton.numba_ext.stamps import PACKAGE, cache_folder, stamps

LONG = f"{PACKAGE}.loops."  # the modules whose functions compile for seconds


def code_hash(code):
    """Return a hash of what a code object does, wherever it lies in its file."""
    digest = hashlib.sha256(repr((code.co_code, code.co_names, code.co_varnames)).encode())
    for constant in code.co_consts[code.co_consts[:1] != () and isinstance(code.co_consts[0], str) :]:
        text = code_hash(constant) if isinstance(constant, python.CodeType) else repr(constant)
        digest.update(text.encode())
    return digest.hexdigest()[:8]


class Locator(_CacheLocator):
    """Where the code of a file of the package is kept, and under which name."""

    def __init__(self, py_func, py_file, place):
        self._py_file, self.place = py_file, place
        stamp = stamps().get(py_func.__module__) or stamps()["raw"][:16]
        # In the name, so that what is out of date is known by it: see `stamps.clean`.
        self.stamp, self.name = stamp, f"{code_hash(py_func.__code__)}-{stamp}"

    def get_cache_path(self):
        return self.place

    def get_source_stamp(self):
        return self.stamp

    def get_disambiguator(self):
        return self.name

    @classmethod
    def from_function(cls, py_func, py_file):
        place = cache_folder(os.path.dirname(py_file)) if os.path.exists(py_file) else None
        return place and cls(py_func, py_file, place)


def unresolved(names):
    """Return True if compiled code calls by a name what this process has not named yet."""
    return not all(map(llvm.address_of_symbol, names))


def external(module):
    """Return the names of what an LLVM module calls outside itself, where they are known."""
    names = (each.name for each in module.functions if each.is_declaration)
    return [name for name in names if not name.startswith("llvm.") and llvm.address_of_symbol(name)]


def begin():
    """Make ready what compiled code needs to run; compiling needs more, and takes care of that
    itself.

    Numba's own `refresh` of the context loads everything that type inference may ask for, which
    takes longer than all the rest of a first call whose code is on disk.
    """
    rtsys.initialize(cpu_target.target_context)


class Implementation(CompileResultCacheImpl):
    """What Numba keeps of compiled code, and before it the names of what that calls."""

    _locator_classes = [Locator, *CompileResultCacheImpl._locator_classes]

    def reduce(self, result):
        return external(result.library._final_module), super().reduce(result)

    def rebuild(self, target_context, payload):
        names, payload = payload
        begin()
        if unresolved(names):
            target_context.refresh()
        return None if unresolved(names) else super().rebuild(target_context, payload)


class PackageCache(FunctionCache):
    """Numba's disk cache, except that it belongs to the whole package and never raises.

    Numba stamps a cached function with its own file alone, so an edit in a helper's file would go
    unseen; here the stamp covers what the code depends on. What cannot be read or written is
    compiled again: a full disk, a truncated file, or an entry that another process has just
    replaced costs time and nothing else.
    """

    _impl_class = Implementation

    def load_overload(self, sig, target_context):
        result = None
        with contextlib.suppress(Exception):  # whatever a foreign or truncated pickle raises
            result = self._load_overload(sig, target_context)
        # Two processes that fill an empty cache at once may give one file name to two signatures.
        if result is not None and tuple(result.signature.args) != tuple(getattr(sig, "args", sig)):
            result = None
        if result is None and self._py_func.__module__.startswith(LONG):
            notice.solver()
        return result

    def save_overload(self, sig, data):
        # A full disk; or a damaged index, which would stay in the way: it is emptied, and filled at
        # the next call.
        try:
            super().save_overload(sig, data)
        except Exception:
            with contextlib.suppress(OSError):
                self.flush()


def cached(dispatcher):
    """Give a dispatcher its cache on disk."""
    # With no writable folder Numba has no locator and says so by RuntimeError: then we work
    # uncached.
    with contextlib.suppress(RuntimeError, OSError):
        dispatcher._cache = PackageCache(dispatcher.py_func)
    return dispatcher
