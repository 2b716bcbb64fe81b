"""Small systems of equations posed as least squares: MGH (1)-(5), (7), (13), (14), (21), (22)."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.problem import Problem, dimension, mgh
from quasinewton.problems.sums import least_squares, partially_separable


@kernel
def rosenbrock_pair(i, x):
    """φ = 100 (x_{i+1} − x_i²)² + (1 − x_i)²; MGH (1), (21)."""
    u, v = x[i], x[i + 1]
    a = v - u * u
    slope = -400.0 * u * a - 2.0 * (1.0 - u), 200.0 * a
    return (i, i + 1), 100.0 * a * a + (1.0 - u) ** 2, slope, (800.0 * u * u - 400.0 * a + 2.0, -400.0 * u, 200.0)


def rosenbrock():
    """Return Rosenbrock's valley: f = 100 (x₂ − x₁²)² + (1 − x₁)²."""
    loops = partially_separable(rosenbrock_pair, stride=2)
    return Problem("Rosenbrock", *loops, start=(-1.2, 1.0), source=mgh(1), fmin=0.0, minimiser=(1.0, 1.0))


def extended_rosenbrock(n=10):
    """Return n/2 independent copies of Rosenbrock's valley; n even."""
    n = dimension(n, least=2, multiple=2)
    loops = partially_separable(rosenbrock_pair, stride=2)
    start = np.tile((-1.2, 1.0), n // 2)
    return Problem("Extended Rosenbrock", *loops, start=start, source=mgh(21), fmin=0.0, minimiser=np.ones(n))


@kernel
def freudenstein_roth_residual(i, x):
    """r₁ = −13 + x₁ + ((5 − x₂)x₂ − 2)x₂, r₂ = −29 + x₁ + ((x₂ + 1)x₂ − 14)x₂; MGH (2)."""
    v = x[1]
    if i == 0:
        return -13.0 + x[0] + ((5.0 - v) * v - 2.0) * v, (1.0, (10.0 - 3.0 * v) * v - 2.0), (0.0, 0.0, 10.0 - 6.0 * v)
    return -29.0 + x[0] + ((v + 1.0) * v - 14.0) * v, (1.0, (3.0 * v + 2.0) * v - 14.0), (0.0, 0.0, 6.0 * v + 2.0)


def freudenstein_roth():
    """Return the Freudenstein-Roth system of two cubics, with a local minimum."""
    return Problem("Freudenstein-Roth", *least_squares(freudenstein_roth_residual, 2), start=(0.5, -2.0),
                   source=mgh(2), fmin=0.0, minimiser=(5.0, 4.0), local_minima=(48.98425367924,))


@kernel
def powell_badly_scaled_residual(i, x):
    """r₁ = 10⁴x₁x₂ − 1, r₂ = e^{−x₁} + e^{−x₂} − 1.0001; MGH (3)."""
    if i == 0:
        return 1e4 * x[0] * x[1] - 1.0, (1e4 * x[1], 1e4 * x[0]), (0.0, 1e4, 0.0)
    a, b = np.exp(-x[0]), np.exp(-x[1])
    return a + b - 1.0001, (-a, -b), (a, 0.0, b)


def powell_badly_scaled():
    """Return Powell's badly scaled system: a narrow curved valley along x₁x₂ = 10⁻⁴."""
    return Problem("Powell badly scaled", *least_squares(powell_badly_scaled_residual, 2), start=(0.0, 1.0),
                   source=mgh(3), fmin=0.0, minimiser=(1.0981593296997149e-05, 9.106146739866525))


@kernel
def brown_badly_scaled_residual(i, x):
    """r₁ = x₁ − 10⁶, r₂ = x₂ − 2·10⁻⁶, r₃ = x₁x₂ − 2; MGH (4)."""
    if i == 0:
        return x[0] - 1e6, (1.0, 0.0), (0.0, 0.0, 0.0)
    if i == 1:
        return x[1] - 2e-6, (0.0, 1.0), (0.0, 0.0, 0.0)
    return x[0] * x[1] - 2.0, (x[1], x[0]), (0.0, 1.0, 0.0)


def brown_badly_scaled():
    """Return Brown's badly scaled system: variables twelve orders of magnitude apart."""
    return Problem("Brown badly scaled", *least_squares(brown_badly_scaled_residual, 3), start=(1.0, 1.0),
                   source=mgh(4), fmin=0.0, minimiser=(1e6, 2e-6))


@kernel
def beale_residual(i, x):
    """r_i = y_i − x₁(1 − x₂^i), y = (1.5, 2.25, 2.625); MGH (5)."""
    v = x[1]
    y = (1.5, 2.25, 2.625)[i]
    power = (v, v * v, v * v * v)[i]
    slope = (1.0, 2.0 * v, 3.0 * v * v)[i]
    curvature = (0.0, 2.0, 6.0 * v)[i]
    return y - x[0] * (1.0 - power), (power - 1.0, x[0] * slope), (0.0, slope, x[0] * curvature)


def beale():
    """Return Beale's function, which is constant (14.203125) along x₂ = 1."""
    return Problem("Beale", *least_squares(beale_residual, 3), start=(1.0, 1.0), source=mgh(5),
                   fmin=0.0, minimiser=(3.0, 0.5))


@kernel
def helical_valley_residual(i, x):
    """r₁ = 10(x₃ − 10θ), r₂ = 10(ρ − 1), r₃ = x₃; MGH (7).

    ρ² = x₁² + x₂², 2πθ is the angle of (x₁, x₂).
    """
    u, v = x[0], x[1]
    if i == 2:
        return x[2], (0.0, 0.0, 1.0), (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    rho2 = u * u + v * v
    if i == 1:
        rho = np.sqrt(rho2)
        c = 10.0 / (rho * rho2)
        curvature = c * v * v, -c * u * v, c * u * u, 0.0, 0.0, 0.0
        return 10.0 * (rho - 1.0), (10.0 * u / rho, 10.0 * v / rho, 0.0), curvature
    # The paper cuts the angle along x₁ = 0, x₂ < 0: θ runs from −1/4 to 3/4, with x₁ < 0 in the
    # middle.
    angle = np.arctan2(v, u)
    if angle < -0.5 * np.pi:
        angle += 2.0 * np.pi
    c = 50.0 / (np.pi * rho2)
    q = 2.0 * c / rho2
    h = 0.5 * q * (u * u - v * v)
    return 10.0 * x[2] - 50.0 / np.pi * angle, (c * v, -c * u, 10.0), (-q * u * v, h, q * u * v, 0.0, 0.0, 0.0)


def helical_valley():
    """Return Fletcher and Powell's helical valley; f jumps across the half plane x₁ = 0, x₂ < 0."""
    return Problem("Helical valley", *least_squares(helical_valley_residual, 3), start=(-1.0, 0.0, 0.0),
                   source=mgh(7), fmin=0.0, minimiser=(1.0, 0.0, 0.0))


@kernel
def powell_singular_block(i, x):
    """φ = (x₁ + 10x₂)² + 5(x₃ − x₄)² + (x₂ − 2x₃)⁴ + 10(x₁ − x₄)⁴; MGH (13), (22)."""
    a, b = x[i] + 10.0 * x[i + 1], x[i + 2] - x[i + 3]
    c, d = x[i + 1] - 2.0 * x[i + 2], x[i] - x[i + 3]
    c2, d2 = c * c, d * d
    value = a * a + 5.0 * b * b + c2 * c2 + 10.0 * d2 * d2
    slope = (2.0 * a + 40.0 * d2 * d, 20.0 * a + 4.0 * c2 * c, 10.0 * b - 8.0 * c2 * c, -10.0 * b - 40.0 * d2 * d)
    curvature = (2.0 + 120.0 * d2,
                 20.0, 200.0 + 12.0 * c2,
                 0.0, -24.0 * c2, 10.0 + 48.0 * c2,
                 -120.0 * d2, 0.0, -10.0, 10.0 + 120.0 * d2)
    return (i, i + 1, i + 2, i + 3), value, slope, curvature


def powell_singular():
    """Return Powell's singular function: the Hessian at the minimum has rank two."""
    return Problem("Powell singular", *partially_separable(powell_singular_block, stride=4),
                   start=(3.0, -1.0, 0.0, 1.0), source=mgh(13), fmin=0.0, minimiser=np.zeros(4))


def extended_powell_singular(n=12):
    """Return n/4 independent copies of Powell's singular function; n a multiple of 4."""
    n = dimension(n, least=4, multiple=4)
    return Problem("Extended Powell singular", *partially_separable(powell_singular_block, stride=4),
                   start=np.tile((3.0, -1.0, 0.0, 1.0), n // 4), source=mgh(22), fmin=0.0, minimiser=np.zeros(n))


@kernel
def wood_block(i, x):
    """φ = 100(x₂ − x₁²)² + (1 − x₁)² + 90(x₄ − x₃²)² + (1 − x₃)² + two couplings; MGH (14).

    The couplings are 10(x₂ + x₄ − 2)² and (x₂ − x₄)²/10.
    """
    u, v = x[i], x[i + 2]
    a, b = x[i + 1] - u * u, x[i + 3] - v * v
    s, d = x[i + 1] + x[i + 3] - 2.0, x[i + 1] - x[i + 3]
    value = 100.0 * a * a + (1.0 - u) ** 2 + 90.0 * b * b + (1.0 - v) ** 2 + 10.0 * s * s + 0.1 * d * d
    slope = (-400.0 * u * a - 2.0 * (1.0 - u), 200.0 * a + 20.0 * s + 0.2 * d,
             -360.0 * v * b - 2.0 * (1.0 - v), 180.0 * b + 20.0 * s - 0.2 * d)
    curvature = (800.0 * u * u - 400.0 * a + 2.0,
                 -400.0 * u, 220.2,
                 0.0, 0.0, 720.0 * v * v - 360.0 * b + 2.0,
                 0.0, 19.8, -360.0 * v, 200.2)
    return (i, i + 1, i + 2, i + 3), value, slope, curvature


def wood():
    """Return Wood's function.

    A saddle near (−0.968, 0.947, −0.970, 0.951), f = 7.87697, may stop a method.
    """
    return Problem("Wood", *partially_separable(wood_block, stride=4), start=(-3.0, -1.0, -3.0, -1.0),
                   source=mgh(14), fmin=0.0, minimiser=np.ones(4))
