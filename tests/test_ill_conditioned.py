"""Ill-conditioned least squares from published sources that are not among `quasinewton.problems`.

L-BFGS must solve them in few evaluations, although the curvatures of f differ by factors up to
10²⁰. The least values are those of a QR factorisation where the model is linear, and 0 or the
published ones elsewhere. Most of the bounds are below what the scale γ = s·y/y·y and 10 pairs took.

Covers: _methods/lbfgs/fitted_gamma.py, _methods/first_pairs.py.
"""

import numpy as np
import pytest

from quasinewton import minimize
from quasinewton.problems.miniatures import PALMER1_X, PALMER1_Y


def least_squares(residuals):
    """Return x -> (f, g) for f = r·r; the Jacobian is that of complex steps, exact to rounding.

    W. Squire and G. Trapp, SIAM Review 40 (1998) 110–112.
    """

    def fun(x):
        J = np.stack([residuals(x + step).imag / 1e-200 for step in 1e-200j * np.eye(x.size)], axis=1)
        r = residuals(x + 0j).real
        return r @ r, 2.0 * (J.T @ r)

    return fun


def linear(V, y):
    """Return x -> (f, g) for f = ‖V x − y‖², and its least value."""
    r = y - V @ np.linalg.lstsq(V, y, rcond=1e-18)[0]
    return lambda x: (float(np.sum((V @ x - y) ** 2)), 2.0 * (V.T @ (V @ x - y))), r @ r


def combustion(x):
    """Hydrocarbon combustion in five equations (K. Meintjes and A. P. Morgan, TOMS 16, 1990)."""
    root = 40.0**0.5
    R, R5, R6, R7 = 10.0, 0.193, 0.002597 / root, 0.003448 / root
    R8, R9, R10 = 0.00001799 / 40.0, 0.0002155 / root, 0.00003846 / 40.0
    a, b, c, d, e = x
    return np.array(
        [
            a * b + a - 3.0 * e,
            2.0 * a * b + a + b * c * c + R8 * b - R * e + 2.0 * R10 * b * b + R7 * b * c + R9 * b * d,
            2.0 * b * c * c + 2.0 * R5 * c * c - 8.0 * e + R6 * c + R7 * b * c,
            R9 * b * d + 2.0 * d * d - 4.0 * R * e,
            a * (b + 1.0) + R10 * b * b + b * c * c + R8 * b + R5 * c * c + d * d - 1.0 + R6 * c + R7 * b * c
            + R9 * b * d,
        ]
    )


def heart(x):
    """Dipole model of the heart (J. E. Dennis, D. M. Gay and P. A. Vu, Rice TR 83-16)."""
    a, b, c, d, t, u, v, w = x
    return np.array(
        [
            a + b - 0.485,
            c + d + 0.0019,
            t * a + u * b - v * c - w * d + 0.0581,
            v * a + w * b + t * c + u * d - 0.015,
            a * (t * t - v * v) - 2.0 * c * t * v + b * (u * u - w * w) - 2.0 * d * u * w - 0.105,
            c * (t * t - v * v) + 2.0 * a * t * v + d * (u * u - w * w) + 2.0 * b * u * w - 0.0406,
            a * t * (t * t - 3.0 * v * v) + c * v * (v * v - 3.0 * t * t)
            + b * u * (u * u - 3.0 * w * w) + d * w * (w * w - 3.0 * u * u) - 0.167,
            c * t * (t * t - 3.0 * v * v) - a * v * (v * v - 3.0 * t * t)
            + d * u * (u * u - 3.0 * w * w) - b * w * (w * w - 3.0 * u * u) + 0.399,
        ]
    )


def enzyme(x):
    """An enzyme reaction (J. Kowalik and M. R. Osborne, 1968)."""
    u = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])
    y = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
    return x[0] * (u * u + u * x[1]) / (u * u + u * x[2] + x[3]) - y


def exponentials(x):
    """Two exponentials (OPTIMA manual, Hatfield Polytechnic, 1989; HATFLDE of CUTE)."""
    y = [1.561, 1.473, 1.391, 1.313, 1.239, 1.169, 1.103, 1.04, 0.981, 0.925, 0.8721, 0.8221, 0.7748, 0.73, 0.6877,
         0.6477, 0.6099, 0.5741, 0.5403, 0.5084, 0.4782]
    t = 0.3 + 0.05 * np.arange(21)
    return x[0] * np.exp(x[1] * t) - np.exp(x[2] * t) - np.array(y)


GRID = np.linspace(0.0, 10.0, 50)
EVEN = linear(PALMER1_X[:, None] ** (2 * np.arange(7)), PALMER1_Y)  # PALMER1D of CUTE, each point once
POWERS = linear(GRID[:, None] ** np.arange(7), np.sin(GRID))
STARTS = {"heart": (0.299, 0.186, -0.0273, 0.0254, -0.474, 0.474, -0.0892, 0.0892)}

# By name: objective, start, least value, most evaluations.
PROBLEMS = {
    "even powers": (EVEN[0], np.ones(7), EVEN[1], 80),
    "powers": (POWERS[0], np.zeros(7), POWERS[1], 80),
    "combustion near": (least_squares(combustion), np.array([0.003, 34.0, 0.07, 0.8, 0.03]), 0.0, 60),
    "combustion far": (least_squares(combustion), np.full(5, 10.0), 0.0, 250),
    "heart": (least_squares(heart), np.array(STARTS["heart"]), 0.0, 450),
    "enzyme": (least_squares(enzyme), np.array([2.5, 3.9, 4.15, 3.9]), 3.07505603849238e-4, 90),
    "exponentials": (least_squares(exponentials), np.array([1.0, -1.0, 0.0]), 5.120377e-7, 40),
}


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("method", ["lbfgs", "bfgs"])
def test_is_solved_in_few_evaluations(method, name):
    fun, x0, least, most = PROBLEMS[name]
    res = minimize(fun, x0, jac=True, method=method)
    assert res.success and res.fun <= least + max(1e-6 * least, 1e-14 * fun(x0)[0])
    assert res.nfev <= (most if method == "lbfgs" else 2 * most)
