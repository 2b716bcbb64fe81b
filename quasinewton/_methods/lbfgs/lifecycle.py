"""What Python code asks of L-BFGS at the beginning and at the end of a run; see `lifecycle`."""

import numpy as np

from quasinewton._methods import lifecycle
from quasinewton._methods.bfgs import DAMPED
from quasinewton._methods.curvature_pairs import COMPACT_GIVEN, TWO_LOOPS
from quasinewton._methods.initial_matrix import check_matrix, given_matrix
from quasinewton._methods.lbfgs import compact_inverse
from quasinewton._methods.lbfgs.inverse_hessian import InverseHessian
from quasinewton._methods.lbfgs.two_loop import LBFGS, with_room
from quasinewton._methods.registry import register_method

INITIAL = "H0", "precond"  # names of the option for the diagonal of the initial inverse Hessian


@lifecycle.check_options.register(LBFGS)
def _check_options(method, options, n):
    check_matrix(INITIAL, options, n)


@lifecycle.refuse_bounds.register(LBFGS)
def _refuse_bounds(method, options):
    # Damping replaces B s by −alpha g, which does not hold between bounds.
    if method.damping:
        raise ValueError(DAMPED)
    if method.single:
        raise ValueError("single=True cannot be had with bounds; there the pairs are kept in double precision")
    if given_matrix(INITIAL, options) is not None:
        raise ValueError("H0 of L-BFGS cannot be had with bounds; there the model begins with θI")


@lifecycle.begin.register(LBFGS)
def _begin(method, memory, options, bounds, n):
    if bounds is not None:
        return memory
    H0 = given_matrix(INITIAL, options)
    if H0 is not None:
        memory = with_room(memory, n)
        memory.a[-n:] = H0
    if memory.ring["form"][0] != TWO_LOOPS:
        # A failure to compile can be raised from here, not from inside the loop.
        compact_inverse.load(method.single)
    return memory


@lifecycle.resume.register(LBFGS)
def _resume(method, memory, old, n):
    return with_room(memory, n) if old.ring[0]["form"] == COMPACT_GIVEN else memory


@lifecycle.reopen.register(LBFGS)
def _reopen(method, memory):
    compact_inverse.forget_products(memory.a, memory.ring[0])


@lifecycle.shaped.register(LBFGS)
def _shaped(method, memory, saved, n):
    a = saved.get("a")
    given = a is not None and a.shape == (compact_inverse.size(memory.rho.size) + n,)
    return with_room(memory, n) if given else memory


@lifecycle.is_sound.register(LBFGS)
def _is_sound(method, memory):
    ring, m = memory.ring[0], memory.rho.size
    return 0 <= ring["count"] <= m and 0 <= ring["newest"] < m


@lifecycle.result_fields.register(LBFGS)
def _result_fields(method, memory, state):
    return {"hess_inv": InverseHessian(memory, state.x.size, bool(method.single))}


@lifecycle.curvature_spread.register(LBFGS)
def _curvature_spread(method, memory):
    """The curvatures that a pair (s, y) shows lie between s·y/s·s and y·y/s·y."""
    ring, m = memory.ring[0], memory.rho.size
    if method.single or ring["count"] == 0:
        return 0.0
    rows = (ring["newest"] - np.arange(ring["count"])) % m
    least, greatest = np.inf, 0.0
    for k in rows:
        s, y, sy = memory.S[k], memory.Y[k], 1.0 / memory.rho[k]
        least, greatest = min(least, sy / (s @ s)), max(greatest, (y @ y) / sy)
    return float(greatest / least) if 0.0 < least < np.inf else 0.0


register_method(LBFGS, "lbfgs", others=("l-bfgs", "l-bfgs-b"), tol_sets_ftol=True, initial=INITIAL)
