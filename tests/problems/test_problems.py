"""Every test problem against differences, the paper's numbers, and SciPy's minimisers.

Covers: problems/problem.py, problems/sums.py and all problems without bounds.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy
from derivatives import EPS, TRUNCATION, differences
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib import NumpyVersion
from scipy.optimize import minimize

from quasinewton import problems

# Dimensions for the comparison with differences: small, but large enough for every kind of term to
# occur.
SMALL = {factory.__name__: 12 for factory in problems.SCALABLE} | {"watson": 6, "chebyquad": 8}

each = pytest.mark.parametrize("factory", problems.ALL, ids=lambda factory: factory.__name__)


def small(factory):
    n = SMALL.get(factory.__name__)
    return factory() if n is None else factory(n=n)


def near_start(p, u):
    """Return x0 with each coordinate displaced by up to a tenth."""
    x = p.x0
    return x + 0.1 * np.where(x == 0.0, 1.0, np.abs(x)) * u


def displacements(p):
    return st.lists(st.floats(-1.0, 1.0), min_size=p.n, max_size=p.n).map(np.array)


@each
def test_gradient_agrees_with_differences(factory):
    p = small(factory)

    @settings(max_examples=6, deadline=None, derandomize=True, database=None)
    @given(displacements(p))
    def check(u):
        x = near_start(p, u)
        g = p.jac(x)
        expected, rounding = differences(p.fun, x)
        assert g.shape == (p.n,) and g.dtype == np.float64
        assert np.all(np.abs(g - expected) <= TRUNCATION * np.max(np.abs(g)) + rounding)

    check()


@each
def test_hessian_agrees_with_differences_and_is_symmetric(factory):
    p = small(factory)

    @settings(max_examples=6, deadline=None, derandomize=True, database=None)
    @given(displacements(p))
    def check(u):
        x = near_start(p, u)
        H = p.hess(x)
        expected, rounding = differences(p.jac, x)
        assert H.shape == (p.n, p.n) and H.dtype == np.float64
        assert np.array_equal(H, H.T)
        assert np.all(np.abs(H - expected) <= TRUNCATION * np.max(np.abs(H)) + rounding[:, None])

    check()


def test_gradient_of_penalty_2_where_the_constraint_vanishes():
    """Elsewhere the terms of weight 1e-5 are smaller than the tolerance."""
    p = problems.penalty_2(4)
    x = np.array([0.2, 0.2, 0.5, 0.0])
    x[3] = np.sqrt(1.0 - 4.0 * x[0] ** 2 - 3.0 * x[1] ** 2 - 2.0 * x[2] ** 2)
    expected, rounding = differences(p.fun, x)
    assert np.max(rounding) < 1e-11
    assert np.all(np.abs(p.jac(x) - expected) <= rounding)


@each
def test_arguments_are_not_modified_and_results_are_new(factory):
    p = small(factory)
    x = p.x0
    p.fun(x), p.jac(x), p.hess(x)
    assert np.array_equal(x, p.x0)
    assert not np.shares_memory(p.jac(x), p.jac(x))
    assert isinstance(p.fun(x), float) and p.args == () and p.bounds is None
    x[:] = np.nan
    assert np.all(np.isfinite(p.x0))


@pytest.mark.parametrize("factory", [f for f in problems.ALL if f().xmin is not None], ids=lambda f: f.__name__)
def test_known_minimiser_is_a_minimum(factory):
    p = factory()
    x = p.xmin
    H = p.hess(x)
    size = np.max(np.abs(H))
    # Rounding of x changes g by eps |H||x|, and f by half the square of that relative to H.
    assert np.max(np.abs(p.jac(x))) <= 20 * EPS * size * max(1.0, np.max(np.abs(x))) * p.n
    assert p.fun(x) == pytest.approx(p.fmin, rel=1e-14, abs=1e-25)
    assert np.linalg.eigvalsh(H)[0] >= -20 * EPS * size * p.n


# Problem with very many local minima: SciPy ends at another one from the standard start.
MULTIMODAL = {"noncvxu2"}


# Before SciPy 1.16 the subproblem of trust-exact has no limit, and may not end where H is nearly
# singular (scipy/scipy#12513).
@pytest.mark.skipif(NumpyVersion(scipy.__version__) < "1.16.0", reason="trust-exact may not end")
@each
def test_minimising_from_the_start_reaches_a_known_minimum(factory):
    p = factory()
    options = {"gtol": 1e-9, "maxiter": 3000, "subproblem_maxiter": 1000}
    with np.errstate(over="ignore"):  # SciPy's subproblem overflows where H is nearly singular.
        res = minimize(p.fun, p.x0, jac=p.jac, hess=p.hess, method="trust-exact", options=options)
    assert res.fun >= p.fmin - 1e-11 * abs(p.fmin)
    if factory.__name__ not in MULTIMODAL:
        known = np.array([p.fmin, *p.local_minima])
        assert np.any(np.abs(res.fun - known) <= np.where(known == 0.0, 1e-10, 1e-6 * np.abs(known))), res.fun


def test_exact_hessian_reaches_every_tabulated_dimension():
    for factory, n in [(problems.watson, 9), (problems.watson, 12), (problems.penalty_1, 4), (problems.penalty_2, 4),
                       *((problems.chebyquad, n) for n in (1, 2, 3, 4, 5, 6, 7, 9, 10)),
                       (problems.engval1, 10), (problems.edensch, 10), (problems.bdqrtic, 10),
                       (problems.generalised_tridiagonal, 10),
                       *((problems.lennard_jones, 3 * atoms) for atoms in (2, 3, 4, 5, 7))]:
        p = factory(n=n)
        # Watson's least eigenvalue is 1e-11: f is flat where g is already small.
        gtol = 1e-12 if factory is problems.watson else 1e-9
        res = minimize(p.fun, p.x0, jac=p.jac, hess=p.hess, method="trust-exact", options={"gtol": gtol})
        assert res.fun == pytest.approx(p.fmin, rel=1e-6, abs=0.0 if p.fmin else 1e-11), p


def test_minima_of_two_variables():
    assert problems.engval1(2).fun(np.array([1.0, 0.0])) == problems.engval1(2).fmin == 0.0
    p = problems.generalised_tridiagonal(2)
    assert p.fun(np.array([1.0, 2.0])) == p.fmin == 0.0


@pytest.mark.parametrize("n", [4, 5, 6, 7, 10, 100])
def test_local_minimum_of_the_chained_rosenbrock_function(n):
    p = problems.chained_rosenbrock(n)
    x = np.ones(n)
    x[0] = -1.0
    res = minimize(p.fun, x, jac=p.jac, hess=p.hess, method="trust-exact", options={"gtol": 1e-9})
    assert res.fun == pytest.approx(p.local_minima[0], rel=1e-12)


def test_the_35_functions_come_in_the_order_of_the_paper():
    numbers = [int(factory().source.rpartition("(")[2].rstrip(")")) for factory in problems.MGH]
    assert numbers == list(range(1, 36))
    assert [factory().n for factory in problems.MGH[:20]] == [2] * 6 + [3] * 6 + [4] * 4 + [5, 6, 11, 6]


# Values of f at the standard start: exact by hand, or the square of the norm that MINPACK's test
# programs print (7 digits).
AT_START = {
    "rosenbrock": 24.2, "freudenstein_roth": 400.5, "powell_badly_scaled": 1.0 + (np.exp(-1.0) - 1e-4) ** 2,
    "brown_badly_scaled": 999998000003.0, "beale": 14.203125, "helical_valley": 2500.0, "powell_singular": 215.0,
    "wood": 19192.0, "watson": 30.0, "extended_rosenbrock": 5 * 24.2, "extended_powell_singular": 3 * 215.0,
    "broyden_tridiagonal": 21.0, "broyden_banded": 360.0, "linear_full_rank": 50.0,
    "jennrich_sampson": 64.58566**2, "bard": 6.456136**2, "meyer": 41153.47**2, "box": 32.11158**2,
    "kowalik_osborne": 0.07289151**2, "brown_dennis": 2815.438**2, "osborne_1": 0.9375640**2, "osborne_2": 1.446865**2,
    "brown_almost_linear": 16.53022**2, "chebyquad": 0.1965139**2,
}


@pytest.mark.parametrize("name", AT_START)
def test_value_at_the_standard_start(name):
    p = getattr(problems, name)()
    assert p.fun(p.x0) == pytest.approx(AT_START[name], rel=1e-6)


# Minima as printed in the paper: six digits, truncated.
PAPER = {
    ("freudenstein_roth", 2): (0.0, 48.9842), ("jennrich_sampson", 2): (124.362,), ("bard", 3): (8.21487e-3, 17.4286),
    ("gaussian", 3): (1.12793e-8,), ("meyer", 3): (87.9458,), ("kowalik_osborne", 4): (3.07505e-4, 1.02734e-3),
    ("brown_dennis", 4): (85822.2,), ("osborne_1", 5): (5.46489e-5,), ("biggs", 6): (0.0, 5.65565e-3),
    ("osborne_2", 11): (4.01377e-2,), ("watson", 6): (2.28767e-3,), ("watson", 9): (1.39976e-6,),
    ("watson", 12): (4.72238e-10,), ("penalty_1", 4): (2.24997e-5,), ("penalty_1", 10): (7.08765e-5,),
    ("penalty_2", 4): (9.37629e-6,), ("penalty_2", 10): (2.93660e-4,), ("trigonometric", 10): (0.0, 2.79506e-5),
    ("brown_almost_linear", 10): (0.0, 1.0), ("chebyquad", 8): (3.51687e-3,),
    ("chebyquad", 10): (4.77271e-3, 6.50395e-3),
}


@pytest.mark.parametrize("name, n", PAPER)
def test_minima_are_those_of_the_paper(name, n):
    factory = getattr(problems, name)
    p = factory() if factory().n == n else factory(n=n)
    assert (p.fmin, *p.local_minima) == pytest.approx(PAPER[name, n], rel=1e-5)


@each
@pytest.mark.parametrize("scale", [0.0, 1e30, -1e300])
def test_far_points_do_not_raise(factory, scale):
    p = small(factory)
    with np.errstate(all="ignore"):
        x = scale * p.x0
        assert isinstance(p.fun(x), float)
        assert p.jac(x).shape == (p.n,) and p.hess(x).shape == (p.n, p.n)


def test_minima_at_infinity_are_approached():
    bard, kowalik, brown = problems.bard(), problems.kowalik_osborne(), problems.brown_almost_linear()
    far = np.array([0.8406666666666667, -1e12, -1e12])
    assert bard.fun(far) == pytest.approx(bard.local_minima[0], rel=1e-9)
    # The limit is x₁ → ∞ with x₁/x₃ and x₄/x₃ fixed.
    far = 1e12 * np.array([-0.02209594, 0.0, 1.0, 0.62380135])
    far[1] = -14.07588323
    assert kowalik.fun(far) == pytest.approx(kowalik.local_minima[0], rel=1e-9)
    assert brown.fun(np.append(np.zeros(9), 11.0)) == pytest.approx(brown.local_minima[0], rel=1e-12)


@pytest.mark.parametrize("factory, n, legal", [
    (problems.extended_rosenbrock, 3, "a multiple of 2 ≥ 2"),
    (problems.extended_powell_singular, 6, "a multiple of 4 ≥ 4"),
    (problems.watson, 32, "an integer from 2 to 31"),
    (problems.dixmaana, 10, "a multiple of 3 ≥ 3"),
    (problems.lennard_jones, 3, "a multiple of 3 ≥ 6"),
    (problems.linear_rank_1_zeros, 2, "an integer ≥ 3"),
    (problems.chebyquad, 0, "an integer ≥ 1"),
    (problems.power, 2.5, "an integer ≥ 1"),
    (problems.bdqrtic, "10", "an integer ≥ 5"),
])
def test_illegal_dimension_is_named_with_what_is_legal(factory, n, legal):
    with pytest.raises(ValueError) as error:
        factory(n=n)
    assert str(error.value) == f"n = {n!r}, but the number of variables must be {legal}"


@pytest.mark.parametrize("factory", [f for f in problems.ALL if f.__defaults__], ids=lambda f: f.__name__)
def test_smallest_legal_dimension_works(factory):
    n = next(n for n in range(13) if _is_legal(factory, n))
    p = factory(n=np.int64(n))
    x = near_start(p, np.linspace(-1.0, 1.0, n))
    expected, rounding = differences(p.fun, x)
    g = p.jac(x)
    assert np.all(np.abs(g - expected) <= TRUNCATION * np.max(np.abs(g)) + rounding)
    expected, rounding = differences(p.jac, x)
    H = p.hess(x)
    assert np.all(np.abs(H - expected) <= TRUNCATION * np.max(np.abs(H)) + rounding[:, None])


def _is_legal(factory, n):
    try:
        factory(n=n)
    except ValueError:
        return False
    return True


def test_kernels_that_differ_have_names_that_differ():
    """Numba's disk cache identifies a kernel by these names.

    Two kernels of one name would be loaded for each other.
    """
    kernels = {kernel for factory in problems.ALL for p in [factory()] for kernel in (p.fun, p.jac, p.hess)}
    functions = [getattr(kernel, "py_func", kernel) for kernel in kernels]
    names = {(f.__module__, f.__qualname__, f.__code__.co_firstlineno) for f in functions}
    assert len(names) == len(functions)


def test_factories_share_kernels_between_calls():
    assert problems.extended_rosenbrock(2).fun is problems.rosenbrock().fun
    assert problems.bard().hess is problems.bard().hess


def test_package_does_not_load_the_problems():
    code = "import sys, quasinewton; assert 'quasinewton.problems' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_list_of_changes_counts_them():
    changes = Path(__file__).parents[2] / "CHANGELOG.md"
    bounded, all_of_them = len(problems.BOUNDED), len(problems.ALL) + len(problems.BOUNDED)
    words = f"`problems`: {all_of_them} published test problems with first and second derivatives, {bounded} of them"
    assert words in changes.read_text(encoding="utf-8")


def test_names_are_explicit():
    assert len(problems.MGH) == 35 and len(problems.SCALABLE) >= 20
    assert problems.ALL == problems.MGH + problems.SCALABLE
    for name in problems.__all__:
        assert getattr(problems, name).__doc__ and name in dir(problems)
    with pytest.raises(AttributeError, match="no attribute 'rosenbrok'"):
        problems.rosenbrok
