"""Two tiers of execution: in Python at first, and compiled once that pays.

To compile a small kernel takes as long as a million elementary operations in Python, and a loop
with all that it enters as long as ten million. This file has the rules, and the calls of single
kernels; `drivers.tiered_loop` has the loops.
"""

import contextlib
import functools
import os
import time

import numba

from quasinewton.numba_ext import interpreted
from quasinewton.numba_ext.cache import is_loaded
from quasinewton.numba_ext.uncompiled import INTERPRETED, uncompiled

# Operations, such as a multiplication of two elements; one takes half a microsecond in Python, and
# so a call of this many a few milliseconds.
SHORT = 10_000
EARLIER = 0.1  # seconds of processor time in Python, of all calls of a kernel, before it is compiled

SWITCH = "QUASINEWTON_PYTHON_FIRST"  # environment variable; if it is 0, everything is compiled at its first call

_spent = {}  # these seconds, by kernel
_compiling = []  # nonempty within `compiled_at_once`


def python_comes_first():
    """Return True if what is not compiled yet may begin in Python."""
    return not (INTERPRETED or _compiling) and os.environ.get(SWITCH, "1") != "0"


@contextlib.contextmanager
def compiled_at_once():
    """Have everything that is called within compiled at its first call."""
    _compiling.append(True)
    try:
        yield
    finally:
        _compiling.pop()


def call(kernel, operations, *arguments, link=None):
    """Call a kernel; it is not compiled for the first calls if these are short.

    Parameters
    ----------
    kernel : numba dispatcher
        Made by `jit.kernel`, and always called with the same types of arguments.
    operations : int
        Number of elementary operations of this call.
    *arguments
    link : callable, optional
        link(*arguments) -> arguments for compiled code, if they differ.
    """
    compiled = INTERPRETED or kernel.overloads or operations > SHORT or _spent.get(kernel, 0.0) > EARLIER
    compiled = compiled or not python_comes_first() or is_loaded(kernel, tuple(map(numba.typeof, arguments)))
    if compiled:
        return kernel(*(arguments if link is None else link(*arguments)))
    elsewhere = interpreted.elsewhere
    begun, excepted = time.thread_time(), elsewhere.seconds
    try:
        return in_python(kernel)(*arguments)
    finally:
        spent = time.thread_time() - begun - (elsewhere.seconds - excepted)
        _spent[kernel] = _spent.get(kernel, 0.0) + spent


@functools.cache
def in_python(kernel):
    """Return the function of Python that does what a kernel does."""
    return interpreted.kernel(uncompiled(kernel))
