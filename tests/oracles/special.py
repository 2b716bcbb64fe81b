"""Write special.json: derivatives of special functions in multiple precision.

First and second derivatives are mpmath's differences, in 60 digits, of the definitions below,
rounded to doubles. Run by hand, with mpmath 1.4 installed; the tests only read the file.
"""

import json
from pathlib import Path

import mpmath as mp

mp.mp.dps = 60


def ndtr(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def expit(x):
    return 1 / (1 + mp.exp(-x))


def log_beta(a, b):
    return mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)


POSITIVE = ["0.3", "1.4616321449683623", "2.5", "17", "300"]
REAL = ["-3.1", "-0.4", "0.25", "1.9", "4.5"]
TAILS = ["-1000", "-30", "-2", "0.5", "6"]
FUNCTIONS = {
    "gammaln": (lambda x: mp.log(abs(mp.gamma(x))), ["-2.5", *POSITIVE[:4]]),
    "digamma": (lambda x: mp.digamma(x), ["-2.5", *POSITIVE[:1], *POSITIVE[2:]]),
    "trigamma": (lambda x: mp.psi(1, x), ["-2.5", *POSITIVE[:1], *POSITIVE[2:]]),
    "betaln_first": (lambda x: log_beta(x, mp.mpf(2.5)), POSITIVE),
    "betaln_second": (lambda x: log_beta(mp.mpf(1.5), x), POSITIVE),
    "erf": (mp.erf, REAL),
    "erfc": (mp.erfc, REAL),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), ["-3", "0.5", "1.99", "2.01", "1000"]),
    "ndtr": (ndtr, ["-20", *REAL[1:]]),
    "log_ndtr": (lambda x: mp.log(ndtr(x)), TAILS),
    "expit": (expit, ["-40", "-3", "0", "3", "40"]),
    "logit": (lambda x: mp.log(x / (1 - x)), ["1e-6", "0.25", "0.5", "0.75", "0.875"]),
    "log_expit": (lambda x: -mp.log(1 + mp.exp(-x)), ["-30", "-3", "0", "3", "40"]),
    "xlogy_first": (lambda x: x * mp.log(mp.mpf(2.5)), ["0", *POSITIVE[1:]]),
    "xlogy_second": (lambda x: mp.mpf(2.5) * mp.log(x), POSITIVE),
    "xlog1py_second": (lambda x: mp.mpf(2.5) * mp.log(1 + x), ["1e-9", *POSITIVE[1:]]),
    "ive_0": (lambda x: mp.exp(-x) * mp.besseli(0, x), POSITIVE),
    "ive_half": (lambda x: mp.exp(-x) * mp.besseli(mp.mpf(1.5), x), POSITIVE),
    "kve_0": (lambda x: mp.exp(x) * mp.besselk(0, x), POSITIVE),
    "kve_half": (lambda x: mp.exp(x) * mp.besselk(mp.mpf(2.5), x), POSITIVE),
}


def differentiate(function, x, order):
    """Return a derivative as a float, or 0 if it is smaller than the error of its differences."""
    derivative = mp.diff(function, x, order, h=mp.mpf(10) ** -15)
    return float(derivative) if abs(derivative) > mp.mpf(10) ** -100 else 0.0


def main():
    table = {}
    for name, (function, points) in FUNCTIONS.items():
        points = [float(point) for point in points]
        derivatives = [[differentiate(function, mp.mpf(x), k) for k in (1, 2)] for x in points]
        table[name] = {"x": points, "first": [d[0] for d in derivatives], "second": [d[1] for d in derivatives]}
    Path(__file__).with_suffix(".json").write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
