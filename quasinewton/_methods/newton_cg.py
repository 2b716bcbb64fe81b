"""Truncated Newton: conjugate gradients within a trust region, followed by a line search.

Sources: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), Algorithms 7.1 and 7.2. Dembo &
Steihaug, Math. Program. 26 (1983), for the forcing term; Steihaug, SIAM J. Numer. Anal. 20 (1983),
for the trust region, and Conn, Gould & Toint, Trust-Region Methods (2000), Algorithm 7.5.1, for its
norm, which is that of the preconditioner; Nocedal & Yuan, in Advances in Nonlinear Programming
(1998), for the line search along the step, which determines the next radius. A direction of
negative curvature is followed to the trust-region boundary. Cost: one Hessian-vector product and
about 12 n flops in every inner iteration; 4 n numbers of memory.

Where the gradient vanishes, negative curvature is sought from a pseudo-random vector. If the first
product shows that the variables have very different units, they are scaled before by Ruiz's
equilibration, as in `newton`, in which the size of a row of the Hessian is that of its product with
a vector of pseudo-random signs and sizes (A. M. Bradley and W. Murray, Matrix-free approximate
equilibration, arXiv:1110.2805, 2011).
"""

from typing import NamedTuple

import numpy as np

from quasinewton._floats import EPSILON, ROOT_EPSILON
from quasinewton._methods import lifecycle, protocol
from quasinewton._methods.initial_matrix import positive_diagonal
from quasinewton._methods.registry import register_method
from quasinewton._methods.unexplored import pseudo_random
from quasinewton._numba_ext.jit import fragment
from quasinewton._numba_ext.linalg import copy, dot, move
from quasinewton._objective.interface import PRECONDITION, PRODUCT
from quasinewton._validation import number

# Products with which the variables are scaled before negative curvature is sought. Each halves the
# orders of magnitude between the rows of a dense Hessian.
PROBES = 3
SMALLEST = 0.05  # entry of a pseudo-random vector; smaller ones count as this long, as they say little of a row


class _Fields(NamedTuple):
    eta: float
    floor: float


class NewtonCG(_Fields):
    """Truncated Newton's method, which uses products of the Hessian with vectors.

    Parameters
    ----------
    eta : float
        Upper bound on the forcing term, the residual of Newton's equation relative to ‖g‖ at which
        conjugate gradients stop; in (0, 1). The forcing term decreases with √‖g‖.
    floor : float
        Threshold for negative curvature at g ≈ 0, relative to the largest curvature found, in
        absolute value; in (0, 1).
    """

    __slots__ = ()

    def __new__(cls, eta: float = 0.5, floor: float = EPSILON ** (1 / 3)) -> "NewtonCG":
        return super().__new__(cls, number("eta", eta, 0.0, 1.0), number("floor", floor, 0.0, 1.0))


RECORD = np.dtype(
    [
        ("asked", "i8"),  # 1 if the caller evaluates the preconditioner; 0: it is the diagonal M
        ("certifying", "i8"),  # 1 if the products serve to find negative curvature, not a direction
        ("want", "i8"),  # the pending evaluation: PRODUCT or PRECONDITION
        ("probing", "i8"),  # products that still serve to scale the variables
        ("count", "i8"),  # products of conjugate gradients so far
        ("usable", "i8"),  # 1 if z is a direction
        ("at_boundary", "i8"),  # 1 if z ends at the trust-region boundary
        ("radius", "f8"),  # trust-region radius, in the norm of M⁻¹; infinite until a search has set it
        ("g_first", "f8"),  # ‖g‖ at the first iterate
        ("residual_tol", "f8"),  # norm of the residual at which conjugate gradients stop
        ("ry", "f8"),  # r·y with y = M r
        ("zz", "f8"),  # z·z in the inner product of M⁻¹
        ("zd", "f8"),  # z·d in the inner product of M⁻¹
        ("dd", "f8"),  # d·d in the inner product of M⁻¹
        ("alpha", "f8"),  # the last step along d
        ("zHz", "f8"),  # z·H z
        ("largest", "f8"),  # largest |Rayleigh quotient| found
        ("curvature", "f8"),  # negative curvature found while certifying; 0 if there is none
        ("slight", "i8"),  # 1 if the curvature along d is negative, but less than floor
    ],
    align=True,
)


class Krylov(NamedTuple):
    """Memory of truncated Newton.

    `z` is the step, `r` its residual H z + g, `d` the conjugate direction and `M` the diagonal of
    the preconditioner, all of shape (n,). While negative curvature is sought, `z` holds the units
    of the variables, and `r` and `d` are in these units. `record[0]` is a RECORD.
    """

    z: np.ndarray
    r: np.ndarray
    d: np.ndarray
    M: np.ndarray
    record: np.ndarray


@protocol.allocate.register(NewtonCG)
def _allocate(method, n):
    record = np.zeros(1, RECORD)
    record[0]["radius"] = np.inf
    return Krylov(np.empty(n), np.empty(n), np.empty(n), np.ones(n), record)


