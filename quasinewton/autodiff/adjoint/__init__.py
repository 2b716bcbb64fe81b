"""Reverse mode by transformation: from Numba's typed code of a function, the code of its value and
gradient.

`compiled` is the door. The transformation knows a closed world of operations; whatever else meets a
number that depends on x is refused while compiling, and the tape takes its place. The order of
reading: `program` (the code as blocks, edges and single assignments), `activity` (what depends on
x, which arrays share memory), `elementwise` (array statements as loops), `values` (what the
backward sweep computes again, and what it keeps), `forward` and `backward` (the two sweeps),
`array_rules` (the adjoints of functions of whole arrays), `pipeline` (Numba's passes around all
this).
"""

from quasinewton.autodiff.adjoint.pipeline import compiled, why_refused

__all__ = ["compiled", "why_refused"]
