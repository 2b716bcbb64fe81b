"""Operations: the method-specific steps of a loop, entered by address.

The loop itself is compiled once for all methods. A kind, such as a method's class, has a table of
addresses, one for each operation of its family. An operation is compiled, or loaded from the cache,
when a loop first enters it; its address is 0 until then. Compiled code finds a table by the name of
the kind, so that it can be cached; in a new process the table is created at the first request.

A call by address costs two nanoseconds. Linking the called function into its caller, as Numba does,
would compile the whole loop anew for every method and line search.
"""

import ctypes
import importlib
import threading
from contextlib import contextmanager

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from quasinewton._numba_ext import interpreted
from quasinewton._numba_ext.addresses import address_of, enter
from quasinewton._numba_ext.cache import is_loaded
from quasinewton._numba_ext.garbage import uncollected
from quasinewton._numba_ext.registration import EXTERNAL
from quasinewton._numba_ext.symbols import name_symbol
from quasinewton._numba_ext.tuples import without_owners
from quasinewton._numba_ext.uncompiled import in_python, makes_in_python

FIND, COMPILE = "quasinewton_find_table", "quasinewton_compile_operation"
FAMILIES = {}
# Tables by address; keeps them alive, since compiled code holds the addresses.
TABLES = {}
NOT_COMPILED = "a kernel was not compiled; the reason has been printed, or was Ctrl-C"


class _Failure(threading.local):
    """What the last compilation from within the compiled code of this thread has raised."""

    error = None


_failure = _Failure()


class Family:
    """The operations that all kinds of one sort, such as methods, have.

    Parameters
    ----------
    name : str
        Name by which compiled code finds the family.
    operations : sequence of numba dispatchers
        An operation's number is its index.
    signature : callable
        signature(operation, kind) -> numba signature of the operation with this number for this
        kind.
    flags : callable
        flags(kind) -> sequence of int, which follow the addresses in the table.
    types : callable, optional
        types(kind) -> numba types of a value of this kind and, if it has one, of its memory.
    """

    def __init__(self, name, operations, signature, flags, types=None):
        self.name, self.operations, self.signature, self.flags, self.types = name, operations, signature, flags, types
        self.tables = {}
        FAMILIES[name] = self

    def table(self, kind):
        """Return the table of a kind, created at the first call."""
        if kind not in self.tables:
            self.tables[kind] = Table(self, kind)
        return self.tables[kind]


class Table:
    """The addresses of the operations of a kind, followed by its flags; never freed."""

    def __init__(self, family, kind):
        self.family, self.kind = family, kind
        self.words = np.array([0] * len(family.operations) + list(family.flags(kind)), dtype=np.intp)
        self.address = self.words.ctypes.data
        TABLES[self.address] = self

    def compile(self, number):
        """Compile an operation or load it from the cache, and write its address to the table."""
        if self.words[number] == 0:
            operation, signature = self.family.operations[number], self.family.signature(number, self.kind)
            with uncollected():
                operation.compile(signature.args)
            self.words[number] = address_of(operation, signature)

    def is_loaded(self, number):
        """Return True if an operation is compiled; it is loaded if it is on disk only."""
        if self.words[number] == 0:
            if not is_loaded(self.family.operations[number], self.family.signature(number, self.kind).args):
                return False
            self.compile(number)
        return True


