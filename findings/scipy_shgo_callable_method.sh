#!/usr/bin/env bash
# SciPy 1.17.1: shgo does not take a minimiser of one's own, which its neighbours take.
#
# Expected: `minimizer_kwargs` is handed to scipy.optimize.minimize, whose `method` may be a callable
# (https://docs.scipy.org/doc/scipy/reference/generated/scipy.optimize.minimize.html), so a callable
# works in shgo as it does in basinhopping and dual_annealing.
# Seen: shgo calls `method.lower()` while it reads its options and raises AttributeError; the others
# run.
#
# Output seen: basinhopping True
#              dual_annealing True
#              shgo AttributeError: 'function' object has no attribute 'lower'
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 scipy==1.17.1
cat > "$folder/methods.py" <<'PYTHON'
import numpy as np
from scipy.optimize import basinhopping, dual_annealing, minimize, shgo


def own(fun, x0, args=(), **options):
    return minimize(fun, x0, args=args, method="L-BFGS-B")


def bowl(x):
    return float(np.sum((x - 0.3) ** 2))


given, bounds = {"method": own}, [(-1.0, 1.0)] * 2
print("basinhopping", bool(basinhopping(bowl, [1.0, 1.0], niter=2, minimizer_kwargs=given, rng=0).success))
print("dual_annealing", bool(dual_annealing(bowl, bounds, maxiter=5, minimizer_kwargs=given, rng=0).success))
try:
    shgo(bowl, bounds, minimizer_kwargs=given)
    raise SystemExit("shgo has taken a callable method")
except AttributeError as error:
    print("shgo AttributeError:", error)
    assert "lower" in str(error)
PYTHON
"$folder/venv/bin/python" "$folder/methods.py"
