"""Python callables as objectives: evaluations that call the interpreter from compiled code."""

from __future__ import annotations  # those of closures would be evaluated for every objective

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from quasinewton._arguments.real_values import (
    is_added_number,
    is_masked,
    plain_number,
    real_array,
    warn_complex,
)
from quasinewton._numba_ext.interpreted import is_undefined
from quasinewton._numba_ext.jit import kernel
from quasinewton._numba_ext.python_calls import call_python
from quasinewton._objective.callables import Callables
from quasinewton._objective.from_njit import multiply
from quasinewton._objective.interface import (
    COMPLEX,
    GRADIENT,
    HESSIAN,
    PRECONDITION,
    PRODUCT,
    VALUE,
)
from quasinewton._validation import NOT_SCALAR, PAIR

FLOAT64 = np.dtype(np.float64)


def scalar(f: Any) -> float:
    """Convert a user's function value to float.

    Parameters
    ----------
    f : real number of any kind, or array of size 1
        For example a float, a Fraction, a Decimal, or a number of mpmath or SymPy; a complex number
        if its imaginary part is zero.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `f` is None, has a nonzero imaginary part, or does not hold exactly one number.

    Warns
    -----
    ComplexWarning
        If `f` is complex and its imaginary part, which is dropped, is zero.
    """
    kind = type(f).__name__
    advice = PAIR if isinstance(f, tuple) and len(f) == 2 else ""
    try:
        f = np.empty(0) if is_masked(f) else np.asarray(f)
        if f.size == 1 and f.dtype.kind in "buif":
            return float(f.reshape(())[()])
    except (TypeError, ValueError):
        f = np.empty(0)
    number = f.reshape(())[()] if f.size == 1 and (f.dtype.kind in "cO" or is_added_number(f.dtype)) else None
    number = plain_number(number)
    if isinstance(number, complex):
        if number.imag != 0.0:
            raise ValueError(f"{NOT_SCALAR} It returns a complex number, {number}.")
        warn_complex("the objective")
        return number.real
    if number is None:
        raise ValueError(f"{NOT_SCALAR} It returns {kind}.{advice}" if f.size <= 1 or advice else NOT_SCALAR)
    return number


def derivative(values: Any, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Convert a user's gradient or Hessian to a real array of the given shape.

    Parameters
    ----------
    values : array_like or sparse matrix
    shape : tuple of int
        (n,) or (n, n).
    name : str
        Name of the derivative in messages.

    Returns
    -------
    ndarray, float64, of that shape

    Raises
    ------
    ValueError
        If its size differs, it is not real, or a part of it is masked.
    """
    if is_masked(values):
        raise ValueError(f"{name} has masked values, which are no numbers")
    if hasattr(values, "toarray"):
        values = values.toarray()
    elif hasattr(values, "matmat"):  # a LinearOperator
        values = values @ np.eye(values.shape[1])
    try:
        values = np.asarray(values)
    except ValueError:  # rows of several lengths
        values = np.empty((), object)
    values = real_array(values, name)
    size = 1
    for length in shape:
        size *= length
    if values.dtype.kind not in "buif" or values.size != size:
        raise ValueError(f"{name} must be real, of shape {shape}; got {values.dtype} of shape {values.shape}")
    return values.reshape(shape)


class Views(dict):
    """Arrays of one shape over memory owned by a solver, by address, created on first use.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy dtype
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any = np.float64) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)

    def __missing__(self, address: int) -> np.ndarray:
        memory = (ctypes.c_byte * (math.prod(self.shape) * self.dtype.itemsize)).from_address(address)
        view = self[address] = np.frombuffer(memory, self.dtype).reshape(self.shape)
        return view


def rounding(values: Any) -> float:
    """Return the relative rounding of a float type coarser than double; 0 for other types."""
    dtype = getattr(values, "dtype", None)
    if not isinstance(dtype, np.dtype):  # Tensors of other libraries have dtypes of their own.
        try:
            dtype = np.asarray(values).dtype
        except ValueError:  # Rows of several lengths are refused where they are converted.
            return 0.0
    return float(np.finfo(dtype).eps) if dtype.kind == "f" and dtype.itemsize < 8 else 0.0


