"""One contract for every objective: a function address, what to evaluate, where to write it.

`call` enters the function at an address that is known only at run time. So a solver loop is compiled once for all
objectives, and whatever the user gave (a compiled function, a Python callable, finite differences around either)
looks the same from inside the loop.
"""

from typing import NamedTuple

from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np import arrayobj

from quasinewton.numba_ext.addresses import enter

# What an evaluation is asked for; the first two may be combined.
VALUE = 1  # return f(x)
GRADIENT = 2  # write the gradient to g
HESSIAN = 4  # write the Hessian to h, row by row
COMPLEX = 8  # x holds n complex numbers: return Im f(x)
PRODUCT = 16  # multiply the Hessian with the vector h and write that to g, which holds the gradient at x
PRECONDITION = 32  # apply the user's preconditioner to the vector h and write that to g

POINTER = types.CPointer(types.float64)
SIGNATURE = types.float64(POINTER, types.intp, POINTER, POINTER, types.intp, types.intp)


class Objective(NamedTuple):
    """What a compiled loop knows of the user's functions.

    Attributes
    ----------
    address : int
        Machine address of a compiled function with `SIGNATURE`: (x, n, g, h, what, data) -> f.
    data : int
        Handed through to that function: the address of the user's `args`, of a Python callable, or of the
        objective that it differences.
    values : int
        Values that one gradient costs; 0 if the user's own.
    hessian_values, hessian_gradients : int
        Values and gradients that one Hessian, or one product with it, costs; 0 if the user's own.
    """

    address: int
    data: int
    values: int = 0
    hessian_values: int = 0
    hessian_gradients: int = 0


@intrinsic
def call(typingctx, address, x, g, h, what, data):
    """Call the objective at `address`; an exception raised there passes through.

    x and g are contiguous float64 vectors, h a contiguous float64 array of any rank; arrays that are not asked
    for may have length 0. Returns f, or NaN when the value was not asked for.
    """
    signature = types.float64(types.intp, x, g, h, types.intp, types.intp)

    def codegen(context, builder, signature, args):
        address, *arrays, what, data = args
        x, g, h = (
            arrayobj.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args[1:4], arrays, strict=True)
        )
        n = cgutils.unpack_tuple(builder, x.shape)[0]
        return enter(context, builder, address, SIGNATURE, (x.data, n, g.data, h.data, what, data))

    return signature, codegen


def _view(kind):
    """Make the intrinsic that views memory that somebody else owns: no reference is counted.

    Parameters
    ----------
    kind : numba array type
        Of rank 1 or 2; every length is the n that the intrinsic is given.

    Returns
    -------
    intrinsic
        view(pointer, n) -> array; the pointer may be an integer address.
    """

    @intrinsic
    def view(typingctx, pointer, n):
        def codegen(context, builder, signature, args):
            array = arrayobj.make_array(kind)(context, builder)
            pointer, n = args
            if isinstance(signature.args[0], types.Integer):
                data = builder.inttoptr(pointer, array.data.type)
            else:
                data = builder.bitcast(pointer, array.data.type)
            size = context.get_constant(types.intp, kind.dtype.bitwidth // 8)
            strides = [builder.mul(size, n), size][2 - kind.ndim :]
            shape = [n] * kind.ndim
            arrayobj.populate_array(array, data=data, shape=shape, strides=strides, itemsize=size, meminfo=None)
            return array._getvalue()

        return kind(pointer, types.intp), codegen

    return view


vector = _view(types.Array(types.float64, 1, "C"))
matrix = _view(types.Array(types.float64, 2, "C"))  # n rows of n
complex_vector = _view(types.Array(types.complex128, 1, "C"))
