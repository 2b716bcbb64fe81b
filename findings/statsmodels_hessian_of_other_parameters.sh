#!/usr/bin/env bash
# statsmodels 0.15.0: minimisers get a Hessian of other parameters than those they vary.
#
# Expected: a function given as `extra_fit_funcs` receives the objective, its gradient `score` and
# its Hessian `hess`, all of the parameters that it varies
# (https://www.statsmodels.org/stable/dev/generated/statsmodels.base.model.LikelihoodModel.fit.html).
# Seen: `NegativeBinomial` is fitted by log(alpha), and `score` is the gradient by log(alpha), but
# `hess` is the matrix of second derivatives by alpha. Its entry of the dispersion differs from
# differences of `score`; the entries of the coefficients agree. Newton's method goes astray with it,
# and methods that use gradients only do not.
#
# Output seen: coefficients agree: True
#              dispersion: hess 0.3313, differences of score 0.08305
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1 pandas==2.3.3
cat > "$folder/counts.py" <<'PYTHON'
import numpy as np
from statsmodels.discrete.discrete_model import NegativeBinomial

rng = np.random.default_rng(0)
x = np.column_stack([np.ones(200), rng.standard_normal(200)])
mean = np.exp(0.5 + 0.3 * x[:, 1])
y = rng.negative_binomial(2.0, 2.0 / (2.0 + mean))
seen = {}


def look(f, score, start, fargs, kwargs, disp, maxiter, callback, retall, full_output, hess):
    """Compare the Hessian with central differences of the gradient, and return the start."""
    steps = 1e-5 * np.eye(len(start))
    q = np.array([0.5, 0.3, -0.7])
    columns = [(score(q + e, *fargs) - score(q - e, *fargs)) / 2e-5 for e in steps]
    seen["hess"], seen["differences"] = np.array(hess(q, *fargs)), np.array(columns)
    return start, {"fopt": f(start, *fargs), "converged": True, "iterations": 0, "fcalls": 0, "gcalls": 0, "warnflag": 0}


NegativeBinomial(y, x).fit(method="look", extra_fit_funcs={"look": look}, disp=False, skip_hessian=True)
hess, differences = seen["hess"], seen["differences"]
agree = np.allclose(hess[:2, :2], differences[:2, :2], rtol=1e-5)
print("coefficients agree:", agree)
print(f"dispersion: hess {hess[2, 2]:.4g}, differences of score {differences[2, 2]:.4g}")
assert agree and abs(hess[2, 2] / differences[2, 2] - 1.0) > 0.5
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/counts.py"
