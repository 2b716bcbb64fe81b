"""Settings given as keywords inside compiled code: what is legal, and how other values are refused.
"""

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

# Numbers of the messages below.
MISTAKES = {
    "memory": 0,
    "lr": 1,
    "weight_decay": 2,
    "maxls": 3,
    "c1": 4,
    "c2": 5,
    "eps_root": 6,
    "initial_accumulator_value": 7,
    "threshold": 8,
    "amsgrad": 9,
    "bias_correction": 10,
    "centered": 11,
    "constant_momentum": 12,
    "correct_ahead": 13,
    "correct_before_max": 14,
    "dampen_first": 15,
    "decoupled": 16,
    "degenerated_to_sgd": 17,
    "eps_after_max": 18,
    "eps_hat": 19,
    "eps_in_sqrt": 20,
    "lr_in_buffer": 21,
    "nesterov": 22,
    "whole memory": 23,
    "whole maxls": 24,
    "damping": 25,
    "single": 26,
    "damping with bounds": 27,
    "single with bounds": 28,
}


@kernel
def raise_for(mistake):
    """Raise the ValueError of a mistake.

    Generated code must not raise itself, since Numba runs no ``prange`` loop in parallel that an
    exception leaves. The messages are constants: Numba does not free those made at run time.
    """
    if mistake == 0:
        raise ValueError("memory must be at least 1")
    if mistake == 1:
        raise ValueError("lr must be in [0, inf)")
    if mistake == 2:
        raise ValueError("weight_decay must be in [0, inf)")
    if mistake == 3:
        raise ValueError("maxls must be at least 1")
    if mistake == 4:
        raise ValueError("c1 must be positive, and less than 0.5, or 1 for Armijo's search")
    if mistake == 5:
        raise ValueError("c2 must be in (c1, 1)")
    if mistake == 6:
        raise ValueError("eps_root must be in [0, inf)")
    if mistake == 7:
        raise ValueError("initial_accumulator_value must be in [0, inf)")
    if mistake == 8:
        raise ValueError("threshold must be in [4, inf)")
    if mistake == 9:
        raise ValueError("amsgrad must be True or False")
    if mistake == 10:
        raise ValueError("bias_correction must be True or False")
    if mistake == 11:
        raise ValueError("centered must be True or False")
    if mistake == 12:
        raise ValueError("constant_momentum must be True or False")
    if mistake == 13:
        raise ValueError("correct_ahead must be True or False")
    if mistake == 14:
        raise ValueError("correct_before_max must be True or False")
    if mistake == 15:
        raise ValueError("dampen_first must be True or False")
    if mistake == 16:
        raise ValueError("decoupled must be True or False")
    if mistake == 17:
        raise ValueError("degenerated_to_sgd must be True or False")
    if mistake == 18:
        raise ValueError("eps_after_max must be True or False")
    if mistake == 19:
        raise ValueError("eps_hat must be True or False")
    if mistake == 20:
        raise ValueError("eps_in_sqrt must be True or False")
    if mistake == 21:
        raise ValueError("lr_in_buffer must be True or False")
    if mistake == 22:
        raise ValueError("nesterov must be True or False")
    if mistake == 23:
        raise ValueError("memory must be an integer")
    if mistake == 24:
        raise ValueError("maxls must be an integer")
    if mistake == 25:
        raise ValueError("damping must be an integer, or True or False")
    if mistake == 26:
        raise ValueError("single must be an integer, or True or False")
    if mistake == 27:
        raise ValueError("minimize: damping cannot be had with bounds")
    if mistake == 28:
        raise ValueError("minimize: single cannot be had with bounds")
