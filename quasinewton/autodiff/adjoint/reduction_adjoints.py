"""The adjoints of extremes, moments, running sums and rearrangements, compiled once and cached on
disk.

Each adds to `bar`, the adjoints of the operand, what the adjoint `g` of the result contributes;
kinks are those of the rules for the tape: the first of equal numbers, and the middle of the slopes
where a norm or deviation is 0.
"""

import numpy as np

from quasinewton.autodiff.kinks import ahead
from quasinewton.numba_ext.jit import fragment, shared


@fragment
def add_first_or_share(bar, g, a, order):
    """Of the largest item of a vector (with order −1, the smallest): of equal ones, shared between
    them.

    Numbers that carry derivatives say which of equal ones goes ahead, as `kinks` describes.
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
    """Of the largest item of a vector."""
    add_first_or_share(bar, g, a, 1.0)


@shared
def add_smallest(bar, g, a):
    """Of the smallest item of a vector."""
    add_first_or_share(bar, g, a, -1.0)


@shared
def add_product(bar, g, a):
    """Of the product of the items of a vector, from the products of those before and behind each.
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
    """Of the variance of a vector."""
    n = a.shape[0]
    m = np.mean(a)
    for i in range(n):
        bar[i] += g * (2.0 / n * (a[i] - m))


@shared
def add_deviation(bar, g, a, y):
    """Of the standard deviation y of a vector."""
    if y > 0.0:
        n = a.shape[0]
        m = np.mean(a)
        for i in range(n):
            bar[i] += g * ((a[i] - m) / (n * y))


@shared
def add_running_sum(bar, g):
    """Of cumulative sums."""
    s = 0.0
    for i in range(g.shape[0] - 1, -1, -1):
        s = s + g[i]
        bar[i] += s


@shared
def add_running_product(bar, g, a, y):
    """Of cumulative products y."""
    s = 0.0
    for i in range(g.shape[0] - 1, -1, -1):
        s = g[i] + (a[i + 1] * s if i + 1 < g.shape[0] else 0.0)
        bar[i] += (y[i - 1] if i > 0 else 1.0) * s


@shared
def add_sorted(bar, g, a):
    """Of a sorted vector."""
    order = np.argsort(a)
    for i in range(g.shape[0]):
        bar[order[i]] += g[i]


@shared
def add_differences(bar, g):
    """Of the differences of neighbours."""
    for i in range(g.shape[0]):
        bar[i + 1] += g[i]
        bar[i] -= g[i]


@shared
def add_second_differences(bar, g):
    """Of the second differences of neighbours."""
    for i in range(g.shape[0]):
        bar[i + 2] += g[i]
        bar[i + 1] -= 2.0 * g[i]
        bar[i] += g[i]


@shared
def add_part(bar, g, first):
    """Of a vector that is a part of another, from item `first` on."""
    for i in range(bar.shape[0]):
        bar[i] += g[first + i]


