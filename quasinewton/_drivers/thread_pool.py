"""Thread pool of a batch: each thread solves one problem after another in compiled code, GIL-free.

A thread takes the index of its next problem by an atomic increment of a shared counter, so a slow
problem delays no other. Each thread has its own state, which is reset for every problem and not
reallocated. No data passes from one problem to another, so the bits of a result depend neither on
the number of threads nor on the thread that computed it.
"""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from quasinewton._drivers.batch_result import Outcomes, Remarks, put_ended, put_raised, put_row, write_row
from quasinewton._drivers.checkpoint import Checkpoint
from quasinewton._drivers.finalize import finished, unfinished
from quasinewton._drivers.run import drive, original_errors
from quasinewton._drivers.tiered_loop import state_size
from quasinewton._loops import first_order_loop, line_search_loop
from quasinewton._loops.clock import NEVER
from quasinewton._loops.state import NOTHING, State, renew
from quasinewton._numba_ext import python_first
from quasinewton._numba_ext.addresses import address_of, enter
from quasinewton._numba_ext.arrays import fetch_add
from quasinewton._numba_ext.jit import INNER, kernel
from quasinewton._numba_ext.linalg import copy
from quasinewton._numba_ext.tuples import borrow, store
from quasinewton._objective.build import Prepared
from quasinewton._objective.differenced import with_data
from quasinewton._objective.interface import HESSIAN, Objective, call
from quasinewton._objective.linking import layers
from quasinewton._objective.packed_args import pack
from quasinewton._options.read import Settings, traits_of
from quasinewton.status import STATUS_LINE_SEARCH, Status

# Places of the three shared integers in an array of int64, each in a cache line of its own.
NEXT = 0  # index of the next problem to be taken
STOP = 8  # nonzero if the threads must stop
FINISHED = 16  # number of problems finished by compiled code
BOARD = 24  # length of that array

# Reasons for a thread to return to the interpreter.
NO_MORE = 0  # no problem is left
STOPPED = 1  # a stop was requested in the middle of a problem
UNDIAGNOSED = 2  # a line search failed, and its diagnosis needs the interpreter

PAGE = 1 << 26  # bytes; packed arguments held in memory at a time
POLLING = 0.05  # seconds; polling interval of the main thread


def address_of_loop(method: NamedTuple, search: NamedTuple, objective: Objective, state: State) -> int:
    """Return the address of the compiled loop for these types.

    It is the loop that `minimize` uses, so a batch does not compile another one.

    Parameters
    ----------
    method, search : NamedTuple
    objective : Objective
    state : State

    Returns
    -------
    int
    """
    run = first_order_loop.run if traits_of(method).first_order else line_search_loop.run
    kinds = tuple(numba.typeof(value) for value in (objective, method, search, state, 0))
    run.compile(kinds)
    return address_of(run, types.int64(*kinds))


