"""Python objectives without gradients in units of their own, with stairs, jumps and edges.

They are of the kinds that are reported as troubles of `scipy.optimize.minimize`: SI units, weights
of small variances, simulations whose inputs or results are rounded, penalties for what is illegal.
Each has a known minimum.

Covers: _loops/difference_limits.py, _loops/final_check.py, _loops/certificate.py,
_objective/noise.py, _objective/finite_differences.py, _drivers/diagnosis.py.
"""

import numpy as np
import pytest
from objectives import Counted, rosenbrock

from quasinewton import Status, minimize
from quasinewton._objective.build import prepare
from quasinewton._objective.noise import COUNT, noise_near
from quasinewton._objective.problem import read_problem

each_method = pytest.mark.parametrize("method", ["lbfgs", "bfgs"])


def run(fun, x0, **options):
    """Return the result of `minimize`, whose count of values is checked."""
    counted = Counted(fun)
    with np.errstate(all="ignore"):
        res = minimize(counted, x0, **options)
    assert counted.calls == res.nfev
    return res


class TestSmallUnits:
    @each_method
    @pytest.mark.parametrize("unit", [1e-10, 1e-14])
    @pytest.mark.parametrize("x0", [[-1.2, 1.0], [0.0, 0.0]])
    def test_of_f_do_not_end_a_run_at_its_start(self, unit, x0, method):
        """The gradient at the start is within gtol, but no step has shown that little is left."""
        res = run(lambda x: unit * (rosenbrock(x) + 0.5), x0, method=method)
        assert res.success and rosenbrock(res.x) < 1e-4

    @each_method
    def test_of_weights(self, method):
        """Weights of the least variance are the inverse variances, up to a factor."""
        variances = np.array([4e-4, 1e-4, 9e-4, 2e-4]) * 1e-3

        def variance(w):
            share = np.exp(w) / np.exp(w).sum()
            return float(share @ (variances * share))

        res = run(variance, np.zeros(4), method=method)
        assert res.success and np.exp(res.x - res.x[1]) == pytest.approx(variances[1] / variances, rel=1e-3)

    @each_method
    def test_of_times_of_flight(self, method):
        anchors = np.array([[900.0, 100.0], [-700.0, 400.0], [50.0, -800.0], [-300.0, -650.0]])
        place = np.array([120.0, -340.0])
        times = np.hypot(*(anchors - place).T) / 3e8
        res = run(lambda p: float(np.sum((np.hypot(*(anchors - p).T) / 3e8 - times) ** 2)), [0.0, 0.0], method=method)
        assert res.success and res.x == pytest.approx(place, abs=1e-2)

    def test_a_start_at_the_minimum_stays_there(self):
        res = run(lambda x: 1.0 + 1e-3 * float(np.sum((x - 1.0) ** 2)), [1.0, 1.0])
        assert res.success and res.x == pytest.approx([1.0, 1.0], abs=1e-6)


class TestVariablesMuchSmallerThanDifferences:
    @each_method
    @pytest.mark.parametrize("r0", [3.5e-10, 5e-10])
    def test_two_atoms_in_metres(self, r0, method):
        """The step of a difference, 1.5e-8, is far longer than the bond 2^(1/6) sigma."""
        sigma = 3.4e-10
        res = run(lambda r: 10.0 * float((sigma / r[0]) ** 12 - (sigma / r[0]) ** 6), [r0], method=method)
        assert res.success and res.x[0] == pytest.approx(2.0 ** (1 / 6) * sigma, rel=1e-5)

    @each_method
    def test_a_line_in_a_spectrum(self, method):
        """The line is narrower than the step of a difference along its wavelength in metres."""
        wavelength = np.linspace(495e-9, 505e-9, 60)

        def model(p):
            return p[0] * np.exp(-0.5 * ((wavelength - p[1]) / p[2]) ** 2) + p[3]

        right = np.array([1000.0, 500.3e-9, 1.1e-9, 20.0])
        data = model(right)
        res = run(lambda p: float(np.sum((model(p) - data) ** 2)), [800.0, 500e-9, 1.5e-9, 0.0], method=method)
        assert res.success and np.abs(res.x) == pytest.approx(right, rel=1e-6)

    @each_method
    @pytest.mark.parametrize("bounds", [None, [(0.0, 1.0)] * 2], ids=["free", "bounded"])
    def test_michaelis_and_menten_in_si_units(self, bounds, method):
        """Puromycin (Treloar, 1974; Bates & Watts, 1988, appendix A1.3) in 1e-6 and 1e-9 of units.

        The variables are a few steps of a difference long. The result is the published one.
        """
        c = np.repeat([0.02, 0.06, 0.11, 0.22, 0.56, 1.1], 2) * 1e-6
        v = np.array([76.0, 47.0, 97.0, 107.0, 123.0, 139.0, 159.0, 152.0, 191.0, 201.0, 207.0, 200.0]) * 1e-9
        res = run(lambda p: float(np.sum((p[0] * c / (p[1] + c) - v) ** 2)), [1e-7, 1e-7], method=method, bounds=bounds)
        assert res.success and res.x == pytest.approx([2.127e-7, 6.412e-8], rel=2e-4)
        assert res.fun == pytest.approx(1195.45e-18, rel=1e-4)

    @each_method
    def test_a_rate_beside_an_energy(self, method):
        """A success within gtol is tested along the gradient in relative units, by values alone."""
        T = np.linspace(280.0, 380.0, 12)
        data = np.log(1e13) - 8e4 / 8.314 / T

        def fun(p):
            return float(np.sum((np.log(p[0]) - p[1] / 8.314 / T - data) ** 2))

        res = run(fun, [1e12, 7e4], method=method, bounds=[(1.0, 1e20), (1e3, 1e6)])
        assert res.success and res.fun < 1e-6


