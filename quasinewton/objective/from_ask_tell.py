"""An objective that somebody else has evaluated: what was told stands where a loop would have put
it.

The gradient and the Hessian are in the state's arrays already, so that nothing is left to return
but f.
"""

import functools

from quasinewton.numba_ext.addresses import address_of
from quasinewton.numba_ext.jit import kernel
from quasinewton.objective.interface import SIGNATURE, vector


@kernel
def _told(x, n, g, h, what, data):
    return vector(data, 1)[0]


@functools.cache
def address():
    """Address of the compiled function that returns the float64 at the address `data`.

    Returns
    -------
    int
    """
    return address_of(_told, SIGNATURE)
