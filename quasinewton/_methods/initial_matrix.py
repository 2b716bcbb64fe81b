"""The user's first approximation of the inverse Hessian, or of a preconditioner, as an array."""

import numpy as np

from quasinewton._validation import real


def initial_inverse_hessian(name, given, n):
    """Return the user's initial inverse Hessian as a new matrix, after checking it.

    Raises
    ------
    ValueError
        If it is not symmetric positive definite or not of shape (n, n), or is complex.
    TypeError
        If it does not hold numbers.
    """
    H = real(name, np.asarray(given))
    if H.shape != (n, n):
        raise ValueError(f"{name!r} matrix isn't positive definite. It must be of shape ({n}, {n}); got {H.shape}")
    definite = np.allclose(H, H.T)
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


def given_matrix(names, options):
    """Return the value that was given under one of several names, or None."""
    for name in names:
        if options.get(name) is not None:
            return options[name]
    return None


def check_matrix(names, options, n, dense=()):
    """Check the user's initial inverse Hessian and replace it in `options` by a new array.

    Parameters
    ----------
    names : sequence of str
        Names of the option.
    options : dict
        Overwritten.
    n : int
        Number of variables.
    dense : sequence of str
        The names that may hold a matrix of shape (n, n); the other ones hold its diagonal alone.
        The name "hess_inv0" holds nothing but a matrix, as in SciPy.

    Raises
    ------
    ValueError, TypeError
        If an option is illegal, or the matrix is given under two names; the message names them.
    """
    given = [name for name in names if options.get(name) is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} are names of one thing, the initial inverse Hessian; give one of them")
    for name in given:
        if name == "hess_inv0" or (name in dense and np.ndim(options[name]) == 2):
            options[name] = initial_inverse_hessian(name, options[name], n)
        else:
            options[name] = positive_diagonal(name, options[name], n)
