"""Which mode "auto" takes, and that the modes agree.

Covers: _autodiff/__init__.py (settled), _autodiff/derivative_functions.py (automatic, Chooser),
_objective/derived.py.
"""

import numpy as np
import pytest
from numba import njit

from quasinewton import minimize, value_and_grad
from quasinewton._autodiff import FEW, SEVERAL, settled


@njit
def smooth(x, c):
    s = 0.0
    for i in range(x.size):
        s += np.exp(c * x[i]) * x[i - 1]
    return s + np.sum(x**2)


@njit
def refused(x, c):
    """Be refused by the transformation, because of a list that grows."""
    squares = [c * x[0] ** 2]
    for i in range(1, x.size):
        squares.append(x[i] ** 2 * squares[-1])
    return sum(squares)


both = value_and_grad(smooth)


@njit
def by_both(x, c):
    return both(x, c)


def test_the_rule():
    asked = []

    def accepted():
        asked.append(True)
        return True

    chosen = [settled("auto", n, accepted) for n in (1, SEVERAL - 1, SEVERAL, FEW, FEW + 1)]
    assert chosen == ["forward", "forward", "reverse", "reverse", "reverse"] and len(asked) == 2
    assert [settled("auto", n, lambda: False) for n in (SEVERAL, FEW, FEW + 1)] == ["forward", "forward", "reverse"]
    assert settled("auto", None, accepted) == "auto" and settled("forward", 100, accepted) == "forward"


@pytest.mark.parametrize("fun, n, mode", [(smooth, 4, "forward"), (smooth, 5, "reverse"), (refused, 5, "forward")])
def test_the_mode_of_a_run(fun, n, mode):
    assert minimize(fun, np.full(n, 0.1), (0.5,), options={"maxiter": 0}).jac_mode == mode


@pytest.mark.parametrize("fun", [smooth, refused])
def test_the_modes_agree(fun):
    x = np.linspace(-0.5, 0.7, 6)
    value, gradient = value_and_grad(fun)(x, 0.5)
    for mode in "forward", "reverse":
        other, slopes = value_and_grad(fun, mode)(x, 0.5)
        assert other == value == fun(x, 0.5)
        np.testing.assert_allclose(slopes, gradient, rtol=1e-13)


def test_in_compiled_code():
    """Both modes are compiled there, and the number of variables decides when it runs."""
    for n in 3, 6:
        x = np.linspace(-0.5, 0.7, n)
        value, gradient = by_both(x, 0.5)
        expected, slopes = value_and_grad(smooth, "forward")(x, 0.5)
        assert value == expected
        np.testing.assert_allclose(gradient, slopes, rtol=1e-13)
