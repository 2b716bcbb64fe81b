"""The door `minimize_stochastic`: a mean over samples, minimised a mini-batch at a time."""

import contextlib
import copy
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from quasinewton import epochs as loop
from quasinewton.methods import method as methods
from quasinewton.methods.first_order import FIRST_ORDER
from quasinewton.minimize import notifier
from quasinewton.objective.contract import GRADIENT, VALUE
from quasinewton.objective.prepare import as_args, gradient_form
from quasinewton.options import NAMES, STEPPING, method_class, read, refuse, set_treatment, start_point
from quasinewton.result import OptimizeResult
from quasinewton.samples import as_samples, batched
from quasinewton.settings import count, number
from quasinewton.status import RUNNING, Status

LEGAL = ("eps", "finite_diff_rel_step", "time_limit")


class EpochHistory(NamedTuple):
    """The course of a run over mini-batches; arrays of shape (epochs,).

    Attributes
    ----------
    loss : ndarray, float64
        Mean over the samples of the epoch, each at the iterate that met it.
    g_norm : ndarray, float64
        Root mean square of the ‖g‖₂ of the batches.
    lr : ndarray, float64
        Rate of the epoch's last step.
    seconds : ndarray, float64
        Duration of the epoch.
    validation_loss : ndarray, float64
        At the end of the epoch; NaN without validation data.
    """

    loss: np.ndarray
    g_norm: np.ndarray
    lr: np.ndarray
    seconds: np.ndarray
    validation_loss: np.ndarray


class StochasticState(NamedTuple):
    """Where a run over mini-batches has got to: what `minimize_stochastic` continues from. It can be pickled.

    Attributes
    ----------
    method : NamedTuple
    epochs : Epochs
        All arrays of the run.
    rng : numpy.random.Generator
    """

    method: NamedTuple
    epochs: loop.Epochs
    rng: np.random.Generator

    def __repr__(self):
        return f"StochasticState({self.method}, {self.epochs.scalars[0]['epoch']} epochs)"


