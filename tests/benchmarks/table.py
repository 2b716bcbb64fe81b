"""Evaluations to a minimum, and problems solved, by quasinewton and SciPy.

Every problem of `quasinewton.problems` is run from x0 with exact derivatives and the solver's own
tests off. The objective counts: a problem is *reached* at the first evaluated point with ‖g‖_∞ <=
1e-8 max(1, |f|), and *solved* if the returned point satisfies this, too. Evaluations are those of f
and g together; Hessians are not counted, products with them are counted apart.

    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/table.py > table.md
"""

import math
import warnings
from typing import NamedTuple

import numpy as np
import scipy.optimize

import quasinewton
from quasinewton import problems
from quasinewton.status import Status

EPSILON = np.finfo(np.float64).eps
ACCURACY = 1e-8  # relative to max(1, |f|); tolerance of ‖g‖_∞
NOISE = 16 * EPSILON  # relative to |f|; two values that differ by less are equal up to rounding
MOST = 20_000  # evaluations or iterations; upper limit

OURS = {"maxiter": MOST, "maxfun": MOST, "gtol": 0.0}
# By name of a column: how to run it, given an objective that returns (f, g), x0, and the Hessian or
# its product.
COLUMNS = {
    "lbfgs": lambda fun, x0, hess: quasinewton.minimize(fun, x0, jac=True, method="lbfgs", options=OURS),
    "L-BFGS-B": lambda fun, x0, hess: scipy.optimize.minimize(
        fun,
        x0,
        jac=True,
        method="L-BFGS-B",
        options={"maxcor": 10, "maxiter": MOST, "maxfun": MOST, "gtol": 0.0, "ftol": 0.0},
    ),
    "bfgs": lambda fun, x0, hess: quasinewton.minimize(fun, x0, jac=True, method="bfgs", options=OURS),
    "BFGS": lambda fun, x0, hess: scipy.optimize.minimize(
        fun, x0, jac=True, method="BFGS", options={"maxiter": MOST, "gtol": 0.0}
    ),
    "newton": lambda fun, x0, hess: quasinewton.minimize(fun, x0, jac=True, hess=hess, method="newton", options=OURS),
    "trust-exact": lambda fun, x0, hess: scipy.optimize.minimize(
        fun, x0, jac=True, hess=hess, method="trust-exact", options={"maxiter": 1000, "gtol": 1e-14}
    ),
    "newton-cg": lambda fun, x0, hess: quasinewton.minimize(
        fun, x0, jac=True, hessp=fun.product, method="newton-cg", options=OURS
    ),
    "Newton-CG": lambda fun, x0, hess: scipy.optimize.minimize(
        fun, x0, jac=True, hessp=fun.product, method="Newton-CG", options={"maxiter": 1000, "xtol": 1e-15}
    ),
    "trust-ncg": lambda fun, x0, hess: scipy.optimize.minimize(
        fun, x0, jac=True, hessp=fun.product, method="trust-ncg", options={"maxiter": 1000, "gtol": 1e-14}
    ),
}
PAIRS = {
    "lbfgs": ("L-BFGS-B",),
    "bfgs": ("BFGS",),
    "newton": ("trust-exact", "Newton-CG"),
    "newton-cg": ("Newton-CG", "trust-ncg", "trust-exact"),
}
PRODUCTS = ("newton-cg", "Newton-CG", "trust-ncg")


class Run(NamedTuple):
    """Outcome of a run.

    Attributes
    ----------
    evaluations, products : int or None
        Until the accuracy was first reached; None if never.
    total : int
        Until the end.
    solved : bool
        Whether the returned point has the accuracy.
    worse : float
        Excess of the returned f over the least evaluated, relative to the noise 16 ε |f|; above 1
        is a fault.
    status : object
        The result's.
    f, g_norm : float
        At the returned point.
    """

    evaluations: int
    products: int
    total: int
    solved: bool
    worse: float
    status: object
    f: float
    g_norm: float


class Objective:
    """Return (f, g), or products with the Hessian, and count both.

    Parameters
    ----------
    problem : Problem

    Attributes
    ----------
    total, reached : int
        Evaluations so far, and when the accuracy was reached; None before.
    multiplied, needed : int
        Products so far, and when the accuracy was reached; None before.
    least : float
        Least value so far.
    """

    def __init__(self, problem):
        self.problem = problem
        self.total, self.reached, self.least = 0, None, math.inf
        self.multiplied, self.needed = 0, None

    def __call__(self, x):
        f, g = self.problem.fun(x), self.problem.jac(x)
        self.total += 1
        if f < self.least:
            self.least = f
        if self.reached is None and accurate(f, g):
            self.reached, self.needed = self.total, self.multiplied
        return f, g

    def product(self, x, p):
        self.multiplied += 1
        return self.problem.hess(x) @ p


