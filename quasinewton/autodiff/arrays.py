"""Rules for arrays: reductions, selections and linear algebra, each in terms of few records instead of many.

Values are Numba's own, computed by the same routine from an array of values; derivatives follow from them. These rules
are private functions: in the user's function, calls of NumPy's are replaced by calls of these, which pass on to NumPy's
whatever is passive.

Source of the matrix derivatives: Giles, Collected matrix derivative results for forward and reverse mode algorithmic
differentiation, 2008.
"""

import builtins
import inspect
import operator

import numpy as np
from numba.core import types
from numba.core.imputils import lower_builtin
from numba.core.typing.npydecl import parse_dtype
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import overload, register_jitable

from quasinewton.autodiff.handling import add_lanes, at, combine, constant, dtype_of, empty, leaf, revalued, value, values, zero_of
from quasinewton.autodiff.scalars import F64, Dual, is_active, is_active_array, leaf_of
from quasinewton.jit import INNER

ROUTES = {}  # a function of NumPy or Python: what replaces it in a differentiated function
METHODS = {}  # the name of a method of arrays: what replaces it
INPLACE = {}  # an operator such as +=


def delegate(name, choose):
    """Make a function for compiled code that stands for another, chosen by the types of its arguments.

    Parameters
    ----------
    name : str
    choose : callable
        choose(types of the arguments) -> function.
    """

    def stand_in(*args, **kwargs):
        raise NotImplementedError

    stand_in.__name__ = name

    class Template(AbstractTemplate):
        key = stand_in
        prefer_literal = True

        def generic(self, args, kws):
            chosen = self.context.resolve_value_type(choose((*args, *kws.values())))
            return self.context.resolve_function_type(chosen, args, kws)

    infer_global(stand_in, types.Function(Template))

    @lower_builtin(stand_in, types.VarArg(types.Any))
    def lower(context, builder, signature, args):
        typing = context.typing_context
        chosen = typing.resolve_value_type(choose(signature.args))
        return context.get_function(chosen, signature)(builder, args)

    return stand_in


def rule(*functions, method=None):
    """Make the rule of functions for active arguments, written as for `numba.extending.overload`.

    Parameters
    ----------
    *functions : functions that it replaces
    method : str, optional
        Name of the method of arrays that it also replaces.
    """

    def add(choose):
        def own(*args):
            raise NotImplementedError

        own.__name__ = choose.__name__
        overload(own, strict=False, prefer_literal=True, jit_options=INNER)(choose)
        for function in functions:
            active = lambda kinds, public=function: own if any(map(leaf_of, kinds)) else public
            ROUTES[function] = delegate(function.__name__, active)
        if method:
            itself = method_itself(method)
            METHODS[method] = delegate(method, lambda kinds: own if is_active_array(kinds[0]) else itself)
        return ROUTES[functions[0]]

    return add


def method_itself(name):
    """A function for compiled code that calls a method of its first argument."""

    def stand_in(*args):
        raise NotImplementedError

    scope = {}
    exec(f"def call(a, *rest):\n    return a.{name}(*rest)", scope)
    overload(stand_in, strict=False, jit_options=INNER)(lambda a, *rest: scope["call"])
    return stand_in


def assign(out, a):
    """Write an array to another of the same shape."""


@overload(assign, jit_options=INNER)
def _assign(out, a):
    # Loops, not out[...] = a: that compiles for seconds.
    if out.ndim == 1:

        def vector(out, a):
            for i in range(out.size):
                out[i] = a[i]

        return vector
    if out.ndim == 2:

        def matrix(out, a):
            for i in range(out.shape[0]):
                for j in range(out.shape[1]):
                    out[i, j] = a[i, j]

        return matrix

    def general(out, a):
        out[...] = a

    return general


