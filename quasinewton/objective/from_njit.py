"""Compiled objectives as trampolines: one per objective and types of `args`.

Only the trampoline is compiled for a new objective; the solver's loop is not.
"""

import weakref

import numba
from numba import types

from quasinewton import autodiff
from quasinewton.arguments.real_values import warn_complex
from quasinewton.floats import SINGLE_EPSILON
from quasinewton.numba_ext import notice, sealed, user_cache
from quasinewton.numba_ext.addresses import address_of
from quasinewton.numba_ext.introspection import result_type
from quasinewton.numba_ext.jit import INNER, kernel
from quasinewton.numba_ext.linalg import dot
from quasinewton.numba_ext.user_code import fresh
from quasinewton.objective.derived import Derived, made
from quasinewton.objective.interface import SIGNATURE
from quasinewton.objective.njit_results import (
    is_complex,
    is_derivative,
    is_pair,
    is_value,
)
from quasinewton.objective.trampolines import UNCALLED, define
from quasinewton.validation import NOT_SCALAR, PAIR

X = types.Array(types.float64, 1, "C")
NARROW = (types.float32, types.float16)


@kernel
def multiply(H, v, out):
    """Write H v to out, which is overwritten."""
    for i in range(v.size):
        out[i] = dot(H[i], v)


def build(*given):
    """Return the uncompiled dispatcher of a trampoline, which is entered by address only.

    The arguments are those of `define`.
    """
    return numba.njit(**INNER)(define(*given))


def check(fun, jac, hess, form, complex_step, args_type, second="hessian", precond=None):
    """Compile the user's functions and check that they return what the form requires.

    Raises
    ------
    TypeError
        If a function does not compile or returns a wrong type; the message names it, its result and
        the expected one.
    ValueError
        If the objective does not return a real scalar.
    """
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
            expected = f"fun must return a real vector; it returns {kind}"
    elif not (is_value(kind) or is_complex(kind)):
        raise ValueError(f"{NOT_SCALAR} It returns {kind}.{PAIR if is_pair(kind) else ''}")
    if form == "separate":
        kind = result_type(jac, (X, *arguments), "jac")
        if not is_derivative(kind):
            expected = f"jac must return a real vector; it returns {kind}"
    hess = made(hess)
    if hess is not None and second == "product":
        kind = result_type(hess, (X, X, *arguments), "hessp")
        if not is_derivative(kind):
            expected = f"hessp must return a real vector; it returns {kind}"
    elif hess is not None:
        kind = result_type(hess, (X, *arguments), "the second derivative")
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


def is_single(kind):
    """Return True if results of this type are rounded to single precision or below."""
    return getattr(kind, "dtype", kind) in NARROW


def first_is_single(kind):
    """Return True if the first of two results is rounded to single precision or below."""
    return is_single(kind[0])


def second_is_single(kind):
    """Return True if the second of two results is rounded to single precision or below."""
    return is_single(kind[1])


def first_is_complex(kind):
    """Return True if the first of two results is complex."""
    return is_complex(kind[0])


RETURNS = "_quasinewton_returns"  # attribute of a function; dict of facts about its result type


def returns(fun, test, arguments):
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


def precision(fun, jac, form, args_type):
    """Return the relative rounding of values and gradients by their types; 0 for doubles.

    Parameters
    ----------
    fun, jac, form, args_type
        As for `define`.

    Returns
    -------
    (float, float)
    """
    arguments = (X, *args_type) if form == "inplace" else tuple(args_type)
    joint = form == "joint"
    single = [returns(fun, "first_is_single" if joint else "is_single", arguments), False]
    if joint:
        single[1] = returns(fun, "second_is_single", arguments)
    elif form == "separate" and not isinstance(jac, Derived):
        single[1] = returns(jac, "is_single", arguments)
    return tuple(SINGLE_EPSILON if one else 0.0 for one in single)


def has_complex_values(fun, form, args_type):
    """Return True if the type of an objective's value is complex.

    The arguments are as for `define`.
    """
    if form.startswith("residual"):
        return False
    arguments = (X, *args_type) if form == "inplace" else tuple(args_type)
    return returns(fun, "first_is_complex" if form == "joint" else "is_complex", arguments)


# Compiled trampolines by the user's function; an entry is freed with that function.
_trampolines = weakref.WeakKeyDictionary()


def trampoline(fun, jac, hess, form, complex_step, args_type, second="hessian", precond=None):
    """Return the address of a compiled trampoline, and its precision.

    It is compiled at the first call for these functions and types.

    Parameters
    ----------
    fun, jac, hess, form, complex_step, args_type, second, precond
        As for `define`.

    Returns
    -------
    (int, (float, float))
        The address, and the pair that `precision` returns.

    Warns
    -----
    ComplexWarning
        If the value of `fun` is complex; at every call, whether code is compiled or not.
    """
    known = _trampolines.setdefault(fun, {})
    # A derivative is named by how it is derived from `fun`; its object is a new one in every call.
    names = (each.how if isinstance(each, Derived) else id(each) for each in (jac, hess, precond))
    key = (*names, form, complex_step, args_type, second)
    entry = known.get(key)
    if entry is None:
        code = _from_disk(fun, jac, hess, form, complex_step, args_type, second, precond)
        if code is None:
            given = fun, jac, hess, form, complex_step, args_type, second, precond
            announce(*given)
            check(*given)
            compiled = build(*given)
            compiled.compile(SIGNATURE)
            # The library owns the machine code. Holding the trampoline instead would hold `fun`,
            # and the weak dictionary would never drop the entry.
            library = compiled.get_compile_result(SIGNATURE).library
            code = sealed.Sealed(address_of(compiled, SIGNATURE), library)
        # These functions are held so that no other function can get their id. Those derived from
        # `fun` are excluded: `fun` holds them, and they hold `fun`.
        given = [each for each in (jac, hess, precond) if not isinstance(each, Derived)]
        held = [each for each in given if not autodiff.is_derived(fun, each)]
        warned = has_complex_values(fun, form, args_type)
        entry = known[key] = (code, precision(fun, jac, form, args_type), warned, *held)
    if entry[2]:
        warn_complex("fun")
    return entry[0].address, entry[1]


def announce(fun, jac, hess, *_):
    """Log that derivatives are about to be compiled, if any are."""
    if isinstance(jac, Derived) or isinstance(hess, Derived):
        notice.derivatives(fun.__name__, user_cache.obstacle([fun]))


def _from_disk(fun, jac, hess, form, complex_step, args_type, second, precond):
    """Return the code of a trampoline, read from disk or compiled and saved there.

    Returns None if the functions have no name that is valid in other processes.
    """
    words = form, complex_step, str(args_type), second
    words += tuple(each.how if isinstance(each, Derived) else None for each in (jac, hess))
    functions = [None if isinstance(each, Derived) else each for each in (fun, jac, hess, precond)]
    key = user_cache.key(functions, "trampoline", *words)

    def make():
        sources = [each and fresh(each) for each in functions]
        if any(source is None and each is not None for source, each in zip(sources, functions, strict=True)):
            return None
        first, *others = (
            each if isinstance(each, Derived) else source
            for each, source in zip((fun, jac, hess, precond), sources, strict=True)
        )
        given = first, *others[:2], form, complex_step, args_type, second, others[2]
        announce(fun, jac, hess)
        check(*given)
        return define(*given)

    return key and sealed.obtain(key, make, SIGNATURE)
