"""Problems with bounds: formulas against definitions, derivatives, and minima by two methods.

Covers: problems/{boxes,corridors,hock_schittkowski,membranes,miniatures,quadratics,problem}.py.
"""

import numpy as np
import pytest
from derivatives import TRUNCATION, differences
from scipy.optimize import Bounds, minimize

from quasinewton import problems
from quasinewton.problems import miniatures

INF = np.inf
names = [factory.__name__ for factory in problems.BOUNDED]
each = pytest.mark.parametrize("name", names)
fresh = [name for name in names if not name.startswith("boxed_")]

# Dimensions for the comparison with differences: small, but large enough for every kind of term to
# occur.
SMALL = {name: 20 for name in ("biggsb1", "cvxbqp1", "ncvxbqp1", "ncvxbqp2", "ncvxbqp3", "pentdi", "qudlin",
                               "chenhark", "harkerp2", "mccormck", "nonscomp", "sineali", "hatfldc", "explin",
                               "explin2", "expquad")}
SMALL |= {name: 25 for name in ("torsion1", "torsion3", "torsion6", "obstclal", "obstclbl", "obstclbm", "jnlbrng1")}


def small(name):
    factory = getattr(problems, name)
    return factory(n=SMALL[name]) if name in SMALL else factory()


def projected(p, x):
    """Return the norm of the projected gradient, ‖P(x − g) − x‖_∞."""
    return np.max(np.abs(np.clip(x - p.jac(x), p.low, p.high) - x))


def inner_points(p):
    """Yield two points within the bounds, displaced from the start.

    Each coordinate moves away from its nearer bound, by 0.35 to 0.5 of the distance to the other
    one or less.
    """
    x = np.clip(p.x0, p.low, p.high)
    room = np.minimum(np.where(np.isfinite(p.high - p.low), p.high - p.low, INF), 0.2 * np.maximum(1.0, np.abs(x)))
    side = np.where(p.high - x >= x - p.low, 1.0, -1.0)
    rng = np.random.default_rng(0)
    for _ in range(2):
        yield x + side * room * rng.uniform(0.35, 0.5, p.n)


# Problems for which 1% of x is too long a step for differences.
STEP = {"boxed_trigonometric": 0.01, "hs110": 0.003, "boxed_watson": 0.001}


@each
def test_derivatives_agree_with_differences(name):
    p = small(name)
    for x in inner_points(p):
        g, H = p.jac(x), p.hess(x)
        expected, rounding = differences(p.fun, x, STEP.get(name, INF))
        assert g.shape == (p.n,) and g.dtype == np.float64
        assert np.all(np.abs(g - expected) <= TRUNCATION * np.max(np.abs(g)) + rounding)
        expected, rounding = differences(p.jac, x, STEP.get(name, INF))
        assert H.shape == (p.n, p.n) and np.array_equal(H, H.T)
        assert np.all(np.abs(H - expected) <= TRUNCATION * np.max(np.abs(H)) + rounding[:, None])


@each
def test_bounds_are_intervals_and_copies(name):
    p = small(name)
    assert isinstance(p.bounds, Bounds) and p.low.shape == p.high.shape == (p.n,)
    assert np.all(p.low <= p.high) and (np.any(np.isfinite(p.low)) or np.any(np.isfinite(p.high)))
    lowest = p.bounds.lb
    lowest.setflags(write=True)  # NumPy 1 warns of a change of what SciPy's class has broadcast
    lowest[:] = np.nan
    assert np.array_equal(p.bounds.lb, p.low) and np.array_equal(p.bounds.ub, p.high)
    with pytest.raises(ValueError, match="read-only"):
        p.low[0] = 0.0
    assert p.source and p.args == () and (name in SMALL or p.fmin is not None)


@each
def test_arguments_are_not_modified_and_far_points_do_not_raise(name):
    p = small(name)
    x = p.x0
    with np.errstate(all="ignore"):
        assert isinstance(p.fun(x), float) and p.jac(x) is not p.jac(x)
        p.hess(x)
        assert np.array_equal(x, p.x0)
        for scale in 0.0, 1e30, -1e300:
            assert isinstance(p.fun(scale * x), float)
            p.jac(scale * x), p.hess(scale * x)


