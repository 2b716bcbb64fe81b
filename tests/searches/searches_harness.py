"""Run line searches along functions of one variable, as the optimisation loop runs them."""

from typing import NamedTuple

import numpy as np
from numba import njit

from quasinewton._line_searches.protocol import LINE, Verdict, start, step

MOST = 400  # trials; upper limit, far more than any search may spend


class Outcome(NamedTuple):
    """Outcome of a line search.

    It holds the verdict, the trials in order, and value and slope at the start and at the last
    trial.
    """

    verdict: int
    trials: np.ndarray
    phi0: float
    dphi0: float
    phi: float
    dphi: float
    line: np.void


@njit
def along(c, wall, t):
    """Return value and slope at t of Σ c_k t^k, less c_0's share of a barrier at `wall`.

    Both are NaN at the wall and beyond.
    """
    if t >= wall:
        return np.nan, np.nan
    phi, dphi = 0.0, 0.0
    for k in range(c.size - 1, -1, -1):
        dphi = dphi * t + phi
        phi = phi * t + c[k]
    if np.isfinite(wall):
        phi -= np.log(1.0 - t / wall)
        dphi += 1.0 / (wall - t)
    return phi, dphi


@njit
def drive(search, line, c, wall, alpha, trials):
    """Run a line search along a polynomial; return the verdict and the number of trials."""
    record = line[0]
    phi, dphi = along(c, wall, 0.0)
    start(search, record, phi, dphi, alpha, np.inf)
    for k in range(trials.size):
        trials[k] = record.alpha
        phi, dphi = along(c, wall, record.alpha)
        verdict = step(search, record, phi, dphi)
        if verdict != Verdict.CONTINUE:
            return verdict, k + 1
    return Verdict.CONTINUE, trials.size


@njit
def _step_once(search, line, phi0, dphi0, alpha, phi, dphi):
    record = line[0]
    start(search, record, phi0, dphi0, alpha, np.inf)
    trial = record.alpha
    return step(search, record, phi, dphi), trial


def step_once(search, phi0, dphi0, alpha, phi, dphi):
    """Return the verdict on one evaluation with this value and slope, and the step it belongs to.
    """
    return _step_once(search, np.zeros(1, LINE), phi0, dphi0, alpha, phi, dphi)


def search_along(search, coefficients, alpha, wall=np.inf):
    """Return the outcome of a line search along Σ c_k t^k from t = 0, with first trial `alpha`.

    `wall` adds a barrier.
    """
    c = np.asarray(coefficients, dtype=float)
    line, trials = np.zeros(1, LINE), np.empty(MOST)
    verdict, count = drive(search, line, c, wall, alpha, trials)
    trials = trials[:count]
    return Outcome(verdict, trials, *along(c, wall, 0.0), *along(c, wall, trials[-1]), line[0])


def is_decrease(outcome, c1, slack=0.0):
    """Return True if phi <= phi0 + c1 alpha dphi0, N&W (2006) eq. 3.6a, up to `slack`."""
    return outcome.phi <= outcome.phi0 + c1 * outcome.trials[-1] * outcome.dphi0 + slack


def is_approximate_wolfe(outcome):
    """Return True if (2δ − 1) dphi0 >= dphi >= σ dphi0 with δ = 0.1, σ = 0.9.

    The value must not differ from phi0 by more than rounding.
    """
    noise = 16 * np.finfo(float).eps * max(abs(outcome.phi0), abs(outcome.phi))
    level = abs(outcome.phi - outcome.phi0) <= noise
    return level and -0.8 * outcome.dphi0 >= outcome.dphi >= 0.9 * outcome.dphi0


def is_strong_wolfe(outcome, c1, c2):
    """Return True if the strong Wolfe conditions hold, N&W (2006) eq. 3.7."""
    return is_decrease(outcome, c1) and abs(outcome.dphi) <= -c2 * outcome.dphi0


def is_wolfe(outcome, c1, c2):
    """Return True if the Wolfe conditions hold, N&W (2006) eq. 3.6."""
    return is_decrease(outcome, c1) and outcome.dphi >= c2 * outcome.dphi0
