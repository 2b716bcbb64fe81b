"""The implementation of `line_search` inside compiled code."""

import numpy as np
from numba import types
from numba.extending import overload

from quasinewton._api.inside_njit.codegen import Source
from quasinewton._api.line_search import LineSearchResult, line_search, search_along
from quasinewton._line_searches.protocol import LINE
from quasinewton._numba_ext.jit import kernel
from quasinewton._objective.in_njit import bind


@kernel
def search_from(objective, search, x, p, alpha):
    """Search along p from x, as `search_along` does.

    The workspace is allocated here, since Numba refuses ``np.zeros`` of records in a function that
    it compiles with ``parallel=True``, as the caller may be.
    """
    return search_along(objective, search, x, p, alpha, np.zeros(1, LINE))


# Inlined, so that functions among its arguments remain global names of the caller, which Numba can
# then cache.
@overload(line_search, inline="always")
def _line_search(fun, x, p, args=(), jac=None, search=None, alpha=1.0):
    source = Source(_line_search, "line_search")
    for name, kind in (("x", x), ("p", p)):
        if not (isinstance(kind, types.Array) and kind.ndim == 1 and kind.dtype == types.float64):
            source.refuse(f"`{name}` must be a float64 vector, got {kind}")
    objective = bind(source, fun, jac, args)
    _, search_ = source.search("search", search)
    source.add(
        f"objective = {objective}",
        "origin, direction = np.ascontiguousarray(x), np.ascontiguousarray(p)",
        f"found = search_from(objective, {search_}, origin, direction, float(alpha))",
        "hold(held)",
        "hold(args)",
        "count = found[3]",
        "return Result(found[0], found[1], found[2], count * (1 + objective.values), count, found[4])",
        search_from=search_from,
        Result=LineSearchResult,
    )
    return source.implementation()
