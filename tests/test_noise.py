"""Differences that measure noise and curvature, for their steps and for the test of success.

Covers: _objective/noise.py, _objective/finite_differences.py, _loops/stopping.py.
"""

import numpy as np
import pytest
import scipy.optimize
from likelihoods import FITS
from numba import njit
from objectives import Counted, rosenbrock

from quasinewton import Status, minimize
from quasinewton._objective.build import prepare
from quasinewton._objective.finite_differences import scales, wrapped_at
from quasinewton._objective.noise import COUNT, learn_scales, noise_near
from quasinewton._objective.problem import read_problem

EPSILON = np.finfo(np.float64).eps
METHODS = ["lbfgs", "bfgs"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("fit", FITS)
def test_ordinary_fits_succeed_no_higher_than_scipys(fit, seed, method):
    fun, x0, bounds = fit(np.random.default_rng(seed))
    counted = Counted(fun)
    res = minimize(counted, x0, method=method, bounds=bounds)
    peers = ["L-BFGS-B"] if bounds else ["L-BFGS-B", "BFGS"]
    least = min(scipy.optimize.minimize(fun, x0, method=peer, bounds=bounds).fun for peer in peers)
    assert res.success and res.fun <= least + 1e-9 * abs(least)
    assert counted.calls == res.nfev


@pytest.mark.parametrize("method", METHODS)
def test_one_sided_differences_become_central_ones_where_they_can_do_no_more(method):
    fun, x0, _ = FITS[2](np.random.default_rng(0))
    res = minimize(fun, x0, method=method)
    assert res.success and res.status in (Status.GRADIENT, Status.PRECISION) and res.jac_mode == "3-point"
    exact = minimize(fun, x0, method=method, jac="3-point")
    assert abs(res.fun - exact.fun) <= 1e-12 * exact.fun


def test_a_scheme_that_is_asked_for_stays():
    fun, x0, _ = FITS[2](np.random.default_rng(0))
    assert minimize(fun, x0, jac="2-point").jac_mode == "2-point"
    assert minimize(fun, x0, eps=1e-7).jac_mode == "2-point"


@pytest.mark.parametrize("method", ["lbfgs", "bfgs", "newton"])
@pytest.mark.parametrize("offset", [1e8, -1e8, 1e4])
def test_a_difference_of_nothing_is_no_gradient(method, offset):
    """The rounding of f divided by the step exceeds gtol.

    So do all differences that are not exactly 0.
    """
    res = minimize(lambda x: rosenbrock(x) + offset, [-1.2, 1.0], method=method)
    assert res.success and rosenbrock(res.x) <= 1e3 * EPSILON * abs(offset)


def test_a_function_that_is_flat_is_known_to_be():
    res = minimize(lambda x: 3.0, [1.0, -2.0])
    assert res.status is Status.GRADIENT and res.success and np.array_equal(res.x, [1.0, -2.0])


@pytest.mark.parametrize("digits", [4, 6])
@pytest.mark.parametrize("method", METHODS)
def test_values_that_come_as_rounded_text(method, digits):
    def printed(x):
        return float(f"{1.0 + rosenbrock(x):.{digits}g}")

    res = minimize(printed, [-1.2, 1.0], method=method)
    assert res.success and res.nit > 0 and rosenbrock(res.x) <= 30 * 10.0**-digits


def test_noise_that_is_not_reproducible():
    rng = np.random.default_rng(5)
    res = minimize(lambda x: rosenbrock(x) + 1e-8 * rng.uniform(-1.0, 1.0), [-1.2, 1.0])
    assert rosenbrock(res.x) < 1e-4 and res.jac_mode == "3-point"


class TestEstimate:
    def noise_of(self, fun, x):
        x = np.asarray(x, float)
        prepared = prepare(read_problem(fun, None, (), x.size), "")
        size = np.maximum(1.0, np.abs(x))
        none = np.empty(0)
        noise, count = noise_near(prepared.objective, x, none, none, size, np.empty(x.size), np.empty(COUNT))
        assert count % COUNT == 0
        return noise

    @pytest.mark.parametrize("level", [1e-12, 1e-8, 1e-4])
    def test_is_that_of_noise(self, level):
        """The measured noise is right up to the factor that seven values allow.

        The standard deviation is known.
        """
        rng = np.random.default_rng(3)

        def noisy(x):
            return np.cos(x[0]) + x[1] ** 2 + level * rng.normal()

        found = [self.noise_of(noisy, [0.3, 1.0]) for _ in range(20)]
        assert level / 5.0 < np.median(found) < 5.0 * level

    def test_of_a_sum_is_that_of_its_terms(self):
        """A constant that brings f near 0 does not change the noise."""
        d = np.random.default_rng(0).normal(size=2000)

        def fun(x, c):
            total = c
            for v in d:
                total += 0.5 * (v - x[0]) ** 2
            return total

        levels = [self.noise_of(lambda x, c=c: fun(x, c), [d.mean()]) for c in (0.0, -fun([d.mean()], 0.0))]
        assert max(levels) < 1e-10 and min(levels) > 1e-15 and max(levels) < 10 * min(levels)

    def test_is_not_the_rounding_of_larger_values_beside_x(self):
        """f is 1e-27 at x and 1e-20 where the noise is looked for first; both squares are exact."""
        x = [1e-7, 1e-7 * (1.0 + 1e-12)]
        assert self.noise_of(lambda x: (x[0] - x[1]) ** 2 + (x[0] + x[1]) ** 4, x) < 1e-9 * 1.6e-27

    def test_of_a_flat_function_is_nothing(self):
        assert self.noise_of(lambda x: 2.0, [1.0, 2.0]) == 0.0

    def test_of_single_precision(self):
        found = self.noise_of(lambda x: float(np.float32(rosenbrock(x))), [0.3, 1.0])
        assert 1e-9 < found < 1e-5


@njit
def learn(objective, x, f, noise, enough, point):
    w = wrapped_at(objective.precision)
    w.noise = noise
    count = learn_scales(w, objective, x, f, abs(f), enough, point)
    return count, scales(w, x.size)[0] * max(w.f_eps, 2.0**-52) ** (1.0 / 3.0)


class TestSteps:
    @pytest.mark.parametrize("rate", [1e-6, 1e-3, 1.0, 1e3, 1e6])
    def test_are_within_a_factor_of_the_best(self, rate):
        """For f = exp(rate x) the best central step is (3 ε / rate³)^(1/3).

        N&W (2006) section 8.1.
        """
        x = np.zeros(1)
        prepared = prepare(read_problem(lambda x: float(np.exp(rate * x[0])), None, (), 1), "")
        count, step = learn(prepared.objective, x, 1.0, EPSILON, 1e-10 * rate, np.empty(1))
        best = (3.0 * EPSILON) ** (1.0 / 3.0) / rate
        assert count <= 40 and (best / 30.0 < step < 30.0 * best or rate < 1e-3 and step > 1e-3)

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs", "newton", "newton-cg"])
    @pytest.mark.parametrize("x0", [0.0, 1e-5])
    def test_of_a_variable_much_smaller_than_one(self, method, x0):
        with np.errstate(over="ignore", invalid="ignore"):
            res = minimize(lambda x: float(np.exp(1e5 * x[0]) - 2e5 * x[0]), [x0], method=method)
        assert res.success and res.fun - (2.0 - 2.0 * np.log(2.0)) < 1e-6

    def test_of_map_coordinates(self):
        """Find coordinates of five million metres to a millimetre; the default step is 8 cm."""
        place = np.array([4.5e6, 5.5e6])
        fun = lambda x: float(np.sum(np.log1p(1e4 * (x - place) ** 2)))
        res = minimize(fun, place + [0.012, -0.009], x_scale=1e-2)
        assert res.success and np.abs(res.x - place).max() < 1e-3


class TestScaleOption:
    def test_takes_the_place_of_one_and_x(self):
        fun = Counted(lambda x: float(x @ x))
        minimize(fun, [300.0, 0.2], x_scale=[1e-2, 1e3], maxiter=0)
        steps = fun.points[1][0] - 300.0, fun.points[2][1] - 0.2
        assert steps == pytest.approx([1e-2 * EPSILON**0.5, 1e3 * EPSILON**0.5], rel=0.01)

    def test_has_a_synonym(self):
        runs = [minimize(rosenbrock, [-1.2, 1.0], **{name: 0.1}) for name in ("x_scale", "typical_x")]
        assert np.array_equal(*(run.x for run in runs))

    @pytest.mark.parametrize("value", [0.0, -1.0, np.nan, [1.0, 2.0, 3.0]])
    def test_is_checked(self, value):
        with pytest.raises(ValueError, match="x_scale must be a positive number, or 2 of them"):
            minimize(rosenbrock, [-1.2, 1.0], x_scale=value)
