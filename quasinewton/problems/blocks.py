"""Scalable sums over variables, or over small blocks of variables, that do not interact."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.problem import Problem, dimension
from quasinewton.problems.sums import partially_separable
from quasinewton.problems.systems import wood_block

ANDREI = "Andrei (2008), An unconstrained optimization test functions collection, Adv. Model. Optim. 10, 147-161"
CUTE = "Bongartz, Conn, Gould & Toint (1995), CUTE, ACM TOMS 21, 123-160"


@kernel
def power_element(i, x):
    """φ = (i x_i)²."""
    w = (i + 1.0) * (i + 1.0)
    return (i,), w * x[i] * x[i], (2.0 * w * x[i],), (2.0 * w,)


def power(n=100):
    """Return f = Σ (i x_i)²: a quadratic of condition number n²."""
    n = dimension(n)
    return Problem("Power", *partially_separable(power_element), start=np.ones(n), source=f"{ANDREI}: POWER",
                   fmin=0.0, minimiser=np.zeros(n))


@kernel
def quartic_element(i, x):
    """φ = (x_i − i)⁴."""
    d = x[i] - (i + 1.0)
    return (i,), d ** 4, (4.0 * d ** 3,), (12.0 * d * d,)


def quartic(n=100):
    """Return f = Σ (x_i − i)⁴: the Hessian vanishes at the minimum."""
    n = dimension(n)
    return Problem("Quartic", *partially_separable(quartic_element), start=np.full(n, 2.0), source=f"{CUTE}: QUARTC",
                   fmin=0.0, minimiser=np.arange(1.0, n + 1.0))


@kernel
def raydan_1_element(i, x):
    """φ = (i/10)(e^{x_i} − x_i)."""
    w = 0.1 * (i + 1)
    e = np.exp(x[i])
    return (i,), w * (e - x[i]), (w * (e - 1.0),), (w * e,)


def raydan_1(n=100):
    """Return f = Σ (i/10)(e^{x_i} − x_i): strictly convex, condition number n."""
    n = dimension(n)
    return Problem("Raydan 1", *partially_separable(raydan_1_element), start=np.ones(n),
                   source="Raydan (1997), SIAM J. Optim. 7, 26-33: strictly convex 1",
                   fmin=n * (n + 1) / 20, minimiser=np.zeros(n))


@kernel
def raydan_2_element(i, x):
    """φ = e^{x_i} − x_i."""
    e = np.exp(x[i])
    return (i,), e - x[i], (e - 1.0,), (e,)


def raydan_2(n=100):
    """Return f = Σ (e^{x_i} − x_i): the Hessian is I at the minimum."""
    n = dimension(n)
    return Problem("Raydan 2", *partially_separable(raydan_2_element), start=np.ones(n),
                   source="Raydan (1997), SIAM J. Optim. 7, 26-33: strictly convex 2",
                   fmin=float(n), minimiser=np.zeros(n))


@kernel
def hager_element(i, x):
    """φ = e^{x_i} − √i x_i."""
    e, w = np.exp(x[i]), np.sqrt(i + 1.0)
    return (i,), e - w * x[i], (e - w,), (e,)


def hager(n=100):
    """Return f = Σ (e^{x_i} − √i x_i), least where x_i = ln √i."""
    n = dimension(n)
    w = np.sqrt(np.arange(1.0, n + 1.0))
    return Problem("Hager", *partially_separable(hager_element), start=np.ones(n), source=f"{ANDREI}: Hager",
                   fmin=float(np.sum(w - w * np.log(w))), minimiser=np.log(w))


@kernel
def white_holst_pair(i, x):
    """φ = 100 (x_{i+1} − x_i³)² + (1 − x_i)²."""
    u = x[i]
    u2 = u * u
    a = x[i + 1] - u2 * u
    slope = -600.0 * u2 * a - 2.0 * (1.0 - u), 200.0 * a
    curvature = 1800.0 * u2 * u2 - 1200.0 * u * a + 2.0, -600.0 * u2, 200.0
    return (i, i + 1), 100.0 * a * a + (1.0 - u) ** 2, slope, curvature


def white_holst(n=100):
    """Return the extended White and Holst function: Rosenbrock's valley along a cubic; n even."""
    n = dimension(n, least=2, multiple=2)
    return Problem("Extended White-Holst", *partially_separable(white_holst_pair, stride=2),
                   start=np.tile((-1.2, 1.0), n // 2), source=f"{ANDREI}: Extended White & Holst",
                   fmin=0.0, minimiser=np.ones(n))


@kernel
def himmelblau_pair(i, x):
    """φ = (x_i² + x_{i+1} − 11)² + (x_i + x_{i+1}² − 7)²."""
    u, v = x[i], x[i + 1]
    a, b = u * u + v - 11.0, u + v * v - 7.0
    slope = 4.0 * u * a + 2.0 * b, 2.0 * a + 4.0 * v * b
    return (i, i + 1), a * a + b * b, slope, (8.0 * u * u + 4.0 * a + 2.0, 4.0 * (u + v), 8.0 * v * v + 4.0 * b + 2.0)


def himmelblau(n=100):
    """Return the extended Himmelblau function: four minima for each pair, all zero; n even."""
    n = dimension(n, least=2, multiple=2)
    return Problem("Extended Himmelblau", *partially_separable(himmelblau_pair, stride=2), start=np.ones(n),
                   source=f"{ANDREI}: Extended Himmelblau", fmin=0.0, minimiser=np.tile((3.0, 2.0), n // 2))


@kernel
def cliff_pair(i, x):
    """φ = ((x_i − 3)/100)² − (x_i − x_{i+1}) + e^{20(x_i − x_{i+1})}."""
    d = x[i] - x[i + 1]
    e = np.exp(20.0 * d)
    a = 2e-4 * (x[i] - 3.0)
    b = 20.0 * e - 1.0
    c = 400.0 * e
    return (i, i + 1), (0.01 * (x[i] - 3.0)) ** 2 - d + e, (a + b, -b), (2e-4 + c, -c, c)


def cliff(n=100):
    """Return the extended cliff, a slope that ends at an exponential wall; n even.

    It is least where e^{20d} = 1/20.
    """
    n = dimension(n, least=2, multiple=2)
    d = -np.log(20.0) / 20.0
    return Problem("Extended cliff", *partially_separable(cliff_pair, stride=2), start=np.tile((0.0, -1.0), n // 2),
                   source=f"{ANDREI}: Extended Cliff", fmin=n / 2 * (0.05 - d),
                   minimiser=np.tile((3.0, 3.0 - d), n // 2))


@kernel
def psc1_pair(i, x):
    """φ = (x_i² + x_{i+1}² + x_i x_{i+1})² + sin² x_i + cos² x_{i+1}."""
    u, v = x[i], x[i + 1]
    q = u * u + v * v + u * v
    qu, qv = 2.0 * u + v, 2.0 * v + u
    slope = 2.0 * q * qu + np.sin(2.0 * u), 2.0 * q * qv - np.sin(2.0 * v)
    curvature = (2.0 * qu * qu + 4.0 * q + 2.0 * np.cos(2.0 * u),
                 2.0 * qu * qv + 2.0 * q, 2.0 * qv * qv + 4.0 * q - 2.0 * np.cos(2.0 * v))
    return (i, i + 1), q * q + np.sin(u) ** 2 + np.cos(v) ** 2, slope, curvature


def psc1(n=100):
    """Return the extended PSC1 function: two symmetric minima for each pair; n even."""
    n = dimension(n, least=2, multiple=2)
    return Problem("Extended PSC1", *partially_separable(psc1_pair, stride=2), start=np.tile((3.0, 0.1), n // 2),
                   source=f"{ANDREI}: Extended PSC1", fmin=n / 2 * 0.7731990564929239)


@kernel
def cragg_levy_block(i, x):
    """φ = (e^{x₁} − x₂)⁴ + 100(x₂ − x₃)⁶ + tan⁴(x₃ − x₄) + x₁⁸ + (x₄ − 1)²."""
    a, e = x[i], np.exp(x[i])
    p, q, t = e - x[i + 1], x[i + 1] - x[i + 2], np.tan(x[i + 2] - x[i + 3])
    d = x[i + 3] - 1.0
    sec2 = 1.0 + t * t
    p3, q5, t3 = 4.0 * p ** 3, 600.0 * q ** 5, 4.0 * t ** 3 * sec2
    p2, q4, t2 = 12.0 * p * p, 3000.0 * q ** 4, 4.0 * t * t * sec2 * (3.0 * sec2 + 2.0 * t * t)
    value = p ** 4 + 100.0 * q ** 6 + t ** 4 + a ** 8 + d * d
    slope = p3 * e + 8.0 * a ** 7, q5 - p3, t3 - q5, 2.0 * d - t3
    curvature = (p2 * e * e + p3 * e + 56.0 * a ** 6,
                 -p2 * e, p2 + q4,
                 0.0, -q4, q4 + t2,
                 0.0, 0.0, -t2, t2 + 2.0)
    return (i, i + 1, i + 2, i + 3), value, slope, curvature


def cragg_levy(n=100):
    """Return the extended Cragg and Levy function; n a multiple of 4.

    It is singular at the minimum, and has the poles of tan.
    """
    n = dimension(n, least=4, multiple=4)
    return Problem("Extended Cragg-Levy", *partially_separable(cragg_levy_block, stride=4),
                   start=np.tile((1.0, 2.0, 2.0, 2.0), n // 4),
                   source="Cragg & Levy (1969), JOTA 4, 191-205; extended as in Andrei (2008)",
                   fmin=0.0, minimiser=np.tile((0.0, 1.0, 1.0, 1.0), n // 4))


def woods(n=100):
    """Return n/4 independent copies of Wood's function; n a multiple of 4."""
    n = dimension(n, least=4, multiple=4)
    return Problem("Extended Wood", *partially_separable(wood_block, stride=4),
                   start=np.tile((-3.0, -1.0, -3.0, -1.0), n // 4), source=f"{CUTE}: WOODS",
                   fmin=0.0, minimiser=np.ones(n))
