"""The public class `Solver`: ask-and-tell interface, in which the user evaluates the objective.

It runs the compiled loops of `minimize` and returns from them at every evaluation; the values told
by the user take the place of the objective.
"""

import copy
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from quasinewton._drivers.checkpoint import (
    Checkpoint,
    decode,
    duplicate,
    encode,
    has_users_schedule,
    read_file,
    renamed_checkpoint,
    write_file,
)
from quasinewton._drivers.finalize import outcome, unfinished
from quasinewton._drivers.initialize import begin, point
from quasinewton._drivers.resume import resume
from quasinewton._drivers.run import original_errors
from quasinewton._drivers.run_report import DescentReport, descent_report
from quasinewton._drivers.tiered_loop import descent
from quasinewton._loops import line_search_loop
from quasinewton._loops.clock import NEVER
from quasinewton._loops.state import NOTHING
from quasinewton._methods.registry import TRAITS
from quasinewton._objective.from_python import derivative, scalar
from quasinewton._objective.interface import (
    GRADIENT,
    HESSIAN,
    PRECONDITION,
    PRODUCT,
    TOLD,
    VALUE,
)
from quasinewton._options.advice import merged
from quasinewton._options.bounds import read_bounds
from quasinewton._options.choose_method import chosen_method
from quasinewton._options.keywords import Options
from quasinewton._options.read import (
    method_class,
    read,
    with_limits,
)
from quasinewton._validation import true_or_false
from quasinewton.result import OptimizeResult
from quasinewton.schedules.user_functions import as_schedule
from quasinewton.status import Status

# A run as `save` writes it: a header, and arrays by name.
Encoded = tuple[dict[str, Any], dict[str, np.ndarray]]

WORDS = {
    VALUE: "value",
    GRADIENT: "gradient",
    HESSIAN: "hessian",
    PRODUCT: "product",
    PRECONDITION: "preconditioned",
}
# Arguments and options of `minimize` for evaluations or reports, which are the user's here.
OF_LOOPS = ("disp", "return_all", "history", "check_gradient", "eps", "finite_diff_rel_step")
OF_LOOPS += ("fun", "args", "jac", "hess", "hessp", "callback")


