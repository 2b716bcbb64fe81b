"""Compiled objectives as trampolines: one per objective and types of `args`.

Only the trampoline is compiled for a new objective; the solver's loop is not.
"""

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import types

from quasinewton import _autodiff as autodiff
from quasinewton._arguments.real_values import warn_complex
from quasinewton._floats import SINGLE_EPSILON
from quasinewton._numba_ext import notice, sealed, user_cache
from quasinewton._numba_ext.addresses import address_of
from quasinewton._numba_ext.introspection import result_type
from quasinewton._numba_ext.jit import INNER, kernel
from quasinewton._numba_ext.linalg import dot
from quasinewton._numba_ext.user_code import fresh
from quasinewton._objective.callables import Callables
from quasinewton._objective.derived import Derived, made
from quasinewton._objective.interface import SIGNATURE
from quasinewton._objective.njit_results import (
    is_complex,
    is_derivative,
    is_pair,
    is_value,
)
from quasinewton._objective.trampolines import UNCALLED, define
from quasinewton._validation import NOT_SCALAR, PAIR

X = types.Array(types.float64, 1, "C")
NARROW = (types.float32, types.float16)


@kernel
def multiply(H: np.ndarray, v: np.ndarray, out: np.ndarray) -> None:
    """Write H v to out, which is overwritten."""
    for i in range(v.size):
        out[i] = dot(H[i], v)


def build(callables: Callables, args_type: Any) -> Any:
    """Return the uncompiled dispatcher of a trampoline, which is entered by address only.

    The arguments are those of `define`.
    """
    return numba.njit(**INNER)(define(callables, args_type))


def check(callables: Callables, args_type: Any) -> None:
    """Compile the user's functions and check that they return what the form requires.

    Raises
    ------
    TypeError
        If a function does not compile or returns a wrong type; the message names it, its result and
        the expected one.
    ValueError
        If the objective does not return a real scalar.
    """
    fun, form, jac, second, second_form, precond, complex_step = callables
    arguments = tuple(args_type)
    expected = None
    kinds = (X, X, *arguments) if form == "inplace" else (X, *arguments)
    kind = result_type(fun, kinds, "fun", compiled=form not in UNCALLED)
    if form in ("joint", "residual-joint"):
        if not is_pair(kind):
            raise TypeError(f"with jac=True, fun must return a value and its derivative; it returns {kind}")
        kind, gradient = kind[0], kind[1]
        if not is_derivative(gradient):
            expected = f"with jac=True, fun must return a value and a real derivative; the derivative is {gradient}"
    if form in ("residual", "residual-joint", "residual-derived"):
        if not is_derivative(kind):
            joint = " If fun returns the value and the Jacobian, give jac=True." if is_pair(kind) else ""
            expected = f"fun must return a real vector; it returns {kind}.{joint}"
    elif not (is_value(kind) or is_complex(kind)):
        raise ValueError(f"{NOT_SCALAR} It returns {kind}.{PAIR if is_pair(kind) else ''}")
    if form == "separate":
        kind = result_type(jac, (X, *arguments), "jac")
        if not is_derivative(kind):
            expected = f"jac must return a real vector; it returns {kind}"
    second = made(second)
    if second is not None and second_form == "product":
        kind = result_type(second, (X, X, *arguments), "hessp")
        if not is_derivative(kind):
            expected = f"hessp must return a real vector; it returns {kind}"
    elif second is not None:
        kind = result_type(second, (X, *arguments), "the second derivative")
        if not is_derivative(kind):
            expected = f"the second derivative must be a real matrix; it is {kind}"
    if precond is not None:
        kind = result_type(precond, (X, X, *arguments), "precond")
        if not is_derivative(kind):
            expected = f"precond must return a real vector; it returns {kind}"
    if complex_step:
        kind = result_type(fun, (types.Array(types.complex128, 1, "C"), *arguments), "with jac='cs', fun")
        if not isinstance(getattr(kind, "dtype", kind), types.Complex):
            expected = f"jac='cs' needs an objective that is complex for complex x; it returns {kind}"
    if expected:
        raise TypeError(expected)


def is_single(kind: Any) -> bool:
    """Return True if results of this type are rounded to single precision or below."""
    return getattr(kind, "dtype", kind) in NARROW


def first_is_single(kind: Any) -> bool:
    """Return True if the first of two results is rounded to single precision or below."""
    return is_single(kind[0])


def second_is_single(kind: Any) -> bool:
    """Return True if the second of two results is rounded to single precision or below."""
    return is_single(kind[1])


def first_is_complex(kind: Any) -> bool:
    """Return True if the first of two results is complex."""
    return is_complex(kind[0])


RETURNS = "_quasinewton_returns"  # attribute of a function; dict of facts about its result type


def returns(fun: Any, test: str, arguments: tuple) -> bool:
    """Return True if the result type of a compiled function passes a test.

    `test` is the name of a predicate in this module.

    Raises
    ------
    TypeError
        If the function does not compile for x and further arguments of these types.
    """
    known = vars(fun).setdefault(RETURNS, {})
    if (test, arguments) not in known:
        words = "returns", test, str(arguments)
        known[test, arguments] = user_cache.remembered(
            fun, words, lambda f: bool(globals()[test](result_type(f, (X, *arguments), "fun", compiled=False)))
        )
    return known[test, arguments]


