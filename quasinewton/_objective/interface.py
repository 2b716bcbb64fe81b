"""The calling convention of all objectives: an address, a request and arrays to write to.

`call` enters the function at an address that is known only at run time, so a solver loop is
compiled once for all objectives. A compiled function, a Python callable and finite differences
around either look the same from inside the loop.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import types

from quasinewton._numba_ext.addresses import objective_caller
from quasinewton._numba_ext.arrays import viewer
from quasinewton._numba_ext.jit import kernel

# Bits of `what`, the request of an evaluation. VALUE and GRADIENT may be combined.
VALUE = 1  # return f(x)
GRADIENT = 2  # write the gradient to g
HESSIAN = 4  # write the Hessian to h, row by row
COMPLEX = 8  # x holds n complex numbers: return Im f(x)
PRODUCT = 16  # multiply the Hessian with the vector h and write that to g, which holds the gradient at x
PRECONDITION = 32  # apply the user's preconditioner to the vector h and write that to g

POINTER = types.CPointer(types.float64)
SIGNATURE = types.float64(POINTER, types.intp, POINTER, POINTER, types.intp, types.intp)


class Objective(NamedTuple):
    """The data by which a compiled loop calls the user's functions.

    Attributes
    ----------
    address : int
        Machine address of a compiled function with `SIGNATURE`: (x, n, g, h, what, data) -> f; 0 if
        the caller evaluates.
    data : int
        Passed on to that function: the address of the user's `args`, of a Python callable, or of
        the record of a wrapped objective.
    values : int
        Number of values that one gradient costs; 0 if the gradient is exact.
    hessian_values, hessian_gradients : int
        Numbers of values and gradients that one Hessian, or one product with it, costs; 0 if second
        derivatives are exact.
    precision : int
        Address of a record `finite_differences.WRAPPED` that holds the measured precision of values
        and gradients; 0 if there is none.
    """

    address: int
    data: int
    values: int = 0
    hessian_values: int = 0
    hessian_gradients: int = 0
    precision: int = 0


# In place of an objective whose evaluations the caller makes and writes to the state (ask and
# tell). Code that evaluates points of its own, which the loop has not requested, must test for
# address 0.
TOLD = Objective(0, 0)
OBJECTIVE = types.NamedUniTuple(types.int64, len(Objective._fields), Objective)


def _compiled_caller() -> Any:
    return evaluate


# call(address, x, g, h, what, data) -> f enters an objective. `attempt` takes a flag `lenient` as
# well: if it is true, an exception of the user's compiled code which says that f has no value, such
# as that of 1/0, becomes f = g[0] = NaN. See `addresses.objective_caller`.
call, attempt = objective_caller(SIGNATURE, _compiled_caller)


@kernel
def evaluate(address: int, x: np.ndarray, g: np.ndarray, h: np.ndarray, what: int, data: int, lenient: bool) -> float:
    """Call a compiled objective from Python; see `attempt`."""
    return attempt(address, x, g, h, what, data, lenient)


# Views of the memory at a pointer: vector(pointer, n) has n components, matrix(pointer, n) n rows.
vector = viewer(types.Array(types.float64, 1, "C"))
matrix = viewer(types.Array(types.float64, 2, "C"))
complex_vector = viewer(types.Array(types.complex128, 1, "C"))
