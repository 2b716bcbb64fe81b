"""The noiseless bbob functions, values only: targets reached within 300 n values, with restarts.

24 functions with 2 and 5 variables, of each the instances --instances: 96 problems by default, of
which a local method can reach few. The first run of a problem starts at its initial solution,
others at points drawn uniformly from [−5, 5]^n, until the values are spent. A problem is solved
when a value within 1e-8 of the optimum has been seen; the value then seen first is counted. Runs
use the options by default and differences of values. It needs `pip install coco-experiment`.

    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/bbob.py [METHOD ...] > bbob.md

All instances of the table in docs/benchmarks.md are those of `--instances 1-15 --draws 1`.
"""

import argparse
import warnings

import cocoex
import numpy as np
import scipy.optimize
from measure import heading, table  # This import must come first: it sets the BLAS threads.

from quasinewton import minimize

BUDGET = 300  # values of f for each variable
DRAWS = 5  # draws of the starts, of which the table has means
FUNCTIONS = 24
METHODS = "lbfgs", "bfgs"
PEERS = "L-BFGS-B", "BFGS"


class Spent(Exception):
    """The values of a problem are spent, or its target is reached."""


class Counted:
    """A problem of bbob that counts its values and ends the run that spends the last one."""

    def __init__(self, problem):
        self.problem, self.most, self.values = problem, BUDGET * problem.dimension, 0

    def __call__(self, x):
        if self.values >= self.most or self.problem.final_target_hit:
            raise Spent
        self.values += 1
        return self.problem(x)


def solve(problem, method, seed):
    """Run a method on a problem with restarts.

    Returns
    -------
    (bool, int, list of int)
        Whether the target is reached, after how many values, and the values of each run that ended.
    """
    rng = np.random.default_rng((seed, problem.id_function, problem.dimension, problem.id_instance))
    run = scipy.optimize.minimize if method in PEERS else minimize
    fun, start, spent = Counted(problem), problem.initial_solution, []
    while True:
        began = fun.values
        try:
            run(fun, start, method=method)
        except Spent:
            return bool(problem.final_target_hit), fun.values, spent
        spent.append(fun.values - began)
        start = rng.uniform(-5.0, 5.0, problem.dimension)


def problems(instances):
    """Yield the problems."""
    yield from cocoex.Suite("bbob", f"instances: {instances}", "dimensions: 2,5")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="*", default=[*METHODS, *PEERS])
    parser.add_argument("--instances", default="1-2")
    parser.add_argument("--draws", type=int, default=DRAWS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rows = []
    for method in arguments.methods:
        draws = range(1, arguments.draws + 1)  # the seeds of the starts
        found = [[solve(problem, method, seed) for problem in problems(arguments.instances)] for seed in draws]
        solved = [sum(reached for reached, _, _ in runs) for runs in found]
        ended = [values for runs in found for _, _, spent in runs for values in spent]
        rows.append((method, f"{np.mean(solved):.1f}", " ".join(map(str, solved)), f"{np.median(ended):.0f}"))
        print(rows[-1], flush=True)
    print(table(("method", f"solved of {len(found[0])}, mean", "for each draw", "values of a run, median"), rows))
    print(f"\n{heading()}")


if __name__ == "__main__":
    main()
