"""Objectives of the package, as functions of Python until compiled code has to call them.

The functions that stand between a loop and the user's Python callables, and those that wrap an
objective in differences, are compiled. `prepare_unlinked` enters them by the addresses of their
uncompiled versions, so that nothing is compiled for a loop that runs in Python, and `link`
exchanges these addresses.
"""

import ctypes
import functools
from collections.abc import Iterator
from typing import Any

from quasinewton._numba_ext import interpreted
from quasinewton._numba_ext.addresses import address_of
from quasinewton._numba_ext.uncompiled import uncompiled
from quasinewton._objective.finite_differences import WRAPPED
from quasinewton._objective.interface import SIGNATURE, Objective

_KERNELS: dict[int, Any] = {}  # the compiled function by the address of its uncompiled version
_WRAPPING: set[int] = set()  # addresses, of both versions, whose data are the address of a record WRAPPED
# Places of the address and of the data of the wrapped objective in such a record, in bytes.
_ADDRESS, _DATA = (WRAPPED.fields[name][1] for name in ("address", "data"))  # type: ignore[index]


@functools.cache
def address_in_python(kernel: Any, wraps: bool = True) -> int:
    """Return the address at which loops that run in Python enter an objective of the package.

    Parameters
    ----------
    kernel : numba dispatcher
        It has the arguments of `interface.SIGNATURE`.
    wraps : bool
        True if it wraps an objective, so that its data are the address of a record WRAPPED.

    Returns
    -------
    int
    """
    address = interpreted.address_of(uncompiled(kernel), SIGNATURE)
    _KERNELS[address] = kernel
    if wraps:
        _WRAPPING.add(address)
    return address


def link(objective: Any) -> Any:
    """Return an objective that compiled code can call; its kernels are compiled if necessary.

    The records of wrapping objectives are changed in place.

    Parameters
    ----------
    objective : Objective, or NamedTuple with objectives
        As `build.prepare_unlinked` returns it, or linked already.
    """
    if not isinstance(objective, Objective):
        return objective._replace(**{name: link(one) for name, one in _objectives(objective)})
    if objective.address not in _KERNELS:
        return objective
    return objective._replace(address=_linked(objective.address, objective.data))


def _objectives(several: Any) -> list[tuple[str, Objective]]:
    """Return the names and values of the fields of a NamedTuple that are objectives."""
    return [(name, one) for name, one in several._asdict().items() if isinstance(one, Objective)]


def _linked(address: int, data: int) -> int:
    if address not in _KERNELS:
        return address
    if address in _WRAPPING:
        inner = ctypes.c_int64.from_address(data + _ADDRESS)
        inner.value = _linked(inner.value, ctypes.c_int64.from_address(data + _DATA).value)
    return _compiled_address(address)


@functools.cache
def _compiled_address(address: int) -> int:
    compiled = address_of(_KERNELS[address], SIGNATURE)
    if address in _WRAPPING:
        _WRAPPING.add(compiled)
    return compiled


def _chain(objective: Objective) -> Iterator[int]:
    """Yield the address of an objective, that of the one that it wraps, and so on."""
    address, data = objective.address, objective.data
    yield address
    while address in _WRAPPING:
        address, data = (ctypes.c_int64.from_address(data + place).value for place in (_ADDRESS, _DATA))
        yield address


def layers(objective: Objective) -> int:
    """Return the number of wrapping objectives around the user's own, for `with_data`."""
    return len(list(_chain(objective))) - 1


def kernels(objective: Any) -> tuple:
    """Return the kernels that `link` compiles for an objective, as a tuple.

    Parameters
    ----------
    objective : Objective, or NamedTuple with objectives
    """
    if not isinstance(objective, Objective):
        return tuple(kernel for _, one in _objectives(objective) for kernel in kernels(one))
    if objective.address not in _KERNELS and objective.address not in _WRAPPING:
        return ()
    return tuple(_KERNELS[address] for address in _chain(objective) if address in _KERNELS)
