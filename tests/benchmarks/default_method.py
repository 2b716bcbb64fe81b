"""Methods beside one another by default options: what ``method="auto"`` rests on.

Every problem of `quasinewton.problems`, at several sizes, NIST's certified regressions (if the
folder of their data is given, see `nist.py`) and the likelihoods of `tests/likelihoods.py` are run
by each method and by SciPy's defaults,

- with exact gradients, and exact Hessians for the methods of Newton,
- with differences, as for Python functions without `jac`, up to 30 variables,

free and between bounds. A run is *solved* if its value is that of a known minimum, up to 1e-6 of
the decrease from the start; known are the minima of the catalogue and those that runs with gtol=0
reach. Counted as right is a success that is solved, as false one that is not. Evaluations are
values where gradients are differences, otherwise pairs of f and g; Hessians, or products with them,
are counted apart. Ratios are geometric means of quotients with lbfgs, over problems that both have
solved; time is that of the processor in a second run, where nothing is compiled. The functions cost
next to nothing, so this is the time of the method; those of SciPy are called from Python.

    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/default_method.py [NIST_STRD] > default.md
"""

import inspect
import math
import sys
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.optimize
from measure import heading, table  # This import must come first: it sets the BLAS threads.

import quasinewton
from quasinewton import problems

ACCURACY = 1e-6  # of the decrease from the start; most by which f of a run that solved it differs from a minimum
SIZES = 10, 30, 100, 300  # variables of the problems that can have any number, beside their own
CLASSES = (1, 5), (6, 24), (25, 40), (41, 100), (101, 300)  # numbers of variables in the rows of a table
LARGEST = {"exact": 300, "differences": 30}  # variables
DENSE = "Chebyquad", "Trigonometric", "Watson"  # a value costs n² and more; run up to 100 variables
LIMITS = {"time_limit": 4.0, "maxiter": 20_000}  # of a run that looks for a minimum
OURS = "lbfgs", "bfgs", "newton", "newton-cg"
DEFAULT = "SciPy, method=None"


class Case(NamedTuple):
    """A problem, its start and derivatives, and the values of its known minima."""

    fun: object
    jac: object
    hess: object
    x0: np.ndarray
    args: tuple
    bounds: object
    minima: tuple


class Outcome(NamedTuple):
    """What a run has found and cost; seconds are those of the processor."""

    solved: bool
    success: bool
    evaluations: int
    second: int
    seconds: float


def sized(factories):
    """Yield the problems of some factories, of their own sizes and of others."""
    for factory in factories:
        own = factory()
        yield own
        for n in SIZES if "n" in inspect.signature(factory).parameters else ():
            if n != own.n and not (own.name.startswith(DENSE) and n > 100):
                try:
                    yield factory(n)
                except ValueError:  # A problem may have other sizes alone.
                    continue


def published(bounded):
    """Yield the cases of the catalogue."""
    for p in sized(problems.BOUNDED if bounded else problems.ALL):
        minima = (*p.local_minima, *(() if p.fmin is None else (p.fmin,)))
        x0 = np.clip(p.x0, p.low, p.high) if bounded else p.x0
        yield Case(p.fun, p.jac, p.hess, x0, (), p.bounds, minima)


def regressions(folder):
    """Yield the cases of NIST's regressions."""
    from nist import fits

    for _, fun, start, certified, args in fits(folder):
        yield Case(fun, None, None, start, args, None, (float(fun(certified, *args)),))


def likelihoods(bounded):
    """Yield the cases of ordinary likelihoods, which are NumPy's."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from likelihoods import FITS

    for seed in range(4):
        for fit in FITS:
            fun, start, bounds = fit(np.random.default_rng(seed))
            if (bounds is not None) == bounded:
                yield Case(fun, None, None, np.array(start, dtype=float), (), bounds, ())


def ours(case, kind, method, **options):
    """Run a method of ours."""
    fun, derivatives = case.fun, {"jac": case.jac}
    if kind == "differences":
        fun, derivatives = (lambda x, *args: float(case.fun(x, *args))), {}
    elif method.startswith("newton"):
        derivatives["hess"] = case.hess
    return quasinewton.minimize(fun, case.x0, case.args, method, bounds=case.bounds, **derivatives, **options)


def theirs(case, kind, method):
    """Run a method of SciPy's."""
    fun, jac = case.fun, case.jac
    if kind == "differences":
        jac = None
    elif jac is None:
        fun, jac = quasinewton.value_and_grad(fun), True
    return scipy.optimize.minimize(fun, case.x0, case.args, method, jac, bounds=case.bounds)


