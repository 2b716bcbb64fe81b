"""Derivatives called from Python: what they take, what they refuse, and how they travel.

Covers: _autodiff/from_python.py, _arguments/initial_values.py.
"""

import copy
import pickle
from fractions import Fraction

import numpy as np
import pytest
from numba import njit

from quasinewton import check_gradient, grad, hessian, hvp, jacobian, line_search, minimize, value_and_grad
from quasinewton._numba_ext.pickling import dumps

X = np.array([1.0, 2.0, 3.0])
DATA = np.array([0.5, 1.0, 2.0])


@njit
def loss(x, data):
    return np.sum((x - data) ** 2)


@njit
def residuals(x, data):
    return (x - data) ** 2


class ByArray:
    """Imitate a column of pandas or an array of xarray."""

    def __array__(self, dtype=None, copy=None):
        return DATA


class Table(ByArray):
    columns = "a", "b"


MAKERS = {
    "value_and_grad": lambda x, data: value_and_grad(loss)(x, data),
    "grad": lambda x, data: grad(loss, "reverse")(x, data),
    "jacobian": lambda x, data: jacobian(residuals)(x, data),
    "hvp": lambda x, data: hvp(loss)(x, X, data),
    "vector of hvp": lambda x, data: hvp(loss)(X, x, data),
    "hessian": lambda x, data: hessian(loss)(x, data),
}
DOORS = MAKERS | {
    "check_gradient": lambda x, data: check_gradient(loss, grad(loss), x, (data,)),
    "line_search": lambda x, data: line_search(loss, x, -X, (data,)),
    "minimize": lambda x, data: minimize(loss, x, (data,)),
}


def gradient(x, data=DATA):
    return 2.0 * (x - data)


class TestConversion:
    @pytest.mark.parametrize(
        "x",
        [
            [1.0, 2.0, 3.0],
            (1, 2, 3),
            np.array([1, 2, 3]),
            X.astype(np.float32),
            X.astype(">f8"),
            np.repeat(X, 2)[::2],
            np.array([1, 2, 3], dtype=object),
            [Fraction(1), 2, 3.0],
            range(1, 4),
        ],
        ids=["list", "tuple", "integers", "float32", "big-endian", "strided", "objects", "fractions", "range"],
    )
    def test_points(self, x):
        assert np.array_equal(grad(loss)(x, DATA), gradient(X))
        assert not grad(loss).signatures  # the derivative of one mode is called

    def test_one_compilation_serves_all_points(self):
        f = njit(lambda x: x[0] ** 2)
        g = grad(f, "forward")
        frozen = np.array([3.0])
        frozen.flags.writeable = False
        assert [g(x)[0] for x in ([3], 3, 3.0, np.float32(3.0), np.array(3), frozen)] == [6.0] * 6
        assert len(g.signatures) == 1

    @pytest.mark.parametrize("data", [ByArray(), DATA.astype(">f8"), DATA.astype(np.float16)])
    def test_arguments(self, data):
        value, slope = value_and_grad(loss)(X, data)
        assert value == loss(X, DATA) and np.array_equal(slope, gradient(X))
        assert np.array_equal(hessian(loss)(X, data), 2.0 * np.eye(3))
        assert np.array_equal(jacobian(residuals)(X, data), np.diag(gradient(X)))

    def test_arguments_by_name(self):
        assert np.array_equal(grad(loss)(X, data=DATA), gradient(X))
        assert np.array_equal(grad(loss)(data=DATA, x=X), gradient(X))
        assert np.array_equal(hvp(loss)(X, v=X, data=DATA), hvp(loss)(X, X, DATA))
        with pytest.raises(TypeError, match="unexpected keyword argument 'weight'"):
            grad(loss)(X, DATA, weight=2.0)