class TestStairs:
    @each_method
    @pytest.mark.parametrize("x0", [[0.0, 0.0], [15.0, -3.0]])
    def test_values_with_two_decimals(self, x0, method):
        """A step of 1e-4 changes such a value not at all or by one stair."""
        res = run(lambda x: round(float(np.sum((x - 2.0) ** 2)), 2), x0, method=method)
        assert res.success and np.sum((res.x - 2.0) ** 2) < 0.05

    @each_method
    def test_one_variable_in_steps_beside_a_smooth_one(self, method):
        res = run(lambda x: (int(x[0] * 1000) / 1000 - 0.4567) ** 2 + (x[1] - 2.0) ** 2, [0.0, 0.0], method=method)
        assert res.x == pytest.approx([0.4567, 2.0], abs=2e-3)

    @each_method
    @pytest.mark.parametrize("x0", [[0.0, 0.0], [10.0, 100.0]])
    def test_inputs_that_are_written_with_six_digits(self, x0, method):
        """The stairs become higher as the second variable grows."""

        def fun(x):
            return float(np.sum((np.array([float(f"{v:.6g}") for v in x]) - [3.3, 120.0]) ** 2))

        res = run(fun, x0, method=method)
        assert res.success and res.x == pytest.approx([3.3, 120.0], abs=0.01)

    def test_noise_does_not_send_a_run_into_a_corner(self):
        rng = np.random.default_rng(8)
        res = run(
            lambda x: float(np.sum((x - [1.0, -1.0]) ** 2)) + 1e-4 * rng.normal(), [3.0, 2.0], bounds=[(0.0, 5.0)] * 2
        )
        assert res.x == pytest.approx([1.0, 0.0], abs=0.1)


class TestEdges:
    @each_method
    @pytest.mark.parametrize("x0", [[5.0, 0.0], [2.0, 3.0]])
    def test_a_jump_is_no_noise(self, x0, method):
        """The minimum, 1, lies beside a penalty of 1e6, which must not be taken for noise."""
        fun = Counted(lambda x: 1e6 if x[0] < 1.0 else x[0] ** 2 + (x[1] - 1.0) ** 2)
        res = minimize(fun, x0, method=method)
        least = min(fun.function(x) for x in fun.points)
        assert res.fun <= least + 1e-5 and res.fun < 2.0

    @pytest.mark.parametrize("jac", ["2-point", "3-point"])
    def test_a_difference_steps_back_from_where_f_overflows(self, jac):
        k = np.linspace(0.0, 1.0, 15)
        data = np.exp(-2.3 * k)
        res = run(lambda p: float(np.sum((np.exp(-p[0] * 1e9 * k) - data) ** 2)), [-1e-9], jac=jac)
        assert res.status is not Status.NONFINITE and np.isfinite(res.jac).all()

    def test_a_difference_stays_where_f_is_defined(self):
        """A central difference would take the logarithm of a negative number."""
        res = run(lambda x: float(x[0] * np.log(x[0] * 1e7) - x[0]), [3e-7], jac="3-point", x_scale=1e-2)
        assert np.isfinite(res.jac).all() and res.x[0] == pytest.approx(1e-7, rel=1e-3)


