"""Success and failure do not depend on the units of f and x or on constants in f.

Covers: _loops/stopping.py, _loops/final_check.py, _loops/certificate.py, _loops/subspace.py,
_methods/unexplored.py, _methods/bounded/unexplored.py, _drivers/diagnosis.py.
"""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.optimize
from likelihoods import FITS
from numba import njit
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_hessian

from quasinewton import Status, line_search, minimize, root
from quasinewton._loops.stopping import is_settled

METHODS = ["lbfgs", "bfgs", "newton"]
each_method = pytest.mark.parametrize("method", METHODS)
EPSILON = np.finfo(np.float64).eps

D = 10.0 + 1e-4 * np.random.default_rng(0).normal(size=500)
LEAST = 0.5 * D.size + D.size * np.log(D.std())


@njit(error_model="numpy")
def nll(p, d, c):
    s, v = np.exp(p[1]), c
    for i in range(d.size):
        v += 0.5 * ((d[i] - p[0]) / s) ** 2 + p[1]
    return v


class TestConstants:
    @each_method
    @pytest.mark.parametrize("c", [0.0, -LEAST, 100.0 - LEAST, 1e6])
    def test_do_not_decide_between_success_and_failure(self, method, c):
        """Rounding of x keeps the gradient above 1e-4 here."""
        res = minimize(nll, [D.mean() + D.std(), np.log(D.std()) + 0.3], (D, c), method=method)
        noise = EPSILON * max(abs(res.fun), abs(LEAST))
        assert res.success and res.fun - (LEAST + c) <= 1e3 * noise

    @each_method
    @pytest.mark.parametrize("c", [1e4, 1e9])
    def test_do_not_make_a_large_gradient_a_small_one(self, method, c):
        """With exact gradients, success is claimed only if all that is left to gain is rounding."""
        hess = rosenbrock_hessian if method == "newton" else None
        jac = rosenbrock_gradient
        res = minimize(lambda x: rosenbrock(x) + c, [-1.2, 1.0], method=method, jac=jac, hess=hess, gtol=0.0)
        assert res.success and rosenbrock(res.x) <= 1e4 * EPSILON * c


