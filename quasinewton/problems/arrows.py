"""Scalable functions whose terms couple distant variables.

One variable is shared by all terms, or a term holds several variables that are far apart.
"""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.blocks import ANDREI, CUTE
from quasinewton.problems.problem import Problem, dimension
from quasinewton.problems.sums import partially_separable


@kernel
def arwhead_element(i, x):
    """φ = (x_i² + x_n²)² − 4x_i + 3."""
    u, v = x[i], x[x.size - 1]
    q = 4.0 * (u * u + v * v)
    curvature = q + 8.0 * u * u, 8.0 * u * v, q + 8.0 * v * v
    return (i, x.size - 1), q * q / 16.0 - 4.0 * u + 3.0, (q * u - 4.0, q * v), curvature


def arwhead(n=100):
    """Return f = Σ_{i<n} (x_i² + x_n²)² − 4x_i + 3: the Hessian is an arrowhead."""
    n = dimension(n, least=2)
    minimiser = np.ones(n)
    minimiser[-1] = 0.0
    return Problem("ARWHEAD", *partially_separable(arwhead_element, overlap=1), start=np.ones(n),
                   source=f"{CUTE}: ARWHEAD", fmin=0.0, minimiser=minimiser)


@kernel
def liarwhd_element(i, x):
    """φ = 4(x_i² − x₁)² + (x_i − 1)²."""
    v = x[i]
    r = v * v - x[0]
    slope = -8.0 * r, 16.0 * v * r + 2.0 * (v - 1.0)
    return (0, i), 4.0 * r * r + (v - 1.0) ** 2, slope, (8.0, -16.0 * v, 32.0 * v * v + 16.0 * r + 2.0)


def liarwhd(n=100):
    """Return f = Σ 4(x_i² − x₁)² + (x_i − 1)²."""
    n = dimension(n)
    return Problem("LIARWHD", *partially_separable(liarwhd_element), start=np.full(n, 4.0),
                   source=f"{CUTE}: LIARWHD", fmin=0.0, minimiser=np.ones(n))


@kernel
def tquartic_element(i, x):
    """φ₁ = (x₁ − 1)², φ_i = (x₁² − x_i²)²."""
    u, v = x[0], x[i]
    if i == 0:
        return (0, 0), (u - 1.0) ** 2, (2.0 * (u - 1.0), 0.0), (2.0, 0.0, 0.0)
    r = 4.0 * (u * u - v * v)
    return (0, i), r * r / 16.0, (r * u, -r * v), (r + 8.0 * u * u, -8.0 * u * v, 8.0 * v * v - r)


def tquartic(n=100):
    """Return f = (x₁ − 1)² + Σ (x₁² − x_i²)²."""
    n = dimension(n)
    return Problem("TQUARTIC", *partially_separable(tquartic_element), start=np.full(n, 0.1),
                   source=f"{CUTE}: TQUARTIC", fmin=0.0, minimiser=np.ones(n))


@kernel
def bdqrtic_element(i, x):
    """φ = (3 − 4x_i)² + (x_i² + 2x_{i+1}² + 3x_{i+2}² + 4x_{i+3}² + 5x_n²)²."""
    last = x.size - 1
    p = x[i] ** 2 + 2.0 * x[i + 1] ** 2 + 3.0 * x[i + 2] ** 2 + 4.0 * x[i + 3] ** 2 + 5.0 * x[last] ** 2
    a, b, c, d, e = x[i], 2.0 * x[i + 1], 3.0 * x[i + 2], 4.0 * x[i + 3], 5.0 * x[last]  # half of ∇p
    r, q = 3.0 - 4.0 * a, 4.0 * p
    slope = q * a - 8.0 * r, q * b, q * c, q * d, q * e
    curvature = (8.0 * a * a + q + 32.0,
                 8.0 * a * b, 8.0 * b * b + 2.0 * q,
                 8.0 * a * c, 8.0 * b * c, 8.0 * c * c + 3.0 * q,
                 8.0 * a * d, 8.0 * b * d, 8.0 * c * d, 8.0 * d * d + 4.0 * q,
                 8.0 * a * e, 8.0 * b * e, 8.0 * c * e, 8.0 * d * e, 8.0 * e * e + 5.0 * q)
    return (i, i + 1, i + 2, i + 3, last), r * r + p * p, slope, curvature


def bdqrtic(n=100):
    """Return f = Σ (3 − 4x_i)² + (x_i² + 2x_{i+1}² + 3x_{i+2}² + 4x_{i+3}² + 5x_n²)²; n ≥ 5."""
    n = dimension(n, least=5)
    fmin = {10: 18.2811617535935, 100: 378.769191808684}
    return Problem("BDQRTIC", *partially_separable(bdqrtic_element, overlap=4), start=np.ones(n),
                   source=f"{CUTE}: BDQRTIC", fmin=fmin.get(n))


