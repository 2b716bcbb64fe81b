"""Exact derivatives of functions compiled by Numba: the public functions.

A function is differentiated by compiling it again, for numbers that carry derivatives: forward mode
for few variables; for many, reverse mode, by code transformation or on a tape. Other packages use
only the names of this module; the submodules are imported when first needed.
"""

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
from numba.core.dispatcher import Dispatcher

from quasinewton._autodiff.errors import Refused
from quasinewton._numba_ext.fingerprint import ORIGIN
from quasinewton._numba_ext.uncompiled import INTERPRETED, WHAT_IS_SET

__all__ = ["MODES", "Refused", "derivative", "grad", "hessian", "hvp", "jacobian", "value_and_grad"]

MODES = "auto", "forward", "reverse"
FEW = 24  # variables; up to here "auto" prefers forward mode, one sweep, to the tape
# Variables; from here on "auto" prefers the adjoint to forward mode. Measured: docs/autodiff.md.
SEVERAL = 5
MADE = "_quasinewton_derivatives"  # attribute of a dispatcher that holds its derivatives
UNKNOWN = 8  # directions per sweep if the number of variables is unknown


def value_and_grad(f: Callable[..., Any], jac: str = "auto") -> Callable[..., tuple[float, np.ndarray]]:
    """Make the compiled function that returns the value and the gradient of a compiled function.

    Parameters
    ----------
    f : numba dispatcher
        ``f(x, *args) -> float`` with x of shape (n,), compiled by ``numba.njit``.
    jac : {"auto", "forward", "reverse"}
        Forward mode costs in proportion to n, reverse mode a small multiple of `f` for any n, and
        memory in proportion to its operations. "auto" is forward for n < 5, and up to n = 24 where
        the transformation of reverse mode refuses `f`.

    Returns
    -------
    numba dispatcher
        ``(x, *args) -> (float, ndarray of shape (n,))``, for Python and for compiled code. The
        value has the bits of ``f(x, *args)``.
        From Python, x and the arguments are converted as those of `minimize` are. Can be pickled.

    Raises
    ------
    TypeError
        If `f` is not compiled; when called, if `f` contains an operation that cannot be
        differentiated, or an argument cannot be converted, which the message names.
    ValueError
        If `jac` is none of these; when called, if x is not a vector of real numbers.

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


def grad(f: Callable[..., Any], jac: str = "auto") -> Callable[..., np.ndarray]:
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


def jacobian(f: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """Make the compiled function that returns the Jacobian of a vector function, by forward mode.

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


