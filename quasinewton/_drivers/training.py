"""Mini-batch runs from epoch to epoch: their state, their loop over epochs and their result."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from quasinewton._drivers import tiered_loop
from quasinewton._drivers.checkpoint import arrays_by_path
from quasinewton._drivers.minibatch_data import Samples
from quasinewton._drivers.pickles import reduced
from quasinewton._drivers.run import original_errors
from quasinewton._loops import minibatch_loop as loop
from quasinewton._methods import protocol as methods
from quasinewton._methods.first_order.base import keeps
from quasinewton._objective.interface import GRADIENT, VALUE
from quasinewton._options.read import Settings, name_of
from quasinewton.result import OptimizeResult
from quasinewton.status import STATUS_RUNNING, Status, represent_in_yaml


class EpochHistory(NamedTuple):
    """The course of a run over mini-batches; arrays of shape (epochs,).

    Attributes
    ----------
    loss : ndarray, float64
        Mean over the samples of the epoch, each at the iterate at which its batch was evaluated.
    g_norm : ndarray, float64
        Root mean square of the ‖g‖₂ of the batches.
    lr : ndarray, float64
        Learning rate of the epoch's last step.
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


class StochasticResult(OptimizeResult):
    """The outcome of a run over mini-batches: the fields of `OptimizeResult`, and further ones.

    Attributes
    ----------
    nepochs : int
        Number of completed epochs; `nit` is the number of steps.
    skipped : int
        Number of batches left out because their loss or gradient was not finite.
    validation_loss : float
        Loss on the validation data; only in the results passed to a callback.
    history : EpochHistory
        The course of the run.
    checkpoint : StochasticState
        State from which the run can be continued.
    """

    nepochs: int
    skipped: int
    validation_loss: float
    history: EpochHistory  # type: ignore[assignment]  # by epochs, not by iterates
    checkpoint: "StochasticState"


class StochasticState(NamedTuple):
    """State of a mini-batch run, from which `minimize_stochastic` continues. It can be pickled.

    Attributes
    ----------
    method : NamedTuple
        Method of the run; no other one can continue it.
    epochs : Epochs
        All arrays of the run.
    rng : numpy.random.Generator
        Generator of the order of the samples.
    start : ndarray, float64, shape (n,), or None
        Point where the last epoch began, to which a batch that is not finite leads back; None in a
        state that an early version pickled, which did not keep it.
    """

    method: NamedTuple
    epochs: loop.Epochs
    rng: np.random.Generator
    start: np.ndarray | None = None

    def __reduce__(self) -> tuple:
        return reduced(StochasticState, **self._asdict())

    def __repr__(self) -> str:
        return f"StochasticState({self.method}, {self.epochs.scalars[0]['epoch']} epochs)"


