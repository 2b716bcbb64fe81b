"""Newton: quadratic convergence, escape from saddles and maxima, every form of the Hessian.

Covers: _methods/newton.py.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from objectives import (
    SADDLE_LEAST,
    quadratic,
    quadratic_gradient,
    quadratic_hessian,
    rosenbrock,
    rosenbrock_gradient,
    rosenbrock_hessian,
    saddle_in_units,
    spd,
)

from quasinewton import Newton, Status, minimize
from quasinewton._methods import protocol


@njit
def double_well(x):
    """Return x₁² − x₂² + x₂⁴, with a saddle at 0 and minima f = −1/4 at (0, ±1/√2)."""
    return x[0] * x[0] - x[1] * x[1] + x[1] ** 4


@njit
def double_well_gradient(x):
    return np.array([2.0 * x[0], -2.0 * x[1] + 4.0 * x[1] ** 3])


@njit
def double_well_hessian(x):
    return np.array([[2.0, 0.0], [0.0, -2.0 + 12.0 * x[1] * x[1]]])


def newton(fun, x0, jac, hess, args=(), **options):
    return minimize(fun, x0, args, "newton", jac, hess, bounds=options.pop("bounds", None), options=options)


@pytest.mark.parametrize("n", [1, 3, 30])
def test_quadratic_takes_one_step(n, rng):
    A, b = spd(rng, n, 1e4), rng.standard_normal(n)
    res = newton(quadratic, np.zeros(n), quadratic_gradient, quadratic_hessian, (A, b), gtol=1e-8)
    assert res.success and res.nit == 1 and res.nfev == res.njev == 2
    assert res.x == pytest.approx(np.linalg.solve(A, b))


def test_converges_quadratically():
    """On Σ exp(x_i) − x_i the error e becomes e²/2 in one iteration."""
    res = newton(
        lambda x: np.sum(np.exp(x) - x),
        [1.0, 0.5],
        lambda x: np.exp(x) - 1.0,
        lambda x: np.diag(np.exp(x)),
        gtol=1e-14,
        return_all=True,
    )
    errors = np.abs(res.allvecs).max(axis=1)
    assert res.success and res.nit >= 4
    assert np.all(errors[1:] <= 0.6 * errors[:-1] ** 2 + 1e-15)


def test_hessian_of_the_result_is_that_at_x():
    for maxiter in 3, 1000:
        res = newton(rosenbrock, [-1.2, 1.0], rosenbrock_gradient, rosenbrock_hessian, maxiter=maxiter)
        assert np.array_equal(res.hess, rosenbrock_hessian(res.x))
        assert np.array_equal(res.jac, rosenbrock_gradient(res.x))


@pytest.mark.parametrize("x0", [[1.0, 0.0], [0.0, 0.0], [-3.0, 0.0], [0.5, 1e-9]])
@pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
def test_leaves_a_saddle_for_a_minimum(x0, compiled):
    functions = [double_well, double_well_gradient, double_well_hessian]
    if not compiled:
        functions = [function.py_func for function in functions]
    res = newton(functions[0], x0, *functions[1:])
    assert res.success and res.status is Status.GRADIENT
    assert np.abs(res.jac).max() <= 1e-5
    assert res.fun == pytest.approx(-0.25)
    assert np.abs(res.x) == pytest.approx([0.0, np.sqrt(0.5)], abs=1e-5)


@pytest.mark.parametrize("exponent", [0, 3, 6, 9])
@pytest.mark.parametrize("bounds", [None, [(-1e20, 1e20)] * 2], ids=["free", "bounded"])
def test_leaves_a_saddle_whatever_the_units_of_the_variables(exponent, bounds):
    fun, jac, hess, x0 = saddle_in_units(exponent)
    res = minimize(fun, x0, jac=jac, hess=hess, method="newton", bounds=bounds)
    assert res.success and res.fun == pytest.approx(SADDLE_LEAST)


def test_leaves_a_maximum():
    res = newton(lambda x: np.cos(x[0]), [0.0], lambda x: -np.sin(x), lambda x: [[-np.cos(x[0])]])
    assert res.success and res.fun == pytest.approx(-1.0)


def test_a_saddle_without_escape_is_no_success():
    """A saddle is no success if no value along the negative curvature is lower.

    Here every value is 0.
    """
    res = newton(lambda x: 0.0, [0.0, 0.0], lambda x: np.zeros(2), lambda x: np.diag([1.0, -1.0]))
    assert res.status is Status.SADDLE and res.success is False


@pytest.mark.parametrize("unit", [1.0, 1e-9])
def test_curvature_of_an_orbit_is_no_saddle(unit):
    """On a circle of minima the Hessian has the curvature −‖g‖ along the circle, inside of it.

    All points of the circle are minima, and rounding of f hides that they are lower by 2e-15. The
    unit of the variables does not matter.
    """
    res = newton(
        lambda x: 100.0 + (x @ x / unit**2 - 1.0) ** 2,
        unit * np.sqrt(1.0 - 4e-8) * np.array([0.6, 0.8]),
        lambda x: 4.0 * (x @ x / unit**2 - 1.0) * x / unit**2,
        lambda x: (4.0 * (x @ x / unit**2 - 1.0) * np.eye(2) + 8.0 * np.outer(x, x) / unit**2) / unit**2,
        gtol=1e-6 / unit,
    )
    assert res.status is Status.GRADIENT and res.x @ res.x == pytest.approx(unit**2)


@pytest.mark.parametrize("constant", [0.0, 10.0])
def test_rounding_of_a_hessian_is_no_saddle(constant):
    """The second variable has no influence on f; rounding gives it the curvature −1e-17."""
    res = newton(
        lambda x: constant + 0.5 * x[0] ** 2,
        [3.0, 4.0],
        lambda x: np.array([x[0], 0.0]),
        lambda x: np.diag([1.0, -1e-17]),
    )
    assert res.status is Status.GRADIENT and res.x == pytest.approx([0.0, 4.0])


@given(x0=st.lists(st.floats(-2.0, 2.0), min_size=2, max_size=2))
def test_ends_in_a_minimum_from_anywhere(x0):
    res = newton(double_well, x0, double_well_gradient, double_well_hessian)
    assert res.success and res.fun == pytest.approx(-0.25)


def test_a_singular_hessian_does_no_harm():
    """Minimise f = x₁² alone, whose Hessian has a zero eigenvalue."""
    res = newton(lambda x: x[0] ** 2, [3.0, 5.0], lambda x: np.array([2 * x[0], 0.0]), lambda x: np.diag([2.0, 0.0]))
    assert res.success and res.x == pytest.approx([0.0, 5.0])


@pytest.mark.parametrize("start", [(0.0, 0.0), (1.0, -1.0), (-0.2, -1.0), (0.1, 0.5)])
@pytest.mark.parametrize("exponent", [3, 6, 9])
def test_units_of_the_variables_do_not_matter_where_the_hessian_is_indefinite(exponent, start):
    """Minimise Himmelblau's function near its maximum, in tiny units and huge ones."""

    def solve(units):
        def fun(x):
            u, v = x * units
            return (u * u + v - 11.0) ** 2 + (u + v * v - 7.0) ** 2

        def jac(x):
            u, v = x * units
            a, b = u * u + v - 11.0, u + v * v - 7.0
            return units * np.array([4.0 * u * a + 2.0 * b, 2.0 * a + 4.0 * v * b])

        def hess(x):
            u, v = x * units
            mixed = 4.0 * (u + v)
            plain = np.array([[12.0 * u * u + 4.0 * v - 42.0, mixed], [mixed, 12.0 * v * v + 4.0 * u - 26.0]])
            return np.outer(units, units) * plain

        assert np.linalg.eigvalsh(hess(np.array(start) / units))[0] < 0.0
        return newton(fun, np.array(start) / units, jac, hess)

    scaled, plain = solve(np.array([10.0**exponent, 10.0**-exponent])), solve(np.ones(2))
    assert scaled.success and scaled.fun < 1e-15
    assert scaled.nit <= 2 * plain.nit


