"""The statuses in which a run can end, with their messages."""

import sys
from enum import Enum

import numpy as np

# Last characters of format specifications that apply to numbers only; source: Python's "Format
# Specification Mini-Language".
NUMERIC = tuple("bcdeEfFgGnoxX%")


class Status(int, Enum):
    """The outcome of a run. Its `message` is the text of the result.

    As an integer a status is SciPy's code (0 for every kind of convergence, 1 for limits, 2 for a
    failed search, 3 for values that are not finite, 99 for a callback), so ``res.status == 0`` has
    the same meaning as in SciPy. Several statuses share a code, but two statuses are equal only if
    they are the same member; `value` is unique.
    """

    message: str

    # A type checker takes Status(value), which looks up a member, for a call of this function.
    def __new__(cls, value: int, code: int = 0, message: str = "") -> "Status":
        member = int.__new__(cls, code)
        member._value_ = value
        member.message = member.__doc__ = message
        return member

    RUNNING = -1, -1, "The run has not ended."
    GRADIENT = 0, 0, "Optimization terminated successfully. The gradient is within gtol."
    FTOL = 1, 0, "Optimization terminated successfully. The relative reduction of f is within ftol."
    XTOL = 2, 0, "Optimization terminated successfully. The relative change of x is within xtol."
    TARGET = 3, 0, "Optimization terminated successfully. f has reached f_target."
    PRECISION = (
        4,
        2,
        "Desired error not necessarily achieved due to precision loss: "
        "f cannot be decreased any further in double precision.",
    )
    ITERATIONS = 5, 1, "Maximum number of iterations has been exceeded."
    EVALUATIONS = 6, 1, "Maximum number of function evaluations has been exceeded."
    TIME = 7, 1, "The time limit has been reached."
    LINE_SEARCH = 8, 2, "The line search found no lower point along a direction of descent."
    SADDLE = 9, 2, "The gradient is within gtol, but the Hessian is not positive semidefinite: not a minimum."
    NONFINITE = 10, 3, "NaN result encountered. The objective or its gradient is not finite."
    UNBOUNDED = 11, 3, "The objective appears to be unbounded below."
    CALLBACK = 12, 99, "`callback` raised `StopIteration`."
    INTERRUPTED = 13, 99, "The run was interrupted."

    ROOT = 14, 0, "The solution converged: the residual is within ftol, or the step within xtol."
    NO_ROOT = (
        15,
        2,
        "The residual has no lower value nearby, yet is not zero: a minimum of its norm, or a wrong Jacobian.",
    )

    EPOCHS = 16, 0, "All epochs have been run."
    PATIENCE = 17, 0, "The validation loss has not fallen for `patience` epochs."
    RAISED = 18, 99, "The objective raised an exception."

    def __eq__(self, other: object) -> bool:
        return self is other if isinstance(other, Status) else int(self) == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return int.__hash__(self)

    def __format__(self, spec: str) -> str:
        """Format as SciPy's integer if `spec` is numeric, such as ``d``; otherwise as the name."""
        return int.__format__(self, spec) if spec.endswith(NUMERIC) else format(str(self), spec)

    @property
    def converged(self) -> bool:
        """True if the run ended as intended: within a tolerance, or with all epochs run."""
        return int(self) == 0


def represent_in_yaml() -> None:
    """Let PyYAML's safe dumper write a status as its integer, if PyYAML has been imported.

    The dumper looks up representers by exact type and would refuse a subclass of int.
    """
    yaml = sys.modules.get("yaml")
    dumper = getattr(yaml, "SafeDumper", None)
    if yaml is not None and dumper is not None and Status not in dumper.yaml_representers:
        yaml.add_representer(Status, lambda dumper, status: dumper.represent_int(int(status)), Dumper=dumper)


represent_in_yaml()

BY_VALUE = {status.value: status for status in Status}  # faster than Status(value)

# The statuses as integers, for kernels: Numba cannot compile these enum members. Each has the name
# of its member.
STATUS_RUNNING = np.int64(Status.RUNNING.value)
STATUS_GRADIENT = np.int64(Status.GRADIENT.value)
STATUS_FTOL = np.int64(Status.FTOL.value)
STATUS_XTOL = np.int64(Status.XTOL.value)
STATUS_TARGET = np.int64(Status.TARGET.value)
STATUS_PRECISION = np.int64(Status.PRECISION.value)
STATUS_ITERATIONS = np.int64(Status.ITERATIONS.value)
STATUS_EVALUATIONS = np.int64(Status.EVALUATIONS.value)
STATUS_TIME = np.int64(Status.TIME.value)
STATUS_LINE_SEARCH = np.int64(Status.LINE_SEARCH.value)
STATUS_SADDLE = np.int64(Status.SADDLE.value)
STATUS_NONFINITE = np.int64(Status.NONFINITE.value)
STATUS_UNBOUNDED = np.int64(Status.UNBOUNDED.value)
STATUS_ROOT = np.int64(Status.ROOT.value)
STATUS_NO_ROOT = np.int64(Status.NO_ROOT.value)
