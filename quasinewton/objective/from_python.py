"""Python callables behind the compiled contract: evaluations that enter the interpreter and come
back.
"""

import ctypes
import functools
import math

import numpy as np

from quasinewton.numba_ext.addresses import address_of
from quasinewton.numba_ext.jit import kernel
from quasinewton.numba_ext.python_calls import call_python
from quasinewton.objective.from_njit import multiply
from quasinewton.objective.interface import COMPLEX, GRADIENT, HESSIAN, PRECONDITION, PRODUCT, SIGNATURE, VALUE
from quasinewton.objective.real_values import plain_number, real_array, warn_complex
from quasinewton.validation import NOT_SCALAR

FLOAT64 = np.dtype(np.float64)


def scalar(f):
    """A user's function value as a float.

    Parameters
    ----------
    f : real number of any kind, or array of size 1
        Such as a float, a Fraction, a Decimal, or a number of mpmath or SymPy; a complex one
        without imaginary part.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `f` is None, complex, or holds other than one number.

    Warns
    -----
    ComplexWarning
        If `f` is complex with an imaginary part of zero, which is dropped.
    """
    kind = type(f).__name__
    try:
        f = np.asarray(f) if f is not np.ma.masked else np.empty(0)
        if f.size == 1 and f.dtype.kind in "buif":
            return float(f.reshape(())[()])
    except (TypeError, ValueError):
        f = np.empty(0)
    number = f.reshape(())[()] if f.size == 1 and f.dtype.kind in "cO" else None
    number = plain_number(number)
    if isinstance(number, complex):
        if number.imag != 0.0:
            raise ValueError(f"{NOT_SCALAR} It returns a complex number, {number}.")
        warn_complex("the objective")
        return number.real
    if number is None:
        raise ValueError(f"{NOT_SCALAR} It returns {kind}." if f.size <= 1 else NOT_SCALAR)
    return number


def derivative(values, shape, name):
    """A user's gradient or Hessian as a float64 array.

    Parameters
    ----------
    values : array_like or sparse matrix
    shape : tuple of int
        (n,) or (n, n).
    name : str
        What to call it in the message.

    Returns
    -------
    ndarray, float64, of that shape

    Raises
    ------
    ValueError
        If it has another size, or is not real.
    """
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
    """Arrays of one shape over memory that belongs to a solver, by address; made at first sight.

    Parameters
    ----------
    shape : tuple of int
    dtype : numpy dtype
    """

    def __init__(self, shape, dtype=np.float64):
        self.shape, self.dtype = shape, np.dtype(dtype)

    def __missing__(self, address):
        memory = (ctypes.c_byte * (math.prod(self.shape) * self.dtype.itemsize)).from_address(address)
        view = self[address] = np.frombuffer(memory, self.dtype).reshape(self.shape)
        return view


def rounding(values):
    """The rounding of a type of numbers coarser than doubles, relative; 0 for all others."""
    dtype = getattr(values, "dtype", None)
    if not isinstance(dtype, np.dtype):  # a tensor of another library
        dtype = np.asarray(values).dtype
    return float(np.finfo(dtype).eps) if dtype.kind == "f" and dtype.itemsize < 8 else 0.0


