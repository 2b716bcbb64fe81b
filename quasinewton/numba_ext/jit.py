"""Numba, configured once: how kernels compile, and which of them are cached on disk.

`kernel` compiles a function of the package, `shared` a part of functions that users compile,
`reduction` one whose sums may be reordered. Nothing else in the package sets a Numba option.
"""

import numba

from quasinewton.numba_ext.cache import cached
from quasinewton.numba_ext.parts import KernelCompiler, PartCompiler

OPTIONS = {"error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}

# What only compiled code calls needs no entry for Python, which would take a third of its compile
# time.
INNER = OPTIONS | {"no_cpython_wrapper": True}
PART = INNER | {"pipeline_class": PartCompiler}

# What is chosen by type becomes part of its caller: a call would pass every array of a state, which
# takes longer than the work on small vectors. LLVM does it, after typing, which compiles faster
# than `inlined`.
CHOSEN = PART | {"forceinline": True}

# Sums may be reordered (that is what makes them vector code); NaN and infinities keep their
# meaning, since every safeguard in the package tests for them.
REORDER = {"reassoc", "contract", "nsz"}


def kernel(function):
    """Compile `function` on first use and cache the result on disk: a way into compiled code.

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
    """Compile `function` as a part of kernels: callable from compiled code only.

    It is cached with the kernels it is part of.

    Parameters
    ----------
    function : callable

    Returns
    -------
    numba dispatcher
    """
    return numba.njit(**PART)(function)


def entered(function):
    """Compile `function` as a kernel that compiled code enters by its address alone, and cache it
    on disk.

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
    """Compile a part of functions that users compile, and cache it on disk by itself; otherwise as
    `fragment`.

    Parameters
    ----------
    function : callable
        A module-level function.

    Returns
    -------
    numba dispatcher
    """
    return cached(numba.njit(**INNER, **options)(function))


def shared_reduction(function):
    """The same for a sum whose terms may be added in any order."""
    return shared(function, fastmath=REORDER)


def inlined(function):
    """Compile `function` into its few callers; otherwise as `fragment`.

    For a fragment with a large state: a call would pass every array of it, and count its
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
    """Compile a sum whose terms may be added in any order; otherwise as `fragment`.

    Parameters
    ----------
    function : callable
        A loop that accumulates. It is optimised by itself, before its callers, so that they do not
        change how it is vectorised. Reordering changes the rounding once, at compile time: the same
        machine gives the same bits in every run and on every number of threads.

    Returns
    -------
    numba dispatcher
    """
    return numba.njit(fastmath=REORDER, pipeline_class=KernelCompiler, **INNER)(function)
