"""Short ways of the calls around a run, compared with what they stand for.

Covers: _numba_ext/records.py; the memories of _drivers/initialize.py and
_numba_ext/introspection.py.
"""

import numba
import numpy as np
import pytest

from quasinewton._drivers.checkpoint import arrays_by_path
from quasinewton._drivers.initialize import begin
from quasinewton._loops.state import SCALARS, allocate
from quasinewton._numba_ext.introspection import tuple_type
from quasinewton._numba_ext.records import (
    Held,
    address_of_record,
    copier,
    with_attributes,
)
from quasinewton._options.read import read, with_limits


@pytest.fixture
def scalars():
    """Return an array of one record with different numbers in all fields."""
    array = np.zeros(1, SCALARS)
    for number, name in enumerate(SCALARS.names):
        array[name] = number + 0.5
    return array


def test_copies_are_equal_and_have_memory_of_their_own(scalars):
    copy = copier(scalars)
    first, second = copy(), copy()
    assert first.dtype == SCALARS and first.flags.writeable and first.flags.aligned
    assert first.tobytes() == scalars.tobytes()
    assert address_of_record(first) == first.ctypes.data
    first["f"] = -1.0
    assert second.tobytes() == copy().tobytes() == scalars.tobytes()


def test_a_held_record_has_the_values_and_types_of_numpy(scalars):
    held, record = Held(scalars), scalars[0]
    for name in SCALARS.names:
        value = getattr(held[0], name)
        assert value == record[name] == held[0][name] and type(value) is type(record[name])


def test_a_held_record_converts_as_numpy_does_and_is_stored(scalars):
    expected, held = scalars.copy(), Held(scalars)
    for name, value in ("nit", 7), ("phase", True), ("f", 3), ("stride", np.float64(2.9)), ("alpha", np.inf):
        expected[0][name] = value
        setattr(held[0], name, value)
        assert type(getattr(held[0], name)) is type(expected[0][name])
    held[0]["nfev"] = expected[0]["nfev"] = 11
    assert scalars["nit"][0] != 7
    held.store()
    assert scalars.tobytes() == expected.tobytes()
    with pytest.raises(AttributeError):
        held[0].no_field = 1.0


def test_an_array_that_is_given_twice_is_held_once(scalars):
    held = []
    (one, other), vector = with_attributes(((scalars, scalars), np.ones(2)), held)
    assert one is other and held == [one] and isinstance(vector, np.ndarray)


@pytest.mark.parametrize("method", ["lbfgs", "bfgs", "adam"])
def test_a_run_begins_with_what_allocate_makes(method):
    settings = with_limits(read(method, 3, None, {"gtol": 1e-3, "maxiter": 5}), 3, False)
    x0 = np.array([1.0, 2.0, 3.0])
    for _ in range(2):
        fast = arrays_by_path(begin(settings, x0, 4))
        plain = arrays_by_path(allocate(settings.method, settings.limits, x0, 4))
        assert fast["scalars"].tobytes() == plain["scalars"].tobytes()
        assert [(a.dtype, a.shape) for a in fast.values()] == [(a.dtype, a.shape) for a in plain.values()]


def test_types_of_tuples_are_those_of_numba():
    frozen, vector = np.ones(3), np.arange(4.0)
    frozen.flags.writeable = False
    matrix = np.ones((2, 3))
    arrays = vector, vector[::2], frozen, matrix, matrix.T
    values = 1.0, True, None, 1j, np.float32(1.0), *arrays, 3, 2**63, "text", (1, vector)
    for one in values:
        for other in values:
            assert tuple_type((one, other)) == tuple_type((one, other)) == numba.typeof((one, other))
    assert tuple_type((object(),)) is None
