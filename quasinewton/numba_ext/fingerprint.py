"""What a compiled function is: a digest of everything that its machine code depends on.

Code, constants, defaults, closures, globals, helpers with their options, all recursively. What has
no name that holds in another process (an object of the user's own class, a pointer, a plain Python
function) cannot be part of one.

Numba reads globals when it compiles, once, and its own cache on disk knows nothing of them. So
machine code may be older than what its function says now. `fresh` finds that out: it gives the
function itself where its machine code is of now, or has yet to be made, and otherwise a copy that
has none.
"""

import builtins
import contextlib
import dis
import enum
import functools
import hashlib
import sys
import types as python
import weakref

import numpy as np
from numba.core import event, types
from numba.core.caching import NullCache
from numba.core.compiler import Compiler
from numba.core.dispatcher import Dispatcher
from numba.core.registry import CPUDispatcher
from numba.core.typing import templates

ORIGIN = "_quasinewton_origin"  # what this package made of a function: a weak reference to that, and how
PACKAGE = __name__.partition(".")[0]
# Their objects are named by where they are found; the versions are part of every key of the cache.
VERSIONED = (sys.stdlib_module_names | {"numpy", "numba", "scipy", "llvmlite", "builtins", PACKAGE}) - {"__main__"}
PLAIN = type(None), bool, int, float, complex, str, bytes, type(...)


class Unnameable(Exception):
    """A function refers to something that has no name in another process."""


@functools.lru_cache(maxsize=4096)
def references(code):
    """Return the names that code and what is nested in it look up, and those of attributes."""
    names, attributes = set(), set()
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            names.add(instruction.argval)
        elif instruction.opname.startswith(("LOAD_ATTR", "LOAD_METHOD", "IMPORT_FROM")):
            attributes.add(instruction.argval)
        elif instruction.opname == "IMPORT_NAME":
            raise Unnameable("import")
    for constant in code.co_consts:
        if isinstance(constant, python.CodeType):
            inner = references(constant)
            names.update(inner[0])
            attributes.update(inner[1])
    return tuple(sorted(names)), tuple(sorted(attributes))


def is_versioned(module):
    """Return True if a module, by its name, changes only with the versions that every key has."""
    return isinstance(module, str) and module.partition(".")[0] in VERSIONED


