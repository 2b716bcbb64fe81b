"""The options as one dictionary, and what is meant by names that do not exist."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from quasinewton._options.names import HINTS
from quasinewton._validation import warn

# Arguments of the public functions that are no options, but are sometimes given as such.
ARGUMENTS = "args", "method", "jac", "hess", "hessp", "bounds", "constraints", "tol", "callback", "checkpoint"
ALIKE = 0.75  # ratio of difflib from which on two names are taken for one that was misspelt


def merged(options: Mapping[str, Any] | None, keywords: Any) -> dict[str, Any]:
    """Return the options of a dictionary and those given as keywords, which win, in one dictionary.

    Raises
    ------
    TypeError
        If `options` is neither a mapping nor None.
    """
    if options is None:
        return keywords
    if not isinstance(options, Mapping):
        raise TypeError(f"options must be a dictionary, such as {{'maxiter': 100}}; got {type(options).__name__}")
    return {**options, **keywords}


def meant(name: object, legal: Iterable[str]) -> str | None:
    """Return the legal name that is probably meant by an unknown one, or None.

    Parameters
    ----------
    name : object
        Name of an option, a method or a line search.
    legal : iterable of str

    Returns
    -------
    str or None
        A method, which stands for an option of other libraries, is returned as "method 'adam'".
    """
    legal = list(legal)
    hint = HINTS.get(name, "") if isinstance(name, str) else ""
    if hint in legal or hint.startswith("method"):
        return hint
    return next(iter(difflib.get_close_matches(str(name).lower(), legal, 1, ALIKE)), None)


def perhaps(names: Iterable[object], legal: Iterable[str], arguments: Iterable[str] = ()) -> str:
    """Return the end of a sentence that says which legal names are probably meant, or "".

    `arguments` are names of arguments of the public function, which are legal, but no options.
    """
    legal, arguments = list(legal), list(arguments)
    found = [meant(name, (*legal, *arguments)) for name in names]
    found = [f"the argument {name}" if name in arguments else name for name in dict.fromkeys(found) if name]
    return f"; perhaps {' and '.join(found)} {'is' if len(found) == 1 else 'are'} meant" if found else ""


def warn_unknown(names: Iterable[object], legal: Iterable[str], arguments: Iterable[str] = ARGUMENTS) -> None:
    """Warn of unknown options, as SciPy does, and say which ones are probably meant."""
    if names:
        warn(f"Unknown solver options: {', '.join(map(str, names))}{perhaps(names, legal, arguments)}")
