"""Where adjoints may be infinite, so that products with partial derivatives need 0 ∞ = 0.

With finite values an adjoint can be infinite only before a function such as √u at 0. On the way
back from there to x every product has 0 ∞ = 0. Elsewhere the products of `PLAIN` functions of
numbers are ordinary ones. Products in loops over arrays always have 0 ∞ = 0: there it costs
nothing, and masks by `np.where` combine adjoints of 0 with infinite partial derivatives.
"""

import math
import operator

import numpy as np
from numba.core import ir

from quasinewton._autodiff.elementary_rules import SAME, STEEP

LOGARITHMS = {np.log, np.log2, np.log10, np.log1p}
LOGARITHMS |= {other for function in LOGARITHMS for other in SAME.get(function, ())}
INFINITE_SLOPES = STEEP - LOGARITHMS  # infinite slopes at finite values; log 0 is not finite
PLAIN = {operator.mul, np.multiply, np.square, np.sin, np.cos, np.tanh, np.arctan}
PLAIN |= {math.sin, math.cos, math.tanh, math.atan}


def is_steep(program, value):
    """Return True if the slope of an elementary function may be infinite at finite values."""
    function, operands = program.operation(value)
    if function in (operator.pow, np.power, math.pow):
        power = program.constant(operands[1])
        return not (isinstance(power, int) and power >= 1)
    return function in INFINITE_SLOPES


def steep_names(program, activity):
    """Return the classes of names whose adjoints may be infinite.

    Parameters
    ----------
    program : Program
    activity : Activity

    Returns
    -------
    set of str
        The classes under the names of `activity.root`.
    """
    found, before = set(), -1
    while before < len(found):
        before = len(found)
        for _, s in program.statements():
            if not isinstance(s, ir.Assign):
                if activity.root(s.target.name) in found:
                    found.add(activity.root(s.value.name))
                continue
            role = activity.role_at(s)
            steep = activity.root(s.target.name) in found
            if role in ("elementary", "elementwise", "inplace"):
                steep = steep or is_steep(program, s.value)
            if steep:
                operands = [*program.operands(s), *program.operation(s.value)[1]]
                found |= {activity.root(v.name) for v in program.contents(operands)}
    return found
