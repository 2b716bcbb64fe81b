"""A batch of fits on a Dask cluster; each worker solves its problems on its own cores.

The answers are those of a batch in this process, to the last bit. Data that lie on the workers are
the matter of `examples/shards_on_dask.py`.
"""

import numpy as np
from distributed import Client, LocalCluster
from numba import njit

from quasinewton import minimize_batch


@njit
def misfit(p, t, data):
    """Return the sum of squares about p0 exp(−p1 t)."""
    r = p[0] * np.exp(-p[1] * t) - data
    return np.sum(r * r)


def main():
    rng = np.random.default_rng(7)
    t, rates = np.linspace(0.0, 4.0, 50), rng.uniform(0.2, 2.0, 200)
    data = 2.0 * np.exp(-rates[:, None] * t) + 0.01 * rng.normal(size=(200, 50))
    call = dict(fun=misfit, X0=np.ones((200, 2)), args=(t,), batch_args=(data,), method="bfgs", gtol=1e-8)
    # A real cluster has an address: Client("scheduler:8786").
    with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        res = minimize_batch(**call, executor=client.get_executor(), n_jobs=1)
    print(res.message, f"Largest error of a rate: {np.abs(res.x[:, 1] - rates).max():.4f}")
    assert res.success.all() and np.abs(res.x[:, 1] - rates).max() < 0.05
    assert np.array_equal(res.x, minimize_batch(**call).x)


if __name__ == "__main__":  # the workers import this file
    main()
