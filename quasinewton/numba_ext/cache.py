"""The package's cache on disk: Numba's own, stamped with every file of the package."""

import contextlib
import hashlib
from pathlib import Path

from numba.core.caching import FunctionCache


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


def cached(dispatcher):
    """Give a dispatcher its cache on disk."""
    # With no writable folder Numba has no locator and says so by RuntimeError: then we work uncached.
    with contextlib.suppress(RuntimeError, OSError):
        dispatcher._cache = PackageCache(dispatcher.py_func)
    return dispatcher
