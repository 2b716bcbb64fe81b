"""Conversion of other libraries' numbers (fractions, decimals, mpmath, SymPy) to floats."""


from typing import Any

import numpy as np

from quasinewton._validation import warn


def plain_number(number: Any) -> float | complex | None:
    """Convert a number of any library to float or complex; return None if it is not a number.

    Parameters
    ----------
    number : object
        An object with ``__float__`` or ``__complex__`` is a number; a string is not.

    Returns
    -------
    float, complex or None
    """
    if isinstance(number, (complex, np.complexfloating)):
        return complex(number)
    for protocol, convert in ("__float__", float), ("__complex__", complex):
        if hasattr(type(number), protocol):
            try:
                return convert(number)
            except (TypeError, ValueError):  # A complex number has no float, and a symbolic expression no value.
                pass
    return None


def warn_complex(what: str) -> None:
    """Warn that the zero imaginary part of a complex result is dropped."""
    message = f"{what} returns complex numbers; their imaginary parts, which must be zero, are dropped"
    warn(message, np.exceptions.ComplexWarning)


def is_masked(values: Any) -> bool:
    """Return True if a value of NumPy has a masked element, whose data mean nothing."""
    return isinstance(values, np.ma.MaskedArray) and bool(np.ma.is_masked(values))


def is_added_number(dtype: np.dtype) -> bool:
    """Return True for a type of real numbers that a library adds to NumPy, such as bfloat16.

    Those types are of kind "V", as records and raw bytes are.
    """
    return dtype.kind == "V" and dtype.names is None and np.can_cast(dtype, np.float64)


def real_array(values: np.ndarray, name: str) -> np.ndarray:
    """Convert values of dtype object or complex, or of an added type, to float64.

    Parameters
    ----------
    values : ndarray
        Of any dtype.
    name : str
        Name of the values in messages.

    Returns
    -------
    ndarray
        The array itself if it is real or holds objects that are not numbers.

    Raises
    ------
    ValueError
        If an imaginary part is not zero.

    Warns
    -----
    ComplexWarning
        If values are complex and all imaginary parts are zero.
    """
    if is_added_number(values.dtype):
        return values.astype(np.float64)
    if values.dtype.kind not in "cO":
        return values
    numbers: list[Any] = [plain_number(value) for value in values.flat]
    if any(number is None for number in numbers):
        return values
    if any(isinstance(number, complex) for number in numbers):
        if any(number.imag != 0.0 for number in numbers):
            raise ValueError(f"{name} must be real, but it is complex, with imaginary parts that are not zero")
        warn_complex(name)
    return np.array([number.real for number in numbers], dtype=np.float64).reshape(values.shape)
