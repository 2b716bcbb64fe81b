"""Data of a mini-batch run: checked arrays with one row per sample, and the objective on them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from quasinewton._arguments.convert_args import plain_array
from quasinewton._drivers import tiered_loop
from quasinewton._loops import minibatch_loop as loop
from quasinewton._objective.build import prepare_unlinked
from quasinewton._objective.choose_gradient import with_gradient
from quasinewton._objective.interface import GRADIENT
from quasinewton._objective.problem import read_problem


class Samples(NamedTuple):
    """An objective that is a mean over samples.

    Attributes
    ----------
    size, batch : int
        Number of samples in all, and in a mini-batch.
    batches : Batches
        Objectives and addresses of the arrays, for the compiled loop.
    held : tuple
        Owners of the memory to which the addresses in `batches` point.
    """

    size: int
    batch: int
    batches: loop.Batches
    held: tuple

    def mean(self, x: np.ndarray, what: int) -> tuple[float, np.ndarray, int, int]:
        """Return the mean over all samples at x, its gradient, and the numbers of calls of both.

        The gradient has length 0 if `what` does not include GRADIENT.
        """
        n, calls = x.size, -(-self.size // self.batch)
        gradients = calls if what & GRADIENT else 0
        total = np.empty(n if gradients else 0)
        f = tiered_loop.mean(self.batches, x, np.empty(n), total, np.empty(n), self.size, self.batch, what)
        return f, total, calls + gradients * self.batches.whole.values, gradients


def as_samples(name: str, data: Any, like: tuple[np.ndarray, ...] | None = None) -> tuple[np.ndarray, ...]:
    """Check the arrays of the data and make them contiguous.

    Parameters
    ----------
    name : str
        Name of the argument, for messages.
    data : array_like, or tuple or list of array_like
    like : tuple of ndarray, optional
        Arrays that these must match in number and in the shape of a sample.

    Returns
    -------
    tuple of ndarray

    Raises
    ------
    ValueError
        If there are no arrays, or one is empty, holds NaN, or differs in length or shape.
    TypeError
        If one does not hold numbers, or has a mask or a unit.
    """
    data = data if isinstance(data, (tuple, list)) else (data,)
    arrays = [plain_array(given, f"{name}[{i}]") for i, given in enumerate(data)]
    if not arrays:
        raise ValueError(f"{name} must hold at least one array")
    for i, array in enumerate(arrays):
        if array.dtype.kind not in "buifcMmV":
            raise TypeError(f"{name}[{i}] must hold numbers, got {array.dtype}")
        if array.ndim == 0:
            raise ValueError(f"{name}[{i}] must have a row for each sample, got a single value")
    for i, array in enumerate(arrays):
        if array.size == 0:
            raise ValueError(f"{name}[{i}] must hold at least one sample, got shape {array.shape}")
        if len(array) != len(arrays[0]):
            raise ValueError(f"{name} must hold arrays of one length, got {[len(array) for array in arrays]}")
        if array.dtype.kind in "fc" and np.isnan(array.min()):
            raise ValueError(f"{name}[{i}] must not hold NaN; it does in sample {_first_nan(array)}")
    arrays = tuple(map(np.ascontiguousarray, arrays))
    if like is not None and [array.shape[1:] for array in arrays] != [array.shape[1:] for array in like]:
        shapes = [array.shape for array in arrays], [array.shape for array in like]
        raise ValueError(
            f"{name} must hold samples like those of data; its shapes are {shapes[0]}, of data {shapes[1]}"
        )
    return arrays


def _first_nan(array: np.ndarray) -> int:
    return int(np.argmax(np.isnan(array).reshape(len(array), -1).any(axis=1)))


def batched(
    fun: Callable[..., Any],
    jac: Any,
    arrays: tuple[np.ndarray, ...],
    args: tuple,
    batch: int,
    n: int,
    options: Mapping[str, Any],
) -> Samples:
    """Prepare an objective on mini-batches of arrays.

    Parameters
    ----------
    fun, jac
        As for `minimize_stochastic`.
    arrays : tuple of ndarray
        Result of `as_samples`.
    args : tuple
        Arguments of `fun` after the arrays of the batch.
    batch : int
        Samples in a batch; all of them if there are fewer.
    n : int
        Number of variables.
    options : dict
        May hold eps and finite_diff_rel_step, the steps of finite differences.

    Returns
    -------
    Samples

    Raises
    ------
    ValueError, TypeError
        As raised by `read_problem` and `prepare_unlinked`.
    """
    samples = len(arrays[0])
    batch = min(batch, samples)
    buffers = tuple(np.zeros((batch, *array.shape[1:]), array.dtype) for array in arrays)
    left = samples % batch or batch
    problem = with_gradient(read_problem(fun, jac, buffers + args, n, options))
    whole = prepare_unlinked(problem, "", values=True)
    rest = whole
    if left < batch:
        rests = tuple(buffer[:left] for buffer in buffers)
        rest = prepare_unlinked(problem._replace(args=rests + args), "", values=True)
    columns = np.zeros(len(arrays), loop.COLUMN)
    for column, array, buffer in zip(columns, arrays, buffers, strict=True):
        column["source"], column["target"] = array.ctypes.data, buffer.ctypes.data
        column["row"] = array.nbytes // samples
    return Samples(
        samples, batch, loop.Batches(whole.objective, rest.objective, columns), (arrays, buffers, whole, rest)
    )
