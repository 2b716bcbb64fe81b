"""Code shared by the first-order methods: memory, gradient clipping, weight decay.

Such a method is a NamedTuple of numbers with fields lr, weight_decay and decoupled. Its `step` is
one fused pass over the parameters and allocates nothing. With default options, formulae and names
are those of PyTorch, except as stated in the documentation; options select the forms of other
libraries. The papers are cited with the methods.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from numba.extending import register_jitable

from quasinewton._methods import lifecycle, protocol
from quasinewton._methods.bounded.projection import projected_norm
from quasinewton._methods.registry import Traits, add
from quasinewton._numba_ext.dispatch import generic
from quasinewton._numba_ext.jit import fragment, inlined
from quasinewton._numba_ext.linalg import dot, isolated, norm_inf
from quasinewton._numba_ext.registration import is_named_tuple, note_external
from quasinewton._objective.box import clip
from quasinewton._validation import number, true_or_false

STEP = np.dtype(
    [
        ("t", "i8"),  # steps made
        ("clip_value", "f8"),  # upper bound on |g_i| for every component of the gradient
        ("clip_norm", "f8"),  # upper bound on the Euclidean norm of the gradient
        ("clip_norm_eps", "f8"),  # added to the norm before the comparison and the division
        ("power1", "f8"),  # β₁ᵗ of Adam and its variants; αᵗ of RMSprop
        ("power2", "f8"),  # β₂ᵗ of Adam and its variants
        ("product", "f8"),  # product of the momentum coefficients so far (NAdam)
    ],
    align=True,
)


class Moments(NamedTuple):
    """Memory of a first-order method: up to three vectors `a`, `b`, `c`.

    These have shape (n,), or (0,) if the method does not use them. `mask`, bool, shape (n,), is
    True for the components to which weight decay applies; if its shape is (0,), it applies to all.
    `low` and `high`, shape (n,), are bounds, onto which every iterate is projected; if their shape
    is (0,), there are none. `record[0]` is a record STEP.
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    mask: np.ndarray
    low: np.ndarray
    high: np.ndarray
    record: np.ndarray


@generic
def vectors(method):
    """Return which of the vectors a, b and c the method uses, and the initial value of a.

    b and c start at 0.
    """
    return False, False, False, 0.0


# The meaning of the vectors depends on these options, so a run cannot go on if one of them changes.
UNITS = ("lr_in_buffer", "correct_before_max", "eps_after_max")


def keeps(method):
    """Return a key of the meaning of the vectors.

    A run can go on with the vectors of another method of its kind if the keys are equal.
    """
    return (*vectors(method)[:3], *(getattr(method, name, 0) for name in UNITS))


@generic
def step(method, memory, x, g, lr, l2, keep):
    """Make one step from x with the gradient g; x and the memory are overwritten.

    `memory.record[0].t` already includes this step, and lr is its learning rate. Weight decay takes
    one of two forms: l2 x is added to the gradient (`keep` is then 1), or x is multiplied by `keep`
    (l2 is then 0).
    """


def first_order(kind=None, **rules):
    """Register a class as a first-order method; a class decorator.

    It checks the fields when a method is made, provides `Moments` as memory, and registers the
    class under its name in lower case. The check of a field depends on its name, see RULES; `rules`
    overrides these.

    Raises
    ------
    TypeError
        If the class is not made by NamedTuple, or lacks a field or a default.
    ValueError
        If there is no rule for a field, or the name is taken.
    """
    if kind is None:
        return functools.partial(first_order, **rules)
    rules = RULES | rules
    check_declaration(kind, rules)
    protocol.allocate.register(kind)(_allocate)
    protocol.with_bounds.register(kind)(_with_bounds)
    lifecycle.begin.register(kind)(set_treatment)
    lifecycle.resume.register(kind)(resumed)
    lifecycle.shaped.register(kind)(shaped)
    if not note_external(kind):
        FIRST_ORDER.append(kind)
    add(kind, Traits(kind.__name__.lower(), first_order=True))
    make = kind.__new__

    @functools.wraps(make)
    def checked(cls, *args, **keywords):
        for name in keywords:
            if name not in cls._fields:
                raise TypeError(f"{cls.__name__} has no setting {name!r}; its settings are {', '.join(cls._fields)}")
        fields = make(cls, *args, **keywords)._asdict()
        return cls._make(rules[name](name, value) for name, value in fields.items())

    kind.__new__ = checked
    return kind