def hvp(f: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """Make the compiled function that returns the product of a function's Hessian with a vector.

    Parameters
    ----------
    f : numba dispatcher
        ``f(x, *args) -> float`` with x of shape (n,), compiled by ``numba.njit``.

    Returns
    -------
    numba dispatcher
        ``(x, v, *args) -> ndarray of shape (n,)``, by forward mode through reverse mode. For any n
        it costs a small multiple of `f`.

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


def hessian(f: Callable[..., Any]) -> Callable[..., np.ndarray]:
    """Make the compiled function that returns the Hessian of a compiled function.

    Parameters
    ----------
    f : numba dispatcher
        ``f(x, *args) -> float`` with x of shape (n,), compiled by ``numba.njit``.

    Returns
    -------
    numba dispatcher
        ``(x, *args) -> ndarray of shape (n, n)``, symmetric to rounding. One sweep
        computes 8 to 24 columns.

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


def derivative(f: Any, kind: str, jac: str, n: int | None, packed: bool = False) -> tuple[Any, str]:
    """Make a derivative for a known number of variables; return it with the mode that was chosen.

    Parameters
    ----------
    f : numba dispatcher
    kind : {"value_and_grad", "value_and_jacobian", "hvp", "hessian"}
    jac : {"auto", "forward", "reverse"}
        Ignored for "hvp" and "hessian", which use forward mode through reverse mode.
    n : int or None
        Number of variables.
    packed : bool
        True if only compiled code calls it, which saves compilation. First derivatives are then
        functions of ``(x, args)``, with args a tuple, and are inlined into their callers.

    Returns
    -------
    (numba dispatcher, str)
    """
    mode, width = plan(kind, jac, n)
    return remembered(f, kind, mode, width, packed), mode or "reverse"


def plan(kind: str, jac: str, n: int | None) -> tuple[str | None, int | None]:
    """Return what determines the code of a derivative, apart from the function and its kind.

    Parameters
    ----------
    kind, jac, n
        See `derivative`.

    Returns
    -------
    mode : str or None
        None for second derivatives, which have one mode only.
    n : int or None
        None if the code serves any number of variables.
    """
    if kind in ("hvp", "hessian"):
        return None, n if kind == "hessian" else None
    mode = mode_for(kind, jac, n)
    return mode, n if mode == "forward" else None


def attempt(f: Any, kind: str, jac: str, n: int | None, arguments: tuple) -> None:
    """Compile what a derivative of a function needs, for further arguments of these types.

    Parameters
    ----------
    f, kind, jac, n
        See `derivative`.
    arguments : tuple of numba types

    Raises
    ------
    Refused
        Naming in one line what cannot be differentiated.
    """
    from quasinewton._autodiff import derivative_functions

    refuse_derivative(f)
    for active in derivative_functions.actives(kind, mode_for(kind, jac, n), lanes(n)):
        derivative_functions.compile_for(f, active, arguments)


def settled(jac: str, n: int | None, has_adjoint: Callable[[], bool]) -> str:
    """Return the mode for n variables: "auto" is replaced by the one that is chosen.

    Parameters
    ----------
    jac : {"auto", "forward", "reverse"}
    n : int or None
        "auto" is returned unchanged if it is None.
    has_adjoint : callable
        Called without arguments if the choice depends on it; returns True if the transformation
        accepts the function.
    """
    if jac != "auto" or n is None:
        return jac
    return "reverse" if n > FEW or n >= SEVERAL and has_adjoint() else "forward"


def has_adjoint(f: Any, arguments: Any) -> bool:
    """Return True if the transformation accepts a function with further arguments of these types.
    """
    from quasinewton._autodiff import derivative_functions

    return derivative_functions.has_adjoint(f, arguments)


def is_derived(f: Any, function: Any) -> bool:
    """Return True if a function is a derivative that was made of f and is held by f."""
    return function is not None and any(function is made for made in vars(f).get(MADE, {}).values())


def mode_for(kind: str, jac: str, n: int | None) -> str:
    """Return the mode of a derivative of one kind."""
    return chosen(mode_of(jac), n) if kind == "value_and_grad" else "forward"


def chosen(mode: str, n: int | None) -> str:
    """Return the mode for n variables; still "auto" if the mode is "auto" and n is None."""
    return mode if mode != "auto" or n is None else "forward" if n <= FEW else "reverse"


def mode_of(jac: str) -> str:
    """Return the mode that was asked for, checked.

    Raises
    ------
    ValueError
        If it is not one of `MODES`; the message names them.
    """
    if jac not in MODES:
        raise ValueError(f"jac must be 'auto', 'forward' or 'reverse'; got {jac!r}")
    return jac


def lanes(n: int | None) -> int:
    """Return the number of directions per sweep for n variables.

    All sweeps have equal width, a multiple of four if n > 2.
    """
    if n is None:
        return UNKNOWN
    if n <= 2:
        return max(n, 1)
    sweeps = -(-n // FEW)
    return -(-n // (4 * sweeps)) * 4


def refuse_derivative(f: Any) -> None:
    """Raise Refused if a function is a derivative made here."""
    if hasattr(f, ORIGIN):
        raise Refused(f"cannot differentiate {f.__name__}, which is a derivative; make second ones by hessian or hvp")


def remembered(f: Any, kind: str, mode: str | None, n: int | None, packed: bool = False) -> Any:
    """Return the derivative of one kind, made once per function and kept as long as that."""
    if INTERPRETED:
        raise TypeError(f"only a compiled function can be differentiated: {WHAT_IS_SET}")
    if not isinstance(f, Dispatcher):
        raise TypeError(f"only a function compiled by numba.njit can be differentiated; got {f!r}")
    refuse_derivative(f)
    from quasinewton._autodiff import derivative_functions, from_python

    known = vars(f).setdefault(MADE, {})
    key = kind, mode, lanes(n), packed
    if key not in known:
        made = (derivative_functions.PACKED if packed else derivative_functions.MAKERS)[kind](f, mode, lanes(n))
        if not packed:
            made = from_python.derivative(made, f, (kind, mode, n))
        known[key] = made
        setattr(made, ORIGIN, (weakref.ref(f), key))  # weak, because f holds its derivatives
    return known[key]
