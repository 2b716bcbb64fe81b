"""An objective that wraps another one and adds the derivatives that the user did not give.

How they are made of differences is in `finite_differences`.
"""

import numpy as np

from quasinewton._numba_ext.jit import fragment, kernel
from quasinewton._objective.finite_differences import (
    gradient_of_values,
    hessian_of_gradients,
    hessian_of_values,
    is_fixed,
    value_beside,
    wrapped_at,
)
from quasinewton._objective.interface import (
    GRADIENT,
    HESSIAN,
    PRECONDITION,
    PRODUCT,
    VALUE,
    Objective,
    call,
    matrix,
    vector,
)


@kernel
def objective(x_, n, g_, h_, what, data):
    """Evaluate the wrapping objective; see `interface.SIGNATURE`.

    `data` is the address of a record WRAPPED.
    """
    w = wrapped_at(data)
    x, g = vector(x_, n), vector(g_, n)
    probe = vector(w.probe, 2 * n)
    f = np.nan
    if what & VALUE:
        f = w.f = value_beside(w, x, 0, 0.0, probe) if w.gradient else call(w.address, x, g, x, what, w.data)
    if what & GRADIENT:
        if w.gradient:
            gradient_of_values(w, x, g, probe)
        elif not what & VALUE:
            call(w.address, x, g, x, GRADIENT, w.data)
    if what & (PRODUCT | PRECONDITION):
        call(w.address, x, g, vector(h_, n), what, w.data)
    if what & HESSIAN:
        h = matrix(h_, n)
        if not w.hessian:
            call(w.address, x, g, h, HESSIAN, w.data)
        elif w.gradient:
            hessian_of_values(w, x, h, probe)
        else:
            hessian_of_gradients(w, x, g, h, probe)
        if w.hessian:
            for i in range(n):
                for j in range(i):
                    above, below = h[j, i], h[i, j]
                    if w.symmetric:
                        # The derivative along a fixed variable is unknown (set to 0), but its
                        # mirror image is known.
                        above = 0.5 * (above + below) / (0.5 if is_fixed(w, n, i) != is_fixed(w, n, j) else 1.0)
                        below = above
                    h[i, j], h[j, i] = above, below  # Rows are derivatives along x_i, so they are transposed.
    return f


@fragment
def with_data(target, layers, data):
    """Return the objective `target` with other data of the user's own objective.

    If `target` wraps another objective, that objective's data are changed in place.

    Parameters
    ----------
    target : Objective
    layers : int
        Number of wrapping objectives around the user's own.
    data : int
        New data of the user's own objective.

    Returns
    -------
    Objective
    """
    if layers == 0:
        own = target.values, target.hessian_values, target.hessian_gradients
        return Objective(target.address, data, *own, target.precision)
    place = target.data
    for _ in range(layers - 1):
        wrapped_at(place).kept = 0
        place = wrapped_at(place).data
    wrapped_at(place).kept = 0
    wrapped_at(place).data = data
    return target
