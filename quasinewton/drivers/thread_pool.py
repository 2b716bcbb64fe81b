"""A crew: threads that solve many problems, each in compiled code without the GIL, one problem
after another.

A problem is handed out when somebody is free for it, by an atomic addition to a shared counter: a
slow problem holds nobody else. Each thread has its own state, which is renewed for every problem
and not allocated anew, and nothing of one problem is seen by another: the bits of a result depend
neither on the number of threads nor on who solved it.
"""

import threading

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic, overload

from quasinewton.drivers.batch_result import put, put_ended, put_raised, write
from quasinewton.drivers.checkpoint import Checkpoint
from quasinewton.drivers.finalize import finished, unfinished
from quasinewton.drivers.run import drive, loop_of
from quasinewton.loops.clock import NEVER
from quasinewton.loops.state import NOTHING, renew
from quasinewton.numba_ext.addresses import address_of, enter
from quasinewton.numba_ext.arrays import fetch_add
from quasinewton.numba_ext.jit import INNER, kernel
from quasinewton.numba_ext.linalg import copy
from quasinewton.numba_ext.tuples import borrow, store
from quasinewton.objective.build import layers
from quasinewton.objective.finite_differences import with_data
from quasinewton.objective.interface import HESSIAN, call
from quasinewton.objective.packed_args import pack
from quasinewton.status import NO_PROGRESS, Status

# What the threads share: three integers, each alone in its cache line.
NEXT = 0  # the first problem that nobody has taken
STOP = 8  # whether to stop
FINISHED = 16  # problems that are finished
BOARD = 24

# Why a thread comes back to the interpreter.
NO_MORE = 0  # no problem is left
STOPPED = 1  # in the middle of a problem
BAFFLED = 2  # a search has failed: the diagnosis is the interpreter's

PAGE = 1 << 26  # bytes of packed arguments at a time
BREATH = 0.05  # seconds between two looks at the threads


def entry(method, search, objective, state):
    """Address of the compiled loop for these types: that of `minimize`, so that nothing is compiled
    for batches anew.

    Parameters
    ----------
    method, search : NamedTuple
    objective : Objective
    state : State

    Returns
    -------
    int
    """
    run = loop_of(method)
    kinds = tuple(numba.typeof(value) for value in (objective, method, search, state, 0))
    run.compile(kinds)
    return address_of(run, types.int64(*kinds))


@intrinsic
def solve(typingctx, address, objective, method, search, state):
    """Enter the loop at an address; return what it wants next. An exception of the objective passes
    through.
    """
    signature = types.int64(types.intp, objective, method, search, state)

    def codegen(context, builder, signature, values):
        inner = types.int64(*signature.args[1:], types.int64)
        each = context.get_constant(types.int64, 0)
        return enter(context, builder, values[0], inner, (*values[1:], each))

    return signature, codegen


@kernel
def work(
    run, objective, depth, data, stride, method, search, state, blank, time_limit, last, board, place, results
):
    """Solve one problem after another until none is left.

    Parameters
    ----------
    run : int
        Address of the loop; see `entry`.
    objective : Objective
    depth : int
        How many wrappings there are around the user's own.
    data, stride : int
        Problem i has its packed arguments at data + i stride.
    method, search : NamedTuple
    state : State
        Workspace.
    blank : State
        A fresh one, shared.
    time_limit : int
        Nanoseconds for each problem.
    last : int
        The problem not to solve any more.
    board : ndarray, int64, shape (BOARD,)
        Shared.
    place : ndarray, int64, shape (1,)
        The problem that is being solved.
    results : Outcomes
        Shared. x holds the starts.

    Returns
    -------
    int
        NO_MORE, STOPPED or BAFFLED.
    """
    # An exception leaves without counting references down: there are to be none.
    state, blank, results = borrow(state), borrow(blank), borrow(results)
    board, place = borrow((board, place))
    s = state.scalars[0]
    while True:
        i = fetch_add(board, NEXT, 1)
        if i >= last or fetch_add(board, STOP, 0):
            return NO_MORE
        place[0] = i
        renew(state, blank, results.x[i], time_limit)
        mine = with_data(objective, depth, data + i * stride)
        while solve(run, mine, method, search, state) != NOTHING:
            if fetch_add(board, STOP, 0):
                return STOPPED
        if s.status == NO_PROGRESS:
            return BAFFLED
        if results.hess.size > 0 and s.hessian_nit != s.nit and np.isfinite(s.f):
            copy(state.x_trial, state.x)
            call(mine.address, state.x_trial, state.g, state.hessian, HESSIAN, mine.data)
            s.nhev += 1
            s.nfev += mine.hessian_values
            s.njev += mine.hessian_gradients
        write(results, i, state)
        fetch_add(board, FINISHED, 1)  # also a fence: whoever sees the status sees the row
        results.rows[i].status = s.status


def rows(arrays, i):
    """Row i of every array of a tuple; of arrays with one dimension, an element."""


