"""Pickles of states by the names of their fields, with the version that wrote them.

Named tuples are pickled by position otherwise, so that a field more or less in another version
would be a TypeError that says nothing about versions.
"""

import functools
import importlib.metadata
from collections.abc import Callable
from typing import Any


class Fields:
    """A named tuple taken apart: its class, and its values by name."""

    __slots__ = ("kind", "values")

    def __init__(self, kind: type, values: dict[str, Any]) -> None:
        self.kind, self.values = kind, values


@functools.cache
def version() -> str:
    """Return the version of the installed package, or a text if it is not installed."""
    try:
        return importlib.metadata.version("quasinewton")
    except importlib.metadata.PackageNotFoundError:
        return "of a folder that is not installed"


def taken_apart(value: Any) -> Any:
    """Return named tuples as Fields, nested ones included, and any other value unchanged."""
    if not (isinstance(value, tuple) and hasattr(value, "_asdict")):
        return value
    return Fields(type(value), {name: taken_apart(item) for name, item in value._asdict().items()})


def put_together(value: Any) -> Any:
    """Return the named tuple that `taken_apart` took apart."""
    if not isinstance(value, Fields):
        return value
    return value.kind(**{name: put_together(item) for name, item in value.values.items()})


def reduced(kind: type, **fields: Any) -> tuple[Callable[..., Any], tuple]:
    """Return what `__reduce__` of an object returns: how `restored` makes it of its fields."""
    return restored, (kind, version(), {name: taken_apart(value) for name, value in fields.items()})


def restored(kind: type, written_by: str, fields: dict[str, Any]) -> Any:
    """Return an object that was pickled.

    Raises
    ------
    ValueError
        If its fields are not those of this version; the message says which version wrote it.
    """
    try:
        return kind(**{name: put_together(value) for name, value in fields.items()})
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"this {kind.__name__} was written by quasinewton {written_by} and cannot be used by quasinewton "
            f"{version()}: {error}"
        ) from None
