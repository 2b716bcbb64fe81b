"""Work spread over an executor: a bounded amount in flight, and nothing lost with a worker.

Any executor in the manner of `concurrent.futures` will do, on this machine or on others.
"""

import concurrent.futures
import pickle
import sys
from collections import deque
from concurrent.futures import BrokenExecutor, CancelledError, ProcessPoolExecutor

from quasinewton.numba_ext import pickling

TRIES = 3  # of a task that is lost with its worker each time
BREATH = 0.1  # seconds between two calls of idle

# What a future raises when its worker is lost rather than its task at fault. Dask's own exception
# goes by its name, since Dask need not be there.
LOST = (BrokenExecutor, CancelledError, OSError, EOFError)
LOST_NAMES = ("KilledWorker",)


def spread(executor, function, tasks, in_flight, idle):
    """Call a function with the arguments of every task on an executor, and yield results as they
    come.

    Parameters
    ----------
    executor : concurrent.futures.Executor
    function : callable
        Of a module, so that it can be sent.
    tasks : iterator of (key, tuple)
        A name for each task, and its arguments; consumed no faster than results come.
    in_flight : int
        Tasks at most that wait or run at a time: what bounds the memory.
    idle : callable
        Called now and then.

    Yields
    ------
    key, result, error
        The error is None, or that with which the worker was lost TRIES times; other exceptions of
        the function are raised.

    Notes
    -----
    A task that was lost is tried again with nothing else in flight, so that what kills its worker
    takes nothing along. If all that were in flight are lost again, each alone, and no task has ever
    come back, none can: then all that is left is given up with the error of the last. A process
    pool that has broken takes no more work: its place is taken by a new one like it. Of other
    broken executors the rest of the work is done in this process.
    """
    suspects, pending, mine, returned = deque(), {}, None, False

    def submit(task, losses):
        nonlocal executor, mine
        try:
            future = executor.submit(function, *task[1])
        except BrokenExecutor:
            replacement = like(executor)
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
            done, _ = concurrent.futures.wait(pending, BREATH, concurrent.futures.FIRST_COMPLETED)
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


def is_loss(error):
    """Whether an exception says that a worker was lost."""
    return isinstance(error, LOST) or type(error).__name__ in LOST_NAMES


def like(executor):
    """A new process pool with the settings of one that has broken; None for other executors."""
    if not isinstance(executor, ProcessPoolExecutor):
        return None
    return ProcessPoolExecutor(executor._max_workers, executor._mp_context, executor._initializer, executor._initargs)


class Here(concurrent.futures.Executor):
    """An executor that calls at once, in this thread."""

    def submit(self, function, /, *args):
        future = concurrent.futures.Future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def width(executor):
    """The number of workers of an executor, or 0 if it does not tell."""
    for name in ("_max_workers", "num_workers"):
        if isinstance(getattr(executor, name, None), int):
            return getattr(executor, name)
    client = getattr(executor, "_client", None)  # Dask's
    return sum(client.nthreads().values()) if client is not None else 0


def goes_by_value(values):
    """Return True if what is to be sent to workers must go by what it consists of, rather than by
    name.

    Python's own pickle names a function by its module. It refuses lambdas and functions within
    functions, which have no name there; and a worker that has been spawned finds no module of that
    name where it is that of a notebook or of an interactive session.

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
    except Exception:  # whatever the values raise
        pass
    try:
        pickling.dumps(values)
    except Exception:  # then they can be sent in no way, and an executor of threads may do without
        return False
    return True


def call_from_bytes(pickled):
    """Make a call that has been pickled: a function and its arguments."""
    function, args = pickle.loads(pickled)
    return function(*args)


def portable(error):
    """An exception that can be sent to another process: the same one, or one that quotes it."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
