"""One solve inside `@njit` against liblbfgs in C, and the compile time of a call site.

The problem is Rosenbrock's function. Needs a C compiler and liblbfgs (Debian: liblbfgs-dev). Both
sides keep six pairs, liblbfgs's default, and end at ‖g‖_∞ <= 1e-8.
"""

import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import measure  # This import must come first: it sets the BLAS threads.
import numpy as np
from numba import njit

from quasinewton import minimize

C = r"""
#include <lbfgs.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long count;

static lbfgsfloatval_t rosenbrock(void *p, const lbfgsfloatval_t *x, lbfgsfloatval_t *g, const int n,
                                  const lbfgsfloatval_t step) {
    double f = 0.0;
    count++;
    for (int i = 0; i < n; i += 2) {
        double a = x[i + 1] - x[i] * x[i], b = 1.0 - x[i];
        g[i] = -400.0 * x[i] * a - 2.0 * b;
        g[i + 1] = 200.0 * a;
        f += 100.0 * a * a + b * b;
    }
    return f;
}

int main(int argc, char **argv) {
    int n = atoi(argv[1]), repeats = atoi(argv[2]);
    lbfgsfloatval_t *x = lbfgs_malloc(n), f;
    lbfgs_parameter_t parameters;
    struct timespec begin, end;
    double best = 1e300;
    lbfgs_parameter_init(&parameters);
    /* It tests ‖g‖ <= epsilon ‖x‖ in the Euclidean norm; with n/2 equal pairs at (1, 1) that is 1e-8 for each. */
    parameters.epsilon = 1e-8;
    for (int run = 0; run < 300; run++) {
        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (int k = 0; k < repeats; k++) {
            for (int i = 0; i < n; i += 2) { x[i] = -1.2; x[i + 1] = 1.0; }
            count = 0;
            if (lbfgs(n, x, &f, rosenbrock, NULL, NULL, &parameters) < 0) return 1;
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        double time = (end.tv_sec - begin.tv_sec + 1e-9 * (end.tv_nsec - begin.tv_nsec)) / repeats;
        if (time < best) best = time;
    }
    printf("%g %ld\n", best, count);
    return 0;
}
"""


@njit
def rosenbrock(x, g):
    """Return Rosenbrock's function, and write its gradient to g."""
    f = 0.0
    for i in range(0, x.size, 2):
        a, b = x[i + 1] - x[i] * x[i], 1.0 - x[i]
        g[i] = -400.0 * x[i] * a - 2.0 * b
        g[i + 1] = 200.0 * a
        f += 100.0 * a * a + b * b
    return f


@njit
def solve(x0, repeats):
    """Solve `repeats` times; return the evaluations of one solve, and whether all succeeded."""
    count, good = 0, True
    for _ in range(repeats):
        res = minimize(rosenbrock, x0, jac="inplace", memory=6, gtol=1e-8)
        count, good = res.nfev, good and res.success
    return count, good


def ours(n, repeats):
    """Return the least seconds of a solve, and its evaluations."""
    x0 = np.tile([-1.2, 1.0], n // 2)
    count, good = solve(x0, 1)
    assert good
    times = []
    for _ in range(300):
        begin = time.perf_counter()
        solve(x0, repeats)
        times.append((time.perf_counter() - begin) / repeats)
    return min(times), count


CALL_SITE = """
    import time
    import numpy as np
    from numba import njit
    from quasinewton import minimize

    @njit
    def f(x, g):
        g[0] = 2.0 * x[0]
        return x[0] * x[0]

    @njit
    def once(x0):
        return minimize(f, x0, jac="inplace").fun

    @njit
    def twice(x0):
        return minimize(f, x0, jac="inplace").fun + minimize(f, x0, jac="inplace").fun

    x = np.ones(1)
    minimize(f, x, jac="inplace")
    begin = time.perf_counter()
    once(x)
    between = time.perf_counter()
    twice(x)
    print(between - begin, time.perf_counter() - between)
"""


def call_site():
    """Return the seconds of the first call site of a process, and of a further one."""
    times = []
    for _ in range(4):  # The first run fills the cache.
        command = [sys.executable, "-c", textwrap.dedent(CALL_SITE)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        one, two = map(float, output.split())
        times.append((one, two / 2))
    return np.min(times[1:], axis=0)


def main():
    """Print the tables."""
    print(measure.heading(), "\n")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "rosenbrock"
        source = program.with_suffix(".c")
        source.write_text(C)
        subprocess.run([shutil.which("gcc") or "cc", "-O3", "-o", program, source, "-llbfgs", "-lm"], check=True)
        # Short runs: some of them have the processor to themselves.
        for n, repeats in ((2, 100), (10, 60), (100, 20), (1000, 3)):
            output = subprocess.run([program, str(n), str(repeats)], capture_output=True, text=True, check=True).stdout
            theirs, their_count = output.split()
            theirs, (mine, count) = float(theirs), ours(n, repeats)
            rows.append((n, f"{1e6 * mine:.1f}", count, f"{1e6 * theirs:.1f}", their_count, f"{theirs / mine:.2f}×"))
    print(measure.table(("one solve, n", "ours, µs", "evaluations", "liblbfgs, µs", "evaluations", "ratio"), rows))
    sys.stdout.flush()
    first, further = call_site()
    print(
        "\nA call site of `minimize`, warm cache: "
        f"{first:.2f} s for the first of a process, {further:.2f} s for others."
    )


if __name__ == "__main__":
    main()
