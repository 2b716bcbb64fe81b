"""The line searches that users can choose, by name. A search is registered by its own file."""

from typing import Any

from quasinewton._line_searches import protocol
from quasinewton._numba_ext.registration import (
    REGISTRATIONS,
    check_fields,
    check_functions,
    distinguish,
    is_former,
    normal_name,
    note_external,
    refuse_taken,
)

BY_NAME: dict[str, type[Any]] = {}  # classes by name
INDIFFERENT: set[type[Any]] = set()  # classes of searches that accept any finite value


def register_line_search(kind: type[Any], name: str, accepts_any: bool = False) -> type[Any]:
    """Register a line search, so that users can choose it by name and as an object.

    Its function ``advance`` must have been registered before, and ``begin`` if it has one.

    Parameters
    ----------
    kind : NamedTuple class
        The line search. Its fields are numbers with defaults, one of them `maxls`, the upper bound
        on the evaluations of one search; a given value is converted to the type of the default.
    name : str
        Name of the search, in any case.
    accepts_any : bool
        True if the search accepts every trial, however large its value. Where gradients are made of
        differences, no trial is then evaluated without its gradient.

    Returns
    -------
    NamedTuple class
        `kind`.

    Raises
    ------
    TypeError
        If `kind` is not a class made by NamedTuple, a field has no default or is not a number, or
        the name is not a text.
    ValueError
        If `advance` or the field `maxls` is missing, or the name is taken. The messages name what
        is legal.
    """
    check_fields(kind)
    check_functions(kind, (protocol.advance,))
    note_external(kind)
    if "maxls" not in kind._fields:
        raise ValueError(f"{kind.__name__} needs a field maxls, the upper bound on the evaluations of one search")
    name = normal_name(name)
    refuse_taken(name, BY_NAME.get(name), kind)
    for known in [known for known, each in BY_NAME.items() if is_former(each, kind)]:
        INDIFFERENT.discard(BY_NAME.pop(known))
    REGISTRATIONS[0] += 1
    BY_NAME[name] = kind
    distinguish(kind)
    if accepts_any:
        INDIFFERENT.add(kind)
    return kind
