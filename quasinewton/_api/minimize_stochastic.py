"""The public function `minimize_stochastic`: minimise a mean over samples by mini-batches."""

from collections.abc import Callable, Mapping
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from quasinewton._arguments.convert_args import as_args
from quasinewton._arguments.initial_values import start_point
from quasinewton._drivers.checkpoint import renamed_checkpoint
from quasinewton._drivers.finalize import attach_result
from quasinewton._drivers.initialize import WITHOUT_START
from quasinewton._drivers.minibatch_data import as_samples, batched
from quasinewton._drivers.run import notifier
from quasinewton._drivers.run_report import epoch_report
from quasinewton._drivers.training import (
    Course,
    StochasticResult,
    StochasticState,
    continued,
    equipped,
    fresh,
    steps_until,
)
from quasinewton._methods import lifecycle
from quasinewton._methods.registry import TRAITS
from quasinewton._objective.problem import is_differenced
from quasinewton._options.advice import merged
from quasinewton._options.keywords import StochasticOptions
from quasinewton._options.names import FIRST_ORDER_CONTROLS
from quasinewton._options.read import method_class, read, refuse_unknown, with_limits
from quasinewton._validation import count, function_or_none, number, true_or_false

BATCH = 32  # samples; default size of a mini-batch, as in Keras
LEGAL = ("eps", "finite_diff_rel_step", "time_limit")
# Arguments that are no options of a method, for hints when they are misspelt.
ARGUMENTS = ("jac", "args", "batch_size", "epochs", "shuffle", "rng", "average", "validation_data", "patience")
ARGUMENTS += ("nonfinite", "callback", "progress", "disp", "checkpoint")


