"""Mistakes of newcomers, and what they are told: names, forms and sizes that do not exist here.

Covers: _options/advice.py, _options/read.py, _arguments/initial_values.py,
_objective/from_python.py.
"""

import re

import numpy as np
import pytest
from numba import jit, njit
from scipy.optimize import OptimizeWarning

import quasinewton
from quasinewton import (
    Solver,
    Status,
    line_search,
    minimize,
    minimize_batch,
    minimize_stochastic,
    root,
)

X0 = np.array([3.0, -2.0])
A = np.arange(20.0).reshape(10, 2)


def f(x):
    return float(np.sum((x - 1.0) ** 2))


def g(x):
    return 2.0 * (x - 1.0)


def joint(x):
    return f(x), g(x)


@njit
def both(x):
    return np.sum((x - 1.0) ** 2), 2.0 * (x - 1.0)


def mean(x, a):
    return np.mean((a - x) ** 2), np.mean(x - a, axis=0)


class TestUnknownOptions:
    @pytest.mark.parametrize(
        "given, meant",
        [
            (dict(gtl=1e-3), "perhaps gtol is meant"),
            (dict(maxitr=5, fto=0.0), "perhaps maxiter and ftol are meant"),
            (dict(max_iter=5), "perhaps maxiter is meant"),
            (dict(boundss=None), "perhaps the argument bounds is meant"),
            (dict(fprime=g), "perhaps the argument jac is meant"),
            (dict(linesearch="armijo"), "perhaps line_search is meant"),
        ],
    )
    def test_warnings_say_what_is_meant(self, given, meant):
        words = f"^Unknown solver options: {', '.join(given)}; {meant}$"
        with pytest.warns(OptimizeWarning, match=words):
            minimize(f, X0, options=given)
        with pytest.warns(OptimizeWarning, match=words):
            Solver(X0, **given)

    def test_nothing_is_guessed_of_what_is_like_nothing(self):
        with pytest.warns(OptimizeWarning, match="^Unknown solver options: nonsense$"):
            minimize(f, X0, nonsense=1)
        with pytest.warns(OptimizeWarning, match="^Unknown solver options: maxiters; perhaps maxiter is meant$"):
            root(g, X0, maxiters=5)

    @pytest.mark.parametrize(
        "method, meant",
        [
            ("bgfs", "bfgs"),
            ("LBFGSB", "lbfgs"),
            ("neldermead", "nelder-mead"),
            ("newtoncg", "newton-cg"),
            ("admw", "adamw"),
        ],
    )
    def test_methods(self, method, meant):
        with pytest.raises(ValueError, match=f"Unknown solver '{method}'; known are .*; perhaps {meant} is meant$"):
            minimize(f, X0, method=method)

    def test_line_searches(self):
        with pytest.raises(ValueError, match="'morethuente'; known are .*; perhaps more-thuente is meant$"):
            minimize(f, X0, line_search="morethuente")

    def test_options_of_first_order_methods(self):
        with pytest.raises(ValueError, match="adam has no option 'learning_rate'; perhaps lr is meant"):
            minimize(f, X0, method="adam", learning_rate=0.1)
        with pytest.raises(ValueError, match="sgd has no option 'momentum'; perhaps method 'momentum' is meant"):
            minimize(f, X0, method="sgd", momentum=0.9)


