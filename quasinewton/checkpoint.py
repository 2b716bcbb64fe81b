"""Where a run begins: at x0, or where another run stands; and how that is kept on disk.

What a run knows is its method, its search and its state, which is arrays. To go on is to copy them into new ones:
nothing that the user holds is changed, and the loops find their arrays laid out in memory as ever.
"""

import contextlib
import json
import os
from pathlib import Path

import numpy as np

from quasinewton import searches
from quasinewton.jit import kernel
from quasinewton.methods import BFGS, LBFGS, Bounded, NewtonCG, compact, method as methods
from quasinewton.methods.bounded import plain
from quasinewton.methods.first_order import FIRST_ORDER
from quasinewton.methods.lbfgs import Pairs, with_room
from quasinewton.objective.contract import GRADIENT, PRECONDITION, VALUE
from quasinewton.options import INITIAL, METHODS, NAMES, initial, preconditioner, set_treatment, start_point
from quasinewton.schedules import COSINE, ONE_CYCLE, USER, Schedule
from quasinewton.state import CERTIFY, CURVATURE, NOTHING, RECALL, RESUME, START, STEP, Limits, allocate
from quasinewton.status import RUNNING

KIND = "checkpoint of quasinewton"
FORMAT = 1  # of the file; another one wherever the arrays come to mean something else

SEARCHES = searches.BY_NAME | {"schedule": Schedule}
SEARCH_NAMES = {kind: name for name, kind in SEARCHES.items()}


class Checkpoint:
    """Where a run stands: all that it takes to go on, in this process or in another.

    The field `state` of every result, for ``minimize(..., state=res.state)`` and ``Solver(state=res.state)``. It can
    be pickled and saved.

    Parameters
    ----------
    method : method object
        Of the run.
    search : search object or Schedule
        Of the run.
    state : State
        Its arrays, which are kept, not copied: the result has some of them as its own (`x`, `jac`, `hess_inv`), so
        what is written to those is written here.
    """

    __slots__ = ("method", "search", "state")

    def __init__(self, method, search, state):
        self.method, self.search, self.state = method, search, state

    def __repr__(self):
        return f"Checkpoint({self.method!r}, n={self.state.x.size}, nit={self.state.scalars[0]['nit']})"

    def save(self, path):
        """Write to a file in NumPy's .npz format, without pickled objects.

        Parameters
        ----------
        path : str or Path
            A file that is there is replaced, at once or not at all.
        """
        write(path, *encode(self))

    @classmethod
    def load(cls, path):
        """Read what `save` has written, a `Solver`'s included.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Checkpoint

        Raises
        ------
        ValueError
            If the file is damaged, is none of ours, is of another version, or has arrays of the wrong shape.
        """
        return read(path)[0]


def point(x0, checkpoint):
    """Where a run begins, as a new float64 vector: x0, or the x of a checkpoint.

    Raises
    ------
    ValueError, TypeError
        If x0 is no vector of numbers, or has another length than the checkpoint's x.
    """
    if checkpoint is None:
        if x0 is None:
            raise TypeError("'x0' may be None only with a state")
        return start_point(x0)
    if not isinstance(checkpoint, Checkpoint):
        raise TypeError(f"state must be the `state` of a result, or a Checkpoint; got {type(checkpoint).__name__}")
    x = checkpoint.state.x
    if x0 is not None and start_point(x0).size != x.size:
        raise ValueError(f"x0 has {start_point(x0).size} variables, the state {x.size}; with a state x0 may be None")
    return x.copy()


def begin(settings, x0, rows):
    """The state of a run about to ask for f and g at x0.

    Parameters
    ----------
    settings : Settings
    x0 : ndarray, float64, shape (n,)
        Copied.
    rows : int
        Length of the trace.

    Returns
    -------
    State
    """
    method, controls, bounds = plain(settings.method), settings.controls, settings.bounds
    x0 = x0 if bounds is None else np.minimum(np.maximum(x0, bounds[0]), bounds[1])  # faster than clip
    state = allocate(settings.method, settings.limits, x0, rows)
    if type(method) in FIRST_ORDER:
        return state._replace(memory=set_treatment(state.memory, controls, bounds, x0.size))
    memory, H0 = state.memory, initial(type(method), controls)
    if bounds is not None:
        memory.low[:], memory.high[:] = bounds
        memory = memory.inner
    if type(method) is BFGS and H0 is not None:
        memory.H[...] = H0 if H0.ndim == 2 else np.diag(H0)
        memory.update[0]["known"] = memory.update[0]["fresh"] = 1
    elif type(method) is LBFGS and bounds is None:
        if H0 is not None:
            state = state._replace(memory=with_room(memory, x0.size))
            state.memory.a[-x0.size :] = H0
        if state.memory.a.size > method.memory:
            compact.load(method.single)  # here, where its failure would be the caller's to see
    elif type(method) is NewtonCG:
        memory.record[0]["asked"], memory.M[:] = preconditioner(controls.get("precond"), x0.size)
    return state


