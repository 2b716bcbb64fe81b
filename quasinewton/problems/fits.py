"""Curve fits with few parameters: MGH (6), (8)-(12), (15)-(19)."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.problem import Problem, mgh
from quasinewton.problems.sums import least_squares

BARD_Y = np.array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])

GAUSSIAN_Y = np.array([0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989,
                       0.3521, 0.2420, 0.1295, 0.0540, 0.0175, 0.0044, 0.0009])

MEYER_Y = np.array([34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0, 11540.0, 9744.0,
                    8261.0, 7030.0, 6005.0, 5147.0, 4427.0, 3820.0, 3307.0, 2872.0])

KOWALIK_Y = np.array([0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
KOWALIK_U = np.array([4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])

OSBORNE_1_Y = np.array([0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751,
                        0.718, 0.685, 0.658, 0.628, 0.603, 0.580, 0.558, 0.538, 0.522, 0.506, 0.490,
                        0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411, 0.406])

OSBORNE_2_Y = np.array([1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608,
                        0.655, 0.616, 0.606, 0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661,
                        0.612, 0.558, 0.533, 0.495, 0.500, 0.423, 0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428,
                        0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668, 0.645, 0.632, 0.591, 0.559,
                        0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098, 0.054])


@kernel
def jennrich_sampson_residual(i, x):
    """r_i = 2 + 2i − (e^{i x₁} + e^{i x₂}); MGH (6)."""
    t = i + 1.0
    a, b = np.exp(t * x[0]), np.exp(t * x[1])
    return 2.0 + 2.0 * t - (a + b), (-t * a, -t * b), (-t * t * a, 0.0, -t * t * b)


def jennrich_sampson():
    """Return the Jennrich-Sampson fit of two exponentials, m = 10: a large residual at x₁ = x₂."""
    return Problem("Jennrich-Sampson", *least_squares(jennrich_sampson_residual, 10), start=(0.3, 0.4),
                   source=mgh(6), fmin=124.3621823556148)


@kernel
def bard_residual(i, x):
    """r_i = y_i − (x₁ + u_i/(v_i x₂ + w_i x₃)); MGH (8).

    Here u_i = i, v_i = 16 − i, w_i = min(u_i, v_i).
    """
    u, v = i + 1.0, 15.0 - i
    w = min(u, v)
    d = v * x[1] + w * x[2]
    q = u / (d * d)
    c = -2.0 * q / d
    return BARD_Y[i] - (x[0] + u / d), (-1.0, v * q, w * q), (0.0, 0.0, v * v * c, 0.0, v * w * c, w * w * c)


def bard():
    """Return Bard's rational fit, m = 15; a local minimum lies at x₂, x₃ → −∞."""
    return Problem("Bard", *least_squares(bard_residual, 15), start=(1.0, 1.0, 1.0), source=mgh(8),
                   fmin=8.214877306578976e-3, local_minima=(17.428693333333332,))


@kernel
def gaussian_residual(i, x):
    """r_i = x₁ exp(−x₂(t_i − x₃)²/2) − y_i, t_i = (8 − i)/2; MGH (9)."""
    a, b = x[0], x[1]
    d = 0.5 * (7 - i) - x[2]
    e = np.exp(-0.5 * b * d * d)
    slope = e, -0.5 * a * d * d * e, a * b * d * e
    curvature = (0.0,
                 -0.5 * d * d * e, 0.25 * a * d ** 4 * e,
                 b * d * e, a * d * (1.0 - 0.5 * b * d * d) * e, a * b * (b * d * d - 1.0) * e)
    return a * e - GAUSSIAN_Y[i], slope, curvature


def gaussian():
    """Return the fit of a Gaussian peak, m = 15, started close to the solution."""
    return Problem("Gaussian", *least_squares(gaussian_residual, 15), start=(0.4, 1.0, 0.0), source=mgh(9),
                   fmin=1.127932769618858e-8)


