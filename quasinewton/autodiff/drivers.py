"""Compiled functions that evaluate derivatives: the user's function at active numbers, and what is read off."""

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from quasinewton.autodiff import FEW
from quasinewton.autodiff.handling import add_lanes, dtype_of, leaf, on_tape, place, value
from quasinewton.autodiff.scalars import DOUBLE, F64, INDEX, Dual, Var, is_active, parts
from quasinewton.autodiff.tape import BLOCK, EXCEEDED, new_tape, null, peek, poke, release, sweep, words
from quasinewton.autodiff.twin import twin
from quasinewton.jit import INNER, OPTIONS, fragment
from quasinewton.settings import NOT_SCALAR

LIMIT = 1 << 29  # words of a tape: 4 GB
EXCEEDING = "the tape of reverse mode needs more than 4 GB; use jac='forward', jac='3-point' or a gradient of your own"


def seeder(lanes):
    """Make the intrinsic seed(x, k): the Dual of value x and derivative 1 in direction k, if there is one, else 0."""
    kind = Dual(lanes)

    @intrinsic
    def seed(typingctx, x, k):
        def codegen(context, builder, signature, args):
            members = parts(context, builder, kind)
            members.value = args[0]
            vectors = members.lanes.type
            one, zero = ir.Constant(DOUBLE, 1.0), ir.Constant(DOUBLE, 0.0)
            result = ir.Constant(vectors, None)
            for v in range(vectors.count):
                vector = ir.Constant(vectors.element, None)
                for k in range(vectors.element.count):
                    hot = builder.icmp_signed("==", args[1], INDEX(v * vectors.element.count + k))
                    vector = builder.insert_element(vector, builder.select(hot, one, zero), INDEX(k))
                result = builder.insert_value(result, vector, v)
            members.lanes = result
            return members._getvalue()

        return kind(F64, types.int64), codegen

    return seed


@intrinsic
def lane(typingctx, x, k):
    """Derivative k of a Dual."""

    def codegen(context, builder, signature, args):
        lanes = parts(context, builder, x, args[0]).lanes
        numbers = cgutils.alloca_once_value(builder, lanes)
        return builder.load(builder.gep(builder.bitcast(numbers, DOUBLE.as_pointer()), [args[1]]))

    return F64(x, types.int64), codegen


def derivatives(y, out, first):
    """Write the derivatives of a result, from direction `first` on, to a vector, as many as it has left."""


@overload(derivatives, jit_options=INNER)
def _derivatives(y, out, first):
    if not is_active(y):

        def zero(y, out, first):
            out[first:] = 0.0

        return zero
    lanes = y.lanes

    def write(y, out, first):
        for k in range(min(lanes, out.size - first)):
            out[first + k] = lane(y, k)

    return write


def scalar(y):
    """The number in a scalar or in an array of size 1."""


@overload(scalar, jit_options=INNER)
def _scalar(y):
    if not isinstance(y, types.Array):
        return lambda y: leaf(y)

    def unpack(y):
        if y.size != 1:
            raise ValueError(NOT_SCALAR)
        return leaf(y.flat[0])

    return unpack


def vector(y):
    """The numbers in a result as a sequence."""


@overload(vector, jit_options=INNER)
def _vector(y):
    if isinstance(y, types.Array):
        return lambda y: y.flatten()
    if isinstance(y, (types.UniTuple, types.List)):
        return lambda y: [leaf(item) for item in y]
    return lambda y: [leaf(y)]


def forward(f, lanes):
    """Compile value and gradient by forward mode, `lanes` directions at a time.

    Parameters
    ----------
    f : numba dispatcher
        f(x, *args) -> float.
    lanes : int

    Returns
    -------
    numba dispatcher
        (x, *args) -> (float, ndarray of shape (n,)).
    """
    function, seed, dtype = twin(f, Dual(lanes)), seeder(lanes), dtype_of(Dual(lanes))

    def value_and_grad(x, *args):
        g, point = np.empty(x.size), np.empty(x.size, dtype())
        first = 0
        while True:
            for i in range(x.size):
                point[i] = seed(x[i], i - first)
            y = scalar(function(point, *args))
            derivatives(y, g, first)
            first += lanes
            if first >= x.size:
                return float(value(y)), g

    return compiled(value_and_grad, f)


def forward_jacobian(f, lanes):
    """Compile value and Jacobian by forward mode.

    Parameters
    ----------
    f : numba dispatcher
        f(x, *args) -> vector of m values, or a number.
    lanes : int

    Returns
    -------
    numba dispatcher
        (x, *args) -> (ndarray of shape (m,), ndarray of shape (m, n)).
    """
    function, seed, dtype = twin(f, Dual(lanes)), seeder(lanes), dtype_of(Dual(lanes))

    def value_and_jacobian(x, *args):
        point = np.empty(x.size, dtype())
        first = 0
        while True:
            for i in range(x.size):
                point[i] = seed(x[i], i - first)
            y = vector(function(point, *args))
            if first == 0:
                values, jacobian = np.empty(len(y)), np.empty((len(y), x.size))
            for j in range(len(y)):
                values[j] = value(y[j])
                derivatives(y[j], jacobian[j], first)
            first += lanes
            if first >= x.size:
                return values, jacobian

    return compiled(value_and_jacobian, f)