def evaluator(fun, jac, hess, form, args, n, second="hessian", precond=None, noted=None):
    """The user's callables behind one function: called with copies of x, checked on return.

    Parameters
    ----------
    fun : callable
        fun(x, *args) -> f; with the form "joint" -> (f, g); with "inplace" fun(x, g, *args) -> f.
    jac, hess : callable or None
        jac(x, *args) -> g with the form "separate"; hess(x, *args) -> H, or hess(x, p, *args) -> H
        p.
    form : {"value", "separate", "joint", "inplace", "residual"}
    args : tuple
    n : int
        Number of variables.
    second : {"hessian", "product", "dense"}
        What `hess` is: the Hessian, its product, or the Hessian where products are wanted.
    precond : callable, optional
        precond(x, v, *args) -> M v.
    noted : ndarray, one record with the fields f_eps, f_type and g_eps, optional
        Written: the rounding of values and gradients, where their types show that it is not that of
        doubles.

    Returns
    -------
    callable
        evaluate(what, x, g, h) -> float, with memory addresses, as `interface.SIGNATURE` says.
    """
    # What follows runs once an evaluation, so it is written for speed: closures rather than
    # methods, and no argument unpacked where there is none.
    shape = (n,)
    vectors, matrices, complexes = Views(shape), Views((n, n)), Views(shape, np.complex128)
    if args:
        fun, jac, hess, precond = (with_args(function, args) for function in (fun, jac, hess, precond))
    if form == "residual-joint":
        fun, hess = halves(fun)
        form = "residual"

    begun, kept = [], []  # something, once a value has come back; a point and the Hessian there

    def put(g, values, name="the gradient"):
        if not (type(values) is np.ndarray and values.dtype is FLOAT64 and values.shape == shape):
            rough = 0.0 if noted is None else rounding(values)
            if rough:
                noted["g_eps"] = max(noted["g_eps"][0], rough)
            values = derivative(values, shape, name)
        vectors[g][...] = values

    def number(f):
        rough = 0.0 if noted is None else rounding(f)
        if rough:
            noted["f_eps"] = noted["f_type"] = max(noted["f_eps"][0], rough)
        return scalar(f)

    def value(what, x, g, h):
        f = fun(vectors[x].copy())
        return f if isinstance(f, float) else number(f)

    def separate(what, x, g, h):
        point, f = vectors[x], math.nan
        if what & VALUE:
            f = fun(point.copy())
        if what & GRADIENT:
            put(g, jac(point.copy()))
        return f if isinstance(f, float) else number(f)

    def joint(what, x, g, h):
        f, values = pair(fun(vectors[x].copy()))
        if what & GRADIENT:
            put(g, values)
        return f if isinstance(f, float) else number(f)

    def inplace(what, x, g, h):
        gradient = np.full(n, math.nan)  # a component that is forgotten shows at once
        f = fun(vectors[x].copy(), gradient)
        if what & GRADIENT:
            put(g, gradient)
        return f if isinstance(f, float) else number(f)

    def residual(what, x, g, h):
        put(g, fun(vectors[x].copy()))
        return math.nan

    def product(x, p):
        if second == "product":
            return hess(x, p)
        if not kept or not np.array_equal(kept[0], x):  # the same Hessian for all products of an iteration
            kept[:] = x.copy(), hess(x)
        H = kept[1]
        if hasattr(H, "toarray"):
            return H @ p
        out = np.empty(n)
        H = np.ascontiguousarray(derivative(H, (n, n), "the second derivative"), dtype=np.float64)
        multiply(H, p, out)  # not BLAS: a compiled Hessian gives the same bits
        return out

    def second_order(what, x, g, h):
        if what == PRODUCT:
            put(g, product(vectors[x].copy(), vectors[h].copy()), "the product with the Hessian")
            return math.nan
        if what == PRECONDITION:
            put(g, precond(vectors[x].copy(), vectors[h].copy()), "the preconditioned vector")
            return math.nan
        if what == HESSIAN:
            matrices[h][...] = derivative(hess(vectors[x].copy()), (n, n), "the second derivative")
            return math.nan
        if what == COMPLEX:
            return imaginary(fun(complexes[x].copy()))
        return first(what, x, g, h)

    def first(what, x, g, h):
        try:
            f = evaluate(what, x, g, h)
        except ArithmeticError:
            # On Python's numbers 1/0 and exp(1000) raise, where NumPy's make infinity: at a trial
            # point this is an edge of the domain, at the first point of all a mistake.
            if not begun:
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


def pair(returned):
    """What a function of value and derivative has returned, as the two.

    Raises
    ------
    TypeError
        If it is something else.
    """
    try:
        value, derivative = returned
    except (TypeError, ValueError):
        kind = type(returned).__name__
        raise TypeError(f"with jac=True, fun must return a value and its derivative; it returns {kind}") from None
    return value, derivative


def with_args(function, args):
    """The function of what comes before `args`; None stays None."""
    if function is None:
        return None
    return lambda *variables: function(*variables, *args)


def halves(function):
    """A function of value and derivative as two; the second is that of the last point given to the
    first.
    """
    last = []

    def value(x):
        last[:] = pair(function(x))
        return last[0]

    return value, lambda x: last[1]


def imaginary(f):
    """Im f, for the complex step.

    Raises
    ------
    ValueError
        If f is not one complex number.
    """
    f = np.asarray(f)
    if f.size != 1 or f.dtype.kind != "c":
        raise ValueError(f"jac='cs' needs an objective that is complex for complex x; got {f.dtype}")
    return float(f.reshape(())[()].imag)


@kernel
def _trampoline(x, n, g, h, what, data):
    return call_python(data, what, x, g, h)


@functools.cache
def trampoline_address():
    """Address of the one compiled function through which all Python objectives are called.

    Returns
    -------
    int
        With `id(objective)` as its data.
    """
    return address_of(_trampoline, SIGNATURE)