def accurate(f, g):
    """Return True if ‖g‖_∞ <= 1e-8 max(1, |f|); False where either is not finite."""
    return bool(math.isfinite(f) and np.abs(g).max() <= ACCURACY * max(1.0, abs(f)))


def measure(column, problem):
    """Run one column on one problem.

    Returns
    -------
    Run
        Its status is the exception if the run has raised one.
    """
    objective = Objective(problem)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            result = COLUMNS[column](objective, problem.x0, problem.hess)
        except (ValueError, np.linalg.LinAlgError) as error:  # SciPy raises on values that are not finite.
            account = objective.reached, objective.needed, objective.total
            return Run(*account, False, math.inf, error, math.nan, math.nan)
    f, g = problem.fun(result.x), problem.jac(result.x)
    noise = max(NOISE * abs(f), np.finfo(np.float64).tiny)
    excess = (f - objective.least) / noise
    account = objective.reached, objective.needed, objective.total
    return Run(*account, accurate(f, g), excess, result.status, f, float(np.abs(g).max()))


def measure_all(columns=tuple(COLUMNS), factories=None):
    """Run some columns on some problems.

    Parameters
    ----------
    columns : sequence of str
        Names of columns.
    factories : sequence of callable, optional
        Factories of problems; all of them if None.

    Returns
    -------
    dict of dict of Run
        By problem and column.
    """
    table = {}
    for factory in problems.ALL if factories is None else factories:
        problem = factory()
        table[problem] = {column: measure(column, problem) for column in columns}
    return table


def ratio(table, ours, theirs, what="evaluations"):
    """Return the geometric mean of the ratios of evaluations, or of products.

    Problems solved by both count.
    """
    both = [(runs[ours], runs[theirs]) for runs in table.values() if runs[ours].solved and runs[theirs].solved]
    return math.exp(sum(math.log(getattr(a, what) / getattr(b, what)) for a, b in both) / max(len(both), 1))


def cell(column, run):
    """Return the evaluations, and the products after a plus sign."""
    if not run.solved:
        return "–"
    return f"{run.evaluations} + {run.products}" if column in PRODUCTS else f"{run.evaluations}"


def markdown(table):
    """Return the table, a row per problem, and the summary, as Markdown."""
    columns = list(next(iter(table.values())))
    lines = [f"| problem | n | {' | '.join(columns)} |", f"|:--|--:|{'--:|' * len(columns)}"]
    for problem, runs in table.items():
        cells = (cell(column, runs[column]) for column in columns)
        lines.append(f"| {problem.name} | {problem.n} | {' | '.join(cells)} |")
    lines += ["", "| | solved | returned worse than its best |", "|:--|--:|--:|"]
    for column in columns:
        solved = sum(runs[column].solved for runs in table.values())
        worse = sum(runs[column].worse > 1.0 for runs in table.values())
        lines.append(f"| {column} | {solved} of {len(table)} | {worse} |")
    for ours, others in PAIRS.items():
        for theirs in others:
            if ours in columns and theirs in columns:
                lines += ["", *compare(table, ours, theirs)]
    return "\n".join(lines)


def compare(table, ours, theirs):
    """Return the summary of one of our methods against one of SciPy's, as lines of Markdown."""
    products = ""
    if ours in PRODUCTS and theirs in PRODUCTS:
        products = f", of the products {ratio(table, ours, theirs, 'products'):.3f}"
    failed = {problem.name: (runs[ours].solved, runs[theirs].solved) for problem, runs in table.items()}
    return [
        f"**{ours} / {theirs}**: geometric mean of the evaluations {ratio(table, ours, theirs):.3f}{products}.",
        f"Solved by {ours} alone: {', '.join(name for name, who in failed.items() if who == (True, False)) or 'none'}.",
        f"By {theirs} alone: {', '.join(name for name, who in failed.items() if who == (False, True)) or 'none'}.",
        f"By neither: {', '.join(name for name, who in failed.items() if who == (False, False)) or 'none'}.",
    ]


def endings(table, column):
    """Return how many runs of one of our columns ended with each status."""
    statuses = [runs[column].status for runs in table.values()]
    return {status.name: statuses.count(status) for status in Status if status in statuses}


if __name__ == "__main__":
    results = measure_all()
    print(markdown(results))
    for method in PAIRS:
        print(f"\nEndings of {method}: {endings(results, method)}.")
