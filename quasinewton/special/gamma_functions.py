"""Logarithms of the gamma and beta functions, and derivatives of the former, as in SciPy."""

from typing import Any

import scipy.special
from numpy.typing import ArrayLike

from quasinewton.special.compiled import elementwise, from_scipy
from quasinewton.special.polygamma_series import polygamma_of


@from_scipy("gammaln")
def gammaln(x: ArrayLike) -> Any:
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
def digamma(x: ArrayLike) -> Any:
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
def betaln(a: ArrayLike, b: ArrayLike) -> Any:
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


def polygamma_in_compiled_code(n, x):
    return digamma(x) if n == 0 else polygamma_of(float(n), float(x))


@elementwise(polygamma_in_compiled_code)
def polygamma(n: int, x: ArrayLike) -> Any:
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