def precision(callables: Callables, args_type: Any) -> tuple[float, float]:
    """Return the relative rounding of values and gradients by their types; 0 for doubles.

    Parameters
    ----------
    callables : Callables
    args_type : numba tuple type

    Returns
    -------
    (float, float)
    """
    fun, form, jac = callables[:3]
    arguments = (X, *args_type) if form == "inplace" else tuple(args_type)
    joint = form == "joint"
    single = [returns(fun, "first_is_single" if joint else "is_single", arguments), False]
    if joint:
        single[1] = returns(fun, "second_is_single", arguments)
    elif form == "separate" and not isinstance(jac, Derived):
        single[1] = returns(jac, "is_single", arguments)
    value, gradient = (SINGLE_EPSILON if one else 0.0 for one in single)
    return value, gradient


def has_complex_values(callables: Callables, args_type: Any) -> bool:
    """Return True if the type of an objective's value is complex.

    The arguments are as for `define`.
    """
    fun, form = callables[:2]
    if form.startswith("residual"):
        return False
    arguments = (X, *args_type) if form == "inplace" else tuple(args_type)
    return returns(fun, "first_is_complex" if form == "joint" else "is_complex", arguments)


class Trampoline(NamedTuple):
    """A compiled trampoline.

    Attributes
    ----------
    code : Sealed
        Its machine code.
    precision : (float, float)
        What the function `precision` returns.
    is_complex : bool
        True if the value of the objective is complex.
    held : tuple
        The user's functions beside the objective, so that no other function can get their id.
    """

    code: sealed.Sealed
    precision: tuple[float, float]
    is_complex: bool
    held: tuple


# Compiled trampolines by the user's function; an entry is freed with that function.
_trampolines: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def trampoline(callables: Callables, args_type: Any) -> tuple[int, tuple[float, float]]:
    """Return the address of a compiled trampoline, and its precision.

    It is compiled at the first call for these functions and types.

    Parameters
    ----------
    callables : Callables
    args_type : numba tuple type

    Returns
    -------
    (int, (float, float))
        The address, and the pair that `precision` returns.

    Warns
    -----
    ComplexWarning
        If the value of `fun` is complex; at every call, whether code is compiled or not.
    """
    fun, form, jac, second, second_form, precond, complex_step = callables
    known = _trampolines.setdefault(fun, {})
    # A derivative is named by how it is derived from `fun`; its object is a new one in every call.
    names = [each.how if isinstance(each, Derived) else id(each) for each in (jac, second, precond)]
    key = (*names, form, complex_step, args_type, second_form)
    entry = known.get(key)
    if entry is None:
        code = _from_disk(callables, args_type)
        if code is None:
            announce(callables)
            check(callables, args_type)
            compiled = build(callables, args_type)
            compiled.compile(SIGNATURE)
            # The library owns the machine code. Holding the trampoline instead would hold `fun`,
            # and the weak dictionary would never drop the entry.
            library = compiled.get_compile_result(SIGNATURE).library
            code = sealed.Sealed(address_of(compiled, SIGNATURE), library)
        # Functions derived from `fun` are not held here: `fun` holds them, and they hold `fun`.
        others = [each for each in (jac, second, precond) if not isinstance(each, Derived)]
        held = tuple(each for each in others if not autodiff.is_derived(fun, each))
        is_complex = has_complex_values(callables, args_type)
        entry = known[key] = Trampoline(code, precision(callables, args_type), is_complex, held)
    if entry.is_complex:
        warn_complex("fun")
    return entry.code.address, entry.precision


def announce(callables: Callables) -> None:
    """Log that derivatives are about to be compiled, if any are."""
    if isinstance(callables.jac, Derived) or isinstance(callables.second, Derived):
        notice.derivatives(callables.fun.__name__, user_cache.obstacle([callables.fun]))


def _from_disk(callables: Callables, args_type: Any) -> sealed.Sealed | None:
    """Return the code of a trampoline, read from disk or compiled and saved there.

    Returns None if the functions have no name that is valid in other processes.
    """
    fun, form, jac, second, second_form, precond, complex_step = callables
    words = form, complex_step, str(args_type), second_form
    words += tuple(each.how if isinstance(each, Derived) else None for each in (jac, second))
    functions = [None if isinstance(each, Derived) else each for each in (fun, jac, second, precond)]
    key = user_cache.key(functions, "trampoline", *words)

    def make() -> Callable[..., Any] | None:
        sources = [each and fresh(each) for each in functions]
        if any(source is None and each is not None for source, each in zip(sources, functions, strict=True)):
            return None
        copies: list[Any] = [
            each if isinstance(each, Derived) else source
            for each, source in zip((fun, jac, second, precond), sources, strict=True)
        ]
        copied = callables._replace(fun=copies[0], jac=copies[1], second=copies[2], precond=copies[3])
        announce(callables)
        check(copied, args_type)
        return define(copied, args_type)

    return sealed.obtain(key, make, SIGNATURE) if key else None
