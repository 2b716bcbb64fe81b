"""Commands of ``python -m quasinewton``: compile ahead of use, and report what is compiled."""

import argparse
import concurrent.futures
import contextlib
import importlib.metadata
import multiprocessing
import os
import pickle
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numba
import numpy as np
import scipy

from quasinewton._api.minimize import minimize
from quasinewton._methods.registry import METHODS, NAMES, TRAITS
from quasinewton._numba_ext import lazy, stamps, user_cache
from quasinewton._numba_ext.python_first import compiled_at_once
from quasinewton._numba_ext.uncompiled import INTERPRETED, WHAT_IS_SET
from quasinewton._options.read import name_of


def sphere(x: np.ndarray) -> float:
    """Return ‖x‖², the objective of the runs that fill the cache; not compiled."""
    return float(x @ x)


def slope(x: np.ndarray) -> np.ndarray:
    """Return the gradient of ‖x‖²."""
    return 2.0 * x


def curvature(x: np.ndarray) -> np.ndarray:
    """Return the Hessian of ‖x‖²."""
    return 2.0 * np.eye(x.size)


def load_rare_kernels() -> None:
    """Compile the kernels that few runs enter, in this process; read them if they are on disk."""
    for call in lazy.CALLS.values():
        call.load()


def load_method(method: str, bounded: bool) -> None:
    """Compile the code that runs of one method need, in this process; read it if it is on disk.

    Parameters
    ----------
    method : str
        Name of the method.
    bounded : bool
        True for runs with bounds.
    """
    given: dict[str, Any] = {"method": method, "options": {"maxiter": 3}}
    if TRAITS[METHODS[method]].second_order:
        given["hess"] = curvature
    if bounded:
        given["bounds"] = [(-1.0, 2.0)] * 3
    for jac in (slope, "2-point", "3-point"):
        # A method may refuse an option such as bounds.
        with contextlib.suppress(ValueError, TypeError), compiled_at_once():
            minimize(sphere, np.array([0.5, 1.0, 1.5]), jac=jac, **given)


def progress(tasks: Iterable[Any], total: int) -> Iterator[Any]:
    """Yield finished tasks and show the progress, by tqdm if it is installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        for number, task in enumerate(tasks, 1):
            print(f"\rcompiled {number} of {total}", end="" if number < total else "\n", flush=True)
            yield task
    else:
        yield from tqdm(tasks, total=total, desc="compiling", unit="method")


def chosen_methods(names: Sequence[str]) -> list[str]:
    """Return the methods of these names, in any case, each of them once; all if there are none.

    Raises
    ------
    ValueError
        If there is no method of a given name.
    """
    return list(dict.fromkeys(map(name_of, names))) or list(NAMES.values())


def compile_ahead(names: Sequence[str], workers: int | None = None) -> None:
    """Fill the cache for methods, on all cores.

    Parameters
    ----------
    names : sequence of str
        Names of methods; all if empty.
    workers : int, optional
        Number of processes; by default one per core.

    Raises
    ------
    ValueError
        If there is no method of a given name, or nothing is compiled.
    """
    if INTERPRETED:
        raise ValueError(f"{WHAT_IS_SET}; unset it to compile ahead of use")
    chosen = chosen_methods(names)
    tasks: list[tuple] = [(load_method, name, bounded) for name in chosen for bounded in (False, True)]
    if "lbfgs" in chosen:
        tasks.insert(0, (load_rare_kernels,))
    workers = min(workers or numba.config.NUMBA_DEFAULT_NUM_THREADS, len(tasks))
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        waiting = [pool.submit(*task) for task in tasks]
        for done in progress(concurrent.futures.as_completed(waiting), len(tasks)):
            done.result()


def folders() -> list[str]:
    """Return the folders in which the package's compiled code is cached."""
    sources = {str(path.parent) for path in stamps.ROOT.rglob("*.py")}
    return sorted({place for place in map(stamps.cache_folder, sources) if place})