def inplace(operation, symbol):
    """Register what replaces an in-place operator: on active arrays a loop, on numbers the operator itself."""

    def own(a, b):
        raise NotImplementedError

    scope = {"assign": assign}
    exec(f"def write(a, b):\n    assign(a, a {symbol} b)\n    return a", scope)
    overload(own, strict=False, jit_options=INNER)(lambda a, b: scope["write"])
    plain, binary = getattr(operator, "i" + operation), getattr(operator, operation)

    def choose(kinds):
        if is_active_array(kinds[0]):
            return own
        return binary if leaf_of(kinds[1]) and not isinstance(kinds[0], types.Array) or is_active(kinds[0]) else plain

    INPLACE[plain] = delegate(plain.__name__, choose)


for operation, symbol in dict(add="+", sub="-", mul="*", truediv="/", pow="**", floordiv="//", mod="%").items():
    inplace(operation, symbol)


def axis_of(kind):
    """The axis in the type of an argument; None if there is none."""
    if kind is None or isinstance(kind, types.NoneType):
        return None
    return getattr(kind, "value", getattr(kind, "literal_value", NotImplemented))


@rule(np.sum, method="sum")
def sum_(a, axis=None):
    if isinstance(a, types.BaseTuple) or not is_active_array(a):
        return None
    axis = axis_of(axis)
    if axis is None and a.ndim == 1:
        zero = zero_of(a.dtype.base)

        def total(a, axis=None):
            s = zero()
            for item in a:
                s = s + value(item)
            return combine(s, 1.0, a, 0.0, 0.0)

        return total
    if axis is None:
        return lambda a, axis=None: combine(sum_(values(a)), 1.0, a.flatten(), 0.0, 0.0)
    if a.ndim == 1 and axis in (0, -1):
        return lambda a, axis=None: sum_(a)
    if a.ndim == 2 and axis in (0, 1, -1, -2):
        by_column = axis in (0, -2)

        def along(a, axis=None):
            a = a.T if by_column else a
            out = empty(a.shape[0], a)
            for i in range(a.shape[0]):
                out[i] = sum_(a[i])
            return out

        return along
    if a.ndim == 3 and axis in (0, -3):
        return lambda a, axis=None: sum_(a.copy().reshape((a.shape[0], -1)), 0).reshape(a.shape[1:])
    if a.ndim == 3 and axis in (2, -1):
        return lambda a, axis=None: sum_(a.copy().reshape((-1, a.shape[2])), 1).reshape(a.shape[:2])
    return None


@rule(np.mean, method="mean")
def mean(a):
    return lambda a: combine(mean(values(a)), 1.0 / a.size, a.flatten(), 0.0, 0.0)


@rule(np.var, method="var")
def var(a):
    def impl(a):
        y = var(values(a))
        flat = values(a).flatten()
        return combine(y, (flat - mean(flat)) * (2.0 / a.size), a.flatten(), 0.0, 0.0)

    return impl


@rule(np.std, method="std")
def std(a):
    def impl(a):
        y = std(values(a))
        flat = values(a).flatten()
        return combine(y, (flat - mean(flat)) / (y * a.size), a.flatten(), 0.0, 0.0)

    return impl


@rule(np.prod, method="prod")
def prod(a):
    def impl(a):
        flat = a.flatten()
        v = values(flat)
        # Products of all the others, which need no division: v may have a zero.
        w = np.ones_like(v)
        left = right = w[0] if v.size else 1.0
        for i in range(v.size):
            w[i] = w[i] * left
            left = left * v[i]
        for i in range(v.size - 1, -1, -1):
            w[i] = w[i] * right
            right = right * v[i]
        return combine(prod(values(a)), w, flat, 0.0, 0.0)

    return impl


@rule(np.cumsum, method="cumsum")
def cumsum(a):
    def impl(a):
        out = a.flatten()
        for i in range(1, out.size):
            out[i] = out[i - 1] + out[i]
        return out

    return impl


@rule(np.cumprod, method="cumprod")
def cumprod(a):
    def impl(a):
        out = a.flatten()
        for i in range(1, out.size):
            out[i] = out[i - 1] * out[i]
        return out

    return impl


@rule(np.argmax, method="argmax")
def argmax(a):
    return lambda a: np.argmax(values(a))


@rule(np.argmin, method="argmin")
def argmin(a):
    return lambda a: np.argmin(values(a))


