"""Build the `OptimizeResult` of a run that ended or was interrupted."""

import contextlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from quasinewton._drivers.checkpoint import Checkpoint
from quasinewton._drivers.diagnosis import Diagnosis, bounds_in, diagnose, explain
from quasinewton._drivers.resume import placed
from quasinewton._drivers.run import drive
from quasinewton._loops import stopping
from quasinewton._loops.state import Phase
from quasinewton._methods import lifecycle
from quasinewton._numba_ext.jit import kernel
from quasinewton._objective.build import Prepared, gradient_mode, linked
from quasinewton._objective.interface import HESSIAN, Objective, call
from quasinewton._options.bounds import ALL_FIXED
from quasinewton._options.read import traits_of
from quasinewton._validation import warn
from quasinewton.result import OptimizeResult
from quasinewton.status import Status, represent_in_yaml


def attach_result(error: BaseException, result: OptimizeResult) -> None:
    """Set `error.result`, unless the class of the exception refuses attributes."""
    with contextlib.suppress(AttributeError, TypeError):
        error.result = result  # type: ignore[attr-defined]


@kernel
def _hessian(objective: Objective, x_trial: np.ndarray, g: np.ndarray, h: np.ndarray) -> None:
    call(objective.address, x_trial, g, h, HESSIAN, objective.data)


def finished(
    prepared: Prepared, run: Checkpoint, status: Status, go_on: Callable[[], Status] | None = None
) -> OptimizeResult:
    """Build the result of a run that has ended, including parts that need further evaluations.

    These are the diagnosis of a failed line search, and the Hessian at x, if the method uses
    Hessians and the last one evaluated is that of an earlier iterate. If the diagnosis finds a
    lower point, the run goes on.

    Parameters
    ----------
    prepared : Prepared
        Objective of the run.
    run : Checkpoint
        The run at its end; its state is updated, and the result shares its arrays.
    status : Status
        With which the loop has ended.
    go_on : callable, optional
        go_on() -> Status continues the run; by default without callbacks and trace.

    Returns
    -------
    OptimizeResult
    """
    state, s = run.state, run.state.scalars[0]
    found = None
    while status is Status.LINE_SEARCH:
        prepared = linked(prepared)
        found = diagnose(prepared, run.method, state)
        if found is not None:
            break
        status = drive(prepared.objective, run, state, None, None)[0] if go_on is None else go_on()
    if state.hessian.size > 0 and s["hessian_nit"] != s["nit"] and np.isfinite(s["f"]):
        prepared = linked(prepared)
        state.x_trial[:] = state.x
        _hessian(prepared.objective, state.x_trial, state.g, state.hessian)
        s["hessian_nit"] = s["nit"]
        s["nhev"] += 1
        s["nfev"] += prepared.objective.hessian_values
        s["njev"] += prepared.objective.hessian_gradients
    result = outcome(run, status, gradient_mode(prepared), prepared.hess_mode)
    if status is Status.GRADIENT and all_fixed(state.memory):
        result["message"] = ALL_FIXED
    elif status is Status.GRADIENT and s["nit"] == 0 and result.optimality > 0.0:
        result["message"] = f"{status.message} {at_start(result, s)}"
    if found is not None:
        add_diagnosis(result, found)
    return result


def at_start(result: OptimizeResult, s: np.void) -> str:
    """Return the message for a run that meets gtol at its start, perhaps due to the units of f."""
    return (
        f"No iteration was made: at the start the gradient is {result.optimality:.2g}, where gtol is {s['gtol']:.2g}, "
        f"and f is {result.fun:.2g}. If that gradient is not small in the units of f, lower gtol, or scale f."
    )


def add_diagnosis(result: OptimizeResult, found: Diagnosis) -> None:
    """Add a diagnosis, which is a pair of numbers and advice, to a result."""
    result["diagnosis"], advice = found
    result["message"] = f"{result.status.message} {advice}"


def all_fixed(memory: Any) -> bool:
    """Return True if the bounds in a method's memory leave only one point."""
    bounds = bounds_in(memory)
    return bounds is not None and np.array_equal(*bounds)


def outcome(run: Checkpoint, status: Status, mode: str, hess_mode: str = "exact") -> OptimizeResult:
    """Build the result of a run that has ended, without further evaluations.

    Parameters
    ----------
    run : Checkpoint
        The run at its end; the result shares its arrays.
    status : Status
    mode, hess_mode : str
        How gradients and, for methods that use them, second derivatives were obtained.

    Returns
    -------
    OptimizeResult
    """
    traits, state, s = traits_of(run.method), run.state, run.state.scalars
    f, g_norm = s["f"].item(), s["g_norm"].item()
    represent_in_yaml()
    result = OptimizeResult(
        x=state.x,
        fun=f,
        jac=state.g,
        nit=s["nit"].item(),
        nfev=s["nfev"].item(),
        njev=s["njev"].item(),
        status=status,
        success=bool(stopping.succeeded(status.value, g_norm, s["gtol"].item(), f, s["f0"].item())),
        message=status.message,
        optimality=g_norm,
        jac_mode=mode,
        checkpoint=run,
        method=traits.name,
        solver=f"quasinewton {traits.name}",
    )
    result.update(lifecycle.result_fields(run.method, state.memory, state))
    if traits.second_order:
        result.update(nhev=s["nhev"].item(), hess_mode=hess_mode)
    found = None if result.success else explain(run.method, state, status, mode)
    if found is not None:
        add_diagnosis(result, found)
    return result


def unfinished(run: Checkpoint, status: Status, mode: str, hess_mode: str = "exact") -> OptimizeResult:
    """Build the result of an unfinished run, for the best point evaluated so far.

    The parameters are those of `outcome`. If the best point is a trial of the line search in
    progress, its gradient and optimality are NaN.
    """
    result, state, s = outcome(run, status, mode, hess_mode), run.state, run.state.scalars[0]
    x, f, g = state.x.copy(), float(s["f"]), state.g.copy()
    if s["njev"] == 0 or not np.isfinite(f):
        f, g = math.nan, np.full_like(x, math.nan)
    elif s["phase"] in (Phase.SEARCH, Phase.RECOVER) and s["best"] > 0.0 and s["phi_best"] < f:
        x, f, g = placed(run.method, state, s["best"]), float(s["phi_best"]), np.full_like(x, math.nan)
    result.update(x=x, fun=f, jac=g, optimality=float(s["g_norm"]) if np.isfinite(g).all() else math.nan)
    return result


def report(result: OptimizeResult) -> None:
    """Print a summary, and warn of a failure, as SciPy's `disp` does.

    Warns
    -----
    OptimizeWarning
        If the run was no success.
    """
    if result.success:
        print(result.message)
    else:
        warn(result.message)
    print(f"         Current function value: {result.fun:f}")
    print(f"         Iterations: {result.nit:d}")
    print(f"         Function evaluations: {result.nfev:d}")
    print(f"         Gradient evaluations: {result.njev:d}")
    if "nhev" in result:
        print(f"         Hessian evaluations: {result.nhev:d}")
