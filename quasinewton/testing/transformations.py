"""Problems in other coordinates or units, and tests of an optimiser's invariance under the change.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from quasinewton.problems import Problem
from quasinewton.testing.properties import iterates


def shifted(problem: Problem, shift: ArrayLike) -> Problem:
    """Return the problem f(x − shift), whose minimiser is moved by `shift`.

    Parameters
    ----------
    problem : quasinewton.problems.Problem
        Not changed. Its bounds move with it.
    shift : array_like, shape (n,)

    Returns
    -------
    quasinewton.problems.Problem

    Raises
    ------
    ValueError
        If `shift` has another shape.
    """
    shift, hess = np.array(shift, dtype=np.float64), problem.hess
    if shift.shape != problem.start.shape:
        raise ValueError(f"shift must have shape {problem.start.shape}, got {shift.shape}")

    def moved(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else array + shift

    return replace(
        problem,
        name=f"{problem.name}, shifted",
        fun=lambda x: problem.fun(x - shift),
        jac=lambda x: problem.jac(x - shift),
        hess=hess and (lambda x: hess(x - shift)),
        start=problem.start + shift,
        minimiser=moved(problem.minimiser),
        low=moved(problem.low),
        high=moved(problem.high),
    )


def rotated(problem: Problem, Q: ArrayLike) -> Problem:
    """Return the problem f(Q x), whose minimiser is Qᵀ times the old one.

    Parameters
    ----------
    problem : quasinewton.problems.Problem
        A problem without bounds, since a rotated box is not a box. Not changed.
    Q : array_like, shape (n, n)
        Orthogonal.

    Returns
    -------
    quasinewton.problems.Problem

    Raises
    ------
    ValueError
        If the problem has bounds, or Q is not orthogonal.
    """
    Q, hess = np.array(Q, dtype=np.float64), problem.hess
    if problem.low is not None:
        raise ValueError(f"a problem with bounds cannot be rotated; {problem.name} has bounds")
    if Q.shape != (problem.n, problem.n) or not np.allclose(Q.T @ Q, np.eye(problem.n), atol=1e-10):
        raise ValueError(f"Q must be an orthogonal matrix of shape ({problem.n}, {problem.n})")
    return replace(
        problem,
        name=f"{problem.name}, rotated",
        fun=lambda x: problem.fun(Q @ x),
        jac=lambda x: Q.T @ problem.jac(Q @ x),
        hess=hess and (lambda x: Q.T @ hess(Q @ x) @ Q),
        start=Q.T @ problem.start,
        minimiser=None if problem.minimiser is None else Q.T @ problem.minimiser,
    )


def scaled(problem: Problem, factor: float) -> Problem:
    """Return the problem factor · f(x).

    Parameters
    ----------
    problem : quasinewton.problems.Problem
        Not changed.
    factor : float
        Positive.

    Returns
    -------
    quasinewton.problems.Problem

    Raises
    ------
    ValueError
        If `factor` is not positive and finite.
    """
    if not 0.0 < factor < np.inf:
        raise ValueError(f"factor must be positive and finite, got {factor!r}")
    hess = problem.hess
    return replace(
        problem,
        name=f"{problem.name}, scaled",
        fun=lambda x: factor * problem.fun(x),
        jac=lambda x: factor * problem.jac(x),
        hess=hess and (lambda x: factor * hess(x)),
        fmin=None if problem.fmin is None else factor * problem.fmin,
        local_minima=tuple(factor * value for value in problem.local_minima),
    )


def assert_translation_invariant(
    solve: Callable[[Problem], Any], problem: Problem, shift: ArrayLike, rtol: float = 1e-6
) -> None:
    """Assert that an optimiser takes the same steps after a translation of the origin.

    Parameters
    ----------
    solve : callable
        ``solve(problem)`` -> iterates from `problem.x0` on, shape (k, n), or a result that has them
        as `allvecs`. Use few iterations, since rounding errors grow with every one.
    problem : quasinewton.problems.Problem
    shift : array_like, shape (n,)
        Translation of the origin.
    rtol : float
        Largest difference of the iterates, relative to their size.

    Raises
    ------
    AssertionError
        If the iterates differ, or a run has fewer than two.
    """
    expected = iterates(solve, problem)
    _assert_same_path(iterates(solve, shifted(problem, shift)) - np.asarray(shift), expected, rtol, "shifted")


def assert_rotation_invariant(
    solve: Callable[[Problem], Any], problem: Problem, Q: ArrayLike, rtol: float = 1e-6
) -> None:
    """Assert that an optimiser takes the same steps in rotated coordinates.

    Methods that scale components separately (Adam, diagonal scalings) do not have this property.

    Parameters
    ----------
    solve : callable
        As for `assert_translation_invariant`.
    problem : quasinewton.problems.Problem
        Without bounds.
    Q : array_like, shape (n, n)
        Orthogonal.
    rtol : float
        Largest difference of the iterates, relative to their size.

    Raises
    ------
    AssertionError
    """
    expected = iterates(solve, problem)
    _assert_same_path(iterates(solve, rotated(problem, Q)) @ np.asarray(Q).T, expected, rtol, "rotated")


def assert_scale_invariant(
    solve: Callable[[Problem], Any], problem: Problem, factor: float, rtol: float = 1e-6
) -> None:
    """Assert that an optimiser takes the same steps if f is multiplied by a factor.

    A first step whose length depends on ‖g‖ violates this: start from an iterate after the method's
    initial scaling, or use factors that keep ‖g‖ above the method's threshold.

    Parameters
    ----------
    solve : callable
        As for `assert_translation_invariant`.
    problem : quasinewton.problems.Problem
    factor : float
        Positive; multiplication by a power of two is exact.
    rtol : float
        Largest difference of the iterates, relative to their size; 0 requires equal bits.

    Raises
    ------
    AssertionError
    """
    expected = iterates(solve, problem)
    _assert_same_path(iterates(solve, scaled(problem, factor)), expected, rtol, "scaled")


def _assert_same_path(found: np.ndarray, expected: np.ndarray, rtol: float, change: str) -> None:
    """Raise AssertionError unless two runs have at least two iterates in common and these agree."""
    steps = min(len(found), len(expected))
    if steps < 2:
        raise AssertionError(f"the {change} problem was left after {len(found)} points, the original {len(expected)}")
    scale = max(1.0, float(np.abs(expected).max()))
    worst = float(np.abs(found[:steps] - expected[:steps]).max())
    if not worst <= rtol * scale:
        step = int(np.argmax(np.abs(found[:steps] - expected[:steps]).max(axis=1)))
        raise AssertionError(
            f"iterates of the {change} problem differ by {worst:.3g} at step {step}; "
            f"{rtol * scale:.3g} is allowed"
        )