@rule(np.argsort, method="argsort")
def argsort(a):
    return lambda a: np.argsort(values(a))


@rule(np.sort)
def sort(a):
    return lambda a: a[np.argsort(values(a))]


@rule(np.max, np.amax, method="max")
def max_item(a):
    return lambda a: a.flatten()[np.argmax(values(a))]


@rule(np.min, np.amin, method="min")
def min_item(a):
    return lambda a: a.flatten()[np.argmin(values(a))]


def choice(name, better):
    """The rule of Python's max or min of two or more numbers, or of the items of one sequence."""
    source = f"""
def two(a, b):
    a, b = leaf(a), leaf(b)
    return b if b {better} a else a
def more(a, b, *rest):
    return own(own(a, b), *rest)
def items(a):
    best = leaf(a[0])
    for item in a:
        if item {better} best:
            best = leaf(item)
    return best
"""
    scope = {"leaf": leaf}
    exec(source, scope)

    def choose(a, *rest):
        return scope["more" if len(rest) > 1 else "two" if rest else "items"]

    choose.__name__ = name
    scope["own"] = rule(getattr(builtins, name))(choose)


choice("max", ">")
choice("min", "<")
ROUTES[abs] = delegate("abs", lambda kinds: np.absolute if any(map(is_active_array, kinds)) else abs)


@rule(float, np.float64)
def float_(x):
    return lambda x: x


@rule(pow)
def pow_(a, b):
    return lambda a, b: a**b


@rule(sum)
def sum_items(a, start=0):
    def impl(a, start=0):
        s = start
        for item in a:
            s = s + item
        return s

    return impl


@rule(np.array, np.asarray)
def array(a):
    if is_active_array(a):
        return lambda a: a.copy()
    if isinstance(a, types.BaseTuple):
        a = a[0] if len(a) else None
    else:
        a = getattr(a, "dtype", None)
    if leaf_of(a) is None or is_active(a):

        def vector(a):
            out = empty(len(a), a)
            for i, item in enumerate(a):
                out[i] = item
            return out

        return vector

    def matrix(a):
        out = empty((len(a), len(a[0])), a)
        for i, row in enumerate(a):
            for j, item in enumerate(row):
                out[i, j] = item
        return out

    return matrix




@rule(np.where)
def where(condition, a, b):
    if not isinstance(condition, types.Array):

        def one(condition, a, b):
            if condition:
                return leaf(a)
            return leaf(b)

        return one

    def each(condition, a, b):
        out = empty(condition.shape, (a, b))
        flat, u, v = out.ravel(), spread(a, condition.shape), spread(b, condition.shape)
        for i, c in enumerate(condition.flat):
            if c:
                flat[i] = at(u, i)
            else:
                flat[i] = at(v, i)
        return out

    return each


def spread(a, shape):
    """A number as it is; an array as a vector of as many items as a shape has."""


@overload(spread, jit_options=INNER)
def _spread(a, shape):
    if isinstance(a, types.Array):
        return lambda a, shape: np.broadcast_to(a, shape).flatten()
    return lambda a, shape: a


@rule(np.clip, method="clip")
def clip(a, a_min=None, a_max=None):
    absent = [kind is None or isinstance(kind, (types.NoneType, types.Omitted)) for kind in (a_min, a_max)]
    if absent[0]:
        return lambda a, a_min=None, a_max=None: np.minimum(a, a_max)
    if absent[1]:
        return lambda a, a_min=None, a_max=None: np.maximum(a, a_min)
    return lambda a, a_min=None, a_max=None: np.minimum(np.maximum(a, a_min), a_max)


