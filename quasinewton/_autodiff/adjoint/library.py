"""Rules of NumPy's functions of whole arrays, registered in `array_rules`."""

import numpy as np
from numba.core import types

from quasinewton._autodiff.adjoint import array_adjoints as adjoints
from quasinewton._autodiff.adjoint import matrix_adjoints as matrix
from quasinewton._autodiff.adjoint import reduction_adjoints as reduction
from quasinewton._autodiff.adjoint import runtime
from quasinewton._autodiff.adjoint.array_rules import F64, given, item_rule, rank, rule
from quasinewton._autodiff.adjoint.basics import is_expression, refuse
from quasinewton._numba_ext.generated import define

trapezoid_rule = np.trapezoid if hasattr(np, "trapezoid") else np.trapz


def is_real_array(program, v, *ranks):
    """Return True if an operand is an array of floats with one of these numbers of axes."""
    return rank(program, v) in ranks and v is not None and program.types[v.name].dtype == F64


def simple(function, ranks, table, reads="", optional=()):
    """Register the rule of functions of one array.

    `reads` names the values that the adjoint takes: "a", the operand, and "y", the result.
    """

    def make(program, s, a, *others):
        if not is_real_array(program, a, *ranks) or any(given(program, v) for v in others):
            return None
        adjoint = table[rank(program, a)] if isinstance(table, dict) else table
        values = {"a": lambda b: lambda: b.value(a), "y": lambda b: lambda: b.result}
        return lambda b, g: b.add(a, adjoint, g, *(values[letter](b) for letter in reads))

    names = ("a", *optional)
    arguments = ", ".join(names)
    text = f"def named(program, s, {arguments}):\n    return make(program, s, {arguments})"
    rule(*function)(define("named", text, {"make": make}))


simple((np.max, np.amax, "max"), (1, 2), reduction.LARGEST, "a", ("axis",))
simple((np.min, np.amin, "min"), (1, 2), reduction.SMALLEST, "a", ("axis",))
simple((np.prod, "prod"), (1,), reduction.add_product, "a", ("axis",))
simple((np.var, "var"), (1,), reduction.add_variance, "a", ("axis",))
simple((np.std, "std"), (1,), reduction.add_deviation, "ay", ("axis",))
simple((np.cumsum, "cumsum"), (1,), reduction.add_running_sum, "", ("axis",))
simple((np.cumprod, "cumprod"), (1,), reduction.add_running_product, "ay", ("axis",))
simple((np.sort,), (1,), reduction.add_sorted, "a", ("axis",))
simple((np.trace,), (2,), matrix.add_trace)
simple((np.linalg.inv,), (2,), matrix.add_inverse, "y")
simple((np.linalg.det,), (2,), matrix.add_determinant, "ay")
simple((np.linalg.cholesky,), (2,), matrix.add_cholesky, "y")


@rule(np.average)
def average(program, s, a, axis, weights):
    if given(program, axis) or given(program, weights) or not is_real_array(program, a, 1):
        return None
    return lambda b, g: b.add(a, adjoints.ADD_MEAN[1], g)


@rule(np.median)
def median(program, s, a):
    if not is_real_array(program, a, 1):
        return None
    return lambda b, g: b.add(a, reduction.add_quantile, g, lambda: b.value(a), 0.5)


def quantiles(function, adjoint):
    """Register the rule of a function that returns one quantile of a vector."""

    @rule(function)
    def quantile(program, s, a, q):
        if not is_real_array(program, a, 1) or rank(program, q) != 0:
            return None

        def emit(b, g):
            if b.active(q):
                refuse(f"{function.__name__} of a fraction that depends on x", s.loc)
            b.add(a, adjoint, g, lambda: b.value(a), lambda: b.value(q))

        return emit


quantiles(np.quantile, reduction.add_quantile)
quantiles(np.percentile, reduction.add_percentile)


@rule(np.diff)
def diff(program, s, a, n):
    times = 1 if not given(program, n) else program.constant(n)
    known = {1: reduction.add_differences, 2: reduction.add_second_differences}
    if times not in known or not is_real_array(program, a, 1):
        return None
    return lambda b, g: b.add(a, known[times], g)


@rule(np.clip, "clip")
def clip(program, s, a, a_min, a_max):
    numbers = all(given(program, v) and rank(program, v) == 0 for v in (a_min, a_max))
    if not numbers or not is_real_array(program, a, 1):
        return None

    def emit(b, g):
        if b.active(a_min) or b.active(a_max):
            refuse("clip with limits that depend on x", s.loc)
        b.add(a, reduction.add_clipped, g, lambda: b.value(a), lambda: b.value(a_min), lambda: b.value(a_max))

    return emit


