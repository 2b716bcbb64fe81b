"""BFGS as an algorithm of optimagic, which brings its constraints and any structure of parameters.

A Poisson regression whose parameters are a dictionary; the answer is compared with that of
optimagic's own "scipy_lbfgsb".
"""

from dataclasses import dataclass

import numpy as np
import optimagic as om
from optimagic.optimization.algorithm import Algorithm, InternalOptimizeResult

from quasinewton import minimize


@om.mark.minimizer(
    name="quasinewton_bfgs",
    solver_type=om.typing.AggregationLevel.SCALAR,
    is_available=True,
    is_global=False,
    needs_jac=True,
    needs_hess=False,
    needs_bounds=False,
    supports_parallelism=False,
    supports_bounds=True,
    supports_infinite_bounds=True,
    supports_linear_constraints=False,
    supports_nonlinear_constraints=False,
)
@dataclass(frozen=True)
class QuasinewtonBFGS(Algorithm):
    """The fields are the options that `algo_options` may set."""

    convergence_gtol_abs: float = 1e-6
    stopping_maxiter: int = 10_000

    def _solve_internal_problem(self, problem, x0):
        bounds = None
        if problem.bounds.lower is not None or problem.bounds.upper is not None:
            lower = np.full(x0.size, -np.inf) if problem.bounds.lower is None else problem.bounds.lower
            upper = np.full(x0.size, np.inf) if problem.bounds.upper is None else problem.bounds.upper
            bounds = list(zip(lower, upper, strict=True))
        options = {"gtol": self.convergence_gtol_abs, "maxiter": self.stopping_maxiter}
        res = minimize(problem.fun_and_jac, x0, jac=True, method="bfgs", bounds=bounds, options=options)
        return InternalOptimizeResult(
            x=res.x,
            fun=float(res.fun),
            success=bool(res.success),
            message=res.message,
            n_fun_evals=int(res.nfev),
            n_jac_evals=int(res.njev),
            n_iterations=int(res.nit),
        )


rng = np.random.default_rng(1)
temperature = rng.uniform(0.0, 1.0, 500)
counts = rng.poisson(np.exp(0.5 + 1.5 * temperature))


def loss(params):
    eta = params["offset"] + params["slope"] * temperature
    return np.mean(np.exp(eta) - counts * eta)


def gradient(params):
    excess = np.exp(params["offset"] + params["slope"] * temperature) - counts
    return {"offset": np.mean(excess), "slope": np.mean(excess * temperature)}


start = {"offset": 0.0, "slope": 0.0}
ours = om.minimize(loss, start, algorithm=QuasinewtonBFGS(convergence_gtol_abs=1e-8), jac=gradient)
theirs = om.minimize(loss, start, algorithm="scipy_lbfgsb", jac=gradient, algo_options={"convergence_gtol_abs": 1e-8})
print("free:", ours.params, f"after {ours.n_fun_evals} evaluations, {theirs.n_fun_evals} of scipy_lbfgsb")
assert ours.success and all(abs(ours.params[name] - theirs.params[name]) < 1e-3 for name in start)
assert ours.fun <= theirs.fun + 1e-12

bounds = om.Bounds(upper={"offset": np.inf, "slope": 1.0})
bounded = om.minimize(loss, start, algorithm=QuasinewtonBFGS, jac=gradient, bounds=bounds)
print("slope at most 1:", bounded.params)
assert bounded.success and bounded.params["slope"] == 1.0
