"""Hessian-vector products from a Hessian matrix that is evaluated once per point and kept.

This serves compiled functions, whose matrices are dense. `from_python` keeps the matrices of Python
functions, which may be sparse.
"""


from quasinewton._numba_ext.jit import kernel
from quasinewton._numba_ext.linalg import copy
from quasinewton._objective.finite_differences import wrapped_at
from quasinewton._objective.from_njit import multiply
from quasinewton._objective.interface import (
    HESSIAN,
    PRODUCT,
    call,
    matrix,
    vector,
)


@kernel
def objective(x_, n, g_, h_, what, data):
    """Evaluate the wrapping objective; see `interface.SIGNATURE`.

    `data` is the address of a record WRAPPED. Its `probe` holds the point and workspace (2n
    doubles), then the Hessian at that point (n² doubles); `kept` is 1 if the Hessian is valid.
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
        copy(work, x)  # The user's function may overwrite its argument.
        call(w.address, work, g, hessian, HESSIAN, w.data)
        w.kept = 1
    multiply(hessian, h, g)
    return 0.0