def evaluator(
    callables: Callables, args: tuple, n: int, precision: np.ndarray | None = None
) -> Callable[[int, int, int, int], float]:
    """Combine the user's callables in one function that copies x and checks the results.

    Parameters
    ----------
    callables : Callables
        fun(x, *args) -> f; with the form "joint" -> (f, g); with "inplace" fun(x, g, *args) -> f.
    args : tuple
    n : int
        Number of variables.
    precision : ndarray, one record with the fields f_eps, f_type and g_eps, optional
        Overwritten with the rounding of values and gradients if their types are coarser than
        double.

    Returns
    -------
    callable
        evaluate(what, x, g, h) -> float; x, g and h are memory addresses as in
        `interface.SIGNATURE`.
    """
    # The functions below run at every evaluation and are written for speed: closures are faster
    # than methods, and `args` are not unpacked if there are none.
    fun, form, jac, hess, second_form, precond, _ = callables
    shape = (n,)
    vectors, matrices, complexes = Views(shape), Views((n, n)), Views(shape, np.complex128)
    if args:
        fun, jac, hess, precond = (with_args(function, args) for function in (fun, jac, hess, precond))
    if form == "residual-joint":
        fun, hess = halves(fun)
        form = "residual"

    # `begun` is nonempty after the first value; `kept` holds a point and the Hessian there.
    begun: list[bool] = []
    kept: list[Any] = []

    def put(g: int, values: Any, name: str = "the gradient") -> None:
        if not (type(values) is np.ndarray and values.dtype is FLOAT64 and values.shape == shape):
            if precision is not None and (rough := rounding(values)):
                precision["g_eps"] = max(precision["g_eps"][0], rough)
            values = derivative(values, shape, name)
        vectors[g][...] = values

    def number(f: Any) -> float:
        if precision is not None and (rough := rounding(f)):
            precision["f_eps"] = precision["f_type"] = max(precision["f_eps"][0], rough)
        return scalar(f)

    def value(what: int, x: int, g: int, h: int) -> float:
        f = fun(vectors[x].copy())
        return f if isinstance(f, float) else number(f)

    def separate(what: int, x: int, g: int, h: int) -> float:
        point, f = vectors[x], math.nan
        if what & VALUE:
            f = fun(point.copy())
        if what & GRADIENT:
            put(g, jac(point.copy()))
        return f if isinstance(f, float) else number(f)

    def joint(what: int, x: int, g: int, h: int) -> float:
        f, values = pair(fun(vectors[x].copy()))
        if what & GRADIENT:
            put(g, values)
        return f if isinstance(f, float) else number(f)

    def inplace(what: int, x: int, g: int, h: int) -> float:
        gradient = np.full(n, math.nan)  # NaN makes a component visible that the user does not write.
        f = fun(vectors[x].copy(), gradient)
        if what & GRADIENT:
            put(g, gradient)
        return f if isinstance(f, float) else number(f)

    def residual(what: int, x: int, g: int, h: int) -> float:
        put(g, fun(vectors[x].copy()), "what fun returns")
        return math.nan

    def product(x: np.ndarray, p: np.ndarray) -> Any:
        if second_form == "product":
            return hess(x, p)
        # All products of an iteration use the same Hessian.
        if not kept or not np.array_equal(kept[0], x):
            kept[:] = x.copy(), hess(x)
        H = kept[1]
        if hasattr(H, "toarray"):
            return H @ p
        out = np.empty(n)
        H = np.ascontiguousarray(derivative(H, (n, n), "the second derivative"), dtype=np.float64)
        multiply(H, p, out)  # BLAS would round differently from compiled Hessians.
        return out

    def second_order(what: int, x: int, g: int, h: int) -> float:
        if what == PRODUCT:
            put(g, product(vectors[x].copy(), vectors[h].copy()), "the product with the Hessian")
            return math.nan
        if what == PRECONDITION:
            put(g, precond(vectors[x].copy(), vectors[h].copy()), "the preconditioned vector")
            return math.nan
        if what == HESSIAN:
            name = "the Jacobian" if form == "residual" else "the second derivative"
            matrices[h][...] = derivative(hess(vectors[x].copy()), (n, n), name)
            return math.nan
        if what == COMPLEX:
            return imaginary(fun(complexes[x].copy()))
        return first(what, x, g, h)

    def first(what: int, x: int, g: int, h: int) -> float:
        try:
            f = evaluate(what, x, g, h)
        except Exception as error:
            # At a trial point this marks the edge of the domain; at the first point it is an error
            # of the user.
            if not begun or not is_undefined(error):
                raise
            if what & GRADIENT:
                vectors[g][...] = math.nan
            return math.nan
        if not begun:
            begun.append(True)
        return f

    forms = {"value": value, "separate": separate, "joint": joint, "inplace": inplace, "residual": residual}
    evaluate = forms[form]
    return first if hess is None and precond is None and form != "value" else second_order


def pair(returned: Any) -> tuple[Any, Any]:
    """Unpack the result of a function that returns value and derivative.

    Raises
    ------
    TypeError
        If the result is not a pair.
    """
    try:
        value, derivative = returned
    except (TypeError, ValueError):
        kind = type(returned).__name__
        raise TypeError(f"with jac=True, fun must return a value and its derivative; it returns {kind}") from None
    return value, derivative


def with_args(function: Any, args: tuple) -> Any:
    """Return a function that appends `args` to its arguments; None for None."""
    if function is None:
        return None
    return lambda *variables: function(*variables, *args)


def halves(function: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Split a function of value and derivative in two.

    The second returns the derivative at the last point given to the first.
    """
    last: list[Any] = []

    def value(x: np.ndarray) -> Any:
        last[:] = pair(function(x))
        return last[0]

    return value, lambda x: last[1]


def imaginary(f: Any) -> float:
    """Return Im f as float, for the complex step.

    Raises
    ------
    ValueError
        If f does not hold exactly one complex number.
    """
    f = np.asarray(f)
    if f.size != 1 or f.dtype.kind != "c":
        raise ValueError(f"jac='cs' needs an objective that is complex for complex x; got {f.dtype}")
    return float(f.reshape(())[()].imag)


@kernel
def objective(x: int, n: int, g: int, h: int, what: int, data: int) -> float:
    """Call a Python objective; see `interface.SIGNATURE`. `data` is the `id` of `evaluate`."""
    return call_python(data, what, x, g, h)
