"""What cannot be differentiated is refused while compiling, in one line.

Other code compiles as it does without the package.

Covers: _autodiff/errors.py, _autodiff/recompile.py.
"""

import inspect
import json

import numpy as np
import pytest
from numba import njit
from processes import finish, run, start

from quasinewton import grad, minimize, value_and_grad

A = np.eye(3)


def eigenvalues(x):
    return np.sum(np.linalg.eigvals(A * x[0]))  # eigvals


def truncation(x):
    return x[int(x[0])]  # int


def single_precision(x):
    h = np.zeros(3, np.float32)
    h[0] = x[0]  # a store into an array of plain numbers
    return h[0]


def rounding(x):
    return round(x[0])  # round


@njit
def helper_with_pinv(u):
    return np.linalg.pinv(u)  # pinv


def in_a_helper(x):
    s = 1.0
    return s + np.sum(helper_with_pinv(x.reshape((1, 3))))


def complex_number(x):
    return (x[0] * 1j).imag  # mul


def integers(x):
    return np.sum(x.astype(np.int64))  # astype


def output_array(x):
    out = np.empty(3)
    np.multiply(x, x, out)  # multiply
    return np.sum(out)


def power_of_a_matrix(x):
    return np.trace(np.linalg.matrix_power(A * x[0], 3))  # matrix_power


REFUSED = [eigenvalues, truncation, single_precision, rounding, in_a_helper, complex_number]
REFUSED += [integers, output_array, power_of_a_matrix]


@pytest.mark.parametrize("function", REFUSED, ids=lambda function: function.__name__)
@pytest.mark.parametrize("jac", ["forward", "reverse"])
def test_refusal_names_operation_line_and_ways_out(function, jac):
    source = helper_with_pinv.py_func if function is in_a_helper else function
    lines, first = inspect.getsourcelines(source)
    line, operation = next((first + i, text.split("# ")[1]) for i, text in enumerate(lines) if "# " in text)
    with pytest.raises(TypeError) as caught:
        grad(njit(function), jac)(np.array([1.0, 2.0, 3.0]))
    message = str(caught.value)
    assert "\n" not in message
    assert f"cannot differentiate {operation.strip()}" in message
    assert f"test_refusals.py, line {line}:" in message
    assert "`jac`" in message and "jac='3-point'" in message


def test_refusal_in_compiled_code():
    slope = grad(njit(eigenvalues), "forward")

    @njit
    def caller(x):
        return slope(x)

    with pytest.raises(TypeError, match="cannot differentiate eigvals"):
        caller(np.ones(3))


def test_minimize_refuses_when_asked_to_differentiate():
    with pytest.raises(TypeError, match="cannot differentiate round"):
        minimize(njit(rounding), np.ones(3), jac="auto")


@pytest.mark.parametrize("make", [grad, value_and_grad])
def test_illegal_input(make):
    with pytest.raises(TypeError, match=r"numba\.njit"):
        make(rounding)
    with pytest.raises(ValueError, match="'auto', 'forward' or 'reverse'"):
        make(njit(rounding), jac="sideways")


ORDINARY = """
import json, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, {folder!r})
if {loaded}:
    import quasinewton._autodiff.derivative_functions
import numpy as np
from numba import njit, vectorize
from idioms import IDIOMS, X
from more_idioms import MORE

@njit(fastmath=True, error_model="numpy")
def fast(x):
    return np.sum(x / (x - x[0] + 1e-3)) + np.dot(x, x)

@njit
def of_other_numbers(x):
    z, k, single = x + 1j * x[::-1], np.arange(6) ** 2 // 3, x.astype(np.float32)
    z *= 2.0
    k += 1
    return abs(np.sum(z)) + np.sum(k) + np.sum(single)

@vectorize
def squared(u):
    return u * u

@njit
def of_a_ufunc(x):
    return np.sum(squared(x))

others = [(f.__name__, f, ()) for f in (fast, of_other_numbers, of_a_ufunc)]
# The others take ten seconds to compile.
named = ("lists_and_slices",) if {every} > 1 else ("conditions", "lists_and_slices", "stores")
others += [case for case in MORE if case[0] in named]
facts = []
for name, f, args in IDIOMS[::{every}] + others:
    value = float(f(X.copy(), *args))
    kinds = [str(result.signature) for result in f.overloads.values()]
    sizes = [(kinds, code.count("\\n")) for code in f.inspect_asm().values()]
    facts.append((name, value.hex(), sizes))
print(json.dumps(facts))
"""


@pytest.mark.parametrize("every", [12, pytest.param(1, marks=pytest.mark.slow)])
def test_other_code_compiles_to_the_same(every):
    """Ordinary functions compile alike with the package loaded and without it.

    Compared are values, types and the length of the machine code.
    """
    folder = __file__.rpartition("/")[0]
    processes = [start(ORDINARY.format(folder=folder, loaded=flag, every=every)) for flag in (False, True)]
    without, loaded = (json.loads(finish(process)) for process in processes)
    assert without == loaded


def test_is_loaded_when_needed():
    code = "import sys, quasinewton; print('quasinewton._autodiff.recompile' in sys.modules)"
    assert run(code) == "False"
