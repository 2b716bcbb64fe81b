"""Copies of Python functions that refer to other objects than the originals do."""

import types as python
from collections.abc import Callable
from typing import Any


def names_in(code: python.CodeType) -> set[str]:
    """Return the global names that a code object, or one nested in it, may look up.

    Names of attributes are among them.
    """
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, python.CodeType):
            names |= names_in(constant)
    return names


def copy_with(
    function: Callable[..., Any], note: Callable[[Any], Any], replace: Callable[[Any], Any]
) -> Callable[..., Any]:
    """Copy a function, with other objects in the place of those that it refers to.

    Parameters
    ----------
    function : callable
        A Python function; not changed.
    note : callable
        note(copy), called before anything is replaced, since functions may refer to each other in a
        circle.
    replace : callable
        replace(object) -> object, for globals and variables of closures.

    Returns
    -------
    callable
    """
    scope = dict(function.__globals__)
    cells = tuple(python.CellType() for _ in function.__closure__ or ())
    copy = python.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, cells or None)
    copy.__kwdefaults__, copy.__qualname__ = function.__kwdefaults__, function.__qualname__
    copy.__module__, copy.__doc__ = function.__module__, function.__doc__
    note(copy)
    for name in names_in(function.__code__) & scope.keys():
        scope[name] = replace(scope[name])
    for cell, given in zip(cells, function.__closure__ or (), strict=True):
        cell.cell_contents = replace(given.cell_contents)
    return copy