@protocol.multiplies.register(NewtonCG)
def _multiplies(method):
    return True


@protocol.inquire.register(NewtonCG)
def _inquire(method, memory, x, g, p, certifying):
    if certifying:
        pseudo_random(memory.r)
    else:
        copy(memory.r, g)
    return begin(method, memory, p, certifying)


@fragment
def begin(method, memory, p, certifying):
    """Begin conjugate gradients with the residual in r; return the first evaluation needed.

    The vector of that evaluation is written to p.
    """
    c, z, r = memory.record[0], memory.z, memory.r
    c.certifying, c.count, c.usable, c.at_boundary, c.slight = certifying, 0, 0, 0, 0
    c.zz = c.zd = c.dd = c.zHz = c.largest = c.curvature = 0.0
    z.fill(1.0 if certifying else 0.0)
    c.probing = PROBES if certifying else 0
    if certifying:
        c.residual_tol = 0.0
    else:
        norm = np.sqrt(dot(r, r))
        if c.g_first == 0.0:
            c.g_first = norm
        # The forcing term is that of Dembo & Steihaug, √‖g‖, but with ‖g‖ relative to the first
        # gradient, so that it does not depend on the units of f.
        c.residual_tol = norm * min(method.eta, np.sqrt(norm / c.g_first))
    return precondition(memory, p)


@protocol.answer.register(NewtonCG)
def _answer(method, memory, product, p):
    c = memory.record[0]
    if c.want == PRECONDITION:
        return next_direction(memory, product, p)
    if c.certifying:
        for i in range(p.size):
            product[i] *= memory.z[i]
    if c.probing > 0 and probe(method, memory, product, p):
        return PRODUCT
    if conjugate_step(method, memory, product):
        return precondition(memory, p)
    if c.curvature < 0.0:
        for i in range(p.size):
            p[i] = memory.z[i] * memory.d[i]
        square = dot(p, p)
        c.curvature *= dot(memory.d, memory.d) / square
        scale = 1.0 / np.sqrt(square)
        for i in range(p.size):
            p[i] *= scale
    return 0


@fragment
def sign(i, turn):
    """Return the sign of component i of the pseudo-random vector of a turn of probing."""
    return -1.0 if (i >> (PROBES - turn)) % 2 else 1.0


@fragment
def row_size(memory, i, product):
    """Return the size of row i of the Hessian, by a product with a pseudo-random vector.

    It is 0 where the product is, which says nothing of the unit of the variable.
    """
    return abs(product[i]) / max(abs(memory.r[i]), SMALLEST)


@fragment
def probe(method, memory, product, p):
    """Scale the variables by a product in their present units, and begin the next product.

    Return False, with units of 1, if the first product shows that the rows are of one size: it is
    then that of the first direction of conjugate gradients.
    """
    c, z, r, d = memory.record[0], memory.z, memory.r, memory.d
    n = z.size
    least, most = np.inf, 0.0
    for i in range(n):
        size = row_size(memory, i, product)
        most = max(most, size)
        least = min(least, size) if size > 0.0 else least
    first = c.probing == PROBES
    # The sizes of rows differ as the units do, or as their squares.
    if not np.isfinite(most) or (first and least * least >= method.floor * most * most):
        c.probing = 0
        return False
    for i in range(n):
        size = row_size(memory, i, product)
        z[i] /= np.sqrt(size) if size > 0.0 else 1.0
    c.probing -= 1
    if c.probing == 0:
        least, most = np.inf, 0.0
        for i in range(n):
            least, most = min(least, z[i]), max(most, z[i])
        if least * least >= method.floor * most * most:
            z.fill(1.0)
    for i in range(n):
        p[i] = z[i] * (d[i] if c.probing == 0 else sign(i, c.probing) * r[i])
    return True


@fragment
def precondition(memory, p):
    """Return the next evaluation: y = M r if the caller evaluates M, otherwise the next product."""
    c, r, M = memory.record[0], memory.r, memory.M
    if c.asked and not c.certifying:
        copy(p, r)
        c.want = PRECONDITION
        return PRECONDITION
    for i in range(r.size):
        p[i] = r[i] if c.certifying else M[i] * r[i]
    return next_direction(memory, p, p)


@fragment
def next_direction(memory, y, p):
    """Compute the next conjugate direction from y = M r, and request the product with it.

    Return PRODUCT, or 0 if r·M r is not positive, so that conjugate gradients end.
    """
    c, d = memory.record[0], memory.d
    ry = dot(memory.r, y)
    beta = ry / c.ry if c.count else 0.0
    if c.count and not (ry > 0.0 and np.isfinite(beta)):
        return 0
    for i in range(d.size):
        d[i] = beta * d[i] - y[i] if c.count else -y[i]
        p[i] = memory.z[i] * d[i] if c.certifying else d[i]
    c.zd = beta * (c.zd + c.alpha * c.dd)
    c.dd = ry + beta * beta * c.dd
    c.ry, c.want = ry, PRODUCT
    return PRODUCT


