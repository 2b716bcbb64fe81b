"""Checks of classes, of methods or line searches, that are registered with the package.

Compiled code chooses functions by such a class; see `dispatch`.
"""

import functools
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numba import types

PACKAGE = __name__.partition(".")[0]
# Number of registrations so far, as the only element: part of the key of what is remembered by the
# name of a method or a line search, since a name may come to mean another class.
REGISTRATIONS = [0]
# Classes of other packages, of methods, of their memories and of line searches, that compiled code
# chooses functions by. Code compiled for them is not kept on disk, since it depends on functions of
# which no stamp is made.
EXTERNAL: set[type[Any]] = set()
KNOWN: dict[str, type[Any]] = {}  # registered classes by the `__name__` that distinguishes them


def note_external(kind: type[Any]) -> bool:
    """Add a class to EXTERNAL if it is defined outside this package; return True if it is."""
    if kind.__module__.partition(".")[0] == PACKAGE:
        return False
    EXTERNAL.add(kind)
    return True


def has_external(kinds: Iterable[Any]) -> bool:
    """Return True if one of several Numba types, or an item of one, is of a class in EXTERNAL."""
    for kind in kinds if EXTERNAL else ():
        inner = kind.dtype if isinstance(kind, types.CPointer) else kind
        if isinstance(inner, types.BaseTuple):
            if getattr(inner, "instance_class", None) in EXTERNAL or has_external(inner.types):
                return True
    return False


def check_memory(kind: type[Any], memory: Any) -> None:
    """Check what the function `allocate` of a class has returned, and note the classes in it.

    Raises
    ------
    TypeError
        If it is not a NamedTuple of arrays and of such tuples.
    """
    if not is_named_tuple(type(memory)):
        raise TypeError(f"allocate for {kind.__name__} must return a NamedTuple of arrays; it returned {memory!r}")
    note_external(type(memory))
    for name, value in memory._asdict().items():
        if not isinstance(value, np.ndarray):
            try:
                check_memory(kind, value)
            except TypeError:
                place = f"{name} of {type(memory).__name__}, the memory of {kind.__name__},"
                raise TypeError(f"{place} must be an array, as memories are saved by arrays; it is {value!r}") from None


def distinguish(kind: type[Any]) -> None:
    """Make the `__name__` of a registered class unique, by a number at its end if necessary.

    A dispatcher of Numba that is called from Python tells NamedTuple classes whose fields are of
    the same types apart by this name alone, and would call the code of the other class (seen in
    Numba 0.68.1).
    Pickles and tracebacks go by `__qualname__`, which stays.
    """
    name, number = kind.__name__, 2
    while KNOWN.setdefault(kind.__name__, kind) is not kind:
        kind.__name__ = f"{name}_{number}"
        number += 1


def is_named_tuple(kind: object) -> bool:
    """Return True for a class made by NamedTuple, or derived from one."""
    return isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")


def is_former(former: type[Any], kind: type[Any]) -> bool:
    """Return True if two classes have one module and name, such as one that was defined again."""
    return (former.__module__, former.__qualname__) == (kind.__module__, kind.__qualname__)


def refuse_taken(name: str, former: type[Any] | None, kind: type[Any]) -> None:
    """Refuse a name that belongs to another class.

    Parameters
    ----------
    name : str
    former : class or None
        The class that has the name now.
    kind : class
        The class to be registered.

    Raises
    ------
    ValueError
        If these are two classes.
    """
    if former is not None and not is_former(former, kind):
        raise ValueError(f"the name {name!r} belongs to {former.__module__}.{former.__qualname__}; choose another")


def normal_name(name: Any) -> str:
    """Return a name as users may write it, in lower case and with hyphens.

    Raises
    ------
    TypeError
        If it is not a text.
    ValueError
        If it is empty.
    """
    if not isinstance(name, str):
        raise TypeError(f"a name must be a str, such as 'my-method'; got {name!r}")
    if not name.strip():
        raise ValueError("a name must have at least one letter, such as 'my-method'; got an empty one")
    return name.strip().lower().replace("_", "-")


def check_fields(kind: Any) -> Any:
    """Check the fields of a class, and return an object with their defaults.

    An object of a class without a constructor of its own is made to convert its fields to the types
    of the defaults, since compiled code is made for these types.

    Raises
    ------
    TypeError
        If the class is not made by NamedTuple, or a field has no default or is not a number.
    """
    if not is_named_tuple(kind):
        raise TypeError(f"a method or line search must be a class made by typing.NamedTuple; got {kind!r}")
    name = kind.__name__
    try:
        example = kind()
    except TypeError as error:
        raise TypeError(f"every field of {name} needs a default, such as `beta: float = 0.9`; {error}") from None
    for field, value in zip(example._fields, example, strict=True):
        if not isinstance(value, (bool, int, float)):
            raise TypeError(f"{field} of {name} must be a float, an int or a bool; its default is {value!r}")
    if kind._fields and kind.__new__.__module__ != kind.__module__ and not hasattr(kind.__new__, "__wrapped__"):
        kind.__new__ = converting(kind, example)
        example = kind()
    return example


def converting(kind: type[Any], example: Any) -> Callable[..., Any]:
    """Return a constructor of a class that converts its fields to the types of those in `example`.
    """
    make = kind.__new__

    @functools.wraps(make)
    def new(cls: Any, *args: Any, **keywords: Any) -> Any:
        given = make(cls, *args, **keywords)
        items = zip(given._fields, given, example, strict=True)
        return cls._make(converted(f"{name} of {kind.__name__}", value, like) for name, value, like in items)

    return new


def converted(name: str, value: Any, like: Any) -> int | float:
    """Return a number as a float if `like` is one, and as an int otherwise.

    Raises
    ------
    TypeError
        If the value is not a number, or not an integer where one is needed.
    """
    if isinstance(like, float):
        if isinstance(value, (int, float, np.number, np.bool_)) and not isinstance(value, np.complexfloating):
            return float(value)
        raise TypeError(f"{name} must be a real number, got {value!r}")
    try:
        return operator.index(value) if not isinstance(value, np.bool_) else int(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, or True or False; got {value!r}") from None


def check_functions(kind: type[Any], needed: Sequence[Any]) -> None:
    """Check that implementations of some generic functions are registered for a class.

    Raises
    ------
    ValueError
        If one is missing; the message names those missing and all that are needed.
    """
    missing = [each.__name__ for each in needed if not each.is_registered(kind)]
    if missing:
        names = ", ".join(each.__name__ for each in needed)
        raise ValueError(
            f"{kind.__name__} has no {' and no '.join(missing)}: register {names} for it, by @{missing[0]}.register("
            f"{kind.__name__}), before the class itself"
        )
