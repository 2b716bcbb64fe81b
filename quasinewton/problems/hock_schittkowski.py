"""Bound-constrained problems of few variables: Hock & Schittkowski (1981), Schittkowski (1987)."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems import fits, systems
from quasinewton.problems.problem import Problem, boxed, dimension
from quasinewton.problems.sums import partially_separable


def hock(number):
    """Return the citation of a problem of the first collection."""
    return ("Hock & Schittkowski (1981), Test examples for nonlinear programming codes, Lecture Notes in Economics and "
            f"Mathematical Systems 187: {number}")


def schittkowski(number):
    """Return the citation of a problem of the second collection."""
    return ("Schittkowski (1987), More test examples for nonlinear programming codes, Lecture Notes in Economics and "
            f"Mathematical Systems 282: {number}")


def hs1():
    """Return Rosenbrock's valley with x₂ ≥ −1.5, a bound that is inactive at the minimum."""
    return boxed(systems.rosenbrock(), (-np.inf, -1.5), np.inf, hock(1), name="HS1", start=(-2.0, 1.0),
                 fmin=0.0, minimiser=(1.0, 1.0))


def hs2():
    """Return Rosenbrock's valley with x₂ ≥ 1.5; starts outside. A local minimum lies at x₁ < 0."""
    # Both minimisers have x₁ at a root of 400u³ − 598u − 2 = 0, where ∂f/∂x₁ = 0.
    a = np.sqrt(598.0 / 1200.0)
    angle = np.arccos(1.0 / (400.0 * a ** 3)) / 3.0
    u, v = 2.0 * a * np.cos(angle), 2.0 * a * np.cos(angle + 2.0 * np.pi / 3.0)
    f = [100.0 * (1.5 - root * root) ** 2 + (1.0 - root) ** 2 for root in (u, v)]
    return boxed(systems.rosenbrock(), (-np.inf, 1.5), np.inf, hock(2), name="HS2", start=(-2.0, 1.0),
                 fmin=float(f[0]), minimiser=(u, 1.5), local_minima=(float(f[1]),))


@kernel
def hs3_element(i, x):
    """φ = x₂ + 10⁻⁵(x₂ − x₁)²."""
    d = x[1] - x[0]
    return (0, 1), x[1] + 1e-5 * d * d, (-2e-5 * d, 1.0 + 2e-5 * d), (2e-5, -2e-5, 2e-5)


def hs3():
    """Return f = x₂ + 10⁻⁵(x₂ − x₁)², x₂ ≥ 0.

    The curvature within the face is 10⁻⁵ of the slope across it.
    """
    return Problem("HS3", *partially_separable(hs3_element, stride=2), start=(10.0, 1.0), source=hock(3),
                   fmin=0.0, minimiser=(0.0, 0.0), low=(-np.inf, 0.0), high=np.inf)


@kernel
def hs4_element(i, x):
    """φ = (x₁ + 1)³/3 + x₂."""
    d = x[0] + 1.0
    return (0, 1), d ** 3 / 3.0 + x[1], (d * d, 1.0), (2.0 * d, 0.0, 0.0)


def hs4():
    """Return f = (x₁ + 1)³/3 + x₂, x₁ ≥ 1, x₂ ≥ 0.

    The minimum is a vertex; without the bounds f is unbounded below.
    """
    return Problem("HS4", *partially_separable(hs4_element, stride=2), start=(1.125, 0.125), source=hock(4),
                   fmin=8.0 / 3.0, minimiser=(1.0, 0.0), low=(1.0, 0.0), high=np.inf)


@kernel
def mccormick_element(i, x):
    """φ = sin(u + v) + (u − v)² − 1.5u + 2.5v + 1, (u, v) = (x_i, x_{i+1})."""
    d, s, c = x[i] - x[i + 1], np.sin(x[i] + x[i + 1]), np.cos(x[i] + x[i + 1])
    value = s + d * d - 1.5 * x[i] + 2.5 * x[i + 1] + 1.0
    return (i, i + 1), value, (c + 2.0 * d - 1.5, c - 2.0 * d + 2.5), (2.0 - s, -2.0 - s, 2.0 - s)


