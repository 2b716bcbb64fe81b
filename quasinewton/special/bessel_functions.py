"""Modified Bessel functions, as in SciPy."""

from typing import Any

import scipy.special
from numpy.typing import ArrayLike

from quasinewton.special.compiled import from_scipy


@from_scipy("__pyx_fuse_1ive")
def ive(v: ArrayLike, x: ArrayLike) -> Any:
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
def kve(v: ArrayLike, x: ArrayLike) -> Any:
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
