"""Published unconstrained test functions with exact first and second derivatives, compiled.

`MGH` holds the 35 of Moré, Garbow & Hillstrom (1981) in the paper's order, `SCALABLE` functions of any number of
variables from the CUTE, Andrei and Dixon-Maany collections and others, `ALL` both. Each is a factory:

>>> from quasinewton import problems
>>> p = problems.extended_rosenbrock(n=100)
>>> round(p.fun(p.x0), 6), p.fmin
(1210.0, 0.0)

Nothing is compiled before `fun`, `jac` or `hess` is first called. A factory's file is loaded when it is first named,
since the dispatchers of all files together take a tenth of a second to make.
"""

import importlib

from quasinewton.problems.problem import Problem

# Factories and the files they live in.
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
_ALL = {**_MGH, **_SCALABLE}
_TUPLES = {"MGH": _MGH, "SCALABLE": _SCALABLE, "ALL": _ALL}

__all__ = ["Problem", *_TUPLES, *_ALL]


def __getattr__(name):
    """Load a factory, or a tuple of factories, when it is first named."""
    if name in _ALL:
        value = getattr(importlib.import_module(f"{__name__}.{_ALL[name]}"), name)
    elif name in _TUPLES:
        value = tuple(__getattr__(factory) for factory in _TUPLES[name])
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
