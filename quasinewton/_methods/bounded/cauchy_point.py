"""Generalised Cauchy point: first local minimiser of the model along the path P(x − t g).

Source: Byrd, Lu, Nocedal & Zhu (1995), Algorithm CP. The projected path has a breakpoint where a
variable reaches its bound. Breakpoints are taken from a heap one at a time, so only those passed
are sorted. Cost: O(n), and O(m²) for each breakpoint passed. No heap is built if the first
breakpoint lies beyond the minimiser.
"""

import numpy as np

from quasinewton._floats import EPSILON
from quasinewton._methods.bounded.lbfgsb_model import (
    PRODUCTS,
    SCRATCH,
    WHOLE,
    P,
    Q,
    solve_saddle,
    toggle,
)
from quasinewton._numba_ext.jit import fragment


@fragment
def sift(times, queue, place, size):
    """Sift the entry at `place` down the heap of variables, whose top has the least time."""
    i = queue[place]
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and times[queue[child + 1]] < times[queue[child]]:
            child += 1
        if not times[queue[child]] < times[i]:
            break
        queue[place] = queue[child]
        place = child
    queue[place] = i


@fragment
def heap(x, g, low, high, free, times, queue):
    """Build the heap of breakpoints.

    Write the path parameter t at which each free variable reaches its bound to `times`, and a heap
    of the variables for which it is finite to `queue`.

    Returns
    -------
    int
        Size of the heap.
    """
    size = 0
    for i in range(x.size):
        if free[i] and g[i] != 0.0:
            time = (x[i] - (low[i] if g[i] > 0.0 else high[i])) / g[i]
            if time < np.inf:
                times[i] = time
                queue[size] = i
                size += 1
    for place in range(size // 2 - 1, -1, -1):
        sift(times, queue, place, size)
    return size


@fragment
def product(a, b, size):
    """Return a·b over the first `size` entries."""
    total = 0.0
    for i in range(size):
        total += a[i] * b[i]
    return total


@fragment
def cauchy_point(work, pairs, x, g, low, high, theta, count, times):
    """Follow the projected path to the generalised Cauchy point.

    Parameters
    ----------
    work : BoxModel
        M⁻¹ must be factored. Updated: variables that reach their bounds on the path become active.
        The vector P becomes Wᵀd, where d is −g in the variables still free, and Q becomes Wᵀz,
        where z is the step of the newly active variables to their bounds.
    pairs : Pairs
    x, g, low, high : ndarray, float64, shape (n,)
    theta : float
    count : int
        Number of pairs.
    times : ndarray, float64, shape (n,)
        Workspace.

    Returns
    -------
    float
        Path parameter t of the Cauchy point, at which the free variables are x − t g.
    """
    path, queue, two = work.path[0], work.queue, 2 * count
    factors, vectors = work.tables[WHOLE : WHOLE + 3], work.vectors
    p, q, c, w, Mw = vectors[P], vectors[Q], vectors[SCRATCH], vectors[SCRATCH + 1], vectors[SCRATCH + 2]
    m = work.slots.size
    for j in range(count):
        k = work.slots[j]
        p[j], p[count + j] = vectors[PRODUCTS, k], theta * vectors[PRODUCTS, m + k]
    for j in range(two):
        q[j] = c[j] = 0.0
    solve_saddle(factors, count, p, Mw)
    # `slope` and `bend` are the first and second derivatives of the model along the path in t.
    slope = -path.dd
    least = EPSILON * theta * path.dd
    bend = max(theta * path.dd - product(p, Mw, two), least)
    t, further = 0.0, -slope / bend
    if further < path.first:
        return further
    size = heap(x, g, low, high, work.free, times, queue)
    while size > 0:
        i = queue[0]
        step = times[i] - t
        if further < step:
            break
        size -= 1
        queue[0] = queue[size]
        sift(times, queue, 0, size)
        t = times[i]
        z, g_i = (low[i] if g[i] > 0.0 else high[i]) - x[i], g[i]
        for j in range(count):
            k = work.slots[j]
            w[j], w[count + j] = pairs.Y[k, i], theta * pairs.S[k, i]
        for j in range(two):
            c[j] += step * p[j]
        solve_saddle(factors, count, w, Mw)
        slope += step * bend + g_i * g_i + theta * g_i * z - g_i * product(c, Mw, two)
        bend -= theta * g_i * g_i + 2.0 * g_i * product(p, Mw, two) + g_i * g_i * product(w, Mw, two)
        bend = max(bend, least)
        for j in range(two):
            p[j] += g_i * w[j]
            q[j] += z * w[j]
        toggle(work, pairs, i, count, False, -1)
        path.free -= 1
        further = -slope / bend
    return t + max(further, 0.0) if path.free > 0 else t
