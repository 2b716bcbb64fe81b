"""Formulas of SymPy as compiled objective, gradient and Hessian.

`lambdify` writes the gradient as a list and the Hessian as a list of lists, which compiled
functions may return. The gradient is also derived from the compiled value alone. The answers are
compared with each other, and with the minimum that SymPy finds itself.
"""

import numpy as np
import sympy as sp
from numba import njit

from quasinewton import minimize

x, y, a = sp.symbols("x y a", real=True)
potential = (x**2 - 1) ** 2 + a * (y - x) ** 2 + x / 4
variables = [x, y]
gradient = [sp.diff(potential, v) for v in variables]
hessian = [[sp.diff(slope, v) for v in variables] for slope in gradient]

value, slope, curvature = (
    njit(sp.lambdify([variables, a], formula, "numpy", cse=True)) for formula in (potential, gradient, hessian)
)
start = np.array([-0.5, 0.5])
given = minimize(value, start, (2.0,), "newton", jac=slope, hess=curvature, gtol=1e-10)
derived = minimize(value, start, (2.0,), "newton", gtol=1e-10)

stationary = sp.Poly(sp.diff(potential.subs(y, x), x), x).nroots()  # y = x at every stationary point
lowest = float(min(sp.re(root) for root in stationary))
print(f"minimum at {given.x}, SymPy: {lowest:.12f}; gradient {given.jac_mode} and {derived.jac_mode}")
assert given.success and derived.success and (given.jac_mode, derived.jac_mode) == ("exact", "forward")
assert np.allclose(given.x, lowest, atol=1e-9) and np.allclose(derived.x, lowest, atol=1e-9)