@kernel
def meyer_residual(i, x):
    """r_i = x₁ exp(x₂/(t_i + x₃)) − y_i, t_i = 45 + 5i; MGH (10)."""
    d = 50.0 + 5.0 * i + x[2]
    u = x[1] / d
    e = np.exp(u)
    a = x[0] * e
    slope = e, a / d, -a * u / d
    curvature = (0.0,
                 e / d, a / (d * d),
                 -e * u / d, -a * (1.0 + u) / (d * d), a * u * (2.0 + u) / (d * d))
    return a - MEYER_Y[i], slope, curvature


def meyer():
    """Return Meyer's thermistor fit, m = 16: condition number of the Hessian about 10¹⁶."""
    return Problem("Meyer", *least_squares(meyer_residual, 16), start=(0.02, 4000.0, 250.0), source=mgh(10),
                   fmin=87.9458551707)


@kernel
def gulf_residual(i, x):
    """r_i = exp(−|y_i − x₂|^{x₃}/x₁) − t_i, t_i = i/100, y_i = 25 + (−50 ln t_i)^{2/3}; MGH (11).

    The paper prints |y_i m i x₂|: there, "mi" is the remnant of a minus sign.
    """
    t = 0.01 * (i + 1)
    d = 25.0 + (-50.0 * np.log(t)) ** (2.0 / 3.0) - x[1]
    side = np.sign(d)
    d = abs(d)
    u = d ** x[2] / x[0]
    log = np.log(d)
    e = np.exp(-u)
    u1, u2, u3 = -u / x[0], -side * x[2] * u / d, u * log
    slope = -e * u1, -e * u2, -e * u3
    curvature = (e * (u1 * u1 + 2.0 * u1 / x[0]),
                 e * (u1 * u2 + u2 / x[0]), e * (u2 * u2 - x[2] * (x[2] - 1.0) * u / (d * d)),
                 e * (u1 * u3 + u3 / x[0]), e * (u2 * u3 + side * u / d * (1.0 + x[2] * log)), e * (u3 * u3 - u3 * log))
    return e - t, slope, curvature


def gulf():
    """Return the Gulf Research and Development fit, m = 99; flat far from the solution."""
    return Problem("Gulf research and development", *least_squares(gulf_residual, 99), start=(5.0, 2.5, 0.15),
                   source=mgh(11), fmin=0.0, minimiser=(50.0, 25.0, 1.5))


@kernel
def box_residual(i, x):
    """r_i = e^{−t_i x₁} − e^{−t_i x₂} − x₃(e^{−t_i} − e^{−10t_i}), t_i = i/10; MGH (12)."""
    t = 0.1 * (i + 1)
    a, b = np.exp(-t * x[0]), np.exp(-t * x[1])
    c = np.exp(-t) - np.exp(-10.0 * t)
    return a - b - x[2] * c, (-t * a, t * b, -c), (t * t * a, 0.0, -t * t * b, 0.0, 0.0, 0.0)


def box():
    """Return Box's three-dimensional fit, m = 10.

    f is also zero at (10, 1, −1) and on the line x₁ = x₂, x₃ = 0.
    """
    return Problem("Box three-dimensional", *least_squares(box_residual, 10), start=(0.0, 10.0, 20.0),
                   source=mgh(12), fmin=0.0, minimiser=(1.0, 10.0, 1.0))


@kernel
def kowalik_osborne_residual(i, x):
    """r_i = y_i − x₁(u_i² + u_i x₂)/(u_i² + u_i x₃ + x₄); MGH (15)."""
    u = KOWALIK_U[i]
    p, q = u * u + u * x[1], u * u + u * x[2] + x[3]
    a = x[0] / q
    c = a * p / q
    slope = -p / q, -a * u, c * u, c
    curvature = (0.0,
                 -u / q, 0.0,
                 p * u / (q * q), a * u * u / q, -2.0 * c * u * u / q,
                 p / (q * q), a * u / q, -2.0 * c * u / q, -2.0 * c / q)
    return KOWALIK_Y[i] - a * p, slope, curvature


