"""Conversion of the user's `args` (other libraries' arrays and numbers) for compiled functions.

Libraries are recognised by the protocols of their objects (``__array__``, ``__dlpack__``, the
buffer protocol, ``__float__``) and are never imported. Memory is shared with the object if Numba
has a type for its numbers.
"""


from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numba import types

from quasinewton._arguments.real_values import is_added_number, plain_number
from quasinewton._numba_ext.introspection import is_compiled, numba_type
from quasinewton._validation import warn

# Types that compiled functions accept unchanged. Looking up the exact type is the fastest test.
PLAIN = frozenset({float, bool, complex, type(None), str, np.float64, np.float32, np.int64, np.int32, np.bool_})
# Dtypes that need no conversion; other dtypes are inspected further.
NATIVE = frozenset(map(np.dtype, (np.float64, np.float32, np.int64, np.int32, np.bool_, np.complex128)))
INT64 = -(2**63), 2**64  # half-open range of integers that Numba can type: int64 and uint64

# Conversions of NumPy's types that Numba lacks; float16 is exact in float64.
WIDER = {np.dtype(np.float16): np.float64, np.dtype(np.longdouble): np.float64, np.dtype(np.clongdouble): np.complex128}
if np.dtype(np.longdouble) == np.dtype(np.float64):  # On Windows longdouble is float64, which must stay unconverted.
    del WIDER[np.dtype(np.float64)], WIDER[np.dtype(np.complex128)]


def as_args(args: Any, *functions: Any, names: Callable[[], Sequence[str]] | None = None) -> tuple:
    """Return `args` as a tuple, converted for compiled functions if one of `functions` is compiled.

    Parameters
    ----------
    args : tuple, or object
        An object that is not a tuple becomes the single argument, as in SciPy. A named tuple is
        spread like any tuple. Not changed.
    functions : object
        The user's functions, or the values given instead of functions.
    names : callable, optional
        Returns the names of the arguments for messages; "args[0]", "args[1]", … by default.

    Returns
    -------
    tuple

    Raises
    ------
    TypeError
        If an argument cannot be converted; the message names it, its type and the remedy.

    Warns
    -----
    OptimizeWarning
        If two pandas objects of equal length have different labels.
    """
    args = tuple(args) if isinstance(args, tuple) else (args,)
    if not args or not any(map(is_compiled, functions)):
        return args
    for value in args:
        if type(value) not in PLAIN and not (type(value) is np.ndarray and value.dtype in NATIVE):
            break
    else:
        return args
    names = names() if names else [f"args[{i}]" for i in range(len(args))]
    warn_of_labels(args, names)
    return tuple(map(converted, args, names))