@intrinsic
def call_loop(typingctx: Any, address: Any, objective: Any, method: Any, search: Any, state: Any) -> Any:
    """Call the loop at an address and return the evaluation it wants next.

    Exceptions of the objective propagate.
    """
    signature = types.int64(types.intp, objective, method, search, state)

    def codegen(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        inner = types.int64(*signature.args[1:], types.int64)
        each = context.get_constant(types.int64, 0)
        return enter(context, builder, values[0], inner, (*values[1:], each))

    return signature, codegen


class Task(NamedTuple):
    """What `work` reads, and does not change.

    Attributes
    ----------
    run : int
        Address of the loop; see `address_of_loop`.
    objective : Objective
    depth : int
        Number of wrappers around the user's own objective; see `objective.linking.layers`.
    data, stride : int
        The packed arguments of problem i are at the address data + i stride.
    method, search : NamedTuple
    time_limit : int
        Nanoseconds for each problem.
    last : int
        End of the range of problems, exclusive.
    """

    run: int
    objective: Objective
    depth: int
    data: int
    stride: int
    method: NamedTuple
    search: NamedTuple
    time_limit: int
    last: int


@kernel
def work(task: Task, state: State, blank: State, board: np.ndarray, place: np.ndarray, results: Outcomes) -> int:
    """Solve one problem after another until none is left.

    Parameters
    ----------
    task : Task
    state : State
        Workspace.
    blank : State
        A state at the beginning of a run, shared by all threads; not changed.
    board : ndarray, int64, shape (BOARD,)
        Shared counters: NEXT, STOP and FINISHED. Overwritten.
    place : ndarray, int64, shape (1,)
        Overwritten with the index of the current problem.
    results : Outcomes
        Shared, overwritten; x holds the starts.

    Returns
    -------
    int
        NO_MORE, STOPPED or UNDIAGNOSED.
    """
    # An exception unwinds without releasing references, so views that own none are used.
    state, blank, results = borrow(state), borrow(blank), borrow(results)
    board, place = borrow((board, place))
    s = state.scalars[0]
    while True:
        i = fetch_add(board, NEXT, 1)
        if i >= task.last or fetch_add(board, STOP, 0):
            return NO_MORE
        place[0] = i
        renew(state, blank, results.x[i], task.time_limit)
        mine = with_data(task.objective, task.depth, task.data + i * task.stride)
        while call_loop(task.run, mine, task.method, task.search, state) != NOTHING:
            if fetch_add(board, STOP, 0):
                return STOPPED
        if s.status == STATUS_LINE_SEARCH:
            return UNDIAGNOSED
        if results.hess.size > 0 and s.hessian_nit != s.nit and np.isfinite(s.f):
            copy(state.x_trial, state.x)
            call(mine.address, state.x_trial, state.g, state.hessian, HESSIAN, mine.data)
            s.nhev += 1
            s.nfev += mine.hessian_values
            s.njev += mine.hessian_gradients
        write_row(results, i, state)
        # The atomic addition is also a memory fence: a thread that reads the status reads the row.
        fetch_add(board, FINISHED, 1)
        results.rows[i].status = s.status


def rows(arrays: tuple, i: int) -> Any:
    """Return row i of every array of a tuple, for compiled code; an element if one-dimensional."""


@overload(rows, jit_options=INNER)
def _rows(arrays, i):  # type: ignore[no-untyped-def]  # Numba wants the signature of the implementation
    if len(arrays) == 0:
        return lambda arrays, i: ()
    return lambda arrays, i: (arrays[0][i],) + rows(arrays[1:], i)


@kernel
def pack_rows(args: tuple, batch_args: tuple, first: int, blocks: np.ndarray) -> None:
    """Pack the arguments of problems `first`, `first` + 1, ... into the rows of `blocks`, uint8."""
    for j in range(blocks.shape[0]):
        store(args + rows(batch_args, first + j), blocks[j])


class ThreadPool:
    """Pool of threads that solve the problems of a batch.

    Parameters
    ----------
    bind, fresh : callable
        bind() -> Prepared and fresh() -> State for one thread, with memory of their own.
    args, batch_args : tuple
        Arguments common to all problems, and arrays with one row per problem; converted for
        compiled code.
    settings : Settings
    results : Outcomes
    remarks : Remarks
    n_jobs : int
        Number of threads.
    """

    def __init__(
        self,
        bind: Callable[[], Prepared],
        fresh: Callable[[], State],
        args: tuple,
        batch_args: tuple,
        settings: Settings,
        results: Outcomes,
        remarks: Remarks,
        n_jobs: int,
    ) -> None:
        self.args, self.batch_args, self.settings = args, batch_args, settings
        self.results, self.remarks, self.blank = results, remarks, fresh()
        self.workers = [(bind(), fresh(), np.zeros(1, np.int64)) for _ in range(n_jobs)]
        self.depth = layers(self.workers[0][0].objective)
        self.entry = address_of_loop(settings.method, settings.search, self.workers[0][0].objective, self.blank)
        self.board = np.zeros(BOARD, np.int64)
        self.failures: list[BaseException] = []  # what ended a thread

    def run(self, tick: Callable[[int], Any]) -> None:
        """Solve all problems.

        Parameters
        ----------
        tick : callable
            tick(finished) is called by this thread about every POLLING seconds. An exception from
            it or from a signal stops the threads and is raised when they have stopped.
        """
        k, example = len(self.results.rows), pack(self.args + rows_of(self.batch_args, 0))
        page = max(1, PAGE // example.size) if self.batch_args else k
        blocks = np.empty((min(page, k), example.size), np.uint8) if self.batch_args else example[None]
        stride = blocks.strides[0] if self.batch_args else 0
        for first in range(0, k, page):
            last = min(first + page, k)
            if self.batch_args:
                pack_rows(self.args, self.batch_args, first, blocks[: last - first])
            self._run_page(blocks.ctypes.data - first * stride, stride, first, last, tick)

    def _run_page(self, data: int, stride: int, first: int, last: int, tick: Callable[[int], Any]) -> None:
        self.board[NEXT] = first
        threads = [
            threading.Thread(target=self._thread_main, args=(*worker, data, stride, last), daemon=True)
            for worker in self.workers[: last - first]
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(POLLING)
                    tick(self._finished())
        finally:
            self.board[STOP] = any(thread.is_alive() for thread in threads)
            for thread in threads:
                if thread.ident is not None:  # it is None if a signal arrived before the start
                    thread.join()
        if self.failures:
            raise self.failures[0]
        tick(self._finished())

    def _finished(self) -> int:
        return int(self.board[FINISHED]) + len(self.remarks.errors) + len(self.remarks.messages)

    def _thread_main(
        self, prepared: Prepared, state: State, place: np.ndarray, data: int, stride: int, last: int
    ) -> None:
        """Solve problems until none is left; the target function of a thread."""
        try:
            while self._solve_until_interrupted(prepared, state, place, data, stride, last):
                pass
        except BaseException as error:
            self.board[STOP] = 1
            self.failures.append(error)

    def _solve_until_interrupted(
        self, prepared: Prepared, state: State, place: np.ndarray, data: int, stride: int, last: int
    ) -> bool:
        """Solve problems until one needs the interpreter; return True if problems may be left."""
        settings, results, remarks = self.settings, self.results, self.remarks
        run = Checkpoint(settings.method, settings.search, state)
        limit = settings.controls.get("time_limit", NEVER)
        inner = settings.method, settings.search
        task = Task(self.entry, prepared.objective, self.depth, data, stride, *inner, limit, last)
        place[0] = -1
        try:
            with original_errors():
                outcome = work(task, state, self.blank, self.board, place, results)
        except Exception as error:
            if place[0] < 0:
                raise
            put_raised(results, remarks, int(place[0]), unfinished(run, Status.RUNNING, prepared.mode), error)
            return True
        i = int(place[0])
        if outcome == STOPPED:
            put_row(results, i, unfinished(run, Status.RUNNING, prepared.mode), Status.RUNNING)
        elif outcome == UNDIAGNOSED:
            problem = prepared.problem._replace(args=self.args + rows_of(self.batch_args, i))
            prepared = prepared._replace(problem=problem)
            if not self.depth:
                prepared = prepared._replace(objective=prepared.objective._replace(data=data + i * stride))
            try:
                status = Status(int(state.scalars[0]["status"]))
                put_ended(results, remarks, i, finished(prepared, run, status))
            except Exception as error:
                put_raised(results, remarks, i, unfinished(run, Status.RUNNING, prepared.mode), error)
        return outcome == UNDIAGNOSED


def rows_of(batch_args: tuple[np.ndarray, ...], i: int) -> tuple:
    """Return row i of every array of a tuple, in Python."""
    return tuple(array[i] for array in batch_args)


def solve_in_turn(
    bind: Callable[[int], Prepared],
    fresh: Callable[[], State],
    settings: Settings,
    results: Outcomes,
    remarks: Remarks,
    tick: Callable[[int], Any],
) -> None:
    """Solve all problems one after another in this thread, for objectives that are not compiled.

    Parameters
    ----------
    bind : callable
        bind(i) -> Prepared for problem i.
    fresh, settings, results, remarks, tick
        As for `ThreadPool`.
    """
    state, blank = fresh(), fresh()
    run = Checkpoint(settings.method, settings.search, state)
    for i in range(len(results.rows)):
        prepared = bind(i)
        limit = settings.controls.get("time_limit", NEVER)
        python_first.call(renew, state_size(state), state, blank, results.x[i], limit, varied=True)
        try:
            status, _ = drive(prepared.objective, settings, state, None, None)
            put_ended(results, remarks, i, finished(prepared, run, status))
        except Exception as error:
            put_raised(results, remarks, i, unfinished(run, Status.RUNNING, prepared.mode), error)
        except BaseException:
            put_row(results, i, unfinished(run, Status.RUNNING, prepared.mode), Status.RUNNING)
            raise
        tick(i + 1)
