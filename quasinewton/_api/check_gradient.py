"""The public function `check_gradient`: comparison of a user's gradient with an exact one."""

import math
from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from quasinewton._arguments.convert_args import as_args
from quasinewton._arguments.initial_values import start_point
from quasinewton._objective.build import refuse_what_does_not_compile
from quasinewton._objective.callables import Callables
from quasinewton._objective.gradient_check import (
    OWN,
    GradientCheck,
    compare,
    own_gradient,
    reference_at,
)
from quasinewton._objective.problem import read_problem
from quasinewton._validation import number


def check_gradient(
    fun: Callable[..., Any],
    jac: Callable[..., ArrayLike] | bool | str,
    x: ArrayLike,
    args: Any = (),
    rtol: float | None = None,
) -> GradientCheck:
    """Compare a gradient with exact derivatives, or with differences if there are none.

    Parameters
    ----------
    fun : callable
        ``fun(x, *args) -> float``; differentiated exactly if compiled by ``numba.njit``. With
        ``jac=True`` it returns the value and the gradient; with ``jac="inplace"``, ``fun(x, g,
        *args) -> float`` writes the gradient to g.
    jac : callable, True or "inplace"
        The gradient to check: ``jac(x, *args) -> ndarray, shape (n,)``, or part of `fun` as above.
    x : array_like, shape (n,)
        Point of comparison; best one without zero components. Not changed.
    args : tuple
        Further arguments of `fun` and `jac`.
    rtol : float, optional
        Relative error that passes (1e-8; for differences 1e-5, plus their own error).

    Returns
    -------
    GradientCheck
        True if the gradient is right; its `message` names the wrong components and the error of
        the worst.

    Raises
    ------
    ValueError
        If the gradient has another size than x, `jac` is not one of the forms above, or x is no
        vector of real numbers, or `rtol` is negative.
    TypeError
        If x does not hold numbers, or an argument of a compiled function cannot be converted or
        does not go with it; the message names it.

    See Also
    --------
    minimize : its option ``check_gradient`` makes this comparison at x0.

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
    >>> print(check_gradient(f, wrong, [1.0, 2.0]).message)  # doctest: +NORMALIZE_WHITESPACE
    component 1 of the gradient is 2 and should be 3 (by forward-mode derivatives of fun), a
    relative error of 0.33
    """
    x = start_point(x, "x")
    rtol = None if rtol is None else number("rtol", rtol, 0.0, math.inf, open_low=False)
    problem = read_problem(fun, jac, as_args(args, fun, jac), x.size)
    if problem.form not in OWN:
        raise ValueError(f"jac must be a gradient of yours: callable, True or 'inplace'; got {jac!r}")
    separate = jac if problem.form == "separate" else None
    refuse_what_does_not_compile(Callables(fun, problem.form, separate), problem.args)
    g, coarse = own_gradient(problem, x)
    return compare(g, reference_at(problem, x), rtol, coarse)
