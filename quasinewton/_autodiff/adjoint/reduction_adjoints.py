"""Adjoints of reductions, rearrangements and interpolation, compiled once and cached on disk.

Each function adds to `bar`, the adjoints of the operand, the contribution of `g`, the adjoint of
the result. Kinks are treated as by the rules for the tape: extremes that tie share the adjoint, and
where a deviation is 0 the middle of the slopes is taken.
"""

import numpy as np

from quasinewton._autodiff.kinks import ahead
from quasinewton._numba_ext.jit import fragment, shared


@fragment
def add_first_or_share(bar, g, a, order):
    """Add the contribution of the largest (order 1) or smallest (order −1) item of a vector.

    Items that tie share it equally, unless they carry derivatives that say which goes ahead; see
    `kinks`.
    """
    k, count = 0, 0
    for i in range(a.shape[0]):
        if order * ahead(a[i], a[k]) > 0.0 or a[k] != a[k]:
            k = i
    for i in range(a.shape[0]):
        count += i == k or (a[i] == a[k] and ahead(a[i], a[k]) == 0.0)
    for i in range(a.shape[0]):
        if i == k or (a[i] == a[k] and ahead(a[i], a[k]) == 0.0):
            bar[i] += g / count


@shared
def add_largest(bar, g, a):
    """Add the contribution of the largest item of a vector."""
    add_first_or_share(bar, g, a, 1.0)


@shared
def add_smallest(bar, g, a):
    """Add the contribution of the smallest item of a vector."""
    add_first_or_share(bar, g, a, -1.0)


@fragment
def add_first_of_matrix(bar, g, a, order):
    """Add the contribution of the largest or smallest item of a matrix; see `add_first_or_share`.
    """
    part = np.zeros(a.size)
    add_first_or_share(part, g, a.flatten(), order)
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            bar[i, j] += part[i * a.shape[1] + j]


@shared
def add_largest_of_matrix(bar, g, a):
    """Add the contribution of the largest item of a matrix."""
    add_first_of_matrix(bar, g, a, 1.0)


@shared
def add_smallest_of_matrix(bar, g, a):
    """Add the contribution of the smallest item of a matrix."""
    add_first_of_matrix(bar, g, a, -1.0)


LARGEST = {1: add_largest, 2: add_largest_of_matrix}
SMALLEST = {1: add_smallest, 2: add_smallest_of_matrix}


@shared
def add_product(bar, g, a):
    """Add the contribution of the product of a vector.

    It is computed from the products of the items before and after each, without division.
    """
    before = np.ones(a.shape[0])
    for i in range(1, a.shape[0]):
        before[i] = before[i - 1] * a[i - 1]
    behind = 1.0
    for i in range(a.shape[0] - 1, -1, -1):
        bar[i] += g * (before[i] * behind)
        behind = behind * a[i]


@shared
def add_variance(bar, g, a):
    """Add the contribution of the variance of a vector."""
    n = a.shape[0]
    m = np.mean(a)
    for i in range(n):
        bar[i] += g * (2.0 / n * (a[i] - m))


@shared
def add_deviation(bar, g, a, y):
    """Add the contribution of the standard deviation y of a vector."""
    if y > 0.0:
        n = a.shape[0]
        m = np.mean(a)
        for i in range(n):
            bar[i] += g * ((a[i] - m) / (n * y))


@shared
def add_running_sum(bar, g):
    """Add the contribution of the cumulative sums of a vector."""
    s = 0.0
    for i in range(g.shape[0] - 1, -1, -1):
        s = s + g[i]
        bar[i] += s


@shared
def add_running_product(bar, g, a, y):
    """Add the contribution of the cumulative products y of a vector."""
    s = 0.0
    for i in range(g.shape[0] - 1, -1, -1):
        s = g[i] + (a[i + 1] * s if i + 1 < g.shape[0] else 0.0)
        bar[i] += (y[i - 1] if i > 0 else 1.0) * s


@shared
def add_sorted(bar, g, a):
    """Add the contribution of the sorted copy of a vector."""
    order = np.argsort(a)
    for i in range(g.shape[0]):
        bar[order[i]] += g[i]


@shared
def add_differences(bar, g):
    """Add the contribution of the differences of neighbouring items."""
    for i in range(g.shape[0]):
        bar[i + 1] += g[i]
        bar[i] -= g[i]


@shared
def add_second_differences(bar, g):
    """Add the contribution of the second differences of neighbouring items."""
    for i in range(g.shape[0]):
        bar[i + 2] += g[i]
        bar[i + 1] -= 2.0 * g[i]
        bar[i] += g[i]


@shared
def add_part(bar, g, first):
    """Add the contribution of a vector of which this one is a part, from item `first` on."""
    for i in range(bar.shape[0]):
        bar[i] += g[first + i]


@shared
def add_rows(bar, g, first):
    """Add the contribution of a matrix of which this one is a part, from row `first` on."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += g[first + i, j]


@shared
def add_columns(bar, g, first):
    """Add the contribution of a matrix of which this one is a part, from column `first` on."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += g[i, first + j]


@shared
def add_row(bar, g, k):
    """Add the contribution of a matrix of which this vector is row k."""
    for i in range(bar.shape[0]):
        bar[i] += g[k, i]


