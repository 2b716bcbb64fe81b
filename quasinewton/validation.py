"""Checks shared by every object that holds settings: an illegal value cannot be constructed."""

NOT_SCALAR = "The user-provided objective function must return a scalar value."


def number(name, value, low, high, *, open_low=True, open_high=True):
    """A real setting as a float, checked against its legal interval.

    Parameters
    ----------
    name : str
        For the message.
    value : float
    low, high : float
    open_low, open_high : bool
        Whether the end of the interval is excluded.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Naming the value and the interval.
    TypeError
        If it is no real number.
    """
    try:
        checked = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a real number, got {value!r}") from None
    above = checked > low or (checked == low and not open_low)
    below = checked < high or (checked == high and not open_high)
    if not (above and below):
        interval = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
        raise ValueError(f"{name} must be in {interval}, got {value!r}")
    return checked


def count(name, value, low):
    """An integer setting, at least `low`; a float that holds an integer will do.

    Parameters
    ----------
    name : str
        For the message.
    value : int
    low : int

    Returns
    -------
    int

    Raises
    ------
    ValueError
        Naming the value and what is legal.
    TypeError
        If it is no integer.
    """
    try:
        checked = int(value)
        exact = checked == value
    except (TypeError, ValueError, OverflowError):
        exact = False
    if not exact:
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if checked < low:
        raise ValueError(f"{name} must be at least {low}, got {value!r}")
    return checked