@rule(np.dot, operator.matmul, method="dot")
def dot(a, b):
    if not (isinstance(a, types.Array) and isinstance(b, types.Array)):
        return lambda a, b: a * b
    if (a.ndim, b.ndim) == (1, 1):

        def inner(a, b):
            u, v = values(a), values(b)
            return combine(dot(u, v), v, a, u, b)

        return inner
    if (a.ndim, b.ndim) == (2, 1):

        def by_rows(a, b):
            u, v = values(a), values(b)
            out = empty(a.shape[0], (a, b))
            rows(out, dot(u, v), a, b, u, v)
            return out

        return by_rows
    if (a.ndim, b.ndim) == (1, 2):

        def by_columns(a, b):
            u, v = values(a), values(b)
            y, out = dot(u, v), empty(b.shape[1], (a, b))
            for j in range(out.size):
                out[j] = combine(y[j], v[:, j], a, u, b[:, j])
            return out

        return by_columns
    if (a.ndim, b.ndim) == (2, 2):

        def by_items(a, b):
            u, v = values(a), values(b)
            y, out = dot(u, v), empty((a.shape[0], b.shape[1]), (a, b))
            for i in range(out.shape[0]):
                for j in range(out.shape[1]):
                    out[i, j] = combine(y[i, j], v[:, j], a[i], u[i], b[:, j])
            return out

        return by_items
    return None


def rows(out, y, a, b, u, v):
    """Write to `out` the numbers of values y and the derivatives of a @ b, where u, v are the values of a, b."""


@overload(rows, jit_options=INNER)
def _rows(out, y, a, b, u, v):
    if is_active(a.dtype) or not isinstance(b.dtype, Dual):

        def one_by_one(out, y, a, b, u, v):
            for i in range(out.size):
                out[i] = combine(y[i], v, a[i], u[i], b)

        return one_by_one

    def by_four(out, y, a, b, u, v):
        # Four sums at once, since each alone waits for its last addition.
        whole = out.size - out.size % 4
        for i in range(0, whole, 4):
            p, q, r, s = constant(b, y[i]), constant(b, y[i + 1]), constant(b, y[i + 2]), constant(b, y[i + 3])
            for j in range(b.size):
                p = add_lanes(p, a[i, j], b[j])
                q = add_lanes(q, a[i + 1, j], b[j])
                r = add_lanes(r, a[i + 2, j], b[j])
                s = add_lanes(s, a[i + 3, j], b[j])
            out[i], out[i + 1], out[i + 2], out[i + 3] = p, q, r, s
        for i in range(whole, out.size):
            out[i] = combine(y[i], v, a[i], u[i], b)

    return by_four


@rule(np.vdot)
def vdot(a, b):
    return lambda a, b: dot(a.flatten(), b.flatten())


@rule(np.outer)
def outer(a, b):
    return lambda a, b: a.flatten().reshape((-1, 1)) * b.flatten().reshape((1, -1))


@rule(np.linalg.norm)
def norm(a):
    def impl(a):
        y = norm(values(a))
        return combine(y, values(a).flatten() / y, a.flatten(), 0.0, 0.0)

    return impl


@rule(np.trace)
def trace(a):
    return lambda a: sum_(np.diag(a))


@rule(np.linalg.inv)
def inv(a):
    def impl(a):
        y = inv(values(a))
        return solution(a, np.eye(a.shape[0]), y, y)

    return impl


@rule(np.linalg.solve)
def solve(a, b):
    if b.ndim == 2:
        return lambda a, b: solution(a, b, solve(values(a), values(b)), inv(values(a)))

    def single(a, b):
        x = solve(values(a), values(b))
        return solution(a, b.copy().reshape((-1, 1)), x.reshape((-1, 1)), inv(values(a)))[:, 0].copy()

    return single


@register_jitable
def solution(a, b, x, y):
    """The solution of A X = B from its values x and the inverse y: dX = A⁻¹ (dB − dA X), the bracket recorded first."""
    residual, out = empty(x.shape, (a, b)), empty(x.shape, (a, b))
    for j in range(x.shape[1]):
        for i in range(x.shape[0]):
            residual[i, j] = combine(0.0 * x[i, j], 1.0, b[i, j : j + 1], -x[:, j], a[i])
        for i in range(x.shape[0]):
            out[i, j] = combine(x[i, j], y[i], residual[:, j], 0.0, 0.0)
    return out


