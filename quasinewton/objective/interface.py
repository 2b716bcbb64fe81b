"""One contract for every objective: a function address, what to evaluate, where to write it.

`call` enters the function at an address that is known only at run time. So a solver loop is
compiled once for all objectives, and whatever the user gave (a compiled function, a Python
callable, finite differences around either) looks the same from inside the loop.
"""

from typing import NamedTuple

from numba import types

from quasinewton.numba_ext.addresses import objective_caller
from quasinewton.numba_ext.arrays import viewer

# What an evaluation is asked for; the first two may be combined.
VALUE = 1  # return f(x)
GRADIENT = 2  # write the gradient to g
HESSIAN = 4  # write the Hessian to h, row by row
COMPLEX = 8  # x holds n complex numbers: return Im f(x)
PRODUCT = 16  # multiply the Hessian with the vector h and write that to g, which holds the gradient at x
PRECONDITION = 32  # apply the user's preconditioner to the vector h and write that to g

POINTER = types.CPointer(types.float64)
SIGNATURE = types.float64(POINTER, types.intp, POINTER, POINTER, types.intp, types.intp)


class Objective(NamedTuple):
    """What a compiled loop knows of the user's functions.

    Attributes
    ----------
    address : int
        Machine address of a compiled function with `SIGNATURE`: (x, n, g, h, what, data) -> f.
    data : int
        Handed through to that function: the address of the user's `args`, of a Python callable, or
        of the objective that it differences.
    values : int
        Values that one gradient costs; 0 if the user's own.
    hessian_values, hessian_gradients : int
        Values and gradients that one Hessian, or one product with it, costs; 0 if the user's own.
    known : int
        Address of a record `finite_differences.WRAPPED` that holds what is known of the precision
        of values and gradients; 0 if there is none.
    """

    address: int
    data: int
    values: int = 0
    hessian_values: int = 0
    hessian_gradients: int = 0
    known: int = 0


OBJECTIVE = types.NamedUniTuple(types.int64, len(Objective._fields), Objective)
call, attempt = objective_caller(SIGNATURE)

vector = viewer(types.Array(types.float64, 1, "C"))
matrix = viewer(types.Array(types.float64, 2, "C"))  # n rows of n
complex_vector = viewer(types.Array(types.complex128, 1, "C"))
