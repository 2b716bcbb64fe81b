"""Exact derivatives of functions compiled by Numba: the door to automatic differentiation.

A function is differentiated by compiling it again, for numbers that carry derivatives: forward mode
for few variables, reverse mode, by transformation or on a tape, for many. Only what is below is for
others to use; the rest is imported when first needed.
"""

import weakref

from numba.core.dispatcher import Dispatcher

from quasinewton.autodiff.errors import Refused
from quasinewton.numba_ext.fingerprint import ORIGIN

__all__ = ["MODES", "Refused", "derivative", "grad", "hessian", "hvp", "jacobian", "value_and_grad"]

MODES = "auto", "forward", "reverse"
FEW = 24  # up to this many variables forward mode takes one sweep, and is mostly the faster one
MADE = "_quasinewton_derivatives"  # where a function keeps what was made of it
UNKNOWN = 8  # directions at a time where the number of variables is not known


def value_and_grad(f, jac="auto"):
    """Make the compiled function that returns the value and the gradient of a compiled function.

    Parameters
    ----------
    f : numba dispatcher
        ``f(x, *args) -> float`` with x of shape (n,), compiled by ``numba.njit``.
    jac : {"auto", "forward", "reverse"}
        Forward mode costs in proportion to n, reverse mode a small multiple of `f` for any n, and
        memory in proportion to its operations. "auto" is forward up to n = 24.

    Returns
    -------
    numba dispatcher
        ``(x, *args) -> (float, ndarray of shape (n,))``, for Python and for compiled code. The
        value has the bits of ``f(x, *args)``.

    Raises
    ------
    TypeError
        If `f` is not compiled; when called, if `f` contains what cannot be differentiated, which it
        names.
    ValueError
        If `jac` is none of these.

    References
    ----------
    Griewank & Walther, Evaluating Derivatives, 2nd ed., SIAM 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from quasinewton import value_and_grad
    >>> @njit
    ... def f(x):
    ...     return np.sum(x**2)
    >>> y, g = value_and_grad(f)(np.array([1.0, 2.0]))
    >>> print(y, g)
    5.0 [2. 4.]
    """
    return remembered(f, "value_and_grad", mode_of(jac), None)


def grad(f, jac="auto"):
    """Make the compiled function that returns the gradient of a compiled function.

    Parameters
    ----------
    f : numba dispatcher
        ``f(x, *args) -> float`` with x of shape (n,), compiled by ``numba.njit``.
    jac : {"auto", "forward", "reverse"}
        See `value_and_grad`.

    Returns
    -------
    numba dispatcher
        ``(x, *args) -> ndarray of shape (n,)``.

    Raises
    ------
    TypeError, ValueError
        As `value_and_grad`.

    References
    ----------
    Griewank & Walther, Evaluating Derivatives, 2nd ed., SIAM 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from quasinewton import grad
    >>> @njit
    ... def f(x):
    ...     return x[0] * x[1]
    >>> print(grad(f)(np.array([3.0, 5.0])))
    [5. 3.]
    """
    return remembered(f, "grad", mode_of(jac), None)


def jacobian(f):
    """Make the compiled function that returns the Jacobian of a compiled vector function, by
    forward mode.

    Parameters
    ----------
    f : numba dispatcher
        ``f(x, *args) -> ndarray of shape (m,)`` with x of shape (n,), compiled by ``numba.njit``.

    Returns
    -------
    numba dispatcher
        ``(x, *args) -> ndarray of shape (m, n)``, ``J[i, j] = ∂f_i/∂x_j``.

    Raises
    ------
    TypeError
        As `value_and_grad`.

    References
    ----------
    Griewank & Walther, Evaluating Derivatives, 2nd ed., SIAM 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from quasinewton import jacobian
    >>> @njit
    ... def f(x):
    ...     return x * x
    >>> print(jacobian(f)(np.array([1.0, 2.0])))
    [[2. 0.]
     [0. 4.]]
    """
    return remembered(f, "jacobian", None, None)


def hvp(f):
    """Make the compiled function that returns the product of the Hessian of a compiled function
    with a vector.

    Parameters
    ----------
    f : numba dispatcher
        ``f(x, *args) -> float`` with x of shape (n,), compiled by ``numba.njit``.

    Returns
    -------
    numba dispatcher
        ``(x, v, *args) -> ndarray of shape (n,)``: forward mode through reverse mode, for any n a
        small multiple of the cost of `f`.

    Raises
    ------
    TypeError
        As `value_and_grad`.

    References
    ----------
    Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6 (1994).

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from quasinewton import hvp
    >>> @njit
    ... def f(x):
    ...     return x[0] ** 2 * x[1]
    >>> print(hvp(f)(np.array([1.0, 2.0]), np.array([1.0, 0.0])))
    [4. 2.]
    """
    return remembered(f, "hvp", None, None)


