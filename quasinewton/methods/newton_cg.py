"""Truncated Newton: conjugate gradients on Newton's equation, within a trust region, and a line search from there.

Sources: Dembo & Steihaug, Math. Program. 26 (1983), for when to stop; Steihaug, SIAM J. Numer. Anal. 20 (1983), and
Conn, Gould & Toint, Trust-Region Methods (2000), Algorithm 7.5.1, for the region and its norm, that of the
preconditioner; Nocedal & Yuan (Advances in Nonlinear Programming, 1998) for the search from the end of such a step,
whose outcome makes the next radius. A direction of negative curvature is followed to the edge of the region. The
Hessian is known by its products with vectors alone. Cost: a product and some 12n flops for every inner iteration.
"""

from typing import NamedTuple

import numpy as np

from quasinewton.jit import fragment
from quasinewton.linalg import copy, dot, move
from quasinewton.methods import method as protocol
from quasinewton.methods.method import EPSILON
from quasinewton.objective.contract import PRECONDITION, PRODUCT
from quasinewton.settings import number


class _Fields(NamedTuple):
    eta: float
    floor: float
    certify: int
    q1: float
    q2: float
    q3: float
    q4: float


class NewtonCG(_Fields):
    """Truncated Newton."""

    __slots__ = ()

    def __new__(cls, eta=0.5, floor=EPSILON ** (1 / 3), certify=True, q1=0.0, q2=0.0, q3=0.0, q4=0.0):
        return super().__new__(
            cls, number("eta", eta, 0.0, 1.0), number("floor", floor, 0.0, 1.0), int(bool(certify)), q1, q2, q3, q4
        )


RECORD = np.dtype(
    [
        ("asked", "i8"),  # whether the preconditioner is asked for; else it is the diagonal in the memory
        ("certifying", "i8"),  # whether the products are to show a negative curvature, not a direction
        ("want", "i8"),  # what has been asked: PRODUCT or PRECONDITION
        ("count", "i8"),  # products so far
        ("usable", "i8"),  # whether z is a direction
        ("edge", "i8"),  # whether z ends at the edge of the region
        ("radius", "f8"),  # of the region, in the norm of M⁻¹
        ("g_first", "f8"),  # ‖g‖ at the first iterate
        ("enough", "f8"),  # a residual that is small enough
        ("ry", "f8"),  # r·y with y = M r
        ("zz", "f8"),  # z·z, z·d and d·d in the inner product of M⁻¹
        ("zd", "f8"),
        ("dd", "f8"),
        ("alpha", "f8"),  # the last step of conjugate gradients
        ("bend", "f8"),  # z·H z
        ("stiffest", "f8"),  # greatest curvature met, in absolute value
        ("curvature", "f8"),  # a negative one, where certifying has found it
    ],
    align=True,
)


class Krylov(NamedTuple):
    """Memory: the step z, its residual r = H z + g, the conjugate direction d, and the diagonal of M; shape (n,)."""

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


@protocol.curved.register(NewtonCG)
def _curved(method, hessian):
    return True


@protocol.operand.register(NewtonCG)
def _operand(method, hessian, p):
    return p


@protocol.inquire.register(NewtonCG)
def _inquire(method, memory, g, p, certifying):
    c = memory.record[0]
    z, r = memory.z, memory.r
    c.certifying, c.count, c.usable, c.edge = certifying, 0, 0, 0
    c.zz = c.zd = c.dd = c.bend = c.stiffest = c.curvature = 0.0
    if certifying:
        scatter(r)
    else:
        copy(r, g)
    for i in range(z.size):
        z[i] = 0.0
    norm = np.sqrt(dot(r, r))
    if c.g_first == 0.0:
        c.g_first = norm
    if method.q1 == 0.0:
        c.enough = norm * min(method.eta, np.sqrt(norm))
    else:
        c.enough = norm * min(method.eta, (norm / c.g_first) ** method.q1)
    if certifying:
        c.enough = 0.0
    return precondition(memory, p)


@protocol.answer.register(NewtonCG)
def _answer(method, memory, product, p):
    if memory.record[0].want == PRECONDITION:
        return turn(memory, product, p)
    return extend(method, memory, product, p)