@kernel
def nondquar_element(i, x):
    """φ_i = (x_i + x_{i+1} + x_n)⁴ for i ≤ n − 2, then (x_{n−1} + x_n)² and (x₁ − x₂)²."""
    last = x.size - 1
    if i < last - 1:
        t = x[i] + x[i + 1] + x[last]
        d, h = 4.0 * t ** 3, 12.0 * t * t
        return (i, i + 1, last), t ** 4, (d, d, d), (h, h, h, h, h, h)
    if i < last:
        t = x[i] + x[last]
        return (i, i, last), t * t, (2.0 * t, 0.0, 2.0 * t), (2.0, 0.0, 0.0, 2.0, 0.0, 2.0)
    t = x[0] - x[1]
    return (0, 1, last), t * t, (2.0 * t, -2.0 * t, 0.0), (2.0, -2.0, 2.0, 0.0, 0.0, 0.0)


def nondquar(n=100):
    """Return the nondiagonal quartic, whose Hessian is singular at the minimum 0.

    f = (x₁ − x₂)² + Σ (x_i + x_{i+1} + x_n)⁴ + (x_{n−1} + x_n)².
    """
    n = dimension(n, least=3)
    return Problem("NONDQUAR", *partially_separable(nondquar_element), start=np.where(np.arange(n) % 2, -1.0, 1.0),
                   source=f"{CUTE}: NONDQUAR", fmin=0.0, minimiser=np.zeros(n))


@kernel
def sinquad_element(i, x):
    """φ₁ = (x₁ − 1)⁴, φ_i = (sin(x_i − x_n) − x₁² + x_i²)², φ_n = (x_n² − x₁²)²."""
    last = x.size - 1
    u, v = x[0], x[i]
    if i == 0:
        d = u - 1.0
        return (0, 0, 0), d ** 4, (4.0 * d ** 3, 0.0, 0.0), (12.0 * d * d, 0.0, 0.0, 0.0, 0.0, 0.0)
    # At i = n the sine is 0 and its first derivatives cancel, since `where` then holds i and n as
    # equal indices.
    s, c = np.sin(v - x[last]), np.cos(v - x[last])
    r = 2.0 * (s - u * u + v * v)
    a, b = -2.0 * u, 2.0 * v + c
    curvature = (2.0 * a * a - 2.0 * r,
                 2.0 * a * b, 2.0 * b * b + r * (2.0 - s),
                 -2.0 * a * c, -2.0 * b * c + r * s, 2.0 * c * c - r * s)
    return (0, i, last), 0.25 * r * r, (r * a, r * b, -r * c), curvature


def sinquad(n=100):
    """Return f = (x₁ − 1)⁴ + Σ (sin(x_i − x_n) − x₁² + x_i²)² + (x_n² − x₁²)².

    It has a long, curved, flat valley.
    """
    n = dimension(n, least=3)
    return Problem("SINQUAD", *partially_separable(sinquad_element), start=np.full(n, 0.1),
                   source=f"{CUTE}: SINQUAD", fmin=0.0, minimiser=np.ones(n))


@kernel
def eg2_element(i, x):
    """φ_i = sin(x₁ + x_i² − 1) for i < n, φ_n = sin(x_n²)/2."""
    v = x[i]
    if i == x.size - 1:
        s, c = np.sin(v * v), np.cos(v * v)
        return (i, i), 0.5 * s, (0.0, v * c), (0.0, 0.0, c - 2.0 * v * v * s)
    s, c = np.sin(x[0] + v * v - 1.0), np.cos(x[0] + v * v - 1.0)
    return (0, i), s, (c, 2.0 * v * c), (-s, -2.0 * v * s, 2.0 * c - 4.0 * v * v * s)


def eg2(n=100):
    """Return f = Σ_{i<n} sin(x₁ + x_i² − 1) + sin(x_n²)/2, with many minima."""
    n = dimension(n, least=2)
    # At the minimum all sines are −1: x₁ + x₁² − 1 = 3π/2, and likewise for the others.
    minimiser = np.full(n, np.sqrt(1.25 + 1.5 * np.pi) - 0.5)
    minimiser[-1] = np.sqrt(1.5 * np.pi)
    local_minima = {100: (-98.9474026818356,)}
    return Problem("EG2", *partially_separable(eg2_element), start=np.ones(n), source=f"{ANDREI}: EG2",
                   fmin=0.5 - n, minimiser=minimiser, local_minima=local_minima.get(n, ()))


