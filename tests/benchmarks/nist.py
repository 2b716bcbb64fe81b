"""NIST's certified nonlinear regressions, fitted from both starts by every method of second order.

The figures are numbers of the 54 fits. `digits` is the least number of correct digits of a
parameter, -log10 of its error relative to the certified value; a success with fewer than two is
false. The exit status is 1 if a method falls short by default. The objective is the sum of squared
residuals, compiled, and its derivatives are the package's. Data, starts and certified values are
those of the Statistical Reference Datasets (https://www.itl.nist.gov/div898/strd/, public domain),
which the source distribution of lmfit holds:

    pip download --no-binary lmfit --no-deps lmfit
    tar xzf lmfit-*.tar.gz
    python tests/benchmarks/nist.py lmfit-*/NIST_STRD
"""

import argparse
import math
import pathlib
import re
import sys
import warnings

import numpy as np
from numba import njit
from scipy import optimize

from quasinewton import minimize, value_and_grad

LEAST = {"newton": 48, "newton-cg": 46, "bfgs": 44, "lbfgs": 44}  # fits with six digits by default that are required
MOST_FALSE = 4  # false successes by default that are allowed; a mirror image of the certified solution counts


def saturating(b, x):
    return b[0] * (1.0 - math.exp(-b[1] * x[0]))


def misra1b(b, x):
    return b[0] * (1.0 - (1.0 + b[1] * x[0] / 2.0) ** -2)


def misra1c(b, x):
    return b[0] * (1.0 - (1.0 + 2.0 * b[1] * x[0]) ** -0.5)


def misra1d(b, x):
    return b[0] * b[1] * x[0] / (1.0 + b[1] * x[0])


def chwirut(b, x):
    return math.exp(-b[0] * x[0]) / (b[1] + b[2] * x[0])


def lanczos(b, x):
    t = x[0]
    return b[0] * math.exp(-b[1] * t) + b[2] * math.exp(-b[3] * t) + b[4] * math.exp(-b[5] * t)


def gauss(b, x):
    t = x[0]
    first, second = ((t - b[3]) / b[4]) ** 2, ((t - b[6]) / b[7]) ** 2
    return b[0] * math.exp(-b[1] * t) + b[2] * math.exp(-first) + b[5] * math.exp(-second)


def danwood(b, x):
    return b[0] * x[0] ** b[1]


def kirby2(b, x):
    t = x[0]
    return (b[0] + b[1] * t + b[2] * t**2) / (1.0 + b[3] * t + b[4] * t**2)


def cubics(b, x):
    t = x[0]
    return (b[0] + b[1] * t + b[2] * t**2 + b[3] * t**3) / (1.0 + b[4] * t + b[5] * t**2 + b[6] * t**3)


def nelson(b, x):
    return b[0] - b[1] * x[0] * math.exp(-b[2] * x[1])


def mgh09(b, x):
    t = x[0]
    return b[0] * (t**2 + t * b[1]) / (t**2 + t * b[2] + b[3])


def mgh10(b, x):
    return b[0] * math.exp(b[1] / (x[0] + b[2]))


def mgh17(b, x):
    return b[0] + b[1] * math.exp(-x[0] * b[3]) + b[2] * math.exp(-x[0] * b[4])


def rat42(b, x):
    return b[0] / (1.0 + math.exp(b[1] - b[2] * x[0]))


def rat43(b, x):
    return b[0] / (1.0 + math.exp(b[1] - b[2] * x[0])) ** (1.0 / b[3])


def roszman1(b, x):
    return b[0] - b[1] * x[0] - math.atan(b[2] / (x[0] - b[3])) / math.pi


def bennett5(b, x):
    return b[0] * (b[1] + x[0]) ** (-1.0 / b[2])


def eckerle4(b, x):
    return b[0] / b[1] * math.exp(-0.5 * ((x[0] - b[2]) / b[1]) ** 2)


def enso(b, x):
    t = 2.0 * math.pi * x[0]
    year = b[1] * math.cos(t / 12.0) + b[2] * math.sin(t / 12.0)
    second = b[4] * math.cos(t / b[3]) + b[5] * math.sin(t / b[3])
    return b[0] + year + second + b[7] * math.cos(t / b[6]) + b[8] * math.sin(t / b[6])


MODELS = {  # one for all data sets of which the keys are names, or their beginnings
    "Misra1a": saturating,
    "BoxBOD": saturating,
    "Misra1b": misra1b,
    "Misra1c": misra1c,
    "Misra1d": misra1d,
    "Chwirut": chwirut,
    "Lanczos": lanczos,
    "Gauss": gauss,
    "DanWood": danwood,
    "Kirby2": kirby2,
    "Hahn1": cubics,
    "Thurber": cubics,
    "Nelson": nelson,
    "MGH09": mgh09,
    "MGH10": mgh10,
    "MGH17": mgh17,
    "Rat42": rat42,
    "Rat43": rat43,
    "Roszman1": roszman1,
    "Bennett5": bennett5,
    "Eckerle4": eckerle4,
    "ENSO": enso,
}
OBJECTIVES = {}


