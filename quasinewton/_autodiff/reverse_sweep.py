"""The backward sweep of reverse mode: adjoints are propagated from the end of a tape to its start.
"""

import numpy as np

from quasinewton._autodiff.tape import (
    ARRAY,
    BLOCK,
    END,
    EQUAL,
    FINITE,
    PLACE,
    RANGE,
    WILD,
    item,
    nature,
    peek,
    poke,
    product,
    put,
    words,
)
from quasinewton._numba_ext.jit import reduction, shared_reduction


@shared_reduction
def propagate_with_care(block, begin, parent, count, zero):
    """Propagate a record as `propagate` does, for an adjoint that is not finite."""
    size = 8 * words(zero)
    adjoint, partial = peek(begin, zero), begin + size
    for _ in range(count):
        at = block + 8 * np.int64(peek(parent, PLACE))
        poke(at, peek(at, zero) + product(adjoint, peek(partial, zero)))
        partial += size
        parent -= 4


@reduction
def propagate(block, end, count, zero):
    """Add to the adjoints of the `count` parents of the record that ends here; return its start."""
    size = 8 * words(zero)
    parent = end - 8
    end -= 8 * ((count + 2) // 2) + size * (count + 1)
    adjoint = peek(end, zero)
    kind = nature(adjoint)
    if kind == FINITE:
        partial = end + size
        for _ in range(count):
            at = block + 8 * np.int64(peek(parent, PLACE))
            poke(at, peek(at, zero) + adjoint * peek(partial, zero))
            partial += size
            parent -= 4
    elif kind == WILD:
        propagate_with_care(block, end, parent, count, zero)
    return end


@shared_reduction
def column(block, adjoints, partials, places, m, zero):
    """Add the products of m adjoints and partial derivatives to the adjoints at m places."""
    first = np.int64(peek(places, PLACE))
    at, scattered, apart = block + 8 * first, 0, 0
    for i in range(m):
        scattered |= np.int64(item(places, i, PLACE)) - first - i * words(zero)
    if scattered == 0:
        for i in range(m):
            put(at, i, item(at, i, zero) + product(item(adjoints, i, zero), item(partials, i, zero)))
        return
    for i in range(m):
        apart |= np.int64(item(places, i, PLACE)) - first
    if apart == 0:
        s = zero
        for i in range(m):
            s = s + product(item(adjoints, i, zero), item(partials, i, zero))
        poke(at, peek(at, zero) + s)
    else:
        for i in range(m):
            at = block + 8 * np.int64(item(places, i, PLACE))
            poke(at, peek(at, zero) + product(item(adjoints, i, zero), item(partials, i, zero)))


@shared_reduction
def propagate_many(block, end, zero):
    """Propagate the record of an array statement or of consecutive parents; return its start."""
    size = words(zero)
    kind, m = np.int64(peek(end - 4, PLACE)), peek(end - 16, 0)
    if kind < RANGE:
        columns, step = kind - ARRAY, 8 * (m * size + (m + 1) // 2)
        begin = end - 16 - columns * step - 8 * m * size
        for k in range(columns):
            partials = begin + 8 * m * size + k * step
            column(block, begin, partials, partials + 8 * m * size, m, zero)
        return begin
    begin = end - 16 - 8 * size * (m + 1 if kind == RANGE else 2)
    adjoint, partials = peek(begin, zero), begin + 8 * size
    at = block + 8 * np.int64(peek(end - 8, PLACE))
    if kind == EQUAL:
        adjoint = product(adjoint, peek(partials, zero))
        for i in range(m):
            put(at, i, item(at, i, zero) + adjoint)
    else:
        for i in range(m):
            put(at, i, item(at, i, zero) + product(adjoint, item(partials, i, zero)))
    return begin


@shared_reduction
def sweep(tape, first, zero):
    """Propagate adjoints from the end of the tape back to place `first`."""
    block = peek(tape + 8 * BLOCK, 0)
    begin, end = block + 8 * first, block + 8 * peek(tape + 8 * END, 0)
    while end > begin:
        count = np.int64(peek(end - 4, PLACE))
        # With a constant number of parents the processor can predict where the previous record
        # ends, and need not wait for the load.
        if count == 1:
            end = propagate(block, end, 1, zero)
        elif count == 2:
            end = propagate(block, end, 2, zero)
        elif count == 3:
            end = propagate(block, end, 3, zero)
        elif count == 4:
            end = propagate(block, end, 4, zero)
        elif count < ARRAY:
            end = propagate(block, end, count, zero)
        else:
            end = propagate_many(block, end, zero)
