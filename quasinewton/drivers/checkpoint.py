"""Where a run stands, and how that is kept on disk.

What a run knows is its method, its search and its state, which is arrays.
"""

import contextlib
import json
import os
import warnings
from pathlib import Path

import numpy as np

from quasinewton import line_searches
from quasinewton.loops.state import Limits, Phase, allocate
from quasinewton.methods import LBFGS, Bounded
from quasinewton.methods.bounded.wrapper import plain
from quasinewton.methods.first_order.base import FIRST_ORDER
from quasinewton.methods.lbfgs import compact_inverse
from quasinewton.methods.lbfgs.two_loop import with_room
from quasinewton.objective.interface import PRECONDITION
from quasinewton.options.names import METHODS, NAMES
from quasinewton.schedules import USER, Schedule

KIND = "checkpoint of quasinewton"
FORMAT = 1  # of the file; another one wherever the arrays come to mean something else

SEARCHES = line_searches.BY_NAME | {"schedule": Schedule}
SEARCH_NAMES = {kind: name for name, kind in SEARCHES.items()}


class Checkpoint:
    """Where a run stands: all that it takes to go on, in this process or in another.

    The field `checkpoint` of every result, for ``minimize(..., checkpoint=res.checkpoint)`` and
    ``Solver(checkpoint=res.checkpoint)``. It can be pickled and saved.

    Parameters
    ----------
    method : method object
        Of the run.
    search : search object or Schedule
        Of the run.
    state : State
        Its arrays, which are kept, not copied: the result has some of them as its own (`x`, `jac`,
        `hess_inv`), so what is written to those is written here.
    """

    __slots__ = ("method", "search", "state")

    def __init__(self, method, search, state):
        self.method, self.search, self.state = method, search, state

    def __repr__(self):
        return f"Checkpoint({self.method!r}, n={self.state.x.size}, nit={self.state.scalars[0]['nit']})"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write to a file in NumPy's .npz format, without pickled objects.

        Parameters
        ----------
        path : str or Path
            A file that is there is replaced, at once or not at all.
        """
        write(path, *encode(self))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Checkpoint":
        """Read what `save` has written, a `Solver`'s included.

        Parameters
        ----------
        path : str or Path
            A file that `save` has written.

        Returns
        -------
        Checkpoint

        Raises
        ------
        ValueError
            If the file is damaged, is none of ours, is of another version, or has arrays of the
            wrong shape.
        """
        return read(path)[0]


def renamed_checkpoint(checkpoint, keywords):
    """Return what was given as `checkpoint`, or under its former name `state` among the other
    keywords.

    Parameters
    ----------
    checkpoint : object or None
    keywords : dict
        `state` is taken out.

    Raises
    ------
    TypeError
        If both are given.

    Warns
    -----
    DeprecationWarning
        Of the former name, which the next version will not know.
    """
    former = keywords.pop("state", None)
    if former is None:
        return checkpoint
    if checkpoint is not None:
        raise TypeError("state is the former name of checkpoint; give one of them")
    warnings.warn("state= is now called checkpoint=", DeprecationWarning, stacklevel=3)
    return former


def arrays(state):
    """The arrays of a state by name, but for its trace."""
    named = flat(state)
    del named["trace"]
    return named


def flat(record, prefix=""):
    """The arrays in a NamedTuple of arrays and of such NamedTuples, by their path."""
    named = {}
    for name, value in record._asdict().items():
        named |= flat(value, f"{prefix}{name}.") if isinstance(value, tuple) else {prefix + name: value}
    return named


def fill(state, saved):
    """Copy arrays into a state.

    Raises
    ------
    ValueError
        Naming the array that is missing, or has another type or shape.
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


