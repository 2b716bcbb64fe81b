"""Special functions of likelihoods, with exact derivatives, for Python and for compiled code.

Values are SciPy's: `scipy.special` itself from Python, the C functions of the same library in
compiled code. Derivatives exist to any order. Import this module before you load compiled functions
that use it from disk, because they find the C functions by names that are registered here.
"""

from quasinewton.special.bessel_functions import ive, kve
from quasinewton.special.error_functions import erf, erfc, erfcx, log_ndtr, ndtr
from quasinewton.special.gamma_functions import betaln, digamma, gammaln, polygamma
from quasinewton.special.likelihood_functions import (
    expit,
    log_expit,
    logit,
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