@pytest.mark.parametrize("hess", [None, "2-point", "3-point"])
@pytest.mark.parametrize("jac", [rosenbrock_gradient, None, "3-point"], ids=["jac", "2-point", "3-point"])
def test_differences_take_the_place_of_the_hessian(jac, hess):
    res = newton(rosenbrock, [-1.2, 1.0, 0.8], jac, hess, gtol=1e-4)
    assert res.success and res.x == pytest.approx(np.ones(3), abs=1e-3)
    assert res.hess == pytest.approx(rosenbrock_hessian(res.x), rel=1e-2, abs=1e-1)
    assert np.array_equal(res.hess, res.hess.T)


def test_sparse_hessian_is_the_dense_one():
    from scipy.sparse import coo_array, csc_array, csr_array

    functions = rosenbrock.py_func, rosenbrock_gradient, rosenbrock_hessian
    dense = newton(functions[0], [-1.2, 1.0], *functions[1:])
    for kind in coo_array, csc_array, csr_array:
        res = newton(functions[0], [-1.2, 1.0], functions[1], lambda x, kind=kind: kind(rosenbrock_hessian(x)))
        assert np.array_equal(res.x, dense.x)
        assert (res.nfev, res.njev, res.nhev) == (dense.nfev, dense.njev, dense.nhev)


def test_nonfinite_hessian_is_survived():
    """Use the gradient where the Hessian cannot be factorised."""
    res = newton(lambda x: x @ x, [3.0, 4.0], lambda x: 2 * x, lambda x: np.full((2, 2), np.nan), maxiter=50)
    assert res.fun < 25.0 and np.all(np.isfinite(res.x))


@njit
def curvature(method, memory, H):
    p = np.empty(H.shape[0])
    return protocol.negative_curvature(method, memory, H, p, p, p), p


def test_negative_curvature_is_sought_in_the_users_units_first():
    """In equilibrated units it would be along z, on which f hardly depends."""
    H = np.array([[2.0, 0.0, 0.0], [0.0, -0.08, 1e-9], [0.0, 1e-9, 1e-14]])
    value, p = curvature(Newton(), protocol.allocate(Newton(), 3), H)
    assert value == pytest.approx(-0.08) and np.abs(p) == pytest.approx([0.0, 1.0, 0.0], abs=1e-6)


@pytest.mark.parametrize(("sign", "least"), [(-1.0, -1.0), (1.0, 0.0)])
def test_a_corner_that_is_a_saddle_is_left_and_another_is_a_minimum(sign, least):
    """±x y in the unit square, from 0, where the gradient vanishes and a curvature is negative."""
    res = newton(
        lambda x: sign * x[0] * x[1],
        [0.0, 0.0],
        lambda x: sign * x[::-1],
        lambda x: sign * np.array([[0.0, 1.0], [1.0, 0.0]]),
        bounds=[(0.0, 1.0)] * 2,
    )
    assert res.success and res.fun == least and res.nfev <= 5
