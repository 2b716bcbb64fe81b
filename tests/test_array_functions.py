"""Array functions in users' functions have the same bits and errors as Numba's own.

Covers: _numba_ext/array_functions.py, _numba_ext/user_code.py.
"""

import numpy as np
import pytest
from numba import njit

from quasinewton._numba_ext.array_functions import ORIGINALS, STAND_INS
from quasinewton._numba_ext.user_code import Copy, fresh


@njit
def products(A, x):
    B = np.zeros((A.shape[1], 3)) + np.ones(3)
    y = A @ x
    return A @ B, y, np.dot(y, y), np.outer(x, y), np.zeros(A.shape[0]), np.zeros_like(A)


@njit
def reductions(A, x):
    return np.sum(A), np.sum(x), np.mean(x), np.cumsum(x), np.diag(A), np.sum(A, axis=0), np.sum(A > 0.0)


@njit
def solutions(A, x):
    S = A @ A.T + np.eye(A.shape[0])
    inverse, sign = np.linalg.inv(S), np.linalg.slogdet(S)
    return np.linalg.solve(S, x), inverse, np.linalg.det(S), sign[1], np.linalg.cholesky(S), np.linalg.norm(x)


def through_copy(function):
    """Return a compiled function that calls the copy of another."""
    copy = fresh(function)
    assert isinstance(copy, Copy)
    return njit(lambda A, x: copy(A, x))


def bits(results):
    """Return the bytes of all results."""
    return [np.asarray(each).tobytes() for each in results]


@pytest.mark.parametrize("function", [products, reductions, pytest.param(solutions, marks=pytest.mark.slow)])
def test_the_bits_are_those_of_the_function(function):
    rng = np.random.default_rng(0)
    A, x = rng.normal(size=(17, 17)), rng.normal(size=17)
    assert bits(through_copy(function)(A, x)) == bits(function(A, x))


@njit
def average(A, x):
    return np.mean(A @ x)


def outcome(function, *arguments):
    """Return the value of a function, or its error, as text."""
    try:
        return repr(function(*arguments))
    except (ValueError, ZeroDivisionError) as error:
        return repr(error)


def test_the_errors_are_those_of_the_function():
    same = through_copy(average)
    unfit = np.ones((3, 2)), np.ones(3)
    assert outcome(same, *unfit) == outcome(average, *unfit) and "ValueError" in outcome(same, *unfit)
    empty = np.zeros((0, 2)), np.ones(2)  # NaN, or an error with Numba 0.62
    assert outcome(same, *empty) == outcome(average, *empty)


def test_every_stand_in_names_its_original():
    assert {key[0] for key in STAND_INS} == set(ORIGINALS.values())
