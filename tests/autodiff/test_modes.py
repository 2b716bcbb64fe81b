"""Forward and reverse mode, the tape, threads and processes.

Covers: autodiff/drivers.py, autodiff/{tape,tape_records}.py, autodiff/reverse_sweep.py,
autodiff/seeding.py, autodiff/allocation.py.
"""

import math
import threading

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numba import njit
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_hessian
from processes import run

from quasinewton import grad, hessian, hvp, value_and_grad
from quasinewton.autodiff import drivers


@pytest.mark.parametrize("jac", ["auto", "forward", "reverse"])
@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 32, 33, 100])
def test_rosenbrock(jac, n, rng):
    x = rng.standard_normal(n)
    y, g = value_and_grad(rosenbrock, jac)(x)
    assert y == rosenbrock(x)
    np.testing.assert_allclose(g, rosenbrock_gradient(x), rtol=1e-13, atol=1e-12)
    assert np.array_equal(grad(rosenbrock, jac)(x), g)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_second_derivatives_of_rosenbrock(n, rng):
    x, v = rng.standard_normal((2, n))
    expected = rosenbrock_hessian(x)
    np.testing.assert_allclose(hessian(rosenbrock)(x), expected, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(hvp(rosenbrock)(x, v), expected @ v, rtol=1e-12, atol=1e-11)


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


@njit
def long_recurrence(x, steps):
    s = x[0]
    for i in range(steps):
        s = np.sin(s) + x[i % x.size]
    return s


def test_tape_grows():
    x = np.linspace(0.1, 1.0, 5)
    steps = 400_000  # iterations; the tape then holds more than a million words
    (y, ahead), (z, back) = (value_and_grad(long_recurrence, jac)(x, steps) for jac in ("forward", "reverse"))
    assert y == z
    np.testing.assert_allclose(ahead, back, rtol=1e-12)


def test_tape_is_limited(monkeypatch):
    @njit
    def f(x):
        s = 0.0
        for _ in range(1_000_000):
            s = np.sin(s) + x[0]
        return s + np.sum(np.exp(x))

    monkeypatch.setattr(drivers, "LIMIT", 1 << 18)
    with pytest.raises(MemoryError, match="4 GB; use jac='forward'"):
        value_and_grad(f, "reverse")(np.ones(3))


RAISING = """
import resource
import numpy as np
from numba import njit
from quasinewton import hvp, value_and_grad

@njit
def f(x, steps):
    s = x[0]
    for _ in range(steps):
        s = np.sin(s) + x[1]
    if steps > 2:
        raise ValueError("no more")
    return s

@njit
def with_default(x, steps, more=1):
    return f(x, steps * more)

x = np.ones(2)
for g in value_and_grad(f, "reverse"), value_and_grad(with_default, "reverse"), lambda x, n: hvp(f)(x, x, n):
    assert np.all(np.isfinite(g(x, 1)[-1]))
    for k in range(60):
        try:
            g(x, 100_000)
        except ValueError as error:
            assert str(error) == "no more"
        else:
            raise AssertionError
        if k == 5:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 100_000  # kB; a tape takes 5 MB and more
print("freed")
"""


def test_tape_is_freed_if_the_function_raises(tmp_path):
    assert run(RAISING, tmp_path) == "freed"


def test_python_compiles_one_mode_only():
    @njit
    def f(x):
        return np.sum(x**2)

    derivative, slope = value_and_grad(f), grad(f)
    for n in 3, 40:
        y, g = derivative(np.ones(n))
        assert y == n and np.array_equal(g, slope(np.ones(n)))
    assert not derivative.signatures and not slope.signatures

    @njit
    def both(x):
        return derivative(x)[0] + slope(x)[0]

    assert both(np.ones(3)) == 5.0
    assert both(np.ones(40)) == 42.0


@pytest.mark.parametrize("jac", ["forward", "reverse"])
def test_threads(jac, rng):
    derivative = value_and_grad(rosenbrock, jac)
    derivative(np.zeros(50))
    points, results = rng.standard_normal((8, 50)), {}

    def work(k):
        for _ in range(300):
            results[k] = derivative(points[k])[1]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(points))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, x in enumerate(points):
        assert np.array_equal(results[k], derivative(x)[1])


def test_in_compiled_code():
    derivative = value_and_grad(rosenbrock)

    @njit
    def descend(x):
        for _ in range(10):
            y, g = derivative(x)
            x = x - 1e-3 * g
        return y

    assert descend(np.array([-1.2, 1.0])) < rosenbrock(np.array([-1.2, 1.0]))


def test_changes_neither_x_nor_a_changed_x():
    @njit
    def f(x):
        x *= 2.0
        return np.sum(x**2)

    for jac in "forward", "reverse":
        x = np.arange(10.0)
        y, g = value_and_grad(f, jac)(x)
        assert y == 4.0 * 285.0
        np.testing.assert_allclose(g, 8.0 * np.arange(10.0))
        assert np.array_equal(x, np.arange(10.0))


def test_is_made_once():
    assert value_and_grad(rosenbrock) is value_and_grad(rosenbrock)


def test_goes_with_its_function():
    import gc
    import weakref

    @njit
    def fleeting(x):
        return x[0] ** 2

    value_and_grad(fleeting, "forward")(np.ones(1))
    alive = weakref.ref(fleeting)
    del fleeting
    gc.collect()
    assert alive() is None


CACHED = """
import numpy as np
from numba import njit
from quasinewton import value_and_grad

@njit
def f(x):
    return np.sum(x**3)

ahead, back = value_and_grad(f, "forward"), value_and_grad(f, "reverse")

@njit(cache=True)
def use_ahead(x):
    return ahead(x)[1].sum()

@njit(cache=True)
def use_back(x):
    return back(x)[1].sum()
"""


def test_callers_are_cached_for_the_next_process(tmp_path):
    (tmp_path / "cached_user.py").write_text(CACHED)
    code = """
import numpy as np
from cached_user import use_ahead, use_back
for use in use_ahead, use_back:
    print(use(np.ones(4)), sum(use.stats.cache_hits.values()))
"""
    results = [run(code, tmp_path).splitlines() for _ in range(2)]
    assert results == [["12.0 0"] * 2, ["12.0 1"] * 2]
