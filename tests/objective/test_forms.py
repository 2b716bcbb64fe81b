"""Objectives in every form that a function has in Python, and gradients in every form of `jac`.

Covers: _objective/from_python.py, _objective/from_njit.py, _objective/build.py,
_objective/choose_gradient.py.
"""

import functools

import numpy as np
import pytest
from numba import njit
from objectives import (
    Counted,
    rosenbrock,
    rosenbrock_gradient,
    rosenbrock_hessian,
    rosenbrock_inplace,
    rosenbrock_joint,
)

from quasinewton import minimize

X0 = [-1.2, 1.0, 0.7, 0.9]

GRADIENT_FORMS = {
    "separate": (rosenbrock, rosenbrock_gradient),
    "joint": (rosenbrock_joint, True),
    "inplace": (rosenbrock_inplace, "inplace"),
}


class Rosenbrock:
    """Offer the function as a method, a class method and a callable object."""

    def method(self, x):
        return rosenbrock(x)

    @staticmethod
    def static(x):
        return rosenbrock(x)

    def __call__(self, x):
        return rosenbrock(x)


def interpreted(function):
    """Return a Python function that calls the compiled `function` from the interpreter."""
    return (lambda *arguments: function(*arguments)) if callable(function) else function


def scaled(offset, x):
    return offset + rosenbrock(x)


PYTHON_FORMS = {
    "function": interpreted(rosenbrock),
    "bound method": Rosenbrock().method,
    "static method": Rosenbrock.static,
    "callable object": Rosenbrock(),
    "partial": functools.partial(scaled, 0.0),
    "partial of compiled": functools.partial(rosenbrock),
    "size 1": lambda x: np.array([rosenbrock(x)]),
    "0-d": lambda x: np.array(rosenbrock(x)),
    "shape (1, 1)": lambda x: np.array([[rosenbrock(x)]]),
    "list": lambda x: [rosenbrock(x)],
}


def iterates(fun, jac, **keywords):
    return np.array(minimize(fun, X0, jac=jac, options={"return_all": True}, **keywords).allvecs)


@pytest.fixture(scope="module")
def expected():
    return iterates(rosenbrock, rosenbrock_gradient)


@pytest.mark.parametrize("form", GRADIENT_FORMS)
@pytest.mark.parametrize("make", [lambda f: f, interpreted], ids=["compiled", "python"])
def test_every_gradient_form_gives_the_same_bits(form, make, expected):
    fun, jac = GRADIENT_FORMS[form]
    assert np.array_equal(iterates(make(fun), make(jac)), expected)


@pytest.mark.parametrize("form", PYTHON_FORMS)
def test_every_kind_of_callable_gives_the_same_bits(form, expected):
    assert np.array_equal(iterates(PYTHON_FORMS[form], rosenbrock_gradient), expected)


@pytest.mark.parametrize("method", ["bfgs", "newton"])
def test_methods_see_the_same_function_compiled_or_not(method):
    hess = rosenbrock_hessian if method == "newton" else None
    runs = [
        minimize(make(rosenbrock), X0, jac=make(rosenbrock_gradient), hess=make(hess), method=method)
        for make in (lambda f: f, interpreted)
    ]
    assert np.array_equal(runs[0].x, runs[1].x) and runs[0].fun == runs[1].fun
    assert [runs[0][k] for k in ("nit", "nfev", "njev")] == [runs[1][k] for k in ("nit", "nfev", "njev")]


@pytest.mark.parametrize("jac", ["2-point", "3-point"])
def test_differences_give_the_same_bits_compiled_or_not(jac):
    compiled, python = (minimize(make(rosenbrock), X0, jac=jac) for make in (lambda f: f, interpreted))
    assert np.array_equal(compiled.x, python.x) and compiled.nfev == python.nfev
    assert compiled.jac_mode == python.jac_mode == jac


@pytest.mark.parametrize(
    "mix",
    [(rosenbrock, interpreted(rosenbrock_gradient)), (interpreted(rosenbrock), rosenbrock_gradient)],
    ids=["fun", "jac"],
)
def test_one_compiled_function_of_two_is_as_good_as_none(mix, expected):
    assert np.array_equal(iterates(*mix), expected)


def test_closures_keep_their_own_values():
    """Compiled closures of the same code are different objectives."""

    def make(centre):
        @njit
        def bowl(x):
            return (x[0] - centre) ** 2

        return bowl

    bowls = [make(centre) for centre in (1.0, 2.0)]
    assert [round(minimize(bowl, [0.0]).x[0], 4) for bowl in bowls] == [1.0, 2.0]
    assert round(minimize(bowls[0], [0.0]).x[0], 4) == 1.0


