"""The functions and their starts against the definitions, written with arrays as in the literature.

The observations of the curve fits are taken from the package: `test_problems` checks them by the
values of f.

Covers:
problems/{arrows,blocks,chains,clusters,dense,discretised,fits,linear,polynomial,systems}.py.
"""

import numpy as np
import pytest

from quasinewton import problems
from quasinewton.problems import fits


def rosenbrock_terms(u, v):
    return 100 * (v - u**2) ** 2 + (1 - u) ** 2


def wood(a, b, c, d):
    return (100 * (b - a**2) ** 2 + (1 - a) ** 2 + 90 * (d - c**2) ** 2 + (1 - c) ** 2
            + 10 * (b + d - 2) ** 2 + (b - d) ** 2 / 10)


def cragg_levy(a, b, c, d):
    return (np.exp(a) - b) ** 4 + 100 * (b - c) ** 6 + np.tan(c - d) ** 4 + a**8 + (d - 1) ** 2


def schmidt_vetters(a, b, c):
    return -1 / (1 + (a - b) ** 2) - np.sin((np.pi * b + c) / 2) - np.exp(-(((a + c) / b - 2) ** 2))


def noncvxu2(x, i):
    n = x.size
    t = sum(x[np.array(k) % n] for k in (i - 1, 3 * i - 2, 7 * i - 3))
    return np.sum(t**2 + 4 * np.cos(t))


def dixon_maany(x, i, alpha, beta, gamma, delta, k):
    n, m = x.size, x.size // 3
    y, z = x[: 2 * m], x[:m]
    return (1 + np.sum(alpha * x**2 * (i / n) ** k) + np.sum(beta * x[:-1] ** 2 * (x[1:] + x[1:] ** 2) ** 2)
            + np.sum(gamma * y**2 * x[m:] ** 4) + np.sum(delta * z * x[2 * m :] * (i[:m] / n) ** k))


def lennard_jones(x):
    p = x.reshape(-1, 3)
    j, k = np.triu_indices(len(p), 1)
    r = np.linalg.norm(p[j] - p[k], axis=1)
    return np.sum(4 * (r**-12 - r**-6))


