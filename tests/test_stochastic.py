"""Mini-batches of a finite sum: against a plain loop, in every form, to every end.

Covers: _api/minimize_stochastic.py, _loops/minibatch_loop.py, _drivers/training.py,
_drivers/minibatch_data.py.
"""

import copy
import math
import pickle
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

import quasinewton
from quasinewton import (
    SGD,
    Adam,
    AdamW,
    Checkpoint,
    Status,
    StochasticState,
    minimize,
    minimize_stochastic,
    schedules,
)
from quasinewton._loops import minibatch_loop
from quasinewton._methods.first_order.base import FIRST_ORDER

N, D = 101, 4


def samples():
    rng = np.random.default_rng(7)
    A = rng.normal(size=(N, D))
    return A, A @ np.array([1.0, -2.0, 0.5, 3.0]) + 0.1 * rng.normal(size=N)


A, B = samples()
X0 = np.full(D, 0.25)


def squares(x, A, b):
    f = 0.0
    g = np.zeros(x.size)
    for i in range(b.size):
        r = -b[i]
        for j in range(x.size):
            r += A[i, j] * x[j]
        f += r * r
        for j in range(x.size):
            g[j] += 2.0 * r * A[i, j]
    return f / b.size, g / b.size


compiled = njit(squares)


@njit
def value(x, A, b):
    return compiled(x, A, b)[0]


@njit
def gradient(x, A, b):
    return compiled(x, A, b)[1]


@njit
def inplace(x, g, A, b):
    f, g_ = compiled(x, A, b)
    g[:] = g_
    return f


@njit
def recorded(x, index, seen, place):
    """Return a constant, and record the sample indices and the sizes of the batches."""
    for i in index:
        seen[place[0]] = i
        place[0] += 1
    place[1 + index.size] += 1
    return 0.0, np.zeros(x.size)


def run(**keywords):
    settings = dict(fun=compiled, x0=X0, data=(A, B), method="sgd", jac=True, lr=0.05, epochs=3, batch_size=16, rng=5)
    return minimize_stochastic(**settings | keywords)


def plain_loop(epochs, batch, lr, seed, mu=None):
    """Make steps of SGD in a plain loop, with momentum if mu is given."""
    rng, x, a = np.random.default_rng(seed), X0.copy(), np.zeros(D)
    losses = []
    for _ in range(epochs):
        order = rng.permutation(N)
        total = 0.0
        for begin in range(0, N, batch):
            rows = order[begin : begin + batch]
            f, g = squares(x, A[rows], B[rows])
            total += f * rows.size
            a = g if mu is None else mu * a + g
            x = x - lr * a
        losses.append(total / N)
    return x, losses


