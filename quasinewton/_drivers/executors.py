"""Distribute tasks over an executor, with a bounded number in flight and retries for lost workers.

Any executor with the interface of `concurrent.futures` can be used, on this machine or on others.
"""

import concurrent.futures
import pickle
import sys
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, ProcessPoolExecutor
from typing import Any

from quasinewton._numba_ext import pickling

TRIES = 3  # attempts; a task that is lost with its worker so often is given up
POLLING = 0.1  # seconds; longest wait between two calls of `idle`

Task = tuple[Any, tuple]  # a key, and the arguments of the function

# Exceptions of a future whose worker was lost, as opposed to a failure of its task. Dask's is
# recognised by its name, since Dask may not be installed.
LOST = (BrokenExecutor, CancelledError, OSError, EOFError)
LOST_NAMES = ("KilledWorker",)


def distribute(
    executor: Any, function: Callable[..., Any], tasks: Iterator[Task], in_flight: int, idle: Callable[[], Any]
) -> Iterator[tuple[Any, Any, BaseException | None]]:
    """Run a function on an executor for every task, and yield the results as they arrive.

    Parameters
    ----------
    executor : concurrent.futures.Executor
    function : callable
        A module-level function, so that it can be pickled.
    tasks : iterator of (key, tuple)
        A key and the arguments of each task; consumed no faster than results arrive.
    in_flight : int
        Largest number of tasks that wait or run at a time; it bounds the memory used.
    idle : callable
        Called without arguments, at about every POLLING seconds or more often.

    Yields
    ------
    key, result, error
        The error is None, or the one with which the worker was lost for the TRIES-th time; other
        exceptions of the function are raised.

    Notes
    -----
    A lost task is retried with nothing else in flight, so that a task that kills its worker takes
    no other task with it. If every task that was in flight has been retried alone and lost again,
    and no task has ever returned, no task can: the rest is given up with the last error. A broken
    process pool accepts no more work and is replaced by a new one with the same settings; for other
    broken executors the rest of the work is done in this process.
    """
    suspects: deque = deque()
    pending, mine, returned = {}, None, False

    def submit(task: Task, losses: int) -> None:
        nonlocal executor, mine
        try:
            future = executor.submit(function, *task[1])
        except BrokenExecutor:
            replacement = replacement_for(executor)
            if mine is not None:
                mine.shutdown(wait=False)
            executor = mine = replacement or Here()
            future = executor.submit(function, *task[1])
        pending[future] = task, losses

    try:
        while True:
            if suspects and not pending:
                submit(*suspects.popleft())
            while not suspects and len(pending) < in_flight and (task := next(tasks, None)) is not None:
                submit(task, 0)
            if not pending:
                return
            done, _ = concurrent.futures.wait(pending, POLLING, concurrent.futures.FIRST_COMPLETED)
            idle()
            for future in done:
                task, losses = pending.pop(future)
                error = None if future.cancelled() else future.exception()
                if future.cancelled() or is_loss(error):
                    error = error or CancelledError()
                    if losses + 1 < TRIES:
                        suspects.append((task, losses + 1))
                    else:
                        yield task[0], None, error
                elif error is not None:
                    raise error
                else:
                    returned = True
                    yield task[0], future.result(), None
            if suspects and not (pending or returned) and all(losses + 1 == TRIES for _, losses in suspects):
                yield from ((task[0], None, error) for task, _ in suspects)
                yield from ((task[0], None, error) for task in tasks)
                return
    finally:
        for future in pending:
            future.cancel()
        if mine is not None:
            mine.shutdown(wait=False, cancel_futures=True)


def is_loss(error: BaseException | None) -> bool:
    """Return True if an exception means that a worker was lost."""
    return isinstance(error, LOST) or type(error).__name__ in LOST_NAMES


def replacement_for(executor: Any) -> ProcessPoolExecutor | None:
    """Return a new process pool with the settings of a broken one; None for other executors."""
    if not isinstance(executor, ProcessPoolExecutor):
        return None
    names = "_max_workers", "_mp_context", "_initializer", "_initargs"
    return ProcessPoolExecutor(*(getattr(executor, name) for name in names))


class Here(concurrent.futures.Executor):
    """Executor that runs each task immediately in the calling thread."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **keywords: Any) -> concurrent.futures.Future:
        future: concurrent.futures.Future = concurrent.futures.Future()
        try:
            future.set_result(function(*args, **keywords))
        except Exception as error:
            future.set_exception(error)
        return future


def number_of_workers(executor: Any) -> int:
    """Return the number of workers of an executor, or 0 if unknown."""
    for name in ("_max_workers", "num_workers"):
        if isinstance(getattr(executor, name, None), int):
            return getattr(executor, name)
    client = getattr(executor, "_client", None)  # Dask's
    return sum(client.nthreads().values()) if client is not None else 0


def goes_by_value(values: object) -> bool:
    """Return True if functions must be pickled by value (their code) rather than by name.

    Python's pickle refers to a function by module and name. It refuses lambdas and nested
    functions, which have no module-level name; and a spawned worker cannot import the module of a
    notebook or of an interactive session.

    Parameters
    ----------
    values : object
        The user's functions and arguments.
    """
    try:
        named = pickle.dumps(values)
        interactive = not hasattr(sys.modules["__main__"], "__file__")
        if not (interactive and b"__main__" in named):
            return False
    except Exception:  # the values may raise any exception
        pass
    try:
        pickling.dumps(values)
    except Exception:  # they cannot be pickled at all, which an executor of threads does not need
        return False
    return True


def call_from_bytes(pickled: bytes) -> Any:
    """Call a pickled function with its pickled arguments."""
    function, args = pickle.loads(pickled)
    return function(*args)


def portable(error: Exception) -> Exception:
    """Return an exception that can be pickled: this one, or a RuntimeError with its text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