# Definitions f(x, i) with indices i = 1 … n.
DEFINITIONS = {
    "power": lambda x, i: np.sum((i * x) ** 2),
    "quartic": lambda x, i: np.sum((x - i) ** 4),
    "raydan_1": lambda x, i: np.sum(i / 10 * (np.exp(x) - x)),
    "raydan_2": lambda x, i: np.sum(np.exp(x) - x),
    "hager": lambda x, i: np.sum(np.exp(x) - np.sqrt(i) * x),
    "white_holst": lambda x, i: np.sum(100 * (x[1::2] - x[::2] ** 3) ** 2 + (1 - x[::2]) ** 2),
    "himmelblau": lambda x, i: np.sum((x[::2] ** 2 + x[1::2] - 11) ** 2 + (x[::2] + x[1::2] ** 2 - 7) ** 2),
    "cliff": lambda x, i: np.sum(((x[::2] - 3) / 100) ** 2 - (x[::2] - x[1::2]) + np.exp(20 * (x[::2] - x[1::2]))),
    "psc1": lambda x, i: np.sum((x[::2] ** 2 + x[1::2] ** 2 + x[::2] * x[1::2]) ** 2
                                + np.sin(x[::2]) ** 2 + np.cos(x[1::2]) ** 2),
    "cragg_levy": lambda x, i: np.sum(cragg_levy(*x.reshape(-1, 4).T)),
    "woods": lambda x, i: np.sum(wood(*x.reshape(-1, 4).T)),
    "chained_rosenbrock": lambda x, i: np.sum(rosenbrock_terms(x[:-1], x[1:])),
    "genrose": lambda x, i: 1 + np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (x[1:] - 1) ** 2),
    "dqdrtic": lambda x, i: np.sum(x[:-2] ** 2 + 100 * x[1:-1] ** 2 + 100 * x[2:] ** 2),
    "engval1": lambda x, i: np.sum((x[:-1] ** 2 + x[1:] ** 2) ** 2) + np.sum(3 - 4 * x[:-1]),
    "tridia": lambda x, i: (x[0] - 1) ** 2 + np.sum(i[1:] * (2 * x[1:] - x[:-1]) ** 2),
    "cosine": lambda x, i: np.sum(np.cos(-0.5 * x[1:] + x[:-1] ** 2)),
    "fletchcr": lambda x, i: np.sum(100 * (x[1:] - x[:-1] + 1 - x[:-1] ** 2) ** 2),
    "edensch": lambda x, i: 16 + np.sum((x[:-1] - 2) ** 4 + (x[:-1] * x[1:] - 2 * x[1:]) ** 2 + (x[1:] + 1) ** 2),
    "generalised_tridiagonal": lambda x, i: np.sum((x[:-1] + x[1:] - 3) ** 2 + (x[:-1] - x[1:] + 1) ** 4),
    "schmidt_vetters": lambda x, i: np.sum(schmidt_vetters(x[:-2], x[1:-1], x[2:])),
    "arwhead": lambda x, i: np.sum((x[:-1] ** 2 + x[-1] ** 2) ** 2 - 4 * x[:-1] + 3),
    "liarwhd": lambda x, i: np.sum(4 * (x**2 - x[0]) ** 2) + np.sum((x - 1) ** 2),
    "tquartic": lambda x, i: (x[0] - 1) ** 2 + np.sum((x[0] ** 2 - x[1:] ** 2) ** 2),
    "bdqrtic": lambda x, i: np.sum((3 - 4 * x[:-4]) ** 2 + (x[:-4] ** 2 + 2 * x[1:-3] ** 2 + 3 * x[2:-2] ** 2
                                                            + 4 * x[3:-1] ** 2 + 5 * x[-1] ** 2) ** 2),
    "nondquar": lambda x, i: (x[0] - x[1]) ** 2 + np.sum((x[:-2] + x[1:-1] + x[-1]) ** 4) + (x[-2] + x[-1]) ** 2,
    "sinquad": lambda x, i: (x[0] - 1) ** 4 + np.sum((np.sin(x[1:-1] - x[-1]) - x[0] ** 2 + x[1:-1] ** 2) ** 2)
    + (x[-1] ** 2 - x[0] ** 2) ** 2,
    "eg2": lambda x, i: np.sum(np.sin(x[0] + x[:-1] ** 2 - 1)) + np.sin(x[-1] ** 2) / 2,
    "noncvxu2": noncvxu2,
    "dixmaana": lambda x, i: dixon_maany(x, i, 1, 0, 0.125, 0.125, 0),
    "dixmaand": lambda x, i: dixon_maany(x, i, 1, 0.26, 0.26, 0.26, 0),
    "dixmaanh": lambda x, i: dixon_maany(x, i, 1, 0.26, 0.26, 0.26, 1),
    "dixmaanl": lambda x, i: dixon_maany(x, i, 1, 0.26, 0.26, 0.26, 2),
    "lennard_jones": lambda x, i: lennard_jones(x),
}


@pytest.mark.parametrize("factory", problems.SCALABLE, ids=lambda factory: factory.__name__)
def test_value_agrees_with_the_definition(factory):
    definition = DEFINITIONS[factory.__name__]
    rng = np.random.default_rng(0)
    for n in 12, 24:
        p = factory(n=n)
        i = np.arange(1, n + 1)
        for x in p.x0, p.x0 + 0.1 * rng.standard_normal(n):
            assert p.fun(x) == pytest.approx(definition(x, i), rel=1e-12)


def helical_valley(x):
    theta = np.arctan(x[1] / x[0]) / (2 * np.pi) + (0.5 if x[0] < 0 else 0.0)
    return np.array([10 * (x[2] - 10 * theta), 10 * (np.hypot(x[0], x[1]) - 1), x[2]])


def powell(a, b, c, d):
    return np.array([a + 10 * b, 5**0.5 * (c - d), (b - 2 * c) ** 2, 10**0.5 * (a - d) ** 2])


def wood_residuals(a, b, c, d):
    return np.array([10 * (b - a**2), 1 - a, 90**0.5 * (d - c**2), 1 - c, 10**0.5 * (b + d - 2), 10**-0.5 * (b - d)])


def gaussian(x):
    t = (8 - np.arange(1, 16)) / 2
    return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2) - fits.GAUSSIAN_Y


def gulf(x):
    t = np.arange(1, 100) / 100
    y = 25 + (-50 * np.log(t)) ** (2 / 3)
    return np.exp(-np.abs(y - x[1]) ** x[2] / x[0]) - t


def box(x):
    t = np.arange(1, 11) / 10
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))


def bard(x):
    u = np.arange(1, 16)
    v = 16 - u
    return fits.BARD_Y - (x[0] + u / (v * x[1] + np.minimum(u, v) * x[2]))


def kowalik_osborne(x):
    u = fits.KOWALIK_U
    return fits.KOWALIK_Y - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