class TestLoop:
    @pytest.mark.parametrize("batch", [1, 16, 101])
    def test_is_the_plain_loop(self, batch):
        x, losses = plain_loop(3, batch, 0.01, 5)
        res = run(batch_size=batch, lr=0.01)
        np.testing.assert_allclose(res.x, x, rtol=1e-12)
        np.testing.assert_allclose(res.history.loss, losses, rtol=1e-12)
        assert res.nit == 3 * math.ceil(N / batch) and res.nepochs == 3

    def test_momentum_is_the_plain_loop(self):
        x, _ = plain_loop(2, 16, 0.01, 3, mu=0.9)
        res = run(method="momentum", lr=0.01, epochs=2, rng=3)
        np.testing.assert_allclose(res.x, x, rtol=1e-12)

    @pytest.mark.parametrize("kind", FIRST_ORDER, ids=lambda kind: kind.__name__)
    def test_one_batch_is_minimize(self, kind):
        method = kind(lr=0.02)
        whole = minimize(compiled, X0, (A, B), method=method, jac=True, options={"maxiter": 7, "gtol": -1})
        res = run(method=method, lr=None, epochs=7, batch_size=N, shuffle=False)
        assert np.array_equal(res.x, whole.x) and res.nit == 7

    @given(st.integers(1, 40), st.data(), st.integers(1, 3), st.booleans())
    def test_every_epoch_sees_every_sample_once(self, n, data, epochs, shuffle):
        batch = data.draw(st.integers(1, n))
        seen, place = np.full(epochs * n + 2 * n, -1), np.zeros(42, np.int64)
        index = np.arange(n)
        minimize_stochastic(
            recorded,
            [0.0],
            index,
            "sgd",
            jac=True,
            args=(seen, place),
            epochs=epochs,
            batch_size=batch,
            shuffle=shuffle,
        )
        for epoch in range(epochs):
            part = seen[epoch * n : (epoch + 1) * n]
            assert np.array_equal(np.sort(part) if shuffle else part, index)
        # The final loss takes one more pass, in the order of the data.
        assert np.array_equal(seen[epochs * n : (epochs + 1) * n], index)
        full, rest = divmod(n, batch)
        expected = np.zeros(42, np.int64)
        expected[0] = (epochs + 1) * n
        expected[1 + batch] += (epochs + 1) * full
        expected[1 + rest] += (epochs + 1) * (rest > 0)
        assert np.array_equal(place, expected)

    def test_counts(self):
        res = run()
        assert (res.nit, res.nfev, res.njev, res.skipped) == (21, 28, 28, 0)
        differenced = run(fun=value, jac="2-point")
        assert (differenced.nfev, differenced.njev) == (28 * (1 + D), 28)

    def test_result_is_that_of_all_samples(self):
        res = run()
        f, g = squares(res.x, A, B)
        assert res.fun == pytest.approx(f, rel=1e-12)
        np.testing.assert_allclose(res.jac, g, rtol=1e-9)
        assert res.success and res.status is Status.EPOCHS and res.status == 0

    def test_g_norm_and_rate_of_the_history(self):
        res = run(epochs=4, batch_size=N, shuffle=False, schedule=schedules.exponential(0.5))
        x = X0
        for epoch in range(4):
            _, g = squares(x, A, B)
            assert res.history.g_norm[epoch] == pytest.approx(np.linalg.norm(g), rel=1e-12)
            assert res.history.lr[epoch] == 0.05 * 0.5**epoch
            x = x - res.history.lr[epoch] * g
        assert np.all(res.history.seconds >= 0.0) and np.isnan(res.history.validation_loss).all()

    def test_no_epochs(self):
        res = run(epochs=0)
        assert np.array_equal(res.x, X0) and res.nit == 0 and res.history.loss.shape == (0,)


