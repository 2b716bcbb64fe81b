"""Problems with constraints and methods of SciPy alone, passed on to SciPy with exact derivatives.

Covers: _drivers/scipy_methods.py, _objective/complex_step.py.
"""

import numpy as np
import pytest
import scipy.optimize
from numba import njit
from scipy.optimize import LinearConstraint, NonlinearConstraint, OptimizeWarning, rosen, rosen_der, rosen_hess

from quasinewton import BFGS, LBFGS, OptimizeResult, Solver, minimize, minimize_batch, minimize_multistart
from quasinewton._options.names import METHODS, SCIPY_METHODS

X0 = np.array([-1.2, 1.0])


@njit
def rosenbrock(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


@njit
def gradient(x):
    a = x[1] - x[0] ** 2
    return np.array([-400.0 * x[0] * a - 2.0 * (1.0 - x[0]), 200.0 * a])


@njit
def in_place(x, g):
    g[:] = gradient(x)
    return rosenbrock(x)


@njit
def both(x):
    return rosenbrock(x), gradient(x)


@njit
def disc(x, radius):
    return radius**2 - x[0] ** 2 - x[1] ** 2


DISC = {"type": "ineq", "fun": disc, "args": (1.0,)}
ON_DISC = np.array([0.78641515, 0.61769832])  # x; minimiser of Rosenbrock's function in the unit disc


class TestConstraints:
    @pytest.mark.parametrize("method", [{}, {"method": None}, {"method": "SLSQP"}, {"method": "slsqp"}], ids=str)
    def test_without_a_method_are_those_of_slsqp(self, method):
        res = minimize(rosenbrock, X0, constraints=DISC, **method)
        expected = scipy.optimize.minimize(rosenbrock, X0, jac=gradient, constraints=DISC)
        assert res.solver == "scipy slsqp" and res.success and res.jac_mode == "forward"
        assert np.allclose(res.x, ON_DISC, atol=1e-6) and set(expected) <= set(res)
        assert (res.nit, res.nfev) == (expected.nit, expected.nfev)  # SciPy used the gradient, not differences.

    @pytest.mark.parametrize("method", ["COBYLA", "COBYQA", "trust-constr"])
    def test_go_to_the_method_that_is_named(self, method):
        if method == "COBYQA" and not hasattr(scipy.optimize._minimize, "_minimize_cobyqa"):
            pytest.skip("a SciPy without COBYQA")
        constraint = NonlinearConstraint(lambda x: disc(x, 1.0), 0.0, np.inf)
        res = minimize(rosenbrock, X0, method=method, constraints=[constraint])
        assert res.solver == f"scipy {method.lower()}" and np.allclose(res.x, ON_DISC, atol=1e-3)

    @pytest.mark.parametrize("method", ["lbfgs", "BFGS", "newton", LBFGS(memory=3), BFGS, "adam", "CG", "Nelder-Mead"])
    def test_are_refused_with_other_methods(self, method):
        with pytest.raises(ValueError, match="cannot handle constraints; take one of SciPy's that can: 'SLSQP'"):
            minimize(rosenbrock, X0, method=method, constraints=DISC)

    @pytest.mark.parametrize("nothing", [(), [], None, {}])
    def test_that_are_none_change_nothing(self, nothing):
        assert minimize(rosenbrock, X0, constraints=nothing).solver == "quasinewton bfgs"

    def test_of_any_kind(self):
        line = LinearConstraint([[1.0, 1.0]], 1.0, 1.0)
        for constraints in (line, [line], {"type": "eq", "fun": lambda x: x[0] + x[1] - 1.0}):
            res = minimize(rosenbrock, X0, constraints=constraints)
            assert res.success and res.x.sum() == pytest.approx(1.0)

    def test_that_are_compiled_are_differentiated(self):
        seen = []

        def spy(fun, x0, args, **keywords):
            seen.append(keywords["constraints"])
            return scipy.optimize.OptimizeResult(x=x0)

        minimize(rosenbrock, X0, method="slsqp", constraints=[DISC, DISC | {"jac": None}])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scipy.optimize, "minimize", spy)
            minimize(rosenbrock, X0, constraints=(DISC, {"type": "ineq", "fun": lambda x: x[0]}))
        derived, own = seen[0]
        assert np.allclose(derived["jac"](X0, 2.0), -2.0 * X0) and "jac" not in own
        assert "jac" not in DISC

    @pytest.mark.parametrize("solve", [minimize_batch, minimize_multistart])
    def test_are_refused_where_scipy_is_not_asked(self, solve):
        with pytest.raises(ValueError, match="constraints can be given to `minimize` alone"):
            solve(rosenbrock, X0[None], constraints=DISC)
        with pytest.raises(ValueError, match="constraints can be given to `minimize` alone"):
            Solver(X0, constraints=DISC)