@rule(np.repeat)
def repeat(program, s, a, repeats):
    if rank(program, repeats) != 0 or not is_real_array(program, a, 1):
        return None
    return lambda b, g: b.add(a, reduction.add_repeated, g, lambda: b.value(repeats))


@rule(np.roll)
def roll(program, s, a, shift):
    if rank(program, shift) != 0 or not is_real_array(program, a, 1):
        return None
    return lambda b, g: b.add(a, reduction.add_rolled, g, lambda: b.value(shift))


@rule(np.take)
def take(program, s, a, indices):
    vector = rank(program, indices) == 1 and isinstance(program.types[indices.name].dtype, types.Integer)
    if not vector or not is_real_array(program, a, 1):
        return None
    return lambda b, g: b.add(a, runtime.add_gathered, g, lambda: b.value(indices))


@rule(np.interp)
def interp(program, s, x, xp, fp):
    k = rank(program, x)
    if k not in (0, 1) or not all(is_real_array(program, v, 1) for v in (xp, fp)):
        return None
    of_values, of_place = reduction.INTERPOLATED[k]

    def emit(b, g):
        if b.active(xp):
            refuse("interp on a grid that depends on x", s.loc)
        b.add(fp, of_values, g, lambda: b.value(x), lambda: b.value(xp))
        b.add(x, of_place, g, lambda: b.value(xp), lambda: b.value(fp), lambda: b.value(x))

    return emit


@rule(trapezoid_rule)
def trapezoid(program, s, y, x, dx):
    if not is_real_array(program, y, 1):
        return None
    if not given(program, x):
        distance = (lambda b: lambda: b.value(dx)) if given(program, dx) else lambda b: 1.0
        if given(program, dx) and program.constant(dx) is None:
            return None
        return lambda b, g: b.add(y, reduction.add_even_trapezoids, g, distance(b))
    if given(program, dx) or not is_real_array(program, x, 1):
        return None

    def emit(b, g):
        b.add(y, reduction.add_trapezoids, g, lambda: b.value(x))
        b.add(x, reduction.add_widths, g, lambda: b.value(y))

    return emit


# ---- the making of arrays


@rule(np.full)
def full(program, s, shape, fill_value, dtype):
    r = rank(program, s.target)
    if given(program, dtype) or r not in reduction.SUM or program.types[fill_value.name] != F64:
        return None
    return lambda b, g: b.add(fill_value, reduction.SUM[r], g)


@rule(np.linspace)
def linspace(program, s, start, stop, num):
    if not all(rank(program, v) == 0 for v in (start, stop)):
        return None

    def emit(b, g):
        b.add(start, reduction.share_of_start, g)
        b.add(stop, reduction.share_of_stop, g)

    return emit


def displayed(program, v):
    """Return the items of a list or tuple made in the function, None for anything else."""
    if v is None:
        return None
    if v.name in program.tuples:
        return program.tuples[v.name]
    made = program.origin(v)
    return list(made.items) if is_expression(made, "build_list") else None


@rule(np.array)
def array(program, s, object, dtype):
    if isinstance(program.types.get(object.name), types.Array):
        return None
    rows = displayed(program, object)
    if rows is None or program.types[s.target.name] != types.Array(F64, rank(program, s.target), "C"):
        return None
    if rank(program, s.target) == 1 and all(rank(program, v) == 0 for v in rows):
        items = [(v, (reduction.item_of, k)) for k, v in enumerate(rows)]
    elif rank(program, s.target) == 2:
        inner = [displayed(program, row) for row in rows]
        if any(row is None or any(rank(program, v) != 0 for v in row) for row in inner):
            return None
        items = [(v, (reduction.item_of_matrix, i, j)) for i, row in enumerate(inner) for j, v in enumerate(row)]
    else:
        return None

    def emit(b, g):
        for v, (function, *index) in items:
            b.add(v, function, g, *index)

    return emit


@rule(np.append)
def append(program, s, arr, values):
    if not is_real_array(program, arr, 1) or not (rank(program, values) == 0 or is_real_array(program, values, 1)):
        return None

    def emit(b, g):
        b.add(arr, reduction.add_part, g, 0)
        if rank(program, values) == 0:
            b.add(values, reduction.last_item, g)
        elif b.active(values):
            b.add(values, reduction.add_part, g, b.emit.extent(b.shape(arr), 0))

    return emit


def joined(program, items, adjoint, axis):
    """Make the rule of arrays that are joined along an axis."""

    def emit(b, g):
        first = 0
        for v in items:
            b.add(v, adjoint, g, first)
            first = b.sum(first, b.emit.extent(b.shape(v), axis))

    return emit


def stacked(program, items, adjoint):
    """Make the rule of vectors that become the rows, or columns, of a matrix."""

    def emit(b, g):
        for k, v in enumerate(items):
            b.add(v, adjoint, g, k)

    return emit


