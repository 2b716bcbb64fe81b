"""What a run is given to begin with, as arrays: the start, an inverse Hessian, a preconditioner,
masks and bounds.
"""

import math

import numpy as np

from quasinewton import methods
from quasinewton.validation import number

# What the methods that begin with an estimate of the inverse Hessian call it.
INITIAL = {methods.BFGS: ("hess_inv0", "H0", "precond"), methods.LBFGS: ("H0", "precond")}


def set_treatment(memory, controls, bounds, n):
    """Tell the memory of a first-order method how gradients are clipped, where weights decay, and
    of bounds.

    Parameters
    ----------
    memory : Moments
        Its record is changed.
    controls : dict
        With clip_value, clip_norm, clip_norm_eps, decay_mask, or without.
    bounds : (ndarray, ndarray) or None
    n : int

    Returns
    -------
    Moments

    Raises
    ------
    ValueError, TypeError
        Naming the value that is illegal, and what is legal.
    """
    for name in ("clip_value", "clip_norm"):
        if controls.get(name) is not None:
            memory.record[0][name] = number(name, controls[name], 0.0, math.inf, open_high=False)
    if controls.get("clip_norm_eps") is not None:
        given = number("clip_norm_eps", controls["clip_norm_eps"], 0.0, math.inf, open_low=False)
        memory.record[0]["clip_norm_eps"] = given
    if bounds is not None:
        memory = memory._replace(low=bounds[0].copy(), high=bounds[1].copy())
    if controls.get("decay_mask") is None:
        return memory
    mask = np.asarray(controls["decay_mask"])
    if mask.shape != (n,) or mask.dtype != np.bool_:
        raise ValueError(f"decay_mask must be boolean, of shape ({n},); got {mask.dtype} of shape {mask.shape}")
    return memory._replace(mask=mask.copy())


def initial_inverse_hessian(name, given, n):
    """The user's initial inverse Hessian as a new matrix.

    Raises
    ------
    ValueError
        If it is not symmetric positive definite, of shape (n, n).
    """
    H = np.array(given, dtype=np.float64)
    definite = H.shape == (n, n) and np.allclose(H, H.T)
    if definite:
        try:
            np.linalg.cholesky(H)
        except np.linalg.LinAlgError:
            definite = False
    if not definite:
        raise ValueError(f"{name!r} matrix isn't positive definite.")
    return H


def positive_diagonal(name, given, n):
    """The diagonal of a positive definite matrix, as the user gave it, as a new vector.

    Raises
    ------
    ValueError
        If it is not positive and finite, of shape (n,), or is complex.
    TypeError
        If it does not hold numbers.
    """
    given = np.asarray(given)
    if given.dtype == np.object_ and callable(given[()]):
        raise TypeError(f"{name} must be an array here, the diagonal of the initial inverse Hessian; got {given[()]!r}")
    diagonal = real(name, given)
    if diagonal.shape != (n,) or not np.all((diagonal > 0.0) & np.isfinite(diagonal)):
        raise ValueError(f"{name} must be {n} positive numbers, the diagonal of a matrix; got {given!r}")
    return diagonal


def check_initial(kind, controls, n):
    """Check the initial inverse Hessian of a method that begins with one, and replace it by an
    array of its own.

    Raises
    ------
    ValueError, TypeError
        Naming the option that is illegal, or that is given twice under two names.
    """
    given = [name for name in INITIAL.get(kind, ()) if controls.get(name) is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} are names of one thing, the initial inverse Hessian; give one of them")
    for name in given:
        if name == "hess_inv0" or (kind is methods.BFGS and np.ndim(controls[name]) == 2):
            controls[name] = initial_inverse_hessian(name, controls[name], n)
        else:
            controls[name] = positive_diagonal(name, controls[name], n)


def initial(kind, controls):
    """The initial inverse Hessian that a method was given, as a matrix or its diagonal, or None."""
    return next((controls[name] for name in INITIAL.get(kind, ()) if controls.get(name) is not None), None)


def preconditioner(given, n):
    """The user's `precond` as whether to ask for it at every step, and a diagonal.

    Parameters
    ----------
    given : callable, True (of a Solver), array_like of shape (n,), or None
    n : int

    Returns
    -------
    (bool, ndarray of shape (n,))

    Raises
    ------
    ValueError, TypeError
        If an array is not positive, finite, of shape (n,).
    """
    if given is None or given is True or callable(given):
        return given is not None, np.ones(n)
    return False, positive_diagonal("precond", given, n)


def start_point(x0):
    """x0 as a new float64 vector.

    Raises
    ------
    ValueError
        If it has more than one dimension, is empty, or is complex.
    TypeError
        If it does not hold numbers.
    """
    x0 = np.atleast_1d(np.asarray(x0))
    if x0.ndim != 1:
        raise ValueError("'x0' must only have one dimension.")
    if x0.size == 0:
        raise ValueError("'x0' must hold at least one number.")
    return real("'x0'", x0)


def real(name, given):
    """An array of real numbers as a new one of float64, in C order.

    Raises
    ------
    ValueError
        If it is complex.
    TypeError
        If it does not hold numbers.
    """
    if given.dtype.kind == "c":
        raise ValueError(f"{name} must be real; split complex variables into their real and imaginary parts.")
    try:
        # NumPy would call None NaN.
        if given.dtype.kind in "buif" or not any(value is None for value in given.flat):
            return np.array(given, dtype=np.float64, order="C")
    except (TypeError, ValueError):
        pass
    raise TypeError(f"{name} must hold real numbers, got {given.dtype}")
