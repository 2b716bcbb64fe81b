"""Settings shared by all tests."""

import os

import numpy as np
import pytest
from hypothesis import settings

# Examples are few, since whole runs are examples here; under CI they are the same in every run.
settings.register_profile("default", max_examples=40, deadline=None)
settings.register_profile("ci", parent=settings.get_profile("default"), derandomize=True)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "default"))


@pytest.fixture
def rng():
    """Return random numbers that are the same in every run."""
    return np.random.default_rng(20240229)
