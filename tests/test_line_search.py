"""A single line search, from Python and from compiled code.

Covers: _api/line_search.py, _api/inside_njit/line_search.py, _line_searches/*.
"""

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from quasinewton import Armijo, Fixed, HagerZhang, LineSearchResult, MoreThuente, StrongWolfe, line_search
from quasinewton._line_searches import BY_NAME


@njit
def quartic(x, scale):
    """Return Σ scale x⁴ and its gradient."""
    return scale * np.sum(x**4), 4.0 * scale * x**3


@njit
def value(x):
    """Return Σ x⁴."""
    return np.sum(x**4)


@njit
def gradient(x):
    """Return the gradient of `value`."""
    return 4.0 * x**3


X = np.array([1.0, -2.0])
P = -gradient(X)
TIGHT = StrongWolfe(c2=0.1)


@njit
def every_way(x, p, scale):
    """Call `line_search` in all ways that compiled code has."""
    return (
        line_search(quartic, x, p, (scale,), True),
        line_search(value, x, p, jac=gradient),
        line_search(value, x, p),
        line_search(value, x, p, jac="3-point", search="hager-zhang"),
        line_search(quartic, x, p, args=(scale,), jac=True, search=TIGHT, alpha=0.5),
    )


def test_compiled_code_and_python_give_the_same_bits():
    expected = (
        line_search(quartic, X, P, (1.0,), True),
        line_search(value, X, P, jac=gradient),
        line_search(value, X, P),
        line_search(value, X, P, jac="3-point", search="hager-zhang"),
        line_search(quartic, X, P, args=(1.0,), jac=True, search=TIGHT, alpha=0.5),
    )
    found = every_way(X, P, 1.0)
    assert all(isinstance(result, LineSearchResult) for result in found)
    assert found == expected


def test_a_python_objective_gives_the_same_bits():
    found = line_search(lambda x: quartic(x, 1.0), X, P, jac=True)
    assert found == line_search(quartic, X, P, (1.0,), True)


@pytest.mark.parametrize("search", [MoreThuente(), StrongWolfe(), StrongWolfe(c2=0.01), HagerZhang(), Armijo()])
def test_the_conditions_hold_at_the_step(search):
    res = line_search(quartic, X, P, (1.0,), True, search=search)
    slope = gradient(X) @ P
    f, g = quartic(X + res.alpha * P, 1.0)
    assert res.success is True and res.fun == f and res.slope == pytest.approx(g @ P, rel=1e-12)
    assert f <= value(X) + search.c1 * res.alpha * slope
    if isinstance(search, (MoreThuente, StrongWolfe)):
        assert abs(g @ P) <= -search.c2 * slope
    elif isinstance(search, HagerZhang):
        assert g @ P >= search.c2 * slope


def test_fixed_takes_the_step_it_was_given():
    assert line_search(value, X, P, jac=gradient, search=Fixed(0.01)).alpha == 0.01


@pytest.mark.parametrize("name", BY_NAME)
def test_names_and_objects_agree(name):
    by_name = line_search(value, X, P, jac=gradient, search=name, alpha=0.02)
    assert by_name == line_search(value, X, P, jac=gradient, search=BY_NAME[name](), alpha=0.02)


def test_no_direction_of_descent_is_no_step():
    res = line_search(value, X, -P, jac=gradient)
    assert res.success is False and res.alpha == 0.0 and res.nfev == 1


def test_counts_include_those_of_differences():
    calls = []

    def counted(x):
        calls.append(x.copy())
        return value(x)

    res = line_search(counted, X, P)
    assert res.nfev == len(calls)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: line_search(value, X, P[:1]), ValueError, "one length"),
        (lambda: line_search(value, X, P, alpha=-1.0), ValueError, "alpha"),
        (lambda: line_search(value, X, P, search="golden"), ValueError, "golden"),
        (lambda: line_search(value, X, P, search=3), TypeError, "^search must be"),
        (lambda: line_search(value, X, P, jac="4-point"), ValueError, "4-point"),
    ],
)
def test_bad_input_is_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


@njit
def wrong_search(x, p):
    """Pass an unknown search, from compiled code."""
    return line_search(value, x, p, search="golden")


@njit
def wrong_point(x, p):
    """Pass a point that is not a vector, from compiled code."""
    return line_search(value, 1.0, p)


@pytest.mark.parametrize(
    ("function", "words"), [(wrong_search, "golden"), (wrong_point, "`x` must be a float64 vector")]
)
def test_compiled_code_gets_a_readable_error(function, words):
    with pytest.raises(TypingError, match=words):
        function(X, P)


@njit
def from_here(x, p, alpha):
    """Search along p, from compiled code."""
    return line_search(value, x, p, jac="2-point", alpha=alpha)


@pytest.mark.parametrize(
    ("p", "alpha", "words"),
    [(P[:1], 1.0, "one length"), (P, -1.0, r"alpha must be in \(0, inf\)"), (P, np.nan, "alpha must be")],
)
def test_compiled_code_checks_what_it_sees_only_when_it_runs(p, alpha, words):
    with pytest.raises(ValueError, match=words):
        from_here(X, p, alpha)


def test_a_direction_that_is_not_finite_is_no_step():
    res = line_search(value, X, -np.inf * np.sign(X), jac="2-point")
    assert (res.alpha, res.success, res.njev) == (0.0, False, 1)
