"""Text of trampolines: how each form of an objective answers requests.

A trampoline is a small function with the objective's calling convention: it rebuilds x and `args`,
calls the user's `@njit` functions and writes their results.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from quasinewton._numba_ext import generated
from quasinewton._numba_ext.jit import fragment, shared
from quasinewton._numba_ext.tuples import loader
from quasinewton._objective.callables import Callables
from quasinewton._objective.derived import Derived, made
from quasinewton._objective.interface import (
    COMPLEX,
    GRADIENT,
    HESSIAN,
    PRECONDITION,
    PRODUCT,
    VALUE,
    complex_vector,
    matrix,
    vector,
)
from quasinewton._objective.njit_results import as_complex, as_scalar, write


@fragment
def fill_nan(out: np.ndarray) -> None:
    """Fill a vector with NaN."""
    for i in range(out.size):
        out[i] = np.nan


@shared
def copy_to(out: np.ndarray, values: np.ndarray) -> None:
    """Write a vector to another of the same size."""
    for i in range(out.size):
        out[i] = values[i]


@shared
def copy_rows_to(out: np.ndarray, values: np.ndarray) -> None:
    """Write a matrix to another of the same shape."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = values[i, j]


FIRST_ORDER = {
    "value": """
    if what & VALUE:
        f = as_scalar(fun(x, *args))
""",
    # `fun` and `jac` may both overwrite their x. The gradient buffer is unused until `jac` returns,
    # so it holds `fun`'s copy of x.
    "separate": """
    if what & VALUE and what & GRADIENT:
        own = vector(g_, n)
        write(own, x)
        f = as_scalar(fun(own, *args))
    elif what & VALUE:
        f = as_scalar(fun(x, *args))
    if what & GRADIENT:
        write(vector(g_, n), jac(x, *args))
""",
    # `jac` returns value and gradient. The loops rarely ask for values alone where gradients are
    # derived, so that the gradient is computed with them, and `fun` need not be compiled.
    "derived": """
    if what & (VALUE | GRADIENT):
        f, gradient = jac(x, args)
        if what & GRADIENT:
            copy_to(vector(g_, n), gradient)
""",
    # For the sum over samples that are not trained on. Values have the same bits.
    "derived-values": """
    if what & GRADIENT:
        f, gradient = jac(x, args)
        copy_to(vector(g_, n), gradient)
    elif what & VALUE:
        f = as_scalar(fun(x, *args))
""",
    "joint": """
    if what & (VALUE | GRADIENT):
        f_, gradient = fun(x, *args)
        f = as_scalar(f_)
        if what & GRADIENT:
            write(vector(g_, n), gradient)
""",
    # NaN in a component that the user's function does not write makes the omission visible.
    "inplace": """
    if what & (VALUE | GRADIENT):
        fill_nan(vector(g_, n))
        f = as_scalar(fun(x, vector(g_, n), *args))
""",
    "residual": """
    if what & GRADIENT:
        write(vector(g_, n), fun(x, *args))
""",
    "residual-derived": """
    if what & HESSIAN:
        _, jacobian = jac(x, args)
        write(matrix(h_, n), jacobian)
    elif what & GRADIENT:
        write(vector(g_, n), fun(x, *args))
""",
    "residual-joint": """
    if what & (GRADIENT | HESSIAN):
        values, jacobian = fun(x, *args)
        if what & GRADIENT:
            write(vector(g_, n), values)
        else:
            write(matrix(h_, n), jacobian)
""",
}
COMPLEX_VALUE = """
    if what & COMPLEX:
            f = as_complex(fun(complex_vector(x_, n), *args)).imag
"""
# Source of second derivatives: hess(x) is the Hessian, or hess(x, p) is its product with p.
SECOND_ORDER = {
    "hessian": """
    if what & HESSIAN:
        write(matrix(h_, n), hess(x, *args))
""",
    "product": """
    if what & PRODUCT:
        write(vector(g_, n), hess(x, vector(h_, n), *args))
""",
}
# Source of derived second derivatives, which are arrays of the right shape.
DERIVED_SECOND_ORDER = {
    "hessian": """
    if what & HESSIAN:
        copy_rows_to(matrix(h_, n), hess(x, *args))
""",
    "product": """
    if what & PRODUCT:
        copy_to(vector(g_, n), hess(x, vector(h_, n), *args))
""",
}
PRECONDITIONER = """
    if what & PRECONDITION:
        write(vector(g_, n), precond(x, vector(h_, n), *args))
"""


# Forms in which `jac` is derived from `fun` and called as jac(x, args).
DERIVED = {"derived", "derived-values", "residual-derived"}
UNCALLED = {"derived"}  # Forms in which `fun` is not called.


def define(callables: Callables, args_type: Any) -> Callable[..., Any]:
    """Define the trampoline of one objective as a Python function.

    Parameters
    ----------
    callables : Callables
        Its functions are numba dispatchers or Derived, its form is a key of FIRST_ORDER, its
        `second_form` one of SECOND_ORDER.
    args_type : numba tuple type

    Returns
    -------
    callable
        A function to be compiled for SIGNATURE.
    """
    lines = ["def trampoline(x_, n, g_, h_, what, data):", "    x = vector(x_, n)", "    args = load(data)"]
    fun, form, jac, second, second_form, precond, complex_step = callables
    lines += ["    f = np.nan", FIRST_ORDER[form]]
    second_order = DERIVED_SECOND_ORDER if isinstance(second, Derived) else SECOND_ORDER
    lines += [COMPLEX_VALUE] * complex_step + [second_order[second_form]] * (second is not None)
    lines += [PRECONDITIONER] * (precond is not None) + ["    return f"]
    scope = dict(VALUE=VALUE, GRADIENT=GRADIENT, HESSIAN=HESSIAN, COMPLEX=COMPLEX, np=np, load=loader(args_type))
    scope |= dict(vector=vector, complex_vector=complex_vector, matrix=matrix)
    scope |= dict(as_scalar=as_scalar, as_complex=as_complex, write=write, fill_nan=fill_nan)
    scope |= dict(copy_to=copy_to, copy_rows_to=copy_rows_to)
    scope |= dict(fun=fun, jac=made(jac), hess=made(second), precond=precond)
    scope |= dict(PRODUCT=PRODUCT, PRECONDITION=PRECONDITION)
    return generated.define("trampoline", "\n".join(lines), scope)