def brown_dennis(x):
    t = np.arange(1, 21) / 5
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def osborne_1(x):
    t = 10 * np.arange(33)
    return fits.OSBORNE_1_Y - (x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]))


def biggs(x):
    t = np.arange(1, 14) / 10
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


def osborne_2(x):
    t = np.arange(65) / 10
    peaks = sum(x[k] * np.exp(-((t - x[k + 7]) ** 2) * x[k + 4]) for k in (1, 2, 3))
    return fits.OSBORNE_2_Y - (x[0] * np.exp(-t * x[4]) + peaks)


def watson(x):
    t = np.arange(1, 30)[:, None] / 29
    j = np.arange(x.size)
    rows = (t ** np.maximum(j - 1, 0) * j) @ x - (t**j @ x) ** 2 - 1
    return np.append(rows, [x[0], x[1] - x[0] ** 2 - 1])


def penalty_2(x):
    n, a = x.size, 1e-5**0.5
    i = np.arange(2, n + 1)
    e, y = np.exp(x / 10), np.exp(i / 10) + np.exp((i - 1) / 10)
    s = np.sum((n - np.arange(n)) * x**2) - 1
    return np.concatenate([[x[0] - 0.2], a * (e[1:] + e[:-1] - y), a * (e[1:] - np.exp(-0.1)), [s]])


def variably_dimensioned(x):
    s = np.sum(np.arange(1, x.size + 1) * (x - 1))
    return np.append(x - 1, [s, s**2])


def trigonometric(x):
    i = np.arange(1, x.size + 1)
    return x.size - np.sum(np.cos(x)) + i * (1 - np.cos(x)) - np.sin(x)


def brown_almost_linear(x):
    return np.append(x[:-1] + np.sum(x) - (x.size + 1), np.prod(x) - 1)


def boundary_value(x):
    n = x.size
    h, t = 1 / (n + 1), np.arange(1, n + 1) / (n + 1)
    z = np.concatenate([[0.0], x, [0.0]])
    return 2 * x - z[:-2] - z[2:] + h**2 * (x + t + 1) ** 3 / 2


def integral_equation(x):
    n = x.size
    h, t = 1 / (n + 1), np.arange(1, n + 1) / (n + 1)
    u = (x + t + 1) ** 3
    return np.array([x[i] + h / 2 * ((1 - t[i]) * np.sum(t[: i + 1] * u[: i + 1])
                                     + t[i] * np.sum((1 - t[i + 1 :]) * u[i + 1 :])) for i in range(n)])


def broyden_tridiagonal(x):
    z = np.concatenate([[0.0], x, [0.0]])
    return (3 - 2 * x) * x - z[:-2] - 2 * z[2:] + 1


def broyden_banded(x):
    band = [[j for j in range(max(0, i - 5), min(x.size, i + 2)) if j != i] for i in range(x.size)]
    return x * (2 + 5 * x**2) + 1 - np.array([np.sum(x[j] * (1 + x[j])) for j in band])


def linear_full_rank(x):
    m = 2 * x.size
    return np.append(x, np.zeros(x.size)) - 2 / m * np.sum(x) - 1


def linear_rank_1_zeros(x):
    m, j = 2 * x.size, np.arange(2, x.size)
    return np.concatenate([[-1.0], np.arange(1, m - 1) * np.sum(j * x[1:-1]) - 1, [-1.0]])


def chebyquad(x):
    i = np.arange(1, x.size + 1)
    integral = np.where(i % 2, 0.0, -1 / np.maximum(i**2 - 1.0, 1.0))
    return np.mean(np.cos(i[:, None] * np.arccos(2 * x - 1)), axis=1) - integral


