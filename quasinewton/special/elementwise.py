"""Elementwise special functions under SciPy's names."""

import scipy.special

from quasinewton.special.compiled import elementwise, from_scipy
from quasinewton.special.polygamma_series import polygamma_of


@from_scipy("gammaln")
def gammaln(x):
    """Return log |Γ(x)|.

    Parameters
    ----------
    x : float or ndarray
        Any shape.

    Returns
    -------
    float or ndarray of float64
        Infinite at 0, −1, …

    References
    ----------
    Abramowitz & Stegun 6.1; derivative 6.3.1: digamma.

    Examples
    --------
    >>> from quasinewton.special import gammaln
    >>> round(float(gammaln(0.5)), 6)
    0.572365
    """
    return scipy.special.gammaln(x)


@from_scipy("__pyx_fuse_1psi")
def digamma(x):
    """Return ψ(x), the derivative of log Γ(x).

    Parameters
    ----------
    x : float or ndarray
        Any shape.

    Returns
    -------
    float or ndarray of float64
        NaN at −1, −2, …

    References
    ----------
    Abramowitz & Stegun 6.3; derivative: polygamma(1, x).

    Examples
    --------
    >>> from quasinewton.special import digamma
    >>> round(float(digamma(0.5)), 6)
    -1.96351
    """
    return scipy.special.psi(x)


@from_scipy("betaln")
def betaln(a, b):
    """Return log |B(a, b)|, of the beta function.

    Parameters
    ----------
    a, b : float or ndarray
        Broadcast against each other.

    Returns
    -------
    float or ndarray of float64
        log |Γ(a) Γ(b)/Γ(a + b)|.

    References
    ----------
    Abramowitz & Stegun 6.2.

    Examples
    --------
    >>> from quasinewton.special import betaln
    >>> round(float(betaln(0.5, 2.0)), 6)
    0.287682
    """
    return scipy.special.betaln(a, b)


@from_scipy("__pyx_fuse_1erf")
def erf(x):
    """Return the error function, 2/√π ∫₀ˣ exp(−t²) dt.

    Parameters
    ----------
    x : float or ndarray
        Any shape.

    Returns
    -------
    float or ndarray of float64
        Between −1 and 1.

    References
    ----------
    Abramowitz & Stegun 7.1.1.

    Examples
    --------
    >>> from quasinewton.special import erf
    >>> round(float(erf(0.5)), 6)
    0.5205
    """
    return scipy.special.erf(x)


@from_scipy("__pyx_fuse_1erfc")
def erfc(x):
    """Return 1 − erf(x), without cancellation.

    Parameters
    ----------
    x : float or ndarray
        Any shape.

    Returns
    -------
    float or ndarray of float64
        Between 0 and 2.

    References
    ----------
    Abramowitz & Stegun 7.1.2.

    Examples
    --------
    >>> from quasinewton.special import erfc
    >>> round(float(erfc(0.5)), 6)
    0.4795
    """
    return scipy.special.erfc(x)


@from_scipy("__pyx_fuse_1erfcx")
def erfcx(x):
    """Return exp(x²) erfc(x), which neither underflows nor, for x > −26, overflows.

    Parameters
    ----------
    x : float or ndarray
        Any shape.

    Returns
    -------
    float or ndarray of float64
        Positive.

    References
    ----------
    Abramowitz & Stegun 7.1.2, 7.4.2.

    Examples
    --------
    >>> from quasinewton.special import erfcx
    >>> round(float(erfcx(0.5)), 6)
    0.61569
    """
    return scipy.special.erfcx(x)


@from_scipy("__pyx_fuse_1ndtr")
def ndtr(x):
    """Return the standard normal distribution function, Φ(x).

    Parameters
    ----------
    x : float or ndarray
        Any shape.

    Returns
    -------
    float or ndarray of float64
        Between 0 and 1.

    References
    ----------
    Abramowitz & Stegun 26.2.2.

    Examples
    --------
    >>> from quasinewton.special import ndtr
    >>> round(float(ndtr(0.5)), 6)
    0.691462
    """
    return scipy.special.ndtr(x)


@from_scipy("__pyx_fuse_1log_ndtr")
def log_ndtr(x):
    """Return log Φ(x), accurate where Φ underflows.

    Parameters
    ----------
    x : float or ndarray
        Any shape.

    Returns
    -------
    float or ndarray of float64
        Negative.

    References
    ----------
    Abramowitz & Stegun 26.2.2; its derivative is the hazard φ/Φ.

    Examples
    --------
    >>> from quasinewton.special import log_ndtr
    >>> round(float(log_ndtr(-40.0)), 6)
    -804.608442
    """
    return scipy.special.log_ndtr(x)