@shared
def add_column(bar, g, k):
    """Add the contribution of a matrix of which this vector is column k."""
    for i in range(bar.shape[0]):
        bar[i] += g[i, k]


@shared
def last_item(g):
    """Return the contribution to the number that is the last item of a vector."""
    return g[g.shape[0] - 1]


@shared
def item_of(g, i):
    """Return the contribution to the number that is item i of a vector."""
    return g[i]


@shared
def item_of_matrix(g, i, j):
    """Return the contribution to the number that is item (i, j) of a matrix."""
    return g[i, j]


@shared
def sum_of_vector(g):
    """Return the contribution to the number that fills a vector: the sum of the adjoints."""
    s = 0.0
    for i in range(g.shape[0]):
        s += g[i]
    return s


@shared
def sum_of_matrix(g):
    """Return the contribution to the number that fills a matrix: the sum of the adjoints."""
    s = 0.0
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            s += g[i, j]
    return s


SUM = {1: sum_of_vector, 2: sum_of_matrix}


@shared
def share_of_start(g):
    """Return the contribution to the first of evenly spaced numbers."""
    s, n = 0.0, g.shape[0]
    for i in range(n):
        s += (1.0 - i / max(n - 1, 1)) * g[i]
    return s


@shared
def share_of_stop(g):
    """Return the contribution to the last of evenly spaced numbers."""
    s, n = 0.0, g.shape[0]
    for i in range(n):
        s += i / max(n - 1, 1) * g[i]
    return s


@shared
def add_clipped(bar, g, a, low, high):
    """Add the contribution of minimum(maximum(a, low), high) to a."""
    for i in range(bar.shape[0]):
        share = (0.5 + 0.5 * ahead(a[i], low)) * (0.5 - 0.5 * ahead(a[i], high))
        if low < high and share != 0.0:
            bar[i] += g[i] * share


@shared
def add_repeated(bar, g, times):
    """Add the contribution of the vector with every item repeated `times` times."""
    for i in range(bar.shape[0]):
        for k in range(times):
            bar[i] += g[i * times + k]


@shared
def add_rolled(bar, g, shift):
    """Add the contribution of the vector rolled by `shift`."""
    n = bar.shape[0]
    for i in range(n):
        bar[i] += g[(i + shift) % n]


@shared
def add_point_of_line(bar, g, x, grid):
    """Add the contribution of linear interpolation at a number x to the values on the grid."""
    last = grid.shape[0] - 1
    if x <= grid[0]:
        bar[0] += g
    elif x >= grid[last]:
        bar[last] += g
    else:
        j = min(max(np.searchsorted(grid, x, "right") - 1, 0), last - 1)
        t = (x - grid[j]) / (grid[j + 1] - grid[j])
        bar[j] += (1.0 - t) * g
        bar[j + 1] += t * g


@shared
def add_broken_line(bar, g, x, grid):
    """Add the contribution of linear interpolation at a vector x to the values on the grid."""
    for i in range(x.shape[0]):
        add_point_of_line(bar, g[i], x[i], grid)


@shared
def from_slope(g, grid, values, x):
    """Return the contribution of linear interpolation at a number x to x."""
    last = grid.shape[0] - 1
    if not grid[0] < x < grid[last]:
        return 0.0 * g
    j = min(max(np.searchsorted(grid, x, "right") - 1, 0), last - 1)
    return g * (values[j + 1] - values[j]) / (grid[j + 1] - grid[j])


@shared
def add_place_on_line(bar, g, grid, values, x):
    """Add the contribution of linear interpolation at a vector x to x."""
    for i in range(x.shape[0]):
        bar[i] += from_slope(g[i], grid, values, x[i])


# By the number of axes of x: the adjoints of the values, and of x.
INTERPOLATED = {0: (add_point_of_line, from_slope), 1: (add_broken_line, add_place_on_line)}


@shared
def add_trapezoids(bar, g, x):
    """Add the contribution of the trapezoidal rule with points at x to the values."""
    for i in range(bar.shape[0] - 1):
        half = 0.5 * (x[i + 1] - x[i]) * g
        bar[i] += half
        bar[i + 1] += half


@shared
def add_even_trapezoids(bar, g, dx):
    """Add the contribution of the trapezoidal rule with spacing dx to the values."""
    for i in range(bar.shape[0] - 1):
        bar[i] += 0.5 * dx * g
        bar[i + 1] += 0.5 * dx * g


@shared
def add_widths(bar, g, y):
    """Add the contribution of the trapezoidal rule with values y to the points."""
    for i in range(bar.shape[0] - 1):
        half = 0.5 * (y[i + 1] + y[i]) * g
        bar[i + 1] += half
        bar[i] -= half


@shared
def add_quantile(bar, g, a, fraction):
    """Add the contribution of a quantile of a vector, interpolated between two sorted items."""
    order, n = np.argsort(a), a.shape[0]
    rank = fraction * (n - 1)
    k = min(int(rank), max(n - 2, 0))
    t = rank - k
    bar[order[k]] += (1.0 - t) * g
    bar[order[min(k + 1, n - 1)]] += t * g


@shared
def add_percentile(bar, g, a, q):
    """Add the contribution of a percentile of a vector."""
    add_quantile(bar, g, a, q / 100.0)