@pytest.mark.parametrize("make", [lambda f: f, njit], ids=["python", "compiled"])
def test_integer_and_boolean_values_are_numbers(make):
    res = minimize(make(lambda x: 7), [1.0, 2.0], jac=make(lambda x: np.zeros(2)))
    assert res.success and res.fun == 7.0 and type(res.fun) is float
    assert minimize(make(lambda x: x[0] > 5.0), [1.0], jac=make(lambda x: np.zeros(1))).fun == 0.0


@pytest.mark.parametrize(
    "gradient",
    [
        lambda x: list(2 * x),
        lambda x: tuple(2 * x),
        lambda x: (2 * x).astype(np.float32),
        lambda x: (2 * x)[:, None],
        lambda x: (2 * x)[None, :],
        lambda x: np.repeat(2 * x, 2)[::2],
    ],
    ids=["list", "tuple", "float32", "column", "row", "strided"],
)
def test_gradients_of_every_layout(gradient):
    res = minimize(lambda x: x @ x, [4.0, -8.0], jac=gradient)
    assert res.success and res.x == pytest.approx([0.0, 0.0], abs=1e-5)


def test_compiled_gradients_of_every_layout():
    @njit
    def bowl(x):
        return x[0] ** 2 + x[1] ** 2

    for gradient in (
        lambda x: (2 * x[0], 2 * x[1]),
        lambda x: (2 * x).astype(np.float32),
        lambda x: (2 * x).reshape(1, 2),
        lambda x: np.repeat(2 * x, 2)[::2],
    ):
        assert minimize(bowl, [4.0, -8.0], jac=njit(gradient)).x == pytest.approx([0.0, 0.0], abs=1e-5)


def test_one_variable_needs_no_array():
    res = minimize(lambda x: (x - 3.0) ** 2, 0.0, jac=lambda x: 2 * (x[0] - 3.0))
    assert res.x == pytest.approx([3.0]) and res.x.shape == (1,)


@pytest.mark.parametrize("make", [lambda f: f, njit], ids=["python", "compiled"])
def test_an_objective_may_overwrite_x(make):
    def spoil(x):
        f = (x[0] - 1.0) ** 2 + 3.0 * (x[1] + 2.0) ** 2
        x[:] = np.nan
        return f

    def spoil_gradient(x):
        g = np.array([2.0 * (x[0] - 1.0), 6.0 * (x[1] + 2.0)])
        x[:] = np.nan
        return g

    def hessian(x):
        x[:] = np.nan
        return np.array([[2.0, 0.0], [0.0, 6.0]])

    for method in "lbfgs", "bfgs", "newton":
        hess = make(hessian) if method == "newton" else None
        res = minimize(make(spoil), [5.0, 5.0], method=method, jac=make(spoil_gradient), hess=hess)
        assert res.success and res.x == pytest.approx([1.0, -2.0], abs=1e-5)
    for jac in None, "3-point":
        assert minimize(make(spoil), [5.0, 5.0], jac=jac).x == pytest.approx([1.0, -2.0], abs=1e-4)


def test_a_gradient_written_in_place_starts_uninitialised_but_is_read_afterwards():
    def fun(x, g):
        g[:] = 2 * x
        return x @ x

    assert minimize(fun, [3.0, 4.0], jac="inplace").x == pytest.approx([0.0, 0.0], abs=1e-5)


