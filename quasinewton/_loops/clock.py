"""Monotonic clock that compiled code reads without the interpreter."""

import ctypes

import numpy as np
from numba import types

from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.symbols import c_function

NANOSECONDS = 1_000_000_000
NEVER = np.iinfo(np.int64).max
SLICE = 50_000_000  # nanoseconds; time between two returns to the interpreter
MOST_STRIDE = 256  # evaluations; upper bound on the number between two readings of the clock

# Fields that a loop's record needs to decide how often to read the clock.
PACE = np.dtype(
    [
        ("begun", "i8"),  # nanoseconds; start of the slice
        ("looked", "i8"),  # nanoseconds; last reading of the clock
        ("stride", "i8"),  # evaluations between two readings
        ("wait", "i8"),  # evaluations until the next reading
        ("deadline", "i8"),  # nanoseconds
        ("overdue", "i8"),  # 1 once the deadline has passed
    ],
    align=True,
)


# CPython's own clock is the one behind time.monotonic_ns on every platform and needs no GIL. The
# function is public since Python 3.13.
if hasattr(ctypes.pythonapi, "PyTime_MonotonicRaw"):
    _clock = c_function(
        "quasinewton_clock", ctypes.pythonapi.PyTime_MonotonicRaw, types.int32(types.CPointer(types.int64))
    )

    @fragment
    def now():
        """Return the nanoseconds on a monotonic clock."""
        time = np.zeros(1, dtype=np.int64)
        _clock(time.ctypes)
        return time[0]

else:
    _clock = c_function("quasinewton_clock", ctypes.pythonapi._PyTime_GetMonotonicClock, types.int64())

    @fragment
    def now():
        """Return the nanoseconds on a monotonic clock."""
        return _clock()


@fragment
def begin_slice(pace):
    """Begin a slice of work, the time between two returns to the interpreter.

    `pace` is a record with the fields of PACE. It is updated.
    """
    pace.begun = pace.looked = now()
    pace.stride = pace.wait = 1


@fragment
def slice_over(pace):
    """Count an evaluation and return True if it is time to return to the interpreter.

    `pace.overdue` is set once the deadline has passed. The clock is read about every millisecond,
    hence the more rarely the shorter the evaluations are.
    """
    pace.wait -= 1
    if pace.wait > 0:
        return False
    time = now()
    short = time - pace.looked < 1_000_000
    pace.stride = min(2 * pace.stride, MOST_STRIDE) if short else max(1, pace.stride // 2)
    pace.looked, pace.wait = time, pace.stride
    if time >= pace.deadline:
        pace.overdue = 1
    return time - pace.begun > SLICE
