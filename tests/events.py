"""Events for objectives and tests to wait for, so that no test depends on how fast the machine is.
"""

import ctypes
import signal

from numba import njit

from quasinewton.numba_ext.arrays import fetch_add

_kill = ctypes.CDLL(None).kill
_kill.argtypes = [ctypes.c_int, ctypes.c_int]
_kill.restype = ctypes.c_int

SIGINT = int(signal.SIGINT)


@njit
def is_open(gate):
    """Return True if the int64 array `gate` is not 0 in its first place, whichever thread has set
    it.
    """
    return fetch_add(gate, 0, 0) != 0


@njit
def pass_once(gate):
    """Return True at one call after the gate has been opened by setting it to 1, and False at all
    others.
    """
    return is_open(gate) and fetch_add(gate, 0, 1) == 1


@njit
def wait_for(gate):
    """Wait, holding no lock, until the gate is open."""
    while not is_open(gate):
        pass


@njit
def press_ctrl_c(process):
    """Send a process the signal that Ctrl-C sends, from compiled code; its main thread will find
    it.
    """
    _kill(process, SIGINT)
