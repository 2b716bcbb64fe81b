"""Compiled derivatives of a function: seed its variables, call it, and read off the derivatives."""

import weakref

import numpy as np
from numba.core import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from quasinewton._autodiff import FEW, SEVERAL
from quasinewton._autodiff.active_types import F64, Dual, Var
from quasinewton._autodiff.active_values import value, zero_of
from quasinewton._autodiff.adjoint import compiled as compiled_adjoint
from quasinewton._autodiff.adjoint.calls import (
    VECTOR,
    either,
    gradient_call,
    second_order_call,
)
from quasinewton._autodiff.guarded_calls import derivatives, guarded, vector
from quasinewton._autodiff.recompile import twin
from quasinewton._autodiff.seeding import (
    columns,
    directed,
    direction,
    first_lanes,
    gradient,
    product,
    seeded,
    sow,
    unfilled,
    unfilled_matrix,
    unsown,
    variables,
    write_columns,
    write_lanes,
)
from quasinewton._autodiff.tape import new_tape, words
from quasinewton._numba_ext.jit import fragment, inlined

LIMIT = 1 << 29  # words; the largest tape, 4 GB


def forward(f, lanes):
    """Compile value and gradient by forward mode, `lanes` directions per sweep.

    Parameters
    ----------
    f : numba dispatcher
        f(x, *args) -> float.
    lanes : int

    Returns
    -------
    numba dispatcher
        (x, args) -> (float, ndarray of shape (n,)), with args a tuple; it is inlined into
        its caller.
    """
    call, zero = guarded(twin(f, Dual(lanes), whole=True), Dual(lanes)), zero_of(Dual(lanes))

    def value_and_grad(x, args):
        g, first = unfilled(x.size), 0
        while True:
            y = call(g, sow(unsown(x.size, zero()), x, first), args)
            write_lanes(y, g, first)
            first += lanes
            if first >= x.size:
                break
        return value(y), g

    return inlined(value_and_grad)


def forward_jacobian(f, lanes):
    """Compile value and Jacobian by forward mode.

    Parameters
    ----------
    f : numba dispatcher
        f(x, *args) -> vector of m values, or a number.
    lanes : int

    Returns
    -------
    numba dispatcher
        (x, args) -> (ndarray of shape (m,), ndarray of shape (m, n)).
    """
    function, zero = twin(f, Dual(lanes), whole=True), zero_of(Dual(lanes))

    def value_and_jacobian(x, args):
        first = 0
        while True:
            y = vector(function(sow(unsown(x.size, zero()), x, first), *args))
            if first == 0:
                values, jacobian = unfilled(len(y)), np.empty((len(y), x.size))
            for j in range(len(y)):
                values[j] = value(y[j])
                derivatives(y[j], jacobian[j], first)
            first += lanes
            if first >= x.size:
                break
        return values, jacobian

    return inlined(value_and_jacobian)


def reverse(f):
    """Compile value and gradient, (x, args), by reverse mode.

    The adjoint by transformation is used; if the transformation refuses the function, the tape.
    """
    call = gradient_call(f, lambda: 8 * LIMIT, fragment(taped(f).py_func))

    def value_and_grad(x, args):
        return call(x, args)

    return inlined(value_and_grad)


def taped(f):
    """Compile value and gradient, (x, args), by the tape."""
    call = guarded(twin(f, Var(F64), whole=True), Var(F64))

    def value_and_grad(x, args):
        tape = new_tape(x.size + 1, LIMIT)
        y = call(tape, variables(x, tape), args)
        return value(y), gradient(y, tape, x.size)

    return inlined(value_and_grad)


def hessian_product(f):
    """Make the product of the Hessian with a vector.

    It is forward mode in one direction through reverse mode.

    Parameters
    ----------
    f : numba dispatcher

    Returns
    -------
    callable
        (x, v, *args) -> ndarray of shape (n,), to be compiled.
    """
    base = Dual(1, sided=True)
    call, zero = guarded(twin(f, Var(base), whole=True), Var(base)), zero_of(base)
    differentiate = second_order_call(f, base, lambda: 8 * LIMIT)

    def by_tape(x, v, args):
        tape = new_tape((x.size + 1) * words(zero()), LIMIT)
        y = call(tape, directed(x, v, tape, zero()), args)
        return product(y, tape, x.size, zero())

    def by_adjoint(x, v, args):
        return first_lanes(differentiate(direction(x, v, zero()), args)[1])

    chosen = either(f, base, fragment(by_adjoint), fragment(by_tape))

    def hvp(x, v, *args):
        if v.size != x.size:
            raise ValueError("x and v must be of one length")
        return chosen(x, v, args)

    return named(hvp, f)


