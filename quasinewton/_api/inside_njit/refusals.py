"""Settings given as keywords inside compiled code: what is legal, and how other values are refused.
"""

from enum import IntEnum

from quasinewton._methods.first_order.base import FLAGS
from quasinewton._numba_ext.jit import kernel

# Type of conversion, and condition.
RULES = {
    "memory": ("int", "memory >= 1"),
    "damping": ("int", "True"),
    "single": ("int", "True"),
    "lr": ("float", "0.0 <= lr < inf"),
    "weight_decay": ("float", "0.0 <= weight_decay < inf"),
    "maxls": ("int", "maxls >= 1"),
    "c1": ("float", "0.0 < c1 < HIGHEST"),
    "c2": ("float", "c1 < c2 < 1.0"),
    "eps_root": ("float", "0.0 <= eps_root < inf"),
    "initial_accumulator_value": ("float", "0.0 <= initial_accumulator_value < inf"),
    "threshold": ("float", "4.0 <= threshold < inf"),
} | {name: ("int", f"0 <= {name} <= 1") for name in FLAGS}

WHOLE = "memory", "maxls"  # settings whose range has another message than that they are no integer


class Mistake(IntEnum):
    """What is wrong; `raise_for` has the messages."""

    MEMORY = 0
    LR = 1
    WEIGHT_DECAY = 2
    MAXLS = 3
    C1 = 4
    C2 = 5
    EPS_ROOT = 6
    INITIAL_ACCUMULATOR_VALUE = 7
    THRESHOLD = 8
    AMSGRAD = 9
    BIAS_CORRECTION = 10
    CENTERED = 11
    CONSTANT_MOMENTUM = 12
    CORRECT_AHEAD = 13
    CORRECT_BEFORE_MAX = 14
    DAMPEN_FIRST = 15
    DECOUPLED = 16
    DEGENERATED_TO_SGD = 17
    EPS_AFTER_MAX = 18
    EPS_HAT = 19
    EPS_IN_SQRT = 20
    LR_IN_BUFFER = 21
    NESTEROV = 22
    WHOLE_MEMORY = 23
    WHOLE_MAXLS = 24
    DAMPING = 25
    SINGLE = 26
    DAMPING_WITH_BOUNDS = 27
    SINGLE_WITH_BOUNDS = 28


@kernel
def raise_for(mistake):
    """Raise the ValueError of a mistake.

    Generated code must not raise itself, since Numba runs no ``prange`` loop in parallel that an
    exception leaves. The messages are constants: Numba does not free those made at run time.
    """
    if mistake == Mistake.MEMORY:
        raise ValueError("memory must be at least 1")
    if mistake == Mistake.LR:
        raise ValueError("lr must be in [0, inf)")
    if mistake == Mistake.WEIGHT_DECAY:
        raise ValueError("weight_decay must be in [0, inf)")
    if mistake == Mistake.MAXLS:
        raise ValueError("maxls must be at least 1")
    if mistake == Mistake.C1:
        raise ValueError("c1 must be positive, and less than 0.5, or 1 for Armijo's search")
    if mistake == Mistake.C2:
        raise ValueError("c2 must be in (c1, 1)")
    if mistake == Mistake.EPS_ROOT:
        raise ValueError("eps_root must be in [0, inf)")
    if mistake == Mistake.INITIAL_ACCUMULATOR_VALUE:
        raise ValueError("initial_accumulator_value must be in [0, inf)")
    if mistake == Mistake.THRESHOLD:
        raise ValueError("threshold must be in [4, inf)")
    if mistake == Mistake.AMSGRAD:
        raise ValueError("amsgrad must be True or False")
    if mistake == Mistake.BIAS_CORRECTION:
        raise ValueError("bias_correction must be True or False")
    if mistake == Mistake.CENTERED:
        raise ValueError("centered must be True or False")
    if mistake == Mistake.CONSTANT_MOMENTUM:
        raise ValueError("constant_momentum must be True or False")
    if mistake == Mistake.CORRECT_AHEAD:
        raise ValueError("correct_ahead must be True or False")
    if mistake == Mistake.CORRECT_BEFORE_MAX:
        raise ValueError("correct_before_max must be True or False")
    if mistake == Mistake.DAMPEN_FIRST:
        raise ValueError("dampen_first must be True or False")
    if mistake == Mistake.DECOUPLED:
        raise ValueError("decoupled must be True or False")
    if mistake == Mistake.DEGENERATED_TO_SGD:
        raise ValueError("degenerated_to_sgd must be True or False")
    if mistake == Mistake.EPS_AFTER_MAX:
        raise ValueError("eps_after_max must be True or False")
    if mistake == Mistake.EPS_HAT:
        raise ValueError("eps_hat must be True or False")
    if mistake == Mistake.EPS_IN_SQRT:
        raise ValueError("eps_in_sqrt must be True or False")
    if mistake == Mistake.LR_IN_BUFFER:
        raise ValueError("lr_in_buffer must be True or False")
    if mistake == Mistake.NESTEROV:
        raise ValueError("nesterov must be True or False")
    if mistake == Mistake.WHOLE_MEMORY:
        raise ValueError("memory must be an integer")
    if mistake == Mistake.WHOLE_MAXLS:
        raise ValueError("maxls must be an integer")
    if mistake == Mistake.DAMPING:
        raise ValueError("damping must be an integer, or True or False")
    if mistake == Mistake.SINGLE:
        raise ValueError("single must be an integer, or True or False")
    if mistake == Mistake.DAMPING_WITH_BOUNDS:
        raise ValueError("minimize: damping cannot be had with bounds")
    if mistake == Mistake.SINGLE_WITH_BOUNDS:
        raise ValueError("minimize: single cannot be had with bounds")
