"""Diagnosis of a failed run: the likely cause, advice in one sentence, and the numbers behind it.

Most endings are explained from the state of the run. After a failed line search the objective is
evaluated again along the last direction, to compare its slope with the gradient.
"""

from typing import Any, NamedTuple

import numpy as np

from quasinewton._drivers.resume import placed
from quasinewton._drivers.slopes import LastDirection
from quasinewton._floats import EPSILON
from quasinewton._loops.final_check import forget_progress
from quasinewton._loops.state import Phase, State
from quasinewton._methods import lifecycle
from quasinewton._methods import protocol as methods
from quasinewton._numba_ext.jit import kernel
from quasinewton._objective.box import Box
from quasinewton._objective.build import Prepared, gradient_mode
from quasinewton._objective.gradient_check import OWN, compare, differences, exact
from quasinewton._objective.interface import GRADIENT, VALUE
from quasinewton._objective.problem import GRADIENT_SCHEMES
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
LOWERED = 1e-4  # fraction of |f|; a run goes on if the steps tried lower f by more, and by chance
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
def reset_model(method: NamedTuple, memory: NamedTuple) -> None:
    """Reset the method's model."""
    methods.restart(method, memory)


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
    s, line = state.scalars[0], LastDirection(prepared, method, state)
    best, widest, kink = line.examine()
    again, f, lower, noise = line.value(0.0), line.f, line.lower, float(s["noise"])
    numbers = {
        "slope": line.slope,
        "slope_ahead": best.forward,
        "slope_behind": best.backward,
        "slope_rounding": best.rounding,
        "predicted_decrease": float(s["predicted"]),
        "step": best.h,
    }
    if not best.finite:
        return numbers, "The objective is not finite right beside x: x lies at the edge of its domain."
    if again != f:
        return numbers, f"The objective is not reproducible: f(x) was {f!r} and is {again!r} at the same x."
    progressed = f < s["f_resumed"] - noise
    # Where f has other slopes at other steps, close to a pole for instance, the steps tried may
    # have led lower than any search.
    varied = abs(best.central - widest.central) > 0.5 * abs(best.central)
    if varied and progressed and lower and min(lower)[0] < f - max(LOWERED * abs(f), noise):
        continue_from(method, state, min(lower)[1])
        return None
    if kink:
        return numbers, f"f has a kink at x: its slope is {best.backward:.3g} behind and {best.forward:.3g} ahead."
    if not best.agrees(line.slope):
        found, remedy = wrong_components(prepared, state)
        return numbers | found, (
            f"The gradient disagrees with f along the search direction: g·p = {line.slope:.6g}, "
            f"differences of f give {best.central:.6g}. {remedy}"
        )
    falls = best.forward * best.h < -max(best.rounding * best.h, noise) and line.slope < 0.0
    if falls and progressed:
        continue_from(method, state, min(lower)[1])
        return None
    if falls and best.h < line.longest:
        length = best.h * float(np.abs(line.p).max())
        return numbers, (
            f"f falls as its gradient says only over steps as short as {length:.1g}: x is close to an edge, or the "
            "variables want other units."
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
