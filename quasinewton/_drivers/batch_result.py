"""Results of a batch: arrays with one row per problem, and diagnostics of the problems that failed.
"""

from collections import UserDict
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from quasinewton._loops import stopping
from quasinewton._loops.state import State
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import copy
from quasinewton.result import OptimizeResult
from quasinewton.status import STATUS_RUNNING, Status

OUTCOME = np.dtype(
    [
        ("status", "i8"),
        ("success", "i8"),
        ("f", "f8"),
        ("optimality", "f8"),
        ("nit", "i8"),
        ("nfev", "i8"),
        ("njev", "i8"),
        ("nhev", "i8"),
    ]
)
# Fields that are the same in the results of all rows.
SHARED = "jac_mode", "hess_mode", "method", "method_reason", "solver"
# Status by value; RUNNING has the value −1, so it is the last element.
STATUSES = np.empty(2 + max(status.value for status in Status), dtype=object)
STATUSES[[status.value for status in Status]] = list(Status)


class Outcomes(NamedTuple):
    """Per-problem results of k problems in n variables, one row each.

    Attributes
    ----------
    rows : ndarray, OUTCOME, shape (k,)
        Status and counts. The status is RUNNING until the rest of the row is written.
    x, jac : ndarray, float64, shape (k, n)
        Best points and gradients; before a problem has begun, its start and NaN.
    hess : ndarray, float64, shape (k, n, n)
        Hessians at x; of shape (k, 0, 0) for methods without Hessians.
    """

    rows: np.ndarray
    x: np.ndarray
    jac: np.ndarray
    hess: np.ndarray


def outcomes(starts: np.ndarray, second_order: bool) -> Outcomes:
    """Return the outcomes of problems that have not begun.

    Parameters
    ----------
    starts : ndarray, float64, shape (k, n)
        Becomes `x`, not copied.
    second_order : bool
        True to allocate Hessians.

    Returns
    -------
    Outcomes
    """
    k, n = starts.shape
    order = n if second_order else 0
    rows = np.zeros(k, OUTCOME)
    rows["status"], rows["f"], rows["optimality"] = STATUS_RUNNING, np.nan, np.nan
    return Outcomes(rows, starts, np.full((k, n), np.nan), np.full((k, order, order), np.nan))


@fragment
def write_row(results: Outcomes, i: int, state: State) -> None:
    """Write the final state of problem i to row i, all but its status."""
    s, row = state.scalars[0], results.rows[i]
    copy(results.x[i], state.x)
    copy(results.jac[i], state.g)
    if results.hess.size > 0:
        copy(results.hess[i].ravel(), state.hessian.ravel())
    row.f, row.optimality = s.f, s.g_norm
    row.nit, row.nfev, row.njev, row.nhev = s.nit, s.nfev, s.njev, s.nhev
    row.success = stopping.succeeded(s.status, s.g_norm, s.gtol, s.f, s.f0)


class Remarks(NamedTuple):
    """Diagnostics of the problems that failed, by row.

    Attributes
    ----------
    errors : dict of int to Exception
        Exceptions that the objective raised.
    messages, diagnosis : dict of int to str, dict of int to dict
        After a failed line search: the message with advice, and the numbers behind it.
    """

    errors: dict
    messages: dict
    diagnosis: dict


def put_row(results: Outcomes, i: int, result: OptimizeResult, status: Status) -> None:
    """Write an OptimizeResult to row i, with this status."""
    row = results.rows[i]
    results.x[i], results.jac[i] = result.x, result.jac
    if "hess" in result:
        results.hess[i] = result.hess
    row["f"], row["optimality"], row["success"] = result.fun, result.optimality, result.success
    row["nit"], row["nfev"], row["njev"], row["nhev"] = result.nit, result.nfev, result.njev, result.get("nhev", 0)
    row["status"] = status.value


def put_ended(results: Outcomes, remarks: Remarks, i: int, result: OptimizeResult) -> None:
    """Write the result of a problem that has ended to row i, with its diagnosis if it has one."""
    put_row(results, i, result, result.status)
    if result.status is Status.LINE_SEARCH:
        remarks.messages[i], remarks.diagnosis[i] = result.message, result.diagnosis


def put_raised(results: Outcomes, remarks: Remarks, i: int, result: OptimizeResult, error: Exception) -> None:
    """Write a problem whose objective raised an exception to row i."""
    # The first frame of the traceback belongs to this package and holds `remarks`: keeping it would
    # make a reference cycle.
    trace = error.__traceback__
    remarks.errors[i] = error.with_traceback(trace and trace.tb_next)
    put_row(results, i, result, Status.RAISED)


