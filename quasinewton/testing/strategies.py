"""Hypothesis strategies that draw optimisation problems with known answers."""

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from quasinewton import problems
from quasinewton._validation import number
from quasinewton.problems import Problem
from quasinewton.testing.transformations import rotated, scaled, shifted

# A random matrix, rotation or point is drawn as the seed of NumPy's generator: hypothesis then
# shrinks the dimensions and sizes, which are informative, instead of a thousand matrix entries.
_SEEDS = st.integers(0, 2**32 - 1)


def _orthogonal(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return a random orthogonal matrix, shape (n, n)."""
    return np.linalg.qr(rng.standard_normal((n, n)))[0]


def _spectrum(rng: np.random.Generator, n: int, condition: float) -> np.ndarray:
    """Return n positive numbers, the largest `condition` times the least; 1 if n = 1."""
    if n == 1:
        return np.ones(1)
    return condition ** np.concatenate([[0.0, 1.0], rng.random(n - 2)])


def _quadratic(A: np.ndarray, g0: np.ndarray, x_min: np.ndarray, fmin: float, **fields: Any) -> Problem:
    """Return f = fmin + g0·d + ½ dᵀA d with d = x − x_min, as a Problem."""
    return Problem(
        fun=lambda x: float(fmin + g0 @ (x - x_min) + 0.5 * (x - x_min) @ A @ (x - x_min)),
        jac=lambda x: g0 + A @ (x - x_min),
        hess=lambda x: A.copy(),
        minimiser=x_min,
        fmin=fmin,
        source="a quadratic function drawn at random",
        **fields,
    )


@st.composite
def convex_quadratics(draw, n=st.integers(1, 6), condition=1e6, size=10.0):
    """Draw convex quadratics with a known minimiser and a chosen condition number.

    Parameters
    ----------
    n : int or strategy of int
        Number of variables.
    condition : float or strategy of float
        Largest over least eigenvalue of the Hessian, at least 1.
    size : float
        Minimiser and start lie in [−size, size]ⁿ.

    Returns
    -------
    strategy of quasinewton.problems.Problem
    """
    n, condition = _drawn(draw, n), _drawn(draw, condition)
    if not condition >= 1.0:
        raise ValueError(f"condition must be at least 1, got {condition!r}")
    rng = np.random.default_rng(draw(_SEEDS))
    Q = _orthogonal(rng, n)
    A = (Q * _spectrum(rng, n, condition)) @ Q.T
    x_min, start = rng.uniform(-size, size, (2, n))
    name = f"convex quadratic, n = {n}, condition {condition:.3g}"
    return _quadratic(0.5 * (A + A.T), np.zeros(n), x_min, float(rng.uniform(-1.0, 1.0)), name=name, start=start)


@st.composite
def bounded_quadratics(draw, n=st.integers(1, 6), condition=1e3, size=10.0):
    """Draw convex quadratics with bounds, with known minimiser and known set of active bounds.

    The multiplier of an active bound is at least 0.1, so that no bound is weakly active; the
    distance of the minimiser from every other bound is at least 0.1.

    Parameters
    ----------
    n, condition, size
        As for `convex_quadratics`.

    Returns
    -------
    strategy of quasinewton.problems.Problem
        A bound is active where `minimiser` equals `low` or `high`.
    """
    n, condition = _drawn(draw, n), _drawn(draw, condition)
    sides = draw(st.lists(st.sampled_from(["low", "high", "inside", "free"]), min_size=n, max_size=n))
    rng = np.random.default_rng(draw(_SEEDS))
    Q = _orthogonal(rng, n)
    A = (Q * _spectrum(rng, n, condition)) @ Q.T
    x_min = rng.uniform(-size, size, n)
    below, above = rng.uniform(0.1, size, (2, n))
    low, high, g0 = x_min - below, x_min + above, np.zeros(n)
    for i, side in enumerate(sides):
        if side == "low":
            low[i], g0[i] = x_min[i], rng.uniform(0.1, 1.0)
        elif side == "high":
            high[i], g0[i] = x_min[i], -rng.uniform(0.1, 1.0)
        elif side == "free":
            low[i], high[i] = -np.inf, np.inf
    return _quadratic(
        0.5 * (A + A.T),
        g0,
        x_min,
        float(rng.uniform(-1.0, 1.0)),
        name=f"bounded quadratic, n = {n}, {sum(side in ('low', 'high') for side in sides)} active",
        start=np.clip(rng.uniform(-size, size, n), low, high),
        low=low,
        high=high,
    )


@st.composite
def saddles(draw, n=st.integers(2, 5)):
    """Draw functions with a saddle at their `start`, and with known minima around it.

    In rotated coordinates f = Σ (λ_i x_i²/2 + x_i⁴/4), with at least one negative and one
    positive λ_i. The start is the saddle itself, where the gradient is 0, so that only curvature
    shows the way down. All minima have x_i = ±√(−λ_i) where λ_i < 0, 0 elsewhere, and one value f.

    Parameters
    ----------
    n : int or strategy of int
        Number of variables, at least 2.

    Returns
    -------
    strategy of quasinewton.problems.Problem
    """
    n = _drawn(draw, n)
    negative = draw(st.integers(1, n - 1))
    rng = np.random.default_rng(draw(_SEEDS))
    curvatures = np.concatenate([-rng.uniform(0.5, 2.0, negative), rng.uniform(0.5, 2.0, n - negative)])
    well = np.sqrt(np.maximum(-curvatures, 0.0))
    problem = Problem(
        name=f"saddle, n = {n}, {negative} ways down",
        fun=lambda x: float(np.sum(0.5 * curvatures * x**2 + 0.25 * x**4)),
        jac=lambda x: curvatures * x + x**3,
        hess=lambda x: np.diag(curvatures + 3.0 * x**2),
        start=np.zeros(n),
        source="a sum of quartics drawn at random",
        fmin=float(-0.25 * np.sum(np.minimum(curvatures, 0.0) ** 2)),
        minimiser=well,
    )
    return rotated(problem, _orthogonal(rng, n))


@st.composite
def published_problems(draw, factories=problems.MGH, shift=1.0, rotate=True, scale=1e3):
    """Draw published problems with a known minimum, shifted, rotated and scaled.

    Parameters
    ----------
    factories : sequence of callables
        Factories of `quasinewton.problems`. Problems with unknown `fmin` are left out.
    shift : float
        Largest shift of the origin in every variable.
    rotate : bool
        Rotate the coordinates of problems without bounds by a random orthogonal matrix.
    scale : float
        f is multiplied by a random factor between 1/scale and scale.

    Returns
    -------
    strategy of quasinewton.problems.Problem
    """
    problem = draw(st.sampled_from(factories).map(lambda factory: factory()).filter(lambda p: p.fmin is not None))
    rng = np.random.default_rng(draw(_SEEDS))
    if rotate and problem.low is None:
        problem = rotated(problem, _orthogonal(rng, problem.n))
    if shift:
        problem = shifted(problem, rng.uniform(-shift, shift, problem.n))
    return scaled(problem, float(scale ** rng.uniform(-1.0, 1.0))) if scale != 1.0 else problem


@st.composite
def starting_points(draw, problem, radius=1.0):
    """Draw points around the standard start of a problem, between its bounds.

    Parameters
    ----------
    problem : quasinewton.problems.Problem
    radius : float
        Largest change of a variable, in units of max(1, |x_i|).

    Returns
    -------
    strategy of ndarray, float64, shape (n,)
    """
    moves = draw(st.lists(st.floats(-radius, radius), min_size=problem.n, max_size=problem.n))
    point = problem.start + np.maximum(1.0, np.abs(problem.start)) * np.array(moves)
    return point if problem.low is None else np.clip(point, problem.low, problem.high)


def noisy(problem: Problem, size: float, seed: int = 0) -> Problem:
    """Return a problem whose values have noise of a known size, deterministic in x.

    Parameters
    ----------
    problem : quasinewton.problems.Problem
        Not changed. Its derivatives stay exact.
    size : float
        The noise is uniform in [−size, size].
    seed : int
        Seed of the noise, combined with the bits of x.

    Returns
    -------
    quasinewton.problems.Problem
        Its `fun` is not compiled.

    Raises
    ------
    ValueError, TypeError
        If `size` is no number in [0, inf).
    """
    size = number("size", size, 0.0, np.inf, open_low=False)

    def fun(x: np.ndarray) -> float:
        bits = np.ascontiguousarray(x, dtype=np.float64).view(np.uint64)
        return float(problem.fun(x)) + size * np.random.default_rng([seed, *bits]).uniform(-1.0, 1.0)

    return replace(problem, name=f"{problem.name}, noise {size:.3g}", fun=fun)


def _drawn(draw, value):
    """Return a value, or a draw from it if it is a strategy."""
    return draw(value) if isinstance(value, st.SearchStrategy) else value