def name_of(kind):
    """Return the name by which another process finds a kind.

    A kind is a class, or a tuple of nested classes.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return "|".join(f"{one.__module__}:{one.__qualname__}" for one in kinds)


def kind_named(name):
    """Return the kind with a name; imports the modules that define it."""
    kinds = []
    for one in name.split("|"):
        module, path = one.split(":")
        kind = importlib.import_module(module)
        for part in path.split("."):
            kind = getattr(kind, part)
        kinds.append(kind)
    return tuple(kinds) if len(kinds) > 1 else kinds[0]


@contextmanager
def remembered_failure():
    """Keep an exception for `reason`, since none can pass through compiled code that calls back.

    Ctrl-C goes no further; ctypes prints any other.
    """
    try:
        yield
    except BaseException as error:
        _failure.error = error
        if not isinstance(error, KeyboardInterrupt):
            raise


def reason(error):
    """Return what an exception of compiled code stands for: a failed compilation, or itself.

    Parameters
    ----------
    error : RuntimeError

    Returns
    -------
    BaseException
    """
    if error.args != (NOT_COMPILED,) or _failure.error is None:
        return error
    cause, _failure.error = _failure.error, None
    return cause


@ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_ssize_t))
def _find(family, name, address):
    """Write the address of a kind's table to address[0]."""
    # The address is written, not returned: if an exception is raised, ctypes prints it and the
    # return value is undefined.
    with remembered_failure():
        family, name = FAMILIES[family.decode()], name.decode()
        known = {name_of(kind): table for kind, table in family.tables.items()}
        address[0] = (known.get(name) or family.table(kind_named(name))).address


@ctypes.CFUNCTYPE(None, ctypes.c_ssize_t, ctypes.c_ssize_t)
def _compile(address, number):
    """Compile an operation of the table at an address; see `Table.compile`."""
    with remembered_failure():
        TABLES[address].compile(number)


name_symbol(FIND, ctypes.cast(_find, ctypes.c_void_p).value)
name_symbol(COMPILE, ctypes.cast(_compile, ctypes.c_void_p).value)


def find_table(context, builder, family, kind):
    """Generate code for the address of a kind's table, looked up once, on its first execution.

    Classes of other packages have no lasting name: one may be defined in a notebook, where two
    classes have one name in succession. Their address is part of the code, which Numba therefore
    refuses to keep on disk, with a NumbaWarning if it is a user's function with ``cache=True``.
    """
    word = context.get_value_type(types.intp)
    if EXTERNAL.intersection(kind if isinstance(kind, tuple) else (kind,)):
        address = context.add_dynamic_addr(builder, family.table(kind).address, info=name_of(kind))
        return builder.ptrtoint(address, word)
    text = ir.IntType(8).as_pointer()
    module = builder.module
    memo = cgutils.add_global_variable(module, word, module.get_unique_name("table"))
    memo.linkage, memo.initializer = "internal", word(0)
    with cgutils.if_unlikely(builder, cgutils.is_null(builder, builder.load(memo))):
        prototype = ir.FunctionType(ir.VoidType(), [text, text, word.as_pointer()])
        names = [context.insert_const_string(module, name) for name in (family.name, name_of(kind))]
        builder.call(cgutils.get_or_insert_function(module, prototype, FIND), [*names, memo])
    return existing(context, builder, memo)


def existing(context, builder, place):
    """Generate code that loads the address at a place and raises RuntimeError if it is 0."""
    address = builder.load(place)
    with cgutils.if_unlikely(builder, cgutils.is_null(builder, address)):
        context.call_conv.return_user_exc(builder, RuntimeError, (NOT_COMPILED,))
    return address


def perform(context, builder, table, number, signature, kinds, values):
    """Generate the call of an operation of a table, which is compiled first if its address is 0.

    Parameters
    ----------
    context, builder
        As in Numba's lowering.
    table : LLVM value
        Address of the table, an integer.
    number : int
    signature : numba signature
    kinds, values : numba type and LLVM value of a tuple
        The tuple of arguments.
    """
    word = context.get_value_type(types.intp)
    place = builder.gep(builder.inttoptr(table, word.as_pointer()), [word(number)])
    with cgutils.if_unlikely(builder, cgutils.is_null(builder, builder.load(place))):
        prototype = ir.FunctionType(ir.VoidType(), [word, word])
        builder.call(cgutils.get_or_insert_function(builder.module, prototype, COMPILE), [table, word(number)])
    address = existing(context, builder, place)
    items = cgutils.unpack_tuple(builder, values, len(kinds))
    cast = (context.cast(builder, *item) for item in zip(items, kinds, signature.args, strict=True))
    return enter(context, builder, address, signature, list(cast))


