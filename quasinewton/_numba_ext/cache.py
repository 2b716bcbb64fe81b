"""The package's disk cache: Numba's own, with stamps of all dependences; it never raises."""

import contextlib
import hashlib
import os
import types as python
import weakref

import llvmlite.binding as llvm
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys

from quasinewton._numba_ext import notice
from quasinewton._numba_ext.registration import has_external
from quasinewton._numba_ext.stamps import PACKAGE, cache_folder, flags, stamps
from quasinewton._numba_ext.uncompiled import in_python

# By library of a function that is kept on disk: the function, its symbol, its signature, and the
# words of its cache.
LIBRARIES = weakref.WeakKeyDictionary()
LONG = f"{PACKAGE}.loops."  # prefix of modules whose functions take seconds to compile


def code_hash(code):
    """Return a hash of the effect of a code object, independent of its place in the file."""
    digest = hashlib.sha256(repr((code.co_code, code.co_names, code.co_varnames)).encode())
    for constant in code.co_consts[code.co_consts[:1] != () and isinstance(code.co_consts[0], str) :]:
        text = code_hash(constant) if isinstance(constant, python.CodeType) else repr(constant)
        digest.update(text.encode())
    return digest.hexdigest()[:8]


class Locator(_CacheLocator):
    """The cache folder and file name for the code of a file of the package."""

    def __init__(self, py_func, py_file, place):
        self._py_file, self.place = py_file, place
        stamp = stamps().get(py_func.__module__) or stamps()["raw"][:16]
        # The stamp is part of the name, so that `stamps.clean` recognises outdated files.
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
    """Return True if a symbol that compiled code calls is not defined in this process."""
    return not all(map(llvm.address_of_symbol, names))


def external(module):
    """Return the names of the known symbols that an LLVM module calls outside itself."""
    names = (each.name for each in module.functions if each.is_declaration)
    return [name for name in names if not name.startswith("llvm.") and llvm.address_of_symbol(name)]


class UnknownSymbol(Exception):
    """Code calls a function that this process does not have."""


def check_symbols(module, engine):
    """Raise UnknownSymbol if the machine code of an LLVM module could not be linked.

    LLVM ends the process where a symbol is missing.
    """
    for function in module.functions:
        name = function.name
        known = name.startswith("llvm.") or engine.is_symbol_defined(name) or llvm.address_of_symbol(name)
        if function.is_declaration and not known:
            raise UnknownSymbol(name)


def initialise_runtime():
    """Initialise the runtime that compiled code needs; compilation initialises more by itself.

    Numba's `refresh` of the context loads everything that type inference may need, which takes
    longer than the rest of a first call whose code is on disk.
    """
    rtsys.initialize(cpu_target.target_context)


class Implementation(CompileResultCacheImpl):
    """Numba's serialised compile result, preceded by the names of the symbols that it calls."""

    _locator_classes = [Locator, *CompileResultCacheImpl._locator_classes]

    def reduce(self, result):
        return external(result.library._final_module), super().reduce(result)

    def rebuild(self, target_context, payload):
        names, payload = payload
        initialise_runtime()
        if unresolved(names):
            target_context.refresh()
        return None if unresolved(names) else super().rebuild(target_context, payload)


class PackageCache(FunctionCache):
    """Numba's disk cache with stamps of the whole package, which never raises.

    Numba stamps a cached function with its own file only, so an edit in another file that it uses
    would go unnoticed; here the stamp covers all dependences. Code that cannot be read or written
    is compiled again: a full disk, a truncated file, or an entry that another process has just
    replaced costs only time. Without a writable folder nothing is kept. Code for methods and line
    searches of other packages is not cached, since the stamp does not cover the functions that they
    register.
    """

    _impl_class = Implementation
    words = ()  # what the code depends on, beside the function, its options and its signature

    def __init__(self, py_func):
        # Numba's constructor, which looks for the folder, is called when code is first wanted: a
        # process uses few of the package's kernels.
        self._py_func, self._read = py_func, {}  # `_read` is what `holds` has read, until it is loaded

    def __getattr__(self, name):
        if name not in ("_name", "_impl", "_cache_path", "_cache_file", "_enabled"):
            raise AttributeError(name)
        # Without a writable folder Numba finds no locator and raises RuntimeError.
        super().__init__(self._py_func)
        return self.__dict__[name]

    def _index_key(self, sig, codegen):
        # Numba's keys tell a signature from the types of its arguments, which mean the same code;
        # they ignore settings such as NUMBA_OPT, which mean other code.
        return super()._index_key(tuple(getattr(sig, "args", sig)), codegen), flags(), *self.words

    def note(self, result):
        """Enter a compile result of the function in LIBRARIES."""
        LIBRARIES[result.library] = self._py_func, result.fndesc.mangled_name, result.signature, self.words

    def load_overload(self, sig, target_context):
        if has_external(getattr(sig, "args", sig)):
            return None
        result = self._read.pop(getattr(sig, "args", sig), None) or self._load(sig, target_context)
        if result is None and self._py_func.__module__.startswith(LONG):
            notice.solver()
        return result

    def _load(self, sig, target_context):
        result = None
        with contextlib.suppress(Exception):  # A foreign or truncated pickle may raise any exception.
            result = self._load_overload(sig, target_context)
        # Two processes that fill an empty cache at once may give one file name to two signatures.
        if result is not None and tuple(result.signature.args) != tuple(getattr(sig, "args", sig)):
            result = None
        if result is not None:
            self.note(result)
        return result

    def holds(self, args, target_context):
        """Return True if there is code for these types of arguments on disk; it is then read."""
        result = None if has_external(args) else self._load(args, target_context)
        if result is not None:
            self._read[args] = result
        return result is not None

    def save_overload(self, sig, data):
        if has_external(getattr(sig, "args", sig)):
            return
        self.note(data)
        # Saving fails on a full disk or a damaged index. A damaged index would fail again, so it is
        # emptied, and refilled at the next call.
        try:
            super().save_overload(sig, data)
        except Exception:
            with contextlib.suppress(OSError, RuntimeError):
                self.flush()


def is_loaded(dispatcher, args):
    """Load the code of a cached dispatcher from disk, unless it is in memory.

    Parameters
    ----------
    dispatcher : numba dispatcher
    args : tuple of numba types

    Returns
    -------
    bool
        False if it must be compiled.
    """
    if args in dispatcher.overloads:
        return True
    if isinstance(dispatcher._cache, PackageCache) and dispatcher._cache.holds(args, dispatcher.targetctx):
        dispatcher.compile(args)
        return True
    return False


@in_python(lambda function: function)
def cached(dispatcher):
    """Give a dispatcher a cache on disk."""
    dispatcher._cache = PackageCache(dispatcher.py_func)
    return dispatcher
