"""Learning-rate schedules: formulas, legal values, and their effect on a run.

Covers: schedules/*, _loops/first_order_loop.py.
"""

import gc
import math
import re
import weakref

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numba import njit
from numba.core.errors import TypingError
from scipy.optimize import OptimizeWarning

from quasinewton import Momentum, Status, minimize, schedules
from quasinewton._options.read import read
from quasinewton.schedules import user_functions

counts = st.integers(1, 60)
warmups = st.integers(0, 20)
fractions = st.floats(0.01, 1.0)


def factors(schedule, steps=100):
    return [schedule(t) for t in range(steps)]


def warmed(warmup, formula):
    """Return the factors of a formula after a warm-up; its steps count from the end of that."""
    return [(t + 1) / warmup if t < warmup else formula(t - warmup) for t in range(100)]


def half_cosine(a, b, part):
    return b + (a - b) * 0.5 * (1.0 + math.cos(math.pi * min(part, 1.0)))


class TestFormulae:
    @given(warmup=warmups)
    def test_constant(self, warmup):
        assert factors(schedules.constant(warmup)) == warmed(warmup, lambda t: 1.0)

    @given(every=counts, factor=fractions, warmup=warmups)
    def test_step(self, every, factor, warmup):
        expected = warmed(warmup, lambda t: factor ** (t // every))
        assert factors(schedules.step(every, factor, warmup)) == pytest.approx(expected, rel=1e-12)

    @given(rate=fractions, warmup=warmups)
    def test_exponential(self, rate, warmup):
        expected = warmed(warmup, lambda t: rate**t)
        assert factors(schedules.exponential(rate, warmup)) == pytest.approx(expected, rel=1e-12)

    @given(length=counts, final=st.floats(0.0, 1.0), warmup=warmups)
    def test_cosine(self, length, final, warmup):
        expected = warmed(warmup, lambda t: half_cosine(1.0, final, t / length))
        found = factors(schedules.cosine(warmup + length, final, warmup))
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)
        assert found[warmup] == 1.0 and set(found[warmup + length :]) <= {final}
        assert final <= min(found[warmup:]) and max(found[warmup:]) <= 1.0

    @given(length=counts, start=st.floats(0.0, 1.0), final=st.floats(0.0, 1.0), warmup=warmups)
    def test_linear(self, length, start, final, warmup):
        expected = warmed(warmup, lambda t: start + (final - start) * min(t / length, 1.0))
        found = factors(schedules.linear(warmup + length, start, final, warmup))
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)

    @given(length=counts, power=st.floats(0.1, 5.0), final=st.floats(0.0, 1.0), warmup=warmups)
    def test_polynomial(self, length, power, final, warmup):
        expected = warmed(warmup, lambda t: final + (1.0 - final) * max(1.0 - t / length, 0.0) ** power)
        found = factors(schedules.polynomial(warmup + length, power, final, warmup))
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)

    @given(rate=st.floats(1e-3, 10.0), power=st.floats(0.1, 3.0), every=counts, warmup=warmups)
    def test_inverse_time(self, rate, power, every, warmup):
        expected = warmed(warmup, lambda t: 1.0 / (1.0 + rate * (t // every)) ** power)
        assert factors(schedules.inverse_time(rate, power, every, warmup)) == pytest.approx(expected, rel=1e-12)

    @given(
        period=st.integers(1, 20),
        growth=st.sampled_from([1.0, 1.25, 1.5, 2.0, 3.0]),
        final=st.floats(0.0, 1.0),
        decay=fractions,
        warmup=warmups,
    )
    def test_warm_restarts(self, period, growth, final, decay, warmup):
        """The cycles follow each other, each with its documented length."""
        expected, begin, length, peak = [], 0.0, float(period), 1.0
        for t in range(100):
            if t >= begin + length:
                begin, length, peak = begin + length, length * growth, peak * decay
            part = (t - begin) / length
            expected.append(final + (1.0 - final) * peak * 0.5 * (1.0 + math.cos(math.pi * part)))
        found = factors(schedules.warm_restarts(period, growth, final, decay, warmup))
        assert found == pytest.approx(warmed(warmup, lambda t: expected[t]), rel=1e-9, abs=1e-12)

    @given(warmup=counts)
    def test_inverse_sqrt(self, warmup):
        expected = [min((t + 1) / warmup, math.sqrt(warmup / (t + 1))) for t in range(100)]
        found = factors(schedules.inverse_sqrt(warmup))
        assert found == pytest.approx(expected, rel=1e-12) and max(found) == found[warmup - 1] == 1.0

    @given(total=st.integers(2, 60), rise=st.floats(0.01, 0.99), start=fractions, final=fractions)
    @example(total=3, rise=0.5, start=0.022517459664122913, final=1.0)  # This schedule once began below `start`.
    def test_one_cycle(self, total, rise, start, final):
        peak = rise * total - 1.0

        def expected(t):
            if peak > 0.0 and t <= peak:
                return half_cosine(start, 1.0, t / peak)
            return half_cosine(1.0, final, (t - peak) / (total - 1 - peak))

        found = factors(schedules.one_cycle(total, rise, start, final))
        assert found == pytest.approx([expected(t) for t in range(100)], rel=1e-9)
        assert set(found[total - 1 :]) == {final}
        assert min(found) >= min(start, final) and max(found) <= 1.0

    @example(total=3, rise=0.5, start=0.022517459664122913, final=1.0)
    @given(total=st.integers(2, 60), rise=st.floats(0.01, 0.99), start=fractions, final=fractions)
    def test_ends_of_one_cycle_are_exact(self, total, rise, start, final):
        found = factors(schedules.one_cycle(total, rise, start, final))
        assert found[0] == start if rise * total > 1.0 else found[0] <= 1.0
        assert found[total - 1] == final
        assert all(min(start, final) <= factor <= 1.0 for factor in found)

    @example(length=3, final=0.022517459664122913, start=0.7, power=2.0, warmup=0)
    @given(
        length=counts, final=st.floats(0.0, 1.0), start=st.floats(0.0, 1.0), power=st.floats(0.1, 5.0), warmup=warmups
    )
    def test_ends_are_exact(self, length, final, start, power, warmup):
        """The first and last factors are exact, however the formula rounds.

        Nothing lies beyond them, and a fall never rises between them.
        """
        total = warmup + length
        for schedule, begin, end in (
            (schedules.cosine(total, final, warmup), 1.0, final),
            (schedules.polynomial(total, power, final, warmup), 1.0, final),
            (schedules.linear(total, start, final, warmup), start, final),
            (schedules.linear(total, 1.0, final, warmup), 1.0, final),
        ):
            found = factors(schedule)[warmup:]
            assert found[0] == begin and set(found[length:]) <= {end}
            assert all(min(begin, end) <= factor <= max(begin, end) for factor in found)
            assert found == sorted(found, reverse=begin >= end)

    @given(period=st.integers(1, 20), growth=st.floats(1.0, 3.0), final=st.floats(0.0, 1.0))
    def test_restarts_begin_at_the_top(self, period, growth, final):
        found = factors(schedules.warm_restarts(period, math.floor(growth), final))
        begin, length = 0, period
        while begin < 100:
            assert found[begin] == 1.0
            begin, length = begin + length, length * math.floor(growth)
        assert min(found) >= final and max(found) <= 1.0

    @given(warmup=st.integers(1, 20), begin=st.floats(0.0, 1.0))
    def test_warm_up_from_anywhere(self, warmup, begin):
        """The warm-up reaches 1 where the formula begins.

        From 0 it is Optax' linear_schedule and Keras' warmup_target.
        """
        makers = [
            schedules.constant,
            lambda **options: schedules.step(7, 0.5, **options),
            lambda **options: schedules.exponential(0.9, **options),
            lambda **options: schedules.cosine(60, 0.1, **options),
            lambda **options: schedules.linear(60, 1.0, 0.1, **options),
            lambda **options: schedules.polynomial(60, 2.0, **options),
            lambda **options: schedules.inverse_time(0.5, **options),
            lambda **options: schedules.warm_restarts(9, 2, **options),
            schedules.inverse_sqrt,
        ]
        for make in makers:
            warm, plain = (factors(make(warmup=warmup, **more)) for more in ({"warmup_start": begin}, {}))
            expected = [begin + (1.0 - begin) * t / warmup for t in range(warmup)]
            assert warm[:warmup] == pytest.approx(expected, rel=1e-12, abs=1e-15)
            assert warm[0] == begin and warm[warmup] == 1.0
            if make is schedules.inverse_sqrt:
                assert warm[warmup:] == pytest.approx([math.sqrt(warmup / t) for t in range(warmup, 100)], rel=1e-12)
            else:
                assert warm[warmup:] == plain[warmup:]

    def test_one_cycle_that_rises_in_no_step_begins_at_its_peak(self):
        assert schedules.one_cycle(10, rise=0.1)(0) == 1.0

    def test_are_plain_values(self):
        """Schedules are equal by value, hashable and readable."""
        assert schedules.step(5.0, 1) == schedules.step(5, 1.0) != schedules.step(6)
        assert len({schedules.cosine(), schedules.cosine(None, 0)}) == 1
        assert repr(schedules.cosine(20, warmup=5)) == "cosine(total=20, final=0, warmup=5)"
        assert eval(f"schedules.{schedules.one_cycle(9, 1 / 3)}") == schedules.one_cycle(9, 1 / 3)
        assert repr(schedules.constant(warmup=2, warmup_start=0.5)) == "constant(warmup=2, warmup_start=0.5)"
        assert repr(schedules.warm_restarts(5)) == "warm_restarts(period=5, final=0, growth=1, decay=1)"


class TestLegal:
    @pytest.mark.parametrize(
        "make, message",
        [
            (lambda: schedules.constant(-1), "warmup must be at least 0, got -1"),
            (lambda: schedules.step(0), "every must be at least 1, got 0"),
            (lambda: schedules.step(5, factor=0.0), r"factor must be in \(0, 1\], got 0.0"),
            (lambda: schedules.step(5, factor=1.5), r"factor must be in \(0, 1\], got 1.5"),
            (lambda: schedules.step(5, warmup=-2), "warmup must be at least 0, got -2"),
            (lambda: schedules.exponential(0.0), r"rate must be in \(0, 1\], got 0.0"),
            (lambda: schedules.exponential(math.nan), r"rate must be in \(0, 1\], got nan"),
            (lambda: schedules.exponential(1.01), r"rate must be in \(0, 1\], got 1.01"),
            (lambda: schedules.cosine(0), "total must be at least 1, got 0"),
            (lambda: schedules.cosine(final=-0.1), r"final must be in \[0, 1\], got -0.1"),
            (lambda: schedules.cosine(final=1.1), r"final must be in \[0, 1\], got 1.1"),
            (lambda: schedules.cosine(10, warmup=10), "warmup must be less than the total of 10, got 10"),
            (lambda: schedules.inverse_sqrt(0), "warmup must be at least 1, got 0"),
            (lambda: schedules.one_cycle(0), "total must be at least 1, got 0"),
            (lambda: schedules.one_cycle(rise=0.0), r"rise must be in \(0, 1\), got 0.0"),
            (lambda: schedules.one_cycle(rise=1.0), r"rise must be in \(0, 1\), got 1.0"),
            (lambda: schedules.one_cycle(start=0.0), r"start must be in \(0, 1\], got 0.0"),
            (lambda: schedules.one_cycle(final=2.0), r"final must be in \(0, 1\], got 2.0"),
            (lambda: schedules.linear(0), "total must be at least 1, got 0"),
            (lambda: schedules.linear(5, start=1.5), r"start must be in \[0, 1\], got 1.5"),
            (lambda: schedules.linear(5, final=-1.0), r"final must be in \[0, 1\], got -1.0"),
            (lambda: schedules.linear(5, warmup=5), "warmup must be less than the total of 5, got 5"),
            (lambda: schedules.polynomial(5, power=0.0), r"power must be in \(0, inf\), got 0.0"),
            (lambda: schedules.polynomial(5, final=math.nan), r"final must be in \[0, 1\], got nan"),
            (lambda: schedules.polynomial(5, warmup=9), "warmup must be less than the total of 5, got 9"),
            (lambda: schedules.inverse_time(0.0), r"rate must be in \(0, inf\), got 0.0"),
            (lambda: schedules.inverse_time(1.0, power=-1.0), r"power must be in \(0, inf\), got -1.0"),
            (lambda: schedules.inverse_time(1.0, every=0), "every must be at least 1, got 0"),
            (lambda: schedules.warm_restarts(0), "period must be at least 1, got 0"),
            (lambda: schedules.warm_restarts(5, growth=0.5), r"growth must be in \[1, inf\), got 0.5"),
            (lambda: schedules.warm_restarts(5, final=2.0), r"final must be in \[0, 1\], got 2.0"),
            (lambda: schedules.warm_restarts(5, decay=0.0), r"decay must be in \(0, 1\], got 0.0"),
            (lambda: schedules.constant(5, warmup_start=-0.1), r"warmup_start must be in \[0, 1\], got -0.1"),
            (lambda: schedules.cosine(9, warmup=5, warmup_start=2), r"warmup_start must be in \[0, 1\], got 2"),
        ],
    )
    def test_illegal_value_cannot_be_constructed(self, make, message):
        with pytest.raises(ValueError, match=message):
            make()

    @pytest.mark.parametrize(
        "make, message",
        [
            (lambda: schedules.constant(1.5), "warmup must be an integer, got 1.5"),
            (lambda: schedules.constant(None), "warmup must be an integer, got None"),
            (lambda: schedules.step("often"), "every must be an integer, got 'often'"),
            (lambda: schedules.exponential("slow"), "rate must be a real number, got 'slow'"),
            (lambda: schedules.cosine(math.inf), "total must be an integer, got inf"),
            (lambda: schedules.one_cycle(rise=None), "rise must be a real number, got None"),
        ],
    )
    def test_wrong_type_is_named(self, make, message):
        with pytest.raises(TypeError, match=message):
            make()

    STRETCHED = [schedules.cosine(), schedules.one_cycle(), schedules.linear(), schedules.polynomial()]

    @pytest.mark.parametrize("schedule", STRETCHED)
    def test_without_a_length_there_are_no_factors(self, schedule):
        with pytest.raises(ValueError, match="takes its length from the run"):
            schedule(0)

    def test_steps_are_counted_from_0(self):
        with pytest.raises(ValueError, match="t must be at least 0, got -1"):
            schedules.cosine(10)(-1)
        with pytest.raises(TypeError, match="t must be an integer, got 2.5"):
            schedules.cosine(10)(2.5)


@njit
def unit(x):
    """Return Σ x_i, whose gradient is 1 everywhere, so that a step equals the learning rate."""
    return np.sum(x), np.ones(x.size)


@njit
def halving(t):
    """Return the factor of a user's schedule."""
    return 0.5**t


@njit
def whole(t):
    """Return an integer factor."""
    return 1 - t % 2


@njit
def late(t):
    """Return a factor, or raise an exception at step 3."""
    if t == 3:
        raise ValueError("out of schedule", t)
    return 1.0 / (t + 1)


@njit
def lost(t):
    """Return a factor that is not a number."""
    return math.nan if t == 2 else 1.0


@njit
def imaginary(t):
    """Return a factor that is not real."""
    return 1j * t


@njit
def silent(t):
    """Return nothing."""


@njit
def doubtful(t):
    """Return a boolean."""
    return t > 3


@njit
def greedy(t, x):
    """Take more arguments than the step."""
    return 1.0


NO_SCHEDULES = [
    (imaginary, "schedule must return a real number; it returns complex128"),
    (silent, "schedule must return a real number; it returns none"),
    (doubtful, "schedule must return a real number; it returns bool"),
    (greedy, r"schedule does not compile for the arguments \(t: int64\)"),
]


def run(schedule, steps=10, lr=0.125, **options):
    options = {"lr": lr, "maxiter": steps, "gtol": -1.0, "history": True, "schedule": schedule, **options}
    return minimize(unit, np.zeros(2), method="sgd", jac=True, options=options)


@njit
def inside(schedule, steps):
    """Run in compiled code with a schedule as an argument."""
    return minimize(unit, np.zeros(2), method="sgd", jac=True, maxiter=steps, gtol=-1.0, schedule=schedule)


RAMP = schedules.cosine(warmup=3)


@njit
def inside_by_global(steps):
    """Run in compiled code with a global object as the schedule."""
    return minimize(unit, np.zeros(2), method="sgd", jac=True, maxiter=steps, gtol=-1.0, schedule=RAMP)


class TestRuns:
    @pytest.mark.parametrize(
        "schedule",
        [
            schedules.constant(4),
            schedules.constant(4, warmup_start=0.0),
            schedules.step(3, 0.5),
            schedules.cosine(7, 0.1, 2),
            schedules.one_cycle(9),
            schedules.linear(6, 0.25, 1.0),
            schedules.inverse_time(0.5, every=2),
            schedules.warm_restarts(3, 2, warmup=2),
            halving,
        ],
    )
    def test_rates_are_those_of_the_history(self, schedule):
        """The learning rate is lr times the factor, from step 0 on, and steps have that length."""
        res = run(schedule)
        expected = [0.125 * schedule(t) for t in range(10)]
        assert res.history.alpha.tolist() == [0.0, *expected]
        assert res.history.f.tolist() == pytest.approx([0.0, *(-2.0 * np.cumsum(expected))])

    def test_none_is_constant(self):
        assert np.array_equal(run(None).x, run(schedules.constant()).x)

    @pytest.mark.parametrize("make", [schedules.cosine, schedules.one_cycle, schedules.linear, schedules.polynomial])
    @pytest.mark.parametrize("steps", [1, 2, 10])
    def test_length_is_that_of_the_run(self, make, steps):
        assert np.array_equal(run(make(), steps).history.alpha, run(make(steps), steps).history.alpha)
        assert np.array_equal(inside(make(), steps).x, run(make(steps), steps, lr=1e-3).x)

    def test_length_of_its_own_is_kept(self):
        assert run(schedules.cosine(5), 10).history.alpha[6:].tolist() == [0.0] * 5

    @pytest.mark.parametrize("steps", [0, 2])
    @pytest.mark.parametrize("warmup", [0, 2, 5])
    def test_run_no_longer_than_the_warm_up(self, steps, warmup):
        """A run may end within the warm-up, from Python and from compiled code."""
        expected = [(t + 1) / warmup if warmup else schedules.cosine(2)(t) for t in range(steps)]
        res = run(schedules.cosine(warmup=warmup), steps, lr=1e-3)
        assert res.status is Status.ITERATIONS
        assert res.history.alpha[1:].tolist() == pytest.approx([1e-3 * factor for factor in expected])
        assert np.array_equal(inside(schedules.cosine(warmup=warmup), steps).x, res.x)

    def test_length_goes_by_the_default_number_of_iterations(self):
        first, explicit = (
            minimize(unit, [0.0], method="sgd", jac=True, options={"schedule": schedule, "f_target": -1.0, "lr": 0.5})
            for schedule in (schedules.cosine(), schedules.cosine(15000))
        )
        assert first.nit == explicit.nit > 2 and np.array_equal(first.x, explicit.x)

    def test_a_run_goes_on_under_its_own_schedule(self):
        """A continued run keeps its schedule, whose length may be that of the run or a period."""
        for first, other in (
            (schedules.warm_restarts(3), schedules.warm_restarts(4)),
            (schedules.linear(9), schedules.linear(10)),
            (schedules.polynomial(9), schedules.polynomial(9, 2.0)),
            (schedules.constant(4), schedules.constant(4, warmup_start=0.0)),
        ):
            options = {"lr": 0.125, "gtol": -1.0, "schedule": first}
            half = minimize(unit, np.zeros(2), method="sgd", jac=True, options=options | {"maxiter": 4})
            going_on = dict(x0=None, method="sgd", jac=True, checkpoint=half.checkpoint)
            whole = minimize(unit, options=options | {"maxiter": 10}, **going_on)
            assert np.array_equal(whole.x, run(first).x) and not np.array_equal(whole.x, run(other).x)
            with pytest.raises(ValueError, match=re.escape(f"a run with {first}; this call says {other}")):
                minimize(unit, options=options | {"schedule": other}, **going_on)

    def test_multiplies_the_buffer_of_momentum(self):
        """As in PyTorch, the learning rate of a step multiplies all gradients in the buffer."""
        options = {"lr": 1.0, "maxiter": 3, "gtol": -1.0, "schedule": schedules.step(2, 0.1)}
        res = minimize(unit, [0.0], method=Momentum(momentum=0.5), jac=True, options=options)
        assert res.x == pytest.approx([-(1.0 + 1.5 + 0.1 * 1.75)])


class TestFunctions:
    """Functions of the user as schedules."""

    def test_is_the_schedule_of_the_same_formula(self):
        assert np.array_equal(run(halving).history.alpha, run(schedules.exponential(0.5)).history.alpha)

    def test_may_return_integers(self):
        assert run(whole, 4).history.alpha[1:].tolist() == [0.125, 0.0, 0.125, 0.0]

    def test_may_close_over_numbers(self):
        def made(factor):
            return njit(lambda t: factor / (t + 1))

        assert run(made(3.0), 2, lr=1.0).x[0] == -4.5 and run(made(1.0), 2, lr=1.0).x[0] == -1.5

    def test_exception_passes(self):
        with pytest.raises(ValueError, match="out of schedule") as caught:
            run(late)
        assert caught.value.result.nit == 3

    def test_factor_that_is_not_a_number_ends_the_run(self):
        res = run(lost)
        assert res.status is Status.NONFINITE and res.nit == 2 and res.x.tolist() == [-0.25, -0.25]
        assert res.fun == -0.5

    def test_is_not_kept_alive(self):
        def fleeting(t):
            return 1.0

        fleeting = njit(fleeting)
        run(fleeting)
        assert fleeting in user_functions._entries
        alive = weakref.ref(fleeting)
        del fleeting
        gc.collect()
        assert alive() is None

    @pytest.mark.parametrize("schedule, message", NO_SCHEDULES)
    def test_that_gives_no_number(self, schedule, message):
        with pytest.raises(TypeError, match=message):
            run(schedule)
        with pytest.raises(TypingError, match=message):
            inside(schedule, 3)

    @pytest.mark.parametrize("schedule", [halving.py_func, schedules.cosine, "cosine", 0.5, [1.0, 0.5], (1.0, 0.5)])
    def test_that_is_none(self, schedule):
        message = "schedule must be one of quasinewton.schedules or an @njit function of the step, got"
        with pytest.raises(TypeError, match=message):
            run(schedule)


class TestInside:
    """Schedules in compiled code."""

    @pytest.mark.parametrize(
        "schedule",
        [schedules.step(3, 0.5), schedules.inverse_sqrt(4), schedules.one_cycle(8), schedules.warm_restarts(2, 2)],
    )
    def test_same_bits(self, schedule):
        assert np.array_equal(inside(schedule, 9).x, run(schedule, 9, lr=1e-3).x)

    def test_same_bits_of_a_function(self):
        assert np.array_equal(inside(late, 3).x, run(late, 3, lr=1e-3).x)
        with pytest.raises(ValueError, match="out of schedule"):
            inside(late, 4)

    def test_same_bits_of_a_global(self):
        assert np.array_equal(inside_by_global(9).x, run(RAMP, 9, lr=1e-3).x)

    def test_what_is_no_schedule_is_named(self):
        with pytest.raises(TypingError, match="`schedule` must be an @njit function"):
            inside(0.5, 3)


class TestOtherMethods:
    """Methods with a line search take no schedule, and first-order methods no line search."""

    def test_searching_methods_do_not_know_it(self):
        with pytest.warns(OptimizeWarning, match="Unknown solver options: schedule"):
            read("lbfgs", 2, None, {"schedule": schedules.cosine()})

    def test_searching_methods_do_not_know_it_inside(self):
        @njit
        def solve(x0):
            return minimize(unit, x0, method="lbfgs", jac=True, schedule=RAMP)

        with pytest.raises(TypingError, match="`schedule` belongs to first-order methods"):
            solve(np.zeros(2))

    def test_first_order_methods_take_no_search(self):
        with pytest.raises(ValueError, match="adam has no option 'line_search'; perhaps schedule is meant"):
            minimize(unit, [1.0], method="adam", jac=True, options={"line_search": "armijo"})

    def test_first_order_methods_take_no_search_inside(self):
        @njit
        def solve(x0):
            return minimize(unit, x0, method="adam", jac=True, line_search="armijo")

        with pytest.raises(TypingError, match="first-order methods take no `line_search` but a `schedule`"):
            solve(np.zeros(2))
