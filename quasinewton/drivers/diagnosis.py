"""Diagnosis of a failed run: the likely cause, advice in one sentence, and the numbers behind it.

Most endings are explained from the state of the run. After a failed line search the objective is
evaluated again along the last direction, to compare its slope with the gradient.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from quasinewton.drivers.resume import placed
from quasinewton.floats import EPSILON
from quasinewton.line_searches.protocol import NOISE
from quasinewton.loops.final_check import forget_progress
from quasinewton.loops.state import Phase, State
from quasinewton.methods import lifecycle
from quasinewton.methods import protocol as methods
from quasinewton.numba_ext.jit import kernel
from quasinewton.numba_ext.linalg import negate
from quasinewton.objective.box import Box
from quasinewton.objective.build import Prepared, gradient_mode
from quasinewton.objective.gradient_check import OWN, compare, differences, exact
from quasinewton.objective.interface import GRADIENT, VALUE, Objective, call
from quasinewton.objective.problem import GRADIENT_SCHEMES
from quasinewton.status import Status

AFFORDABLE = 100  # evaluations; a gradient check may cost this many, or as many as the run itself
NAMED = 8  # components; a message lists no more of them
SLOW = 0.1  # fraction of |f|; the run was still making progress if its last iteration lowered f by more
Diagnosis = tuple[dict[str, Any], str]  # the numbers, and a sentence with advice

# Advice where the gradient that disagrees with f is not the user's.
OF_DIFFERENCES = (
    "The gradient is made of differences of f: compile fun by numba.njit for exact derivatives, take {}'cs', another "
    "step (eps, finite_diff_rel_step), or give the sizes of the variables (x_scale); or f jumps near x."
)
OF_DERIVATIVES = (
    "The gradient is derived from fun exactly, so f jumps or has a kink near x, or rounds more than its own size shows."
)
DISAGREEING = 0.01  # fraction of a slope; slopes that differ by more disagree
# A slope is measured over shorter and shorter steps, until rounding is BLURRED times it.
SHORTENINGS, SHORTER, BLURRED = 10, 64.0, 0.1
LOWERED = 1e-4  # fraction of |f|; a run goes on if the steps tried lower f by more, and by chance
NEARBY = 1e-5  # relative to each variable; a kink within this distance is one at x
ROUGHEST = 1e-6  # relative to f; rounding from which the first of these steps no longer grows
# Ratio of largest to least curvature along the last steps; above it the message blames the scales.
SPREAD = 1e3


def explain(method: NamedTuple, state: State, status: Status, mode: str = "exact") -> Diagnosis | None:
    """Explain from its state why a run failed.

    Parameters
    ----------
    method : NamedTuple
    state : State
    status : Status
        Not a success.
    mode : str
        How gradients are obtained; "exact" if they are the user's.

    Returns
    -------
    (dict, str) or None
        The numbers, and a sentence with advice; None if the status needs no explanation.
    """
    explained = EXPLANATIONS.get(status)
    if explained is None:
        return None
    numbers, advice = explained(method, state)
    return numbers, f"{advice} Check jac." if numbers.get("components") and mode == "exact" else advice


def explain_not_finite(method: NamedTuple, state: State) -> Diagnosis:
    """Explain an ending at values that are not finite, at the start or later."""
    s, g = state.scalars[0], state.g
    f, wrong = float(s["f"]), np.flatnonzero(~np.isfinite(g))
    numbers = {"f": f, "components": wrong.tolist()}
    if s["nit"] > 0 or s["phase"] != Phase.START:
        return numbers, (
            "From x on, no step along the search direction leads to a finite value, however short: x lies at the edge "
            "of the domain of f. Bounds that keep away from it may help."
        )
    if not np.isfinite(f):
        return numbers, f"f is {f} at the start: begin inside its domain."
    if wrong.size:
        return numbers, f"Of the gradient at the start, component {listed(wrong)} is not finite."
    return numbers, "The start is no point: x0 is not finite."


def explain_unbounded(method: NamedTuple, state: State) -> Diagnosis:
    """Explain an ending where f seems to have no lower bound."""
    s, x = state.scalars[0], state.x
    i = int(np.argmax(np.abs(x)))
    numbers = {"f0": float(s["f0"]), "f": float(s["f"]), "variable": i, "x": float(x[i])}
    if s["nit"] == 0 and s["f"] == -np.inf:
        return numbers, "f is -inf at the start: check the sign of f, or begin where it is finite."
    return numbers, (
        f"f fell from {numbers['f0']:.3g} to {numbers['f']:.3g}, with variable {i} at {numbers['x']:.3g}: check the "
        "sign of f, or bound the variables."
    )


def explain_limit(method: NamedTuple, state: State) -> Diagnosis:
    """Explain an ending at a limit: of iterations, evaluations or time."""
    s = state.scalars[0]
    f, fall = float(s["f"]), float(s["f_old"] - s["f"])
    spread = lifecycle.curvature_spread(method, state.memory)
    numbers = {"optimality": float(s["g_norm"]), "gtol": float(s["gtol"]), "last_decrease": fall}
    numbers |= {"curvature_spread": spread} if spread else {}
    if s["nit"] == 0:
        return numbers, "No iteration was made."
    if fall > SLOW * abs(f):
        return numbers, (
            f"f still fell by {fall:.2g} in the last iteration: raise the limit, or go on with "
            "checkpoint=res.checkpoint."
        )
    if spread > SPREAD:
        return numbers, (
            f"f fell by only {fall:.2g} in the last iteration, and along the last steps alone curvatures differ by a "
            f"factor of {spread:.1g}: rescale the variables, keep more pairs (maxcor), or use method 'newton' or "
            "'bfgs'."
        )
    return numbers, (
        f"The gradient is {numbers['optimality']:.2g} where gtol is {numbers['gtol']:.2g}, and f fell by {fall:.2g} in "
        "the last iteration: raise the limit, or ask for less."
    )


def explain_rounding(method: NamedTuple, state: State) -> Diagnosis:
    """Explain an ending at the precision limit, at a higher f than at the start."""
    s = state.scalars[0]
    numbers = {
        "optimality": float(s["g_norm"]),
        "gtol": float(s["gtol"]),
        "predicted_decrease": float(s["predicted"]),
        "rounding": float(s["noise"]),
    }
    return numbers, (
        f"f does not show the decrease of {numbers['predicted_decrease']:.1g} that its gradient, "
        f"{numbers['optimality']:.1g}, promises, and is higher than at the start: compute f and the gradient more "
        "accurately, or ask for a larger gtol."
    )


def explain_saddle(method: NamedTuple, state: State) -> Diagnosis:
    """Explain an ending at a saddle."""
    curvature = float(state.scalars[0]["curvature"])
    return {"curvature": curvature}, (
        f"f curves down, by {curvature:.2g}, along some direction, but no lower point was found there: start elsewhere."
    )


EXPLANATIONS = {
    Status.NONFINITE: explain_not_finite,
    Status.UNBOUNDED: explain_unbounded,
    Status.ITERATIONS: explain_limit,
    Status.EVALUATIONS: explain_limit,
    Status.TIME: explain_limit,
    Status.PRECISION: explain_rounding,
    Status.SADDLE: explain_saddle,
}


def listed(components: np.ndarray) -> str:
    """Return component numbers as text, at most NAMED of them."""
    return ", ".join(map(str, components[:NAMED])) + (", …" if components.size > NAMED else "")


@kernel
def value_along(
    objective: Objective,
    method: NamedTuple,
    memory: NamedTuple,
    x: np.ndarray,
    p: np.ndarray,
    alpha: float,
    point: np.ndarray,
    g: np.ndarray,
) -> float:
    """Return f(x + alpha p); `point` and g are workspace, shape (n,), overwritten."""
    methods.place(method, memory, x, alpha, p, point)
    return call(objective.address, point, g, g, VALUE, objective.data)


@kernel
def reset_model(method: NamedTuple, memory: NamedTuple) -> None:
    """Reset the method's model."""
    methods.restart(method, memory)


