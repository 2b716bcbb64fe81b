"""The public function `minimize_batch`: many problems on all cores, in lockstep or on a cluster."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Unpack

import numpy as np
from numpy.typing import ArrayLike

from quasinewton import _autodiff as autodiff
from quasinewton._arguments.batch_values import batch_arrays, start_points
from quasinewton._arguments.convert_args import as_args
from quasinewton._drivers.batch_result import (
    BatchResult,
    Outcomes,
    Remarks,
    collected,
    outcomes,
)
from quasinewton._drivers.executors import (
    call_from_bytes,
    distribute,
    goes_by_value,
    number_of_workers,
    portable,
)
from quasinewton._drivers.finalize import attach_result
from quasinewton._drivers.initialize import begin
from quasinewton._drivers.progress import StoppedByCallback, Watch
from quasinewton._drivers.thread_pool import ThreadPool, rows_of, solve_in_turn
from quasinewton._drivers.vectorized import solve_in_lockstep
from quasinewton._loops.state import State
from quasinewton._methods.registry import TRAITS
from quasinewton._numba_ext import pickling
from quasinewton._objective.build import Prepared, linked, prepare_unlinked
from quasinewton._objective.choose_gradient import with_gradient
from quasinewton._objective.problem import (
    Problem,
    compiled_args_type,
    is_differenced,
    read_problem,
)
from quasinewton._options.advice import merged
from quasinewton._options.bounds import read_bounds
from quasinewton._options.choose_method import chosen_method
from quasinewton._options.keywords import BatchOptions
from quasinewton._options.read import (
    Settings,
    method_class,
    read,
    traits_of,
    warn_unused,
    with_limits,
)
from quasinewton._validation import count, function_or_none, true_or_false
from quasinewton.status import Status

MOST_ROWS = 4096  # problems; largest chunk for an executor by default

SINGLE = ("history", "return_all", "disp", "check_gradient")  # options of single problems


class Batch(NamedTuple):
    """The user's description of a batch or of a chunk of it, without the starts.

    Attributes
    ----------
    fun, method, jac, hess, hessp, tol
        As for `minimize_batch`.
    args : tuple
        Arguments common to all problems, converted for compiled functions.
    batch_args : tuple of ndarray
        Arguments with one row per problem, contiguous.
    options : dict
        All options, those given as keywords included.
    bounds : (ndarray, ndarray) or None
        low and high, float64, shape (n,).
    """

    fun: Callable
    args: tuple
    batch_args: tuple
    method: Any
    jac: Any
    hess: Any
    hessp: Any
    tol: Any
    options: dict
    bounds: tuple | None


def minimize_batch(
    fun: Callable[..., Any],
    X0: ArrayLike,
    args: Any = (),
    batch_args: Any = (),
    method: str | tuple[Any, ...] | None = "auto",
    jac: Callable[..., ArrayLike] | bool | str | None = None,
    hess: Callable[..., ArrayLike] | str | None = None,
    hessp: Callable[..., ArrayLike] | None = None,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
    *,
    bounds: Any = None,
    n_jobs: int | None = None,
    progress: bool = False,
    callback: Callable[[BatchResult], Any] | None = None,
    executor: Any = None,
    chunk_size: int | None = None,
    vectorized: bool = False,
    **keywords: Unpack[BatchOptions],
) -> BatchResult:
    """Minimise many functions of the same form, each as `minimize` would.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args, *rows)``, as for `minimize`, with x of shape (n,). Functions compiled by
        ``numba.njit`` run on all cores without the interpreter; Python functions run one after
        another.
    X0 : array_like, shape (k, n)
        Starts, one per row. Not changed.
    args : tuple
        Further arguments, the same for all problems.
    batch_args : tuple of array_like, each of shape (k, ...)
        Further arguments that differ between problems: row i belongs to problem i; it is a number
        if the array has one dimension.
    method, jac, hess, hessp, tol, options : optional
        As for `minimize`, including options as plain keywords. ``time_limit`` applies to each
        problem; ``history``, ``return_all``, ``disp`` and ``check_gradient`` are refused.
    bounds : sequence of (low, high), or scipy.optimize.Bounds, optional
        As for `minimize`, the same for all problems.
    n_jobs : int, optional
        Number of threads; all cores by default, as with −1. With an executor, threads for each
        chunk (1).
    progress : bool
        True to show a progress bar; requires tqdm.
    callback : callable, optional
        ``callback(res)`` is called by this thread about four times a second, and at the end, with a
        `BatchResult` of copies; problems that have not ended have ``Status.RUNNING``. May raise
        StopIteration.
    executor : concurrent.futures.Executor, optional
        Solves the problems in chunks on the executor's workers: processes, a Dask cluster
        (``client.get_executor()``), MPI (``mpi4py.futures.MPIPoolExecutor``).
    chunk_size : int, optional
        Problems per chunk; by default about eight chunks per worker, of at most 4096 problems.
    vectorized : bool
        True if ``fun(X, index, *args, *rows) -> (F, G)`` evaluates all problems that still run at
        once: X of shape (r, n), their indices, shape (r,), and their rows of `batch_args`; F of
        shape (r,), G of shape (r, n).

    Returns
    -------
    BatchResult

    Raises
    ------
    ValueError, TypeError
        If an argument is illegal, before anything runs. Exceptions of the objective are kept in
        ``errors`` instead, and the other problems are solved; only exceptions of a vectorized
        objective are raised, with the results so far as their attribute ``result``.
    ImportError
        If a progress bar is wanted and tqdm is not installed.

    Warns
    -----
    OptimizeWarning
        Once for all problems: if an option is unknown, or if a compiled `fun` cannot be
        differentiated and differences replace exact derivatives.
    RuntimeWarning
        If the method does not use the given `hess` or `hessp`.

    Notes
    -----
    Every row equals the result of ``minimize(fun, X0[i], (*args, *rows))``, bit for bit, for any
    number of threads. A thread takes one problem at a time, so that a slow problem delays no other.
    With `vectorized`, ends are not tested by further evaluations, as those of `minimize` are if
    `gtol` is not given or a run stagnates.
    Ctrl-C returns the finished results; the other rows have ``Status.INTERRUPTED``.

    References
    ----------
    Nocedal & Wright, Numerical Optimization, 2nd ed., Springer 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from quasinewton import minimize_batch
    >>> @njit
    ... def distance(x, center, weight):
    ...     return weight * np.sum((x - center) ** 2), 2.0 * weight * (x - center)
    >>> centers, weights = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0, 3.0])
    >>> res = minimize_batch(distance, np.zeros((3, 2)), batch_args=(centers, weights), jac=True)
    >>> res.message, np.round(res.x[2], 3)
    ('3 of 3 problems succeeded.', array([4., 5.]))
    """
    function_or_none("callback", callback)
    vectorized = true_or_false("vectorized", vectorized)
    chunk_size = None if chunk_size is None else count("chunk_size", chunk_size, 1)
    starts = start_points(X0)
    k, n = starts.shape
    options = merged(options, keywords)
    progress = bool(options.pop("progress", progress))
    jac = True if vectorized else jac
    method, reason = chosen_method(method, n, bounds, hess, hessp, options)
    bounds = read_bounds(bounds, n)
    starts = starts if bounds is None else np.clip(starts, *bounds)
    functions = fun, jac, hess, hessp, options.get("precond")
    args, rows = as_args(args, *functions), batch_arrays(batch_args, k, *functions)
    batch = Batch(fun, args, rows, method, jac, hess, hessp, tol, options, bounds)
    kind = method_class(method)
    name, second_order = TRAITS[kind].name, TRAITS[kind].second_order
    warn_unused(kind, hess, hessp)
    refuse_combinations(batch, kind, vectorized, executor)
    settings = read(method, n, tol, options, bounds)
    problem = with_gradient(first_problem(batch, settings, n)) if k else None
    batch = batch if problem is None else batch._replace(jac=problem.jac)
    settings = with_limits(settings, n, is_differenced(batch.jac))
    jobs = count("n_jobs", cores() if n_jobs in (None, -1) else n_jobs, 1)
    results, remarks = outcomes(starts, second_order == "hessian"), Remarks({}, {}, {})
    mode = "exact" if vectorized else mode_of(batch.jac, n)
    second = prepare_unlinked(problem, second_order).hess_mode if problem is not None and second_order else ""

    def result(ending: Status = Status.RUNNING, copy: bool = False) -> BatchResult:
        found = collected(Outcomes(*map(np.copy, results)) if copy else results, remarks, mode, ending)
        found.update(method=name, solver=f"quasinewton {name}")
        if reason:
            found.update(method_reason=reason)
        if second_order:
            found.update(nhev=results.rows["nhev"].copy(), hess_mode=second)
        return found

    ending = Status.RUNNING
    with Watch(k, progress, callback, lambda: result(copy=True)) as tick:
        try:
            if k == 0:
                pass
            elif vectorized:
                blank = begin(settings, starts[0], 0)
                solve_in_lockstep(fun, batch.args, batch.batch_args, blank, settings, results, tick)
            elif executor is not None:
                jobs = 1 if n_jobs is None else jobs
                solve_elsewhere(executor, batch, starts, chunk_size, jobs, results, remarks, tick)
            else:
                solve_here(batch, settings, jobs, results, remarks, tick)
        except KeyboardInterrupt:
            ending = Status.INTERRUPTED
        except StoppedByCallback:
            ending = Status.CALLBACK
        except BaseException as error:
            attach_result(error, result(Status.INTERRUPTED))
            raise
    return result(ending)


def mode_of(jac: Any, n: int) -> str:
    """Return how gradients are obtained, as in the field `jac_mode` of single results."""
    if isinstance(jac, str) and jac in autodiff.MODES:
        return autodiff.chosen(jac, n)
    return (jac or "2-point") if is_differenced(jac) else "exact"


def refuse_combinations(batch: Batch, kind: type[Any], vectorized: bool, executor: Any) -> None:
    """Refuse arguments that exclude each other, and options of single problems.

    Raises
    ------
    ValueError, TypeError
        The message names the arguments.
    """
    if not callable(batch.fun):
        raise TypeError(f"fun must be callable, got {type(batch.fun).__name__}")
    for name in SINGLE:
        if batch.options.get(name):
            raise ValueError(f"{name!r} is an option of single problems; minimize_batch has no use for it")
    for name in ("checkpoint", "state"):
        if batch.options.pop(name, None) is not None:
            raise ValueError(f"{name!r} is an argument of `minimize`; minimize_batch begins all problems anew")
    traits = TRAITS[kind]
    if vectorized and traits.second_order:
        wanted = "Hessians" if traits.second_order == "hessian" else "products with the Hessian"
        raise ValueError(f"a vectorized objective gives values and gradients; method {traits.name!r} wants {wanted}")
    if vectorized and executor is not None:
        raise ValueError("vectorized=True and executor= exclude each other: fun itself decides where it evaluates")
    if isinstance(executor, type):
        raise TypeError(f"executor must be an object; got the class: give {executor.__name__}()")
    if executor is not None and not callable(getattr(executor, "submit", None)):
        raise TypeError(f"executor must have a method submit, as those of concurrent.futures; got {executor!r}")


def first_problem(batch: Batch, settings: Settings, n: int) -> Problem:
    """Return the Problem of the first row of a batch."""
    args = batch.args + rows_of(batch.batch_args, 0)
    return read_problem(batch.fun, batch.jac, args, n, settings.controls, batch.hess, batch.hessp, settings.bounds)


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "process_cpu_count"):
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def solve_here(
    batch: Batch, settings: Settings, n_jobs: int, results: Outcomes, remarks: Remarks, tick: Callable[[int], Any]
) -> None:
    """Solve the problems of a batch in this process."""
    n, use = results.x.shape[1], traits_of(settings.method).second_order

    first = first_problem(batch, settings, n)

    def bind(i: int = 0) -> Prepared:
        return prepare_unlinked(first._replace(args=batch.args + rows_of(batch.batch_args, i)), use)

    def state() -> State:
        return begin(settings, results.x[0], 0)

    given = [batch.jac, settings.controls.get("precond")]
    given += [batch.hess] * (use != "") + [batch.hessp] * (use == "product")
    functions = (batch.fun, *(function for function in given if callable(function)))
    if compiled_args_type(functions, first.args) is None:
        solve_in_turn(bind, state, settings, results, remarks, tick)
    else:
        jobs = min(n_jobs, len(results.rows))
        arguments = batch.args, batch.batch_args
        ThreadPool(lambda: linked(bind()), state, *arguments, settings, results, remarks, jobs).run(tick)


def solve_elsewhere(
    executor: Any,
    batch: Batch,
    starts: np.ndarray,
    chunk_size: int | None,
    n_jobs: int,
    results: Outcomes,
    remarks: Remarks,
    tick: Callable[[int], Any],
) -> None:
    """Solve the problems of a batch in chunks on the workers of an executor."""
    k, workers = len(starts), number_of_workers(executor) or cores()
    by_value = not isinstance(executor, ThreadPoolExecutor) and goes_by_value(batch._replace(batch_args=()))
    function = call_from_bytes if by_value else solve_chunk
    size = min(MOST_ROWS, -(-k // (8 * workers))) if chunk_size is None else chunk_size

    def chunks() -> Iterator[tuple[slice, tuple]]:
        for first in range(0, k, size):
            rows = slice(first, min(first + size, k))
            part = batch._replace(batch_args=tuple(array[rows] for array in batch.batch_args))
            call = part, starts[rows].copy(), n_jobs
            yield rows, (pickling.dumps((solve_chunk, call)),) if by_value else call

    finished = 0
    for rows, found, error in distribute(executor, function, chunks(), 2 * workers, lambda: tick(finished)):
        if error is None:
            part, notes = found
            for whole, piece in zip(results, part, strict=True):
                whole[rows] = piece
            for whole, piece in zip(remarks, notes, strict=True):
                whole.update({rows.start + i: remark for i, remark in piece.items()})
        else:
            results.rows["status"][rows] = Status.RAISED.value
            remarks.errors.update(dict.fromkeys(range(rows.start, rows.stop), error))
        finished += rows.stop - rows.start
        tick(finished)


def solve_chunk(batch: Batch, starts: np.ndarray, n_jobs: int) -> tuple[Outcomes, Remarks]:
    """Solve a chunk of problems in the process of a worker.

    Returns
    -------
    (Outcomes, Remarks)
        With exceptions in a form that can be pickled.
    """
    results = outcomes(starts, TRAITS[method_class(batch.method)].second_order == "hessian")
    remarks = Remarks({}, {}, {})
    n = starts.shape[1]
    settings = with_limits(read(batch.method, n, batch.tol, batch.options, batch.bounds), n, is_differenced(batch.jac))
    solve_here(batch, settings, n_jobs, results, remarks, lambda finished: None)
    errors = {i: portable(error) for i, error in remarks.errors.items()}
    return results, remarks._replace(errors=errors)
