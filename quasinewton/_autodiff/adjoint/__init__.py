"""Reverse mode by code transformation: from a function to the code of its value and gradient.

The input is Numba's typed intermediate code; the entry point is `compiled`. The transformation
covers a closed set of operations. Any other operation on a number that depends on x is refused at
compile time, and the tape is used instead. Order of reading: `program` (the code as blocks, edges
and single assignments), `activity` (what depends on x, which arrays share memory), `elementwise`
(array statements as loops), `values` (which values the backward sweep recomputes and which it
saves), `forward` and `backward` (the two sweeps), `array_rules` (the adjoints of functions of whole
arrays), `pipeline` (Numba's passes around the transformation).

Words used throughout: a statement, number or array is active if it may depend on x; the shadow of
an array is the array of its adjoints; `bar` is the adjoint of an operand, `g` that of a result.
"""

from quasinewton._autodiff.adjoint.pipeline import compiled, why_refused

__all__ = ["compiled", "why_refused"]
