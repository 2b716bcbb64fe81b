"""Python callables behind the compiled contract: evaluations that enter the interpreter and come back."""

import ctypes
import math

import numpy as np
from numba.core import cgutils, types
from numba.extending import intrinsic

from quasinewton.jit import kernel
from quasinewton.objective.contract import COMPLEX, GRADIENT, HESSIAN, SIGNATURE, VALUE, address_of

NOT_SCALAR = "The user-provided objective function must return a scalar value."


def scalar(f):
    """A user's function value as a float.

    Parameters
    ----------
    f : float, or array of size 1

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If `f` is None, complex, or holds other than one number.
    """
    try:
        f = np.asarray(f)
        if f.size == 1 and f.dtype.kind in "buif":
            return float(f.reshape(())[()])
    except (TypeError, ValueError):
        pass
    raise ValueError(NOT_SCALAR)


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
    values = np.asarray(values)
    size = 1
    for length in shape:
        size *= length
    if values.dtype.kind not in "buif" or values.size != size:
        raise ValueError(f"{name} must be real, of shape {shape}; got {values.dtype} of shape {values.shape}")
    return values.reshape(shape)


def evaluator(fun, jac, hess, form, args, n):
    """The user's callables behind one function: called with copies of x, checked on return.

    Parameters
    ----------
    fun : callable
        fun(x, *args) -> f; with the form "joint" -> (f, g); with "inplace" fun(x, g, *args) -> f.
    jac, hess : callable or None
        jac(x, *args) -> g with the form "separate"; hess(x, *args) -> H.
    form : {"value", "separate", "joint", "inplace", "residual"}
    args : tuple
    n : int
        Number of variables.

    Returns
    -------
    callable
        evaluate(what, x, g, h) -> float, with memory addresses, as `contract.SIGNATURE` says.
    """
    # Arrays over the solver's buffers, by address; a solver has few and uses them always.
    vectors, others = {}, {}

    def vector(address):
        try:
            return vectors[address]
        except KeyError:
            view = vectors[address] = np.frombuffer((ctypes.c_double * n).from_address(address))
            return view

    def put(g, values):
        if not (type(values) is np.ndarray and values.dtype == np.float64 and values.shape == (n,)):
            values = derivative(values, (n,), "the gradient")
        vector(g)[:] = values

    def value(what, x, g):
        return fun(x.copy(), *args)

    def separate(what, x, g):
        f = fun(x.copy(), *args) if what & VALUE else math.nan
        if what & GRADIENT:
            put(g, jac(x.copy(), *args))
        return f

    def joint(what, x, g):
        f, values = fun(x.copy(), *args)
        if what & GRADIENT:
            put(g, values)
        return f

    def inplace(what, x, g):
        gradient = np.empty(n)
        f = fun(x.copy(), gradient, *args)
        if what & GRADIENT:
            put(g, gradient)
        return f

    def residual(what, x, g):
        if what & GRADIENT:
            put(g, fun(x.copy(), *args))
        return math.nan

    first = {"value": value, "separate": separate, "joint": joint, "inplace": inplace, "residual": residual}[form]

    def evaluate(what, x, g, h):
        if what & HESSIAN:
            values = derivative(hess(vector(x).copy(), *args), (n, n), "the second derivative")
            if h not in others:
                others[h] = np.frombuffer((ctypes.c_double * (n * n)).from_address(h)).reshape(n, n)
            others[h][...] = values
            return math.nan
        if what & COMPLEX:
            if x not in others:
                others[x] = np.frombuffer((ctypes.c_double * (2 * n)).from_address(x)).view(np.complex128)
            return imaginary(fun(others[x].copy(), *args))
        f = first(what, vector(x), g)
        return f if isinstance(f, float) else scalar(f)

    return evaluate


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


@intrinsic
def _enter(typingctx, function, what, x, g, h):
    """Call the Python object at address `function` with four integers; return its float.

    A Python exception stays set in the interpreter while the compiled frames unwind, and so reaches the user
    unchanged, traceback included.
    """
    signature = types.float64(types.intp, types.intp, x, g, h)

    def codegen(context, builder, signature, args):
        api = context.get_python_api(builder)
        intp = context.get_value_type(types.intp)
        function, what, *pointers = args
        gil = api.gil_ensure()
        numbers = [what] + [builder.ptrtoint(pointer, intp) for pointer in pointers]
        numbers = [api.long_from_ssize_t(number) for number in numbers]
        result = api.call_function_objargs(builder.inttoptr(function, api.pyobj), numbers)
        for number in numbers:
            api.decref(number)
        failed = cgutils.is_null(builder, result)
        f = cgutils.alloca_once(builder, context.get_value_type(types.float64))
        with builder.if_then(builder.not_(failed)):
            builder.store(api.float_as_double(result), f)
            api.decref(result)
        api.gil_release(gil)
        with cgutils.if_unlikely(builder, failed):
            context.call_conv.return_exc(builder)
        return builder.load(f)

    return signature, codegen


@kernel
def _trampoline(x, n, g, h, what, data):
    return _enter(data, what, x, g, h)


def trampoline_address():
    """Address of the one compiled function through which all Python objectives are called.

    Returns
    -------
    int
        With `id(objective)` as its data.
    """
    if not _trampoline.overloads:
        _trampoline.compile(SIGNATURE)
    return address_of(_trampoline)
