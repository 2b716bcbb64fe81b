"""Derivatives of programs that nobody wrote: random ones, and those that hypothesis generates.

Covers: _autodiff/adjoint/*, _autodiff/derivative_functions.py, _autodiff/*_rules.py,
_autodiff/tape.py.
"""

import ast
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numba import njit
from processes import run
from random_programs import KINDS, program, written
from references import differences, refusal

from quasinewton import value_and_grad

# Seeds of small programs that together have every kind of statement.
SMALL = [529, 1197, 1564, 1899]


def test_small_programs_have_every_kind_of_statement():
    assert set().union(*(written(seed)[1] for seed in SMALL)) == KINDS


@pytest.mark.parametrize("seed", SMALL)
def test_random_program(seed):
    """A program is accepted, and has the bits of f and the gradient by differences."""
    f, args = program(seed)
    assert refusal(f, args[1:]) is None
    y, g = value_and_grad(f, "reverse")(*args)
    assert y == f(*args)
    np.testing.assert_allclose(g, differences(f, *args), rtol=1e-6, atol=1e-6)


@pytest.fixture(scope="module")
def without_optimiser(tmp_path_factory):
    """Variables of processes that compile without LLVM's optimiser, with a cache of their own."""
    return {"NUMBA_OPT": "0", "NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("cache"))}


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 2000, 40))
def test_random_programs(first, without_optimiser):
    """Forty programs per case have the value of f and the gradient by differences."""
    code = f"from random_batch import faults; print(faults(range({first}, {first + 40})))"
    wrong, refused = ast.literal_eval(run(code, Path(__file__).parent, **without_optimiser))
    assert not wrong
    assert refused <= 3


ATOMS = st.sampled_from(["x[0]", "x[1]", "x[i]", "s", "h[i - 1]", "0.5", "2", "-1.25"])
UNARY = st.sampled_from(["np.sin", "np.cos", "np.tanh", "np.arcsinh", "-", "np.square", "root"])
BINARY = st.sampled_from(["({} + {})", "({} - {})", "({} * {})", "({} / (2.0 + abs({})))", "np.hypot({}, 1.0 + {})"])


def compound(children):
    unary = st.builds("{}({})".format, UNARY, children)
    binary = st.builds(lambda form, a, b: form.format(a, b), BINARY, children, children)
    return unary | binary | st.builds("({} if x[0] > x[1] else {})".format, children, children)


def compound_arrays(children):
    single = ["np.tanh({})", "np.cumsum({})", "{}[::-1]", "np.cos({}) ** 2", "(m @ {})", "np.outer({}, x)[1]"]
    both = st.sampled_from(["({} * {})", "({} - {})", "np.where(x > 0.1, {}, {})", "np.logaddexp({}, {})"])
    unary = st.builds(lambda form, a: form.format(a), st.sampled_from(single), children)
    return unary | st.builds(lambda form, a, b: form.format(a, b), both, children, children)


NUMBERS = st.recursive(ATOMS, compound, max_leaves=6)
ARRAYS = st.recursive(st.sampled_from(["x", "h", "np.sin(x)", "(s + h)"]), compound_arrays, max_leaves=3)
STATEMENTS = [
    "s = np.tanh(0.5 * s + {0})",
    "h[i] = np.sin({0})",
    "h[i] += 0.5 * np.tanh({0})",
    "h *= 0.5",
    "h[1:] -= 0.5 * np.tanh(h[:-1])",
    "h = np.tanh({1})",
    "s += 0.1 * np.tanh(np.sum({1}))",
    "if h[i] > x[1]:\n            s = np.cos({0})\n        else:\n            h[i] = np.arctan({0})",
    "for v in h:\n            s = np.tanh(s + v * x[i])",
    "if s > 5.0:\n            break",
]
REDUCTIONS = ["np.sum(h * {})", "np.mean({})", "np.dot(h, {})", "np.linalg.norm(2.0 + {} ** 2)", "np.prod(np.cos({}))"]
STATEMENT = st.builds(lambda form, a, b: form.format(a, b), st.sampled_from(STATEMENTS), NUMBERS, ARRAYS)
RESULT = st.builds(lambda form, a: form.format(a), st.sampled_from(REDUCTIONS), ARRAYS)


@njit
def root(u):
    return math.sqrt(1.0 + u * u)


# Each example takes four seconds to compile.
@settings(max_examples=settings.default.max_examples // 10)
@given(st.lists(STATEMENT, min_size=2, max_size=4), RESULT, NUMBERS)
def test_generated_programs(statements, result, number):
    """Both modes agree on a while loop that carries a number and a buffer.

    The result is a reduction of both.
    """
    body = "\n        ".join(statements)
    source = f"""
def f(x, m):
    s, h, i = 0.0, np.zeros(3), 0
    while i < 3:
        {body}
        i += 1
    i -= 1
    return {result} + np.tanh({number})
"""
    scope = {"np": np, "math": math, "root": root}
    exec(source, scope)
    f = njit(scope["f"])
    x, m = np.array([0.3, -0.7, 1.1]), np.array([[0.2, -0.5, 0.1], [0.4, 0.3, -0.2], [0.0, 0.6, 0.7]])
    (y, ahead), (z, back) = (value_and_grad(f, jac)(x, m) for jac in ("forward", "reverse"))
    assert y == z == f(x, m)
    np.testing.assert_allclose(ahead, back, rtol=1e-11, atol=1e-11)
    step, smooth = 1e-3, []
    for i, e in enumerate(step * np.eye(3)):
        beside = [f(x + k * e, m) for k in (-3, -2, -1, 1, 2, 3)]
        difference = np.dot(beside, [-1.0, 9.0, -45.0, 45.0, -9.0, 1.0]) / (60.0 * step)
        # A branch may change right beside x, where one-sided slopes are no reference.
        if abs(beside[2] - 2.0 * y + beside[3]) < 0.2 * step * (1.0 + abs(difference)):
            smooth.append(i)
            np.testing.assert_allclose(ahead[i], difference, rtol=1e-6, atol=1e-6 * (1.0 + abs(y)))
    assume(smooth)
