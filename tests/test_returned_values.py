"""Values that users' functions return: numbers of other libraries, complex ones, object arrays.

Covers: _arguments/real_values.py, _objective/from_python.py, _objective/njit_results.py.
"""

import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from numba import njit

from quasinewton import Solver, minimize


class OfMpmath:
    """Imitate mpmath.mpf and sympy.Float: a number unknown to NumPy that converts to float."""

    def __init__(self, value):
        self.value = value

    def __float__(self):
        return float(self.value)

    def __complex__(self):
        return complex(self.value)


class ComplexOfMpmath(OfMpmath):
    """Imitate mpmath.mpc, or a complex expression of SymPy."""

    def __float__(self):
        raise TypeError("Cannot convert complex to float")


def square(x):
    return float((x[0] - 1.0) ** 2)


KINDS = [Fraction, Decimal, OfMpmath, np.float32, np.longdouble, lambda f: np.array([Fraction(f)], dtype=object)]


@pytest.mark.parametrize("kind", KINDS, ids=["Fraction", "Decimal", "mpf", "float32", "longdouble", "array"])
def test_values_may_be_real_numbers_of_any_kind(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        res = minimize(lambda x: kind(square(x)), [0.0], jac=lambda x: 2.0 * (x - 1.0))
    assert res.success and type(res.fun) is float and abs(res.x[0] - 1.0) < 1e-4


@pytest.mark.parametrize("kind", [complex, np.complex128, ComplexOfMpmath, lambda f: np.array([f + 0j])])
def test_values_without_imaginary_part_are_taken_with_a_warning(kind):
    with pytest.warns(np.exceptions.ComplexWarning, match="the objective returns complex numbers"):
        res = minimize(lambda x: kind(square(x)), [0.0])
    assert res.success


@pytest.mark.parametrize("kind", [complex, np.complex128, ComplexOfMpmath, lambda f: np.array([f])])
def test_values_with_an_imaginary_part_are_refused_as_complex(kind):
    with pytest.raises(ValueError, match=r"must return a scalar value\. It returns a complex number, \(1\+2j\)"):
        minimize(lambda x: kind(1.0 + 2.0j), [0.0])


@pytest.mark.parametrize("value, kind", [("1.0", "str"), (None, "NoneType"), ({}, "dict"), (b"1", "bytes")])
def test_the_message_names_what_is_no_number(value, kind):
    with pytest.raises(ValueError, match=rf"must return a scalar value\. It returns {kind}\."):
        minimize(lambda x: value, [0.0])


@pytest.mark.parametrize("kind", [Fraction, Decimal, OfMpmath])
def test_gradients_may_hold_them(kind):
    def gradient(x):
        return np.array([kind(float(2.0 * (x[0] - 1.0)))], dtype=object)

    res, expected = (minimize(square, [0.0], jac=jac) for jac in (gradient, lambda x: 2.0 * (x - 1.0)))
    assert np.array_equal(res.x, expected.x) and res.jac.dtype == np.float64
    solver = Solver([0.0])
    solver.tell(kind(square(solver.ask())), gradient(np.zeros(1)))
    assert solver.result.fun == 1.0


def test_gradients_may_be_complex_without_imaginary_part():
    with pytest.warns(np.exceptions.ComplexWarning, match="the gradient returns complex numbers"):
        assert minimize(square, [0.0], jac=lambda x: 2.0 * (x - 1.0) + 0j).success
    with pytest.raises(ValueError, match="the gradient must be real, but it is complex"):
        minimize(square, [0.0], jac=lambda x: 2.0 * (x - 1.0) + 1j)
    with pytest.raises(ValueError, match="the gradient must be real, of shape"):
        minimize(square, [0.0], jac=lambda x: np.array(["1"], dtype=object))


def test_hessians_may_hold_them():
    res = minimize(square, [0.0], method="newton", jac=lambda x: 2.0 * (x - 1.0), hess=lambda x: [[Fraction(2)]])
    assert res.success and res.hess_mode == "exact"


class TestCompiled:
    def test_values_without_imaginary_part_are_taken_with_a_warning(self):
        fun = njit(lambda x: (x[0] - 1.0) ** 2 + 0j)
        for _ in range(2):  # The second run finds the compiled code of the first.
            with pytest.warns(np.exceptions.ComplexWarning, match="fun returns complex numbers"):
                res = minimize(fun, [0.0])
            assert res.success and abs(res.x[0] - 1.0) < 1e-4

    def test_values_with_an_imaginary_part_are_refused_as_complex(self):
        fun = njit(lambda x: (x[0] - 1.0) ** 2 + 1j)
        with (
            pytest.warns(np.exceptions.ComplexWarning),
            pytest.raises(ValueError, match="returns a complex number whose imaginary part is not zero"),
        ):
            minimize(fun, [0.0])


def test_masked_values_are_no_numbers():
    def masked(values, mask=True):
        return np.ma.masked_array(values, np.full(np.shape(values), mask))

    with pytest.raises(ValueError, match="the gradient has masked values"):
        minimize(square, [0.0], jac=lambda x: masked(2.0 * (x - 1.0)))
    with pytest.raises(ValueError, match="must return a scalar value"):
        minimize(lambda x: masked(square(x)), [0.0])
    assert minimize(lambda x: masked(square(x), False), [0.0], jac=lambda x: masked(2.0 * (x - 1.0), False)).success
