"""The special functions of likelihoods, for Python and for compiled code, with exact derivatives of
any order.

Values are SciPy's: from Python `scipy.special` itself, in compiled code the C functions of the same
library. Import this module before you load compiled functions that use it from disk: they find the
C functions by the names given here.
"""

from quasinewton.special.elementwise import (
    betaln,
    digamma,
    erf,
    erfc,
    erfcx,
    expit,
    gammaln,
    ive,
    kve,
    log_expit,
    log_ndtr,
    logit,
    ndtr,
    polygamma,
    xlog1py,
    xlogy,
)
from quasinewton.special.reductions import logsumexp, softmax

__all__ = [
    "betaln",
    "digamma",
    "erf",
    "erfc",
    "erfcx",
    "expit",
    "gammaln",
    "ive",
    "kve",
    "log_expit",
    "log_ndtr",
    "logit",
    "logsumexp",
    "ndtr",
    "polygamma",
    "softmax",
    "xlog1py",
    "xlogy",
]
