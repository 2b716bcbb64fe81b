"""Functions whose implementation is chosen at compile time by the type of the first argument."""

import functools
import inspect

from numba import types
from numba.extending import overload

from quasinewton.numba_ext.jit import CHOSEN
from quasinewton.numba_ext.registration import is_named_tuple


def _names(function):
    """Return the names of the arguments of a Python function; None for other objects."""
    code = getattr(function, "__code__", None)
    return code and code.co_varnames[: code.co_argcount]


def generic(function):
    """Make a compiled function that chooses its implementation by the type of its first argument.

    The first argument is a NamedTuple of numbers or arrays, whose class selects the implementation.
    The choice is made at compile time, costs nothing at run time and, unlike a function passed as
    an argument, leaves the caller cacheable.

    Parameters
    ----------
    function : callable
        Defines the name, the arguments and the documentation; its body is the implementation for
        classes that register none.

    Returns
    -------
    callable
        Callable from compiled code and from Python. Its `register(kind)` is a decorator for the
        implementation for the NamedTuple class `kind`, which must have the same argument names. A
        class has one implementation, since code compiled with it may be in use.
    """
    implementations = {}
    names = _names(function)

    def implementation(kind):
        return implementations.get(kind, function)

    def choose(*arguments):
        first = arguments[0]
        return implementation(first.instance_class) if isinstance(first, types.BaseNamedTuple) else None

    @functools.wraps(function)
    def interpreted(first, *rest):
        return implementation(type(first))(first, *rest)

    choose.__signature__ = inspect.signature(function)
    overload(interpreted, strict=False, jit_options=CHOSEN)(choose)

    def register(kind):
        if not is_named_tuple(kind):
            raise TypeError(f"{function.__name__} is registered for a class made by typing.NamedTuple; got {kind!r}")

        def add(given):
            if _names(given) != names:
                wanted = ", ".join(names)
                raise TypeError(f"{function.__name__} for {kind.__name__} must be a function of ({wanted})")
            if kind in implementations:
                raise ValueError(
                    f"{kind.__name__} has its {function.__name__} already; define the class anew, and register that"
                )
            implementations[kind] = given
            return given

        return add

    interpreted.register = register
    interpreted.is_registered = implementations.__contains__
    return interpreted