@kernel
def noncvxu2_element(i, x):
    """φ = t² + 4 cos t, t = x_i + x_j + x_k, j = 1 + (3i − 2 mod n), k = 1 + (7i − 3 mod n)."""
    j, k = (3 * i + 1) % x.size, (7 * i + 4) % x.size
    t = x[i] + x[j] + x[k]
    d, h = 2.0 * t - 4.0 * np.sin(t), 2.0 - 4.0 * np.cos(t)
    return (i, j, k), t * t + 4.0 * np.cos(t), (d, d, d), (h, h, h, h, h, h)


def noncvxu2(n=100):
    """Return the nonconvex function Σ t_i² + 4 cos t_i of sums of three variables.

    It is least where all |t_i| = 1.8955.
    """
    n = dimension(n, least=2)
    t = 1.895494267033981  # the positive root of t = 2 sin t
    return Problem("NONCVXU2", *partially_separable(noncvxu2_element), start=np.arange(1.0, n + 1.0),
                   source=f"{CUTE}: NONCVXU2", fmin=n * (t * t + 4.0 * float(np.cos(t))), minimiser=np.full(n, t / 3.0))


@kernel
def dixon_maany_element(i, x, alpha, beta, gamma, delta, decay):
    """Term of the Dixon-Maany family of n = 3m variables.

    φ = α(i/n)^k x_i² + βx_i²(x_{i+1} + x_{i+1}²)² + γx_i²x_{i+m}⁴ + δ(i/n)^k x_i x_{i+2m}. The
    second term exists for i < n, the third for i ≤ 2m, the fourth for i ≤ m.
    """
    n, m = x.size, x.size // 3
    scale = ((i + 1.0) / n) ** decay
    a, d = alpha * scale, delta * scale
    b, c = beta, gamma
    j, k, l = i + 1, i + m, i + 2 * m
    if i >= m:
        d, l = 0.0, i
    if i >= 2 * m:
        c, k = 0.0, i
    if i == n - 1:
        b, j = 0.0, i
    u, v, w, z = x[i], x[j], x[k], x[l]
    p, dp, w2 = v + v * v, 1.0 + 2.0 * v, w * w
    value = a * u * u + b * u * u * p * p + c * u * u * w2 * w2 + d * u * z
    slope = (2.0 * u * (a + b * p * p + c * w2 * w2) + d * z, 2.0 * b * u * u * p * dp, 4.0 * c * u * u * w2 * w, d * u)
    curvature = (2.0 * (a + b * p * p + c * w2 * w2),
                 4.0 * b * u * p * dp, 2.0 * b * u * u * (dp * dp + 2.0 * p),
                 8.0 * c * u * w2 * w, 0.0, 12.0 * c * u * u * w2,
                 d, 0.0, 0.0, 0.0)
    return (i, j, k, l), value, slope, curvature


@kernel
def dixmaana_element(i, x):
    """Term of DIXMAANA: α = 1, β = 0, γ = δ = 1/8, k = 0."""
    return dixon_maany_element(i, x, 1.0, 0.0, 0.125, 0.125, 0)


@kernel
def dixmaand_element(i, x):
    """Term of DIXMAAND: α = 1, β = γ = δ = 0.26, k = 0."""
    return dixon_maany_element(i, x, 1.0, 0.26, 0.26, 0.26, 0)


@kernel
def dixmaanh_element(i, x):
    """Term of DIXMAANH: α = 1, β = γ = δ = 0.26, k = 1."""
    return dixon_maany_element(i, x, 1.0, 0.26, 0.26, 0.26, 1)


@kernel
def dixmaanl_element(i, x):
    """Term of DIXMAANL: α = 1, β = γ = δ = 0.26, k = 2."""
    return dixon_maany_element(i, x, 1.0, 0.26, 0.26, 0.26, 2)


def dixon_maany(letter, element, n):
    """Return a member of the Dixon-Maany family, f = 1 + Σ φ_i, least at 0."""
    n = dimension(n, least=3, multiple=3)
    return Problem(f"Dixon-Maany {letter}", *partially_separable(element, constant=1.0), start=np.full(n, 2.0),
                   source="Dixon & Maany (1988), A family of test problems with sparse Hessians for unconstrained "
                          f"optimization, Hatfield Polytechnic TR 206: {letter}",
                   fmin=1.0, minimiser=np.zeros(n))


def dixmaana(n=99):
    """Return Dixon-Maany A, which is well conditioned; n a multiple of 3."""
    return dixon_maany("A", dixmaana_element, n)


def dixmaand(n=99):
    """Return Dixon-Maany D, with all couplings; n a multiple of 3."""
    return dixon_maany("D", dixmaand_element, n)


def dixmaanh(n=99):
    """Return Dixon-Maany H, that is D with condition number of order n; n a multiple of 3."""
    return dixon_maany("H", dixmaanh_element, n)


def dixmaanl(n=99):
    """Return Dixon-Maany L, that is D with condition number of order n²; n a multiple of 3."""
    return dixon_maany("L", dixmaanl_element, n)
