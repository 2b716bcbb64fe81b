"""Second derivatives by the complex step: H p from one gradient at a complex point.

Im ∇f(x + i h p)/h equals H p up to terms of order h² (Squire & Trapp, SIAM Review 40, 1998), and
subtracts nothing. With h = ε^(1/2), times the size of x, these terms are of the order of rounding;
`finite_differences` explains why h is not smaller.
"""

import numba
import numpy as np
from numba import types

from quasinewton._autodiff import MADE
from quasinewton._numba_ext.introspection import is_compiled, result_type
from quasinewton._numba_ext.jit import OPTIONS
from quasinewton._objective.finite_differences import ROOT2

COMPLEX_VECTOR = types.Array(types.complex128, 1, "C")
NOT_COMPLEX = "hess='cs' needs a gradient that is complex for complex x; it is {}"


def second_derivative(fun, jac, form, use, arguments):
    """Make the function of the Hessian, or of its product with a vector, by the complex step.

    Parameters
    ----------
    fun, jac : callable
        As the user gave them.
    form : {"separate", "joint", "inplace"}
        How they give the gradient.
    use : {"hessian", "product"}
    arguments : tuple of numba types or None
        Types of the arguments after x; None if the interpreter calls the functions.

    Returns
    -------
    callable
        ``(x, *args) -> ndarray of shape (n, n)``, or ``(x, p, *args) -> ndarray of shape (n,)``;
        compiled if the gradient is.

    Raises
    ------
    TypeError
        If a compiled gradient does not compile for complex x, or is not complex there.
    """
    function = jac if form == "separate" else fun
    if arguments is None or not is_compiled(function):
        gradient = of_python(function, form)
        return hessian_of(gradient) if use == "hessian" else product_of(gradient)
    if form != "inplace":
        kind = result_type(function, (COMPLEX_VECTOR, *arguments), "with hess='cs', the gradient")
        kind = kind[1] if form == "joint" and isinstance(kind, types.BaseTuple) and len(kind) == 2 else kind
        if not isinstance(getattr(kind, "dtype", kind), types.Complex):
            raise TypeError(NOT_COMPLEX.format(kind))
    known = vars(function).setdefault(MADE, {})
    key = "complex step", form, use
    if key not in known:
        gradient = numba.njit(**OPTIONS)(of_compiled(function, form))
        made = hessian_of(gradient) if use == "hessian" else product_of(gradient)
        known[key] = numba.njit(**OPTIONS)(made)
    return known[key]


def of_python(function, form):
    """Return a function of x and args for the gradient at a complex point, with checks.

    Raises
    ------
    ValueError
        When called, if the gradient is not complex or its size differs from that of x.
    """
    gradient = of_compiled(function, form)

    def checked(z, *args):
        g = np.asarray(gradient(z, *args))
        if g.size != z.size or g.dtype.kind != "c":
            raise ValueError(NOT_COMPLEX.format(f"{g.dtype} of shape {g.shape}"))
        return g.ravel()

    return checked


def of_compiled(function, form):
    """Return a function of x and args for the gradient at a complex point."""
    if form == "separate":
        return lambda z, *args: function(z, *args)
    if form == "joint":
        return lambda z, *args: function(z, *args)[1]

    def written(z, *args):
        g = np.empty(z.size, np.complex128)
        function(z, g, *args)
        return g

    return written


def hessian_of(gradient):
    """Return the function that computes the symmetrised Hessian column by column."""

    def hessian(x, *args):
        n = x.size
        H = np.empty((n, n))
        for j in range(n):
            h = ROOT2 * max(1.0, abs(x[j]))
            z = x.astype(np.complex128)
            z[j] = complex(x[j], h)
            g = gradient(z, *args)
            for i in range(n):
                H[i, j] = g[i].imag / h
        for i in range(n):
            for j in range(i):
                H[i, j] = H[j, i] = 0.5 * (H[i, j] + H[j, i])
        return H

    return hessian


def product_of(gradient):
    """Return the function that computes a Hessian-vector product."""

    def product(x, p, *args):
        n, size, length = x.size, 1.0, 0.0
        for i in range(n):
            size, length = max(size, abs(x[i])), max(length, abs(p[i]))
        out = np.zeros(n)
        if length > 0.0:
            h = ROOT2 * size / length
            z = x.astype(np.complex128)
            for i in range(n):
                z[i] = complex(x[i], h * p[i])
            g = gradient(z, *args)
            for i in range(n):
                out[i] = g[i].imag / h
        return out

    return product
