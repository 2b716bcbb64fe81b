"""Two tiers of execution: in Python at first, and compiled once that pays.

To compile a small kernel takes as long as a million elementary operations in Python, and a loop
with all that it enters as long as ten million. This file has the rules, and the calls of single
kernels; `_drivers.tiered_loop` has the loops.
"""

import contextlib
import functools
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import numba

from quasinewton._numba_ext import interpreted
from quasinewton._numba_ext.cache import is_loaded
from quasinewton._numba_ext.uncompiled import INTERPRETED, uncompiled

# Operations, such as a multiplication of two elements; one takes half a microsecond in Python, and
# so a call of this many a few milliseconds.
SHORT = 10_000
EARLIER = 0.1  # seconds of processor time in Python, of all calls of a kernel, before it is compiled

SWITCH = "QUASINEWTON_PYTHON_FIRST"  # environment variable; if it is 0, everything is compiled at its first call

_spent: dict[Any, float] = {}  # these seconds, by kernel
_entries: dict[Any, Callable[..., Any]] = {}  # compiled code in memory, by kernel
_compiling: list[bool] = []  # nonempty within `compiled_at_once`


def python_comes_first() -> bool:
    """Return True if what is not compiled yet may begin in Python."""
    return not (INTERPRETED or _compiling) and os.environ.get(SWITCH, "1") != "0"


@contextlib.contextmanager
def compiled_at_once() -> Iterator[None]:
    """Have everything that is called within compiled at its first call."""
    _compiling.append(True)
    try:
        yield
    finally:
        _compiling.pop()


def call(
    kernel: Any, operations: int, *arguments: Any, link: Callable[..., tuple] | None = None, varied: bool = False
) -> Any:
    """Call a kernel; it is not compiled for the first calls if these are short.

    Parameters
    ----------
    kernel : numba dispatcher
        Made by `jit.kernel`.
    operations : int
        Number of elementary operations of this call.
    *arguments
    link : callable, optional
        link(*arguments) -> arguments for compiled code, if they differ.
    varied : bool
        True if the types of the arguments are not the same in all calls of this kernel.
    """
    known = _entries.get(kernel)
    if known is not None:
        return known(*(arguments if link is None else link(*arguments)))
    compiled = INTERPRETED or kernel.overloads or operations > SHORT or _spent.get(kernel, 0.0) > EARLIER
    compiled = compiled or not python_comes_first() or is_loaded(kernel, tuple(map(numba.typeof, arguments)))
    if compiled:
        arguments = arguments if link is None else link(*arguments)
        result = kernel(*arguments)
        if not (varied or INTERPRETED):
            _entries[kernel] = unchecked_entry(kernel, arguments)
        return result
    elsewhere = interpreted.elsewhere
    begun, excepted = time.thread_time(), elsewhere.seconds
    try:
        return python_version(kernel)(*arguments)
    finally:
        spent = time.thread_time() - begun - (elsewhere.seconds - excepted)
        _spent[kernel] = _spent.get(kernel, 0.0) + spent


def unchecked_entry(kernel: Any, arguments: tuple) -> Callable[..., Any]:
    """Return the compiled code of a kernel, as a function that takes the types of these arguments.

    Numba determines the types of all arguments at every call, which takes four microseconds for the
    arrays of a state. This function does not: with arrays of other types it reads wrong memory.
    """
    found = kernel.overloads.get(tuple(map(numba.typeof, arguments)))
    return kernel if found is None else found.entry_point  # Numba may have converted arguments


@functools.cache
def python_version(kernel: Any) -> Callable[..., Any]:
    """Return the function of Python that does what a kernel does."""
    return interpreted.kernel(uncompiled(kernel))
