"""What the Python code around the loops asks of a method: at the beginning of a run and at its end.

The functions of `protocol` are compiled, and called by the loops. Those of this file are plain
Python, chosen by the class of the first argument; a method registers those that it needs, and the
default does nothing. `memory` is the method's memory, as `protocol.allocate` returns it.
"""

from typing import Any

from quasinewton._numba_ext.dispatch import by_class


@by_class
def check_options(method: Any, options: dict[str, Any], n: int) -> None:
    """Check the options of this method, and replace those that are arrays by new arrays.

    Parameters
    ----------
    method : NamedTuple
    options : dict
        Overwritten.
    n : int
        Number of variables.

    Raises
    ------
    ValueError, TypeError
        If an option is illegal; the message names it and what is legal.
    """


@by_class
def refuse_bounds(method: Any, options: dict[str, Any]) -> None:
    """Raise ValueError if the method, or one of its options, cannot be combined with bounds."""


@by_class
def begin(method: Any, memory: Any, options: dict[str, Any], bounds: Any, n: int) -> Any:
    """Return the memory of a fresh run, with what the user gave for its beginning.

    Parameters
    ----------
    method : NamedTuple
    memory : NamedTuple
        Overwritten.
    options : dict
        The options of the run, checked.
    bounds : (ndarray, ndarray) or None
        low and high, float64, shape (n,).
    n : int
        Number of variables.

    Returns
    -------
    NamedTuple
    """
    return memory


@by_class
def resume(method: Any, memory: Any, old: Any, n: int) -> Any:
    """Return the memory into which that of an earlier run, `old`, is to be copied.

    `memory` is that of a fresh run. The arrays of the result have the shapes of those in `old`.

    Raises
    ------
    ValueError
        If the two runs differ in a setting that cannot change during a run; the message names it.
    """
    return memory


@by_class
def reopen(method: Any, memory: Any) -> None:
    """Change the memory of a run that has ended, so that it can go on from the same x."""


@by_class
def shaped(method: Any, memory: Any, saved: dict[str, Any], n: int) -> Any:
    """Return the memory of a fresh run with arrays of the shapes of the saved ones.

    Parameters
    ----------
    method : NamedTuple
    memory : NamedTuple
    saved : dict
        Arrays by the names of their fields; may be incomplete or wrong.
    n : int
        Number of variables.
    """
    return memory


@by_class
def is_sound(method: Any, memory: Any) -> bool:
    """Return True if the integers that compiled code uses as indices without a check are in range.

    The memory may have been read from a damaged file.
    """
    return True


@by_class
def result_fields(method: Any, memory: Any, state: Any) -> dict[str, Any]:
    """Return the fields of the result that only this method has, as a dict.

    `memory` and `state` are those of a run that has ended; the result shares their arrays.
    """
    return {}


@by_class
def curvature_spread(method: Any, memory: Any) -> float:
    """Return the ratio of largest to least curvature in the model, or 0 if unknown."""
    return 0.0
