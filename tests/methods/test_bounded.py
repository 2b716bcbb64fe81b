"""L-BFGS with bounds, part by part against definitions in dense matrices.

Also projection and truncation of single steps.

Covers: _methods/bounded/{cauchy_point,lbfgsb,lbfgsb_model,projection,wrapper,active_set}.py.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from objectives import spd

from quasinewton import LBFGS
from quasinewton._methods.bounded.cauchy_point import cauchy_point
from quasinewton._methods.bounded.lbfgsb import between, minimise
from quasinewton._methods.bounded.lbfgsb_model import (
    PRODUCTS,
    SS,
    SS_ACTIVE,
    SY,
    WHOLE,
    YY_FREE,
    E,
    Q,
    absorb,
    factorise_whole,
    order,
    solve_free,
    solve_saddle,
)
from quasinewton._methods.bounded.projection import NEAR, place_inside, projected_norm, reach
from quasinewton._methods.bounded.wrapper import Bounded
from quasinewton._methods.protocol import allocate

seeds = st.integers(0, 2**32 - 1)


@njit
def learnt(method, S, Y, X, G, low, high):
    """Return the memory after learning these curvature pairs, each at its row of X and G.

    Its point is then the last row of X and G.
    """
    memory = allocate(method, low.size)
    pairs, m = memory.inner, method.inner.memory
    for j in range(S.shape[0]):
        k = j % m
        for i in range(low.size):
            pairs.S[k, i], pairs.Y[k, i] = S[j, i], Y[j, i]
        ring = pairs.ring[0]
        ring.newest, ring.count = k, min(ring.count + 1, m)
        ring.gamma = np.sum(S[j] * Y[j]) / np.sum(Y[j] * Y[j])
        absorb(memory.work, pairs, X[j], G[j], low, high, k)
    absorb(memory.work, pairs, X[-1], G[-1], low, high, -1)
    return memory


@njit
def whole_solve(memory, v):
    """Return M v."""
    work, ring = memory.work, memory.inner.ring[0]
    count, u = order(memory.inner, work.slots), np.empty_like(v)
    if not factorise_whole(work, count, 1.0 / ring.gamma):
        raise ValueError
    solve_saddle(work.tables[WHOLE : WHOLE + 3], count, v, u)
    return u


@njit
def free_solve(memory, v):
    """Return K⁻¹ v."""
    work, ring = memory.work, memory.inner.ring[0]
    count, u = order(memory.inner, work.slots), np.empty_like(v)
    if not solve_free(work, count, 1.0 / ring.gamma, v, u):
        raise ValueError
    return u


@njit
def cauchy(memory, x, g, low, high):
    """Return the path length to the generalised Cauchy point, and leave its free set in the memory.
    """
    work, theta = memory.work, 1.0 / memory.inner.ring[0].gamma
    count = order(memory.inner, work.slots)
    factorise_whole(work, count, theta)
    return cauchy_point(work, memory.inner, x, g, low, high, theta, count, np.empty_like(x))


@njit
def subspace(memory, x, g, low, high, projecting):
    """Return the step of the subspace minimisation after `cauchy`, and its slope.

    If `projecting`, it is the step of `between`, which ends within the bounds.
    """
    work, theta = memory.work, 1.0 / memory.inner.ring[0].gamma
    count, p = order(memory.inner, work.slots), np.empty_like(x)
    if projecting:
        return p, between(work, memory.inner, x, g, low, high, theta, count, p)
    return p, minimise(work, memory.inner, x, g, low, high, theta, count, projecting, p)


class Model:
    """Random curvature pairs, bounds and a point within them.

    It holds the memory that has learnt the pairs, and B by its definition.
    """

    def __init__(self, seed, n=None, many=None, still=False):
        rng = np.random.default_rng(seed)
        n = rng.integers(1, 12) if n is None else n
        m, many = rng.integers(1, 6), rng.integers(1, 9) if many is None else many
        self.low, self.high = -rng.exponential(1.0, n), rng.exponential(1.0, n)
        self.low[rng.random(n) < 0.2], self.high[rng.random(n) < 0.2] = -np.inf, np.inf
        X = np.clip(rng.standard_normal((many + 1, n)) * rng.choice([0.3, 3.0], n), self.low, self.high)
        G = rng.standard_normal((many + 1, n))
        S = rng.standard_normal((many, n))
        if still:  # Variables at active bounds have not moved in any pair.
            X[:], G[:] = X[-1], G[-1]
            S[:, ((X[-1] <= self.low) & (G[-1] >= 0)) | ((X[-1] >= self.high) & (G[-1] <= 0))] = 0.0
            S[:, 0] += np.all(S == 0.0, axis=1)
        Y = S @ spd(rng, n, 10.0)
        self.memory = learnt(Bounded(LBFGS(memory=int(m))), S, Y, X, G, self.low, self.high)
        self.x, self.g, self.S, self.Y = X[-1], G[-1], S[-m:], Y[-m:]
        self.theta = (Y[-1] @ Y[-1]) / (S[-1] @ Y[-1])
        self.held = ((self.x <= self.low) & (self.g >= 0)) | ((self.x >= self.high) & (self.g <= 0))

    @property
    def B(self):
        """The Hessian approximation of the pairs by N&W (2006) eq. 6.19, applied to θI."""
        B = self.theta * np.eye(self.x.size)
        for s, y in zip(self.S, self.Y, strict=True):
            Bs = B @ s
            B = B - np.outer(Bs, Bs) / (s @ Bs) + np.outer(y, y) / (s @ y)
        return B

    @property
    def W(self):
        return np.hstack([self.Y.T, self.theta * self.S.T])

    @property
    def inverse_M(self):
        SY = self.S @ self.Y.T
        L = np.tril(SY, -1)
        return np.block([[-np.diag(np.diag(SY)), L.T], [L, self.theta * self.S @ self.S.T]])

    def box(self):
        return self.x, self.g, self.low, self.high

    def cauchy_by_definition(self):
        """Return the first local minimiser of the model on the path P(x − t g), piece by piece."""
        x, g, B = self.x, self.g, self.B
        with np.errstate(all="ignore"):
            times = np.where(g > 0, (x - self.low) / g, np.where(g < 0, (x - self.high) / g, np.inf))
        times = np.maximum(times, 0.0)
        t = 0.0
        for end in [*np.unique(times[times > 0.0]), np.inf]:
            d, z = np.where(times > t, -g, 0.0), np.clip(x - t * g, self.low, self.high) - x
            slope, bend = g @ d + z @ B @ d, d @ B @ d
            if slope >= 0.0:
                return t
            if t - slope / bend < end:
                return t - slope / bend
            t = end
        raise AssertionError("the model has no minimiser")


@given(seed=seeds)
def test_the_compact_form_is_the_recursion(seed):
    model = Model(seed)
    MW = np.array([whole_solve(model.memory, w) for w in model.W])
    B = model.theta * np.eye(model.x.size) - model.W @ MW.T
    assert pytest.approx(model.B, abs=1e-7 * np.abs(model.B).max()) == B


@given(seed=seeds)
def test_inner_products_follow_what_is_held(seed):
    model = Model(seed)
    work, free = model.memory.work, ~model.held
    assert np.array_equal(work.free, free) and work.path[0]["free"] == free.sum()
    d = np.where(free, -model.g, 0.0)
    slots = work.slots[: len(model.S)]
    Yd, Sd = work.vectors[PRODUCTS].reshape(2, -1)[:, slots]
    assert Yd == pytest.approx(model.Y @ d, abs=1e-10) and Sd == pytest.approx(model.S @ d, abs=1e-10)
    yy, ss = model.Y[:, free] @ model.Y[:, free].T, model.S[:, ~free] @ model.S[:, ~free].T
    mixed = np.tril(model.S[:, ~free] @ model.Y[:, ~free].T, -1) - np.triu(model.S[:, free] @ model.Y[:, free].T)
    tables = {table: work.tables[table][np.ix_(slots, slots)] for table in (SS, SY, YY_FREE, SS_ACTIVE, E)}
    for table, true in (YY_FREE, yy), (SS_ACTIVE, ss), (E, mixed), (SS, model.S @ model.S.T):
        assert tables[table] == pytest.approx(true, abs=1e-9)
    assert np.tril(tables[SY]) == pytest.approx(np.tril(model.S @ model.Y.T), abs=1e-9)


@given(seed=seeds, still=st.booleans())
def test_the_saddle_of_the_free_variables(seed, still):
    model = Model(seed, still=still)
    W = model.W[~model.held]
    K = model.inverse_M - W.T @ W / model.theta
    v = np.random.default_rng(seed).standard_normal(K.shape[0])
    u = free_solve(model.memory, v)
    assert K @ u == pytest.approx(v, abs=1e-8 * max(1.0, np.linalg.cond(K) * 1e-6))


@given(seed=seeds)
def test_the_cauchy_point_is_the_first_minimiser_on_the_path(seed):
    model = Model(seed)
    t = cauchy(model.memory, *model.box())
    expected = model.cauchy_by_definition()
    point, true = (np.clip(model.x - time * model.g, model.low, model.high) for time in (t, expected))
    assert point == pytest.approx(true, abs=1e-7)
    work = model.memory.work
    stopped = ~work.free & ~model.held
    z = np.where(stopped, np.where(model.g > 0, model.low, model.high) - model.x, 0.0)
    assert work.vectors[Q, : 2 * len(model.S)] == pytest.approx(model.W.T @ np.where(stopped, z, 0.0), abs=1e-9)


@given(seed=seeds)
def test_the_step_minimises_the_model_over_the_free_variables(seed):
    model = Model(seed)
    cauchy(model.memory, *model.box())
    inside, _ = subspace(model.memory, *model.box(), True)
    p, slope = subspace(model.memory, *model.box(), False)
    F = model.memory.work.free
    z = np.where(F | model.held, 0.0, np.where(model.g > 0, model.low, model.high) - model.x)
    B = model.B
    expected = z.copy()
    expected[F] = np.linalg.solve(B[np.ix_(F, F)], -(model.g + B @ z)[F])
    assert p == pytest.approx(expected, abs=1e-7 * max(1.0, np.abs(expected).max()))
    assert slope == pytest.approx(model.g @ p)
    assert inside == pytest.approx(np.clip(model.x + p, model.low, model.high) - model.x)


@pytest.mark.parametrize("n", [511, 512, 513, 2000])
def test_long_vectors_are_worked_off_in_blocks(n):
    model = Model(7, n, 6)
    t = cauchy(model.memory, *model.box())
    assert t == pytest.approx(model.cauchy_by_definition(), rel=1e-7)
    assert np.array_equal(model.memory.work.path[0]["free"], model.memory.work.free.sum())


@njit
def placed(x, alpha, p, low, high):
    """Return the point within the bounds, and whether it has moved."""
    point = np.empty_like(x)
    return point, place_inside(x, alpha, p, low, high, point)


@njit
def norm(x, g, low, high):
    return projected_norm(x, g, low, high)


@njit
def longest(x, p, low, high):
    return reach(x, p, 1.0, low, high)


numbers = st.floats(-1e300, 1e300) | st.floats(-3.0, 3.0) | st.sampled_from([0.0, -0.0, 5e-324, 1e308, -1e308])


@given(a=numbers, b=numbers, c=numbers, p=numbers, alpha=st.floats(0.0, 1e10))
def test_no_point_is_ever_outside(a, b, c, p, alpha):
    low, x, high = sorted([a, b, c])
    point, moved = placed(np.array([x]), alpha, np.array([p]), np.array([low]), np.array([high]))
    assert low <= point[0] <= high and moved == (point[0] != x)


@given(a=numbers, b=numbers, c=numbers)
def test_steps_to_a_bound_end_on_it(a, b, c):
    low, x, high = (np.array([value]) for value in sorted([a, b, c]))
    for bound in low, high:
        p = bound - x
        if np.isfinite(p[0]) and abs(p[0]) < 1e307:
            assert placed(x, 1.0, p, low, high)[0] == bound
            if p[0] != 0.0 and abs(p[0]) > 1e-290:
                for share in 0.3, 7.0:
                    assert placed(x, longest(x, share * p, low, high), share * p, low, high)[0] == bound


def test_steps_short_of_a_bound_end_short_of_it():
    point, _ = placed(np.zeros(2), 1.0, np.array([0.999, -0.999]), np.full(2, -1.0), np.ones(2))
    assert point.tolist() == [0.999, -0.999] and NEAR < 1.0


@given(seed=seeds)
def test_the_projected_gradient(seed):
    rng = np.random.default_rng(seed)
    n = rng.integers(1, 9)
    low, high = np.sort(rng.standard_normal((2, n)), axis=0)
    low[rng.random(n) < 0.3], high[rng.random(n) < 0.3] = -np.inf, np.inf
    x, g = np.clip(rng.standard_normal(n), low, high), 10.0 ** rng.uniform(-9, 9) * rng.standard_normal(n)
    room, size = np.where(g > 0.0, x - low, high - x), np.abs(g)
    expected = np.where(room < size, np.sqrt(np.maximum(room, 0.0) * size), size).max()
    assert norm(x, g, low, high) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    g[rng.integers(n)] = np.nan
    assert np.isnan(norm(x, g, low, high))
