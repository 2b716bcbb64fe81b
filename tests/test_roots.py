"""Newton's method for f(x) = 0.

Covers: _api/root.py, _loops/root_loop.py.
"""

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from quasinewton import Status, root


@njit
def tridiagonal(x, scale):
    """Return Broyden's tridiagonal system, MGH (1981) function 30."""
    f = np.empty(x.size)
    for i in range(x.size):
        f[i] = (3.0 - 2.0 * x[i]) * x[i] + 1.0
        if i > 0:
            f[i] -= x[i - 1]
        if i < x.size - 1:
            f[i] -= 2.0 * x[i + 1]
    return scale * f


@njit
def tridiagonal_jacobian(x, scale):
    """Return the Jacobian of `tridiagonal`, which is not symmetric."""
    J = np.zeros((x.size, x.size))
    for i in range(x.size):
        J[i, i] = 3.0 - 4.0 * x[i]
        if i > 0:
            J[i, i - 1] = -1.0
        if i < x.size - 1:
            J[i, i + 1] = -2.0
    return scale * J


@njit
def both(x, scale):
    """Return value and Jacobian."""
    return tridiagonal(x, scale), tridiagonal_jacobian(x, scale)


START = -np.ones(10)
FORMS = {
    "jac": (tridiagonal, tridiagonal_jacobian),
    "jac=True": (both, True),
    "2-point": (tridiagonal, None),
    "3-point": (tridiagonal, "3-point"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("compiled", [True, False])
def test_every_form_agrees_with_scipy(form, compiled):
    fun, jac = FORMS[form]
    oracle = scipy.optimize.root(tridiagonal.py_func, START, args=(2.0,), jac=tridiagonal_jacobian.py_func, tol=1e-13)
    if not compiled:
        fun, jac = fun.py_func, getattr(jac, "py_func", jac)
    res = root(fun, START, args=(2.0,), jac=jac)
    assert res.success and res.status is Status.ROOT and res.success is True
    np.testing.assert_allclose(res.x, oracle.x, rtol=1e-10)
    assert np.abs(res.fun).max() <= 1e-10
    np.testing.assert_array_equal(res.fun, tridiagonal(res.x, 2.0))
    np.testing.assert_allclose(res.jac, tridiagonal_jacobian(res.x, 2.0), atol=1e-5)


def test_counts_are_counts_of_calls():
    calls = {"f": 0, "J": 0}

    def f(x):
        calls["f"] += 1
        return np.exp(x) - 2.0

    def jac(x):
        calls["J"] += 1
        return np.diag(np.exp(x))

    res = root(f, [3.0, 4.0], jac=jac)
    assert (res.nfev, res.njev) == (calls["f"], calls["J"])
    calls["f"] = 0
    res = root(f, [3.0, 4.0])
    assert res.nfev == calls["f"]


@given(st.floats(0.1, 50.0), st.floats(-4.0, 4.0))
def test_scalar_root_of_a_monotone_function(target, start):
    res = root(lambda x: x**3 + x - target, start)
    assert res.success and res.x.shape == (1,)
    oracle = scipy.optimize.brentq(lambda x: x**3 + x - target, -1.0, 60.0, xtol=1e-14)
    assert res.x[0] == pytest.approx(oracle, rel=1e-9)


def test_the_residual_never_grows():
    seen = []
    root(lambda x: np.exp(x) - 1e3, 30.0, callback=lambda x, f: seen.append(float(f @ f)))
    assert len(seen) > 10 and all(after < before for before, after in zip(seen, seen[1:], strict=False))


def test_quadratic_convergence():
    errors = []
    root(lambda x: x * x - 2.0, 1.0, jac=lambda x: 2.0 * x, callback=lambda x, f: errors.append(abs(x[0] - 2.0**0.5)))
    # Newton's error obeys e' = e²/(2x) for this function.
    for before, after in zip(errors[:2], errors[1:3], strict=True):
        assert after == pytest.approx(before**2 / (2.0 * 2.0**0.5), rel=0.3)


def test_no_root_is_no_success():
    res = root(lambda x: x * x + 1.0, 0.5)
    assert res.success is False and res.status is Status.NO_ROOT
    assert "not zero" in res.message


def test_singular_jacobian_is_stepped_around():
    res = root(lambda x: np.array([x[0] + x[1] - 3.0, 2.0 * (x[0] + x[1] - 3.0)]), [0.0, 0.0])
    assert res.success and res.x.sum() == pytest.approx(3.0)


def test_values_that_are_not_finite():
    res = root(lambda x: np.full(1, np.nan), 1.0)
    assert res.status is Status.NONFINITE and np.isnan(res.jac).all()
    # Values that are not finite occur along the way only, and shorten the step. The domain is x >
    # 0.
    with np.errstate(invalid="ignore"):
        res = root(lambda x: np.log(x) + 2.0, 3.0)
    assert res.success and res.x[0] == pytest.approx(np.exp(-2.0))


def test_maxiter_and_stop_iteration():
    assert root(tridiagonal, START, args=(1.0,), maxiter=2).nit == 2

    def stop(x, f):
        raise StopIteration

    res = root(tridiagonal, START, args=(1.0,), callback=stop)
    assert res.nit == 1 and res.status == 99 and res.success is False


def test_exceptions_pass_and_carry_the_best_point():
    def f(x):
        if x[0] < 2.0:
            raise KeyError("mine")
        return x - 1.0

    with pytest.raises(KeyError, match="mine") as caught:
        root(f, 5.0, jac=lambda x: np.eye(1))
    assert caught.value.result.x[0] == 5.0
    with pytest.raises(KeyError, match="mine") as caught:
        root(f, 0.0)
    assert np.isnan(caught.value.result.fun).all()


def test_what_was_not_evaluated_is_nan():
    res = root(lambda x: x - 1.0, np.ones(2))
    assert res.success and res.njev == 0 and np.isnan(res.jac).all()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: root(tridiagonal, START, method="hybr"), ValueError, "hybr"),
        (lambda: root(3.0, START), TypeError, "fun must be callable"),
        (lambda: root(lambda x: x, [[1.0]]), ValueError, "one dimension"),
        (lambda: root(lambda x: x[:1], [1.0, 2.0]), ValueError, r"\(2,\)"),
        (lambda: root(lambda x: x, 1.0, jac="cs"), ValueError, "cs"),
        (lambda: root(lambda x: x, 1.0, ftol=-1.0), ValueError, "ftol"),
        (lambda: root(lambda x: x, 1.0, nonsense=1), scipy.optimize.OptimizeWarning, "nonsense"),
        (lambda: root(lambda x: x, 1.0, bounds=1), scipy.optimize.OptimizeWarning, "options: bounds$"),
        (lambda: root(lambda x: x, 1.0, jac="4-point"), ValueError, "callable, True, 'auto'"),
        (lambda: root(both, START, (2.0,)), TypeError, "If fun returns the value and the Jacobian, give jac=True"),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_nothing_given_is_changed():
    x0 = START.copy()

    def overwriting(x):
        f = tridiagonal(x, 1.0)
        x[:] = np.nan
        return f

    res = root(overwriting, x0)
    assert res.success
    np.testing.assert_array_equal(x0, START)


@njit
def chebyquad(x):
    """Return Chebyquad, MGH (1981) function 35; it has a root for n = 9."""
    f, n = np.zeros(x.size), x.size
    for j in range(n):
        below, value, twice = 1.0, 2.0 * x[j] - 1.0, 4.0 * x[j] - 2.0
        for i in range(n):
            f[i] += value / n
            below, value = value, twice * value - below
    for i in range(1, n, 2):
        f[i] += 1.0 / ((i + 1.0) ** 2 - 1.0)
    return f


@njit
def freudenstein_roth(x):
    """Return MGH (1981) function 2; ‖f‖² has a minimum of 48.98425 at (11.41278, −0.896805)."""
    return np.array([-13.0 + x[0] + ((5.0 - x[1]) * x[1] - 2.0) * x[1],
                     -29.0 + x[0] + ((x[1] + 1.0) * x[1] - 14.0) * x[1]])


def powell_singular(x):
    """Return MGH (1981) function 13, whose Jacobian is singular at the root 0."""
    return np.array([x[0] + 10.0 * x[1], 5.0**0.5 * (x[2] - x[3]), (x[1] - 2.0 * x[2]) ** 2,
                     10.0**0.5 * (x[0] - x[3]) ** 2])


class TestFromFar:
    """The line search along Newton's steps ends near points where the Jacobian is singular."""

    @pytest.mark.parametrize("jac", ["auto", "2-point"])
    def test_a_singular_jacobian_on_the_way_is_no_end(self, jac):
        res = root(chebyquad, np.arange(1.0, 10.0) / 10.0, jac=jac)
        assert res.status is Status.ROOT and np.abs(res.fun).max() <= 1e-10
        # Abscissas of quadrature with equal weights, Abramowitz & Stegun, 1964, table 25.5.
        assert np.sort(2.0 * res.x - 1.0)[4:] == pytest.approx([0.0, 0.167906, 0.528762, 0.601019, 0.911589], abs=1e-6)

    @pytest.mark.parametrize("jac", ["auto", "2-point"])
    def test_where_no_root_is_said_to_be_near_is_a_minimum(self, jac):
        res = root(freudenstein_roth, [0.5, -2.0], jac=jac)
        assert res.status is Status.NO_ROOT and not res.success
        assert res.fun @ res.fun == pytest.approx(48.98425, rel=1e-5)
        assert res.x == pytest.approx([11.41278, -0.896805], rel=1e-3)

    def test_equations_that_contradict_each_other(self):
        res = root(lambda x: np.array([1.0, x[1]]), [0.5, 1.0])
        assert res.status is Status.NO_ROOT and res.x == pytest.approx([0.5, 0.0], abs=1e-6)


class TestUnits:
    """With the default ftol, success depends on no units."""

    @pytest.mark.parametrize("scale", [1e-20, 1e-12, 1e12])
    def test_of_f(self, scale):
        res = root(tridiagonal, START, (scale,), tridiagonal_jacobian)
        np.testing.assert_allclose(res.x, root(tridiagonal, START, (1.0,), tridiagonal_jacobian).x, rtol=1e-7)
        assert res.success

    @pytest.mark.parametrize("size", [1e-12, 1e-9, 1.0, 1e9])
    @pytest.mark.parametrize("of_x", [True, False])
    def test_of_x(self, size, of_x):
        """By differences, with steps that suit variables of the size of x0."""
        unit = 1.0 if of_x else size * size
        res = root(lambda x: unit * ((x / size) ** 2 - 2.0), 3.0 * size)
        assert res.success and res.x[0] == pytest.approx(2.0**0.5 * size, rel=1e-7) and res.nfev <= 20

    def test_small_variables_without_root(self):
        res = root(lambda x: (x * 1e9) ** 2 + 1.0, 3e-9, jac=lambda x: np.array([[2e18 * x[0]]]))
        assert res.status is Status.NO_ROOT
        res = root(lambda x: 1e-11 * (x * x + 1.0), 3.0)
        assert res.status is Status.NO_ROOT

    def test_hydrogen_ions_of_a_weak_acid(self):
        """Acetic acid, 1e-3 mol/l, as a cubic equation whose values are all below 1e-10."""
        cubic = [1.0, 1.8e-5, -(1.8e-8 + 1e-14), -1.8e-19]
        res = root(lambda x: np.polyval(cubic, x), 1e-3)
        assert res.success and res.x[0] == pytest.approx(max(np.roots(cubic).real), rel=1e-6)

    def test_a_difference_that_rounding_hides_is_replaced(self):
        """x0 is next to 0 in one variable; exp(x) then hides a difference relative to it."""
        res = root(lambda x: np.array([np.exp(x[0]) - 2.0, x[1] - x[0]]), [1e-12, 1.0])
        assert res.success and res.x == pytest.approx(np.log(2.0))

    def test_the_users_ftol_is_an_absolute_one(self):
        for tolerance in {"tol": 1e-3}, {"ftol": 1e-3}:
            res = root(tridiagonal, START, (1e-4,), tridiagonal_jacobian, **tolerance)
            assert res.status is Status.ROOT and res.nit == 0


class TestNoQuadraticConvergence:
    @pytest.mark.parametrize("jac", [None, "3-point"])
    def test_a_singular_jacobian_at_the_root(self, jac):
        res = root(powell_singular, [3.0, -1.0, 0.0, 1.0], jac=jac)
        assert res.status is Status.ROOT and np.abs(res.x).max() <= 1e-6 and res.njev <= 30

    @pytest.mark.parametrize("fun", [lambda x: np.exp(-x), lambda x: 1.0 / x])
    def test_a_root_at_infinity_is_none(self, fun):
        res = root(fun, 1.0)
        assert res.status is Status.ITERATIONS and res.x[0] > 100.0

    def test_a_root_at_zero_takes_few_steps(self):
        res = root(np.arctan, 10.0)
        assert res.status is Status.ROOT and abs(res.x[0]) <= 1e-12 and res.nit <= 7
