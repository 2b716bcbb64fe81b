"""Many random programs in one process, against differences that need no compiler.

The interpreter runs the program for the differences, so that only the derivative is compiled. In a
process with ``NUMBA_OPT=0`` that takes two seconds a program.
"""

import contextlib

import numpy as np
from random_programs import interpreted, program
from references import by_tape, differences, refusal

from quasinewton import value_and_grad


def exact(f, args, seed):
    """Return the gradient by forward mode or, first for one of forty seeds, by the tape.

    Return None if both refuse the program.
    """
    ways = [lambda: value_and_grad(f, "forward"), lambda: by_tape(f)]
    for way in ways if seed % 40 else reversed(ways):
        with contextlib.suppress(TypeError):
            return way()(*args)[1]
    return None


def fault(seed):
    """Return what is wrong with the value and gradient of a program, "" if nothing is.

    Return None if the transformation refuses it. The bits of the value, and exact derivatives, are
    compared for one of twenty programs, and for those whose differences disagree.
    """
    f, args = program(seed)
    if refusal(f, args[1:]) is not None:
        return None
    y, g = value_and_grad(f, "reverse")(*args)
    same = interpreted(seed)
    with np.errstate(all="ignore"):
        near = bool(np.isclose(y, same(*args), rtol=1e-10, atol=1e-10))
        near = near and np.allclose(g, differences(same, *args), rtol=1e-6, atol=1e-6)
    if near and seed % 20:
        return ""
    value, expected = f(*args), exact(f, args, seed)
    if y != value:
        return f"value {y!r}, not {value!r}"
    if expected is None:
        return "" if near else f"gradient {g}, and not that of differences"
    return "" if np.allclose(g, expected, rtol=1e-9, atol=1e-11) else f"gradient {g}, not {expected}"


def faults(seeds):
    """Return ({seed: what is wrong with its program}, number of programs that are refused)."""
    found = {seed: fault(seed) for seed in seeds}
    wrong = {seed: words for seed, words in found.items() if words}
    return wrong, sum(words is None for words in found.values())
