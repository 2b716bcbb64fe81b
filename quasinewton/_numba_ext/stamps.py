"""Stamps of the package's files: digests of the code that their compiled functions depend on.

The stamp of a file is a hash of the text, without documentation, of that file, of the files that it
imports, directly or not, and of those that register implementations with these. Edits of docstrings
and comments, and of files that the code does not depend on, therefore leave the cache valid. Stamps
are computed only after an edit: they are kept beside the cache under a hash of the bytes of all
files.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.caching import _CacheLocator
from numba.misc.appdirs import AppDirs

from quasinewton._numba_ext.garbage import uncollected

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT.name
# Subpackages and modules that contribute to the code compiled for users' functions.
USERS = "_numba_ext", "special", "_autodiff", "_objective", "status", "_validation"
DIGITS = 16  # hexadecimal digits; length of a stamp in the name of a file
# Settings of Numba's configuration that machine code depends on.
FLAGS = "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX", "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "FULL_TRACEBACKS"
# Texts and comments in Python, each matched as a whole, so that what begins another is not found in
# it. A text in triple quotes at the beginning of the file, or of a line after a colon, documents.
LONG, SHORT = (
    "|".join(form.replace("Q", quote) for quote in "\"'")
    for form in (r"QQQ[^Q\\]*(?:(?:\\.|Q(?!QQ))[^Q\\]*)*QQQ", r"Q(?:[^Q\\\n]|\\.)*Q")
)
TOKEN = re.compile(
    rf"(?P<before>\A|(?<=:\n)[ ]*)(?P<docstring>{LONG})|{LONG}|{SHORT}|(?P<comment>[#][^\n]*)", re.DOTALL
)
BLANK = re.compile(r"[ ]*\n\s*\n")
IMPORT = re.compile(r"^[ ]*(?:from ([\w.]+) )?import (\([^)]*\)|.*)", re.MULTILINE)
WORD = re.compile(r"\w+")
TAG = f"py{sys.version_info[0]}{sys.version_info[1]}"


def flags() -> tuple[tuple[str, Any], ...]:
    """Return the settings of Numba's configuration that machine code depends on, with their names.
    """
    return tuple((name, getattr(config, name, None)) for name in FLAGS)


def package_stamp(root: Path = ROOT) -> str:
    """Hash every source file below `root`: any edit of any file changes the stamp.

    Parameters
    ----------
    root : Path
        The folder of the package.

    Returns
    -------
    str
        Hexadecimal SHA-256 of names and contents.
    """
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def without_documentation(source: str) -> str:
    """Return the text of a module without comments, contents of docstrings and blank lines.

    Every process with an empty cache waits for this, and for the syntax trees it would wait five
    times as long.

    Parameters
    ----------
    source : str
    """

    def kept(match: re.Match[str]) -> str:
        if match["docstring"]:
            return match["before"] + '""'
        return "" if match["comment"] else match[0]

    return BLANK.sub("\n", TOKEN.sub(kept, source))


def names_imported(text: str) -> dict[str, tuple[str, str | None]]:
    """Return what a module imports: by the name that it has there, module and name in the module.

    The second is None for a module as a whole.
    """
    found = {}
    for module, names in IMPORT.findall(text):
        for each in names.strip("()").split(","):
            words = each.split()
            if words:
                found[words[-1]] = (module, words[0]) if module else (words[0], None)
    return found


def owners(text: str) -> Iterator[str]:
    """Yield the expressions to whose values a module registers functions, or which it overloads."""
    for line in text.splitlines():
        before, registers, _ = line.partition(".register(")
        _, overloads, after = line.partition("overload(")
        if registers:
            yield before
        if overloads:
            yield re.split("[,)]", after)[0]


def dependences(root: Path = ROOT) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Read the package and return the texts of its modules and their dependences.

    Returns
    -------
    (dict, dict)
        By module name: the text that the stamp depends on, and the set of modules on which the
        module depends directly.
    """
    texts = {}
    for path in root.rglob("*.py"):
        parts = (PACKAGE, *path.relative_to(root).with_suffix("").parts)
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        texts[name] = without_documentation(path.read_text(encoding="utf-8"))
    edges: dict[str, set[str]] = {name: set() for name in texts}
    for name, text in texts.items():
        origins = {}  # modules of the package by the names that the file imports from them
        for alias, (module, imported) in names_imported(text).items():
            submodule = f"{module}.{imported}"
            origins[alias] = submodule if submodule in texts else module
        edges[name] |= texts.keys() & origins.values()
        # A function that is registered with another one or overloads it becomes part of the callers
        # of that one.
        for owner in owners(text):
            for word in WORD.findall(owner):
                if origins.get(word) in texts:
                    edges[origins[word]].add(name)
    return texts, edges


