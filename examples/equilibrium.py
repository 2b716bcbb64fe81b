"""Chemical equilibrium of propane burnt in air, at 2200 K and 40 atmospheres
==========================================================================

One mole of C₃H₈ meets R moles of oxygen atoms and 4R of nitrogen; R = 10 is just enough. Ten
species share the atoms: four balances and six equilibria for ten unknowns (Meintjes & Morgan, ACM
TOMS 16, 1990, 143–151, whose constants these are). The amounts are positive and span many orders of
magnitude, so the unknowns are their logarithms: no step can lead to a negative amount, and the
equilibria become linear except for the total. SciPy's `root` checks every answer, by the method of
Levenberg and Marquardt because Powell's does not converge.
"""

import numpy as np
import scipy.optimize
from numba import njit

from quasinewton import root

SPECIES = ["CO2", "H2O", "N2", "CO", "H2", "H", "OH", "O", "NO", "O2"]
ATOMS = np.array([
    # CO2 H2O N2 CO H2 H OH O NO O2
    [1, 0, 0, 1, 0, 0, 0, 0, 0, 0],  # carbon
    [0, 2, 0, 0, 2, 1, 1, 0, 0, 0],  # hydrogen
    [2, 1, 0, 1, 0, 0, 1, 1, 1, 2],  # oxygen
    [0, 0, 2, 0, 0, 0, 0, 0, 1, 0],  # nitrogen
], dtype=np.float64)
# Equilibrium: the product of amounts to the powers in its row is K (total/pressure) to the power in
# SHIFT.
POWERS = np.array([
    # CO2  H2O   N2   CO  H2  H  OH O NO O2
    [1.0, -1.0, 0.0, -1.0, 1, 0, 0, 0, 0, 0],  # CO + H2O = CO2 + H2
    [0.5, -0.5, 0.0, -0.5, 0, 1, 0, 0, 0, 0],
    [-0.5, -0.5, 0.0, 0.5, 0, 0, 1, 0, 0, 0],
    [-1.0, 0.0, 0.0, 1.0, 0, 0, 0, 1, 0, 0],  # CO2 = CO + O
    [-1.0, 0.0, -0.5, 1.0, 0, 0, 0, 0, 1, 0],
    [-2.0, 0.0, 0.0, 2.0, 0, 0, 0, 0, 0, 1],  # 2 CO2 = 2 CO + O2
])
SHIFT = np.array([0.0, 0.5, 0.5, 1.0, 0.5, 1.0])
K = np.array([0.193, 2.597e-3, 3.448e-3, 1.799e-5, 2.155e-4, 3.846e-5])
PRESSURE = 40.0


@njit
def residual(u, R, atoms, powers, shift, K, pressure):
    """Return the ten residuals at the amounts exp(u)."""
    supply = np.array([3.0, 8.0, R, 4.0 * R])
    amount = np.exp(u)
    crowding = np.log(amount.sum() / pressure)
    f = np.empty(10)
    for i in range(4):
        f[i] = np.dot(atoms[i], amount) / supply[i] - 1.0
    for i in range(6):
        f[4 + i] = np.dot(powers[i], u) - np.log(K[i]) - shift[i] * crowding
    return f


@njit
def jacobian(u, R, atoms, powers, shift, K, pressure):
    """Return J[i, j] = ∂f_i/∂u_j."""
    supply = np.array([3.0, 8.0, R, 4.0 * R])
    amount = np.exp(u)
    J = np.empty((10, 10))
    for j in range(10):
        for i in range(4):
            J[i, j] = atoms[i, j] * amount[j] / supply[i]
        for i in range(6):
            J[4 + i, j] = powers[i, j] - shift[i] * amount[j] / amount.sum()
    return J


def main():
    u = np.zeros(10)  # Start with a mole of every species.
    print("   R  nit" + "".join(f"{name:>10}" for name in SPECIES))
    for R in 10.0, 12.0, 20.0, 40.0:
        args = R, ATOMS, POWERS, SHIFT, K, PRESSURE
        res = root(residual, u, args, jac=jacobian)
        theirs = scipy.optimize.root(residual, u, args, jac=jacobian, method="lm", tol=1e-12)
        assert res.success and theirs.success, res.message
        assert np.abs(res.x - theirs.x).max() < 1e-8  # relative error of an amount
        assert np.allclose(ATOMS @ np.exp(res.x), [3.0, 8.0, R, 4.0 * R], rtol=1e-9)
        # Differences instead of the Jacobian lead to the same point.
        assert np.abs(root(residual, u, args).x - res.x).max() < 1e-8
        print(f"{R:4.0f}{res.nit:5d}" + "".join(f"{amount:10.2e}" for amount in np.exp(res.x)))
        u = res.x  # This is a good start for a little more air.


if __name__ == "__main__":
    main()