def tails(x):
    return np.cumsum(x[::-1])[::-1]


def bqp(share):
    def value(x, i):
        n = x.size
        sign = np.where(i <= share * n, 1, -1)
        return np.sum(sign * i / 2 * (x + x[(2 * i - 1) % n] + x[(3 * i - 1) % n]) ** 2)

    return value


def pentdi(x, i):
    n = x.size
    linear = -3 * x[0] + x[1] + x[n // 2 - 2] - 3 * x[n // 2 - 1] + 4 * x[n // 2] + np.sum(x[n // 2 + 2 :])
    return 6 * np.sum(x**2) + linear + np.sum(-4 * x[:-2] * x[1:-1] + x[:-2] * x[2:])


def chenhark(x, i):
    n = x.size
    p = np.where(i <= n // 2, 1.0, 0.0)
    D = np.diff(np.eye(n + 4), 2, axis=0)[:, 2:-2]
    return np.sum((D @ x) ** 2) / 2 - (D @ p) @ (D @ x) + np.sum(x[n // 2 + n // 5 :])


def explin(x, i, weights):
    return np.sum(np.exp(weights * x[:10] * x[1:11])) - 10 * np.sum(i * x)


def expquad(x, i):
    y = x[10:-1]
    return explin(x, i, i[:10] / 100) + np.sum(4 * y**2 + 2 * x[-1] ** 2 + y * x[-1])


def membrane(c):
    def value(x, i):
        p = int(x.size**0.5)
        v, h = x.reshape(p, p), 1 / (p - 1)
        u = v[1:-1, 1:-1]
        neighbours = v[2:, 1:-1], v[:-2, 1:-1], v[1:-1, 2:], v[1:-1, :-2]
        return sum(np.sum((w - u) ** 2) for w in neighbours) / 4 - c * h**2 * np.sum(u)

    return value


def bearing(x, i):
    """Return the energy of the bearing as a sum over triangles of area h k/2, less the load.

    Each adds w|∇v|²/2, where w is the mean over the vertices of (1 + ε cos ξ)³.
    """
    p = int(x.size**0.5)
    v = x.reshape(p, p)
    h, k = 2 * np.pi / (p - 1), 20 / (p - 1)
    xi = h * np.arange(p)[:, None]
    w = (1 + 0.1 * np.cos(xi)) ** 3
    d, e = np.diff(v, axis=0) / h, np.diff(v, axis=1) / k
    lower = (2 * w[:-1] + w[1:]) / 3 * (d[:, :-1] ** 2 + e[:-1] ** 2)
    upper = (2 * w[1:] + w[:-1]) / 3 * (d[:, 1:] ** 2 + e[1:] ** 2)
    load = np.sum(np.sin(xi[1:-1]) * v[1:-1, 1:-1])
    return h * k * (np.sum(lower + upper) / 4 - 0.1 * load)


def himmelp1(x):
    b = np.append(0.0, miniatures.HIMMELP1_B)  # Indices start at 1, as in the source.
    u, v = x
    return -b[2] * u - b[6] * v - b[1] - (
        b[3] * u**2 + b[4] * u**3 + b[5] * u**4 + v * (b[7] * u + b[8] * u**2 + b[9] * u**3 + b[10] * u**4)
        + b[11] * v**2 + b[12] * v**3 + b[13] * v**4 + b[14] / (1 + v)
        + (b[18] * u + b[15] * u**2 + b[16] * u**3) * v**2
        + (b[17] * u**3 + b[19] * u) * v**3 + b[20] * np.exp(0.0005 * u * v))


def allinit(a, b, c, d):
    return (c - 1 + a**2 + b**2 + (c + d) ** 2 + np.sin(c) ** 2 + a**2 * b**2 + d - 3 + np.sin(c) ** 2 + (d - 1) ** 2
            + b**4 + (c**2 + (d + a) ** 2) ** 2 + (a - 4 + np.sin(d) ** 2 + b**2 * c**2) ** 2 + np.sin(d) ** 4)


def hart6(x):
    a, p = miniatures.HART6_A, miniatures.HART6_P
    return -miniatures.HART6_C @ np.exp(-np.sum(a * (x[:, None] - p) ** 2, axis=0))


def yfit(x):
    t = np.arange(17) / 16
    return np.sum((x[2] * np.tan(x[0] * (1 - t) + x[1] * t) - miniatures.YFIT_Y) ** 2)


def palmer1(x):
    q, y = miniatures.PALMER1_X**2, miniatures.PALMER1_Y
    times = np.where(np.arange(16) < 15, 2, 1)
    return np.sum(times * (y - (x[0] * q + x[1] / (x[2] + q / x[3]))) ** 2)


def mccormick(x, i):
    return np.sum(np.sin(x[:-1] + x[1:]) + (x[:-1] - x[1:]) ** 2 - 1.5 * x[:-1] + 2.5 * x[1:] + 1)


def rosenbrock(x, i):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def gulf(x, i):
    t = np.arange(1, 100) / 100
    return np.sum((np.exp(-((25 + (-50 * np.log(t)) ** (2 / 3) - x[1]) ** x[2]) / x[0]) - t) ** 2)


def wood(x, i):
    a, b, c, d = x
    return (100 * (b - a**2) ** 2 + (1 - a) ** 2 + 90 * (d - c**2) ** 2 + (1 - c) ** 2
            + 10.1 * ((b - 1) ** 2 + (d - 1) ** 2) + 19.8 * (b - 1) * (d - 1))


def box(x, i):
    t = np.arange(1, 11) / 10
    return np.sum((np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t))) ** 2)


def gear(x, i):
    u, v = x
    return 0.1 * (12 + u**2 + (1 + v**2) / u**2 + (u**2 * v**2 + 100) / (u * v) ** 4)


C8 = np.array([1, 0, 0, 0, 2, 0, 0, -1])
# Definitions f(x, i) with indices i = 1 … n.
DEFINITIONS = {
    "hs1": rosenbrock, "hs2": rosenbrock, "s229": rosenbrock, "hs5": mccormick, "mccormck": mccormick, "hs25": gulf,
    "hs38": wood, "s242": box, "s328": gear,
    "hs3": lambda x, i: x[1] + 1e-5 * (x[1] - x[0]) ** 2,
    "hs4": lambda x, i: (x[0] + 1) ** 3 / 3 + x[1],
    "hs45": lambda x, i: 2 - np.prod(x) / 120,
    "hs110": lambda x, i: np.sum(np.log(x - 2) ** 2 + np.log(10 - x) ** 2) - np.prod(x) ** 0.2,
    "s368": lambda x, i: np.sum(x**3) ** 2 - np.sum(x**2) * np.sum(x**4),
    "camel6": lambda x, i: (4 * x[0] ** 2 - 2.1 * x[0] ** 4 + x[0] ** 6 / 3 + x[0] * x[1] - 4 * x[1] ** 2
                            + 4 * x[1] ** 4),
    "hatflda": lambda x, i: (x[0] - 1) ** 2 + np.sum((x[:-1] - np.sqrt(x[1:])) ** 2),
    "hatfldb": lambda x, i: (x[0] - 1) ** 2 + np.sum((x[:-1] - np.sqrt(x[1:])) ** 2),
    "himmelp1": lambda x, i: himmelp1(x),
    "logros": lambda x, i: np.log(1 + 10000 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2),
    "mdhole": lambda x, i: (np.sin(x[0]) - x[1]) ** 2 / 0.01 + x[0],
    "hart6": lambda x, i: hart6(x),
    "pspdoc": lambda x, i: np.sum(np.sqrt(1 + x[:-2] ** 2 + (x[1:-1] - x[2:]) ** 2)),
    "allinit": lambda x, i: allinit(*x),
    "eg1": lambda x, i: x[0] ** 2 + (x[1] * x[2]) ** 4 + x[0] * x[2] + x[1] * np.sin(x[0] + x[2]) + x[1],
    "yfit": lambda x, i: yfit(x), "palmer1": lambda x, i: palmer1(x),
    "bqp1var": lambda x, i: x[0] + x[0] ** 2,
    "simbqp": lambda x, i: x[1] + (x[1] - x[0]) ** 2 + (2 * x[0] + x[1]) ** 2,
    "oslbqp": lambda x, i: C8 @ x + x @ x / 2,
    "biggsb1": lambda x, i: (x[0] - 1) ** 2 + np.sum(np.diff(x) ** 2) + (1 - x[-1]) ** 2,
    "cvxbqp1": bqp(1.0), "ncvxbqp1": bqp(0.25), "ncvxbqp2": bqp(0.5), "ncvxbqp3": bqp(0.75),
    "pentdi": pentdi, "chenhark": chenhark, "expquad": expquad, "jnlbrng1": bearing,
    "qudlin": lambda x, i: -10 * i @ x + np.sum(x[: x.size // 2] * x[1 : x.size // 2 + 1]),
    "harkerp2": lambda x, i: 2 * np.sum(tails(x)[1:] ** 2) + np.sum(x) ** 2 - np.sum(x**2 / 2 + x),
    "nonscomp": lambda x, i: (x[0] - 1) ** 2 + 4 * np.sum((x[1:] - x[:-1] ** 2) ** 2),
    "sineali": lambda x, i: np.sin(x[0] - 1) + 100 * np.sum(np.sin(x[1:] - x[:-1] ** 2)),
    "hatfldc": lambda x, i: (x[0] - 1) ** 2 + np.sum((x[2:] - x[1:-1] ** 2) ** 2) + (x[-1] - 1) ** 2,
    "explin": lambda x, i: explin(x, i, 0.1), "explin2": lambda x, i: explin(x, i, i[:10] / 100),
    "torsion1": membrane(5), "torsion3": membrane(10), "torsion6": membrane(20),
    "obstclal": membrane(1), "obstclbl": membrane(1), "obstclbm": membrane(1),
}


@pytest.mark.parametrize("name", fresh)
def test_value_agrees_with_the_definition(name):
    p = small(name)
    i = np.arange(1, p.n + 1)
    for x in np.clip(p.x0, p.low, p.high), *inner_points(p):
        size = np.abs(p.jac(x)) @ np.abs(x)  # Size of the terms that may cancel.
        assert p.fun(x) == pytest.approx(DEFINITIONS[name](x, i), rel=1e-11, abs=1e-13 * size)


@pytest.mark.parametrize("name", sorted(set(names) - set(fresh)))
def test_functions_in_boxes_are_those_without(name):
    p, free = getattr(problems, name)(), getattr(problems, name.removeprefix("boxed_"))()
    assert p.fun is free.fun and p.jac is free.jac and p.hess is free.hess
    assert p.source.startswith("Gay") and free.source in p.source and free.bounds is None


def test_boxes_of_any_number_of_variables():
    for factory, n in (problems.boxed_rosenbrock, 50), (problems.boxed_powell_singular, 60):
        p = factory(n)
        res = minimize(p.fun, p.x0, jac=p.jac, bounds=p.bounds, options={"gtol": 1e-9, "ftol": 0.0})
        assert p.n == n and res.fun == pytest.approx(p.fmin, rel=1e-9)


# Start and bounds as printed, where they are not zeros, ones or the collection's formula.
STARTS = {
    "hs1": (-2, 1), "hs2": (-2, 1), "hs3": (10, 1), "hs4": (1.125, 0.125), "hs5": (0, 0), "hs25": (100, 12.5, 3),
    "hs38": (-3, -1, -3, -1), "hs45": 2, "hs110": 9, "s242": (2.5, 10, 10), "s328": 0.5, "himmelp1": (95, 10),
    "logros": (-1.2, 1), "mdhole": 10, "pspdoc": 3, "camel6": 1.1, "hart6": 0.2, "hatflda": 0.1,
    "yfit": (0.6, -0.6, 20),
    "simbqp": (10, 1), "nonscomp": 3, "cvxbqp1": 0.5, "chenhark": 0.5, "hatfldc": 0.9, "explin": 0, "mccormck": 0,
}


@pytest.mark.parametrize("name", STARTS)
def test_start_is_the_published_one(name):
    p = small(name)
    assert np.array_equal(p.x0, np.broadcast_to(np.array(STARTS[name], float), p.n))


@pytest.mark.parametrize("name", [name for name in names if getattr(problems, name)().xmin is not None])
def test_known_minimiser_is_a_minimum(name):
    """Check first- and second-order conditions on the free variables, and the value of f."""
    p = getattr(problems, name)()
    x = p.xmin
    H = p.hess(x)
    size = np.max(np.abs(H)) * max(1.0, np.max(np.abs(x))) * p.n
    assert np.all(p.low <= x) and np.all(x <= p.high)
    assert projected(p, x) <= 1e-14 * size
    assert p.fun(x) == pytest.approx(p.fmin, rel=1e-13, abs=1e-16 * size)
    free = (p.low < x) & (x < p.high)
    if free.any():
        assert np.linalg.eigvalsh(H[np.ix_(free, free)])[0] >= -1e-14 * size


# Problems that SciPy's L-BFGS-B does not solve from the start.
UNSOLVED = {
    "boxed_powell_badly_scaled": "ends high up the valley, where the search fails",
    "boxed_bard": "ends at f = 1.5 with ‖P(x − g) − x‖ = 1: the search fails",
    "boxed_meyer": "ends at f = 1.7e9 after three evaluations: the search fails",
    "hs25": "‖g‖ = 1e-8 at the start",
    "sineali": "one of many stationary points of a valley",
}


@pytest.mark.parametrize("name", [name for name in names if name not in UNSOLVED])
def test_scipy_reaches_a_known_minimum(name):
    p = getattr(problems, name)()
    options = {"ftol": 0.0, "gtol": 1e-9, "maxiter": 10**5, "maxfun": 10**5}
    res = minimize(p.fun, p.x0, jac=p.jac, bounds=p.bounds, method="L-BFGS-B", options=options)
    known = np.array([p.fmin, *p.local_minima])
    assert projected(p, res.x) <= 1e-6 * max(1.0, abs(res.fun))
    assert np.any(np.abs(res.fun - known) <= np.maximum(1e-9, 1e-6 * np.abs(known))), res.fun


@pytest.mark.parametrize("name", UNSOLVED)
def test_what_scipy_does_not_solve_it_still_does_not(name):
    p = getattr(problems, name)()
    options = {"ftol": 0.0, "gtol": 1e-9, "maxiter": 10**5, "maxfun": 10**5}
    res = minimize(p.fun, p.x0, jac=p.jac, bounds=p.bounds, method="L-BFGS-B", options=options)
    assert res.fun > p.fmin + 1e-9 * max(1.0, abs(p.fmin))


def newton(p, x):
    """Minimise by projected Newton steps on the free variables.

    The step uses |H| for H, and is halved until f falls.
    """
    x = np.clip(x, p.low, p.high)
    for _ in range(1000):
        g, near = p.jac(x), 1e-9 * np.maximum(1.0, np.abs(x))
        at_low, at_high = (x <= p.low + near) & (g > 0.0), (x >= p.high - near) & (g < 0.0)
        at_low |= p.low == p.high
        x = np.where(at_low, p.low, np.where(at_high, p.high, x))
        free = ~(at_low | at_high)
        if not free.any():
            break
        w, V = np.linalg.eigh(p.hess(x)[np.ix_(free, free)])
        step = np.zeros(p.n)
        step[free] = -V @ (V.T @ p.jac(x)[free] / np.maximum(np.abs(w), 1e-14 * np.max(np.abs(w))))
        f, alpha = p.fun(x), 1.0
        while alpha > 1e-12 and not p.fun(np.clip(x + alpha * step, p.low, p.high)) < f:
            alpha *= 0.5
        if alpha <= 1e-12:
            break
        x = np.clip(x + alpha * step, p.low, p.high)
    return x


# Problems where this Newton method, which projects its steps, ends at another minimum.
OTHERWISE = {
    "boxed_powell_badly_scaled": "crawls up the valley", "hs3": "stops at a bound it could leave", "eg1": "at a saddle",
    "mdhole": "stops at a bound it could leave", "qudlin": "stops at a vertex", "explin": "another minimum",
    "expquad": "another minimum", "sineali": "another minimum",
}


@pytest.mark.parametrize("name", [name for name in names if name not in OTHERWISE])
def test_exact_hessians_reach_a_known_minimum(name):
    p = getattr(problems, name)()
    f = p.fun(newton(p, p.x0))
    known = np.array([p.fmin, *p.local_minima])
    assert np.any(np.abs(f - known) <= np.maximum(1e-12, 1e-8 * np.abs(known))), f


def test_least_values_that_need_another_start():
    for name, start in [("hs2", (1.2, 1.5)), ("himmelp1", (80.0, 70.0)), ("eg1", (-1.0, -0.5, 2.0)), ("s368", None)]:
        p = getattr(problems, name)()
        x = newton(p, p.x0 if start is None else np.array(start))
        assert p.fun(x) == pytest.approx(p.fmin, rel=1e-9)


# Optima as printed by Hock & Schittkowski and in the CUTE collection, with at least five digits.
PUBLISHED = [
    ("torsion1", 16, -0.51851852), ("torsion1", 100, -0.49234185), ("torsion1", 484, -0.45608771),
    ("obstclal", 16, 0.753659754), ("obstclal", 100, 1.397897560), ("obstclal", 529, 1.678027027),
    ("obstclbm", 16, -0.0081108), ("obstclbm", 100, 2.87503823), ("obstclbm", 529, 6.51932527),
    ("jnlbrng1", 16, -0.2247400), ("jnlbrng1", 100, -0.1789600), ("jnlbrng1", 529, -0.1800500),
    ("cvxbqp1", 10, 2.4750), ("hs2", 2, 0.0504261879), ("hs5", 2, -1.9132229550), ("hs110", 10, -45.77846971),
    ("s328", 2, 1.744152006), ("explin2", 120, -7.24459142e5), ("explin", 120, -7.2375e5), ("allinit", 4, 16.7059684),
    ("hatfldb", 4, 5.57280900e-3), ("himmelp1", 2, -62.053869846), ("palmer1", 4, 11754.6025),
    ("pspdoc", 4, 2.414213562), ("hart6", 6, -3.32288689), ("eg1", 3, -1.429307), ("yfit", 3, 6.66972e-13),
]


@pytest.mark.parametrize("name, n, fmin", PUBLISHED)
def test_minima_are_the_published_ones(name, n, fmin):
    factory = getattr(problems, name)
    p = factory() if factory().n == n else factory(n)
    f = p.fmin if p.fmin is not None else minimize(p.fun, p.x0, jac=p.jac, bounds=p.bounds, tol=1e-10).fun
    assert f == pytest.approx(fmin, rel=3e-5)


def test_every_kind_of_bound_occurs():
    many = [getattr(problems, name)() for name in names]
    assert len(many) >= 42 and len({p.name for p in many}) == len(many)
    outside = [p for p in many if np.any((p.x0 < p.low) | (p.x0 > p.high))]
    on = [p for p in many if np.any((p.x0 == p.low) | (p.x0 == p.high))]
    fixed = [p for p in many if np.any(p.low == p.high)]
    one_sided = [p for p in many if np.any(np.isfinite(p.low) != np.isfinite(p.high))]
    assert min(map(len, (outside, on, fixed, one_sided))) >= 7


@pytest.mark.parametrize("name", ["boxed_beale", "s242", "nonscomp", "biggsb1", "chenhark", "oslbqp"])
def test_degenerate_problems_have_multipliers_of_zero(name):
    p = getattr(problems, name)()
    x = p.xmin
    active = ((x == p.low) | (x == p.high)) & (p.low < p.high)
    assert np.any(np.abs(p.jac(x)[active]) <= 1e-12)


@pytest.mark.parametrize("name, n, legal", [
    ("torsion1", 99, "a square ≥ 9"), ("jnlbrng1", 4, "an integer ≥ 9"), ("pentdi", 9, "a multiple of 2 ≥ 8"),
    ("chenhark", 25, "a multiple of 10 ≥ 10"), ("explin", 10, "an integer ≥ 11"), ("boxed_rosenbrock", 3, "a multiple"),
])
def test_illegal_dimension_is_named_with_what_is_legal(name, n, legal):
    with pytest.raises(ValueError, match=f"n = {n}, but the number of variables must be {legal}"):
        getattr(problems, name)(n=n)


def test_kernels_that_differ_have_names_that_differ():
    """Numba's disk cache identifies a kernel by these names."""
    every = [factory() for factory in problems.ALL + problems.BOUNDED]
    functions = {kernel.py_func for p in every for kernel in (p.fun, p.jac, p.hess)}
    assert len({(f.__module__, f.__qualname__, f.__code__.co_firstlineno) for f in functions}) == len(functions)
