"""Queries about functions to Numba: whether they are compiled, result types, error messages."""

import numba
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.core.errors import TypingError
from numba.core.registry import cpu_target

__all__ = ["TypingError", "gist", "is_compiled", "numba_type", "result_type", "takes_typed_arguments"]


def is_compiled(function):
    """Return True if a function is a Numba dispatcher, which is called without the interpreter."""
    return isinstance(function, Dispatcher)


def numba_type(value):
    """Return the Numba type of a value, or None if Numba has none, whatever error it raises."""
    try:
        return numba.typeof(value)
    except Exception:
        return None


def takes_typed_arguments(function):
    """Return True if a function is compiled in nopython mode.

    In object mode a compiled function accepts any object.
    """
    return is_compiled(function) and not function.targetoptions.get("forceobj")


def result_type(function, argument_types, role):
    """Return the type that a user's compiled function returns; compiles it.

    Parameters
    ----------
    function : numba dispatcher
    argument_types : tuple of numba types
    role : str
        "fun", "jac", "hess" or the like, for the message.

    Returns
    -------
    numba type

    Raises
    ------
    TypeError
        If the function does not accept these arguments, or does not compile.
    """
    try:
        signature = cpu_target.typing_context.resolve_function_type(types.Dispatcher(function), argument_types, {})
    # Numba's compiler and its extensions raise other errors than NumbaError, too.
    except Exception as error:
        signature, cause, reason = None, error.with_traceback(None), gist(error)
    else:
        cause, reason = None, "no signature matches"
    if signature is None:
        names = ", ".join(map(str, argument_types))
        raise TypeError(f"{role} does not compile for the arguments ({names}): {reason}") from cause
    return signature.return_type


def gist(error):
    """Return an error message of Numba in one line: its first sentence and the place."""
    lines = [line.strip() for line in str(error).splitlines()]
    if not any(lines):
        return f"Numba fails with {type(error).__name__}"
    said = [line for line in lines if line and not line.startswith("Failed in ")]
    places = [line.rstrip(":") for line in said if line.startswith("File ")]
    text = " ".join(said[:2] if said and said[0].endswith(":") else said[:1])
    return ", ".join([text, *places[:1]])
