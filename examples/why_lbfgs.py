"""Why L-BFGS
==========

A soap film with ten thousand heights, and what BFGS would need for it.

The film over a square, held along its edge, has the least area. It is made of triangles, two per
cell of a grid with m × m free heights. The edge is that of Scherk's surface, z = log(cos x/cos y),
which is minimal: the heights found are its heights, up to the error of the grid.

BFGS keeps a dense inverse Hessian, 8 n² bytes, and passes through it in every iteration; L-BFGS
keeps ten pairs of vectors. Memory is the peak of the allocations during a run, times are the least
of three runs.
"""

import os
import time
import tracemalloc

import numpy as np
from numba import njit

from quasinewton import minimize

# Loops are compiled before their first run, and not during one whose memory is measured.
os.environ["QUASINEWTON_PYTHON_FIRST"] = "0"


@njit
def area(x, g, z):
    """Return the area of the film with the free heights x, and write its gradient.

    z is the film with its edge.
    """
    m = z.shape[0] - 2
    base = (2.0 / (m + 1)) ** 2
    for i in range(m * m):
        z[1 + i // m, 1 + i % m] = x[i]
    f, slope = 0.0, np.zeros(z.shape)
    for i in range(m + 1):
        for j in range(m + 1):
            for a, b, step in (i, j, 1), (i + 1, j + 1, -1):  # These are the corners of right angles.
                u, v = z[a + step, b] - z[a, b], z[a, b + step] - z[a, b]
                root = np.sqrt(base + u * u + v * v)
                f += 0.5 * np.sqrt(base) * root
                scale = 0.5 * np.sqrt(base) / root
                slope[a, b] -= scale * (u + v)
                slope[a + step, b] += scale * u
                slope[a, b + step] += scale * v
    for i in range(m * m):
        g[i] = slope[1 + i // m, 1 + i % m]
    return f


def scherk(m):
    """Return the heights of Scherk's surface over [−1, 1]², edge included."""
    line = np.log(np.cos(np.linspace(-1.0, 1.0, m + 2)))
    return line[:, None] - line


def solve(method, m, maxiter=5000):
    return minimize(area, np.zeros(m * m), (scherk(m),), method, jac="inplace", gtol=1e-7, maxiter=maxiter)


def measure(method, m):
    """Return bytes at the peak of a run, and seconds of an iteration."""
    tracemalloc.start()
    solve(method, m, maxiter=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        res = solve(method, m, maxiter=40)
        seconds.append((time.perf_counter() - begun) / res.nit)
    return peak, min(seconds)


def main():
    print(f"{'n':>10}{'BFGS, MB':>12}{'L-BFGS, MB':>12}{'BFGS, µs an iteration':>24}{'L-BFGS':>10}")
    measure("bfgs", 4), measure("lbfgs", 4)  # These runs compile.
    sizes = np.array([14, 20, 32, 45])
    bfgs, lbfgs = (np.array([measure(method, m) for m in sizes]) for method in ("bfgs", "lbfgs"))
    for m, (dense, slow), (lean, fast) in zip(sizes, bfgs, lbfgs):
        print(f"{m * m:10}{dense / 1e6:12.2f}{lean / 1e6:12.2f}{1e6 * slow:24.0f}{1e6 * fast:10.0f}")
        # BFGS keeps its matrix and its first twenty pairs, with a basis of their steps.
        matrices = 8 * (m**4 + 3 * 20 * m**2)
        assert abs(dense - matrices) < 0.1 * dense + 1e5 and lean < 8 * 40 * m**2 + 1e5
    quadratic, linear = (np.polyfit(2.0 * np.log(sizes), np.log(rows[:, 1]), 1)[0] for rows in (bfgs, lbfgs))
    print(f"Time of an iteration grows as n^{quadratic:.1f} with BFGS, as n^{linear:.1f} with L-BFGS.")
    assert bfgs[-1, 1] > 5.0 * lbfgs[-1, 1] and quadratic > linear

    peak, _ = measure("lbfgs", 100)
    begun = time.perf_counter()
    res = solve("lbfgs", 100)
    seconds, error = time.perf_counter() - begun, np.abs(res.x - scherk(100)[1:-1, 1:-1].ravel()).max()
    print(f"{10_000:10}{'(800.00)':>12}{peak / 1e6:12.2f}: {res.nit} iterations in {seconds:.2f} s to ‖g‖_∞ = ", end="")
    print(f"{np.abs(res.jac).max():.0e}; heights within {error:.0e} of Scherk's.")
    assert res.success and error < 1e-4 and peak < 4e6


if __name__ == "__main__":
    main()
