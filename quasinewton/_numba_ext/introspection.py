"""Queries about functions to Numba: whether they are compiled, result types, error messages."""

import functools
import inspect
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.core.errors import TypingError
from numba.core.registry import cpu_target

from quasinewton._numba_ext.user_code import Copy

__all__ = [
    "TypingError",
    "gist",
    "is_compiled",
    "numba_type",
    "parameter_names",
    "result_type",
    "tuple_type",
]

VARIADIC = inspect.CO_VARARGS
# Types of arguments that are no operands of arithmetic, with what to say of them.
INERT = (
    ((types.List, types.ListType, types.Set), "a list or a set: pass an array"),
    (types.BaseTuple, "a tuple: pass an array"),
    (types.UnicodeType, "text: pass numbers"),
    (types.NoneType, "None: pass a value, or test for None before it is used"),
)


def is_compiled(function: Any) -> bool:
    """Return True if a function is compiled by Numba and called without the interpreter.

    In object mode it is called through the interpreter, with any object.
    """
    kind: Any = type(function)
    return _is_dispatcher(kind) and not function.targetoptions.get("forceobj")


@functools.lru_cache(maxsize=64)
def _is_dispatcher(kind: type) -> bool:
    # Numba's class is abstract, and a test for it takes a microsecond, several times in each call.
    return issubclass(kind, Dispatcher)


def numba_type(value: Any) -> Any:
    """Return the Numba type of a value, or None if Numba has none, whatever error it raises."""
    try:
        return numba.typeof(value)
    except Exception:
        return None


# Classes of which all objects have one Numba type.
_UNIFORM = frozenset({float, bool, complex, type(None), np.float64, np.float32, np.int64, np.int32, np.bool_})
_tuple_types: dict[tuple, Any] = {}  # Numba types of tuples, by what determines them


def tuple_type(values: tuple) -> Any:
    """Return the Numba type of a tuple, or None if it has none.

    Numba takes ten microseconds for a tuple of two numbers. Here the types of tuples of numbers
    and arrays are remembered.
    """
    parts: list[Any] = []
    for value in values:
        kind = type(value)
        if kind is np.ndarray:
            parts.append((value.dtype, value.ndim, value.flags.num))
        elif kind in _UNIFORM:
            parts.append(kind)
        else:
            return numba_type(values)
    key = tuple(parts)
    if key not in _tuple_types:
        _tuple_types[key] = numba_type(values)
    return _tuple_types[key]


def result_type(function: Any, argument_types: tuple, role: str, compiled: bool = True) -> Any:
    """Return the type that a user's compiled function returns.

    Parameters
    ----------
    function : numba dispatcher
    argument_types : tuple of numba types
    role : str
        "fun", "jac", "hess" or the like, for the message.
    compiled : bool
        True if it is to be compiled, too; otherwise only types are inferred if that is possible.

    Returns
    -------
    numba type

    Raises
    ------
    TypeError
        If the function does not accept these arguments, or does not compile.
    """
    try:
        if not compiled and isinstance(function, Copy):
            return function.inferred(tuple(argument_types))
        signature = cpu_target.typing_context.resolve_function_type(types.Dispatcher(function), argument_types, {})
    # Numba's compiler and its extensions raise other errors than NumbaError, too.
    except Exception as error:
        signature, cause, reason = None, error.with_traceback(None), gist(error)
    else:
        cause, reason = None, "no signature matches"
    if signature is None:
        reason = mismatch(function, argument_types) or located(reason, function)
        names = parameter_names(function, len(argument_types))
        given = ", ".join(f"{name}: {kind}" for name, kind in zip(names, argument_types, strict=True))
        advice = "".join(advice_on(name, kind, reason) for name, kind in zip(names, argument_types, strict=True))
        raise TypeError(f"{role} does not compile for the arguments ({given}): {reason}{advice}") from cause
    return signature.return_type


def located(reason: str, function: Any) -> str:
    """Return a reason with the place of the function, unless the reason names a place."""
    code = function.py_func.__code__
    place = f', File "{code.co_filename}", line {code.co_firstlineno}'
    return reason if ", line " in reason else reason + place


def mismatch(function: Any, arguments: tuple) -> str:
    """Return how a number of arguments differs from a function's parameters, or ""."""
    signature = inspect.signature(function.py_func)
    try:
        signature.bind(*arguments)
    except TypeError as error:
        return f"its parameters are {signature}, {error}"
    return ""


def parameter_names(function: Any, count: int) -> list[str]:
    """Return the names by which a compiled function knows its first `count` arguments.

    Arguments beyond its parameters are named by the parameter that collects them, such as
    ``args[0]``, or by "args".
    """
    code = function.py_func.__code__
    names = list(code.co_varnames[: code.co_argcount][:count])
    rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount] if code.co_flags & VARIADIC else "args"
    return names + [f"{rest}[{i}]" for i in range(count - len(names))]


def advice_on(name: str, kind: Any, reason: str) -> str:
    """Return advice on an argument of a type with which compiled code calculates nothing.

    It is empty if the reason for which a function does not compile does not name that type.
    """
    words = [word for types_, word in INERT if isinstance(kind, types_)]
    if not words or str(kind) not in reason:
        return ""
    return f"; {name} is {words[0]}"


def gist(error: Exception) -> str:
    """Return an error message of Numba in one line: its first sentence and the place."""
    lines = [line.strip() for line in str(error).splitlines()]
    if not any(lines):
        return f"Numba fails with {type(error).__name__}"
    said = [line for line in lines if line and not line.startswith("Failed in ")]
    places = [line.rstrip(":") for line in said if line.startswith("File ")]
    text = " ".join(said[:2] if said and said[0].endswith(":") else said[:1])
    return ", ".join([text, *places[:1]])