def place(value):
    """Return the dotted name under which an object of a versioned module is found, or None."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    modules = [getattr(value, "__module__", None)]
    if isinstance(value, np.ufunc):
        modules = ["numpy", "scipy.special"]
    for module in modules:
        if name and is_versioned(module):
            found = sys.modules.get(module)
            for part in name.split("."):
                found = getattr(found, part, None)
            if found is value:
                return f"{module}.{name}"
    return None


class Reader:
    """Reads functions into a digest.

    Parameters
    ----------
    signatures : bool
        Whether the signatures count that a function is confined to. They do not for what it was
        compiled from.

    Attributes
    ----------
    dispatchers : list
        The user's compiled functions that were met.
    pinned : list
        Those of them that are part of what cannot be copied.
    """

    def __init__(self, signatures=True):
        self.signatures, self.digest = signatures, hashlib.sha256()
        self.dispatchers, self.pinned, self.seen, self.pins = [], [], {}, 0
        FOREIGN.update()

    def say(self, *words):
        """Add words to the digest."""
        self.digest.update(repr(words).encode() + b"\0")

    def met(self, value):
        """Return True if an object was met before, and say so."""
        number = self.seen.setdefault(id(value), (len(self.seen), value))[0]
        if number < len(self.seen) - 1:
            self.say("again", number)
        return number < len(self.seen) - 1

    @contextlib.contextmanager
    def pin(self):
        """Mark what is met meanwhile as what cannot be copied."""
        self.pins += 1
        yield
        self.pins -= 1

    def code(self, code):
        """Read a code object: everything but where its source lies."""
        self.say(code.co_name, code.co_code, code.co_flags, code.co_argcount, code.co_kwonlyargcount)
        self.say(code.co_posonlyargcount, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        self.say(getattr(code, "co_exceptiontable", b""))
        for constant in code.co_consts:
            self.code(constant) if isinstance(constant, python.CodeType) else self.value(constant)

    def function(self, function):
        """Read a Python function with all that it refers to."""
        if self.met(function):
            return
        self.say("function", function.__module__, function.__qualname__)
        self.code(function.__code__)
        names, attributes = references(function.__code__)
        if not FOREIGN.attributes.isdisjoint(attributes):
            raise Unnameable("an attribute that is overloaded")
        for name in names:
            self.say(name)
            if name in function.__globals__:
                self.value(function.__globals__[name], attributes)
            else:
                refuse_foreign(getattr(builtins, name, None))
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self.say(name)
            try:
                self.value(cell.cell_contents, attributes)
            except ValueError as error:
                raise Unnameable(name) from error
        self.value(function.__defaults__)
        for name, value in sorted((function.__kwdefaults__ or {}).items()):
            self.say(name)
            self.value(value)

    def value(self, value, attributes=()):
        """Read an object that a function refers to, and these attributes if it is a module."""
        kind = type(value)
        if kind in PLAIN:
            self.say(kind.__name__, value)
        elif isinstance(value, np.generic):
            self.say("scalar", value.dtype.str, value.tobytes())
        elif isinstance(value, (tuple, slice, range, frozenset)):
            self.items(value)
        elif kind is np.ndarray:
            self.array(value)
        elif isinstance(value, Dispatcher):
            self.dispatcher(value)
        elif isinstance(value, python.ModuleType):
            self.module(value, attributes)
        elif isinstance(value, np.dtype) and not value.hasobject:
            self.say("dtype", repr(value.descr if value.fields else value.str), value.itemsize, value.isalignedstruct)
        elif isinstance(value, (types.Number, types.Boolean)):
            self.say("type", str(value))
        elif isinstance(value, enum.EnumMeta) and not place(value):
            self.say("enum", value.__module__, value.__qualname__, [(m.name, type(m.value), m.value) for m in value])
        elif isinstance(value, enum.Enum):
            self.say("member", value.name)
            self.value(type(value))
        elif isinstance(value, type) and issubclass(value, tuple) and hasattr(value, "_fields") and not place(value):
            self.say("fields", value.__module__, value.__qualname__, value._fields)
            self.value(tuple(value._field_defaults.items()))
        elif place(value):
            self.say("place", place(value))
            refuse_foreign(value)
        else:
            raise Unnameable(repr(value))

    def items(self, value):
        """Read a tuple, named or not, or what is made like one."""
        self.say(type(value).__name__)
        if isinstance(value, (slice, range)):
            value = value.start, value.stop, value.step
        elif isinstance(value, frozenset):
            value = sorted(value, key=repr)
        elif type(value) is not tuple:
            self.value(type(value))
        self.say(len(value))
        for item in value:
            self.value(item)

    def array(self, value):
        """Read an array: its contents, and how they lie."""
        if value.dtype.hasobject:
            raise Unnameable("array of objects")
        self.value(value.dtype)
        self.say(value.shape, value.strides, value.flags.writeable)
        if not self.met(value):
            self.digest.update(np.ascontiguousarray(value).view(np.uint8).data if value.size else b"")

    def module(self, module, attributes):
        """Read what a function may look up in a module."""
        if self.met(module):
            return
        self.say("module", module.__name__)
        if is_versioned(module.__name__):
            for name in attributes:
                found = getattr(module, name, None)
                if isinstance(found, python.ModuleType):
                    self.module(found, attributes)
                else:
                    refuse_foreign(found)
            return
        with self.pin():
            for name in attributes:
                if hasattr(module, name):
                    self.say(name)
                    self.value(getattr(module, name), attributes)

    def dispatcher(self, dispatcher):
        """Read a compiled function."""
        if self.met(dispatcher):
            return
        origin = getattr(dispatcher, ORIGIN, None)
        if origin is not None:
            reference, how = origin
            self.say("made", how)
            with self.pin():
                self.value(reference())
            return
        if is_versioned(dispatcher.py_func.__module__) and place(dispatcher):
            self.say("place", place(dispatcher))
            return
        if type(dispatcher) is not CPUDispatcher or dispatcher._compiler.pipeline_class is not Compiler:
            raise Unnameable(repr(dispatcher))
        self.dispatchers.append(dispatcher)
        if self.pins:
            self.pinned.append(dispatcher)
        for name, option in sorted(dispatcher.targetoptions.items()):
            if name == "parallel" and option or callable(option):
                raise Unnameable(name)
            # A cache of Numba's own changes when code is compiled, not which.
            self.say(name, sorted(option) if isinstance(option, (set, frozenset)) else option)
        self.say(sorted((name, str(kind)) for name, kind in dispatcher.locals.items()))
        if self.signatures and not dispatcher._can_compile:
            self.say([str(result.signature) for result in dispatcher.overloads.values()])
        self.function(dispatcher.py_func)


class Foreign:
    """Functions and names of attributes that others than Numba have made known to compiled code."""

    def __init__(self):
        self.read, self.functions, self.attributes = [0, 0], {}, set()

    def update(self):
        """Look at what has been registered since."""
        known = templates.builtin_registry.globals, templates.builtin_registry.attributes
        for value, kind in known[0][self.read[0] :]:
            if any(map(self.is_foreign, getattr(kind, "templates", ()))):
                self.functions[id(value)] = value
        self.attributes |= {each._attr for each in known[1][self.read[1] :] if self.is_foreign(each)}
        self.read = [len(each) for each in known]

    def is_foreign(self, template):
        """Return True if an overload is of a module whose version is not part of every key."""
        implementation = getattr(template, "_overload_func", None)
        return implementation is not None and not is_versioned(implementation.__module__)


FOREIGN = Foreign()


def refuse_foreign(value):
    """Refuse a function of a versioned module that others have given a meaning in compiled code."""
    if id(value) in FOREIGN.functions:
        raise Unnameable(f"{value!r}, which is overloaded")


def state(dispatcher):
    """Return the digest of what a dispatcher would be compiled from now; None if it has no name."""
    reader = Reader(signatures=False)
    try:
        reader.function(dispatcher.py_func)
    except (Unnameable, RecursionError):
        return None
    return reader.digest.hexdigest()


# What machine code was made from: of each Python function, the states in which it was compiled, and
# for which types.
_compiled_from = weakref.WeakKeyDictionary()


class Record(event.Listener):
    """Notes what functions are when Numba begins to compile them."""

    def on_start(self, event):
        # Whatever goes wrong here is no concern of whoever compiles: what has no record is not
        # relied on.
        with contextlib.suppress(Exception):
            dispatcher = event.data["dispatcher"]
            function = dispatcher.py_func
            if not is_versioned(function.__module__):
                states, kinds = _compiled_from.setdefault(function, (set(), set()))
                states.add(state(dispatcher))
                kinds.add(tuple(event.data["args"]))

    def on_end(self, event):
        """Do nothing: the beginning is when globals are read."""


event.register("numba:compile", Record())


def is_current(dispatcher):
    """Return True if a dispatcher's machine code was, and will be, made of what it is now."""
    if not isinstance(dispatcher._cache, NullCache):
        return False
    states, kinds = _compiled_from.get(dispatcher.py_func, (set(), set()))
    return states <= {state(dispatcher)} and kinds >= set(dispatcher.overloads)