def fresh(method: NamedTuple, x0: np.ndarray, samples: int) -> loop.Epochs:
    """Return the state of a new run.

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


def continued(state: Any, method: NamedTuple, samples: int) -> tuple[loop.Epochs, np.random.Generator, np.ndarray]:
    """Return copies of the state of an earlier run, its generator and its last epoch's start.

    Raises
    ------
    TypeError
        If `state` is not a StochasticState.
    ValueError
        If it belongs to another method, or to data with another number of samples, or another
        version wrote it and its arrays are not those of this one.
    """
    if not isinstance(state, StochasticState):
        raise TypeError(f"checkpoint must be that of a result of minimize_stochastic, got {type(state).__name__}")
    if type(state.method) is not type(method) or keeps(state.method) != keeps(method):
        raise ValueError(f"checkpoint belongs to method {state.method}, not to {method}")
    known = int(state.epochs.scalars[0]["samples"])
    if known != samples:
        raise ValueError(f"checkpoint belongs to data of {known} samples, not to {samples}")
    refuse_other_arrays(state, samples)
    start = state.epochs.x if state.start is None else state.start
    run, rng, start = copy.deepcopy((state.epochs, state.rng, start))
    record = run.memory.record[0]
    record["clip_value"] = record["clip_norm"] = math.inf
    record["clip_norm_eps"] = 0.0
    return run._replace(memory=run.memory._replace(mask=np.empty(0, np.bool_))), rng, start


def steps_until(state: Any, samples: int, batch_size: int, epochs: int) -> tuple[int, int]:
    """Return the steps made before a call, and the batches of the call.

    Parameters
    ----------
    state : StochasticState, or None for a new run
        Other objects are taken for None.
    samples, batch_size : int
    epochs : int
        Epochs of the call; an unfinished one of `state` is the first.

    Returns
    -------
    (int, int)
    """
    batches = epochs * -(-samples // batch_size)
    if not isinstance(state, StochasticState):
        return 0, batches
    done = int(state.epochs.scalars[0]["next"])
    if epochs > 0 and done < samples:
        batches += -(-(samples - done) // batch_size) - -(-samples // batch_size)
    return int(state.epochs.memory.record[0]["t"]), batches


def refuse_other_arrays(state: StochasticState, samples: int) -> None:
    """Raise ValueError if the arrays of a state have not the types that compiled code expects."""
    expected = arrays_by_path(fresh(state.method, np.zeros(1), samples))
    for name, array in arrays_by_path(state.epochs).items():
        if array.dtype != expected[name].dtype:
            raise ValueError(f"checkpoint was written by another version of quasinewton, whose array {name} differs")


def equipped(run: loop.Epochs, part: float, steps: int, patience: int | None) -> loop.Epochs:
    """Return a state with vectors for the average and the best point added or removed as needed.

    The average is taken over the last `part` of the steps (0: none); the best point is kept if
    `patience` is given.
    """
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


class Course:
    """A run over mini-batches: its state, its data, and the history of its epochs.

    Parameters
    ----------
    run : Epochs
        Overwritten.
    settings : Settings
    rng : numpy.random.Generator
        Advanced by one permutation per shuffled epoch.
    start : ndarray, float64, shape (n,)
        Point where an unfinished epoch began. Overwritten.
    training : Samples
    validation : Samples or None
    patience : int or None
        Epochs without a lower validation loss after which the run ends.
    """

    def __init__(
        self,
        run: loop.Epochs,
        settings: Settings,
        rng: np.random.Generator,
        start: np.ndarray,
        training: Samples,
        validation: Samples | None,
        patience: int | None,
    ) -> None:
        self.run, self.settings, self.rng, self.start = run, settings, rng, start
        self.training, self.validation, self.patience = training, validation, patience
        self.rows: list[tuple[float, ...]] = []  # the values of an EpochHistory, by epoch
        self.loop = tiered_loop.epoch(training.batches, settings.method, settings.search)

    def drive(
        self,
        epochs: int,
        shuffle: bool,
        notify: Callable[[Callable[[], Any]], Any],
        show: Callable[[int, Sequence[float]], Any],
    ) -> Status:
        """Run this many epochs, with progress report and callback after each.

        Returns
        -------
        Status
        """
        s = self.run.scalars[0]
        for _ in range(epochs):
            status = self.epoch(shuffle)
            if status is not None:
                return status
            show(int(s["epoch"]), self.rows[-1])
            try:
                notify(self.intermediate)
            except StopIteration:
                return Status.CALLBACK
            if self.patience is not None and s["waited"] >= self.patience:
                return Status.PATIENCE
        return Status.EPOCHS

    def epoch(self, shuffle: bool) -> Status | None:
        """Run to the end of an epoch; return None, or a status if the run ends before."""
        run, s = self.run, self.run.scalars[0]
        if s["next"] == s["samples"]:
            run.order[:] = self.rng.permutation(run.order.size) if shuffle else np.arange(run.order.size)
            s["next"] = s["counted"] = s["steps"] = 0
            s["loss"] = s["square"] = 0.0
            self.start[:] = run.x
        begun = time.perf_counter()
        while s["next"] < s["samples"]:
            if s["overdue"]:
                return Status.TIME
            # Whenever the loop returns, the interpreter can raise KeyboardInterrupt.
            with original_errors():
                status = self.loop(run)
            if status != STATUS_RUNNING:
                run.x[:] = self.start
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

    def compare(self, loss: float) -> None:
        """Keep the current point if its validation loss is the least so far."""
        s = self.run.scalars[0]
        if loss < s["best_loss"]:
            s["best_loss"], s["waited"] = loss, 0
            self.run.best[:] = self.point()
        else:
            s["waited"] += 1

    def point(self) -> np.ndarray:
        """Return the average of the iterates if one is kept, else the current iterate."""
        return self.run.average if self.run.scalars[0]["averaged"] > 0 else self.run.x

    def mean(self, samples: Samples, x: np.ndarray, what: int) -> tuple[float, np.ndarray]:
        """Return the mean over samples at x and, if wanted, its gradient; count the calls."""
        f, g, values, gradients = samples.mean(x, what)
        s = self.run.scalars[0]
        s["nfev"] += values
        s["njev"] += gradients
        return f, g

    def intermediate(self) -> StochasticResult:
        """Build the intermediate result that is passed to a callback."""
        loss, _, _, _, validation_loss = self.rows[-1]
        s = self.run.scalars[0]
        result = StochasticResult(x=self.point().copy(), fun=loss, nit=int(self.run.memory.record[0]["t"]))
        result.update(nepochs=int(s["epoch"]), nfev=int(s["nfev"]), validation_loss=validation_loss)
        return result

    def finished(self, status: Status) -> StochasticResult:
        """Build the result of a run that has ended."""
        s = self.run.scalars[0]
        validated = self.patience is not None and s["best_loss"] < math.inf
        # After a nonfinite batch x is the point where the epoch began; an average is not used then.
        stopped = status is Status.NONFINITE
        x = (self.run.best if validated else self.run.x if stopped else self.point()).copy()
        f, g = self.mean(self.training, x, VALUE | GRADIENT)
        if status.converged and not np.isfinite(f):
            status = Status.NONFINITE
        return self.result(x, f, g, status)

    def unfinished(self) -> StochasticResult:
        """Build the result of a run that an exception interrupted; loss and gradient are NaN."""
        x = self.point().copy()
        return self.result(x, math.nan, np.full_like(x, math.nan), Status.INTERRUPTED)

    def result(self, x: np.ndarray, f: float, g: np.ndarray, status: Status) -> StochasticResult:
        """Build the StochasticResult for the point x with its loss, gradient and status."""
        s = self.run.scalars[0]
        represent_in_yaml()
        columns = np.array(self.rows, dtype=np.float64).reshape(-1, len(EpochHistory._fields)).T
        return StochasticResult(
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
            checkpoint=StochasticState(self.settings.method, self.run, copy.deepcopy(self.rng), self.start),
            method=name_of(self.settings.method),
            solver=f"quasinewton {name_of(self.settings.method)}",
        )