class TestIllegalOptions:
    @pytest.mark.parametrize(
        "door",
        [
            lambda options: minimize(f, X0, options=options),
            lambda options: minimize_batch(f, [X0], options=options),
            lambda options: minimize_stochastic(mean, X0, A, jac=True, options=options),
            lambda options: Solver(X0, options=options),
            lambda options: root(g, X0, options=options),
        ],
    )
    @pytest.mark.parametrize("options", [[("gtol", 1e-3)], "gtol", 3])
    def test_that_are_no_dictionary(self, door, options):
        with pytest.raises(TypeError, match=f"options must be a dictionary, .* got {type(options).__name__}"):
            door(options)

    @pytest.mark.parametrize(
        "given, error, message",
        [
            (dict(maxcor=0), ValueError, "^maxcor must be at least 1, got 0"),
            (dict(memory=0), ValueError, "^memory must be at least 1, got 0"),
            (dict(tol="1e-3"), TypeError, "^tol must be a real number, got '1e-3'"),
            (dict(method="adam", lr="0.1"), TypeError, "^lr must be a real number, got '0.1'"),
            (dict(method="bfgs", hess_inv0=np.eye(3)), ValueError, r"^'hess_inv0' matrix .* must be of shape \(2, 2\)"),
            (dict(method="bfgs", hess_inv0="one"), TypeError, "^hess_inv0 must hold real numbers"),
        ],
    )
    def test_are_named_as_they_were_spelt(self, given, error, message):
        with pytest.raises(error, match=message):
            minimize(f, X0, **given)

    def test_a_negative_gtol_ends_at_a_gradient_of_zero(self):
        for method in ("lbfgs", "newton-cg"):
            res = minimize(f, X0, jac=g, method=method, gtol=-1.0)
            assert res.success and res.status in (Status.GRADIENT, Status.PRECISION)
        assert minimize(f, X0, jac=g, method="sgd", gtol=-1.0, lr=0.5, maxiter=5).nit == 5


class TestForms:
    def test_forgotten_jac(self):
        for fun in (joint, both):
            with pytest.raises(ValueError, match="must return a scalar value.*the gradient, give jac=True"):
                minimize(fun, X0)
        assert minimize(joint, X0, jac=np.True_).success

    def test_functions_in_the_place_of_points(self):
        with pytest.raises(TypeError, match="'x' must hold real numbers, as a list or an array; got function"):
            line_search(f, g, X0, -g(X0))  # SciPy's order

    def test_object_mode_is_python(self):
        res = minimize(jit(forceobj=True)(f), X0)
        assert res.success and res.jac_mode in ("2-point", "3-point")

    @pytest.mark.parametrize(
        "fun, jac, message",
        [
            (lambda x: np.ones(3), None, "what fun returns must be real, of shape (2,)"),
            (lambda x: x, lambda x: np.ones(2), "the Jacobian must be real, of shape (2, 2)"),
            (njit(lambda x: np.ones(3)), lambda x: np.eye(2), "what fun returns must be real, of shape (2,)"),
        ],
    )
    def test_sizes_of_systems(self, fun, jac, message):
        with pytest.raises(ValueError, match=re.escape(message)):
            root(fun, X0, jac=jac)

    def test_infinite_starts(self):
        res = minimize(lambda x: -np.inf, X0)
        assert res.status is Status.UNBOUNDED and "f is -inf at the start" in res.message

    def test_samples(self):
        with pytest.raises(ValueError, match=r"data\[0\] must have a row for each sample, got a single value"):
            minimize_stochastic(mean, X0, 3.0, jac=True)
        with pytest.raises(TypeError, match="'x0' may be None only with a checkpoint"):
            minimize_stochastic(mean, None, A, jac=True)
        with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, a seed or None, got 'one'"):
            minimize_stochastic(mean, X0, A, jac=True, rng="one")


def test_the_version_is_known():
    assert isinstance(quasinewton.__version__, str)


class TestCompiled:
    def test_refusals(self):
        @njit
        def solve(x, gtol):
            return minimize(both, x, jac=True, gtol=gtol).x

        assert np.allclose(solve(X0, -1.0), 1.0)
        with pytest.raises(ValueError, match="'x0' must hold at least one number"):
            solve(np.empty(0), 1e-8)
        with pytest.raises(ValueError, match="must not be NaN"):
            solve(X0, np.nan)

    @pytest.mark.slow
    def test_tuples_and_lists_are_starts(self):
        @njit
        def solve(x):
            return minimize(both, x, jac=True).x, minimize(both, [x[0], x[1]], jac=True).x

        for found in solve((3.0, -2.0)):
            assert np.allclose(found, 1.0)