def fresh(function):
    """Find what machine code is to be made of that shall be kept on disk.

    Parameters
    ----------
    function : numba dispatcher

    Returns
    -------
    numba dispatcher or None
        The function itself, or a copy of it and its helpers that is not compiled yet; None where
        neither will do.
    """
    reader = Reader()
    try:
        reader.value(function)
    except (Unnameable, RecursionError):
        return None
    digest = reader.digest.hexdigest()
    known = vars(function).get("_quasinewton_fresh")
    own = [] if hasattr(function, ORIGIN) else [known[1] or function] if known else []
    if known is not None and known[0] == digest and all(map(is_current, [*own, *known[2]])):
        return known[1] or function
    chosen, met = None, reader.dispatchers
    if not all(map(is_current, met)):
        if not (all(map(is_current, reader.pinned)) and all(each._can_compile for each in met)):
            return None
        copier = Copier(reader.pinned)
        chosen = copier.dispatcher(function)
        met = [*copier.copies.values(), *reader.pinned]
    # No reference of a function to itself, which would keep it from being freed at once.
    vars(function)["_quasinewton_fresh"] = digest, chosen, [each for each in met if each is not function]
    return chosen or function


class Copier:
    """Copies compiled functions with those that they refer to, but for the pinned ones."""

    def __init__(self, pinned):
        self.pinned, self.copies = {id(each) for each in pinned}, {}

    def value(self, value):
        """Return the copy of an object: only functions, and tuples of them, have one."""
        if type(value) is CPUDispatcher and not hasattr(value, ORIGIN) and not is_versioned(value.py_func.__module__):
            return value if id(value) in self.pinned else self.dispatcher(value)
        if type(value) is tuple:
            return tuple(map(self.value, value))
        return value

    def dispatcher(self, original):
        """Return the copy of a dispatcher, without machine code and without Numba's cache."""
        if id(original) not in self.copies:
            function = original.py_func
            scope = dict(function.__globals__)
            cells = tuple(python.CellType() for _ in function.__closure__ or ())
            given = function.__code__, scope, function.__name__, function.__defaults__, cells or None
            copy = python.FunctionType(*given)
            copy.__kwdefaults__, copy.__qualname__ = function.__kwdefaults__, function.__qualname__
            copy.__module__, copy.__doc__ = function.__module__, function.__doc__
            copied = CPUDispatcher(copy, locals=original.locals, targetoptions=dict(original.targetoptions))
            self.copies[id(original)] = copied
            for name in references(function.__code__)[0]:
                if name in scope:
                    scope[name] = self.value(scope[name])
            for cell, old in zip(cells, function.__closure__ or (), strict=True):
                cell.cell_contents = self.value(old.cell_contents)
        return self.copies[id(original)]
