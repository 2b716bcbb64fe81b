"""A logistic regression whose data stay on the workers of a Dask cluster
======================================================================

The objective is a sum of losses over shards of the data, one or more on each worker:

    f(w) = Σ over shards Σ over rows log(1 + exp(−y x·w)) + ½ ‖w‖²

Each evaluation sends w to the workers; there compiled code computes the value and the gradient of
each shard, and the cluster adds them up in pairs. One value and one gradient come back, and L-BFGS
takes its step here. It needs few evaluations, and each passes over all data once: this is how it
fits data that no single machine holds.
"""

import numpy as np
from numba import njit

from quasinewton import minimize

SHARDS, ROWS, FEATURES = 8, 20_000, 20


def make_shard(seed):
    """Return the rows of a shard and their labels; in practice this would read a file."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((ROWS, FEATURES))
    chance = 1.0 / (1.0 + np.exp(-X @ np.linspace(-1.0, 1.0, FEATURES)))
    return X, np.where(rng.uniform(size=ROWS) < chance, 1.0, -1.0)


@njit(nogil=True)
def losses(w, X, y):
    """Return Σ log(1 + exp(−y x·w)) over the rows, and its gradient."""
    f, g = 0.0, np.zeros(w.size)
    for i in range(y.size):
        margin = 0.0
        for j in range(w.size):
            margin += X[i, j] * w[j]
        margin *= y[i]
        miss = np.exp(-abs(margin))
        f += np.log1p(miss) + max(-margin, 0.0)
        slope = -y[i] * (miss if margin > 0.0 else 1.0) / (1.0 + miss)
        for j in range(w.size):
            g[j] += slope * X[i, j]
    return f, g


def shard_losses(shard, w):
    """Return the loss and the gradient of one shard, on the worker that holds it."""
    return losses(w, *shard)


def added(a, b):
    """Return the sum of two pairs of loss and gradient."""
    return a[0] + b[0], a[1] + b[1]


def objective_on(client, shards):
    """Return w -> (f, g), evaluated on the cluster."""

    def objective(w):
        parts = client.map(shard_losses, shards, w=w, pure=False)
        while len(parts) > 1:  # Add as a tree, in log₂ n rounds and always in the same order.
            pairs = [client.submit(added, *parts[i : i + 2], pure=False) for i in range(0, len(parts) - 1, 2)]
            parts = pairs + parts[len(pairs) * 2 :]
        f, g = parts[0].result()
        return f + 0.5 * w @ w, g + w

    return objective


def main():
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        print("This example needs Dask: pip install 'dask[distributed]'.")
        return
    # A real cluster has an address: Client("scheduler:8786").
    with LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        shards = client.map(make_shard, range(SHARDS))
        res = minimize(objective_on(client, shards), np.zeros(FEATURES), jac=True, gtol=1e-3)
    print(f"{SHARDS * ROWS:,} rows in {SHARDS} shards: f = {res.fun:.4f} after {res.nfev} evaluations. {res.message}")
    assert res.success

    X, y = (np.concatenate(part) for part in zip(*map(make_shard, range(SHARDS)), strict=True))
    f, g = losses(res.x, X, y)
    assert np.abs(g + res.x).max() < 2e-3 and abs(f + 0.5 * res.x @ res.x - res.fun) < 1e-6 * res.fun
    assert np.abs(res.x - np.linspace(-1.0, 1.0, FEATURES)).max() < 0.05


if __name__ == "__main__":
    main()
