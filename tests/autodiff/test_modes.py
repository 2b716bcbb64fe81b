"""Forward and reverse mode, the tape, threads and processes.

Covers: _autodiff/derivative_functions.py, _autodiff/{tape,tape_records}.py,
_autodiff/reverse_sweep.py, _autodiff/seeding.py, _autodiff/allocation.py.
"""

import threading

import numpy as np
import pytest
from numba import njit
from objectives import rosenbrock, rosenbrock_gradient, rosenbrock_hessian
from processes import run

from quasinewton import grad, hessian, hvp, value_and_grad
from quasinewton._autodiff import derivative_functions


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

    monkeypatch.setattr(derivative_functions, "LIMIT", 1 << 18)
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
