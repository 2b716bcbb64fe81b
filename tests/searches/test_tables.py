"""The six test functions of Moré & Thuente, with the results that the paper tabulates.

Source: J. J. Moré and D. J. Thuente, "Line search algorithms with guaranteed sufficient decrease",
ACM TOMS 20 (1994) 286–307, section 5, equations 5.1 to 5.4 and tables I to VI: evaluations, last
step and its slope for four first steps. Two slopes are not those of the paper: 7.1e-9 and 10e-10 in
table II are from MINPACK's cvsrch, in D. O'Leary's translation; the steps there are exact
minimisers up to rounding.

Covers: _line_searches/more_thuente.py, _line_searches/strong_wolfe.py,
_line_searches/hager_zhang.py.
"""

import numpy as np
import pytest
from numba import njit
from searches_harness import Outcome, is_approximate_wolfe, is_strong_wolfe, is_wolfe

from quasinewton import HagerZhang, MoreThuente, StrongWolfe
from quasinewton._line_searches.protocol import LINE, Verdict, start, step

FIRST = [1e-3, 1e-1, 1e1, 1e3]

# Per table: c1 and c2 (mu and eta of the paper) and, for each first step, the evaluations, the last
# step and its slope.
TABLES = {
    1: (1e-3, 1e-1, [(6, 1.4, -9.2e-3), (3, 1.4, 4.7e-3), (1, 10.0, 9.4e-3), (4, 37.0, 7.3e-4)]),
    2: (1e-1, 1e-1, [(12, 1.6, 3.8e-9), (8, 1.6, 1.0e-10), (8, 1.6, -5.0e-9), (11, 1.6, -2.3e-8)]),
    3: (1e-1, 1e-1, [(12, 1.0, -5.1e-5), (12, 1.0, -1.9e-4), (10, 1.0, -2.0e-6), (13, 1.0, -1.6e-5)]),
    4: (1e-3, 1e-3, [(4, 0.085, -6.9e-5), (1, 0.1, -4.9e-5), (3, 0.35, -2.9e-6), (4, 0.83, 1.6e-5)]),
    5: (1e-3, 1e-3, [(6, 0.075, 1.9e-4), (3, 0.078, 7.4e-4), (7, 0.073, -2.6e-4), (8, 0.076, 4.5e-4)]),
    6: (1e-3, 1e-3, [(13, 0.93, 5.2e-4), (11, 0.93, 8.4e-5), (8, 0.92, -2.4e-4), (11, 0.92, -3.2e-4)]),
}
ROWS = [(table, row) for table in TABLES for row in range(4)]
# Acceptable slopes are tiny here, 5e-8 against a curvature of 20, so all values nearby are equal up
# to rounding, and the zoom phase of this search compares values.
BLIND = {(StrongWolfe, 2, 1)}
BETAS = np.array([[1e-3, 1e-3], [1e-2, 1e-3], [1e-3, 1e-2]])  # beta1 and beta2 of functions 4, 5 and 6


@njit
def function(k, t):
    """Return the value and the slope of function k at t."""
    if k == 1:  # (5.1) with beta = 2
        return -t / (t * t + 2.0), (t * t - 2.0) / (t * t + 2.0) ** 2
    if k == 2:  # (5.2) with beta = 0.004
        u = t + 0.004
        return u**5 - 2.0 * u**4, 5.0 * u**4 - 8.0 * u**3
    if k == 3:  # (5.3) with beta = 0.01 and l = 39
        beta, w = 0.01, 39.0 * np.pi / 2.0
        if abs(t - 1.0) >= beta:
            phi, dphi = abs(t - 1.0), np.sign(t - 1.0)
        else:
            phi, dphi = (t - 1.0) ** 2 / (2.0 * beta) + beta / 2.0, (t - 1.0) / beta
        return phi + (1.0 - beta) / w * np.sin(w * t), dphi + (1.0 - beta) * np.cos(w * t)
    b1, b2 = BETAS[k - 4]  # (5.4)
    gamma1, gamma2 = np.sqrt(1.0 + b1 * b1) - b1, np.sqrt(1.0 + b2 * b2) - b2
    root1, root2 = np.sqrt((1.0 - t) ** 2 + b2 * b2), np.sqrt(t * t + b1 * b1)
    return gamma1 * root1 + gamma2 * root2, gamma1 * (t - 1.0) / root1 + gamma2 * t / root2


@njit
def drive(search, line, k, alpha, trials):
    """Run a line search along function k; return the verdict and the number of trials."""
    record = line[0]
    phi, dphi = function(k, 0.0)
    start(search, record, phi, dphi, alpha, np.inf)
    for count in range(trials.size):
        trials[count] = record.alpha
        phi, dphi = function(k, record.alpha)
        verdict = step(search, record, phi, dphi)
        if verdict != Verdict.CONTINUE:
            return verdict, count + 1
    return Verdict.CONTINUE, trials.size


def search_along(search, k, alpha):
    """Return the outcome of a line search along function k from 0, with first trial `alpha`."""
    line, trials = np.zeros(1, LINE), np.empty(200)
    verdict, count = drive(search, line, k, alpha, trials)
    trials = trials[:count]
    return Outcome(verdict, trials, *function(k, 0.0), *function(k, trials[-1]), line[0])


@pytest.mark.parametrize("table, row", ROWS)
def test_the_search_of_more_and_thuente_does_what_it_does_in_the_paper(table, row):
    c1, c2, rows = TABLES[table]
    evaluations, alpha, slope = rows[row]
    # The constructor refuses c1 = c2, which most tables of the paper have.
    outcome = search_along(MoreThuente(maxls=100)._replace(c1=c1, c2=c2), table, FIRST[row])
    assert outcome.verdict == Verdict.ACCEPT and is_strong_wolfe(outcome, c1, c2)
    assert len(outcome.trials) == evaluations
    assert (float(f"{outcome.trials[-1]:.1e}"), float(f"{outcome.dphi:.1e}")) == pytest.approx((alpha, slope), rel=0.02)


@pytest.mark.parametrize("kind, condition", [(StrongWolfe, is_strong_wolfe), (HagerZhang, is_wolfe)])
@pytest.mark.parametrize("table, row", ROWS)
def test_other_searches_end_where_their_conditions_hold(kind, condition, table, row):
    """Use the constants of the tables, with c1 reduced where it must be less than c2."""
    c1, c2, _ = TABLES[table]
    outcome = search_along(kind(c1=0.1 * c1, c2=c2, maxls=100), table, FIRST[row])
    if (kind, table, row) in BLIND:
        assert outcome.verdict == Verdict.STUCK and abs(outcome.trials[-1] - 1.596) < 1e-6
        return
    assert outcome.verdict == Verdict.ACCEPT
    assert condition(outcome, 0.1 * c1, c2) or is_approximate_wolfe(outcome)
