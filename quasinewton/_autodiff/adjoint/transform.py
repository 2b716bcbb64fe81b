"""The transformation: from the typed code of a function to the code of its value and gradient."""

from quasinewton._autodiff.adjoint.activity import Activity
from quasinewton._autodiff.adjoint.backward import Backward
from quasinewton._autodiff.adjoint.elementwise import Groups
from quasinewton._autodiff.adjoint.emit import Emitter
from quasinewton._autodiff.adjoint.forward import Forward
from quasinewton._autodiff.adjoint.program import Program


def transform(code, typemap, arguments, lanes=1):
    """Transform a function.

    Parameters
    ----------
    code : Numba IR in single-assignment form, without `del`
    typemap : dict
        Types by name.
    arguments : int
        Number of arguments.
    lanes : int
        Number of derivatives that each number will carry, 1 if it carries none.

    Returns
    -------
    dict
        Blocks by label of a function that has one more argument, the address of a stack, and
        returns (value, gradient).

    Raises
    ------
    Refused
        If an operation has no rule; the message names it.
    """
    program = Program(code, typemap)
    activity = Activity(program)
    groups = Groups(program, activity, lanes)
    backward = Backward(program, activity, groups, lambda: Emitter(program.scope, program.last_label))
    Forward(backward, arguments)
    return dict(sorted(backward.emit.blocks.items()))