@each_method
@pytest.mark.parametrize("a", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_units_do_not_decide(method, a, scale):
    """A run of a scaled problem ends with the status of the unscaled one.

    No point meets the gtol of this test.
    """

    def fun(x):
        return a * (1.0 + rosenbrock(x / scale))

    def jac(x):
        return a * rosenbrock_gradient(x / scale) / scale

    def hess(x):
        return a * rosenbrock_hessian(x / scale) / scale**2

    hess = hess if method == "newton" else None
    res = minimize(fun, np.array([-1.2, 1.0]) * scale, method=method, jac=jac, hess=hess, gtol=0.0)
    assert res.success and rosenbrock(res.x / scale) <= 1e4 * EPSILON


@pytest.mark.parametrize("fit", FITS[:2])
def test_the_units_of_a_likelihood_do_not_decide(fit):
    fun, x0, _ = fit(np.random.default_rng(0))
    for a in 1e-2, 1.0, 1e4:
        res = minimize(lambda x, a=a: a * fun(x), x0, gtol=1e-5 * a)
        assert res.success


@pytest.mark.parametrize("method", [*METHODS, "newton-cg"])
@pytest.mark.parametrize("start", [[5e-6, 2.0], [5e-6, 1.0], [1e-3, 1.0]])
def test_a_bound_that_is_near_is_no_sign_of_a_minimum(method, start):
    """The minimum of a steep variable is at 1e-6, near but not at its bound 0."""
    fun = njit(lambda x: (x[0] / 1e-6 - 1.0) ** 2 + (x[1] - 2.0) ** 2)
    res = minimize(fun, start, method=method, bounds=[(0, None), (None, None)])
    assert res.success and res.fun < 1e-6


@pytest.mark.parametrize("method", ["newton", "newton-cg"])
@pytest.mark.parametrize(
    "limit, status",
    [({"maxfun": 1}, "EVALUATIONS"), ({"maxfun": 2}, "EVALUATIONS"), ({"maxiter": 0}, "ITERATIONS")],
)
def test_a_limit_beside_a_saddle_is_what_ended_the_run(method, limit, status):
    fun = njit(lambda x: x[0] ** 2 - x[1] ** 2 + x[1] ** 4)
    assert minimize(fun, [0.0, 0.0], method=method, **limit).status is Status[status]
    assert minimize(fun, [0.0, 0.0], method=method).fun < -0.24


class TestNewtonFarOut:
    @pytest.mark.parametrize("x0", [-100.0, -300.0, 60.0, 700.0])
    @pytest.mark.parametrize("bounds", [None, [(-1e3, None)]])
    def test_where_curvature_is_next_to_nothing(self, x0, bounds):
        fun = njit(lambda x: np.logaddexp(0.0, x[0]) - 0.3 * x[0])
        res = minimize(fun, [x0], method="newton", bounds=bounds)
        assert res.success and res.x[0] == pytest.approx(np.log(0.3 / 0.7), abs=1e-3)

    def test_a_variable_in_other_units_keeps_its_step(self):
        """Fit a normal distribution that shrinks onto a point.

        f falls by 1 with every unit of log s, without end.
        """

        @njit(error_model="numpy")
        def mixture(p, d):
            v = 0.0
            for i in range(d.size):
                a = -p[1] - 0.5 * ((d[i] - p[0]) / np.exp(p[1])) ** 2
                v -= np.logaddexp(a, -0.5 * d[i] ** 2)
            return v

        d = np.array([-1.2, -0.4, 0.1, 0.7, 1.9])
        res = minimize(mixture, [1.85, -1.0], (d,), method="newton")
        assert not res.success and res.status is not Status.PRECISION


class TestArithmeticExceptions:
    @pytest.mark.parametrize("in_python", [False, True])
    def test_of_compiled_code_at_a_trial_point_are_an_edge(self, begin, in_python):
        begin(in_python)

        @njit
        def fun(x):
            return 1.0 / (1.0 + x[0]) + 4.0 * x[0]  # 1/0 at the bound, to which the first step leads

        with np.errstate(divide="ignore"):
            twin = minimize(lambda x: np.float64(1.0) / (1.0 + x[0]) + 4.0 * x[0], [0.0], bounds=[(-1.0, 1.0)])
        for jac in None, "3-point":
            res = minimize(fun, [0.0], jac=jac, bounds=[(-1.0, 1.0)])
            assert res.success and res.x[0] == pytest.approx(-0.5, abs=1e-4) and twin.success

    def test_of_python_too(self):
        res = minimize(lambda x: math.exp(x[0] ** 2) - x[0], [0.0], x_scale=1.0)
        assert res.success
        res = minimize(lambda x: math.exp(-1e3 * x[0]) + x[0] ** 2, [0.1], bounds=[(-5.0, 5.0)])
        assert res.success

    @pytest.mark.parametrize("edge", [math.log, math.sqrt, lambda a: math.acos(1.0 - a), lambda a: math.acosh(1.0 + a)])
    def test_arguments_outside_of_a_domain_are_one(self, edge):
        """The first step leads to negative numbers, of which `math` raises a ValueError."""

        def fun(x):
            return 50.0 * float(x[0]) - 0.01 * edge(float(x[0]))

        low = scipy.optimize.minimize_scalar(lambda a: fun([a]), bounds=(1e-12, 1.0), options={"xatol": 1e-14})
        res = minimize(fun, [1.0])
        assert res.success and res.fun <= low.fun + 1e-6

    def test_other_errors_of_values_are_errors(self):
        def fun(x):
            if x[0] < 0.5:
                raise ValueError("no such thing")
            return float(x[0]) ** 2

        with pytest.raises(ValueError, match="no such thing") as error:
            minimize(fun, [1.0])
        assert error.value.result.x[0] >= 0.5

    @pytest.mark.parametrize("in_python", [False, True])
    def test_a_matrix_that_is_not_positive_definite_is_one(self, begin, in_python):
        """The log-likelihood of a covariance matrix; the first step leads out of the cone."""
        begin(in_python)
        S = np.array([[1.0, 0.95], [0.95, 1.0]])

        def fun(x):
            L = np.linalg.cholesky(np.array([[1.0, x[0]], [x[0], 1.0]]))
            return 2.0 * np.sum(np.log(np.diag(L))) + np.trace(np.linalg.solve(L @ L.T, S))

        with pytest.raises(np.linalg.LinAlgError):
            minimize(fun, [1.5])
        best = minimize(fun, [0.0], bounds=[(-0.999, 0.999)]).x
        for each, jac in (fun, None), (njit(fun), None), (njit(fun), "2-point"):
            res = minimize(each, [0.99], jac=jac)
            assert res.success and res.x == pytest.approx(best, abs=1e-4)

    @pytest.mark.parametrize("in_python", [False, True])
    def test_beside_a_point_they_shorten_the_difference(self, begin, in_python):
        """f has no value from 1e-9 beyond the start on, closer than the step of a difference."""
        begin(in_python)

        def fun(x):
            a = float(x[0])
            return (a - 0.5) ** 2 if a <= 1.0 + 1e-9 else 1.0 / (a - a)

        for each, jac in (fun, None), (njit(fun), "2-point"):
            res = minimize(each, [1.0], jac=jac)
            assert res.success and res.x[0] == pytest.approx(0.5, abs=1e-5)

    @pytest.mark.parametrize("in_python", [False, True])
    def test_of_other_loops_are_an_edge_too(self, begin, in_python):
        """The first trial of Newton's method, and of the search, is at 0."""
        begin(in_python)
        for residual in njit(lambda x: np.array([1.0 / x[0] - 2.0])), lambda x: [1.0 / float(x[0]) - 2.0]:
            res = root(residual, [1.0])
            assert res.success and res.x[0] == pytest.approx(0.5)

        def both(x):
            return x[0] + 0.01 / x[0], np.array([1.0 - 0.01 / (x[0] * x[0])])

        for fun in (lambda x: both([float(x[0])])), njit(both):
            res = line_search(fun, np.array([1.0]), np.array([-1.0]), jac=True)
            assert res.success and 0.0 < res.alpha < 1.0

    def test_at_the_start_they_are_the_users(self):
        with pytest.raises(ZeroDivisionError):
            minimize(njit(lambda x: 1.0 / x[0]), [0.0], jac="2-point")
        with pytest.raises(ZeroDivisionError):
            minimize(lambda x: 1.0 / float(x[0]), [0.0])

    def test_others_pass_through(self):
        @njit
        def fun(x):
            if x[0] > 0.5:
                raise ValueError("too far")
            return (x[0] - 1.0) ** 2

        with pytest.raises(ValueError, match="too far"):
            minimize(fun, [0.0], jac="2-point")


class TestForms:
    @pytest.mark.parametrize("compiled", [False, True])
    def test_a_component_that_is_forgotten_shows(self, compiled):
        def fun(x, g):
            g[0] = 2.0 * x[0]
            return x[0] ** 2 + x[1] ** 2

        res = minimize(njit(fun) if compiled else fun, [1.0, 1.0], jac="inplace")
        assert res.status is Status.NONFINITE and res.diagnosis["components"] == [1]

    def test_numbers_of_other_types(self):
        from decimal import Decimal
        from fractions import Fraction

        for kind in Fraction, Decimal:
            res = minimize(lambda x, kind=kind: (kind(float(x[0])) - 1) ** 2, [0.0])
            assert res.success and res.x[0] == pytest.approx(1.0, abs=1e-4)

    @pytest.mark.parametrize("compiled", [False, True])
    def test_a_hessian_is_evaluated_once_an_iteration(self, compiled):
        calls = np.zeros(1)

        def hess(x, calls):
            calls[0] += 1
            H = np.zeros((4, 4))
            for i in range(4):
                H[i, i] = 12.0 * x[i] ** 2 + i
                for j in range(4):
                    H[i, j] += 1.0
            return H

        def fun(x, calls):
            return np.sum(x**4) + 0.5 * np.sum(np.arange(4) * x**2) + 0.5 * np.sum(x) ** 2

        def jac(x, calls):
            return 4.0 * x**3 + np.arange(4) * x + np.sum(x)

        functions = [njit(function) if compiled else function for function in (fun, jac, hess)]
        res = minimize(functions[0], np.full(4, 2.0), (calls,), "newton-cg", functions[1], functions[2])
        assert res.success and calls[0] <= res.nit + 1 < res.nhev


class TestSentences:
    def test_no_kink_where_curvature_is(self):
        for fun in lambda x: 1e8 * (x[0] - 1) ** 2 + (x[1] + 2) ** 2, lambda x: np.exp(1e5 * x[0]) - 2e5 * x[0]:
            with np.errstate(over="ignore"):
                assert "kink" not in minimize(fun, [0.3e-5, 0.4]).message

    def test_no_word_of_jac_to_who_gave_none(self):
        res = minimize(lambda x: -10.0 if x[0] == 17 else -7.0, [17.0])
        assert "heck jac" not in res.message

    def test_a_start_in_small_units_is_said_to_be_one(self):
        """A gtol that is given is taken at its word; by default the run goes on."""
        problem = lambda x: 1e-9 * rosenbrock(x), [-1.2, 1.0], (), "lbfgs", lambda x: 1e-9 * rosenbrock_gradient(x)
        res = minimize(*problem, gtol=1e-5)
        assert res.success and res.nit == 0 and "No iteration was made" in res.message
        res = minimize(*problem)
        assert res.success and res.x == pytest.approx([1.0, 1.0], abs=1e-6)
        assert minimize(rosenbrock, [1.0, 1.0], jac=rosenbrock_gradient).message == Status.GRADIENT.message


class TestDefaultSuccess:
    """By default success asks that little decrease is left, not only that ‖g‖ is within gtol."""

    @each_method
    def test_does_not_depend_on_the_size_of_f(self, method):
        """The variables of this regression differ in size by 10⁶, and the least value is 1e-12."""
        t = np.linspace(0.1, 2.0, 20)
        y = 1e-6 * (np.exp(-1.5 * t) + 0.1 * np.sin(40.0 * t))

        def residuals(x):
            return x[0] * np.exp(-x[1] * t) - y

        def gradient(x):
            r, e = residuals(x), np.exp(-x[1] * t)
            return np.array([2.0 * r @ e, -2.0 * x[0] * (r @ (t * e))])

        def fun(x):
            return residuals(x) @ residuals(x)

        exact = minimize(fun, [1.0e-6, 1.4], jac=gradient, method="newton", gtol=0.0)
        res = minimize(fun, [3e-6, 0.5], jac=gradient, method=method)
        assert res.success and res.x == pytest.approx(exact.x, rel=1e-6)
        assert minimize(fun, [3e-6, 0.5], jac=gradient, method=method, gtol=1e-5).nit < res.nit

    def test_inside_compiled_code(self):
        @njit
        def f(x):
            return 1e-9 * (100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2)

        @njit
        def inside(x0):
            found = minimize(f, x0)
            return found.x, found.nit

        x, nit = inside(np.array([-1.2, 1.0]))
        assert nit > 0 and x == pytest.approx([1.0, 1.0], abs=1e-6)

    @pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
    def test_finds_what_the_model_has_not_seen(self, method):
        """A search along a gradient in relative units refutes a model that promises too little."""
        sizes = np.array([1e3, 1.0, 1e-3])

        def fun(x):
            return 1.0 + np.sum((x / sizes - 1.0) ** 2 * [1.0, 1e-4, 1e-2])

        def gradient(x):
            return 2.0 * (x / sizes - 1.0) * [1.0, 1e-4, 1e-2] / sizes

        res = minimize(fun, 1.5 * sizes, jac=gradient, method=method)
        assert res.success and res.x == pytest.approx(sizes, rel=1e-5)


class TestShortSteps:
    """A default success may be one where the model's step changes no variable by much."""

    x = np.array([2.0, -1e6, 0.0])
    short = np.array([4e-7, 0.1, 0.0])

    @staticmethod
    def settled(p, x=x, **changed):
        scalars = dict(restarted=0, alpha=1.0, predicted=1e-13, f0=2.0, f=1.0) | changed
        return is_settled.py_func(SimpleNamespace(**scalars), x, p)

    def test_each_variable_is_the_measure_of_its_step(self):
        assert self.settled(self.short) and self.settled(-self.short)
        for k, step in enumerate((8e-7, 1.0, 1e-300)):
            longer = self.short.copy()
            longer[k] = step
            assert not self.settled(longer)

    @pytest.mark.parametrize(
        "changed", [dict(predicted=3e-12), dict(f0=1.0), dict(alpha=0.5), dict(restarted=1), dict(predicted=np.nan)]
    )
    def test_little_must_be_left_and_the_step_be_that_of_a_model(self, changed):
        assert not self.settled(self.short, **changed)


class TestSubspaces:
    """From a symmetric start gradients are symmetric, and so are steps of quasi-Newton methods."""

    each_method = pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
    each_box = pytest.mark.parametrize("box", [None, (-9.0, 9.0)], ids=["free", "bounded"])

    def fun(self, x):
        """Return a function whose least value among x = y is at the saddle x = y = 0."""
        s, d = x[0] + x[1], x[0] - x[1]
        return 3.0 * s * s + (d * d - 1.0) ** 2

    def jac(self, x):
        s, d = x[0] + x[1], x[0] - x[1]
        return 6.0 * s + 4.0 * d * (d * d - 1.0) * np.array([1.0, -1.0])

    @each_method
    @each_box
    def test_a_minimum_among_symmetric_points_alone_is_left(self, method, box):
        res = minimize(self.fun, [5.0, 5.0], jac=self.jac, method=method, bounds=box and [box] * 2)
        assert res.success and res.fun < 1e-10

    @each_method
    def test_it_is_left_beside_active_bounds(self, method):
        """The third variable ends at its bound, and the fourth is fixed."""

        def fun(x):
            return self.fun(x[:2]) + (x[2] + 1.0) ** 2 + x[0] * x[0] * (x[3] - 2.0)

        def jac(x):
            slope = 2.0 * x[0] * (x[3] - 2.0)
            return np.r_[self.jac(x[:2]) + [slope, 0.0], 2.0 * (x[2] + 1.0), x[0] * x[0]]

        bounds = [(-9.0, 9.0), (None, 9.0), (0.0, 5.0), (2.0, 2.0)]
        res = minimize(fun, [5.0, 5.0, 3.0, 2.0], jac=jac, method=method, bounds=bounds)
        assert res.success and res.fun == pytest.approx(1.0, abs=1e-10)

    @each_method
    @pytest.mark.parametrize("width", [0.2, 1e-7])
    def test_no_trial_leaves_the_box(self, method, width):
        """In a box of half this width f is least in a corner; a very narrow one is not explored."""
        points = []

        def fun(x):
            points.append(x.copy())
            return self.fun(x)

        res = minimize(fun, [0.5 * width, 0.5 * width], jac=self.jac, method=method, bounds=[(-width, width)] * 2)
        assert np.abs(points).max() <= width
        assert width < 1e-6 or res.fun == pytest.approx((4.0 * width * width - 1.0) ** 2)

    @each_method
    @each_box
    @pytest.mark.parametrize("differenced", [False, True], ids=["exact", "differenced"])
    def test_dependent_steps_show_it_among_many_variables(self, method, box, differenced):
        """All variables remain equal, which is a maximum in all other directions."""
        n = 40

        def fun(x):
            d = x - x.mean()
            return x.mean() ** 2 + x.mean() ** 4 + np.sum(d**4 - d**2)

        def jac(x):
            d = x - x.mean()
            r = 4.0 * d**3 - 2.0 * d
            return (2.0 * x.mean() + 4.0 * x.mean() ** 3) / n + r - r.mean()

        jac = None if differenced else jac
        res = minimize(fun, np.full(n, 3.0), jac=jac, method=method, bounds=box and [box] * n)
        assert res.success and res.fun < -0.2 * n

    @each_method
    @each_box
    def test_variables_that_do_not_matter_cost_a_gradient(self, method, box):
        res = minimize(lambda x: x[0] ** 4 + x[0] ** 2, [3.0, 5.0, 7.0], method=method, bounds=box and [box] * 3,
                       jac=lambda x: np.array([4.0 * x[0] ** 3 + 2.0 * x[0], 0.0, 0.0]))
        assert res.success and res.njev == res.nfev + 1 and np.array_equal(res.x[1:], [5.0, 7.0])

    @each_method
    @pytest.mark.parametrize("box", [None, (-9.0, 9.0), (-9.0, 0.9)], ids=["free", "bounded", "active"])
    def test_steps_in_all_dimensions_cost_none(self, method, box):
        """In the second box the first three variables end at their bounds."""
        bounds = box and [box] * 4
        res = minimize(rosenbrock, [-1.2, 0.5, -1.2, 0.5], method=method, jac=rosenbrock_gradient, bounds=bounds)
        assert res.success and res.njev == res.nfev


class TestStiffModels:
    """The model of a stagnant run may promise little only because it takes f for too stiff."""

    POWERS = np.linspace(15.0, 850.0, 30)[:, None] ** np.arange(4)
    # Parameters of NIST's Hahn1, whose sizes differ by seven orders of magnitude.
    ABOVE = [1.07763518, -0.122692969, 4.08637506e-3, -1.42626625e-6]
    BELOW = [-5.7609941e-3, 2.40537355e-4, -1.23144502e-7]
    NEAR = np.array(ABOVE + BELOW)
    LEAST = 0.4849434355980743  # by Newton's method

    def ratio(self, b):
        return (self.POWERS @ b[:4]) / (1.0 + self.POWERS[:, 1:] @ b[4:])

    @pytest.mark.parametrize("method, starts", [("lbfgs", [0, 4, 6, 12]), ("bfgs", [3, 12, 15, 58])])
    def test_a_precision_limit_is_one(self, method, starts):
        """Fit a quotient of cubics from starts from which f ended up to 12 % above its minimum."""
        y = self.ratio(self.NEAR) + 0.2 * np.sin(np.arange(30.0) ** 2)

        def fun(b):
            r = self.ratio(b) - y
            return r @ r

        def jac(b):
            q = self.ratio(b)
            slopes = np.hstack([self.POWERS, -q[:, None] * self.POWERS[:, 1:]])
            return 2.0 * slopes.T @ ((q - y) / (1.0 + self.POWERS[:, 1:] @ b[4:]))

        for k in starts:
            start = self.NEAR * (1.0 + 0.6 * np.sin(np.arange(7) * (k + 1.3) + k))
            res = minimize(fun, start, jac=jac, method=method)
            assert res.success and res.fun == pytest.approx(self.LEAST, rel=1e-7), k
