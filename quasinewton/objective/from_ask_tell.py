"""The objective of an ask-and-tell solver: values that the caller has evaluated and passed in.

The caller's gradient and Hessian are already in the arrays of the state, so only f is returned.
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
    """Return the address of the compiled function that returns the float64 at address `data`.

    Returns
    -------
    int
    """
    return address_of(_told, SIGNATURE)
