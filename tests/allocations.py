"""Count the allocations of compiled code by the counters of Numba's runtime."""

import gc
from contextlib import contextmanager
from typing import NamedTuple

from numba.core.runtime import _nrt_python, rtsys


class Allocations(NamedTuple):
    """Allocations of a piece of work.

    `made` counts all allocations, `kept` those that were not freed, and `objects` the
    reference-counted ones among the latter.
    """

    made: int
    kept: int
    objects: int


@contextmanager
def counting():
    """Switch Numba's allocation counters on.

    What exists already is put out of reach of the garbage collector meanwhile: late in a run of the
    tests each of the collections of `counted` would take a second.
    """
    enabled = _nrt_python.memsys_stats_enabled()
    _nrt_python.memsys_enable_stats()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if not enabled:
            _nrt_python.memsys_disable_stats()


def counted(work, *arguments, **keywords):
    """Return the allocations of `work(*arguments, **keywords)` as `Allocations`.

    Garbage is collected before and after the call, so that only lasting allocations count as kept.
    """
    gc.collect()
    before = rtsys.get_allocation_stats()
    work(*arguments, **keywords)
    gc.collect()
    after = rtsys.get_allocation_stats()
    made, freed = after.alloc - before.alloc, after.free - before.free
    return Allocations(made, made - freed, after.mi_alloc - before.mi_alloc - (after.mi_free - before.mi_free))
