"""Generate the source of a public function for the argument types of one call in compiled code.

Arguments are checked at compile time, and mistakes raise a TypingError. The generated code is
compiled into its caller at every call site, where each small function would cost a tenth of a
second. So it contains only what these arguments need, and calls kernels, which are read from the
cache. Checks that raise are made in kernels where they can be, since a `prange` loop around code
that raises does not run in parallel.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np
from numba import types

from quasinewton import schedules
from quasinewton._api.inside_njit.refusals import RULES, WHOLE, Mistake, raise_for
from quasinewton._arguments.initial_values import EMPTY
from quasinewton._line_searches import BY_NAME
from quasinewton._loops.clock import NEVER
from quasinewton._methods.registry import TRAITS
from quasinewton._numba_ext.addresses import address_constant
from quasinewton._numba_ext.generated import define
from quasinewton._numba_ext.introspection import TypingError
from quasinewton._numba_ext.jit import kernel
from quasinewton._objective.in_njit import constant, dispatcher_of
from quasinewton._options.read import method_class, search_object
from quasinewton.schedules import user_functions
from quasinewton.schedules.formulas import SIGNATURE

NO_VARIABLES = f"'x0' {EMPTY}"


def either(given: Any, expression: str, default: str) -> str:
    """Return the expression of an argument, or that of its default if it is not given."""
    return default if constant(given) is None else expression


@kernel
def rounded_up(limit):
    """Return a limit on a count as an integer, at least 0; NEVER if it is infinite.

    Raises
    ------
    ValueError
        If it is NaN.
    """
    if limit != limit:
        raise ValueError("maxiter and maxfun must not be NaN")
    return NEVER if limit >= NEVER else max(int(np.ceil(limit)), 0)


class Source:
    """The source text of an implementation, and its global names.

    Parameters
    ----------
    overload : callable
        The function that Numba calls with the types of the arguments; its signature is also that
        of the implementation.
    door : str
        Name of the public function, for messages.
    """

    def __init__(self, overload: Callable[..., Any], door: str) -> None:
        self.door = door
        self.lines = [f"def implementation{inspect.signature(overload)}:"]
        self.scope = {"inf": np.inf, "np": np}

    def add(self, *lines: str, **names: Any) -> None:
        """Add lines to the text, and names that they use."""
        self.lines += [f"    {line}" for line in lines]
        self.scope |= names

    def integer(self, value: int) -> str:
        """Return the expression of an integer as a global name.

        Numba gives every literal integer a type of its own, for which kernels would be recompiled.
        """
        name = f"integer_{value}".replace("-", "minus_")
        self.scope[name] = np.int64(value)
        return name

    def implementation(self) -> Callable[..., Any]:
        """Return the function made from the text."""
        return define("implementation", "\n".join(self.lines), self.scope)

    def refuse(self, message: object) -> NoReturn:
        """Raise a TypingError whose message begins with the name of the public function."""
        raise TypingError(f"{self.door}: {message}") from None

    def refuse_unless(self, condition: str, mistake: str) -> None:
        """Add lines that raise ValueError where a condition does not hold when the caller runs.

        `mistake` is the name of the setting, or of another message of `refusals.raise_for`.
        """
        number = Mistake[mistake.replace(" ", "_").upper()].value
        self.add(f"if not ({condition}):", f"    raise_for({self.integer(number)})", raise_for=raise_for)

    def point(self, x0: Any) -> str:
        """Return the expression of the start as a contiguous float64 vector, not to be changed."""
        if isinstance(x0, (types.Float, types.Integer)):
            self.add("start = np.empty(1)", "start[0] = x0")
            return "start"
        if isinstance(x0, types.Array) and x0.ndim == 1 and isinstance(x0.dtype, (types.Float, types.Integer)):
            return "x0" if x0.dtype == types.float64 and x0.layout == "C" else "x0.astype(np.float64)"
        if isinstance(x0, (types.List, types.UniTuple)) and isinstance(x0.dtype, (types.Float, types.Integer)):
            return "np.array(x0, np.float64)"
        self.refuse(f"`x0` must be a number or a vector of real numbers, got {x0}")

    def numbers(self, **given: Any) -> None:
        """Refuse tolerances and limits that are no numbers; `given` holds their types by name."""
        for name, kind in given.items():
            value = constant(kind)
            if value is not None and not isinstance(value, (int, float, types.Number, types.Boolean)):
                self.refuse(f"`{name}` must be a number, got {value!r}")

    def limit(self, name: str, given: Any, default: str) -> str:
        """Return the expression of a limit on a count, or that of its default if not given."""
        if isinstance(constant(given), (float, types.Float)):
            self.add(rounded_up=rounded_up)
            return f"rounded_up(float({name}))"
        return either(given, f"max(int({name}), 0)", default)

    def bounds(self, bounds: Any) -> None:
        """Refuse bounds that are not two vectors of real numbers."""
        pair = isinstance(bounds, types.BaseTuple) and len(bounds) == 2
        for side in bounds if pair else ():
            pair &= isinstance(side, types.Array) and side.ndim == 1
            pair = pair and isinstance(side.dtype, (types.Float, types.Integer))
        if not pair:
            self.refuse(f"`bounds` must be a pair of vectors (low, high), or None; got {bounds}")

    def method(self, method: Any, name: str = "own_method") -> tuple[type[Any], str]:
        """Return the class and the expression of a method given by name or as an object.

        `name` is the global name of a method that is given by its name.
        """
        given = constant(method)
        if not isinstance(given, types.Type):
            try:
                kind = method_class(given)
            except (ValueError, TypeError) as error:
                self.refuse(error)
            self.scope[name] = kind()
            return kind, name
        if isinstance(given, types.BaseNamedTuple) and given.instance_class in TRAITS:
            return given.instance_class, "method"
        self.refuse(f"`method` must be a name or a method object, got {given}")

    def search(self, name: str, search: Any) -> tuple[type[Any], str]:
        """Return the class and the expression of a line search given by name or as an object.

        The search is the argument `name` of the public function.
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

    def schedule(self, schedule: Any) -> tuple[type[Any], str]:
        """Return the class and the expression of a schedule given as an object or a function."""
        kind, given = schedules.Schedule, constant(schedule)
        if given is None:
            self.scope["own_schedule"] = schedules.constant()
            return kind, "own_schedule"
        if isinstance(given, types.BaseNamedTuple) and given.instance_class is kind:
            return kind, "schedule"
        function = dispatcher_of("schedule", given, self.door)
        try:
            entry = user_functions.entry(function)
        except TypeError as error:
            self.refuse(error)
        self.add(schedule_entry=address_constant(entry, SIGNATURE), users_schedule=user_functions.users)
        return kind, "users_schedule(schedule_entry())"

    def changed(self, kind: type[Any], expression: str, given: Mapping[str, Any]) -> str:
        """Return the expression of a method or a search with fields replaced by keywords.

        Parameters
        ----------
        kind : NamedTuple class
            Class of the method or the search.
        expression : str
            Expression of the object without replacements.
        given : dict
            Numba types of the keywords by name.
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
                if RULES[name][0] == "int" and isinstance(given[name], (float, types.Float)):
                    self.refuse_unless(f"int({name}) == {name}", f"whole {name}" if name in WHOLE else name)
                self.add(f"{name} = {RULES[name][0]}({name})")
            elif name in ("c1", "c2"):
                self.add(f"{name} = {expression}.{name}")
        for name in RULES:
            # A given c1 must also be consistent with the c2 of the object, and conversely.
            if name in given or (name in ("c1", "c2") and name in kind._fields):
                self.refuse_unless(RULES[name][1], name)
        self.add(**{kind.__name__: kind, "HIGHEST": 0.5 if "c2" in kind._fields else 1.0})
        fields = (name if name in given else f"{expression}.{name}" for name in kind._fields)
        return f"{kind.__name__}({', '.join(fields)})"