def hs5():
    """Return McCormick's function on [−1.5, 4] × [−3, 3]: an interior minimum, f = −√3/2 − π/3."""
    return Problem("HS5", *partially_separable(mccormick_element, overlap=1), start=(0.0, 0.0), source=hock(5),
                   fmin=float(-np.sqrt(0.75) - np.pi / 3.0), minimiser=(0.5 - np.pi / 3.0, -0.5 - np.pi / 3.0),
                   low=(-1.5, -3.0), high=(4.0, 3.0))


def hs25():
    """Return the Gulf fit from a start where f is flat: ‖g‖ = 10⁻⁸ and f = 32.8."""
    return boxed(fits.gulf(), (0.1, 0.0, 0.0), (100.0, 25.6, 5.0), hock(25), name="HS25", start=(100.0, 12.5, 3.0),
                 fmin=0.0, minimiser=(50.0, 25.0, 1.5))


def hs38():
    """Return Wood's function on [−10, 10]⁴."""
    return boxed(systems.wood(), -10.0, 10.0, hock(38), name="HS38", fmin=0.0, minimiser=np.ones(4))


@kernel
def hs45_element(i, x):
    """φ = 2 − x₁x₂x₃x₄x₅/120."""
    a, b, c, d, e = x[0], x[1], x[2], x[3], x[4]
    s = -1.0 / 120.0
    slope = s * b * c * d * e, s * a * c * d * e, s * a * b * d * e, s * a * b * c * e, s * a * b * c * d
    curvature = (0.0,
                 s * c * d * e, 0.0,
                 s * b * d * e, s * a * d * e, 0.0,
                 s * b * c * e, s * a * c * e, s * a * b * e, 0.0,
                 s * b * c * d, s * a * c * d, s * a * b * d, s * a * b * c, 0.0)
    return (0, 1, 2, 3, 4), 2.0 + s * a * b * c * d * e, slope, curvature


def hs45():
    """Return f = 2 − x₁x₂x₃x₄x₅/120, 0 ≤ x_i ≤ i, whose minimum is a vertex; starts outside."""
    return Problem("HS45", *partially_separable(hs45_element, stride=5), start=np.full(5, 2.0), source=hock(45),
                   fmin=1.0, minimiser=np.arange(1.0, 6.0), low=0.0, high=np.arange(1.0, 6.0))


@kernel
def hs110_value(x):
    """f = Σ ln²(x_i − 2) + ln²(10 − x_i) − (Π x_i)^{1/5}."""
    f, product = 0.0, 1.0
    for i in range(x.size):
        f += np.log(x[i] - 2.0) ** 2 + np.log(10.0 - x[i]) ** 2
        product *= x[i]
    return f - product ** 0.2


@kernel
def hs110_gradient(x):
    """g_i = 2 ln(x_i − 2)/(x_i − 2) − 2 ln(10 − x_i)/(10 − x_i) − p/(5x_i), p = (Π x_i)^{1/5}."""
    g, product = np.empty(x.size), 1.0
    for i in range(x.size):
        product *= x[i]
    p = product ** 0.2
    for i in range(x.size):
        a, b = x[i] - 2.0, 10.0 - x[i]
        g[i] = 2.0 * np.log(a) / a - 2.0 * np.log(b) / b - 0.2 * p / x[i]
    return g


@kernel
def hs110_hessian(x):
    """H_ij = −p/(25x_i x_j); the diagonal adds 2(1 − ln a)/a² + 2(1 − ln b)/b² + p/(5x_i²)."""
    H, product = np.empty((x.size, x.size)), 1.0
    for i in range(x.size):
        product *= x[i]
    p = product ** 0.2
    for i in range(x.size):
        for j in range(x.size):
            H[i, j] = -0.04 * p / (x[i] * x[j])
        a, b = x[i] - 2.0, 10.0 - x[i]
        H[i, i] += 2.0 * (1.0 - np.log(a)) / (a * a) + 2.0 * (1.0 - np.log(b)) / (b * b) + 0.2 * p / (x[i] * x[i])
    return H


def hs110():
    """Return Himmelblau's logarithms of ten variables on [2.001, 9.999]¹⁰.

    f is NaN outside [2, 10].
    """
    return Problem("HS110", hs110_value, hs110_gradient, hs110_hessian, start=np.full(10, 9.0), source=hock(110),
                   fmin=-45.7784697074463, low=2.001, high=9.999)