@shared
def add_rows(bar, g, first):
    """Of a matrix that is a part of another, from row `first` on."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += g[first + i, j]


@shared
def add_columns(bar, g, first):
    """Of a matrix that is a part of another, from column `first` on."""
    for i in range(bar.shape[0]):
        for j in range(bar.shape[1]):
            bar[i, j] += g[i, first + j]


@shared
def add_row(bar, g, k):
    """Of a vector that is row k of a matrix."""
    for i in range(bar.shape[0]):
        bar[i] += g[k, i]


@shared
def add_column(bar, g, k):
    """Of a vector that is column k of a matrix."""
    for i in range(bar.shape[0]):
        bar[i] += g[i, k]


@shared
def last_item(g):
    """Of a number that is the last item of a vector."""
    return g[g.shape[0] - 1]


@shared
def item_of(g, i):
    """Of a number that is item i of a vector."""
    return g[i]


@shared
def item_of_matrix(g, i, j):
    """Of a number that is an item of a matrix."""
    return g[i, j]


@shared
def sum_of_vector(g):
    """Of a number that is every item of a vector."""
    s = 0.0
    for i in range(g.shape[0]):
        s += g[i]
    return s


@shared
def sum_of_matrix(g):
    """Of a number that is every item of a matrix."""
    s = 0.0
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            s += g[i, j]
    return s


SUM = {1: sum_of_vector, 2: sum_of_matrix}


@shared
def share_of_start(g):
    """Of the first of the ends of evenly spaced numbers."""
    s, n = 0.0, g.shape[0]
    for i in range(n):
        s += (1.0 - i / max(n - 1, 1)) * g[i]
    return s


@shared
def share_of_stop(g):
    """Of the last of the ends of evenly spaced numbers."""
    s, n = 0.0, g.shape[0]
    for i in range(n):
        s += i / max(n - 1, 1) * g[i]
    return s


@shared
def add_clipped(bar, g, a, low, high):
    """Of minimum(maximum(a, low), high)."""
    for i in range(bar.shape[0]):
        share = (0.5 + 0.5 * ahead(a[i], low)) * (0.5 - 0.5 * ahead(a[i], high))
        if low < high and share != 0.0:
            bar[i] += g[i] * share


@shared
def add_repeated(bar, g, times):
    """Of a vector whose items are repeated."""
    for i in range(bar.shape[0]):
        for k in range(times):
            bar[i] += g[i * times + k]


@shared
def add_rolled(bar, g, shift):
    """Of a vector that is rolled."""
    n = bar.shape[0]
    for i in range(n):
        bar[i] += g[(i + shift) % n]


@shared
def add_broken_line(bar, g, x, grid):
    """Of the values at x of the broken line through points on a grid, to the values at the grid."""
    last = grid.shape[0] - 1
    for i in range(x.shape[0]):
        if x[i] <= grid[0]:
            bar[0] += g[i]
        elif x[i] >= grid[last]:
            bar[last] += g[i]
        else:
            j = min(max(np.searchsorted(grid, x[i], "right") - 1, 0), last - 1)
            t = (x[i] - grid[j]) / (grid[j + 1] - grid[j])
            bar[j] += (1.0 - t) * g[i]
            bar[j + 1] += t * g[i]


@shared
def add_place_on_line(bar, g, grid, values, x):
    """Of the values at x of the broken line through points, to x."""
    last = grid.shape[0] - 1
    for i in range(x.shape[0]):
        if grid[0] < x[i] < grid[last]:
            j = min(max(np.searchsorted(grid, x[i], "right") - 1, 0), last - 1)
            bar[i] += g[i] * (values[j + 1] - values[j]) / (grid[j + 1] - grid[j])


@shared
def add_trapezoids(bar, g, x):
    """Of the integral of a broken line through points at x, to the values."""
    for i in range(bar.shape[0] - 1):
        half = 0.5 * (x[i + 1] - x[i]) * g
        bar[i] += half
        bar[i + 1] += half


@shared
def add_even_trapezoids(bar, g, dx):
    """Of the integral of a broken line through points at a distance dx, to the values."""
    for i in range(bar.shape[0] - 1):
        bar[i] += 0.5 * dx * g
        bar[i + 1] += 0.5 * dx * g


@shared
def add_widths(bar, g, y):
    """Of the integral of a broken line through points of values y, to their places."""
    for i in range(bar.shape[0] - 1):
        half = 0.5 * (y[i + 1] + y[i]) * g
        bar[i + 1] += half
        bar[i] -= half


@shared
def add_quantile(bar, g, a, fraction):
    """Of the quantile of a vector, between two of its items in order."""
    order, n = np.argsort(a), a.shape[0]
    rank = fraction * (n - 1)
    k = min(int(rank), max(n - 2, 0))
    t = rank - k
    bar[order[k]] += (1.0 - t) * g
    bar[order[min(k + 1, n - 1)]] += t * g