def dense_hessian(f, lanes):
    """Make the Hessian by forward mode through reverse mode, `lanes` columns per sweep.

    Parameters
    ----------
    f : numba dispatcher
    lanes : int

    Returns
    -------
    callable
        (x, *args) -> ndarray of shape (n, n), symmetric to rounding; to be compiled.
    """
    base = Dual(lanes, sided=True)
    call, zero = guarded(twin(f, Var(base), whole=True), Var(base)), zero_of(base)
    differentiate = second_order_call(f, base, lambda: 8 * LIMIT)

    def by_tape(x, out, args):
        for first in range(0, x.size, lanes):
            tape = new_tape((x.size + 1) * words(zero()), LIMIT)
            y = call(tape, seeded(x, first, tape, zero()), args)
            columns(y, tape, out, first, zero())
        return out

    def by_adjoint(x, out, args):
        for first in range(0, x.size, lanes):
            write_columns(differentiate(sow(unsown(x.size, zero()), x, first), args)[1], out, first)
        return out

    chosen = either(f, base, fragment(by_adjoint), fragment(by_tape))

    def hessian(x, *args):
        return chosen(x, unfilled_matrix(x.size), args)

    return named(hessian, f)


def automatic(f, lanes):
    """Compile value and gradient by both modes, chosen by the number of variables."""
    ahead, back, reference = forward(f, lanes), reverse(f), weakref.ref(f)

    @intrinsic
    def few(typingctx, args):
        """Return the largest number of variables for forward mode."""
        function = reference()
        most = SEVERAL - 1 if function is not None and has_adjoint(function, args) else FEW
        return types.intp(args), lambda context, builder, signature, values: context.get_constant(types.intp, most)

    def value_and_grad(x, args):
        if x.size <= few(args):
            y, g = ahead(x, args)
        else:
            y, g = back(x, args)
        return y, g

    return inlined(value_and_grad)


def whole(pair, f):
    """Make the function (x, *args) that returns both results of `pair`, a function of (x, args)."""

    def both(x, *args):
        return pair(x, args)

    both.__name__ = pair.py_func.__name__
    return named(both, f)


def second_of(pair, name, f):
    """Make the function (x, *args) that returns the second result of the function `pair`."""

    def second(x, *args):
        return pair(x, args)[1]

    second.__name__ = name
    return named(second, f)


def named(function, f):
    """Return a function under its own name and that of the user's function."""
    function.__name__ = f"{function.__name__}_of_{f.__name__}"
    return function


def gradient_maker(f, mode, lanes):
    """Compile value and gradient by the requested mode."""
    if mode == "auto":
        return automatic(f, lanes)
    return forward(f, lanes) if mode == "forward" else reverse(f)


def actives(kind, mode, lanes):
    """Return the active types for which a derivative compiles the user's function."""
    if kind in ("hvp", "hessian"):
        return [Var(Dual(1 if kind == "hvp" else lanes, sided=True))]
    return [Dual(lanes)] * (mode != "reverse") + [Var(F64)] * (mode != "forward")


def has_adjoint(f, arguments):
    """Return True if the transformation accepts a function with further arguments of these types.
    """
    return compiled_adjoint(f, (VECTOR, *arguments)) is not None


def compile_for(f, kind, arguments):
    """Compile a function for a vector of an active type, unless its adjoint is compiled instead."""
    of_second_order = kind.base if isinstance(kind, Var) and kind != Var(F64) else None
    if not isinstance(kind, Var) or compiled_adjoint(f, (VECTOR, *arguments), of_second_order) is None:
        compile_twin(f, kind, arguments)


def compile_twin(f, kind, arguments):
    """Compile a function for a vector of an active type and further arguments of given types."""
    point = types.Array(kind, 1, "C")
    function = types.Dispatcher(twin(f, kind, whole=True))
    cpu_target.typing_context.resolve_function_type(function, (point, *arguments), {})


# What compiled code calls: dispatchers.
PACKED = {
    "value_and_grad": gradient_maker,
    "value_and_jacobian": lambda f, mode, lanes: forward_jacobian(f, lanes),
    "hvp": lambda f, mode, lanes: fragment(hessian_product(f)),
    "hessian": lambda f, mode, lanes: fragment(dense_hessian(f, lanes)),
}
# What is called from Python, too: functions that `from_python.derivative` compiles.
MAKERS = {
    "value_and_grad": lambda f, mode, lanes: whole(gradient_maker(f, mode, lanes), f),
    "grad": lambda f, mode, lanes: second_of(gradient_maker(f, mode, lanes), "grad", f),
    "value_and_jacobian": lambda f, mode, lanes: whole(forward_jacobian(f, lanes), f),
    "jacobian": lambda f, mode, lanes: second_of(forward_jacobian(f, lanes), "jacobian", f),
    "hvp": lambda f, mode, lanes: hessian_product(f),
    "hessian": lambda f, mode, lanes: dense_hessian(f, lanes),
}