@from_scipy("__pyx_fuse_0expit")
def expit(x):
    """Return the logistic function, 1/(1 + exp(−x)).

    Parameters
    ----------
    x : float or ndarray
        Any shape.

    Returns
    -------
    float or ndarray of float64
        Between 0 and 1.

    References
    ----------
    Derivative: expit(x) expit(−x).

    Examples
    --------
    >>> from quasinewton.special import expit
    >>> round(float(expit(0.5)), 6)
    0.622459
    """
    return scipy.special.expit(x)


@from_scipy("__pyx_fuse_0logit")
def logit(x):
    """Return log(x/(1 − x)), the inverse of `expit`.

    Parameters
    ----------
    x : float or ndarray
        Any shape. Between 0 and 1, else the result is NaN.

    Returns
    -------
    float or ndarray of float64
        Infinite at 0 and 1.

    References
    ----------
    Derivative: 1/(x (1 − x)).

    Examples
    --------
    >>> from quasinewton.special import logit
    >>> round(float(logit(0.25)), 6)
    -1.098612
    """
    return scipy.special.logit(x)


@from_scipy("__pyx_fuse_0log_expit")
def log_expit(x):
    """Return log(expit(x)) = −log(1 + exp(−x)) without overflow.

    Parameters
    ----------
    x : float or ndarray
        Any shape.

    Returns
    -------
    float or ndarray of float64
        Negative. The softplus function of z is −log_expit(−z).

    References
    ----------
    Derivative: expit(−x).

    Examples
    --------
    >>> from quasinewton.special import log_expit
    >>> round(float(log_expit(-800.0)), 6)
    -800.0
    """
    return scipy.special.log_expit(x)


@from_scipy("__pyx_fuse_1xlogy")
def xlogy(x, y):
    """Return x log(y), and 0 where x = 0 and y is not NaN.

    Parameters
    ----------
    x, y : float or ndarray
        Broadcast against each other.

    Returns
    -------
    float or ndarray of float64
        The derivative by y is x/y, and 0 where x = y = 0; that by x is log(y).

    References
    ----------
    The limit of x log x at 0 is 0.

    Examples
    --------
    >>> from quasinewton.special import xlogy
    >>> round(float(xlogy(0.0, 0.0)), 6)
    0.0
    """
    return scipy.special.xlogy(x, y)


@from_scipy("__pyx_fuse_1xlog1py")
def xlog1py(x, y):
    """Return x log(1 + y), and 0 where x = 0 and y is not NaN.

    Parameters
    ----------
    x, y : float or ndarray
        Broadcast against each other.

    Returns
    -------
    float or ndarray of float64
        The derivatives are as those of `xlogy`.

    References
    ----------
    Compare `xlogy`.

    Examples
    --------
    >>> from quasinewton.special import xlog1py
    >>> round(float(xlog1py(2.0, 1e-9)), 6)
    0.0
    """
    return scipy.special.xlog1py(x, y)


@from_scipy("__pyx_fuse_1ive")
def ive(v, x):
    """Return exp(−|x|) I_v(x), of the modified Bessel function of the first kind.

    Parameters
    ----------
    v : float or ndarray
        Order, which is not differentiated.
    x : float or ndarray
        Broadcast against v.

    Returns
    -------
    float or ndarray of float64
        NaN at negative x if the order is not an integer.

    References
    ----------
    Abramowitz & Stegun 9.6; derivative 9.6.26.

    Examples
    --------
    >>> from quasinewton.special import ive
    >>> round(float(ive(0, 1000.0)), 6)
    0.012617
    """
    return scipy.special.ive(v, x)


@from_scipy("__pyx_fuse_1kve")
def kve(v, x):
    """Return exp(x) K_v(x), of the modified Bessel function of the second kind.

    Parameters
    ----------
    v : float or ndarray
        Order, which is not differentiated.
    x : float or ndarray
        Positive; broadcast against v.

    Returns
    -------
    float or ndarray of float64
        Infinite at 0, NaN below.

    References
    ----------
    Abramowitz & Stegun 9.6; derivative 9.6.26.

    Examples
    --------
    >>> from quasinewton.special import kve
    >>> round(float(kve(1, 1000.0)), 6)
    0.039648
    """
    return scipy.special.kve(v, x)


def polygamma_in_compiled_code(n, x):
    return digamma(x) if n == 0 else polygamma_of(float(n), float(x))


@elementwise(polygamma_in_compiled_code)
def polygamma(n, x):
    """Return the derivative of digamma of order n; polygamma(1, x) is also called trigamma.

    Parameters
    ----------
    n : int or ndarray of int
        Order, at least 0, which is not differentiated.
    x : float or ndarray
        Broadcast against n.

    Returns
    -------
    float or ndarray of float64
        Infinite at 0, −1, … Compiled code uses an implementation of this package, which agrees with
        SciPy's to a few roundings.

    References
    ----------
    Abramowitz & Stegun 6.4; derivative: polygamma(n + 1, x).

    Examples
    --------
    >>> from quasinewton.special import polygamma
    >>> round(float(polygamma(1, 1.0)), 6)
    1.644934
    """
    return scipy.special.polygamma(n, x)
