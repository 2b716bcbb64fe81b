"""The monotonic clock, read from compiled code without the interpreter."""

import ctypes

import llvmlite.binding
import numpy as np
from numba import types

from quasinewton.jit import fragment

NANOSECONDS = 1_000_000_000
NEVER = np.iinfo(np.int64).max


def _symbol(name, function):
    llvmlite.binding.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)


# CPython's own clock, the one behind time.monotonic_ns on every platform; it needs no GIL. Public since 3.13.
if hasattr(ctypes.pythonapi, "PyTime_MonotonicRaw"):
    _symbol("quasinewton_clock", ctypes.pythonapi.PyTime_MonotonicRaw)
    _clock = types.ExternalFunction("quasinewton_clock", types.int32(types.CPointer(types.int64)))

    @fragment
    def now():
        """Nanoseconds on a clock that never goes back."""
        time = np.zeros(1, dtype=np.int64)
        _clock(time.ctypes)
        return time[0]

else:
    _symbol("quasinewton_clock", ctypes.pythonapi._PyTime_GetMonotonicClock)
    _clock = types.ExternalFunction("quasinewton_clock", types.int64())

    @fragment
    def now():
        """Nanoseconds on a clock that never goes back."""
        return _clock()