class TestMethods:
    @pytest.mark.parametrize("method", sorted(SCIPY_METHODS))
    def test_solve_a_compiled_objective_by_its_name_alone(self, method):
        if method == "cobyqa" and not hasattr(scipy.optimize._minimize, "_minimize_cobyqa"):
            pytest.skip("a SciPy without COBYQA")
        res = minimize(rosenbrock, X0, method=method, options={"maxfun" if method == "tnc" else "maxiter": 2000})
        assert type(res) is OptimizeResult and res.solver == f"scipy {method}"
        assert res.success and np.allclose(res.x, 1.0, atol=0.2 if method == "cobyla" else 1e-2)

    @pytest.mark.parametrize("method, mode", [("trust-ncg", "derived"), ("dogleg", "derived"), ("CG", None)])
    def test_are_given_exact_derivatives(self, method, mode):
        res = minimize(rosenbrock, X0, method=method)
        expected = scipy.optimize.minimize(rosen, X0, method=method, jac=rosen_der, hess=rosen_hess if mode else None)
        assert res.jac_mode == "forward" and res.get("hess_mode") == mode
        assert (res.nit, res.nfev, res.njev) == (expected.nit, expected.nfev, expected.njev)
        assert np.allclose(res.x, expected.x, rtol=1e-6)

    @pytest.mark.parametrize(
        "fun, jac, mode",
        [
            (rosenbrock, gradient, "exact"),
            (both, True, "exact"),
            (in_place, "inplace", "exact"),
            (rosenbrock, "reverse", "reverse"),
            (rosenbrock, "3-point", "3-point"),
            (rosen, None, "2-point"),
            (rosen, False, "2-point"),
        ],
    )
    def test_take_every_form_of_gradient(self, fun, jac, mode):
        res = minimize(fun, X0, method="CG", jac=jac)
        assert res.jac_mode == mode and np.allclose(res.x, 1.0, atol=1e-3)

    def test_without_gradients_take_every_form_of_objective(self):
        for fun, jac in ((rosenbrock, None), (both, True), (in_place, "inplace"), (rosenbrock, "auto")):
            with pytest.warns(RuntimeWarning) if jac in (True, "inplace") else pytest.MonkeyPatch.context():
                assert np.allclose(minimize(fun, X0, method="Nelder-Mead", jac=jac).x, 1.0, atol=1e-3)

    def test_take_the_second_derivatives_of_the_user(self):
        for given in ({"hess": rosen_hess}, {"hessp": scipy.optimize.rosen_hess_prod}, {"hess": "2-point"}):
            res = minimize(rosen, X0, method="trust-ncg", jac=rosen_der, **given)
            assert res.success and res.hess_mode == given.get("hess" if given.get("hess") == "2-point" else "", "exact")

    @pytest.mark.parametrize("hess", [scipy.optimize.BFGS, scipy.optimize.BFGS(), scipy.optimize.SR1()])
    def test_take_quasi_newton_updates_that_ours_refuse_in_a_clear_word(self, hess):
        res = minimize(rosen, X0, method="trust-constr", jac=rosen_der, hess=hess)
        assert res.success and res.hess_mode == "update"
        for method in ("newton", "newton-cg"):
            with pytest.raises(ValueError, match="hess cannot be a quasi-Newton update .* 'trust-constr' takes one"):
                minimize(rosen, X0, method=method, jac=rosen_der, hess=hess)

    def test_are_given_args_options_bounds_and_callback(self):
        @njit
        def bowl(x, center):
            return np.sum((x - center) ** 2)

        points = []
        options = {"maxCGit": 5}
        args, bounds = (np.array([3.0, 4.0]),), [(0.0, 2.0)] * 2
        res = minimize(bowl, X0, args, "TNC", bounds=bounds, options=options, callback=points.append, maxfun=400)
        assert np.allclose(res.x, 2.0) and points and options == {"maxCGit": 5}
        with pytest.warns(OptimizeWarning, match="Unknown solver options: nonsense"):
            minimize(bowl, X0, args, "TNC", nonsense=1)

    def test_a_minimiser_of_the_users_is_called_as_scipy_would(self):
        def custom(fun, x0, args=(), jac=None, **options):
            return scipy.optimize.OptimizeResult(x=x0 - jac(x0, *args), fun=0.0, success=True, told=options["level"])

        res = minimize(rosenbrock, X0, method=custom, level=3)
        assert res.solver == "scipy custom" and res.told == 3 and np.allclose(res.x, X0 - gradient(X0))
        hopped = minimize(rosenbrock, X0, method=minimize)
        assert np.allclose(hopped.x, 1.0, atol=1e-4)

    def test_that_cannot_be_resumed_say_so(self):
        at = minimize(rosenbrock, X0, maxiter=2).checkpoint
        with pytest.raises(ValueError, match="cannot be resumed"):
            minimize(rosenbrock, None, method="CG", checkpoint=at)

    def test_insisting_on_what_cannot_be_derived_is_refused(self):
        with pytest.raises(TypeError, match="compiled by numba.njit"):
            minimize(rosen, X0, method="CG", jac="auto")
        with pytest.raises(TypeError, match="hess='auto' needs fun compiled"):
            minimize(rosen, X0, method="trust-constr", hess="auto")
        with pytest.raises(ValueError, match="jac must be callable"):
            minimize(rosen, X0, method="CG", jac="4-point")

    @pytest.mark.parametrize("method", ["SLSQP", "Nelder-Mead"])
    def test_are_of_minimize_alone(self, method):
        for solve in (lambda: Solver(X0, method), lambda: minimize_batch(rosenbrock, X0[None], method=method)):
            with pytest.raises(ValueError, match="Unknown solver .* here: it is SciPy's"):
                solve()

    def test_no_name_is_both_ours_and_scipys(self):
        assert not SCIPY_METHODS & set(METHODS)

    def test_of_ours_say_who_solved(self):
        assert minimize(rosenbrock, X0, method="L-BFGS-B").solver == "quasinewton lbfgs"
        assert minimize(rosenbrock, X0, method="bfgs", bounds=[(0, 2)] * 2).solver == "quasinewton bfgs"
        assert minimize_batch(rosenbrock, X0[None]).row(0).solver == "quasinewton bfgs"