def minimize_stochastic(
    fun: Callable[..., Any],
    x0: ArrayLike | None,
    data: Any,
    method: str | tuple[Any, ...] = "adam",
    *,
    jac: Callable[..., ArrayLike] | bool | str | None = None,
    args: Any = (),
    batch_size: int | None = None,
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
    disp: bool = False,
    options: Mapping[str, Any] | None = None,
    checkpoint: StochasticState | None = None,
    state: StochasticState | None = None,
    **keywords: Unpack[StochasticOptions],
) -> StochasticResult:
    """Minimise the mean of a loss over samples by steps along the gradients of mini-batches.

    Parameters
    ----------
    fun : callable
        ``fun(x, *batch, *args) -> float``: the mean loss over a batch, with x of shape (n,) and the
        rows of the arrays in `data` that form the batch. With ``jac=True`` it returns (f, g); with
        ``jac="inplace"``, ``fun(x, g, *batch, *args)`` writes g. Functions compiled by
        ``numba.njit`` are called without the interpreter. The arrays of a batch are overwritten by
        the next one.
    x0 : array_like, shape (n,), or None
        Start. Not changed. With `checkpoint` it is not used.
    data : tuple of array_like
        Arrays with the samples along axis 0, all of one length. Any dtype but object, without NaN.
        Not changed.
    method : str or method object
        A first-order method: "adam", "sgd", …, or an object such as ``AdamW(lr=1e-3)``.
    jac : callable, bool, str or None
        As in `minimize`; a callable is ``jac(x, *batch, *args)``.
    args : tuple
        Arguments that are the same for all batches.
    batch_size : int, optional
        Samples in a batch, from 1 to their number; 32 by default, or all if there are fewer. The
        last batch of an epoch holds the remaining samples.
    epochs : int
        Passes over the data. With `checkpoint`, an unfinished epoch is finished first and counts as
        one.
    lr, weight_decay : float, optional
        The method's settings of these names.
    schedule : Schedule or compiled function, optional
        Factor of lr at each step: one of `quasinewton.schedules`, which ends with this call unless
        it has a total of its own, or an ``@njit`` function of the number of steps made.
    shuffle : bool
        True for a new random order of the samples in every epoch, False for the order of the data.
    rng : int, numpy.random.Generator or None
        Seed or generator of these orders. The same seed gives the same bits. A generator is
        advanced. Not used with `checkpoint`.
    decay_mask : array_like, bool, shape (n,), optional
        True for the variables on which weight decay acts; by default all.
    clip_norm, clip_value : float, optional
        Bounds on the Euclidean norm, and on every component, of a batch's gradient.
    average : bool or float
        If not False, the result is the mean of the iterates (Polyak & Juditsky, SIAM J. Control
        Optim. 30, 1992): of all if True, or over the last fraction of the steps, in (0, 1].
    validation_data : tuple of array_like, optional
        Samples on which the loss is evaluated after every epoch.
    patience : int, optional
        Number of epochs without a lower validation loss after which the run ends; the result is the
        point where it was least.
    nonfinite : {"stop", "skip"}
        Effect of a batch whose loss or gradient is not finite: "stop" ends the run at the point
        where its epoch began; "skip" leaves the batch out and counts it.
    callback : callable, optional
        ``callback(xk)`` or ``callback(intermediate_result=res)`` after every epoch; may raise
        StopIteration.
    progress : bool
        True to show a progress bar; requires tqdm.
    disp : bool
        True to print a table of the epochs (every tenth after twenty, every hundredth after two
        hundred and so on) and the outcome.
    options : dict, optional
        Further settings of the method, and time_limit (seconds), eps, finite_diff_rel_step as in
        `minimize`. They are also accepted as plain keywords.
    checkpoint : StochasticState, optional
        Field ``checkpoint`` of an earlier result, from which the run continues. Not changed.
    state : StochasticState, optional
        Former name of `checkpoint`; deprecated.

    Returns
    -------
    StochasticResult
        With `fun` and `jac` over all the data at `x`; `nit` steps, `nepochs`, `nfev` and `njev`
        calls; `skipped` batches; `history`, an EpochHistory; `checkpoint`.

    Raises
    ------
    ValueError, TypeError
        If an argument is illegal, before anything runs. Exceptions of the user's functions
        propagate, with the result so far as their attribute ``result``.
    ImportError
        If a progress bar is wanted and tqdm is not installed.

    Warns
    -----
    OptimizeWarning
        If a compiled `fun` cannot be differentiated, and differences replace exact derivatives.
    DeprecationWarning
        If `checkpoint` is given under its former name `state`.

    References
    ----------
    L. Bottou, F. E. Curtis & J. Nocedal, "Optimization methods for large-scale machine learning",
    SIAM Review 60 (2018) 223–311.

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
    >>> limits = {"lr": 0.01, "epochs": 30}
    >>> res = minimize_stochastic(squares, np.zeros(3), (A, b), "adam", jac=True, rng=1, **limits)
    >>> np.round(res.x, 3)
    array([ 1. , -2. ,  0.5])
    """
    checkpoint = renamed_checkpoint(checkpoint, {"state": state})
    kind = method_class(method)
    if not TRAITS[kind].first_order:
        raise ValueError(f"minimize_stochastic takes a first-order method, such as 'adam'; got {TRAITS[kind].name!r}")
    given = {**merged(options, keywords)}
    legal = (*kind._fields, *FIRST_ORDER_CONTROLS, *LEGAL)
    unknown = [name for name in given if name not in legal]
    refuse_unknown(kind, unknown, legal, "minimize_stochastic", ARGUMENTS)
    named = dict(lr=lr, weight_decay=weight_decay, schedule=schedule)
    named |= dict(decay_mask=decay_mask, clip_norm=clip_norm, clip_value=clip_value)
    given |= {name: value for name, value in named.items() if value is not None}
    if nonfinite not in ("stop", "skip"):
        raise ValueError(f"nonfinite must be 'stop' or 'skip', got {nonfinite!r}")
    function_or_none("callback", callback)
    shuffle = true_or_false("shuffle", shuffle)
    arrays = as_samples("data", data)
    watched = None if validation_data is None else as_samples("validation_data", validation_data, arrays)
    samples, part = len(arrays[0]), averaged_part(average)
    batch_size = min(BATCH, samples) if batch_size is None else batch_size
    batch_size, epochs = count("batch_size", batch_size, 1), count("epochs", epochs, 0)
    if batch_size > samples:
        raise ValueError(f"batch_size must be at most the number of samples, {samples}; got {batch_size}")
    patience = None if patience is None else count("patience", patience, 1)
    if patience is not None and watched is None:
        raise ValueError("patience needs validation_data")
    made, steps = steps_until(checkpoint, samples, batch_size, epochs)
    settings = with_limits(read(method, 0, None, given | {"maxiter": max(1, made + steps)}), 0, is_differenced(jac))
    if checkpoint is None:
        if x0 is None:
            raise TypeError(WITHOUT_START)
        run, rng = fresh(settings.method, start_point(x0), samples), generator(rng)
        start = run.x.copy()
    else:
        run, rng, start = continued(checkpoint, settings.method, samples)
    n = run.x.size
    run = run._replace(memory=lifecycle.begin(settings.method, run.memory, settings.controls, None, n))
    run = equipped(run, part, steps, patience)
    s = run.scalars[0]
    s["batch"], s["skip"], s["deadline"], s["overdue"] = batch_size, nonfinite == "skip", settings.deadline, 0
    common = as_args(args, fun, jac), batch_size, n, settings.controls
    training = batched(fun, jac, arrays, *common)
    validation = None if watched is None else batched(fun, jac, watched, *common)
    course = Course(run, settings, rng, start, training, validation, patience)
    with epoch_report(progress, disp, epochs, watched is not None) as show:
        try:
            status = course.drive(epochs, shuffle, notifier(callback), show)
            found = course.finished(status)
        except BaseException as error:
            attach_result(error, course.unfinished())
            raise
    if disp:
        print(found.message)
    return found


def generator(rng: Any) -> np.random.Generator:
    """Return the random generator that the user gave, or one made of the seed given.

    Raises
    ------
    TypeError, ValueError
        If it is neither a generator nor a seed.
    """
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise type(error)(f"rng must be a numpy.random.Generator, a seed or None, got {rng!r}") from None


def averaged_part(average: bool | float) -> float:
    """Return the fraction of the steps, counted from the end, whose iterates are averaged."""
    if average is True or average is False:
        return float(average)
    return number("average", average, 0.0, 1.0, open_high=False)