class TestForms:
    @pytest.mark.parametrize("fun, jac", [(value, gradient), (inplace, "inplace"), (squares, True)])
    def test_same_bits(self, fun, jac):
        assert np.array_equal(run(fun=fun, jac=jac).x, run().x)

    def test_differences(self):
        np.testing.assert_allclose(run(fun=value, jac="3-point").x, run().x, rtol=1e-7)
        np.testing.assert_allclose(run(fun=value, jac=None).x, run().x, rtol=1e-5)

    def test_python_functions_apart(self):
        res = run(fun=lambda x, A, b: squares(x, A, b)[0], jac=lambda x, A, b: squares(x, A, b)[1])
        assert np.array_equal(res.x, run().x)

    def test_args_follow_the_batch(self):
        @njit
        def ridge(x, A, b, weight, centre):
            f, g = compiled(x, A, b)
            d = x - centre
            return f + weight * (d @ d), g + 2.0 * weight * d

        res = run(fun=ridge, args=(1e6, np.ones(D)), lr=1e-7, epochs=60)
        np.testing.assert_allclose(res.x, 1.0, atol=1e-4)
        assert res.fun == pytest.approx(ridge(res.x, A, B, 1e6, np.ones(D))[0], rel=1e-12)

    def test_dtypes_and_ranks(self):
        rng = np.random.default_rng(1)
        images = rng.normal(size=(60, 3, 2)).astype(np.float32)
        labels, flags = rng.integers(0, 2, 60).astype(np.int8), rng.random(60) < 0.5

        @njit
        def loss(x, images, labels, flags):
            f, g = 0.0, np.zeros(1)
            for i in range(labels.size):
                r = x[0] - images[i].sum() - labels[i] - 10.0 * flags[i]
                f += r * r
                g[0] += 2.0 * r
            return f / labels.size, g / labels.size

        res = run(fun=loss, x0=0.0, data=(images, labels, flags), epochs=200, lr=0.01, average=0.5)
        mean = (images.sum(axis=(1, 2), dtype=float) + labels + 10.0 * flags).mean()
        assert res.x[0] == pytest.approx(mean, abs=0.3)
        assert res.fun == pytest.approx(loss(res.x, images, labels, flags)[0], rel=1e-6)

    def test_data_that_is_not_contiguous_and_is_not_changed(self):
        wide = np.asfortranarray(A)
        before = wide.copy(), B.copy(), X0.copy()
        res = run(data=[wide, list(B)])
        assert np.array_equal(res.x, run().x)
        assert np.array_equal(wide, before[0]) and np.array_equal(B, before[1]) and np.array_equal(X0, before[2])

    def test_an_objective_that_writes_to_its_arguments(self):
        @njit
        def rude(x, A, b):
            f, g = compiled(x, A, b)
            x[:] = np.nan
            A[:] = np.nan
            b[:] = np.nan
            return f, g

        kept = A.copy()
        assert np.array_equal(run(fun=rude).x, run().x) and np.array_equal(A, kept)

    def test_method_and_options_agree(self):
        method = AdamW(lr=0.01, betas=(0.8, 0.9), weight_decay=0.1)
        options = {"betas": (0.8, 0.9)}
        named = run(method="adamw", lr=0.01, weight_decay=0.1, options=options)
        assert np.array_equal(run(method=method, lr=None).x, named.x)
        assert options == {"betas": (0.8, 0.9)}

    def test_nothing_is_compiled_for_new_data(self, begin):
        begin(False)  # compiled at once, whatever earlier tests have taken
        run()
        known = len(minibatch_loop.run.signatures)

        @njit
        def other(x, a):
            return x[0] * a.mean(), np.array([a.mean()])

        run(
            fun=other,
            x0=1.0,
            data=np.arange(9, dtype=np.int16),
            schedule=schedules.cosine(),
            clip_norm=1.0,
            batch_size=2,
        )
        assert len(minibatch_loop.run.signatures) == known


