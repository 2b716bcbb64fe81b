"""Objectives of the package, as functions of Python until compiled code has to call them.

The functions that stand between a loop and the user's Python callables, and those that wrap an
objective in differences, are compiled. `prepare` enters them by the address of their twins, so that
nothing is compiled for a loop that runs in Python, and `link` exchanges these addresses.
"""

import functools

import numba

from quasinewton.numba_ext import interpreted
from quasinewton.numba_ext.addresses import address_of
from quasinewton.numba_ext.python_twin import python_twin
from quasinewton.objective.finite_differences import WRAPPED
from quasinewton.objective.interface import SIGNATURE

_KERNELS = {}  # the compiled function by the address of its twin
_WRAPPING = set()  # addresses of twins whose data are the address of a record WRAPPED


_record_at = interpreted.record_viewer(numba.from_dtype(WRAPPED))


@functools.cache
def address_in_python(kernel, wraps=True):
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
    address = interpreted.address_of(python_twin(kernel), SIGNATURE)
    _KERNELS[address] = kernel
    if wraps:
        _WRAPPING.add(address)
    return address


@functools.cache
def _linked(address):
    return address_of(_KERNELS[address], SIGNATURE)


def link(objective):
    """Return an objective that compiled code can call; its kernels are compiled if necessary.

    The records of wrapping objectives are changed in place.

    Parameters
    ----------
    objective : Objective
        Of `prepare`; may be linked already.
    """
    address = _linked_address(objective.address, objective.data)
    return objective if address == objective.address else objective._replace(address=address)


def _linked_address(address, data):
    if address not in _KERNELS:
        return address
    if address in _WRAPPING:
        record = _record_at(data)
        record.address = _linked_address(record.address, record.data)
    return _linked(address)


def kernels(objective):
    """Return the kernels that `link` compiles for an objective, as a tuple.

    Parameters
    ----------
    objective : Objective
    """
    found, address, data = [], objective.address, objective.data
    while address in _KERNELS:
        found.append(_KERNELS[address])
        if address not in _WRAPPING:
            break
        record = _record_at(data)
        address, data = record.address, record.data
    return tuple(found)