def converted(value: Any, name: str) -> Any:
    """Return an argument in a form that compiled functions accept.

    Parameters
    ----------
    value : object
    name : str
        Name of the argument in error messages.

    Raises
    ------
    TypeError
        If the argument cannot be converted; the message names it, its type and the remedy.
    """
    kind = type(value)
    if kind in PLAIN or (kind is np.ndarray and value.dtype in NATIVE):
        return value
    if isinstance(value, tuple):
        names = getattr(kind, "_fields", None)
        inner = [f"{name}.{field}" for field in names] if names else [f"{name}[{i}]" for i in range(len(value))]
        items = list(map(converted, value, inner))
        return kind._make(items) if names else tuple(items)
    if isinstance(value, int):
        return value if INT64[0] <= value < INT64[1] else float(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return native(array_of_numpy(value, name), name)
    if is_known_to_numba(value):
        return value
    refuse_unit_or_mask(value, name)
    number = None if hasattr(kind, "__len__") or is_array(value) else plain_number(value)
    return native(array_of(value, name), name) if number is None else number


def is_known_to_numba(value: Any) -> bool:
    """Return True if Numba has a type for a value that is not an array or buffer, such as a list.

    Jitclass instances, text and bytes are other examples. Lists of mixed types, lists of lists or
    of sets, and sets of text have a type in Numba but cannot be passed, so they are not accepted.
    """
    if is_array(value):
        return False
    kind = numba_type(value)
    if kind is None or (isinstance(value, list) and (len(set(map(type, value))) > 1 or is_nested(value))):
        return False
    if isinstance(kind, types.Set) and isinstance(kind.dtype, types.UnicodeType):
        return False
    return not isinstance(kind, types.Buffer) or isinstance(value, (bytes, bytearray))


def is_nested(value: Any) -> bool:
    """Return True for a list that holds lists or sets."""
    return isinstance(value, list) and any(isinstance(item, (list, set)) for item in value)


def is_array(value: Any) -> bool:
    """Return True if an object can be converted by an array protocol."""
    return hasattr(type(value), "__array__") or hasattr(type(value), "__dlpack__")


def has_buffer(value: Any) -> bool:
    """Return True if an object supports the buffer protocol."""
    try:
        memoryview(value).release()
    except TypeError:
        return False
    return True


def refuse_unit_or_mask(value: Any, name: str, blind: str = "compiled functions do") -> None:
    """Raise TypeError for arrays or numbers with a unit, and for masked arrays.

    Compiled code would silently ignore the unit or the mask.

    Parameters
    ----------
    value : object
    name : str
        Name of the value in messages.
    blind : str
        What does not see the unit or the mask, for messages.

    Raises
    ------
    TypeError
    """
    # An xarray object (recognised by `dims` and `data`) may wrap an array with a unit.
    kind = type(value)
    for inner in (value, value.data) if hasattr(kind, "dims") and hasattr(kind, "data") else (value,):
        if isinstance(inner, np.ma.MaskedArray):
            raise TypeError(
                f"{name} is a masked array, and {blind} not see masks; pass {name}.compressed(), "
                f"{name}.filled(value), or the data and the mask as two arguments"
            )
        if has_unit(inner):
            raise TypeError(
                f"{name} is of type {described(type(inner))}, with a unit, and {blind} not see units; convert it "
                "to the unit that the function expects, and pass its magnitude"
            )


def has_unit(value: Any) -> bool:
    """Return True if a value has a unit, such as those of pint, astropy and unyt.

    A unit is recognised by a method `to` of the class together with `unit` or `units`, which are
    properties of the class in pint and astropy, and attributes of each array in unyt. It is None
    in a column of astropy that has no unit.
    """
    kind = type(value)
    bearer = value if isinstance(value, np.ndarray) else kind
    return hasattr(kind, "to") and any(
        hasattr(bearer, name) and getattr(value, name) is not None for name in ("unit", "units")
    )


def array_of_numpy(value: Any, name: str) -> Any:
    """Return an array or number of NumPy, or of a subclass, as one of NumPy's base class."""
    refuse_unit_or_mask(value, name)
    if isinstance(value, np.matrix):
        raise TypeError(f"{name} is a matrix, for which * means another product; pass np.asarray({name})")
    return np.asarray(value) if isinstance(value, np.ndarray) else value


def array_of(value: Any, name: str) -> Any:
    """Convert an object of another library to an array by the protocols that it has.

    Raises
    ------
    TypeError
        If it has no such protocol, or the conversion fails.
    """
    kind = type(value)
    if any(hasattr(kind, name) for name in ("columns", "column_names", "colnames")):
        raise TypeError(
            f"{name} is of type {described(kind)}, a table, which compiled functions cannot take; pass its columns one "
            f"by one, or {name}.to_numpy()"
        )
    if not is_array(value) and not has_buffer(value):
        what = "is a list of lists or sets" if is_nested(value) else f"is of type {described(kind)}"
        raise TypeError(f"{name} {what}, which compiled functions cannot take; {advice(value)}")
    array = by_protocol(value, name)
    # A zero-dimensional array is a number to its own library and to a Python objective.
    return array if array.ndim else array[()]


def by_protocol(value: Any, name: str) -> np.ndarray:
    """Convert an object that is like an array to one of NumPy.

    Raises
    ------
    TypeError
        If that fails; the message names the object, its type and the reason.
    """
    kind = type(value)
    try:
        if "bfloat16" in str(getattr(value, "dtype", "")) and hasattr(kind, "float"):
            value = value.float()  # torch converts no bfloat16 to NumPy; single precision holds it exactly.
        if hasattr(kind, "__dlpack__") and not hasattr(kind, "__array__"):
            return np.from_dlpack(value)
        return np.asarray(memoryview(value) if not is_array(value) and has_buffer(value) else value)
    except Exception as error:  # Other libraries may raise any exception.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        what = f"{name}, of type {described(kind)}, cannot be had as an array, which is to be passed"
        raise TypeError(f"{what}: {reason}") from error


def plain_array(value: Any, name: str, compiled: bool = False, blind: str = "compiled functions do") -> np.ndarray:
    """Convert an array whose rows are passed on one by one; numbers get a type that Numba has.

    Parameters
    ----------
    value : array_like
    name : str
        Name of the array in error messages.
    compiled : bool
        True if compiled functions take the rows, which must then not be Python objects.
    blind : str
        What does not see a unit or a mask, for messages.

    Returns
    -------
    ndarray

    Raises
    ------
    TypeError
        If it cannot be converted, or has a mask or a unit, which its rows would lose.
    """
    refuse_unit_or_mask(value, name, blind)
    array = by_protocol(value, name)
    kinds = "fciuO" if compiled else "fciu"
    return native(array, name) if array.dtype.kind in kinds or is_added_number(array.dtype) else array


def native(array: Any, name: str) -> Any:
    """Return a NumPy array or number in a type that Numba has, without a copy if possible.

    Raises
    ------
    TypeError
        If it does not hold numbers; the message names the dtype.
    """
    dtype = array.dtype
    if dtype in NATIVE:
        return array
    if not dtype.isnative:
        return native(array.astype(dtype.newbyteorder("=")), name)
    if dtype in WIDER:
        return array.astype(WIDER[dtype]) if isinstance(array, np.ndarray) else WIDER[dtype](array)
    if dtype.kind == "O":
        raise TypeError(
            f"{name} holds Python objects (dtype object), which compiled functions cannot take; "
            f"pass np.asarray({name}, dtype=float)"
        )
    if numba_type(array) is None:
        if not np.can_cast(dtype, np.float64):  # Some dtypes can be cast, such as bfloat16 of ml_dtypes.
            raise TypeError(
                f"{name} is of dtype {dtype}, which compiled functions cannot take; pass numbers, such as "
                f"{name}.astype(float)"
            )
        return array.astype(np.float64)
    return array


def described(kind: type) -> str:
    """Return the name of a class, qualified by its library."""
    library = kind.__module__.partition(".")[0]
    return kind.__name__ if library == "builtins" else f"{library}.{kind.__name__}"


def advice(value: Any) -> str:
    """Return advice on what to pass instead of a value that compiled functions cannot accept."""
    if isinstance(value, dict):
        return "pass its values, as a tuple or a named tuple, or a numba.typed.Dict"
    if is_nested(value):
        return "pass an array, a tuple of arrays, or a numba.typed.List"
    if isinstance(value, (list, set, frozenset)):
        return "pass an array, a tuple, or a list of values of one type"
    if hasattr(value, "toarray"):
        return "pass the arrays that it consists of, or its toarray()"
    if callable(value):
        return "compile it by numba.njit, or call it in the compiled function by name"
    return "pass what it holds, as numbers, arrays, or a named tuple of them"


def warn_of_labels(values: Sequence[Any], names: Sequence[str]) -> None:
    """Warn if objects of equal length have different labels.

    pandas matches values by label, compiled code by position.

    Warns
    -----
    OptimizeWarning
    """
    labelled = [
        (name, value.index)
        for name, value in zip(names, values, strict=True)
        if hasattr(type(value), "__array__") and hasattr(getattr(value, "index", None), "equals")
    ]
    for (first, index), (second, other) in zip(labelled, labelled[1:], strict=False):
        if len(index) == len(other) and not index.equals(other):
            message = (
                f"{first} and {second} have different labels; compiled functions match their values by place, not by "
                "label: align them before"
            )
            warn(message)
