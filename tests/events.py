"""Events for objectives and tests to wait for, so that no test depends on the machine's speed."""

import ctypes
import signal

from numba import njit

from quasinewton._numba_ext.arrays import fetch_add

_kill = ctypes.CDLL(None).kill
_kill.argtypes = [ctypes.c_int, ctypes.c_int]
_kill.restype = ctypes.c_int

SIGINT = int(signal.SIGINT)


@njit
def is_open(gate):
    """Return True if the first item of the int64 array `gate` is not 0, as set by any thread."""
    return fetch_add(gate, 0, 0) != 0


@njit
def pass_once(gate):
    """Return True at one call after the gate was set to 1, and False at all others."""
    return is_open(gate) and fetch_add(gate, 0, 1) == 1


@njit
def wait_for(gate):
    """Wait until the gate is open, without holding a lock."""
    while not is_open(gate):
        pass


@njit
def press_ctrl_c(process):
    """Send a process SIGINT, the signal of Ctrl-C, from compiled code.

    Its main thread handles the signal when it next runs Python code.
    """
    _kill(process, SIGINT)
