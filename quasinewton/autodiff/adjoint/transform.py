"""The transformation: from the typed code of a function to the code of its value and gradient."""

from quasinewton.autodiff.adjoint.activity import Activity
from quasinewton.autodiff.adjoint.backward import Backward
from quasinewton.autodiff.adjoint.elementwise import Groups
from quasinewton.autodiff.adjoint.emit import Emitter
from quasinewton.autodiff.adjoint.forward import Forward
from quasinewton.autodiff.adjoint.program import Program


def transform(code, typemap, arguments):
    """Transform a function.

    Parameters
    ----------
    code : Numba IR in single-assignment form, without `del`
    typemap : dict
        Types by name.
    arguments : int
        How many it has.

    Returns
    -------
    dict
        Blocks by label, of a function with one argument more, the address of a stack, that returns
        (value, gradient).

    Raises
    ------
    Refused
        Naming what has no rule.
    """
    program = Program(code, typemap)
    activity = Activity(program)
    groups = Groups(program, activity)
    backward = Backward(program, activity, groups, lambda: Emitter(program.scope, program.last_label))
    Forward(backward, arguments)
    return dict(sorted(backward.emit.blocks.items()))