def kowalik_osborne():
    """Return the Kowalik-Osborne rational fit, m = 11; a local minimum lies at infinity."""
    return Problem("Kowalik-Osborne", *least_squares(kowalik_osborne_residual, 11), start=(0.25, 0.39, 0.415, 0.39),
                   source=mgh(15), fmin=3.075056038492377e-4, local_minima=(1.0273430486955e-3,))


@kernel
def brown_dennis_residual(i, x):
    """r_i = (x₁ + t_i x₂ − e^{t_i})² + (x₃ + x₄ sin t_i − cos t_i)², t_i = i/5; MGH (16)."""
    t = 0.2 * (i + 1)
    s = np.sin(t)
    a, b = 2.0 * (x[0] + t * x[1] - np.exp(t)), 2.0 * (x[2] + x[3] * s - np.cos(t))
    curvature = 2.0, 2.0 * t, 2.0 * t * t, 0.0, 0.0, 2.0, 0.0, 0.0, 2.0 * s, 2.0 * s * s
    return 0.25 * (a * a + b * b), (a, a * t, b, b * s), curvature


def brown_dennis():
    """Return the Brown-Dennis function, m = 20, with a large residual."""
    return Problem("Brown-Dennis", *least_squares(brown_dennis_residual, 20), start=(25.0, 5.0, -5.0, -1.0),
                   source=mgh(16), fmin=85822.20162635633)


@kernel
def osborne_1_residual(i, x):
    """r_i = y_i − (x₁ + x₂ e^{−t_i x₄} + x₃ e^{−t_i x₅}), t_i = 10(i − 1); MGH (17)."""
    t = 10.0 * i
    a, b = np.exp(-t * x[3]), np.exp(-t * x[4])
    slope = -1.0, -a, -b, t * x[1] * a, t * x[2] * b
    curvature = (0.0,
                 0.0, 0.0,
                 0.0, 0.0, 0.0,
                 0.0, t * a, 0.0, -t * t * x[1] * a,
                 0.0, 0.0, t * b, 0.0, -t * t * x[2] * b)
    return OSBORNE_1_Y[i] - (x[0] + x[1] * a + x[2] * b), slope, curvature


def osborne_1():
    """Return Osborne's first fit: two exponentials and a constant, m = 33."""
    return Problem("Osborne 1", *least_squares(osborne_1_residual, 33), start=(0.5, 1.5, -1.0, 0.01, 0.02),
                   source=mgh(17), fmin=5.46489469748265e-5)


@kernel
def biggs_residual(i, x):
    """r_i = x₃e^{−t_i x₁} − x₄e^{−t_i x₂} + x₆e^{−t_i x₅} − y_i; MGH (18).

    Here t_i = i/10, y_i = e^{−t_i} − 5e^{−10t_i} + 3e^{−4t_i}.
    """
    t = 0.1 * (i + 1)
    y = np.exp(-t) - 5.0 * np.exp(-10.0 * t) + 3.0 * np.exp(-4.0 * t)
    a, b, c = np.exp(-t * x[0]), np.exp(-t * x[1]), np.exp(-t * x[4])
    slope = -t * x[2] * a, t * x[3] * b, a, -b, -t * x[5] * c, c
    curvature = (t * t * x[2] * a,
                 0.0, -t * t * x[3] * b,
                 -t * a, 0.0, 0.0,
                 0.0, t * b, 0.0, 0.0,
                 0.0, 0.0, 0.0, 0.0, t * t * x[5] * c,
                 0.0, 0.0, 0.0, 0.0, -t * c, 0.0)
    return x[2] * a - x[3] * b + x[5] * c - y, slope, curvature


