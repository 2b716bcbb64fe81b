"""Comparison of a user's gradient with exact derivatives, or with finite differences.

Differences are of fourth order. Their error is estimated by comparison with differences of second
order, and by the rounding of f.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from quasinewton._autodiff import Refused, derivative
from quasinewton._floats import EPSILON, ROOT_EPSILON
from quasinewton._numba_ext.introspection import is_compiled
from quasinewton._objective import from_python
from quasinewton._objective.box import Box
from quasinewton._objective.problem import Problem, typed_args

# relative error of a component that passes by default; by source of the expected gradient
TOLERANCE = {"forward": 1e-8, "reverse": 1e-8, "differences": 1e-5}
# tries with a difference's step, each 1/16 of the one before, until f is finite on both sides
SHORTENINGS = 8
OWN = ("separate", "joint", "inplace")  # forms of objectives whose gradient the user gave
NAMED = 8  # components; most that a message lists as wrong
# in units of rounding of the largest component; error allowed in a single-precision gradient
CANCELLED = 16.0


class Stencil(NamedTuple):
    """A formula for a derivative by differences.

    Attributes
    ----------
    offsets : ndarray, int, shape (k,)
        Where f is evaluated, in steps from x.
    weights, rough : ndarray, float64, shape (k,)
        Weights of the derivative of fourth order, and of that of second order.
    """

    offsets: np.ndarray
    weights: np.ndarray
    rough: np.ndarray


CENTRAL = Stencil(
    np.array([-2, -1, 1, 2]),
    np.array([1.0, -8.0, 8.0, -1.0]) / 12.0,
    np.array([0.0, -0.5, 0.5, 0.0]),
)
FORWARD = Stencil(
    np.array([0, 1, 2, 3, 4]),
    np.array([-25.0, 48.0, -36.0, 16.0, -3.0]) / 12.0,
    np.array([-1.5, 2.0, -0.5, 0.0, 0.0]),
)


class GradientCheck(NamedTuple):
    """The result of `check_gradient`; true if the gradient is correct.

    Attributes
    ----------
    correct : bool
        True if every component that was judged is correct, and at least one was.
    component : int
        Index of the component with the largest error.
    error : float
        Relative error of that component: the excess of its deviation over the error bound of the
        reference, divided by the largest of the two values and ε^(1/2) ‖g‖_∞.
    given, expected : ndarray, shape (n,)
        The user's gradient and the reference. Components whose reference is not finite are not
        judged.
    wrong : ndarray, int, shape (k,)
        All wrong components, the worst first.
    mode : str
        Source of `expected`: "forward", "reverse" or "differences".
    nfev : int
        Calls of fun for the comparison, without those of the gradient.
    message : str
        The outcome in words.
    """

    correct: bool
    component: int
    error: float
    given: np.ndarray
    expected: np.ndarray
    wrong: np.ndarray
    mode: str
    nfev: int
    message: str

    def __bool__(self) -> bool:
        return self.correct


class Reference(NamedTuple):
    """The gradient with which the user's is compared.

    Attributes
    ----------
    g : ndarray, float64, shape (n,)
    doubt : ndarray, float64, shape (n,)
        Bounds on the errors of g.
    mode : str
        Source of g: "forward", "reverse" or "differences".
    nfev : int
        Calls of fun.
    """

    g: np.ndarray
    doubt: np.ndarray
    mode: str
    nfev: int


def own_gradient(given: Problem, x: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the user's gradient at x, and the relative rounding of its type.

    Parameters
    ----------
    given : Problem
        Its form is one of OWN.
    x : ndarray, shape (n,)

    Returns
    -------
    (ndarray, float64, shape (n,), float)

    Raises
    ------
    ValueError
        If its size differs from that of x, or it is not real.
    """
    point, g = x.copy(), np.full(x.size, math.nan)
    if given.form == "separate":
        g = given.jac(point, *given.args)
    elif given.form == "joint":
        g = given.fun(point, *given.args)[1]
    else:
        given.fun(point, g, *given.args)
    coarse = max(EPSILON, from_python.rounding(g))
    return np.array(from_python.derivative(g, x.shape, "the gradient"), dtype=np.float64), coarse


