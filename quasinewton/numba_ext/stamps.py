"""Stamps of the package's files: digests of the code that their compiled functions depend on.

The stamp of a file is a hash of the syntax trees, without documentation, of that file, of the files
that it imports, directly or not, and of those that register implementations with these. Edits of
docstrings and comments, and of files that the code does not depend on, therefore leave the cache
valid. Trees are parsed only after an edit: the stamps are kept beside the cache under a hash of the
bytes of all files.
"""

import ast
import contextlib
import functools
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

from numba.core import config
from numba.core.caching import _CacheLocator
from numba.misc.appdirs import AppDirs

from quasinewton.numba_ext.garbage import uncollected

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT.name
# Subpackages and modules that contribute to the code compiled for users' functions.
USERS = "numba_ext", "special", "autodiff", "objective", "status", "validation"
DIGITS = 16  # hexadecimal digits; length of a stamp in the name of a file
# Settings of Numba's configuration that machine code depends on.
FLAGS = "OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX", "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "FULL_TRACEBACKS"
NOTED = ast.ImportFrom, ast.Import, ast.Call  # nodes that tell on what a file depends
TAG = f"py{sys.version_info[0]}{sys.version_info[1]}"


def flags():
    """Return the settings of Numba's configuration that machine code depends on, with their names.
    """
    return tuple((name, getattr(config, name, None)) for name in FLAGS)


def package_stamp(root=ROOT):
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


def strip(node):
    """Remove documentation from the body of a node of a syntax tree."""
    texts = (each for each in node.body if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
    idle = [each for each in texts if isinstance(each.value.value, str)]
    if idle:
        node.body = [each for each in node.body if each not in idle]


def flattened(tree):
    """Return a text that determines a syntax tree, and its nodes that import or call.

    One pass over the nodes does the work of `ast.dump` and `ast.walk` in a third of their time,
    which every process with an empty cache waits for. Documentation is removed from the tree.
    """
    parts, nodes, todo = [], [], [tree]
    while todo:
        node = todo.pop()
        if not isinstance(node, ast.AST):
            parts.append(node)
            continue
        kind = type(node)
        parts.append(kind.__name__)
        if kind in NOTED:
            nodes.append(node)
        elif type(getattr(node, "body", None)) is list:
            strip(node)
        for name in node._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                parts.append(len(value))
                todo += value
            else:
                todo.append(value)
    return repr(parts), nodes


def names_in(nodes):
    """Yield the Name nodes in one or several syntax trees."""
    for node in nodes if isinstance(nodes, list) else [nodes]:
        yield from (each for each in ast.walk(node) if isinstance(each, ast.Name))


def dependences(root=ROOT):
    """Parse the package and return the texts of its modules and their dependences.

    Returns
    -------
    (dict, dict)
        By module name: the text that the stamp depends on, and the set of modules on which the
        module depends directly.
    """
    files = {}
    for path in root.rglob("*.py"):
        parts = (PACKAGE, *path.relative_to(root).with_suffix("").parts)
        files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    texts, edges = {}, {name: set() for name in files}
    for name, path in files.items():
        texts[name], nodes = flattened(ast.parse(path.read_bytes()))
        origins, calls = {}, []  # origins: modules by the names that the file imports from them
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    module = f"{node.module}.{alias.name}"
                    origins[alias.asname or alias.name] = module if module in files else node.module
            elif isinstance(node, ast.Import):
                origins |= {alias.name: alias.name for alias in node.names}
            else:
                calls.append(node)
        edges[name] |= {origin for origin in origins.values() if origin in files}
        for node in calls:
            # A function that is registered with another one or overloads it becomes part of the
            # callers of that one.
            function, owner = node.func, []
            if isinstance(function, ast.Attribute) and function.attr == "register":
                owner = function.value
            elif isinstance(function, ast.Name) and function.id == "overload":
                owner = node.args[:1]
            for origin in {origins.get(each.id) for each in names_in(owner)} & files.keys():
                edges[origin].add(name)
    return texts, edges


def stamps_of(root=ROOT):
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


def combined(modules, hashes):
    """Return one digest of several modules."""
    return hashlib.sha256(repr(sorted((name, hashes[name]) for name in modules)).encode()).hexdigest()[:DIGITS]


@functools.cache
def cache_folder(source_folder):
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


def is_writable(place):
    """Return True if files can be created in a folder, which is created if it does not exist."""
    try:
        os.makedirs(place, exist_ok=True)
        tempfile.TemporaryFile(dir=place).close()
    except OSError:
        return False
    return True


@functools.cache
def stamps():
    """Return the stamps of the package, from the file beside the cache or computed and saved."""
    raw = package_stamp()
    place = cache_folder(str(ROOT / "numba_ext")) if (ROOT / "numba_ext").is_dir() else None
    memo = place and Path(place) / f"stamps-{raw[:DIGITS]}.{TAG}.nbs"
    with contextlib.suppress(OSError, TypeError, ValueError):
        found = json.loads(memo.read_text())
        if found.get("raw") == raw:
            return found
    with uncollected():
        made = stamps_of() if ROOT.is_dir() else {}
    made["raw"] = raw
    if memo:
        with contextlib.suppress(OSError):
            clean(set(made.values()), place)
            with tempfile.NamedTemporaryFile("w", dir=place, delete=False) as file:
                json.dump(made, file)
            os.replace(file.name, memo)
    return made


def clean(current, place):
    """Remove files from the cache that belong to older states of the package."""
    for folder in {path.parent for path in ROOT.rglob("*.py")}:
        for path in Path(cache_folder(str(folder)) or place).glob(f"*.{TAG}*.nb?"):
            stamp = path.name.partition(f".{TAG}")[0].rpartition("-")[2]
            if len(stamp) == DIGITS and stamp not in current:
                with contextlib.suppress(OSError):
                    path.unlink()
