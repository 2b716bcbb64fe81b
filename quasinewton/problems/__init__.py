"""Published test problems with exact first and second derivatives, compiled.

`MGH` holds the 35 unconstrained ones of Moré, Garbow & Hillstrom (1981) in the paper's order,
`SCALABLE` functions of any number of variables from the CUTE, Andrei and Dixon-Maany collections
and others, `ALL` both. `BOUNDED` holds problems with bounds: those of Hock & Schittkowski, of CUTE,
and MGH's within the bounds of Gay. Each is a factory:

>>> from quasinewton import problems
>>> p = problems.extended_rosenbrock(n=100)
>>> round(p.fun(p.x0), 6), p.fmin
(1210.0, 0.0)
>>> problems.hs2().bounds
Bounds(array([-inf,  1.5]), array([inf, inf]))

Nothing is compiled before `fun`, `jac` or `hess` is first called. A factory's file is loaded when
it is first named, since the dispatchers of all files together take a tenth of a second to make.
"""

import importlib
from typing import Any

from quasinewton.problems.problem import Problem

# Names of the factories, with the file of each.
_MGH = {
    "rosenbrock": "systems",  # (1)
    "freudenstein_roth": "systems",
    "powell_badly_scaled": "systems",
    "brown_badly_scaled": "systems",
    "beale": "systems",  # (5)
    "jennrich_sampson": "fits",
    "helical_valley": "systems",
    "bard": "fits",
    "gaussian": "fits",
    "meyer": "fits",  # (10)
    "gulf": "fits",
    "box": "fits",
    "powell_singular": "systems",
    "wood": "systems",
    "kowalik_osborne": "fits",  # (15)
    "brown_dennis": "fits",
    "osborne_1": "fits",
    "biggs": "fits",
    "osborne_2": "fits",
    "watson": "dense",  # (20)
    "extended_rosenbrock": "systems",
    "extended_powell_singular": "systems",
    "penalty_1": "dense",
    "penalty_2": "dense",
    "variably_dimensioned": "dense",  # (25)
    "trigonometric": "dense",
    "brown_almost_linear": "polynomial",
    "discrete_boundary_value": "discretised",
    "discrete_integral_equation": "discretised",
    "broyden_tridiagonal": "discretised",  # (30)
    "broyden_banded": "discretised",
    "linear_full_rank": "linear",
    "linear_rank_1": "linear",
    "linear_rank_1_zeros": "linear",
    "chebyquad": "polynomial",  # (35)
}
_BLOCKS = ("power", "quartic", "raydan_1", "raydan_2", "hager", "white_holst", "himmelblau", "cliff", "psc1",
           "cragg_levy", "woods")
_CHAINS = ("chained_rosenbrock", "genrose", "dqdrtic", "engval1", "tridia", "cosine", "fletchcr", "edensch",
           "generalised_tridiagonal", "schmidt_vetters")
_ARROWS = ("arwhead", "liarwhd", "tquartic", "bdqrtic", "nondquar", "sinquad", "eg2", "noncvxu2",
           "dixmaana", "dixmaand", "dixmaanh", "dixmaanl")
_SCALABLE = {**dict.fromkeys(_BLOCKS, "blocks"), **dict.fromkeys(_CHAINS, "chains"),
             **dict.fromkeys(_ARROWS, "arrows"), "lennard_jones": "clusters"}
_BOXES = tuple(f"boxed_{name}" for name in (
    "rosenbrock", "freudenstein_roth", "powell_badly_scaled", "brown_badly_scaled", "beale", "jennrich_sampson",
    "helical_valley", "bard", "gaussian", "meyer", "gulf", "box", "powell_singular", "wood", "kowalik_osborne",
    "brown_dennis", "osborne_1", "biggs", "watson", "penalty_1", "penalty_2", "variably_dimensioned", "trigonometric",
    "brown_almost_linear", "linear_full_rank", "linear_rank_1", "chebyquad"))
_SCHITTKOWSKI = ("hs1", "hs2", "hs3", "hs4", "hs5", "hs25", "hs38", "hs45", "hs110", "s229", "s242", "s328", "s368")
_MINIATURES = ("camel6", "hatflda", "hatfldb", "himmelp1", "logros", "mdhole", "hart6", "pspdoc", "allinit", "eg1",
               "yfit", "palmer1")
_QUADRATICS = ("bqp1var", "simbqp", "oslbqp", "biggsb1", "cvxbqp1", "ncvxbqp1", "ncvxbqp2", "ncvxbqp3", "pentdi",
               "qudlin", "chenhark", "harkerp2")
_CORRIDORS = ("mccormck", "nonscomp", "sineali", "hatfldc", "explin", "explin2", "expquad")
_MEMBRANES = ("torsion1", "torsion3", "torsion6", "obstclal", "obstclbl", "obstclbm", "jnlbrng1")
_BOUNDED = {**dict.fromkeys(_BOXES, "boxes"), **dict.fromkeys(_SCHITTKOWSKI, "hock_schittkowski"),
            **dict.fromkeys(_MINIATURES, "miniatures"), **dict.fromkeys(_QUADRATICS, "quadratics"),
            **dict.fromkeys(_CORRIDORS, "corridors"), **dict.fromkeys(_MEMBRANES, "membranes")}
_ALL = {**_MGH, **_SCALABLE}
_FACTORIES = {**_ALL, **_BOUNDED}
_TUPLES = {"MGH": _MGH, "SCALABLE": _SCALABLE, "ALL": _ALL, "BOUNDED": _BOUNDED}

__all__ = ["Problem", *_TUPLES, *_FACTORIES]


def __getattr__(name: str) -> Any:
    """Load a factory, or a tuple of factories, when it is first named."""
    if name in _FACTORIES:
        value = getattr(importlib.import_module(f"{__name__}.{_FACTORIES[name]}"), name)
    elif name in _TUPLES:
        value = tuple(__getattr__(factory) for factory in _TUPLES[name])
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