def stamps_of(root: Path = ROOT) -> dict[str, str]:
    """Compute the stamps of all modules, and that of the modules in USERS together.

    Returns
    -------
    dict
        Hexadecimal digests by module name; that of USERS has the key "".
    """
    texts, edges = dependences(root)
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    made = {}
    for name in texts:
        reached, todo = set(), [name]
        while todo:
            module = todo.pop()
            if module not in reached:
                reached.add(module)
                todo += edges[module]
        made[name] = combined(reached, hashes)
    rooms = tuple(f"{PACKAGE}.{room}" for room in USERS)
    made[""] = combined({name for name in texts if name.startswith(rooms)}, hashes)
    return made


def combined(modules: Collection[str], hashes: dict[str, str]) -> str:
    """Return one digest of several modules."""
    return hashlib.sha256(repr(sorted((name, hashes[name]) for name in modules)).encode()).hexdigest()[:DIGITS]


@functools.cache
def cache_folder(source_folder: str) -> str | None:
    """Return the folder for code compiled from a source folder, or None if there is none.

    The folder is below NUMBA_CACHE_DIR if that is set; otherwise it is ``__pycache__`` or, if that
    is not writable, the user's cache folder, as in Numba. A folder that is not writable but holds
    compiled code is used, too.

    Parameters
    ----------
    source_folder : str
    """
    below = _CacheLocator.get_suitable_cache_subpath(os.path.join(source_folder, "file.py"))
    places = [os.path.join(source_folder, "__pycache__")]
    places.append(os.path.join(AppDirs(appname="numba", appauthor=False).user_cache_dir, below))
    if config.CACHE_DIR:
        places = [os.path.join(config.CACHE_DIR, below)]
    for place in places:
        with contextlib.suppress(OSError):
            if any(Path(place).glob("*.nb?")) or is_writable(place):
                return place
    return None


def is_writable(place: str) -> bool:
    """Return True if files can be created in a folder, which is created if it does not exist."""
    try:
        os.makedirs(place, exist_ok=True)
        tempfile.TemporaryFile(dir=place).close()
    except OSError:
        return False
    return True


@functools.cache
def stamps() -> dict[str, str]:
    """Return the stamps of the package, from the file beside the cache or computed and saved."""
    raw = package_stamp()
    place = cache_folder(str(ROOT / "_numba_ext")) if (ROOT / "_numba_ext").is_dir() else None
    memo = None if place is None else Path(place) / f"stamps-{raw[:DIGITS]}.{TAG}.nbs"
    if memo is not None:
        with contextlib.suppress(OSError, TypeError, ValueError):
            found = json.loads(memo.read_text())
            if found.get("raw") == raw:
                return found
    with uncollected():
        made = stamps_of() if ROOT.is_dir() else {}
    made["raw"] = raw
    if memo is not None and place is not None:
        with contextlib.suppress(OSError):
            clean(set(made.values()), place)
            with tempfile.NamedTemporaryFile("w", dir=place, delete=False) as file:
                json.dump(made, file)
            os.replace(file.name, memo)
    return made


def clean(current: Collection[str], place: str) -> None:
    """Remove files from the cache that belong to older states of the package."""
    for folder in {path.parent for path in ROOT.rglob("*.py")}:
        for path in Path(cache_folder(str(folder)) or place).glob(f"*.{TAG}*.nb?"):
            stamp = path.name.partition(f".{TAG}")[0].rpartition("-")[2]
            if len(stamp) == DIGITS and stamp not in current:
                with contextlib.suppress(OSError):
                    path.unlink()
