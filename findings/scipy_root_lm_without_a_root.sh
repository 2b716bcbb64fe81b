#!/usr/bin/env bash
# scipy 1.17.1: `optimize.root(method="lm")` reports success for systems that have no root.
#
# Expected: `success` of a function named root means that fun(x) = 0 up to a tolerance, as with its
# default method "hybr", which ends with success=False here.
# Seen: "lm" minimises the sum of squares, and reports success at any minimum of it. Only `fun` says
# that it is no root. The page of the method mentions least squares, but not what success means then:
# https://docs.scipy.org/doc/scipy/reference/optimize.root-lm.html
#
# Output seen: hybr False
#              lm True 1.0
#              lm True [-1.  1.  0.]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.3.5 scipy==1.17.1
cat > "$folder/rootless.py" <<'PYTHON'
import numpy as np
from scipy.optimize import root


def parabola(x):
    """Return x² + 1, which is never 0."""
    return x * x + 1.0


def planes(x):
    """Return a linear system whose equations contradict each other."""
    return np.array([x.sum() - 1.0, x.sum() + 1.0, x[0] - x[1]])


default, squares, linear = root(parabola, 3.0), root(parabola, 3.0, method="lm"), root(planes, np.ones(3), method="lm")
print("hybr", default.success)
print("lm", squares.success, np.round(squares.fun, 6)[0])
print("lm", linear.success, np.round(linear.fun, 6))
assert not default.success and squares.success and linear.success
assert np.abs(squares.fun).max() > 0.9 and np.abs(linear.fun).max() > 0.9
PYTHON
"$folder/venv/bin/python" "$folder/rootless.py"
