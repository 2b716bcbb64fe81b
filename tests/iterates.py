"""The iterates of runs on published problems, for comparison between processes."""

import json
import sys

import numpy as np

from quasinewton import minimize, problems, root


def run(name, method, maxiter):
    """Return the iterates and the ending of a run, within bounds if the problem has them.

    Parameters
    ----------
    name : str
        Name of a factory in `problems`.
    method : str
        A method of `minimize`, or "root" for the zero of the problem's gradient.
    maxiter : int

    Returns
    -------
    dict
        `x`, a list of points, and `status`, `nit`, `nfev`: int, such as JSON can hold.
    """
    p, x = getattr(problems, name)(), []
    if method == "root":
        res = root(p.jac, p.x0, jac=p.hess, callback=lambda at, f: x.append(at.tolist()), options={"maxiter": maxiter})
    else:
        hess = p.hess if method.startswith("newton") else None
        given = {"jac": p.jac, "hess": hess, "bounds": p.bounds, "maxiter": maxiter}
        res = minimize(p.fun, p.x0, method=method, callback=lambda at: x.append(at.tolist()), **given)
    return {"x": x, "status": int(res.status), "nit": res.nit, "nfev": res.nfev}


def distances(one, other):
    """Return the distances of the k-th iterates of two runs, relative to max(1, ‖x‖_∞)."""
    pairs = zip(np.array(one["x"]), np.array(other["x"]), strict=False)
    return [np.max(np.abs(x - y)) / max(1.0, np.max(np.abs(y))) for x, y in pairs]


if __name__ == "__main__":
    print(json.dumps([run(*case) for case in json.loads(sys.argv[1])]))
