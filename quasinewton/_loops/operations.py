"""Operations of methods and line searches: kernels that the loops call by address.

Each is one function of the protocol, or two that are always called in succession, applied to a
Frame: the arrays of the state, and the addresses of the memory, the method and the search. The
loops are therefore compiled once for all methods and searches, and a method's operations only if a
run needs them. See `_numba_ext.operation_tables`.
"""

import functools
from typing import NamedTuple

import numba
import numpy as np
from numba import types

from quasinewton._line_searches import protocol as searches
from quasinewton._loops.state import SCALARS, Phase
from quasinewton._methods import protocol as methods
from quasinewton._methods.first_order import base as first_order
from quasinewton._numba_ext.interpreted import kind_of
from quasinewton._numba_ext.jit import entered
from quasinewton._numba_ext.operation_tables import Family, at, flag, operation


class Frame(NamedTuple):
    """A state, a method and a search, as passed to a loop: the fields of `State`, and addresses.

    `memory`, `method` and `search` are the addresses of these. `operations` and `moves` are the
    addresses of the tables of operations of the method and of the search. Without a search,
    `search` and `moves` are 0.
    """

    x: np.ndarray
    g: np.ndarray
    p: np.ndarray
    x_trial: np.ndarray
    g_trial: np.ndarray
    x_passed: np.ndarray
    hessian: np.ndarray
    scalars: np.ndarray
    trace: np.ndarray
    memory: int
    method: int
    operations: int
    search: int
    moves: int


_VECTOR, _MATRIX = types.float64[::1], types.float64[:, ::1]
_RECORD = numba.from_dtype(SCALARS)
FRAME = types.NamedTuple([*[_VECTOR] * 6, _MATRIX, _RECORD[::1], _MATRIX, *[types.intp] * 5], Frame)
POINTER = types.CPointer(FRAME)


# Operations of a method. The arguments are pointers to a Frame, to the method and to its memory.


@entered
def direction(frame, method, memory):
    """Write the direction to p and return its slope g·p.

    `scalars[0].alpha` becomes the first trial step, `scalars[0].end` the largest feasible step.
    """
    f, m, memory_ = at(frame), at(method), at(memory)
    s = f.scalars[0]
    slope, s.alpha = methods.direction(m, memory_, f.hessian, f.x, f.g, f.p)
    s.end = methods.longest(m, memory_, f.x, f.p)
    return slope


@entered
def descend(frame, method, memory):
    """Write a descent direction that uses no model to p and return its slope g·p.

    `scalars[0].alpha` becomes the first trial step, `scalars[0].end` the largest feasible step.
    """
    f, m, memory_ = at(frame), at(method), at(memory)
    s = f.scalars[0]
    slope, s.alpha = methods.descend(m, memory_, f.x, f.g, s.g_norm, f.p)
    s.end = methods.longest(m, memory_, f.x, f.p)
    return slope


@entered
def update(frame, method, memory):
    """Move to the trial, update the method's model, and return the norm compared with gtol.

    x becomes x + alpha p, and g the gradient there; the model is updated from the step.
    """
    f, m, memory_ = at(frame), at(method), at(memory)
    methods.update(m, memory_, f.x, f.g, f.p, f.scalars[0].alpha, f.g_trial)
    return methods.measured(m, memory_, f.x, f.g)


@entered
def restart(frame, method, memory):
    """Reset the method's model; return True if there was one."""
    return methods.restart(at(method), at(memory))


@entered
def replaced(frame, method, memory):
    """Discard what was derived from the gradient at x, which a more accurate one has replaced."""
    methods.replaced(at(method), at(memory))


@entered
def box(frame, method, memory):
    """Return the lower and upper bounds, of shape (0,) if there are none."""
    return methods.box(at(method), at(memory), at(frame).x)


@entered
def measure(frame, method, memory):
    """Return the norm that is compared with gtol, at x and g."""
    f = at(frame)
    return methods.measure(at(method), at(memory), f.x, f.g)


@entered
def place(frame, method, memory):
    """Write the trial at step alpha along p to x_trial; return True if it differs from x."""
    f = at(frame)
    return methods.place(at(method), at(memory), f.x, f.scalars[0].alpha, f.p, f.x_trial)


