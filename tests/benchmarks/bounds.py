"""Bound-constrained problems: solved, evaluations and time of an iteration, against L-BFGS-B.

The first table is of every problem of `problems.BOUNDED`. Each run starts at x0 with exact
derivatives and its own tests off; the objective counts evaluations. A problem is *reached* at the
first evaluated point that lies within the bounds, has ‖P(x − g) − x‖_∞ <= 1e-6 max(1, |f|), P the
projection on the bounds, and has f at a known minimum, to 1e-6 max(1, |f|), or below all of them;
it is *solved* if the returned point satisfies these, too. Hence a run that stays where the start is
flat has solved nothing. The problems in `COUNTLESS` have so many minima that any will do; there,
and where two minima are known, the table also says which solver found the lower one.

The second table is the time of a further iteration outside a compiled objective, with a third of
the variables on bounds: (t(2N) − t(N))/N, so that the fixed cost of a call does not count; and the
time of the whole call of 2N iterations.

    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/bounds.py > bounds.md
"""

import math
import time
import warnings
from typing import NamedTuple

import numpy as np
import scipy.optimize
from measure import heading, seconds, table  # This import must come first: it sets the BLAS threads.
from numba import njit

import quasinewton
from quasinewton import problems

ACCURACY = 1e-6  # relative to max(1, |f|); tolerance of the projected gradient and of f
MOST = 20_000  # evaluations or iterations; upper limit
COUNTLESS = ("ncvxbqp1", "ncvxbqp2", "ncvxbqp3", "s368", "sineali", "explin", "explin2", "expquad")

ITERATIONS = 10  # iterations; N of the second table

OFF = {"maxcor": 10, "maxiter": MOST, "maxfun": MOST, "gtol": 0.0, "ftol": 0.0}


def ours(fun, x0, bounds, args=(), options=OFF):
    """Run quasinewton's L-BFGS."""
    return quasinewton.minimize(fun, x0, args, jac=True, method="lbfgs", bounds=bounds, options=options)


def theirs(fun, x0, bounds, args=(), options=OFF):
    """Run SciPy's L-BFGS-B."""
    return scipy.optimize.minimize(fun, x0, args, jac=True, method="L-BFGS-B", bounds=bounds, options=options)


class Run(NamedTuple):
    """Outcome of a run.

    Attributes
    ----------
    evaluations : int or None
        Until the problem was first reached; None if never.
    total : int
        Until the end.
    solved : bool
        Whether the returned point solves the problem.
    f, slope : float
        f and ‖P(x − g) − x‖_∞ at the returned point.
    status : object
        The result's, or the exception that the run raised.
    """

    evaluations: int
    total: int
    solved: bool
    f: float
    slope: float
    status: object


class Objective:
    """Return f and g of a problem, and count the evaluations until it is reached."""

    def __init__(self, problem, countless):
        self.problem, self.countless = problem, countless
        self.total, self.reached = 0, None

    def __call__(self, x):
        f, g = self.problem.fun(x), self.problem.jac(x)
        self.total += 1
        if self.reached is None and self.solves(x, f, g):
            self.reached = self.total
        return f, g

    def solves(self, x, f, g):
        """Return True if x is a solution; False where f or g is not finite."""
        p = self.problem
        if not (np.all(p.low <= x) and np.all(x <= p.high) and slope(p, x, g) <= ACCURACY * max(1.0, abs(f))):
            return False
        known = np.array([p.fmin, *p.local_minima])
        at_one = np.abs(f - known) <= ACCURACY * np.maximum(1.0, np.abs(known))
        return bool(self.countless or at_one.any() or f < known.min())


def slope(problem, x, g):
    """Return ‖P(x − g) − x‖_∞, or NaN where g is not finite."""
    return float(np.abs(np.clip(x - g, problem.low, problem.high) - x).max())


def measure(solver, factory):
    """Run a solver on a problem.

    Returns
    -------
    Run
        Its status is the exception if the run has raised one.
    """
    problem = factory()
    objective = Objective(problem, factory.__name__ in COUNTLESS)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            result = solver(objective, problem.x0, problem.bounds)
        except (ValueError, np.linalg.LinAlgError) as error:
            return Run(objective.reached, objective.total, False, math.inf, math.inf, error)
        f, g = problem.fun(result.x), problem.jac(result.x)
    solved = objective.reached is not None and objective.solves(result.x, f, g)
    return Run(objective.reached, objective.total, solved, f, slope(problem, result.x, g), result.status)


