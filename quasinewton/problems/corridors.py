"""Scalable chains within bounds, from the CUTE collection."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.blocks import CUTE
from quasinewton.problems.hock_schittkowski import mccormick_element
from quasinewton.problems.problem import Problem, dimension
from quasinewton.problems.sums import partially_separable

TERMS = 10  # number m of exponentials in EXPLIN, EXPLIN2 and EXPQUAD


def mccormck(n=100):
    """Return the chained McCormick function on [−1.5, 3]ⁿ."""
    n = dimension(n, least=2)
    return Problem("MCCORMCK", *partially_separable(mccormick_element, overlap=1), start=np.zeros(n),
                   source=f"McCormick (1976), Math. Program. 10, 147-175; {CUTE}: MCCORMCK",
                   fmin={100: -91.7880733932545}.get(n), low=-1.5, high=3.0)


@kernel
def nonscomp_element(i, x):
    """φ₁ = (x₁ − 1)², φ_i = 4(x_i − x_{i−1}²)²."""
    if i == 0:
        d = x[0] - 1.0
        return (0, 0), d * d, (0.0, 2.0 * d), (0.0, 0.0, 2.0)
    u = x[i - 1]
    r = x[i] - u * u
    return (i - 1, i), 4.0 * r * r, (-16.0 * u * r, 8.0 * r), (32.0 * u * u - 16.0 * r, -16.0 * u, 8.0)


def nonscomp(n=100):
    """Return f = (x₁ − 1)² + 4 Σ (x_i − x_{i−1}²)², with x_i ≥ 1 for odd i.

    The minimiser (1, …, 1) is on these bounds, whose multipliers are 0.
    """
    n = dimension(n, least=2)
    low = np.where(np.arange(n) % 2, -100.0, 1.0)
    return Problem("NONSCOMP", *partially_separable(nonscomp_element), start=np.full(n, 3.0),
                   source=f"Lescrenier (1989), PhD thesis, Namur; {CUTE}: NONSCOMP",
                   fmin=0.0, minimiser=np.ones(n), low=low, high=100.0)


@kernel
def sineali_element(i, x):
    """φ₁ = sin(x₁ − 1), φ_i = 100 sin(x_i − x_{i−1}²)."""
    if i == 0:
        s, c = np.sin(x[0] - 1.0), np.cos(x[0] - 1.0)
        return (0, 0), s, (0.0, c), (0.0, 0.0, -s)
    u = x[i - 1]
    t = x[i] - u * u
    s, c = 100.0 * np.sin(t), 100.0 * np.cos(t)
    return (i - 1, i), s, (-2.0 * u * c, c), (-2.0 * c - 4.0 * u * u * s, 2.0 * u * s, -s)


def sineali(n=20):
    """Return f = sin(x₁ − 1) + 100 Σ sin(x_i − x_{i−1}²) within bounds.

    It is a valley that doubles back n times.
    """
    n = dimension(n, least=2)
    low, high = np.full(n, np.sqrt(np.pi) - 2.0 * np.pi), np.full(n, np.sqrt(np.pi))
    low[0], high[0] = -1.5 * np.pi, 0.5 * np.pi
    minimiser = np.full(n, 1.0 - 0.5 * np.pi)  # All sines are −1 there.
    for i in range(1, n):
        minimiser[i] = minimiser[i - 1] ** 2 - 0.5 * np.pi
    return Problem("SINEALI", *partially_separable(sineali_element), start=np.zeros(n), source=f"{CUTE}: SINEALI",
                   fmin=99.0 - 100.0 * n, minimiser=minimiser, low=low, high=high)


@kernel
def hatfldc_element(i, x):
    """φ = (x_{i+1} − x_i²)², but (x₁ − 1)² for i = 1 and (x_n − 1)² for i = n."""
    if i == 0 or i == x.size - 1:
        d = x[i] - 1.0
        return (i, i), d * d, (0.0, 2.0 * d), (0.0, 0.0, 2.0)
    u = x[i]
    r = x[i + 1] - u * u
    return (i, i + 1), r * r, (-4.0 * u * r, 2.0 * r), (8.0 * u * u - 4.0 * r, -4.0 * u, 2.0)


def hatfldc(n=25):
    """Return f = (x₁ − 1)² + Σ (x_{i+1} − x_i²)² + (x_n − 1)² on [0, 10], x_n free.

    The minimum is in the interior.
    """
    n = dimension(n, least=3)
    low, high = np.zeros(n), np.full(n, 10.0)
    low[-1], high[-1] = -np.inf, np.inf
    return Problem("HATFLDC", *partially_separable(hatfldc_element), start=np.full(n, 0.9),
                   source=f"OPTIMA manual (1989), Hatfield Polytechnic, problem C; {CUTE}: HATFLDC",
                   fmin=0.0, minimiser=np.ones(n), low=low, high=high)


@kernel
def exponential_element(i, x, w):
    """φ = exp(w x_i x_{i+1}) − 10i x_i, without the exponential where w = 0."""
    c = -10.0 * (i + 1)
    if w == 0.0:
        return (i, i), c * x[i], (0.0, c), (0.0, 0.0, 0.0)
    u, v = x[i], x[i + 1]
    e = np.exp(w * u * v)
    curvature = w * w * v * v * e, w * e * (1.0 + w * u * v), w * w * u * u * e
    return (i, i + 1), e + c * u, (w * v * e + c, w * u * e), curvature


@kernel
def explin_element(i, x):
    """Term of EXPLIN: w = 1/10 for i ≤ m."""
    return exponential_element(i, x, 0.1 if i < TERMS else 0.0)


@kernel
def explin2_element(i, x):
    """Term of EXPLIN2: w = i/(10m) for i ≤ m."""
    return exponential_element(i, x, 0.1 * (i + 1) / TERMS if i < TERMS else 0.0)


@kernel
def expquad_element(i, x):
    """φ of `explin2` for i ≤ m and i = n, and 4x_i² + 2x_n² + x_i x_n − 10i x_i between."""
    last = x.size - 1
    if i < TERMS or i == last:
        return explin2_element(i, x)
    u, v, c = x[i], x[last], -10.0 * (i + 1)
    return (i, last), u * (4.0 * u + v + c) + 2.0 * v * v, (8.0 * u + v + c, 4.0 * v + u), (8.0, 1.0, 4.0)


def explin(n=120):
    """Return f = Σ_{i≤10} exp(x_i x_{i+1}/10) − 10 Σ i x_i on [0, 10]ⁿ.

    It starts at a vertex, and ends near the opposite one.
    """
    return Problem("EXPLIN", *partially_separable(explin_element), start=np.zeros(dimension(n, least=11)),
                   source=f"{CUTE}: EXPLIN", fmin={120: -723756.265492574}.get(n), low=0.0, high=10.0)


def explin2(n=120):
    """Return f = Σ_{i≤10} exp(i x_i x_{i+1}/100) − 10 Σ i x_i on [0, 10]ⁿ."""
    return Problem("EXPLIN2", *partially_separable(explin2_element), start=np.zeros(dimension(n, least=11)),
                   source=f"{CUTE}: EXPLIN2", fmin={120: -724459.142958091}.get(n), low=0.0, high=10.0)


def expquad(n=120):
    """Return the exponentials of EXPLIN2 on [0, 10] plus a convex quadratic.

    The other variables, those of the quadratic, are free.
    """
    n = dimension(n, least=12)
    bounded = np.arange(n) < TERMS
    return Problem("EXPQUAD", *partially_separable(expquad_element), start=np.zeros(n), source=f"{CUTE}: EXPQUAD",
                   fmin={120: -3625962.13685646}.get(n),
                   low=np.where(bounded, 0.0, -np.inf), high=np.where(bounded, 10.0, np.inf))
