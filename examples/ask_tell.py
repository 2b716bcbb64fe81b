"""Influenza at a boarding school
==============================

Ask-tell with a simulation that is a program of its own.

In January 1978 an epidemic went through a school of 763 boys (British Medical Journal 1978, p. 587:
boys confined to bed, day by day). Which rates β and γ of S' = −β S I/N, I' = β S I/N − γ I fit
best? J. D. Murray, Mathematical Biology, 3rd ed. (2002), section 10.2, has 1.66 and 0.44. The
simulation, `ask_tell.py simulate`, reads points and writes values and gradients, as a program on a
cluster might that takes hours. After six evaluations the run is saved; another process,
`ask_tell.py resume`, continues it. `minimize` in one process makes exactly the same steps.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from quasinewton import Solver, minimize

IN_BED = np.array([3, 8, 26, 76, 225, 298, 258, 233, 189, 128, 68, 29, 14, 4], dtype=np.float64)
BOYS = 763.0
STEPS = 100  # steps of integration per day


def rates(y, beta, gamma):
    """Return the derivatives of S, I and of their sensitivities to ln β and ln γ.

    y has shape (2, 3).
    """
    S, I = y
    caught = beta / BOYS * np.array([S[0] * I[0], S[0] * I[0] + S[1] * I[0] + S[0] * I[1], S[2] * I[0] + S[0] * I[2]])
    cured = gamma * np.array([I[0], I[1], I[0] + I[2]])
    return np.array([-caught, caught - cured])


def misfit(x):
    """Return f = ½ Σ (I − data)² and its gradient, at x = (ln β, ln γ), by the midpoint rule."""
    beta, gamma = np.exp(x)
    y = np.array([[BOYS - IN_BED[0], 0.0, 0.0], [IN_BED[0], 0.0, 0.0]])
    f, g, h = 0.0, np.zeros(2), 1.0 / STEPS
    for count in IN_BED[1:]:
        for _ in range(STEPS):
            middle = y + 0.5 * h * rates(y, beta, gamma)
            y = y + h * rates(middle, beta, gamma)
        f += 0.5 * (y[1, 0] - count) ** 2
        g += (y[1, 0] - count) * y[1, 1:]
    return f, g


def simulate():
    """Evaluate the points on standard input until there are no more."""
    for line in sys.stdin:
        f, g = misfit(np.array(json.loads(line)))
        print(json.dumps([f, g.tolist()]), flush=True)


def advance(solver, evaluations):
    """Evaluate what the solver asks for by the simulation, at most so many times."""
    command, pipe = [sys.executable, __file__, "simulate"], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as simulation:
        while not solver.done and evaluations > 0:
            print(json.dumps(solver.ask().tolist()), file=simulation.stdin, flush=True)
            f, g = json.loads(simulation.stdout.readline())
            solver.tell(f, g)
            evaluations -= 1


def main():
    x0, options = np.log([1.0, 0.5]), {"method": "bfgs", "gtol": 1e-4}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.npz"
        solver = Solver(x0, **options)
        advance(solver, evaluations=6)
        solver.save(path)
        print(f"stopped after {solver.result.nfev} evaluations at f = {solver.result.fun:.2f}")
        subprocess.run([sys.executable, __file__, "resume", path], check=True)
        res = Solver.load(path).result
    beta, gamma = np.exp(res.x)
    print(f"{res.nfev} evaluations: β = {beta:.3f}, γ = {gamma:.3f} a day; each case infects {beta / gamma:.1f} others")
    expected = minimize(misfit, x0, jac=True, **options)
    assert res.success and np.array_equal(res.x, expected.x) and res.nfev == expected.nfev
    assert abs(beta - 1.66) < 0.05 and abs(gamma - 0.44) < 0.02


def resume(path):
    """Continue the run of a file, and save its result there."""
    solver = Solver.load(path)
    advance(solver, evaluations=1000)
    solver.save(path)


if __name__ == "__main__":
    {"simulate": simulate, "resume": resume}.get(sys.argv[1] if len(sys.argv) > 1 else "", main)(*sys.argv[2:])
