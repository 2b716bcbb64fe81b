"""Gradients right and wrong, compiled or not."""

import numpy as np
import pytest
from numba import njit
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_joint

from quasinewton import check_gradient

X = np.array([-1.2, 1.0, 0.5])


def wrong(x):
    g = rosenbrock_gradient(x)
    g[1] *= 1.001
    return g


def in_python(x):
    return float(rosenbrock(x))


@njit
def refused(x):
    return rosenbrock(x) + round(0.0 * x[0])


@pytest.mark.parametrize(
    "fun, mode", [(rosenbrock, "forward"), (in_python, "differences"), (refused, "differences")]
)
def test_says_which_component_is_wrong(fun, mode):
    good, bad = check_gradient(fun, rosenbrock_gradient, X), check_gradient(fun, wrong, X)
    assert good and good.correct and "agrees" in good.message
    assert not bad and bad.component == 1 and bad.error == pytest.approx(1e-3, rel=0.01)
    assert bad.message.startswith("component 1 of the gradient is")
    assert good.mode == bad.mode == mode


def test_joint_form_many_variables_and_arguments():
    assert check_gradient(rosenbrock_joint, True, X)
    assert check_gradient(rosenbrock, rosenbrock_gradient, np.linspace(-1.0, 1.0, 50)).mode == "reverse"

    @njit
    def f(x, a):
        return a * np.sum(x**2)

    assert check_gradient(f, lambda x, a: 2.0 * a * x, X, (3.0,))


def test_nan_is_wrong():
    check = check_gradient(rosenbrock, lambda x: np.full(3, np.nan), X)
    assert not check and check.error == np.inf


def test_shape():
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        check_gradient(rosenbrock, lambda x: np.ones(2), X)