class TestRefusals:
    """One line that names the argument, its type and what to pass; nothing is compiled before."""

    @pytest.mark.parametrize(
        "x, error, message",
        [
            (None, TypeError, "(must hold real numbers.* NoneType|may be None only with a checkpoint)"),
            ("abc", TypeError, "must hold real numbers, as a list or an array; got str"),
            ({"a": 1.0}, TypeError, "must hold real numbers, as a list or an array; got dict"),
            ((i for i in range(3)), TypeError, "must hold real numbers, as a list or an array; got generator"),
            (["1", "2", "3"], TypeError, "must hold real numbers, got text"),
            ([1.0, None, 2.0], TypeError, "must hold real numbers, got object"),
            ([[1.0, 2.0], [3.0]], ValueError, "must hold real numbers; its items differ in length or depth"),
            (np.ones((2, 2)), ValueError, "must only have one dimension"),
            (np.empty(0), ValueError, "(must hold at least one number|x and v must be of one length)"),
            (X + 1j, ValueError, "must be real"),
            (np.ma.masked_array(X, [0, 1, 0]), TypeError, "is a masked array, and the solver does not see masks"),
        ],
        ids=lambda value: "",
    )
    @pytest.mark.parametrize("door", DOORS)
    def test_points(self, door, x, error, message):
        with pytest.raises(error, match=message) as caught:
            DOORS[door](x, DATA)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "data, message",
        [
            (Table(), "is of type .*Table, a table"),
            (np.ma.masked_array(X, [0, 1, 0]), "is a masked array"),
            ([[1.0, 2.0], [3.0]], "is a list of lists or sets, .* pass an array, a tuple of arrays"),
            ({"a"}, "is of type set"),
            ({"a": 1.0}, "is of type dict.*pass its values"),
            (np.array([1, "a"], dtype=object), "holds Python objects"),
            ("abc", r"does not compile for the arguments \(x: .*, data: unicode_type.*; data is text"),
            (None, r"does not compile for the arguments \(x: .*, data: none.*; data is None"),
            ([1.0, 2.0, 3.0], r"does not compile .*, data: reflected list.*; data is a list or a set: pass an array"),
        ],
        ids=lambda value: "",
    )
    @pytest.mark.parametrize(
        "door", ["value_and_grad", "grad", "jacobian", "hvp", "hessian", "check_gradient", "minimize"]
    )
    def test_arguments(self, door, data, message):
        name = r"args\[0\]" if door in ("check_gradient", "minimize") else "data"
        with pytest.raises(TypeError, match=message if "compile" in message else f"^{name} {message}") as caught:
            DOORS[door](X, data)
        assert "\n" not in str(caught.value)

    def test_vectors_of_different_lengths(self):
        product = hvp(loss)
        with pytest.raises(ValueError, match="x and v must be of one length"):
            product(X, X[:2], DATA)
        compiled = njit(lambda x, v, data: product(x, v, data))
        with pytest.raises(ValueError, match="x and v must be of one length"):
            compiled(X, X[:2], DATA)

    def test_too_few_arguments(self):
        with pytest.raises(TypeError, match="hvp_of_loss takes x and v"):
            hvp(loss)(X)
        with pytest.raises(TypeError, match="loss does not compile for the arguments .*missing a required argument"):
            grad(loss)(X)

    def test_items_with_masks_in_a_list(self):
        with pytest.raises(TypeError, match=r"x0\[1\] is a masked array"):
            minimize(loss, [1.0, np.ma.masked_array(2.0, True), 3.0], (DATA,))


def test_derivatives_are_not_differentiated():
    for second in (grad, jacobian, value_and_grad):
        with pytest.raises(TypeError, match="cannot differentiate grad_of_loss, .*by hessian or hvp"):
            second(grad(loss))


class TestCopies:
    @pytest.mark.parametrize(
        "copied", [lambda g: pickle.loads(dumps(g)), lambda g: pickle.loads(pickle.dumps(g)), copy.deepcopy]
    )
    @pytest.mark.parametrize("made", [grad(loss), hessian(loss), grad(loss, "forward")])
    def test_are_derivatives_of_the_same_function(self, copied, made):
        assert np.array_equal(copied(made)(X, DATA), made(X, DATA))

    def test_without_the_function(self):
        g = grad(njit(lambda x: x[0] ** 2), "forward")
        assert g([3.0])[0] == 6.0