class TestComplexStep:
    """Hessians by complex steps, hess='cs'."""

    @pytest.mark.parametrize("jac", [rosen_der, gradient], ids=["Python", "compiled"])
    @pytest.mark.parametrize("method", ["newton", "newton-cg"])
    def test_gives_what_the_hessian_gives(self, method, jac):
        fun = rosen if jac is rosen_der else rosenbrock
        given = {"hess": rosen_hess} if method == "newton" else {"hessp": scipy.optimize.rosen_hess_prod}
        res, expected = (minimize(fun, X0, method=method, jac=jac, **more) for more in ({"hess": "cs"}, given))
        assert res.hess_mode == "cs" and (res.nit, res.nfev, res.nhev) == (expected.nit, expected.nfev, expected.nhev)
        assert np.allclose(res.x, expected.x, rtol=0.0, atol=1e-8)
        each = 2 if method == "newton" else 1
        assert res.njev == expected.njev + each * res.nhev  # Gradients for the Hessian are counted.

    @pytest.mark.parametrize("fun, jac", [(both, True), (in_place, "inplace")])
    def test_takes_every_form_of_gradient(self, fun, jac):
        if jac == "inplace":  # This gradient preserves complex numbers.

            @njit
            def fun(x, g):
                g[:] = 4.0 * x**3
                return np.sum(x.real**4)

        res = minimize(fun, X0, method="newton", jac=jac, hess="cs")
        assert res.success and res.hess_mode == "cs"

    def test_of_a_derived_gradient_is_the_derived_hessian(self):
        assert minimize(rosenbrock, X0, method="newton", hess="cs").hess_mode == "derived"

    def test_needs_a_gradient_that_is_complex(self):
        with pytest.raises(ValueError, match="not made of differences"):
            minimize(rosen, X0, method="newton", hess="cs")
        with pytest.raises(ValueError, match="complex for complex x; it is float64"):
            minimize(rosen, X0, method="newton", jac=lambda x: rosen_der(x).real, hess="cs")

        @njit
        def real(x):
            return gradient(x.real)

        with pytest.raises(TypeError, match="complex for complex x; it is array"):
            minimize(rosenbrock, X0, method="newton", jac=real, hess="cs")
