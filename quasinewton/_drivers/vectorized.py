"""Problems in lockstep: one call of the user's function evaluates all problems that still run.

For objectives that are fast only on many points at once: array programs (JAX, PyTorch), and
evaluators behind a network. Each problem has its own state and stops on its own; problems that have
ended are no longer evaluated.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from quasinewton._arguments.real_values import is_masked, real_array
from quasinewton._drivers.batch_result import Outcomes, write_row
from quasinewton._drivers.run import original_errors
from quasinewton._loops import first_order_loop, line_search_loop
from quasinewton._loops.clock import NEVER
from quasinewton._loops.line_search_loop import EACH_EVALUATION
from quasinewton._loops.state import NOTHING, State, renew
from quasinewton._numba_ext.dispatch import generic
from quasinewton._numba_ext.jit import fragment, kernel
from quasinewton._numba_ext.linalg import copy
from quasinewton._numba_ext.tuples import CACHE_LINE, borrow, placed_at, placed_size
from quasinewton._objective.interface import TOLD, Objective
from quasinewton._options.read import Settings
from quasinewton.schedules import Schedule


@generic
def tell(search: NamedTuple, objective: Objective, method: NamedTuple, state: State) -> int:
    """Let the loop process the evaluation stored in `state`; return what it wants next."""
    return line_search_loop.run(objective, method, search, state, EACH_EVALUATION)


@tell.register(Schedule)
def _tell(search: NamedTuple, objective: Objective, method: NamedTuple, state: State) -> int:
    return first_order_loop.run(objective, method, search, state, EACH_EVALUATION)


class States(NamedTuple):
    """The states of all problems, one after another in memory that the driver holds.

    Attributes
    ----------
    blank : State
        A state at the beginning of a run; not changed.
    address : int
        Address of the first state.
    size : int
        Bytes from one state to the next.
    """

    blank: State
    address: int
    size: int


class Told(NamedTuple):
    """Evaluations of the running problems, one a row.

    Attributes
    ----------
    F : ndarray, float64, shape (r,)
    G : ndarray, float64, shape (r, n)
    overdue : int
        1 if the deadline has passed.
    """

    F: np.ndarray
    G: np.ndarray
    overdue: int


@kernel
def bytes_of(blank: State) -> int:
    """Return the size in bytes of a state with the shapes of `blank`."""
    return placed_size(borrow(blank))


@fragment
def state_of(states: States, i: int) -> State:
    """Return the state of problem i, as views that own no memory."""
    return placed_at(states.blank, states.address + i * states.size)


@kernel
def set_out(states: States, starts: np.ndarray) -> None:
    """Initialise the states of all problems, from the starts in the rows of an array."""
    states = borrow(states)
    for i in range(starts.shape[0]):
        renew(state_of(states, i), states.blank, starts[i], NEVER)


@kernel
def gather(states: States, running: np.ndarray, X: np.ndarray) -> None:
    """Write the trial points of the running problems to the rows of X."""
    states = borrow(states)
    for j in range(running.size):
        copy(X[j], state_of(states, running[j]).x_trial)


@kernel
def tell_all(
    method: NamedTuple, search: NamedTuple, states: States, running: np.ndarray, told: Told, results: Outcomes
) -> int:
    """Pass its value and gradient to every running problem; write the results of those that end.

    Parameters
    ----------
    method, search : NamedTuple
    states : States
    running : ndarray, int64, shape (r,)
        Indices of the running problems. Overwritten: its first elements are then the problems that
        go on, in order.
    told : Told
    results : Outcomes
        Overwritten in the rows of the problems that end.

    Returns
    -------
    int
        Number of problems that go on.
    """
    states, results = borrow(states), borrow(results)
    left = 0
    for j in range(running.size):
        i = running[j]
        state = state_of(states, i)
        s = state.scalars[0]
        s.nfev += 1
        s.njev += 1
        s.overdue = told.overdue
        copy(state.g_trial, told.G[j])
        s.f_trial = told.F[j]
        if tell(search, TOLD, method, state) == NOTHING:
            write_row(results, i, state)
            results.rows[i].status = s.status
        else:
            running[left] = i
            left += 1
    return left


@kernel
def write_all(states: States, running: np.ndarray, results: Outcomes) -> None:
    """Write the current iterates of problems that have not ended to their rows of the results."""
    states, results = borrow(states), borrow(results)
    for i in running:
        state = state_of(states, i)
        if state.scalars[0].njev > 0:
            write_row(results, i, state)


def solve_in_lockstep(
    fun: Callable[..., Any],
    args: tuple,
    batch_args: tuple,
    blank: State,
    settings: Settings,
    results: Outcomes,
    tick: Callable[[int], Any],
) -> None:
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
        If F or G does not have the shape that follows from X, or does not hold real numbers.
    TypeError
        If fun does not return two of them.
    """
    k, n = results.x.shape
    size = bytes_of(blank)
    memory = np.empty(k * size + CACHE_LINE, np.uint8)
    states = States(blank, -(-memory.ctypes.data // CACHE_LINE) * CACHE_LINE, size)
    set_out(states, results.x)
    deadline = time.monotonic_ns() + settings.controls.get("time_limit", NEVER)
    running = np.arange(k)
    try:
        while running.size:
            X = np.empty((running.size, n))
            gather(states, running, X)
            returned = fun(X, running.copy(), *args, *(array[running] for array in batch_args))
            if not (isinstance(returned, (tuple, list)) and len(returned) == 2):
                got = f"{len(returned)} items" if isinstance(returned, (tuple, list)) else type(returned).__name__
                raise TypeError(f"with vectorized=True, fun must return a pair (F, G); it returns {got}")
            F, G = returned
            F, G = evaluated("F", F, (running.size,)), evaluated("G", G, (running.size, n))
            told = Told(F, G, int(time.monotonic_ns() >= deadline))
            with original_errors():
                left = tell_all(settings.method, settings.search, states, running, told, results)
            running = running[:left]
            tick(k - left)
    except BaseException:
        write_all(states, running, results)
        raise


def evaluated(name: str, given: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return the output of a vectorized objective as a contiguous float64 array.

    Raises
    ------
    ValueError
        If its shape is not `shape`, or it has what is no real number.
    """
    if is_masked(given):
        raise ValueError(f"{name} has masked values, which are no numbers")
    array = real_array(np.asarray(given), name)
    if array.dtype.kind not in "buif":
        raise ValueError(f"fun must return {name} of real numbers; got {array.dtype}")
    if array.shape != shape:
        raise ValueError(f"fun must return {name} of shape {shape} for these rows of X; got {array.shape}")
    return np.asarray(array, dtype=np.float64, order="C")
