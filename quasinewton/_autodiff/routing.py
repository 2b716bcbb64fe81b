"""Routes: the replacement of calls of NumPy's functions in a differentiated function.

Calls of NumPy's functions are replaced by calls of stand-ins, which choose by the types of their
arguments: a rule of this package if an argument is active, otherwise NumPy's function itself.
Nothing is registered for NumPy's own functions of arrays, so other code keeps its meaning.
"""

import inspect
import operator

from numba.core import types
from numba.extending import overload

from quasinewton._autodiff.active_types import is_active, is_active_array, leaf_of
from quasinewton._autodiff.active_values import operand
from quasinewton._numba_ext.array_functions import delegate
from quasinewton._numba_ext.generated import define
from quasinewton._numba_ext.user_code import RULE

ROUTES = {}  # function of NumPy or Python: its stand-in in differentiated functions
METHODS = {}  # name of a method of arrays: its stand-in
INPLACE = {}  # in-place operator, such as operator.iadd: its stand-in


def is_absent(kind):
    """Return True if the type of an optional argument says that it is not given."""
    return kind is None or isinstance(kind, (types.NoneType, types.Omitted)) and getattr(kind, "value", None) is None


def rule(*functions, method=None):
    """Make the rule of functions for active arguments, written as for `numba.extending.overload`.

    Parameters
    ----------
    *functions : functions that it replaces
    method : str, optional
        Name of the method of arrays that it also replaces.
    """

    def add(choose):
        def own(*args):
            raise NotImplementedError

        own.__name__ = choose.__name__
        overload(own, strict=False, prefer_literal=True, jit_options=RULE)(choose)
        for function in functions:
            active = lambda kinds, public=function: own if any(map(leaf_of, kinds)) else public
            ROUTES[function] = delegate(function.__name__, active)
        if method:
            itself = method_itself(method)
            of_array = lambda kinds: own if isinstance(kinds[0], types.Array) and any(map(leaf_of, kinds)) else itself
            METHODS[method] = delegate(method, of_array, inspect.signature(choose).parameters)
        return ROUTES[functions[0]] if functions else METHODS[method]

    return add


def method_itself(name):
    """Make a function for compiled code that calls a method of its first argument."""

    def stand_in(*args):
        raise NotImplementedError

    call = define("call", f"def call(a, *rest):\n    return a.{name}(*rest)", {})
    overload(stand_in, strict=False, jit_options=RULE)(lambda a, *rest: call)
    return stand_in


def assign(out, a):
    """Copy an array into another of the same shape."""


@overload(assign, jit_options=RULE)
def _assign(out, a):
    # Loops, because out[...] = a takes seconds to compile.
    if out.ndim == 1:

        def vector(out, a):
            for i in range(out.size):
                out[i] = a[i]

        return vector
    if out.ndim == 2:

        def matrix(out, a):
            for i in range(out.shape[0]):
                for j in range(out.shape[1]):
                    out[i, j] = a[i, j]

        return matrix

    def general(out, a):
        out[...] = a

    return general


def inplace(operation, symbol):
    """Register the stand-in of an in-place operator.

    On active arrays it is a loop; on active numbers it is the binary operator.
    """

    def own(a, b):
        raise NotImplementedError

    text = f"def write(a, b):\n    assign(a, a {symbol} operand(b))\n    return a"
    write = define("write", text, {"assign": assign, "operand": operand})
    overload(own, strict=False, jit_options=RULE)(lambda a, b: write)
    plain, binary = getattr(operator, "i" + operation), getattr(operator, operation)

    def choose(kinds):
        if is_active_array(kinds[0]):
            return own
        return binary if leaf_of(kinds[1]) and not isinstance(kinds[0], types.Array) or is_active(kinds[0]) else plain

    INPLACE[plain] = delegate(plain.__name__, choose)


for operation, symbol in dict(add="+", sub="-", mul="*", truediv="/", pow="**", floordiv="//", mod="%").items():
    inplace(operation, symbol)
