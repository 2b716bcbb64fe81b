"""The door `check_gradient`: a user's gradient against the exact one."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from quasinewton.autodiff import Refused, derivative
from quasinewton.objective.prepare import as_args, is_compiled

TOLERANCE = {"forward": 1e-8, "reverse": 1e-8, "differences": 1e-5}  # relative
EPSILON = np.finfo(np.float64).eps


class GradientCheck(NamedTuple):
    """What `check_gradient` returns: true where the gradient is right.

    Attributes
    ----------
    correct : bool
        Whether every component is.
    component : int
        The one that is wrong by most.
    error : float
        By how much, relative to the larger of the two values and to ε^(1/2) ‖g‖_∞.
    given, expected : ndarray, shape (n,)
        The user's gradient, and the other.
    mode : str
        Where that comes from: "forward", "reverse" or "differences".
    message : str
        The same in words.
    """

    correct: bool
    component: int
    error: float
    given: np.ndarray
    expected: np.ndarray
    mode: str
    message: str

    def __bool__(self):
        return self.correct


def check_gradient(
    fun: Callable[..., Any],
    jac: Callable[..., ArrayLike] | bool,
    x: ArrayLike,
    args: Any = (),
    rtol: float | None = None,
) -> GradientCheck:
    """Compare a gradient with exact derivatives, or with differences where there are none.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float``; compiled by ``numba.njit``, it is differentiated. With ``jac=True`` it returns
        the value and the gradient.
    jac : callable or True
        ``jac(x, *args) -> ndarray, shape (n,)``: what is checked.
    x : array_like, shape (n,)
        Where; a point at which no component is zero says most.
    args : tuple
        Further arguments.
    rtol : float, optional
        Relative error that passes (1e-8; for differences 1e-5).

    Returns
    -------
    GradientCheck
        Its `message` says which component is wrong and by how much.

    Raises
    ------
    ValueError
        If the gradient has another shape than x.

    References
    ----------
    Nocedal & Wright, Numerical Optimization, 2nd ed., Springer 2006, section 8.2.

    Examples
    --------
    >>> import numpy as np
    >>> from numba import njit
    >>> from quasinewton import check_gradient
    >>> @njit
    ... def f(x):
    ...     return x[0] ** 2 + 3.0 * x[1]
    >>> def wrong(x):
    ...     return np.array([2.0 * x[0], 2.0])
    >>> print(check_gradient(f, wrong, [1.0, 2.0]).message)
    component 1 of the gradient is 2 and should be 3 (by forward-mode derivatives of fun), a relative error of 0.33
    """
    x, args = np.atleast_1d(np.asarray(x, dtype=np.float64)), as_args(args)
    joint = jac is True
    given = fun(x.copy(), *args)[1] if joint else jac(x.copy(), *args)
    given = np.atleast_1d(np.asarray(given, dtype=np.float64))
    if given.shape != x.shape:
        raise ValueError(f"the gradient has shape {given.shape}, x has {x.shape}")
    expected, mode = _expected((lambda x, *args: fun(x, *args)[0]) if joint else fun, x, args)
    scale = np.maximum(np.maximum(abs(given), abs(expected)), EPSILON**0.5 * np.max(abs(expected), initial=0.0))
    errors = abs(given - expected) / np.where(scale > 0.0, scale, 1.0)
    errors[np.isnan(errors) & ~(np.isnan(given) & np.isnan(expected))] = np.inf
    component = int(np.argmax(errors)) if x.size else 0
    error = float(np.max(errors, initial=0.0))
    correct = error <= (TOLERANCE[mode] if rtol is None else rtol)
    source = "differences" if mode == "differences" else f"{mode}-mode derivatives"
    if correct:
        message = f"the gradient agrees with {source} of fun to a relative error of {error:.2g}"
    else:
        message = (
            f"component {component} of the gradient is {given[component]:.10g} and should be "
            f"{expected[component]:.10g} (by {source} of fun), a relative error of {error:.2g}"
        )
    return GradientCheck(correct, component, error, given, expected, mode, message)


def _expected(fun, x, args):
    """The gradient of a function, exact if that can be, and where it comes from."""
    if is_compiled(fun):
        try:
            function, mode = derivative(fun, "value_and_grad", "auto", x.size)
            return function(x, *args)[1], mode
        except Refused:
            pass
    g = np.empty(x.size)
    for i in range(x.size):
        step = EPSILON**0.2 * max(1.0, abs(x[i]))
        values = []
        for k in -2, -1, 1, 2:
            beside = x.copy()
            beside[i] += k * step
            values.append(float(np.squeeze(fun(beside, *args))))
        g[i] = (values[0] - 8.0 * values[1] + 8.0 * values[2] - values[3]) / (12.0 * step)
    return g, "differences"
