"""Why a search failed: the objective looked at along its last direction, once more and more closely."""

import math

import numpy as np

from quasinewton.jit import kernel
from quasinewton.linalg import negate
from quasinewton.methods import method as methods
from quasinewton.objective.comparison import OWN, compare
from quasinewton.objective.contract import VALUE, call

EPSILON = np.finfo(np.float64).eps
AFFORDABLE = 100  # values for a diagnosis; or as many as the run itself has cost


@kernel
def value_along(objective, method, memory, x, p, alpha, point, g):
    """f(x + alpha p); `point` and g are workspace, shape (n,), overwritten."""
    methods.place(method, memory, x, alpha, p, point)
    return call(objective.address, point, g, g, VALUE, objective.data)


@kernel
def room(method, memory, x, p):
    """The longest legal steps ahead and behind; p is overwritten and restored."""
    ahead = methods.longest(method, memory, x, p)
    negate(p, p)
    behind = methods.longest(method, memory, x, p)
    negate(p, p)
    return ahead, behind


def diagnose(objective, method, state, given=None):
    """Compare the slope g·p with differences of f along p; if they disagree, the gradient with the exact one.

    Parameters
    ----------
    objective : Objective
    method : NamedTuple
    state : State
        Of a descent that ended in a failed search.
    given : Given, optional
        What the user gave, to find the components of the gradient that are wrong.

    Returns
    -------
    (dict, str)
        The numbers, and a sentence with advice. Counts its values in the state's nfev.
    """
    s = state.scalars[0]
    x, g, p, f = state.x, state.g, state.p, float(s["f"])
    slope = float(g @ p)
    point, work = np.empty_like(x), np.empty_like(x)
    size = max(1.0, float(np.abs(x).max())) / max(float(np.abs(p).max()), np.finfo(float).tiny)
    room_ahead, room_behind = room(method, state.memory, x, p)
    h = min(EPSILON ** (1 / 3) * size, room_ahead)
    both = room_behind >= h  # else the box ends here: look ahead twice
    h = h if both else min(h, 0.5 * room_ahead)
    ahead, other, again = (
        value_along(objective, method, state.memory, x, p, alpha, point, work)
        for alpha in (h, -h if both else 2.0 * h, 0.0)
    )
    s["nfev"] += 3
    forward = (ahead - f) / h
    backward = (f - other) / h if both else math.nan
    central = (ahead - other) / (2 * h) if both else (4 * ahead - 3 * f - other) / (2 * h)
    rounding = 4 * EPSILON * max(abs(f), abs(ahead), abs(other)) / h
    numbers = {
        "slope": slope,
        "slope_ahead": forward,
        "slope_behind": backward,
        "slope_rounding": rounding,
        "predicted_decrease": float(s["predicted"]),
        "step": h,
    }
    if not np.isfinite([ahead, other]).all():
        return numbers, "The objective is not finite right beside x: x lies at the edge of its domain."
    if again != f:
        return numbers, f"The objective is not reproducible: f(x) was {f!r} and is {again!r} at the same x."
    if abs(central - slope) > 0.01 * max(abs(slope), abs(central)) + rounding:
        if forward > -rounding and backward < rounding and abs(forward - backward) > 0.5 * abs(slope):
            return numbers, f"f has a kink at x: its slope is {backward:.3g} behind and {forward:.3g} ahead."
        found, advice = wrong_components(given, state)
        return numbers | found, (
            f"The gradient disagrees with f along the search direction: g·p = {slope:.6g}, "
            f"differences of f give {central:.6g}. {advice}"
        )
    return numbers, "f does not decrease as its gradient says: it may be noisy, or the problem badly scaled."


def wrong_components(given, state):
    """Compare the user's gradient with exact derivatives, or with differences where they cost no more than the run.

    Returns
    -------
    (dict, str)
        As of `diagnose`; no numbers where the gradient is not the user's, or where the comparison finds nothing.
    """
    s, unknown = state.scalars[0], ({}, "Check jac.")
    if given is None or given.form not in OWN:
        return unknown
    try:
        check = compare(given, state.x, state.g.copy(), values=max(AFFORDABLE, int(s["nfev"])))
    except Exception:  # of the user's function, beside the path of the run, whose result must not be lost
        return unknown
    if check is None or check:
        return unknown
    s["nfev"] += check.nfev
    numbers = {
        "component": check.component,
        "component_given": float(check.given[check.component]),
        "component_expected": float(check.expected[check.component]),
        "component_error": check.error,
        "wrong_components": check.wrong.tolist(),
        "checked_by": check.mode,
    }
    return numbers, f"Check jac: {check.message}."
