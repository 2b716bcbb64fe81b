"""Arrays of one record in Python: made fast, and read and written fast.

NumPy allocates or copies an array of records in a time that grows with the number of fields, 3 or
16 microseconds for 77 fields; a copy of their bytes takes a third of a microsecond. To read a field
of a record takes as long, an attribute of an object a tenth of that, and so kernels that run in
Python hold the numbers of records in objects.
"""

from __future__ import annotations  # those of closures would be evaluated in every call

import ctypes
import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

NUMBERS = "biuf"  # kinds of dtypes of fields


def copier(array: np.ndarray) -> Callable[[], np.ndarray]:
    """Return the function copy() -> ndarray, which makes new arrays equal to one of one record.

    Parameters
    ----------
    array : ndarray, shape (1,), of a structured dtype
        Not kept.
    """
    dtype, content = array.dtype, array.tobytes()
    return lambda: np.ndarray(1, dtype, bytearray(content))


def address_of_record(copy: Any) -> int:
    """Return the address of the data of an array that a `copier` has made."""
    return ctypes.addressof(ctypes.c_char.from_buffer(copy.base))


@functools.cache
def with_attribute_access(dtype: Any) -> np.dtype:
    """Return a dtype with the same fields, whose records have them as attributes.

    `numpy.record` does not serve: its attribute `data` hides a field of that name.
    """
    fields = {name: property(operator.itemgetter(name), _setter(name)) for name in dtype.names}
    # Without slots, a value assigned to a name that is no field would become an attribute.
    return np.dtype((type("Record", (np.void,), fields | {"__slots__": ()}), dtype))


def _setter(name: str) -> Callable[[Any, Any], None]:
    def put(record: Any, value: Any) -> None:
        record[name] = value

    return put


class Held(list):
    """An array of one record, whose numbers are attributes of a Python object while a kernel runs.

    NumPy takes ten times as long to read a field of a record in memory. The numbers are in the
    array again after `store`.
    """

    size, shape = 1, (1,)

    def __init__(self, array: np.ndarray) -> None:
        kind, self.gets, self.puts = record_class(array.dtype)
        super().__init__([kind()])
        self.array = array
        self.load()

    def load(self) -> None:
        """Read the record from the array."""
        record = self[0]
        for put, number in zip(self.puts, self.array[0].item(), strict=True):
            put(record, number)

    def store(self) -> None:
        """Write the record to the array."""
        record = self[0]
        self.array[0] = tuple([get(record) for get in self.gets])


class Record:
    """Base of the classes that `record_class` makes."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)


@functools.cache
def record_class(dtype: Any) -> tuple[type[Any], list[Callable[..., Any]], list[Callable[..., Any]]]:
    """Return a class of objects whose attributes, and items, are the fields of a record.

    Their values are of the types that NumPy returns for the fields.

    Returns
    -------
    (class, list of callable, list of callable)
        The class, and for each field get(record) -> value and put(record, value).
    """
    hidden = [f"_{name}" for name in dtype.names]
    slots = type("Slots", (Record,), {"__slots__": hidden})
    gets = [operator.attrgetter(name) for name in hidden]
    puts = [_converting(vars(slots)[name].__set__, dtype[i].type) for i, name in enumerate(hidden)]
    fields = dict(zip(dtype.names, map(property, gets, puts), strict=True))
    return type("Record", (slots,), fields | {"__slots__": ()}), list(gets), puts


def _converting(put: Callable[..., Any], kind: type) -> Callable[..., Any]:
    return lambda record, value: put(record, value if type(value) is kind else kind(value))


def with_changed(value: Any, change: Callable[[Any], Any], kinds: type) -> Any:
    """Return a value with change(item) in the place of the items of some classes within tuples."""
    if isinstance(value, kinds):
        return change(value)
    if isinstance(value, tuple):
        items = [with_changed(item, change, kinds) for item in value]
        if any(new is not old for new, old in zip(items, value, strict=True)):
            return value._make(items) if hasattr(value, "_fields") else tuple(items)  # type: ignore[attr-defined]
    return value


def with_attributes(value: Any, held: list[Held]) -> Any:
    """Return a value that shares the memory of its arrays, and whose records have attributes.

    Parameters
    ----------
    value : any
        Arrays within tuples are replaced, too.
    held : list
        Appended to: what is to be stored when the value is no longer used.
    """

    def change(array: np.ndarray) -> Any:
        dtype = array.dtype
        if not dtype.names:
            return array
        if array.shape != (1,) or any(dtype[i].kind not in NUMBERS for i in range(len(dtype.names))):
            return array.view(with_attribute_access(dtype))
        known = [one for one in held if one.array is array]
        if not known:
            held.append(Held(array))
        return known[0] if known else held[-1]

    return with_changed(value, change, np.ndarray)


def compiled_call(function: Callable[..., Any], arguments: tuple) -> Any:
    """Call a compiled function with arguments of a kernel, among them tuples with records."""
    held = []

    def change(one: Held) -> np.ndarray:
        one.store()
        held.append(one)
        return one.array

    result = function(*with_changed(arguments, change, Held))
    for one in held:
        one.load()
    return result


def in_memory(array: Any) -> Any:
    """Return an array whose record may be held by a kernel, as one of NumPy."""
    if not isinstance(array, Held):
        return array
    array.store()
    return array.array.view(with_attribute_access(array.array.dtype))
