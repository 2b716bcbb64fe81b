"""Problems in lockstep: one call of the user's function evaluates all problems that still run.

For objectives that are fast only on many points at once: array programs (JAX, PyTorch), and
evaluators behind a network. Each problem has its own state and stops on its own; problems that have
ended are no longer evaluated.
"""

import time

import numpy as np

from quasinewton.drivers.batch_result import write
from quasinewton.drivers.run import original_errors
from quasinewton.loops import first_order_loop, line_search_loop
from quasinewton.loops.clock import NEVER
from quasinewton.loops.line_search_loop import EACH_EVALUATION
from quasinewton.loops.state import NOTHING, renew
from quasinewton.numba_ext.dispatch import generic
from quasinewton.numba_ext.jit import kernel
from quasinewton.numba_ext.linalg import copy
from quasinewton.numba_ext.tuples import CACHE_LINE, borrow, placed_at, placed_size
from quasinewton.objective.interface import TOLD
from quasinewton.schedules import Schedule


@generic
def tell(search, objective, method, state):
    """Let the loop process the evaluation stored in `state`; return what it wants next."""
    return line_search_loop.run(objective, method, search, state, EACH_EVALUATION)


@tell.register(Schedule)
def _tell(search, objective, method, state):
    return first_order_loop.run(objective, method, search, state, EACH_EVALUATION)


@kernel
def bytes_of(blank):
    """Return the size in bytes of a state with the shapes of `blank`."""
    return placed_size(borrow(blank))


@kernel
def set_out(blank, address, size, starts):
    """Initialise the states of all problems in memory from `address` on, `size` bytes each."""
    blank = borrow(blank)
    for i in range(starts.shape[0]):
        renew(placed_at(blank, address + i * size), blank, starts[i], NEVER)


@kernel
def gather(blank, address, size, running, X):
    """Write the trial points of the running problems to the rows of X."""
    blank = borrow(blank)
    for j in range(running.size):
        copy(X[j], placed_at(blank, address + running[j] * size).x_trial)


@kernel
def tell_all(method, search, blank, address, size, running, F, G, overdue, results):
    """Pass its value and gradient to every running problem; write the results of those that end.

    `running` is overwritten: its first elements are then the problems that go on, in order.

    Returns
    -------
    int
        Number of problems that go on.
    """
    blank, results = borrow(blank), borrow(results)
    left = 0
    for j in range(running.size):
        i = running[j]
        state = placed_at(blank, address + i * size)
        s = state.scalars[0]
        s.nfev += 1
        s.njev += 1
        s.overdue = overdue
        copy(state.g_trial, G[j])
        s.f_trial = F[j]
        if tell(search, TOLD, method, state) == NOTHING:
            write(results, i, state)
            results.rows[i].status = s.status
        else:
            running[left] = i
            left += 1
    return left


@kernel
def write_all(blank, address, size, running, results):
    """Write the current iterates of problems that have not ended to their rows of the results."""
    blank, results = borrow(blank), borrow(results)
    for i in running:
        state = placed_at(blank, address + i * size)
        if state.scalars[0].njev > 0:
            write(results, i, state)


def solve(fun, args, batch_args, blank, settings, results, tick):
    """Solve all problems, evaluating all that still run in each call of `fun`.

    Parameters
    ----------
    fun : callable
        fun(X, index, *args, *rows) -> (F, G), of shapes (r, n), (r,), ..., (r,) and (r, n).
    args, batch_args : tuple
    blank : State
    settings : Settings
    results : Outcomes
        x holds the starts.
    tick : callable
        tick(finished) after every round.

    Raises
    ------
    ValueError
        If F or G does not have the shape that follows from X.
    """
    k, n = results.x.shape
    size = bytes_of(blank)
    memory = np.empty(k * size + CACHE_LINE, np.uint8)
    address = -(-memory.ctypes.data // CACHE_LINE) * CACHE_LINE
    set_out(blank, address, size, results.x)
    deadline = time.monotonic_ns() + settings.controls.get("time_limit", NEVER)
    running = np.arange(k)
    try:
        while running.size:
            X = np.empty((running.size, n))
            gather(blank, address, size, running, X)
            F, G = fun(X, running.copy(), *args, *(array[running] for array in batch_args))
            F, G = evaluated("F", F, (running.size,)), evaluated("G", G, (running.size, n))
            overdue = int(time.monotonic_ns() >= deadline)
            with original_errors():
                left = tell_all(settings.method, settings.search, blank, address, size, running, F, G, overdue, results)
            running = running[:left]
            tick(k - left)
    except BaseException:
        write_all(blank, address, size, running, results)
        raise


def evaluated(name, given, shape):
    """Return the output of a vectorized objective as a contiguous float64 array.

    Raises
    ------
    ValueError
        If its shape is not `shape`.
    """
    array = np.asarray(given, dtype=np.float64, order="C")
    if array.shape != shape:
        raise ValueError(f"fun must return {name} of shape {shape} for these rows of X; got {array.shape}")
    return array
