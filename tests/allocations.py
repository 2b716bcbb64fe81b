"""What Numba's runtime has allocated and freed, by its own counters."""

import gc
from contextlib import contextmanager
from typing import NamedTuple

from numba.core.runtime import _nrt_python, rtsys


class Allocations(NamedTuple):
    """What a piece of work allocated.

    `made` counts all allocations, `kept` those that were not freed, and `objects` the
    reference-counted ones among the latter.
    """

    made: int
    kept: int
    objects: int


@contextmanager
def counting():
    """Let Numba count what it allocates and frees."""
    enabled = _nrt_python.memsys_stats_enabled()
    _nrt_python.memsys_enable_stats()
    try:
        yield
    finally:
        if not enabled:
            _nrt_python.memsys_disable_stats()


def counted(work, *arguments, **keywords):
    """Return what `work(*arguments, **keywords)` allocated, garbage of earlier work and of its own
    collected.
    """
    gc.collect()
    before = rtsys.get_allocation_stats()
    work(*arguments, **keywords)
    gc.collect()
    after = rtsys.get_allocation_stats()
    made, freed = after.alloc - before.alloc, after.free - before.free
    return Allocations(made, made - freed, after.mi_alloc - before.mi_alloc - (after.mi_free - before.mi_free))
