"""Digests of compiled functions: everything that their machine code depends on.

A digest covers code, constants, defaults, closures, globals and called functions with their
options, recursively. Objects without a name that is valid in another process (of a user's own
class, a pointer, a plain Python function) cannot be part of it.

Numba reads globals once, when it compiles, and its disk cache does not track them, so machine code
may be older than the function's present globals. `is_current` detects this.
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
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numba.core import event, types
from numba.core.caching import NullCache
from numba.core.compiler import Compiler
from numba.core.dispatcher import Dispatcher
from numba.core.registry import CPUDispatcher
from numba.core.typing import templates

from quasinewton._numba_ext.registration import is_named_tuple

# Attribute of a function that this package made: a weak reference to its origin, and how it was
# made.
ORIGIN = "_quasinewton_origin"
PACKAGE = __name__.partition(".")[0]
# Modules whose objects are identified by module and name, because their versions are part of every
# cache key.
VERSIONED = (sys.stdlib_module_names | {"numpy", "numba", "scipy", "llvmlite", "builtins", PACKAGE}) - {"__main__"}
PLAIN = type(None), bool, int, float, complex, str, bytes, type(...)


class Unnameable(Exception):
    """A function refers to an object that has no name valid in another process."""


@functools.lru_cache(maxsize=4096)
def references(code: python.CodeType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names that a code object and nested ones look up, and the attribute names."""
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


def is_versioned(module: Any) -> bool:
    """Return True if a module, given by name, changes only with versions that are in every key."""
    return isinstance(module, str) and module.partition(".")[0] in VERSIONED


def lasting_name(value: Any) -> str | None:
    """Return the dotted name by which an object of a versioned module is found, or None."""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    modules: list[Any] = [getattr(value, "__module__", None)]
    if isinstance(value, np.ufunc):
        modules = ["numpy", "scipy.special"]
    for module in modules:
        if name and is_versioned(module):
            found: Any = sys.modules.get(module)
            for part in name.split("."):
                found = getattr(found, part, None)
            if found is value:
                return f"{module}.{name}"
    return None


