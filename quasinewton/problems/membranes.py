"""Membranes over a square of p × p grid points, p² = n, with their rims fixed by equal bounds.

The energy ½∫|∇v|² − c∫v is minimised between obstacles; the difficulty is to find the variables on
active bounds.
"""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.blocks import CUTE
from quasinewton.problems.problem import Problem, dimension
from quasinewton.problems.sums import partially_separable

MORE_TORALDO = "Moré & Toraldo (1991), SIAM J. Optim. 1, 93-113"
DEMBO = "Dembo & Tulowitzki (1983), On the minimization of quadratic functions subject to box constraints, Yale WP 71"


@kernel
def side(x):
    """Return p, where n = p²."""
    return int(np.sqrt(x.size) + 0.5)


@kernel
def membrane_element(i, x, c):
    """φ = ¼ Σ (x_i − x_k)² − ch²x_i over the four neighbours k of an inner point.

    h = 1/(p − 1); φ = 0 on the rim.
    """
    p = side(x)
    row, column = i // p, i % p
    if row == 0 or row == p - 1 or column == 0 or column == p - 1:
        zero = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        return (i, i, i, i, i), 0.0, (0.0, 0.0, 0.0, 0.0, 0.0), zero
    load = c / ((p - 1.0) * (p - 1.0))
    d, e, f, g = x[i] - x[i + 1], x[i] - x[i - 1], x[i] - x[i + p], x[i] - x[i - p]
    value = 0.25 * (d * d + e * e + f * f + g * g) - load * x[i]
    slope = 0.5 * (d + e + f + g) - load, -0.5 * d, -0.5 * e, -0.5 * f, -0.5 * g
    curvature = (2.0, -0.5, 0.5, -0.5, 0.0, 0.5, -0.5, 0.0, 0.0, 0.5, -0.5, 0.0, 0.0, 0.0, 0.5)
    return (i, i + 1, i - 1, i + p, i - p), value, slope, curvature


@kernel
def torsion1_element(i, x):
    """Membrane with load c = 5."""
    return membrane_element(i, x, 5.0)


@kernel
def torsion3_element(i, x):
    """Membrane with load c = 10."""
    return membrane_element(i, x, 10.0)


@kernel
def torsion6_element(i, x):
    """Membrane with load c = 20."""
    return membrane_element(i, x, 20.0)


@kernel
def obstacle_element(i, x):
    """Membrane with load c = 1."""
    return membrane_element(i, x, 1.0)


def grid(n):
    """Return p with p² = n ≥ 9, and the distances 0 … p − 1 from the side of the square.

    Distances are in units of h.
    """
    p = int(np.sqrt(dimension(n, least=9)) + 0.5)
    if p * p != n:
        raise ValueError(f"n = {n!r}, but the number of variables must be a square ≥ 9")
    return p, np.arange(float(p))


def rimmed(inner):
    """Return an array of shape (p, p) as a vector, with zeros on the rim."""
    v = np.zeros_like(inner)
    v[1:-1, 1:-1] = inner[1:-1, 1:-1]
    return v.ravel()


def torsion(name, element, n, start, fmin):
    """Return the elastic-plastic torsion of a bar, with |v| at most the distance from the rim.

    The start is `start` times that distance.
    """
    p, k = grid(n)
    edge = np.minimum(k, k[::-1])
    distance = rimmed(np.minimum.outer(edge, edge) / (p - 1.0))
    return Problem(name, *partially_separable(element), start=start * distance, fmin=fmin.get(p),
                   source=f"{MORE_TORALDO}; {CUTE}: {name}", low=-distance, high=distance)


def torsion1(n=100):
    """Return the torsion problem with a small load, c = 5; n a square.

    It starts on the bounds, where few points stay.
    """
    return torsion("TORSION1", torsion1_element, n, 1.0, {10: -0.492341853674864})


def torsion3(n=100):
    """Return the torsion problem with c = 10, started on the bounds; n a square."""
    return torsion("TORSION3", torsion3_element, n, 1.0, {10: -1.27053802773967})


def torsion6(n=100):
    """Return the torsion problem with a large load, c = 20; n a square.

    It starts at 0; most points end on bounds.
    """
    return torsion("TORSION6", torsion6_element, n, 0.0, {10: -2.89711934156379})


