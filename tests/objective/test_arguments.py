"""`args`: compiled objectives receive what the user gave, of every type and layout.

Covers: _arguments/convert_args.py, _objective/packed_args.py, _objective/build.py,
_objective/from_njit.py.
"""

import numpy as np
import pytest
from numba import njit

from quasinewton import minimize
from quasinewton._objective import from_njit
from quasinewton._objective.problem import args_type


@njit
def distance(x, centre):
    """Return the squared distance of x from a number, or from the sum of an array."""
    return (x[0] - np.sum(np.asarray(centre))) ** 2


@njit
def moved(x, centre, array):
    """Return the squared distance of x from the sum of a number and an array."""
    return (x[0] - centre - np.sum(array)) ** 2


@njit
def weighted(x, w):
    """Return Σ w_ij (x_i − j)², which depends on the place of every entry of the matrix."""
    f = 0.0
    for i in range(w.shape[0]):
        for j in range(w.shape[1]):
            f += w[i, j] * (x[i] - j) ** 2
    return f


@njit
def nested(x, numbers):
    """Return a quadratic around the numbers of ((a, b), (c, array))."""
    (a, b), (c, array) = numbers
    return (x[0] - a - b) ** 2 + (x[1] - c - array[0]) ** 2


MATRIX = np.array([[1.0, 2.0, 3.0], [4.0, 1.0, 1.0]])
LAYOUTS = {
    "C": MATRIX,
    "F": np.asfortranarray(MATRIX),
    "strided": np.repeat(np.repeat(MATRIX, 2, axis=0), 3, axis=1)[::2, ::3],
    "reversed": np.ascontiguousarray(MATRIX[::-1, ::-1])[::-1, ::-1],
    "int64": MATRIX.astype(np.int64),
    "int8": MATRIX.astype(np.int8),
    "float32": MATRIX.astype(np.float32),
    "bool": MATRIX > 1.5,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_matrices_arrive_entry_by_entry(layout):
    w = LAYOUTS[layout]
    centre = np.asarray(w, dtype=float) @ np.arange(3.0) / np.sum(w, axis=1)
    res = minimize(weighted, [9.0, 9.0], (w,))
    assert res.success and res.x == pytest.approx(centre, abs=1e-5)


def test_read_only_arrays_are_read():
    w = MATRIX.copy()
    w.flags.writeable = False
    assert minimize(weighted, [9.0, 9.0], (w,)).success


@pytest.mark.parametrize("value", [3, 3.0, np.float32(3.0), np.int8(3), True + 2, 3 + 0j], ids=repr)
def test_scalars_of_every_type(value):
    fun = njit(lambda x, c: (x[0] - c.real) ** 2) if isinstance(value, complex) else distance
    assert minimize(fun, [0.0], (value,)).x == pytest.approx([3.0], abs=1e-5)


def test_nested_tuples():
    res = minimize(nested, [0.0, 0.0], (((1, 2.0), (3.0, np.array([4.0]))),))
    assert res.x == pytest.approx([3.0, 7.0], abs=1e-5)


@pytest.mark.parametrize("args, calls", [("low", "text"), ({"centre": 2.0}, "dict"), ([2.0, 3.0], "list")])
def test_what_compiled_code_cannot_be_handed_is_handed_over_by_python(args, calls):
    """Arguments that Numba cannot type are passed by the interpreter.

    The objective may be compiled or not.
    """
    seen = []

    def fun(x, extra):
        seen.append(extra)
        return x @ x

    assert minimize(fun, [1.0], (args,)).success
    assert all(extra is args for extra in seen) and seen


def test_a_compiled_function_with_text_among_its_arguments():
    @njit
    def fun(x, mode):
        return (x[0] - (1.0 if mode == "low" else 5.0)) ** 2

    assert minimize(fun, [0.0], ("low",)).x == pytest.approx([1.0], abs=1e-5)
    assert minimize(fun, [0.0], ("high",)).x == pytest.approx([5.0], abs=1e-5)


def test_changed_values_compile_nothing():
    minimize(moved, [0.0], (1.0, np.zeros(3)))
    known = from_njit._trampolines[moved]
    compiled_before = set(known)
    for value in 2.0, -5.0, 1e3:
        for length in 1, 2, 50:
            res = minimize(moved, [0.0], (value, np.ones(length)))
            assert res.x == pytest.approx([value + length], rel=1e-6)
    assert set(known) == compiled_before


def test_values_changed_in_place_are_seen_by_the_next_run():
    centre = np.array([1.0])
    assert minimize(distance, [0.0], (centre,)).x == pytest.approx([1.0], abs=1e-5)
    centre[0] = 4.0
    assert minimize(distance, [0.0], (centre,)).x == pytest.approx([4.0], abs=1e-5)


def test_arguments_are_not_changed_nor_kept():
    import sys

    centre = np.array([1.0, 2.0])
    before = sys.getrefcount(centre)
    minimize(distance, [0.0], (centre,))
    minimize(distance, [0.0], (centre,), jac="3-point")
    assert sys.getrefcount(centre) == before and centre.tolist() == [1.0, 2.0]


def test_an_objective_may_write_to_its_arguments():
    @njit
    def counting(x, calls):
        calls[0] += 1
        return x[0] ** 2

    calls = np.zeros(1, dtype=np.int64)
    res = minimize(counting, [3.0], (calls,))
    assert calls[0] == res.nfev > 1


@pytest.mark.parametrize(
    "args, packed",
    [
        ((1.0, 2, True, None), True),
        ((np.zeros(2), (1.0, (np.zeros((2, 2)),))), True),
        ((), True),
        (("text",), True),
        (({"a": 1},), False),
        (([1.0],), False),
        ((np.array(["a"]),), False),
        ((object(),), False),
        ((np.array([None]),), False),
    ],
)
def test_what_can_be_packed(args, packed):
    assert (args_type(args) is not None) == packed
