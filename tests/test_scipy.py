"""SciPy as a reference and as a caller: equal minima at similar cost, and use by SciPy's routines.

Covers: _api/minimize.py, _methods/*, _drivers/run.py.
"""

import functools

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from objectives import rosenbrock, rosenbrock_gradient

import quasinewton
from quasinewton import problems

PAIRS = [("lbfgs", "L-BFGS-B", {"ftol": 0.0, "maxfun": 10**6}), ("bfgs", "BFGS", {})]
HANDFUL = [
    "rosenbrock",
    "beale",
    "wood",
    "helical_valley",
    "extended_rosenbrock",
    "brown_dennis",
    "chebyquad",
    "discrete_boundary_value",
    "broyden_tridiagonal",
    "variably_dimensioned",
    "dixmaana",
    "engval1",
    "arwhead",
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("ours, theirs, options", PAIRS, ids=[pair[0] for pair in PAIRS])
@pytest.mark.parametrize("name", HANDFUL)
def test_same_minimum_at_a_like_price(name, ours, theirs, options):
    p = getattr(problems, name)()
    res = quasinewton.minimize(p.fun, p.x0, method=ours, jac=p.jac, options={"gtol": 1e-6})
    oracle = scipy.optimize.minimize(p.fun, p.x0, method=theirs, jac=p.jac, options={"gtol": 1e-6, **options})
    assert res.success
    assert res.fun <= oracle.fun + 1e-8 * max(1.0, abs(oracle.fun))
    assert res.nfev <= 1.5 * oracle.nfev + 5


def test_price_of_the_handful_is_no_higher_than_scipys():
    for ours, theirs, options in PAIRS:
        spent = np.zeros(2)
        for name in HANDFUL:
            p = getattr(problems, name)()
            spent += [
                quasinewton.minimize(p.fun, p.x0, method=ours, jac=p.jac, options={"gtol": 1e-5}).nfev,
                scipy.optimize.minimize(p.fun, p.x0, method=theirs, jac=p.jac, options={"gtol": 1e-5, **options}).nfev,
            ]
        assert spent[0] <= 1.1 * spent[1], theirs


class TestAsTheMethodOfScipy:
    """Use as `scipy.optimize.minimize(…, method=quasinewton.minimize)`."""

    def test_plain(self):
        res = scipy.optimize.minimize(rosenbrock, [-1.2, 1.0], method=quasinewton.minimize)
        assert res.success and res.x == pytest.approx([1.0, 1.0], abs=1e-4)

    def test_is_the_door_itself(self):
        seen = []
        through = scipy.optimize.minimize(
            rosenbrock.py_func,
            [-1.2, 1.0],
            jac=rosenbrock_gradient,
            tol=1e-7,
            method=quasinewton.minimize,
            callback=seen.append,
            options={"maxcor": 3},
        )
        direct = quasinewton.minimize(rosenbrock, [-1.2, 1.0], jac=rosenbrock_gradient, tol=1e-7, maxcor=3)
        assert np.array_equal(through.x, direct.x) and len(seen) == direct.nit

    def test_with_a_method(self):
        bfgs = functools.partial(quasinewton.minimize, method="bfgs")
        res = scipy.optimize.minimize(rosenbrock, [-1.2, 1.0], jac=rosenbrock_gradient, method=bfgs)
        assert res.success and isinstance(res.hess_inv, np.ndarray)

    def test_with_args_and_joint_gradient(self):
        def fun(x, centre):
            return np.sum((x - centre) ** 2), 2.0 * (x - centre)

        res = scipy.optimize.minimize(fun, [0.0, 0.0], args=(3.0,), jac=True, method=quasinewton.minimize)
        assert res.success and res.x == pytest.approx([3.0, 3.0])


def ripples(x):
    """Return a function of many minima, with the least f = −1 at 0."""
    return float(0.05 * np.sum(x**2) - np.prod(np.cos(3.0 * x)))


def test_basinhopping():
    res = scipy.optimize.basinhopping(
        ripples,
        [2.0, 2.0],
        niter=25,
        stepsize=1.5,
        rng=1,
        minimizer_kwargs={"method": quasinewton.minimize, "options": {"maxiter": 100}},
    )
    assert res.fun == pytest.approx(-1.0, abs=1e-6) and res.lowest_optimization_result.success


def test_dual_annealing():
    local = functools.partial(quasinewton.minimize, method="bfgs")

    def search(fun, x0, args=(), bounds=None, **keywords):
        return local(fun, x0, args, **keywords)

    res = scipy.optimize.dual_annealing(
        ripples, [(-4.0, 4.0)] * 2, maxiter=200, rng=1, minimizer_kwargs={"method": search}
    )
    assert res.fun == pytest.approx(-1.0, abs=1e-6)


def test_dual_annealing_hands_its_bounds_on():
    local = functools.partial(quasinewton.minimize, method="bfgs")
    res = scipy.optimize.dual_annealing(
        ripples, [(-4.0, 4.0)] * 2, maxiter=200, rng=1, minimizer_kwargs={"method": local, "bounds": None}
    )
    assert res.fun == pytest.approx(-1.0, abs=1e-6)


def test_brute_finishes_with_it():
    x = scipy.optimize.brute(ripples, [(-0.7, 0.6)] * 2, Ns=6, finish=quasinewton.minimize)
    assert x == pytest.approx([0.0, 0.0], abs=1e-4)


def test_functions_of_scipy_take_what_the_page_says():
    used = []

    def ours(*arguments, **keywords):
        used.append(keywords)
        return quasinewton.minimize(*arguments, **keywords)

    box = [(-4.0, 4.0)] * 2
    if "polish : {bool, callable}" in scipy.optimize.differential_evolution.__doc__:
        polished = scipy.optimize.differential_evolution(ripples, box, maxiter=20, rng=1, polish=ours)
        assert used and polished.fun == pytest.approx(-1.0, abs=1e-4)
        used.clear()
    sample = scipy.stats.t.rvs(5.0, size=100, random_state=1)
    found = scipy.stats.t.fit(sample, optimizer=lambda f, x0, args=(), disp=0: ours(f, x0, args).x)
    assert used and found == pytest.approx(scipy.stats.t.fit(sample), rel=0.01)
    used.clear()
    found = scipy.stats.fit(
        scipy.stats.gamma,
        scipy.stats.gamma.rvs(2.0, size=100, random_state=1),
        [(0.1, 10.0), (0.0, 0.0), (0.1, 10.0)],
        optimizer=lambda fun, bounds, **keywords: ours(fun, [2.0, 0.0, 2.0], bounds=bounds),
    )
    assert used and found.success
    with pytest.raises(ValueError, match="Unknown solver lbfgs"):
        scipy.optimize.basinhopping(ripples, [1.0, 1.0], niter=1, minimizer_kwargs={"method": "lbfgs"})
    for method, error in ((ours, AttributeError), ("lbfgs", KeyError)):
        with pytest.raises(error):
            scipy.optimize.shgo(ripples, box, minimizer_kwargs={"method": method})