@entered
def inquire(frame, method, memory):
    """Return the first evaluation at x that the method needs for the curvature."""
    f = at(frame)
    certifying = f.scalars[0].phase == Phase.CERTIFY
    return methods.inquire(at(method), at(memory), f.x, f.g, f.p, certifying)


@entered
def answer(frame, method, memory):
    """Pass the requested product to the method; return the next evaluation it needs, or 0."""
    f = at(frame)
    return methods.answer(at(method), at(memory), f.g_trial, f.p)


@entered
def negative_curvature(frame, method, memory):
    """Write the direction of most negative curvature to p and return that curvature.

    The curvature is 0 if none is negative.
    """
    f = at(frame)
    return methods.negative_curvature(at(method), at(memory), f.hessian, f.x, f.g, f.p)


@entered
def unexplored(frame, method, memory):
    """Write a direction of doubtful curvature to p; return the number of such dimensions."""
    f = at(frame)
    return methods.unexplored(at(method), at(memory), f.x, f.g, f.p)


@entered
def advance(frame, method, memory):
    """Make the step of a first-order method from p, with the gradient g_trial.

    The learning rate is `lr` times the schedule's factor, which is read from `scalars[0].step` and
    replaced there by the rate. p and g_trial are overwritten.
    """
    f, m = at(frame), at(method)
    s = f.scalars[0]
    s.step = m.lr * s.step
    first_order.advance(m, at(memory), f.p, f.g_trial, s.step)


_F, _B, _I = types.float64, types.boolean, types.intp
OPERATIONS = {  # the return type of each operation
    direction: _F,
    descend: _F,
    update: _F,
    restart: _B,
    measure: _F,
    place: _B,
    inquire: _I,
    answer: _I,
    negative_curvature: _F,
    unexplored: _I,
    advance: types.none,
    replaced: types.none,
    box: types.UniTuple(_VECTOR, 2),
}


def example(kind):
    """Make a method or a search of the given kind, with default parameters."""
    return kind[0](kind[1]()) if isinstance(kind, tuple) else kind()


@functools.cache
def method_types(kind):
    """Return the Numba types of a method of the given kind and of its memory."""
    method = example(kind)
    return numba.typeof(method), numba.typeof(methods.allocate(method, 1))


def _method_signature(number, kind):
    return list(OPERATIONS.values())[number](POINTER, *map(types.CPointer, method_types(kind)))


def _method_flags(kind):
    """Return the flags of a method: (confines x to a set, uses products with the Hessian)."""
    outer = kind[0] if isinstance(kind, tuple) else kind
    confined = any(function.is_registered(outer) for function in (methods.place, methods.measure))
    return confined, methods.multiplies(example(kind))


def method_flags(method):
    """Return True or False for each: the method confines x to a set, uses products of Hessians."""
    return _method_flags(kind_of(method))


METHODS = Family("methods", list(OPERATIONS), _method_signature, _method_flags, method_types)
is_confined, multiplies = flag(len(OPERATIONS)), flag(len(OPERATIONS) + 1)


def performing(function):
    """Make the intrinsic with which a loop performs an operation.

    Parameters
    ----------
    function : numba dispatcher
        One of OPERATIONS.

    Returns
    -------
    intrinsic
        perform(operations, (frame, method, memory)), whose arguments are addresses.
    """
    return operation(list(OPERATIONS).index(function), OPERATIONS[function](POINTER, _I, _I))


# Operation of a line search.


@entered
def advance_search(s, search_address, phi, dphi, beginning):
    """Begin a search with first trial s.alpha, or process the evaluation there.

    Return the verdict, which is CONTINUE when a search begins.
    """
    search = at(search_address)
    if beginning:
        searches.start(search, s, phi, dphi, s.alpha, s.end)
        return np.int64(searches.Verdict.CONTINUE)
    return np.int64(searches.step(search, s, phi, dphi))


def _search_types(kind):
    return (numba.typeof(example(kind)),)


def _search_signature(number, kind):
    return _I(_RECORD, types.CPointer(*_search_types(kind)), _F, _F, _B)


SEARCHES = Family("searches", [advance_search], _search_signature, lambda kind: (), _search_types)
def is_ready(family, value, operations):
    """Return True if these operations of a method or search are in memory, or on disk.

    What is on disk is loaded.
    """
    table = family.table(kind_of(value))
    return all(table.is_loaded(family.operations.index(each)) for each in operations)


call_search = operation(0, _I(_RECORD, _I, _F, _F, _B))