def s229():
    """Return Rosenbrock's valley on [−2, 2]²."""
    return boxed(systems.rosenbrock(), -2.0, 2.0, schittkowski(229), name="S229", fmin=0.0, minimiser=(1.0, 1.0))


def s242():
    """Return Box's fit on [0, 10]³: the minimum (1, 10, 1) is on a bound without a multiplier."""
    return boxed(fits.box(), 0.0, 10.0, schittkowski(242), name="S242", start=(2.5, 10.0, 10.0),
                 fmin=0.0, minimiser=(1.0, 10.0, 1.0))


@kernel
def s328_element(i, x):
    """φ = (12 + u² + (1 + v²)/u² + (u²v² + 100)/(uv)⁴)/10."""
    u, v = x[0], x[1]
    a, b = 1.0 / (u * u), 1.0 / (v * v)
    value = 0.1 * (12.0 + u * u + (1.0 + v * v) * a + a * b + 100.0 * a * a * b * b)
    slope = (0.1 * (2.0 * u - (2.0 * (1.0 + v * v) * a + 2.0 * a * b + 400.0 * a * a * b * b) / u),
             0.1 * (2.0 * v * a - (2.0 * a * b + 400.0 * a * a * b * b) / v))
    curvature = (0.1 * (2.0 + (6.0 * (1.0 + v * v) * a + 6.0 * a * b + 2000.0 * a * a * b * b) * a),
                 0.1 * (-4.0 * v * a / u + (4.0 * a * b + 1600.0 * a * a * b * b) / (u * v)),
                 0.1 * (2.0 * a + (6.0 * a * b + 2000.0 * a * a * b * b) * b))
    return (0, 1), value, slope, curvature


def s328():
    """Return a gear train's inertia on [1, 3]²; starts outside.

    f is a thousand times larger there.
    """
    return Problem("S328", *partially_separable(s328_element, stride=2), start=(0.5, 0.5), source=schittkowski(328),
                   fmin=1.74415200558774, low=1.0, high=3.0)


@kernel
def power_sums(x):
    """Return Σx², Σx³, Σx⁴."""
    a, b, c = 0.0, 0.0, 0.0
    for i in range(x.size):
        s = x[i] * x[i]
        a += s
        b += s * x[i]
        c += s * s
    return a, b, c


@kernel
def wolfe_value(x):
    """f = (Σx³)² − Σx²Σx⁴."""
    a, b, c = power_sums(x)
    return b * b - a * c


@kernel
def wolfe_gradient(x):
    """g_i = 6b x_i² − 2c x_i − 4a x_i³, (a, b, c) = (Σx², Σx³, Σx⁴)."""
    a, b, c = power_sums(x)
    g = np.empty(x.size)
    for i in range(x.size):
        g[i] = x[i] * (6.0 * b * x[i] - 2.0 * c - 4.0 * a * x[i] * x[i])
    return g


@kernel
def wolfe_hessian(x):
    """H_ij = 18x_i²x_j² − 8x_i x_j(x_i² + x_j²); the diagonal adds 12b x_i − 2c − 12a x_i²."""
    a, b, c = power_sums(x)
    H = np.empty((x.size, x.size))
    for i in range(x.size):
        for j in range(x.size):
            H[i, j] = x[i] * x[j] * (18.0 * (x[i] * x[j]) - 8.0 * (x[i] * x[i] + x[j] * x[j]))
        H[i, i] += 12.0 * b * x[i] - 2.0 * c - 12.0 * a * x[i] * x[i]
    return H


def s368(n=8):
    """Return Wolfe's concave function (Σx³)² − Σx²Σx⁴ on [0, 1]ⁿ.

    It has many local minima, with variables at both bounds.
    """
    n = dimension(n)
    return Problem("S368", wolfe_value, wolfe_gradient, wolfe_hessian, start=np.arange(1.0, n + 1.0) / (n + 1.0),
                   source=f"{schittkowski(368)}; Wolfe (1972), Math. Program. 2, 258-260",
                   fmin={8: -1.0}.get(n), local_minima={8: (-0.75,)}.get(n, ()), low=0.0, high=1.0)
