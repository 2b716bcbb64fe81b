"""Kernels that are compiled when they are first called.

Covers: _numba_ext/lazy.py.
"""

import sys

import numpy as np
import processes
import pytest
from numba import njit, types

from quasinewton._numba_ext import operation_tables
from quasinewton._numba_ext.jit import kernel
from quasinewton._numba_ext.lazy import late as make_late


@kernel
def halve(a, k):
    """Halve a[k], and return its previous value."""
    if k >= a.size:
        raise IndexError("beyond the end")
    was = a[k]
    a[k] = 0.5 * was
    return was


enter_halve = make_late(halve, types.float64(types.float64[::1], types.int64))


@njit
def halve_all(a, count):
    total = 0.0
    for k in range(count):
        total += enter_halve((a, k))
    return total


def test_enters_the_kernel():
    a = np.arange(4.0)
    assert halve_all(a, 4) == 6.0 and np.array_equal(a, 0.5 * np.arange(4.0))


def test_exceptions_pass_through():
    with pytest.raises(IndexError, match="beyond the end"):
        halve_all(np.ones(2), 3)


LAZY = """
import numpy as np
from numba import njit
from quasinewton import LBFGS, minimize
from quasinewton._methods.lbfgs import compact_inverse

@njit
def f(x, g):
    f = 0.0
    for i in range(x.size):
        g[i] = x[i] - 1.0
        f += 0.5 * g[i] ** 2
    return f

@njit
def inside(x):
    return minimize(f, x, jac="inplace").nit

names = "direction", "update", "direction_single", "update_single"
kernels = [getattr(compact_inverse, name) for name in names]

def compiled():
    return [len(kernel.signatures) for kernel in kernels]

minimize(f, np.zeros(3), jac="inplace")
inside(np.zeros(3))
print(compiled())
inside(np.zeros(70_000))
print(compiled())
minimize(f, np.zeros(70_000), jac="inplace")
minimize(f, np.zeros(3), jac="inplace", method=LBFGS(single=True))
print(compiled())
"""


def test_few_variables_do_not_compile_what_many_need():
    """Runs with few variables, from Python or compiled code, do not compile the compact form.

    Nothing is compiled twice.
    """
    assert processes.run(LAZY).splitlines() == ["[0, 0, 0, 0]", "[1, 1, 0, 0]", "[1, 1, 1, 1]"]


@kernel
def double(a):
    """Double a[0]."""
    a[0] *= 2.0


enter_double = make_late(double, types.void(types.float64[::1]))


@njit
def refused(a):
    """Call a kernel that no other test calls."""
    enter_double((a,))


@pytest.mark.parametrize("error", [MemoryError("none left"), KeyboardInterrupt()], ids=["memory", "interrupt"])
def test_kernel_that_cannot_be_had_is_an_error(error, monkeypatch):
    """A failure to compile the kernel ends the run, Ctrl-C during the compilation included."""

    def fail(table, number):
        raise error

    told = []
    monkeypatch.setattr(operation_tables.Table, "compile", fail)
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_value))
    with pytest.raises(RuntimeError, match="a kernel was not compiled") as raised:
        refused(np.ones(2))
    assert operation_tables.reason(raised.value) is error
    assert told == ([] if isinstance(error, KeyboardInterrupt) else [error])