@rule(np.linalg.det)
def det(a):
    def impl(a):
        y = det(values(a))
        return combine(y, inv(values(a)).T.flatten() * y, a.flatten(), 0.0, 0.0)

    return impl


@rule(np.linalg.slogdet)
def slogdet(a):
    def impl(a):
        sign, y = slogdet(values(a))
        return value(sign), combine(value(y), inv(values(a)).T.flatten(), a.flatten(), 0.0, 0.0)

    return impl


@rule(np.linalg.cholesky)
def cholesky(a):
    def impl(a):
        y, n = cholesky(values(a)), a.shape[0]
        out = np.zeros_like(a)
        for i in range(n):
            for j in range(i + 1):
                s = leaf(a[i, j])
                for k in range(j):
                    s = s - out[i, k] * out[j, k]
                out[i, j] = revalued(leaf(np.sqrt(s) if i == j else s / out[j, j]), y[i, j])
        return out

    return impl


def is_float(dtype):
    """Whether an argument named dtype means float64; the default does."""
    if dtype is None or isinstance(dtype, (types.Omitted, types.NoneType)):
        return True
    return parse_dtype(dtype) == F64


def creators(kind):
    """What replaces functions that make arrays of floats: these make arrays of an active type, of value as asked.

    Parameters
    ----------
    kind : Active

    Returns
    -------
    dict
        As ROUTES and, for names, METHODS.
    """
    active, routes = dtype_of(kind), {}

    def creator(*functions):
        def add(choose):
            def own(*args):
                raise NotImplementedError

            overload(own, strict=False, jit_options=INNER)(choose)
            names = list(inspect.signature(choose).parameters)
            for function in functions:
                public = method_itself(function) if isinstance(function, str) else function
                route = lambda kinds, public=public: own if wanted(names, kinds) else public
                routes[function] = delegate(choose.__name__, route)

        return add

    def wanted(names, kinds):
        given = dict(zip(names, kinds, strict=False))
        containers = types.Array if names == ["a"] else (types.Array, types.List, types.UniTuple)
        floats = is_float(given.get("dtype"))
        if "a" in given:  # an array or list to be copied
            return isinstance(given["a"], containers) and leaf_item(given["a"]) == F64 and floats
        return floats and not isinstance(given.get("fill_value"), types.Integer)

    @creator(np.zeros, np.empty)
    def zeros(shape, dtype=None):
        return lambda shape, dtype=None: np.zeros(shape, active())

    @creator(np.ones)
    def ones(shape, dtype=None):
        return lambda shape, dtype=None: filled(np.zeros(shape, active()), 1.0)

    @creator(np.full)
    def full(shape, fill_value, dtype=None):
        return lambda shape, fill_value, dtype=None: filled(np.zeros(shape, active()), fill_value)

    @creator(np.zeros_like, np.empty_like)
    def zeros_like(a, dtype=None):
        return lambda a, dtype=None: np.zeros(a.shape, active())

    @creator(np.ones_like)
    def ones_like(a, dtype=None):
        return lambda a, dtype=None: filled(np.zeros(a.shape, active()), 1.0)

    @creator(np.eye, np.identity)
    def eye(N, dtype=None):
        def impl(N, dtype=None):
            out = np.zeros((N, N), active())
            for i in range(N):
                out[i, i] = 1.0
            return out

        return impl

    @creator(np.array, np.copy)
    def copy(a, dtype=None):
        def impl(a, dtype=None):
            plain = np.asarray(a)
            out = np.zeros(plain.shape, active())
            assign(out, plain)
            return out

        return impl

    @creator("copy")
    def copy_method(a):
        def impl(a):
            out = np.zeros(a.shape, active())
            assign(out, a)
            return out

        return impl

    return routes


def leaf_item(kind):
    """The type of a number in an array, or in lists and tuples."""
    while isinstance(kind, (types.Array, types.List, types.UniTuple)):
        kind = kind.dtype
    return kind


@register_jitable
def filled(out, value):
    """Fill an array with a number."""
    flat = out.reshape(out.size)
    for i in range(flat.size):
        flat[i] = value
    return out
