"""Numba, configured once: how kernels compile, where they are cached, how they choose by type.

`kernel` compiles a function of the package, `shared` a part of functions that users compile, `reduction` one whose
sums may be reordered, `generic` one whose behaviour is the type of its first argument. Nothing else in the package sets
a Numba option.
"""

import contextlib
import functools
import hashlib
import inspect
from pathlib import Path

import numba
from numba.core import types
from numba.core.caching import FunctionCache
from numba.extending import overload

OPTIONS = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}

# What only compiled code calls needs no entry for Python, which would take a third of its compile time.
INNER = OPTIONS | {"no_cpython_wrapper": True}

# What is chosen by type becomes part of its caller: a call would pass every array of a state, which takes longer than
# the work on small vectors. LLVM does it, after typing, which compiles faster than `inlined`.
CHOSEN = INNER | {"forceinline": True}

# Sums may be reordered (that is what makes them vector code); NaN and infinities keep their meaning, since
# every safeguard in the package tests for them.
REORDER = {"reassoc", "contract", "nsz"}


def package_stamp(root=Path(__file__).parents[1]):
    """Hash every source file below `root`: any edit, in any file, is a new stamp.

    Parameters
    ----------
    root : Path
        The folder of the package.

    Returns
    -------
    str
        Hexadecimal SHA-256 of names and contents.
    """
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


STAMP = package_stamp()


class PackageCache(FunctionCache):
    """Numba's disk cache, except that it belongs to the whole package and never raises.

    Numba stamps a cached function with its own file alone, so an edit in a helper's file would go unseen; here
    the stamp covers the package. What cannot be read or written is compiled again: a full disk, a truncated file,
    or an entry that another process has just replaced costs time and nothing else.
    """

    def __init__(self, py_func):
        super().__init__(py_func)
        self._cache_file._source_stamp = STAMP

    def load_overload(self, sig, target_context):
        try:
            result = super().load_overload(sig, target_context)
        except Exception:  # whatever a foreign or truncated pickle raises
            return None
        # Two processes that fill an empty cache at once may give one file name to two signatures.
        expected = getattr(sig, "args", sig)
        return result if result is not None and tuple(result.signature.args) == tuple(expected) else None

    def save_overload(self, sig, data):
        # A full disk; or a damaged index, which would stay in the way: it is emptied, and filled at the next call.
        try:
            super().save_overload(sig, data)
        except Exception:
            with contextlib.suppress(OSError):
                self.flush()


def kernel(function):
    """Compile `function` on first use and cache the result on disk: a way into compiled code.

    Parameters
    ----------
    function : callable
        A module-level function in the subset of Python that Numba compiles.

    Returns
    -------
    numba dispatcher
        Releases the GIL while it runs; divides as NumPy does (1/0 is inf, no exception).
    """
    return cached(numba.njit(**OPTIONS)(function))


def cached(dispatcher):
    """Give a dispatcher its cache on disk."""
    # With no writable folder Numba has no locator and says so by RuntimeError: then we work uncached.
    with contextlib.suppress(RuntimeError, OSError):
        dispatcher._cache = PackageCache(dispatcher.py_func)
    return dispatcher


def fragment(function):
    """Compile `function` as a part of kernels: callable from compiled code only.

    It is cached with the kernels it is part of.

    Parameters
    ----------
    function : callable

    Returns
    -------
    numba dispatcher
    """
    return numba.njit(**INNER)(function)


def shared(function, **options):
    """Compile a part of functions that users compile, and cache it on disk by itself; otherwise as `fragment`.

    Parameters
    ----------
    function : callable
        A module-level function.

    Returns
    -------
    numba dispatcher
    """
    return cached(numba.njit(**INNER, **options)(function))


def shared_reduction(function):
    """The same for a sum whose terms may be added in any order."""
    return shared(function, fastmath=REORDER)


def inlined(function):
    """Compile `function` into its few callers; otherwise as `fragment`.

    For a fragment with a large state: a call would pass every array of it, and count its references.

    Parameters
    ----------
    function : callable

    Returns
    -------
    numba dispatcher
    """
    return numba.njit(inline="always", **INNER)(function)


def reduction(function):
    """Compile a sum whose terms may be added in any order; otherwise as `fragment`.

    Parameters
    ----------
    function : callable
        A loop that accumulates. Reordering changes the rounding once, at compile time: the same machine gives the
        same bits in every run and on every number of threads.

    Returns
    -------
    numba dispatcher
    """
    return numba.njit(fastmath=REORDER, **INNER)(function)


def generic(function):
    """Turn `function` into a compiled function that chooses its implementation by the type of its first argument.

    The first argument is a NamedTuple of numbers or arrays: its type is the behaviour. The choice is made while
    compiling, costs nothing at run time and, unlike a function passed as an argument, leaves the caller cacheable.

    Parameters
    ----------
    function : callable
        Gives the name, the arguments and the documentation; its body serves the types that register nothing.

    Returns
    -------
    callable
        From compiled code and from Python alike. Its `register(kind)` is a decorator for the implementation that
        belongs to the NamedTuple class `kind`; it must have the same argument names.
    """
    implementations = {}

    def implementation(kind):
        return implementations.get(kind, function)

    def choose(*arguments):
        first = arguments[0]
        return implementation(first.instance_class) if isinstance(first, types.BaseNamedTuple) else None

    @functools.wraps(function)
    def interpreted(first, *rest):
        return implementation(type(first))(first, *rest)

    choose.__signature__ = inspect.signature(function)
    overload(interpreted, strict=False, jit_options=CHOSEN)(choose)

    def register(kind):
        def add(function):
            implementations[kind] = function
            return function

        return add

    interpreted.register = register
    return interpreted
