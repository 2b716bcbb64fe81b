"""Fits of histograms with pyhf's NumPy backend, whose likelihood is a Python function of x.

Models with one to eight bins and 2 to 30 parameters between bounds, fitted to the expected counts,
to Poisson counts, and with the signal strength held fixed; gradients by differences. Every method
must succeed, and not end above SciPy's L-BFGS-B; the exit status is 1 if one does not. It needs
`pip install pyhf`.
"""

import sys
import warnings

import numpy as np
import pyhf
from scipy import optimize

from quasinewton import minimize

METHODS = "lbfgs", "bfgs", "newton"
LEVEL = 1e-7  # relative to max(1, |f|); two fits whose values differ by less are equally good


def models(rng):
    """Yield models of a signal above backgrounds with uncertainties."""
    for bins in 1, 2, 5:
        signal, background = list(rng.uniform(5, 10, bins)), rng.uniform(50, 70, bins)
        yield pyhf.simplemodels.uncorrelated_background(signal, list(background), list(0.1 * background))
        shifted = list(1.1 * background), list(0.9 * background)
        yield pyhf.simplemodels.correlated_background(signal, list(background), *shifted)
    for bins in 2, 4, 8:
        histogram = {"hi_data": list(rng.uniform(45, 75, bins)), "lo_data": list(rng.uniform(35, 60, bins))}
        strength = {"name": "mu", "type": "normfactor", "data": None}
        luminosity = {"name": "lumi", "type": "normsys", "data": {"hi": 1.02, "lo": 0.98}}
        normalisation = {"name": "norm", "type": "normsys", "data": {"hi": 1.1, "lo": 0.92}}
        shape = {"name": "shape", "type": "histosys", "data": histogram}
        counts = {"name": "counts", "type": "staterror", "data": list(rng.uniform(1, 4, bins))}
        free = {"name": "k", "type": "normfactor", "data": None}
        each = {"name": "each", "type": "shapesys", "data": list(rng.uniform(1, 4, bins))}
        samples = (
            ("signal", rng.uniform(3, 9, bins), [strength, luminosity]),
            ("known", rng.uniform(40, 70, bins), [normalisation, shape, counts]),
            ("unknown", rng.uniform(10, 20, bins), [free, each]),
        )
        samples = [{"name": name, "data": list(data), "modifiers": modifiers} for name, data, modifiers in samples]
        yield pyhf.Model({"channels": [{"name": "channel", "samples": samples}]})


def fits():
    """Yield (objective, start, bounds) of 27 fits."""
    rng = np.random.default_rng(1)
    for model in models(rng):
        start, config = np.array(model.config.suggested_init()), model.config
        expected = np.asarray(model.expected_actualdata(start))
        for counts, held in (expected, None), (rng.poisson(expected), None), (expected, config.poi_index or 0):
            data = np.concatenate([counts, config.auxdata]).astype(float)
            free = [i for i, fixed in enumerate(config.suggested_fixed()) if not fixed and i != held]

            def fun(x, model=model, data=data, free=free, start=start):
                point = start.copy()
                point[free] = x
                return float(-2.0 * np.ravel(model.logpdf(point, data))[0])

            yield fun, start[free], [tuple(config.suggested_bounds()[i]) for i in free]


def main():
    pyhf.set_backend("numpy")
    warnings.simplefilter("ignore")
    problems = list(fits())
    peers = [optimize.minimize(fun, x0, method="L-BFGS-B", bounds=bounds) for fun, x0, bounds in problems]
    print("| method | fits | successes | f above L-BFGS-B's | values |\n|---|---|---|---|---|")
    print(f"| SciPy L-BFGS-B | {len(peers)} | {sum(r.success for r in peers)} | | {sum(r.nfev for r in peers)} |")
    right = True
    for method in METHODS:
        found = [minimize(fun, x0, method=method, bounds=bounds) for fun, x0, bounds in problems]
        above = sum(r.fun > p.fun + LEVEL * max(1.0, abs(p.fun)) for r, p in zip(found, peers, strict=True))
        successes = sum(r.success for r in found)
        right &= successes == len(found) and above == 0
        print(f"| {method} | {len(found)} | {successes} | {above} | {sum(r.nfev for r in found)} |", flush=True)
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
