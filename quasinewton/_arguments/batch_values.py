"""Starts and arguments of a batch of problems, a row for each problem."""

from typing import Any

import numpy as np

from quasinewton._arguments.convert_args import as_args, plain_array
from quasinewton._arguments.initial_values import as_array
from quasinewton._numba_ext.introspection import is_compiled
from quasinewton._validation import real


def start_points(X0: Any) -> np.ndarray:
    """Return X0 as a new float64 array of shape (k, n).

    Raises
    ------
    ValueError
        If X0 does not have two dimensions, has rows without variables, or is complex.
    TypeError
        If X0 does not hold numbers.
    """
    X0 = as_array("X0", X0)
    if X0.ndim != 2 or (X0.shape[1] == 0 and X0.shape[0] > 0):
        raise ValueError(f"X0 must have shape (k, n), a start in each of k rows; got {X0.shape}")
    return real("X0", X0)


def batch_arrays(batch_args: Any, k: int, *functions: Any) -> tuple[np.ndarray, ...]:
    """Return the arguments that differ between problems as contiguous arrays.

    `functions` are the user's functions, or the values given instead of functions.

    Raises
    ------
    ValueError
        If one of them does not have k rows; the message gives both lengths.
    TypeError
        If one of them cannot be converted, or has a mask or a unit.
    """
    compiled, arrays = any(map(is_compiled, functions)), []
    for place, given in enumerate(as_args(batch_args)):
        array = plain_array(given, f"batch_args[{place}]", compiled)
        if array.ndim == 0 or len(array) != k:
            rows = "no rows: it is a single value" if array.ndim == 0 else f"{len(array)} rows"
            raise ValueError(f"batch_args[{place}] must have a row for each of the {k} rows of X0; it has {rows}")
        arrays.append(array if array.flags.c_contiguous else np.ascontiguousarray(array))
    return tuple(arrays)
