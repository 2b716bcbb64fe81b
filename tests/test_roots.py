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
    assert root(lambda x: np.full(1, np.nan), 1.0).status is Status.NONFINITE
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