def resume(checkpoint, settings, rows):
    """The state of a run that goes on from a checkpoint under new limits.

    Parameters
    ----------
    checkpoint : Checkpoint
        Not changed.
    settings : Settings
        The same method and search; the limits may be others, and count from the beginning of the first run.
    rows : int
        Length of the trace.

    Returns
    -------
    State

    Raises
    ------
    ValueError
        If the settings are not those of the run.
    """
    for run, call in (checkpoint.method, settings.method), (checkpoint.search, settings.search):
        if not same(run, call):
            raise ValueError(f"the state is that of a run with {run}; this call says {call}")
    for name in INITIAL.get(type(plain(settings.method)), ()):
        if settings.controls.get(name) is not None:
            raise ValueError(f"{name} is for the beginning of a run; it cannot be given with a state")
    old, stepping = checkpoint.state, type(checkpoint.method) in FIRST_ORDER
    state = begin(settings, old.x, rows)
    if stepping:
        for name in "clip_value", "clip_norm":
            run, call = old.memory.record[0][name], state.memory.record[0][name]
            if run != call:
                raise ValueError(f"the state is that of a run with {name}={run}; this call says {call}")
        if not np.array_equal(old.memory.mask, state.memory.mask):
            raise ValueError("the state is that of a run with another decay_mask")
    elif type(settings.method) is LBFGS and old.memory.a.size > state.memory.a.size:
        state = state._replace(memory=with_room(state.memory, old.x.size))
    if type(plain(checkpoint.method)) is NewtonCG:
        refuse_another_preconditioner(learnt(checkpoint.method, old), learnt(settings.method, state))
    if stepping or settings.bounds is not None:
        for name in "low", "high":
            if not np.array_equal(getattr(old.memory, name), getattr(state.memory, name)):
                raise ValueError("the state is that of a run with other bounds")
    fill(state, arrays(old))
    s = state.scalars[0]
    for name, value in settings.limits._asdict().items():
        s[name] = value
    s["overdue"] = s["rows"] = 0
    if s["want"] == NOTHING:
        reopen(state, stepping)
    else:  # what x_trial held belonged to the objective
        state.x_trial[:] = trial(settings.method, state)
        if s["phase"] in (CURVATURE, CERTIFY):  # and so it did with g_trial
            state.g_trial[:] = state.g
    return state


def refuse_another_preconditioner(run, call):
    """Refuse to go on with a preconditioner that is not the run's.

    Raises
    ------
    ValueError
    """
    if run.record[0]["asked"] != call.record[0]["asked"] or not np.array_equal(run.M, call.M):
        raise ValueError("the state is that of a run with another precond, and it cannot change between two steps")


def learnt(method, state):
    """What the method itself has learnt, in a box or not."""
    return state.memory if plain(method) is method else state.memory.inner


def same(run, call):
    """Whether two methods, searches or schedules make the same steps.

    The address of a function differs from process to process; the length of a schedule matters only to some.
    """
    if type(run) is not type(call) or type(plain(run)) is not type(plain(call)):
        return False
    if isinstance(run, Schedule):
        total = run.total if run.kind in (COSINE, ONE_CYCLE) else call.total
        run = run._replace(total=total, address=call.address)
    return run == call


def reopen(state, stepping):
    """Let a run that has ended go on from x, as if it had not."""
    s = state.scalars[0]
    s["status"] = s["ending"] = RUNNING
    s["restarted"] = 0
    if isinstance(state.memory, Pairs):
        compact.forget_products(state.memory.a, state.memory.rho.size)
    if not (np.isfinite(s["f"]) and np.isfinite(s["g_norm"])):
        s["phase"], s["want"] = START, VALUE | GRADIENT
        state.x_trial[:] = state.x
        return
    s["phase"], s["want"], s["f_trial"] = RESUME, VALUE, s["f"]
    if stepping:
        state.p[:], state.g_trial[:] = state.x, state.g


def trial(method, state):
    """The point where an evaluation is being waited for, from x and p; the bits are those of the loop."""
    s = state.scalars[0]
    if s["phase"] == STEP:
        return state.p
    if s["phase"] in (START, CURVATURE, CERTIFY):
        return state.x
    if s["phase"] == RECALL:
        return state.x_passed
    return placed(method, state, s["alpha"])


def placed(method, state, alpha):
    """The point at step alpha along p, as a new vector; the bits are those of the loop."""
    point = np.empty_like(state.x)
    _place(method, state.memory, state.x, float(alpha), state.p, point)
    return point


@kernel
def _place(method, memory, x, alpha, p, point):
    methods.place(method, memory, x, alpha, p, point)


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
    if type(method) is LBFGS and saved.get("memory.a", x).shape == (compact.size(method.memory) + x.size,):
        state = state._replace(memory=with_room(state.memory, x.size))
    fill(state, saved)
    return Checkpoint(method, search, state)


def duplicate(checkpoint):
    """The same checkpoint in arrays of its own."""
    return restore(checkpoint.method, checkpoint.search, arrays(checkpoint.state))


def has_users_schedule(checkpoint):
    """Whether the schedule is a compiled function of the user's, known by an address of this process."""
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
    sound = START <= s["phase"] <= RECALL and 0 <= s["want"] < 2 * PRECONDITION
    if ring is not None:
        m = memory.rho.size
        sound = sound and 0 <= ring[0]["count"] <= m and 0 <= ring[0]["newest"] < m
    if not sound:
        raise ValueError("its arrays hold what no run can have come to")


def write(path, header, saved):
    """Write header and arrays to a file; it is the old one or the new one, whatever happens meanwhile."""
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
