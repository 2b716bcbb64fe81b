"""Tables of functions: values that partial derivatives read, and functions without derivatives."""

import builtins
import math
import operator

import numpy as np
from numba.np.unsafe.ndarray import empty_inferred

from quasinewton._autodiff.adjoint import runtime
from quasinewton._autodiff.elementary_rules import PARTIALS, SAME, STEPS
from quasinewton._autodiff.work_arrays import expect_apart, owned

# Which of the value y and the operands u, v each partial derivative of `elementary_rules.PARTIALS`
# reads. Values that are not read need not be kept for the backward sweep. A function that is not
# listed reads all.
READS = {
    np.negative: ("",),
    np.positive: ("",),
    np.absolute: ("u",),
    np.square: ("u",),
    np.reciprocal: ("y",),
    np.sqrt: ("y",),
    np.cbrt: ("y",),
    np.exp: ("y",),
    np.exp2: ("y",),
    np.tan: ("y",),
    np.tanh: ("y",),
    np.deg2rad: ("",),
    np.rad2deg: ("",),
    math.gamma: ("yu",),
    operator.add: ("", ""),
    operator.sub: ("", ""),
    operator.mul: ("v", "u"),
    operator.truediv: ("v", "yv"),
    operator.pow: ("uv", "yu"),
    operator.mod: ("", "uv"),
    math.fmod: ("", "uv"),
    math.atan2: ("uv", "uv"),
    math.hypot: ("yu", "yv"),
    math.copysign: ("uv", ""),
}
for function in (np.expm1, np.log, np.log2, np.log10, np.log1p, np.sin, np.cos, np.arcsin, np.arccos, np.arctan):
    READS[function] = ("u",)
for function in (np.sinh, np.cosh, np.arcsinh, np.arccosh, np.arctanh, math.erf, math.erfc, math.lgamma):
    READS[function] = ("u",)
READS |= {other: READS[function] for function, others in SAME.items() if function in READS for other in others}

LINEAR = {np.positive: (1,), np.negative: (-1,), operator.add: (1, 1), operator.sub: (1, -1)}
LINEAR |= {other: LINEAR[function] for function, others in SAME.items() if function in LINEAR for other in others}

EXTREMES = {builtins.max: np.maximum, builtins.min: np.minimum}

# Replacements of NumPy's functions in loops over items; they compute the same bits and compile
# faster.
SCALAR = {np.square: lambda emit, u: emit.binop(operator.mul, u, u)}
for ufunc, scalar in {
    np.sqrt: math.sqrt, np.exp: math.exp, np.log: math.log, np.log1p: math.log1p, np.expm1: math.expm1,
    np.sin: math.sin, np.cos: math.cos, np.tan: math.tan, np.tanh: math.tanh, np.sinh: math.sinh,
    np.cosh: math.cosh, np.arctan: math.atan, np.absolute: builtins.abs,
}.items():  # fmt: skip
    SCALAR[ufunc] = lambda emit, u, scalar=scalar: emit.call(scalar, u)

COMPARISONS = {operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne}
COMPARISONS |= {np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal}
LOGICAL = {operator.and_, operator.or_, operator.xor, operator.invert, operator.not_}
LOGICAL |= {np.logical_and, np.logical_or, np.logical_not, np.logical_xor}
STEP_FUNCTIONS = {function for functions in STEPS.values() for function in functions}

# Functions and names of methods whose results do not depend on the values of their arguments, or
# only by jumps.
DROPS = COMPARISONS | LOGICAL | STEP_FUNCTIONS | {builtins.bool, builtins.len, np.zeros_like, np.empty_like}
DROPS |= {np.ones_like, np.argmax, np.argmin, np.argsort, np.any, np.all, np.count_nonzero, np.nonzero, np.shape}
DROPS |= {np.searchsorted, operator.is_, operator.is_not, "argmax", "argmin", "argsort", "any", "all", "nonzero"}
DROPS |= {runtime.expect_size, expect_apart}
DROPPED_ATTRIBUTES = {"shape", "size", "ndim", "dtype", "itemsize", "nbytes", "strides"}

CREATORS = {np.zeros, np.empty, np.ones, np.zeros_like, np.empty_like, np.ones_like, np.full, np.eye, np.identity}
CREATORS |= {np.arange, np.linspace, np.full_like, empty_inferred}
COPIES = {np.copy, owned, "copy", "flatten"}
ORDERED = {np.ascontiguousarray, np.asfortranarray}  # copies, or the array itself if it has that order
VIEWS = {"reshape", np.reshape, "ravel", np.ravel, "transpose", np.transpose, np.flip, np.asarray}
# Views whose items may overlap, with the names of their arguments.
WINDOWS = {
    np.lib.stride_tricks.as_strided: ["x", "shape", "strides"],
    np.lib.stride_tricks.sliding_window_view: ["x", "window_shape", "axis"],
}
VIEWS |= set(WINDOWS)

# Functions that the backward sweep may recompute, because they are pure and cheaper than a push and
# a pop.
CHEAP = {operator.add, operator.sub, operator.mul, operator.truediv, operator.neg, operator.pos, builtins.abs}
CHEAP |= {np.square, builtins.bool, builtins.len, builtins.float, builtins.max, builtins.min, builtins.slice}
CHEAP |= COMPARISONS | LOGICAL
INTEGER_ARITHMETIC = {operator.floordiv, operator.mod, builtins.int, operator.pow}


def hashable(function):
    """Return True if an object may be a key of a table."""
    return function is not None and type(function).__hash__ is not None


def is_elementary(function):
    """Return True if a function of numbers has partial derivatives."""
    return hashable(function) and function in PARTIALS


def is_fixed(function, k):
    """Return True if operand k of an elementary function, such as an order, is not differentiated.
    """
    return PARTIALS[function][k] is None


def reads(function, k):
    """Return which of "y", "u", "v" the partial derivative by operand k reads."""
    return READS[function][k] if function in READS else "yuv"
