"""Rules of products that are no matrix products, and of `extract`, registered in `array_rules`."""

import numpy as np
from numba.core import ir, types

from quasinewton._autodiff.adjoint import product_adjoints as adjoints
from quasinewton._autodiff.adjoint import runtime
from quasinewton._autodiff.adjoint.array_rules import given, rank, rule
from quasinewton._autodiff.adjoint.library import is_real_array

MODES = {"full": adjoints.FULL, "same": adjoints.SAME, "valid": adjoints.VALID}


def of_mode(left, right, default):
    """Make the rule of a product of two vectors of which NumPy returns a part by `mode`."""

    def make(program, s, a, v, mode):
        made = program.origin(mode) if given(program, mode) else ir.Const(default, s.loc)
        part = MODES.get(getattr(made, "value", None)) if isinstance(made, ir.Const) else None
        if part is None or not all(is_real_array(program, u, 1) for u in (a, v)):
            return None

        def emit(b, g):
            b.add(a, left, g, lambda: b.value(v), part)
            b.add(v, right, g, lambda: b.value(a), part)

        return emit

    return make


rule(np.convolve)(of_mode(adjoints.add_convolved, adjoints.add_convolved, "full"))
rule(np.correlate)(of_mode(adjoints.add_left_of_correlation, adjoints.add_right_of_correlation, "valid"))


def bilinear(program, a, b, left, right):
    """Make the rule of a product whose adjoints read the other operand."""

    def emit(o, g):
        o.add(a, left, g, lambda: o.value(b))
        o.add(b, right, g, lambda: o.value(a))

    return emit


@rule(np.kron)
def kron(program, s, a, b):
    r = rank(program, a)
    if r != rank(program, b) or not all(is_real_array(program, v, 1, 2) for v in (a, b)):
        return None
    return bilinear(program, a, b, *adjoints.KRON[r])


@rule(np.cross)
def cross(program, s, a, b):
    if not all(is_real_array(program, v, 1) for v in (a, b)):
        return None
    return bilinear(program, a, b, adjoints.add_left_of_cross, adjoints.add_right_of_cross)


@rule(np.extract)
def extract(program, s, condition, arr):
    mask = is_real_array(program, arr, 1) and rank(program, condition) == 1
    if not mask or not isinstance(program.types[condition.name].dtype, types.Boolean):
        return None
    return lambda b, g: b.add(arr, runtime.add_masked, g, lambda: b.value(condition))
