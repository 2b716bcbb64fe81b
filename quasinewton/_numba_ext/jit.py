"""Numba's options, in one place: how kernels compile, and which are cached on disk.

The decorators differ in who calls a function and in where its machine code is kept: `kernel` is for
entry points from Python, `entered` for what compiled code enters by address, `fragment` and
`inlined` for parts of these, `reduction` for sums whose terms may be reordered; `shared`, `apart`
and `shared_reduction` are for parts of functions that users compile. The page on development has a
table of them.

Other files compile generated code with OPTIONS or INNER. Some add an option: `sealed`, `user_code`,
`_autodiff.recompile` and `_autodiff.adjoint.pipeline` their pipelines, and `_api.inside_njit`
inline="always", for the overloads of public functions.
"""

import functools
import types as python

import numba

from quasinewton._numba_ext import interpreted
from quasinewton._numba_ext.cache import cached
from quasinewton._numba_ext.parts import KernelCompiler, PartCompiler
from quasinewton._numba_ext.records import Held, compiled_call
from quasinewton._numba_ext.uncompiled import in_python, note_counterpart

# Numba hands `fastmath` of a caller down to what is first compiled for it, and keeps the code for
# all other callers (numba/numba#7168). The tests for NaN of the package must not depend on who
# calls it.
OPTIONS = {"error_model": "numpy", "fastmath": False, "nogil": True, "no_cfunc_wrapper": True}

# Functions called from compiled code only need no Python wrapper, which takes a third of the
# compile time.
INNER = OPTIONS | {"no_cpython_wrapper": True}
PART = INNER | {"pipeline_class": PartCompiler}

APART = "_quasinewton_apart"  # attribute of a function whose machine code is kept by itself

# An implementation chosen by type is inlined in its caller: a call would pass every array of the
# state, which takes longer than the work on small vectors. LLVM inlines after typing, which
# compiles faster than `inlined`.
CHOSEN = PART | {"forceinline": True}

# Reordering of sums permits vector code. NaN and infinities keep their meaning, because the
# safeguards of the package test for them.
REORDER = {"fastmath": {"reassoc", "contract", "nsz"}}


@in_python(interpreted.kernel)
def kernel(function):
    """Compile a function, an entry point of compiled code, on first use and cache it on disk.

    Parameters
    ----------
    function : callable
        A module-level function in the subset of Python that Numba compiles.

    Returns
    -------
    numba dispatcher
        Releases the GIL while it runs; divides as NumPy does (1/0 is inf, no exception).
    """
    return cached(numba.njit(**OPTIONS)(function))


def fragment(function):
    """Compile a function as a part of kernels, callable from compiled code only.

    It is cached as part of these kernels.

    Parameters
    ----------
    function : callable

    Returns
    -------
    numba dispatcher
    """
    return numba.njit(**PART)(function)


def entered(function):
    """Compile a kernel that compiled code enters by address only, and cache it on disk.

    Parameters
    ----------
    function : callable
        A module-level function.

    Returns
    -------
    numba dispatcher
    """
    return cached(numba.njit(**INNER, pipeline_class=KernelCompiler)(function))


def shared(function, **options):
    """Compile a part of functions that users compile, and cache it on disk by itself.

    It is callable from compiled code only, as a `fragment` is.

    Parameters
    ----------
    function : callable
        A module-level function.

    Returns
    -------
    numba dispatcher
    """
    return cached(numba.njit(**INNER | options)(function))


def apart(function):
    """Compile a part as `shared` does; callers refer to its machine code, however short it is.

    This is for what would be optimised once more in each of its callers, although it is called
    rarely, or is a loop of its own.

    Parameters
    ----------
    function : callable
        A module-level function, with an array among its arguments.

    Returns
    -------
    numba dispatcher
    """
    setattr(function, APART, True)
    return shared(function)


def shared_reduction(function):
    """Compile a sum with reorderable terms for functions that users compile, cached by itself."""
    return shared(function, **REORDER)


def inlined(function):
    """Compile a function into its few callers; callable from compiled code only.

    This is for fragments with a large state: a call would pass all of its arrays and count their
    references.

    Parameters
    ----------
    function : callable

    Returns
    -------
    numba dispatcher
    """
    return numba.njit(inline="always", **INNER)(function)


def reduction(function):
    """Compile a sum whose terms may be reordered; callable from compiled code only.

    Parameters
    ----------
    function : callable
        A loop that accumulates. It is optimised by itself before its callers, so that they do not
        affect its vectorisation. Reordering happens once, at compile time: the same machine gives
        the same bits in every run and on any number of threads.

    Returns
    -------
    numba dispatcher
    """
    compiled = numba.njit(**INNER | REORDER, pipeline_class=KernelCompiler)(function)
    note_counterpart(compiled, lambda: _for_python(function))
    return compiled


def _for_python(function):
    """Compile a reduction once more, as a function that Python can call; it is cached on disk.

    It computes the same bits, since a reduction is optimised by itself.
    """
    # The name distinguishes its file in the cache from that of the reduction.
    name = f"{function.__name__}_for_python"
    renamed = python.FunctionType(function.__code__, function.__globals__, name)
    renamed.__qualname__, renamed.__module__ = name, function.__module__
    compiled = cached(numba.njit(**OPTIONS | REORDER, pipeline_class=KernelCompiler)(renamed))

    @functools.wraps(function)
    def enter(*arguments):
        if not compiled.overloads:
            with interpreted.timed():
                return interpreted.as_computed(compiled_call(compiled, arguments))
        for each in arguments:
            if isinstance(each, (tuple, Held)):
                return interpreted.as_computed(compiled_call(compiled, arguments))
        return interpreted.as_computed(compiled(*arguments))

    return enter
