"""What the loops leave to a method and to a line search: kernels that they enter by address, see
`numba_ext.operations`.

Each is one function of the protocol, or two that always follow each other, applied to a frame: the
arrays of the state and where the memory, the method and the search are. So the loops are compiled
once for all methods and searches, and of a method only what a run needs.
"""

import functools
from typing import NamedTuple

import numba
import numpy as np
from numba import types

from quasinewton.line_searches import protocol as searches
from quasinewton.loops.state import SCALARS, Phase
from quasinewton.methods import protocol as methods
from quasinewton.methods.first_order import base as first_order
from quasinewton.numba_ext.jit import entered
from quasinewton.numba_ext.operations import Family, at, flag, operation


class Frame(NamedTuple):
    """A state, a method and a search, as a loop finds them: the fields of `State`, and addresses.

    `operations` and `moves` are those of the tables of what the method and the search do; without a
    search the last two are 0.
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


# What a method does. The arguments are pointers to a Frame, to the method and to its memory.


@entered
def direction(frame, method, memory):
    """Write the direction to p; return its slope, and leave the step to try first in alpha, the
    longest one in end.
    """
    f, m, memory_ = at(frame), at(method), at(memory)
    s = f.scalars[0]
    slope, s.alpha = methods.direction(m, memory_, f.hessian, f.x, f.g, f.p)
    s.end = methods.longest(m, memory_, f.x, f.p)
    return slope


@entered
def descend(frame, method, memory):
    """Write a direction of descent that needs no model to p; otherwise as `direction`."""
    f, m, memory_ = at(frame), at(method), at(memory)
    s = f.scalars[0]
    slope, s.alpha = methods.descend(m, memory_, f.x, f.g, s.g_norm, f.p)
    s.end = methods.longest(m, memory_, f.x, f.p)
    return slope


@entered
def update(frame, method, memory):
    """Move x to x + alpha p and g to the gradient there, learn from the step; return what gtol is
    compared with.
    """
    f, m, memory_ = at(frame), at(method), at(memory)
    methods.update(m, memory_, f.x, f.g, f.p, f.scalars[0].alpha, f.g_trial)
    return methods.measured(m, memory_, f.x, f.g)


@entered
def restart(frame, method, memory):
    """Forget what was learnt; return whether there was anything."""
    return methods.restart(at(method), at(memory))


@entered
def replaced(frame, method, memory):
    """Take in that the gradient at x has been replaced by a better one."""
    methods.replaced(at(method), at(memory))


@entered
def box(frame, method, memory):
    """Return the bounds, empty where there are none."""
    return methods.box(at(method), at(memory), at(frame).x)


@entered
def measure(frame, method, memory):
    """Return what gtol is compared with, at x and g."""
    f = at(frame)
    return methods.measure(at(method), at(memory), f.x, f.g)


@entered
def place(frame, method, memory):
    """Write the trial at step alpha along p to x_trial; return whether it differs from x."""
    f = at(frame)
    return methods.place(at(method), at(memory), f.x, f.scalars[0].alpha, f.p, f.x_trial)


@entered
def inquire(frame, method, memory):
    """Return what is wanted first at x, to know its curvature."""
    f = at(frame)
    certifying = f.scalars[0].phase == Phase.CERTIFY
    return methods.inquire(at(method), at(memory), f.x, f.g, f.p, certifying)


@entered
def answer(frame, method, memory):
    """Take in the product that was wanted; return what is wanted next, or 0."""
    f = at(frame)
    return methods.answer(at(method), at(memory), f.g_trial, f.p)


@entered
def negative_curvature(frame, method, memory):
    """Write the direction of most negative curvature to p; return the curvature, or 0 if there is
    none.
    """
    f = at(frame)
    return methods.negative_curvature(at(method), at(memory), f.hessian, f.x, f.g, f.p)


@entered
def advance(frame, method, memory):
    """Make a first-order method's own step from p, the gradient being g_trial; p and g_trial are
    overwritten.

    Its rate is lr times what stands in `scalars[0].step`, and is left there.
    """
    f, m = at(frame), at(method)
    s = f.scalars[0]
    s.step = m.lr * s.step
    first_order.advance(m, at(memory), f.p, f.g_trial, s.step)


_F, _B, _I = types.float64, types.boolean, types.intp
OPERATIONS = {  # and what each returns
    direction: _F,
    descend: _F,
    update: _F,
    restart: _B,
    measure: _F,
    place: _B,
    inquire: _I,
    answer: _I,
    negative_curvature: _F,
    advance: types.none,
    replaced: types.none,
    box: types.UniTuple(_VECTOR, 2),
}


def example(kind):
    """A method, or a search, of a kind, with its defaults."""
    return kind[0](kind[1]()) if isinstance(kind, tuple) else kind()


@functools.cache
def method_types(kind):
    """The types of a method of a kind and of its memory."""
    method = example(kind)
    return numba.typeof(method), numba.typeof(methods.allocate(method, 1))


def _method_signature(number, kind):
    return list(OPERATIONS.values())[number](POINTER, *map(types.CPointer, method_types(kind)))


def _method_flags(kind):
    """Whether the method confines x to a set, and whether it multiplies the Hessian instead of
    reading it.
    """
    outer = kind[0] if isinstance(kind, tuple) else kind
    confined = any(function.is_registered(outer) for function in (methods.place, methods.measure))
    return confined, methods.multiplies(example(kind))


METHODS = Family("methods", list(OPERATIONS), _method_signature, _method_flags, method_types)
is_confined, multiplies = flag(len(OPERATIONS)), flag(len(OPERATIONS) + 1)


def performing(function):
    """Make the function by which a loop performs an operation.

    Parameters
    ----------
    function : numba dispatcher
        One of OPERATIONS.

    Returns
    -------
    intrinsic
        perform(operations, (frame, method, memory)), a pointer and addresses.
    """
    return operation(list(OPERATIONS).index(function), OPERATIONS[function](POINTER, _I, _I))


# What a line search does.


@entered
def search(s, search, phi, dphi, beginning):
    """Begin a search with the first trial alpha, or digest the evaluation there; return the
    verdict.
    """
    if beginning:
        searches.start(at(search), s, phi, dphi, s.alpha, s.end)
        return np.int64(searches.Verdict.CONTINUE)
    return np.int64(searches.step(at(search), s, phi, dphi))


def _search_types(kind):
    return (numba.typeof(example(kind)),)


def _search_signature(number, kind):
    return _I(_RECORD, types.CPointer(*_search_types(kind)), _F, _F, _B)


SEARCHES = Family("searches", [search], _search_signature, lambda kind: (), _search_types)
move_on = operation(0, _I(_RECORD, _I, _F, _F, _B))