class Solver:
    """A minimisation in which the user makes every evaluation.

    ``while not solver.done: solver.tell(*fg(solver.ask()))`` gives exactly the iterates of
    `minimize`. The run can be saved between any two evaluations, and goes on in another process to
    the same bits.

    Parameters
    ----------
    x0 : array_like, shape (n,), or scalar
        Start. Not changed. May be None with `checkpoint`.
    method : str or method object
        As for `minimize`. Hessians are asked for only if the method is named.
    tol : float, optional
        Sets gtol, and ftol for L-BFGS.
    options : dict, optional
        As for `minimize`, also accepted as plain keywords. Options about differences and reports
        are refused: eps, finite_diff_rel_step, history, return_all, disp, check_gradient; so are
        the arguments fun, args, jac, hess, hessp and callback of `minimize`. The bar of `progress`
        is not saved with the run. With ``precond=True`` truncated Newton asks for
        products with its preconditioner. `time_limit` is counted from the construction; time that
        a saved run spends on disk does not count.
    checkpoint : Checkpoint, optional
        Field `checkpoint` of a result of the same method and search. The run continues from there,
        with the limits given here.
    bounds : sequence of (low, high), or scipy.optimize.Bounds, optional
        As for `minimize`.
    value_first : bool
        True to ask for the gradient only at points whose value is acceptable; useful if a gradient
        costs many values.

    Raises
    ------
    ValueError, TypeError
        If an argument is illegal.

    Warns
    -----
    OptimizeWarning
        If an option is unknown to the method.
    DeprecationWarning
        If `checkpoint` is given under its former name `state`.

    See Also
    --------
    minimize : for objectives that can be called as a function.

    Examples
    --------
    >>> from quasinewton import Solver
    >>> solver = Solver([3.0, 4.0], gtol=1e-8)
    >>> while not solver.done:
    ...     x = solver.ask()
    ...     solver.tell(x @ x, 2.0 * x)
    >>> solver.result.success, solver.result.nfev
    (True, 3)
    """

    _reason = ""  # why the method was chosen; unknown after a run was read from a file

    def __init__(
        self,
        x0: ArrayLike | None = None,
        method: str | tuple[Any, ...] | None = "auto",
        tol: float | None = None,
        options: Mapping[str, Any] | None = None,
        checkpoint: Checkpoint | None = None,
        value_first: bool = False,
        bounds: Any = None,
        **keywords: Unpack[Options],
    ) -> None:
        checkpoint = renamed_checkpoint(checkpoint, keywords)
        x0 = point(x0, checkpoint)
        options = merged(options, keywords)
        for name in OF_LOOPS:
            if name in options:
                raise ValueError(f"option {name!r} means nothing to a Solver: the evaluations are yours")
        value_first = true_or_false("value_first", value_first)
        n = x0.size
        method, self._reason = chosen_method(method, n, bounds, options=options, checkpoint=checkpoint)
        if callable(options.get("precond")) and "precond" in TRAITS[method_class(method)].options:
            raise ValueError("the evaluations of a Solver are yours: precond=True, and tell(preconditioned=M v)")
        settings = read(method, n, tol, options, read_bounds(bounds, n))
        settings = with_limits(settings, n, value_first)
        report = descent_report(settings.controls)
        began = begin(settings, x0, 0) if checkpoint is None else resume(checkpoint, settings, 0)
        checkpoint = Checkpoint(settings.method, settings.search, began)
        self._stand(checkpoint, False, settings.controls.get("schedule"), report)

    def _stand(
        self,
        checkpoint: Checkpoint,
        asked: bool,
        schedule: Callable[..., float] | None,
        report: DescentReport | None = None,
    ) -> None:
        """Initialise from a checkpoint, whose arrays must not be shared with anything else."""
        self._report = report
        if report is not None:
            report.begin()
        self._checkpoint, self._asked, self._schedule = checkpoint, asked, schedule
        self._scalars = checkpoint.state.scalars[0]
        self._loop = descent(TOLD, checkpoint.method, checkpoint.search)
        # After a resumption the first evaluations may be known already, and none is asked for then.
        while not self.done and line_search_loop.is_evaluated(self._scalars):
            self._run()

    def __repr__(self) -> str:
        run = self._checkpoint
        return f"Solver({run.method!r}, n={run.state.x.size}, nit={self._scalars['nit']}, wants={self.wants})"

    @property
    def done(self) -> bool:
        """True if the run has ended."""
        return bool(self._scalars["want"] == NOTHING)

    @property
    def wants(self) -> tuple[str, ...]:
        """Names of the evaluations wanted at the point that `ask` returns.

        A tuple of "value", "gradient" or both; or of one word: "hessian" (Newton), "product" or
        "preconditioned" (truncated Newton), which are the products of the Hessian at that point,
        or of the preconditioner, with `vector`.
        """
        return _words(int(self._scalars["want"]))

    @property
    def vector(self) -> np.ndarray | None:
        """Vector of the product that is wanted: a new array of shape (n,), or None.

        None unless `wants` contains "product" or "preconditioned".
        """
        return self._checkpoint.state.p.copy() if self._scalars["want"] in (PRODUCT, PRECONDITION) else None

    def ask(self) -> np.ndarray:
        """Return the point at which to evaluate; it stays the same until the next `tell`.

        Returns
        -------
        ndarray, float64, shape (n,)
            A new array.

        Raises
        ------
        RuntimeError
            If the run has ended.
        """
        if self.done:
            raise RuntimeError(f"nothing is left to ask: {self._ending()}")
        self._asked = True
        return self._checkpoint.state.x_trial.copy()

    def tell(
        self,
        f: ArrayLike | None = None,
        g: ArrayLike | None = None,
        hess: ArrayLike | None = None,
        product: ArrayLike | None = None,
        preconditioned: ArrayLike | None = None,
    ) -> None:
        """Supply the evaluations at the point that `ask` returned.

        Parameters
        ----------
        f : float
            The value. NaN and infinities are legal and reject the trial step.
        g : array_like, shape (n,)
            The gradient.
        hess : array_like, shape (n, n)
            The Hessian (Newton).
        product, preconditioned : array_like, shape (n,)
            H v and M v, where v is `vector`, H the Hessian and M the preconditioner (truncated
            Newton).

        Raises
        ------
        RuntimeError
            If nothing has been asked since the last `tell`, or the run has ended.
        TypeError
            If an evaluation named in `wants` is missing. Additional ones are accepted, and used if
            they are wanted next.
        ValueError
            If a value has the wrong shape or is not a real number; the run is then unchanged.
        """
        if self.done:
            raise RuntimeError(f"nothing is left to tell: {self._ending()}")
        if not self._asked:
            raise RuntimeError("tell without ask: nothing has been asked since the last tell")
        state, want = self._checkpoint.state, int(self._scalars["want"])
        told = dict(zip(WORDS, (f, g, hess, product, preconditioned), strict=True))
        given = sum(bit for bit, value in told.items() if value is not None)
        if want & ~given:
            raise TypeError(f"{' and '.join(_words(want))} wanted, {' and '.join(_words(want & ~given))} not told")
        n = state.x.size
        if given & VALUE:
            f = _number(f)
        if given & GRADIENT:
            g = derivative(g, (n,), "g")
        if given & HESSIAN:
            hess = derivative(hess, (n, n), "hess")
        if want & PRODUCT:
            product = derivative(product, (n,), "product")
        if want & PRECONDITION:
            product = derivative(preconditioned, (n,), "preconditioned")
        self._asked = False
        x, used = state.x_trial.copy(), 0
        while True:
            if want & VALUE:
                self._scalars["f_trial"] = f
                self._scalars["nfev"] += 1
            if want & GRADIENT:
                state.g_trial[:] = g
                self._scalars["njev"] += 1
            if want & (HESSIAN | PRODUCT):
                self._scalars["nhev"] += 1
            if want & HESSIAN:
                state.hessian[:] = hess
            if want & (PRODUCT | PRECONDITION):
                state.g_trial[:] = product
            self._run()
            used |= want
            want = int(self._scalars["want"])
            # Additional evaluations may be wanted next at the same point. Products never are, since
            # the vector of the next product is another one.
            new = used | ~given | PRODUCT | PRECONDITION
            if want == NOTHING or want & new or not np.array_equal(state.x_trial, x):
                return

    def _run(self) -> None:
        """Let the loop process one evaluation."""
        checkpoint, s = self._checkpoint, self._scalars
        # After the deadline no further evaluation is asked for.
        if s["deadline"] != NEVER and time.monotonic_ns() >= s["deadline"]:
            s["overdue"] = 1
        with original_errors():
            self._loop(checkpoint.state, line_search_loop.EACH_EVALUATION)
        if self._report is not None:
            self._report(checkpoint.state)
            if self.done:
                self._report.close()

    @property
    def result(self) -> OptimizeResult:
        """Result for the best point so far, a new `OptimizeResult` at each access.

        Its status is RUNNING before the end. Unlike the result of `minimize` it has no diagnosis of
        a failed search, and `hess` of Newton's method is NaN if the last Hessian told is not that
        at x: both would need evaluations.
        """
        checkpoint = duplicate(self._checkpoint)
        if self.done:
            result = outcome(checkpoint, Status(int(self._scalars["status"])), "exact")
        else:
            result = unfinished(checkpoint, Status.RUNNING, "exact")
        if self._reason:
            result["method_reason"] = self._reason
        return result

    def _ending(self) -> str:
        return Status(int(self._scalars["status"])).message

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run to a file in NumPy's .npz format, without pickled objects.

        Parameters
        ----------
        path : str or Path
            An existing file is replaced atomically.
        """
        write_file(path, *self._encoded())

    @classmethod
    def load(cls, path: str | os.PathLike[str], schedule: Callable[..., float] | None = None) -> "Solver":
        """Continue a run from a file written by `save`, in any process.

        Parameters
        ----------
        path : str or Path
            A file written by `save`.
        schedule : compiled function of the step, optional
            The schedule of the run if that is a user's function, since functions are not saved.

        Returns
        -------
        Solver

        Raises
        ------
        ValueError
            If the file is damaged, is no checkpoint, has another format version, or has arrays of
            the wrong shape; or if `schedule` is missing, or given for a run without a function.
        """
        checkpoint, header = read_file(path)
        return cls.__new__(cls)._decoded(checkpoint, header, schedule)

    def _encoded(self) -> Encoded:
        deadline = int(self._scalars["deadline"])
        left = None if deadline == NEVER else deadline - time.monotonic_ns()
        return encode(self._checkpoint, asked=self._asked, left=left)

    def _decoded(
        self, checkpoint: Checkpoint, header: dict[str, Any], schedule: Callable[..., float] | None
    ) -> "Solver":
        if has_users_schedule(checkpoint) != (schedule is not None):
            wrong = "had a function of yours" if schedule is None else "had none"
            raise ValueError(f"the run {wrong} as its schedule; functions are not saved: load(path, schedule=function)")
        if schedule is not None:
            checkpoint.search = as_schedule(schedule, int(checkpoint.state.scalars[0]["maxiter"]))
        left = header.get("left")
        checkpoint.state.scalars[0]["deadline"] = NEVER if left is None else time.monotonic_ns() + left
        self._stand(checkpoint, bool(header.get("asked")), schedule)
        return self

    def __getstate__(self) -> Encoded:
        if self._schedule is not None and has_users_schedule(self._checkpoint):
            raise TypeError("a function as the schedule cannot be pickled: save, and load(path, schedule=...)")
        return self._encoded()

    def __setstate__(self, encoded: Encoded) -> None:
        header, saved = encoded
        self._decoded(decode(header, saved), header, None)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Solver":
        twin = type(self).__new__(type(self))
        twin._stand(duplicate(self._checkpoint), self._asked, self._schedule)
        twin._reason = self._reason
        return twin

    def __copy__(self) -> "Solver":
        return copy.deepcopy(self)


def _words(want: int) -> tuple[str, ...]:
    return tuple(word for bit, word in WORDS.items() if want & bit)


def _number(f: Any) -> float:
    try:
        return scalar(f)
    except ValueError:
        raise ValueError(f"f must be one real number, got {f!r}") from None
