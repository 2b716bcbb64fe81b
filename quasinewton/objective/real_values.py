"""Numbers of any library as floats: Python's fractions and decimals, those of mpmath and SymPy, and
complex ones.
"""

import warnings

import numpy as np


def plain_number(number):
    """A number of any library as a float, or as a complex number if it is complex; None if it is
    none.

    Parameters
    ----------
    number : object
        What has ``__float__`` or ``__complex__`` is a number; a string is not.

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
            except (TypeError, ValueError):  # a complex number or an expression with symbols in it
                pass
    return None


def warn_complex(what):
    """Warn that a complex result is taken for a real one, since its imaginary part is zero."""
    message = f"{what} returns complex numbers; their imaginary parts, which must be zero, are dropped"
    warnings.warn(message, np.exceptions.ComplexWarning, stacklevel=3)


def real_array(values, name):
    """Values of dtype object or complex as real ones of float64.

    Parameters
    ----------
    values : ndarray
        Of any dtype.
    name : str
        What to call it in the message.

    Returns
    -------
    ndarray
        The array itself where it is real, or holds what is no number.

    Raises
    ------
    ValueError
        If an imaginary part is not zero.

    Warns
    -----
    ComplexWarning
        If there are imaginary parts, all of them zero.
    """
    if values.dtype.kind not in "cO":
        return values
    numbers = [plain_number(value) for value in values.flat]
    if any(number is None for number in numbers):
        return values
    if any(isinstance(number, complex) for number in numbers):
        if any(number.imag != 0.0 for number in numbers):
            raise ValueError(f"{name} must be real, but it is complex, with imaginary parts that are not zero")
        warn_complex(name)
    return np.array([number.real for number in numbers], dtype=np.float64).reshape(values.shape)