@overload(rows, jit_options=INNER)
def _rows(arrays, i):
    if len(arrays) == 0:
        return lambda arrays, i: ()
    return lambda arrays, i: (arrays[0][i],) + rows(arrays[1:], i)


@kernel
def pack_rows(args, batch_args, first, blocks):
    """Pack the arguments of problems `first`, `first` + 1, ... into the rows of the uint8 array
    `blocks`.
    """
    for j in range(blocks.shape[0]):
        store(args + rows(batch_args, first + j), blocks[j])


class Crew:
    """Threads at work on the problems of a batch.

    Parameters
    ----------
    bind, fresh : callable
        bind() -> Prepared and fresh() -> State for one worker, with memory of their own.
    args, batch_args : tuple
        Of all problems, and of each; such as compiled code takes.
    settings : Settings
    results : Outcomes
    remarks : Remarks
    n_jobs : int
        Number of threads.
    """

    def __init__(self, bind, fresh, args, batch_args, settings, results, remarks, n_jobs):
        self.args, self.batch_args, self.settings = args, batch_args, settings
        self.results, self.remarks, self.blank = results, remarks, fresh()
        self.workers = [(bind(), fresh(), np.zeros(1, np.int64)) for _ in range(n_jobs)]
        self.depth = layers(self.workers[0][0].objective)
        self.entry = entry(settings.method, settings.search, self.workers[0][0].objective, self.blank)
        self.board = np.zeros(BOARD, np.int64)
        self.failures = []

    def run(self, tick):
        """Solve all problems.

        Parameters
        ----------
        tick : callable
            tick(finished) is called by this thread now and then. Whatever it raises, or a signal
            raises here, stops the threads, and is raised again when they have stopped.
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

    def _run_page(self, data, stride, first, last, tick):
        self.board[NEXT] = first
        threads = [
            threading.Thread(target=self._labour, args=(*worker, data, stride, last), daemon=True)
            for worker in self.workers[: last - first]
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(BREATH)
                    tick(self._finished())
        finally:
            self.board[STOP] = any(thread.is_alive() for thread in threads)
            for thread in threads:
                if thread.ident is not None:  # else a signal came before its start
                    thread.join()
        if self.failures:
            raise self.failures[0]
        tick(self._finished())

    def _finished(self):
        return int(self.board[FINISHED]) + len(self.remarks.errors) + len(self.remarks.messages)

    def _labour(self, prepared, state, place, data, stride, last):
        """What a thread does."""
        try:
            while self._go_on(prepared, state, place, data, stride, last):
                pass
        except BaseException as error:
            self.board[STOP] = 1
            self.failures.append(error)

    def _go_on(self, prepared, state, place, data, stride, last):
        """Solve problems until one needs the interpreter; return whether there may be more of them.
        """
        settings, results, remarks = self.settings, self.results, self.remarks
        at = Checkpoint(settings.method, settings.search, state)
        place[0] = -1
        try:
            outcome = work(
                self.entry,
                prepared.objective,
                self.depth,
                data,
                stride,
                settings.method,
                settings.search,
                state,
                self.blank,
                settings.controls.get("time_limit", NEVER),
                last,
                self.board,
                place,
                results,
            )
        except Exception as error:
            if place[0] < 0:
                raise
            put_raised(results, remarks, int(place[0]), unfinished(at, Status.RUNNING, prepared.mode), error)
            return True
        i = int(place[0])
        if outcome == STOPPED:
            put(results, i, unfinished(at, Status.RUNNING, prepared.mode), Status.RUNNING)
        elif outcome == BAFFLED:
            prepared = prepared._replace(
                given=prepared.given._replace(args=self.args + rows_of(self.batch_args, i))
            )
            if not self.depth:
                prepared = prepared._replace(objective=prepared.objective._replace(data=data + i * stride))
            try:
                status = Status(int(state.scalars[0]["status"]))
                put_ended(results, remarks, i, finished(prepared, at, status))
            except Exception as error:
                put_raised(results, remarks, i, unfinished(at, Status.RUNNING, prepared.mode), error)
        return outcome == BAFFLED


def rows_of(batch_args, i):
    """Row i of every array, in Python."""
    return tuple(array[i] for array in batch_args)


def solve_in_turn(bind, fresh, settings, results, remarks, tick):
    """Solve all problems one after another, through the interpreter.

    Parameters
    ----------
    bind : callable
        bind(i) -> Prepared, of problem i.
    fresh, settings, results, remarks, tick
        As for `Crew`.
    """
    state, blank = fresh(), fresh()
    at = Checkpoint(settings.method, settings.search, state)
    for i in range(len(results.rows)):
        prepared = bind(i)
        renew(state, blank, results.x[i], settings.controls.get("time_limit", NEVER))
        try:
            status, _ = drive(prepared.objective, settings, state, None, None)
            put_ended(results, remarks, i, finished(prepared, at, status))
        except Exception as error:
            put_raised(results, remarks, i, unfinished(at, Status.RUNNING, prepared.mode), error)
        except BaseException:
            put(results, i, unfinished(at, Status.RUNNING, prepared.mode), Status.RUNNING)
            raise
        tick(i + 1)
