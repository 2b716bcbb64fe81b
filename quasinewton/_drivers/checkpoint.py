"""Checkpoints of a run, in memory and on disk.

A run consists of its method, its line search and its state, and the state is arrays only.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from quasinewton._drivers.pickles import reduced
from quasinewton._line_searches import BY_NAME
from quasinewton._loops.state import Limits, Phase, State, allocate
from quasinewton._methods import Bounded, lifecycle
from quasinewton._methods.bounded.wrapper import plain
from quasinewton._objective.interface import PRECONDITION
from quasinewton._options.names import METHODS
from quasinewton._options.read import traits_of
from quasinewton._validation import warn
from quasinewton.schedules.formulas import USER, Schedule

KIND = "checkpoint of quasinewton"
FORMAT = 1  # version of the file format; to be raised when the meaning of an array changes

SCHEDULE = "schedule"  # in a file, the name of a learning-rate schedule in the place of a search


class Checkpoint:
    """A stopped run, with everything needed to continue it in this process or in another.

    Every result has one in its field `checkpoint`, for ``minimize(..., checkpoint=res.checkpoint)``
    and ``Solver(checkpoint=res.checkpoint)``. It can be pickled and saved.

    Parameters
    ----------
    method : method object
        Method of the run.
    search : search object or Schedule
        Line search or learning-rate schedule of the run.
    state : State
        Arrays of the run; kept, not copied. The result shares some of them (`x`, `jac`,
        `hess_inv`), so writing to those changes the checkpoint.
    """

    __slots__ = ("method", "search", "state")

    def __init__(self, method: NamedTuple, search: NamedTuple, state: State) -> None:
        self.method, self.search, self.state = method, search, state

    def __reduce__(self) -> tuple:
        return reduced(Checkpoint, method=self.method, search=self.search, state=self.state)

    def __repr__(self) -> str:
        return f"Checkpoint({self.method!r}, n={self.state.x.size}, nit={self.state.scalars[0]['nit']})"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to a file in NumPy's .npz format, without pickled objects.

        Parameters
        ----------
        path : str or Path
            An existing file is replaced atomically.
        """
        write_file(path, *encode(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Checkpoint":
        """Read a file written by `save` of a checkpoint or of a `Solver`.

        Parameters
        ----------
        path : str or Path
            A file written by `save`.

        Returns
        -------
        Checkpoint

        Raises
        ------
        ValueError
            If the file is damaged, is no checkpoint, has another format version, or has arrays of
            the wrong shape.
        """
        return read_file(path)[0]


def renamed_checkpoint(checkpoint: Any, keywords: Any) -> Any:
    """Return the checkpoint given, or the one given under the former keyword `state`.

    Parameters
    ----------
    checkpoint : object or None
    keywords : dict
        Other keywords. `state` is removed.

    Raises
    ------
    TypeError
        If both are given.

    Warns
    -----
    DeprecationWarning
        If `state` is used; the next version will not accept it.
    """
    former = keywords.pop("state", None)
    if former is None:
        return checkpoint
    if checkpoint is not None:
        raise TypeError("state is the former name of checkpoint; give one of them")
    warn("state= is now called checkpoint=", DeprecationWarning)
    return former


def arrays(state: State) -> dict[str, np.ndarray]:
    """Return the arrays of a state by name, without its trace."""
    named = arrays_by_path(state)
    del named["trace"]
    return named


def arrays_by_path(record: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """Return the arrays in nested NamedTuples, by dotted path."""
    named: dict[str, Any] = {}
    for name, value in record._asdict().items():
        named |= arrays_by_path(value, f"{prefix}{name}.") if isinstance(value, tuple) else {prefix + name: value}
    return named


def copy_arrays(state: State, saved: Mapping[str, np.ndarray]) -> None:
    """Copy saved arrays into a state, which is overwritten.

    Raises
    ------
    ValueError
        If an array is missing or has another type or shape; the message names it.
    """
    for name, array in arrays(state).items():
        given = saved.get(name)
        if given is None:
            raise ValueError(f"there is no array {name}")
        if given.dtype != array.dtype:
            raise ValueError(f"the array {name} is of another type than in this version")
        if given.shape != array.shape:
            raise ValueError(f"the array {name} must be of shape {array.shape}; it is of shape {given.shape}")
        array[...] = given


def restore(method: NamedTuple, search: NamedTuple, saved: Mapping[str, np.ndarray]) -> Checkpoint:
    """Build a checkpoint from saved arrays, which are copied.

    Raises
    ------
    ValueError
        If an array is missing or has another type or shape; the message names it.
    """
    x = saved.get("x")
    if x is None or x.dtype != np.float64 or x.ndim != 1 or x.size == 0:
        raise ValueError("there is no vector x")
    state = allocate(method, Limits(), x, 0)
    learnt = {name.removeprefix("memory."): array for name, array in saved.items() if name.startswith("memory.")}
    state = state._replace(memory=lifecycle.shaped(method, state.memory, learnt, x.size))
    copy_arrays(state, saved)
    return Checkpoint(method, search, state)


def duplicate(checkpoint: Checkpoint) -> Checkpoint:
    """Return a copy of a checkpoint that shares no arrays with it."""
    return restore(checkpoint.method, checkpoint.search, arrays(checkpoint.state))


def has_users_schedule(checkpoint: Checkpoint) -> bool:
    """Return True if the schedule is a user's compiled function, an address in this process."""
    return isinstance(checkpoint.search, Schedule) and checkpoint.search.kind == USER


def encode(checkpoint: Checkpoint, **more: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a checkpoint as a JSON-compatible header, including `more`, and arrays by name."""
    search = checkpoint.search._replace(address=0) if has_users_schedule(checkpoint) else checkpoint.search
    kinds = {Schedule: SCHEDULE} | {kind: name for name, kind in BY_NAME.items()}
    method = plain(checkpoint.method)
    header = {
        "kind": KIND,
        "format": FORMAT,
        "method": [traits_of(method).name, method._asdict()],
        "bounded": method is not checkpoint.method,
        "search": [kinds[type(search)], search._asdict()],
    }
    return header | more, arrays(checkpoint.state)


def decode(header: Any, saved: Mapping[str, np.ndarray]) -> Checkpoint:
    """Build the checkpoint from the output of `encode`, with copied arrays.

    Raises
    ------
    ValueError
        If header or arrays are invalid; the message says what is wrong.
    """
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise ValueError(f"it is no {KIND}")
    if header.get("format") != FORMAT:
        raise ValueError(f"it is of format {header.get('format')}, and this version reads format {FORMAT}")
    try:
        (method, method_fields), (search, search_fields) = header["method"], header["search"]
        search = Schedule if search == SCHEDULE else BY_NAME[search]
        method, search = METHODS[method](**method_fields), search(**search_fields)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"its method or search is unknown to this version ({error})") from None
    if isinstance(search, Schedule) != traits_of(method).first_order:
        raise ValueError(f"its method {method} does not go with {search}")
    checkpoint = restore(Bounded(method) if header.get("bounded") else method, search, saved)
    refuse_nonsense(checkpoint)
    return checkpoint


def refuse_nonsense(checkpoint: Checkpoint) -> None:
    """Refuse integers out of range: compiled code uses them as indices without a check.

    Raises
    ------
    ValueError
        If phase, wanted evaluation or an index in the method's memory is out of range.
    """
    s = checkpoint.state.scalars[0]
    sound = Phase.START <= s["phase"] <= Phase.RECALL and 0 <= s["want"] < 2 * PRECONDITION
    if not (sound and lifecycle.is_sound(checkpoint.method, checkpoint.state.memory)):
        raise ValueError("its arrays hold what no run can have come to")


def write_file(path: str | os.PathLike[str], header: Mapping[str, Any], saved: Mapping[str, np.ndarray]) -> None:
    """Write header and arrays to a file, atomically: an interrupted write leaves the old file."""
    path = Path(path)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            np.savez(file, header=np.array(json.dumps(header)), **saved)  # type: ignore[arg-type]  # the names of arrays
        os.replace(part, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def read_file(path: str | os.PathLike[str]) -> tuple[Checkpoint, dict[str, Any]]:
    """Read a file written by `write_file`.

    Returns
    -------
    (Checkpoint, dict)
        The checkpoint and the header.

    Raises
    ------
    ValueError
        If the file cannot be used; the message says what is wrong.
    """
    # An integer would be taken for the number of an open file.
    with open(os.fspath(path), "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                saved = {name: archive[name] for name in archive.files}
        except Exception as error:  # NumPy and zipfile raise many types at damaged or foreign files
            raise ValueError(f"{path} is truncated, damaged, or no .npz file") from error
    try:
        header = json.loads(str(saved.pop("header", "null")))
        return decode(header, saved), header
    except ValueError as error:
        raise ValueError(f"{path} cannot be used: {error}") from None
