"""Settings shared by all tests."""

import gc
import math
import os
import signal

import numba
import numpy as np
import processes
import pytest
from allocations import counted, counting
from hypothesis import settings

from quasinewton._drivers import tiered_loop
from quasinewton._numba_ext import python_first

# A shell ignores Ctrl-C for what it runs in the background, and so would every process started from
# here, in which tests interrupt themselves.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Compilation makes and drops many objects: collected every 700 of them, Python's default, they cost
# a twentieth of its time. Tests that need a collection call it.
gc.set_threshold(20_000, 10, 20)


def checked_entry(kernel, arguments, unchecked=python_first.unchecked_entry):
    """Return the entry of a kernel, which fails if it is given arrays of other types later.

    It takes the place of `python_first.unchecked_entry`, which would read wrong memory.
    """
    expected, entry = tuple(map(numba.typeof, arguments)), unchecked(kernel, arguments)
    numbers = numba.types.Number, numba.types.Boolean  # entries convert these

    def enter(*given):
        for kind, value in zip(expected, given, strict=True):
            found = numba.typeof(value)
            assert found == kind or isinstance(found, numbers) and isinstance(kind, numbers), (kernel, found, kind)
        return entry(*given)

    return enter


python_first.unchecked_entry = tiered_loop.unchecked_entry = checked_entry

# Whole runs are examples here, so their number is small, and they are the same in every run. The
# profile "thorough" generates new ones; a failure that it finds becomes an `@example` of its test.
settings.register_profile("default", max_examples=40, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=1000, deadline=None, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# Files that take more than half a minute, longest first. Workers take files in this order, so that
# none of these is left to one worker while the other has nothing to do.
LONGEST = (
    "test_idioms.py",
    "test_examples.py",
    "test_jit.py",
    "test_inside.py",
    "test_user_cache.py",
    "test_bounds.py",
    "test_decompositions.py",
    "test_statements.py",
    "test_random_programs.py",
    "test_kinks.py",
    "test_batch.py",
    "test_adjoint.py",
)


def pytest_collection_modifyitems(items):
    """Put the tests of the longest files first; the others keep their order."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture
def rng():
    """Return a random generator with a fixed seed."""
    return np.random.default_rng(20240229)


@pytest.fixture
def compiled_at_once(monkeypatch):
    """Have loops compiled at their first run, in this process and in those that it starts."""
    monkeypatch.setenv(python_first.SWITCH, "0")


@pytest.fixture
def begin(monkeypatch):
    """Return begin(in_python), which decides how runs begin; they then stay in that tier."""
    monkeypatch.setattr(tiered_loop, "LONGEST", math.inf)

    def decide(in_python):
        monkeypatch.setattr(tiered_loop, "_compiled", {})
        monkeypatch.setattr(tiered_loop.TieredLoop, "_begins_in_python", lambda self, state, rest: in_python)

    return decide


@pytest.fixture
def allocations(compiled_at_once):
    """Return the function `allocations.counted`, with Numba's counters switched on for the test."""
    with counting():
        yield counted


@pytest.fixture(autouse=True)
def end_processes():
    """End the processes that a failed test leaves behind, so that they disturb no other test."""
    yield
    processes.end_all()
