"""Derivatives by differences, with bounds of their errors."""

import numpy as np

EPS = np.finfo(float).eps

# Truncation: with steps of at most 1/100 the extrapolated error is of order h⁸ for a function that
# varies on scales ≥ 0.1.
TRUNCATION = 1e-8


def differences(F, x, most=np.inf):
    """Return ∂F/∂x_j in row j, and bounds of the rounding errors.

    The central differences are extrapolated three times. The step is at most `most`.
    """
    rows, rounding = [], []
    for j in range(x.size):
        h = min(0.01 * max(abs(x[j]), 0.1), most)
        table, size = [], 0.0
        for k in range(4):
            above, below = x.copy(), x.copy()
            above[j] += h / 2**k
            below[j] -= h / 2**k
            F_above, F_below = F(above), F(below)
            table.append((F_above - F_below) / (above[j] - below[j]))
            size = max(size, np.max(np.abs(F_above)), np.max(np.abs(F_below)))
        for order in 4, 16, 64:
            table = [(order * fine - coarse) / (order - 1) for coarse, fine in zip(table, table[1:])]
        rows.append(table[0])
        # The factor is 100, not 4, because terms that cancel may be larger than F.
        rounding.append(100 * EPS * size / (h / 8))
    return np.array(rows), np.array(rounding)
