"""Small problems within bounds, from the CUTE collection."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.blocks import CUTE
from quasinewton.problems.problem import Problem
from quasinewton.problems.sums import least_squares, partially_separable

OPTIMA = "OPTIMA manual (1989), Hatfield Polytechnic"

HIMMELP1_B = np.array([75.1963666677, -3.8112755343, 0.1269366345, -0.0020567665, 0.103450e-4, -6.8306567613,
                       0.0302344793, -0.0012813448, 0.352599e-4, -0.2266e-6, 0.2564581253, -0.003460403, 0.135139e-4,
                       -28.1064434908, -0.52375e-5, -0.63e-8, 0.7e-9, 0.0003405462, -0.16638e-5, -2.8673112392])

HART6_C = np.array([1.0, 1.2, 3.0, 3.2])
HART6_A = np.array([[10.0, 0.05, 3.0, 17.0], [0.05, 10.0, 3.5, 8.0], [17.0, 17.0, 1.7, 0.05], [3.5, 0.1, 10.0, 10.0],
                    [1.7, 8.0, 17.0, 0.1], [8.0, 14.0, 8.0, 14.0]])
HART6_P = np.array([[0.1312, 0.2329, 0.2348, 0.4047], [0.1696, 0.4135, 0.1451, 0.8828],
                    [0.5569, 0.8307, 0.3522, 0.8732], [0.0124, 0.3736, 0.2883, 0.5743],
                    [0.8283, 0.1004, 0.3047, 0.1091], [0.5886, 0.9991, 0.6650, 0.0381]])

YFIT_Y = np.array([21.158931, 17.591719, 14.046854, 10.519732, 7.0058392, 3.5007293, 0.0, -3.5007293, -7.0058392,
                   -10.519732, -14.046854, -17.591719, -21.158931, -24.753206, -28.379405, -32.042552, -35.747869])

# Angles x and energies y of a rotating group; all points but the one at 0 come in mirror pairs.
PALMER1_X = np.array([1.788963, 1.745329, 1.658063, 1.570796, 1.483530, 1.396263, 1.308997, 1.218612, 1.134464,
                      1.047198, 0.872665, 0.698132, 0.523599, 0.349066, 0.174533, 0.0])
PALMER1_Y = np.array([78.596218, 65.77963, 43.96947, 27.038816, 14.6126, 6.2614, 1.538330, 0.0, 1.188045, 4.6841,
                      16.9321, 33.6988, 52.3664, 70.1630, 83.4221, 88.3995])


@kernel
def camel6_element(i, x):
    """φ = (4 − 2.1u² + u⁴/3)u² + uv + (4v² − 4)v²."""
    u, v = x[0], x[1]
    p, q = u * u, v * v
    value = (4.0 - 2.1 * p + p * p / 3.0) * p + u * v + 4.0 * (q - 1.0) * q
    slope = u * (8.0 - 8.4 * p + 2.0 * p * p) + v, u + v * (16.0 * q - 8.0)
    return (0, 1), value, slope, (8.0 - 25.2 * p + 10.0 * p * p, 1.0, 48.0 * q - 8.0)


def camel6():
    """Return the six-hump camel on [−3, 3] × [−1.5, 1.5], with six interior minima."""
    return Problem("CAMEL6", *partially_separable(camel6_element, stride=2), start=(1.1, 1.1),
                   source=f"Dixon & Szegő (1975), Towards Global Optimization; {CUTE}: CAMEL6",
                   fmin=-1.03162845348988, local_minima=(-0.2154638243837, 2.10425031031126),
                   low=(-3.0, -1.5), high=(3.0, 1.5))


@kernel
def hatflda_element(i, x):
    """φ₁ = (x₁ − 1)², φ_i = (x_{i−1} − √x_i)²."""
    if i == 0:
        d = x[0] - 1.0
        return (0, 0), d * d, (0.0, 2.0 * d), (0.0, 0.0, 2.0)
    s = np.sqrt(x[i])
    r = x[i - 1] - s
    return (i - 1, i), r * r, (2.0 * r, -r / s), (2.0, -1.0 / s, 0.5 * (1.0 + r / s) / x[i])


def hatflda():
    """Return f = (x₁ − 1)² + Σ (x_{i−1} − √x_i)² of four variables ≥ 10⁻⁷.

    f is NaN where a variable is negative.
    """
    return Problem("HATFLDA", *partially_separable(hatflda_element), start=np.full(4, 0.1),
                   source=f"{OPTIMA}, problem A; {CUTE}: HATFLDA", fmin=0.0, minimiser=np.ones(4),
                   low=1e-7, high=np.inf)


def hatfldb():
    """Return HATFLDA with x₂ ≤ 0.8, a bound that is active at the minimum."""
    return Problem("HATFLDB", *partially_separable(hatflda_element), start=np.full(4, 0.1),
                   source=f"{OPTIMA}, problem B; {CUTE}: HATFLDB", fmin=5.572809000084122e-3,
                   low=1e-7, high=(np.inf, 0.8, np.inf, np.inf))


@kernel
def himmelp1_element(i, x):
    """φ = −(P₀ + P₁v + P₂v² + P₃v³ + b₁₃v⁴ + b₁₄/(1 + v) + b₂₀e^{uv/2000}).

    The P_k are polynomials in u.
    """
    u, v, b = x[0], x[1], HIMMELP1_B
    p0 = b[0] + u * (b[1] + u * (b[2] + u * (b[3] + u * b[4])))
    p1 = b[5] + u * (b[6] + u * (b[7] + u * (b[8] + u * b[9])))
    p2 = b[10] + u * (b[17] + u * (b[14] + u * b[15]))
    p3 = b[11] + u * (b[18] + u * u * b[16])
    d0 = b[1] + u * (2.0 * b[2] + u * (3.0 * b[3] + u * 4.0 * b[4]))
    d1 = b[6] + u * (2.0 * b[7] + u * (3.0 * b[8] + u * 4.0 * b[9]))
    d2 = b[17] + u * (2.0 * b[14] + u * 3.0 * b[15])
    d3 = b[18] + 3.0 * u * u * b[16]
    h0 = 2.0 * b[2] + u * (6.0 * b[3] + u * 12.0 * b[4])
    h1 = 2.0 * b[7] + u * (6.0 * b[8] + u * 12.0 * b[9])
    h2 = 2.0 * b[14] + 6.0 * u * b[15]
    h3 = 6.0 * u * b[16]
    e = b[19] * np.exp(0.0005 * u * v)
    w = 1.0 / (1.0 + v)
    value = p0 + v * (p1 + v * (p2 + v * (p3 + v * b[12]))) + b[13] * w + e
    slope = (-(d0 + v * (d1 + v * (d2 + v * d3)) + 0.0005 * v * e),
             -(p1 + v * (2.0 * p2 + v * (3.0 * p3 + v * 4.0 * b[12])) - b[13] * w * w + 0.0005 * u * e))
    curvature = (-(h0 + v * (h1 + v * (h2 + v * h3)) + 0.0005 ** 2 * v * v * e),
                 -(d1 + v * (2.0 * d2 + v * 3.0 * d3) + 0.0005 * e * (1.0 + 0.0005 * u * v)),
                 -(2.0 * p2 + v * (6.0 * p3 + v * 12.0 * b[12]) + 2.0 * b[13] * w ** 3 + 0.0005 ** 2 * u * u * e))
    return (0, 1), -value, slope, curvature


def himmelp1():
    """Return Himmelblau's polynomial response on [0, 95] × [0, 75]; starts on a bound.

    It has local minima at bounds.
    """
    return Problem("HIMMELP1", *partially_separable(himmelp1_element, stride=2), start=(95.0, 10.0),
                   source=f"Himmelblau (1972), Applied Nonlinear Programming, problem 25; {CUTE}: HIMMELP1",
                   fmin=-62.0538693754297, local_minima=(-23.8974078074072,), low=0.0, high=(95.0, 75.0))


@kernel
def logros_element(i, x):
    """φ = ln(1 + 10⁴(v − u²)² + (1 − u)²)."""
    u = x[0]
    r, e = x[1] - u * u, 1.0 - u
    d = 1.0 + 1e4 * r * r + e * e
    a, b = (-4e4 * u * r - 2.0 * e) / d, 2e4 * r / d
    return (0, 1), np.log(d), (a, b), ((8e4 * u * u - 4e4 * r + 2.0) / d - a * a, -4e4 * u / d - a * b, 2e4 / d - b * b)


def logros():
    """Return the logarithm of a steep Rosenbrock valley, x ≥ 0; starts outside."""
    return Problem("LOGROS", *partially_separable(logros_element, stride=2), start=(-1.2, 1.0),
                   source=f"{CUTE}: LOGROS", fmin=0.0, minimiser=(1.0, 1.0), low=0.0, high=np.inf)


@kernel
def mdhole_element(i, x):
    """φ = 100(sin u − v)² + u."""
    s, c = np.sin(x[0]), np.cos(x[0])
    r = s - x[1]
    return (0, 1), 100.0 * r * r + x[0], (200.0 * r * c + 1.0, -200.0 * r), (200.0 * (c * c - r * s), -200.0 * c, 200.0)


def mdhole():
    """Return f = 100(sin x₁ − x₂)² + x₁, x₁ ≥ 0, a valley that winds down to a bound."""
    return Problem("MDHOLE", *partially_separable(mdhole_element, stride=2), start=(10.0, 10.0),
                   source=f"{CUTE}: MDHOLE", fmin=0.0, minimiser=(0.0, 0.0), low=(0.0, -np.inf), high=np.inf)


@kernel
def hart6_term(i, x):
    """Return t_i = c_i exp(−Σ_j a_ij(x_j − p_ij)²)."""
    s = 0.0
    for j in range(6):
        s += HART6_A[j, i] * (x[j] - HART6_P[j, i]) ** 2
    return HART6_C[i] * np.exp(-s)


@kernel
def hart6_value(x):
    """f = −Σ_i t_i, i = 1 … 4."""
    f = 0.0
    for i in range(4):
        f -= hart6_term(i, x)
    return f


@kernel
def hart6_gradient(x):
    """g_j = Σ_i 2a_ij(x_j − p_ij)t_i."""
    g = np.zeros(6)
    for i in range(4):
        t = hart6_term(i, x)
        for j in range(6):
            g[j] += 2.0 * HART6_A[j, i] * (x[j] - HART6_P[j, i]) * t
    return g


@kernel
def hart6_hessian(x):
    """H = Σ_i t_i (2 diag a_i − ddᵀ), d_j = 2a_ij(x_j − p_ij)."""
    H = np.zeros((6, 6))
    for i in range(4):
        t = hart6_term(i, x)
        for j in range(6):
            for k in range(6):
                d = HART6_A[j, i] * (x[j] - HART6_P[j, i]) * (HART6_A[k, i] * (x[k] - HART6_P[k, i]))
                H[j, k] -= 4.0 * t * d
            H[j, j] += 2.0 * t * HART6_A[j, i]
    return H


def hart6():
    """Return Hartman's function of six variables on [0, 1]⁶, with interior minima.

    The entry p₄₄ = 0.5743 has CUTE's digits.
    """
    return Problem("HART6", hart6_value, hart6_gradient, hart6_hessian, start=np.full(6, 0.2),
                   source=f"Dixon & Szegő (1975), Towards Global Optimization, paper 9; {CUTE}: HART6",
                   fmin=-3.32288689158932, low=0.0, high=1.0)


@kernel
def pspdoc_element(i, x):
    """φ = √(1 + x_i² + (x_{i+1} − x_{i+2})²)."""
    u, d = x[i], x[i + 1] - x[i + 2]
    s = 1.0 / np.sqrt(1.0 + u * u + d * d)
    c = s ** 3
    return (i, i + 1, i + 2), 1.0 / s, (u * s, d * s, -d * s), (
        c * (1.0 + d * d), -c * u * d, c * (1.0 + u * u), c * u * d, -c * (1.0 + u * u), c * (1.0 + u * u))


def pspdoc():
    """Return √(1 + x₁² + (x₂ − x₃)²) + √(1 + x₂² + (x₃ − x₄)²), x₁ ≤ −1; starts outside."""
    return Problem("PSPDOC", *partially_separable(pspdoc_element, overlap=2), start=np.full(4, 3.0),
                   source=f"Toint (1983), report 83/4, Namur, problem 47; {CUTE}: PSPDOC",
                   fmin=float(1.0 + np.sqrt(2.0)), minimiser=(-1.0, 0.0, 0.0, 0.0),
                   low=-np.inf, high=(-1.0, np.inf, np.inf, np.inf))


@kernel
def allinit_element(i, x):
    """φ = a² + b² + (c + d)² + 2sin²c + a²b² + (d − 1)² + b⁴ + q² + r² + sin⁴d + c + d − 4.

    Here q = c² + (a + d)² and r = a − 4 + sin²d + b²c².
    """
    a, b, c, d = x[0], x[1], x[2], x[3]
    s, sc, sd = a + d, np.sin(c), np.sin(d)
    s2c, s2d, c2c, c2d = np.sin(2.0 * c), np.sin(2.0 * d), np.cos(2.0 * c), np.cos(2.0 * d)
    q, r = c * c + s * s, a - 4.0 + sd * sd + b * b * c * c
    value = (a * a + b * b + (c + d) ** 2 + 2.0 * sc * sc + a * a * b * b + (d - 1.0) ** 2 + b ** 4 + q * q + r * r
             + sd ** 4 + c + d - 4.0)
    slope = (2.0 * a + 2.0 * a * b * b + 4.0 * q * s + 2.0 * r,
             2.0 * b + 2.0 * a * a * b + 4.0 * b ** 3 + 4.0 * r * b * c * c,
             1.0 + 2.0 * (c + d) + 2.0 * s2c + 4.0 * q * c + 4.0 * r * b * b * c,
             2.0 * (c + d) + 1.0 + 2.0 * (d - 1.0) + 4.0 * q * s + 2.0 * r * s2d + 2.0 * sd * sd * s2d)
    k = 8.0 * s * s + 4.0 * q
    curvature = (4.0 + 2.0 * b * b + k,
                 4.0 * a * b + 4.0 * b * c * c,
                 2.0 + 2.0 * a * a + 12.0 * b * b + 4.0 * r * c * c + 8.0 * b * b * c ** 4,
                 8.0 * c * s + 4.0 * b * b * c, 8.0 * r * b * c + 8.0 * b ** 3 * c ** 3,
                 2.0 + 4.0 * c2c + 4.0 * q + 8.0 * c * c + 4.0 * r * b * b + 8.0 * b ** 4 * c * c,
                 k + 2.0 * s2d, 4.0 * b * c * c * s2d, 2.0 + 8.0 * c * s + 4.0 * b * b * c * s2d,
                 4.0 + k + 2.0 * s2d * s2d + 4.0 * r * c2d + 2.0 * s2d * s2d + 4.0 * sd * sd * c2d)
    return (0, 1, 2, 3), value, slope, curvature


def allinit():
    """Return a function with every kind of bound; starts outside.

    x₁ is free, x₂ ≥ 1, x₃ ≤ 1, x₄ = 2.
    """
    inf = np.inf
    return Problem("ALLINIT", *partially_separable(allinit_element, stride=4), start=np.zeros(4),
                   source=f"{CUTE}: ALLINIT", fmin=16.7059684328799,
                   low=(-inf, 1.0, -inf, 2.0), high=(inf, inf, 1.0, 2.0))


@kernel
def eg1_element(i, x):
    """φ = a² + (bc)⁴ + ac + b sin(a + c) + b."""
    a, b, c = x[0], x[1], x[2]
    s, k = np.sin(a + c), np.cos(a + c)
    value = a * a + (b * c) ** 4 + a * c + b * s + b
    slope = 2.0 * a + c + b * k, 4.0 * b ** 3 * c ** 4 + s + 1.0, 4.0 * b ** 4 * c ** 3 + a + b * k
    curvature = (2.0 - b * s,
                 k, 12.0 * b * b * c ** 4,
                 1.0 - b * s, 16.0 * b ** 3 * c ** 3 + k, 12.0 * b ** 4 * c * c - b * s)
    return (0, 1, 2), value, slope, curvature


def eg1():
    """Return f = x₁² + (x₂x₃)⁴ + x₁x₃ + x₂ sin(x₁ + x₃) + x₂; starts outside.

    The bounds are |x₂| ≤ 1, 1 ≤ x₃ ≤ 2.
    """
    return Problem("EG1", *partially_separable(eg1_element, stride=3), start=np.zeros(3),
                   source=f"Conn, Gould & Toint (1992), LANCELOT; {CUTE}: EG1",
                   fmin=-1.42930675357544, local_minima=(-1.13280078258366,),
                   low=(-np.inf, -1.0, 1.0), high=(np.inf, 1.0, 2.0))


@kernel
def yfit_residual(i, x):
    """r_i = d tan(α(1 − t) + βt) − y_i, t = i/16, i = 0 … 16."""
    t = i / 16.0
    T, d = np.tan(x[0] * (1.0 - t) + x[1] * t), x[2]
    S = 1.0 + T * T
    h = 2.0 * d * T * S
    curvature = (h * (1.0 - t) ** 2, h * (1.0 - t) * t, h * t * t, S * (1.0 - t), S * t, 0.0)
    return d * T - YFIT_Y[i], (d * S * (1.0 - t), d * S * t, T), curvature


def yfit():
    """Return the distance and the angles of a vibrating beam, m = 17, distance ≥ 0.

    The fit is nearly perfect.
    """
    return Problem("YFIT", *least_squares(yfit_residual, 17), start=(0.6, -0.6, 20.0), source=f"{CUTE}: YFIT",
                   fmin=6.66972e-13, low=(-np.inf, -np.inf, 0.0), high=np.inf)


@kernel
def palmer1_residual(i, x):
    """r_i = y_i − (a q + b/(c + q/d)), q = x_i²; the first 15 points occur twice."""
    k = i if i < 16 else i - 16
    b, d = x[1], x[3]
    q = PALMER1_X[k] * PALMER1_X[k]
    u = 1.0 / (x[2] + q / d)
    u2, w = u * u, q / (d * d)
    curvature = (0.0,
                 0.0, 0.0,
                 0.0, u2, -2.0 * b * u2 * u,
                 0.0, -u2 * w, 2.0 * b * u2 * u * w, 2.0 * b * u2 * w * (1.0 / d - u * w))
    return PALMER1_Y[k] - x[0] * q - b * u, (-q, -u, b * u2, -b * u2 * w), curvature


def palmer1():
    """Return the fit of a barrier to rotation, m = 31, with a large residual.

    All parameters but the first are ≥ 10⁻⁵.
    """
    return Problem("PALMER1", *least_squares(palmer1_residual, 31), start=np.ones(4), source=f"{CUTE}: PALMER1",
                   fmin=11754.6025453494, low=(-np.inf, 1e-5, 1e-5, 1e-5), high=np.inf)