def compare(g: np.ndarray, reference: Reference, rtol: float | None = None, coarse: float = EPSILON) -> GradientCheck:
    """Compare a gradient with that of exact derivatives or of finite differences.

    Parameters
    ----------
    g : ndarray, float64, shape (n,)
        The user's gradient.
    reference : Reference
        The gradient at the same point, as `reference_at` returns it.
    rtol : float, optional
        Relative error that passes; the default depends on the source, see TOLERANCE.
    coarse : float
        Relative rounding of the gradient's type. In a coarse type any component may be the
        difference of terms as large as the largest component, so an error of that rounding is
        allowed.

    Returns
    -------
    GradientCheck
    """
    expected, doubt, mode, nfev = reference
    rtol = TOLERANCE[mode] if rtol is None else rtol
    judged = np.isfinite(expected)
    largest = np.max(abs(expected[judged]), initial=0.0)
    with np.errstate(invalid="ignore"):
        scale = np.maximum(np.maximum(abs(g), abs(expected)), ROOT_EPSILON * largest)
        doubt = doubt + (0.0 if coarse <= EPSILON else CANCELLED * coarse * largest)
        errors = np.maximum(abs(g - expected) - doubt, 0.0) / np.where(scale > 0.0, scale, 1.0)
    errors[~np.isfinite(g)] = np.inf
    errors[~judged] = 0.0
    order = np.argsort(-errors, kind="stable")
    wrong = order[errors[order] > rtol]
    component = int(order[0])
    message = sentence(g, expected, errors[component], wrong, mode)
    correct = wrong.size == 0 and bool(judged.any())
    return GradientCheck(correct, component, float(errors[component]), g, expected, wrong, mode, nfev, message)


def sentence(g: np.ndarray, expected: np.ndarray, error: float, wrong: np.ndarray, mode: str) -> str:
    """Describe the outcome of a comparison in words."""
    source = "differences" if mode == "differences" else f"{mode}-mode derivatives"
    unknown = np.count_nonzero(~np.isfinite(expected))
    rest = f"; {unknown} of {g.size} components were not judged, since {source} are not finite" if unknown else ""
    if unknown == g.size:
        return f"the gradient could not be judged, since {source} of fun are not finite"
    if wrong.size == 0:
        return f"the gradient agrees with {source} of fun to a relative error of {error:.2g}{rest}"
    if wrong.size > 1:
        named = ", ".join(map(str, wrong[:NAMED])) + (", …" if wrong.size > NAMED else "")
        rest = f"; {wrong.size} of {g.size} components are wrong, the worst first: {named}{rest}"
    worst = wrong[0]
    return (
        f"component {worst} of the gradient is {g[worst]:.10g} and should be {expected[worst]:.10g} "
        f"(by {source} of fun), a relative error of {error:.2g}{rest}"
    )


def reference_at(given: Problem, x: np.ndarray, bounds: Box | None = None) -> Reference:
    """Return the exact gradient at x, or one by differences if fun cannot be differentiated.

    Differences stay between the bounds, between which x lies.
    """
    return exact(given, x) or differences(given, x, bounds)


def exact(given: Problem, x: np.ndarray) -> Reference | None:
    """Return the exact gradient at x, or None if fun cannot be differentiated."""
    if given.form != "separate" or not is_compiled(given.fun) or typed_args(given.args) is None:
        return None
    try:
        function, mode = derivative(given.fun, "value_and_grad", "auto", x.size)
        f, g = function(x.copy(), *given.args)
    except (Refused, MemoryError):
        return None
    return Reference(g, EPSILON * abs(f) / np.maximum(1.0, abs(x)), mode, 0)


def differences(given: Problem, x: np.ndarray, bounds: Box | None = None) -> Reference:
    """Return the gradient at x by differences of fourth order.

    It takes 4 n values of fun or more. A component is NaN if the bounds leave no room for a
    difference.
    """
    g, doubt, nfev = np.empty(x.size), np.empty(x.size), 1
    epsilon = max(EPSILON, from_python.rounding(returned(given, x)))
    for i in range(x.size):
        step = epsilon**0.2 * max(1.0, abs(x[i]))
        stencil = CENTRAL
        if bounds is not None:
            stencil, step = within(step, x[i] - bounds[0][i], bounds[1][i] - x[i])
        offsets, weights, rough = stencil
        for _ in range(SHORTENINGS if step > 0.0 else 0):
            values = np.array([value_beside(given, x, i, k * step) for k in offsets])
            nfev += len(offsets)
            if np.isfinite(values).all():
                break
            step /= 16.0
        if not step > 0.0:
            g[i] = doubt[i] = math.nan
            continue
        g[i] = weights @ values / step
        doubt[i] = abs(g[i] - rough @ values / step) + 4.0 * epsilon * abs(values).max() / step
    return Reference(g, doubt, "differences", nfev)


def within(step: float, behind: float, ahead: float) -> tuple[Stencil, float]:
    """Return the stencil that fits between the bounds, and its step.

    `behind` and `ahead` are the distances to the bounds.
    """
    if min(behind, ahead) >= 2.0 * step:
        return CENTRAL, step
    if ahead >= behind:
        return FORWARD, min(step, ahead / 4.5)
    return Stencil(*(-part for part in FORWARD)), min(step, behind / 4.5)


def value_beside(given: Problem, x: np.ndarray, i: int, h: float) -> float:
    """Return f(x + h e_i)."""
    point = x.copy()
    point[i] += h
    return from_python.scalar(returned(given, point))


def returned(given: Problem, x: np.ndarray) -> Any:
    """Return what the user's function returns as value at x, unconverted."""
    rest = (np.empty(x.size), *given.args) if given.form == "inplace" else given.args
    f = given.fun(x.copy(), *rest)
    return f[0] if given.form == "joint" else f
