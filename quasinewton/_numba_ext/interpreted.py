"""What compiled code does by intrinsics, in Python.

If Numba's variable NUMBA_DISABLE_JIT is set when the package is imported, Numba leaves all
functions as they are, and the loops, methods, line searches and objectives run as Python, for
debuggers. `in_python` puts the functions of this module in the place of intrinsics there, which
exist in compiled code only. In other processes uncompiled versions call them; see `uncompiled`.

Conventions: a pointer to a tuple is the tuple itself, and a table of operations is the object
`operation_tables.Table`. The address of data is an integer, as in compiled code. The address of a
function is the `id` of the Python function, which is never freed.
"""

import ctypes
import functools
import math
import re
import threading
import time

import numpy as np
from numba import types
from numba.np.numpy_support import as_dtype

from quasinewton._numba_ext.records import (
    Held,
    in_memory,
    with_attribute_access,
    with_attributes,
)
from quasinewton._numba_ext.uncompiled import uncompiled


def as_computed(value):
    """Return a number, or a tuple of numbers, of compiled code as Python arithmetic would make it.

    Numbers of NumPy divide as compiled code does: 1/0 is infinite, and no exception.
    """
    if type(value) is float:
        return np.float64(value)
    return tuple(map(np.float64, value)) if isinstance(value, tuple) else value


class _Warnings(threading.local):
    """Settings of NumPy's warnings for the user's functions; None outside kernels."""

    theirs = None


_warnings = _Warnings()


def kernel(function):
    """Make a function an entrance from Python, with records and warnings as in compiled code.

    Fields of records are attributes, and nothing warns of 1/0, overflow and the like. The user's
    functions are called with the caller's settings of warnings; see `call_python`.
    """

    @functools.wraps(function)
    def entered(*arguments):
        if _warnings.theirs is not None:  # Another kernel has called, with arguments as they should be.
            return function(*arguments)
        held, _warnings.theirs = [], np.geterr()
        try:
            with np.errstate(all="ignore"):
                return function(*with_attributes(arguments, held))
        finally:
            for one in held:
                one.store()
            _warnings.theirs = None

    return entered


# Counterparts of _numba_ext/arrays.py.


def memory_at(address, size, dtype):
    """Return `size` items of memory at an address as a vector."""
    held = (ctypes.c_byte * (int(size) * dtype.itemsize)).from_address(int(address))
    return np.frombuffer(held, dtype)


def viewer(kind):
    """Make the function view(address, n) of arrays of a Numba type; see `arrays.viewer`."""
    dtype, ndim = as_dtype(kind.dtype), kind.ndim
    return lambda address, n: memory_at(address, n**ndim, dtype).reshape((n,) * ndim)


def record_viewer(kind):
    """Make the function record_at(address) of a Numba record type."""
    dtype = with_attribute_access(kind.dtype)  # Numba derives it from the type at every access.
    return functools.lru_cache(maxsize=64)(lambda address: memory_at(address, 1, dtype)[0])


def part(a, first, size):
    """Return `size` components of a C-contiguous array as a vector, from number `first`."""
    return a.reshape(-1)[first : first + size]


def address_of_data(array):
    """Return the integer address of an array's data."""
    return array.ctypes.data


def hold(value):
    """Use a value, so that it lives at least until this call."""


def copy_bytes(target, source, size):
    """Copy `size` bytes between two addresses."""
    ctypes.memmove(int(target), int(source), int(size))


def fetch_add(array, index, value):
    """Add to an element of an array and return its previous value."""
    old = array[index]
    array[index] += value
    return old


# Counterparts of _numba_ext/tuples.py.


def borrow(args):
    """Return the tuple, whose arrays need no owner in Python."""
    return args


def overwrite(state, source):
    """Copy every array of `source` to the one of equal shape in `state`, which is overwritten."""
    for to, origin in zip(state, source, strict=True):
        if isinstance(to, tuple):
            overwrite(to, origin)
        elif isinstance(to, np.ndarray):
            to[...] = in_memory(origin)
        elif isinstance(to, Held):
            to.array[...] = in_memory(origin)
            to.load()


def _placed(value, address, line, apart):
    """Return a value with its arrays moved to an address, and the address behind them."""
    value = in_memory(value)
    if isinstance(value, tuple):
        items = []
        for item in value:
            item, address = _placed(item, address, line, apart)
            items.append(item)
        return (type(value)(*items) if hasattr(value, "_fields") else tuple(items)), address
    if not isinstance(value, np.ndarray):
        return value, address
    placed = memory_at(address, value.size, value.dtype).reshape(value.shape) if address else value
    return placed, address + max(math.ceil(value.nbytes / line) * line, apart)


def placer(line, apart):
    """Make the functions `placed_at` and `placed_size`; see there.

    `line` is the alignment of arrays and `apart` the least distance between the beginnings of two,
    in bytes.
    """

    def placed_at(blank, address):
        return _placed(blank, int(address), line, apart)[0]

    def placed_size(blank):
        return sum(_placed(array, 0, line, apart)[1] for array in _arrays(blank))

    return placed_at, placed_size


def _arrays(value):
    """Yield the arrays in a value of tuples and arrays."""
    if isinstance(value, tuple):
        for item in value:
            yield from _arrays(item)
    elif isinstance(value, (np.ndarray, Held)):
        yield value


