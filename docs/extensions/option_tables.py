"""Tables of all options, made of the signatures and docstrings of the package.

`tables` returns them as data. `setup` adds the directive ``.. option-tables:: group`` to Sphinx,
which prints the tables of one group. An option without type, unit or meaning is an error, and so is
an option that the code accepts and no table has: the page cannot be out of date.
"""

import inspect
import re
from typing import NamedTuple

from numpydoc.docscrape import ClassDoc, FunctionDoc

import quasinewton
from quasinewton import _line_searches as line_searches
from quasinewton import schedules
from quasinewton._api import root as root_module
from quasinewton._methods import LBFGS
from quasinewton._methods.first_order.base import FIRST_ORDER
from quasinewton._methods.registry import TRAITS
from quasinewton._options.names import CONTROLS, FIRST_ORDER_CONTROLS, LIMITS, SEARCHING, SYNONYMS
from quasinewton._options.read import NEVER, read, search_object, with_limits

# The methods and searches of the package; a program may have registered others.
METHODS = {kind: traits for kind, traits in TRAITS.items() if kind.__module__.startswith("quasinewton.")}
SEARCHES = {
    kind: name for name, kind in line_searches.BY_NAME.items() if kind.__module__.startswith("quasinewton.")
}

# Units of options that are numbers; x and f stand for the units of the variables and of the
# objective, 1 for pure numbers. An option of a class or function has the name "Class.option" where
# its unit differs from that of other options of the same name.
UNITS = {
    "gtol": "f/x", "ftol": "1", "xtol": "1", "f_target": "f", "maxiter": "iterations", "maxfun": "values",
    "time_limit": "s", "eps": "x", "finite_diff_rel_step": "1", "x_scale": "x", "hess_inv0": "x²/f", "H0": "x²/f",
    "precond": "x²/f", "clip_value": "f/x", "clip_norm": "f/x", "clip_norm_eps": "f/x", "decay_mask": "",
    "root.ftol": "f", "c1": "1", "c2": "1", "maxls": "values", "narrow": "1", "Fixed.alpha": "1",
    "LBFGS.memory": "pairs", "floor": "1", "eta": "1",
    "lr": "x", "SGD.lr": "x²/f", "Momentum.lr": "x²/f", "Nesterov.lr": "x²/f", "SGDW.lr": "x²/f", "AdaDelta.lr": "1",
    "lr_decay": "1/step", "weight_decay": "f/x², or 1/lr if decoupled", "betas": "1", "AdaDelta.rho": "1",
    "RMSprop.alpha": "1", "momentum": "1", "dampening": "1", "momentum_decay": "1", "threshold": "1",
    "eps_root": "(f/x)²", "initial_accumulator_value": "(f/x)²", "AdaDelta.eps": "(f/x)² and x²",
    **{f"{kind.__name__}.eps": "f/x" for kind in FIRST_ORDER if kind.__name__ != "AdaDelta"},
    "warmup": "steps", "warmup_start": "1", "every": "steps", "total": "steps", "period": "steps", "factor": "1",
    "rate": "1", "final": "1", "start": "1", "power": "1", "growth": "1", "decay": "1", "rise": "1",
    "inverse_time.rate": "1/step",
    "n_jobs": "threads", "chunk_size": "problems", "batch_size": "samples", "epochs": "epochs", "average": "1",
    "patience": "epochs", "tol": "f/x", "distinct": "1", "alpha": "1", "rng": "",
    "validation_data": "", "batch_args": "",
}

NUMBER = re.compile(r"\b(int|float|ndarray|array_like)\b")  # types that have units


class Option(NamedTuple):
    """A row of a table, all texts: name, type, default, unit and meaning."""

    name: str
    type: str
    default: str
    unit: str
    meaning: str


class Undescribed(Exception):
    """Raised for an option whose type, unit or meaning is nowhere stated."""


def checked(owner, name, type_, default, meaning):
    """Return an Option; `owner` is the name of the class or function that it belongs to.

    Raises
    ------
    Undescribed
        If something is missing.
    """
    unit = ""
    if NUMBER.search(type_):
        unit = UNITS.get(f"{owner}.{name}", UNITS.get(name))
    for what, text in ("type", type_), ("unit", unit), ("meaning", meaning):
        if text is None or (not text and what != "unit"):
            raise Undescribed(f"option {name!r} of {owner} has no {what}")
    return Option(name, type_, default, unit, meaning)


