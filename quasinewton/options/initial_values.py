"""Initial data of a run as arrays: start, inverse Hessian, preconditioner, masks and bounds."""

import math

import numpy as np

from quasinewton import methods
from quasinewton.validation import number

# Option names of the initial inverse Hessian, by method.
INITIAL = {methods.BFGS: ("hess_inv0", "H0", "precond"), methods.LBFGS: ("H0", "precond")}


def set_treatment(memory, controls, bounds, n):
    """Store clipping, the weight-decay mask and bounds in the memory of a first-order method.

    Parameters
    ----------
    memory : Moments
        Its record is overwritten.
    controls : dict
        May hold clip_value, clip_norm, clip_norm_eps and decay_mask.
    bounds : (ndarray, ndarray) or None
    n : int

    Returns
    -------
    Moments

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; the message names it and the legal values.
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
    """Return the user's initial inverse Hessian as a new matrix, after checking it.

    Raises
    ------
    ValueError
        If it is not symmetric positive definite or not of shape (n, n).
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
    """Return the user's positive diagonal matrix as a new vector of its diagonal.

    Raises
    ------
    ValueError
        If an entry is not positive and finite, the shape is not (n,), or the values are complex.
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
    """Check the user's initial inverse Hessian and replace it in `controls` by a new array.

    Raises
    ------
    ValueError, TypeError
        If an option is illegal, or the matrix is given under two names; the message names them.
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
    """Return the initial inverse Hessian that was given, as a matrix or diagonal, or None."""
    return next((controls[name] for name in INITIAL.get(kind, ()) if controls.get(name) is not None), None)


def preconditioner(given, n):
    """Return whether `precond` must be called at every step, and its diagonal.

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
        If an array is not positive and finite, or not of shape (n,).
    """
    if given is None or given is True or callable(given):
        return given is not None, np.ones(n)
    return False, positive_diagonal("precond", given, n)


def start_point(x0):
    """Return x0 as a new float64 vector.

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
    """Convert an array of real numbers to a new float64 array in C order.

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
        # NumPy would convert None to NaN, which hides the error.
        if given.dtype.kind in "buif" or not any(value is None for value in given.flat):
            return np.array(given, dtype=np.float64, order="C")
    except (TypeError, ValueError):
        pass
    raise TypeError(f"{name} must hold real numbers, got {given.dtype}")
