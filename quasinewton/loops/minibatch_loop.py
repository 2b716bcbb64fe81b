"""Epochs: a mean over samples, a mini-batch at a time.

A batch is gathered into buffers that the objective has as its arguments, so it is evaluated like
any other objective; rows are copied as bytes, so the loop is compiled once for all data.
"""

from typing import NamedTuple

import numpy as np

from quasinewton.loops.clock import PACE, begin_slice, slice_over
from quasinewton.methods.first_order.base import advance
from quasinewton.numba_ext.arrays import copy_bytes
from quasinewton.numba_ext.jit import inlined, kernel
from quasinewton.numba_ext.linalg import copy, dot
from quasinewton.numba_ext.tuples import borrow
from quasinewton.objective.interface import GRADIENT, VALUE, call, vector
from quasinewton.schedules import factor
from quasinewton.status import NOT_FINITE, RUNNING

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
        ("batch", "i8"),  # samples in a batch, but for the last
        ("next", "i8"),  # place in the order where the next batch begins
        ("epoch", "i8"),  # epochs completed
        ("nfev", "i8"),
        ("njev", "i8"),
        ("rate", "f8"),  # of the last step
        ("loss", "f8"),  # Σ f of the batches of this epoch, times their sizes
        ("counted", "i8"),  # samples in these batches
        ("square", "f8"),  # Σ g·g of these batches
        ("steps", "i8"),  # their number
        ("skip", "i8"),  # whether a batch whose f or g is not finite is left out; else it ends the run
        ("skipped", "i8"),  # batches left out so far
        ("average_from", "i8"),  # steps made before the first iterate that is averaged
        ("averaged", "i8"),  # iterates in the average
        ("best_loss", "f8"),  # on the validation data
        ("waited", "i8"),  # epochs since
    ]
    + PACE.descr,
    align=True,
)


class Epochs(NamedTuple):
    """Everything a run over mini-batches knows, between any two batches.

    `x, g, x_trial` have shape (n,); `average` and `best`, the point of the least validation loss,
    have it too or have shape (0,); `order`, int64, shape (samples,), is the order of the samples in
    this epoch; `scalars[0]` is a record SCALARS; `memory` is the method's.
    """

    x: np.ndarray
    g: np.ndarray
    x_trial: np.ndarray
    average: np.ndarray
    best: np.ndarray
    order: np.ndarray
    scalars: np.ndarray
    memory: NamedTuple


class Batches(NamedTuple):
    """The objective on the buffers, and how they are filled.

    `rest` is the objective on the last batch, which may be smaller; `columns` holds a record COLUMN
    for each array of the data.
    """

    whole: NamedTuple
    rest: NamedTuple
    columns: np.ndarray


@inlined
def gather(columns, order, begin, size):
    """Copy the samples order[begin], …, order[begin + size − 1] to the buffers."""
    for j in range(columns.size):
        column = columns[j]
        source, target, row = column.source, column.target, column.row
        if row % 8 == 0:  # in words, without a call for each sample
            for k in range(size):
                copy(vector(target + k * row, row // 8), vector(source + order[begin + k] * row, row // 8))
        else:
            for k in range(size):
                copy_bytes(target + k * row, source + order[begin + k] * row, row)


@kernel
def run(batches, method, schedule, state):
    """Evaluate batches and make their steps until the epoch is over, or the caller should see to
    something.

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
        RUNNING; or NOT_FINITE, before the step, where f or g of a batch was not finite.
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
            return NOT_FINITE
        if slice_over(s) or s.overdue:
            break
    return RUNNING


@kernel
def mean(batches, x, x_trial, total, g, samples, batch, what):
    """The objective over all samples, as the mean over batches in the order of the data.

    Parameters
    ----------
    batches : Batches
    x, x_trial, total, g : ndarray, float64, shape (n,)
        The point; workspace; the mean gradient, overwritten; workspace. Without GRADIENT the last
        two may have length 0.
    samples, batch, what : int

    Returns
    -------
    float
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
