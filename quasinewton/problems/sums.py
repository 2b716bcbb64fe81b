"""Sums of small terms, which most published test functions are: f, gradient and Hessian of a term.

A term is a kernel that returns its value and its first and second derivatives as tuples of floats;
the second derivatives are the lower triangle by rows, (∂₁₁, ∂₂₁, ∂₂₂, ∂₃₁, ∂₃₂, ∂₃₃, …). There are
two kinds of sum.

Least squares, f = Σ r_i²: `residual(i, x) -> (r_i, ∇r_i, ∇²r_i)`, i = 0 … m−1, over all the
variables.

Partially separable, f = c + Σ φ_i: `element(i, x) -> (where, φ_i, ∇φ_i, ∇²φ_i)`, where `where`
holds the indices of the few variables of φ_i (Griewank & Toint 1982). An index may occur twice:
derivatives add up, by the chain rule.

The six loops below are templates. Numba does not cache a kernel on disk that receives `residual` as
an argument or in a closure, but does cache one that finds it among its globals; so `_bound` gives
each problem its own copy of a loop whose globals are the names listed here. LLVM removes the
derivatives that a loop does not use.
"""

from functools import lru_cache
from types import FunctionType

import numpy as np

from quasinewton._numba_ext.jit import kernel

# The global names of the templates; `_bound` sets them for each problem.
residual = element = m = stride = overlap = constant = None


def _least_squares_value(x):
    f = 0.0
    for i in range(m):
        r = residual(i, x)[0]
        f += r * r
    return f


def _least_squares_gradient(x):
    """g = 2 Jᵀr."""
    g = np.zeros(x.size)
    for i in range(m):
        r, dr, _ = residual(i, x)
        for j in range(len(dr)):
            g[j] += 2.0 * r * dr[j]
    return g


def _least_squares_hessian(x):
    """H = 2 (JᵀJ + Σ r_i ∇²r_i)."""
    H = np.zeros((x.size, x.size))
    for i in range(m):
        r, dr, d2r = residual(i, x)
        jk = 0
        for j in range(len(dr)):
            for k in range(j + 1):
                H[j, k] += 2.0 * (dr[j] * dr[k] + r * d2r[jk])
                jk += 1
    for j in range(x.size):
        for k in range(j):
            H[k, j] = H[j, k]
    return H


def _separable_value(x):
    f = constant
    for i in range((x.size - overlap) // stride):
        f += element(stride * i, x)[1]
    return f


def _separable_gradient(x):
    g = np.zeros(x.size)
    for i in range((x.size - overlap) // stride):
        where, _, slope, _ = element(stride * i, x)
        for j in range(len(where)):
            g[where[j]] += slope[j]
    return g


def _separable_hessian(x):
    H = np.zeros((x.size, x.size))
    for i in range((x.size - overlap) // stride):
        where, _, _, curvature = element(stride * i, x)
        jk = 0
        for j in range(len(where)):
            for k in range(j + 1):
                H[where[j], where[k]] += curvature[jk]
                if k < j:
                    H[where[k], where[j]] += curvature[jk]
                jk += 1
    return H


def _bound(template, term, **constants):
    """Return a copy of `template`, compiled when first called.

    Its globals are `term` and `constants`.
    """
    loop = FunctionType(template.__code__, {"np": np, "residual": term, "element": term, **constants})
    loop.__doc__ = template.__doc__
    # Numba names the cache file and the symbol after these two names, so they must contain all that
    # distinguishes one copy from another.
    loop.__module__ = __name__
    loop.__qualname__ = "_".join((term.__name__ + template.__name__, *map(str, constants.values())))
    return kernel(loop)


@lru_cache(maxsize=None)
def least_squares(residual, m):
    """Return the compiled ``(fun, jac, hess)`` of f(x) = Σ r_i(x)², i = 0 … m−1.

    Parameters
    ----------
    residual : njit function
        ``residual(i, x) -> (r_i, ∇r_i, ∇²r_i)``: a float and two tuples of n and n(n+1)/2 floats.
    m : int
        Number of residuals.
    """
    loops = _least_squares_value, _least_squares_gradient, _least_squares_hessian
    return tuple(_bound(loop, residual, m=m) for loop in loops)


@lru_cache(maxsize=None)
def partially_separable(element, stride=1, overlap=0, constant=0.0):
    """Return the compiled ``(fun, jac, hess)`` of f(x) = c + Σ φ_i(x).

    The sum is over i = 0, s, 2s, … ≤ n − overlap − s.

    Parameters
    ----------
    element : njit function
        ``element(i, x) -> (where, φ_i, ∇φ_i, ∇²φ_i)``: tuples of k indices, a float, k and k(k+1)/2
        floats.
    stride : int
        Distance s from the first variable of an element to that of the next.
    overlap : int
        Number of variables at the end of x where no element begins.
    constant : float
        The constant c.
    """
    loops = _separable_value, _separable_gradient, _separable_hessian
    return tuple(_bound(loop, element, stride=stride, overlap=overlap, constant=constant) for loop in loops)