# Counterparts of _numba_ext/{addresses,python_calls,symbols,lazy}.py.

# Exceptions that say that an objective has no value at a point. Python's numbers and Numba's code
# raise the first where NumPy's arithmetic gives infinity; the second is that of matrices that are
# singular or not positive definite.
UNDEFINED = ArithmeticError, np.linalg.LinAlgError
# What `math` says of an argument outside of a function's domain, where it raises no such exception:
# the first until Python 3.13, and the others, for some functions, since Python 3.14.
OUTSIDE = re.compile(
    "math domain error|expected a (positive input|nonnegative input|finite input|number between|number in range"
    "|noninteger or positive integer)|expected argument value not less than"
)
FUNCTIONS = {}  # functions of Python by the address at which Python enters them


def is_undefined(error):
    """Return True if an exception of the user's Python says that the objective has no value."""
    outside = type(error) is ValueError and OUTSIDE.match(str(error)) is not None
    return outside or isinstance(error, UNDEFINED)


def address_of(function, signature):
    """Return the number by which `call` and `function_at` find a function, which is kept."""
    FUNCTIONS[id(function)] = function
    return id(function)


def function_at(address):
    """Return the object with this `id`; its owner must still hold it."""
    return ctypes.cast(int(address), ctypes.py_object).value


def entered_at(address, argument):
    """Call the function at an address with one argument."""
    return function_at(address)(argument)


class _Elsewhere(threading.local):
    """What the current thread has done outside the package's Python.

    `seconds` is the processor time spent in the user's functions and in compiling, and `error` what
    the user's functions have raised last.
    """

    seconds = 0.0
    error = None


elsewhere = _Elsewhere()


class timed:
    """Context whose time is added to `elsewhere`."""

    def __enter__(self):
        self.begun = time.thread_time()

    def __exit__(self, kind, error, trace):
        elsewhere.seconds += time.thread_time() - self.begun


class of_the_user(timed):
    """Context of a call of the user's functions: `elsewhere` notes how long it takes and its error.
    """

    # A function under `contextlib.contextmanager` would set an attribute of the error, which the
    # user's class may refuse.
    def __exit__(self, kind, error, trace):
        super().__exit__(kind, error, trace)
        if error is not None:
            elsewhere.error = error


def objective_caller(kind, compiled):
    """Make the functions call and attempt; see `addresses.objective_caller`.

    What `is_undefined` of the user's Python is caught where the user's functions are called.
    One of compiled code, such as an objective that differences evaluate, arrives here.
    """

    def attempt(address, x, g, h, what, data, lenient):
        function = FUNCTIONS.get(address)
        if function is None:
            with of_the_user():
                return np.float64(compiled()(address, x, g, h, what, data, lenient))
        try:
            return np.float64(function(x.ctypes.data, x.size, g.ctypes.data, h.ctypes.data, int(what), int(data)))
        except UNDEFINED:
            if not lenient:
                raise
            elsewhere.error = None
            g[0] = math.nan
            return np.float64(math.nan)

    def call(address, x, g, h, what, data):
        return attempt(address, x, g, h, what, data, False)

    return call, attempt


def call_python(function, what, x, g, h):
    """Call the Python object at address `function` with four integers and return its float."""
    theirs, _warnings.theirs = _warnings.theirs, None
    try:
        with np.errstate(**theirs), of_the_user():
            return function_at(function)(what, x, g, h)
    finally:
        _warnings.theirs = theirs


def c_function(name, address, signature):
    """Return a C function as one that Python can call; arrays are passed by their `ctypes`."""
    numbers = {types.int32: ctypes.c_int32, types.int64: ctypes.c_int64, types.float64: ctypes.c_double}
    arguments = (numbers.get(kind, ctypes.c_void_p) for kind in signature.args)
    if not isinstance(address, int):
        address = ctypes.cast(address, ctypes.c_void_p).value
    return ctypes.CFUNCTYPE(numbers.get(signature.return_type), *arguments)(address)


def late(function, signature):
    """Return call(arguments), which enters a function with a tuple of arguments."""
    function = uncompiled(function)

    def call(arguments):
        return function(*arguments)

    call.load = lambda: None
    return call


# Counterparts of _numba_ext/operation_tables.py.


def operation(number, signature):
    """Return call(table, arguments), which enters the operation of a table with this number."""

    versions = {}

    def call(table, arguments):
        function = versions.get(table)
        if function is None:
            function = versions[table] = uncompiled(table.family.operations[number])
        return function(*arguments)

    return call


def flag(number):
    """Return the function that reads a word of a table."""
    return lambda table: int(table.words[number])


def at(pointer):
    """Return the tuple of numbers and arrays that a pointer stands for, which is the tuple."""
    return pointer


def kind_of(value):
    """Return the kind of a method or search: its class, or a tuple with those of nested values."""
    inner = [type(item) for item in value if hasattr(item, "_fields")]
    return (type(value), *inner) if inner else type(value)


def framed(families, frame):
    """Make the function lay_out(values, state) -> frame; see `operation_tables.framed`.

    In the frame, the values stand for their addresses, and so do their tables.
    """
    size = len(frame)

    def lay_out(values, state):
        items = list(state)
        for family, value in zip(families, values, strict=True):
            items += [value, family.table(kind_of(value))]
        return frame.instance_class(*items, *[0] * (size - len(items)))

    return lay_out