FIRST_ORDER: list[type] = []  # classes of this package
COMMON = "lr", "weight_decay", "decoupled"  # fields that every first-order method has


def check_declaration(kind, rules):
    """Check the fields of a class that is to become a first-order method; see `first_order`."""
    if not is_named_tuple(kind):
        raise TypeError(f"a first-order method must be a class made by typing.NamedTuple; got {kind!r}")
    missing = [name for name in COMMON if name not in kind._fields]
    if missing:
        raise TypeError(f"{kind.__name__} has no field {', '.join(missing)}; its step needs {', '.join(COMMON)}")
    bare = [name for name in kind._fields if name not in kind._field_defaults]
    if bare:
        raise TypeError(f"every field of {kind.__name__} needs a default; {', '.join(bare)} has none")
    unknown = [name for name in kind._fields if name not in rules]
    if unknown:
        raise ValueError(
            f"no rule checks the field {unknown[0]}: give one, as in first_order({unknown[0]}=rate), or take one of "
            f"the names {', '.join(sorted(rules))}"
        )


def _with_bounds(method, memory, low, high):
    return Moments(memory.a, memory.b, memory.c, memory.mask, low, high, memory.record)


def set_treatment(method, memory, options, bounds, n):
    """Store clipping, the weight-decay mask and bounds in the memory of a first-order method.

    Parameters
    ----------
    method : NamedTuple
    memory : Moments
        Its record is overwritten.
    options : dict
        May hold clip_value, clip_norm, clip_norm_eps and decay_mask.
    bounds : (ndarray, ndarray) or None
    n : int

    Returns
    -------
    Moments

    Raises
    ------
    ValueError, TypeError
        If a value is illegal; the message names it and the legal values.
    """
    for name in ("clip_value", "clip_norm"):
        if options.get(name) is not None:
            memory.record[0][name] = number(name, options[name], 0.0, math.inf, open_high=False)
    if options.get("clip_norm_eps") is not None:
        given = number("clip_norm_eps", options["clip_norm_eps"], 0.0, math.inf, open_low=False)
        memory.record[0]["clip_norm_eps"] = given
    if bounds is not None:
        memory = memory._replace(low=bounds[0].copy(), high=bounds[1].copy())
    if options.get("decay_mask") is None:
        return memory
    mask = np.asarray(options["decay_mask"])
    if mask.shape != (n,) or mask.dtype != np.bool_:
        raise ValueError(f"decay_mask must be boolean, of shape ({n},); got {mask.dtype} of shape {mask.shape}")
    return memory._replace(mask=mask.copy())


def resumed(method, memory, old, n):
    """Return the memory of a fresh run, into which that of an earlier one, `old`, can be copied.

    Raises
    ------
    ValueError
        If the runs differ in their clipping, mask or bounds.
    """
    for name in "clip_value", "clip_norm", "clip_norm_eps":
        run, call = old.record[0][name], memory.record[0][name]
        if run != call:
            raise ValueError(f"the checkpoint is that of a run with {name}={run}; this call says {call}")
    if not np.array_equal(old.mask, memory.mask):
        raise ValueError("the checkpoint is that of a run with another decay_mask")
    if not (np.array_equal(old.low, memory.low) and np.array_equal(old.high, memory.high)):
        raise ValueError("the checkpoint is that of a run with other bounds")
    return memory


def shaped(method, memory, saved, n):
    """Return the memory of a fresh run with the mask and the bounds that a saved run has."""
    present = {}
    for name in "mask", "low", "high":
        if name in saved and saved[name].shape == (n,):
            present[name] = np.empty(n, getattr(memory, name).dtype)
    return memory._replace(**present)


@register_jitable
def _vector(wanted, n, value):
    vector = isolated(n if wanted else 0)
    vector.fill(value)
    return vector


def _allocate(method, n):
    use_a, use_b, use_c, value = vectors(method)
    record = np.zeros(1, STEP)
    record[0]["clip_value"] = record[0]["clip_norm"] = np.inf
    record[0]["power1"] = record[0]["power2"] = record[0]["product"] = 1.0
    a, b, c = _vector(use_a, n, value), _vector(use_b, n, 0.0), _vector(use_c, n, 0.0)
    return Moments(a, b, c, np.empty(0, np.bool_), np.empty(0), np.empty(0), record)


