"""Items of arrays that are read, or stored, by an array of indices, and their adjoints.

Each function of the backward sweep adds to `bar`, the adjoints of the array that is indexed, the
adjoints `g` of what was read, or moves the adjoints `part` of the places stored into to those of
what was stored. They are compiled once and cached on disk. An index may occur several times: what
was read of it is added up, and of what was stored there the last item has stayed.
"""

from numba.core import types

from quasinewton._autodiff.adjoint.basics import SLICES, is_expression
from quasinewton._autodiff.adjoint.runtime import add_gathered, add_matrix
from quasinewton._numba_ext.jit import shared


@shared
def add_gathered_rows(bar, g, index):
    """Add the adjoints of rows of a matrix."""
    for i in range(index.shape[0]):
        for j in range(bar.shape[1]):
            bar[index[i], j] += g[i, j]


@shared
def add_gathered_matrices(bar, g, index):
    """Add the adjoints of matrices of an array of three axes."""
    for i in range(index.shape[0]):
        add_matrix(bar[index[i]], g[i])


@shared
def add_gathered_of_column(bar, g, index, j):
    """Add the adjoints of items of column j of a matrix."""
    add_gathered(bar[:, j], g, index)


@shared
def add_gathered_of_row(bar, g, index, i):
    """Add the adjoints of items of row i of a matrix."""
    add_gathered(bar[i], g, index)


@shared
def add_gathered_of_columns(bar, g, index, part):
    """Add the adjoints of rows of those columns of a matrix that a slice selects."""
    add_gathered_rows(bar[:, part], g, index)


@shared
def add_gathered_of_rows(bar, g, index, part):
    """Add the adjoints of columns of those rows of a matrix that a slice selects."""
    add_gathered_rows(bar[part].T, g.T, index)


GATHERED = {1: add_gathered, 2: add_gathered_rows, 3: add_gathered_matrices}


@shared
def take_scattered_sum(part, index):
    """Return the sum of the adjoints at indices, and set them to zero."""
    s = 0.0
    for i in range(index.shape[0]):
        s += part[index[i]]
        part[index[i]] = 0.0
    return s


@shared
def take_scattered_sum_of_rows(part, index):
    """Return the sum of the adjoints of rows, and set them to zero."""
    s = 0.0
    for i in range(index.shape[0]):
        for j in range(part.shape[1]):
            s += part[index[i], j]
            part[index[i], j] = 0.0
    return s


@shared
def move_scattered(part, index, bar):
    """Move the adjoints of the places where a vector was stored to those of the vector.

    Both may lie in the same memory.
    """
    g = part.copy()
    for i in range(index.shape[0]):
        part[index[i]] = 0.0
    for i in range(index.shape[0] - 1, -1, -1):
        bar[i if bar.shape[0] > 1 else 0] += g[index[i]]
        g[index[i]] = 0.0


@shared
def move_scattered_rows(part, index, bar):
    """Move the adjoints of the rows where a matrix was stored to those of the matrix.

    Both may lie in the same memory.
    """
    g = part.copy()
    for i in range(index.shape[0]):
        for j in range(part.shape[1]):
            part[index[i], j] = 0.0
    for i in range(index.shape[0] - 1, -1, -1):
        for j in range(part.shape[1]):
            bar[i if bar.shape[0] > 1 else 0, j if bar.shape[1] > 1 else 0] += g[index[i], j]
            g[index[i], j] = 0.0


TAKE_SCATTERED = {1: take_scattered_sum, 2: take_scattered_sum_of_rows}
MOVE_SCATTERED = {1: move_scattered, 2: move_scattered_rows}


def is_list_of_indices(kind):
    """Return True if a type is that of a vector of integers."""
    return isinstance(kind, types.Array) and kind.ndim == 1 and isinstance(kind.dtype, types.Integer)


def gather_of(program, e, index, owner):
    """Return how the adjoint of items that an array of indices selects is computed.

    Parameters
    ----------
    program : Program
    e : numba.core.ir.Expr
        The item.
    index, owner : numba types
        Of the index, and of the array.

    Returns
    -------
    (callable, variable of the array of indices, list of further operands), or None
        None if there is no rule.
    """
    variable = e.index if is_expression(e, "getitem") else e.index_var
    if is_list_of_indices(index):
        return (GATHERED[owner.ndim], variable, []) if owner.ndim in GATHERED else None
    made = None if variable is None else program.origin(variable)
    of_two = isinstance(index, types.BaseTuple) and len(index) == owner.ndim == 2
    if not (of_two and is_expression(made, "build_tuple")):
        return None
    for k, other in (0, index[1]), (1, index[0]):
        if is_list_of_indices(index[k]) and isinstance(other, SLICES):
            if isinstance(other, (types.Integer, types.IntegerLiteral)):
                function = (add_gathered_of_column, add_gathered_of_row)[k]
            elif isinstance(other, types.SliceType):
                function = (add_gathered_of_columns, add_gathered_of_rows)[k]
            else:
                return None
            return function, made.items[k], [made.items[1 - k]]
    return None


def can_scatter(index, owner, value):
    """Return True if a store at an array of indices has an adjoint.

    Parameters
    ----------
    index, owner, value : numba types
        Of the index, of the array, and of what is stored, a number or an array.
    """
    if not is_list_of_indices(index) or owner.ndim not in MOVE_SCATTERED:
        return False
    return not isinstance(value, types.Array) or value.ndim == owner.ndim
