"""Loops in two tiers: in Python at first, and compiled once that pays.

To compile a loop and a method takes seconds, and most first runs are short. A loop that is neither
in memory nor on disk therefore begins in Python, where an evaluation takes a tenth of a millisecond
longer. It is compiled once enough time has been lost in this way. Both tiers compute the same bits
in the same state, so a run changes from one to the other between two evaluations, and its result
does not depend on when.
"""

import copy
import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np

from quasinewton._loops import (
    first_order_loop,
    line_search_loop,
    minibatch_loop,
    rare_phases,
    root_loop,
)
from quasinewton._loops.operations import (
    METHODS,
    SEARCHES,
    advance,
    advance_search,
    direction,
    is_ready,
    measure,
    method_flags,
    place,
    update,
)
from quasinewton._loops.state import State
from quasinewton._numba_ext import interpreted, python_first
from quasinewton._numba_ext.cache import is_loaded
from quasinewton._numba_ext.python_first import (
    EARLIER,
    python_comes_first,
    python_version,
    unchecked_entry,
)
from quasinewton._numba_ext.registration import EXTERNAL
from quasinewton._numba_ext.uncompiled import INTERPRETED
from quasinewton._objective.interface import SIGNATURE, Objective
from quasinewton._objective.linking import kernels, link
from quasinewton._options.read import traits_of

# Seconds of processor time that one run may lose in Python before its loop is compiled. As that
# takes 2 seconds or more, no run takes more than twice as long as with the better choice. After
# `python_first.EARLIER` seconds in runs of one kind, further runs are compiled from their
# beginning, so that repeated calls soon measure compiled code.
LONGEST = 2.0
# Numbers in the arrays of a state from which on a run is compiled at once: an iteration, which
# passes over all of them some times, would take more than a hundredth of a second in Python.
LARGE = 30_000
CALLS = 100  # elementary operations that take as long as the calls of Python for a batch of samples

_lost: dict[tuple, float] = {}  # seconds lost in Python, by kind of run
_compiled: dict[tuple, Callable] = {}  # compiled loops that are in memory, by kind of run


def state_size(state: Any) -> int:
    """Return the number of numbers in the arrays of a state."""
    return sum(state_size(value) if isinstance(value, tuple) else value.size for value in state)


def tiered(
    run: Any,
    objective: Any,
    values: tuple,
    is_entered_ready: Callable[[Any], bool] = lambda state: True,
    size: Callable[[Any], int] = state_size,
) -> Callable[..., Any]:
    """Make the loop of one run.

    Parameters
    ----------
    run : numba dispatcher
        run(objective, *values, state, *rest), the compiled loop.
    objective : Objective, or NamedTuple with objectives
        As `build.prepare` or `build.prepare_unlinked` returns it.
    values : tuple of NamedTuple
        What the loop is given besides: a method, a line search, a schedule.
    is_entered_ready : callable
        is_entered_ready(state) -> True if all that every run enters by address is in memory, or on
        disk, from where it is then loaded.
    size : callable
        size(state) -> number of numbers that an evaluation passes over.

    Returns
    -------
    callable
        loop(state, *rest), which runs until control must return to the caller.
    """
    # A method within another one, which keeps it between bounds, is its first item.
    kind = run, kernels(objective), *map(type, values), type(values[0][0]) if values[0] else None
    entry = _compiled.get(kind)
    if entry is not None:
        return functools.partial(entry, link(objective), *values)
    return TieredLoop(kind, run, objective, values, is_entered_ready, size)


