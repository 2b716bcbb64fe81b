"""Loop over the mini-batches of an epoch, for a mean over samples.

The samples of a batch are copied to buffers that are the arguments of the objective, so the batch
is evaluated like any other objective. Samples are copied as bytes, so the loop is compiled once for
all types of data.
"""

from typing import NamedTuple

import numpy as np

from quasinewton._loops.clock import PACE, begin_slice, slice_over
from quasinewton._methods.first_order.base import Moments, advance
from quasinewton._numba_ext.arrays import copy_bytes
from quasinewton._numba_ext.interpreted import memory_at
from quasinewton._numba_ext.jit import inlined, kernel
from quasinewton._numba_ext.linalg import copy, dot
from quasinewton._numba_ext.tuples import borrow
from quasinewton._numba_ext.uncompiled import in_python
from quasinewton._objective.interface import GRADIENT, VALUE, Objective, call, vector
from quasinewton.schedules.formulas import factor
from quasinewton.status import STATUS_NONFINITE, STATUS_RUNNING

BYTE = np.dtype(np.uint8)
COLUMN = np.dtype(
    [
        ("source", "i8"),  # address of the first sample
        ("target", "i8"),  # address of the buffer
        ("row", "i8"),  # bytes of a sample
    ],
    align=True,
)

SCALARS = np.dtype(
    [
        ("samples", "i8"),
        ("batch", "i8"),  # samples in a batch; the last one may be smaller
        ("next", "i8"),  # index into the order at which the next batch begins
        ("epoch", "i8"),  # epochs completed
        ("nfev", "i8"),
        ("njev", "i8"),
        ("rate", "f8"),  # learning rate of the last step
        ("loss", "f8"),  # Σ f times batch size, over the finite batches of this epoch
        ("counted", "i8"),  # samples in the finite batches of this epoch
        ("square", "f8"),  # Σ g·g over the finite batches of this epoch
        ("steps", "i8"),  # number of finite batches in this epoch
        ("skip", "i8"),  # 1: a batch with f or g not finite is skipped; 0: it ends the run
        ("skipped", "i8"),  # batches skipped so far
        ("average_from", "i8"),  # steps made before the first iterate that is averaged
        ("averaged", "i8"),  # iterates in the average
        ("best_loss", "f8"),  # least loss on the validation data
        ("waited", "i8"),  # epochs since best_loss was reached
    ]
    + PACE.descr,
    align=True,
)


class Epochs(NamedTuple):
    """Complete state of a run over mini-batches, between two batches.

    `x, g, x_trial` have shape (n,). `average`, the mean of the iterates, and `best`, the point of
    least validation loss, have shape (n,), or (0,) if they are not used. `order`, int64, shape
    (samples,), is the order of the samples in this epoch. `scalars[0]` is a record SCALARS;
    `memory` is the memory of the method.
    """

    x: np.ndarray
    g: np.ndarray
    x_trial: np.ndarray
    average: np.ndarray
    best: np.ndarray
    order: np.ndarray
    scalars: np.ndarray
    memory: Moments


class Batches(NamedTuple):
    """Objective on the buffers of a batch, and where their contents come from.

    `whole` is the objective on a full batch, `rest` the one on the last batch, which may be
    smaller. `columns` holds a record COLUMN for each array of the data.
    """

    whole: Objective
    rest: Objective
    columns: np.ndarray


def _gather_in_python(columns, order, begin, size):
    chosen = order[begin : begin + size]
    for column in columns:
        row = int(column.row)
        samples = memory_at(column.source, order.size * row, BYTE).reshape(-1, row)
        memory_at(column.target, size * row, BYTE).reshape(-1, row)[:] = samples[chosen]


@in_python(_gather_in_python)
@inlined
def gather(columns, order, begin, size):
    """Copy the samples order[begin], …, order[begin + size − 1] to the buffers."""
    for j in range(columns.size):
        column = columns[j]
        source, target, row = column.source, column.target, column.row
        if row % 8 == 0:  # copying words inline saves a call for each sample
            for k in range(size):
                copy(vector(target + k * row, row // 8), vector(source + order[begin + k] * row, row // 8))
        else:
            for k in range(size):
                copy_bytes(target + k * row, source + order[begin + k] * row, row)


@kernel
def run(batches, method, schedule, state):
    """Make a step for each batch until the epoch is over or control must return to the caller.

    Parameters
    ----------
    batches : Batches
    method : NamedTuple
    schedule : Schedule
    state : Epochs
        Updated.

    Returns
    -------
    int
        STATUS_RUNNING if the epoch, the slice or the time is over. STATUS_NONFINITE if f or g of a
        batch is not finite and such batches are not skipped; no step is made for that batch.
    """
    state = borrow(state)
    s, record = state.scalars[0], state.memory.record[0]
    x, g = state.x, state.g
    begin_slice(s)
    while s.next < s.samples:
        size = min(s.batch, s.samples - s.next)
        gather(batches.columns, state.order, s.next, size)
        objective = batches.whole if size == s.batch else batches.rest
        copy(state.x_trial, x)
        f = call(objective.address, state.x_trial, g, g, VALUE | GRADIENT, objective.data)
        s.next += size
        s.nfev += 1 + objective.values
        s.njev += 1
        gg = dot(g, g)
        if np.isfinite(f) and np.isfinite(gg):
            s.loss += size * f
            s.counted += size
            s.square += gg
            s.steps += 1
            s.rate = method.lr * factor(schedule, record.t)
            advance(method, state.memory, x, g, s.rate)
            if record.t > s.average_from and state.average.size > 0:
                s.averaged += 1
                for i in range(x.size):
                    state.average[i] += (x[i] - state.average[i]) / s.averaged
        elif s.skip:
            s.skipped += 1
        else:
            return STATUS_NONFINITE
        if slice_over(s) or s.overdue:
            break
    return STATUS_RUNNING


@kernel
def mean(batches, x, x_trial, total, g, samples, batch, what):
    """Return the mean of the objective over all samples, batch by batch in the order of the data.

    Parameters
    ----------
    batches : Batches
    x, x_trial, total, g : ndarray, float64, shape (n,)
        The point; workspace; the mean gradient, overwritten; workspace. Without GRADIENT the last
        two may have length 0.
    samples, batch : int
        Number of samples, and of samples in a full batch.
    what : int
        VALUE, or VALUE | GRADIENT.

    Returns
    -------
    float
        The mean of f.
    """
    loss = 0.0
    for i in range(total.size):
        total[i] = 0.0
    for begin in range(0, samples, batch):
        size = min(batch, samples - begin)
        for j in range(batches.columns.size):
            column = batches.columns[j]
            copy_bytes(column.target, column.source + begin * column.row, size * column.row)
        objective = batches.whole if size == batch else batches.rest
        copy(x_trial, x)
        loss += size * call(objective.address, x_trial, g, g, what, objective.data)
        if what & GRADIENT:
            for i in range(total.size):
                total[i] += size * g[i]
    for i in range(total.size):
        total[i] /= samples
    return loss / samples