@kernel
def largest_steps(method: NamedTuple, memory: NamedTuple, x: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """Return the largest feasible steps along p and −p; p is overwritten and restored."""
    ahead = methods.longest(method, memory, x, p)
    negate(p, p)
    behind = methods.longest(method, memory, x, p)
    negate(p, p)
    return ahead, behind


def diagnose(prepared: Prepared, method: NamedTuple, state: State) -> Diagnosis | None:
    """Diagnose a failed line search by comparing the slope g·p with differences of f along p.

    If they disagree, and f has no kink there, the gradient is compared with an exact one.

    Parameters
    ----------
    prepared : Prepared
    method : NamedTuple
    state : State
        State of a run that ended in a failed search. Its nfev is increased.

    Returns
    -------
    (dict, str) or None
        The numbers, and a sentence with advice; None if f is lower ahead, as the gradient says, so
        that the ending was wrong. The state is then that of a run that goes on from the lower
        point.
    """
    objective, s = prepared.objective, state.scalars[0]
    x, g, p, f = state.x, state.g, state.p, float(s["f"])
    slope, coarse = float(g @ p), max(EPSILON, float(s["rough"]) / NOISE)
    point, work = np.empty_like(x), np.empty_like(x)
    size = max(1.0, float(np.abs(x).max())) / max(float(np.abs(p).max()), np.finfo(float).tiny)
    room_ahead, room_behind = largest_steps(method, state.memory, x, p)
    h = min(min(coarse, ROUGHEST) ** (1 / 3) * size, room_ahead)
    # Without room behind (x is at a bound) one-sided differences use two points ahead.
    both = room_behind >= h
    h = h if both else min(h, 0.5 * room_ahead)

    lower: list[tuple[float, float]] = []  # values below f, and the steps that lead there

    def slopes(h: float) -> tuple[float, float, float, float]:
        """Return the slopes ahead and behind, the second-order slope and the rounding error.

        The slope behind is NaN if there is no room.
        """
        steps = h, -h if both else 2.0 * h
        ahead, other = (value_along(objective, method, state.memory, x, p, alpha, point, work) for alpha in steps)
        s["nfev"] += 2
        lower.extend((value, alpha) for value, alpha in zip((ahead, other), steps, strict=True) if value < f)
        rounding = 4 * max(coarse * abs(f), EPSILON * abs(ahead), EPSILON * abs(other)) / h
        if both:
            return (ahead - f) / h, (f - other) / h, (ahead - other) / (2 * h), rounding
        return (ahead - f) / h, math.nan, (4 * ahead - 3 * f - other) / (2 * h), rounding

    def nearby(h: float) -> bool:
        """Return True if a step h changes no variable by more than NEARBY times its size."""
        known = np.abs(x) > EPSILON * s["x0_norm"]  # else it is 0, but for rounding
        sizes = np.where(known, np.abs(x), max(float(s["x0_norm"]), float(np.abs(x).max())) or 1.0)
        return bool(np.all(h * np.abs(p) <= NEARBY * sizes))

    # The first step suits variables of the size of x. It is too long if f is not finite there, or
    # if at a shorter one, where rounding leaves enough of the slope, the gradient agrees with f. A
    # kink shows at all steps that are longer than its distance.
    seen: tuple[Any, ...] = ()
    gap, kink, longest, widest = math.nan, False, h, math.inf
    for _ in range(SHORTENINGS):
        forward, backward, central, rounding = slopes(h)
        finite = bool(np.isfinite([forward, central]).all())
        agrees = finite and abs(central - slope) <= DISAGREEING * max(abs(slope), abs(central)) + rounding
        blurred = finite and rounding > BLURRED * max(abs(slope), abs(central))
        bends = forward > -rounding and backward < rounding and abs(forward - backward) > 0.5 * abs(slope)
        kink = finite and bends and nearby(h) and is_kink(gap, forward, backward, rounding)
        # A step that rounding blurs says more than the one before only if that was too long.
        if not seen or not seen[-1] or not blurred or abs(central - seen[3]) > rounding:
            seen = h, forward, backward, central, rounding, agrees, finite
        widest = central if h == longest else widest
        if kink or blurred or (agrees and not bends):
            break
        gap = abs(forward - backward) if finite else math.nan
        h /= SHORTER
    h, forward, backward, central, rounding, agrees, finite = seen
    again = value_along(objective, method, state.memory, x, p, 0.0, point, work)
    s["nfev"] += 1
    numbers = {
        "slope": slope,
        "slope_ahead": forward,
        "slope_behind": backward,
        "slope_rounding": rounding,
        "predicted_decrease": float(s["predicted"]),
        "step": h,
    }
    if not finite:
        return numbers, "The objective is not finite right beside x: x lies at the edge of its domain."
    if again != f:
        return numbers, f"The objective is not reproducible: f(x) was {f!r} and is {again!r} at the same x."
    falls = agrees and forward * h < -max(rounding * h, float(s["noise"])) and slope < 0.0
    progressed = s["f"] < s["f_resumed"] - s["noise"]
    # Where f has other slopes at other steps, close to a pole for instance, the steps tried may
    # have led lower than any search.
    varied = finite and abs(central - widest) > 0.5 * abs(central)
    if varied and progressed and lower and min(lower)[0] < f - max(LOWERED * abs(f), float(s["noise"])):
        continue_from(method, state, min(lower)[1])
        return None
    if kink:
        return numbers, f"f has a kink at x: its slope is {backward:.3g} behind and {forward:.3g} ahead."
    if not agrees:
        found, remedy = wrong_components(prepared, state)
        return numbers | found, (
            f"The gradient disagrees with f along the search direction: g·p = {slope:.6g}, "
            f"differences of f give {central:.6g}. {remedy}"
        )
    if falls and progressed:
        continue_from(method, state, min(lower)[1])
        return None
    if falls and h < longest:
        return numbers, (
            f"f falls as its gradient says only over steps as short as {h * float(np.abs(p).max()):.1g}: x is close to "
            "an edge, or the variables want other units."
        )
    return numbers, "f does not decrease as its gradient says: it may be noisy, or the problem badly scaled."


def continue_from(method: NamedTuple, state: State, alpha: float) -> None:
    """Let a run that has ended go on from the lower point at step alpha along its last direction.

    The state is changed as if a search had recovered that point as its best one.
    """
    s = state.scalars[0]
    s["f_resumed"] = s["f"]
    forget_progress(s)
    s["phase"], s["want"], s["alpha"] = Phase.RECOVER, VALUE | GRADIENT, alpha
    reset_model(method, state.memory)
    state.x_trial[:] = placed(method, state, alpha)


def is_kink(gap: float, forward: float, backward: float, rounding: float) -> bool:
    """Return True if slopes ahead and behind still differ by about `gap` at a shorter step.

    Curvature makes the difference shrink in proportion to the step, and a jump of f makes it grow;
    at a kink it stays within a factor of 2, though the step is much shorter.
    """
    return 0.5 * gap <= abs(forward - backward) <= 2.0 * gap and gap > 4.0 * rounding


def bounds_in(memory: Any) -> Box | None:
    """Return the bounds that the memory of a method holds, or None if it has none."""
    low = getattr(memory, "low", None)
    return None if low is None or low.size == 0 else (low, memory.high)


def advice(prepared: Prepared) -> str:
    """Return the advice if a gradient that is not the user's disagrees with f."""
    mode = gradient_mode(prepared)
    if mode not in GRADIENT_SCHEMES:
        return OF_DERIVATIVES
    return OF_DIFFERENCES.format("" if mode == "3-point" else "jac='3-point' or ")


def wrong_components(prepared: Prepared, state: State) -> Diagnosis:
    """Compare the user's gradient with exact derivatives, or with differences if affordable.

    Differences may take AFFORDABLE evaluations, or as many as the run took.

    Returns
    -------
    (dict, str)
        The numbers, and a sentence with advice. No numbers if the gradient is not the user's, or
        if the comparison finds nothing.
    """
    s, problem = state.scalars[0], prepared.problem
    unknown: Diagnosis = {}, "Check jac."
    if problem.form not in OWN:
        return {}, advice(prepared)
    try:
        affordable, coarse = max(AFFORDABLE, int(s["nfev"])), max(EPSILON, float(prepared.precision["g_eps"]))
        reference = exact(problem, state.x)
        if reference is None and 4 * state.x.size <= affordable:
            reference = differences(problem, state.x, bounds_in(state.memory))
        if reference is None:
            return unknown
        check = compare(state.g.copy(), reference, coarse=coarse)
    except Exception:  # raised by the user's function; the result of the run must not be lost
        return unknown
    s["nfev"] += check.nfev
    if check:
        return unknown
    numbers = {
        "component": check.component,
        "component_given": float(check.given[check.component]),
        "component_expected": float(check.expected[check.component]),
        "component_error": check.error,
        "wrong_components": check.wrong.tolist(),
        "checked_by": check.mode,
    }
    return numbers, f"Check jac: {check.message}."
