"""Rounding units of floating-point numbers: relative to 1, the spacing of numbers of a type."""

import numpy as np

EPSILON = np.finfo(np.float64).eps  # 2⁻⁵², of double precision
ROOT_EPSILON = EPSILON**0.5  # relative size of a quantity whose square is of the order of rounding
SINGLE_EPSILON = float(np.finfo(np.float32).eps)  # 2⁻²³, of single precision
