"""Functions whose implementation is chosen by the class of the first argument, a NamedTuple."""

import functools
import inspect

from numba import types
from numba.extending import overload

from quasinewton._numba_ext.jit import CHOSEN
from quasinewton._numba_ext.registration import is_named_tuple


def _names(function):
    """Return the names of the arguments of a Python function; None for other objects."""
    code = getattr(function, "__code__", None)
    return code and code.co_varnames[: code.co_argcount]


def by_class(function):
    """Make a Python function that chooses its implementation by the class of its first argument.

    Parameters
    ----------
    function : callable
        Defines the name, the arguments and the documentation; its body is the implementation for
        classes that register none.

    Returns
    -------
    callable
        Its `register(kind)` is a decorator for the implementation for the NamedTuple class `kind`,
        which must have the same argument names. A class has one implementation; another one is
        refused, which `functools.singledispatch` does not do. `is_registered(kind)` returns True if
        there is one.
    """
    implementations, names = {}, _names(function)

    @functools.wraps(function)
    def chosen(first, *rest):
        return implementations.get(type(first), function)(first, *rest)

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

    chosen.register, chosen.is_registered = register, implementations.__contains__
    chosen.implementation = lambda kind: implementations.get(kind, function)
    return chosen


def generic(function):
    """Make a compiled function that chooses its implementation by the class of its first argument.

    The first argument is a NamedTuple of numbers or arrays. The choice is made at compile time,
    costs nothing at run time and, unlike a function passed as an argument, leaves the caller
    cacheable.

    Parameters
    ----------
    function : callable
        As for `by_class`, in the subset of Python that Numba compiles.

    Returns
    -------
    callable
        As from `by_class`; callable from compiled code and from Python. Code compiled with an
        implementation may be in use, and so a class keeps the one that it has.
    """
    interpreted = by_class(function)

    def choose(*arguments):
        first = arguments[0]
        named = isinstance(first, types.BaseNamedTuple)
        return interpreted.implementation(first.instance_class) if named else None

    choose.__signature__ = inspect.signature(function)
    overload(interpreted, strict=False, jit_options=CHOSEN)(choose)
    return interpreted
