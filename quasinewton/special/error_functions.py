"""Error functions and the normal distribution, as in SciPy."""

from typing import Any

import scipy.special
from numpy.typing import ArrayLike

from quasinewton.special.compiled import from_scipy


@from_scipy("__pyx_fuse_1erf")
def erf(x: ArrayLike) -> Any:
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
def erfc(x: ArrayLike) -> Any:
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
def erfcx(x: ArrayLike) -> Any:
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
def ndtr(x: ArrayLike) -> Any:
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
def log_ndtr(x: ArrayLike) -> Any:
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