def vectors(program, v):
    """Return the arrays in a tuple and their common number of axes, or (None, 0) if they have none.
    """
    items = displayed(program, v)
    if not items or not all(is_real_array(program, item, 1, 2) for item in items):
        return None, 0
    ranks = {rank(program, item) for item in items}
    return (items, ranks.pop()) if len(ranks) == 1 else (None, 0)


@rule(np.concatenate)
def concatenate(program, s, arrays, axis):
    items, r = vectors(program, arrays)
    along = program.constant(axis) if given(program, axis) else 0
    if items is None or along not in range(r):
        return None
    if r == 1:
        return joined(program, items, reduction.add_part, 0)
    return joined(program, items, reduction.add_columns if along == 1 else reduction.add_rows, along)


@rule(np.hstack)
def hstack(program, s, tup):
    items, r = vectors(program, tup)
    if items is None:
        return None
    return joined(program, items, reduction.add_part if r == 1 else reduction.add_columns, r - 1)


@rule(np.vstack)
def vstack(program, s, tup):
    items, r = vectors(program, tup)
    if items is None:
        return None
    return stacked(program, items, reduction.add_row) if r == 1 else joined(program, items, reduction.add_rows, 0)


@rule(np.column_stack)
def column_stack(program, s, tup):
    items, r = vectors(program, tup)
    if items is None:
        return None
    return stacked(program, items, reduction.add_column) if r == 1 else joined(program, items, reduction.add_columns, 1)


@rule(np.stack)
def stack(program, s, arrays, axis):
    items, r = vectors(program, arrays)
    along = program.constant(axis) if given(program, axis) else 0
    if items is None or r != 1 or along not in (0, 1):
        return None
    return stacked(program, items, reduction.add_column if along == 1 else reduction.add_row)


# ---- linear algebra


@rule(np.outer)
def outer(program, s, a, b):
    if not all(is_real_array(program, v, 1) for v in (a, b)):
        return None

    def emit(o, g):
        o.add(a, matrix.add_left_of_outer, g, lambda: o.value(b))
        o.add(b, matrix.add_right_of_outer, g, lambda: o.value(a))

    return emit


@rule(np.diag)
def diag(program, s, v):
    if not is_real_array(program, v, 1, 2):
        return None
    adjoint = matrix.add_from_diagonal if rank(program, v) == 1 else matrix.add_diagonal
    return lambda b, g: b.add(v, adjoint, g)


def triangle(adjoint):
    """Make the rule of a triangle of a matrix."""

    def make(program, s, m, k):
        if not is_real_array(program, m, 2):
            return None
        return lambda b, g: b.add(m, adjoint, g, (lambda: b.value(k)) if given(program, k) else 0)

    return make


rule(np.tril)(triangle(matrix.add_lower_triangle))
rule(np.triu)(triangle(matrix.add_upper_triangle))


@rule(np.linalg.norm)
def norm(program, s, a, ord):
    if not is_real_array(program, a, 1, 2):
        return None
    if not given(program, ord):
        return lambda b, g: b.add(a, matrix.NORM[rank(program, a)], g, lambda: b.value(a), lambda: b.result)
    if rank(program, a) != 1 or rank(program, ord) != 0:
        return None
    value = lambda b: lambda: b.emit.call(runtime.as_float, b.value(ord))
    return lambda b, g: b.add(a, matrix.add_norm_of_order, g, lambda: b.value(a), lambda: b.result, value(b))


@rule(np.linalg.solve)
def solve(program, s, a, b):
    if not is_real_array(program, a, 2) or not is_real_array(program, b, 1, 2):
        return None
    system, side = matrix.add_matrix_of_system, matrix.add_right_hand_side
    if rank(program, b) == 2:
        system, side = matrix.add_matrix_of_systems, matrix.add_right_hand_sides

    def emit(o, g):
        o.add(a, system, g, lambda: o.value(a), lambda: o.result)
        o.add(b, side, g, lambda: o.value(a))

    return emit


@item_rule(np.linalg.slogdet)
def slogdet(program, s, index, a):
    if not is_real_array(program, a, 2) or index not in (0, 1):
        return None
    if index == 0:
        return lambda b, g: None  # the sign is constant between jumps
    return lambda b, g: b.add(a, matrix.add_log_determinant, g, lambda: b.value(a))


@rule(np.linalg.eigvalsh)
def eigvalsh(program, s, a):
    if not is_real_array(program, a, 2):
        return None
    vectors_of = lambda b: lambda: b.emit.call(runtime.eigenvectors, b.value(a))
    return lambda b, g: b.add(a, matrix.add_eigenvalues, g, vectors_of(b))