@fragment
def scatter(r):
    """Write pseudo-random numbers, always the same ones, to r (Park & Miller, Comm. ACM 31, 1988)."""
    seed = 1
    for i in range(r.size):
        seed = 48271 * seed % 2147483647
        r[i] = seed / 2147483647.0 - 0.5


@fragment
def precondition(memory, p):
    """Ask for y = M r if that takes the user, else for the product that comes next."""
    c = memory.record[0]
    if c.asked and not c.certifying:
        copy(p, memory.r)
        c.want = PRECONDITION
        return PRECONDITION
    for i in range(p.size):
        p[i] = memory.r[i] if c.certifying else memory.M[i] * memory.r[i]
    return turn(memory, p, p)


@fragment
def turn(memory, y, p):
    """Make the next conjugate direction of the preconditioned residual; ask for the product with it."""
    c = memory.record[0]
    d = memory.d
    ry = dot(memory.r, y)
    if c.count and not (ry > 0.0 and np.isfinite(ry)):
        return 0
    beta = ry / c.ry if c.count else 0.0
    for i in range(d.size):
        d[i] = (beta * d[i] if c.count else 0.0) - y[i]
        p[i] = d[i]
    c.zd = beta * (c.zd + c.alpha * c.dd)
    c.dd = ry + beta * beta * c.dd
    c.ry = ry
    c.want = PRODUCT
    return PRODUCT


@fragment
def extend(method, memory, Hd, p):
    """Go along d as far as the model, the region and the curvature allow; return what is wanted next."""
    c = memory.record[0]
    z, r, d = memory.z, memory.r, memory.d
    n = z.size
    c.count += 1
    dHd, d2 = dot(d, Hd), dot(d, d)
    if not (np.isfinite(dHd) and c.ry > 0.0 and np.isfinite(c.ry)):
        return 0
    curvature = dHd / d2
    c.stiffest = max(c.stiffest, abs(curvature))
    if c.certifying:
        level = method.floor * c.stiffest
        if curvature < -level:
            c.curvature = curvature
            for i in range(n):
                p[i] = d[i] / np.sqrt(d2)
        if curvature <= level:
            return 0
    elif dHd <= EPSILON * d2 * c.stiffest:
        if c.radius < np.inf:
            alpha = to_edge(c)
            c.edge = 1
        elif curvature < 0.0 and dHd < -EPSILON * d2 * c.stiffest:
            alpha = -c.ry / dHd
        else:
            return 0
        c.zz += alpha * (2.0 * c.zd + alpha * c.dd)
        c.bend += alpha * alpha * dHd
        for i in range(n):
            z[i] += alpha * d[i]
        c.usable = 1
        return 0
    alpha = c.ry / dHd
    zz = c.zz + alpha * (2.0 * c.zd + alpha * c.dd)
    if not c.certifying and zz >= c.radius * c.radius:
        alpha = to_edge(c)
        c.edge = 1
        zz = c.radius * c.radius
    c.alpha, c.zz = alpha, zz
    c.bend += alpha * alpha * dHd
    for i in range(n):
        z[i] += alpha * d[i]
        r[i] += alpha * Hd[i]
    c.usable = 1
    most = min(n, 10 + int(2.0 * np.log2(n))) if c.certifying else max(2 * n, 20)
    if c.edge or c.count >= most or np.sqrt(dot(r, r)) <= c.enough:
        return 0
    return precondition(memory, p)


@fragment
def to_edge(c):
    """The step along d from z to the edge of the region."""
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
        before, after = dot(g, p), dot(g_new, p)
        modelled = before + alpha * c.bend  # slope
        ratio = (before + after) / (before + modelled) if before + modelled < 0.0 else 0.0
        if alpha < 1.0 or ratio < 0.25:
            c.radius = (method.q2 if method.q2 > 0 else 1.0) * length
        elif (ratio > 0.75 and c.edge) or alpha > 1.0:
            c.radius = max(c.radius, 2.0 * length) if c.radius < np.inf else c.radius
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
def _negative_curvature(method, memory, hessian, p):
    return memory.record[0].curvature
