"""Products with a Hessian that the user gives as a matrix: it is evaluated once a point, however
many products follow.

It is for compiled functions, whose matrices are dense; one of Python's is kept where it is
evaluated, as it is.
"""

import functools

from quasinewton.numba_ext.addresses import address_of
from quasinewton.numba_ext.jit import kernel
from quasinewton.numba_ext.linalg import copy
from quasinewton.objective.finite_differences import wrapped_at
from quasinewton.objective.from_njit import multiply
from quasinewton.objective.interface import HESSIAN, PRODUCT, SIGNATURE, call, matrix, vector


@kernel
def objective(x_, n, g_, h_, what, data):
    """The wrapping objective: see `interface.SIGNATURE`; `data` is the address of a record WRAPPED.

    Its `probe` holds 2n doubles, the point and workspace, and the n² of the Hessian there; `kept`
    tells whether it does.
    """
    w = wrapped_at(data)
    x, g, h = vector(x_, n), vector(g_, n), vector(h_, n)
    if what != PRODUCT:
        return call(w.address, x, g, h, what, w.data)
    point, work, hessian = vector(w.probe, n), vector(w.probe + 8 * n, n), matrix(w.probe + 16 * n, n)
    for i in range(n):
        if not point[i] == x[i]:
            w.kept = 0
    if not w.kept:
        copy(point, x)
        copy(work, x)  # the user's function may overwrite it
        call(w.address, work, g, hessian, HESSIAN, w.data)
        w.kept = 1
    multiply(hessian, h, g)
    return 0.0


@functools.cache
def address():
    """Address of the compiled objective that keeps a Hessian.

    Returns
    -------
    int
        To be called with the address of a record WRAPPED as its data.
    """
    return address_of(objective, SIGNATURE)