@makes_in_python(interpreted.operation)
def operation(number, signature):
    """Make the function by which compiled code calls an operation of a table.

    Parameters
    ----------
    number : int
    signature : numba signature
        Signature in the caller; the operation of every kind has the same binary interface.

    Returns
    -------
    intrinsic
        call(table, arguments) for the address of a table and a tuple of arguments. An exception
        passes through. If the operation cannot be compiled, or Ctrl-C arrives during compilation,
        the reason is printed and RuntimeError is raised.
    """

    @intrinsic
    def call(typingctx, table, arguments):
        def codegen(context, builder, outer, values):
            return perform(context, builder, values[0], number, signature, arguments, values[1])

        return signature.return_type(types.intp, arguments), codegen

    return call


@makes_in_python(interpreted.flag)
def flag(number):
    """Make the intrinsic that reads a word of a table, given the table's address."""

    @intrinsic
    def read(typingctx, table):
        def codegen(context, builder, signature, values):
            word = context.get_value_type(types.intp)
            return builder.load(builder.gep(builder.inttoptr(values[0], word.as_pointer()), [word(number)]))

        return types.intp(types.intp), codegen

    return read


@in_python(interpreted.at)
@intrinsic
def at(typingctx, pointer):
    """Return the tuple of numbers and arrays at a pointer; its arrays are borrowed."""
    kind = pointer.dtype

    def codegen(context, builder, signature, values):
        if not len(kind):
            return context.make_tuple(builder, kind, ())
        place = builder.bitcast(values[0], context.get_value_type(kind).as_pointer())
        return without_owners(context, builder, kind, builder.load(place))

    return kind(pointer), codegen


def kind_of_value(kind):
    """Return the kind of values of a named-tuple type: its class, or a tuple of classes.

    The tuple also holds the classes of nested named tuples.
    """
    inner = [item for item in kind if isinstance(item, types.BaseNamedTuple)]
    return (kind.instance_class, *(item.instance_class for item in inner)) if inner else kind.instance_class


@makes_in_python(interpreted.framed)
def framed(families, frame):
    """Make the function that lays out the data of a loop in the memory of its caller.

    Parameters
    ----------
    families : sequence of Family
        Families of the values that the function is given.
    frame : numba tuple type
        Type of the data: the arrays of the state except for its last item; the address of that
        item; for each value its address and that of its table; zeros.

    Returns
    -------
    intrinsic
        lay_out(values, state) -> pointer to the frame, valid until the calling function returns.

    Raises
    ------
    TypingError
        If the state or a value has other types than the operations are compiled for.
    """

    @intrinsic
    def lay_out(typingctx, values, state):
        kinds = [kind_of_value(value) for value in values]
        given = [(values[0], state[-1]), *((value,) for value in list(values)[1:])]
        known = [family.types(kind) for family, kind in zip(families, kinds, strict=True)]
        if given != known:
            raise TypingError(f"the operations are compiled for values of {known}, not of {given}")

        def codegen(context, builder, signature, arguments):
            word = context.get_value_type(types.intp)

            def address(kind, value):
                place = cgutils.alloca_once_value(builder, without_owners(context, builder, kind, value))
                return builder.ptrtoint(place, word)

            items = cgutils.unpack_tuple(builder, arguments[1], len(state))
            given = cgutils.unpack_tuple(builder, arguments[0], len(values))
            parts = [
                without_owners(context, builder, kind, item) for kind, item in zip(state[:-1], items[:-1], strict=True)
            ]
            parts.append(address(state[-1], items[-1]))
            for family, kind, item, value in zip(families, kinds, values, given, strict=True):
                parts += [address(item, value), find_table(context, builder, family, kind)]
            parts += [word(0)] * (len(frame) - len(parts))
            laid = cgutils.alloca_once_value(builder, context.make_tuple(builder, frame, parts))
            return builder.bitcast(laid, context.get_value_type(types.CPointer(frame)))

        return types.CPointer(frame)(values, state), codegen

    return lay_out