def minimize_stochastic(
    fun: Callable[..., Any],
    x0: ArrayLike | None,
    data: Any,
    method: str | tuple[Any, ...] = "adam",
    *,
    jac: Callable[..., ArrayLike] | bool | str | None = None,
    args: Any = (),
    batch_size: int = 32,
    epochs: int = 10,
    lr: float | None = None,
    schedule: Any = None,
    shuffle: bool = True,
    rng: Any = None,
    weight_decay: float | None = None,
    decay_mask: ArrayLike | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    average: bool | float = False,
    validation_data: Any = None,
    patience: int | None = None,
    nonfinite: str = "stop",
    callback: Callable[..., Any] | None = None,
    progress: bool = False,
    options: dict[str, Any] | None = None,
    state: StochasticState | None = None,
) -> OptimizeResult:
    """Minimise the mean of a loss over samples by steps along the gradients of mini-batches.

    Parameters
    ----------
    fun : callable
        ``fun(x, *batch, *args) -> float``: the mean loss over a batch, with x of shape (n,) and the rows of the
        arrays in `data` that make the batch. With ``jac=True`` it returns (f, g); with ``jac="inplace"``,
        ``fun(x, g, *batch, *args)`` writes g. Functions compiled by ``numba.njit`` are called without the interpreter.
        The arrays of a batch are overwritten by the next one.
    x0 : array_like, shape (n,), or None
        Start. Not changed. With `state` it is not used.
    data : tuple of array_like
        Samples along axis 0, as many in every array. Any dtype but object, without NaN. Not changed.
    method : str or method object
        A first-order method: "adam", "sgd", …, or an object such as ``AdamW(lr=1e-3)``.
    jac : callable, bool, str or None
        As in `minimize`; a callable is ``jac(x, *batch, *args)``.
    args : tuple
        Arguments that are the same for all batches.
    batch_size : int
        Samples in a batch, from 1 to their number. The last batch of an epoch holds what is left.
    epochs : int
        Passes over the data. With `state`, an epoch left unfinished is finished first and counts as one.
    lr, weight_decay : float, optional
        The method's settings of these names.
    schedule : Schedule or compiled function, optional
        What lr is multiplied by: one of `quasinewton.schedules`, stretched over the steps of this call unless it has
        a length of its own, or an ``@njit`` function of the number of steps made.
    shuffle : bool
        Whether every epoch has an order of its own; else it is that of the data.
    rng : int, numpy.random.Generator or None
        Source of these orders. The same seed gives the same bits. A generator is advanced.
    decay_mask : array_like, bool, shape (n,), optional
        Where weight decay acts; everywhere if not given.
    clip_norm, clip_value : float, optional
        Bounds of the Euclidean norm, and of every component, of a batch's gradient.
    average : bool or float
        Whether the result is the mean of the iterates (Polyak & Juditsky, SIAM J. Control Optim. 30, 1992), of all of
        them or of those of the last part of the steps, a fraction in (0, 1].
    validation_data : tuple of array_like, optional
        Samples on which the loss is evaluated after every epoch.
    patience : int, optional
        End after so many epochs without a lower validation loss; the result is the point where it was least.
    nonfinite : {"stop", "skip"}
        Whether a batch whose loss or gradient is not finite ends the run, at the point where its epoch began, or is
        left out and counted.
    callback : callable, optional
        ``callback(xk)`` or ``callback(intermediate_result=res)`` after every epoch; may raise StopIteration.
    progress : bool
        Whether to show a bar; needs tqdm.
    options : dict, optional
        Further settings of the method, and time_limit (seconds), eps, finite_diff_rel_step as in `minimize`.
    state : StochasticState, optional
        ``state`` of an earlier result, to continue from. Not changed.

    Returns
    -------
    OptimizeResult
        With `fun` and `jac` over all the data at `x`; `nit` steps, `nepochs`, `nfev` and `njev` calls; `skipped`
        batches; `history`, an EpochHistory; `state`.

    Raises
    ------
    ValueError, TypeError
        On input that is illegal, before anything runs. Exceptions of the user's functions pass through; the result
        so far is their attribute ``result``.

    References
    ----------
    L. Bottou, F. E. Curtis & J. Nocedal, "Optimization methods for large-scale machine learning", SIAM Review 60
    (2018) 223–311.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from quasinewton import minimize_stochastic
    >>> rng = np.random.default_rng(0)
    >>> A = rng.normal(size=(1000, 3))
    >>> b = A @ np.array([1.0, -2.0, 0.5])
    >>> @njit
    ... def squares(x, A, b):
    ...     r = A @ x - b
    ...     return r @ r / b.size, 2.0 * (r @ A) / b.size
    >>> res = minimize_stochastic(squares, np.zeros(3), (A, b), "adam", jac=True, lr=0.01, epochs=30, rng=1)
    >>> np.round(res.x, 3)
    array([ 1. , -2. ,  0.5])
    """
    kind = method_class(method)
    if kind not in FIRST_ORDER:
        raise ValueError(f"minimize_stochastic takes a first-order method, such as 'adam'; got {NAMES[kind]!r}")
    options = dict(options or {})
    legal = (*kind._fields, *STEPPING, *LEGAL)
    refuse(kind, [name for name in options if name not in legal], legal)
    named = dict(lr=lr, weight_decay=weight_decay, schedule=schedule)
    named |= dict(decay_mask=decay_mask, clip_norm=clip_norm, clip_value=clip_value)
    options |= {name: value for name, value in named.items() if value is not None}
    if nonfinite not in ("stop", "skip"):
        raise ValueError(f"nonfinite must be 'stop' or 'skip', got {nonfinite!r}")
    arrays = as_samples("data", data)
    samples = len(arrays[0])
    batch_size, epochs = count("batch_size", batch_size, 1), count("epochs", epochs, 0)
    if batch_size > samples:
        raise ValueError(f"batch_size must be at most the number of samples, {samples}; got {batch_size}")
    patience = None if patience is None else count("patience", patience, 1)
    if patience is not None and validation_data is None:
        raise ValueError("patience needs validation_data")
    steps = epochs * -(-samples // batch_size)
    form, _ = gradient_form(jac)
    settings = read(method, 0, None, options | {"maxiter": max(1, steps)}, form == "value")
    if state is None:
        run, rng = fresh(settings.method, start_point(x0), samples), np.random.default_rng(rng)
    else:
        run, rng = continued(state, kind, samples)
    n = run.x.size
    run = run._replace(memory=set_treatment(run.memory, settings.controls, n))
    run = equipped(run, averaged_part(average), steps, patience)
    s = run.scalars[0]
    s["batch"], s["skip"], s["deadline"], s["overdue"] = batch_size, nonfinite == "skip", settings.limits.deadline, 0
    common = as_args(args), batch_size, n, settings.controls.get("eps"), settings.controls.get("finite_diff_rel_step")
    training, validation = batched(fun, jac, arrays, *common), None
    if validation_data is not None:
        validation = batched(fun, jac, as_samples("validation_data", validation_data, arrays), *common)
    course = Course(run, settings, rng, training, validation, patience)
    with bar(progress, epochs) as show:
        try:
            status = course.drive(epochs, shuffle, notifier(callback), show)
            return course.finished(status)
        except BaseException as error:
            with contextlib.suppress(AttributeError, TypeError):
                error.result = course.unfinished()
            raise


def averaged_part(average):
    """The part of the steps, counted from the end, whose iterates are averaged."""
    if average is True or average is False:
        return float(average)
    return number("average", average, 0.0, 1.0, open_high=False)


def fresh(method, x0, samples):
    """The state of a run that is about to begin.

    Raises
    ------
    ValueError
        If x0 is not finite.
    """
    if not np.isfinite(x0).all():
        raise ValueError(f"x0 must be finite, got {x0}")
    n = x0.size
    scalars = np.zeros(1, loop.SCALARS)
    scalars["samples"], scalars["next"], scalars["best_loss"] = samples, samples, math.inf
    empty = np.empty(0)
    memory = methods.allocate(method, n)
    return loop.Epochs(x0, np.empty(n), np.empty(n), empty, empty, np.arange(samples), scalars, memory)


def continued(state, kind, samples):
    """A copy of the state of an earlier run, and of its generator.

    Raises
    ------
    TypeError
        If it is no such state.
    ValueError
        If it belongs to another method or to other data.
    """
    if not isinstance(state, StochasticState):
        raise TypeError(f"state must be that of a result of minimize_stochastic, got {type(state).__name__}")
    if type(state.method) is not kind:
        raise ValueError(f"state belongs to method {NAMES[type(state.method)]!r}, not to {NAMES[kind]!r}")
    known = int(state.epochs.scalars[0]["samples"])
    if known != samples:
        raise ValueError(f"state belongs to data of {known} samples, not to {samples}")
    run, rng = copy.deepcopy((state.epochs, state.rng))
    record = run.memory.record[0]
    record["clip_value"] = record["clip_norm"] = math.inf
    return run._replace(memory=run.memory._replace(mask=np.empty(0, np.bool_))), rng


def equipped(run, part, steps, patience):
    """The same state with an average of the last part of the steps, and a best point, if they are wanted."""
    s, n = run.scalars[0], run.x.size
    if part == 0.0:
        run, s["averaged"] = run._replace(average=np.empty(0)), 0
    elif run.average.size == 0:
        run = run._replace(average=np.zeros(n))
        s["average_from"] = run.memory.record[0]["t"] + math.floor((1.0 - part) * steps)
    if patience is None:
        run, s["best_loss"], s["waited"] = run._replace(best=np.empty(0)), math.inf, 0
    elif run.best.size == 0:
        run = run._replace(best=run.x.copy())
    return run


@contextlib.contextmanager
def bar(progress, epochs):
    """A function that shows the progress made, given the loss; of no effect unless it is wanted."""
    if not progress:
        yield lambda loss: None
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError("progress=True needs tqdm: pip install quasinewton[progress]") from None
    with tqdm(total=epochs, unit="epoch") as shown:

        def show(loss):
            shown.set_postfix_str(f"loss {loss:.4g}", refresh=False)
            shown.update()

        yield show


class Course:
    """A run over mini-batches: its state, and what it has seen.

    Parameters
    ----------
    run : Epochs
    settings : Settings
    rng : numpy.random.Generator
    training : Samples
    validation : Samples or None
    patience : int or None
    """

    def __init__(self, run, settings, rng, training, validation, patience):
        self.run, self.settings, self.rng = run, settings, rng
        self.training, self.validation, self.patience = training, validation, patience
        self.rows = []

    def drive(self, epochs, shuffle, notify, show):
        """Run this many epochs, seeing to the caller between them and to signals in between.

        Returns
        -------
        Status
        """
        s = self.run.scalars[0]
        for _ in range(epochs):
            status = self.epoch(shuffle)
            if status is not None:
                return status
            show(self.rows[-1][0])
            try:
                notify(self.intermediate)
            except StopIteration:
                return Status.CALLBACK
            if self.patience is not None and s["waited"] >= self.patience:
                return Status.PATIENCE
        return Status.EPOCHS

    def epoch(self, shuffle):
        """Run to the end of an epoch; return a status if that is not reached."""
        run, s = self.run, self.run.scalars[0]
        if s["next"] == s["samples"]:
            run.order[:] = self.rng.permutation(run.order.size) if shuffle else np.arange(run.order.size)
            s["next"] = s["counted"] = s["steps"] = 0
            s["loss"] = s["square"] = 0.0
        begun, start = time.perf_counter(), run.x.copy()
        while s["next"] < s["samples"]:
            if s["overdue"]:
                return Status.TIME
            # Every return is a chance for the interpreter to raise KeyboardInterrupt.
            if loop.run(self.training.batches, self.settings.method, self.settings.search, run) != RUNNING:
                run.x[:] = start
                s["next"] = s["samples"]
                return Status.NONFINITE
        s["epoch"] += 1
        if s["steps"] == 0:
            return Status.NONFINITE
        validation_loss = math.nan
        if self.validation is not None:
            validation_loss, _ = self.mean(self.validation, self.point(), VALUE)
            if self.patience is not None:
                self.compare(validation_loss)
        seconds = time.perf_counter() - begun
        g_norm = math.sqrt(s["square"] / s["steps"])
        self.rows.append((float(s["loss"] / s["counted"]), g_norm, float(s["rate"]), seconds, validation_loss))
        return None

    def compare(self, loss):
        """Keep the point of the least validation loss."""
        s = self.run.scalars[0]
        if loss < s["best_loss"]:
            s["best_loss"], s["waited"] = loss, 0
            self.run.best[:] = self.point()
        else:
            s["waited"] += 1

    def point(self):
        """The point that would be the result if the run ended now, but for early stopping."""
        return self.run.average if self.run.scalars[0]["averaged"] > 0 else self.run.x

    def mean(self, samples, x, what):
        """The objective over all samples at x, and its gradient if wanted; counted."""
        f, g, values, gradients = samples.mean(x, what)
        s = self.run.scalars[0]
        s["nfev"] += values
        s["njev"] += gradients
        return f, g

    def intermediate(self):
        """What a callback is told."""
        loss, _, _, _, validation_loss = self.rows[-1]
        s = self.run.scalars[0]
        result = OptimizeResult(x=self.point().copy(), fun=loss, nit=int(self.run.memory.record[0]["t"]))
        result.update(nepochs=int(s["epoch"]), nfev=int(s["nfev"]), validation_loss=validation_loss)
        return result

    def finished(self, status):
        """The result of a run that has ended."""
        s = self.run.scalars[0]
        validated = self.patience is not None and s["best_loss"] < math.inf
        x = (self.run.best if validated else self.point()).copy()
        f, g = self.mean(self.training, x, VALUE | GRADIENT)
        if status.converged and not np.isfinite(f):
            status = Status.NONFINITE
        return self.result(x, f, g, status)

    def unfinished(self):
        """The result of a run that an exception has interrupted; the loss there is not known."""
        x = self.point().copy()
        return self.result(x, math.nan, np.full_like(x, math.nan), Status.INTERRUPTED)

    def result(self, x, f, g, status):
        """An OptimizeResult."""
        s = self.run.scalars[0]
        columns = np.array(self.rows, dtype=np.float64).reshape(-1, len(EpochHistory._fields)).T
        return OptimizeResult(
            x=x,
            fun=float(f),
            jac=g,
            nit=int(self.run.memory.record[0]["t"]),
            nepochs=int(s["epoch"]),
            nfev=int(s["nfev"]),
            njev=int(s["njev"]),
            skipped=int(s["skipped"]),
            status=status,
            success=status.converged,
            message=status.message,
            history=EpochHistory(*columns),
            state=StochasticState(self.settings.method, self.run, copy.deepcopy(self.rng)),
        )