class TestDifferencesGoOver:
    @each_method
    def test_where_their_step_is_as_long_as_that_of_the_model(self, method):
        """A one-sided difference of |x|^1.5 at its minimum is 1.2e-4, which no gtol allows."""
        res = run(lambda x: float(np.sum(np.abs(x - 1.0) ** 1.5)), [0.0, 4.0], method=method)
        assert res.success and res.x == pytest.approx([1.0, 1.0], abs=1e-5)
        assert res.nfev < 500

    @each_method
    def test_where_f_crawls(self, method):
        """A step of 24 s is the difference along a date in seconds."""
        day, first = 86400.0, 1.6e9

        def fun(p):
            t = first + np.arange(30) * day
            return float(np.sum((((t - p[0]) / (day * p[1])) ** 2 - ((t - 1.6012e9) / (day * 10.0)) ** 2) ** 2))

        res = run(fun, [1.6005e9, 7.0], method=method)
        assert res.success and res.fun < 1e-6

    def test_curvature_that_is_their_error_is_not_followed_for_ever(self):
        """The least point is on a face of the box, and degenerate there."""
        res = run(
            lambda x: (x[0] - 1.0) ** 2 + x[1] ** 4 + (x[2] * x[0]) ** 2,
            [3.0, 2.0, 2.0],
            method="newton-cg",
            bounds=[(0.0, 10.0)] * 3,
        )
        assert res.success and res.fun < 1e-15 and res.nfev < 5000

    def test_curvature_that_is_their_error_is_no_saddle(self):
        """f does not change along x, so its curvature there is 0, measured with either sign."""
        mean, variance = np.array([4e-4, 3e-4, 6e-4]), np.array([4e-4, 1e-4, 9e-4])
        res = run(
            lambda w: -float(mean @ w / np.sqrt(variance @ w**2)),
            [0.9, 0.05, 0.05],
            method="newton",
            bounds=[(0.0, 1.0)] * 3,
        )
        assert res.success and res.x / res.x[1] == pytest.approx((mean / variance) / 3.0, rel=1e-2)
        assert res.nfev < 5000


class TestDiagnosis:
    def test_takes_steps_that_suit_small_variables(self):
        """The gradient has the wrong sign, so f falls as steeply as the gradient says it rises."""
        res = run(
            lambda x: float(np.sum((x / 1e-10 - 1.0) ** 4)),
            [3e-10, 2e-10],
            jac=lambda x: -4e10 * (x / 1e-10 - 1.0) ** 3,
        )
        found = res.diagnosis
        assert res.status is Status.LINE_SEARCH and "The gradient disagrees with f" in res.message
        assert found["slope_ahead"] == pytest.approx(-found["slope"], rel=0.05)

    def test_an_overflow_far_from_x_is_no_edge_beside_it(self):
        res = run(lambda x: float(np.cosh(1e6 * x[0])), [1e-6], jac=lambda x: -1e6 * np.sinh(1e6 * x))
        assert res.status is Status.LINE_SEARCH
        assert "edge of its domain" not in res.message and "The gradient disagrees with f" in res.message

    def test_a_kink_shows_where_a_central_difference_agrees_with_the_gradient(self):
        res = run(lambda x: float(np.interp(x[0], np.arange(5.0), [5.0, 3.0, 1.0, 2.0, 6.0])), [0.5])
        assert res.x[0] == pytest.approx(2.0, abs=1e-6)
        assert res.success or "f has a kink at x" in res.message


class TestNoise:
    def noise_of(self, fun, x):
        x = np.asarray(x, float)
        prepared = prepare(read_problem(fun, None, (), x.size), "")
        none = np.empty(0)
        size = np.maximum(1.0, np.abs(x))
        return noise_near(prepared.objective, x, none, none, size, np.empty(x.size), np.empty(COUNT))[0]

    @pytest.mark.parametrize("x", [[0.0, 0.0], [15.0, -3.0]])
    def test_of_stairs_is_their_height(self, x):
        assert 0.003 < self.noise_of(lambda x: round(float(np.sum((x - 2.0) ** 2)), 2), x) < 0.05

    def test_of_a_jump_is_none(self):
        found = self.noise_of(lambda x: x[0] ** 2 + (1e3 if x[0] < 1.0 else 0.0), [1.0 + 1e-12])
        assert np.isnan(found) or found < 1e-10