def with_minima(case):
    """Return the case with the minima that runs with gtol=0 reach, added to the known ones."""
    kind, found = "exact" if hasattr(case.fun, "py_func") else "differences", list(case.minima)
    for method in OURS[:3]:
        result = ours(case, kind, method, gtol=0.0, **LIMITS)
        if result.success or result.optimality <= 1e-6 * max(1.0, abs(result.fun)):
            found.append(float(result.fun))
    return case._replace(minima=tuple(found))


def measure(case, kind, column):
    """Return the Outcome of a column on a case, with the time of a second run."""
    for _ in range(2):
        began = time.process_time()
        try:
            if column in OURS:
                result = ours(case, kind, column, time_limit=LIMITS["time_limit"])
            else:
                result = theirs(case, kind, None if column == DEFAULT else column)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return Outcome(False, False, 0, 0, math.nan)
        seconds = time.process_time() - began
    evaluations = result.nfev if kind == "differences" else max(result.nfev, result.get("njev", 0))
    decrease = max(case.fun(case.x0, *case.args) - result.fun, 0.0)
    near = (abs(result.fun - f) <= ACCURACY * decrease + 1e-14 * abs(f) for f in case.minima)
    return Outcome(any(near), bool(result.success), evaluations, result.get("nhev", 0), seconds)


def cases_of(kind, bounded, folder):
    """Return the cases with these derivatives, with minima."""
    found = list(published(bounded))
    if folder is not None and not bounded:
        found += regressions(folder)
    if kind == "differences":
        found += likelihoods(bounded)
    return [with_minima(case) for case in found if case.x0.size <= LARGEST[kind]]


def mean_ratio(pairs):
    """Return the geometric mean of quotients, as text."""
    pairs = [(a, b) for a, b in pairs if a > 0 and b > 0]
    return f"{math.exp(sum(math.log(a / b) for a, b in pairs) / len(pairs)):.2f}" if pairs else ""


def rows(outcomes, low, high):
    """Return the rows of the problems with `low` to `high` variables."""
    chosen = [found for n, found in outcomes if low <= n <= high]
    for column in chosen[0] if chosen else ():
        runs = [found[column] for found in chosen]
        both = [(found[column], found["lbfgs"]) for found in chosen if found[column].solved and found["lbfgs"].solved]
        right, false = (sum(run.success and run.solved == yes for run in runs) for yes in (True, False))
        ratios = mean_ratio((a.evaluations, b.evaluations) for a, b in both)
        with_second = mean_ratio((a.evaluations + a.second, b.evaluations) for a, b in both)
        seconds = mean_ratio((a.seconds, b.seconds) for a, b in both)
        total, second = sum(run.evaluations for run in runs), sum(run.second for run in runs)
        yield f"{low}–{high}", column, f"{right} of {len(runs)}", false, ratios, with_second, total, second, seconds


HEADER = "n", "method", "right", "false", "ratio", "with second", "evaluations", "second", "time, ratio"


def main():
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    for kind in LARGEST:
        for bounded in False, True:
            columns = (*OURS, DEFAULT) if bounded else (*OURS, DEFAULT, "L-BFGS-B")
            outcomes = []
            for case in cases_of(kind, bounded, folder):
                # SciPy's BFGS takes n³ an iteration.
                able = columns if bounded or case.x0.size <= 100 else (*OURS, "L-BFGS-B")
                outcomes.append((case.x0.size, {column: measure(case, kind, column) for column in able}))
            print(f"{kind}, {'between bounds' if bounded else 'free'}\n")
            print(table(HEADER, [row for limits in CLASSES for row in rows(outcomes, *limits)]), "\n", flush=True)
    print(heading())


if __name__ == "__main__":
    main()