def obstacle_a(n):
    """Return the bounds of obstacle A, sin(3.2ξ) sin(3.3η) and 2000."""
    p, k = grid(n)
    low = rimmed(np.outer(np.sin(3.2 * k / (p - 1.0)), np.sin(3.3 * k / (p - 1.0))))
    return low, rimmed(np.full((p, p), 2000.0))


def obstacle_b(n):
    """Return the bounds of obstacle B, s³ and s² + 0.02, s = sin(9.2ξ) sin(9.3η)."""
    p, k = grid(n)
    s = np.outer(np.sin(9.2 * k / (p - 1.0)), np.sin(9.3 * k / (p - 1.0)))
    return rimmed(s ** 3), rimmed(s * s + 0.02)


def obstacle(name, bounds, start, fmin):
    """Return a membrane between two obstacles."""
    low, high = bounds
    return Problem(name, *partially_separable(obstacle_element), start=start, fmin=fmin.get(low.size),
                   source=f"{DEMBO}; {MORE_TORALDO}; {CUTE}: {name}", low=low, high=high)


def obstclal(n=100):
    """Return obstacle problem A, started from the lower obstacle; n a square.

    Every variable is on a bound there.
    """
    low, high = obstacle_a(n)
    return obstacle("OBSTCLAL", (low, high), low, {100: 1.39789755924662})


def obstclbl(n=100):
    """Return obstacle problem B started from the lower obstacle; n a square."""
    low, high = obstacle_b(n)
    return obstacle("OBSTCLBL", (low, high), low, {100: 2.87503822772599})


def obstclbm(n=100):
    """Return obstacle problem B started between the obstacles; n a square."""
    low, high = obstacle_b(n)
    return obstacle("OBSTCLBM", (low, high), 0.5 * (low + high), {100: 2.87503822772599})


@kernel
def bearing_element(i, x):
    """φ of the two triangles at a point of a lubricating film, and of the load.

    The eccentricity is ε = 0.1; inner points alone carry the load −ε hξ hη sin(ξ) x_i. Triangle (i,
    i ± p, i ± 1) adds (2w_i + w_{i±p})/12 ((hη/hξ)(x_i − x_{i±p})² + (hξ/hη)(x_i − x_{i±1})²), w =
    (1 + ε cos ξ)³. Here ξ ∈ [0, 2π] by rows and η ∈ [0, 20] by columns.
    """
    p = side(x)
    row, column = i // p, i % p
    h = 2.0 * np.pi / (p - 1.0)
    ratio = 20.0 / (2.0 * np.pi)
    angle = row * h
    w = 2.0 * (1.0 + 0.1 * np.cos(angle)) ** 3
    a, b, load = 0.0, 0.0, 0.0
    up, right, down, left = i, i, i, i
    if row < p - 1 and column < p - 1:
        a = (w + (1.0 + 0.1 * np.cos(angle + h)) ** 3) / 12.0
        up, right = i + p, i + 1
    if row > 0 and column > 0:
        b = (w + (1.0 + 0.1 * np.cos(angle - h)) ** 3) / 12.0
        down, left = i - p, i - 1
    if 0 < row < p - 1 and 0 < column < p - 1:
        load = 0.1 * h * h * ratio * np.sin(angle)
    d, e, f, g = x[i] - x[up], x[i] - x[right], x[i] - x[down], x[i] - x[left]
    cd, ce, cf, cg = 2.0 * a * ratio, 2.0 * a / ratio, 2.0 * b * ratio, 2.0 * b / ratio
    value = 0.5 * (cd * d * d + ce * e * e + cf * f * f + cg * g * g) - load * x[i]
    slope = cd * d + ce * e + cf * f + cg * g - load, -cd * d, -ce * e, -cf * f, -cg * g
    curvature = (cd + ce + cf + cg, -cd, cd, -ce, 0.0, ce, -cf, 0.0, 0.0, cf, -cg, 0.0, 0.0, 0.0, cg)
    return (i, up, right, down, left), value, slope, curvature


def jnlbrng1(n=100):
    """Return the pressure in a journal bearing, v ≥ 0; starts outside; n a square.

    There are no upper bounds, except on the rim.
    """
    p, k = grid(n)
    sine = rimmed(np.outer(np.sin(2.0 * np.pi * k / (p - 1.0)), np.ones(p)))
    return Problem("JNLBRNG1", *partially_separable(bearing_element), start=sine,
                   source=f"{MORE_TORALDO}; {CUTE}: JNLBRNG1", fmin={10: -0.178961869235245}.get(p),
                   low=0.0, high=rimmed(np.full((p, p), np.inf)))
