"""Scalable functions whose terms couple neighbouring variables."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.blocks import ANDREI, CUTE
from quasinewton.problems.problem import Problem, dimension
from quasinewton.problems.sums import partially_separable
from quasinewton.problems.systems import rosenbrock_pair


def chained_rosenbrock(n=100):
    """Return f = Σ 100 (x_{i+1} − x_i²)² + (1 − x_i)².

    A local minimum lies near (−1, 1, …, 1) for n ≥ 4.
    """
    n = dimension(n, least=2)
    start = np.where(np.arange(n) % 2, 1.0, -1.2)
    local_minima = {4: (3.70142861043002,), 5: (3.93083943413303,), 6: (3.97394050093030,), 7: (3.98360053642485,),
                    10: (3.98657911234714,), 100: (3.98662385430093,)}
    return Problem("Chained Rosenbrock", *partially_separable(rosenbrock_pair, overlap=1), start=start,
                   source="Kok & Sandrock (2009), Evol. Comput. 17, 437-453",
                   fmin=0.0, minimiser=np.ones(n), local_minima=local_minima.get(n, ()))


@kernel
def genrose_element(i, x):
    """φ = 100 (x_{i+1} − x_i²)² + (x_{i+1} − 1)²."""
    u, v = x[i], x[i + 1]
    a = v - u * u
    slope = -400.0 * u * a, 200.0 * a + 2.0 * (v - 1.0)
    return (i, i + 1), 100.0 * a * a + (v - 1.0) ** 2, slope, (800.0 * u * u - 400.0 * a, -400.0 * u, 202.0)


def genrose(n=100):
    """Return f = 1 + Σ 100 (x_{i+1} − x_i²)² + (x_{i+1} − 1)²; x₁ = −1 is as good as x₁ = 1."""
    n = dimension(n, least=2)
    return Problem("Generalised Rosenbrock", *partially_separable(genrose_element, overlap=1, constant=1.0),
                   start=np.arange(1.0, n + 1.0) / (n + 1.0), source=f"{CUTE}: GENROSE", fmin=1.0, minimiser=np.ones(n))


@kernel
def dqdrtic_element(i, x):
    """φ = x_i² + 100 x_{i+1}² + 100 x_{i+2}²."""
    u, v, w = x[i], x[i + 1], x[i + 2]
    return (i, i + 1, i + 2), u * u + 100.0 * (v * v + w * w), (2.0 * u, 200.0 * v, 200.0 * w), (
        2.0, 0.0, 200.0, 0.0, 0.0, 200.0)


def dqdrtic(n=100):
    """Return f = Σ x_i² + 100 x_{i+1}² + 100 x_{i+2}².

    This is a diagonal quadratic with few distinct eigenvalues.
    """
    n = dimension(n, least=3)
    return Problem("Diagonal quadratic", *partially_separable(dqdrtic_element, overlap=2), start=np.full(n, 3.0),
                   source=f"{CUTE}: DQDRTIC", fmin=0.0, minimiser=np.zeros(n))


@kernel
def engval1_element(i, x):
    """φ = (x_i² + x_{i+1}²)² − 4x_i + 3."""
    u, v = x[i], x[i + 1]
    q = 4.0 * (u * u + v * v)
    curvature = q + 8.0 * u * u, 8.0 * u * v, q + 8.0 * v * v
    return (i, i + 1), q * q / 16.0 - 4.0 * u + 3.0, (q * u - 4.0, q * v), curvature


def engval1(n=100):
    """Return f = Σ (x_i² + x_{i+1}²)² − 4x_i + 3."""
    n = dimension(n, least=2)
    fmin = {2: 0.0, 10: 9.17746995718139, 100: 109.0881361430923}
    return Problem("ENGVAL1", *partially_separable(engval1_element, overlap=1), start=np.full(n, 2.0),
                   source=f"{CUTE}: ENGVAL1", fmin=fmin.get(n))


@kernel
def tridia_element(i, x):
    """φ₁ = (x₁ − 1)², φ_i = i (2x_i − x_{i−1})²."""
    if i == 0:
        d = x[0] - 1.0
        return (0, 0), d * d, (0.0, 2.0 * d), (0.0, 0.0, 2.0)
    w = i + 1.0
    d = 2.0 * x[i] - x[i - 1]
    return (i - 1, i), w * d * d, (-2.0 * w * d, 4.0 * w * d), (2.0 * w, -4.0 * w, 8.0 * w)


def tridia(n=100):
    """Return f = (x₁ − 1)² + Σ i (2x_i − x_{i−1})², a tridiagonal quadratic.

    It is least where x_i = 2^{1−i}.
    """
    n = dimension(n)
    return Problem("Tridiagonal quadratic", *partially_separable(tridia_element), start=np.ones(n),
                   source=f"{CUTE}: TRIDIA", fmin=0.0, minimiser=0.5 ** np.arange(n))


@kernel
def cosine_element(i, x):
    """φ = cos(x_i² − x_{i+1}/2)."""
    u = x[i]
    t = u * u - 0.5 * x[i + 1]
    c, s = np.cos(t), np.sin(t)
    return (i, i + 1), c, (-2.0 * u * s, 0.5 * s), (-2.0 * s - 4.0 * u * u * c, u * c, -0.25 * c)


def cosine(n=100):
    """Return f = Σ cos(x_i² − x_{i+1}/2), with many minima.

    The least are −(n − 1), where every argument is an odd multiple of π.
    """
    n = dimension(n, least=2)
    root = 0.25 + np.sqrt(0.0625 + np.pi)
    return Problem("Cosine", *partially_separable(cosine_element, overlap=1), start=np.ones(n),
                   source=f"{CUTE}: COSINE", fmin=1.0 - n, minimiser=np.full(n, root))


@kernel
def fletchcr_element(i, x):
    """φ = 100 (x_{i+1} − x_i + 1 − x_i²)²."""
    u = x[i]
    r, d = x[i + 1] - u + 1.0 - u * u, -1.0 - 2.0 * u
    return (i, i + 1), 100.0 * r * r, (200.0 * r * d, 200.0 * r), (200.0 * (d * d - 2.0 * r), 200.0 * d, 200.0)


def fletchcr(n=100):
    """Return f = Σ 100 (x_{i+1} − x_i + 1 − x_i²)², whose minima fill a curve."""
    n = dimension(n, least=2)
    return Problem("Fletcher chained Rosenbrock", *partially_separable(fletchcr_element, overlap=1), start=np.zeros(n),
                   source=f"{CUTE}: FLETCHCR", fmin=0.0, minimiser=np.ones(n))


@kernel
def edensch_element(i, x):
    """φ = (x_i − 2)⁴ + (x_i x_{i+1} − 2x_{i+1})² + (x_{i+1} + 1)²."""
    d, v = x[i] - 2.0, x[i + 1]
    value = d ** 4 + d * d * v * v + (v + 1.0) ** 2
    slope = 4.0 * d ** 3 + 2.0 * d * v * v, 2.0 * d * d * v + 2.0 * (v + 1.0)
    return (i, i + 1), value, slope, (12.0 * d * d + 2.0 * v * v, 4.0 * d * v, 2.0 * d * d + 2.0)


def edensch(n=100):
    """Return the extended Dennis-Schnabel function.

    f = 16 + Σ (x_i − 2)⁴ + (x_i x_{i+1} − 2x_{i+1})² + (x_{i+1} + 1)².
    """
    n = dimension(n, least=2)
    fmin = {10: 63.2846001052634, 100: 603.284592020765}
    return Problem("EDENSCH", *partially_separable(edensch_element, overlap=1, constant=16.0), start=np.zeros(n),
                   source=f"{CUTE}: EDENSCH", fmin=fmin.get(n))


@kernel
def generalised_tridiagonal_element(i, x):
    """φ = (x_i + x_{i+1} − 3)² + (x_i − x_{i+1} + 1)⁴."""
    a, b = x[i] + x[i + 1] - 3.0, x[i] - x[i + 1] + 1.0
    c, h = 4.0 * b ** 3, 12.0 * b * b
    return (i, i + 1), a * a + b ** 4, (2.0 * a + c, 2.0 * a - c), (2.0 + h, 2.0 - h, 2.0 + h)


def generalised_tridiagonal(n=100):
    """Return f = Σ (x_i + x_{i+1} − 3)² + (x_i − x_{i+1} + 1)⁴."""
    n = dimension(n, least=2)
    fmin = {2: 0.0, 10: 7.21121670329151, 100: 97.2103074859909}
    return Problem("Generalised tridiagonal 1", *partially_separable(generalised_tridiagonal_element, overlap=1),
                   start=np.full(n, 2.0), source=f"{ANDREI}: Generalized Tridiagonal 1", fmin=fmin.get(n))


@kernel
def schmidt_vetters_element(i, x):
    """φ = −1/(1 + (a − b)²) − sin((πb + c)/2) − exp(−((a + c)/b − 2)²).

    Here (a, b, c) = (x_i, x_{i+1}, x_{i+2}).
    """
    a, b, c = x[i], x[i + 1], x[i + 2]
    d = a - b
    u = 1.0 / (1.0 + d * d)
    du, d2u = 2.0 * d * u * u, 2.0 * u * u - 8.0 * d * d * u ** 3
    s, k = np.sin(0.5 * (np.pi * b + c)), np.cos(0.5 * (np.pi * b + c))
    t = (a + c) / b - 2.0
    e = np.exp(-t * t)
    de, d2e = 2.0 * t * e, 2.0 * e * (1.0 - 2.0 * t * t)
    ta, tb = 1.0 / b, -(a + c) / (b * b)
    slope = du + de * ta, -du - 0.5 * np.pi * k + de * tb, -0.5 * k + de * ta
    tab = -ta * ta
    curvature = (d2u + d2e * ta * ta,
                 -d2u + d2e * ta * tb + de * tab, d2u + 0.25 * np.pi * np.pi * s + d2e * tb * tb - 2.0 * de * tb / b,
                 d2e * ta * ta, 0.25 * np.pi * s + d2e * ta * tb + de * tab, 0.25 * s + d2e * ta * ta)
    return (i, i + 1, i + 2), -u - s - e, slope, curvature


def schmidt_vetters(n=100):
    """Return the chained Schmidt-Vetters function.

    f ≥ −3(n − 2), attained where all x_i = π/(π + 1).
    """
    n = dimension(n, least=3)
    return Problem("Schmidt-Vetters", *partially_separable(schmidt_vetters_element, overlap=2), start=np.full(n, 0.5),
                   source=f"{CUTE}: SCHMVETT", fmin=-3.0 * (n - 2), minimiser=np.full(n, np.pi / (np.pi + 1.0)))
