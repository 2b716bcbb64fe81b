"""What becomes of the problems of a batch: arrays with a row for each, and remarks on those that ended otherwise."""

from typing import NamedTuple

import numpy as np

from quasinewton import descent
from quasinewton.jit import fragment
from quasinewton.linalg import copy
from quasinewton.status import RUNNING, Status

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


class Outcomes(NamedTuple):
    """What has become of k problems in n variables, row by row.

    Attributes
    ----------
    rows : ndarray, OUTCOME, shape (k,)
        The status is RUNNING until all the rest of the row is written.
    x, jac : ndarray, float64, shape (k, n)
        Of a problem that has not been begun, the start, and NaN.
    hess : ndarray, float64, shape (k, n, n)
        Or (k, 0, 0), for methods without Hessians.
    """

    rows: np.ndarray
    x: np.ndarray
    jac: np.ndarray
    hess: np.ndarray


def outcomes(starts, second_order):
    """The outcomes of problems that have not been begun.

    Parameters
    ----------
    starts : ndarray, float64, shape (k, n)
        Becomes `x`, not copied.
    second_order : bool
        Whether there are to be Hessians.

    Returns
    -------
    Outcomes
    """
    k, n = starts.shape
    order = n if second_order else 0
    rows = np.zeros(k, OUTCOME)
    rows["status"], rows["f"], rows["optimality"] = RUNNING, np.nan, np.nan
    return Outcomes(rows, starts, np.full((k, n), np.nan), np.full((k, order, order), np.nan))


@fragment
def write(results, i, state):
    """Write a problem that has ended to its row."""
    s, row = state.scalars[0], results.rows[i]
    copy(results.x[i], state.x)
    copy(results.jac[i], state.g)
    if results.hess.size > 0:
        copy(results.hess[i].ravel(), state.hessian.ravel())
    row.f, row.optimality = s.f, s.g_norm
    row.nit, row.nfev, row.njev, row.nhev = s.nit, s.nfev, s.njev, s.nhev
    row.success = descent.succeeded(s.status, s.g_norm, s.gtol, s.f, s.f0)


class Remarks(NamedTuple):
    """What there is to say of rows that have ended otherwise than most.

    Attributes
    ----------
    errors : dict of int to Exception
        What the objective raised.
    messages, diagnosis : dict of int to str, dict of int to dict
        After a failed search, its status in words with advice, and the numbers behind it.
    """

    errors: dict
    messages: dict
    diagnosis: dict


def put(results, i, result, status):
    """Write an OptimizeResult to row i, with this status."""
    row = results.rows[i]
    results.x[i], results.jac[i] = result.x, result.jac
    if "hess" in result:
        results.hess[i] = result.hess
    row["f"], row["optimality"], row["success"] = result.fun, result.optimality, result.success
    row["nit"], row["nfev"], row["njev"], row["nhev"] = result.nit, result.nfev, result.njev, result.get("nhev", 0)
    row["status"] = status.value


def put_ended(results, remarks, i, result):
    """Write a problem that has ended to row i, and what there is to say of it."""
    put(results, i, result, result.status)
    if "diagnosis" in result:
        remarks.messages[i], remarks.diagnosis[i] = result.message, result.diagnosis


def put_raised(results, remarks, i, result, error):
    """Write a problem whose objective has raised an exception to row i."""
    # Without the frame of this package that holds `remarks`, which would be a circle.
    remarks.errors[i] = error.with_traceback(error.__traceback__.tb_next)
    put(results, i, result, Status.RAISED)
