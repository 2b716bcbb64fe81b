"""Uncompiled versions of compiled functions, for loops that begin in Python.

The uncompiled version of a function is the Python function that it was made of, with uncompiled
versions in the place of what it calls. It computes the same numbers, to the bit: arithmetic whose
order the source does not fix, the sums of `jit.reduction`, is compiled for it, too.
"""

import enum
import functools
import threading
import types as python

from numba.core import config
from numba.core.dispatcher import Dispatcher

from quasinewton._numba_ext.function_copies import copy_with
from quasinewton._numba_ext.registration import PACKAGE

INTERPRETED = bool(config.DISABLE_JIT)  # True if nothing is compiled; fixed when Numba is imported
WHAT_IS_SET = "NUMBA_DISABLE_JIT is set, so that nothing is compiled"
# By the `id` of an object of compiled code: that object, which must live as long, and a function
# without arguments that makes its counterpart, or its uncompiled version.
_COUNTERPARTS = {}
_VERSIONS = {}
# Versions that another thread must not use yet, since what they refer to is still made.
_UNFINISHED = {}
_lock = threading.RLock()


def note_counterpart(compiled, make):
    """Note the function make() -> function of Python that stands for one of compiled code."""
    _COUNTERPARTS[id(compiled)] = compiled, make


def in_python(counterpart):
    """Make a decorator that gives a function for compiled code a counterpart of Python.

    Parameters
    ----------
    counterpart : callable
        Takes the arguments that the decorated function takes, an intrinsic without its context.

    Returns
    -------
    callable
        Decorator that returns the counterpart where nothing is compiled, and otherwise its
        argument, whose uncompiled version is the counterpart.
    """

    def choose(compiled):
        if INTERPRETED:
            return counterpart
        note_counterpart(compiled, lambda: counterpart)
        return compiled

    return choose


def makes_in_python(counterpart):
    """Make a decorator for a function that makes functions for compiled code.

    Parameters
    ----------
    counterpart : callable
        Takes the arguments that the decorated function takes, and makes the counterparts.

    Returns
    -------
    callable
        Decorator that returns the counterpart where nothing is compiled, and otherwise a function
        that makes what its argument makes, and notes the counterparts.
    """

    def choose(factory):
        if INTERPRETED:
            return counterpart

        @functools.wraps(factory)
        def make(*arguments):
            made = factory(*arguments)
            if not isinstance(made, tuple):
                note_counterpart(made, lambda: counterpart(*arguments))
                return made
            for number, one in enumerate(made):
                note_counterpart(one, lambda number=number: counterpart(*arguments)[number])
            return made

        return make

    return choose


def uncompiled(value):
    """Return what stands in Python for a value that compiled code refers to.

    Parameters
    ----------
    value : any

    Returns
    -------
    any
        A function of Python for a dispatcher, an intrinsic or a function of the package; for one of
        its modules an object whose attributes are such functions; for an enumeration of the package
        one of integers; any other value as it is.
    """
    if INTERPRETED:
        return value
    known = _VERSIONS.get(id(value))
    if known is not None:
        return known[1]
    with _lock:
        outermost = not _UNFINISHED
        try:
            version = _version(value)
            if outermost:
                _VERSIONS.update(_UNFINISHED)
            return version
        finally:
            if outermost:
                _UNFINISHED.clear()


def _version(value):
    known = _VERSIONS.get(id(value)) or _UNFINISHED.get(id(value))
    if known is not None:
        return known[1]
    _, counterpart = _COUNTERPARTS.get(id(value), (None, None))
    if counterpart is not None:
        return _keep(value, counterpart())
    if isinstance(value, Dispatcher):
        return _copy(value, value.py_func)
    if isinstance(value, python.FunctionType) and _is_ours(value.__module__):
        return _keep(value, _by_class(value)) if hasattr(value, "implementation") else _copy(value, value)
    if isinstance(value, python.ModuleType) and _is_ours(value.__name__):
        return _keep(value, _Module(value))
    if isinstance(value, enum.EnumType) and _is_ours(value.__module__):
        # Compiled code only reads members, which in Python 3.11 takes a microsecond each.
        return _keep(value, python.SimpleNamespace(**{name: int(member) for name, member in value.__members__.items()}))
    return value


def _is_ours(name):
    """Return True if a module with this name belongs to the package."""
    return name.partition(".")[0] == PACKAGE


def _keep(value, version):
    _UNFINISHED[id(value)] = value, version
    return version


class _Module:
    """Uncompiled versions of what a module defines, as attributes."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        version = uncompiled(getattr(self._module, name))
        setattr(self, name, version)
        return version


def _by_class(generic):
    """Return the uncompiled version of a function that chooses by the class of its argument."""
    versions = {}

    def chosen(first, *rest):
        kind = type(first)
        version = versions.get(kind)
        if version is None:
            version = versions[kind] = uncompiled(generic.implementation(kind))
        return version(first, *rest)

    return chosen


def _copy(value, function):
    """Return a function with uncompiled versions in the place of what it refers to."""
    return copy_with(function, lambda version: _keep(value, version), _version)
