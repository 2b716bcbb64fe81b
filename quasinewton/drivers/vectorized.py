"""Problems in lockstep: the user evaluates all that still run in one call, and each descent digests its own part.

For objectives that are only fast on many points at once: array programs (JAX, PyTorch), and evaluators behind a
network. Each problem has a state of its own and stops by itself; those that have ended are no longer evaluated.
"""

import time

import numpy as np
from numba.core import types
from numba.extending import intrinsic

from quasinewton.drivers.batch_result import write
from quasinewton.loops import fixed_step_loop, line_search_loop
from quasinewton.loops.clock import NEVER
from quasinewton.loops.state import NOTHING, renew
from quasinewton.numba_ext.jit import generic, kernel
from quasinewton.numba_ext.linalg import copy
from quasinewton.objective.packed_args import borrow
from quasinewton.schedules import Schedule

LINE = 64  # bytes: every array of a state begins a line of the cache
APART = 512  # bytes from one array to the next, at least; see `linalg.CLEARANCE`


def _placed(context, builder, kind, value, address, offset):
    """The same value with its arrays moved to address + offset and on, and the offset behind them."""
    if isinstance(kind, types.BaseTuple):
        for index, item in enumerate(kind):
            part = builder.extract_value(value, index)
            part, offset = _placed(context, builder, item, part, address, offset)
            value = builder.insert_value(value, part, index)
        return value, offset
    if not isinstance(kind, types.Array):
        return value, offset
    array = context.make_array(kind)(context, builder, value)
    array.data = builder.inttoptr(builder.add(address, offset), array.data.type)
    apart, last, mask = (context.get_constant(types.intp, number) for number in (APART, LINE - 1, -LINE))
    size = builder.and_(builder.add(builder.mul(array.nitems, array.itemsize), last), mask)
    size = builder.select(builder.icmp_signed(">", size, apart), size, apart)
    return array._getvalue(), builder.add(offset, size)


@intrinsic
def state_at(typingctx, blank, address):
    """The state with the shapes of `blank` whose arrays lie one behind the other from an address on."""

    def codegen(context, builder, signature, values):
        zero = context.get_constant(types.intp, 0)
        return _placed(context, builder, blank, values[0], values[1], zero)[0]

    return blank(blank, types.intp), codegen


@intrinsic
def state_size(typingctx, blank):
    """Bytes of a state that `state_at` places."""

    def codegen(context, builder, signature, values):
        zero = context.get_constant(types.intp, 0)
        return _placed(context, builder, blank, values[0], zero, zero)[1]

    return types.intp(blank), codegen


@generic
def tell(search, method, state, f):
    """Digest an evaluation."""
    line_search_loop.tell(method, search, state, f)


@tell.register(Schedule)
def _tell(search, method, state, f):
    fixed_step_loop.tell(method, search, state, f)


@kernel
def bytes_of(blank):
    """Bytes of a state with the shapes of `blank`."""
    return state_size(borrow(blank))


@kernel
def set_out(blank, address, size, starts):
    """Make the states of all problems, in memory from `address` on, `size` bytes each."""
    blank = borrow(blank)
    for i in range(starts.shape[0]):
        renew(state_at(blank, address + i * size), blank, starts[i], NEVER)


@kernel
def gather(blank, address, size, running, X):
    """Write the points that are to be evaluated to the rows of X."""
    blank = borrow(blank)
    for j in range(running.size):
        copy(X[j], state_at(blank, address + running[j] * size).x_trial)


@kernel
def tell_all(method, search, blank, address, size, running, F, G, overdue, results):
    """Let every running problem digest its value and gradient; write those that have ended to their rows.

    Returns
    -------
    int
        How many go on: these stand in the first places of `running`, in order. The others have been overwritten.
    """
    blank, results = borrow(blank), borrow(results)
    left = 0
    for j in range(running.size):
        i = running[j]
        state = state_at(blank, address + i * size)
        s = state.scalars[0]
        s.nfev += 1
        s.njev += 1
        s.overdue = overdue
        copy(state.g_trial, G[j])
        tell(search, method, state, F[j])
        if s.want == NOTHING:
            write(results, i, state)
            results.rows[i].status = s.status
        else:
            running[left] = i
            left += 1
    return left


@kernel
def write_all(blank, address, size, running, results):
    """Write the current iterates of problems that have not ended to their rows."""
    blank, results = borrow(blank), borrow(results)
    for i in running:
        state = state_at(blank, address + i * size)
        if state.scalars[0].njev > 0:
            write(results, i, state)


def solve(fun, args, batch_args, blank, settings, results, tick):
    """Solve all problems with one evaluation of those that run at a time.

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
        If F or G does not have the shape that X asks for.
    """
    k, n = results.x.shape
    size = bytes_of(blank)
    memory = np.empty(k * size + LINE, np.uint8)
    address = -(-memory.ctypes.data // LINE) * LINE
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
            left = tell_all(settings.method, settings.search, blank, address, size, running, F, G, overdue, results)
            running = running[:left]
            tick(k - left)
    except BaseException:
        write_all(blank, address, size, running, results)
        raise


def evaluated(name, given, shape):
    """What a vectorized objective returned, as a contiguous float64 array.

    Raises
    ------
    ValueError
        If it has another shape.
    """
    array = np.asarray(given, dtype=np.float64, order="C")
    if array.shape != shape:
        raise ValueError(f"fun must return {name} of shape {shape} for these rows of X; got {array.shape}")
    return array