def entries(lines):
    """Yield (name, type, meaning) of the definitions ``name, name : type`` in numpydoc's layout."""
    block, names, kind = [], [], ""
    for line in [*lines, "end : "]:
        head = re.match(r"^(\S[^:]*?) : ?(.*)$", line)
        if not head:
            block.append(line.strip())
            continue
        for name in names:
            yield name, kind, " ".join(filter(None, block))
        block, names, kind = [], [name.strip() for name in head[1].split(",")], head[2].strip()


def written(default):
    """Return a default as text."""
    if default is inspect.Parameter.empty:
        return "required"
    if default is None:
        return "none"
    if isinstance(default, float) and not (default.is_integer() and abs(default) < 1e6):
        return f"{default:.4g}"
    return repr(default)


def described(thing, names=None):
    """Return the options of a class or function: of `names`, or all parameters that it has.

    Raises
    ------
    Undescribed
        If one is not in the docstring, or incompletely.
    """
    doc = ClassDoc(thing, config={"show_class_members": False}) if inspect.isclass(thing) else FunctionDoc(thing)
    told = {}
    for entry in doc["Parameters"]:
        for name in entry.name.split(","):
            told[name.strip()] = entry.type.removesuffix(", optional"), " ".join(line.strip() for line in entry.desc)
    signature = inspect.signature(thing.__new__ if inspect.isclass(thing) and hasattr(thing, "_fields") else thing)
    found = []
    for name, parameter in signature.parameters.items():
        if names is not None and name not in names or name in ("cls", "_cls", "self"):
            continue
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        type_, meaning = told.get(name, ("", ""))
        found.append(checked(thing.__name__, name, type_, written(parameter.default), meaning))
    return found


def nested(door):
    """Return (type, meaning), by name, of the options that the parameter `options` of a door lists.
    """
    (entry,) = [entry for entry in FunctionDoc(door)["Parameters"] if entry.name == "options"]
    lines = inspect.cleandoc("\n".join(["", *entry.desc])).splitlines()
    return {name: (type_, meaning) for name, type_, meaning in entries(lines)}


def limits_of(method):
    """Return the defaults of the limits, as text; those that grow with n are factors of n."""
    one, two = (with_limits(read(method, n, None, {}), n, False).limits for n in (1, 2))
    found = {}
    for name in LIMITS:
        first, second = getattr(one, name, NEVER), getattr(two, name, NEVER)
        found[name] = "none" if first == NEVER else f"{first} n" if second == 2 * first != 0 else written(first)
    return found | {"f_target": "−∞"}


def limits():
    """Return the table of tolerances and limits.

    Defaults are those of L-BFGS, followed by those of other methods where they differ.
    """
    told, default = nested(quasinewton.minimize), limits_of(LBFGS)
    rows = []
    for name in LIMITS:
        others = {}  # the labels of the methods with each other default, as keys, in order
        for kind, traits in METHODS.items():
            value = limits_of(kind)[name]
            if value != default[name]:
                others.setdefault(value, {})["first-order methods" if traits.first_order else traits.name] = kind
        text = "".join(f"; {value} for {', '.join(labels)}" for value, labels in others.items())
        type_, meaning = told.get(name, ("", ""))
        rows.append(checked("minimize", name, type_, default[name] + text, meaning))
    return rows


def controls(names, defaults):
    """Return a table of options of `minimize` that are no fields of methods or searches."""
    told = nested(quasinewton.minimize)
    rows = []
    for name in names:
        type_, meaning = told.get(name, ("", ""))
        default = defaults.get(name, "False" if type_ == "bool" else "none")
        rows.append(checked("minimize", name, type_, default, meaning))
    return rows


def of_root():
    """Return the table of the options of `root`."""
    defaults = {name: written(value) for name, value in root_module.DEFAULTS.items()}
    defaults |= zip(("c1", "maxls"), map(written, root_module.SEARCH), strict=True)
    rows = []
    for name, (type_, meaning) in nested(quasinewton.root).items():
        default = defaults.pop(name, "False" if type_ == "bool" else "none")
        rows.append(checked("root", name, type_, default, meaning))
    if defaults:
        raise Undescribed(f"root has options without a description: {', '.join(defaults)}")
    return rows


def is_schedule(thing):
    """Return True for a function that makes a schedule: it has the length of the run, or a warm-up.
    """
    return inspect.isfunction(thing) and not {"warmup", "total"}.isdisjoint(inspect.signature(thing).parameters)


