"""Batches of small fits: `minimize_batch` against a loop over SciPy and JAX's vmap.

Also the scaling with threads. Each fit is a Poisson regression with 5 parameters on 50 points. Run
as ``python tests/benchmarks/batch.py``; with jax, jaxopt and optimistix installed, those are
measured too.
"""

import os
import sys
import time

import numpy as np
import scipy.optimize
from measure import heading, table  # This import must come first: it sets the BLAS threads.
from numba import njit

from quasinewton import minimize_batch
from quasinewton._api.minimize_batch import cores

FITS, POINTS, PARAMETERS = int(os.environ.get("FITS", 100_000)), 50, 5
FEW = FITS // 50  # fits of SciPy's loop
SOME = FITS // 5  # fits of JAX's solvers
GTOL = 1e-5


@njit
def poisson(b, D, y):
    """Return the negative log-likelihood and its gradient."""
    f, g = 0.0, np.zeros(b.size)
    for i in range(y.size):
        z = 0.0
        for j in range(b.size):
            z += D[i, j] * b[j]
        mean = np.exp(z)
        f += mean - y[i] * z
        for j in range(b.size):
            g[j] += (mean - y[i]) * D[i, j]
    return f, g


def data():
    """Return designs and counts of all fits."""
    rng = np.random.default_rng(0)
    D = 0.5 * rng.standard_normal((FITS, POINTS, PARAMETERS))
    b = 0.5 * rng.standard_normal((FITS, PARAMETERS))
    return D, rng.poisson(np.exp(np.einsum("kij,kj->ki", D, b))).astype(np.float64)


def timed(function):
    """Return wall time and processor time of one call, and its result."""
    wall, processor = time.perf_counter(), time.process_time()
    result = function()
    return time.perf_counter() - wall, time.process_time() - processor, result


def least(function, repeats):
    """Return least wall time and least processor time of calls after a first one.

    The last result comes third.
    """
    function()
    walls, processors, results = zip(*(timed(function) for _ in range(repeats)), strict=True)
    return min(walls), min(processors), results[-1]


def batch(D, y, method="lbfgs", **keywords):
    """Fit all at once."""
    return minimize_batch(poisson, np.zeros((len(y), PARAMETERS)), (), (D, y), method, True, gtol=GTOL, **keywords)


def scipy_loop(D, y):
    """Fit one by one by SciPy."""
    options = {"gtol": GTOL, "ftol": 0.0}
    x0 = np.zeros(PARAMETERS)
    return [
        scipy.optimize.minimize(poisson, x0, pair, "L-BFGS-B", True, options=options) for pair in zip(D, y, strict=True)
    ]


def jax_solvers():
    """Yield names and compiled functions (D, y) -> x of JAX's libraries, in double precision."""
    import jax
    import jax.numpy as jnp
    import jaxopt
    import optimistix

    jax.config.update("jax_enable_x64", True)

    def f(b, pair):
        z = pair[0] @ b
        return jnp.sum(jnp.exp(z) - pair[1] * z)

    x0 = jnp.zeros(PARAMETERS)
    for name, solver in (
        ("jaxopt LBFGS", jaxopt.LBFGS(f, tol=GTOL, maxiter=200)),
        ("jaxopt BFGS", jaxopt.BFGS(f, tol=GTOL, maxiter=200)),
    ):
        yield name, jax.jit(jax.vmap(lambda D, y, solver=solver: solver.run(x0, (D, y)).params))
    for name, solver in (
        ("optimistix BFGS", optimistix.BFGS(rtol=1e-6, atol=1e-6)),
        ("optimistix LBFGS", optimistix.LBFGS(rtol=1e-6, atol=1e-6)),
    ):

        def solve(D, y, solver=solver):
            return optimistix.minimise(f, solver, x0, (D, y), max_steps=500, throw=False).value

        yield name, jax.jit(jax.vmap(solve))


def gradients(x, D, y):
    """Return ‖g‖_∞ of every fit."""
    mean = np.exp(np.einsum("kij,kj->ki", D, x))
    return np.abs(np.einsum("ki,kij->kj", mean - y, D)).max(axis=1)


def comparison(D, y):
    """Yield a row per solver: name, wall and processor time of a fit in µs, ratios, gradients.

    Ratios say by how much quasinewton is faster; ‖g‖_∞ is that of 99 % of the fits.
    """

    def row(name, wall, processor, x, ours=None):
        accuracy = np.quantile(gradients(x, D[: len(x)], y[: len(x)]), 0.99)
        times = 1e6 * wall / len(x), 1e6 * processor / len(x)
        ratios = [f"{other / own:.1f}×" for other, own in zip(times, ours or times, strict=True)]
        return times, (name, *(f"{time:.1f}" for time in times), *ratios, f"{accuracy:.1e}")

    ours = {}
    for method in "lbfgs", "bfgs":
        wall, processor, res = least(lambda method=method: batch(D, y, method), 7)
        assert res.success.all()
        ours[method], cells = row(f"minimize_batch, {method}", wall, processor, res.x)
        yield cells
    wall, processor, found = timed(lambda: scipy_loop(D[:FEW], y[:FEW]))
    yield row("SciPy, L-BFGS-B in a loop", wall, processor, np.array([res.x for res in found]), ours["lbfgs"])[1]
    try:
        solvers = list(jax_solvers())
    except ImportError as error:
        print(f"without JAX: {error}", file=sys.stderr)
        return
    for name, solver in solvers:
        wall, processor, x = least(lambda solver=solver: np.asarray(solver(D[:SOME], y[:SOME])), 5)
        yield row(f"{name}, vmap", wall, processor, x, ours["bfgs" if " BFGS" in name else "lbfgs"])[1]


def scaling(D, y):
    """Yield a row per number of threads: times of the batch, and the efficiency by both.

    Times are wall and processor time. Processor time does not count what others do on a shared
    machine, but neither does it count waiting.
    """
    walls, processors = {}, {}
    D, y = D[:SOME], y[:SOME]  # Many short runs: some are undisturbed on a shared machine.
    counts = sorted({1, *(2**i for i in range(10) if 2**i <= cores()), cores()})
    for _ in range(40):
        for n in counts:
            wall, processor, _ = timed(lambda n=n: batch(D, y, n_jobs=n))
            walls[n], processors[n] = min(wall, walls.get(n, wall)), min(processor, processors.get(n, processor))
    for n in counts:
        efficiencies = walls[1] / walls[n] / n, processors[1] / processors[n]
        yield n, f"{walls[n]:.3f}", f"{processors[n]:.3f}", *(f"{100 * e:.0f} %" for e in efficiencies)


if __name__ == "__main__":
    D, y = data()
    print(heading(), f"{FITS} fits.", end="\n\n")
    header = (
        "5 parameters, 50 points",
        "a fit, µs",
        "processor, µs",
        "ours faster",
        "by processor time",
        "‖g‖_∞ of 99 %",
    )
    print(table(header, comparison(D, y)), end="\n\n")
    print(table(("threads", "wall, s", "processor, s", "efficiency", "by processor time"), scaling(D, y)))