# Residuals r(x) and standard starts of Moré, Garbow & Hillstrom.
j10 = np.arange(1, 11)
t10 = j10 / 11
RESIDUALS = {
    "rosenbrock": (lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]), [-1.2, 1]),
    "freudenstein_roth": (lambda x: np.array([-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1],
                                              -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]]), [0.5, -2]),
    "powell_badly_scaled": (lambda x: np.array([1e4 * x[0] * x[1] - 1, np.sum(np.exp(-x)) - 1.0001]), [0, 1]),
    "brown_badly_scaled": (lambda x: np.array([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2]), [1, 1]),
    "beale": (lambda x: np.array([1.5, 2.25, 2.625]) - x[0] * (1 - x[1] ** np.arange(1, 4)), [1, 1]),
    "jennrich_sampson": (lambda x: 2 + 2 * j10 - np.exp(j10 * x[0]) - np.exp(j10 * x[1]), [0.3, 0.4]),
    "helical_valley": (helical_valley, [-1, 0, 0]),
    "bard": (bard, [1, 1, 1]),
    "gaussian": (gaussian, [0.4, 1, 0]),
    "meyer": (lambda x: x[0] * np.exp(x[1] / (45 + 5 * np.arange(1, 17) + x[2])) - fits.MEYER_Y, [0.02, 4000, 250]),
    "gulf": (gulf, [5, 2.5, 0.15]),
    "box": (box, [0, 10, 20]),
    "powell_singular": (lambda x: powell(*x), [3, -1, 0, 1]),
    "wood": (lambda x: wood_residuals(*x), [-3, -1, -3, -1]),
    "kowalik_osborne": (kowalik_osborne, [0.25, 0.39, 0.415, 0.39]),
    "brown_dennis": (brown_dennis, [25, 5, -5, -1]),
    "osborne_1": (osborne_1, [0.5, 1.5, -1, 0.01, 0.02]),
    "biggs": (biggs, [1, 2, 1, 1, 1, 1]),
    "osborne_2": (osborne_2, [1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5]),
    "watson": (watson, np.zeros(6)),
    "extended_rosenbrock": (lambda x: np.append(10 * (x[1::2] - x[::2] ** 2), 1 - x[::2]), np.tile([-1.2, 1], 5)),
    "extended_powell_singular": (lambda x: powell(*x.reshape(-1, 4).T).ravel(), np.tile([3, -1, 0, 1], 3)),
    "penalty_1": (lambda x: np.append(1e-5**0.5 * (x - 1), np.sum(x**2) - 0.25), j10),
    "penalty_2": (penalty_2, np.full(10, 0.5)),
    "variably_dimensioned": (variably_dimensioned, 1 - j10 / 10),
    "trigonometric": (trigonometric, np.full(10, 0.1)),
    "brown_almost_linear": (brown_almost_linear, np.full(10, 0.5)),
    "discrete_boundary_value": (boundary_value, t10 * (t10 - 1)),
    "discrete_integral_equation": (integral_equation, t10 * (t10 - 1)),
    "broyden_tridiagonal": (broyden_tridiagonal, np.full(10, -1)),
    "broyden_banded": (broyden_banded, np.full(10, -1)),
    "linear_full_rank": (linear_full_rank, np.ones(10)),
    "linear_rank_1": (lambda x: np.arange(1, 2 * x.size + 1) * (np.arange(1, x.size + 1) @ x) - 1, np.ones(10)),
    "linear_rank_1_zeros": (linear_rank_1_zeros, np.ones(10)),
    "chebyquad": (chebyquad, np.arange(1, 9) / 9),
}


@pytest.mark.parametrize("factory", problems.MGH, ids=lambda factory: factory.__name__)
def test_value_is_the_sum_of_squared_residuals(factory):
    residuals, start = RESIDUALS[factory.__name__]
    p = factory()
    assert np.allclose(p.x0, start, rtol=1e-15, atol=1e-16)
    rng = np.random.default_rng(0)
    for x in p.x0, p.x0 * (1 + 0.05 * rng.standard_normal(p.n)), p.x0 + 0.01 * rng.random(p.n):
        assert p.fun(x) == pytest.approx(np.sum(residuals(x) ** 2), rel=1e-11)


ODD = np.arange(12) % 2
STARTS = {
    "power": 1, "quartic": 2, "raydan_1": 1, "raydan_2": 1, "hager": 1, "white_holst": np.where(ODD, 1, -1.2),
    "himmelblau": 1, "cliff": np.where(ODD, -1, 0), "psc1": np.where(ODD, 0.1, 3),
    "cragg_levy": np.tile([1, 2, 2, 2], 3), "woods": np.where(ODD, -1, -3),
    "chained_rosenbrock": np.where(ODD, 1, -1.2), "genrose": np.arange(1, 13) / 13, "dqdrtic": 3, "engval1": 2,
    "tridia": 1, "cosine": 1, "fletchcr": 0,
    "edensch": 0, "generalised_tridiagonal": 2, "schmidt_vetters": 0.5, "arwhead": 1, "liarwhd": 4, "tquartic": 0.1,
    "bdqrtic": 1, "nondquar": np.where(ODD, -1, 1), "sinquad": 0.1, "eg2": 1, "noncvxu2": np.arange(1, 13),
    "dixmaana": 2, "dixmaand": 2, "dixmaanh": 2, "dixmaanl": 2,
}


@pytest.mark.parametrize("name", STARTS)
def test_start_is_the_published_one(name):
    assert np.allclose(getattr(problems, name)(n=12).x0, STARTS[name], rtol=1e-15)
