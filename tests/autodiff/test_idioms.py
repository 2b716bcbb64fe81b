"""Every idiom in both modes: derivatives against differences, values bit for bit.

The differences are of fourth order.

Covers: _autodiff/derivative_functions.py, _autodiff/recompile.py, _autodiff/routing.py,
_autodiff/*_rules.py.
"""

import numpy as np
import pytest
from idioms import IDIOMS, X
from more_idioms import MORE

from quasinewton import hessian, hvp, jacobian
from quasinewton._autodiff import derivative

STEP = 1e-3
NAMES = [name for name, _, _ in IDIOMS]
SECOND = {"nested_loops", "residuals", "powers", "special_functions", "log_sum_exp", "helpers", "buffer_of_zeros"}


def differences(f, x, *args):
    """Return the gradient by differences of fourth order."""
    g = np.empty(x.size)
    for i in range(x.size):
        e = np.zeros(x.size)
        e[i] = STEP
        beside = [f(x + k * e, *args) for k in (-2, -1, 1, 2)]
        g[i] = np.dot(beside, [1.0, -8.0, 8.0, -1.0]) / (12.0 * STEP)
    return g


QUICK = {"undecided", "lists_and_slices", "kinds_of_loops", "models_and_weights"}
# The functions of these are in `test_decompositions` and `test_statements`, too.
ELSEWHERE = {"determinants", "copy_and_change"}
CASES = [pytest.param(*case, id=case[0], marks=pytest.mark.slow if case[0] in ELSEWHERE else ()) for case in IDIOMS]
CASES += [pytest.param(*case, id=case[0], marks=() if case[0] in QUICK else pytest.mark.slow) for case in MORE]


@pytest.mark.parametrize("name, f, args", CASES)
def test_idiom(name, f, args):
    expected, value = differences(f, X, *args), f(X.copy(), *args)
    gradients = []
    for mode in "forward", "reverse":
        y, g = derivative(f, "value_and_grad", mode, X.size)[0](X.copy(), *args)
        assert np.array_equal(y, value, equal_nan=True), f"{mode}: the value has other bits"
        np.testing.assert_allclose(g, expected, rtol=1e-6, atol=1e-6, err_msg=mode)
        gradients.append(g)
    np.testing.assert_allclose(*gradients, rtol=1e-12, atol=1e-12)


def test_list_has_no_duplicates():
    assert len(set(NAMES)) == len(NAMES) >= 60


@pytest.mark.parametrize("name, f, args", [case for case in IDIOMS if case[0] in SECOND], ids=sorted(SECOND))
def test_second_derivatives(name, f, args):
    forward = derivative(f, "value_and_grad", "forward", X.size)[0]
    v = np.cos(np.arange(X.size))
    expected = (forward(X + 1e-5 * v, *args)[1] - forward(X - 1e-5 * v, *args)[1]) / 2e-5
    product, H = hvp(f)(X, v, *args), hessian(f)(X, *args)
    np.testing.assert_allclose(product, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(H @ v, product, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(H, H.T, rtol=1e-11, atol=1e-11)


def test_jacobian():
    from numba import njit

    @njit
    def f(x, a):
        return np.array([x[0] * x[1], a * x[2], np.sum(x)])

    x = np.arange(1.0, 5.0)
    np.testing.assert_allclose(jacobian(f)(x, 3.0), [[2, 1, 0, 0], [0, 0, 3, 0], [1, 1, 1, 1]])