def files() -> list[Path]:
    """Return the files of the package's cache."""
    current = {value for name, value in stamps.stamps().items() if name not in ("", "raw")}
    found = [path for place in folders() for path in Path(place).glob("*.nb[ic]")]
    return [path for path in found if any(stamp in path.name for stamp in current)]


def compiled_methods() -> list[str]:
    """Return the names of the methods whose loops are in the cache."""
    found = set()
    for path in files():
        if path.suffix == ".nbi" and "_loop." in path.name:
            with contextlib.suppress(Exception), path.open("rb") as file:  # damaged, or of another version
                pickle.load(file)
                text = str(list(pickle.load(file)[1]))
                found |= {name for kind, name in NAMES.items() if re.search(rf"\b{kind.__name__}\(", text)}
    return sorted(found)


def megabytes(size: float) -> str:
    """Return a number of bytes as text in megabytes."""
    return f"{size / 1e6:.1f} MB"


def common(paths: Sequence[str]) -> str:
    """Return the folder that several paths have in common, or a text if there are no paths."""
    return os.path.commonpath(paths) if paths else "nowhere: no folder can be written to"


def version(name: str) -> str:
    """Return the version of an installed distribution."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def places() -> tuple[str, str]:
    """Return two texts: place and size of the package's compiled code, and of the users'."""
    kept = files()
    users = list(user_cache.entries(user_cache.folder()))
    mine = f"{common(folders())}, {megabytes(sum(path.stat().st_size for path in kept))} in {len(kept)} files"
    theirs = f"{user_cache.folder()}, {megabytes(sum(entry[1] for entry in users))} in {len(users)} files"
    return mine, f"{theirs}, at most {megabytes(user_cache.LIMIT)}"


def info() -> str:
    """Return the facts for a bug report: versions, system, threads, compiled code and its place.

    Returns
    -------
    str
        One line per fact.
    """
    mine, theirs = places()
    names = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"
    threads = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    rows = {
        "quasinewton": f"{version('quasinewton')}, {stamps.ROOT}",
        "Python": f"{platform.python_version()}, {sys.executable}",
        "numba, llvmlite": f"{numba.__version__}, {version('llvmlite')}",
        "numpy, scipy": f"{np.__version__}, {scipy.__version__}",
        "system": f"{platform.platform()}, {os.cpu_count()} processors",
        "threads": ", ".join([f"numba {numba.config.NUMBA_NUM_THREADS}", *threads]),
        "compiled solvers": mine,
        "of the methods": ", ".join(compiled_methods()) or "none",
        "users' functions": theirs if user_cache.is_on() else f"not kept: {user_cache.SWITCH} is 0",
    }
    return "\n".join(f"{name + ':':<18}{text}" for name, text in rows.items())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of ``python -m quasinewton``.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the command line.

    Returns
    -------
    int
        0 on success.

    Raises
    ------
    SystemExit
        With code 2 after a mistake in the arguments, and 0 after ``--help`` or ``--version``.
    """
    parser = argparse.ArgumentParser(prog="python -m quasinewton", description="Compiled code of quasinewton.")
    parser.add_argument("--version", action="version", version=f"quasinewton {version('quasinewton')}")
    commands = parser.add_subparsers(dest="command", required=True)
    ahead = commands.add_parser("compile", help="compile solvers ahead of their use, on all cores")
    ahead.add_argument("methods", nargs="*", help="names of methods; all by default")
    ahead.add_argument("--workers", type=int, help="processes; one a core by default")
    commands.add_parser("info", help="versions, threads, what is compiled and where")
    given = parser.parse_args(arguments)
    if given.command == "info":
        print(info())
        return 0
    if given.workers is not None and given.workers < 1:
        parser.error(f"--workers must be at least 1, got {given.workers}")
    try:
        compile_ahead(given.methods, given.workers)
    except ValueError as error:
        parser.error(str(error))
    print(f"compiled code is in {places()[0]}")
    return 0
