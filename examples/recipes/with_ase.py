"""The geometry of a cluster of atoms in ASE, by `minimize` and by ask and tell.

ASE has energies (eV) and forces (eV/Å), which are minus the gradient. By ask and tell the loop is
yours: you look at every geometry, or have each computed by another program, and stop when you like.
The answers are compared with that of ASE's own BFGS.
"""

import numpy as np
from ase.build import molecule
from ase.calculators.emt import EMT
from ase.cluster import Octahedron
from ase.optimize import BFGS

from quasinewton import Solver, minimize

FMAX = 1e-3  # eV/Å, largest component of a force


def energy_and_gradient(x, atoms):
    atoms.positions = x.reshape(-1, 3)
    return atoms.get_potential_energy(), -atoms.get_forces().ravel()


def cluster():
    """Return thirteen atoms of copper, shaken, with their calculator."""
    atoms = Octahedron("Cu", 3, cutoff=1)
    atoms.rattle(0.2, seed=1)
    atoms.calc = EMT()
    return atoms


atoms = cluster()
with BFGS(atoms, logfile=None) as theirs:
    theirs.run(fmax=FMAX)
lowest = atoms.get_potential_energy()

atoms = cluster()
res = minimize(energy_and_gradient, atoms.positions.ravel(), (atoms,), jac=True, gtol=FMAX)
atoms.positions = res.x.reshape(-1, 3)
print(f"minimize: {res.fun:.6f} eV after {res.nfev} evaluations; ASE's BFGS: {lowest:.6f} eV after {theirs.nsteps + 1}")
assert res.success and abs(res.fun - lowest) < 1e-4 and np.abs(atoms.get_forces()).max() <= FMAX

water = molecule("H2O")
water.calc = EMT()
solver = Solver(water.positions.ravel(), method="bfgs", gtol=FMAX)
while not solver.done:
    solver.tell(*energy_and_gradient(solver.ask(), water))
water.positions = solver.result.x.reshape(-1, 3)

twin = molecule("H2O")
twin.calc = EMT()
with BFGS(twin, logfile=None) as theirs:
    theirs.run(fmax=FMAX)
lengths = [[atoms.get_distance(0, i) for i in (1, 2)] for atoms in (water, twin)]
print(f"Solver: bonds of {lengths[0][0]:.4f} and {lengths[0][1]:.4f} Å after {solver.result.nfev} evaluations")
assert solver.result.success and np.allclose(*lengths, atol=1e-3)
