"""Derivatives of compiled objectives, derived and compiled before a run begins, or refused before
it begins.
"""

import warnings

from scipy.optimize import OptimizeWarning

from quasinewton import autodiff
from quasinewton.numba_ext.user_cache import remembered
from quasinewton.objective import from_njit
from quasinewton.objective.derived import derived

TRIED = "_quasinewton_tried"  # where a function keeps what came of it


def derive(fun, kind, jac, n, args_type, packed=True):
    """A derivative of a compiled function, for compiled code; compiled here, so that what cannot be
    is refused here.

    Parameters
    ----------
    fun : numba dispatcher
    kind : {"value_and_grad", "value_and_jacobian", "hvp", "hessian"}
    jac : {"auto", "forward", "reverse"}
    n : int or None
        Number of variables.
    args_type : numba tuple type
    packed : bool
        Whether it is for compiled code alone; see `autodiff.derivative`.

    Returns
    -------
    (Derived or numba dispatcher, str)
        The latter if it is not packed. With the mode that was chosen.

    Raises
    ------
    autodiff.Refused
        Naming in one line what cannot be differentiated.
    TypeError
        If `fun` is not compiled.
    """
    function = derived(fun, kind, jac, n)
    tried = vars(fun).setdefault(TRIED, {})
    key = *function.how, args_type

    def attempt(source):
        from_njit.result_type(source, (from_njit.X, *args_type), "fun")
        try:
            autodiff.attempt(source, kind, jac, n, tuple(args_type))
        except autodiff.Refused as refusal:
            return str(refusal)
        return None

    if key not in tried:
        # A refusal names a line of the source.
        code = fun.py_func.__code__
        place = f"{code.co_filename}:{code.co_firstlineno}"
        words = "derivable", *function.how, str(args_type)
        tried[key] = remembered(fun, words, attempt)
        if tried[key] is not None:
            tried[key] = remembered(fun, (*words, place), attempt)
    if tried[key] is not None:
        raise autodiff.Refused(tried[key])
    return function if packed else autodiff.derivative(fun, kind, jac, n)[0], function.mode


def derive_if_possible(fun, kind, n, args_type, stacklevel, packed=True):
    """The same by the mode that suits; where that is refused (None, None), with a warning that says
    why.

    Warns
    -----
    OptimizeWarning
        At the caller that is `stacklevel` frames above this function.
    """
    try:
        return derive(fun, kind, "auto", n, args_type, packed)
    except autodiff.Refused as refusal:
        reason = str(refusal).partition(";")[0]  # the ways out that it goes on to name are those of a gradient
        message = f"differences take the place of exact derivatives: {reason}"
        warnings.warn(message, OptimizeWarning, stacklevel=stacklevel + 1)
        return None, None