def by_method(kind):
    """Return the title and the table of a method's or search's own settings."""
    label = METHODS[kind].name if kind in METHODS else SEARCHES[kind]
    names = inspect.signature(kind.__new__).parameters
    # A line search that takes maxls only for a common signature does not describe it.
    names = [name for name in names if not (kind is line_searches.Fixed and name == "maxls")]
    return f"``{label}``: {kind.__name__}", described(kind, names)


DOORS = "minimize_batch", "minimize_multistart", "minimize_stochastic", "Solver", "line_search"


def of_door(name):
    """Return the title and the table of a door's optional arguments that `minimize` has not."""
    door = getattr(quasinewton, name)
    common = inspect.signature(quasinewton.minimize).parameters
    own = [
        name for name, parameter in inspect.signature(door).parameters.items()
        if parameter.default is not parameter.empty and name not in common
    ]
    return f"``{name}``", described(door, own)


def groups():
    """Return all tables: a list of (title, rows) by the name of the group."""
    search = SEARCHES[type(search_object(None))]
    initial = {kind: traits.initial for kind, traits in METHODS.items() if traits.initial}
    matrices = dict.fromkeys(name for names in initial.values() for name in names)
    searching = [name for name in SEARCHING if name not in matrices]
    searchers = [kind for kind, traits in METHODS.items() if not traits.first_order]
    own = {kind: traits.options for kind, traits in METHODS.items() if traits.options}
    found = {
        "limits": [("Tolerances and limits", limits())],
        "reports": [("Reports, checks and differences", controls(CONTROLS, {"x_scale": "max(1, \\|x\\|)"}))],
        "beginnings": [
            ("Initial inverse Hessian: " + ", ".join(METHODS[kind].name for kind in initial), controls(matrices, {})),
            *((f"Further options: {METHODS[kind].name}", controls(names, {})) for kind, names in own.items()),
        ],
        "searching": [("All methods with a line search", controls(searching, {"line_search": search}))],
        "searches": [by_method(kind) for kind in SEARCHES],
        "methods": [table for kind in searchers if (table := by_method(kind))[1]],
        "first-order-controls": [
            (
                "All first-order methods",
                controls(FIRST_ORDER_CONTROLS, {"schedule": "constant()", "clip_norm_eps": "0"}),
            )
        ],
        "first-order": [by_method(kind) for kind, traits in METHODS.items() if traits.first_order],
        "schedules": [
            (f"``schedules.{name}``", described(getattr(schedules, name)))
            for name in schedules.__all__ if is_schedule(getattr(schedules, name))
        ],
        "root": [("``root``", of_root())],
        "doors": [of_door(name) for name in DOORS],
    }
    check_nothing_is_missing(found)
    return found


def check_nothing_is_missing(found):
    """Raise Undescribed if `minimize` documents an option that no table has."""
    shown = {row.name for tables in found.values() for _, rows in tables for row in rows}
    known = {name for name in nested(quasinewton.minimize) if name != "…"}
    missing = {SYNONYMS.get(name, name) for name in known} - shown
    if missing:
        raise Undescribed(f"no table has {', '.join(sorted(missing))}")


def restructured(title, rows):
    """Return a table as lines of reStructuredText."""
    lines = [f".. list-table:: {title}", "   :header-rows: 1", "   :class: options", ""]
    for cells in Option._fields, *(row._replace(name=f"``{row.name}``") for row in rows):
        for i, text in enumerate(cells):
            if "``" not in text:  # A bar begins a substitution.
                text = re.sub(r"(?<!\\)\|(?!_)", r"\\|", text)
            lines.append(f"   {'* -' if i == 0 else '  -'} {text}".rstrip())
    return [*lines, ""]


def setup(app):
    """Add the directive to Sphinx."""
    from docutils import nodes
    from docutils.parsers.rst import Directive
    from docutils.statemachine import StringList
    from sphinx.errors import ExtensionError

    class OptionTables(Directive):
        """Print the tables of a group."""

        required_arguments = 1

        def run(self):
            try:
                tables = groups()[self.arguments[0]]
            except (KeyError, Undescribed) as error:
                raise ExtensionError(f"option-tables: {error}") from error
            lines = [line for title, rows in tables for line in restructured(title, rows)]
            container = nodes.container()
            self.state.nested_parse(StringList(lines, source="option-tables"), self.content_offset, container)
            return container.children

    app.add_directive("option-tables", OptionTables)
    return {"parallel_read_safe": True}
