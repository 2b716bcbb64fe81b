"""The monotonic clock, read from compiled code without the interpreter."""

import ctypes

import numpy as np
from numba import types

from quasinewton.numba_ext.jit import fragment
from quasinewton.numba_ext.symbols import c_function

NANOSECONDS = 1_000_000_000
NEVER = np.iinfo(np.int64).max
SLICE = 50_000_000  # nanoseconds between two returns to the interpreter
MOST_STRIDE = 256  # evaluations between two looks at the clock

# How often a loop looks at the clock: fields of the loop's own record.
PACE = np.dtype(
    [
        ("begun", "i8"),  # when the slice began
        ("looked", "i8"),  # when the clock was last read
        ("stride", "i8"),  # evaluations between two looks
        ("wait", "i8"),  # evaluations until the next
        ("deadline", "i8"),
        ("overdue", "i8"),  # whether the deadline has passed
    ],
    align=True,
)


# CPython's own clock, the one behind time.monotonic_ns on every platform; it needs no GIL. Public
# since 3.13.
if hasattr(ctypes.pythonapi, "PyTime_MonotonicRaw"):
    _clock = c_function(
        "quasinewton_clock", ctypes.pythonapi.PyTime_MonotonicRaw, types.int32(types.CPointer(types.int64))
    )

    @fragment
    def now():
        """Nanoseconds on a clock that never goes back."""
        time = np.zeros(1, dtype=np.int64)
        _clock(time.ctypes)
        return time[0]

else:
    _clock = c_function("quasinewton_clock", ctypes.pythonapi._PyTime_GetMonotonicClock, types.int64())

    @fragment
    def now():
        """Nanoseconds on a clock that never goes back."""
        return _clock()


@fragment
def begin_slice(pace):
    """Begin a slice of work between two returns to the interpreter; `pace` is a record with the
    fields of PACE.
    """
    pace.begun = pace.looked = now()
    pace.stride = pace.wait = 1


@fragment
def slice_over(pace):
    """Count an evaluation; whether it is time to return to the interpreter. Sets `pace.overdue`
    past the deadline.

    The clock is read as rarely as the evaluations are short: every millisecond or so.
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