# Illegal return values: the functions, and a part of the message.
WRONG = {
    "None": (lambda x: None, None, "must return a scalar value"),
    "complex": (lambda x: 1j, None, "must return a scalar value"),
    "two values": (lambda x: np.array([1.0, 2.0]), None, "must return a scalar value"),
    "text": (lambda x: "low", None, "must return a scalar value"),
    "vector": (lambda x: x, None, "must return a scalar value"),
    "short gradient": (lambda x: x @ x, lambda x: x[:2], "gradient must be real, of shape"),
    "gradient of length 1": (lambda x: x @ x, lambda x: x[:1], "gradient must be real, of shape"),
    "long gradient": (lambda x: x @ x, lambda x: np.zeros(9), "gradient must be real, of shape"),
    "complex gradient": (lambda x: x @ x, lambda x: 1j * x, "gradient must be real, but it is complex"),
    "no gradient": (lambda x: x @ x, lambda x: None, "gradient must be real, of shape"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_return_value_is_named(name):
    fun, jac, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        minimize(fun, np.ones(4), jac=jac)


# Illegal return values of compiled functions, whose types are known before anything runs.
WRONG_COMPILED = {
    "None": (lambda x: None, None, ValueError, "must return a scalar value"),
    "complex": (lambda x: 1j * x[0], None, ValueError, "must return a scalar value"),
    "two values": (lambda x: x[:2], None, ValueError, "must return a scalar value"),
    "text": (lambda x: "low", None, ValueError, "must return a scalar value"),
    "pair": (lambda x: (x[0], x), None, ValueError, "must return a scalar value"),
    "short gradient": (lambda x: x[0], lambda x: x[:2], ValueError, "does not have the size"),
    "gradient of length 1": (lambda x: x[0], lambda x: x[:1], ValueError, "does not have the size"),
    "scalar gradient": (lambda x: x[0], lambda x: x[0], ValueError, "does not have the size"),
    "complex gradient": (lambda x: x[0], lambda x: 1j * x, TypeError, "jac must return a real vector"),
    "no gradient": (lambda x: x[0], lambda x: None, TypeError, "jac must return a real vector"),
    "no pair": (lambda x: x[0], True, TypeError, "must return a value and its derivative"),
    "does not compile": (lambda x: x.no_such_method(), None, TypeError, "fun does not compile"),
    "wrong arguments": (lambda x, y: x[0], None, TypeError, "fun does not compile for the arguments"),
}


@pytest.mark.filterwarnings("ignore:fun returns complex numbers")
@pytest.mark.parametrize("name", WRONG_COMPILED)
def test_wrong_return_value_of_a_compiled_function_is_named(name):
    fun, jac, kind, message = WRONG_COMPILED[name]
    with pytest.raises(kind, match=message) as error:
        minimize(njit(fun), np.ones(4), jac=njit(jac) if callable(jac) else jac)
    assert "quasinewton" not in str(error.value)


def test_hessian_of_the_wrong_shape_is_named():
    functions = {"fun": lambda x: x @ x, "x0": np.ones(3), "method": "newton", "jac": lambda x: 2 * x}
    with pytest.raises(ValueError, match=r"must be real, of shape \(3, 3\)"):
        minimize(**functions, hess=lambda x: np.eye(2))
    with pytest.raises(ValueError, match=r"must be real, of shape \(3, 3\)"):
        minimize(**functions, hess=lambda x: np.ones(3))


@pytest.mark.parametrize(
    "keywords, kind, message",
    [
        ({"fun": 3.0}, TypeError, "fun must be callable, got float"),
        ({"fun": None}, TypeError, "fun must be callable, got NoneType"),
        ({"jac": "4-point"}, ValueError, "jac must be callable.*got '4-point'"),
        ({"jac": 2}, ValueError, "jac must be callable.*got 2"),
        ({"method": "newton", "hess": "exact"}, ValueError, "hess must be callable.*got 'exact'"),
        # Of methods that do not use them, too: by default a given one chooses the method.
        ({"hess": "exact"}, ValueError, "hess must be callable.*got 'exact'"),
        ({"method": "lbfgs", "hess": 3}, ValueError, "hess must be callable.*got 3"),
        ({"method": "adam", "hessp": "auto"}, ValueError, "hessp must be callable or None; got 'auto'"),
        ({"options": {"eps": -1.0}}, ValueError, "eps must be a positive number"),
        ({"options": {"eps": [1e-8, 1e-8]}}, ValueError, "eps must be a positive number, or 3 of them"),
        ({"options": {"finite_diff_rel_step": 0.0}}, ValueError, "finite_diff_rel_step must be a positive number"),
        ({"options": {"eps": "small"}}, ValueError, "eps must be a positive number, or 3 of them; got 'small'"),
        ({"options": {"x_scale": 0}}, ValueError, "x_scale must be a positive number, or 3 of them; got 0"),
        ({"maxfev": 5, "maxfun": 9}, TypeError, "maxfev and maxfun are two names of one option"),
        ({"method": "bfgs", "damping": "no"}, ValueError, "damping must be True or False, got 'no'"),
        ({"method": "lbfgs", "single": 2}, ValueError, "single must be True or False, got 2"),
        ({"tol": "tight"}, TypeError, "^tol must be a real number, got 'tight'"),
        ({"x0": [10**400, 0]}, ValueError, "'x0' must hold real numbers; an integer in it is too large"),
        ({"constraints": 3}, TypeError, "constraints must be a dictionary such as .* got 3"),
    ],
)
def test_illegal_input_is_named_before_anything_runs(keywords, kind, message):
    fun = Counted(rosenbrock)
    with pytest.raises(kind, match=message):
        minimize(**{"fun": fun, "x0": np.zeros(3), **keywords})
    assert fun.calls == 0
