"""The Lennard-Jones cluster, in reduced units (ε = σ = 1); x = (x₁, y₁, z₁, x₂, …)."""

import numpy as np

from quasinewton._numba_ext.jit import kernel
from quasinewton.problems.problem import Problem, dimension

# Least energies by number of atoms.
ENERGY = {2: -1.0, 3: -3.0, 4: -6.0, 5: -9.10385241570756, 6: -12.71206225680934, 7: -16.50538416801222,
          8: -19.82148919215476, 9: -24.11336043364718, 10: -28.42253189343756, 11: -32.765970089979,
          12: -37.96759956236391, 13: -44.32680141953398}


@kernel
def squared_distance(x, i, j):
    """Return |p_i − p_j|², for atoms whose first coordinates are x[i] and x[j]."""
    return (x[i] - x[j]) ** 2 + (x[i + 1] - x[j + 1]) ** 2 + (x[i + 2] - x[j + 2]) ** 2


@kernel
def lennard_jones_value(x):
    """f = 4 Σ_{i<j} (r_ij^{−12} − r_ij^{−6})."""
    f = 0.0
    for i in range(0, x.size, 3):
        for j in range(0, i, 3):
            s = 1.0 / squared_distance(x, i, j) ** 3  # A quotient, since Numba raises on 0.0 ** −3.
            f += 4.0 * s * (s - 1.0)
    return f


@kernel
def lennard_jones_gradient(x):
    """Gradient: a pair of atoms adds ±2V′d, where V′ is the slope in r².

    V′ = −12s(2s − 1)/r², s = r^{−6}.
    """
    g = np.zeros(x.size)
    for i in range(0, x.size, 3):
        for j in range(0, i, 3):
            r2 = squared_distance(x, i, j)
            s = 1.0 / r2 ** 3
            slope = -24.0 * s * (2.0 * s - 1.0) / r2
            for k in range(3):
                pull = slope * (x[i + k] - x[j + k])
                g[i + k] += pull
                g[j + k] -= pull
    return g


@kernel
def lennard_jones_hessian(x):
    """Hessian: a pair of atoms adds the block 4V″ddᵀ + 2V′I, with signs.

    V″ = 12s(14s − 4)/r⁴.
    """
    H = np.zeros((x.size, x.size))
    for i in range(0, x.size, 3):
        for j in range(0, i, 3):
            r2 = squared_distance(x, i, j)
            s = 1.0 / r2 ** 3
            slope, curvature = -24.0 * s * (2.0 * s - 1.0) / r2, 48.0 * s * (14.0 * s - 4.0) / (r2 * r2)
            for k in range(3):
                for l in range(3):
                    h = curvature * ((x[i + k] - x[j + k]) * (x[i + l] - x[j + l]))
                    if k == l:
                        h += slope
                    H[i + k, i + l] += h
                    H[j + k, j + l] += h
                    H[i + k, j + l] -= h
                    H[j + k, i + l] -= h
    return H


def lennard_jones(n=21):
    """Return the Lennard-Jones cluster of n/3 atoms; n a multiple of 3.

    The start is a spiral on a sphere, a choice of this package: the literature starts at random.
    Six of the eigenvalues of the Hessian vanish at a minimum, by translation and rotation. Local
    minima abound.
    """
    n = dimension(n, least=6, multiple=3)
    atoms = n // 3
    z = 1.0 - (2.0 * np.arange(atoms) + 1.0) / atoms
    angle = np.pi * (3.0 - np.sqrt(5.0)) * np.arange(atoms)
    rho = np.sqrt(1.0 - z * z)
    start = 0.65 * np.cbrt(atoms) * np.column_stack((rho * np.cos(angle), rho * np.sin(angle), z))
    return Problem("Lennard-Jones cluster", lennard_jones_value, lennard_jones_gradient, lennard_jones_hessian,
                   start=start.ravel(), source="Hoare & Pal (1971), Adv. Phys. 20, 161-196; "
                   "minima: Wales & Doye (1997), J. Phys. Chem. A 101, 5111-5116", fmin=ENERGY.get(atoms))
