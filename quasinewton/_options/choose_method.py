"""The choice of a method by what is given: ``method="auto"``.

`tests/benchmarks/default_method.py` measures what the rules rest on; its tables are in
docs/methods.md.
"""

import functools
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from quasinewton._methods.bounded.wrapper import plain
from quasinewton._methods.registry import AUTO, METHODS, NAMES, TRAITS
from quasinewton._options.names import SYNONYMS

LOGGER = logging.getLogger("quasinewton")
# Largest numbers of variables for a method; the source of both is docs/methods.md.
FACTORED = 100  # beyond it an iteration of Newton's method takes as long as hundreds of values of a cheap f
ESTIMATED = 24  # beyond it BFGS takes more evaluations than L-BFGS on most problems


class Rule(NamedTuple):
    """A row of the table of choices, of which the first one that applies is taken.

    Attributes
    ----------
    method : str
    second : str
        Second derivative that must be given: "hess", "hessp", or "" for none.
    most : int or None
        Largest number of variables; None for any.
    bounded : bool
        True if the row is for problems with bounds, False if it is for those without.
    reason : str
        Why the method is taken where the row applies.
    """

    method: str
    second: str = ""
    most: int | None = None
    bounded: bool = False
    reason: str = ""


RULES = (
    Rule("newton", "hess", FACTORED, reason=f"hess is given, and there are at most {FACTORED} variables"),
    Rule("newton-cg", "hessp", reason="hessp is given"),
    Rule("bfgs", "", ESTIMATED, reason=f"there are at most {ESTIMATED} variables"),
    Rule("lbfgs", reason=f"there are more than {ESTIMATED} variables"),
    Rule("lbfgs", bounded=True, reason="there are bounds"),
)
# Methods for an option that is a setting of none of the rows that apply, in order of preference.
SEARCHED = "lbfgs", "bfgs", "newton", "newton-cg"


def is_auto(method: object) -> bool:
    """Return True if the package is to choose the method."""
    return isinstance(method, str) and method.lower() == AUTO


def is_given(hess: object) -> bool:
    """Return True if `hess` is a function, or "auto", but not a scheme of differences."""
    return (callable(hess) and not isinstance(hess, type)) or (isinstance(hess, str) and hess == "auto")


def has(name: str, option: str, value: Any) -> bool:
    """Return True if an option with this value is a setting of the method of this name.

    Of `precond`, which several methods have, a function or True belongs to the methods that ask for
    products with it during the run.
    """
    kind = METHODS[name]
    if option in kind._fields or option in TRAITS[kind].options:
        return True
    return option in TRAITS[kind].initial and not (callable(value) or value is True)


def rules_for(hess: bool, hessp: bool, bounded: bool, options: Mapping[str, Any]) -> list[Rule]:
    """Return the rows that decide about problems of one kind, by their numbers of variables.

    Parameters
    ----------
    hess, hessp : bool
        True if they are given.
    bounded : bool
        True if there are bounds.
    options : dict
        A setting of one method decides for that method, whatever else is given.

    Returns
    -------
    list of Rule
        The method of the first one whose `most` is not exceeded is to be taken. In the last one
        alone, `most` is None.
    """
    rows = _rows(hess, hessp, bounded)
    if not options:
        return rows
    named = {SYNONYMS.get(name, name): value for name, value in options.items() if value is not None}
    own = {name: value for name, value in named.items() if any(has(each, name, value) for each in SEARCHED)}
    if not own:
        return rows

    def suits(method: str) -> bool:
        return all(has(method, name, value) for name, value in own.items())

    able = [rule for rule in rows if suits(rule.method)]
    # If no method has all of these options, the choice is that without them; `read` warns of them.
    if any(map(suits, SEARCHED)) and able != rows:
        if not able or able[-1].most is not None:
            able = [rule for rule in able if rule.most] + [Rule(next(filter(suits, SEARCHED)))]
        why = f"{' and '.join(map(repr, own))} {'is an option' if len(own) == 1 else 'are options'} of this method"
        rows = [rule._replace(reason=why) for rule in able]
    return _to_the_last(rows)


@functools.cache
def _rows(hess: bool, hessp: bool, bounded: bool) -> list[Rule]:
    given = {"": True, "hess": hess, "hessp": hessp}
    return _to_the_last([rule for rule in RULES if given[rule.second] and rule.bounded == bounded])


def _to_the_last(rows: list[Rule]) -> list[Rule]:
    last = next(i for i, rule in enumerate(rows) if rule.most is None)
    return rows[: last + 1]


def chosen_method(
    method: Any,
    n: int,
    bounds: Any,
    hess: Any = None,
    hessp: Any = None,
    options: Mapping[str, Any] = {},
    checkpoint: Any = None,
) -> tuple[Any, str]:
    """Return the method of a run, and the reason if the package chose it.

    Parameters
    ----------
    method : str, method object, method class, or None
        "auto" for a choice by the other arguments. None is SciPy's choice without a method: BFGS,
        or L-BFGS with bounds.
    n : int
        Number of variables.
    bounds : object
        None if there are none.
    hess, hessp : object
        As for `minimize`.
    options : dict
        All options of the run.
    checkpoint : Checkpoint or None
        The choice is the method of its run.

    Returns
    -------
    (str, method object, method class or None, str)
        `method` unless it is "auto", or None with bounds; the reason is "" unless it is "auto".
    """
    if method is None and bounds is not None:
        return "lbfgs", ""
    if not is_auto(method):
        return method, ""
    if checkpoint is not None:
        method, reason = plain(checkpoint.method), "the checkpoint is that of a run by this method"
        name = NAMES[type(method)]
    else:
        rows = rules_for(is_given(hess), hessp is not None, bounds is not None, options)
        rule = next(rule for rule in rows if rule.most is None or n <= rule.most)
        method, name, reason = rule.method, rule.method, rule.reason
    LOGGER.debug("method %s: %s", name, reason)
    return method, reason