class BatchResult(OptimizeResult):
    """The outcome of a batch of k problems in n variables: arrays with the problem along axis 0.

    Attributes
    ----------
    x : ndarray, float64, shape (k, n)
        The best points.
    fun : ndarray, float64, shape (k,)
        f there.
    jac : ndarray, float64, shape (k, n)
        Gradients there.
    optimality : ndarray, float64, shape (k,)
        The measure compared with gtol: ‖jac‖_∞, or its form with bounds (see `minimize`).
    success : ndarray, bool, shape (k,)
        True where a tolerance was met, as for single problems.
    status : ndarray of Status, shape (k,)
        Why each run ended; compares equal to SciPy's integers.
    message : str
        How many succeeded, and how the others ended.
    nit, nfev, njev : ndarray, int64, shape (k,)
        Iterations, and calls of the user's function and gradient.
    nhev : ndarray, int64, shape (k,)
        Hessians (Newton), or products with them (truncated Newton).
    hess : ndarray, float64, shape (k, n, n)
        Hessians at x (Newton).
    jac_mode : str
        How gradients were obtained: "exact", "forward", "reverse", "2-point", "3-point" or "cs".
    hess_mode : str
        How second derivatives were obtained: "exact", "derived", "2-point" or "3-point" (Newton,
        truncated Newton).
    method, method_reason : str
        The method of all problems and, with ``method="auto"``, why it was chosen.
    solver : str
        The package and the method that solved the problems, as in single results.
    errors : mapping of int to Exception
        Exceptions of the objective, by row; the status of these rows is ``Status.RAISED``.
    messages, diagnosis : mapping of int to str, mapping of int to dict
        For rows whose line search failed: the message with advice, and the numbers behind it.
    """

    # Arrays, or mappings by row, in the place of what a single result has.
    fun: np.ndarray  # type: ignore[assignment]
    optimality: np.ndarray  # type: ignore[assignment]
    success: np.ndarray  # type: ignore[assignment]
    status: np.ndarray  # type: ignore[assignment]
    nit: np.ndarray  # type: ignore[assignment]
    nfev: np.ndarray  # type: ignore[assignment]
    njev: np.ndarray  # type: ignore[assignment]
    nhev: np.ndarray  # type: ignore[assignment]
    errors: Mapping[int, Exception]
    messages: Mapping[int, str]
    diagnosis: Mapping[int, dict[str, Any]]  # type: ignore[assignment]

    def row(self, i: int) -> OptimizeResult:
        """Return the result of problem i, as `minimize` returns it.

        Parameters
        ----------
        i : int
            Index of the row; negative indices count from the end.

        Returns
        -------
        OptimizeResult
        """
        i = range(len(self.fun))[i]
        arrays = ("x", "jac", "hess")
        scalars = ("fun", "optimality", "success", "nit", "nfev", "njev", "nhev")
        result = OptimizeResult({name: self[name][i] for name in arrays if name in self})
        result.update({name: self[name][i].item() for name in scalars if name in self})
        result.update(status=self.status[i], message=self.messages.get(i, self.status[i].message))
        result.update({name: self[name] for name in SHARED if name in self})
        for name, remarks in ("error", self.errors), ("diagnosis", self.diagnosis):
            if i in remarks:
                result[name] = remarks[i]
        return result


def collected(results: Outcomes, remarks: Remarks, mode: str, ending: Status) -> BatchResult:
    """Build the BatchResult of these outcomes; rows still running get the status `ending`."""
    rows = results.rows
    values = rows["status"].copy()
    values[values == STATUS_RUNNING] = ending.value
    status = STATUSES[values]
    found = BatchResult(x=results.x, fun=rows["f"].copy(), jac=results.jac, success=rows["success"] != 0)
    found.update(optimality=rows["optimality"].copy())
    found.update(status=status, message=summary(found.success, values, remarks.errors))
    found.update({name: rows[name].copy() for name in ("nit", "nfev", "njev")})
    if results.hess.size:
        found.update(hess=results.hess)
    # SciPy's repr fails on empty dictionaries and on those with integer keys, hence UserDict. The
    # call of dict() copies in one step, although threads may still add items; UserDict alone would
    # iterate.
    found.update(jac_mode=mode, **{name: UserDict(dict(value)) for name, value in remarks._asdict().items()})
    return found


def summary(success: np.ndarray, values: np.ndarray, errors: Mapping[int, Exception]) -> str:
    """Return the message of a batch: successes, counts of other endings, the first exception."""
    text = f"{np.count_nonzero(success)} of {success.size} problems succeeded."
    endings, counts = np.unique(values[~success], return_counts=True)
    if endings.size:
        text += " Others: " + ", ".join(f"{n} {STATUSES[i].name}" for i, n in zip(endings, counts, strict=True)) + "."
    if errors:
        first = min(errors)
        reason = (str(errors[first]).splitlines() or [""])[0]
        text += f" Problem {first} raised {type(errors[first]).__name__}{': ' if reason else ''}{reason}"
    return text
