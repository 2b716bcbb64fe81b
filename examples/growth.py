"""Dynamic programming
===================

A minimisation at every state and in every sweep, in compiled code.

A planner chooses consumption, labour and savings under a technology that moves between three
levels. With logarithmic utility and capital that lasts one period the best policy is known (Brock &
Mirman, J. Econ. Theory 4, 1972; with labour: constant hours, a constant share saved), so that the
answer can be checked. The value function is a Chebyshev series in log k for each level; a sweep
solves a problem in two variables at every node, on all cores.
"""

import time

import numpy as np
from numba import njit, prange
from numpy.polynomial import chebyshev

from quasinewton import minimize

ALPHA, BETA, LEISURE = 0.36, 0.96, 1.5
LEVELS = np.array([0.9, 1.0, 1.1])
MOVES = np.array([[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]])
LOW, HIGH = np.log(0.01), np.log(0.5)  # log capital; range of the nodes


@njit
def series(c, u):
    """Return the Chebyshev series at log capital u and its slope; beyond the nodes, the tangent."""
    t = 2.0 * (u - LOW) / (HIGH - LOW) - 1.0
    inside = min(max(t, -1.0), 1.0)
    value, slope = c[0], 0.0
    T0, T1, D0, D1 = 1.0, inside, 0.0, 1.0
    for j in range(1, c.size):
        value += c[j] * T1
        slope += c[j] * D1
        T0, T1, D0, D1 = T1, 2.0 * inside * T1 - T0, D1, 2.0 * T1 + 2.0 * inside * D1 - D0
    return value + slope * (t - inside), slope * 2.0 / (HIGH - LOW)


@njit
def lifetime(x, g, u, level, expected):
    """Return minus the utility from log capital u on, and write its gradient to g.

    It is that of saving the share σ(x₀) and working the hours σ(x₁).
    """
    s, hours = 1.0 / (1.0 + np.exp(-x[0])), 1.0 / (1.0 + np.exp(-x[1]))
    output = np.log(level) + ALPHA * u + (1.0 - ALPHA) * np.log(hours)
    future, slope = series(expected, output + np.log(s))
    g[0] = s - BETA * slope * (1.0 - s)
    g[1] = LEISURE * hours - (1.0 - ALPHA) * (1.0 - hours) * (1.0 + BETA * slope)
    return -(output + np.log(1.0 - s) + LEISURE * np.log(1.0 - hours) + BETA * future)


@njit(parallel=True)
def sweep(nodes, expected, policy):
    """Maximise at every node and level, starting from the last policy.

    Return values, failures and evaluations.
    """
    values = np.empty((LEVELS.size, nodes.size))
    failed = evaluations = 0
    for i in prange(LEVELS.size * nodes.size):
        z, k = i // nodes.size, i % nodes.size
        args = (nodes[k], LEVELS[z], expected[z])
        res = minimize(lifetime, policy[z, k], args, "bfgs", jac="inplace", gtol=1e-9)
        values[z, k], policy[z, k] = -res.fun, res.x
        failed += not res.success
        evaluations += res.nfev
    return values, failed, evaluations


def main(degree=8, count=40):
    """Iterate on the value function, and compare the policy with the exact one."""
    t = chebyshev.chebpts1(count)
    nodes = LOW + 0.5 * (t + 1.0) * (HIGH - LOW)
    policy, coefficients = np.zeros((LEVELS.size, count, 2)), np.zeros((LEVELS.size, degree + 1))
    sweep(nodes, coefficients, policy.copy())  # This call compiles.
    begin, change, sweeps, solved, total = time.perf_counter(), np.inf, 0, 0, 0
    while change > 1e-10:
        values, failed, evaluations = sweep(nodes, MOVES @ coefficients, policy)
        assert failed == 0
        new = chebyshev.chebfit(t, values.T, degree).T
        # The level of the values converges as BETA^k and does not affect the policy: compare
        # shapes.
        change, coefficients = np.abs(new - coefficients)[:, 1:].max(), new
        sweeps, solved, total = sweeps + 1, solved + values.size, total + evaluations
    seconds = time.perf_counter() - begin
    share, hours = 1.0 / (1.0 + np.exp(-policy[..., 0])), 1.0 / (1.0 + np.exp(-policy[..., 1]))
    exact_hours = (1.0 - ALPHA) / (1.0 - ALPHA + LEISURE * (1.0 - ALPHA * BETA))
    print(f"{sweeps} sweeps, {solved} problems, {total} evaluations: {1e6 * seconds / solved:.1f} µs a problem")
    print(f"share saved {share.mean():.6f} (exact {ALPHA * BETA:.6f}), hours {hours.mean():.6f} ({exact_hours:.6f})")
    assert np.abs(share - ALPHA * BETA).max() < 1e-6 and np.abs(hours - exact_hours).max() < 1e-6


if __name__ == "__main__":
    main()