@fragment
def conjugate_step(method, memory, product):
    """Make the conjugate-gradient step along d; return True if the iterations should go on.

    The step ends at the minimiser of the model or, along negative curvature or if it would leave
    the trust region, at the trust-region boundary.
    """
    c, z, r, d = memory.record[0], memory.z, memory.r, memory.d
    n = z.size
    dHd, squared = dot(d, product), dot(d, d)
    c.count += 1
    if not (np.isfinite(dHd) and c.ry > 0.0 and np.isfinite(c.ry)):
        return False
    curvature = dHd / squared
    c.largest = max(c.largest, abs(curvature))
    if c.certifying and curvature <= method.floor * c.largest:
        c.curvature = curvature if curvature < -method.floor * c.largest else 0.0
        c.slight = c.curvature == 0.0 and curvature < -ROOT_EPSILON * c.largest
        return False
    not_convex = dHd <= EPSILON * c.largest * squared  # curvature along d is negative or zero, up to rounding
    alpha = c.ry / abs(dHd)
    if not_convex and c.radius == np.inf and not curvature < -EPSILON * c.largest:
        return False
    zz = c.zz + alpha * (2.0 * c.zd + alpha * c.dd)
    if not c.certifying and c.radius < np.inf and (not_convex or zz >= c.radius * c.radius):
        alpha, zz, c.at_boundary = step_to_boundary(c), c.radius * c.radius, 1
    for i in range(n):
        z[i] += 0.0 if c.certifying else alpha * d[i]
        r[i] += alpha * product[i]
    c.alpha, c.zz = alpha, zz
    if c.certifying:
        return c.count < min(n, 10 + int(2.0 * np.log2(n)))
    c.zHz, c.usable = c.zHz + alpha * alpha * dHd, 1
    if not_convex or c.at_boundary or c.count >= max(2 * n, 20):
        return False
    return dot(r, r) > c.residual_tol * c.residual_tol


@fragment
def step_to_boundary(c):
    """Return the step along d from z to the trust-region boundary."""
    gap = max(0.0, c.radius * c.radius - c.zz)
    root = np.sqrt(c.zd * c.zd + c.dd * gap)
    return gap / (c.zd + root) if c.zd > 0.0 else (root - c.zd) / c.dd


@protocol.direction.register(NewtonCG)
def _direction(method, memory, hessian, x, g, p):
    if not memory.record[0].usable:
        return 0.0, 1.0
    copy(p, memory.z)
    return dot(g, p), 1.0


@protocol.update.register(NewtonCG)
def _update(method, memory, x, g, p, alpha, g_new):
    c = memory.record[0]
    if c.usable and not c.certifying:
        length = alpha * np.sqrt(c.zz)
        slope = dot(g, p)
        # Ratio of actual to predicted decrease. The actual one is computed from the slopes by the
        # trapezoidal rule, since near a minimum the difference of values is rounding.
        ratio = (slope + dot(g_new, p)) / (2.0 * slope + alpha * c.zHz)
        if alpha < 1.0 or not ratio >= 0.25:
            c.radius = length
        elif alpha > 1.0 or (c.at_boundary and ratio > 0.75):
            c.radius = max(c.radius, 2.0 * length)
    else:
        c.radius = np.inf
    move(x, g, p, alpha, g_new)


@protocol.restart.register(NewtonCG)
def _restart(method, memory):
    c = memory.record[0]
    known = c.usable == 1
    c.usable = 0
    return known


@protocol.negative_curvature.register(NewtonCG)
def _negative_curvature(method, memory, hessian, x, g, p):
    return memory.record[0].curvature


@protocol.unexplored.register(NewtonCG)
def _unexplored(method, memory, x, g, p):
    for i in range(p.size):
        p[i] = memory.z[i] * memory.d[i]
    return memory.record[0].slight


@protocol.set_preconditioner.register(NewtonCG)
def _set_preconditioner(method, memory, diagonal):
    memory.record[0].asked = diagonal.size == 0
    if diagonal.size > 0:
        copy(memory.M, diagonal)


@lifecycle.begin.register(NewtonCG)
def _begin(method, memory, options, bounds, n):
    memory.record[0]["asked"], memory.M[:] = preconditioner(options.get("precond"), n)
    return memory


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


@lifecycle.resume.register(NewtonCG)
def _resume(method, memory, old, n):
    # The preconditioner is the metric of the trust region: with another one the radius would be
    # of another unit.
    if old.record[0]["asked"] != memory.record[0]["asked"] or not np.array_equal(old.M, memory.M):
        raise ValueError("the checkpoint is that of a run with another precond, and it cannot change between two steps")
    return memory


register_method(NewtonCG, "newton-cg", few_iterations=True, options=("precond",))
