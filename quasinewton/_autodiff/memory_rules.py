"""How differentiated code sees the memory of active arrays: as that of arrays of floats.

An active number takes more bytes than a float. So sizes and strides, which are in bytes, are given
as those of the array of floats that the user wrote about, and are converted where a view is made of
them. Other views of the bytes are refused.
"""

import numpy as np
from numba.core import types
from numba.core.typing.npydecl import parse_dtype
from numba.extending import overload

from quasinewton._autodiff.active_types import F64, is_active_array
from quasinewton._autodiff.routing import rule
from quasinewton._numba_ext.generated import define
from quasinewton._numba_ext.user_code import RULE

WORD = 8  # bytes of a float
# Attribute of arrays: its value for an array of active numbers, None if there is none.
AS_FLOATS = {"itemsize": f"{WORD}", "nbytes": f"{WORD} * a.size", "ctypes": None}
ATTRIBUTES = {}  # name of an attribute: the function that replaces it in differentiated code


def scaled_items(name, count, factor):
    """Return the text of a tuple of the items of a tuple, times or over a factor."""
    return "(" + "".join(f"{name}[{k}] {factor}, " for k in range(count)) + ")"


def attribute(name):
    """Register the function that replaces an attribute."""

    def own(a):
        raise NotImplementedError

    own.__name__ = name
    plain = define("plain", f"def plain(a):\n    return a.{name}", {})

    def choose(a):
        if not is_active_array(a):
            return plain
        text = scaled_items("a.strides", a.ndim, f"* {WORD} // a.itemsize") if name == "strides" else AS_FLOATS[name]
        return text and define("of_floats", f"def of_floats(a):\n    return {text}", {})

    overload(own, strict=False, jit_options=RULE)(choose)
    ATTRIBUTES[name] = own


for name in ("strides", *AS_FLOATS):
    attribute(name)


@rule(np.lib.stride_tricks.as_strided)
def as_strided(x, shape=None, strides=None):
    if not isinstance(strides, (types.UniTuple, types.Integer)):
        return None
    steps = f"strides * x.itemsize // {WORD}"
    if isinstance(strides, types.UniTuple):
        steps = scaled_items("strides", len(strides), f"* x.itemsize // {WORD}")
    text = f"def view(x, shape=None, strides=None):\n    return as_strided(x, shape, {steps})"
    return define("view", text, {"as_strided": np.lib.stride_tricks.as_strided})


@rule(method="view")
def view(a, dtype):
    return (lambda a, dtype: a) if parse_dtype(dtype) == F64 else None