def biggs():
    """Return Biggs' EXP6 fit of three exponentials, m = 13.

    The start is symmetric in (x₁, x₃) and (x₅, x₆). A method that keeps the symmetry ends at f =
    0.00565565, where two exponentials have merged: a minimum among the symmetric points, elsewhere
    on its line x₃ + x₆ = const a saddle.
    """
    return Problem("Biggs EXP6", *least_squares(biggs_residual, 13), start=(1.0, 2.0, 1.0, 1.0, 1.0, 1.0),
                   source=mgh(18), fmin=0.0, minimiser=(1.0, 10.0, 1.0, 5.0, 4.0, 3.0),
                   local_minima=(5.65564992549993e-3,))


@kernel
def osborne_2_residual(i, x):
    """Return r_i of MGH (19), ∇r_i, t_i and the four exponentials.

    r_i = y_i − (x₁e^{−t_i x₅} + Σ_{k=2}^{4} x_k e^{−(t_i − x_{k+7})² x_{k+4}}), t_i = (i − 1)/10.
    ∇²r_i is too sparse for a full triangle.
    """
    t = 0.1 * i
    u, v, w = t - x[8], t - x[9], t - x[10]
    a = np.exp(-t * x[4])
    b, c, d = np.exp(-u * u * x[5]), np.exp(-v * v * x[6]), np.exp(-w * w * x[7])
    r = OSBORNE_2_Y[i] - (x[0] * a + x[1] * b + x[2] * c + x[3] * d)
    slope = (-a, -b, -c, -d, t * x[0] * a, u * u * x[1] * b, v * v * x[2] * c, w * w * x[3] * d,
             -2.0 * u * x[5] * x[1] * b, -2.0 * v * x[6] * x[2] * c, -2.0 * w * x[7] * x[3] * d)
    return r, slope, t, (a, b, c, d)


@kernel
def osborne_2_value(x):
    """f = Σ r_i²."""
    f = 0.0
    for i in range(65):
        r = osborne_2_residual(i, x)[0]
        f += r * r
    return f


@kernel
def osborne_2_gradient(x):
    """g = 2 Jᵀr."""
    g = np.zeros(11)
    for i in range(65):
        r, dr, _, _ = osborne_2_residual(i, x)
        for j in range(11):
            g[j] += 2.0 * r * dr[j]
    return g


@kernel
def osborne_2_hessian(x):
    """H = 2 (JᵀJ + Σ r_i ∇²r_i).

    The exponential couples x₁, x₅; peak k couples x_k, x_{k+4}, x_{k+7}.
    """
    H = np.zeros((11, 11))
    for i in range(65):
        r, dr, t, e = osborne_2_residual(i, x)
        for j in range(11):
            for k in range(j + 1):
                H[j, k] += 2.0 * dr[j] * dr[k]
        H[4, 0] += 2.0 * r * t * e[0]
        H[4, 4] -= 2.0 * r * t * t * x[0] * e[0]
        for k in range(1, 4):
            d = t - x[k + 7]
            rate, c = x[k + 4], 2.0 * r * e[k]
            H[k + 4, k] += c * d * d
            H[k + 4, k + 4] -= c * x[k] * d ** 4
            H[k + 7, k] -= 2.0 * c * rate * d
            H[k + 7, k + 4] += 2.0 * c * x[k] * d * (rate * d * d - 1.0)
            H[k + 7, k + 7] += 2.0 * c * x[k] * rate * (1.0 - 2.0 * rate * d * d)
    for j in range(11):
        for k in range(j):
            H[k, j] = H[j, k]
    return H


def osborne_2():
    """Return Osborne's second fit: an exponential and three Gaussian peaks, m = 65."""
    return Problem("Osborne 2", osborne_2_value, osborne_2_gradient, osborne_2_hessian,
                   start=(1.3, 0.65, 0.65, 0.7, 0.6, 3.0, 5.0, 7.0, 2.0, 4.5, 5.5), source=mgh(19),
                   fmin=4.01377362935477e-2)
