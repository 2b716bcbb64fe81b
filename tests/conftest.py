"""Settings shared by all tests."""

import os

import numpy as np
import processes
import pytest
from allocations import counted, counting
from hypothesis import settings

# Examples are few, since whole runs are examples here, and the same in every run; the profile
# "thorough" looks for new ones. What it finds becomes an `@example` of its test.
settings.register_profile("default", max_examples=40, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=1000, deadline=None, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture
def rng():
    """Return random numbers that are the same in every run."""
    return np.random.default_rng(20240229)


@pytest.fixture
def allocations():
    """Return the function `allocations.counted`, with Numba's counters switched on for the test."""
    with counting():
        yield counted


@pytest.fixture(autouse=True)
def end_processes():
    """End the processes that a test leaves behind, when it has failed; a neighbour would stumble
    over them.
    """
    yield
    processes.end_all()
