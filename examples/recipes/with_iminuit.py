"""A likelihood in Numba, minimised here, with the errors of iminuit, by HESSE and MINOS.

Minuit is started at the minimum with the exact gradient of the compiled likelihood. `Minuit.scipy`
takes `minimize` as its method, too. The answers are compared with Minuit's own MIGRAD.
"""

import numpy as np
from iminuit import Minuit
from numba import njit

from quasinewton import grad, minimize


@njit
def loss(p, energies):
    """Return −2 log L of a peak at p[1] of width p[2] on an exponential background."""
    f = 0.0
    for e in energies:
        peak = np.exp(-0.5 * ((e - p[1]) / p[2]) ** 2) / (np.sqrt(2.0 * np.pi) * p[2])
        slope = np.exp(-e / p[3]) / (p[3] * (1.0 - np.exp(-10.0 / p[3])))
        f -= 2.0 * np.log(p[0] * peak + (1.0 - p[0]) * slope)
    return f


rng = np.random.default_rng(8)
tail = rng.exponential(4.0, 3000)
energies = np.concatenate([rng.normal(5.0, 0.4, 400), tail[tail < 10.0]])

names, start = ["fraction", "mass", "width", "decay"], [0.1, 4.5, 0.5, 3.0]
bounds = [(0.0, 1.0), (0.0, 10.0), (0.05, 2.0), (0.5, 20.0)]
slope = grad(loss)


def minuit(p):
    m = Minuit(lambda p: loss(p, energies), p, grad=lambda p: slope(p, energies), name=names)
    m.limits, m.errordef = bounds, Minuit.LIKELIHOOD * 2.0
    return m


res = minimize(loss, start, (energies,), "bfgs", bounds=bounds)
m, theirs, through = minuit(res.x), minuit(start), minuit(start)
m.migrad()  # Minuit wants a minimum of its own before it looks around it; from here it is a few evaluations
m.hesse()
m.minos()
theirs.migrad()
through.scipy(method=minimize)
for name, value, error in zip(names, res.x, m.errors, strict=True):
    print(f"{name:9s} {value:8.4f} ± {error:.4f}   MINOS {m.merrors[name].lower:+.4f} {m.merrors[name].upper:+.4f}")
assert res.success and m.valid and res.fun <= theirs.fval + 1e-6
assert all(np.all(np.abs(np.subtract(p, theirs.values)) < 0.02 * np.array(m.errors)) for p in (res.x, m.values))
assert through.valid and abs(through.fval - theirs.fval) < 1e-3