def hessian(f):
    """Make the compiled function that returns the Hessian of a compiled function.

    Parameters
    ----------
    f : numba dispatcher
        ``f(x, *args) -> float`` with x of shape (n,), compiled by ``numba.njit``.

    Returns
    -------
    numba dispatcher
        ``(x, *args) -> ndarray of shape (n, n)``, symmetric to rounding; a sweep for every 8 to 24
        columns.

    Raises
    ------
    TypeError
        As `value_and_grad`.

    References
    ----------
    Griewank & Walther, Evaluating Derivatives, 2nd ed., SIAM 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from quasinewton import hessian
    >>> @njit
    ... def f(x):
    ...     return x[0] ** 2 * x[1]
    >>> print(hessian(f)(np.array([1.0, 2.0])))
    [[4. 2.]
     [2. 0.]]
    """
    return remembered(f, "hessian", None, None)


def derivative(f, kind, jac, n, packed=False):
    """The same for callers that know n: the derivative of one kind, and the mode that was chosen.

    Parameters
    ----------
    f : numba dispatcher
    kind : {"value_and_grad", "value_and_jacobian", "hvp", "hessian"}
    jac : {"auto", "forward", "reverse"}
        Of no account for the last two, which are forward mode through reverse mode.
    n : int or None
        Number of variables.
    packed : bool
        Whether it is for compiled code alone, which saves compilation. Those of first order are
        then ``(x, args)``, with args a tuple, and become part of their callers.

    Returns
    -------
    (numba dispatcher, str)
    """
    if kind in ("hvp", "hessian"):
        return remembered(f, kind, None, n if kind == "hessian" else None, packed), "reverse"
    mode = mode_for(kind, jac, n)
    return remembered(f, kind, mode, n if mode == "forward" else None, packed), mode


def attempt(f, kind, jac, n, arguments):
    """Compile what a derivative needs of a function, for further arguments of these types.

    Parameters
    ----------
    f, kind, jac, n
        As for `derivative`.
    arguments : tuple of numba types

    Raises
    ------
    Refused
        Naming in one line what cannot be differentiated.
    """
    from quasinewton.autodiff import drivers

    for active in drivers.actives(kind, mode_for(kind, jac, n), lanes(n)):
        drivers.compile_for(f, active, arguments)


def is_derived(f, function):
    """Whether a function is a derivative that was made of f, which then holds it."""
    return function is not None and any(function is made for made in vars(f).get(MADE, {}).values())


def mode_for(kind, jac, n):
    """The mode of a derivative of a kind."""
    return chosen(mode_of(jac), n) if kind == "value_and_grad" else "forward"


def chosen(mode, n):
    """The mode for n variables, or "auto" still if n is None."""
    return mode if mode != "auto" or n is None else "forward" if n <= FEW else "reverse"


def mode_of(jac):
    """A legal mode.

    Raises
    ------
    ValueError
        Naming the legal ones.
    """
    if jac not in MODES:
        raise ValueError(f"jac must be 'auto', 'forward' or 'reverse'; got {jac!r}")
    return jac


def lanes(n):
    """Directions at a time for n variables: sweeps of equal width, a multiple of four."""
    if n is None:
        return UNKNOWN
    if n <= 2:
        return max(n, 1)
    sweeps = -(-n // FEW)
    return -(-n // (4 * sweeps)) * 4


def remembered(f, kind, mode, n, packed=False):
    """The derivative of a kind, made once for every function; it lives as long as the function."""
    if not isinstance(f, Dispatcher):
        raise TypeError(f"only a function compiled by numba.njit can be differentiated; got {f!r}")
    from quasinewton.autodiff import drivers

    known = vars(f).setdefault(MADE, {})
    key = kind, mode, lanes(n), packed
    if key not in known:
        made = known[key] = (drivers.PACKED if packed else drivers.MAKERS)[kind](f, mode, lanes(n))
        setattr(made, ORIGIN, (weakref.ref(f), key))  # f holds what is made of it
    return known[key]
