"""Time of an iteration outside the objective, against SciPy and against memory bandwidth.

Dense BFGS and L-BFGS with many variables are measured. Run as ``python
tests/benchmarks/iteration.py``. Times are processor times, which other programs disturb less than
wall times. The objective's own time is measured alone and subtracted, per evaluation, from all
sides.

The reference for memory is, for L-BFGS, a compiled sum over S and Y, each read twice (4 m n
doubles, nothing written); for BFGS, a compiled loop that scales n² doubles in place (each read and
written once; the method itself touches half).
"""

import time

import numpy as np
import scipy.optimize
from measure import heading, table  # This import must come first: it sets the BLAS threads.
from numba import njit

import quasinewton
from quasinewton import LBFGS


@njit
def quartic(x, g, scales):
    """Return Σ scales_i x_i²/2 + x_i⁴/4, and write its gradient to g.

    The function is separable and cheap, so that the method takes most of the time.
    """
    f = 0.0
    for i in range(x.size):
        square = x[i] * x[i]
        f += 0.5 * scales[i] * square + 0.25 * square * square
        g[i] = scales[i] * x[i] + square * x[i]
    return f


@njit
def quartic_pair(x, scales):
    """Return Σ scales_i x_i²/2 + x_i⁴/4 and its gradient as a pair, for SciPy."""
    g = np.empty(x.size)
    return quartic(x, g, scales), g


@njit(fastmath={"reassoc"})
def total(a):
    """Return Σ a_i, which reads memory and writes nothing."""
    value = 0.0
    for i in range(a.size):
        value += a[i]
    return value


@njit
def scale(a, c):
    """Multiply a by c in place, which reads and writes memory."""
    for i in range(a.size):
        a[i] *= c


def least(function, budget):
    """Return the least processor time of one call.

    The runs take at most some milliseconds each, and share a budget of seconds.
    """
    function()
    begun = time.process_time()
    function()
    number = max(1, int(3e-3 / max(time.process_time() - begun, 1e-6)))
    times, ended = [], time.perf_counter() + budget
    while time.perf_counter() < ended or len(times) < 3:
        begun = time.process_time()
        for _ in range(number):
            function()
        times.append((time.process_time() - begun) / number)
    return min(times)


def per_iteration(solve, inside, repeats):
    """Return the least processor time of an iteration outside the objective, over `repeats` solves.
    """
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        res = solve()
        times.append((time.process_time() - begun - res.nfev * inside) / res.nit)
    return min(times)


def stream(n, m):
    """Return the least processor time to move the memory of an iteration.

    It is the pairs read twice, or the matrix read and written.
    """
    if m == 0:
        H = np.ones(n * n)
        return least(lambda: scale(H, 1.0), 0.5)
    S, Y = np.ones(m * n), np.ones(m * n)
    return 2.0 * (least(lambda: total(S), 1.0) + least(lambda: total(Y), 1.0))


def rows():
    """Yield rows for BFGS at n = 100 and 1000 and L-BFGS from n = 10⁴ to 2·10⁶ with m = 10.

    The pairs of L-BFGS are in double and single precision.
    """
    for n, method, theirs, iterations, repeats in (
        (100, "bfgs", "BFGS", 60, 9),
        (1000, "bfgs", "BFGS", 20, 5),
        (10_000, LBFGS(), "L-BFGS-B", 100, 9),
        (100_000, LBFGS(), "L-BFGS-B", 40, 5),
        (2_000_000, LBFGS(), "L-BFGS-B", 30, 4),
        (2_000_000, LBFGS(single=True), "L-BFGS-B", 30, 4),
    ):
        scales, x0, g = np.geomspace(1.0, 1e4, n), np.ones(n), np.empty(n)
        common = {"gtol": 1e-300, "maxiter": iterations}

        def ours(x0=x0, scales=scales, method=method, common=common):
            return quasinewton.minimize(quartic, x0, (scales,), jac="inplace", method=method, options=common)

        def other(x0=x0, scales=scales, theirs=theirs, common=common):
            limits = common | ({"ftol": 0.0} if theirs == "L-BFGS-B" else {})
            return scipy.optimize.minimize(quartic_pair, x0, (scales,), jac=True, method=theirs, options=limits)

        quasinewton.minimize(quartic, x0, (scales,), jac="inplace", method=method, options=common | {"maxiter": 3})
        mine = per_iteration(ours, least(lambda x=x0, s=scales, g=g: quartic(x, g, s), 0.2), repeats)
        his = per_iteration(other, least(lambda x=x0, s=scales: quartic_pair(x, s), 0.2), 2 if n > 10**5 else repeats)
        memory = stream(n, 0 if method == "bfgs" else method.memory)
        single = ", single" if method != "bfgs" and method.single else ""
        milliseconds = (f"{1e3 * seconds:.4f}" for seconds in (mine, memory, his))
        yield f"{theirs}, n = {n}{single}", *milliseconds, f"{mine / memory:.2f}", f"{his / mine:.1f}×"


if __name__ == "__main__":
    print(heading(), end="\n\n")
    header = ("per iteration outside the objective", "ours, ms", "stream, ms", "SciPy, ms", "to the stream", "ratio")
    print(table(header, rows()))
