"""A batch of fits on MPI processes, by mpi4py's MPIPoolExecutor. There are three ways to start it:

    mpiexec -n 3 python -m mpi4py.futures with_mpi.py     one process leads, two work
    python with_mpi.py                                    one worker is spawned
    python with_mpi.py 2                                  two workers are spawned

Open MPI starts no more processes than there are cores, the leading one included, unless the
environment has OMPI_MCA_rmaps_base_oversubscribe=1; as root it wants OMPI_ALLOW_RUN_AS_ROOT=1 and
OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1. The answers are those of a batch in this process, to the last bit.
"""

import sys

import numpy as np
from mpi4py.futures import MPIPoolExecutor
from numba import njit

from quasinewton import minimize_batch


@njit
def valley(x, a):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (a - x[0]) ** 2


def main(*workers):
    a = np.linspace(0.5, 2.0, 40)
    call = dict(fun=valley, X0=np.zeros((40, 2)), batch_args=(a,), method="bfgs", gtol=1e-8)
    with MPIPoolExecutor(*workers) as executor:
        res = minimize_batch(**call, executor=executor, n_jobs=1)
        print(f"{executor.num_workers} workers. {res.message}")
    assert res.success.all() and np.allclose(res.x, np.column_stack([a, a**2]))
    assert np.array_equal(res.x, minimize_batch(**call).x)


if __name__ == "__main__":  # the workers import this file
    main(*map(int, sys.argv[1:]))
