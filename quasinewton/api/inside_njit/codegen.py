"""The implementation of a door as text: arguments are understood while compiling, and mistakes are
named there.

What a door compiles into its caller is paid at every call site, and each small function costs a
tenth of a second. So there are none: the implementation is written for the arguments at hand, and
calls kernels, which come from the cache.
"""

import inspect

import numpy as np
from numba import types

from quasinewton import schedules
from quasinewton.line_searches import BY_NAME
from quasinewton.methods.first_order.base import FLAGS
from quasinewton.numba_ext.addresses import address_constant
from quasinewton.numba_ext.introspection import TypingError
from quasinewton.objective.in_njit import constant, dispatcher_of
from quasinewton.options.names import NAMES
from quasinewton.options.read import method_class, search_object

# Settings that may be given as keywords: how they are converted, and what must hold of them.
RULES = {
    "memory": ("int", "memory >= 1", "memory must be at least 1"),
    "damping": ("int", "True", ""),
    "single": ("int", "True", ""),
    "lr": ("float", "0.0 <= lr < inf", "lr must be in [0, inf)"),
    "weight_decay": ("float", "0.0 <= weight_decay < inf", "weight_decay must be in [0, inf)"),
    "maxls": ("int", "maxls >= 1", "maxls must be at least 1"),
    "c1": ("float", "0.0 < c1 < HIGHEST", "c1 must be positive, and less than 0.5, or 1 for Armijo's search"),
    "c2": ("float", "c1 < c2 < 1.0", "c2 must be in (c1, 1)"),
    "eps_root": ("float", "0.0 <= eps_root < inf", "eps_root must be in [0, inf)"),
    "initial_accumulator_value": (
        "float",
        "0.0 <= initial_accumulator_value < inf",
        "initial_accumulator_value must be in [0, inf)",
    ),
    "threshold": ("float", "4.0 <= threshold < inf", "threshold must be in [4, inf)"),
} | {name: ("int", f"0 <= {name} <= 1", f"{name} must be True or False") for name in FLAGS}


def either(given, expression, default):
    """The expression of an argument, or that of its default where it is not given."""
    return default if constant(given) is None else expression


class Source:
    """The text of an implementation, and the names in it.

    Parameters
    ----------
    overload : callable
        The function that Numba gives the types of the arguments: its signature is that of the
        implementation.
    door : str
        For messages.
    """

    def __init__(self, overload, door):
        self.door = door
        self.lines = [f"def implementation{inspect.signature(overload)}:"]
        self.scope = {"inf": np.inf, "np": np}

    def add(self, *lines, **names):
        """Add lines to the text, and names that they use."""
        self.lines += [f"    {line}" for line in lines]
        self.scope |= names

    def integer(self, value):
        """The expression of an integer. As a literal it would be a type of its own, for which
        kernels compile anew.
        """
        name = f"integer_{value}".replace("-", "minus_")
        self.scope[name] = np.int64(value)
        return name

    def implementation(self):
        """The function."""
        exec("\n".join(self.lines), self.scope)
        return self.scope["implementation"]

    def refuse(self, message):
        """Raise a TypingError in the name of the door."""
        raise TypingError(f"{self.door}: {message}") from None

    def point(self, x0):
        """The expression of the start as a contiguous float64 vector, which nobody overwrites."""
        if isinstance(x0, (types.Float, types.Integer)):
            self.add("start = np.empty(1)", "start[0] = x0")
            return "start"
        if isinstance(x0, types.Array) and x0.ndim == 1 and isinstance(x0.dtype, (types.Float, types.Integer)):
            return "x0" if x0.dtype == types.float64 and x0.layout == "C" else "x0.astype(np.float64)"
        self.refuse(f"`x0` must be a number or a vector of real numbers, got {x0}")

    def bounds(self, bounds):
        """Refuse bounds that are not two vectors of real numbers."""
        pair = isinstance(bounds, types.BaseTuple) and len(bounds) == 2
        for side in bounds if pair else ():
            pair &= isinstance(side, types.Array) and side.ndim == 1
            pair = pair and isinstance(side.dtype, (types.Float, types.Integer))
        if not pair:
            self.refuse(f"`bounds` must be a pair of vectors (low, high), or None; got {bounds}")

    def method(self, method):
        """The class of a method given by name or as an object, and its expression."""
        given = constant(method)
        if not isinstance(given, types.Type):
            try:
                kind = method_class(given)
            except (ValueError, TypeError) as error:
                self.refuse(error)
            self.scope["own_method"] = kind()
            return kind, "own_method"
        if isinstance(given, types.BaseNamedTuple) and given.instance_class in NAMES:
            return given.instance_class, "method"
        self.refuse(f"`method` must be a name or a method object, got {given}")

    def search(self, name, search):
        """The class of a line search given by name or as an object, as the argument `name`, and its
        expression.
        """
        given = constant(search)
        if not isinstance(given, types.Type):
            try:
                search = self.scope["own_search"] = search_object(given)
            except (ValueError, TypeError) as error:
                self.refuse(error)
            return type(search), "own_search"
        if isinstance(given, types.BaseNamedTuple) and given.instance_class in BY_NAME.values():
            return given.instance_class, name
        self.refuse(f"`{name}` must be a name or a search object, got {given}")

    def schedule(self, schedule):
        """The class of schedules, and the expression of the one given as an object or as a function
        of the step.
        """
        kind, given = schedules.Schedule, constant(schedule)
        if given is None:
            self.scope["own_schedule"] = schedules.constant()
            return kind, "own_schedule"
        if isinstance(given, types.BaseNamedTuple) and given.instance_class is kind:
            return kind, "schedule"
        function = dispatcher_of("schedule", given, self.door)
        try:
            entry = schedules.entry(function)
        except TypeError as error:
            self.refuse(error)
        self.add(schedule_entry=address_constant(entry, schedules.SIGNATURE), users_schedule=schedules.users)
        return kind, "users_schedule(schedule_entry())"

    def changed(self, kind, expression, given):
        """The expression of a method or a search, with the fields that keywords give replaced.

        Parameters
        ----------
        kind : NamedTuple class
        expression : str
        given : dict
            Name of a keyword to its numba type.
        """
        given = {name: constant(value) for name, value in given.items() if constant(value) is not None}
        for name, value in given.items():
            if name not in kind._fields:
                self.refuse(f"`{name}` is no setting of {kind.__name__}; its settings are {', '.join(kind._fields)}")
            if not isinstance(value, (int, float, types.Number, types.Boolean)):
                self.refuse(f"`{name}` must be a number, got {value}")
        if not given:
            return expression
        for name in kind._fields:
            if name in given:
                self.add(f"{name} = {RULES[name][0]}({name})")
            elif name in ("c1", "c2"):
                self.add(f"{name} = {expression}.{name}")
        for name in RULES:
            # c2 is compared with the c1 that it will stand beside.
            if name in given or (name in ("c1", "c2") and name in kind._fields):
                self.add(f"if not ({RULES[name][1]}):", f"    raise ValueError({RULES[name][2]!r})")
        self.add(**{kind.__name__: kind, "HIGHEST": 0.5 if "c2" in kind._fields else 1.0})
        fields = (name if name in given else f"{expression}.{name}" for name in kind._fields)
        return f"{kind.__name__}({', '.join(fields)})"
