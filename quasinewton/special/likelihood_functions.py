"""Logistic functions and x log y, the terms of likelihoods, as in SciPy."""

from typing import Any

import scipy.special
from numpy.typing import ArrayLike

from quasinewton.special.compiled import from_scipy


@from_scipy("__pyx_fuse_0expit")
def expit(x: ArrayLike) -> Any:
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
def logit(x: ArrayLike) -> Any:
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
def log_expit(x: ArrayLike) -> Any:
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
def xlogy(x: ArrayLike, y: ArrayLike) -> Any:
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
def xlog1py(x: ArrayLike, y: ArrayLike) -> Any:
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
