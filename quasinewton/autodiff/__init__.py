"""Exact derivatives of functions compiled by Numba: the door to automatic differentiation.

A function is differentiated by compiling it again, for numbers that carry derivatives: forward mode for few variables,
a tape and reverse mode for many. Only what is below is for others to use; the rest is imported when first needed.
"""

from numba.core.dispatcher import Dispatcher

from quasinewton.autodiff.refusal import Refused

__all__ = ["MODES", "Refused", "derivative", "grad", "hessian", "hvp", "jacobian", "value_and_grad"]

MODES = "auto", "forward", "reverse"
FEW = 24  # up to this many variables forward mode takes one sweep, and is mostly the faster one
UNKNOWN = 8  # directions at a time where the number of variables is not known


def value_and_grad(f, jac="auto"):
    """Make the compiled function that returns the value and the gradient of a compiled function.

    Parameters
    ----------
    f : numba dispatcher
        ``f(x, *args) -> float`` with x of shape (n,), compiled by ``numba.njit``.
    jac : {"auto", "forward", "reverse"}
        Forward mode costs in proportion to n, reverse mode a small multiple of `f` for any n, and memory in proportion
        to its operations. "auto" is forward up to n = 24.

    Returns
    -------
    numba dispatcher
        ``(x, *args) -> (float, ndarray of shape (n,))``, for Python and for compiled code. The value has the bits of
        ``f(x, *args)``.

    Raises
    ------
    TypeError
        If `f` is not compiled; when called, if `f` contains what cannot be differentiated, which it names.
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
    """Make the compiled function that returns the Jacobian of a compiled vector function, by forward mode.

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
    """Make the compiled function that returns the product of the Hessian of a compiled function with a vector.

    Parameters
    ----------
    f : numba dispatcher
        ``f(x, *args) -> float`` with x of shape (n,), compiled by ``numba.njit``.

    Returns
    -------
    numba dispatcher
        ``(x, v, *args) -> ndarray of shape (n,)``: forward mode through the tape of reverse mode, for any n a small
        multiple of the cost of `f`.

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
        ``(x, *args) -> ndarray of shape (n, n)``, symmetric to rounding; costs n/8 tapes.

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
    kind : {"value_and_grad", "value_and_jacobian"}
    jac : {"auto", "forward", "reverse"}
    n : int or None
        Number of variables.
    packed : bool
        Whether it is ``(x, args)``, with args a tuple, for compiled code alone: it becomes part of its caller, which
        saves a step of compilation.

    Returns
    -------
    (numba dispatcher, str)
    """
    mode = "forward" if kind == "value_and_jacobian" else chosen(mode_of(jac), n)
    return remembered(f, kind, mode, n if mode == "forward" else None, packed), mode


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

    known = vars(f).setdefault("_quasinewton_derivatives", {})
    key = kind, mode, lanes(n), packed
    if key not in known:
        known[key] = (drivers.PACKED if packed else drivers.MAKERS)[kind](f, mode, lanes(n))
    return known[key]
