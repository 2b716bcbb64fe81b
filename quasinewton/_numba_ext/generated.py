"""Functions made from text, for compilation, whose text debuggers and tracebacks show."""

import hashlib
import linecache
import weakref
from collections import Counter
from collections.abc import Callable
from typing import Any

_living: Counter[str] = Counter()  # number of code objects made from each text and not yet freed, by file name


def _forget(filename: str) -> None:
    """Remove a text when the last code object made from it is freed."""
    _living[filename] -= 1
    if _living[filename] == 0:
        del _living[filename]
        linecache.cache.pop(filename, None)


def define(name: str, text: str, scope: dict[str, Any]) -> Callable[..., Any]:
    """Return the function that a text defines.

    The text is entered in `linecache` as long as the function's code lives, under a file name that
    is the same for the same text in every process.

    Parameters
    ----------
    name : str
        Name of the function in the text.
    text : str
        Source of the function.
    scope : dict
        Its globals; updated.

    Returns
    -------
    callable
    """
    filename = f"<quasinewton {name} {hashlib.sha256(text.encode()).hexdigest()[:12]}>"
    exec(compile(text, filename, "exec"), scope)  # noqa: S102
    function = scope[name]
    # Counted before the entry is made, since garbage collection may forget an older code object.
    _living[filename] += 1
    # Without a time of modification `linecache.checkcache` keeps the entry although there is no
    # file.
    linecache.cache[filename] = len(text), None, text.splitlines(keepends=True), filename
    weakref.finalize(function.__code__, _forget, filename).atexit = False
    return function