def compare(factories):
    """Return the rows of the first table, and its summary as lines of Markdown."""
    rows, ratios, only, worse = [], [], ([], [], []), ([], [])
    for factory in factories:
        a, b = measure(ours, factory), measure(theirs, factory)
        problem = factory()
        cells = (f"{run.evaluations}" if run.solved else "–" for run in (a, b))
        rows.append((problem.name, problem.n, *cells))
        if a.solved and b.solved:
            ratios.append(a.evaluations / b.evaluations)
            if abs(a.f - b.f) > ACCURACY * max(1.0, abs(b.f)):
                worse[a.f < b.f].append(f"{problem.name} ({a.f:.8g} / {b.f:.8g})")
        else:
            only[0 if a.solved else 1 if b.solved else 2].append(problem.name)
    both = len(ratios)
    mean = math.exp(sum(map(math.log, ratios)) / max(both, 1))
    summary = [
        f"Solved: ours {both + len(only[0])}, SciPy {both + len(only[1])} of {len(rows)}.",
        f"Geometric mean of the evaluations, ours / SciPy, on the {both} solved by both: {mean:.3f}.",
        *(f"{who}: {', '.join(names) or 'none'}." for who, names in zip(
            ("By ours alone", "By SciPy alone", "By neither", "Another minimum, ours the higher (ours / SciPy)",
             "Another minimum, ours the lower (ours / SciPy)"), (*only, *worse), strict=True)),
    ]
    return rows, summary


@njit
def quartic(x, scales, centres):
    """Return Σ scales_i (x_i − c_i)²/2 + x_i⁴/4 with its gradient.

    The function is separable and cheap, so that the method takes most of the time.
    """
    f, g = 0.0, np.empty(x.size)
    for i in range(x.size):
        d, square = x[i] - centres[i], x[i] * x[i]
        f += 0.5 * scales[i] * d * d + 0.25 * square * square
        g[i] = scales[i] * d + square * x[i]
    return f, g


@njit
def evaluate(times, x, scales, centres):
    """Evaluate the objective `times` times from compiled code."""
    total = 0.0
    for _ in range(times):
        f, g = quartic(x, scales, centres)
        total += f + g[0]
    return total


def per_iteration(solve, inside, repeats):
    """Return the least time of an iteration outside the objective, and of a whole call.

    Parameters
    ----------
    solve : callable
        Run so many iterations.
    inside : float
        Seconds of an evaluation.
    repeats : int
        Number of runs, of which the least times count.

    Returns
    -------
    (float, float)
        Seconds of a further iteration, (t(2N) − t(N))/N with N = `ITERATIONS`; and of the whole
        call of 2N.
    """
    runs = []
    for many in ITERATIONS, 2 * ITERATIONS:
        times = []
        for _ in range(repeats):
            begun = time.perf_counter()
            res = solve(many)
            times.append(time.perf_counter() - begun)
        runs.append((min(times), res.nit, res.nfev))
    (short, few, first), (whole, many, last) = runs
    return (whole - short - (last - first) * inside) / (many - few), whole


def timing_rows():
    """Yield rows for n = 10, 10⁴ and 10⁶.

    SciPy's time excludes that of calling the compiled objective from Python.
    """
    for n, repeats in (10, 500), (10_000, 20), (1_000_000, 3):
        scales, centres = np.geomspace(1.0, 1e4, n), np.resize([1.5, 0.25, -0.5], n)
        bounds, args = scipy.optimize.Bounds(np.zeros(n), np.ones(n)), (scales, centres)
        x0 = np.full(n, 0.9)
        count = max(1, 10**7 // n)
        compiled = seconds(lambda: evaluate(count, x0, *args), budget=0.3) / count
        called = seconds(lambda: quartic(x0, *args), budget=0.3)
        ours(quartic, x0, bounds, args)
        (a, whole_a), (b, whole_b) = (
            per_iteration(lambda many: solver(quartic, x0, bounds, args, OFF | {"maxiter": many}), inside, repeats)
            for solver, inside in ((ours, compiled), (theirs, called))
        )
        calls = f"{whole_a * 1e6:.0f}", f"{whole_b * 1e6:.0f}", f"{whole_b / whole_a:.1f}×"
        yield f"n = {n}", f"{a * 1e6:.2f}", f"{b * 1e6:.2f}", f"{b / a:.1f}×", *calls


if __name__ == "__main__":
    print(heading(), end="\n\n")
    rows, summary = compare(problems.BOUNDED)
    print(table(("problem", "n", "ours", "L-BFGS-B"), rows), *summary, sep="\n\n", end="\n\n")
    print(table((
        "", "ours, µs a further iteration", "SciPy, µs", "ratio", "ours, µs a call", "SciPy, µs", "ratio",
    ), timing_rows()))