def objective(model):
    """Return the compiled sum of squared residuals of a model, made once."""
    if model not in OBJECTIVES:
        predict = njit(model)

        @njit
        def squares(b, x, y):
            total = 0.0
            for i in range(y.size):
                total += (y[i] - predict(b, x[i])) ** 2
            return total

        OBJECTIVES[model] = squares
    return OBJECTIVES[model]


def read(path):
    """Read a data set.

    The results are the starts, of shape (2, p), the certified parameters, of shape (p,), and the
    data x, of shape (m, k), and y, of shape (m,).
    """
    lines = path.read_text().splitlines()
    first, last = map(int, re.search(r"Data\s*\(lines\s*(\d+)\s*to\s*(\d+)\)", "\n".join(lines[:12])).groups())
    rows = [line.split("=")[1].split() for line in lines[: first - 1] if re.match(r"\s*b\d+\s*=", line)]
    table = np.array([list(map(float, row[:3])) for row in rows])
    data = np.array([list(map(float, line.split())) for line in lines[first - 1 : last]])
    y = np.log(data[:, 0]) if path.stem == "Nelson" else data[:, 0].copy()
    return table[:, :2].T.copy(), table[:, 2].copy(), np.ascontiguousarray(data[:, 1:]), y


def fits(folder):
    """Yield (name, compiled objective, start, certified parameters, args) of the 54 fits."""
    for path in sorted(pathlib.Path(folder).glob("*.dat")):
        model = next((MODELS[key] for key in MODELS if path.stem.startswith(key)), None)
        if model is not None:
            starts, certified, x, y = read(path)
            for number, start in enumerate(starts, 1):
                yield f"{path.stem} {number}", objective(model), start, certified, (x, y)


def digits(x, certified):
    """Return the least number of correct digits of a parameter.

    It is at most 11, the number to which the parameters are certified.
    """
    error = np.abs(x - certified) / np.abs(certified)
    worst = float(np.max(error)) if np.isfinite(error).all() else math.inf
    return -math.log10(max(worst, 1e-11))


def measure(folder, method, **options):
    """Fit everything by a method of ours.

    Returns
    -------
    dict of str to (float, bool, str, int, float, float)
        By name: correct digits, success, status, evaluations, f, optimality.
    """
    results = {}
    for name, fun, start, certified, args in fits(folder):
        res = minimize(fun, start, args, method=method, **options)
        results[name] = digits(res.x, certified), res.success, res.status.name, res.nfev, res.fun, res.optimality
    return results


def peer(folder, method):
    """Fit everything by a method of SciPy's with the same derivatives.

    The results are those of `measure`.
    """
    results = {}
    for name, fun, start, certified, args in fits(folder):
        res = optimize.minimize(value_and_grad(fun), start, args, jac=True, method=method)
        optimality = float(np.abs(res.jac).max())
        results[name] = digits(res.x, certified), bool(res.success), res.status, res.nfev, res.fun, optimality
    return results


def counts(results):
    """Return the numbers of fits with six digits and of false successes."""
    found = results.values()
    return sum(r[0] >= 6.0 for r in found), sum(r[1] and r[0] < 2.0 for r in found)


def row(label, results):
    """Return the line of a table that sums up the results of a method."""
    found = list(results.values())
    right, false = counts(results)
    refused = sum(not r[1] and r[0] >= 6.0 for r in found)
    return f"| {label} | {right} | {false} | {refused} | {sum(r[3] for r in found)} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="folder of the data sets, NIST_STRD of lmfit's source distribution")
    parser.add_argument("--each", action="store_true", help="print every fit, too")
    parser.add_argument("methods", nargs="*", default=LEAST)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| method | at least 6 digits, of 54 | false successes | 6 digits, but a failure | evaluations |")
    print("|---|---|---|---|---|")
    short = []
    for method in arguments.methods:
        for label, options in ("default", {}), ("gtol=0", {"gtol": 0.0}):
            results = measure(arguments.folder, method, **options)
            print(row(f"{method}, {label}", results), flush=True)
            right, false = counts(results)
            if not options and (right < LEAST.get(method, 0) or false > MOST_FALSE):
                short.append(method)
            if arguments.each:
                for name, (correct, success, status, nfev, f, optimality) in results.items():
                    print(f"  {name:12} {correct:5.1f} {success!s:5} {status:12} {nfev:6} {f:10.3g} {optimality:8.1e}")
    for method in "BFGS", "L-BFGS-B":
        print(row(f"SciPy {method}", peer(arguments.folder, method)), flush=True)
    if short:
        sys.exit(f"too few right or too many false: {', '.join(short)}")


if __name__ == "__main__":
    main()