@intrinsic
def as_var(typingctx, y, zero):
    """A result as a Var whose base has the type of `zero`; a plain number as a constant."""
    kind = Var(zero)
    return kind(y, zero), lambda context, builder, signature, args: context.cast(builder, args[0], y, kind)


@fragment
def adjoints(y, header, n, one):
    """Sweep the tape back from the Var y, a function of n variables; release it if it overflowed."""
    if header[EXCEEDED]:
        release(header[BLOCK])
        raise MemoryError(EXCEEDING)
    zero = null(one)
    poke(header[BLOCK] + 8 * place(y), one)
    sweep(header, (n + 1) * words(zero), zero)


def reverse(f):
    """Compile value and gradient by reverse mode: as `forward`."""
    function, dtype = twin(f, Var(F64)), dtype_of(Var(F64))

    def value_and_grad(x, *args):
        g, point = np.empty(x.size), np.empty(x.size, dtype())
        header = new_tape(x.size, 0.0, LIMIT)
        for i in range(x.size):
            point[i] = on_tape(float(x[i]), i + 1, header.ctypes.data)
        y = as_var(scalar(function(point, *args)), 0.0)
        adjoints(y, header, x.size, 1.0)
        for i in range(x.size):
            g[i] = peek(header[BLOCK] + 8 * (i + 1), 0.0)
        release(header[BLOCK])
        return value(y), g

    return compiled(value_and_grad, f)


def hessian_product(f):
    """Compile the product of the Hessian with a vector: forward mode in one direction through the tape.

    Parameters
    ----------
    f : numba dispatcher

    Returns
    -------
    numba dispatcher
        (x, v, *args) -> ndarray of shape (n,).
    """
    base, lanes = Dual(1), 1
    function, seed, dtype = twin(f, Var(base)), seeder(lanes), dtype_of(Var(base))

    def hvp(x, v, *args):
        out, point = np.empty(x.size), np.empty(x.size, dtype())
        one = seed(1.0, -1)
        header = new_tape(x.size, null(one), LIMIT)
        for i in range(x.size):
            direction = add_lanes(seed(x[i], -1), float(v[i]), seed(0.0, 0))
            point[i] = on_tape(direction, (i + 1) * words(one), header.ctypes.data)
        y = as_var(scalar(function(point, *args)), one)
        adjoints(y, header, x.size, one)
        for i in range(x.size):
            out[i] = lane(peek(header[BLOCK] + 8 * (i + 1) * words(one), one), 0)
        release(header[BLOCK])
        return out

    return compiled(hvp, f)


def dense_hessian(f, lanes):
    """Compile the Hessian: forward mode through the tape, `lanes` columns at a time.

    Parameters
    ----------
    f : numba dispatcher
    lanes : int

    Returns
    -------
    numba dispatcher
        (x, *args) -> ndarray of shape (n, n), symmetric to rounding.
    """
    base = Dual(lanes)
    function, seed, dtype = twin(f, Var(base)), seeder(lanes), dtype_of(Var(base))

    def hessian(x, *args):
        out, point = np.empty((x.size, x.size)), np.empty(x.size, dtype())
        one = seed(1.0, -1)
        for first in range(0, x.size, lanes):
            header = new_tape(x.size, null(one), LIMIT)
            for i in range(x.size):
                point[i] = on_tape(seed(x[i], i - first), (i + 1) * words(one), header.ctypes.data)
            y = as_var(scalar(function(point, *args)), one)
            adjoints(y, header, x.size, one)
            for i in range(x.size):
                derivatives(peek(header[BLOCK] + 8 * (i + 1) * words(one), one), out[i], first)
            release(header[BLOCK])
        return out

    return compiled(hessian, f)


def automatic(f, lanes, few):
    """Compile value and gradient by forward mode up to `few` variables, by reverse mode beyond."""
    ahead, back = forward(f, lanes), reverse(f)

    def value_and_grad(x, *args):
        if x.size <= few:
            return ahead(x, *args)
        return back(x, *args)

    return compiled(value_and_grad, f)


def second_of(pair, name, f):
    """Compile the function that returns the second result of a function."""

    def second(x, *args):
        return pair(x, *args)[1]

    second.__name__ = name
    return compiled(second, f)


def compiled(function, f):
    """Compile a function named after the user's."""
    function.__name__ = f"{function.__name__}_of_{f.__name__}"
    return numba.njit(**OPTIONS)(function)


def gradient(f, mode, lanes):
    """Value and gradient by the mode asked for."""
    if mode == "auto":
        return automatic(f, lanes, FEW)
    return forward(f, lanes) if mode == "forward" else reverse(f)


MAKERS = {
    "value_and_grad": gradient,
    "grad": lambda f, mode, lanes: second_of(gradient(f, mode, lanes), "grad", f),
    "value_and_jacobian": lambda f, mode, lanes: forward_jacobian(f, lanes),
    "jacobian": lambda f, mode, lanes: second_of(forward_jacobian(f, lanes), "jacobian", f),
    "hvp": lambda f, mode, lanes: hessian_product(f),
    "hessian": lambda f, mode, lanes: dense_hessian(f, lanes),
}
