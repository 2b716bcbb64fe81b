"""Run a descent: call its loop until the end, and the user's callback between iterations."""

import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np

from quasinewton._drivers.checkpoint import Checkpoint
from quasinewton._drivers.tiered_loop import descent
from quasinewton._loops import line_search_loop
from quasinewton._loops.state import NOTHING, State
from quasinewton._numba_ext.operation_tables import reason
from quasinewton._objective.interface import Objective
from quasinewton._options.read import Settings
from quasinewton.result import OptimizeResult
from quasinewton.status import BY_VALUE, Status


def drive(
    objective: Objective,
    settings: Settings | Checkpoint,
    state: State,
    callback: Callable[..., Any] | None,
    allvecs: list[np.ndarray] | None,
    report: Callable[[State], Any] | None = None,
) -> tuple[Status, list[np.ndarray]]:
    """Run a descent to its end, with callbacks between iterations.

    Parameters
    ----------
    objective : Objective
    settings : Settings or Checkpoint
        Their method, and their line search or schedule.
    state : State
        Updated.
    callback : callable or None
        The user's, called after every iteration.
    allvecs : list or None
        Copies of the iterates are appended.
    report : callable or None
        report(state) is called whenever the loop returns.

    Returns
    -------
    (Status, list of ndarray)
        The final status, and the trace in pieces of shape (rows, 4).
    """
    method, search = settings.method, settings.search
    run = descent(objective, method, search)
    each = line_search_loop.EACH_ITERATION if callback is not None or allvecs is not None else 0
    notify = notifier(callback)
    s, pieces = state.scalars[0], []
    while True:
        # Whenever the loop returns, the interpreter can raise KeyboardInterrupt.
        with original_errors():
            want = run(state, each)
        if report is not None:
            report(state)
        if s["rows"] and (s["rows"] == state.trace.shape[0] or want == NOTHING):
            pieces.append(state.trace[: s["rows"]].copy())
            s["rows"] = 0
        if each and s["iterated"]:
            if allvecs is not None:
                allvecs.append(state.x.copy())
            try:
                notify(lambda: intermediate_result(state))
            except StopIteration:
                if s["rows"]:
                    pieces.append(state.trace[: s["rows"]].copy())
                return Status.CALLBACK, pieces
        if want == NOTHING:
            return BY_VALUE[state.scalars["status"].item()], pieces


class original_errors:
    """Context in which what stops a compilation within compiled code is raised as it was.

    No exception passes through the compiled code that needed the compilation. It raises
    RuntimeError instead, of which this makes the KeyboardInterrupt of Ctrl-C, or the error of the
    compiler. Other exceptions pass unchanged.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cause = reason(error) if isinstance(error, RuntimeError) else None
        if cause is not None and cause is not error:
            raise cause from None


def notifier(callback: Callable[..., Any] | None) -> Callable[[Callable[[], Any]], Any]:
    """Return a function that calls the user's callback in the form of its signature.

    Its argument is a function that builds the intermediate result.
    """
    if callback is None:
        return lambda intermediate: None
    try:
        names = set(inspect.signature(callback).parameters)
    except (TypeError, ValueError):
        names = set()
    if names == {"intermediate_result"}:
        return lambda intermediate: callback(intermediate_result=intermediate())
    return lambda intermediate: callback(intermediate().x)


def intermediate_result(state: State) -> OptimizeResult:
    """Build the intermediate result that is passed to a callback."""
    s = state.scalars[0]
    result = OptimizeResult(x=state.x.copy(), fun=float(s["f"]), jac=state.g.copy())
    result.update(nit=int(s["nit"]), nfev=int(s["nfev"]), njev=int(s["njev"]))
    return result