@fragment
def norm(g):
    """Return ‖g‖₂, even if the squares overflow and the norm does not."""
    plain = np.sqrt(dot(g, g))
    if plain < np.inf:
        return plain
    largest, total = norm_inf(g), 0.0
    for i in range(g.size):
        ratio = g[i] / largest
        total += ratio * ratio
    return largest * np.sqrt(total)


@inlined
def advance(method, memory, x, g, lr):
    """Clip the gradient, apply weight decay where the mask allows it, and make the step.

    Parameters
    ----------
    method : NamedTuple
    memory : Moments
        Updated.
    x, g : ndarray, float64, shape (n,)
        Overwritten: x by the next iterate, and g, if it is clipped or the decay is masked, by the
        modified gradient.
    lr : float
        Learning rate of this step.
    """
    s = memory.record[0]
    s.t += 1
    if s.clip_value < np.inf:
        for i in range(g.size):
            g[i] = min(max(g[i], -s.clip_value), s.clip_value)
    if s.clip_norm < np.inf:
        length = norm(g) + s.clip_norm_eps
        if length > s.clip_norm:
            shrink = s.clip_norm / length
            for i in range(g.size):
                g[i] *= shrink
    decay = method.weight_decay
    l2, keep = (0.0, 1.0 - lr * decay) if method.decoupled else (decay, 1.0)
    if memory.mask.size > 0:
        if method.decoupled:
            for i in range(x.size):
                x[i] *= keep if memory.mask[i] else 1.0
        else:
            for i in range(x.size):
                g[i] += l2 * x[i] if memory.mask[i] else 0.0
        l2, keep = 0.0, 1.0
    step(method, memory, x, g, lr, l2, keep)
    if memory.low.size > 0:
        clip(x, memory.low, memory.high)


@fragment
def placed(lr, in_buffer):
    """Return the factors of the gradient on entering a buffer and of the buffer in the step.

    They are (lr, 1) with `in_buffer`, and (1, lr) otherwise.
    """
    return (lr, 1.0) if in_buffer else (1.0, lr)


@fragment
def measure(memory, x, g):
    """Return the norm compared with gtol: ‖g‖_∞, or `projected_norm` under bounds.

    The result is NaN if any entry of g is NaN.
    """
    return projected_norm(x, g, memory.low, memory.high) if memory.low.size > 0 else norm_inf(g)


def rate(name, value):
    """Check and return a number >= 0."""
    return number(name, value, 0.0, np.inf, open_low=False)


def share(name, value):
    """Check and return a number in [0, 1)."""
    return number(name, value, 0.0, 1.0, open_low=False)


def positive_share(name, value):
    """Check and return a number in (0, 1)."""
    return number(name, value, 0.0, 1.0)


def whole_share(name, value):
    """Check and return a number in [0, 1]."""
    return number(name, value, 0.0, 1.0, open_low=False, open_high=False)


def shares(name, values):
    """Check and return a pair of numbers in [0, 1)."""
    try:
        first, second = values
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a pair of numbers in [0, 1), got {values!r}") from None
    return share(f"{name}[0]", first), share(f"{name}[1]", second)


def flag(name, value):
    """Check a truth value and return it as an integer."""
    return int(true_or_false(name, value))


# Fields that select one of two forms of a method.
FLAGS = (
    "amsgrad",
    "bias_correction",
    "centered",
    "constant_momentum",
    "correct_ahead",
    "correct_before_max",
    "dampen_first",
    "decoupled",
    "degenerated_to_sgd",
    "eps_after_max",
    "eps_hat",
    "eps_in_sqrt",
    "lr_in_buffer",
    "nesterov",
)
RULES = {
    "lr": rate,
    "weight_decay": rate,
    "eps": rate,
    "eps_root": rate,
    "lr_decay": rate,
    "initial_accumulator_value": rate,
    "momentum_decay": rate,
    "momentum": share,
    "alpha": share,
    "rho": share,
    "dampening": whole_share,
    "betas": shares,
} | dict.fromkeys(FLAGS, flag)
