"""Rules of matrix decompositions, as far as they are differentiable.

Values are Numba's own, computed by LAPACK.

If eigenvalues or singular values coincide, neither they nor their vectors have derivatives, but
sums over the coinciding ones do.

Source: Giles, Collected matrix derivative results for forward and reverse mode algorithmic
differentiation, 2008; Walter & Lehmann, Algorithmic differentiation of linear algebra functions,
Optim. Methods Softw. 27 (2012), of QR.
"""

import numpy as np
from numba.extending import register_jitable

from quasinewton._autodiff.active_values import (
    combine,
    constant,
    empty,
    leaf,
    revalued,
    values,
)
from quasinewton._autodiff.linear_algebra_rules import outer
from quasinewton._autodiff.routing import rule
from quasinewton._floats import EPSILON


@rule(np.linalg.eigvalsh)
def eigvalsh(a):
    def impl(a):
        y = eigvalsh(values(a))
        return eigenvalues(y, eigh(values(a))[1], a.flatten())

    return impl


@rule(np.linalg.eigh)
def eigh(a):
    def impl(a):
        flat, n = a.flatten(), a.shape[0]
        y, v = eigh(values(a))
        vectors = empty((n, n), a)
        for k in range(n):
            for i in range(n):
                # dv_k = Σ v_j (v_jᵀ dA v_k)/(λ_k − λ_j) over j ≠ k, whose item i is mᵀ dA v_k.
                m = 0.0 * v[:, 0]
                for j in range(n):
                    if j != k:
                        c = v[i, j] / (y[k] - y[j])
                        for p in range(n):
                            m[p] = m[p] + c * v[p, j]
                vectors[i, k] = combine(v[i, k], lower_weights(m, v[:, k]), flat, 0.0, 0.0)
        return eigenvalues(y, v, flat), vectors

    return impl


@register_jitable
def eigenvalues(y, v, flat):
    """Return the eigenvalues of values y, with derivatives dλ_k = v_kᵀ dA v_k."""
    out = empty(y.size, flat)
    for k in range(y.size):
        out[k] = combine(y[k], lower_weights(v[:, k], v[:, k]), flat, 0.0, 0.0)
    return out


@register_jitable
def lower_weights(u, v):
    """Return the weights of the items of A in uᵀ A v for symmetric A, all in the lower triangle.

    LAPACK reads only that triangle.
    """
    w = outer(u, v)
    for i in range(u.size):
        for j in range(i):
            w[i, j] = w[i, j] + w[j, i]
            w[j, i] = 0.0
    return w.flatten()


@rule(np.linalg.svd)
def svd(a, full_matrices=1):
    def impl(a, full_matrices=1):
        # dσ_k = u_kᵀ dA v_k. The vectors are those of [[0, A], [Aᵀ, 0]] (Golub & Van Loan, Matrix
        # Computations, 8.6), whose largest eigenvalues are the singular values of A. So the vectors
        # have derivatives of their own.
        (m, n), s, flat = a.shape, svd(values(a))[1], a.flatten()
        v = eigh(bordered(values(a)))[1]
        out = empty(s.size, a)
        for k in range(s.size):
            column = v[:, m + n - 1 - k]
            out[k] = combine(s[k], (2.0 * outer(column[:m], column[m:])).flatten(), flat, 0.0, 0.0)
        return None, out, None  # code that uses the singular vectors does not compile

    return impl


@register_jitable
def bordered(a):
    """Return [[0, A], [Aᵀ, 0]] with its lower triangle filled, which is what LAPACK reads."""
    m, n = a.shape
    out = 0.0 * outer(np.ones(m + n), np.append(a[:, 0], a[0]))
    for i in range(m):
        for j in range(n):
            out[m + j, i] = a[i, j]
    return out


@rule(np.linalg.qr)
def qr(a):
    def impl(a):
        # Gram-Schmidt for the derivatives; values and signs are those of LAPACK.
        (m, n), (q, r) = a.shape, qr(values(a))
        count = min(m, n)
        vectors, triangle = empty((m, count), a), empty((count, n), a)
        for j in range(n):
            column = a[:, j].copy()
            for i in range(count):
                triangle[i, j] = 0.0
                if i < j:
                    triangle[i, j] = revalued(product(vectors[:, i], column), r[i, j])
                    for k in range(m):
                        column[k] = column[k] - vectors[k, i] * triangle[i, j]
            if j < count:
                length = leaf(np.sqrt(product(column, column)))
                if r[j, j] < 0.0:
                    length = leaf(-length)
                triangle[j, j] = revalued(length, r[j, j])
                for k in range(m):
                    vectors[k, j] = revalued(leaf(column[k] / triangle[j, j]), q[k, j])
        return vectors, triangle

    return impl


@register_jitable
def product(u, v):
    """Return the inner product of two vectors, at least one of them active."""
    s = constant((u, v), 0.0)
    for k in range(u.size):
        s = leaf(s + u[k] * v[k])
    return s


@rule(np.linalg.lstsq)
def lstsq(a, b, rcond=-1.0):
    @register_jitable
    def solution(q, r, b, x):
        n = x.size
        out = empty(n, (q, b))
        for i in range(n - 1, -1, -1):
            s = product(q[:, i], b)
            for j in range(i + 1, n):
                s = leaf(s - r[i, j] * out[j])
            out[i] = revalued(leaf(s / r[i, i]), x[i])
        return out

    @register_jitable
    def factors(a):
        q, r = qr(a)
        least = most = 0
        for i in range(r.shape[0]):
            if abs(r[i, i]) < abs(r[least, least]):
                least = i
            if abs(r[i, i]) > abs(r[most, most]):
                most = i
        if a.shape[0] < a.shape[1] or abs(r[least, least]) <= abs(r[most, most]) * (a.shape[0] * EPSILON):
            raise ValueError("np.linalg.lstsq is differentiated for matrices of full column rank only")
        return q, r

    def single(a, b, rcond=-1.0):
        q, r = factors(a)
        return solution(q, r, b, lstsq(values(a), values(b), rcond)[0]), None, None, None

    def several(a, b, rcond=-1.0):
        (q, r), x = factors(a), lstsq(values(a), values(b), rcond)[0]
        out = empty(x.shape, (a, b))
        for k in range(x.shape[1]):
            column = solution(q, r, b[:, k], x[:, k])
            for i in range(column.size):
                out[i, k] = column[i]
        return out, None, None, None

    return single if b.ndim == 1 else several


