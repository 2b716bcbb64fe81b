"""Minimisers of fitted polynomials, compared with the minimisers of the polynomials.

Covers: _line_searches/interpolation.py.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numba import njit

from quasinewton._line_searches import interpolation

point = st.floats(-5.0, 5.0)
coefficient = st.floats(-3.0, 3.0)


@njit
def cubic(*arguments):
    return interpolation.cubic(*arguments)


@njit
def quadratic(*arguments):
    return interpolation.quadratic(*arguments)


@njit
def secant(*arguments):
    return interpolation.secant(*arguments)


@given(a=point, b=point, low=point, gap=st.floats(0.1, 5.0), size=st.floats(0.1, 3.0))
def test_cubic_finds_the_minimiser_of_a_cubic(a, b, low, gap, size):
    """The interpolant of a cubic has the cubic's minimiser.

    The slope is size (t − low)(t − high), whose minimiser is at `high`, since size > 0.
    """
    assume(abs(a - b) > 0.1)
    high = low + gap
    slope = size * np.polynomial.Polynomial.fromroots([low, high])
    phi = slope.integ()
    assert cubic(a, phi(a), slope(a), b, phi(b), slope(b)) == pytest.approx(high, abs=1e-6)


def test_cubic_without_a_minimiser_is_nan():
    assert np.isnan(cubic(-1.0, -2.0, 4.0, 1.0, 2.0, 4.0))  # The data are those of t³ + t.
    assert np.isnan(cubic(0.0, 1.0, 0.0, 1.0, 1.0, 0.0))  # The data are those of a constant.


def test_cubic_does_not_overflow():
    assert cubic(0.0, 0.0, -1e200, 1.0, 0.0, 1e200) == pytest.approx(0.5)


@given(a=point, b=point, t=point, size=st.floats(0.1, 3.0), constant=coefficient)
def test_quadratic_finds_the_vertex(a, b, t, size, constant):
    assume(abs(a - b) > 0.1)
    phi = np.polynomial.Polynomial([size * t * t + constant, -2.0 * size * t, size])
    assert quadratic(a, phi(a), phi.deriv()(a), b, phi(b)) == pytest.approx(t, abs=1e-9)


@given(a=point, b=point, t=point, size=st.floats(0.1, 3.0))
def test_secant_finds_the_zero(a, b, t, size):
    assume(abs(a - b) > 0.1)
    assert secant(a, size * (a - t), b, size * (b - t)) == pytest.approx(t, abs=1e-9)