class TieredLoop:
    """A loop that may begin in Python; for the parameters see `tiered`."""

    def __init__(
        self,
        kind: tuple,
        run: Any,
        objective: Any,
        values: tuple,
        is_entered_ready: Callable[[Any], bool],
        size: Callable[[Any], int],
    ) -> None:
        self._kind, self._run, self._objective, self._values = kind, run, objective, values
        self._is_entered_ready, self._size = is_entered_ready, size
        self._tier: Callable[..., Any] | None = None  # the loop in Python, or the compiled one
        self._before: Any = None  # copy of the state before the last entry in Python
        self._lost = 0.0

    def __call__(self, state: Any, *rest: Any) -> Any:
        if self._tier is None:
            self._tier = self._in_python if self._begins_in_python(state, rest) else self._in_machine_code
        elif self._lost > LONGEST:
            self._tier = self._in_machine_code
        return self._tier(state, *rest)

    def _in_machine_code(self, state: Any, *rest: Any) -> Any:
        self._objective = link(self._objective)
        arguments = self._objective, *self._values, state, *rest
        want = self._run(*arguments)
        # A kind of run of the package has one type of state.
        if not (INTERPRETED or any(map(is_foreign, self._values))):
            _compiled[self._kind] = unchecked_entry(self._run, arguments)
        return want

    def _in_python(self, state: Any, *rest: Any) -> Any:
        if self._before is None:
            self._before = copy.deepcopy(state)
        else:
            interpreted.overwrite(self._before, state)
        elsewhere = interpreted.elsewhere
        begun, excepted = time.thread_time(), elsewhere.seconds
        try:
            return python_version(self._run)(self._objective, *self._values, state, *rest)
        except BaseException as error:
            # Ctrl-C may have stopped the loop within an iteration, which it cannot do in compiled
            # code. What the user's functions raise arrives between two iterations.
            if error is not elsewhere.error:
                interpreted.overwrite(state, self._before)
            raise
        finally:
            elsewhere.error = None
            lost = time.thread_time() - begun - (elsewhere.seconds - excepted)
            self._lost += lost
            _lost[self._kind] = _lost.get(self._kind, 0.0) + lost

    def _begins_in_python(self, state: Any, rest: tuple) -> bool:
        if not python_comes_first() or _lost.get(self._kind, 0.0) > EARLIER:
            return False
        if any(map(is_foreign, self._values)) or self._size(state) > LARGE:
            return False
        values = self._objective, *self._values, state, *rest
        ready = is_loaded(self._run, tuple(map(numba.typeof, values))) and self._is_entered_ready(state)
        return not (ready and all(is_loaded(one, SIGNATURE.args) for one in kernels(self._objective)))


def is_foreign(value: Any) -> bool:
    """Return True for what Python cannot enter: code of other packages, or a user's schedule."""
    kinds = interpreted.kind_of(value)
    return not EXTERNAL.isdisjoint(kinds if isinstance(kinds, tuple) else (kinds,)) or getattr(value, "address", 0) != 0


def descent(objective: Objective, method: NamedTuple, search_or_schedule: NamedTuple) -> Callable[..., int]:
    """Make the loop of a descent, called with the state and `each`; see `line_search_loop.run`."""
    if traits_of(method).first_order:
        return tiered(
            first_order_loop.run,
            objective,
            (method, search_or_schedule),
            lambda state: first_order_loop.enter.is_loaded() and is_ready(METHODS, method, (advance,)),
        )

    def is_entered_ready(state: State) -> bool:
        confined, multiplies = method_flags(method)
        entered = (direction, update, measure, place) if confined else (direction, update)
        late = [line_search_loop.enter]
        if multiplies or state.hessian.size:
            late += [rare_phases.request_curvature, rare_phases.digest_curvature]
        return (
            all(kernel.is_loaded() for kernel in late)
            and is_ready(METHODS, method, entered)
            and is_ready(SEARCHES, search_or_schedule, (advance_search,))
        )

    return tiered(line_search_loop.run, objective, (method, search_or_schedule), is_entered_ready)


def root(objective: Objective, search: NamedTuple) -> Callable[..., int]:
    """Make the loop of a root finder, called with its state; see `root_loop.run`."""
    return tiered(root_loop.run, objective, (search,))


def epoch(batches: minibatch_loop.Batches, method: NamedTuple, schedule: NamedTuple) -> Callable[..., int]:
    """Make the loop over the mini-batches of an epoch; see `minibatch_loop.run`."""
    return tiered(
        minibatch_loop.run, batches, (method, schedule), size=lambda state: state_size(state) - state.order.size
    )


def mean(
    batches: minibatch_loop.Batches,
    x: np.ndarray,
    x_trial: np.ndarray,
    total: np.ndarray,
    g: np.ndarray,
    samples: int,
    batch: int,
    what: int,
) -> float:
    """Return a mean over samples; see `minibatch_loop.mean`."""
    # In Python each batch costs some calls, apart from the user's function, and copies of vectors.
    operations = -(-samples // batch) * (CALLS + x.size + 2 * total.size)
    return python_first.call(
        minibatch_loop.mean, operations, batches, x, x_trial, total, g, samples, batch, what, link=linked_first
    )


def linked_first(objective: Any, *rest: Any) -> tuple:
    """Return the arguments of a kernel, with the objective that is the first one linked."""
    return link(objective), *rest