class TestReproducible:
    def test_same_seed_same_bits(self):
        assert np.array_equal(run(rng=11).x, run(rng=np.random.default_rng(11)).x)
        assert not np.array_equal(run(rng=11).x, run(rng=12).x)

    def test_in_threads(self):
        alone, found = run(epochs=20).x, []
        threads = [threading.Thread(target=lambda: found.append(run(epochs=20).x)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4 and all(np.array_equal(alone, x) for x in found)

    @pytest.mark.parametrize("method", ["adam", "nadam", "rmsprop"])
    def test_continued(self, method):
        options = {"centered": True, "momentum": 0.5} if method == "rmsprop" else None
        whole = run(method=method, options=options, epochs=5, average=True)
        part = run(method=method, options=options, epochs=2, average=True)
        kept = pickle.dumps(part.checkpoint)
        loaded = pickle.loads(kept)
        rest = run(method=method, options=options, x0=None, rng=None, epochs=3, average=True, checkpoint=loaded)
        again = run(method=method, options=options, x0=None, epochs=3, average=True, checkpoint=part.checkpoint)
        for res in (rest, again):
            assert np.array_equal(res.x, whole.x) and res.nepochs == 5 and res.nit == whole.nit
        np.testing.assert_array_equal(np.concatenate([part.history.loss, rest.history.loss]), whole.history.loss)

    def test_continued_after_an_exception_in_the_middle_of_an_epoch(self):
        calls = []

        def failing(x, A, b):
            calls.append(x)
            if len(calls) == 10:
                raise RuntimeError("the tenth")
            return squares(x, A, b)

        stretched = {"schedule": schedules.cosine()}
        with pytest.raises(RuntimeError, match="the tenth") as caught:
            run(fun=failing, **stretched)
        part = caught.value.result
        assert part.status is Status.INTERRUPTED and part.nit == 9 and not part.success and np.isnan(part.fun)
        res = run(x0=None, epochs=2, checkpoint=part.checkpoint, **stretched)
        assert np.array_equal(res.x, run(**stretched).x) and res.nit == 21

    def test_pickled_by_other_versions(self):
        """A state without `start`, as an early version wrote it, is continued.

        Arrays that differ are refused.
        """
        state, again = run(epochs=2).checkpoint, run(x0=None, epochs=1, checkpoint=run(epochs=2).checkpoint)
        early = StochasticState(state.method, state.epochs, copy.deepcopy(state.rng))
        assert early.start is None and np.array_equal(run(x0=None, epochs=1, checkpoint=early).x, again.x)
        memory = state.epochs.memory
        fewer = [field for field in memory.record.dtype.descr if field[0] != "clip_norm_eps"]
        other = state._replace(epochs=state.epochs._replace(memory=memory._replace(record=np.zeros(1, fewer))))
        with pytest.raises(ValueError, match="written by another version .* whose array memory.record differs"):
            run(x0=None, epochs=1, checkpoint=other)

    @pytest.mark.parametrize("kind", [StochasticState, Checkpoint])
    def test_pickled_with_other_fields(self, kind):
        kept = run(epochs=1) if kind is StochasticState else minimize(lambda x: x @ x, np.ones(2), maxiter=1)
        restore, (same, version, fields) = kept.checkpoint.__reduce__()
        assert same is kind and version == quasinewton.__version__
        fields["method"].values["unknown"] = 1.0
        with pytest.raises(ValueError, match=f"{kind.__name__} was written by quasinewton 0.9 .*'unknown'"):
            restore(kind, "0.9", fields)

    def test_state_of_something_else(self):
        state = run(method="adam").checkpoint
        with pytest.raises(ValueError, match="checkpoint belongs to method Adam.*not to SGD"):
            run(checkpoint=state)
        with pytest.raises(ValueError, match="checkpoint belongs to data of 101 samples, not to 50"):
            run(method="adam", checkpoint=state, data=(A[:50], B[:50]))
        with pytest.raises(TypeError, match="checkpoint must be that of a result of minimize_stochastic, got dict"):
            run(checkpoint={})
        with pytest.raises(ValueError, match="checkpoint belongs to method AdamW.*amsgrad=0.*amsgrad=1"):
            run(method="adamw", options={"amsgrad": True}, checkpoint=run(method="adamw").checkpoint)
        assert repr(state) == f"StochasticState({Adam(lr=0.05)}, 3 epochs)"


class TestTreatment:
    def test_average_of_all_iterates(self):
        iterates = []
        res = run(epochs=6, batch_size=N, average=True, callback=lambda intermediate_result: iterates.append(None))
        x, points = X0, []
        for _ in range(6):
            x = x - 0.05 * squares(x, A, B)[1]
            points.append(x)
        np.testing.assert_allclose(res.x, np.mean(points, axis=0), rtol=1e-12)
        tail = run(epochs=6, batch_size=N, average=0.5)
        np.testing.assert_allclose(tail.x, np.mean(points[3:], axis=0), rtol=1e-12)
        assert len(iterates) == 6

    def test_averages_are_nearer_to_the_minimum(self):
        exact = np.linalg.lstsq(A, B, rcond=None)[0]
        last = run(lr=0.1, epochs=60, batch_size=2).x
        mean = run(lr=0.1, epochs=60, batch_size=2, average=0.5).x
        assert np.linalg.norm(mean - exact) < 0.2 * np.linalg.norm(last - exact)

    def test_decay_that_spares_a_component(self):
        mask = np.array([True, True, True, False])
        res = run(fun=recorded_zero, data=A, lr=0.1, weight_decay=1.0, decay_mask=mask, epochs=1, batch_size=N)
        np.testing.assert_allclose(res.x, [0.225, 0.225, 0.225, 0.25], rtol=1e-15)

    def test_clipping(self):
        _, g = squares(X0, A, B)
        by_norm = run(epochs=1, batch_size=N, shuffle=False, clip_norm=0.5).x
        np.testing.assert_allclose(by_norm, X0 - 0.05 * g * 0.5 / np.linalg.norm(g), rtol=1e-12)
        by_value = run(epochs=1, batch_size=N, shuffle=False, clip_value=0.5).x
        np.testing.assert_allclose(by_value, X0 - 0.05 * np.clip(g, -0.5, 0.5), rtol=1e-12)

    def test_cosine_is_stretched_over_the_run(self):
        res = run(epochs=5, schedule=schedules.cosine(final=0.1))
        assert res.history.lr[-1] == 0.05 * schedules.cosine(35, final=0.1)(34)
        rest = run(x0=None, epochs=2, schedule=schedules.linear(), checkpoint=res.checkpoint)
        np.testing.assert_allclose(rest.history.lr, [0.05 * (1.0 - t / 49) for t in (41, 48)])

    def test_a_schedule_of_the_user(self):
        halve = njit(lambda t: 0.5 ** (t // 7))
        np.testing.assert_array_equal(run(schedule=halve).history.lr, 0.05 * 0.5 ** np.arange(3))


@njit
def recorded_zero(x, A):
    return 0.0, np.zeros(x.size)


class TestEndings:
    def test_early_stopping(self):
        # The validation samples have another minimum, near the path: the loss there falls and then
        # rises.
        shifted = A @ np.array([0.5, -1.0, 0.25, 1.5])
        res = run(method="sgd", lr=0.002, epochs=400, validation_data=(A, shifted), patience=4)
        losses = res.history.validation_loss
        least = int(np.argmin(losses))
        assert res.status is Status.PATIENCE and res.success
        assert losses.size == least + 5 < 400 and losses[least] < 0.5 * losses[0]
        assert squares(res.x, A, shifted)[0] == pytest.approx(losses[least], rel=1e-12)

    def test_validation_only_watches_without_patience(self):
        res = run(validation_data=(A[:5], B[:5]))
        assert np.array_equal(res.x, run().x)
        assert res.history.validation_loss[-1] == pytest.approx(squares(res.x, A[:5], B[:5])[0], rel=1e-12)

    @pytest.mark.parametrize("what", ["loss", "gradient"])
    def test_a_batch_that_is_not_finite_stops(self, what):
        res = run(fun=broken, data=(A, B, flag(40)), args=(what == "loss",), shuffle=False)
        assert res.status is Status.NONFINITE and not res.success
        assert np.array_equal(res.x, X0) and res.nepochs == 0

    def test_it_stops_where_its_epoch_began(self):
        first = run(fun=broken, data=(A, B, flag(1000)), args=(True,), epochs=2, shuffle=False)
        late = run(fun=exploding, data=(A, B), args=(np.zeros(1), 2 * 7 + 3), epochs=9, shuffle=False)
        assert late.status is Status.NONFINITE and late.nepochs == 2 and np.array_equal(late.x, first.x)

    def test_it_stops_where_an_epoch_began_that_was_interrupted_and_resumed(self):
        calls = []

        def failing(x, A, b):
            calls.append(x)
            if len(calls) == 10:
                raise RuntimeError("the tenth")
            return squares(x, A, b)

        with pytest.raises(RuntimeError, match="the tenth") as caught:
            run(fun=failing, epochs=2)
        part, whole = caught.value.result, run(epochs=1)
        assert not np.array_equal(part.x, whole.x)
        rest = run(fun=lambda x, A, b: (math.nan, x), x0=None, epochs=1, checkpoint=part.checkpoint)
        assert rest.status is Status.NONFINITE and np.array_equal(rest.x, whole.x)

    def test_a_batch_that_is_not_finite_is_skipped(self):
        res = run(fun=broken, data=(A, B, flag(40)), args=(True,), shuffle=False, nonfinite="skip")
        assert (res.skipped, res.nit, res.nepochs) == (3, 18, 3)
        assert np.isfinite(res.x).all() and np.isfinite(res.history.loss).all()
        # The loss over all samples is not finite, so no success is claimed.
        assert res.status is Status.NONFINITE and not res.success

    def test_nothing_but_batches_that_are_not_finite(self):
        res = run(fun=broken, data=(A, B, np.ones(N, bool)), args=(True,), nonfinite="skip", epochs=50)
        assert res.status is Status.NONFINITE and res.skipped == 7

    def test_divergence(self):
        res = run(lr=1e6, epochs=500)
        assert res.status is Status.NONFINITE and not res.success and np.isfinite(res.x).all()

    def test_callback(self):
        seen = []

        def stop(intermediate_result):
            seen.append(intermediate_result)
            if len(seen) == 2:
                raise StopIteration

        res = run(callback=stop, epochs=9)
        assert res.status is Status.CALLBACK and res.nepochs == 2
        assert np.array_equal(seen[-1].x, res.x) and seen[-1].fun == res.history.loss[-1] and seen[-1].nit == 14
        points = []
        run(callback=points.append)
        assert len(points) == 3 and np.array_equal(points[-1], run().x)

    def test_callback_that_raises(self):
        def fail(x):
            raise KeyError("mine")

        with pytest.raises(KeyError, match="mine") as caught:
            run(callback=fail)
        assert caught.value.result.nepochs == 1

    def test_time(self):
        res = run(epochs=10**6, options={"time_limit": 0.2})
        assert res.status is Status.TIME and 0 < res.nepochs < 10**6

    def test_progress(self, monkeypatch, capsys):
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
        with pytest.raises(ImportError, match=r"pip install quasinewton\[progress\]"):
            run(progress=True)
        monkeypatch.undo()
        pytest.importorskip("tqdm")
        assert np.array_equal(run(progress=True).x, run().x)
        assert "3/3" in capsys.readouterr().err


@njit
def broken(x, A, b, flags, loss):
    f, g = compiled(x, A, b)
    if flags.any():
        if loss:
            f = np.nan
        else:
            g[0] = np.inf
    return f, g


@njit
def exploding(x, A, b, calls, last):
    calls[0] += 1.0
    f, g = compiled(x, A, b)
    return (np.inf if calls[0] == last else f), g


def flag(i):
    return np.arange(N) == i


ILLEGAL = [
    (dict(method="lbfgs"), "takes a first-order method, such as 'adam'; got 'lbfgs'"),
    (dict(batch_size=0), "batch_size must be at least 1, got 0"),
    (dict(batch_size=102), "batch_size must be at most the number of samples, 101; got 102"),
    (dict(epochs=-1), "epochs must be at least 0, got -1"),
    (dict(lr=-0.1), r"lr must be in \[0, inf\), got -0.1"),
    (dict(lr=math.nan), r"lr must be in \[0, inf\), got nan"),
    (dict(weight_decay=-1), r"weight_decay must be in \[0, inf\), got -1"),
    (dict(clip_norm=0.0), r"clip_norm must be in \(0, inf\], got 0.0"),
    (dict(decay_mask=[True]), r"decay_mask must be boolean, of shape \(4,\)"),
    (dict(average=1.5), r"average must be in \(0, 1\], got 1.5"),
    (dict(patience=3), "patience needs validation_data"),
    (dict(patience=0, validation_data=(A, B)), "patience must be at least 1, got 0"),
    (dict(validation_data=(A,)), "validation_data must hold samples like those of data"),
    (dict(validation_data=(A[:, :2], B)), "validation_data must hold samples like those of data"),
    (dict(nonfinite="ignore"), "nonfinite must be 'stop' or 'skip', got 'ignore'"),
    (dict(data=(A, B[:-1])), r"data must hold arrays of one length, got \[101, 100\]"),
    (dict(data=()), "data must hold at least one array"),
    (dict(data=(np.empty((0, 4)), np.empty(0))), r"data\[0\] must hold at least one sample, got shape \(0, 4\)"),
    (dict(data=(np.where(A > 2.0, np.nan, A), B)), r"data\[0\] must not hold NaN; it does in sample \d+"),
    (dict(options={"learning_rate": 0.1}), "method 'sgd' has no option 'learning_rate'; perhaps lr is meant"),
    (dict(learning_rate=0.1), "minimize_stochastic with method 'sgd' has no option 'learning_rate'; perhaps lr"),
    (dict(options={"gtol": 0.1}), r"method 'sgd' has no option 'gtol'\. Its options"),
    (dict(bounds=[(0.0, 1.0)] * D), r"method 'sgd' has no option 'bounds'\. Its options"),
    (dict(batchsize=8), "no option 'batchsize'; perhaps the argument batch_size is meant"),
    (dict(seed=1), "no option 'seed'; perhaps the argument rng is meant"),
    (dict(shuffle="no"), "shuffle must be True or False, got 'no'"),
    (dict(x0=[np.inf] * D), "x0 must be finite"),
    (dict(jac="4-point"), "jac must be callable"),
    (dict(method=SGD(), options={"betas": (0.9, 0.9)}), "method 'sgd' has no option 'betas'"),
]


class TestInput:
    @pytest.mark.parametrize("keywords, message", ILLEGAL, ids=[message[:40] for _, message in ILLEGAL])
    def test_illegal_values(self, keywords, message):
        with pytest.raises(ValueError, match=message):
            run(**keywords)

    @pytest.mark.parametrize(
        "keywords, message",
        [
            (dict(data=(A, ["a"] * N)), r"data\[1\] must hold numbers, got <U1"),
            (dict(data=(A, np.array([None] * N))), r"data\[1\] must hold numbers, got object"),
            (dict(batch_size=1.5), "batch_size must be an integer, got 1.5"),
            (dict(lr="fast"), "lr must be a real number, got 'fast'"),
            (dict(schedule=lambda t: 1.0), "schedule must be one of quasinewton.schedules or an @njit function"),
            (dict(schedule=schedules.cosine), "got <function cosine .*: call it"),
            (dict(callback=3), "callback must be callable, got int"),
            (dict(fun=3), "fun must be callable"),
            (dict(x0=None), "'x0' may be None only with a checkpoint"),
        ],
    )
    def test_illegal_types(self, keywords, message):
        with pytest.raises(TypeError, match=message):
            run(**keywords)

    def test_settings_may_be_keywords(self):
        options = {"betas": (0.5, 0.6), "eps": 1e-3}
        assert np.array_equal(run(method="adam", **options).x, run(method="adam", options=options).x)

    def test_the_sample_that_holds_nan(self):
        bad = A.copy()
        bad[17, 2] = np.nan
        with pytest.raises(ValueError, match="it does in sample 17"):
            run(data=(bad, B))


def test_fewer_samples_than_the_default_batch_are_one_batch():
    few = dict(fun=compiled, x0=X0, data=(A[:5], B[:5]), method="sgd", jac=True, lr=0.05, epochs=3, rng=5)
    res = minimize_stochastic(**few)
    assert res.nit == 3 and np.array_equal(res.x, minimize_stochastic(**few, batch_size=5).x)
    with pytest.raises(ValueError, match="batch_size must be at most the number of samples, 5; got 32"):
        minimize_stochastic(**few, batch_size=32)


def test_state_is_the_former_name_of_checkpoint():
    first = run(epochs=1)
    with pytest.warns(DeprecationWarning, match="state= is now called checkpoint="):
        res = run(x0=None, epochs=1, state=first.checkpoint)
    assert np.array_equal(res.x, run(x0=None, epochs=1, checkpoint=first.checkpoint).x)