def restore(method, search, saved):
    """A checkpoint from the arrays of another, copied.

    Raises
    ------
    ValueError
        Naming the array that is missing, or has another type or shape.
    """
    x = saved.get("x")
    if x is None or x.dtype != np.float64 or x.ndim != 1 or x.size == 0:
        raise ValueError("there is no vector x")
    state = allocate(method, Limits(), x, 0)
    if type(method) in FIRST_ORDER:
        present = {}
        for name in "mask", "low", "high":
            array = saved.get(f"memory.{name}")
            if array is not None and array.shape == x.shape:
                present[name] = np.empty(x.size, getattr(state.memory, name).dtype)
        state = state._replace(memory=state.memory._replace(**present))
    if type(method) is LBFGS and saved.get("memory.a", x).shape == (compact_inverse.size(method.memory) + x.size,):
        state = state._replace(memory=with_room(state.memory, x.size))
    fill(state, saved)
    return Checkpoint(method, search, state)


def duplicate(checkpoint):
    """The same checkpoint in arrays of its own."""
    return restore(checkpoint.method, checkpoint.search, arrays(checkpoint.state))


def has_users_schedule(checkpoint):
    """Whether the schedule is a compiled function of the user's, known by an address of this
    process.
    """
    return isinstance(checkpoint.search, Schedule) and checkpoint.search.kind == USER


def encode(checkpoint, **more):
    """A checkpoint as a header that JSON can hold, `more` included, and arrays by name."""
    search = checkpoint.search._replace(address=0) if has_users_schedule(checkpoint) else checkpoint.search
    method = plain(checkpoint.method)
    header = {
        "kind": KIND,
        "format": FORMAT,
        "method": [NAMES[type(method)], method._asdict()],
        "bounded": method is not checkpoint.method,
        "search": [SEARCH_NAMES[type(search)], search._asdict()],
    }
    return header | more, arrays(checkpoint.state)


def decode(header, saved):
    """What `encode` was given: a checkpoint, its arrays copied.

    Raises
    ------
    ValueError
        Saying what is wrong.
    """
    if not isinstance(header, dict) or header.get("kind") != KIND:
        raise ValueError(f"it is no {KIND}")
    if header.get("format") != FORMAT:
        raise ValueError(f"it is of format {header.get('format')}, and this version reads format {FORMAT}")
    try:
        (method, method_fields), (search, search_fields) = header["method"], header["search"]
        method, search = METHODS[method](**method_fields), SEARCHES[search](**search_fields)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"its method or search is unknown to this version ({error})") from None
    if isinstance(search, Schedule) != (type(method) in FIRST_ORDER):
        raise ValueError(f"its method {method} does not go with {search}")
    checkpoint = restore(Bounded(method) if header.get("bounded") else method, search, saved)
    refuse_nonsense(checkpoint.state)
    return checkpoint


def refuse_nonsense(state):
    """Refuse integers that no run can have: compiled code would index by them, unchecked.

    Raises
    ------
    ValueError
    """
    memory = getattr(state.memory, "inner", state.memory)
    s, ring = state.scalars[0], getattr(memory, "ring", None)
    sound = Phase.START <= s["phase"] <= Phase.RECALL and 0 <= s["want"] < 2 * PRECONDITION
    if ring is not None:
        m = memory.rho.size
        sound = sound and 0 <= ring[0]["count"] <= m and 0 <= ring[0]["newest"] < m
    if not sound:
        raise ValueError("its arrays hold what no run can have come to")


def write(path, header, saved):
    """Write header and arrays to a file; it is the old one or the new one, whatever happens
    meanwhile.
    """
    path = Path(path)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            np.savez(file, header=np.array(json.dumps(header)), **saved)
        os.replace(part, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()


def read(path):
    """What `write` has written.

    Returns
    -------
    (Checkpoint, dict)
        With the header.

    Raises
    ------
    ValueError
        Saying what is wrong with the file.
    """
    with open(path, "rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                saved = {name: archive[name] for name in archive.files}
        except Exception as error:  # whatever NumPy and zipfile raise at what is damaged or foreign
            raise ValueError(f"{path} is truncated, damaged, or no .npz file") from error
    try:
        header = json.loads(str(saved.pop("header", "null")))
        return decode(header, saved), header
    except ValueError as error:
        raise ValueError(f"{path} cannot be used: {error}") from None
