"""Steepest descent: along −g, and at the rate that theory predicts.

Covers: _methods/gradient_descent.py.
"""

import numpy as np
import pytest
from objectives import quadratic, quadratic_gradient, rosenbrock, rosenbrock_gradient, spd

from quasinewton import Fixed, minimize


def test_every_step_is_along_the_gradient():
    res = minimize(
        rosenbrock,
        [-1.2, 1.0],
        method="gradient-descent",
        jac=rosenbrock_gradient,
        options={"maxiter": 20, "return_all": True},
    )
    for x, x_new in zip(res.allvecs, res.allvecs[1:], strict=False):
        g, s = rosenbrock_gradient(x), x_new - x
        assert s @ g == pytest.approx(-np.linalg.norm(s) * np.linalg.norm(g), rel=1e-6)


def test_fixed_step_is_the_textbooks_iteration(rng):
    A, b = spd(rng, 4, 10.0), rng.standard_normal(4)
    res = minimize(
        quadratic,
        np.zeros(4),
        (A, b),
        "gradient-descent",
        quadratic_gradient,
        options={"line_search": Fixed(alpha=0.05), "maxiter": 25, "gtol": 0.0},
    )
    x = np.zeros(4)
    for _ in range(25):
        x = x - 0.05 * (A @ x - b)
    assert res.nit == 25 and res.x == pytest.approx(x, rel=1e-12)


def test_exact_steps_converge_at_the_rate_of_the_condition_number(rng):
    """Each exact step reduces f − f* by ((κ − 1)/(κ + 1))² at least.

    N&W (2006) theorem 3.4.
    """
    A, b = spd(rng, 5, 20.0), rng.standard_normal(5)
    least = quadratic(np.linalg.solve(A, b), A, b)
    res = minimize(
        quadratic,
        np.zeros(5),
        (A, b),
        "gradient-descent",
        quadratic_gradient,
        options={"c1": 1e-12, "c2": 1e-10, "maxls": 60, "maxiter": 10, "history": True},
    )
    excess = res.history.f - least
    assert np.all(excess[1:] <= (19 / 21) ** 2 * excess[:-1] * (1 + 1e-6))
