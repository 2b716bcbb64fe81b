"""Every line search along random polynomials and barriers.

Each search must end, at a step that meets its conditions.

Covers: _line_searches/{armijo,fixed,hager_zhang,more_thuente,strong_wolfe,protocol}.py.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from searches_harness import is_approximate_wolfe, is_decrease, is_strong_wolfe, is_wolfe, search_along, step_once

from quasinewton import Armijo, Fixed, HagerZhang, MoreThuente, StrongWolfe
from quasinewton._line_searches.protocol import Verdict

CONDITIONS = {MoreThuente: is_strong_wolfe, StrongWolfe: is_strong_wolfe, HagerZhang: is_wolfe}
SEARCHES = [*CONDITIONS, Armijo]

wolfe_search = pytest.mark.parametrize("kind", CONDITIONS, ids=lambda kind: kind.__name__)
every_search = pytest.mark.parametrize("kind", SEARCHES, ids=lambda kind: kind.__name__)

coefficient = st.floats(-10.0, 10.0)
fall = st.floats(-10.0, -0.01)  # slope at the start, negative
first_step = st.floats(-3.0, 3.0).map(lambda e: 10.0**e)


@st.composite
def polynomials(draw):
    """Draw the coefficients of a cubic or quartic that falls at 0 and rises for large t."""
    inner = [draw(coefficient), draw(fall), draw(coefficient)]
    rise = st.floats(0.01, 10.0)
    return inner + ([draw(rise)] if draw(st.booleans()) else [draw(coefficient), draw(rise)])


def acceptable(search, outcome):
    """Return True if the last trial meets the conditions of its search."""
    if is_approximate_wolfe(outcome):
        return True
    if isinstance(search, Armijo):
        return is_decrease(outcome, search.c1)
    return CONDITIONS[type(search)](outcome, search.c1, search.c2)


@every_search
@given(c=polynomials(), alpha=first_step)
def test_accepts_an_acceptable_step(kind, c, alpha):
    # With a small slope at the start the acceptable steps are few and far away: allow more trials.
    search = kind(maxls=100)
    outcome = search_along(search, c, alpha)
    assert outcome.verdict == Verdict.ACCEPT
    assert acceptable(search, outcome)


@wolfe_search
@given(c=polynomials(), alpha=first_step, c1=st.floats(1e-4, 0.1), share=st.floats(0.1, 0.9))
def test_holds_for_the_constants_it_is_given(kind, c, alpha, c1, share):
    search = kind(c1=c1, c2=c1 + share * (0.9 - c1), maxls=100)
    outcome = search_along(search, c, alpha)
    assert outcome.verdict == Verdict.ACCEPT
    assert acceptable(search, outcome)


@wolfe_search
def test_small_c2_is_nearly_exact(kind):
    """A small c2 finds a quadratic's minimiser, t = 3, to six digits.

    The approximate Wolfe conditions must not replace the strict ones there.
    """
    outcome = search_along(kind(c1=1e-8, c2=1e-6, maxls=60), [0.0, -6.0, 1.0], 0.1)
    assert outcome.verdict == Verdict.ACCEPT
    assert outcome.trials[-1] == pytest.approx(3.0, rel=1e-6)


@every_search
@given(k=st.floats(1.1, 100.0), wall=st.floats(1e-3, 1.0), alpha=first_step)
def test_finds_its_way_back_from_points_that_are_not_finite(kind, k, wall, alpha):
    search = kind(maxls=100)
    outcome = search_along(search, [1.0, -k / wall], alpha, wall)
    assert outcome.verdict == Verdict.ACCEPT
    assert acceptable(search, outcome)
    beyond = outcome.trials >= wall
    assert np.array_equal(np.minimum.accumulate(outcome.trials[beyond]), outcome.trials[beyond])


@every_search
def test_no_trial_repeats_one_that_was_not_finite(kind):
    outcome = search_along(kind(), [1.0, -50.0], 100.0, wall=1e-3)
    trials = outcome.trials[outcome.trials >= 1e-3]
    assert len(trials) > 1 and np.all(np.diff(trials) < 0.0)


@every_search
def test_gives_up_where_nothing_is_finite(kind):
    outcome = search_along(kind(), [1.0, np.nan], 1.0)
    assert outcome.verdict == Verdict.NONFINITE
    assert len(outcome.trials) <= 52
    assert outcome.line["best"] == 0.0


@wolfe_search
@pytest.mark.parametrize("c", [[0.0, -1.0], [1e6, -1.0, -1.0], [0.0, -1e-3, 0.0, -1.0]], ids=["line", "square", "cube"])
def test_says_that_a_function_without_a_minimum_has_none(kind, c):
    assert search_along(kind(), c, 1.0).verdict == Verdict.LONGEST


@pytest.mark.parametrize("kind", [*SEARCHES, Fixed], ids=lambda kind: kind.__name__)
def test_minus_infinity_is_unbounded(kind):
    verdict, _ = step_once(kind(), 0.0, -1.0, 1.0, -np.inf, 0.0)
    assert verdict == Verdict.UNBOUNDED


@every_search
@given(c=polynomials(), alpha=first_step, maxls=st.integers(1, 4))
def test_spends_no_more_than_maxls(kind, c, alpha, maxls):
    outcome = search_along(kind(maxls=maxls), c, alpha)
    assert outcome.verdict in (Verdict.ACCEPT, Verdict.EXHAUSTED)
    assert len(outcome.trials) <= maxls
    if outcome.verdict == Verdict.EXHAUSTED:
        assert len(outcome.trials) == maxls


@every_search
@given(c=polynomials(), alpha=first_step)
def test_keeps_the_best_point_it_has_seen(kind, c, alpha):
    outcome = search_along(kind(maxls=3), c, alpha)
    values = np.polynomial.Polynomial(c)(outcome.trials)
    rounding = 1e-12 * (np.abs(c) @ np.max(outcome.trials) ** np.arange(len(c)))
    # Slopes decide between values that differ by less than the noise floor.
    noise = outcome.line["noise"]
    assert outcome.line["phi_best"] <= min(outcome.phi0, values.min()) + len(values) * noise + rounding
    assert outcome.line["best"] == 0.0 or outcome.line["best"] in outcome.trials


@every_search
@given(c=polynomials(), alpha=first_step, exponent=st.integers(-30, 30))
def test_a_scale_of_the_function_changes_no_trial(kind, c, alpha, exponent):
    """A power of two scales values and slopes exactly, and every test is relative."""
    plain = search_along(kind(), c, alpha)
    scaled = search_along(kind(), np.ldexp(c, exponent), alpha)
    assert plain.verdict == scaled.verdict and np.array_equal(plain.trials, scaled.trials)


@wolfe_search
@given(c=polynomials(), alpha=st.floats(0.01, 100.0), exponent=st.integers(-10, 10))
def test_a_scale_of_the_step_scales_every_trial(kind, c, alpha, exponent):
    plain = search_along(kind(), c, alpha)
    factors = -exponent * np.arange(len(c))
    scaled = search_along(kind(), np.ldexp(c, factors), np.ldexp(alpha, exponent))
    assert plain.verdict == scaled.verdict and np.array_equal(np.ldexp(plain.trials, exponent), scaled.trials)


@every_search
@given(phi0=st.floats(1.0, 1e12), ulps=st.integers(-3, 3), slope=st.floats(-0.85, 0.75))
def test_where_values_are_rounding_slopes_decide(kind, phi0, ulps, slope):
    """Accept by slopes if the decrease of f is below rounding.

    The decrease, 1e-9, is less than the rounding of phi0; the slope is accurate.
    """
    phi = phi0 + ulps * np.spacing(phi0)
    dphi0 = -1e-3 * np.spacing(phi0)
    verdict, alpha = step_once(kind(), phi0, dphi0, 1.0, phi, slope * -dphi0)
    assert verdict == Verdict.ACCEPT and alpha == 1.0


@pytest.mark.parametrize("kind", [MoreThuente, HagerZhang], ids=lambda kind: kind.__name__)
def test_where_values_are_rounding_steps_grow_while_the_slope_is_steep(kind):
    """The least value, at t = 10⁴, is lower by 5e-16, which 1 does not show.

    StrongWolfe takes the equal values for a bracket (N&W, Algorithm 3.5).
    """
    outcome = search_along(kind(), [1.0, -1e-19, 0.5e-23], 1.0)
    assert outcome.verdict == Verdict.ACCEPT and np.all(np.diff(outcome.trials) > 0.0)
    assert abs(outcome.dphi) <= 0.9 * abs(outcome.dphi0)


@wolfe_search
def test_a_rise_beyond_rounding_is_never_accepted(kind):
    verdict, _ = step_once(kind(), 1.0, -1e-3, 1.0, 1.0 + 1e-13, 0.0)
    assert verdict != Verdict.ACCEPT


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 7.0])
def test_fixed_takes_its_own_step(alpha):
    outcome = search_along(Fixed(alpha), [0.0, -1.0, 1.0], 0.5)
    assert outcome.verdict == Verdict.ACCEPT and outcome.trials.tolist() == [alpha]


def test_fixed_backs_off_from_points_that_are_not_finite():
    outcome = search_along(Fixed(1.0), [0.0, -10.0], 1.0, wall=0.5)
    assert outcome.verdict == Verdict.ACCEPT and outcome.trials[0] == 1.0 and outcome.trials[-1] < 0.5


@pytest.mark.parametrize("kind", CONDITIONS, ids=lambda kind: kind.__name__)
def test_first_trial_is_the_step_proposed(kind):
    assert search_along(kind(), [0.0, -1.0, 0.5], 0.123).trials[0] == 0.123


def test_armijo_cuts_a_step_neither_too_little_nor_too_much():
    outcome = search_along(Armijo(), [0.0, -1.0, 0.0, 0.0, 50.0], 100.0)
    ratios = outcome.trials[1:] / outcome.trials[:-1]
    assert len(ratios) > 2 and np.all((ratios >= 0.1 - 1e-15) & (ratios <= 0.5 + 1e-15))
