"""Disk cache of code compiled for users' functions, with keys that depend on content only.

Each entry is a file named by its key and protected by its digest. It is written to a temporary file
and renamed, so that readers see a complete entry or none; a damaged entry counts as missing. The
folder belongs to the user and its size is limited: the least recently used entries are removed
first.
"""

import contextlib
import functools
import hashlib
import json
import os
import stat
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
import scipy
from numba.core import config
from numba.core.registry import cpu_target
from numba.misc.appdirs import AppDirs

from quasinewton._numba_ext.fingerprint import Reader, Unnameable
from quasinewton._numba_ext.garbage import uncollected
from quasinewton._numba_ext.stamps import flags, stamps
from quasinewton._numba_ext.user_code import fresh

LIMIT = 256 << 20  # bytes; size of all entries together; a typical entry has 30 to 300 kB
FULL = 3 / 4  # fraction of LIMIT that remains after old entries are removed
MAGIC = b"quasinewton 1\n"  # first bytes of an entry, with the version of the format
SUFFIX = ".entry"
SWITCH = "QUASINEWTON_USER_CACHE"  # environment variable; names the folder, or turns the cache off if 0


def is_on() -> bool:
    """Return True if compiled code of users' functions is kept on disk."""
    return os.environ.get(SWITCH, "1") != "0" and not config.DISABLE_JIT


def folder() -> Path:
    """Return the folder of the entries as a Path, which need not exist.

    It is QUASINEWTON_USER_CACHE if that is set, a folder below NUMBA_CACHE_DIR if that is set, and
    otherwise in the system's place for a user's caches.
    """
    if os.environ.get(SWITCH):
        return Path(os.environ[SWITCH])
    if config.CACHE_DIR:
        return Path(config.CACHE_DIR) / "quasinewton"
    return Path(AppDirs(appname="quasinewton", appauthor=False).user_cache_dir)


def is_trusted(path: Path) -> bool:
    """Return True if code in a folder may be executed: writable by its owner, the user, alone.

    The owner (the user or root) is not checked if an environment variable names the folder.
    """
    try:
        info = path.stat()
    except OSError:
        return False
    if os.name == "nt":  # On Windows the folder inherits the access rights of the user's profile.
        return True
    # A folder that the user has named may be an installation for all users.
    shared = bool(config.CACHE_DIR or os.environ.get(SWITCH))
    return not info.st_mode & (stat.S_IWOTH | stat.S_IWGRP) and (shared or info.st_uid in (0, os.getuid()))


@functools.cache
def environment() -> str:
    """Return the part that all keys share: versions, options, processor, package."""
    codegen = cpu_target.target_context.codegen()
    versions = numba.__version__, llvmlite.__version__, np.__version__, scipy.__version__, sys.version
    return repr((versions, flags(), bool(config.USING_SVML), codegen.magic_tuple(), stamps().get("", stamps()["raw"])))


def key(functions: Sequence[Any], *words: Any) -> str | None:
    """Return the key of code compiled from functions, or None if they cannot be named.

    Parameters
    ----------
    functions : sequence of numba dispatcher or None
    words : str, int, bool, None or tuples of them
        Further data that the code depends on.

    Returns
    -------
    str or None
    """
    if not is_on():
        return None
    reader = Reader()
    reader.say(environment(), words)
    try:
        for function in functions:
            reader.value(function)
    except (Unnameable, RecursionError):
        return None
    return reader.digest.hexdigest()


def obstacle(functions: Sequence[Any]) -> str:
    """Return the reason why machine code of functions is not kept on disk; empty if it is kept."""
    if not is_on():
        return f"{SWITCH} is 0" if not config.DISABLE_JIT else "nothing is compiled"
    try:
        reader = Reader()
        for function in functions:
            reader.value(function)
    except (Unnameable, RecursionError) as error:
        return f"{error} has no name in another process"
    return "" if all(function is None or fresh(function) for function in functions) else "it was compiled before"


def load(key: str) -> bytes | None:
    """Return the bytes kept under a key, or None.

    Parameters
    ----------
    key : str
    """
    path = folder() / (key + SUFFIX)
    try:
        if not is_trusted(path.parent):
            return None
        content = path.read_bytes()
    except OSError:
        return None
    head = len(MAGIC) + 32
    data = content[head:]
    if content[:head] != MAGIC + hashlib.sha256(key.encode() + data).digest():
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    with contextlib.suppress(OSError):  # a shared folder may be read only
        os.utime(path)
    return data


def save(key: str, data: bytes) -> None:
    """Keep bytes under a key; do nothing if that is impossible.

    Parameters
    ----------
    key : str
    data : bytes
    """
    place = folder()
    with contextlib.suppress(OSError):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not is_trusted(place):
            return
        temporary = place / f"{key}.{uuid.uuid4().hex[:12]}.tmp"
        try:
            temporary.write_bytes(MAGIC + hashlib.sha256(key.encode() + data).digest() + data)
            os.replace(temporary, place / (key + SUFFIX))
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        trim(place)


def entries(place: Path) -> Iterator[tuple[str, int, float]]:
    """Yield path, size in bytes and time of last use of the files in a folder of entries."""
    with contextlib.suppress(OSError):
        for item in os.scandir(place):
            with contextlib.suppress(OSError):
                if item.name.endswith((SUFFIX, ".tmp")):
                    info = item.stat()
                    yield item.path, info.st_size, info.st_mtime


def trim(place: Path, limit: int | None = None) -> None:
    """Remove the least recently used entries if all together exceed `limit` bytes."""
    limit = LIMIT if limit is None else limit
    found = sorted(entries(place), key=lambda entry: entry[2])
    size = sum(entry[1] for entry in found)
    if size <= limit:
        return
    for path, bytes_, _ in found:
        if size <= FULL * limit:
            break
        with contextlib.suppress(OSError):
            os.unlink(path)
            size -= bytes_


def remembered(function: Any, words: tuple, compute: Callable[[Any], Any]) -> Any:
    """Return a fact about a compiled function, from the disk cache or computed and saved there.

    Parameters
    ----------
    function : numba dispatcher
    words : tuple
        Further parts of the fact's key.
    compute : callable
        compute(function) returns the fact as a value that JSON can hold. It is given a copy of the
        function if the machine code of the function itself is out of date.

    Returns
    -------
    object
    """
    name = key([function], "fact", *words)
    data = load(name) if name else None
    if data:
        return json.loads(data)
    source = fresh(function) if name else None
    with uncollected():
        fact = compute(source or function)
    if name and source:
        save(name, json.dumps(fact).encode())
    return fact