class Reader:
    """Accumulates functions in a digest.

    Parameters
    ----------
    signatures : bool
        True if the digest includes the signatures that a function is restricted to. They do not
        matter for the question what it was compiled from.

    Attributes
    ----------
    dispatchers : list
        The user's compiled functions that were read.
    pinned : list
        Those of `dispatchers` that are part of objects which cannot be copied.
    """

    def __init__(self, signatures: bool = True) -> None:
        self.signatures, self.digest = signatures, hashlib.sha256()
        self.dispatchers: list[Any] = []
        self.pinned: list[Any] = []
        self.seen: dict[int, tuple[int, Any]] = {}  # number and object, which is held, by id
        self.pins = 0  # depth of the contexts `pin`
        FOREIGN.update()

    def say(self, *words: Any) -> None:
        """Add words to the digest."""
        self.digest.update(repr(words).encode() + b"\0")

    def met(self, value: Any) -> bool:
        """Return True if an object was read before, and add its number to the digest if so."""
        number = self.seen.setdefault(id(value), (len(self.seen), value))[0]
        if number < len(self.seen) - 1:
            self.say("again", number)
        return number < len(self.seen) - 1

    @contextlib.contextmanager
    def pin(self) -> Iterator[None]:
        """Mark functions that are read in this context as part of objects that cannot be copied."""
        self.pins += 1
        yield
        self.pins -= 1

    def code(self, code: python.CodeType) -> None:
        """Read a code object, except for its location in the source."""
        self.say(code.co_name, code.co_code, code.co_flags, code.co_argcount, code.co_kwonlyargcount)
        self.say(code.co_posonlyargcount, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
        self.say(getattr(code, "co_exceptiontable", b""))
        for constant in code.co_consts:
            self.code(constant) if isinstance(constant, python.CodeType) else self.value(constant)

    def function(self, function: Any) -> None:
        """Read a Python function with everything that it refers to."""
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

    def value(self, value: Any, attributes: Sequence[str] = ()) -> None:
        """Read an object that a function refers to; of a module, only the given attributes."""
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
        elif isinstance(value, enum.EnumMeta) and not lasting_name(value):
            members: list[Any] = list(value)
            self.say("enum", value.__module__, value.__qualname__, [(m.name, type(m.value), m.value) for m in members])
        elif isinstance(value, enum.Enum):
            self.say("member", value.name)
            self.value(type(value))
        elif is_named_tuple(value) and not lasting_name(value):
            self.say("fields", value.__module__, value.__qualname__, value._fields)
            self.value(tuple(value._field_defaults.items()))
        elif lasting_name(value):
            self.say("place", lasting_name(value))
            refuse_foreign(value)
        else:
            raise Unnameable(repr(value))

    def items(self, value: Any) -> None:
        """Read a tuple, named tuple, slice, range or frozenset."""
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

    def array(self, value: np.ndarray) -> None:
        """Read an array: its contents and memory layout."""
        if value.dtype.hasobject:
            raise Unnameable("array of objects")
        self.value(value.dtype)
        self.say(value.shape, value.strides, value.flags.writeable)
        if not self.met(value):
            self.digest.update(np.ascontiguousarray(value).view(np.uint8).data if value.size else b"")

    def module(self, module: python.ModuleType, attributes: Sequence[str]) -> None:
        """Read the attributes that a function may look up in a module."""
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

    def dispatcher(self, dispatcher: Any) -> None:
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
        if is_versioned(dispatcher.py_func.__module__) and lasting_name(dispatcher):
            self.say("place", lasting_name(dispatcher))
            return
        if type(dispatcher) is not CPUDispatcher or dispatcher._compiler.pipeline_class is not Compiler:
            raise Unnameable(repr(dispatcher))
        self.dispatchers.append(dispatcher)
        if self.pins:
            self.pinned.append(dispatcher)
        for name, option in sorted(dispatcher.targetoptions.items()):
            if name == "parallel" and option or callable(option):
                raise Unnameable(name)
            # Numba's own cache option affects when code is compiled, not the code.
            self.say(name, sorted(option) if isinstance(option, (set, frozenset)) else option)
        self.say(sorted((name, str(kind)) for name, kind in dispatcher.locals.items()))
        if self.signatures and not dispatcher._can_compile:
            self.say([str(result.signature) for result in dispatcher.overloads.values()])
        self.function(dispatcher.py_func)


class Foreign:
    """Functions and attribute names that other packages have overloaded for compiled code."""

    def __init__(self) -> None:
        self.read = [0, 0]  # numbers of functions and of attributes that were read
        self.functions: dict[int, Any] = {}  # by id
        self.attributes: set[str] = set()

    def update(self) -> None:
        """Read the overloads that were registered since the last call."""
        known = templates.builtin_registry.globals, templates.builtin_registry.attributes
        for value, kind in known[0][self.read[0] :]:
            if any(map(self.is_foreign, getattr(kind, "templates", ()))):
                self.functions[id(value)] = value
        self.attributes |= {each._attr for each in known[1][self.read[1] :] if self.is_foreign(each)}
        self.read = [len(each) for each in known]

    def is_foreign(self, template: Any) -> bool:
        """Return True if an overload belongs to a module whose version is not in every key."""
        implementation = getattr(template, "_overload_func", None)
        return implementation is not None and not is_versioned(implementation.__module__)


FOREIGN = Foreign()


def refuse_foreign(value: Any) -> None:
    """Raise Unnameable for a function of a versioned module that other packages have overloaded."""
    if id(value) in FOREIGN.functions:
        raise Unnameable(f"{value!r}, which is overloaded")


def state_digest(dispatcher: Any) -> str | None:
    """Return the digest of what a dispatcher would be compiled from now, or None if unnameable."""
    reader = Reader(signatures=False)
    try:
        reader.function(dispatcher.py_func)
    except (Unnameable, RecursionError):
        return None
    return reader.digest.hexdigest()


# By Python function: the digests of the states in which it was compiled, and the argument types.
_compiled_from: weakref.WeakKeyDictionary[Any, tuple[set, set]] = weakref.WeakKeyDictionary()


class CompilationRecorder(event.Listener):
    """Records the state of functions when Numba begins to compile them."""

    def on_start(self, event: Any) -> None:
        # An error here must not disturb the compilation; machine code without a record is not
        # reused.
        with contextlib.suppress(Exception):
            dispatcher = event.data["dispatcher"]
            function = dispatcher.py_func
            if not is_versioned(function.__module__):
                states, kinds = _compiled_from.setdefault(function, (set(), set()))
                states.add(state_digest(dispatcher))
                kinds.add(tuple(event.data["args"]))

    def on_end(self, event: Any) -> None:
        """Do nothing: globals are read at the beginning of a compilation."""


event.register("numba:compile", CompilationRecorder())


def is_current(dispatcher: Any) -> bool:
    """Return True if a dispatcher's machine code was, and will be, made of its present state."""
    if not isinstance(dispatcher._cache, NullCache):
        return False
    states, kinds = _compiled_from.get(dispatcher.py_func, (set(), set()))
    return states <= {state_digest(dispatcher)} and kinds >= set(dispatcher.overloads)
